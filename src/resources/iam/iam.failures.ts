import { Failure } from '../../kernel/failure.ts';

/** Codes of IAM's answers; where the reference names none, one of the same family is used. */
export function missing(what: string, id: string): Failure {
  return new Failure({ code: 'IAM.0004', status: 404, message: `Could not find ${what}: ${id.slice(0, 64)}.` });
}

export function invalid(message: string): Failure {
  return new Failure({ code: 'IAM.0011', status: 400, message });
}

export function duplicate(what: string, name: string): Failure {
  const article = /^[aeio]/.test(what) ? 'an' : 'a';
  return new Failure({ code: 'IAM.0009', status: 409, message: `There is ${article} ${what} named ${name} already.` });
}

export function overLimit(what: string, limit: number, solution: string): Failure {
  return new Failure({
    code: 'IAM.0012',
    status: 403,
    message: `The limit of ${limit} ${what} is reached.`,
    solution,
  });
}
