import type { Database } from '../../store-kit/index.ts';

/** What a family puts into workspaces. Each family that does implements it, and whoever composes hands them all over. */
export interface WorkspaceContents {
  /** `training-job`, say: what it is, for people and for the order of deletion. */
  kind: string;
  /** What one must be allowed to delete a workspace that may hold some: `modelarts:trainJob:delete`. */
  deleteAction: string;
  /** Present where their number in a workspace can be limited. */
  quota?: WorkspaceQuota;
  /** How many there are. */
  count(projectId: string, workspaceId: string): Promise<number>;
  /** Asks for the deletion of all of them; resolves with how many are still there. May be called again and again. */
  clear(projectId: string, workspaceId: string): Promise<number>;
}

export interface WorkspaceQuota {
  /** `trainJob.count`, say. */
  resource: string;
  name_en: string;
  name_cn: string;
  unit_en: string;
  unit_cn: string;
  /** The highest limit that may be set. */
  max: number;
}

/** What of the machine workspaces may use at the same time, which the queue keeps to: work over the limit waits. */
export interface ComputeLimits {
  quotas: readonly WorkspaceQuota[];
  /** Of each resource the limit, undefined where there is none, and what is in use. */
  show(of: ComputeScope): Promise<ReadonlyMap<string, { limit: number | undefined; used: number }>>;
  /** Sets or, by undefined, lifts the limits that are named; the others stay. */
  set(of: ComputeScope, limits: ReadonlyMap<string, number | undefined>): Promise<void>;
}

export interface ComputeScope {
  accountId: string;
  projectId: string;
  workspaceId: string;
}

/** Has its creation refused where a workspace takes no more, see `Workspaces.admit`. */
export type Admit = (
  projectId: string,
  workspaceId: string,
  resource: string,
  used: number,
  db?: Database,
) => Promise<void>;
