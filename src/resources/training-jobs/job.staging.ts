import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, Failure, isFailure } from '../../kernel/failure.ts';
import { type StoragePath, storageUrl } from '../algorithms/index.ts';
import type { UploadState } from '../objects/index.ts';
import { type AgencyCredential, canChown, ownedDirectory, WORKLOAD_OWNER } from '../workload-access/index.ts';
import { LAUNCHER_SCRIPT } from './job.launcher.ts';
import type { Job, JobOutput } from './job.model.ts';
import type { HostPaths } from './job.paths.ts';
import type { TrainingDeps } from './job.ports.ts';

type Storage = Pick<TrainingDeps['objects'], 'download' | 'upload' | 'put'>;

const OWNER = canChown ? { owner: WORKLOAD_OWNER } : {};

/** A step that cannot succeed however often it is repeated: the job fails with this text. */
export class StepFailed extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StepFailed';
  }
}

/**
 * Makes the job's directories. Whatever the job may write to lies in a directory that it cannot replace, so that a link
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
  await ownedDirectory(host.cache);
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
 * Brings code, inputs and predownloaded outputs to the job's directories with the agency's credential. Repeatable: what is
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
  const fetch = async (began: string, ended: string, mark: string, from: StoragePath, dir: string) => {
    await report.began(began, mark);
    const start = performance.now();
    const result = await repeated(signal, () =>
      storage.download(credential.principal, from, dir, { signal, ...OWNER }),
    ).catch(error => {
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
    );
  }
}

export interface UploadReport {
  files: number;
  bytes: number;
  skipped: { path: string; reason: string }[];
}

/** Uploads what has changed in one output since the last time. Throws StepFailed where the storage refuses. */
export async function uploadOutput(
  output: JobOutput,
  index: number,
  host: HostPaths,
  storage: Storage,
  credential: AgencyCredential,
  signal: AbortSignal,
): Promise<UploadReport> {
  const stateFile = host.uploadState(index);
  let known = await readState(stateFile);
  let saving = Promise.resolve();
  let savedAt = performance.now();
  // What is there is not uploaded again by the next attempt, nor by the server that follows a killed one.
  const onUploaded = (now: UploadState) => {
    known = now;
    if (performance.now() - savedAt < SAVE_EVERY_MS) return;
    savedAt = performance.now();
    saving = saving.then(() => writeState(stateFile, now)).catch(() => {});
  };
  const result = await repeated(signal, () =>
    storage.upload(credential.principal, host.output(output.name, index), output.to, {
      signal,
      onUploaded,
      ...(known ? { known } : {}),
    }),
  ).catch(async error => {
    await saving;
    if (known) await writeState(stateFile, known).catch(() => {});
    throw definite(error, `Training output (parameter: ${output.name}) could not be uploaded to ${output.url}`);
  });
  await saving;
  await writeState(stateFile, result.known);
  return { files: result.files, bytes: result.bytes, skipped: result.skipped };
}

const SAVE_EVERY_MS = 2000;

async function writeState(path: string, state: UploadState): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(state));
  await rename(`${path}.new`, path);
}

async function readState(path: string): Promise<UploadState | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as UploadState;
  } catch {
    // Absent or torn: everything is uploaded once more, which is harmless.
    return undefined;
  }
}

/** Removes everything of the job but its log. */
export async function removeWork(host: HostPaths): Promise<void> {
  for (const path of [host.work, host.platform, host.launch]) await rm(path, { recursive: true, force: true });
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
function definite(error: unknown, what: string): unknown {
  if (error instanceof StepFailed || (error as Error).name === 'AbortError') return error;
  const text = isFailure(error) ? error.message : errorText(error);
  return new StepFailed(`${what}: ${text}`, error);
}
