import { type QueryKey, queryOptions, useQuery } from '@tanstack/react-query';
import type { TSchema } from 'typebox';
import { type CallInput, failureOf, pathOf } from '../client/call.ts';
import { Failure } from '../kernel/failure.ts';
import type { Operation, ResponseOf } from '../wire/operation.ts';
import { activity } from './activity.ts';
import { queries } from './queries.ts';
import { currentProject, sessionEnded } from './session.ts';

const UNREACHABLE = 'Console.Unreachable';
/** Whether something failed because the server did not answer at all. */
export const isUnreachable = (error: unknown) => error instanceof Failure && error.code === UNREACHABLE;

/** Sends a request of the console. Throws Failure with the platform's code, text and way out. */
export async function send(
  method: string,
  path: string,
  input: {
    query?: object | undefined;
    body?: unknown;
    signal?: AbortSignal | undefined;
    headers?: Record<string, string>;
  } = {},
): Promise<Response> {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        'x-atelier-console': activity(),
        ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...input.headers,
      },
      body: input.body === undefined ? null : JSON.stringify(input.body),
      signal: input.signal ?? null,
    });
  } catch (cause) {
    if (input.signal?.aborted) throw cause;
    throw new Failure({ code: UNREACHABLE, status: 503, message: 'The server does not answer.', cause });
  }
  if (response.ok) return response;
  const failure = failureOf(response.status, await response.text(), url.pathname);
  if (response.status === 401 && !url.pathname.startsWith('/console/session')) sessionEnded();
  throw failure;
}

/** Calls a declared operation in the session's project. Throws Failure. */
export async function call<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
  op: Operation<Q, B, R, P>,
  input: CallInput<Operation<Q, B, R, P>> = {},
): Promise<ResponseOf<Operation<Q, B, R, P>>> {
  const response = await send(op.method, pathOf(op, input, currentProject()), input);
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as ResponseOf<Operation<Q, B, R, P>>;
}

/**
 * The query of an operation that reads. It is asked again when something of its family changes, and of the kinds in `live` besides (names of
 * tables with hyphens: `training-jobs`, `workloads`).
 */
export function queryOf<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
  op: Operation<Q, B, R, P>,
  input: CallInput<Operation<Q, B, R, P>> = {},
  live: readonly string[] = [],
) {
  const queryKey: QueryKey = [op.family, op.id, currentProject(), input];
  return queryOptions({
    queryKey,
    queryFn: ({ signal }) => call(op, { ...input, signal }),
    meta: { live: [op.family, ...live] },
  });
}

/** Reads by an operation and stays up to date; see `queryOf`. */
export function useCall<Q extends TSchema, B extends TSchema, R extends TSchema, P extends string>(
  op: Operation<Q, B, R, P>,
  input: CallInput<Operation<Q, B, R, P>> = {},
  options: { live?: readonly string[]; enabled?: boolean } = {},
) {
  return useQuery({ ...queryOf(op, input, options.live), enabled: options.enabled ?? true });
}

/** Asks again for all that shows things of these kinds; for what was done here and need not wait for the hint. */
export function changed(...kinds: readonly string[]): Promise<void> {
  return queries.invalidateQueries({
    predicate: ({ meta }) => kinds.some(kind => (meta?.live as readonly string[] | undefined)?.includes(kind)),
  });
}
