import { ask } from './admin-socket.ts';
import { readIfExists, writeAtomically } from './files.ts';
import { addLatencies, type Latencies, readLatencies } from './latencies.ts';

/** Requests that reached an entry's instances, and those of them that failed: 5xx answers and no valid answer. */
export interface Count {
  calls: number;
  failed: number;
}

/** Per service, per entry. The entry `-` counts calls for which no instance could be had. */
export type Counts = Record<string, Record<string, Count>>;

interface Saved {
  worker: string;
  /** Last reading of that worker by `service/server`. */
  raw: Record<string, Count>;
  totals: Counts;
  /** The same of how long answers took. */
  rows?: Record<string, number>;
  latencies?: Latencies;
}

export const NO_ENTRY = '-';

/** Rows of `show stat` as counts by `service/server`; the backend's own row is the server `-`. */
export function parseStats(csv: string): Record<string, Count> {
  const lines = csv.split('\n').filter(line => line !== '');
  const names = (lines[0] ?? '').replace(/^# /, '').split(',');
  const index = (name: string) => names.indexOf(name);
  const [proxy, server] = [index('pxname'), index('svname')];
  const answers = ['hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx', 'hrsp_other'].map(index);
  const [serverErrors, noAnswer] = [index('hrsp_5xx'), index('eresp')];
  const counts: Record<string, Count> = {};
  const backends: [string, Count][] = [];
  const served = new Map<string, Count>();
  for (const line of lines.slice(1)) {
    const cells = line.split(',');
    const name = cells[proxy] ?? '';
    if (!name.startsWith('svc-')) continue;
    const number = (i: number) => Number(cells[i]) || 0;
    const service = name.slice(4);
    const answered = answers.reduce((sum, i) => sum + number(i), 0);
    if (cells[server] === 'BACKEND') {
      backends.push([service, { calls: answered, failed: number(serverErrors) }]);
      continue;
    }
    const count = { calls: answered + number(noAnswer), failed: number(serverErrors) + number(noAnswer) };
    counts[`${service}/${cells[server]}`] = count;
    served.set(service, { calls: (served.get(service)?.calls ?? 0) + count.calls, failed: 0 });
  }
  for (const [service, all] of backends) {
    const missed = Math.max(0, all.calls - (served.get(service)?.calls ?? 0));
    counts[`${service}/${NO_ENTRY}`] = { calls: missed, failed: missed };
  }
  return counts;
}

/** Adds what a worker counted since its last reading to the totals. A counter that shrank began anew. */
export function accumulate(saved: Saved, worker: string, raw: Record<string, Count>): Saved {
  const before = saved.worker === worker ? saved.raw : {};
  const totals: Counts = structuredClone(saved.totals);
  for (const [key, count] of Object.entries(raw)) {
    const [service = '', server = ''] = key.split('/');
    const entry = server.split(':')[0]!;
    totals[service] ??= {};
    totals[service][entry] ??= { calls: 0, failed: 0 };
    const total = totals[service][entry];
    const last = before[key];
    const base = last && last.calls <= count.calls && last.failed <= count.failed ? last : { calls: 0, failed: 0 };
    total.calls += count.calls - base.calls;
    total.failed += count.failed - base.failed;
  }
  return { worker, raw, totals };
}

/** Lifetime call counts, kept in a file so that they go on over reloads, restarts of HAProxy and of the server. */
export function createCounters(file: string, socketPath: string) {
  let saved: Saved | undefined;

  async function load(): Promise<Saved> {
    const empty: Saved = { worker: '', raw: {}, totals: {} };
    const text = await readIfExists(file);
    try {
      return text === undefined ? empty : { ...empty, ...(JSON.parse(text) as Saved) };
    } catch {
      return empty;
    }
  }

  return {
    /** Reads `worker` (its pid and start time) and returns the totals. */
    async read(worker: string): Promise<Counts> {
      saved ??= await load();
      const rows = await readLatencies(socketPath);
      const next = {
        ...accumulate(saved, worker, parseStats(await ask(socketPath, 'show stat'))),
        rows,
        latencies: addLatencies(saved.latencies ?? {}, (saved.worker === worker && saved.rows) || {}, rows),
      };
      await writeAtomically(file, JSON.stringify(next));
      saved = next;
      return next.totals;
    },
    /** The totals as last read. */
    async last(): Promise<Counts> {
      saved ??= await load();
      return saved.totals;
    },
    /** How long answers took, as read with the last totals. */
    async latencies(): Promise<Latencies> {
      saved ??= await load();
      return saved.latencies ?? {};
    },
    /** Forgets services that are gone. */
    async keepOnly(services: Set<string>): Promise<void> {
      saved ??= await load();
      const gone = Object.keys(saved.totals).filter(id => !services.has(id));
      for (const id of gone) {
        delete saved.totals[id];
        delete saved.latencies?.[id];
      }
    },
  };
}
