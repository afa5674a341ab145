import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { silentLog } from '../../kernel/log.ts';
import { createFakeDriver } from '../../runtime/fake/index.ts';
import { tables } from '../../store-kit/index.ts';
import { callCounter } from './calls.ts';
import { type Histogram, mean, quantile, since } from './histogram.ts';
import { sampleStore } from './samples.ts';
import type { ServiceTables } from './service.schema.ts';
import { serviceStore } from './service.store.ts';
import { World } from './services.test-world.ts';
import { usageSampler } from './usage.ts';

const MINUTE = 60_000;
const CPU = { vcpus: 1, memoryBytes: 1024 ** 3, gpus: 0 };
/** The step of a time in milliseconds. */
const step = (ms: number) => Math.floor(Math.log(ms * 1000) / Math.log(1.1));

interface Point {
  timestamp: number;
  average?: number;
  sum?: number;
  max?: number;
  unit?: string;
}

describe('how long answers took', () => {
  it('is told to within five per cent', () => {
    const histogram: Histogram = { [step(10)]: 98, [step(100)]: 1, [step(1000)]: 1 };
    const near = (value: number | undefined, wanted: number) =>
      assert.ok(Math.abs(value! / wanted - 1) <= 0.1, `${value} is not ${wanted}`);
    near(quantile(histogram, 0.5), 10);
    near(quantile(histogram, 0.99), 100);
    near(quantile(histogram, 1), 1000);
    near(mean(histogram), 20.8);
    assert.equal(quantile({}, 0.5), undefined);
    assert.equal(mean({}), undefined);
  });

  it('counts on when the gateway begins anew', () => {
    assert.deepEqual(since({ 1: 5, 2: 7 }, { 1: 8, 2: 3, 3: 1 }), { 1: 3, 2: 3, 3: 1 });
  });
});

describe('metrics of services', () => {
  let world: World;
  let id: string;
  beforeEach(async () => {
    world = await new World().start();
    // In the middle of a minute, so that no test runs over its end.
    world.skew = MINUTE - (Date.now() % MINUTE) + 5_000;
    id = await world.deploy();
  });
  afterEach(() => world.end());

  const parts = () => {
    const { db, clock, gateway } = world;
    const [store, samples, log] = [serviceStore(db), sampleStore(db), silentLog()];
    return { db, clock, gateway, store, samples, log };
  };
  const counted = (calls: number, failed: number, took: Histogram) => {
    world.gateway.counts = { [id]: { m1: { calls, failed } } };
    world.gateway.took = { [id]: { m1: took } };
    return callCounter(parts()).read();
  };
  async function shown(name: string, more: Record<string, string> = {}) {
    const now = world.clock.now();
    const query = new URLSearchParams({
      namespace: 'SYS.ModelArts',
      metric_name: name,
      'dim.0': `service_id,${id}`,
      filter: 'average',
      period: '1',
      from: String(now - 10 * MINUTE),
      to: String(now + MINUTE),
      ...more,
    });
    const response = await fetch(`${world.base}/V1.0/p1/metric-data?${query}`);
    const body = (await response.json()) as { datapoints: Point[]; error_code?: string; error_msg?: string };
    return { status: response.status, ...body };
  }

  it('are calls and waits by the minute, over restarts of the server and of the gateway', async () => {
    await counted(10, 1, { [step(10)]: 10 });
    await counted(14, 1, { [step(10)]: 14 });
    world.skew += MINUTE;
    // Another process, for which the gateway has begun anew.
    await counted(3, 0, { [step(500)]: 3 });
    const calls = await shown('total_called_times');
    assert.deepEqual(
      calls.datapoints.map(({ average, unit }) => [average, unit]),
      [
        [14, 'Times/Minute'],
        [3, 'Times/Minute'],
      ],
    );
    assert.equal(calls.datapoints[1]!.timestamp - calls.datapoints[0]!.timestamp, MINUTE);
    assert.deepEqual(
      (await shown('successfully_called_times')).datapoints.map(({ average }) => average),
      [13, 3],
    );
    const [early, late] = (await shown('latency_p99', { 'dim.1': 'model_id,m1' })).datapoints;
    assert.ok(early!.average! > 9 && early!.average! < 11.5);
    assert.ok(late!.average! > 450 && late!.average! < 550);
    const hour = { period: '3600', from: String(world.clock.now() - 7_200_000) };
    const sums = (await shown('total_called_times', { ...hour, filter: 'sum' })).datapoints;
    assert.equal(
      sums.reduce((total, each) => total + each.sum!, 0),
      17,
    );
    assert.deepEqual((await shown('latency_p50', { 'dim.1': 'model_id,other' })).datapoints, []);
  });

  it('are what instances take, per cent, of models alone', async () => {
    for (const { spec } of world.containers('running')) assert.ok(spec.limits.cpus > 0);
    const driver = createFakeDriver({ engine: world.engine });
    const runner = {
      stats: (instance: { id: string }) =>
        driver.stats(
          world.containers('running').find(each => each.spec.labels['atelier.id'] === instance.id)!.spec.name,
        ),
    };
    const sampler = usageSampler({
      ...parts(),
      runner,
      flavor: () => ({ ...CPU, id: 'x', memoryBytes: 4 * 1024 ** 2 }) as never,
    });
    await sampler.sample();
    const of = { 'dim.1': 'model_id,m1' };
    assert.deepEqual(
      (await shown('mem_usage', of)).datapoints.map(({ average, unit }) => [average, unit]),
      [[25, '%']],
    );
    assert.equal((await shown('cpu_usage', of)).datapoints.length, 1);
    assert.deepEqual((await shown('mem_usage')).datapoints, []);
  });

  it('are gone after a week, and with the service', async () => {
    await counted(1, 0, {});
    const { samples } = parts();
    await samples.prune(world.clock.now() + 6 * 86_400_000);
    assert.equal((await shown('total_called_times')).datapoints.length, 1);
    await samples.prune(world.clock.now() + 8 * 86_400_000);
    assert.deepEqual((await shown('total_called_times')).datapoints, []);
  });

  it('are told in the workspace of the service alone', async () => {
    await counted(1, 0, {});
    await tables<ServiceTables>(world.db).updateTable('services').set({ workspace_id: 'w2' }).execute();
    assert.deepEqual((await shown('total_called_times')).datapoints, []);
  });

  it('say what is wrong with a question, and nothing of what is not there', async () => {
    await counted(1, 0, {});
    assert.deepEqual((await shown('no_such_metric')).datapoints, []);
    assert.deepEqual((await shown('total_called_times', { namespace: 'SYS.ECS' })).datapoints, []);
    assert.deepEqual((await shown('total_called_times', { 'dim.0': 'service_id,other' })).datapoints, []);
    assert.deepEqual((await shown('total_called_times', { 'dim.0': 'constructor,other' })).datapoints, []);
    assert.equal((await shown('total_called_times', { to: '5', from: '9' })).status, 400);
    assert.match((await shown('total_called_times', { from: '0' })).error_msg!, /30000 points/);
    assert.equal((await shown('total_called_times', { filter: 'median' })).status, 400);
    world.allowed = action => action === 'ces:metricData:list';
    assert.equal((await shown('total_called_times')).datapoints.length, 1);
    world.allowed = () => false;
    assert.equal((await shown('total_called_times')).status, 403);
  });
});
