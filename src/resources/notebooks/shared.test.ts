import assert from 'node:assert/strict';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createWorld, type World } from '../../../test/world.ts';
import type { Program } from '../../runtime/fake/index.ts';
import { NOTEBOOK_IMAGE_ID } from '../images/image.api.ts';
import { canChown } from '../workload-access/index.ts';

/** Shared directories in notebook instances, and what an instance writes outside of its storage. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const GIB = 1024 ** 3;
const base = mkdtempSync(join(tmpdir(), 'atelier-shared-'));
const at = (...names: string[]) => join(base, ...names);
/** What the next containers do. */
let program: Program = {};
let world: World;
let token: string;
let rivalToken: string;
let paths: { acme: string; rival: string };

before(async () => {
  for (const dir of ['team', 'team/data', 'fresh', 'read', 'rival', 'mine', 'secret']) mkdirSync(at(dir));
  writeFileSync(at('team', 'data', 'file.txt'), 'shared');
  writeFileSync(at('secret', 'host.txt'), 'of the host');
  writeFileSync(at('mine', 'file.txt'), 'of the operator');
  symlinkSync(at('secret'), at('team', 'out'));
  symlinkSync('data', at('team', 'in'));
  const dir = (name: string, accounts: string[], readOnly = false) => ({ name, path: at(name), accounts, readOnly });
  world = await createWorld({
    work: true,
    capacity: { vcpus: 16, memoryBytes: 64 * GIB, gpus: 1 },
    program: () => program,
    sharedDirectories: [
      dir('team', ['acme']),
      dir('fresh', ['acme', 'other']),
      dir('read', ['*'], true),
      dir('rival', ['rival-shared']),
      dir('mine', ['acme']),
      dir('gone', ['acme']),
    ],
  });
  if (canChown) for (const name of ['team', 'team/data']) chownSync(at(name), 1000, 100);
  token = await world.login(world.root);
  const rival = await world.tenant('rival-shared');
  rivalToken = await world.login(rival);
  paths = { acme: world.root.projectId, rival: rival.projectId };
  for (const [projectId, as] of [
    [paths.acme, token],
    [paths.rival, rivalToken],
  ] as const) {
    const bound = await world.send('POST', `/v2/${projectId}/agency`, { token: as, body: {} });
    await world.send('POST', `/v2/${projectId}/authorizations`, {
      token: as,
      body: { user_id: 'all', type: 'agency', content: bound.body.agency_name },
    });
  }
});
after(async () => {
  await world?.remove();
  rmSync(base, { recursive: true, force: true });
});

const ask = (method: string, path: string, body?: object, as = token) =>
  world.send(method, `/v1/${as === token ? paths.acme : paths.rival}/notebooks${path}`, {
    token: as,
    ...(body ? { body } : {}),
  });
const create = (volume: object, more: object = {}, as = token) =>
  ask('POST', '', { name: 'nb', image_id: NOTEBOOK_IMAGE_ID, flavor: 'modelarts.vm.cpu.1u', volume, ...more }, as);
const share = (uri: string, more: object = {}) => ({ category: 'EFS', ownership: 'DEDICATED', uri, ...more });
async function reached(id: string, status: string): Promise<Json> {
  let shown: Json;
  await world.until(async () => {
    shown = (await ask('GET', `/${id}`)).body;
    return shown.status === status;
  });
  return shown;
}
async function gone(id: string): Promise<void> {
  await ask('DELETE', `/${id}`);
  await world.until(async () => (await ask('GET', `/${id}`)).body.error_code === 'ModelArts.6309');
}
const containerOf = (id: string) => [...world.engine.containers.values()].find(({ spec }) => spec.name.includes(id))!;
const mountsOf = (id: string) => containerOf(id).spec.mounts;
const told = async (id: string, pattern: RegExp) =>
  world.until(async () =>
    (await ask('GET', `/${id}/events`)).body.events.some(({ message }: Json) => pattern.test(message)),
  );

