import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import { errorText } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Next, PassContext } from '../../loop/reconciler.ts';
import type { AgencySessions } from '../workload-access/index.ts';
import type { ContainerPart } from './container-part.ts';
import { hostPaths, type NotebookPaths } from './notebook.paths.ts';
import type { NotebookStore } from './notebook.store.ts';
import type { Mounter } from './storage.mounter.ts';
import type { StorageStore } from './storage.store.ts';
import { pathOf, type Storage, uriOf } from './storage.ts';

const LOOK_MS = 3_000;
/** How long an end waits for what was written to reach the object store. */
const FLUSH_MS = 30_000;
const FLUSH_POLL_MS = 100;

export interface StorageKeeperDeps {
  clock: Clock;
  log: Log;
  store: Pick<NotebookStore, 'find' | 'event'>;
  storages: StorageStore;
  sessions: AgencySessions;
  mounter: Mounter;
  dir: string;
  /** Where this machine reaches the object store; read when it is needed. */
  endpoints: { obs: string };
  region: string;
  flushMs?: number | undefined;
}

/** Drives the mounts of instances: `pass` over one of them, and the part that gives a container its /data and takes it away. */
export function storageKeeper(deps: StorageKeeperDeps) {
  const { clock, store, storages, mounter } = deps;
  const locks = new Map<string, Promise<unknown>>();
  /** Instances that have a /data. */
  const opened = new Set<string>();

  /** One after the other for each instance: an end must not meet a mount that is just being made. */
  async function alone<T>(notebookId: string, work: () => Promise<T>): Promise<T> {
    const before = locks.get(notebookId);
    const mine = (before ?? Promise.resolve()).catch(() => undefined).then(work);
    locks.set(notebookId, mine);
    try {
      return await mine;
    } finally {
      if (locks.get(notebookId) === mine) locks.delete(notebookId);
    }
  }

  async function tell(notebookId: string, level: 'Info' | 'Warning', message: string): Promise<void> {
    await store.event(notebookId, { time: clock.now(), level, message });
  }

  const specOf = (storage: Storage, host: NotebookPaths) => ({
    ...storage,
    root: host.root,
    endpoint: deps.endpoints.obs,
    region: deps.region,
  });

  /** Waits until the object store has what was written; returns how many files it lacks at last. */
  async function flush(spec: { root: string; id: string; name: string }, signal?: AbortSignal): Promise<number> {
    for (const end = Date.now() + (deps.flushMs ?? FLUSH_MS); ; await sleep(FLUSH_POLL_MS)) {
      const pending = await mounter.pending(spec);
      if (pending === 0 || signal?.aborted || Date.now() > end) return pending;
      if ((await mounter.fault(spec)) !== undefined) return pending;
    }
  }

  async function mount(storage: Storage, host: NotebookPaths): Promise<Next> {
    const spec = specOf(storage, host);
    let reason: string | undefined;
    try {
      if (!(await mounter.isOpen(host.root))) {
        throw new Error('the instance was started when nothing could be mounted; stop it and start it again');
      }
      await mounter.mount(spec);
    } catch (error) {
      reason = `It could not be mounted: ${errorText(error)}.`;
    }
    if (reason !== undefined) return fail(storage, host, reason);
    const moved = await storages.move(storage.id, ['MOUNTING'], { status: 'MOUNTED' }, clock.now());
    // Somebody wants it unmounted already.
    if (!moved) return { afterMs: 0 };
    await tell(storage.notebookId, 'Info', `${uriOf(storage)} is mounted at ${pathOf(storage)}.`);
    return { afterMs: LOOK_MS };
  }

  async function fail(storage: Storage, host: NotebookPaths, reason: string): Promise<Next> {
    await mounter.unmount(specOf(storage, host));
    const from = ['MOUNTING', 'MOUNTED', 'UNMOUNT_FAILED'] as const;
    await storages.move(storage.id, from, { status: 'MOUNT_FAILED', reason }, clock.now());
    await tell(storage.notebookId, 'Warning', `${pathOf(storage)}: ${reason}`);
    // Who unmounts it meanwhile is answered by the next look.
    return { afterMs: 0 };
  }

  async function watch(storage: Storage, host: NotebookPaths): Promise<Next> {
    const spec = specOf(storage, host);
    const fault = await mounter.fault(spec);
    if (fault === undefined) return { afterMs: LOOK_MS };
    const lost = await mounter.pending(spec);
    const files = lost > 0 ? ` ${lost} files that were written last are not in the object store.` : '';
    return fail(storage, host, `The mount broke: ${fault}.${files} Mount it again.`);
  }

  async function unmount(storage: Storage, host: NotebookPaths, signal: AbortSignal): Promise<Next> {
    const spec = specOf(storage, host);
    const lost = storage.discard ? 0 : await flush(spec, signal);
    if (signal.aborted) return { afterMs: 0 };
    if (lost > 0) {
      const reason = `${lost} files that were written there are not in the object store yet: their upload goes on, or is not allowed. Unmount it later, or again now to give them up.`;
      await storages.move(storage.id, ['UNMOUNTING'], { status: 'UNMOUNT_FAILED', reason }, clock.now());
      await tell(storage.notebookId, 'Warning', `${pathOf(storage)}: ${reason}`);
      return { afterMs: LOOK_MS };
    }
    await mounter.unmount(spec);
    await storages.move(storage.id, ['UNMOUNTING'], { status: 'UNMOUNTED' }, clock.now());
    await tell(storage.notebookId, 'Info', `${pathOf(storage)} is unmounted.`);
    return 'settled';
  }

  async function look(id: string, { signal }: PassContext): Promise<Next> {
    const storage = await storages.find(id);
    if (!storage || storage.status === 'UNMOUNTED' || storage.status === 'MOUNT_FAILED') return 'settled';
    const notebook = await store.find(storage.notebookId);
    // Its end takes the mounts away.
    if (notebook?.step !== 'running' || notebook.run !== storage.run) return 'settled';
    const host = hostPaths(deps.dir, notebook.id);
    try {
      await mounter.give(host.root, await deps.sessions.of(notebook));
    } catch (error) {
      // The supervisor of the instance tells it; what is mounted works for as long as its credentials do.
      if (storage.status === 'MOUNTING') return fail(storage, host, `There are no credentials: ${errorText(error)}`);
    }
    switch (storage.status) {
      case 'MOUNTING':
        return mount(storage, host);
      case 'UNMOUNTING':
        return unmount(storage, host, signal);
      default:
        return watch(storage, host);
    }
  }

  const part: ContainerPart = {
    name: 'storage',
    async prepare(notebook, host) {
      await storages.forget(notebook.id);
      opened.delete(notebook.id);
      if (mounter.unable() !== undefined) return;
      try {
        await mounter.open(host.root);
        opened.add(notebook.id);
      } catch (error) {
        // An instance without it is better than none; whoever mounts then is told.
        deps.log.warn({ err: error, notebook: notebook.id }, 'an instance has no /data: nothing can be mounted');
      }
    },
    mounts: (notebook, host) =>
      opened.has(notebook.id)
        ? [{ source: `${host.root}/data`, target: '/data', readOnly: true, propagation: 'rslave' }]
        : [],
    release: (notebook, host) =>
      alone(notebook.id, async () => {
        for (const storage of await storages.list(notebook.id)) {
          if (storage.status === 'MOUNT_FAILED') continue;
          const spec = specOf(storage, host);
          const lost = (await mounter.fault(spec)) === undefined ? await flush(spec) : 0;
          if (lost === 0) continue;
          const text = `${pathOf(storage)}: ${lost} files that were written there did not reach the object store before the end.`;
          await tell(notebook.id, 'Warning', text);
        }
        await mounter.close(host.root);
        await storages.end(notebook.id, clock.now());
        opened.delete(notebook.id);
      }),
  };

  return {
    part,
    async pass(id: string, context: PassContext): Promise<Next> {
      const storage = await storages.find(id);
      return storage ? alone(storage.notebookId, () => look(id, context)) : 'settled';
    },
  };
}
