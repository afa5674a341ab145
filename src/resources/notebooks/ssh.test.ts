import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../../test/free-ports.ts';
import { createTeam, type Member, type Team } from '../../../test/scenarios/team.ts';
import { createWorld, type World } from '../../../test/world.ts';
import { NOTEBOOK_IMAGE_ID } from '../images/image.api.ts';
import { isAllowed } from './ssh.doors.ts';

const FIRST = await freePort();

describe('SSH into notebook instances', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  let bob: Member;
  const notebooks = () => `${team.v1}/notebooks`;
  const ssh = (...key_pair_names: string[]) => [{ service: 'SSH', key_pair_names }];
  const create = (member: Member, endpoints: object[]) =>
    member.call('POST', notebooks(), {
      name: 'nb',
      image_id: NOTEBOOK_IMAGE_ID,
      flavor: 'modelarts.vm.cpu.1u',
      volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
      endpoints,
    });
  const reached = (path: string, status: string) =>
    world.until(async () => (await ann.call('GET', path)).body.status === status);

  let greets = true;

  before(async () => {
    world = await createWorld({
      work: true,
      ssh: { host: '127.0.0.1', first: FIRST, last: FIRST },
      probeSsh: async () => greets,
    });
    team = await createTeam(world);
    [ann, bob] = [await team.member('ann'), await team.member('bob')];
    const everything = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['modelarts:*:*', 'ecs:*:*'] }] };
    await team.grant(await team.group('users', [ann, bob]), [await team.policy('everything', everything)]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    for (const [member, name] of [
      [ann, 'anns'],
      [bob, 'bobs'],
    ] as const) {
      const body = { keypair: { name, algorithm: 'ed25519' } };
      assert.equal((await member.call('POST', `/v3/${team.tenant.projectId}/keypairs`, body)).status, 200);
    }
  });
  after(() => world?.remove());

  it('is refused with the key pair of another user, none, or one that is not there', async () => {
    for (const names of [['bobs'], [], ['none'], ['anns', 'bobs']]) {
      const answer = await create(ann, ssh(...names));
      assert.deepEqual([answer.status, answer.body.error_code], [400, 'ModelArts.6789'], answer.text);
    }
  });

  it('is the only way into an image without a web IDE, which is ready when it answers', async () => {
    world.engine.addImage('localhost/team/ssh-only:1');
    const image = await ann.call('POST', `${team.v1}/images`, {
      swr_path: 'localhost/team/ssh-only:1',
      services: ['SSH'],
    });
    const body = {
      name: 'nb',
      image_id: image.body.id,
      flavor: 'modelarts.vm.cpu.1u',
      volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    };
    assert.equal((await ann.call('POST', notebooks(), body)).body.error_code, 'ModelArts.6768');
    greets = false;
    const made = await ann.call('POST', notebooks(), { ...body, endpoints: ssh('anns') });
    const path = `${notebooks()}/${made.body.id}`;
    await world.until(() => [...world.engine.containers.values()].some(({ state }) => state === 'running'));
    await new Promise(resolve => setTimeout(resolve, 300));
    assert.equal((await ann.call('GET', path)).body.status, 'CREATING');
    greets = true;
    await reached(path, 'RUNNING');
    const shown = (await ann.call('GET', path)).body;
    assert.deepEqual([shown.url, shown.endpoints[0].uri], [undefined, `ssh://ma-user@127.0.0.1:${FIRST}`]);
    await ann.call('DELETE', path);
    await world.until(async () => (await ann.call('GET', path)).body.error_code === 'ModelArts.6309');
  });

  it('has a port of its own, which another user cannot take over by a start', async () => {
    const made = await create(ann, ssh('anns'));
    assert.equal(made.status, 200, made.text);
    const path = `${notebooks()}/${made.body.id}`;
    await reached(path, 'RUNNING');
    const { uri } = (await ann.call('GET', path)).body.endpoints[0];
    assert.equal(uri, `ssh://ma-user@127.0.0.1:${FIRST}`);
    await new Promise<void>((resolve, reject) => {
      connect(FIRST, '127.0.0.1', resolve).on('error', reject);
    });
    await ann.call('POST', `${path}/stop`);
    await reached(path, 'STOPPED');
    const refused = await bob.call('POST', `${path}/start`);
    assert.deepEqual([refused.status, refused.body.error_code], [400, 'ModelArts.6789'], refused.text);
    assert.equal((await bob.call('PUT', path, { endpoints: ssh('bobs') })).status, 200);
    assert.equal((await bob.call('POST', `${path}/start`)).status, 200);
    await reached(path, 'RUNNING');
    assert.equal((await bob.call('GET', path)).body.endpoints[0].uri, uri);
  });
});

describe('the addresses allowed for SSH', () => {
  for (const [list, address, allowed] of [
    [[], '198.51.100.7', true],
    [['198.51.100.7'], '198.51.100.7', true],
    [['198.51.100.7'], '198.51.100.8', false],
    [['10.0.0.0/8', '2001:db8::/32'], '10.9.8.7', true],
    [['10.0.0.0/8', '2001:db8::/32'], '2001:db8::5', true],
    [['10.0.0.0/8'], '::1', false],
    [['10.0.0.0/8'], '', false],
  ] as const) {
    it(`${list.join(', ') || 'none'}: ${address || 'unknown'} is ${allowed ? 'let in' : 'kept out'}`, () => {
      assert.equal(isAllowed(list, address), allowed);
    });
  }
});
