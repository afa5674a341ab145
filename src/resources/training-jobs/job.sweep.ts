import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { detachScratch } from '../workload-access/index.ts';
import { jobLabels } from './job.container.ts';
import type { PassParts } from './job.pass.ts';
import { hostPaths } from './job.paths.ts';
import { SHARED_HOLDER } from './job.volumes.ts';

const DAY_MS = 86_400_000;

/** Removes the files of a deleted job. */
export async function discard(dir: string, jobId: string): Promise<void> {
  await detachScratch(join(dir, jobId));
  await rm(join(dir, jobId), { recursive: true, force: true });
}

type SweepParts = Pick<PassParts, 'deps' | 'settings' | 'store'>;

/**
 * Removes what no job stands for any more: containers of this installation, places in the queue, directories, and logs
 * older than their retention. What is found is listed before the jobs are asked for, so that a job made meanwhile is safe.
 */
export async function sweep(parts: SweepParts): Promise<void> {
  for (const [part, run] of Object.entries({
    containers: sweepContainers,
    queue: sweepQueue,
    files: sweepFiles,
    shared: sweepShared,
  })) {
    try {
      await run(parts);
    } catch (error) {
      parts.deps.log.warn({ err: error, part }, 'training jobs could not be swept');
    }
  }
}

async function sweepContainers({ deps, store }: SweepParts): Promise<void> {
  const found = await deps.driver.list(jobLabels(deps.installation));
  const steps = await store.steps(found.map(container => container.labels['atelier.id'] ?? ''));
  for (const container of found) {
    const job = steps.get(container.labels['atelier.id'] ?? '');
    if (job && job.step !== 'done') continue;
    deps.log.warn({ container: container.name }, 'container of a job that has ended is removed');
    await deps.driver.remove(container.name);
  }
}

async function sweepQueue({ deps, store }: SweepParts): Promise<void> {
  const workloads = await deps.admission.list('training-job');
  const jobOf = (workload: string) => workload.slice(workload.indexOf('/') + 1);
  const steps = await store.steps(workloads.map(jobOf));
  for (const workload of workloads) {
    const job = steps.get(jobOf(workload));
    if (!job || job.step === 'done') await deps.admission.release(workload);
  }
}

async function sweepFiles({ deps, settings, store }: SweepParts): Promise<void> {
  await mkdir(deps.dir, { recursive: true, mode: 0o700 });
  const entries = await readdir(deps.dir);
  const steps = await store.steps(entries);
  const oldest = deps.clock.now() - settings.logRetentionDays * DAY_MS;
  for (const entry of entries) {
    const job = steps.get(entry);
    if (!job) {
      await discard(deps.dir, entry);
    } else if (job.step === 'done' && job.endedAt !== null && job.endedAt < oldest) {
      await rm(hostPaths(deps.dir, entry).logs, { recursive: true, force: true });
    }
  }
}

async function sweepShared({ deps, store }: SweepParts): Promise<void> {
  const ids = (await deps.shared.holders(SHARED_HOLDER)).map(holder => holder.slice(SHARED_HOLDER.length));
  const steps = await store.steps(ids);
  for (const id of ids) {
    const job = steps.get(id);
    if (!job || job.step === 'done') await deps.shared.release(SHARED_HOLDER + id);
  }
}
