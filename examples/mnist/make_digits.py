#!/usr/bin/env python3
"""Turns the UCI handwritten digits into a data set of MNIST's format.

    make_digits.py digits.csv.gz OUTDIR

writes OUTDIR/data/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz (28×28, white on black) and OUTDIR/samples/digit-N-INDEX.png,
one of each digit from the test part, which is every fifth digit of the file. Needs Python alone.
"""

import argparse
import csv
import gzip
import math
import os
import struct
import sys
import zlib

SMALL, LARGE, INNER = 8, 28, 20
TEST_EVERY = 5


def read_digits(path):
    """[(64 values of 0 to 16, label)] of scikit-learn's digits.csv.gz."""
    digits = []
    with gzip.open(path, 'rt', newline='') as f:
        for number, row in enumerate(csv.reader(f), 1):
            values = [float(text) for text in row]
            if len(values) != SMALL * SMALL + 1 or not all(0 <= v <= 16 for v in values[:-1]) or values[-1] not in range(10):
                raise ValueError(f'{path} line {number} is not 64 values from 0 to 16 and a digit')
            digits.append((values[:-1], int(values[-1])))
    if len(digits) < 100:
        raise ValueError(f'{path} holds {len(digits)} digits; it should be 1797')
    return digits


def _cubic(x):
    """The Catmull-Rom kernel: smooth strokes, without the blur of a bilinear one."""
    x = abs(x)
    if x < 1:
        return 1.5 * x ** 3 - 2.5 * x ** 2 + 1
    if x < 2:
        return -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2
    return 0.0


def _weights(target):
    """For each of `target` pixels, the (source index, weight) pairs along one axis."""
    rows = []
    for i in range(target):
        centre = (i + 0.5) * SMALL / target - 0.5
        first = math.floor(centre) - 1
        pairs = [(j, _cubic(centre - j)) for j in range(first, first + 4)]
        rows.append([(j, w) for j, w in pairs if 0 <= j < SMALL and w])
    return rows


WEIGHTS = _weights(INNER)


def enlarge(values):
    """784 bytes: the 8×8 digit in a 20×20 box, moved so that its centre of mass is the centre, as MNIST's are."""
    wide = [[sum(values[y * SMALL + x] * w for x, w in pairs) for pairs in WEIGHTS] for y in range(SMALL)]
    box = [[sum(wide[y][x] * w for y, w in pairs) for x in range(INNER)] for pairs in WEIGHTS]
    # A stroke of this set is at full strength at 16; a slight gain makes its edges as steep as MNIST's.
    box = [[min(255, max(0, round((v - 1.5) * 255 / 11.5))) for v in row] for row in box]
    mass = sum(map(sum, box)) or 1
    centre_x = sum(x * v for row in box for x, v in enumerate(row)) / mass
    centre_y = sum(y * v for y, row in enumerate(box) for v in row) / mass
    margin = LARGE - INNER
    left = min(margin, max(0, round((LARGE - 1) / 2 - centre_x)))
    top = min(margin, max(0, round((LARGE - 1) / 2 - centre_y)))
    image = bytearray(LARGE * LARGE)
    for y, row in enumerate(box):
        start = (top + y) * LARGE + left
        image[start:start + INNER] = bytes(row)
    return bytes(image)


def write_gz(path, data):
    with open(path, 'wb') as raw, gzip.GzipFile(filename='', fileobj=raw, mode='wb', mtime=0) as f:
        f.write(data)


def write_part(directory, name, images, labels):
    """The two files of one part in the IDX format."""
    write_gz(os.path.join(directory, f'{name}-images-idx3-ubyte.gz'), struct.pack('>4i', 2051, len(images), LARGE, LARGE) + b''.join(images))
    write_gz(os.path.join(directory, f'{name}-labels-idx1-ubyte.gz'), struct.pack('>2i', 2049, len(labels)) + bytes(labels))


def write_png(path, image):
    """An 8-bit greyscale PNG."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    lines = b''.join(b'\0' + image[y * LARGE:(y + 1) * LARGE] for y in range(LARGE))
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>2I5B', LARGE, LARGE, 8, 0, 0, 0, 0))
                + chunk(b'IDAT', zlib.compress(lines, 9)) + chunk(b'IEND', b''))


def main():
    parser = argparse.ArgumentParser(description='Writes the UCI digits in the format of MNIST.')
    parser.add_argument('digits', help='digits.csv.gz (see fetch-digits.sh)')
    parser.add_argument('out', help='directory to write data/ and samples/ to')
    args = parser.parse_args()
    try:
        digits = read_digits(args.digits)
    except (OSError, ValueError, EOFError) as error:
        sys.exit(f'make_digits.py: {error}')
    images = [enlarge(values) for values, _ in digits]
    labels = [label for _, label in digits]
    test = [i for i in range(len(digits)) if i % TEST_EVERY == TEST_EVERY - 1]
    train = [i for i in range(len(digits)) if i % TEST_EVERY != TEST_EVERY - 1]

    data, samples = os.path.join(args.out, 'data'), os.path.join(args.out, 'samples')
    os.makedirs(data, exist_ok=True)
    os.makedirs(samples, exist_ok=True)
    for name, part in (('train', train), ('t10k', test)):
        write_part(data, name, [images[i] for i in part], [labels[i] for i in part])
    for digit in range(10):
        index = next(i for i in test if labels[i] == digit)
        write_png(os.path.join(samples, f'digit-{digit}-{index}.png'), images[index])
    print(f'{len(train)} digits to train with, {len(test)} to test with, 10 samples, in {args.out}')


if __name__ == '__main__':
    main()
