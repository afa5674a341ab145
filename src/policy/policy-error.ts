import { Failure } from '../kernel/failure.ts';

/** A policy document that cannot be accepted: where, what is wrong and what is allowed there. */
export class PolicyError extends Failure {
  /** JSON path of the offending element, e.g. `$.Statement[0].Action[2]`. */
  readonly path: string;
  /** What is wrong there. */
  readonly problem: string;
  /** What may stand there instead. */
  readonly allowed: string;

  constructor(path: string, problem: string, allowed: string) {
    super({
      code: 'IAM.0011',
      status: 400,
      message: `The policy is invalid at ${path}: ${problem}. Allowed: ${allowed}.`,
      details: { path, problem, allowed },
    });
    this.name = 'PolicyError';
    this.path = path;
    this.problem = problem;
    this.allowed = allowed;
  }
}
