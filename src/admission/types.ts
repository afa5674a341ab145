import type { Demand } from './demand.ts';

export type WorkloadKind = 'training-job' | 'notebook' | 'service-instance';

/** The pool of all that is given to no dedicated pool. */
export const PUBLIC_POOL = 'public';

/** What wants to run; the demand is that of one task. */
export interface WorkloadRequest extends Demand {
  id: string;
  kind: WorkloadKind;
  name: string;
  accountId: string;
  projectId: string;
  /** The default workspace when absent. */
  workspaceId?: string;
  userId?: string;
  /** Id of a pool; the public one when absent. */
  pool?: string;
  /** Tasks that start together or not at all, each wholly on one node; 1 when absent. */
  tasks?: number;
  /** 3 goes before 2 before 1 (behaviour/training.md 9); 1 when absent. Counts in dedicated pools alone. */
  priority?: 1 | 2 | 3;
  /** May be told to make way for one of a higher priority. Who comes back afterwards comes without `reissued`. */
  preemptible?: boolean;
  /** Was admitted before and fell victim to a fault: goes to the front. */
  reissued?: boolean;
  /** Milliseconds from its start after which it is sure to have ended, where that is known. */
  endsWithinMs?: number;
  /** Nodes that it must not be placed on, as they failed it before. */
  avoidNodes?: readonly string[];
}

export type ReasonCode =
  | 'Admitted'
  /** Head of its pool; the pool has not enough free of it in all. */
  | 'InsufficientCpu'
  | 'InsufficientMemory'
  | 'InsufficientGpu'
  /** Head of its pool; there is enough in all, but not on single nodes. */
  | 'Fragmented'
  /** Head of its pool; nodes that could take it are not available yet, locked, or drained. */
  | 'NodesUnavailable'
  /** Head of its pool; others were told to make way for it. */
  | 'Preempting'
  /** Others come first. */
  | 'BehindOthers'
  /** Over a quota of its account, workspace or user; holds nobody back. */
  | 'QuotaExceeded'
  /** Its sub-pool has reached its limit, or what is left is guaranteed to other sub-pools. */
  | 'PoolShareExceeded'
  /** More than its pool has in all; holds nobody back. */
  | 'ExceedsPool'
  /** The pool is not there. */
  | 'PoolMissing';

export interface WorkloadStatus {
  state: 'queued' | 'admitted';
  /** 0 is the head of its pool; -1: not in line, as over a quota or without a pool. 0 when admitted. */
  position: number;
  reasonCode: ReasonCode;
  reason: string;
  submittedAt: number;
  admittedAt?: number;
  /** Name of the node of each task, once admitted. */
  nodes?: readonly string[];
  /** When it is expected to start at the latest, where the ends of what it waits for are known; milliseconds since the epoch. */
  estimatedStart?: number;
  /** Set when it shall make way: the family ends its tasks and releases it. */
  preempted?: { by: string };
  /** Set when a node it runs on is no longer of the pool: the family ends its tasks and releases it. */
  lost?: { node: string };
  /** A re-issued one that has waited for more than 30 minutes (behaviour/training.md 9): the family gives it up. */
  overdue?: boolean;
}

/** A workload as lists show it. */
export interface WorkloadView extends WorkloadStatus {
  id: string;
  kind: WorkloadKind;
  name: string;
  accountId: string;
  projectId: string;
  workspaceId: string;
  userId?: string;
  pool: string;
  tasks: number;
  /** Of one task. */
  demand: Demand;
  priority: 1 | 2 | 3;
  preemptible: boolean;
  reissued: boolean;
}

/** A node of a pool: a share of the machine. */
export interface PoolNode {
  name: string;
  capacity: Demand;
  /** False takes no new tasks: locked, draining, failed. */
  schedulable: boolean;
}

export interface PoolNodeState extends PoolNode {
  used: Demand;
  /** Ids. */
  workloads: readonly string[];
  /** False while what runs in the public pool has not left room for it (decision 0013); it takes no tasks until then. */
  available: boolean;
}

export interface PoolState {
  id: string;
  nodes: readonly PoolNodeState[];
  queued: number;
  /** Of a sub-pool, which has no nodes of its own. */
  parent?: string;
  /** What its own workloads hold; of a sub-pool its own alone. */
  used: Demand;
  /** Of a sub-pool. */
  guaranteed?: Demand;
  max?: Demand;
}

