import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { type Database, tables } from '../../store-kit/index.ts';
import { type Histogram, since } from './histogram.ts';
import { type Addition, MINUTE_MS, type SampleStore } from './samples.ts';
import type { ServiceTables } from './service.schema.ts';
import type { ServiceStore } from './service.store.ts';
import type { Calls } from './service.view.ts';

/** Lifetime calls and failures per service and entry, as the gateway counts them. */
export type GatewayCounts = Record<string, Record<string, Calls>>;

export interface CallCounterDeps {
  db: Database;
  clock: Clock;
  log: Log;
  store: ServiceStore;
  samples: SampleStore;
  gateway: {
    counters(): Promise<GatewayCounts>;
    /** How long answers took to begin, of the calls that `counters` counted. */
    latencies(): Promise<Record<string, Record<string, Histogram>>>;
    status(): Promise<{ running: boolean }>;
    ensure(): Promise<void>;
  };
}

const READ_MS = 5_000;

export type CallCounter = ReturnType<typeof callCounter>;

/**
 * Adds up the calls of each service durably and watches the gateway: when it is found dead it is started again and the events of
 * the services say so. A count that shrank began anew and is added as it is. What is new goes to the sample of the minute, too: calls that
 * were made while this server was down are of the minute in which it came back.
 */
export function callCounter(deps: CallCounterDeps) {
  const db = tables<ServiceTables>(deps.db);
  const samples = new Map<string, { time: number; calls: number }[]>();
  /** When the counts were read before; a service that had none then had no calls. */
  let readAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = true;
  let reading: Promise<void> = Promise.resolve();

  async function add(counts: GatewayCounts, latencies: Record<string, Record<string, Histogram>>): Promise<void> {
    const time = deps.clock.now();
    const additions: Addition[] = [];
    await db.transaction().execute(async trx => {
      const known = new Map(
        (await trx.selectFrom('service_counters').selectAll().execute()).map(row => [
          `${row.service_id}/${row.entry_id}`,
          row,
        ]),
      );
      const services = new Set((await trx.selectFrom('services').select('id').execute()).map(row => row.id));
      for (const [serviceId, entries] of Object.entries(counts)) {
        if (!services.has(serviceId)) continue;
        for (const [entryId, seen] of Object.entries(entries)) {
          const row = known.get(`${serviceId}/${entryId}`);
          if (row && row.seen_calls === seen.calls && row.seen_failed === seen.failed) continue;
          const anew = row !== undefined && (seen.calls < row.seen_calls || seen.failed < row.seen_failed);
          const base = row && !anew ? row : { seen_calls: 0, seen_failed: 0 };
          const histogram = latencies[serviceId]?.[entryId] ?? {};
          const more = { calls: seen.calls - base.seen_calls, failed: seen.failed - base.seen_failed };
          const before = row ? (JSON.parse(row.seen_latency) as Histogram) : {};
          if (more.calls + more.failed > 0) {
            additions.push({ serviceId, entryId, time, ...more, latency: since(before, histogram) });
          }
          const values = {
            calls: (row?.calls ?? 0) + more.calls,
            failed: (row?.failed ?? 0) + more.failed,
            seen_calls: seen.calls,
            seen_failed: seen.failed,
            seen_latency: JSON.stringify(histogram),
          };
          await trx
            .insertInto('service_counters')
            .values({ service_id: serviceId, entry_id: entryId, ...values })
            .onConflict(conflict => conflict.columns(['service_id', 'entry_id']).doUpdateSet(values))
            .execute();
        }
      }
      await deps.samples.add(additions, trx);
    });
  }

  async function read(): Promise<void> {
    const { running } = await deps.gateway.status();
    if (!running) await revive();
    const counts = await deps.gateway.counters();
    await add(counts, await deps.gateway.latencies());
    const now = deps.clock.now();
    for (const [serviceId, calls] of await totals()) {
      const before = samples.get(serviceId) ?? (readAt === undefined ? [] : [{ time: readAt, calls: 0 }]);
      const kept = before.filter(sample => sample.time >= now - MINUTE_MS - READ_MS);
      samples.set(serviceId, [...kept, { time: now, calls: calls.calls }]);
    }
    readAt = now;
  }

  async function revive(): Promise<void> {
    const ids = (
      await db.selectFrom('services').select('id').where('status', 'in', ['running', 'concerning']).execute()
    ).map(row => row.id);
    deps.log.warn({ services: ids.length }, 'the inference gateway is down; starting it again');
    const down = 'The inference gateway was found down; it is started again.';
    await deps.store.addEvents(ids, { time: deps.clock.now(), type: 'abnormal', info: down });
    await deps.gateway.ensure();
    const back = 'The inference gateway serves again.';
    await deps.store.addEvents(ids, { time: deps.clock.now(), type: 'normal', info: back });
  }

  async function totals(): Promise<Map<string, Calls>> {
    const rows = await db
      .selectFrom('service_counters')
      .select(eb => ['service_id', eb.fn.sum<number>('calls').as('calls'), eb.fn.sum<number>('failed').as('failed')])
      .groupBy('service_id')
      .execute();
    return new Map(rows.map(row => [row.service_id, { calls: Number(row.calls), failed: Number(row.failed) }]));
  }

  function again(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      reading = read()
        .catch(error => deps.log.warn({ err: error }, 'the calls of the gateway could not be read'))
        .finally(again);
    }, READ_MS);
  }

  return {
    read,
    totals,
    /** Calls per entry of one service; the entry `-` counts calls that no instance could take. */
    async ofService(serviceId: string): Promise<Map<string, Calls>> {
      const rows = await db.selectFrom('service_counters').selectAll().where('service_id', '=', serviceId).execute();
      return new Map(rows.map(row => [row.entry_id, { calls: row.calls, failed: row.failed }]));
    },
    /** Calls in the last minute, as far as this process saw it. */
    perMinute(serviceId: string): number {
      const all = samples.get(serviceId) ?? [];
      const since = deps.clock.now() - MINUTE_MS;
      const recent = all.filter(sample => sample.time >= since);
      const from = all.findLast(sample => sample.time < since) ?? recent[0];
      return from && recent.length > 0 ? Math.max(0, recent.at(-1)!.calls - from.calls) : 0;
    },
    start(): void {
      stopped = false;
      again();
    },
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await reading;
    },
  };
}
