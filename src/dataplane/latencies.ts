import { stepOfMicros } from '../kernel/time-steps.ts';
import { ask } from './admin-socket.ts';
import { LATENCIES } from './config.ts';

/**
 * How many answers began after how long. Keys: steps of kernel/time-steps.ts; values:
 * answers.
 */
export type Histogram = Record<string, number>;

/** Per service, per entry. */
export type Latencies = Record<string, Record<string, Histogram>>;

/** Rows of `show table` by `service/entry/time`: the first two digits of the time in microseconds, `e`, its number of digits. */
export function parseTable(text: string): Record<string, number> {
  const rows: Record<string, number> = {};
  for (const [, key, count] of text.matchAll(/ key=(\S+) .*?gpc0=(\d+)/g)) rows[key!] = Number(count);
  return rows;
}

/** The step in which the times of a row lie; undefined for one that is no time, as when the clock was set back. */
function stepOf(time: string): number | undefined {
  const [, first, digits] = /^(\d{1,2})e(\d{1,2})$/.exec(time) ?? [];
  if (first === undefined) return undefined;
  const scale = 10 ** Math.max(Number(digits) - first.length, 0);
  // The middle of what the row stands for.
  const micros = Math.max(Number(first) * scale + (scale - 1) / 2, 1);
  return stepOfMicros(micros);
}

/** Adds what was counted since `before` to `totals`. A row that shrank began anew. */
export function addLatencies(
  totals: Latencies,
  before: Record<string, number>,
  rows: Record<string, number>,
): Latencies {
  const sums = structuredClone(totals);
  for (const [key, count] of Object.entries(rows)) {
    const [service = '', entry = '', time = ''] = key.split('/');
    const last = before[key] ?? 0;
    const more = last <= count ? count - last : count;
    const step = stepOf(time);
    if (more === 0 || step === undefined) continue;
    sums[service] ??= {};
    sums[service][entry] ??= {};
    sums[service][entry][step] = (sums[service][entry][step] ?? 0) + more;
  }
  return sums;
}

/** What the running worker has counted. */
export async function readLatencies(socketPath: string): Promise<Record<string, number>> {
  return parseTable(await ask(socketPath, `show table ${LATENCIES}`));
}
