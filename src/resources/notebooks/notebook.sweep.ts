import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { notebookLabels, workloadId } from './notebook.container.ts';
import type { PassParts } from './notebook.pass.ts';
import { SHARED_HOLDER } from './shared.part.ts';

type SweepParts = Pick<PassParts, 'deps' | 'store'>;

/**
 * Removes what no instance stands for any more: containers of this installation, places in the queue, volumes and files. What is
 * found is listed before the instances are asked for, so that one made meanwhile is safe.
 */
export async function sweep(parts: SweepParts): Promise<void> {
  const all = { containers: sweepContainers, queue: sweepQueue, files: sweepFiles, shared: sweepShared };
  for (const [part, run] of Object.entries(all)) {
    try {
      await run(parts);
    } catch (error) {
      parts.deps.log.warn({ err: error, part }, 'notebooks could not be swept');
    }
  }
}

async function sweepContainers({ deps, store }: SweepParts): Promise<void> {
  const found = await deps.driver.list(notebookLabels(deps.installation));
  const steps = await store.steps();
  for (const container of found) {
    const step = steps.get(container.labels['atelier.id'] ?? '');
    if (step !== undefined && step !== 'stopped') continue;
    deps.log.warn({ container: container.name }, 'container of a notebook that does not run is removed');
    await deps.driver.remove(container.name);
  }
}

async function sweepQueue({ deps, store }: SweepParts): Promise<void> {
  const workloads = await deps.admission.list('notebook');
  const steps = await store.steps();
  const living = new Set([...steps].filter(([, step]) => step !== 'stopped').map(([id]) => workloadId(id)));
  for (const workload of workloads) if (!living.has(workload)) await deps.admission.release(workload);
}

async function sweepFiles({ deps, store }: SweepParts): Promise<void> {
  const entries = await readdir(deps.dir);
  const steps = await store.steps();
  for (const entry of entries) {
    if (!/^[0-9a-f-]{36}$/.test(entry) || steps.has(entry)) continue;
    // First of all, lest the deletion reach into the object store.
    await deps.mounter?.close(join(deps.dir, entry));
    await deps.volumes.remove(entry);
    await rm(join(deps.dir, entry), { recursive: true, force: true });
  }
}

async function sweepShared({ deps, store }: SweepParts): Promise<void> {
  const holders = await deps.shared.holders(SHARED_HOLDER);
  const steps = await store.steps();
  for (const holder of holders) {
    const step = steps.get(holder.slice(SHARED_HOLDER.length));
    if (step === undefined || step === 'stopped') await deps.shared.release(holder);
  }
}
