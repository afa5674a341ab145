import { addTo, type Demand, tasksIn } from './demand.ts';
import { coarse, type Entry, endOf } from './entry.ts';
import { free, type NodeShare, open, place } from './nodes.ts';

/** What is kept for the head of a queue that cannot start yet. */
export interface Reservation {
  head: Entry;
  /** It cannot start sooner. Infinity when nothing known lets it start. */
  earliest: number;
  /** The ends of all that runs where it could go are known, so that it starts at `earliest`. */
  exact: boolean;
  /** What is free on each node then, once the head is due; kept up to date with what is let past. */
  then: Map<NodeShare, Demand>;
}

/**
 * When the head can start. What has no known end may end at once, and a node that takes nothing now may do so at once: the head
 * is not to be delayed whatever happens.
 */
export function reserve(nodes: readonly NodeShare[], head: Entry, now: number): Reservation {
  const then = new Map<NodeShare, Demand>();
  const ends: { at: number; node: NodeShare; entry: Entry; tasks: number }[] = [];
  let exact = true;
  for (const node of nodes) {
    if (node.gone || head.avoid.has(node.name)) continue;
    if (!open(node, head)) {
      exact = false;
      then.set(node, { ...node.capacity });
      continue;
    }
    const left = free(node);
    for (const [entry, tasks] of node.work) {
      const at = endOf(entry, now);
      if (at === undefined) {
        exact = false;
        addTo(left, entry, tasks);
      } else {
        ends.push({ at, node, entry, tasks });
      }
    }
    then.set(node, left);
  }
  let fitting = 0;
  for (const left of then.values()) fitting += tasksIn(left, head);
  ends.sort((a, b) => a.at - b.at);
  let earliest = now;
  for (let next = 0; fitting < head.tasks; ) {
    const end = ends[next];
    if (!end) return { head, earliest: Number.POSITIVE_INFINITY, exact: false, then };
    earliest = end.at;
    for (; ends[next]?.at === earliest; next++) {
      const { node, entry, tasks } = ends[next]!;
      const left = then.get(node)!;
      fitting -= tasksIn(left, head);
      addTo(left, entry, tasks);
      fitting += tasksIn(left, head);
    }
  }
  return { head, earliest, exact, then };
}

/**
 * Nodes for a later workload that may start now as it cannot delay the head; undefined when there are none. It may when it
 * has surely ended before the head can start; or leaves, on each of its nodes, as much as the head could ever use there; or, where
 * the head's start is certain, leaves enough for it then.
 */
export function placePast(
  nodes: readonly NodeShare[],
  entry: Entry,
  reservation: Reservation,
  now: number,
): NodeShare[] | undefined {
  const { head, earliest, exact, then } = reservation;
  const within = coarse(entry.request.endsWithinMs);
  if (within !== undefined && now + within <= earliest) return place(nodes, entry);
  const leaving = place(nodes, entry, node => leavingEnough(node, entry, head));
  if (leaving) {
    take(then, leaving, entry);
    return leaving;
  }
  if (!exact) return undefined;
  const placed = place(nodes, entry);
  if (!placed) return undefined;
  take(then, placed, entry);
  let fitting = 0;
  for (const left of then.values()) fitting += tasksIn(left, head);
  if (fitting >= head.tasks) return placed;
  take(then, placed, entry, -1);
  return undefined;
}

function take(then: Map<NodeShare, Demand>, placed: readonly NodeShare[], entry: Entry, sign = 1): void {
  for (const node of placed) {
    const left = then.get(node);
    if (left) addTo(left, entry, -sign);
  }
}

/** Tasks of `entry` that the node can take without ever taking anything that the head could use. */
function leavingEnough(node: NodeShare, entry: Entry, head: Entry): number {
  const left = free(node);
  const fitting = tasksIn(left, entry);
  if (fitting === 0 || head.avoid.has(node.name)) return fitting;
  const most = Math.min(tasksIn(node.capacity, head), head.tasks);
  if (most === 0) return fitting;
  const beyond = (have: number, heads: number) => (heads > 0 ? have - most * heads : Number.POSITIVE_INFINITY);
  return Math.min(
    fitting,
    tasksIn(
      {
        vcpus: beyond(left.vcpus, head.vcpus),
        memoryBytes: beyond(left.memoryBytes, head.memoryBytes),
        gpus: beyond(left.gpus, head.gpus),
      },
      entry,
    ),
  );
}
