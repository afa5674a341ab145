import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTeam, type Member, type Team } from '../../../test/scenarios/team.ts';
import { createWorld, type World } from '../../../test/world.ts';
import { NOTEBOOK_IMAGE_ID } from '../images/image.api.ts';
import type { Mounter, MountSpec } from './storage.mounter.ts';
import { checkStorage } from './storage.service.ts';

/** A mounter that remembers, and whose faults are set from outside. */
class Mounts implements Mounter {
  mounted = new Map<string, MountSpec>();
  given: string[] = [];
  opened = new Set<string>();
  refusal: string | undefined;
  broken: string | undefined;
  unwritten = 0;
  missing: string | undefined;
  unable = () => this.missing;
  open = async (root: string) => {
    this.opened.add(root);
    return root;
  };
  isOpen = async (root: string) => this.opened.has(root);
  give = async (_root: string, { access }: { access: string }) => void this.given.push(access);
  mount = async (spec: MountSpec) => {
    if (this.refusal) throw new Error(this.refusal);
    this.mounted.set(spec.id, spec);
  };
  fault = async ({ id }: { id: string }) => (this.mounted.has(id) ? this.broken : 'it is not there');
  pending = async () => this.unwritten;
  unmount = async ({ id }: { id: string }) => void this.mounted.delete(id);
  close = async (root: string) => {
    for (const [id, spec] of this.mounted) if (spec.root === root) this.mounted.delete(id);
    this.opened.delete(root);
  };
}

describe('object storage mounted into running notebook instances', () => {
  const mounts = new Mounts();
  let world: World;
  let team: Team;
  let ann: Member;
  let notebook: string;
  let storage: string;
  const body = (more: object = {}) => ({
    category: 'OBS',
    mount_path: '/data/x/',
    uri: 'obs://team-data/dir/',
    ...more,
  });
  const reached = (path: string, status: string) =>
    world.until(async () => (await ann.call('GET', path)).body.status === status);
  const attach = async (more: object = {}) => {
    const made = await ann.call('POST', storage, body(more));
    assert.equal(made.status, 200, made.text);
    return `${storage}/${made.body.id}`;
  };
  const refused = async (more: object, status: number, code: string) => {
    const answer = await ann.call('POST', storage, body(more));
    assert.deepEqual([answer.status, answer.body.error_code], [status, `ModelArts.${code}`], answer.text);
    return answer.body.error_msg as string;
  };

  before(async () => {
    world = await createWorld({ work: true, mounter: mounts });
    team = await createTeam(world);
    ann = await team.member('ann');
    const everything = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['modelarts:*:*'] }] };
    await team.grant(await team.group('users', [ann]), [await team.policy('everything', everything)]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    const { iam, objects } = world.families;
    const owner = (await iam.resolveAccessKey(team.tenant.accessKey))!.principal;
    await objects.service.createBucket(owner, 'team-data');
    await objects.service.createBucket(owner, 'cold-data', { storageClass: 'WARM' });
    const other = (await iam.resolveAccessKey((await world.tenant('others')).accessKey))!.principal;
    await objects.service.createBucket(other, 'their-data');
    const made = await ann.call('POST', `${team.v1}/notebooks`, {
      name: 'nb',
      image_id: NOTEBOOK_IMAGE_ID,
      flavor: 'modelarts.vm.cpu.1u',
      volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    });
    assert.equal(made.status, 200, made.text);
    notebook = `${team.v1}/notebooks/${made.body.id}`;
    storage = `${notebook}/storage`;
    await reached(notebook, 'RUNNING');
  });
  after(() => world?.remove());

  it('is mounted with the rights of the agency, shown, and unmounted', async () => {
    const one = await attach();
    await reached(one, 'MOUNTED');
    const { id, ...shown } = (await ann.call('GET', one)).body;
    assert.deepEqual(shown, {
      category: 'OBSFS',
      mount_path: '/data/x/',
      mount_type: 'DYNAMIC',
      uri: 'obs://team-data/dir/',
      status: 'MOUNTED',
    });
    const { bucket, prefix, name, endpoint } = mounts.mounted.get(id)!;
    assert.deepEqual([bucket, prefix, name, endpoint], ['team-data', 'dir/', 'x', world.obs]);
    const { principal } = (await world.families.iam.resolveAccessKey(mounts.given.at(-1)!))!;
    assert.equal(principal.kind, 'agency');
    assert.equal((await ann.call('GET', storage)).body.total, 1);
    assert.match(await refused({}, 400, '6336'), /already/);
    assert.equal((await ann.call('DELETE', one)).body.status, 'UNMOUNTING');
    await reached(one, 'UNMOUNTED');
    assert.equal(mounts.mounted.size, 0);
    assert.equal((await ann.call('GET', storage)).body.total, 0);
    const container = [...world.engine.containers.values()].find(
      ({ spec }) => spec.labels['atelier.kind'] === 'notebook',
    );
    assert.equal(container!.spec.mounts.find(({ target }) => target === '/data')?.propagation, 'rslave');
  });

  it('is refused where the bucket is missing, cold, or another account’s, and where nothing can be mounted', async () => {
    await refused({ uri: 'obs://no-such-data/dir/' }, 400, '6320');
    await refused({ uri: 'obs://cold-data/dir/' }, 400, '6371');
    await refused({ uri: 'obs://their-data/dir/' }, 403, '6320');
    mounts.missing = 'rclone is missing: install it';
    assert.match(await refused({}, 501, '2858'), /rclone is missing/);
    mounts.missing = undefined;
    const stranger = await team.member('stranger');
    assert.equal((await stranger.call('POST', storage, body())).status, 403);
    const none = await ann.call('GET', `${storage}/00000000-0000-4000-8000-000000000000`);
    assert.deepEqual([none.status, none.body.error_code], [400, 'ModelArts.6316'], none.text);
  });

  it('tells why it failed, and can be mounted again there', async () => {
    mounts.refusal = 'the store is away';
    const failed = await attach();
    await reached(failed, 'MOUNT_FAILED');
    assert.match((await ann.call('GET', failed)).body.failure_reason, /the store is away/);
    mounts.refusal = undefined;
    const one = await attach();
    await reached(one, 'MOUNTED');
    mounts.broken = 'its process has ended';
    await reached(one, 'MOUNT_FAILED');
    assert.match((await ann.call('GET', one)).body.failure_reason, /its process has ended/);
    mounts.broken = undefined;
    assert.equal(mounts.mounted.size, 0);
    assert.equal((await ann.call('DELETE', one)).body.status, 'UNMOUNTED');
  });

  it('is not unmounted over files that are not in the store, unless asked again', async () => {
    const one = await attach();
    await reached(one, 'MOUNTED');
    mounts.unwritten = 2;
    await ann.call('DELETE', one);
    await reached(one, 'UNMOUNT_FAILED');
    assert.match((await ann.call('GET', one)).body.failure_reason, /2 files/);
    assert.equal(mounts.mounted.size, 1);
    await ann.call('DELETE', one);
    await reached(one, 'UNMOUNTED');
    mounts.unwritten = 0;
  });

  it('ends with the run of the instance, and is not there in the next', async () => {
    const one = await attach();
    await reached(one, 'MOUNTED');
    await ann.call('POST', `${notebook}/stop`);
    await reached(notebook, 'STOPPED');
    assert.equal(mounts.mounted.size, 0);
    assert.equal((await ann.call('GET', one)).body.status, 'UNMOUNTED');
    await refused({}, 400, '6327');
    await ann.call('POST', `${notebook}/start`);
    await reached(notebook, 'RUNNING');
    assert.equal((await ann.call('GET', storage)).body.total, 0);
    await reached(await attach(), 'MOUNTED');
    assert.equal((await team.root.call('DELETE', notebook)).status, 200);
    await world.until(() => mounts.mounted.size === 0);
  });
});

