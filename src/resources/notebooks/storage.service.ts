import type { Clock } from '../../kernel/clock.ts';
import { Failure, isFailure } from '../../kernel/failure.ts';
import { uuid } from '../../kernel/ids.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { type ObjectService, type ObsPath, parseObsPath } from '../objects/index.ts';
import type { AgencySessions } from '../workload-access/index.ts';
import type { Notebook } from './notebook.model.ts';
import { refuse } from './notebook.request.ts';
import type { NotebookStore } from './notebook.store.ts';
import type { Mounter } from './storage.mounter.ts';
import type { StorageStore } from './storage.store.ts';
import { pathOf, type Storage, uriOf } from './storage.ts';
import { dataName } from './volume.request.ts';

/** Mounts that an instance has at a time: each is a process. */
const MOST = 10;

export interface RawStorage {
  category?: string | null;
  mount_path?: string | null;
  uri?: string | null;
}

export interface StorageServiceDeps {
  clock: Clock;
  objects: Pick<ObjectService, 'bucket' | 'list'>;
  sessions: AgencySessions;
  mounter: Mounter;
  store: Pick<NotebookStore, 'findInProject' | 'event'>;
  storages: StorageStore;
  /** Tells the loop that a mount wants to be looked at. */
  wake(id: string): Promise<void>;
}

export type StorageService = ReturnType<typeof storageService>;

/** Directories of the object store in running instances (behaviour/notebooks.md 1, dynamic OBS mount). */
export function storageService(deps: StorageServiceDeps) {
  const { clock, store, storages } = deps;

  async function notebookOf(projectId: string, id: string): Promise<Notebook> {
    const notebook = await store.findInProject(projectId, id);
    if (notebook) return notebook;
    throw refuse('6309', `There is no notebook instance ${id.slice(0, 64)} in this project.`);
  }

  async function get(projectId: string, notebookId: string, id: string): Promise<Storage> {
    const notebook = await notebookOf(projectId, notebookId);
    const storage = await storages.find(id);
    if (storage?.notebookId === notebook.id) return storage;
    throw refuse(
      '6316',
      `There is no storage ${id.slice(0, 64)} mounted into this instance.`,
      'GET /v1/{project_id}/notebooks/{instance_id}/storage lists what is.',
    );
  }

  /** The rights are those of the instance's agency: who works inside has no others, whoever mounts. */
  async function checkPlace(notebook: Notebook, { bucket, key }: ObsPath): Promise<void> {
    let principal: Principal;
    try {
      ({ principal } = await deps.sessions.of(notebook));
    } catch (error) {
      if (!isFailure(error) || error.status >= 500) throw error;
      throw refuse(
        '6782',
        `Storage is mounted with the agency of the instance, ${notebook.agency}, which cannot be used: ${error.message}`,
        'Authorize ModelArts anew (POST /v2/{project_id}/authorizations).',
      );
    }
    try {
      const { storageClass } = await deps.objects.bucket(principal, bucket);
      if (storageClass !== 'STANDARD') {
        throw refuse(
          '6371',
          `The bucket ${bucket} is of the storage class ${storageClass}; only STANDARD can be mounted.`,
        );
      }
      await deps.objects.list(principal, bucket, { prefix: key, maxKeys: 1 });
    } catch (error) {
      if (!isFailure(error) || error.code.startsWith('ModelArts.') || error.status >= 500) throw error;
      const forbidden = error.status === 403;
      throw refuse(
        '6320',
        `Parameter [uri]: ${forbidden ? `the agency ${notebook.agency} may not use it: ` : ''}${error.message}`,
        forbidden ? `Allow the agency obs:bucket:HeadBucket, obs:bucket:ListBucket and obs:object:* there.` : undefined,
        forbidden ? 403 : 400,
      );
    }
  }

  return {
    get,

    async list(projectId: string, notebookId: string): Promise<Storage[]> {
      return storages.list((await notebookOf(projectId, notebookId)).id);
    },

    /** Takes a mount in; it is made in the background. */
    async attach(principal: Principal, projectId: string, notebookId: string, raw: RawStorage): Promise<Storage> {
      const notebook = await notebookOf(projectId, notebookId);
      const { name, place } = checkStorage(raw);
      requireRunning(notebook.status);
      const unable = deps.mounter.unable();
      if (unable !== undefined) throw cannotMount(unable);
      await checkPlace(notebook, place);
      const storage: Storage = {
        id: uuid(),
        notebookId: notebook.id,
        run: notebook.run,
        name,
        bucket: place.bucket,
        prefix: place.key,
        status: 'MOUNTING',
        reason: null,
        discard: false,
        createdAt: clock.now(),
      };
      const outcome = await storages.insert(storage, MOST);
      if (outcome === 'not-running') requireRunning('not running any more');
      if (outcome === 'taken') {
        throw refuse(
          '6336',
          `Parameter [mount_path]: something is mounted at /data/${name}/ already.`,
          'Unmount it first.',
        );
      }
      if (outcome === 'full') {
        throw refuse('6336', `An instance has at most ${MOST} mounts at a time.`, 'Unmount one first.');
      }
      await tell(notebook.id, `${ownerOf(principal).name} mounts ${uriOf(storage)} at ${pathOf(storage)}.`);
      await deps.wake(storage.id);
      return storage;
    },

    /** Has a mount taken away. One that failed to be, because of files that are not in the object store yet, goes with them. */
    async detach(principal: Principal, projectId: string, notebookId: string, id: string): Promise<Storage> {
      const storage = await get(projectId, notebookId, id);
      const now = clock.now();
      const by = `${ownerOf(principal).name} unmounts ${pathOf(storage)}.`;
      // Nothing of it is left on the machine, and its directory may be another's by now.
      if (await storages.move(id, ['MOUNT_FAILED'], { status: 'UNMOUNTED' }, now)) {
        return get(projectId, notebookId, id);
      }
      const again = await storages.move(id, ['UNMOUNT_FAILED'], { status: 'UNMOUNTING', discard: true }, now);
      if (again || (await storages.move(id, ['MOUNTING', 'MOUNTED'], { status: 'UNMOUNTING' }, now))) {
        await tell(storage.notebookId, by);
        await deps.wake(id);
      }
      return get(projectId, notebookId, id);
    },
  };

  async function tell(id: string, message: string): Promise<void> {
    await store.event(id, { time: clock.now(), level: 'Info', message });
  }
}

