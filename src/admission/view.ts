import { nothing, total } from './demand.ts';
import type { Entry } from './entry.ts';
import { estimateStarts } from './estimate.ts';
import { explain } from './explain.ts';
import type { Pool } from './pool.ts';
import type { State } from './state.ts';
import { type PoolState, PUBLIC_POOL, type WorkloadFilter, type WorkloadStatus, type WorkloadView } from './types.ts';

/** How long a re-issued workload may wait (behaviour/training.md 9). */
const REISSUE_MS = 30 * 60_000;

/** What may be found once for many: who is first in a pool, and when those in front start. */
interface Known {
  head: Entry | undefined;
  starts: Map<Entry, number>;
}

/** How a workload stands. */
export function statusOf(state: State, entry: Entry, now: number, known?: Known): WorkloadStatus {
  const { submittedAt, admittedAt } = entry;
  if (admittedAt !== undefined) {
    return {
      state: 'admitted',
      position: 0,
      reasonCode: 'Admitted',
      reason: 'Admitted.',
      submittedAt,
      admittedAt,
      nodes: entry.nodes ?? [],
      ...(entry.preemptedBy === undefined ? {} : { preempted: { by: entry.preemptedBy } }),
      ...(entry.lost === undefined ? {} : { lost: { node: entry.lost } }),
    };
  }
  const pool = state.topology.poolOf(entry);
  const reason = explain(entry, state.topology, state.quotas, known ? known.head : pool?.head());
  const near = pool && reason.position >= 0 && reason.position < NEAR;
  const starts = known?.starts ?? (near ? estimateStarts(pool, now, reason.position + 1) : undefined);
  const estimatedStart = starts?.get(entry);
  return {
    state: 'queued',
    ...reason,
    submittedAt,
    ...(estimatedStart === undefined ? {} : { estimatedStart }),
    ...(entry.request.reissued && now - submittedAt > REISSUE_MS ? { overdue: true } : {}),
  };
}

/** Further back, a single status says nothing of its start, as that costs too much for so vague an answer. */
const NEAR = 20;

/** Workloads of a pool and its sub-pools, or of all: see Admission.workloads. */
export function viewsOf(state: State, id: string | undefined, filter: WorkloadFilter, now: number): WorkloadView[] {
  const { topology } = state;
  const all =
    id === undefined ? [...state.entries.values()] : topology.family(id).flatMap(each => [...topology.members(each)]);
  const wanted = all.filter(
    ({ request, admittedAt }) =>
      (filter.kind === undefined || request.kind === filter.kind) &&
      (filter.accountId === undefined || request.accountId === filter.accountId) &&
      (filter.projectId === undefined || request.projectId === filter.projectId) &&
      (filter.workspaceId === undefined || (request.workspaceId ?? '0') === filter.workspaceId) &&
      (filter.state === undefined || (admittedAt !== undefined) === (filter.state === 'admitted')),
  );
  const known = new Map<Pool, Known>();
  const knownOf = (entry: Entry): Known | undefined => {
    const pool = topology.poolOf(entry);
    if (!pool || entry.admittedAt !== undefined) return undefined;
    let found = known.get(pool);
    if (!found) {
      found = { head: pool.head(), starts: estimateStarts(pool, now) };
      known.set(pool, found);
    }
    return found;
  };
  wanted.sort((a, b) => {
    if (a.admittedAt !== undefined || b.admittedAt !== undefined) {
      return (
        (a.admittedAt ?? Number.POSITIVE_INFINITY) - (b.admittedAt ?? Number.POSITIVE_INFINITY) ||
        a.sequence - b.sequence
      );
    }
    return a.order - b.order;
  });
  return wanted.map(entry => viewOf(entry, statusOf(state, entry, now, knownOf(entry))));
}

function viewOf(entry: Entry, status: WorkloadStatus): WorkloadView {
  const { request, vcpus, memoryBytes, gpus } = entry;
  return {
    ...status,
    id: entry.id,
    kind: request.kind,
    name: request.name,
    accountId: request.accountId,
    projectId: request.projectId,
    workspaceId: request.workspaceId ?? '0',
    ...(request.userId === undefined ? {} : { userId: request.userId }),
    pool: entry.pool,
    tasks: entry.tasks,
    demand: { vcpus, memoryBytes, gpus },
    priority: entry.priority,
    preemptible: request.preemptible ?? false,
    reissued: request.reissued ?? false,
  };
}

export function poolStates(state: State): PoolState[] {
  const ids = [PUBLIC_POOL, ...state.topology.definitions.keys()];
  return ids.map(id => poolState(state, id));
}

export function poolState(state: State, id: string): PoolState {
  const { topology } = state;
  const definition = topology.definitions.get(id);
  const pool = topology.rootOf(id);
  let queued = 0;
  for (const each of topology.family(id)) for (const entry of topology.members(each)) if (!entry.nodes) queued += 1;
  const child = definition?.parent !== undefined;
  return {
    id,
    queued,
    used: child ? { ...pool.held(id) } : total(pool.list().map(node => node.used)),
    nodes: child
      ? []
      : pool.list().flatMap(node =>
          node.gone
            ? []
            : [
                {
                  name: node.name,
                  capacity: { ...node.capacity },
                  schedulable: node.schedulable,
                  available: node.available,
                  used: { ...node.used },
                  workloads: [...node.work.keys()].map(entry => entry.id),
                },
              ],
        ),
    ...(child ? { parent: definition.parent!, guaranteed: definition.guaranteed ?? nothing() } : {}),
    ...(child && definition.max ? { max: definition.max } : {}),
  };
}
