import assert from 'node:assert/strict';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { canChown } from '../workload-access/index.ts';
import { createWorld, type World } from './test-world.ts';

describe('shared directories in training jobs', { skip: canChown ? false : 'needs root' }, () => {
  const base = mkdtempSync(join(tmpdir(), 'atelier-job-shared-'));
  let world: World;

  before(async () => {
    for (const dir of ['team', 'team/data', 'read', 'other']) mkdirSync(join(base, dir));
    symlinkSync('/etc', join(base, 'team', 'out'));
    for (const dir of ['team', 'team/data']) chownSync(join(base, dir), 1000, 100);
    const dir = (name: string, account: string, readOnly = false) => ({
      name,
      path: join(base, name),
      accounts: [account],
      readOnly,
    });
    world = await createWorld({
      program: () => ({}),
      sharedDirectories: [dir('team', 'acc'), dir('read', 'acc', true), dir('other', 'rival')],
    });
  });
  after(async () => {
    await world?.close();
    rmSync(base, { recursive: true, force: true });
  });

  const nfs = (nfs_server_path: string, local_path: string, more: object = {}) => ({
    nfs: { nfs_server_path, local_path, ...more },
  });
  const withVolumes = (name: string, volumes: object[]) => {
    const body = world.job(name);
    body.spec.volumes = volumes;
    return body;
  };

  it('are there while it runs, shown as they were asked for, and outlive it', async () => {
    const id = await world.submit(withVolumes('shares', [nfs('team:/data', '/mnt/data/'), nfs('read', '/mnt/read')]));
    const job = await world.until(id, 'Running');
    assert.deepEqual(job.spec.volumes, [
      { nfs: { nfs_server_path: 'team:/data', local_path: '/mnt/data', read_only: false } },
      { nfs: { nfs_server_path: 'read:/', local_path: '/mnt/read', read_only: true } },
    ]);
    const { mounts, limits } = world.container(id)!.spec;
    assert.ok(limits.layerBytes);
    const [data, read] = mounts.filter(({ target }) => target.startsWith('/mnt/'));
    assert.deepEqual([data!.readOnly, read!.readOnly], [false, true]);
    writeFileSync(join(data!.source, 'from-job.txt'), 'kept');
    await world.restart();
    assert.equal(readFileSync(join(data!.source, 'from-job.txt'), 'utf8'), 'kept');
    world.engine.end(world.container(id)!, 0);
    await world.until(id, 'Completed');
    await world.eventually(() => !existsSync(data!.source), 'it is let go of');
    assert.equal(readFileSync(join(base, 'team', 'data', 'from-job.txt'), 'utf8'), 'kept');
  });

  for (const [what, volumes, pattern] of [
    ['nothing', [nfs('', '/mnt/x')], /volumes\[0\]\.nfs\.nfs_server_path/],
    [
      'one that is not there',
      [nfs('none', '/mnt/x')],
      /names the shared directory none.*Shared directories of your|none/,
    ],
    [
      'one of another account',
      [nfs('other', '/mnt/x')],
      /other, which there is not, or which your account may not use/,
    ],
    ['a link out of it', [nfs('team:/out', '/mnt/x')], /team:\/out is no directory/],
    ['a path upwards', [nfs('team:/../other', '/mnt/x')], /"\.\."/],
    ['one twice', [nfs('team', '/mnt/x'), nfs('team:/data', '/mnt/y')], /twice/],
    ['places in each other', [nfs('team', '/mnt/x'), nfs('read', '/mnt/x/y')], /lie in each other/],
    ['the root', [nfs('team', '/')], /local_path/],
    ['/cache', [nfs('team', '/cache/x')], /local_path/],
    ['the directory of the platform', [nfs('team', '/home/ma-user/modelarts/inputs')], /local_path/],
    ['a system directory', [nfs('team', '/etc')], /local_path/],
    ['a way upwards inside', [nfs('team', '/mnt/../etc')], /local_path/],
    ['nine', Array.from({ length: 9 }, (_, n) => nfs('team', `/mnt/${n}`)), /at most 8/],
    ['object storage', [{ pfs: { pfs_path: 'obs://b/c', local_path: '/mnt/x' } }], /as copies/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { status, body } = await world.call('POST', '/training-jobs', withVolumes('refused', [...volumes]));
      assert.deepEqual([status, body.error_code], [400, 'ModelArts.2788'], JSON.stringify(body));
      assert.match(body.error_msg, pattern);
    });
  }
});
