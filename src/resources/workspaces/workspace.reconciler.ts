import type { Clock } from '../../kernel/clock.ts';
import { isFailure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import { type Next, Reconciler } from '../../loop/reconciler.ts';
import type { Database } from '../../store-kit/index.ts';
import type { ComputeScope, WorkspaceContents } from './contents.ts';
import type { Deletion, WorkspaceStore } from './workspace.store.ts';

export interface DeletionSettings {
  /** How often it is tried, since it last got on, before it is given up. */
  attempts: number;
  /** How often it is looked whether everything is gone. */
  pollMs: number;
  /** How long it may not get on before it is given up: containers take their time to stop. */
  stuckMs: number;
}

const SETTINGS: DeletionSettings = { attempts: 6, pollMs: 1_000, stuckMs: 15 * 60_000 };
/** What uses others goes before them; what is not listed goes last. */
const ORDER = ['service', 'model', 'training-job', 'algorithm'];

/** Deletes what is in workspaces that are being deleted, and then them. */
export function workspaceReconciler(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  store: WorkspaceStore;
  contents: () => readonly WorkspaceContents[];
  /** Forgets what others keep of a workspace, before it goes. */
  forget(of: ComputeScope): Promise<void>;
  settings?: Partial<DeletionSettings>;
}): Reconciler {
  const { store, clock, log } = deps;
  const settings = { ...SETTINGS, ...deps.settings };

  function inOrder(): WorkspaceContents[] {
    const place = ({ kind }: WorkspaceContents) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);
    return [...deps.contents()].sort((a, b) => place(a) - place(b));
  }

  async function giveUp(id: string, why: string): Promise<Next> {
    log.error({ workspace: id, why }, 'deletion of a workspace given up');
    await store.setDeleteFailed(id, why, clock.now());
    return 'settled';
  }

  /** `progress`: what is being waited for. */
  async function wait(id: string, before: Deletion, progress: string): Promise<Next> {
    if (progress !== before.progress) await store.setProgress(id, progress, clock.now());
    else if (clock.now() - before.progressAt >= settings.stuckMs) {
      return giveUp(id, `Still there after a long time without change: ${progress}. Delete the workspace again.`);
    }
    return { afterMs: settings.pollMs };
  }

  async function pass(id: string, signal: AbortSignal): Promise<Next> {
    const deletion = await store.deleting(id);
    if (!deletion) return 'settled';
    for (const { kind, clear } of inOrder()) {
      signal.throwIfAborted();
      let left: number;
      try {
        left = await clear(deletion.projectId, id);
      } catch (error) {
        signal.throwIfAborted();
        await store.countAttempt(id);
        if (deletion.attempts + 1 < settings.attempts) throw error;
        log.error({ err: error, workspace: id, kind }, 'contents of a workspace could not be deleted');
        const why = isFailure(error) ? error.message : 'an internal error, see the log of the installation.';
        return giveUp(id, `Deleting each ${kind} in it failed: ${why} Delete the workspace again.`);
      }
      if (left > 0) return wait(id, deletion, `${kind}: ${left}`);
    }
    // What is cleared later may have been used to make what was cleared earlier: all must be gone at once.
    for (const { kind, count } of deps.contents()) {
      const left = await count(deletion.projectId, id);
      if (left > 0) return wait(id, deletion, `${kind}: ${left}`);
    }
    await deps.forget({ accountId: deletion.accountId, projectId: deletion.projectId, workspaceId: id });
    await store.remove(id);
    return 'settled';
  }

  return new Reconciler(deps, {
    name: 'workspaces',
    table: 'workspaces',
    concurrency: 2,
    pass: (id, { signal }) => pass(id, signal),
  });
}