function requireRunning(status: string): void {
  if (status === 'RUNNING') return;
  throw refuse('6327', `The notebook instance is ${status}; storage is mounted into a RUNNING one.`, 'Start it first.');
}

function cannotMount(why: string): Failure {
  return new Failure({
    code: 'ModelArts.2858',
    status: 501,
    message: `UnsupportedOperation: object storage cannot be mounted on this machine: ${why}.`,
    solution: 'Whoever runs the platform can mend it; ./atelier doctor shows it. Until then, copy files with moxing.',
  });
}

/** What a request wants mounted where. One directory, right below /data, so that no mount hides another. */
export function checkStorage(raw: RawStorage): { name: string; place: ObsPath } {
  const category = (raw.category ?? '').toUpperCase();
  if (category === '') throw refuse('6335', 'Parameter [category] is required: OBS.');
  if (category !== 'OBS' && category !== 'OBSFS') {
    throw refuse(
      '6336',
      `Parameter [category] is "${category.slice(0, 50)}"; only OBS can be mounted into a running instance; shared directories are given as data_volumes when it is created or stopped.`,
    );
  }
  const name = dataName(raw.mount_path, 'mount_path');
  if (!raw.uri) throw refuse('6317', 'Parameter [uri] is required, such as obs://bucket/dir/.');
  if (!/^obs:\/\//i.test(raw.uri)) throw refuse('6336', 'Parameter [uri] should be written as obs://bucket/dir/.');
  let place: ObsPath;
  try {
    place = parseObsPath(raw.uri);
  } catch (error) {
    if (!isFailure(error)) throw error;
    throw refuse('6336', `Parameter [uri]: ${error.message}`);
  }
  if (place.key === '') {
    throw refuse(
      '6358',
      'Parameter [uri] may not be the root of the bucket; name a directory of it, such as obs://bucket/dir/.',
    );
  }
  if (!place.key.endsWith('/')) throw refuse('6318', 'Parameter [uri] should end with /.');
  // What a path of a file system cannot name.
  const parts = place.key.slice(0, -1).split('/');
  if (parts.some(part => part === '' || part === '.' || part === '..' || /[\p{Cc}]/u.test(part))) {
    throw refuse('6336', 'Parameter [uri] should hold no empty part, no "." or ".." and no control characters.');
  }
  return { name, place };
}
