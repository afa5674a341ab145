import { setImmediate as otherWork } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Stretch, TraceFilter, TraceStore } from './trace.store.ts';
import type { Trace } from './trace.ts';

const HOUR_MS = 3_600_000;
/** Records looked at in one go: a few milliseconds, in which nothing else is answered. */
const SCAN = 2000;

export interface TraceQuery extends TraceFilter {
  limit: number;
  /** Milliseconds since the epoch; an hour before `to`, or ago, when absent. */
  from?: number | undefined;
  /** Left out itself. */
  to?: number | undefined;
  /** Id of the record after which to go on. */
  next?: string | undefined;
  /** One record by its id; nothing else counts then. */
  id?: string | undefined;
}

export interface TracePage {
  traces: Trace[];
  /** Present when there may be more. */
  marker?: string;
}

/**
 * Searches an account's part of the trail, newest first, from one page to the next by the last record's place, so that what is written
 * meanwhile moves nothing.
 */
export function traceSearch(deps: { store: TraceStore; clock: Clock; flush: () => Promise<void> }) {
  const { store, clock, flush } = deps;

  async function after(accountId: string, next: string | undefined): Promise<Stretch['olderThan']> {
    if (next === undefined) return undefined;
    const last = await store.find(accountId, next);
    if (last) return { time: last.time, seq: last.seq };
    throw invalid(
      'Parameter [next] is not the id of a record of this account.',
      'Use meta_data.marker of the page before; if its record has been removed as too old, nothing older is left.',
    );
  }

  /** Throws Failure 400 cts.0005. */
  return async (accountId: string, query: TraceQuery): Promise<TracePage> => {
    await flush();
    const { id, limit, next, from, to, ...filter } = query;
    if (id !== undefined) {
      const found = await store.find(accountId, id);
      return { traces: found ? [found] : [] };
    }
    if (from !== undefined && to !== undefined && from >= to) {
      throw invalid('Parameter [from] must be before [to].', 'Both are milliseconds since 1970-01-01 UTC.');
    }
    const part: Stretch = {
      accountId,
      from: from ?? (to ?? clock.now()) - HOUR_MS,
      before: to,
      olderThan: await after(accountId, next),
    };
    const found: Trace[] = [];
    for (;;) {
      const wanted = limit + 1 - found.length;
      const fitting = await store.search(part, filter, SCAN, wanted);
      found.push(...fitting);
      if (found.length > limit) return { traces: found.slice(0, limit), marker: found[limit - 1]!.id };
      part.olderThan = await store.end(part, SCAN);
      if (!part.olderThan) return { traces: found };
      await otherWork();
    }
  };
}

export type TraceSearch = ReturnType<typeof traceSearch>;

function invalid(message: string, solution: string): Failure {
  return new Failure({ code: 'cts.0005', status: 400, message, solution });
}
