import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Checksums that S3 clients send beside or after a body. */
export const CHECKSUMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;
export type ChecksumName = (typeof CHECKSUMS)[number];

export interface Checksum {
  update(bytes: Buffer): void;
  /** base64, as in `x-amz-checksum-*`. */
  digest(): string;
}

/** A running checksum by its S3 name. */
export function checksum(name: ChecksumName): Checksum {
  if (name === 'sha1' || name === 'sha256') return hashed(createHash(name));
  if (name === 'crc64nvme') return crc64();
  const step = name === 'crc32' ? (bytes: Buffer, value: number) => crc32(bytes, value) : crc32c;
  let value = 0;
  return {
    update(bytes) {
      value = step(bytes, value);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes.toString('base64');
    },
  };
}

function hashed(hash: Hash): Checksum {
  return {
    update(bytes) {
      hash.update(bytes);
    },
    digest: () => hash.digest('base64'),
  };
}

/** Reflected Castagnoli polynomial. */
const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

function crc32c(bytes: Buffer, start: number): number {
  let value = ~start;
  for (let i = 0; i < bytes.length; i++) value = CRC32C_TABLE[(value ^ bytes[i]!) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}

/** Reflected polynomial of CRC-64/NVME, in two halves: JavaScript's bit operations are 32 bits wide. */
const CRC64_HIGH = new Uint32Array(256);
const CRC64_LOW = new Uint32Array(256);
for (let index = 0; index < 256; index++) {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n;
  CRC64_HIGH[index] = Number(value >> 32n);
  CRC64_LOW[index] = Number(value & 0xffffffffn);
}

function crc64(): Checksum {
  let high = 0xffffffff;
  let low = 0xffffffff;
  return {
    update(bytes) {
      for (let i = 0; i < bytes.length; i++) {
        const index = (low ^ bytes[i]!) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ CRC64_LOW[index]!;
        high = (high >>> 8) ^ CRC64_HIGH[index]!;
      }
    },
    digest() {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(~high >>> 0, 0);
      bytes.writeUInt32BE(~low >>> 0, 4);
      return bytes.toString('base64');
    },
  };
}