describe('what a request for mounted storage may say', () => {
  for (const [change, code] of [
    [{ category: 'EVS' }, '6336'],
    [{ category: null }, '6335'],
    [{ mount_path: '/home/ma-user/work/x/' }, '6336'],
    [{ mount_path: '/data/' }, '6336'],
    [{ mount_path: '/data/../etc/' }, '6336'],
    [{ mount_path: '/data/x/y/' }, '6336'],
    [{ mount_path: '/data/./' }, '6336'],
    [{ mount_path: '/data/.x/' }, '6336'],
    [{ mount_path: '/data/-x/' }, '6336'],
    [{ uri: null }, '6317'],
    [{ uri: 'obs://bucket/dir' }, '6318'],
    [{ uri: 'obs://bucket/' }, '6358'],
    [{ uri: 'obs://bucket' }, '6358'],
    [{ uri: 'obs://bucket//' }, '6336'],
    [{ uri: 'obs://bucket/a/../b/' }, '6336'],
    [{ uri: '/etc/passwd/' }, '6336'],
    [{ uri: 'obs://--x/dir/' }, '6336'],
  ] as const) {
    it(`${JSON.stringify(change)} is refused with ${code}`, () => {
      const body = { category: 'OBS', mount_path: '/data/x/', uri: 'obs://bucket/dir/', ...change };
      assert.throws(() => checkStorage(body), { code: `ModelArts.${code}` });
    });
  }
  it('takes a path with or without a slash at its end', () => {
    const body = { category: 'obs', mount_path: '/data/x', uri: 'obs://bucket/a/b/' };
    assert.deepEqual(checkStorage(body), { name: 'x', place: { bucket: 'bucket', key: 'a/b/' } });
  });
});
