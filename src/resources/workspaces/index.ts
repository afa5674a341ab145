import type { FindWorkspace, Located, Route, WorkspaceView } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Bound, EnterpriseProjects } from '../enterprise-projects/index.ts';
import type { Iam } from '../iam/index.ts';
import type { Admit, ComputeLimits, WorkspaceContents } from './contents.ts';
import { workspaceDeletion } from './workspace.deletion.ts';
import { workspaceEvaluator } from './workspace.evaluator.ts';
import { workspaceQuotas } from './workspace.quotas.ts';
import { type DeletionSettings, workspaceReconciler } from './workspace.reconciler.ts';
import { workspaceRoutes } from './workspace.routes.ts';
import { workspaceService } from './workspace.service.ts';
import { workspaceStore } from './workspace.store.ts';
import { admits, DEFAULT_ID, type WorkspaceStatus } from './workspace.ts';

export type { Admit, ComputeLimits, WorkspaceContents, WorkspaceQuota } from './contents.ts';
export { workspacesOperations } from './workspace.api.ts';
export { workspacesMigrations } from './workspace.store.ts';

export interface WorkspacesDeps {
  db: Database;
  clock: Clock;
  log: Log;
  iam: Pick<Iam, 'user' | 'userByName' | 'agency' | 'findAgency' | 'authorizer'>;
  enterpriseProjects: Pick<EnterpriseProjects, 'find'>;
  settings?: Partial<DeletionSettings>;
}

export interface Workspaces {
  routes: Route[];
  /** A workspace of a project, `0` being always there; also one that is being deleted, which `status` tells. */
  find(projectId: string, id: string): Promise<(WorkspaceView & { status: WorkspaceStatus }) | undefined>;
  /** Where workspaces belong, for authorization: in themselves. */
  locate(id: string, scope: { projectId: string }): Promise<Located | undefined>;
  /**
   * To be called before something is created in a workspace, with how many of the resource are there. Throws Failure 400: ModelArts.7005
   * there is no such workspace, 7004 it is being deleted, 7006 its quota is used up. `db`: the transaction that creates it, so that
   * the workspace does not go away meanwhile and the last place is not taken twice.
   */
  admit: Admit;
  /** The workspaces bound to an enterprise project. */
  bound: Bound;
  /** Called whenever whom a workspace admits has changed. */
  onChanged(listener: () => void): void;
  /** Says what lies in workspaces. Set once, by whoever composes. */
  setContents(contents: readonly WorkspaceContents[]): void;
  /** Says what of the machine workspaces may use. Set once, by whoever composes. */
  setCompute(limits: ComputeLimits): void;
  /** Takes up deletions that are due. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The family of workspaces, which divide a project among people. */
export function createWorkspaces(deps: WorkspacesDeps): Workspaces {
  const { db, clock, iam, enterpriseProjects } = deps;
  const store = workspaceStore(db);
  let contents: readonly WorkspaceContents[] = [];
  let compute: ComputeLimits | undefined;
  const quotas = workspaceQuotas({ store, clock, contents: () => contents, compute: () => compute });
  const listeners: (() => void)[] = [];
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const reconciler = workspaceReconciler({ ...deps, store, contents: () => contents, forget: quotas.forget });
  const deletion = workspaceDeletion({
    store,
    clock,
    authorizer: iam.authorizer,
    contents: () => contents,
    hint: () => reconciler.hint(),
  });
  const service = workspaceService({ store, clock, iam, enterpriseProjects, changed });

  const find: FindWorkspace & Workspaces['find'] = async (projectId, id) => {
    if (id === DEFAULT_ID) {
      // Only a project of the caller's account is ever asked about.
      const allowed = { allowed: true, reason: 'It is public: the whole account may enter.' };
      return { id, enterpriseProjectId: '0', status: 'NORMAL', admits: () => allowed };
    }
    const workspace = await store.find(projectId, id);
    if (!workspace) return undefined;
    const { enterpriseProjectId, status } = workspace;
    return { id, enterpriseProjectId, status, admits: principal => admits(workspace, principal) };
  };

  const evaluate = workspaceEvaluator({ authorizer: iam.authorizer, find });

  return {
    routes: workspaceRoutes({ service, quotas, deletion, evaluate }),
    find,
    async locate(id, { projectId }) {
      return (await find(projectId, id)) && { workspaceId: id };
    },
    admit: (projectId, workspaceId, resource, used, within = db) =>
      quotas.admit(store.in(within), projectId, workspaceId, resource, used),
    async bound(accountId, enterpriseProjectId, within) {
      const found = await store.in(within).boundTo(accountId, enterpriseProjectId);
      return found.map(({ id, name, projectId }) => ({ id, name, projectId, type: 'workspace' }));
    },
    onChanged: listener => void listeners.push(listener),
    setContents(all) {
      contents = all;
    },
    setCompute(limits) {
      compute = limits;
    },
    start: () => reconciler.start(),
    stop: () => reconciler.stop(),
  };
}
