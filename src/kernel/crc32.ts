/** Reflected polynomial of CRC-32 (IEEE 802.3), as zlib has it. */
const POLYNOMIAL = 0xedb88320;
/** x^0 in the reflected notation, where the highest bit is the lowest power. */
const ONE = 0x80000000;

/** Product of two polynomials modulo the CRC's. `a` must not be 0. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let mask = ONE; ; mask >>>= 1) {
    if (a & mask) {
      product ^= b;
      if ((a & (mask - 1)) === 0) return product >>> 0;
    }
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
}

/** x^(2^k) for k from 0 to 31; the powers repeat after that. */
const POWERS: number[] = [ONE >>> 1];
for (let k = 1; k < 32; k++) POWERS.push(multiply(POWERS[k - 1]!, POWERS[k - 1]!));

/** CRC-32 of two texts one after the other, from the CRC-32 of each and the bytes of the second. */
export function joinCrc32(first: number, second: number, secondBytes: number): number {
  let shift = ONE;
  // x^(8 * bytes): the 8 is 2^3, so the powers begin at the third.
  for (let rest = secondBytes, k = 3; rest > 0; rest = Math.floor(rest / 2), k++) {
    if (rest % 2 === 1) shift = multiply(POWERS[k % 32]!, shift);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

/** As `x-amz-checksum-crc32` has it. */
export function crc32Text(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}

/** The opposite of `crc32Text`; undefined when the text is no CRC-32. */
export function parseCrc32(text: string): number | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === 4 ? bytes.readUInt32BE() : undefined;
}
