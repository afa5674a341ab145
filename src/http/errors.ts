import type { ErrorObject, ValidateFunction } from 'ajv';
import { errorText, Failure } from '../kernel/failure.ts';
import { COMMON_CODES } from '../wire/error-body.ts';
import type { ErrorStyle } from '../wire/operation.ts';
import type { AnyOperation } from './api.ts';
import { AuthenticationFailure, authenticationCode } from './authentication.ts';

/** Largest body of an operation that sets no limit of its own, in bytes. */
export const DEFAULT_BODY_LIMIT = 1024 * 1024;

const BODY_TOO_LARGE = 'FST_ERR_CTP_BODY_TOO_LARGE';

/** A body over the limit, as the framework throws it. */
export function bodyTooLarge(): Error {
  return Object.assign(new Error('body too large'), { code: BODY_TOO_LARGE, statusCode: 413 });
}

/** A body that is not JSON. `cause`: the parser's error, of which only the position is told. */
export function badJsonFailure(cause: unknown): Failure {
  const position = /at position \d+(?: \(line \d+ column \d+\))?/.exec(errorText(cause))?.[0];
  return new Failure({
    code: 'Atelier.BadJson',
    status: 400,
    message: `The body is not valid JSON${position ? ` (${position})` : ''}.`,
    cause,
  });
}

/** Checks one part of a request against its schema, filling defaults. Throws Failure naming the field and the rule. */
export function check(
  op: AnyOperation,
  validate: ValidateFunction | undefined,
  value: unknown,
  part: 'query' | 'body',
): void {
  if (!validate || validate(value)) return;
  const error = validate.errors![0]!;
  const others = validate.errors!.filter(other => other.instancePath === error.instancePath);
  const { code, status } = op.invalid ?? { code: COMMON_CODES[op.errors].invalid, status: 400 };
  throw new Failure({ code, status, message: explainInvalid(error, others, part, value) });
}

/** A validator's finding as a sentence that names the field and the rule (behaviour/errors.md 1, rule 4). */
function explainInvalid(
  error: ErrorObject,
  others: readonly ErrorObject[],
  part: 'query' | 'body',
  value: unknown,
): string {
  const at = error.instancePath
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const field = at.reduce(
    (text, step) => (/^\d+$/.test(step) ? `${text}[${step}]` : text ? `${text}.${step}` : step),
    '',
  );
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') {
    const name = [field, params.missingProperty].filter(Boolean).join('.');
    return `Field [${name}] is required in the ${part}.`;
  }
  if (field === '') {
    return value === undefined
      ? `The request needs a JSON ${part}.`
      : `The ${part} ${error.message ?? 'is not valid'}.`;
  }
  if (error.keyword === 'enum') return `Parameter [${field}] should be one of ${JSON.stringify(params.allowedValues)}.`;
  if (others.some(other => other.keyword === 'anyOf')) return `Parameter [${field}] ${alternatives(others)}.`;
  return `Parameter [${field}] ${error.message ?? 'is not valid'}.`;
}

/** What a value with several allowed forms may be. */
function alternatives(errors: readonly ErrorObject[]): string {
  const literals = errors.filter(error => error.keyword === 'const').map(error => error.params.allowedValue as unknown);
  const forms = errors
    .filter(error => error.keyword !== 'const' && error.keyword !== 'anyOf')
    .map(error => error.message ?? 'be valid');
  if (literals.length > 0) forms.push(`should be one of ${JSON.stringify(literals)}`);
  return forms.join(', or ') || 'is not valid';
}

export interface PublicError {
  status: number;
  code: string;
  message: string;
  solution?: string | undefined;
  details?: Record<string, unknown> | undefined;
}

/** What the caller may know of an error. Anything that is not a Failure is a bug or a broken machine: no details leave. */
export function publicError(error: unknown, style: ErrorStyle, op?: AnyOperation): PublicError {
  if (error instanceof AuthenticationFailure) {
    return {
      status: error.status,
      code: authenticationCode(style, error.problem),
      message: `Incorrect IAM authentication information: ${error.message}`,
      solution: error.solution,
    };
  }
  if (error instanceof Failure) {
    const code = error.code === 'Atelier.BadJson' ? badJson(style, op) : error.code;
    return { status: error.status, code, message: error.message, solution: error.solution, details: error.details };
  }
  // Only the framework's own words: an error of a library with a status of its own may carry anything.
  const thrown = error as { code?: unknown; statusCode?: number } | undefined;
  const known = typeof thrown?.code === 'string' && thrown.code.startsWith('FST_') ? thrown : {};
  if (known.code === BODY_TOO_LARGE) {
    return {
      status: 413,
      code: COMMON_CODES[style].tooLarge,
      message: `The body is larger than the limit of ${op?.bodyLimit ?? DEFAULT_BODY_LIMIT} bytes.`,
    };
  }
  if (known.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return {
      status: 415,
      code: badJson(style, op),
      message: 'The header Content-Type is not a media type.',
      solution: 'Send Content-Type: application/json.',
    };
  }
  if (known.statusCode !== undefined && known.statusCode >= 400 && known.statusCode < 500) {
    return { status: known.statusCode, code: badJson(style, op), message: errorText(error) };
  }
  return {
    status: 500,
    code: COMMON_CODES[style].internal,
    message: 'Internal error. Try again; if it stays, give the request id to the operator.',
  };
}

function badJson(style: ErrorStyle, op?: AnyOperation): string {
  return op?.invalid?.code === 'ModelArts.2788' ? 'ModelArts.2787' : COMMON_CODES[style].invalid;
}

/** The style in which an address that no operation claims is answered. */
export function styleOfPath(url: string): ErrorStyle {
  if (/^\/v3\//.test(url)) return 'keystone';
  if (/^\/v1(\.0)?\/enterprise-projects(\/|$|\?)/.test(url)) return 'eps';
  return /^\/v3\.0\//.test(url) ? 'iam' : 'modelarts';
}
