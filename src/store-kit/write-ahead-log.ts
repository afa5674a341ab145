import { type FileHandle, open } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** How a file is brought to disk; tests put faults in its place. */
export type Synchronise = (file: FileHandle) => Promise<void>;

/** The log that a database's commits are appended to, where others than SQLite look after it. */
export interface WriteAheadLog {
  /** Resolves when all that is committed is on disk. */
  synchronise(): Promise<void>;
  /** Throws while an earlier failure of `synchronise` is not made good. */
  repair(): void;
  close(): void;
}

const REPAIR_MS = 1000;
/** Changed rows, each of a few pages, after which the log is moved into the database: more would only make it long. */
const ROWS_BETWEEN_CHECKPOINTS = 4000;

/**
 * `raw`: the connection that writes. Its thread is kept free: commits are synchronised by Node's own threads, and what they wrote is moved into
 * the database by a thread that starts when there is much of it.
 */
export function writeAheadLog(raw: DatabaseSync, file: string, synchronise: Synchronise): WriteAheadLog {
  let opened: Promise<FileHandle> | undefined;
  let broken = false;
  let timer: NodeJS.Timeout | undefined;
  const checkpoints = checkpointer(raw, file);

  // After a failure the log may have a hole on disk, behind which nothing would be found again, however often it is synchronised:
  // so nothing more is written until all of it stands in the database itself and the log begins anew.
  function repair(): void {
    if (!broken) return;
    const { busy } = raw.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
    if (busy) throw new Error('the write-ahead log is in use and could not be made good after a failure of the disk');
    raw.exec('PRAGMA query_only = OFF');
    broken = false;
    clearInterval(timer);
  }
  const tryRepair = () => {
    try {
      repair();
    } catch {
      // Whoever writes meanwhile is told.
    }
  };
  return {
    repair,
    async synchronise() {
      opened ??= open(`${file}-wal`, 'r');
      try {
        await synchronise(await opened);
      } catch (error) {
        broken = true;
        raw.exec('PRAGMA query_only = ON');
        clearInterval(timer);
        timer = setInterval(tryRepair, REPAIR_MS).unref();
        tryRepair();
        throw error;
      }
      checkpoints.hint();
    },
    close() {
      clearInterval(timer);
      checkpoints.close();
      opened?.then(handle => handle.close()).catch(() => {});
    },
  };
}

/** Checkpoints when enough was written since the last one. */
function checkpointer(raw: DatabaseSync, file: string) {
  const changes = raw.prepare('SELECT total_changes() AS count');
  const moveRest = raw.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const changed = () => (changes.get() as { count: number }).count;
  let since = changed();
  let worker: Worker | undefined;
  let working = false;

  function started(): Worker {
    const thread = new Worker(new URL('./checkpoint.worker.ts', import.meta.url), {
      name: 'checkpoint',
      workerData: file,
      execArgv: [], // flags of the program, such as --input-type, are none of its own
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    });
    thread.unref();
    thread.on('message', () => {
      working = false;
      // The log begins anew only when all of it is moved, and more was written meanwhile; of that there is little.
      if (worker && raw.isOpen && !raw.isTransaction) moveRest.get();
    });
    const ended = () => {
      worker = undefined;
      working = false;
    };
    thread.on('error', ended);
    thread.on('exit', ended);
    return thread;
  }
  return {
    hint(): void {
      if (working || changed() - since < ROWS_BETWEEN_CHECKPOINTS) return;
      since = changed();
      working = true;
      worker ??= started();
      worker.postMessage('checkpoint');
    },
    close(): void {
      void worker?.terminate();
      worker = undefined;
    },
  };
}
