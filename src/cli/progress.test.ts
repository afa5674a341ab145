import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transferNote } from './progress.ts';

const MIB = 1024 * 1024;

test('a transfer tells its rate and the remaining time, without what was there from an earlier run', () => {
  const state = { bytes: 60 * MIB, totalBytes: 100 * MIB, files: 0, totalFiles: 1, keptBytes: 40 * MIB };
  const [fraction, note] = transferNote(state, { at: 0, moved: 0 }, { at: 10_000, moved: 20 * MIB });
  assert.equal(fraction, 0.6);
  assert.equal(note, '60.0 MiB of 100.0 MiB, 2.0 MiB/s, 20.0 s left');
});

test('before anything has moved, no time is promised; many files are counted', () => {
  const state = { bytes: 0, totalBytes: 10, files: 1, totalFiles: 3, keptBytes: 0 };
  const [, note] = transferNote(state, { at: 0, moved: 0 }, { at: 0, moved: 0 });
  assert.equal(note, '1/3 files, 0 B of 10 B, 0 B/s');
});
