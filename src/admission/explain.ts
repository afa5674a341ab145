import {
  addTo,
  amount,
  bare,
  type Demand,
  type Dimension,
  describe,
  lacking,
  nothing,
  tasksIn,
  times,
  total,
} from './demand.ts';
import type { Entry } from './entry.ts';
import { free, room } from './nodes.ts';
import type { Pool } from './pool.ts';
import { victimsFor } from './preemption.ts';
import type { Quotas } from './quotas.ts';
import type { Topology } from './topology.ts';
import { PUBLIC_POOL, type ReasonCode } from './types.ts';

export interface Reason {
  position: number;
  reasonCode: ReasonCode;
  reason: string;
}

const CODES: Record<Dimension, ReasonCode> = {
  gpus: 'InsufficientGpu',
  memoryBytes: 'InsufficientMemory',
  vcpus: 'InsufficientCpu',
};

/** Names of those in the way that are told. */
const NAMED = 3;

/**
 * Why a workload waits: its position, what is lacking, who holds it. Names are told of its own account's workloads alone; of
 * others it is told only that they are there.
 */
export function explain(
  entry: Entry,
  topology: Topology,
  quotas: Quotas,
  head = topology.poolOf(entry)?.head(),
): Reason {
  const pool = topology.poolOf(entry);
  if (!pool?.defined || !topology.exists(entry.pool)) {
    return out('PoolMissing', `The pool ${entry.pool} is not there.`);
  }
  const excess = quotas.waitsFor(entry) ?? quotas.excess(entry);
  if (excess) return out('QuotaExceeded', quotas.explain(entry, excess));
  if (!pool.couldEver(entry)) return out('ExceedsPool', exceeds(pool, entry, entry));
  const position = pool.queue.before(entry.order);
  if (entry === head) return { position, ...headReason(pool, entry) };
  if (!pool.withinShare(entry)) return { position, reasonCode: 'PoolShareExceeded', reason: shareReason(pool, entry) };
  if (!head) return { position, reasonCode: 'BehindOthers', reason: 'It is looked at next.' };
  const ahead = `${position} workload${position === 1 ? '' : 's'} ahead in the queue`;
  const first = head.request.accountId === entry.request.accountId ? head.request.name : "another account's";
  return {
    position,
    reasonCode: 'BehindOthers',
    reason: `${ahead}; the first, ${first}, waits for ${wanted(head)}. It may pass only where that cannot delay the first.`,
  };
}

/** Why a pool could never run so many tasks. */
export function exceeds(
  pool: Pool,
  entry: { avoid: ReadonlySet<string>; tasks: number; pool: string },
  demand: Demand,
): string {
  const max = pool.shares.get(entry.pool)?.max;
  const need = describe(times(demand, entry.tasks));
  if (max && tasksIn(max, demand) < entry.tasks) {
    return `The sub-pool ${entry.pool} has ${describe(max)} at most, ${need} are needed.`;
  }
  const what =
    pool.id === PUBLIC_POOL
      ? pool.capacity().vcpus > 0
        ? 'This installation'
        : 'The public pool'
      : `The pool ${entry.pool}`;
  const all = pool.capacity();
  if (lacking(all, times(demand, entry.tasks)).length > 0)
    return `${what} has ${describe(all)} in all, ${need} are needed.`;
  const sum = pool
    .list()
    .reduce((count, node) => count + (node.gone || entry.avoid.has(node.name) ? 0 : tasksIn(node.capacity, demand)), 0);
  return `${what} has ${describe(all)} in all, but its nodes have room for ${sum} of ${entry.tasks} tasks of ${describe(demand)} each.`;
}

