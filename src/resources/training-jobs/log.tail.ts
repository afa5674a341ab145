import { type FSWatcher, watch } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Between looks at whether more may come, and at the file where it cannot be watched. */
const LOOK_MS = 1_000;
/** Bytes read at once. */
export const CHUNK_BYTES = 1024 * 1024;

export interface LogTail {
  /** Bytes that are there. */
  readonly size: number;
  /** True when nothing more will be written. */
  readonly finished: boolean;
  /** Resolves when there are bytes beyond `offset`, nothing more will come, the time is over or `signal` is aborted. */
  beyond(offset: number, options: { waitMs?: number; signal?: AbortSignal }): Promise<void>;
  /** Bytes from `offset` on, at most CHUNK_BYTES of them. */
  read(offset: number): Promise<Buffer>;
  /** To be called once by whoever got it. */
  release(): void;
}

/**
 * Growing log files and those who follow them: one watch, one look and one read for each file, however many follow it. `ended` tells
 * whether nothing more will be written to the file of a path.
 */
export function logTails(): {
  follow(path: string, ended: () => Promise<boolean>): Promise<LogTail>;
} {
  const tails = new Map<string, Tail>();
  return {
    async follow(path, ended) {
      let tail = tails.get(path);
      if (!tail) {
        tail = new Tail(path, ended, () => tails.delete(path));
        tails.set(path, tail);
      }
      tail.followers += 1;
      await tail.ready;
      return tail;
    },
  };
}

class Tail implements LogTail {
  readonly ready: Promise<void>;
  followers = 0;
  size = 0;
  finished = false;
  readonly #path: string;
  readonly #ended: () => Promise<boolean>;
  readonly #forget: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  /** What was read last; those who follow closely all want the same. */
  #last: { from: number; bytes: Promise<Buffer> } | undefined;

  constructor(path: string, ended: () => Promise<boolean>, forget: () => void) {
    this.#path = path;
    this.#ended = ended;
    this.#forget = forget;
    this.#timer = setInterval(() => void this.#look(true), LOOK_MS).unref();
    this.ready = this.#look(true);
  }

  async beyond(offset: number, { waitMs, signal }: { waitMs?: number; signal?: AbortSignal }): Promise<void> {
    const until = waitMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + waitMs;
    while (this.size <= offset && !this.finished && performance.now() < until && !signal?.aborted) {
      await new Promise<void>(resolve => {
        const wake = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', wake);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = waitMs === undefined ? undefined : setTimeout(wake, until - performance.now());
        signal?.addEventListener('abort', wake, { once: true });
        this.#waiting.add(wake);
      });
    }
  }

  read(offset: number): Promise<Buffer> {
    if (this.#last?.from !== offset) {
      const bytes = readRange(this.#path, offset, Math.min(this.size, offset + CHUNK_BYTES));
      this.#last = { from: offset, bytes };
      bytes.catch(() => {
        this.#last = undefined;
      });
    }
    return this.#last!.bytes;
  }

  release(): void {
    this.followers -= 1;
    if (this.followers > 0) return;
    clearInterval(this.#timer);
    this.#watcher?.close();
    this.#forget();
  }

  /** One look at a time; changes meanwhile lead to another. */
  #look(askEnd: boolean): Promise<void> {
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = this.#observe(askEnd).finally(() => {
      this.#looking = undefined;
      if (!this.#again) return;
      this.#again = false;
      void this.#look(false);
    });
    return this.#looking;
  }

  async #observe(askEnd: boolean): Promise<void> {
    this.#watch();
    // The end is asked for first, so that what was written before it is not missed.
    const ended = askEnd && (await this.#ended().catch(() => false));
    const size = (await sizeOf(this.#path)) ?? 0;
    if (size === this.size && !ended) return;
    // It is cut after a crash, to what was known to be in it.
    if (size !== this.size) this.#last = undefined;
    this.size = size;
    this.finished = ended;
    for (const wake of [...this.#waiting]) wake();
  }

  #watch(): void {
    if (this.#watcher) return;
    const name = basename(this.#path);
    try {
      this.#watcher = watch(dirname(this.#path), { persistent: false }, (_event, file) => {
        if (file === name) void this.#look(false);
      });
    } catch {
      return; // nothing was written yet, or there are no more watches: then it is looked at every second
    }
    this.#watcher.on('error', () => {
      this.#watcher?.close();
      this.#watcher = undefined;
    });
  }
}

/** Bytes of a file, or undefined when there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Bytes `from` to `to` of a file, fewer where it ends before. */
export async function readRange(path: string, from: number, to: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.max(to - from, 0));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
