import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../kernel/log.ts';
import { canChown } from '../workload-access/index.ts';
import { createVolumes } from './volumes.ts';

const root = { skip: canChown ? false : 'needs root' };

test('what a server left that was killed while it tried the machine is taken away', root, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-volumes-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const work = join(dir, '.try-1', 'work');
  mkdirSync(work, { recursive: true });
  const image = join(dir, '.try-1', 'volume.xfs');
  writeFileSync(image, '');
  truncateSync(image, 300 * 1024 ** 2);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  try {
    execFileSync('mkfs.xfs', ['-q', '-K', image], { env });
    execFileSync('mount', ['-t', 'xfs', '-o', 'loop', image, work], { env });
  } catch {
    t.skip('this machine cannot mount a file');
    return;
  }
  mkdirSync(join(dir, '.try-2'));
  await createVolumes(dir, silentLog()).room(new Map());
  assert.deepEqual(readdirSync(dir), []);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(dir));
});
