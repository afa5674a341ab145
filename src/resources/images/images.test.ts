import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTeam, jobBody, type Member, type Team } from '../../../test/scenarios/team.ts';
import { uploadThings } from '../../../test/scenarios/things.ts';
import { createWorld, type Tenant, type World } from '../../../test/world.ts';
import { NOTEBOOK_IMAGE_ID } from './image.api.ts';
import { accountRef, mayUse, parseImageRef } from './image.ts';

const BUCKET = 'image-things';

describe('images', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  let bob: Member;
  let rival: Tenant;
  let rivalToken: string;

  before(async () => {
    world = await createWorld({ work: true, imageSettings: { largestBytes: 1000 } });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
    [ann, bob] = [await team.member('ann'), await team.member('bob')];
    const everything = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['modelarts:*:*', 'obs:*:*'] }] };
    await team.grant(await team.group('users', [ann, bob]), [await team.policy('everything', everything)]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    rival = await world.tenant('rival');
    rivalToken = await world.login(rival);
    for (const ref of ['localhost/team/base:1', 'localhost/team/base:2', 'localhost/team/other:1']) {
      world.engine.addImage(ref);
    }
    world.engine.addImage('localhost/team/huge:1');
    world.engine.images.get('localhost/team/huge:1')!.sizeBytes = 1001;
  });
  after(() => world?.remove());

  const images = () => `${team.v1}/images`;
  const register = (member: Member, body: object) => member.call('POST', images(), body);
  const names = async (member: Member, query = '') =>
    (await member.call('GET', `${images()}?${query}`)).body.data.map(
      (each: { name: string; tag: string }) => `${each.name}:${each.tag}`,
    );

  it('lists the preset ones to everybody, and shows them, and keeps them', async () => {
    const { body } = await ann.call('GET', `${images()}?type=BUILD_IN&limit=1`);
    assert.deepEqual([body.total, body.pages, body.size, body.current], [3, 3, 1, 0]);
    const [preset] = body.data;
    assert.equal(preset.type, 'BUILD_IN');
    assert.equal((await ann.call('GET', `${images()}/${preset.id}`)).body.id, preset.id);
    assert.equal((await ann.call('DELETE', `${images()}/${preset.id}`)).status, 400);
  });

  it('registers what the engine has, once, and private to its owner', async () => {
    const made = await register(ann, {
      swr_path: 'localhost/team/base:1',
      description: 'our base',
      service_type: 'TRAIN',
    });
    assert.equal(made.status, 200, made.text);
    const { id, name, namespace, tag, size, status, visibility, origin } = made.body;
    assert.deepEqual(
      [name, namespace, tag, size, status, visibility, origin],
      ['base', 'team', '1', 1, 'ACTIVE', 'PRIVATE', 'CUSTOMIZE'],
    );
    assert.equal((await register(ann, { swr_path: 'localhost/team/base:1' })).body.error_code, 'ModelArts.6737');
    assert.equal((await bob.call('GET', `${images()}/${id}`)).body.error_code, 'ModelArts.6797');
    assert.equal((await bob.call('DELETE', `${images()}/${id}`)).body.error_code, 'ModelArts.6797');
    assert.deepEqual(await names(bob, 'type=DEDICATED'), []);
    assert.deepEqual(await names(team.root, 'type=DEDICATED'), ['base:1']);
  });

  it('shows public ones to the account, and filters, sorts and pages', async () => {
    for (const swr_path of ['localhost/team/base:2', 'localhost/team/other:1'])
      assert.equal((await register(ann, { swr_path, visibility: 'PUBLIC' })).status, 200);
    assert.deepEqual(await names(bob, 'type=DEDICATED&sort_key=name&sort_dir=ASC'), ['base:2', 'other:1']);
    assert.deepEqual(await names(ann, 'type=DEDICATED&sort_key=name&sort_dir=DESC&limit=1'), ['other:1']);
    assert.deepEqual(await names(ann, 'type=DEDICATED&name=ba&sort_key=tag&sort_dir=ASC'), ['base:1', 'base:2']);
    assert.deepEqual(await names(ann, 'name=ba&name_fuzzy_match=false&type=DEDICATED'), []);
    assert.deepEqual(await names(ann, 'service_type=TRAIN'), ['base:1']);
    assert.equal((await ann.call('GET', `${images()}?sort_key=color`)).body.error_code, 'ModelArts.6303');
    const groups = (await ann.call('GET', `${images()}/group?type=DEDICATED&name=base`)).body.data;
    assert.deepEqual(
      groups.map((each: { name: string; version_count: number }) => [each.name, each.version_count]),
      [['base', 2]],
    );
  });

  for (const [what, swr_path, code] of [
    ['one that is not there', 'localhost/team/none:1', 'ModelArts.6797'],
    ['one that is too large', 'localhost/team/huge:1', 'ModelArts.6771'],
    ['one without a tag', 'localhost/team/base', 'ModelArts.6336'],
    ['a digest', 'localhost/team/base@sha256:abc', 'ModelArts.6336'],
    ['an option', '--privileged:1', 'ModelArts.6334'],
    ['a path upwards', 'localhost/../base:1', 'ModelArts.6334'],
    ['a registry that is not configured', '169.254.169.254:80/a/b:1', 'ModelArts.6797'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const answer = await register(ann, { swr_path });
      assert.deepEqual([answer.status, answer.body.error_code], [400, code], answer.text);
    });
  }

  it('saves a notebook instance under the account, out of reach for others', async () => {
    const notebook = await ann.call('POST', `${team.v1}/notebooks`, {
      name: 'nb1',
      flavor: 'modelarts.vm.cpu.1u',
      image_id: (await ann.call('GET', `${images()}?service_type=DEV`)).body.data[0].id,
      volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    });
    assert.equal(notebook.status, 200, notebook.text);
    const instance = `${team.v1}/notebooks/${notebook.body.id}`;
    const statusOf = async () => (await ann.call('GET', instance)).body.status;
    const save = (body: object) => ann.call('POST', `${instance}/create-image`, body);
    const asked = { name: 'saved', namespace: 'mine', tag: '1' };
    assert.equal((await save(asked)).body.error_code, 'ModelArts.6327');
    await world.until(async () => (await statusOf()) === 'RUNNING');
    for (const wrong of [{ namespace: '../other' }, { name: 'Upper' }, { tag: 'a b' }]) {
      assert.equal((await save({ ...asked, ...wrong })).body.error_code, 'ModelArts.6334');
    }
    world.engine.down = true;
    const made = await save(asked);
    assert.equal(made.status, 200, made.text);
    const image = made.body;
    assert.deepEqual([image.status, image.origin], ['INIT', 'IMAGE_SAVE']);
    assert.equal(await statusOf(), 'SNAPSHOTTING');
    assert.equal((await save({ ...asked, tag: '2' })).body.error_code, 'ModelArts.6357');
    assert.equal((await ann.call('DELETE', `${images()}/${image.id}`)).body.error_code, 'ModelArts.6357');
    world.engine.down = false;
    await world.until(async () => (await ann.call('GET', `${images()}/${image.id}`)).body.status === 'ACTIVE');
    assert.equal(await statusOf(), 'RUNNING');
    assert.equal((await save(asked)).body.error_code, 'ModelArts.6737');
    assert.equal(await statusOf(), 'RUNNING');
    const shown = (await ann.call('GET', `${images()}/${image.id}`)).body;
    assert.deepEqual([shown.status, shown.origin, shown.namespace, shown.size], ['ACTIVE', 'IMAGE_SAVE', 'mine', 1]);
    assert.ok(shown.swr_path.includes(team.tenant.accountId));

    const train = (token: string, v2: string, image_url: string) =>
      world.send('POST', `${v2}/training-jobs`, {
        token,
        body: {
          ...jobBody('with-image', BUCKET),
          metadata: { name: `job-${Math.random().toString(36).slice(2)}` },
          algorithm: { command: 'true', engine: { image_url } },
        },
      });
    assert.equal((await train(ann.token, team.v2, 'mine/saved:1')).status, 201);
    assert.equal((await train(ann.token, team.v2, shown.swr_path)).status, 201);
    for (const [token, v2] of [
      [bob.token, team.v2],
      [rivalToken, `/v2/${rival.projectId}`],
    ] as const) {
      const answer = await train(token, v2, shown.swr_path);
      assert.equal(answer.body.error_code, 'ModelArts.2810', answer.text);
    }
    const stolen = await world.send('POST', `/v1/${rival.projectId}/images`, {
      token: rivalToken,
      body: { swr_path: shown.swr_path },
    });
    assert.equal(stolen.body.error_code, 'ModelArts.6797');
    assert.equal(
      (await world.send('GET', `/v1/${rival.projectId}/images/${image.id}`, { token: rivalToken })).body.error_code,
      'ModelArts.6797',
    );

    // With force the content goes too.
    const removed = await ann.call('DELETE', `${images()}/${image.id}?force=true`);
    assert.deepEqual([removed.status, removed.body.status], [200, 'DELETED'], removed.text);
    await world.until(() => !world.engine.images.has(shown.swr_path));
    assert.equal((await ann.call('GET', `${images()}/${image.id}`)).body.error_code, 'ModelArts.6797');
  });

  it('looks again at what an image holds', async () => {
    world.engine.addImage('localhost/team/moving:1');
    const { id } = (await register(ann, { swr_path: 'localhost/team/moving:1' })).body;
    const sync = (member = ann) => member.call('POST', `${images()}/${id}/sync`);
    world.engine.images.get('localhost/team/moving:1')!.sizeBytes = 7;
    const synced = (await sync()).body;
    assert.deepEqual([synced.status, synced.size], ['ACTIVE', 7]);
    world.engine.down = true;
    assert.deepEqual([(await sync()).status, (await sync()).body.error_code], [503, 'ModelArts.6361']);
    world.engine.down = false;
    world.engine.images.delete('localhost/team/moving:1');
    const lost = (await sync()).body;
    assert.equal(lost.status, 'ERROR');
    assert.match(lost.status_message, /not|no image/);
    world.engine.addImage('localhost/team/moving:1');
    assert.equal((await sync()).body.status, 'ACTIVE');
    assert.equal((await sync(bob)).body.error_code, 'ModelArts.6797');
    assert.equal((await ann.call('DELETE', `${images()}/${id}`)).status, 200);
  });

  it('keeps what is used, and deletes a group otherwise', async () => {
    const all = (await ann.call('GET', `${images()}?type=DEDICATED&name=base`)).body.data;
    const used = all[0].id;
    let users = ['notebook nb1'];
    world.families.images.addUsers(async (_, id) => (id === used ? users : []));
    const refused = await ann.call('DELETE', `${images()}/${used}`);
    assert.deepEqual([refused.status, refused.body.error_code], [400, 'ModelArts.6344']);
    assert.match(refused.body.error_msg, /notebook nb1/);
    users = [];
    const groups = async () => (await ann.call('GET', `${images()}/group?type=DEDICATED&name=base`)).body.data;
    const [group] = await groups();
    const describe = (body: object, id = group.id) => ann.call('PUT', `${images()}/group/${id}`, body);
    const tags = [{ key: 'team', value: 'vision' }];
    assert.equal((await describe({ read_me: 'how to use it', tags })).status, 200);
    assert.equal((await describe({ read_me: 'other words' })).status, 200);
    const [described] = await groups();
    assert.deepEqual([described.read_me, described.tags], ['other words', tags]);
    assert.equal((await describe({ tags: [...tags, ...tags] })).body.error_code, 'ModelArts.6336');
    assert.equal((await describe({ read_me: 7 })).body.error_code, 'ModelArts.6332');
    assert.equal((await describe({}, NOTEBOOK_IMAGE_ID)).status, 400);
    const theirs = await world.send('PUT', `/v1/${rival.projectId}/images/group/${group.id}`, {
      token: rivalToken,
      body: { read_me: 'mine' },
    });
    assert.equal(theirs.status, 400, theirs.text);
    assert.equal((await ann.call('DELETE', `${images()}/group/${group.id}`)).status, 200);
    assert.deepEqual(await names(ann, 'type=DEDICATED&name=base'), []);
    assert.ok(world.engine.images.has('localhost/team/base:1'), 'what others loaded stays');
    // What was said of the name does not wait for the next image of it.
    await register(ann, { swr_path: 'localhost/team/base:1' });
    assert.equal((await groups())[0].read_me, '');
  });
});

describe('references of images', () => {
  it('are taken apart', () => {
    assert.deepEqual(parseImageRef('host:5000/a/b/c:1'), {
      registry: 'host:5000',
      namespace: 'a/b',
      name: 'c',
      tag: '1',
    });
    assert.deepEqual(parseImageRef('a/c:1'), { registry: '', namespace: 'a', name: 'c', tag: '1' });
  });

  it('of an account are of that account alone, by whatever name', () => {
    const [mine, other] = ['a'.repeat(32), 'b'.repeat(32)];
    const ref = accountRef(mine, { namespace: 'n', name: 'x', tag: '1' });
    assert.equal(mayUse(mine, [ref]), true);
    assert.equal(mayUse(other, [ref]), false);
    assert.equal(mayUse(other, []), false);
    assert.throws(() => accountRef(mine, { namespace: `../${other}`, name: 'x', tag: '1' }), {
      code: 'ModelArts.6334',
    });
  });
});
