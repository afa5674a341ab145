import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { badRequest } from '../../kernel/object-list.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { maintenanceStore } from './maintenance.store.ts';
import { type PoolAdmission, sum } from './pool.admission.ts';
import type { DiskShares } from './pool.disk.ts';
import type { PoolStore } from './pool.store.ts';
import type { Pool } from './pool.ts';

const SAMPLE_MS = 60_000;
const KEPT_MS = 7 * 86_400_000;
const PRUNE_MS = 31 * 86_400_000;
const MOST_POINTS = 1440;
const STATISTICS = ['maximum', 'minimum', 'sum', 'average'] as const;
const PERIODS = [60, 300, 900, 3600];
const METRICS = [
  'cpuUsage',
  'memUsedRate',
  'gpuUtil',
  'gpuMemUsage',
  'diskCapacity',
  'diskAvailableCapacity',
  'diskUsedRate',
];
const MIB = 1024 ** 2;
/** How the service says that there is no value. */
const INVALID = -1;

type Statistic = (typeof STATISTICS)[number];

/** Samples once a minute how pools are used, by what their containers really take, and tells it. */
export function poolMonitor(deps: {
  store: PoolStore;
  maintenance: Pick<ReturnType<typeof maintenanceStore>, 'prune'>;
  admission: PoolAdmission;
  driver: Pick<RuntimeDriver, 'list' | 'stats'>;
  clock: Clock;
  log: Log;
  stored(): Promise<DiskShares>;
  installation: string;
}) {
  const { store, admission, driver, clock, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let sampling: Promise<void> = Promise.resolve();

  async function sample(): Promise<void> {
    const now = clock.now();
    await store.pruneSamples(now - KEPT_MS);
    await store.prune(now - PRUNE_MS);
    await deps.maintenance.prune(now - PRUNE_MS);
    const pools = (await store.all()).filter(pool => pool.phase === 'Running' || pool.phase === 'Abnormal');
    if (pools.length === 0) return;
    const containers = await driver.list({ 'atelier.installation': deps.installation });
    const shares = await deps.stored();
    for (const pool of pools) {
      const ids = new Set((await admission.workloads(pool.id)).map(each => each.id));
      const state = (await admission.pools()).find(each => each.id === pool.id);
      const total = pool.parent ? (state?.max ?? state?.used) : sum((state?.nodes ?? []).map(node => node.capacity));
      if (!total || total.vcpus === 0) continue;
      const used = { cpus: 0, memoryBytes: 0 };
      for (const container of containers) {
        if (container.state !== 'running' || !ids.has(container.labels['atelier.id'] ?? '')) continue;
        const stats = await driver.stats(container.name);
        used.cpus += Math.max(stats?.cpus ?? 0, 0);
        used.memoryBytes += stats?.memoryBytes ?? 0;
      }
      await store.addSample(pool.id, now, {
        cpuUsage: percent(used.cpus, total.vcpus),
        memUsedRate: percent(used.memoryBytes, total.memoryBytes),
        ...diskOf(shares.pools.get(pool.parent || pool.id)),
      });
    }
  }

  return {
    sample,
    start(): void {
      timer = setInterval(() => {
        sampling = sample().catch(error => log.warn({ err: error }, 'the use of pools could not be sampled'));
      }, SAMPLE_MS);
      timer.unref();
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await sampling;
    },

    /** `GET …/monitor` (behaviour/resources.md 2). Throws Failure 400 for a range, statistic or period that cannot be. */
    async show(pool: Pool, query: { time_range?: string; statistics?: string; period?: string }) {
      const { from, to } = range(query.time_range ?? '-1.-1.60', clock.now());
      const statistics = (query.statistics || 'average').split(',').map(each => {
        const found = STATISTICS.find(known => known === each.trim());
        if (!found) throw badRequest(`[statistics] "${each.slice(0, 40)}" must be of ${STATISTICS.join(', ')}.`);
        return found;
      });
      const period = Number(query.period || 60);
      if (!PERIODS.includes(period)) throw badRequest(`[period] must be one of ${PERIODS.join(', ')} seconds.`);
      if ((to - from) / (period * 1000) > MOST_POINTS) {
        throw badRequest(`[time_range] holds more than ${MOST_POINTS} periods; take a longer [period].`);
      }
      const samples = await store.samples(pool.id, from, to);
      const step = period * 1000;
      const points: { at: number; metrics: Record<string, number>[] }[] = [];
      for (let at = Math.floor(from / step) * step; at <= to; at += step) {
        points.push({
          at,
          metrics: samples.filter(({ time }) => time >= at && time < at + step).map(each => each.metrics),
        });
      }
      return METRICS.map(metricName => ({
        metric: { dimensions: [{ name: 'clusterId', value: pool.id }], metricName, namespace: 'PAAS.AGGR' },
        dataPoints: points.map(({ at, metrics }) => ({
          timestamp: at,
          unit: metricName.endsWith('Capacity') ? 'Megabytes' : 'Percent',
          statistics: statistics.map(statistic => ({
            statistic,
            value: reduce(
              statistic,
              metrics.map(each => each[metricName]).filter(value => value !== undefined),
            ),
          })),
        })),
      }));
    },
  };
}

/** Promised to the storage of instances, of what the pool's nodes have. */
function diskOf(disk: { bytes: number; stored: number } | undefined): Record<string, number> {
  if (!disk || disk.bytes === 0) return {};
  return {
    diskCapacity: Math.round(disk.bytes / MIB),
    diskAvailableCapacity: Math.max(Math.round((disk.bytes - disk.stored) / MIB), 0),
    diskUsedRate: percent(disk.stored, disk.bytes),
  };
}

function percent(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 10_000) / 100 : 0;
}

/** `start.end.minutes`: times in milliseconds, -1 to have one computed of the others. */
function range(text: string, now: number): { from: number; to: number } {
  const match = /^(-1|\d{1,15})\.(-1|\d{1,15})\.(\d{1,6})$/.exec(text);
  if (!match) throw badRequest(`[time_range] "${text.slice(0, 60)}" must be start.end.minutes, such as -1.-1.60.`);
  const [start, end, minutes] = match.slice(1).map(Number) as [number, number, number];
  const length = minutes * 60_000;
  const to = end >= 0 ? end : start >= 0 ? start + length : now;
  const from = start >= 0 ? start : to - length;
  if (from > to) throw badRequest('[time_range] ends before it begins.');
  return { from, to };
}

function reduce(statistic: Statistic, values: readonly number[]): number {
  if (values.length === 0) return INVALID;
  const total = values.reduce((all, value) => all + value, 0);
  if (statistic === 'maximum') return Math.max(...values);
  if (statistic === 'minimum') return Math.min(...values);
  return statistic === 'sum' ? total : Math.round((total / values.length) * 100) / 100;
}
