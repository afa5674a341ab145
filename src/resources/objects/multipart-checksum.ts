import type { Readable } from 'node:stream';
import { obsFailure } from './failures.ts';
import type { PartRow } from './multipart.store.ts';
import { type ChecksumName, checksum } from './protocol/checksums.ts';

/** Of all bytes of an object, or of its parts' checksums (S3 "Checking object integrity"). */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

/** Reflected polynomials of the checksums that can be joined. */
const POLYNOMIALS: Partial<Record<ChecksumName, { width: 32 | 64; polynomial: bigint }>> = {
  crc32: { width: 32, polynomial: 0xedb88320n },
  crc32c: { width: 32, polynomial: 0x82f63b78n },
  crc64nvme: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
};

/**
 * The type of checksum that an upload by parts is to have: as asked, else the algorithm's own. Throws Failure
 * InvalidRequest for one that the algorithm cannot have.
 */
export function checksumType(name: ChecksumName, asked: string | undefined): ChecksumType {
  const type = asked?.toUpperCase() || (name === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE');
  const possible =
    type === 'FULL_OBJECT' ? POLYNOMIALS[name] !== undefined : type === 'COMPOSITE' && name !== 'crc64nvme';
  if (!possible) throw obsFailure('InvalidRequest', `A ${name} checksum cannot be of type "${type.slice(0, 20)}".`);
  return type as ChecksumType;
}

/**
 * The bytes of a part, and after they have passed these checksums of them: S3 takes those that an upload was begun with itself where a
 * part comes without (S3 "UploadPart").
 */
export function summing(
  source: Readable | Buffer | AsyncIterable<Buffer>,
  names: readonly ChecksumName[],
): { source: typeof source; told(): Record<string, string> } {
  if (names.length === 0) return { source, told: () => ({}) };
  const sums = names.map(name => [name, checksum(name)] as const);
  async function* passing(): AsyncGenerator<Buffer> {
    for await (const chunk of Buffer.isBuffer(source) ? [source] : (source as AsyncIterable<Buffer>)) {
      for (const [, sum] of sums) sum.update(chunk);
      yield chunk;
    }
  }
  return { source: passing(), told: () => Object.fromEntries(sums.map(([name, sum]) => [name, sum.digest()])) };
}

/** What a kept checksum is of: composite ones end in the number of parts. */
export function typeOfChecksum(value: string): ChecksumType {
  return /-\d+$/.test(value) ? 'COMPOSITE' : 'FULL_OBJECT';
}

/** The checksum of an object made of parts with these (base64) and so many bytes. */
export function joinChecksums(
  name: ChecksumName,
  type: ChecksumType,
  parts: readonly { value: string; size: number }[],
): string {
  if (type === 'COMPOSITE') {
    const sum = checksum(name);
    for (const part of parts) sum.update(Buffer.from(part.value, 'base64'));
    return `${sum.digest()}-${parts.length}`;
  }
  const { width, polynomial } = POLYNOMIALS[name]!;
  const shifts = new Map<number, bigint>(); // nearly all parts have the same size
  let joined = 0n;
  for (const { value, size } of parts) {
    let shift = shifts.get(size);
    if (shift === undefined) {
      shift = powerOfX(8n * BigInt(size), width, polynomial);
      shifts.set(size, shift);
    }
    joined = multiply(joined, shift, width, polynomial) ^ BigInt(`0x${Buffer.from(value, 'base64').toString('hex')}`);
  }
  return Buffer.from(joined.toString(16).padStart(width / 4, '0'), 'hex').toString('base64');
}

/** The checksum the upload was begun with, or CRC-32, from those of its parts; none where a part has none. */
export function wholeChecksum(types: Record<string, string>, parts: readonly PartRow[]): Record<string, string> {
  const whole: Record<string, string> = {};
  const wanted = Object.keys(types).length > 0 ? types : { crc32: 'FULL_OBJECT' };
  for (const [name, type] of Object.entries(wanted)) {
    const values = parts.map(row => ({
      value: (JSON.parse(row.checksum) as Record<string, string>)[name] ?? '',
      size: row.size,
    }));
    if (values.some(({ value }) => value === '')) continue;
    whole[name] = joinChecksums(name as ChecksumName, type as ChecksumType, values);
  }
  return whole;
}

/** Product modulo the polynomial; bits are reflected, as zlib's crc32_combine has it. */
function multiply(a: bigint, b: bigint, width: number, polynomial: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 1n << BigInt(width - 1); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}

function powerOfX(exponent: bigint, width: number, polynomial: bigint): bigint {
  let power = 1n << BigInt(width - 1);
  let square = 1n << BigInt(width - 2);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) power = multiply(power, square, width, polynomial);
    square = multiply(square, square, width, polynomial);
  }
  return power;
}
