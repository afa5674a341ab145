import { type QueryKey, queryOptions, useQuery } from '@tanstack/react-query';
import { failureOf } from '../../client/call.ts';
import { Failure } from '../../kernel/failure.ts';
import { activity } from '../activity.ts';
import { currentProject, sessionEnded } from '../session.ts';
import { parseXml, textAt } from './xml.ts';

/** The store, a bucket, or an object of it. */
export interface Place {
  bucket?: string;
  key?: string;
}

export interface ObsInput {
  /** A sub-resource has the value ''. */
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
  body?: string | Blob;
  signal?: AbortSignal;
}

/** What of the console is asked for again when one of these changes. */
export const LIVE_BUCKETS = ['obs-buckets', 'obs-bucket-settings'];
/** Of objects the server tells nothing, as they change all the time; what is done here is told by `changed(OBJECTS)`. */
export const OBJECTS = 'objects';

/** Where the console's scripts reach a place. */
export function addressOf({ bucket, key }: Place, query: ObsInput['query'] = {}): string {
  const path = [
    '/console/obs',
    ...(bucket === undefined ? [] : [encodeURIComponent(bucket)]),
    ...(key === undefined ? [] : [`=${encodeURIComponent(key)}`]),
  ].join('/');
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === '' ? name : `${name}=${encodeURIComponent(value!)}`));
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

/** A request to the object store in the name of the session's user. Throws Failure with the store's code and text. */
export async function obs(method: string, place: Place, input: ObsInput = {}): Promise<Response> {
  const address = addressOf(place, input.query);
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: { 'x-atelier-console': activity(), ...input.headers },
      body: input.body ?? null,
      signal: input.signal ?? null,
    });
  } catch (cause) {
    if (input.signal?.aborted) throw cause;
    throw unreachable(cause);
  }
  if (response.ok) return response;
  throw obsFailureOf(response.status, await response.text(), name => response.headers.get(name));
}

/** The document that a request answers. */
export async function obsXml(method: string, place: Place, input: ObsInput = {}): Promise<Element> {
  return parseXml(await (await obs(method, place, input)).text());
}

/** What an answer that is no success tells: the store speaks XML, or in headers where there is no body. */
export function obsFailureOf(status: number, body: string, header: (name: string) => string | null): Failure {
  if (body.startsWith('{')) {
    if (status === 401) sessionEnded();
    return failureOf(status, body, '/console/obs');
  }
  const document = body === '' ? undefined : parseXml(body);
  const code = textAt(document, 'Code') || header('x-obs-error-code') || `HTTP.${status}`;
  const message =
    textAt(document, 'Message') || header('x-obs-error-message') || `The object store answered ${status}.`;
  const requestId = textAt(document, 'RequestId') || header('x-obs-request-id');
  return new Failure({ code, status, message, ...(requestId ? { details: { request_id: requestId } } : {}) });
}

export function unreachable(cause: unknown): Failure {
  return new Failure({ code: 'Console.Unreachable', status: 503, message: 'The server does not answer.', cause });
}

/** The query of what `read` gives, asked again when something of the kinds in `live` changes; `key` tells it from others. */
export function obsQuery<A>(
  key: readonly unknown[],
  read: (signal: AbortSignal) => Promise<A>,
  live: readonly string[] = LIVE_BUCKETS,
) {
  const queryKey: QueryKey = ['obs', currentProject(), ...key];
  return queryOptions({ queryKey, queryFn: ({ signal }) => read(signal), meta: { live } });
}

/** Reads, and stays up to date; see `obsQuery`. */
export function useObs<A>(...given: Parameters<typeof obsQuery<A>>) {
  return useQuery(obsQuery(...given));
}
