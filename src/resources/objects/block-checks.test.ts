import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { BlockChecks, checksOf, isAsWritten } from './block-checks.ts';

const MIB = 1024 * 1024;

test('whatever pieces bytes came in, each MiB is as it was written, and not with a bit changed', () => {
  const bytes = randomBytes(2 * MIB + 777);
  const written = new BlockChecks();
  for (let at = 0; at < bytes.length; ) {
    const most = MIB - (at % MIB);
    const piece = bytes.subarray(at, Math.min(at + most, at + 1 + ((at * 31) % 70_000)));
    written.add(piece);
    at += piece.length;
  }
  const blob = { checks: written.end(), size: bytes.length };
  assert.equal(blob.checks.length, 3 * 8);
  for (let index = 0; index < 3; index++) {
    const block = Buffer.from(bytes.subarray(index * MIB, (index + 1) * MIB));
    assert.ok(isAsWritten(blob, index, block));
    block[block.length >> 1]! ^= 4;
    assert.ok(!isAsWritten(blob, index, block));
  }
  assert.ok(!isAsWritten(blob, 3, Buffer.alloc(0)), 'there are no more');
});

test('XXH64 it is, which other programs know', () => {
  // The hashes of xxHash's specification, with seed 0.
  assert.equal(checksOf(Buffer.from('abc')).readBigUInt64LE(), 0x44bc2cf5ad770999n);
  assert.ok(isAsWritten({ checks: checksOf(Buffer.alloc(0)), size: 0 }, 0, Buffer.alloc(0)));
});

test('blobs of before are compared by their CRC-32', () => {
  const bytes = Buffer.from('written by an earlier version');
  const checks = Buffer.alloc(4);
  checks.writeUInt32LE(crc32(bytes));
  assert.ok(isAsWritten({ checks, size: bytes.length }, 0, bytes));
  assert.ok(!isAsWritten({ checks, size: bytes.length }, 0, Buffer.from('written by an earlier versioN')));
  assert.ok(!isAsWritten({ checks: Buffer.alloc(0), size: bytes.length }, 0, bytes), 'a missing one is a damage');
});
