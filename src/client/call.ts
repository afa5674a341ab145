import type { TSchema } from 'typebox';
import { Failure } from '../kernel/failure.ts';
import type { BodyOf, Operation, ParamsOf, QueryOf } from '../wire/operation.ts';

/** What a call needs besides the operation. Works in browsers too. */
export interface CallInput<O> {
  params?: Omit<ParamsOf<O>, 'project_id'>;
  query?: Partial<QueryOf<O>>;
  body?: BodyOf<O>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The path of an operation with its parameters filled in; the project is that of the session where none is given. */
export function pathOf<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
  op: Operation<Q, B, R, P>,
  input: Pick<CallInput<Operation<Q, B, R, P>>, 'params'>,
  projectId: string,
): string {
  const params: Record<string, string> = { project_id: projectId, ...(input.params ?? {}) };
  return op.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

/** An error answer as the Failure that it tells of; a body that is not ours is the message itself. */
export function failureOf(status: number, body: string, path: string): Failure {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Not JSON: the text itself is the message.
  }
  // A body such as `null` or a list is JSON, but says nothing.
  const { error_msg, error_code, error_solution, request_id } = (
    typeof parsed === 'object' && parsed !== null ? parsed : {}
  ) as Record<string, unknown>;
  const text = typeof error_msg === 'string' ? error_msg : body.slice(0, 500).trim();
  return new Failure({
    code: typeof error_code === 'string' ? error_code : `HTTP.${status}`,
    status,
    message: text || `${path} answered ${status}.`,
    ...(typeof error_solution === 'string' ? { solution: error_solution } : {}),
    ...(typeof request_id === 'string' ? { details: { request_id } } : {}),
  });
}
