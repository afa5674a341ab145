import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { mountsBelow, systemProgram } from '../../kernel/mounts.ts';
import { dropLayer, limitLayer } from './layer.ts';

const MB = 1024 ** 2;
const asRoot = { skip: process.getuid?.() === 0 ? false : 'needs root' };

let storage: string;
beforeEach(() => {
  storage = mkdtempSync(join(tmpdir(), 'atelier-layers-'));
});
afterEach(async () => {
  for (const { at } of (await mountsBelow(storage)).reverse()) await systemProgram('umount', [at]);
  rmSync(storage, { recursive: true });
});

function layer(name: string): string {
  const dir = join(storage, 'overlay', name);
  mkdirSync(join(dir, 'diff'), { recursive: true, mode: 0o555 });
  writeFileSync(join(dir, 'link'), 'SHORT');
  return dir;
}

test(
  'a layer has its size and what the engine had put there; on the way nothing is mounted that a kill could leave behind',
  asRoot,
  async () => {
    const dir = layer('one');
    let done = false;
    const limited = limitLayer(dir, 400 * MB).then(() => {
      done = true;
    });
    const elsewhere = new Set<string>();
    while (!done) {
      for (const [path] of readFileSync('/proc/self/mountinfo', 'utf8').matchAll(/\S*atelier-layers-\S+/g))
        elsewhere.add(path);
      await new Promise(resolve => setImmediate(resolve));
    }
    await limited;
    elsewhere.delete(dir);
    assert.deepEqual(
      [...elsewhere].filter(path => !path.endsWith('.xfs')),
      [],
    );
    assert.equal(readFileSync(join(dir, 'link'), 'utf8'), 'SHORT');
    assert.equal(statSync(join(dir, 'diff')).mode & 0o777, 0o555);
    const { blocks, bsize } = statfsSync(dir);
    assert.ok(blocks * bsize <= 400 * MB);
    assert.deepEqual(readdirSync(storage), ['overlay']);
    await dropLayer(dir);
    assert.deepEqual(await mountsBelow(storage), []);
  },
);

test(
  'what was left by a killed process of a layer that is gone is put away; what is in the making is not',
  asRoot,
  async () => {
    mkdirSync(join(storage, 'overlay'));
    const left = join(storage, 'layer-gone');
    mkdirSync(left);
    writeFileSync(`${left}.xfs`, '');
    truncateSync(`${left}.xfs`, 300 * MB);
    execFileSync('mkfs.xfs', ['-q', '-K', `${left}.xfs`], { env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
    execFileSync('mount', ['-o', 'loop', `${left}.xfs`, left]);
    layer('other');
    writeFileSync(join(storage, 'layer-other.xfs'), '');
    const dir = layer('mine');
    await limitLayer(dir, 300 * MB);
    assert.deepEqual(readdirSync(storage), ['layer-other.xfs', 'overlay']);
    assert.deepEqual(
      (await mountsBelow(storage)).map(({ at }) => at),
      [dir],
    );
  },
);
