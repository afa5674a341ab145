import { lstat, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UploadState } from '../objects/index.ts';
import type { AgencyCredential } from '../workload-access/index.ts';
import type { JobOutput } from './job.model.ts';
import type { Pass, TaskPlace } from './job.pass.ts';
import type { HostPaths } from './job.paths.ts';
import type { TrainingDeps } from './job.ports.ts';
import { definite, repeated } from './job.staging.ts';

export interface UploadReport {
  files: number;
  bytes: number;
  skipped: { path: string; reason: string }[];
}

const SAVE_EVERY_MS = 2000;

/** Uploads what has changed in one output of a task since the last time. Throws StepFailed where the storage refuses. */
export async function uploadOutput(
  output: JobOutput,
  channel: number,
  host: HostPaths,
  storage: Pick<TrainingDeps['objects'], 'upload'>,
  credential: AgencyCredential,
  signal: AbortSignal,
): Promise<UploadReport> {
  const stateFile = host.uploadState(channel);
  let known = (await readState(stateFile)) ?? (await readState(host.outputBase(channel)));
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
    storage.upload(credential.principal, host.output(output.name, channel), output.to, {
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

/**
 * Settles which of several nodes' files of one name stays: that of the first node that wrote it, as the main process is there by
 * convention. The programs have ended. Returns the relative paths that more than one node wrote.
 */
export async function settleOutput(
  pass: Pass,
  output: JobOutput,
  channel: number,
  credential: AgencyCredential,
): Promise<string[]> {
  const written = await Promise.all(pass.tasks.map(task => writtenBy(task, channel)));
  const shared = new Set<string>();
  for (const task of [...pass.tasks].reverse()) {
    const later = written.slice(task.index + 1);
    const mine = [...written[task.index]!].filter(path => later.some(others => others.has(path)));
    if (mine.length === 0) continue;
    for (const path of mine) shared.add(path);
    const known = (await readState(task.host.uploadState(channel)))!;
    for (const path of mine) delete known.files[path];
    await writeState(task.host.uploadState(channel), known);
    await uploadOutput(output, channel, task.host, pass.deps.objects, credential, pass.signal);
  }
  return [...shared].sort();
}

/** The files that a task's program made or changed, and that were uploaded. */
async function writtenBy(task: TaskPlace, channel: number): Promise<Set<string>> {
  const base = (await readState(task.host.outputBase(channel)))?.files ?? {};
  const known = (await readState(task.host.uploadState(channel)))?.files ?? {};
  const changed = Object.entries(known).filter(([path, { size, mtimeNs }]) => {
    const before = base[path];
    return before?.size !== size || before.mtimeNs !== mtimeNs;
  });
  return new Set(changed.map(([path]) => path));
}

/** Notes what was brought back into an output before the program begins, so that only what it changes counts as its own. */
export async function noteBase(host: HostPaths, output: JobOutput, channel: number): Promise<void> {
  const files: UploadState['files'] = {};
  const root = host.output(output.name, channel);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeNs } = await lstat(path, { bigint: true });
    files[path.slice(root.length + 1)] = { size: Number(size), mtimeNs: String(mtimeNs) };
  }
  await writeState(host.outputBase(channel), { files });
}

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
