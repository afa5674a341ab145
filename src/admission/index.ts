import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Database } from '../store-kit/index.ts';
import { admissionStore, type WorkloadRow } from './admission.store.ts';
import { type Demand, decideQueue, neverFits, total } from './admission.ts';

export { admissionMigrations } from './admission.store.ts';

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
  /** May be told to make way for one of a higher priority. */
  preemptible?: boolean;
  /** Was admitted before and fell victim to a fault: goes to the front. */
  reissued?: boolean;
  /** Milliseconds from its start after which it is sure to have ended, where that is known. */
  endsWithinMs?: number;
  /** Nodes that it must not be placed on, as they failed it before. */
  avoidNodes?: readonly string[];
}

export interface WorkloadStatus {
  state: 'queued' | 'admitted';
  position: number;
  reasonCode: string;
  reason: string;
  submittedAt: number;
  admittedAt?: number;
  /** Name of the node of each task, once admitted. */
  nodes?: readonly string[];
  /** When it is expected to start, where the ends of what it waits for are known; milliseconds since the epoch. */
  estimatedStart?: number;
  /** Set when it shall make way: the family ends its tasks and releases it. */
  preempted?: { by: string };
}

/** A node of a pool: a share of the machine. */
export interface PoolNode {
  name: string;
  capacity: Demand;
  /** False takes no new tasks: locked, draining, failed. */
  schedulable: boolean;
}

export interface PoolState {
  id: string;
  nodes: readonly (PoolNode & { used: Demand; workloads: readonly string[] })[];
  queued: number;
}

export interface Admission {
  /** Queues a workload and decides at once; idempotent by id. */
  submit(request: WorkloadRequest): Promise<WorkloadStatus>;
  /** Gives back what a workload holds, or takes it out of the queue; idempotent. */
  release(id: string): Promise<void>;
  status(id: string): Promise<WorkloadStatus | undefined>;
  /** Ids of all workloads of a kind, queued or admitted. */
  list(kind: WorkloadKind): Promise<string[]>;
  /** Called with the id of every workload that is admitted after having waited. */
  onAdmitted(kind: WorkloadKind, listener: (id: string) => void): void;
  used(): Promise<Demand>;
  /** Whether this installation could ever run it. */
  fits(demand: Demand): { ok: true } | { ok: false; reason: string };
  readonly capacity: Demand;
}

/**
 * The one queue of everything that uses the machine: training jobs and service instances, first come, first served.
 * Each decision is one transaction, so the sum of what is admitted never exceeds `capacity`.
 */
export function createAdmission(deps: { db: Database; clock: Clock; log: Log; capacity: Demand }): Admission {
  const { db, clock, log, capacity } = deps;
  const store = admissionStore(db);
  const listeners = new Map<WorkloadKind, ((id: string) => void)[]>();

  /** Decides the whole queue again. Returns the rows newly admitted. */
  async function decide(change: (rows: ReturnType<typeof admissionStore>) => Promise<void>): Promise<void> {
    const admitted = await db.transaction().execute(async trx => {
      const rows = admissionStore(trx);
      await change(rows);
      const used = total((await rows.admitted()).map(demandOf));
      const queue = await rows.queued();
      const verdicts = decideQueue(
        capacity,
        used,
        queue.map(row => ({ id: row.id, name: row.name, ...demandOf(row) })),
      );
      const fresh: WorkloadRow[] = [];
      for (const [index, verdict] of verdicts.entries()) {
        const row = queue[index]!;
        if (verdict.admitted) fresh.push(row);
        if (!verdict.admitted && row.position === verdict.position && row.reason === verdict.reason) continue;
        await rows.update(row.id, {
          position: verdict.position,
          reason_code: verdict.reasonCode,
          reason: verdict.reason,
          ...(verdict.admitted ? { admitted_at: clock.now() } : {}),
        });
      }
      return fresh;
    });
    for (const row of admitted) {
      for (const listener of listeners.get(row.kind as WorkloadKind) ?? []) {
        try {
          listener(row.id);
        } catch (error) {
          log.error({ err: error, workload: row.id }, 'admission listener failed');
        }
      }
    }
  }

  return {
    capacity,
    async submit(request) {
      const existing = await store.find(request.id);
      if (!existing) {
        await decide(rows =>
          rows.insert({
            id: request.id,
            kind: request.kind,
            name: request.name,
            account_id: request.accountId,
            project_id: request.projectId,
            vcpus: request.vcpus,
            memory_bytes: request.memoryBytes,
            gpus: request.gpus,
            submitted_at: clock.now(),
            admitted_at: null,
            position: -1,
            reason_code: 'Submitted',
            reason: 'Submitted.',
          }),
        );
      }
      return statusOf((await store.find(request.id))!);
    },
    async release(id) {
      if (!(await store.find(id))) return;
      await decide(async rows => {
        await rows.remove(id);
      });
    },
    async status(id) {
      const row = await store.find(id);
      return row && statusOf(row);
    },
    async list(kind) {
      return [...(await store.admitted()), ...(await store.queued())]
        .filter(row => row.kind === kind)
        .map(row => row.id);
    },
    onAdmitted(kind, listener) {
      listeners.set(kind, [...(listeners.get(kind) ?? []), listener]);
    },
    async used() {
      return total((await store.admitted()).map(demandOf));
    },
    fits(demand) {
      const reason = neverFits(capacity, demand);
      return reason ? { ok: false, reason } : { ok: true };
    },
  };
}

function demandOf(row: WorkloadRow): Demand {
  return { vcpus: row.vcpus, memoryBytes: row.memory_bytes, gpus: row.gpus };
}

function statusOf(row: WorkloadRow): WorkloadStatus {
  return {
    state: row.admitted_at === null ? 'queued' : 'admitted',
    position: row.position,
    reasonCode: row.reason_code,
    reason: row.reason,
    submittedAt: row.submitted_at,
    ...(row.admitted_at === null ? {} : { admittedAt: row.admitted_at }),
  };
}
