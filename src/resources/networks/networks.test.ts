import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { poolWorld } from '../pools/pools.test-world.ts';

let w: Awaited<ReturnType<typeof poolWorld>>;
before(async () => {
  w = await poolWorld();
  w.world.engine.usedSubnets.push('0.0.0.0/0', '172.20.0.0/16', '10.0.0.0/8');
});
after(() => w?.world.remove());

test('a network is made, listed, changed and removed; the engine has it with its doors', async () => {
  const { call, v1, world } = w;
  const made = await w.network('net-one', '192.168.128.0/17');
  assert.equal(made.status, 200, made.text);
  assert.equal(made.body.status.phase, 'Creating');
  const id = made.body.metadata.name;
  const show = async () => (await call('GET', `${v1}/networks/${id}`)).body;
  await world.until(async () => (await show()).status.phase === 'Active');
  const [name, engine] = [...world.engine.networks.entries()].find(([, each]) => each.subnet === '192.168.128.0/17')!;
  assert.equal(engine.name, name);
  const doors = () => world.engine.hostPorts.get(name)!.length;
  assert.equal(doors(), 1, 'the object store alone');
  const patch = (body: object) => call('PATCH', `${v1}/networks/${id}`, body);
  const changed = await patch({
    metadata: { annotations: { 'atelier/management-api': 'true', 'os.modelarts/description': 'x' } },
  });
  assert.equal(changed.status, 200, changed.text);
  await world.until(() => doors() === 2);
  assert.deepEqual(
    (await patch({ metadata: { annotations: { 'atelier/management-api': null } } })).body.metadata.annotations,
    {
      'os.modelarts/description': 'x',
    },
  );
  await world.until(() => doors() === 1);
  const bad: [object, RegExp][] = [
    [{ spec: { cidr: '192.168.0.0/17' } }, /stays 192.168.128.0\/17/],
    [{ metadata: { annotations: { 'atelier/management-api': 'yes' } } }, /"true" or "false"/],
    [{ spec: { connection: { peerConnectionList: [{ peerVpcId: 'a', peerSubnetId: 'b' }] } } }, /no VPCs/],
  ];
  for (const [body, message] of bad) {
    const answer = await patch(body);
    assert.deepEqual([answer.status, answer.body.error_code], [400, 'ModelArts.50004000']);
    assert.match(answer.body.error_msg, message);
  }
  const list = async (query: string) => (await call('GET', `${v1}/networks?${query}`)).body.items.length;
  assert.deepEqual(
    [await list(''), await list('labelSelector=os.modelarts/name=net-one'), await list('workspaceId=0')],
    [1, 1, 1],
  );
  assert.equal(await list('labelSelector=os.modelarts/name!=net-one'), 0);
  const addresses = (await call('GET', `${v1}/networks/${id}/network-ip-availabilities?network_id=${id}`)).body;
  assert.deepEqual(addresses.subnetIpAvailability, [
    { cidr: '192.168.128.0/17', ipVersion: 4, usedIps: 0, totalIps: 32765 },
  ]);
  assert.equal((await call('DELETE', `${v1}/networks/${id}`)).body.status.phase, 'Deleting');
  await w.gone(`${v1}/networks/${id}`);
  assert.ok(!world.engine.networks.has(name));
});

test('addresses that cannot be, and names', async () => {
  const { call, v1, world } = w;
  const first = (await w.network('net-first', '192.168.50.0/24')).body.metadata.name;
  const bad: [string, string, number, string, RegExp][] = [
    ['net', '192.168.51.0/24', 400, '50004000', /4 to 25/],
    ['net-b', 'everything', 400, '50004000', /is no subnet/],
    ['net-b', '192.168.51.1/24', 400, '50004000', /is no subnet/],
    ['net-b', '192.168.051.0/24', 400, '50004000', /is no subnet/],
    ['net-b', '10.1.0.0/16', 400, '50004000', /not allowed/],
    ['net-b', '192.168.51.0/25', 400, '50004000', /not allowed/],
    ['net-b', '192.0.0.0/8', 400, '50004000', /not allowed/],
    ['net-b', '172.16.5.0/24', 400, '50004000', /overlaps 172.16.0.0\/16, which is reserved/],
    ['net-b', '172.16.0.0/12', 400, '50004000', /reserved/],
    ['net-b', '172.20.1.0/24', 400, '50004000', /this machine/],
    ['net-b', '192.168.0.0/16', 400, '50004000', /192.168.50.0\/24 of the network net-first/],
    ['net-first', '192.168.51.0/24', 409, '50025000', /already exists/],
  ];
  for (const [name, cidr, status, code, message] of bad) {
    const answer = await w.network(name, cidr);
    assert.deepEqual([answer.status, answer.body.error_code], [status, `ModelArts.${code}`], answer.text);
    assert.match(answer.body.error_msg, message);
  }
  // Another account's addresses are taken, but whose they are is not told.
  const rival = await world.tenant('rival');
  await w.as(rival);
  const body = {
    apiVersion: 'v1',
    kind: 'Network',
    metadata: { labels: { 'os.modelarts/name': 'net-rival' } },
    spec: { cidr: '192.168.50.0/24' },
  };
  const overlap = await call('POST', `/v1/${rival.projectId}/networks`, body);
  assert.equal(overlap.status, 400);
  assert.doesNotMatch(overlap.text, /net-first/);
  assert.equal((await call('GET', `/v1/${rival.projectId}/networks/${first}`)).status, 404);
  await w.as(world.root);
  for (let at = 0; at < 14; at++)
    assert.equal((await w.network(`net-${at}-more`, `192.168.${60 + at}.0/24`)).status, 200);
  const over = await w.network('net-over', '192.168.99.0/24');
  assert.match(over.body.error_msg, /at most 15/);
  assert.equal((await call('GET', `${v1}/quotas`)).body.quotas.resources[1].used, 15);
});
