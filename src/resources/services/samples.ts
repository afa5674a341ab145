import { type Database, tables } from '../../store-kit/index.ts';
import { type Histogram, merged } from './histogram.ts';
import type { ServiceTables } from './service.schema.ts';

export const MINUTE_MS = 60_000;
/** Samples are kept as long as those of pools. */
const KEPT_MS = 7 * 86_400_000;

/** Of one minute, of one entry of a service; the entry `-` counts calls that no instance could take. */
export interface Sample {
  entryId: string;
  /** Its beginning, milliseconds. */
  time: number;
  calls: number;
  failed: number;
  latency: Histogram;
  /** Of what its instances may take, per cent; undefined where nothing ran. */
  cpu?: number;
  memory?: number;
}

/** What is added to the sample of a minute. */
export type Addition = { serviceId: string; entryId: string; time: number } & Partial<Omit<Sample, 'entryId' | 'time'>>;

export type SampleStore = ReturnType<typeof sampleStore>;

/** Calls, waits and use of services, minute by minute, for a week. */
export function sampleStore(database: Database) {
  const db = tables<ServiceTables>(database);
  return {
    /** Adds to minutes, within the caller's transaction where one is given. */
    async add(additions: readonly Addition[], within: typeof db = db): Promise<void> {
      for (const { serviceId, entryId, time, ...more } of additions) {
        const key = { service_id: serviceId, entry_id: entryId, minute: Math.floor(time / MINUTE_MS) };
        const row = await within
          .selectFrom('service_samples')
          .selectAll()
          .where('service_id', '=', key.service_id)
          .where('entry_id', '=', key.entry_id)
          .where('minute', '=', key.minute)
          .executeTakeFirst();
        const values = {
          calls: (row?.calls ?? 0) + (more.calls ?? 0),
          failed: (row?.failed ?? 0) + (more.failed ?? 0),
          latency: JSON.stringify(merged([histogramOf(row?.latency), more.latency ?? {}])),
          cpu: more.cpu ?? row?.cpu ?? null,
          memory: more.memory ?? row?.memory ?? null,
        };
        await within
          .insertInto('service_samples')
          .values({ ...key, ...values })
          .onConflict(conflict => conflict.columns(['service_id', 'entry_id', 'minute']).doUpdateSet(values))
          .execute();
      }
    },
    /** Of a service, from `from` to before `to`, milliseconds; the oldest first. */
    async of(serviceId: string, from: number, to: number): Promise<Sample[]> {
      const rows = await db
        .selectFrom('service_samples')
        .selectAll()
        .where('service_id', '=', serviceId)
        .where('minute', '>=', Math.floor(from / MINUTE_MS))
        .where('minute', '<', Math.ceil(to / MINUTE_MS))
        .orderBy('minute')
        .execute();
      return rows.map(row => ({
        entryId: row.entry_id,
        time: row.minute * MINUTE_MS,
        calls: row.calls,
        failed: row.failed,
        latency: histogramOf(row.latency),
        ...(row.cpu === null ? {} : { cpu: row.cpu }),
        ...(row.memory === null ? {} : { memory: row.memory }),
      }));
    },
    /** Drops what is older than a week. */
    async prune(now: number): Promise<void> {
      const oldest = Math.floor((now - KEPT_MS) / MINUTE_MS);
      await db.deleteFrom('service_samples').where('minute', '<', oldest).execute();
    },
  };
}

function histogramOf(text: string | undefined): Histogram {
  return text === undefined ? {} : (JSON.parse(text) as Histogram);
}
