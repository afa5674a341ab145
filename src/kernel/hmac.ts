import { hash } from 'node:crypto';

/** Bytes of a block of SHA-1 and SHA-256. */
const BLOCK = 64;

/**
 * HMAC (RFC 2104) of `text` in UTF-8. Made of one-shot digests: an object of `createHmac` costs several times as much, and the garbage collector
 * as well, which counts where every request is signed.
 */
export function hmac(algorithm: 'sha1' | 'sha256', key: string | Buffer, text: string): Buffer {
  return hash(algorithm, outerOf(algorithm, key, text), 'buffer');
}

/** The same in another form. */
export function hmacText(
  algorithm: 'sha1' | 'sha256',
  key: string | Buffer,
  text: string,
  encoding: 'hex' | 'base64' | 'base64url',
): string {
  return hash(algorithm, outerOf(algorithm, key, text), encoding);
}

function outerOf(algorithm: 'sha1' | 'sha256', key: string | Buffer, text: string): Buffer {
  const { inner, outer } = padsOf(algorithm, key);
  const first = Buffer.allocUnsafe(BLOCK + Buffer.byteLength(text));
  first.set(inner);
  first.write(text, BLOCK, 'utf8');
  const digest = hash(algorithm, first, 'buffer');
  const second = Buffer.allocUnsafe(BLOCK + digest.length);
  second.set(outer);
  second.set(digest, BLOCK);
  return second;
}

interface Pads {
  inner: Buffer;
  outer: Buffer;
}

const MOST_KEYS = 1000;
/** Of the keys used lately: callers sign request after request with the same. */
const pads = { sha1: new Map<string, Pads>(), sha256: new Map<string, Pads>() };

function padsOf(algorithm: 'sha1' | 'sha256', key: string | Buffer): Pads {
  const known = typeof key === 'string' ? pads[algorithm].get(key) : undefined;
  if (known) return known;
  let secret = typeof key === 'string' ? Buffer.from(key) : key;
  if (secret.length > BLOCK) secret = hash(algorithm, secret, 'buffer');
  const pad = (byte: number) => Buffer.from(Array.from({ length: BLOCK }, (_, at) => (secret[at] ?? 0) ^ byte));
  const made = { inner: pad(0x36), outer: pad(0x5c) };
  // Not by a buffer: it may be another key tomorrow.
  if (typeof key === 'string') {
    if (pads[algorithm].size >= MOST_KEYS) pads[algorithm].clear();
    pads[algorithm].set(key, made);
  }
  return made;
}
