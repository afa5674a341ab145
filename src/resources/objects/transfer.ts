/** How a transfer between the store and a directory goes. */
export interface TransferOptions {
  signal?: AbortSignal;
  onProgress?(progress: TransferProgress): void;
  /** Who owns what is written to the directory. */
  owner?: { uid: number; gid: number };
  /** Downloads only: the files survive a crash of the machine once the transfer is done. */
  durable?: boolean;
}

export interface TransferProgress {
  files: number;
  bytes: number;
  totalFiles: number;
  totalBytes: number;
}

/** What was moved; files that were already there unchanged count as well. */
export interface TransferResult {
  files: number;
  bytes: number;
}

/** Transfers under way at once: enough to keep a disk busy, few enough to leave descriptors to others. */
const PARALLEL = 12;

/** Runs `work` over all items, several at once; stops at the first error or abort, and throws it when all have ended. */
export async function inParallel<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async () => {
    while (next < items.length && !failed) {
      signal?.throwIfAborted();
      try {
        await work(items[next++]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(PARALLEL, items.length) }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Counts finished files and reports them, at most every 100 ms and at the end. */
export function progressMeter(totalFiles: number, totalBytes: number, report: TransferOptions['onProgress']) {
  const state = { files: 0, bytes: 0, totalFiles, totalBytes };
  let reported = 0;
  return {
    add(bytes: number): void {
      state.files++;
      state.bytes += bytes;
      const now = performance.now();
      if (!report || (now - reported < 100 && state.files < totalFiles)) return;
      reported = now;
      report({ ...state });
    },
    result: (): TransferResult => ({ files: state.files, bytes: state.bytes }),
  };
}