export interface PoolOptions {
  /** Makes it a sub-pool: its workloads run on the nodes of this pool, within `max`. `nodes` is empty then. */
  parent?: string;
  /** Of a sub-pool: what the others of the parent leave to it. Nothing when absent. */
  guaranteed?: Demand;
  /** Of a sub-pool: no limit but the parent's when absent. */
  max?: Demand;
  /** Takes nodes away even from under workloads; their families are told by `onLost`. */
  force?: boolean;
}

/** Whom a quota limits: an account, a workspace, or a user in an account or in one workspace. */
export interface QuotaScope {
  accountId: string;
  workspace?: { projectId: string; id: string };
  userId?: string;
}

/** Limits on what is admitted at the same time; what is absent is not limited. */
export interface QuotaLimits extends Partial<Demand> {
  workloads?: number;
}

export interface QuotaUse extends Demand {
  workloads: number;
}

export interface WorkloadFilter {
  kind?: WorkloadKind;
  accountId?: string;
  projectId?: string;
  workspaceId?: string;
  state?: 'queued' | 'admitted';
}

export interface Admission {
  /**
   * Queues a workload and decides at once; idempotent by id. It is on disk when this resolves. A pool that is not there makes
   * it wait with the reason `PoolMissing`.
   */
  submit(request: WorkloadRequest): Promise<WorkloadStatus>;
  /** Gives back what a workload holds, or takes it out of the queue; idempotent. */
  release(id: string): Promise<void>;
  status(id: string): Promise<WorkloadStatus | undefined>;
  /** Ids of all workloads of a kind, queued or admitted. */
  list(kind: WorkloadKind): Promise<string[]>;
  /** Workloads of a pool (its sub-pools' included) or of all: admitted ones by their start, then the queue in its order. */
  workloads(pool?: string, filter?: WorkloadFilter): Promise<WorkloadView[]>;
  /** Called with the id of every workload that is admitted after having waited. */
  onAdmitted(kind: WorkloadKind, listener: (id: string) => void): void;
  /** Called with the id of every workload that shall make way, and whom for; again at every start until it is released. */
  onPreempted(kind: WorkloadKind, listener: (id: string, by: string) => void): void;
  /** Called with the id of every workload whose node was taken away, and the node; again at every start until it is released. */
  onLost(kind: WorkloadKind, listener: (id: string, node: string) => void): void;
  /** What is admitted, in a pool (its sub-pools included) or in all. */
  used(pool?: string): Promise<Demand>;
  /** Whether a pool (the public one when absent) could ever run so many tasks (1 when absent) together. */
  fits(demand: Demand, where?: { pool?: string; tasks?: number }): { ok: true } | { ok: false; reason: string };
  /**
   * Makes a dedicated pool of these nodes, or replaces its nodes; idempotent. To be called for all pools at each start, before
   * the families start, as the definition of pools is kept elsewhere. New nodes take their share from the public pool at once.
   * Resolves with the pool; `available` of each node says whether it has its share already. Throws Failure 400
   * ModelArts.50004000 when there would be more nodes than machine, when a sub-pool's parent is not a dedicated pool, and, but for
   * `force`, when a node that goes or shrinks holds workloads (`details.workloads`: their ids).
   */
  setPool(id: string, nodes: readonly PoolNode[], options?: PoolOptions): Promise<PoolState>;
  /**
   * Takes a pool away; idempotent. Throws Failure 400 ModelArts.50004000 while it has sub-pools, and, but for `force`, while
   * workloads run in it. What is queued stays, with the reason `PoolMissing`.
   */
  removePool(id: string, options?: { force?: boolean }): Promise<void>;
  /** All pools that were set, and the public one, which is one node. */
  pools(): Promise<PoolState[]>;
  /** Limits, durably, what a scope may have admitted at a time; `change` makes the limits from the present ones. */
  setQuota(scope: QuotaScope, change: (present: QuotaLimits) => QuotaLimits): Promise<void>;
  quota(scope: QuotaScope): Promise<{ limits: QuotaLimits; used: QuotaUse }>;
  /** Decides all queues and tells again who shall make way or lost a node; once at start, when all pools are set. */
  start(): Promise<void>;
  readonly capacity: Demand;
}
