import type { IncomingHttpHeaders } from 'node:http';
import { Failure } from '../kernel/failure.ts';
import type { Principal } from '../kernel/principal.ts';
import type { ErrorStyle } from '../wire/operation.ts';

/** A request as it came over the wire, which is what signatures cover. */
export interface RawRequest {
  method: string;
  /** Path and query, raw. */
  url: string;
  headers: IncomingHttpHeaders;
  /** The body as received; empty when there is none. */
  body: Buffer;
  remoteAddress: string;
  /** It is looked at once more, long after it came: nobody asked for anything just now. */
  again?: true;
}

/** Finds out who asks. Throws AuthenticationFailure. */
export type Authenticate = (request: RawRequest) => Promise<Principal>;

export type AuthenticationProblem =
  | 'missing'
  | 'expired'
  | 'invalid'
  | 'bad-signature'
  | 'unknown-key'
  | 'skewed'
  | 'disabled';

/** A credential that was not accepted; each wire style has its own code for it. */
export class AuthenticationFailure extends Failure {
  readonly problem: AuthenticationProblem;

  constructor(problem: AuthenticationProblem, message: string, solution?: string) {
    super({ code: 'Atelier.Unauthenticated', status: 401, message, ...(solution ? { solution } : {}) });
    this.problem = problem;
  }
}

const MODELARTS_CODES: Record<AuthenticationProblem, string> = {
  missing: 'ModelArts.0201',
  expired: 'ModelArts.0202',
  invalid: 'ModelArts.0203',
  'bad-signature': 'APIGW.0301',
  'unknown-key': 'APIGW.0301',
  skewed: 'APIGW.0301',
  disabled: 'ModelArts.0203',
};

/** The code of a refused credential in a family's style (behaviour/errors.md 3.1; reference api/README 3.2). */
export function authenticationCode(style: ErrorStyle, problem: AuthenticationProblem): string {
  if (style === 'modelarts') return MODELARTS_CODES[problem];
  if (problem === 'bad-signature' || problem === 'unknown-key' || problem === 'skewed') return 'APIGW.0301';
  return style === 'eps' ? 'EPS.0003' : 'IAM.0001';
}
