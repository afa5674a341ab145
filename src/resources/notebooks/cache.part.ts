import { join } from 'node:path';
import { attachScratch, detachScratch } from '../workload-access/index.ts';
import type { ContainerPart } from './container-part.ts';
import type { Notebook } from './notebook.model.ts';
import type { NotebookPaths } from './notebook.paths.ts';

const GB = 1024 ** 3;
/** Of each accelerator, and of all (behaviour/notebooks.md 1, storage facts). Flavors without accelerators have none. */
const GB_PER_CARD = 500;
const MOST_GB = 3 * 1024;

/** The directory for what an instance need not keep. */
export function cacheBytes({ spec }: Pick<Notebook, 'spec'>): number {
  return Math.min(spec.flavor.gpus * GB_PER_CARD, MOST_GB) * GB;
}

/** What puts /cache into the container of an instance with accelerators: gone at its end, and never more than half of what the machine has left. */
export const cachePart: ContainerPart = {
  name: 'cache',
  async prepare(notebook, host) {
    if (cacheBytes(notebook) > 0) await attachScratch(dirOf(host), cacheBytes(notebook));
  },
  mounts: (notebook, host) =>
    cacheBytes(notebook) > 0 ? [{ source: dirOf(host), target: '/cache', readOnly: false }] : [],
  release: (_, host) => detachScratch(dirOf(host)),
};

function dirOf(host: NotebookPaths): string {
  return join(host.root, 'cache');
}
