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
  let secret = typeof key === 'string' ? Buffer.from(key) : key;
  if (secret.length > BLOCK) secret = hash(algorithm, secret, 'buffer');
  const inner = Buffer.allocUnsafe(BLOCK + Buffer.byteLength(text));
  for (let at = 0; at < BLOCK; at++) inner[at] = (secret[at] ?? 0) ^ 0x36;
  inner.write(text, BLOCK, 'utf8');
  const digest = hash(algorithm, inner, 'buffer');
  const outer = Buffer.allocUnsafe(BLOCK + digest.length);
  for (let at = 0; at < BLOCK; at++) outer[at] = (secret[at] ?? 0) ^ 0x5c;
  digest.copy(outer, BLOCK);
  return outer;
}
