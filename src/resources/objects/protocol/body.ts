import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Flow } from '../blob-writer.ts';
import { obsFailure } from '../failures.ts';
import type { Authenticated } from './authenticate.ts';
import { decodeAwsChunked } from './aws-chunked.ts';
import { CHECKSUMS, type Checksum, type ChecksumName, checksum } from './checksums.ts';

/** A request's body with everything its headers promise about it. */
export interface Body {
  /** The bytes, freed of any framing. */
  source: AsyncIterable<Buffer> | Flow;
  /** Bytes announced, where they were. */
  size?: number;
  /** Content-MD5 in hex. */
  md5?: string;
  /** Names of the checksums that come with it. */
  checksums: string[];
  /** Call when all is read: throws BadDigest or XAmzContentSHA256Mismatch; returns the checksums that held. */
  verify(): Record<string, string>;
}

type Take = Parameters<Flow['flow']>[0];

const EMPTY: Record<string, string> = {};

/** The bytes of a request, to be had in one way or the other. */
export function bytesOf(request: IncomingMessage): Flow {
  const iterator = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  return Object.assign(iterator, { flow: (take: Take) => flowOf(request, take) });
}

/** Bytes that are all there, as those of a request. */
export function bytesThere(bytes: Buffer): Flow {
  const iterator = (async function* () {
    yield bytes;
  })();
  const flow = async (take: Take) => {
    await take(bytes);
  };
  return Object.assign(iterator, { flow });
}

/**
 * `bytes`: the request's, or the part of them that is meant. `limit`: most bytes accepted; more is Failure EntityTooLarge, before anything is
 * read where it was announced.
 */
export function openBody(
  request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  bytes: AsyncIterable<Buffer> | Flow,
  auth: Authenticated,
  limit: number,
): Body {
  const { headers } = request;
  const streaming = auth.payloadHash?.startsWith('STREAMING-') ?? false;
  const length = streaming ? headers['x-amz-decoded-content-length'] : headers['content-length'];
  if (streaming && length === undefined) {
    throw obsFailure('MissingContentLength', 'x-amz-decoded-content-length is missing.');
  }
  const size = length === undefined ? undefined : /^\d+$/.test(String(length)) ? Number(length) : Number.NaN;
  if (size !== undefined && !Number.isSafeInteger(size)) {
    throw obsFailure('InvalidArgument', `"${String(length).slice(0, 40)}" is no length.`);
  }
  if (size !== undefined && size > limit) throw tooLarge(limit);

  const expected = announced(request);
  const running = new Map<ChecksumName, Checksum>();
  for (const name of expected.keys()) running.set(name, checksum(name));
  const trailers = String(headers['x-amz-trailer'] ?? '')
    .toLowerCase()
    .split(',');
  for (const name of CHECKSUMS) {
    if (trailers.some(trailer => trailer.trim() === `x-amz-checksum-${name}`)) running.set(name, checksum(name));
  }
  const sha256 = /^[0-9a-f]{64}$/i.test(auth.payloadHash ?? '') ? createHash('sha256') : undefined;

  const plain = streaming
    ? decodeAwsChunked(bytes, framing(auth), (name, value) => {
        const match = CHECKSUMS.find(known => name === `x-amz-checksum-${known}`);
        if (match) expected.set(match, value);
      })
    : bytes;

  let received = 0;
  const count = (chunk: Buffer) => {
    received += chunk.length;
    if (received > limit) throw tooLarge(limit);
    sha256?.update(chunk);
    for (const sum of running.values()) sum.update(chunk);
  };
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of plain) {
      count(chunk);
      yield chunk;
    }
  }
  function source(): Body['source'] {
    if (streaming || !('flow' in bytes)) return counted();
    const flow = (take: Take) =>
      bytes.flow(chunk => {
        count(chunk);
        return take(chunk);
      });
    return Object.assign(counted(), { flow });
  }

  const md5 = contentMd5(headers['content-md5'] as string | undefined);
  return {
    source: source(),
    ...(size === undefined ? {} : { size }),
    ...(md5 === undefined ? {} : { md5 }),
    checksums: [...running.keys()],
    verify() {
      if (sha256) {
        const given = Buffer.from(auth.payloadHash!, 'hex');
        if (!timingSafeEqual(sha256.digest(), given)) throw obsFailure('XAmzContentSHA256Mismatch');
      }
      const held: Record<string, string> = {};
      for (const [name, sum] of running) {
        const wanted = expected.get(name);
        if (wanted === undefined) {
          throw obsFailure('InvalidRequest', `x-amz-trailer announces x-amz-checksum-${name}, but it did not come.`);
        }
        const got = sum.digest();
        if (got !== wanted) throw obsFailure('BadDigest', `The ${name} checksum is ${got}, not ${wanted}.`);
        held[name] = got;
      }
      return running.size > 0 ? held : EMPTY;
    },
  };
}

/** The body of `request` as `Flow` has it. After a failure what still comes is dropped; the server bounds how much that may be. */
function flowOf(request: IncomingMessage, take: Take): Promise<void> {
  let working: Promise<void> | undefined;
  return new Promise<void>((resolve, reject) => {
    const stop = (settle: () => void) => {
      for (const [name, listener] of Object.entries(listeners)) request.off(name, listener);
      void Promise.resolve(working)
        .catch(() => {}) // told below, unless something else came first
        .then(settle);
    };
    const fail = (error: unknown) => {
      stop(() => reject(error));
      request.resume();
    };
    const listeners = {
      data(chunk: Buffer) {
        try {
          working = take(chunk);
        } catch (error) {
          fail(error);
          return;
        }
        if (!working) return;
        request.pause();
        working.then(() => request.resume(), fail);
      },
      end: () => stop(resolve),
      error: fail,
      close: () => fail(Object.assign(new Error('the sender went away'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })),
    };
    if (request.destroyed && !request.readableEnded) return listeners.close();
    if (request.readableEnded) return resolve();
    for (const [name, listener] of Object.entries(listeners)) request.on(name, listener);
  });
}

function announced(request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): Map<ChecksumName, string> {
  const expected = new Map<ChecksumName, string>();
  // Completing an upload sends the checksum of the object that comes to be, not of the list of its parts.
  if (request.method === 'POST' && /[?&]uploadId=/.test(request.url ?? '')) return expected;
  for (const name of CHECKSUMS) {
    const value = request.headers[`x-amz-checksum-${name}`];
    if (typeof value === 'string') expected.set(name, value);
  }
  return expected;
}

function framing(auth: Authenticated): Parameters<typeof decodeAwsChunked>[1] {
  switch (auth.payloadHash) {
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { trailer: true };
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      if (!auth.chunkSigner) break;
      return { trailer: auth.payloadHash.endsWith('TRAILER'), signer: auth.chunkSigner };
    default:
  }
  throw obsFailure('NotImplemented', `Payload form ${auth.payloadHash} is not supported.`);
}

function contentMd5(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== 16 || bytes.toString('base64') !== value.trim()) throw obsFailure('InvalidDigest');
  return bytes.toString('hex');
}

function tooLarge(limit: number): Error {
  return obsFailure('EntityTooLarge', `The body exceeds ${limit} bytes, the limit of this operation.`);
}
