import { containerName } from './notebook.container.ts';
import type { NotebooksDeps } from './notebook.ports.ts';
import { refuse } from './notebook.request.ts';
import type { NotebookStore } from './notebook.store.ts';

/** Saving an instance as an image, for whoever registers images. While it lasts the instance is SNAPSHOTTING. */
export interface Snapshots {
  /** Marks a running instance as being saved under `name`; again with the same name does nothing. Throws Failure 6309, 6327, 6357. */
  begin(projectId: string, id: string, name: string): Promise<void>;
  /** Saves the file system of the instance's container, without its volume, as the image `ref`. */
  commit(id: string, ref: string): Promise<void>;
  /** Gives a marked instance back to its users. Harmless when it is not marked. */
  end(id: string): Promise<void>;
}

export function createSnapshots(
  deps: Pick<NotebooksDeps, 'driver' | 'installation'>,
  store: NotebookStore,
  wake: (id: string) => Promise<void>,
): Snapshots {
  return {
    async begin(projectId, id, name) {
      const notebook = await store.findInProject(projectId, id);
      if (!notebook) throw refuse('6309', `There is no notebook instance ${id.slice(0, 64)} in this project.`);
      if (notebook.snapshot === name) return;
      const outcome = await store.setSnapshot(id, name, status => status === 'RUNNING');
      if (outcome?.changed) return wake(id);
      if (outcome?.before === 'SNAPSHOTTING') throw refuse('6357', 'The notebook instance is being saved already.');
      throw refuse('6327', `The notebook instance is ${outcome?.before ?? 'gone'}; only a running one can be saved.`);
    },
    commit: (id, ref) => deps.driver.commit(containerName(deps.installation, id), ref),
    async end(id) {
      await store.setSnapshot(id, null, () => true);
      await wake(id);
    },
  };
}
