import { atOnce } from '../../../kernel/soon.ts';
import { type ObjectRow, objectOf, segmentsOf } from '../object.store.ts';
import { checkKey, type ObjectInfo, type Segment } from '../object.ts';
import { authenticate, type ResolveKey } from './authenticate.ts';
import { callerOf, type ObsServices } from './call.ts';
import type { Dialect } from './dialect.ts';
import { objectHeaders } from './object.handlers.ts';
import {
  type AnswerHeaders,
  answerHeaders,
  PLAIN_HEADERS,
  type PlainRequest,
  plainAddress,
  type QuickAnswer,
} from './plain-request.ts';

export type QuickRead = (request: PlainRequest) => QuickAnswer | undefined;

const isKnown = (name: string) => PLAIN_HEADERS.has(name) || name === 'cache-control';

/** A row, read once for all who ask for it. */
interface Prepared {
  info: ObjectInfo;
  segments: Segment[];
  headers: Partial<Record<Dialect['name'], AnswerHeaders>>;
}

/**
 * Finds what most reads ask for, small objects as they are, in one go: by the same steps as any other read, but without waiting for anything.
 * Undefined where something has to be waited for, is refused, or is asked for besides: then the long way answers.
 */
export function quickReads(
  services: Pick<ObsServices, 'store' | 'settings' | 'guard' | 'blobs' | 'clock' | 'domain'>,
  resolve: ResolveKey,
): QuickRead {
  const { store, settings, guard, blobs, clock, domain } = services;
  const prepared = new WeakMap<ObjectRow, Prepared>();

  function prepare(bucket: string, row: ObjectRow): Prepared {
    let found = prepared.get(row);
    if (!found) {
      found = { info: objectOf(bucket, row), segments: segmentsOf(row), headers: {} };
      prepared.set(row, found);
    }
    return found;
  }

  /** Whether the bucket asks for nothing at each read: neither a log, nor to tell when the object will expire. */
  function isSilent(bucket: string): boolean {
    return !atOnce(settings.having('logging')).has(bucket) && !atOnce(settings.having('lifecycle')).has(bucket);
  }

  function read(request: PlainRequest): QuickAnswer | undefined {
    const address = plainAddress(request, isKnown, domain);
    if (!address) return undefined;
    checkKey(address.key);
    const auth = atOnce(authenticate({ method: 'GET', headers: request.headers, address }, resolve, clock));
    const bucket = atOnce(store.findBucket(address.bucket));
    const row = bucket && atOnce(store.findObject(bucket.id, address.key));
    if (!row || !isSilent(bucket.name)) return undefined;
    const object = prepare(bucket.name, row);
    const { info, segments } = object;
    if (info.encryption || info.expiresAt !== undefined || info.storageClass === 'COLD') return undefined;
    const caller = callerOf(auth, request, address);
    atOnce(guard.object(caller, 'obs:object:GetObject', address)).check(info);
    const body = info.size > 0 ? blobs.glance(segments) : undefined;
    if (!body) return undefined;
    const { dialect } = auth;
    object.headers[dialect.name] ??= answerHeaders({
      ...objectHeaders(info, dialect),
      'Content-Length': String(info.size),
    });
    return { dialect, headers: object.headers[dialect.name]!, body };
  }

  return request => {
    try {
      return read(request);
    } catch {
      return undefined; // the long way meets it again, and tells
    }
  };
}
