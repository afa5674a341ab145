import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountedAt } from '../../kernel/mounts.ts';
import { attachScratch, canChown, detachScratch } from './index.ts';

const MB = 1024 ** 2;

test('a scratch directory is full at its size, kept when asked for again, and gone when it is let go of', {
  skip: canChown ? false : 'needs root',
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'atelier-scratch-'));
  const dir = join(root, 'cache');
  chmodSync(root, 0o755);
  try {
    await attachScratch(dir, 300 * MB);
    assert.equal(statSync(dir).uid, 1000);
    const { blocks, bsize } = statfsSync(dir);
    assert.ok(blocks * bsize <= 300 * MB);
    writeFileSync(join(dir, 'small'), 'kept');
    assert.throws(() => writeFileSync(join(dir, 'big'), Buffer.alloc(310 * MB)), /ENOSPC/);
    await attachScratch(dir, 300 * MB);
    assert.equal(statSync(join(dir, 'small')).size, 4);
    await detachScratch(root);
    assert.equal(await mountedAt(dir), undefined);
    assert.throws(() => statSync(join(dir, 'small')), /ENOENT/);
    // However much is asked for, half of what the machine has left is the most.
    const free = statfsSync(root);
    await attachScratch(dir, 2 ** 50);
    const large = statfsSync(dir);
    assert.ok(large.blocks * large.bsize <= (free.bavail * free.bsize) / 2 + 1024 ** 3); // others may give some back meanwhile
    // Ten more leave a thousandth that nobody was promised. What nobody has taken yet is not kept from one that needs little.
    for (let index = 0; index < 10; index++) await attachScratch(join(root, `more-${index}`), 2 ** 50);
    const modest = statfsSync(join(root, 'more-9'));
    assert.ok(modest.blocks * modest.bsize >= Math.min(2 * 1024 ** 3, (free.bavail * free.bsize) / 5) - 1024 ** 3);
  } finally {
    await detachScratch(root);
    rmSync(root, { recursive: true });
  }
});
