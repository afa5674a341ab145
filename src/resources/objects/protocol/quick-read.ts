import { type IncomingHttpHeaders, validateHeaderName, validateHeaderValue } from 'node:http';
import type { Socket } from 'node:net';
import { atOnce } from '../../../kernel/soon.ts';
import { type ObjectRow, objectOf, segmentsOf } from '../object.store.ts';
import { checkKey, type ObjectInfo, type Segment } from '../object.ts';
import { parseAddress } from './address.ts';
import { authenticate, type ResolveKey } from './authenticate.ts';
import { callerOf, type ObsServices } from './call.ts';
import type { Dialect } from './dialect.ts';
import { objectHeaders } from './object.handlers.ts';

/** A GET without a body. */
export interface AskedObject {
  url: string;
  headers: IncomingHttpHeaders;
  socket: Socket;
}

/** A whole small object, with the headers that are the same for every reader of it. */
export interface QuickAnswer {
  dialect: Dialect;
  headers: {
    pairs: [name: string, value: string][];
    /** As they go over the wire. */
    text: string;
  };
  body: Buffer;
}

export type QuickRead = (asked: AskedObject) => QuickAnswer | undefined;

/** What may stand in a request without asking for more than the object as it is. */
const PLAIN_HEADERS = new Set(
  `accept accept-encoding accept-language amz-sdk-invocation-id amz-sdk-request authorization cache-control connection
  content-type date host keep-alive pragma referer user-agent x-amz-content-sha256 x-amz-date x-amz-security-token
  x-amz-user-agent x-obs-date x-obs-security-token`.split(/\s+/),
);
const PLAIN_PARAMETERS = new Set(
  `AccessKeyId AWSAccessKeyId Expires Signature X-Amz-Algorithm X-Amz-Content-Sha256 X-Amz-Credential X-Amz-Date
  X-Amz-Expires X-Amz-Security-Token X-Amz-Signature X-Amz-SignedHeaders x-amz-security-token x-id
  x-obs-security-token`.split(/\s+/),
);

/** A row, read once for all who ask for it. */
interface Prepared {
  info: ObjectInfo;
  segments: Segment[];
  headers: Partial<Record<Dialect['name'], QuickAnswer['headers']>>;
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

  function read({ url, headers, socket }: AskedObject): QuickAnswer | undefined {
    for (const name in headers) if (!PLAIN_HEADERS.has(name)) return undefined;
    const address = parseAddress(url, headers.host, domain);
    if (address.website || address.bucket === '' || address.key === '') return undefined;
    for (const name of address.query.keys()) if (!PLAIN_PARAMETERS.has(name)) return undefined;
    checkKey(address.key);
    const auth = atOnce(authenticate({ method: 'GET', headers, address }, resolve, clock));
    const bucket = atOnce(store.findBucket(address.bucket));
    const row = bucket && atOnce(store.findObject(bucket.id, address.key));
    if (!row || !isSilent(bucket.name)) return undefined;
    const object = prepare(bucket.name, row);
    const { info, segments } = object;
    if (info.encryption || info.expiresAt !== undefined || info.storageClass === 'COLD') return undefined;
    const caller = callerOf(auth, { headers, socket }, address);
    atOnce(guard.object(caller, 'obs:object:GetObject', address)).check(info);
    const body = info.size > 0 ? blobs.glance(segments) : undefined;
    if (!body) return undefined;
    const { dialect } = auth;
    object.headers[dialect.name] ??= headersOf(info, dialect);
    return { dialect, headers: object.headers[dialect.name]!, body };
  }

  return asked => {
    try {
      return read(asked);
    } catch {
      return undefined; // the long way meets it again, and tells
    }
  };
}

/** Throws what Node throws of a header that no answer may have. */
function headersOf(info: ObjectInfo, dialect: Dialect): QuickAnswer['headers'] {
  const pairs = Object.entries({ ...objectHeaders(info, dialect), 'Content-Length': String(info.size) });
  for (const [name, value] of pairs) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  return { pairs, text: pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('') };
}
