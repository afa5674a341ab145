import { hash as digest } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { hmac, hmacText } from '../../../kernel/hmac.ts';
import { type Address, decode, encodeStrictly } from './address.ts';
import { headerText } from './signature-v2.ts';

/** The part of an AWS v4 signature that its key is made from: `date/region/service`. */
export interface V4Scope {
  date: string;
  region: string;
  service: string;
}

export interface V4Request {
  method: string;
  headers: IncomingHttpHeaders;
  address: Address;
  /** `X-Amz-Date`, basic ISO form. */
  timestamp: string;
  scope: V4Scope;
  signedHeaders: string[];
  payloadHash: string;
}

const EMPTY_SHA256 = digest('sha256', '', 'hex');

export function scopeText(scope: V4Scope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

const MOST_KEYS = 1000;
const LONGEST_NAME = 256;
/** By secret and scope: clients sign all of a day's requests with one. */
const signingKeys = new Map<string, Buffer>();

/** The key that signs everything of one scope. */
export function v4SigningKey(secret: string, scope: V4Scope): Buffer {
  const name = `${secret}\n${scopeText(scope)}`;
  let key = signingKeys.get(name);
  if (!key) {
    const step = (from: string | Buffer, text: string) => hmac('sha256', from, text);
    key = step(step(step(step(`AWS4${secret}`, scope.date), scope.region), scope.service), 'aws4_request');
    if (signingKeys.size >= MOST_KEYS) signingKeys.clear();
    if (name.length <= LONGEST_NAME) signingKeys.set(name, key);
  }
  return key;
}

/** hex(HMAC-SHA256(key, text)). */
export function signV4(key: Buffer, text: string): string {
  return hmacText('sha256', key, text, 'hex');
}

/** The texts that a client may have signed: with the path as sent, and with it decoded and encoded again. */
export function v4StringsToSign(request: V4Request): string[] {
  const { method, headers, address, timestamp, scope, signedHeaders, payloadHash } = request;
  const encodedAgain = address.rawPath
    .split('/')
    .map(segment => encodeStrictly(decode(segment)))
    .join('/');
  const query = address.rawQuery
    .map(([name, value]) => [decode(name), decode((value ?? '').replaceAll('+', '%20'))] as const)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encodeStrictly(name), encodeStrictly(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(pair => pair.join('='))
    .join('&');
  const headerLines = signedHeaders
    .map(name => `${name}:${headerText(headers[name]).trim().replace(/ +/g, ' ')}\n`)
    .join('');
  const rest = `${query}\n${headerLines}\n${signedHeaders.join(';')}\n${payloadHash}`;
  return [...new Set([encodedAgain, address.rawPath])].map(path => {
    const hash = digest('sha256', `${method}\n${path}\n${rest}`, 'hex');
    return `AWS4-HMAC-SHA256\n${timestamp}\n${scopeText(scope)}\n${hash}`;
  });
}

/** Signs one chunk, or the trailer, of a streamed body; each signature covers the one before. */
export interface ChunkSigner {
  chunk(sha256: string): string;
  trailer(sha256: string): string;
}

/** `seed` is the signature of the request itself. */
export function v4ChunkSigner(key: Buffer, timestamp: string, scope: V4Scope, seed: string): ChunkSigner {
  let previous = seed;
  const sign = (algorithm: string, hashes: string): string => {
    previous = signV4(key, `${algorithm}\n${timestamp}\n${scopeText(scope)}\n${previous}\n${hashes}`);
    return previous;
  };
  return {
    chunk: sha256 => sign('AWS4-HMAC-SHA256-PAYLOAD', `${EMPTY_SHA256}\n${sha256}`),
    trailer: sha256 => sign('AWS4-HMAC-SHA256-TRAILER', sha256),
  };
}
