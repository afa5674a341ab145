import { createHash } from 'node:crypto';
import { DEFAULT_KEY_ID, type EncryptionRequest } from '../encryption.ts';
import { obsFailure } from '../failures.ts';
import type { ObjectEncryption } from '../object.ts';
import { header, type ObsCall } from './call.ts';
import type { Dialect } from './dialect.ts';

const SSE = 'server-side-encryption';
const CUSTOMER = `${SSE}-customer`;

/**
 * The encryption that the headers of a write ask for: SSE-C, SSE-KMS or SSE-OBS (OBS API "Server-Side Encryption"; S3's
 * headers are the same but for the prefix and `aws:kms`). Throws Failure InvalidEncryptionAlgorithmError, InvalidArgument.
 */
export function encryptionRequest(call: ObsCall): EncryptionRequest | undefined {
  const customer = customerKey(call);
  const asked = header(call, SSE);
  const data = header(call, 'server-side-data-encryption');
  if (data && data.toUpperCase() !== 'AES256') {
    throw obsFailure('InvalidEncryptionAlgorithmError', `Data encryption "${data.slice(0, 40)}" is not supported.`);
  }
  if (header(call, `${SSE}-context`) !== undefined) {
    throw obsFailure('NotImplemented', 'An encryption context is not supported.');
  }
  const keyId = header(call, `${SSE}-kms-key-id`) ?? header(call, `${SSE}-aws-kms-key-id`);
  if (customer) {
    if (asked) throw obsFailure('InvalidArgument', 'Ask for a key of yours or for one of the server, not for both.');
    return { mode: 'customer', key: customer };
  }
  if (asked === undefined || asked === '') {
    if (keyId) throw obsFailure('InvalidArgument', `A key id needs ${call.dialect.prefix}${SSE} with the value kms.`);
    return undefined;
  }
  if (asked.toUpperCase() === 'AES256') {
    if (keyId) throw obsFailure('InvalidArgument', 'A key id does not go with AES256: ask for kms.');
    return { mode: 'kms' };
  }
  if (asked !== 'kms' && asked !== 'aws:kms') {
    throw obsFailure(
      'InvalidEncryptionAlgorithmError',
      `Encryption "${asked.slice(0, 40)}" is none of AES256 and kms.`,
    );
  }
  if (keyId && !/^[\w.:/@+-]{1,256}$/.test(keyId)) {
    throw obsFailure('InvalidArgument', 'A key id has up to 256 letters, digits and . : / @ + - _');
  }
  return { mode: 'kms', keyId: keyId || DEFAULT_KEY_ID };
}

/**
 * The customer's key that came with a request; `of`: for what it writes or reads, or for the source of its copy. Throws
 * Failure InvalidArgument or InvalidEncryptionAlgorithmError. The key is never part of a message.
 */
export function customerKey(call: ObsCall, of: '' | 'copy-source-' = ''): Buffer | undefined {
  const name = `${call.dialect.prefix}${of}${CUSTOMER}`;
  const algorithm = header(call, `${of}${CUSTOMER}-algorithm`);
  const text = header(call, `${of}${CUSTOMER}-key`);
  const md5 = header(call, `${of}${CUSTOMER}-key-md5`);
  if (algorithm === undefined && text === undefined && md5 === undefined) return undefined;
  if (!algorithm || !text || !md5) {
    throw obsFailure('InvalidArgument', `${name}-algorithm, ${name}-key and ${name}-key-MD5 go together.`);
  }
  if (algorithm !== 'AES256') throw obsFailure('InvalidEncryptionAlgorithmError');
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32 || key.toString('base64') !== text.trim()) {
    throw obsFailure('InvalidArgument', `${name}-key must be the base64 form of 32 bytes.`);
  }
  if (createHash('md5').update(key).digest('base64') !== md5.trim()) {
    throw obsFailure('InvalidArgument', `${name}-key-MD5 is not the MD5 of the key.`);
  }
  return key;
}

/** The customer's key of a read, in the form the services take. */
export function readOptions(call: ObsCall): { customerKey?: Buffer } {
  const key = customerKey(call);
  return key ? { customerKey: key } : {};
}

/** Headers that tell how an object is encrypted. */
export function tellEncryption(call: ObsCall, encryption: ObjectEncryption | undefined): void {
  const { response, dialect } = call;
  const headers = encryptionHeaders(encryption, dialect, header(call, `${CUSTOMER}-key-md5`));
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

/** The same; `keyMd5`: of the customer's key, as the request has it. */
export function encryptionHeaders(
  encryption: ObjectEncryption | undefined,
  { name, prefix }: Dialect,
  keyMd5?: string,
): Record<string, string> {
  if (!encryption) return {};
  if (encryption.mode === 'customer') {
    return {
      [`${prefix}${CUSTOMER}-algorithm`]: encryption.algorithm,
      ...(keyMd5 ? { [`${prefix}${CUSTOMER}-key-MD5`]: keyMd5 } : {}),
    };
  }
  if (encryption.keyId === undefined) return { [`${prefix}${SSE}`]: encryption.algorithm };
  const aws = name === 'aws';
  return {
    [`${prefix}${SSE}`]: aws ? 'aws:kms' : 'kms',
    [`${prefix}${SSE}-${aws ? 'aws-kms-key-id' : 'kms-key-id'}`]: encryption.keyId,
  };
}
