import { Failure } from '../kernel/failure.ts';
import type { Skipped } from './file-keys.ts';
import { obsFailure } from './obs-failure.ts';
import { inParallel } from './parallel.ts';

/** How far a transfer of many files is. */
export interface TransferProgress {
  bytes: number;
  totalBytes: number;
  files: number;
  totalFiles: number;
  /** Of `bytes`: those that were there from an interrupted run. */
  keptBytes: number;
}

export interface TransferResult extends TransferProgress {
  /** What was left out from the beginning, such as keys that cannot be files. */
  skipped: Skipped[];
  /** What failed on the way; the others were copied. */
  failed: { path: string; failure: Failure }[];
}

/** One file to be copied. */
export interface Job {
  /** How people call it. */
  path: string;
  size: number;
  /** `moved`: to be told of bytes as they come over. Returns why it was left out, if it was. */
  run(moved: (bytes: number, kept?: boolean) => void): Promise<string | undefined>;
}

export type OnProgress = (progress: TransferProgress) => void;

const PARALLEL_FILES = 16;
/** So many failures have one cause; the rest would only fail as well. */
const MAX_FAILURES = 50;

/** Copies many files at once. One that fails does not hold up the others, unless there is nothing to talk to any more. */
export async function runTransfers(
  jobs: readonly Job[],
  skipped: readonly Skipped[],
  onProgress: OnProgress = () => {},
): Promise<TransferResult> {
  const progress: TransferProgress = {
    bytes: 0,
    totalBytes: jobs.reduce((sum, job) => sum + job.size, 0),
    files: 0,
    totalFiles: jobs.length,
    keptBytes: 0,
  };
  const result = { skipped: [...skipped], failed: [] as TransferResult['failed'] };
  await inParallel(jobs, PARALLEL_FILES, async job => {
    let moved = 0;
    try {
      const reason = await job.run((bytes, kept = false) => {
        moved += bytes;
        progress.bytes += bytes;
        if (kept) progress.keptBytes += bytes;
        onProgress(progress);
      });
      if (reason) {
        result.skipped.push({ path: job.path, reason });
        progress.totalBytes -= job.size;
        progress.totalFiles -= 1;
      } else progress.files += 1;
    } catch (error) {
      const failure = obsFailure(error);
      progress.bytes -= moved;
      result.failed.push({ path: job.path, failure });
      if (failure.code === 'Atelier.Unreachable' || result.failed.length >= MAX_FAILURES) throw failure;
    }
    onProgress(progress);
  }).catch(error => {
    if (result.failed.length === 0) throw error;
  });
  return { ...progress, ...result };
}

/** Throws when a file failed: its own failure where there is one, else Failure Atelier.Incomplete that names some. */
export function requireComplete(result: TransferResult): TransferResult {
  const { failed } = result;
  if (failed.length === 0) return result;
  const first = failed[0]!;
  if (result.totalFiles === 1 || first.failure.code === 'Atelier.Unreachable') throw first.failure;
  const shown = failed.slice(0, 3).map(({ path, failure }) => `${path}: ${failure.message}`);
  throw new Failure({
    code: 'Atelier.Incomplete',
    status: first.failure.status,
    message: `${result.files} of ${result.totalFiles} files were copied, ${failed.length} failed. ${shown.join(' · ')}`,
    solution: first.failure.solution ?? 'Run the same command again.',
    cause: first.failure,
  });
}
