import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync, gunzipSync } from 'node:zlib';
import { Failure } from '../../kernel/failure.ts';

/** The four files of MNIST, in the order train images, train labels, test images, test labels. */
export const MNIST_FILES = [
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
] as const;

export interface DigitImage {
  label: number;
  /** 8-bit grey, row by row. */
  pixels: Buffer;
  width: number;
  height: number;
}

/** Reads images and labels in MNIST's IDX format. Throws Failure naming the file when it is not what it should be. */
export function readDigits(dir: string, imagesFile: string, labelsFile: string): DigitImage[] {
  const images = idx(dir, imagesFile, 0x803, 16);
  const labels = idx(dir, labelsFile, 0x801, 8);
  const count = images.readUInt32BE(4);
  const height = images.readUInt32BE(8);
  const width = images.readUInt32BE(12);
  if (labels.readUInt32BE(4) !== count) {
    throw broken(labelsFile, `it has ${labels.readUInt32BE(4)} labels for ${count} images`);
  }
  if (images.length < 16 + count * width * height || labels.length < 8 + count) {
    throw broken(images.length < 16 + count * width * height ? imagesFile : labelsFile, 'it ends too early');
  }
  return Array.from({ length: count }, (_, index) => {
    const start = 16 + index * width * height;
    return { label: labels[8 + index]!, pixels: images.subarray(start, start + width * height), width, height };
  });
}

function idx(dir: string, file: string, magic: number, headerBytes: number): Buffer {
  let content: Buffer;
  try {
    content = gunzipSync(readFileSync(join(dir, file)));
  } catch (cause) {
    throw broken(join(dir, file), (cause as Error).message);
  }
  if (content.length < headerBytes || content.readUInt32BE(0) !== magic)
    throw broken(file, 'it is not in the IDX format');
  return content;
}

function broken(file: string, why: string): Failure {
  return new Failure({
    code: 'Atelier.BadData',
    status: 400,
    message: `${file} cannot be used: ${why}.`,
    solution: `--data needs a directory with ${MNIST_FILES.join(', ')}.`,
  });
}

/**
 * One clear example of each digit: the image nearest to the mean of its kind, so that a right answer tests the platform and
 * not the model's hard cases.
 */
export function typicalDigits(digits: readonly DigitImage[]): DigitImage[] {
  const found: DigitImage[] = [];
  for (let label = 0; label <= 9; label++) {
    const kind = digits.filter(digit => digit.label === label);
    if (kind.length === 0) continue;
    const mean = new Float64Array(kind[0]!.pixels.length);
    for (const digit of kind)
      digit.pixels.forEach((value, at) => {
        mean[at]! += value / kind.length;
      });
    const distance = (digit: DigitImage) => digit.pixels.reduce((sum, value, at) => sum + (value - mean[at]!) ** 2, 0);
    found.push(kind.reduce((best, digit) => (distance(digit) < distance(best) ? digit : best)));
  }
  return found;
}

/** An image as a PNG file. */
export function toPng(image: DigitImage): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(image.width, 0);
  header.writeUInt32BE(image.height, 4);
  header[8] = 8;
  const rows = Buffer.alloc((image.width + 1) * image.height);
  for (let y = 0; y < image.height; y++) {
    image.pixels.copy(rows, y * (image.width + 1) + 1, y * image.width, (y + 1) * image.width);
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'ascii'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** A short name for the content of files: equal content, equal name. */
export function contentName(files: readonly string[], more: string): string {
  const hash = createHash('sha256').update(more);
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 8);
}
