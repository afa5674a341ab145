import { useSyncExternalStore } from 'react';
import { isFailure } from '../../kernel/failure.ts';
import { changed } from '../call.ts';
import { OBJECTS } from './obs.ts';
import { uploadFile } from './upload-file.ts';

/** Something that takes a while and goes on while one looks at other pages. */
export interface Transfer {
  id: number;
  title: string;
  /** Bytes of uploads; objects of everything else. */
  unit: 'bytes' | 'objects';
  done: number;
  /** Not known until all was counted. */
  total?: number;
  state: 'queued' | 'running' | 'offline' | 'failed' | 'done';
  failure?: unknown;
  /** Begins again, where it stopped. */
  again(): void;
  cancel(): void;
}

interface Task {
  title: string;
  unit: Transfer['unit'];
  total?: number;
  run(told: {
    signal: AbortSignal;
    progress(done: number, total?: number): void;
    waiting(lost: boolean): void;
  }): Promise<void>;
}

/** Files under way at once; each sends up to three parts. */
const AT_ONCE = 2;
/** How often the screen is told of progress, and the list of what came. */
const TELL_MS = 100;
const LIST_MS = 1000;

let transfers: readonly Transfer[] = [];
const queue: (() => Promise<void>)[] = [];
const listeners = new Set<() => void>();
let running = 0;
let next = 1;
let telling = false;
let listing = false;

function tell(): void {
  if (telling) return;
  telling = true;
  setTimeout(() => {
    telling = false;
    transfers = [...transfers];
    for (const listener of listeners) listener();
  }, TELL_MS);
}

function listLater(): void {
  if (listing) return;
  listing = true;
  setTimeout(() => {
    listing = false;
    void changed(OBJECTS);
  }, LIST_MS);
}

addEventListener('beforeunload', event => {
  if (transfers.some(({ state }) => state === 'running' || state === 'queued' || state === 'offline')) {
    event.preventDefault();
  }
});

/** Does something when its turn comes; its progress stands in the list of transfers. */
export function start(task: Task): void {
  let controller = new AbortController();
  const transfer: Transfer = {
    id: next++,
    title: task.title,
    unit: task.unit,
    done: 0,
    ...(task.total === undefined ? {} : { total: task.total }),
    state: 'queued',
    again() {
      // A second click comes before the first one is drawn.
      if (transfer.state !== 'failed') return;
      controller = new AbortController();
      change({ state: 'queued', failure: undefined });
      queue.push(work);
      pump();
    },
    cancel() {
      controller.abort();
      transfers = transfers.filter(each => each !== transfer);
      tell();
    },
  };
  const change = (part: Partial<Transfer>) => {
    Object.assign(transfer, part);
    tell();
  };
  async function work(): Promise<void> {
    const { signal } = controller;
    if (signal.aborted) return;
    change({ state: 'running' });
    try {
      await task.run({
        signal,
        progress: (done, total) => change({ done, ...(total === undefined ? {} : { total }) }),
        waiting: lost => change({ state: lost ? 'offline' : 'running' }),
      });
      change({ state: 'done' });
    } catch (failure) {
      if (!signal.aborted) change({ state: 'failed', failure });
    }
    listLater();
  }
  transfers = [...transfers, transfer];
  queue.push(work);
  tell();
  pump();
}

function pump(): void {
  while (running < AT_ONCE) {
    const work = queue.shift();
    if (!work) return;
    running++;
    void work().finally(() => {
      running--;
      pump();
    });
  }
}

/** Uploads files to a bucket, each under its key. */
export function startUploads(bucket: string, files: readonly { key: string; file: File }[]): void {
  for (const { key, file } of files) {
    start({
      title: key,
      unit: 'bytes',
      total: file.size,
      run: told => uploadFile({ bucket, key, file, ...told }),
    });
  }
}

/** Takes what has ended well out of the list. */
export function clearDone(): void {
  transfers = transfers.filter(({ state }) => state !== 'done');
  tell();
}

let owner = '';

/** Ends what another user of this browser had begun. */
export function ownedBy(userId: string): void {
  if (owner !== '' && owner !== userId) for (const transfer of transfers) transfer.cancel();
  owner = userId;
}

/** Whether it may be tried again as it is. */
export function mayGoOn({ failure }: Transfer): boolean {
  return !isFailure(failure) || failure.status >= 500 || failure.status === 401;
}

export function useTransfers(): readonly Transfer[] {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => transfers,
  );
}
