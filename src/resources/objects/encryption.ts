import { createCipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { seal, unsealBytes } from '../../kernel/sealing.ts';
import type { BlobCipher } from './blobs.ts';
import { obsFailure } from './failures.ts';
import type { ObjectEncryption } from './object.ts';
import type { SettingsStore } from './settings.store.ts';

/** What a request asks for: a key of its own (SSE-C), or one of this installation; without id as `AES256` (SSE-OBS). */
export type EncryptionRequest = { mode: 'customer'; key: Buffer } | { mode: 'kms'; keyId?: string };

/** The key of this installation that is meant where a request with `kms` names none. */
export const DEFAULT_KEY_ID = 'obs/default';

/** How one object is encrypted: what is kept of it, and what does it. */
export interface ObjectCipher {
  encryption: ObjectEncryption;
  cipher: BlobCipher;
  /** The ETag for bytes of this MD5 (hex). */
  etag(md5: string): string;
}

/**
 * Keys of encrypted objects (docs/decisions/0012-objects-encryption.md). Every object has a data key; every blob of it
 * is encrypted with a key made from that and the blob's id, so no counter is ever used twice, whatever is written,
 * joined, cut or referred to.
 */
export function objectEncryption(deps: { dataKey: Buffer; settings: Pick<SettingsStore, 'of'> }) {
  const { dataKey, settings } = deps;

  async function effective(
    bucketId: number,
    asked: EncryptionRequest | undefined,
  ): Promise<EncryptionRequest | undefined> {
    if (asked) return asked;
    const set = ((await settings.of(bucketId)) as { encryption?: { algorithm: string; keyId?: string } }).encryption;
    if (!set) return undefined;
    return set.algorithm === 'kms' ? { mode: 'kms', keyId: set.keyId || DEFAULT_KEY_ID } : { mode: 'kms' };
  }

  function cipherOf(encryption: ObjectEncryption, key: Buffer): ObjectCipher {
    // The MD5 of what nobody may read would tell whether a guess at it is right.
    const hidden = encryption.mode === 'customer' || encryption.keyId !== undefined;
    return {
      encryption,
      cipher: blobCipher(key),
      etag: md5 => (hidden ? hmac(key, `etag:${md5}`).toString('hex').slice(0, 32) : md5),
    };
  }

  return {
    /** What encrypts a write; undefined when neither the request nor the bucket's default asks for it. */
    async forWrite(bucketId: number, asked: EncryptionRequest | undefined): Promise<ObjectCipher | undefined> {
      const request = await effective(bucketId, asked);
      if (!request) return undefined;
      const salt = randomBytes(16);
      const nonce = salt.toString('base64');
      if (request.mode === 'customer') {
        const keyCheck = keyCheckOf(request.key, nonce);
        const encryption: ObjectEncryption = { mode: 'customer', algorithm: 'AES256', keyCheck, nonce };
        return cipherOf(encryption, customerDataKey(request.key, nonce));
      }
      const key = randomBytes(32);
      const { keyId } = request;
      const encryption: ObjectEncryption = {
        mode: 'kms',
        algorithm: 'AES256',
        ...(keyId === undefined ? {} : { keyId }),
        sealedKey: seal(masterKey(dataKey, keyId), key, sealContext(nonce)),
        nonce,
      };
      return cipherOf(encryption, key);
    },

    /**
     * What the bytes of an object are read, and further ones written, with; undefined when it is not encrypted. Throws
     * Failure InvalidRequest where a customer's key is missing or given in vain, AccessDenied where it is another one.
     */
    open(encryption: ObjectEncryption | undefined, customerKey: Buffer | undefined): ObjectCipher | undefined {
      if (encryption?.mode !== 'customer') {
        if (customerKey) {
          throw obsFailure('InvalidRequest', 'The object is not encrypted with a key of its customer: send none.');
        }
        if (!encryption) return undefined;
        const key = unsealBytes(
          masterKey(dataKey, encryption.keyId),
          encryption.sealedKey!,
          sealContext(encryption.nonce),
        );
        return cipherOf(encryption, key);
      }
      if (!customerKey) {
        throw obsFailure(
          'InvalidRequest',
          'The object is encrypted with a key of its customer (SSE-C), which this store does not keep: send the key ' +
            'in the server-side-encryption-customer headers. Jobs and other services cannot read such objects.',
        );
      }
      if (!same(keyCheckOf(customerKey, encryption.nonce), encryption.keyCheck ?? '')) {
        throw obsFailure('AccessDenied', 'The customer key is not the one that the object was encrypted with.');
      }
      return cipherOf(encryption, customerDataKey(customerKey, encryption.nonce));
    },

    /** What a write to the bucket is to be encrypted with: as it asks, else by the bucket's default. */
    effective,

    /**
     * Whether a copy may share the bytes of its source: neither is encrypted, or the source is with a key of this
     * installation and neither the request nor the target's default (in `wanted`) asks for another.
     */
    shares(
      source: ObjectEncryption | undefined,
      asked: EncryptionRequest | undefined,
      wanted: EncryptionRequest | undefined,
    ): boolean {
      if (!source) return !wanted;
      if (source.mode === 'customer' || asked) return false;
      return !wanted || (wanted.mode === 'kms' && wanted.keyId === source.keyId);
    },
  };
}

export type Encryption = ReturnType<typeof objectEncryption>;

/** AES-256 in counter mode, the counter being the position within the blob: any range is read by itself. */
function blobCipher(key: Buffer): BlobCipher {
  return (blob, offset) => {
    const counter = Buffer.alloc(16);
    counter.writeBigUInt64BE(BigInt(Math.floor(offset / 16)), 8);
    const cipher = createCipheriv('aes-256-ctr', hmac(key, `blob:${blob}`), counter);
    if (offset % 16 > 0) cipher.update(Buffer.alloc(offset % 16));
    return bytes => cipher.update(bytes);
  };
}

/** Ids name keys that are made from the installation's; there is no other key management. */
function masterKey(dataKey: Buffer, keyId: string | undefined): Buffer {
  return hmac(dataKey, keyId === undefined ? 'objects' : `objects:${keyId}`);
}

function customerDataKey(key: Buffer, nonce: string): Buffer {
  return hmac(key, `data:${nonce}`);
}

/** Tells a customer's key from others and gives nothing of it away: it is salted, and the key has 256 random bits. */
function keyCheckOf(key: Buffer, nonce: string): string {
  return hmac(key, `check:${nonce}`).toString('base64');
}

function sealContext(nonce: string): string {
  return `object-key:${nonce}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function same(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
