import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, Failure, isFailure } from '../../kernel/failure.ts';
import { type StoragePath, storageUrl } from '../algorithms/index.ts';
import {
  type AgencyCredential,
  attachScratch,
  canChown,
  detachScratch,
  ownedDirectory,
  WORKLOAD_OWNER,
} from '../workload-access/index.ts';
import { LAUNCHER_SCRIPT } from './job.launcher.ts';
import type { Job } from './job.model.ts';
import type { HostPaths } from './job.paths.ts';
import type { TrainingDeps } from './job.ports.ts';

type Storage = Pick<TrainingDeps['objects'], 'download'>;

const OWNER = canChown ? { owner: WORKLOAD_OWNER } : {};

/** A step that cannot succeed however often it is repeated: the job fails with this text. */
export class StepFailed extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StepFailed';
  }
}

/**
 * Makes the directories of one of the job's tasks. Whatever the job may write to lies in a directory that it cannot replace, so that a link
 * put in its place never leads the platform elsewhere.
 */
export async function makeDirectories(job: Job, host: HostPaths): Promise<void> {
  await mkdir(host.modelarts, { recursive: true });
  await mkdir(join(host.modelarts, 'inputs'), { recursive: true });
  await mkdir(join(host.modelarts, 'outputs'), { recursive: true });
  await chmod(host.root, 0o700);
  await ownedDirectory(host.jobDir);
  await ownedDirectory(host.code(job.spec));
  await ownedDirectory(host.programLogs);
  await attachScratch(host.cache, job.spec.flavor.diskGiB * 1024 ** 3);
  for (const [index, input] of job.spec.inputs.entries()) await ownedDirectory(host.input(input.name, index));
  for (const [index, output] of job.spec.outputs.entries()) await ownedDirectory(host.output(output.name, index));
  await ownedDirectory(host.platform, 0o700);
  await mkdir(host.launch, { recursive: true });
  await writeFile(join(host.launch, 'launch.sh'), LAUNCHER_SCRIPT, { mode: 0o755 });
}

export interface StagingReport {
  /** Told when a part begins and when it is there. */
  began(what: string, mark: string): Promise<void>;
  ended(what: string, mark: string, seconds: number, files: number, bytes: number): Promise<void>;
}

/**
 * Brings code, inputs and predownloaded outputs to a task's directories with the agency's credential. Repeatable: what is
 * there already is passed over. Throws StepFailed where the storage refuses.
 */
export async function stage(
  job: Job,
  host: HostPaths,
  storage: Storage,
  credential: AgencyCredential,
  signal: AbortSignal,
  report: StagingReport,
): Promise<void> {
  /** `optional`: there may be nothing yet. */
  const fetch = async (
    began: string,
    ended: string,
    mark: string,
    from: StoragePath,
    dir: string,
    optional = false,
  ) => {
    await report.began(began, mark);
    const start = performance.now();
    const result = await repeated(signal, () =>
      storage.download(credential.principal, from, dir, { signal, ...OWNER }),
    ).catch(error => {
      if (optional && isFailure(error, 'NoSuchKey')) return { files: 0, bytes: 0 };
      throw definite(error, `${ended} could not be downloaded from ${storageUrl(from)}`);
    });
    await report.ended(`${ended} downloaded`, mark, (performance.now() - start) / 1000, result.files, result.bytes);
  };
  const { code, inputs, outputs } = job.spec;
  if (code) {
    await fetch('The training code is being downloaded.', 'Training code', 'code', code.from, host.code(job.spec));
  }
  for (const [index, input] of inputs.entries()) {
    await fetch(
      `Training input (parameter: ${input.name}) is being downloaded.`,
      `Training input (parameter: ${input.name})`,
      `input-${index}`,
      input.from,
      host.input(input.name, index),
    );
  }
  for (const [index, output] of outputs.entries()) {
    if (!output.prefetch) continue;
    await fetch(
      `Training output (parameter: ${output.name}) is being downloaded.`,
      `Training output (parameter: ${output.name})`,
      `output-${index}`,
      output.to,
      host.output(output.name, index),
      true,
    );
  }
}

/** Removes everything of a task but its log. `outputs`: how many outputs the job has. */
export async function removeWork(host: HostPaths, outputs: number): Promise<void> {
  await detachScratch(host.work);
  const states = Array.from({ length: outputs }, (_, index) => [host.uploadState(index), host.outputBase(index)]);
  for (const path of [host.work, host.platform, host.launch, ...states.flat()]) {
    await rm(path, { recursive: true, force: true });
  }
}

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 200;

/** Runs `work` until it succeeds, at most five times; refusals and interruptions are not repeated. */
export async function repeated<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || attempt === ATTEMPTS || error instanceof StepFailed) throw error;
      if (error instanceof Failure && error.status < 500) throw error;
      await new Promise(resolve => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
      signal.throwIfAborted();
    }
  }
}

/** An error of the storage as the end of a step; an interruption stays what it is. */
export function definite(error: unknown, what: string): unknown {
  if (error instanceof StepFailed || (error as Error).name === 'AbortError') return error;
  const text = isFailure(error) ? error.message : errorText(error);
  return new StepFailed(`${what}: ${text}`, error);
}
