import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { crc32Text, joinCrc32, parseCrc32 } from './crc32.ts';

test('the CRC-32 of a whole comes from those of its pieces', () => {
  const whole = randomBytes(3_000_001);
  for (const at of [0, 1, 255, 65_536, 1_048_576, 3_000_001]) {
    const [first, second] = [whole.subarray(0, at), whole.subarray(at)];
    assert.equal(joinCrc32(crc32(first), crc32(second), second.length), crc32(whole), String(at));
  }
  const zeros = Buffer.alloc(1024 ** 2);
  let joined = crc32(whole);
  let plain = crc32(whole);
  for (let i = 0; i < 8; i++) {
    joined = joinCrc32(joined, crc32(zeros), zeros.length);
    plain = crc32(zeros, plain);
  }
  assert.equal(joined, plain);
});

test('a CRC-32 as text is what S3 clients send', () => {
  assert.equal(crc32Text(crc32('hello')), 'NhCmhg==');
  assert.equal(parseCrc32('NhCmhg=='), crc32('hello'));
  assert.equal(parseCrc32('AAAA'), undefined);
});