describe('shared directories', { skip: canChown ? false : 'needs root' }, () => {
  test('two instances have one directory, over a stop, and it outlives them', async () => {
    const first = (await create(share('team:/data'))).body;
    const second = (
      await create(
        { category: 'EVS' },
        {
          data_volumes: [
            { ...share('team'), mount_path: '/data/team/' },
            { ...share('read:/'), mount_path: '/data/r' },
          ],
        },
      )
    ).body;
    const shown = await reached(first.id, 'RUNNING');
    const { volume } = shown;
    assert.deepEqual(
      [volume.category, volume.ownership, volume.uri, volume.mount_path],
      ['EFS', 'DEDICATED', 'team:/data', '/home/ma-user/work/'],
    );
    const other = await reached(second.id, 'RUNNING');
    assert.deepEqual(
      other.data_volumes.map((each: Json) => [each.uri, each.mount_path, each.mount_type, each.status, each.read_only]),
      [
        ['team:/', '/data/team/', 'STATIC', 'MOUNTED', false],
        ['read:/', '/data/r/', 'STATIC', 'MOUNTED', true],
      ],
    );
    const work = mountsOf(first.id).find(({ target }) => target === '/home/ma-user/work')!;
    const [team, read] = mountsOf(second.id).filter(({ target }) => target.startsWith('/data/'));
    assert.deepEqual([work.readOnly, team!.readOnly, read!.readOnly], [false, false, true]);
    writeFileSync(join(work.source, 'written.txt'), 'by the first');
    assert.equal(readFileSync(join(team!.source, 'data', 'written.txt'), 'utf8'), 'by the first');
    assert.throws(() => writeFileSync(join(read!.source, 'x'), ''), /EROFS/);

    await ask('POST', `/${first.id}/stop`);
    await reached(first.id, 'STOPPED');
    assert.throws(() => statSync(join(work.source, 'written.txt')), /ENOENT/, 'it is let go of');
    await ask('POST', `/${first.id}/start`);
    await reached(first.id, 'RUNNING');
    assert.equal(readFileSync(join(mountsOf(first.id)[0]!.source, 'written.txt'), 'utf8'), 'by the first');
    assert.equal((await ask('PUT', `/${first.id}`, { storage_new_size: 60 })).body.error_code, 'ModelArts.6331');
    await gone(first.id);
    await gone(second.id);
    assert.equal(readFileSync(at('team', 'data', 'written.txt'), 'utf8'), 'by the first');
    assert.equal(readFileSync(at('team', 'data', 'file.txt'), 'utf8'), 'shared');
  });

  test('an empty directory becomes that of the containers; one with files stays whose it is', async () => {
    const { body } = await create(share('fresh'));
    await reached(body.id, 'RUNNING');
    assert.equal(statSync(at('fresh')).uid, 1000);
    await gone(body.id);
    const refused = (await create(share('mine'))).body;
    assert.deepEqual([refused.error_code, statSync(at('mine')).uid], ['ModelArts.6318', 0]);
    assert.match(refused.error_msg, /cannot be written by containers.*read-only/);
    const readOnly = (await create(share('mine', { read_only: true }))).body;
    await reached(readOnly.id, 'RUNNING');
    assert.equal(mountsOf(readOnly.id)[0]!.readOnly, true);
    await gone(readOnly.id);
  });

  for (const [what, volume, code] of [
    ['none', { category: 'EFS', ownership: 'DEDICATED' }, '6317'],
    ['one that is not there', share('nothing'), '6316'],
    ['one of another account', share('rival'), '6316'],
    ['one with the id of another', share('team', { id: 'fresh' }), '6316'],
    ['one that is not on the disk', share('gone'), '6318'],
    ['a path that is not there', share('team:/none'), '6318'],
    ['a path upwards', share('team:/data/../..'), '6318'],
    ['a path through nothing', share('team:/data//x'), '6318'],
    ['a file', share('team:/data/file.txt'), '6318'],
    ['a link to the outside', share('team:/out'), '6318'],
    ['a way through a link', share('team:/in'), '6318'],
    ['a path of the host', share(at('team')), '6336'],
    ['a name with a control character', share('team\n'), '6336'],
    ['block storage of a directory', share('team', { category: 'EVS' }), '6336'],
  ] as const) {
    test(`refused: ${what}`, async () => {
      const answer = await create(volume);
      assert.deepEqual([answer.status, answer.body.error_code], [400, `ModelArts.${code}`], answer.text);
      assert.match(answer.body.error_msg, /\[volume\.(uri|ownership)\]/);
    });
  }

  test('what is refused of data volumes names the one', async () => {
    for (const [volumes, code, field] of [
      [[{ ...share('team'), mount_path: '/etc/x' }], '6336', /data_volumes\[0\]\.mount_path/],
      [[{ ...share('team'), mount_path: '/data/../etc' }], '6336', /mount_path/],
      [[{ ...share('rival'), mount_path: '/data/x' }], '6316', /data_volumes\[0\]\.uri/],
      [['team', 'read'].map(name => ({ ...share(name), mount_path: '/data/x' })), '6336', /twice/],
      [[{ category: 'OBS', uri: 'obs://b/c/', mount_path: '/data/x' }], '6336', /category/],
    ] as const) {
      const answer = await create({ category: 'EVS' }, { data_volumes: volumes });
      assert.equal(answer.body.error_code, `ModelArts.${code}`, answer.text);
      assert.match(answer.body.error_msg, field);
    }
  });

  test('an account learns nothing of the directories of others', async () => {
    const theirs = await create(share('team'), {}, rivalToken);
    const none = await create(share('nothing'), {}, rivalToken);
    assert.equal(theirs.body.error_msg.replace('team', 'nothing'), none.body.error_msg);
    assert.doesNotMatch(theirs.text, /acme|fresh/);
  });

  test('a link that takes the place of the directory later is not followed', async () => {
    mkdirSync(at('team', 'swap'));
    chownSync(at('team', 'swap'), 1000, 100);
    const { body } = await create(share('team:/swap'));
    await reached(body.id, 'RUNNING');
    await ask('POST', `/${body.id}/stop`);
    await reached(body.id, 'STOPPED');
    rmSync(at('team', 'swap'), { recursive: true });
    symlinkSync(at('secret'), at('team', 'swap'));
    await ask('POST', `/${body.id}/start`);
    const shown = await reached(body.id, 'START_FAILED');
    assert.match(shown.fail_reason, /team:\/swap is no directory/);
    await gone(body.id);
    assert.equal(readFileSync(at('secret', 'host.txt'), 'utf8'), 'of the host');
  });
});

