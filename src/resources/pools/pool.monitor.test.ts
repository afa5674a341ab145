import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { createFakeDriver } from '../../runtime/fake/index.ts';
import { poolMonitor } from './pool.monitor.ts';
import { poolStore } from './pool.store.ts';
import { GIB, ONE, poolWorld } from './pools.test-world.ts';

test('samples are what the containers of a pool take, and nothing of what others do', async () => {
  const w = await poolWorld({ program: () => ({ cpus: 0.5, memoryBytes: GIB }) });
  try {
    const { id } = await w.running('pool-watch', [{ flavor: ONE, count: 2 }], '192.168.49.0/24');
    await w.work(id, 1, { id: 'mine' });
    w.world.engine.addImage('localhost/x:1');
    const driver = createFakeDriver({ engine: w.world.engine });
    for (const [name, work] of [
      ['a', 'mine'],
      ['b', 'other'],
    ] as const) {
      await driver.create({
        name,
        labels: { 'atelier.installation': 'test01', 'atelier.id': work },
        image: 'localhost/x:1',
        env: {},
        user: '1:1',
        mounts: [],
        network: 'none',
        ports: [],
        limits: { cpus: 1, memoryBytes: GIB, pids: 1, shmBytes: 1 },
        stopGraceSeconds: 1,
        logBytes: 1,
      });
      await driver.start(name);
    }
    const monitor = poolMonitor({
      maintenance: { prune: async () => [] },
      store: poolStore(w.world.db),
      admission: w.world.families.admission,
      driver,
      clock: systemClock,
      log: silentLog(),
      stored: async () => ({ pools: new Map([[id, { bytes: 20 * GIB, stored: 5 * GIB }]]), rest: 0 }),
      installation: 'test01',
    });
    await monitor.sample(); // the first has no processor time to compare with
    await new Promise(resolve => setTimeout(resolve, 20));
    await monitor.sample();
    const { metrics } = (await w.call('GET', `${w.v2}/pools/${id}/monitor?period=3600&statistics=maximum`)).body;
    const value = (name: string) =>
      Math.max(
        ...metrics
          .find((each: { metric: { metricName: string } }) => each.metric.metricName === name)
          .dataPoints.map((point: { statistics: { value: number }[] }) => point.statistics[0]!.value),
      );
    assert.deepEqual([value('cpuUsage'), value('memUsedRate'), value('gpuUtil')], [25, 25, -1]);
    await driver.remove('a');
    await driver.remove('b');
  } finally {
    await w.world.remove();
  }
});
