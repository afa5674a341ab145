import { createHash, createPublicKey, generateKeyPair, type JsonWebKey, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

export type KeyAlgorithm = 'rsa' | 'ed25519';
const RSA_BITS = 3072;
const SMALLEST_RSA_BITS = 2048;
const CURVES: Record<string, { crv: string; bytes: number }> = {
  'ecdsa-sha2-nistp256': { crv: 'P-256', bytes: 32 },
  'ecdsa-sha2-nistp384': { crv: 'P-384', bytes: 48 },
  'ecdsa-sha2-nistp521': { crv: 'P-521', bytes: 66 },
};

/** A public key in the one form that is kept: `type base64`, without options or comment. */
export interface PublicKey {
  text: string;
  /** `ssh-ed25519`, say. */
  type: string;
  /** MD5 of the key, in hexadecimal pairs with colons, as Nova shows it. */
  fingerprint: string;
}

/** A field of the SSH wire format (RFC 4251, 5): its length in four bytes, then its bytes. */
function field(bytes: Buffer | string): Buffer {
  const data = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, data]);
}

/** A positive integer as a field: no leading zeros, but one where the first bit would be taken for a sign. */
function integer(base64url: string): Buffer {
  let bytes = Buffer.from(base64url, 'base64url');
  while (bytes.length > 1 && bytes[0] === 0 && bytes[1]! < 128) bytes = bytes.subarray(1);
  return field(bytes[0]! >= 128 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

function fields(blob: Buffer): Buffer[] | undefined {
  const found: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    found.push(blob.subarray(at + 4, end));
    at = end;
  }
  return found;
}

function shown(type: string, blob: Buffer): PublicKey {
  const hash = createHash('md5').update(blob).digest('hex');
  return { type, text: `${type} ${blob.toString('base64')}`, fingerprint: hash.match(/../g)!.join(':') };
}

/** Makes a pair; the private key in the form that ssh and the editors read (RFC 8017 PEM for RSA, OpenSSH's own for Ed25519). */
export async function generateSshKey(
  algorithm: KeyAlgorithm,
  comment: string,
): Promise<{ publicKey: PublicKey; privateKey: string }> {
  if (algorithm === 'rsa') {
    const pair = await generate('rsa', { modulusLength: RSA_BITS });
    const { n, e } = pair.publicKey.export({ format: 'jwk' });
    const blob = Buffer.concat([field('ssh-rsa'), integer(e!), integer(n!)]);
    const privateKey = pair.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
    return { publicKey: shown('ssh-rsa', blob), privateKey };
  }
  const pair = await generate('ed25519');
  const { x, d } = pair.privateKey.export({ format: 'jwk' }) as JsonWebKey;
  const [publicBytes, seed] = [Buffer.from(x!, 'base64url'), Buffer.from(d!, 'base64url')];
  const blob = Buffer.concat([field('ssh-ed25519'), field(publicBytes)]);
  const check = randomBytes(4);
  const body = Buffer.concat([
    check,
    check,
    field('ssh-ed25519'),
    field(publicBytes),
    field(Buffer.concat([seed, publicBytes])),
    field(comment),
  ]);
  // Padded to the block of 8 of the cipher "none" with 1, 2, 3, … (OpenSSH, PROTOCOL.key).
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(blob),
    field(Buffer.concat([body, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g)!;
  const privateKey = ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
  return { publicKey: shown('ssh-ed25519', blob), privateKey };
}

/**
 * Reads a public key as users paste it: `type base64 comment`. What comes out is written anew from its bytes, so that nothing else of the
 * text can reach a file of authorized keys. Returns the reason where it is no key that may be used.
 */
export function parsePublicKey(text: string): PublicKey | string {
  const [type = '', encoded = ''] = text.trim().split(/\s+/);
  if (text.includes('PRIVATE KEY')) return 'is a private key; give the public one, and keep that one to yourself.';
  if (text.startsWith('-----') || text.startsWith('---- ')) {
    return 'has the form of a PEM or SSH2 file; convert it with: ssh-keygen -i -m PKCS8 -f FILE';
  }
  if (type !== 'ssh-rsa' && type !== 'ssh-ed25519' && !Object.hasOwn(CURVES, type)) {
    return 'must begin with ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256, -384 or -521.';
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return 'holds no key after its type: there must be base64.';
  const blob = Buffer.from(encoded, 'base64');
  const parts = fields(blob);
  if (!parts || parts[0]?.toString() !== type) return 'is damaged: its content is not that of its type.';
  try {
    const jwk = jwkOf(type, parts);
    if (!jwk) return 'is damaged: its content is not that of its type.';
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && (bits < SMALLEST_RSA_BITS || bits > 16_384)) {
      return `has ${bits} bits; an RSA key must have at least ${SMALLEST_RSA_BITS} and at most 16384.`;
    }
  } catch {
    return 'is damaged: its content is no valid key.';
  }
  return shown(type, blob);
}

function jwkOf(type: string, parts: readonly Buffer[]): JsonWebKey | undefined {
  const text = (bytes: Buffer) => bytes.toString('base64url');
  const [, first, second] = parts;
  if (type === 'ssh-ed25519') {
    return first?.length === 32 && parts.length === 2 ? { kty: 'OKP', crv: 'Ed25519', x: text(first) } : undefined;
  }
  if (parts.length !== 3 || !first || !second) return undefined;
  if (type === 'ssh-rsa') return { kty: 'RSA', e: text(first), n: text(second) };
  const { crv, bytes } = CURVES[type]!;
  if (first.toString() !== type.slice('ecdsa-sha2-'.length)) return undefined;
  if (second.length !== 1 + 2 * bytes || second[0] !== 4) return undefined;
  return { kty: 'EC', crv, x: text(second.subarray(1, 1 + bytes)), y: text(second.subarray(1 + bytes)) };
}