function headReason(pool: Pool, entry: Entry): Omit<Reason, 'position'> {
  const nodes = pool.openTo(entry);
  const all = total(nodes.map(free));
  const need = times(entry, entry.tasks);
  const start = 'Head of the queue, waiting for';
  if (victimsFor(pool.list(), entry).coming) {
    const told = [...new Set(nodes.flatMap(node => [...node.work.keys()]))].filter(
      each => each.preemptedBy !== undefined,
    );
    return {
      reasonCode: 'Preempting',
      reason: `${start} ${wanted(entry)}: ${named(told, entry)} ${told.length === 1 ? 'makes' : 'make'} way for it.`,
    };
  }
  const lacks = lacking(all, need);
  const closed = pool.list().filter(node => !node.gone && !nodes.includes(node) && tasksIn(node.capacity, entry) > 0);
  const why = closed
    .map(node =>
      entry.avoid.has(node.name)
        ? `${node.name} failed it before`
        : node.available
          ? `${node.name} takes no tasks: it is isolated, drained or a spare one`
          : `${node.name} waits for its share of the machine`,
    )
    .join(', ');
  const everOpen = nodes.reduce((sum, node) => sum + tasksIn(node.capacity, entry), 0);
  const ifOpened = room(nodes, entry) + closed.reduce((sum, node) => sum + tasksIn(free(node), entry), 0);
  // Who holds the other nodes is only half of what blocks where a closed node would have room.
  if (closed.length > 0 && (everOpen < entry.tasks || ifOpened >= entry.tasks)) {
    return {
      reasonCode: 'NodesUnavailable',
      reason: `${start} ${wanted(entry)} on nodes that are not available: ${why}${everOpen < entry.tasks ? '' : holders(pool, entry, ['gpus', 'vcpus', 'memoryBytes'])}.`,
    };
  }
  const besides = closed.length > 0 ? `; ${why}` : '';
  if (lacks.length > 0) {
    const what = lacks.map(each => `${amount(each, need[each])} (${bare(each, all[each])} free)`).join(' and ');
    return { reasonCode: CODES[lacks[0]!], reason: `${start} ${what}${holders(pool, entry, lacks)}${besides}.` };
  }
  const dimension = (['gpus', 'vcpus', 'memoryBytes'] as const).find(each => entry[each] > 0) ?? 'vcpus';
  const largest = nodes.reduce(
    (best, node) => (free(node)[dimension] > free(best)[dimension] ? node : best),
    nodes[0]!,
  );
  const gang = entry.tasks > 1 ? ` for each of ${entry.tasks} tasks, room for ${room(nodes, entry)}` : '';
  return {
    reasonCode: 'Fragmented',
    reason:
      `${start} ${amount(dimension, entry[dimension])} on one node${gang}: largest free block ` +
      `${bare(dimension, free(largest)[dimension])} on ${largest.name}, ${bare(dimension, all[dimension])} free in all${holders(pool, entry, [dimension])}${besides}.`,
  };
}

function shareReason(pool: Pool, entry: Entry): string {
  const own = pool.shares.get(entry.pool);
  const held = pool.held(entry.pool);
  const need = times(entry, entry.tasks);
  if (own?.max) {
    const sum = nothing();
    addTo(sum, held);
    addTo(sum, need);
    if (lacking(own.max, sum).length > 0) {
      return `The sub-pool ${entry.pool} may have ${describe(own.max)}; ${describe(held)} are in use, ${describe(need)} wanted.`;
    }
  }
  return `What is free in the pool ${pool.id} is guaranteed to its ${own ? 'other ' : ''}sub-pools; ${describe(need)} wanted.`;
}

/** `; held by a, b and 2 workloads of other accounts`. */
function holders(pool: Pool, entry: Entry, dimensions: readonly Dimension[]): string {
  const blocking = new Set<Entry>();
  for (const node of pool.openTo(entry)) {
    for (const each of node.work.keys()) if (dimensions.some(dimension => each[dimension] > 0)) blocking.add(each);
  }
  return blocking.size === 0 ? '' : `; held by ${named([...blocking], entry)}`;
}

function named(entries: readonly Entry[], seenBy: Entry): string {
  const own = entries.filter(each => each.request.accountId === seenBy.request.accountId);
  const others = entries.length - own.length;
  const parts = own.slice(0, NAMED).map(each => each.request.name);
  if (own.length > NAMED) parts.push(`${own.length - NAMED} more of yours`);
  if (others > 0) parts.push(others === 1 ? "another account's" : `${others} of other accounts`);
  return parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : (parts[0] ?? 'nobody');
}

function wanted(entry: Entry): string {
  return entry.tasks === 1 ? describe(entry) : `${entry.tasks} × ${describe(entry)}`;
}

function out(reasonCode: ReasonCode, reason: string): Reason {
  return { position: -1, reasonCode, reason };
}