test('/cache is for instances with accelerators, has a size and goes with the run', {
  skip: canChown ? false : 'needs root',
}, async () => {
  const free = statfsSync(base);
  const plain = (await create({ category: 'EVS' })).body;
  const gpu = (await create({ category: 'EVS' }, { flavor: 'modelarts.vm.gpu.1' })).body;
  await reached(plain.id, 'RUNNING');
  await reached(gpu.id, 'RUNNING');
  const cacheOf = (id: string) => mountsOf(id).find(({ target }) => target === '/cache');
  assert.equal(cacheOf(plain.id), undefined);
  const { source } = cacheOf(gpu.id)!;
  const cache = statfsSync(source);
  // Others of the machine may have given some back meanwhile.
  assert.ok(cache.blocks * cache.bsize <= Math.min(500 * GIB, (free.bavail * free.bsize) / 2 + GIB));
  assert.notEqual(statSync(source).dev, statSync(join(source, '..')).dev);
  writeFileSync(join(source, 'x'), 'x');
  await ask('POST', `/${gpu.id}/stop`);
  await reached(gpu.id, 'STOPPED');
  assert.throws(() => statSync(join(source, 'x')), /ENOENT/);
  await gone(plain.id);
  await gone(gpu.id);
});

test('an instance that fills the space outside of its storage says so and runs on', async () => {
  program = { layerBytes: 0.95 * GIB };
  const { body } = await create({ category: 'EVS' });
  await reached(body.id, 'RUNNING');
  await told(body.id, /nearly full: less than 10 % of 1 GB/);
  containerOf(body.id).program.layerBytes = GIB;
  await told(body.id, /outside of \/home\/ma-user\/work is full \(1 GB\)/);
  assert.equal((await ask('GET', `/${body.id}`)).body.status, 'RUNNING');
  await gone(body.id);
});

test('where nothing holds it to the limit, it is stopped, with the reason', async () => {
  program = { layerBytes: 1.1 * GIB, layerIsFree: true };
  const { body } = await create({ category: 'EVS' });
  const shown = await reached(body.id, 'STOPPED');
  assert.match(shown.fail_reason, /wrote more than 1 GB outside of \/home\/ma-user\/work/);
  program = {};
  await ask('POST', `/${body.id}/start`);
  await reached(body.id, 'RUNNING');
  await gone(body.id);
});
