import { atOnce } from '../../../kernel/soon.ts';
import { INLINE_BYTES } from '../blobs.ts';
import { checkKey } from '../object.ts';
import { authenticate, type ResolveKey } from './authenticate.ts';
import { bytesThere, openBody } from './body.ts';
import { callerOf, KEPT_HEADERS, type ObsServices, requestAttributes } from './call.ts';
import { CHECKSUMS } from './checksums.ts';
import { writtenHeaders } from './object.handlers.ts';
import { answerHeaders, PLAIN_HEADERS, type PlainRequest, plainAddress, type QuickAnswer } from './plain-request.ts';

/** Most bytes of the body of a quick write. */
export const MOST_QUICK_BYTES = INLINE_BYTES;

/**
 * Undefined where the long way has to answer, and rejects where it has to as well: then nothing was written, or what was is to be written again.
 */
export type QuickWrite = (request: PlainRequest, body: Buffer) => Promise<QuickAnswer> | undefined;

const WRITE_HEADERS: ReadonlySet<string> = new Set([
  ...PLAIN_HEADERS,
  'content-length',
  'content-md5',
  ...KEPT_HEADERS,
  'x-amz-sdk-checksum-algorithm',
  ...CHECKSUMS.map(name => `x-amz-checksum-${name}`),
]);
const isKnown = (name: string) => WRITE_HEADERS.has(name) || /^x-(?:obs|amz)-meta-/.test(name);
const NOTHING = Buffer.alloc(0);

/**
 * Writes what most uploads of small objects bring, bytes with the headers that are kept with them and checksums, without taking the request apart as one that
 * could be anything. What is refused or fails is left to the long way, which meets it again and tells.
 */
export function quickWrites(
  services: Pick<ObsServices, 'settings' | 'objects' | 'clock' | 'domain'>,
  resolve: ResolveKey,
): QuickWrite {
  const { settings, objects, clock, domain } = services;

  function write(request: PlainRequest, body: Buffer): Promise<QuickAnswer> | undefined {
    const address = plainAddress(request, isKnown, domain);
    if (!address) return undefined;
    checkKey(address.key);
    const { headers } = request;
    const auth = atOnce(authenticate({ method: 'PUT', headers, address }, resolve, clock));
    if (auth.payloadHash?.startsWith('STREAMING-')) return undefined;
    if (atOnce(settings.having('logging')).has(address.bucket)) return undefined;
    const { source, ...expected } = openBody({ ...request, method: 'PUT' }, bytesThere(body), auth, MOST_QUICK_BYTES);
    const { dialect } = auth;
    const path = { bucket: address.bucket, key: address.key };
    const written = objects.put(callerOf(auth, request, address), path, source, {
      ...requestAttributes({ request, dialect, services }),
      ...expected,
    });
    return written.then(info => ({
      dialect,
      headers: answerHeaders({ ...writtenHeaders(info, dialect), 'Content-Length': '0' }),
      body: NOTHING,
    }));
  }

  return (request, body) => {
    try {
      return write(request, body);
    } catch {
      return undefined;
    }
  };
}
