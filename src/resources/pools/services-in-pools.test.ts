import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { furnish } from '../../../test/furnished.ts';
import { ONE, poolWorld } from './pools.test-world.ts';

let w: Awaited<ReturnType<typeof poolWorld>>;
let model: string;
before(async () => {
  w = await poolWorld();
  model = (await furnish(w.world)).model_id!;
});
after(() => w?.world.remove());

test('a service runs in a dedicated pool, on its network, with a size of its own, and ends with it', async () => {
  const { call, v1, v2, world } = w;
  const { id } = await w.running('pool-infer', [{ flavor: ONE, count: 2 }], '192.168.40.0/24');
  const deploy = (service_name: string, entry: object, more: object = {}) =>
    call('POST', `${v1}/services`, {
      service_name,
      infer_type: 'real-time',
      config: [{ model_id: model, weight: 100, specification: ONE, instance_count: 1, ...entry }],
      ...more,
    });
  const own = { specification: 'custom', custom_spec: { cpu: 0.5, memory: 512 } };
  for (const [entry, status, code, message] of [
    [{ ...own }, 400, 'ModelArts.0104', /dedicated pool alone/],
    [{ specification: 'custom:1/1024/0' }, 400, 'ModelArts.0104', /no name of a flavor/],
    [{ pool_name: 'none' }, 400, 'ModelArts.3547', /"none"/],
    [{ pool_name: id, specification: 'custom' }, 400, 'ModelArts.0104', /custom_spec.cpu/],
    [{ pool_name: id, specification: 'modelarts.vm.cpu.2u' }, 400, 'ModelArts.3976', /no resources/],
    [{ pool_name: id, instance_count: 3 }, 400, 'ModelArts.3976', /no resources/],
  ] as const) {
    const answer = await deploy('refused', entry);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error_code, code, answer.text);
    assert.match(answer.body.error_msg, message);
  }
  const made = await deploy('pooled', { ...own, instance_count: 2 }, { pool_name: id });
  assert.equal(made.status, 200, made.text);
  const path = `${v1}/services/${made.body.service_id}`;
  const show = async () => (await call('GET', path)).body;
  await world.until(async () => (await show()).status === 'running');
  const [entry] = (await show()).config;
  assert.deepEqual(
    [entry.pool_name, entry.specification, entry.custom_spec],
    [id, 'custom', { cpu: 0.5, memory: 512 }],
  );
  const listed = (await call('GET', `${v1}/services?cluster_id=${id}`)).body.services;
  assert.deepEqual(
    listed.map((each: { service_name: string }) => each.service_name),
    ['pooled'],
  );
  const containers = () =>
    [...world.engine.containers.values()].filter(each => each.spec.labels['atelier.service'] === made.body.service_id);
  assert.equal(containers().length, 2);
  for (const { spec } of containers()) {
    assert.match(spec.network, /-net-/);
    assert.equal(world.engine.networks.get(spec.network)!.subnet, '192.168.40.0/24');
    assert.deepEqual([spec.limits.cpus, spec.limits.memoryBytes], [0.5, 512 * 1024 ** 2]);
  }
  const items = (await call('GET', `${v2}/pools/${id}/workloads?type=infer`)).body.items;
  assert.equal(items.length, 2);
  assert.match(items[0].jobName, /^pooled\//);

  // A drained node's instances begin again on another.
  const before = containers().map(each => each.spec.name);
  const node = items[0].nodes[0].name;
  const there = items.filter((each: (typeof items)[0]) => each.nodes[0].name === node).length;
  await call('POST', `${v2}/pools/${id}/nodes/batch-drain`, { nodeNames: [node] });
  await world.until(async () => {
    const now = (await call('GET', `${v2}/pools/${id}/workloads?status=Running`)).body.items;
    return now.length === 2 && now.every((each: (typeof items)[0]) => each.nodes[0].name !== node);
  });
  await world.until(async () => (await show()).status === 'running' && containers().length === 2);
  assert.equal(containers().filter(each => before.includes(each.spec.name)).length, 2 - there);

  await call('DELETE', `${v2}/pools/${id}`);
  await w.gone(`${v2}/pools/${id}`);
  await world.until(async () => (await show()).status === 'stopped');
  const events = (await call('GET', `${path}/events`)).body.events;
  assert.ok(
    events.some((each: { event_info: string }) =>
      /The pool pool-infer is deleted. The service is stopped/.test(each.event_info),
    ),
  );
  assert.equal(containers().length, 0);
});
