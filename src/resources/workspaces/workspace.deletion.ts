import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer } from '../../policy/index.ts';
import type { WorkspaceContents } from './contents.ts';
import type { WorkspaceStore } from './workspace.store.ts';
import { checkNormal, DEFAULT_ID, missing, readOnly } from './workspace.ts';

/** What whoever deletes a workspace must be allowed, whether there is such a thing in it or not (behaviour/permissions.md 6). */
const DELETE_ACTIONS = ['service', 'model', 'tensorboard', 'trainJob', 'exemlProject', 'notebook', 'dataset'].map(
  type => `modelarts:${type}:delete`,
);

export type WorkspaceDeletion = ReturnType<typeof workspaceDeletion>;

/** Deleting workspaces: who may, and how it begins; the reconciler does the rest. */
export function workspaceDeletion(deps: {
  store: WorkspaceStore;
  clock: Clock;
  authorizer: Authorizer;
  contents: () => readonly WorkspaceContents[];
  /** Says that a deletion is due. */
  hint: () => void;
}) {
  const { store, clock, authorizer, contents, hint } = deps;
  return {
    /**
     * Begins the deletion, or begins it anew where it failed.  Throws Failure 400:
     * ModelArts.4551 naming what the caller may not delete, 7004 while it is under way, 3566 for the default workspace.
     */
    async request(principal: Principal, projectId: string, id: string): Promise<void> {
      if (id === DEFAULT_ID) throw readOnly();
      const workspace = await store.find(projectId, id);
      if (!workspace) throw missing(id);
      const { enterpriseProjectId } = workspace;
      const surroundings = {
        enterpriseProjectId,
      };
      const lacking: string[] = [];
      for (const action of new Set([...DELETE_ACTIONS, ...contents().map(each => each.deleteAction)])) {
        if (!(await authorizer.decide(principal, { action, ...surroundings })).allowed) lacking.push(action);
      }
      if (lacking.length > 0) {
        throw new Failure({
          code: 'ModelArts.4551',
          status: 400,
          message: `The workspace is deleted with everything in it, and the caller is not allowed ${lacking.join(', ')}.`,
          solution:
            'Ask an administrator of the account to grant these, or the account itself to delete the workspace.',
        });
      }
      await store.transaction(async rows => {
        const now = await rows.find(projectId, id);
        if (!now) throw missing(id);
        if (now.status !== 'DELETE_FAILED') checkNormal(now);
        await rows.setDeleting(id, clock.now());
      });
      hint();
    },
  };
}
