import { addTo, type Demand, nothing, tasksIn } from './demand.ts';
import type { Entry } from './entry.ts';

/** A node in memory. */
export interface NodeShare {
  readonly name: string;
  capacity: Demand;
  schedulable: boolean;
  available: boolean;
  /** Taken from its pool while something runs there; it only waits to become empty. */
  gone: boolean;
  readonly used: Demand;
  /** Number of tasks of each workload. */
  readonly work: Map<Entry, number>;
}

export function emptyNode(name: string, capacity: Demand, schedulable = true): NodeShare {
  return { name, capacity, schedulable, available: true, gone: false, used: nothing(), work: new Map() };
}

export function free(node: NodeShare): Demand {
  return {
    vcpus: node.capacity.vcpus - node.used.vcpus,
    memoryBytes: node.capacity.memoryBytes - node.used.memoryBytes,
    gpus: node.capacity.gpus - node.used.gpus,
  };
}

/** Whether it takes tasks of a workload now. */
export function open(node: NodeShare, entry: Pick<Entry, 'avoid'>): boolean {
  return node.schedulable && node.available && !node.gone && !entry.avoid.has(node.name);
}

export function occupy(node: NodeShare, entry: Entry, tasks: number): void {
  node.work.set(entry, (node.work.get(entry) ?? 0) + tasks);
  addTo(node.used, entry, tasks);
}

export function vacate(node: NodeShare, entry: Entry): void {
  const tasks = node.work.get(entry);
  if (tasks === undefined) return;
  node.work.delete(entry);
  if (node.work.size === 0) Object.assign(node.used, nothing());
  else addTo(node.used, entry, -tasks);
}

/** Tasks that each open node has room for, and the sum. */
export function room(nodes: readonly NodeShare[], entry: Entry): number {
  let sum = 0;
  for (const node of nodes) if (open(node, entry)) sum += tasksIn(free(node), entry);
  return sum;
}

/**
 * A node for each task, or undefined: all or none. Tasks of one workload are spread over as many nodes as there are; among
 * those, the fullest that has room, so that large free blocks stay whole.
 */
export function place(
  nodes: readonly NodeShare[],
  entry: Entry,
  fit: (node: NodeShare) => number = node => tasksIn(free(node), entry),
): NodeShare[] | undefined {
  const candidates: { node: NodeShare; count: number; left: Demand }[] = [];
  let sum = 0;
  for (const node of nodes) {
    const count = open(node, entry) ? fit(node) : 0;
    if (count <= 0) continue;
    sum += count;
    candidates.push({ node, count, left: free(node) });
  }
  if (sum < entry.tasks) return undefined;
  const tighter = (a: Demand, b: Demand) => a.gpus - b.gpus || a.vcpus - b.vcpus || a.memoryBytes - b.memoryBytes;
  if (entry.tasks === 1) {
    return [candidates.reduce((best, next) => (tighter(next.left, best.left) < 0 ? next : best)).node];
  }
  candidates.sort((a, b) => tighter(a.left, b.left));
  const placed: NodeShare[] = [];
  for (let round = 0; placed.length < entry.tasks; round++) {
    for (const { node, count } of candidates) if (count > round && placed.length < entry.tasks) placed.push(node);
  }
  return placed;
}
