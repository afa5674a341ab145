import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdmission } from '../../admission/index.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { createFakeDriver } from '../../runtime/fake/index.ts';
import { findFlavor } from '../flavors/index.ts';
import { createNetworks } from '../networks/index.ts';
import { createPools } from './index.ts';
import { GIB, ONE, poolWorld } from './pools.test-world.ts';

/** A server that takes up what another left in the database when it was killed. */
async function successor(w: Awaited<ReturnType<typeof poolWorld>>, vcpus: number) {
  const common = { db: w.world.db, clock: systemClock, log: silentLog() };
  const admission = createAdmission({ ...common, capacity: { vcpus, memoryBytes: 16 * GIB, gpus: 0 } });
  const driver = createFakeDriver({ engine: w.world.engine });
  const workspaces = { admit: async () => {}, find: async () => undefined };
  const ports = () => ({ api: 1, obs: 2 });
  const networks = createNetworks({ ...common, driver, workspaces, installation: 'test01', ports });
  const flavors = { find: findFlavor, list: () => [] };
  const pools = createPools({ ...common, admission, driver, flavors, networks, workspaces, installation: 'test01' });
  await pools.announce();
  await admission.start();
  return { admission, pools };
}

test('whoever starts after a kill finds every pool, node and reservation, and admits nothing into them before', async () => {
  const w = await poolWorld();
  try {
    const { id } = await w.running('pool-lives', [{ flavor: ONE, count: 2 }], '192.168.45.0/24');
    const names = (await w.nodes(id)).map((node: { metadata: { name: string } }) => node.metadata.name);
    await w.call('POST', `${w.v2}/pools/${id}/nodes/batch-isolate`, { nodeNames: [names[0]] });
    await w.work(undefined, 5, { id: 'public' });
    const net = (await w.network('net-more', '192.168.46.0/24')).body.metadata.name;
    // Creating: its nodes wait for the public pool.
    const waits = (await w.pool('pool-waits', { network: net, resources: [{ flavor: ONE, count: 3 }] })).body.metadata
      .name;
    const held = await w.work(id, 1, { id: 'held' });
    assert.deepEqual(held.nodes, [names[1]]);
    await w.world.families.stop();

    const { admission, pools } = await successor(w, 8);
    const states = new Map((await admission.pools()).map(state => [state.id, state]));
    const found = states.get(id)!.nodes.map(node => [node.name, [node.schedulable, node.workloads.length]]);
    assert.deepEqual(Object.fromEntries(found), { [names[0]]: [false, 0], [names[1]]: [true, 1] });
    assert.equal(states.get(waits)!.nodes.filter(node => node.available).length, 1);
    const later = { kind: 'notebook' as const, accountId: 'a', projectId: 'p', memoryBytes: GIB, gpus: 0 };
    assert.equal((await admission.submit({ ...later, id: 'later', name: 'later', vcpus: 1 })).state, 'queued');
    assert.equal(pools.fits(id, { vcpus: 1, memoryBytes: GIB, gpus: 0 }, 2).ok, true);

    // A machine that has shrunk: what has no place any more is said so, and the sum stays within it.
    const smaller = await successor(w, 4);
    const given = (await smaller.admission.pools()).filter(state => state.id !== 'public').flatMap(each => each.nodes);
    assert.ok(given.reduce((all, node) => all + node.capacity.vcpus, 0) <= 4);
    const ailing = (await w.nodes(waits)).filter(
      (node: { status: { phase: string } }) => node.status.phase === 'Abnormal',
    );
    assert.equal(ailing.length, 1);
    assert.match(ailing[0].status.message, /machine has not enough/);
  } finally {
    await w.world.remove();
  }
});

test('only accounts with a share may reserve, and the public pool keeps its own', async () => {
  const shares = {
    accounts: { acme: { vcpus: 2 } },
    public: { vcpus: 7, memoryBytes: 0, gpus: 0 },
  };
  const w = await poolWorld({ poolShares: shares });
  try {
    const net = (await w.network('net-share', '192.168.47.0/24')).body.metadata.name;
    const ask = (count: number) => w.pool(`pool-of-${count}`, { network: net, resources: [{ flavor: ONE, count }] });
    assert.match((await ask(3)).body.error_msg, /would have 3 vCPUs of 2 vCPUs that it may reserve/);
    assert.match((await ask(2)).body.error_msg, /2 vCPUs of 1 vCPUs.*7 vCPUs.* stay in the public pool/);
    assert.equal((await ask(1)).status, 200);
    const rival = await w.world.tenant('rival');
    await w.as(rival);
    const body = {
      apiVersion: 'v2',
      kind: 'Pool',
      metadata: { labels: { 'os.modelarts/name': 'pool-rival' } },
      spec: { type: 'Dedicate', scope: ['Train'], resources: [{ flavor: ONE, count: 1 }], network: { name: net } },
    };
    const v2 = `/v2/${rival.projectId}/pools`;
    assert.equal(
      (await w.call('POST', v2, body)).body.error_code,
      'ModelArts.50025001',
      "another's network is not there",
    );
    const own = {
      ...body,
      metadata: { labels: { 'os.modelarts/name': 'net-rival' } },
      kind: 'Network',
      apiVersion: 'v1',
    };
    const made = await w.call('POST', `/v1/${rival.projectId}/networks`, { ...own, spec: { cidr: '192.168.48.0/24' } });
    const spec = { ...body.spec, network: { name: made.body.metadata.name } };
    assert.match((await w.call('POST', v2, { ...body, spec })).body.error_msg, /rival may reserve nothing/);
  } finally {
    await w.world.remove();
  }
});
