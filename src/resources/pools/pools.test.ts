import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer } from '../../../test/world.ts';
import { ONE, poolWorld, TWO } from './pools.test-world.ts';

function refused(answer: Answer, status: number, code: string, message: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.error_code, `ModelArts.${code}`, answer.text);
  assert.match(answer.body.error_msg, message);
}

describe('dedicated pools', () => {
  let w: Awaited<ReturnType<typeof poolWorld>>;
  before(async () => {
    w = await poolWorld();
  });
  after(() => w?.world.remove());

  test('a pool from its request to its end', async () => {
    const { call, v1, v2, world } = w;
    const net = (await w.network('net-life', '192.168.128.0/17')).body.metadata.name;
    const made = await w.pool('pool-life', {
      network: net,
      resources: [{ flavor: ONE, count: 2, maxCount: 2, azs: [{ az: 'az1', count: 2 }] }],
      labels: { 'os.modelarts/node.prefix': 'lab' },
      annotations: { 'os.modelarts/description': 'for the lab' },
    });
    assert.equal(made.status, 200, made.text);
    const id = made.body.metadata.name;
    assert.equal(id, `pool-life-${world.root.projectId}`);
    assert.equal(made.body.status.phase, undefined);
    await w.phase(id, 'Running');
    const shown = await w.show(id);
    assert.deepEqual(shown.spec.scope, ['Train', 'Infer']);
    assert.equal(shown.metadata.labels['os.modelarts/name'], 'pool-life');
    assert.equal(shown.metadata.annotations['os.modelarts/description'], 'for the lab');
    assert.deepEqual(
      shown.status.resources.available.map((each: { count: number }) => each.count),
      [2],
    );
    assert.deepEqual(shown.status.scope, [
      { scopeType: 'Train', state: 'Enabled' },
      { scopeType: 'Infer', state: 'Enabled' },
    ]);
    const listed = (await call('GET', `${v2}/pools?labelSelector=os.modelarts/name=pool-life`)).body.items;
    assert.deepEqual(
      listed.map((each: typeof shown) => each.metadata.name),
      [id],
    );
    assert.deepEqual((await call('GET', `${v2}/pools?status=creating`)).body.items, []);

    const first = (await call('GET', `${v2}/pools/${id}/nodes?limit=1`)).body;
    assert.equal(first.metadata.remainingItemCount, 1);
    const second = (await call('GET', `${v2}/pools/${id}/nodes?limit=1&continue=${first.metadata.continue}`)).body;
    assert.notEqual(first.items[0].metadata.name, second.items[0].metadata.name);
    assert.match(first.items[0].metadata.name, /^lab-/);
    assert.deepEqual(first.items[0].status.resources, { cpu: '1000m', memory: '2048Mi' });
    const node = first.items[0].metadata.name;
    assert.equal((await call('GET', `${v2}/pools/${id}/nodes/${node}`)).body.status.phase, 'Available');
    refused(await call('GET', `${v2}/pools/${id}/nodes/other`), 404, '50015001', /Node not found/);

    const events = (await call('GET', `${v1}/events?resource=pools&name=${id}`)).body;
    assert.ok(events.items.some((each: { message: string }) => /from Creating to Running/.test(each.message)));
    const orders = (await call('GET', `${v1}/orders?involvedName=${id}`)).body;
    assert.deepEqual([orders.count, orders.items[0].operation, orders.items[0].phase], [1, 'apply', 'successed']);
    const { orderName } = orders.items[0];
    assert.equal((await call('GET', `${v1}/orders/${orderName}`)).body.items[0].action, 'createPool');
    assert.equal((await call('POST', `${v2}/pools/${id}/orderid`)).body.id, orderName);
    assert.deepEqual((await call('GET', `${v2}/statistics/pools`)).body.statistics.status.created >= 1, true);

    const answer = await call('DELETE', `${v2}/pools/${id}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.status.phase, 'Deleting');
    await w.gone(`${v2}/pools/${id}`);
    const kept = (await call('GET', `${v1}/events?resource=pools&name=${id}`)).body;
    assert.equal(kept.items[0].reason, 'PoolDeleted');
    assert.equal((await call('DELETE', `${v1}/networks/${net}`)).status, 200);
    await w.gone(`${v1}/networks/${net}`);
  });

  test('what cannot be', async () => {
    const { call, v2 } = w;
    const net = (await w.network('net-bad', '192.168.30.0/24')).body.metadata.name;
    const bad: [Parameters<typeof w.pool>, number, string, RegExp][] = [
      [['abc', { network: net }], 400, '50004000', /4 to 25/],
      [['Pool-a', { network: net }], 400, '50004000', /lower-case/],
      [['pool-a-', { network: net }], 400, '50004000', /hyphen/],
      [['pool-a'], 400, '50004000', /spec.network.name/],
      [['pool-a', { network: 'network-x' }], 404, '50025001', /Network not exist/],
      [['pool-a', { network: net, scope: [] }], 400, '50004000', /at least one/],
      [['pool-a', { network: net, scope: ['Play'] }], 400, '50004000', /Play/],
      [['pool-a', { network: net, resources: [] }], 400, '50004000', /at least one flavor/],
      [['pool-a', { network: net, resources: [{ flavor: 'x', count: 1 }] }], 404, '50005101', /"x"/],
      [['pool-a', { network: net, resources: [{ flavor: ONE, count: 0 }] }], 400, '50004000', /at least one node/],
      [['pool-a', { network: net, resources: [{ flavor: ONE, count: 1, maxCount: 2 }] }], 400, '50004000', /maxCount/],
      [
        [
          'pool-a',
          {
            network: net,
            resources: [
              { flavor: ONE, count: 1 },
              { flavor: ONE, count: 1 },
            ],
          },
        ],
        400,
        '50004000',
        /twice/,
      ],
      [
        ['pool-a', { network: net, resources: [{ flavor: ONE, count: 2, azs: [{ az: 'a', count: 1 }] }] }],
        400,
        '50004000',
        /azs/,
      ],
      [['pool-a', { network: net, annotations: { 'os.modelarts/description': 'a<b' } }], 400, '50004000', /none of/],
      [['pool-a', { network: net, annotations: { x: 1 } }], 400, '50004000', /must be a text/],
      [['pool-a', { network: net, resources: [{ flavor: ONE, count: 9 }] }], 400, '50004000', /9 vCPUs of 8 vCPUs/],
      [['pool-a', { network: net, type: 'Logical' }], 400, '50004000', /spec.parent/],
      [['pool-a', { network: net, parent: 'x' }], 400, '50004000', /Logical pools alone/],
      [['pool-a', { network: net, labels: { 'os.modelarts/workspace.id': 'nowhere' } }], 400, '7005', /nowhere/],
    ];
    for (const [request, status, code, message] of bad) refused(await w.pool(...request), status, code, message);
    refused(await call('GET', `${v2}/pools/none`), 404, '50015001', /Pool not found/);
    assert.deepEqual((await call('GET', `${v2}/pools`)).body.items, []);
    await call('DELETE', `/v1/${w.world.root.projectId}/networks/${net}`);
  });

  test('over-commit: the sum of all nodes never exceeds the machine, whoever asks at once', async () => {
    const { call, v1, v2 } = w;
    const net = (await w.network('net-sum', '192.168.31.0/24')).body.metadata.name;
    const wanted = Array.from({ length: 6 }, (_, at) =>
      w.pool(`pool-${at}aa`, { network: net, resources: [{ flavor: TWO, count: 1 }] }),
    );
    const answers = await Promise.all(wanted);
    assert.equal(answers.filter(answer => answer.status === 200).length, 4);
    const late = answers.find(answer => answer.status !== 200)!;
    refused(late, 400, '50004000', /2 vCPUs of 0 vCPUs and 4 GiB of memory of 0 GiB/);
    refused(await w.pool('pool-0aa', { network: net }), 409, '50015000', /Pool already exists/);
    const flavors = (await call('GET', `${v1}/resourceflavors`)).body.items;
    assert.ok(flavors.every((each: { status: { phase: object } }) => 'local' in each.status.phase));
    assert.equal(flavors[0].status.phase.local, 'soldout');
    refused(await call('DELETE', `${v1}/networks/${net}`), 400, '50004000', /is used by the pools/);
    for (const answer of answers.filter(each => each.status === 200)) {
      await call('DELETE', `${v2}/pools/${answer.body.metadata.name}`);
    }
    await w.world.until(async () => (await call('GET', `${v2}/pools`)).body.items.length === 0);
    assert.equal((await call('DELETE', `${v1}/networks/${net}`)).status, 200);
  });

  test('a node waits until what runs in the public pool leaves room, and nothing new starts there', async () => {
    const { call, v2, world } = w;
    await w.work(undefined, 6, { id: 'public-work' });
    const net = (await w.network('net-wait', '192.168.32.0/24')).body.metadata.name;
    const id = (await w.pool('pool-wait', { network: net, resources: [{ flavor: TWO, count: 2 }] })).body.metadata.name;
    await world.until(async () => (await w.show(id)).status.resources.available.length > 0);
    const waiting = await w.show(id);
    assert.equal(waiting.status.phase, 'Creating');
    assert.match(waiting.status.message, /1 of 2 nodes wait/);
    assert.equal((await w.work(undefined, 1, { id: 'public-later' })).state, 'queued');
    refused(
      await w.patch(id, { spec: { resources: [{ flavor: TWO, count: 1 }] } }),
      400,
      '50004000',
      /it is? Creating|is Creating/,
    );
    await world.families.admission.release('public-work');
    await w.phase(id, 'Running');
    await world.families.admission.release('public-later');
    await call('DELETE', `${v2}/pools/${id}`);
    await w.gone(`${v2}/pools/${id}`);
  });

  test('growing and shrinking, and what a merge patch may not mix', async () => {
    const { call, v1, v2, world } = w;
    const { id } = await w.running('pool-scale', [{ flavor: ONE, count: 2 }], '192.168.33.0/24');
    const to = (...resources: object[]) => w.patch(id, { spec: { resources } });
    assert.equal((await to({ flavor: ONE, count: 3 })).status, 200);
    await world.until(async () => (await w.show(id)).status.resources.available[0]?.count === 3);
    refused(await to({ flavor: TWO, count: 1 }, { flavor: ONE, count: 2 }), 400, '50004000', /in one change/);
    refused(await to(), 400, '50004000', /at least one/);
    refused(await to({ flavor: ONE, count: 0 }), 400, '50004000', /at least one node/);
    refused(await to({ flavor: ONE, count: 30 }), 400, '50004000', /27 vCPUs of/);
    refused(await w.patch(id, { spec: { resources: null } }), 400, '50004000', /cannot be taken away/);
    refused(await w.patch(id, { spec: { type: 'Logical' } }), 400, '50004000', /spec.type/);
    refused(
      await w.patch(id, { metadata: { labels: { 'os.modelarts/name': 'other' } } }),
      400,
      '50004000',
      /cannot be/,
    );

    const busy = (await w.work(id, 1)).nodes![0]!;
    await w.work(id, 1);
    refused(await to({ flavor: ONE, count: 1 }), 400, '50004000', new RegExp(`these run there:.*${busy}`));
    assert.equal((await to({ flavor: ONE, count: 2 })).status, 200);
    await world.until(async () => (await w.nodes(id)).length === 2);
    assert.ok((await w.nodes(id)).some((node: { metadata: { name: string } }) => node.metadata.name === busy));

    const annotated = await w.patch(id, {
      metadata: { annotations: { 'os.modelarts/description': 'new', 'os.modelarts/billing.mode': null } },
      spec: { scope: ['Train', 'Notebook'] },
    });
    assert.deepEqual(annotated.body.metadata.annotations, { 'os.modelarts/description': 'new' });
    assert.deepEqual(annotated.body.spec.scope, ['Train', 'Notebook']);
    refused(await w.patch(id, { spec: { scope: ['Infer'] } }), 400, '50004000', /Train, Notebook cannot be disabled/);

    const workspace = (await call('POST', `${v1}/workspaces`, { name: 'space' })).body.id;
    const label = { 'os.modelarts/workspace.id': workspace };
    refused(
      await w.patch(id, { metadata: { labels: label, annotations: { a: 'b' } } }),
      400,
      '50004000',
      /together with anything else/,
    );
    refused(
      await w.patch(id, { metadata: { labels: { 'os.modelarts/workspace.id': 'none' } } }),
      400,
      '50004000',
      /no workspace none/,
    );
    assert.equal((await w.patch(id, { metadata: { labels: label } })).status, 200);
    assert.deepEqual((await call('GET', `${v2}/pools`)).body.items, []);
    const moved = (await call('GET', `${v2}/pools?workspaceId=${workspace}`)).body.items;
    assert.deepEqual(
      moved.map((each: { metadata: { name: string } }) => each.metadata.name),
      [id],
    );

    refused(await call('POST', `${v2}/pools/${id}/retry-scope`, { scope: 'Train' }), 400, '50004000', /has not failed/);
    const workloads = (await call('GET', `${v2}/pools/${id}/workloads?type=train&type=infer&status=Running`)).body;
    assert.equal(workloads.total, 2);
    assert.match(workloads.items[0].name, /^modelarts-job-work-/);
    assert.equal(workloads.items[0].resourceRequirement.cpu, '1 Cores');
    await w.work(id, 1, { id: 'waits', priority: 3 });
    const queued = (await call('GET', `${v2}/pools/${id}/workloads?status=Queue`)).body.items;
    assert.deepEqual([queued[0].uid, queued[0].priority, queued[0].pendingPosition], ['waits', '3', 0]);
    const counts = (await call('GET', `${v2}/statistics/pools/${id}/workloads`)).body.statistics;
    assert.deepEqual([counts.total, counts.items[0].status.Running, counts.items[0].status.Queue], [3, 2, 1]);
    const metrics = (await call('GET', `${v2}/metrics/runtime/pools?workspaceId=${workspace}`)).body.items[0];
    assert.equal(metrics.table.allocated.value.cpu, '2000m');
    assert.equal(metrics.table.capacity.value.cpu, '2000m');

    // Deleting ends what runs there: the family is told until it is gone.
    const told: unknown[] = [];
    world.families.pools.setOccupants([
      {
        kind: 'training-job',
        vacate: async (ids, why) => {
          told.push(why);
          for (const each of ids) await world.families.admission.release(each);
        },
      },
    ]);
    await call('DELETE', `${v2}/pools/${id}`);
    await w.gone(`${v2}/pools/${id}`);
    assert.equal((told[0] as { deleted: boolean }).deleted, true);
  });

  test('nodes: locked, isolated, drained, restarted, spare, and taken away', async () => {
    const { call, v2, world } = w;
    const { id } = await w.running('pool-nodes', [{ flavor: ONE, count: 3 }], '192.168.34.0/24');
    const batch = (what: string, body: object) => call('POST', `${v2}/pools/${id}/nodes/batch-${what}`, body);
    const [a, b, c] = (await w.nodes(id)).map((node: { metadata: { name: string } }) => node.metadata.name);
    const taints = async (name: string) =>
      (await call('GET', `${v2}/pools/${id}/nodes/${name}`)).body.status.taints.map(
        (each: { key: string }) => each.key,
      );

    assert.deepEqual((await batch('lock', { nodeNames: [a], actions: ['delete'] })).body.nodes, [
      { name: a, status: 'success' },
    ]);
    refused(await batch('lock', { nodeNames: ['x'], actions: ['delete'] }), 404, '50015001', /Node not found/);
    refused(await batch('lock', { nodeNames: [a], actions: ['eat'] }), 400, '50004000', /actions/);
    refused(await batch('delete', { deleteNodeNames: [a] }), 400, '50004000', /locked/);
    refused(await batch('delete', { deleteNodeNames: [a, b, c] }), 400, '50004000', /locked|must remain/);
    await batch('unlock', { nodeNames: [a], actions: ['delete'] });
    refused(await batch('delete', { deleteNodeNames: [a, b, c] }), 400, '50004000', /At least one node must remain/);

    await batch('isolate', { nodeNames: [b, c] });
    assert.deepEqual(await taints(b), ['node.atelier/isolated']);
    const first = await w.work(id, 1, { id: 'on-a' });
    assert.deepEqual(first.nodes, [a]);
    const second = await w.work(id, 1, { id: 'next' });
    assert.equal(second.state, 'queued');
    refused(await batch('delete', { deleteNodeNames: [a] }), 400, '50004000', /on-a|work-/);
    await batch('return', { nodeNames: [b] });
    await world.until(async () => (await world.families.admission.status('next'))?.state === 'admitted');
    assert.deepEqual((await world.families.admission.status('next'))!.nodes, [b]);

    const left: string[] = [];
    world.families.pools.setOccupants([
      {
        kind: 'training-job',
        vacate: async (ids, why) => {
          assert.equal(why.deleted, false);
          left.push(...ids);
          for (const each of ids) await world.families.admission.release(each);
        },
      },
    ]);
    await batch('drain', { nodeNames: [a] });
    await world.until(() => left.includes('on-a'));
    assert.ok(!left.includes('next'));
    assert.deepEqual(await taints(a), ['node.atelier/draining']);
    assert.deepEqual((await batch('reboot', { nodeNames: [b] })).body.nodeNames, [b]);
    await world.until(async () => left.includes('next') && (await taints(b)).length === 0);
    await batch('return', { nodeNames: [a, c] });
    assert.deepEqual((await batch('update', { nodeNames: [c], action: 'openHaRedundant' })).body.successNodeNames, [c]);
    assert.deepEqual(await taints(c), ['os.modelarts.node/ha.redundant']);
    await batch('update', { nodeNames: [c], action: 'closeHaRedundant' });
    assert.equal((await batch('delete', { deleteNodeNames: [c] })).status, 200);
    await world.until(async () => (await w.nodes(id)).length === 2);
    assert.equal((await w.show(id)).spec.resources[0].count, 2);
    await call('DELETE', `${v2}/pools/${id}`);
    await w.gone(`${v2}/pools/${id}`);
  });

  test('sub-pools share the nodes of their parent, within what they may take', async () => {
    const { call, v2 } = w;
    const { id } = await w.running('pool-parent', [{ flavor: ONE, count: 4 }], '192.168.35.0/24');
    const sub = (name: string, count: number, maxCount: number) =>
      w.pool(name, { type: 'Logical', parent: id, resources: [{ flavor: ONE, count, maxCount }] });
    const made = await sub('pool-sub-a', 2, 3);
    assert.equal(made.status, 200, made.text);
    const child = made.body.metadata.name;
    await w.phase(child, 'Running');
    refused(await sub('pool-sub-b', 3, 3), 400, '50004000', /would be left 3 vCPUs of 2 vCPUs/);
    refused(await sub('pool-sub-b', 1, 9), 400, '50004000', /may take 9 vCPUs of 4/);
    refused(
      await w.pool('pool-sub-b', { type: 'Logical', parent: child, resources: [{ flavor: ONE, count: 1 }] }),
      400,
      '50004000',
      /is a sub-pool itself/,
    );
    assert.equal((await w.show(child)).status.parent, id);
    assert.equal((await call('GET', `${v2}/pools?parent=${id}`)).body.items.length, 1);
    for (let at = 0; at < 4; at++) await w.work(child, 1, { id: `sub-${at}` });
    const states = await Promise.all([0, 1, 2, 3].map(at => w.world.families.admission.status(`sub-${at}`)));
    assert.deepEqual(
      states.map(state => state?.state),
      ['admitted', 'admitted', 'admitted', 'queued'],
    );
    refused(
      await w.patch(id, { spec: { resources: [{ flavor: ONE, count: 1 }] } }),
      400,
      '50004000',
      /cannot be taken/,
    );
    refused(await call('DELETE', `${v2}/pools/${id}`), 400, '50004000', /has the sub-pools pool-sub-a/);
    for (let at = 0; at < 4; at++) await w.world.families.admission.release(`sub-${at}`);
    refused(await w.patch(id, { spec: { resources: [{ flavor: ONE, count: 1 }] } }), 400, '50004000', /were promised/);
    await call('DELETE', `${v2}/pools/${child}`);
    await w.gone(`${v2}/pools/${child}`);
    await call('DELETE', `${v2}/pools/${id}`);
    await w.gone(`${v2}/pools/${id}`);
  });

  test('tags, limits, monitoring', async () => {
    const { call, v1, v2 } = w;
    const { id } = await w.running('pool-tags', [{ flavor: ONE, count: 1 }], '192.168.36.0/24');
    const add = (tags: object[]) => call('POST', `${v1}/pools/${id}/tags/create`, { tags });
    assert.equal((await add([{ key: 'team', value: 'vision' }])).status, 204);
    refused(await add([{ key: 'CCE-x', value: '' }]), 400, '50004000', /service's own/);
    refused(
      await add(Array.from({ length: 20 }, (_, at) => ({ key: `k${at}`, value: '' }))),
      400,
      '50004000',
      /at most 20/,
    );
    assert.deepEqual((await call('GET', `${v1}/pools/${id}/tags`)).body.tags, [
      { key: 'team', value: 'vision', values: ['vision'] },
    ]);
    assert.deepEqual((await call('GET', `${v1}/pools/tags`)).body.tags, [{ key: 'team', values: ['vision'] }]);
    assert.equal((await call('DELETE', `${v1}/pools/${id}/tags/delete`, { tags: [{ key: 'team' }] })).status, 204);
    assert.deepEqual((await call('GET', `${v1}/pools/${id}/tags`)).body.tags, []);

    const config = (await call('GET', `${v1}/os-user-config`)).body;
    assert.deepEqual([config.poolQuota, config.networkQuota, config.maxPoolFlavors], [15, 15, 10]);
    const { resources } = (await call('GET', `${v1}/quotas`)).body.quotas;
    assert.deepEqual(resources[0], { type: 'pool', quota: 15, used: 1 });

    const monitor = (query: string) => call('GET', `${v2}/pools/${id}/monitor${query}`);
    const metrics = (await monitor('?period=300&statistics=maximum,average')).body.metrics;
    assert.deepEqual(metrics[0].dataPoints[0].statistics, [
      { statistic: 'maximum', value: -1 },
      { statistic: 'average', value: -1 },
    ]);
    refused(await monitor('?period=7'), 400, '50004000', /period/);
    refused(await monitor('?time_range=yesterday'), 400, '50004000', /time_range/);
    refused(await monitor('?statistics=median'), 400, '50004000', /statistics/);
    refused(await call('GET', `${v1}/events?resource=pools&name=none`), 404, '50015001', /Pool not found/);
    refused(await call('GET', `${v2}/pools/${id}/workloads?sort=colour`), 400, '50004000', /sort/);
    refused(await call('GET', `${v2}/pools?labelSelector=(`), 400, '50004000', /labelSelector/);
    await call('DELETE', `${v2}/pools/${id}`);
    await w.gone(`${v2}/pools/${id}`);
  });
});
