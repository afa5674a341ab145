import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Blobs } from './blobs.ts';
import type { objectStore } from './object.store.ts';

/** A reader that looked an object up has this long to pin its blobs before they may go. */
const GRACE_MS = 10_000;
const BATCH = 200;

/** Removes blobs without references, some time after they lost the last one. */
export interface Reaper {
  /** Something may have died; look when its grace is over. */
  hint(): void;
  /** Removes what is due now; returns how many. */
  run(): Promise<number>;
  /** Ends the timer and waits for the pass under way. */
  stop(): Promise<void>;
}

/** Deletes the row first, then the file: a crash in between leaves a file that the next sweep finds without a row. */
export function createReaper(deps: {
  store: ReturnType<typeof objectStore>;
  blobs: Blobs;
  clock: Clock;
  log: Log;
  graceMs?: number;
}): Reaper {
  const { store, blobs, clock, log, graceMs = GRACE_MS } = deps;
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<unknown> = Promise.resolve();
  let stopped = false;

  async function run(): Promise<number> {
    let removed = 0;
    for (;;) {
      const ids = await store.deadBlobs(clock.now() - graceMs, BATCH);
      if (stopped) return removed;
      const gone = await store.deleteDeadBlobs(ids.filter(id => !blobs.pinned(id)));
      for (const id of gone) await blobs.remove(id);
      removed += gone.length;
      if (ids.length < BATCH || gone.length === 0) break;
    }
    // Some are being read, or died after the timer was set.
    if ((await store.deadBlobs(Number.MAX_SAFE_INTEGER, 1)).length > 0) hint();
    return removed;
  }

  function hint(): void {
    if (timer || stopped) return;
    timer = setTimeout(() => {
      timer = undefined;
      pass = run().catch(error => {
        log.error({ err: error }, 'removing unreferenced blobs failed');
        hint();
      });
    }, graceMs + 50);
    timer.unref();
  }

  return {
    hint,
    run,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await pass;
    },
  };
}
