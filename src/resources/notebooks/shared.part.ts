import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SharedDirectories } from '../shared-directories/index.ts';
import type { ContainerPart } from './container-part.ts';
import type { Notebook } from './notebook.model.ts';
import { dataDir, type Mounter } from './storage.mounter.ts';
import type { Volumes } from './volumes.ts';

/** Names an instance among those who use shared directories. */
export const SHARED_HOLDER = 'notebook-';

/** The first place of an instance is its storage, where that is a shared directory; then come its data volumes. */
const FIRST_DATA = 1;

/** Makes the storage of an instance ready, and returns the directory that holds its files. May be repeated. */
export function attachWork(notebook: Notebook, deps: { volumes: Volumes; shared: SharedDirectories }): Promise<string> {
  const { shared } = notebook.spec.volume;
  if (shared) return deps.shared.attach(SHARED_HOLDER + notebook.id, 0, shared);
  return deps.volumes.attach(notebook.id, notebook.volumeBytes);
}

/** Makes the data volumes of an instance ready, and returns where they lie on the host. May be repeated. */
export async function attachData(notebook: Notebook, deps: { shared: SharedDirectories }): Promise<string[]> {
  const sources: string[] = [];
  for (const [index, { place }] of (notebook.spec.dataVolumes ?? []).entries()) {
    sources.push(await deps.shared.attach(SHARED_HOLDER + notebook.id, FIRST_DATA + index, place));
  }
  return sources;
}

/** What puts shared directories into the container of an instance, besides its storage. */
export function sharedPart(deps: { shared: SharedDirectories; mounter: Mounter }): ContainerPart {
  const sources = new Map<string, string[]>();
  const volumesOf = (notebook: Notebook) => notebook.spec.dataVolumes ?? [];
  return {
    name: 'shared',
    async prepare(notebook, host) {
      sources.set(notebook.id, await attachData(notebook, deps));
      // Where /data is a mount itself it cannot be written inside, so the places must be there.
      if (!(await deps.mounter.isOpen(host.root))) return;
      for (const { name } of volumesOf(notebook)) await mkdir(join(dataDir(host.root), name), { recursive: true });
    },
    mounts: notebook =>
      volumesOf(notebook).map(({ name, place }, index) => ({
        source: sources.get(notebook.id)![index]!,
        target: `/data/${name}`,
        readOnly: place.readOnly,
      })),
    async release(notebook) {
      sources.delete(notebook.id);
      await deps.shared.release(SHARED_HOLDER + notebook.id);
    },
  };
}
