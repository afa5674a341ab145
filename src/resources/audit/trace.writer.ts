import type { Audit } from '../../http/audit.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuid } from '../../kernel/ids.ts';
import type { Log } from '../../kernel/log.ts';
import type { TraceStore } from './trace.store.ts';
import { shareOf, type Trace, traceOf } from './trace.ts';

/** Refusals wait this long for others, so that a flood of them is not a flood of writes to the disk. */
const GATHER_MS = 1000;
/** So many refusals may wait, and so many of strangers; more push the oldest out. */
const MOST_WAITING = 5000;
/** Records that are written together. */
const BATCH = 200;

interface Change {
  trace: Trace;
  written: () => void;
  failed: (error: unknown) => void;
}

export interface TraceWriter {
  audit: Audit;
  /** Resolves when all that came before is on disk, or could not be written. */
  flush(): Promise<void>;
  /** Writes what waits, and takes no more time for gathering. */
  stop(): Promise<void>;
}

/**
 * Puts records on disk. A change is answered only when its record is there; those that come at once share a transaction. Refusals are
 * written within a second, or with the next change; a process that is killed loses that second of them.
 */
export function traceWriter(deps: {
  store: Pick<TraceStore, 'insert'>;
  clock: Clock;
  log: Log;
  /** Told of what was written. */
  written(traces: readonly Trace[]): void;
  /** Told how many records were lost. */
  dropped(count: number): void;
}): TraceWriter {
  const { store, clock, log, written, dropped } = deps;
  const changes: Change[] = [];
  const refusals: Trace[] = [];
  const strangers: Trace[] = [];
  let timer: NodeJS.Timeout | undefined;
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    while (changes.length + refusals.length + strangers.length > 0) {
      const first = changes.splice(0, BATCH);
      const others = refusals.splice(0, BATCH - first.length);
      others.push(...strangers.splice(0, BATCH - first.length - others.length));
      const traces = [...first.map(change => change.trace), ...others];
      try {
        await store.insert(traces);
      } catch (error) {
        for (const change of first) change.failed(error);
        if (others.length > 0) {
          dropped(others.length);
          log.error({ err: error, records: others.length }, 'audit records could not be written');
        }
        continue;
      }
      written(traces);
      for (const change of first) change.written();
    }
  }

  function flush(): Promise<void> {
    draining ??= drain().finally(() => {
      draining = undefined;
    });
    return draining;
  }

  function write(trace: Trace): Promise<void> {
    return new Promise((resolve, reject) => {
      changes.push({ trace, written: resolve, failed: reject });
      void flush();
    });
  }

  function gather(trace: Trace): void {
    const waiting = shareOf(trace) === 'strangers' ? strangers : refusals;
    if (waiting.length >= MOST_WAITING) {
      waiting.shift();
      dropped(1);
    }
    waiting.push(trace);
    timer ??= setTimeout(() => void flush(), GATHER_MS).unref();
  }

  return {
    async audit(record) {
      const trace = traceOf(record, uuid(), clock.now());
      if (trace.refused) gather(trace);
      else await write(trace);
    },
    flush,
    async stop() {
      await flush();
      clearTimeout(timer);
    },
  };
}
