import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hmac, hmacText } from './hmac.ts';

test('the same as the library has for keys and texts of every length', () => {
  for (const algorithm of ['sha1', 'sha256'] as const) {
    for (const length of [0, 1, 20, 63, 64, 65, 200]) {
      const key = randomBytes(length);
      for (const text of ['', 'a', 'ümläut € 😀', 'x'.repeat(10_000)]) {
        const expected = createHmac(algorithm, key).update(text, 'utf8').digest();
        assert.deepEqual(hmac(algorithm, key, text), expected);
        for (const encoding of ['hex', 'base64', 'base64url'] as const) {
          assert.equal(hmacText(algorithm, key, text, encoding), expected.toString(encoding));
        }
      }
    }
    const text = hmacText(algorithm, 'schlüssel', 'text', 'hex');
    assert.equal(text, createHmac(algorithm, 'schlüssel').update('text').digest('hex'));
  }
});
