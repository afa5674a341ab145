import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { crc32Text } from '../kernel/crc32.ts';

/** What an object store tells of an object's content. */
export interface Content {
  size: number;
  /** Without quotes. */
  etag: string;
  /** CRC-32 of the whole in base64, where it is known. */
  crc32?: string | undefined;
}

/** Compares bytes, as they come, with what the store says of them. */
export interface ContentCheck {
  update(bytes: Buffer): void;
  /** `unknown`: as many bytes as there should be, but nothing tells more of an object that came in parts without checksums. */
  verdict(): 'same' | 'different' | 'unknown';
}

const READ_BYTES = 1024 * 1024;

/** Checks by the CRC-32, else by the ETag where that is an MD5. */
export function contentCheck(expected: Content): ContentCheck {
  const plain = /^[0-9a-f]{32}$/.test(expected.etag);
  const md5 = expected.crc32 === undefined && plain ? createHash('md5') : undefined;
  let crc = 0;
  let size = 0;
  return {
    update(bytes) {
      size += bytes.length;
      if (md5) md5.update(bytes);
      else crc = crc32(bytes, crc);
    },
    verdict() {
      if (size !== expected.size) return 'different';
      if (md5) return md5.digest('hex') === expected.etag ? 'same' : 'different';
      if (expected.crc32 === undefined) return 'unknown';
      return crc32Text(crc) === expected.crc32 ? 'same' : 'different';
    },
  };
}

/** Compares a file with an object by content. */
export async function checkFile(path: string, expected: Content): Promise<ReturnType<ContentCheck['verdict']>> {
  const check = contentCheck(expected);
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return check.verdict();
      check.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
