import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32, gzipSync, inflateSync } from 'node:zlib';
import { Failure } from '../../kernel/failure.ts';
import { contentName, type DigitImage, readDigits, toPng, typicalDigits } from './digits.ts';

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-digits-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes images and labels as MNIST does. */
function writeIdx(dir: string, images: readonly DigitImage[], labels = images.map(image => image.label)): void {
  const head = (magic: number, ...sizes: number[]) => {
    const buffer = Buffer.alloc(4 * (sizes.length + 1));
    for (const [at, value] of [magic, ...sizes].entries()) buffer.writeUInt32BE(value, at * 4);
    return buffer;
  };
  const { width, height } = images[0]!;
  const pixels = images.map(image => image.pixels);
  writeFileSync(
    join(dir, 'images.gz'),
    gzipSync(Buffer.concat([head(0x803, images.length, height, width), ...pixels])),
  );
  writeFileSync(join(dir, 'labels.gz'), gzipSync(Buffer.concat([head(0x801, labels.length), Buffer.from(labels)])));
}

const image = (label: number, pixels: number[], width = 3, height = 2): DigitImage => ({
  label,
  pixels: Buffer.from(pixels),
  width,
  height,
});

/** The parts of a PNG, with their checksums verified. */
function pngParts(png: Buffer): Map<string, Buffer> {
  assert.equal(png.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  const parts = new Map<string, Buffer>();
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    assert.equal(png.readUInt32BE(at + 8 + length), crc32(body));
    parts.set(body.subarray(0, 4).toString('ascii'), body.subarray(4));
    at += 12 + length;
  }
  return parts;
}

test('what is written as MNIST is read as it was', t => {
  const dir = directory(t);
  const images = [image(7, [1, 2, 3, 4, 5, 6]), image(0, [255, 0, 255, 0, 255, 0])];
  writeIdx(dir, images);
  const read = readDigits(dir, 'images.gz', 'labels.gz');
  assert.deepEqual(
    read.map(({ pixels, ...rest }) => ({ ...rest, pixels: [...pixels] })),
    images.map(({ pixels, ...rest }) => ({ ...rest, pixels: [...pixels] })),
  );
});

test('files that are missing, damaged or do not belong together are named, with what --data needs', t => {
  const dir = directory(t);
  const refused = (file: string) => {
    assert.throws(
      () => readDigits(dir, 'images.gz', 'labels.gz'),
      error => error instanceof Failure && error.message.includes(file) && /--data/.test(error.solution ?? ''),
      file,
    );
  };
  refused('images.gz');
  writeIdx(dir, [image(7, [1, 2, 3, 4, 5, 6])], [7, 8]);
  refused('labels.gz');
  for (const content of [
    gzipSync('not IDX at all'),
    gzipSync(''),
    Buffer.from('not gzip'),
    gzipSync(Buffer.from([0, 0, 8, 3])),
  ]) {
    writeIdx(dir, [image(7, [1, 2, 3, 4, 5, 6])]);
    writeFileSync(join(dir, 'images.gz'), content);
    refused('images.gz');
  }
  writeIdx(dir, [image(7, [1, 2, 3])]); // fewer pixels than the header says
  refused('images.gz');
});

test('the clear example of each digit is the one nearest to its mean, in order, and missing digits are skipped', () => {
  const digits = [
    image(3, [0, 0, 0, 0, 0, 0]),
    image(1, [9, 9, 9, 9, 9, 9]),
    image(3, [90, 90, 90, 90, 90, 90]),
    image(3, [40, 40, 40, 40, 40, 40]),
  ];
  const typical = typicalDigits(digits);
  assert.deepEqual(
    typical.map(digit => [digit.label, digit.pixels[0]]),
    [
      [1, 9],
      [3, 40],
    ],
  );
});

test('the PNG is valid, grey, and shows the same pixels', () => {
  const parts = pngParts(toPng(image(5, [1, 2, 3, 250, 128, 0])));
  assert.deepEqual([...parts.keys()], ['IHDR', 'IDAT', 'IEND']);
  const header = parts.get('IHDR')!;
  assert.deepEqual([header.readUInt32BE(0), header.readUInt32BE(4), ...header.subarray(8)], [3, 2, 8, 0, 0, 0, 0]);
  assert.deepEqual([...inflateSync(parts.get('IDAT')!)], [0, 1, 2, 3, 0, 250, 128, 0]);
});

test('equal content has an equal name, and any change another', t => {
  const dir = directory(t);
  const [a, b] = [join(dir, 'a'), join(dir, 'b')];
  writeFileSync(a, 'one');
  writeFileSync(b, 'one');
  assert.equal(contentName([a], 'x'), contentName([b], 'x'));
  assert.notEqual(contentName([a], 'x'), contentName([a], 'y'));
  assert.notEqual(contentName([a], 'x'), contentName([a, b], 'x'));
  writeFileSync(b, 'two');
  assert.notEqual(contentName([a], 'x'), contentName([b], 'x'));
  assert.match(contentName([a], 'x'), /^[0-9a-f]{8}$/);
});
