import { crc32 } from 'node:zlib';
import xxhash from 'xxhash-wasm';
import { CHUNK } from './blocks.ts';

/** XXH64 of each MiB, little-endian; of blobs of before CRC-32, which takes three times as long to compare. */
const CHECK_BYTES = 8;
const CRC32_BYTES = 4;
const { create64, h64Raw } = await xxhash();

/** The checks of bytes that come in pieces. */
export class BlockChecks {
  readonly #done: bigint[] = [];
  #block = create64();
  #filled = 0;

  /** Takes the next bytes, at most up to the end of the MiB that they lie in. */
  add(bytes: Uint8Array): void {
    this.#block.update(bytes);
    this.#filled += bytes.length;
    if (this.#filled === CHUNK) this.#close();
  }

  #close(): void {
    this.#done.push(this.#block.digest());
    this.#block = create64();
    this.#filled = 0;
  }

  /** Of all of them; nothing may come after. */
  end(): Buffer {
    if (this.#filled > 0) this.#close();
    const checks = Buffer.alloc(this.#done.length * CHECK_BYTES);
    for (const [index, value] of this.#done.entries()) checks.writeBigUInt64LE(value, index * CHECK_BYTES);
    return checks;
  }
}

/** The checks of at most a MiB. */
export function checksOf(bytes: Uint8Array): Buffer {
  const checks = Buffer.alloc(bytes.length === 0 ? 0 : CHECK_BYTES);
  if (bytes.length > 0) checks.writeBigUInt64LE(h64Raw(bytes));
  return checks;
}

/** Whether `bytes`, all of the MiB with this index, are those that were written. */
export function isAsWritten(
  { checks, size }: { checks: Uint8Array; size: number },
  index: number,
  bytes: Buffer,
): boolean {
  const { buffer, byteOffset, byteLength } = checks;
  const stored = Buffer.from(buffer, byteOffset, byteLength);
  const blocks = Math.ceil(size / CHUNK);
  if (index >= blocks) return bytes.length === 0 && blocks === 0;
  if (byteLength === blocks * CHECK_BYTES) return stored.readBigUInt64LE(index * CHECK_BYTES) === h64Raw(bytes);
  return byteLength === blocks * CRC32_BYTES && stored.readUInt32LE(index * CRC32_BYTES) === crc32(bytes);
}
