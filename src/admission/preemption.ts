import { addTo, type Demand, tasksIn } from './demand.ts';
import type { Entry } from './entry.ts';
import { free, type NodeShare, open } from './nodes.ts';

/** Sets of so many are tried out; beyond that, the search goes by steps. */
const TRIED = 20_000;

/**
 * Workloads that shall make way so that the head can start: preemptible ones of strictly lower priority, as few as possible,
 * the youngest first, and none when that would not do or those told already suffice. `coming`: some were told already.
 */
export function victimsFor(nodes: readonly NodeShare[], head: Entry): { coming: boolean; victims: Entry[] } {
  const left = new Map<NodeShare, Demand>();
  const candidates = new Set<Entry>();
  let coming = false;
  for (const node of nodes) {
    if (!open(node, head)) continue;
    const room = free(node);
    for (const [entry, tasks] of node.work) {
      if (entry.preemptedBy !== undefined) {
        coming = true;
        addTo(room, entry, tasks);
      } else if (entry.request.preemptible && entry.priority < head.priority) {
        candidates.add(entry);
      }
    }
    left.set(node, room);
  }
  const enough = (victims: readonly Entry[]): boolean => {
    const gained = new Map<NodeShare, Demand>();
    for (const victim of victims) {
      for (const node of left.keys()) {
        const tasks = node.work.get(victim);
        if (tasks === undefined) continue;
        const sum = gained.get(node) ?? { ...left.get(node)! };
        addTo(sum, victim, tasks);
        gained.set(node, sum);
      }
    }
    let fitting = 0;
    for (const [node, room] of left) fitting += tasksIn(gained.get(node) ?? room, head);
    return fitting >= head.tasks;
  };
  const youngest = [...candidates].sort((a, b) => b.admittedAt! - a.admittedAt! || b.sequence - a.sequence);
  if (enough([]) || !enough(youngest)) return { coming, victims: [] };
  return { coming, victims: fewest(youngest, enough) };
}

function fewest(youngest: readonly Entry[], enough: (victims: readonly Entry[]) => boolean): Entry[] {
  let tried = 0;
  for (let size = 1; size < youngest.length; size++) {
    if (choices(youngest.length, size) + tried > TRIED) break;
    for (const victims of subsets(youngest, size)) {
      tried += 1;
      if (enough(victims)) return victims;
    }
  }
  // All would do: the oldest are spared as long as the rest suffices. Once by age, once the smallest first.
  const bySize = [...youngest].sort(
    (a, b) => a.gpus * a.tasks - b.gpus * b.tasks || a.vcpus * a.tasks - b.vcpus * b.tasks,
  );
  const spared = [[...youngest].reverse(), bySize].map(order => {
    let rest = [...youngest];
    for (const entry of order) {
      const without = rest.filter(each => each !== entry);
      if (enough(without)) rest = without;
    }
    return rest;
  });
  return spared[1]!.length < spared[0]!.length ? spared[1]! : spared[0]!;
}

function choices(of: number, size: number): number {
  let count = 1;
  for (let at = 0; at < size; at++) count = (count * (of - at)) / (at + 1);
  return count;
}

/** Subsets of a size, in the order of the list. */
function* subsets(of: readonly Entry[], size: number, from = 0): Generator<Entry[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let at = from; at <= of.length - size; at++) {
    for (const rest of subsets(of, size - 1, at + 1)) yield [of[at]!, ...rest];
  }
}
