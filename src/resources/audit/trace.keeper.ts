import { setImmediate as otherWork } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Group, TraceStore } from './trace.store.ts';
import { shareOf, type Trace } from './trace.ts';
import type { UsageStore } from './usage.store.ts';

/** How long, and how much of it, the trail is kept. */
export interface Retention {
  days: number;
  /** Records of each share of an account: a flood of refusals pushes out nothing but refusals, one of strangers nothing but theirs. */
  records: number;
}

export const defaultRetention: Retention = { days: 180, records: 500_000 };

const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** Rows removed in one transaction: a few milliseconds, in which nothing else is answered. */
const BATCH = 500;
/** An account may be over its limit by so many before anything is removed. */
const SLACK = 1000;
/** Different uses of actions that are remembered of an account. */
const USES = 20_000;

export interface TraceKeeper {
  /** To be told of what was written, so that a flood is noticed before the hour is over. */
  written(traces: readonly Trace[]): void;
  /** Removes what is too old or too much. */
  sweep(): Promise<void>;
  start(): void;
  /** Ends the timer and waits for the sweep under way. */
  stop(): Promise<void>;
}

/** Keeps the trail from filling the disk: removes what is older than the retention and, oldest first, what an account has too much. */
export function traceKeeper(deps: {
  traces: TraceStore;
  usage: UsageStore;
  clock: Clock;
  log: Log;
  retention: Retention;
}): TraceKeeper {
  const { traces, usage, clock, log, retention } = deps;
  let counts = new Map<string, Group & { count: number }>();
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<void> | undefined;
  let stopped = false;

  const keyOf = (group: Group) => `${group.share} ${group.accountId}`;

  async function removeFrom(group: Group & { count: number }, before: number): Promise<void> {
    for (;;) {
      const tooMany = group.count - retention.records;
      const removed =
        (await traces.removeOldest(group, BATCH, before)) ||
        (tooMany > 0 ? await traces.removeOldest(group, Math.min(BATCH, tooMany)) : 0);
      group.count -= removed;
      if (removed === 0 || stopped) return;
      await otherWork();
    }
  }

  async function removeAll(): Promise<void> {
    counts = new Map((await traces.counts()).map(group => [keyOf(group), group]));
    const before = clock.now() - retention.days * DAY_MS;
    for (const group of counts.values()) await removeFrom(group, before);
    while (!stopped && (await usage.removeBefore(Math.floor(before / DAY_MS), BATCH)) > 0) await otherWork();
    while (!stopped && (await usage.removeOver(USES, BATCH)) > 0) await otherWork();
  }

  function sweep(): Promise<void> {
    pass ??= removeAll().finally(() => {
      pass = undefined;
    });
    return pass;
  }

  function sweepInBackground(): void {
    if (stopped || pass) return;
    sweep().catch(error => log.error({ err: error }, 'old audit records could not be removed'));
  }

  return {
    written(written) {
      for (const trace of written) {
        const { accountId } = trace;
        const key = keyOf({ accountId, share: shareOf(trace) });
        const group = counts.get(key) ?? { accountId, share: shareOf(trace), count: 0 };
        group.count++;
        counts.set(key, group);
        if (group.count > retention.records + SLACK) sweepInBackground();
      }
    },
    sweep,
    start() {
      timer = setInterval(sweepInBackground, HOUR_MS).unref();
      sweepInBackground();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await pass?.catch(() => undefined); // told to the log
    },
  };
}
