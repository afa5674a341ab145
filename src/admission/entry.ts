import type { Demand } from './demand.ts';
import { PUBLIC_POOL, type WorkloadRequest } from './types.ts';

/** A workload in memory: its row, and what decisions need of it. */
export interface Entry extends Demand {
  readonly request: WorkloadRequest;
  readonly id: string;
  readonly pool: string;
  readonly tasks: number;
  /** 1 in the public pool. */
  readonly priority: 1 | 2 | 3;
  readonly avoid: ReadonlySet<string>;
  readonly sequence: number;
  readonly submittedAt: number;
  /** Less comes first: re-issued, then priority, then first come. */
  readonly order: number;
  /** Entries of one shape get the same answer. */
  readonly shape: string;
  /** Keys of the quotas it counts in, the widest first. */
  readonly scopes: readonly string[];
  admittedAt: number | undefined;
  nodes: readonly string[] | undefined;
  preemptedBy: string | undefined;
  /** A node it runs on that is no longer there. */
  lost: string | undefined;
}

interface Progress {
  sequence: number;
  submittedAt: number;
  admittedAt?: number | undefined;
  nodes?: readonly string[] | undefined;
  preemptedBy?: string | undefined;
}

/** More than there will ever be workloads, and exact in a double. */
const CLASS = 2 ** 44;

export function entryOf(request: WorkloadRequest, progress: Progress): Entry {
  const pool = request.pool ?? PUBLIC_POOL;
  const tasks = request.tasks ?? 1;
  const priority = pool === PUBLIC_POOL ? 1 : (request.priority ?? 1);
  const rank = (request.reissued ? 0 : 3) + (3 - priority);
  const avoid = [...new Set(request.avoidNodes ?? [])].sort();
  const { vcpus, memoryBytes, gpus } = request;
  return {
    request,
    id: request.id,
    pool,
    tasks,
    priority,
    avoid: new Set(avoid),
    vcpus,
    memoryBytes,
    gpus,
    sequence: progress.sequence,
    submittedAt: progress.submittedAt,
    order: rank * CLASS + progress.sequence,
    shape: JSON.stringify([rank, pool, tasks, vcpus, memoryBytes, gpus, coarse(request.endsWithinMs), avoid]),
    scopes: scopesOf(request),
    admittedAt: progress.admittedAt,
    nodes: progress.nodes,
    preemptedBy: progress.preemptedBy,
    lost: undefined,
  };
}

/** When it is sure to have ended; undefined when nobody knows, or when it should have ended already. */
export function endOf(entry: Entry, now: number): number | undefined {
  const within = entry.request.endsWithinMs;
  if (within === undefined || entry.admittedAt === undefined || entry.preemptedBy !== undefined) return undefined;
  const end = entry.admittedAt + within;
  return end > now ? end : undefined;
}

/** How long it runs at most, rounded up (by a fifth at most) to one of a few values, as workloads of one shape must be alike. */
export function coarse(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(2 ** (Math.ceil(Math.log2(Math.max(ms, 1)) * 4) / 4));
}

function scopesOf({ accountId, projectId, workspaceId = '0', userId }: WorkloadRequest): string[] {
  const workspace = { projectId, id: workspaceId };
  return [
    scopeKey({ accountId }),
    scopeKey({ accountId, workspace }),
    ...(userId === undefined ? [] : [scopeKey({ accountId, userId }), scopeKey({ accountId, workspace, userId })]),
  ];
}

/** A scope as one string, unlike any other's. */
export function scopeKey(scope: {
  accountId: string;
  workspace?: { projectId: string; id: string };
  userId?: string;
}): string {
  const { accountId, workspace, userId } = scope;
  return JSON.stringify([accountId, workspace?.projectId ?? null, workspace?.id ?? null, userId ?? null]);
}
