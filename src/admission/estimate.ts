import { addTo, type Demand, tasksIn } from './demand.ts';
import { type Entry, endOf } from './entry.ts';
import { free } from './nodes.ts';
import type { Pool } from './pool.ts';

/** Further back in the queue an estimate is worth little. */
const DEPTH = 100;

/**
 * When those in front of a queue start at the latest, if everything takes as long as it may: in order, nobody passing.
 * Where it depends on something without a known end, nothing is said.
 */
export function estimateStarts(pool: Pool, now: number, upTo = DEPTH): Map<Entry, number> {
  const starts = new Map<Entry, number>();
  const left = new Map<string, Demand>();
  const ends: { at: number; frees: [string, number][]; entry: Entry }[] = [];
  const running = new Map<Entry, [string, number][]>();
  for (const node of pool.nodes.values()) {
    if (node.gone || !node.available || !node.schedulable) continue;
    left.set(node.name, free(node));
    for (const [entry, tasks] of node.work) {
      running.set(entry, [...(running.get(entry) ?? []), [node.name, tasks]]);
    }
  }
  const ending = (entry: Entry, at: number | undefined, frees: [string, number][]) => {
    if (at === undefined) return;
    ends.push({ at, frees, entry });
    ends.sort((a, b) => b.at - a.at);
  };
  for (const [entry, frees] of running) ending(entry, endOf(entry, now), frees);
  let time = now;
  for (const entry of firstOf(pool, upTo)) {
    for (let taken = take(left, entry); ; taken = take(left, entry)) {
      if (taken) {
        starts.set(entry, time);
        const within = entry.request.endsWithinMs;
        ending(entry, within === undefined ? undefined : time + within, taken);
        break;
      }
      const next = ends.pop();
      if (!next) return starts;
      time = next.at;
      for (const [name, tasks] of next.frees) {
        const there = left.get(name);
        if (there) addTo(there, next.entry, tasks);
      }
    }
  }
  return starts;
}

function firstOf(pool: Pool, upTo: number): Entry[] {
  const first = [...pool.queue.shapes.values()].flatMap(list => {
    const some: Entry[] = [];
    for (const entry of list) if (some.push(entry) >= upTo) break;
    return some;
  });
  return first
    .sort((a, b) => a.order - b.order)
    .slice(0, upTo)
    .filter(entry => pool.couldEver(entry) && pool.withinShare(entry));
}

function take(left: Map<string, Demand>, entry: Entry): [string, number][] | undefined {
  const counts: [string, number][] = [];
  let missing = entry.tasks;
  for (const [name, there] of left) {
    if (missing === 0) break;
    if (entry.avoid.has(name)) continue;
    const count = Math.min(tasksIn(there, entry), missing);
    if (count > 0) counts.push([name, count]);
    missing -= count;
  }
  if (missing > 0) return undefined;
  for (const [name, count] of counts) addTo(left.get(name)!, entry, -count);
  return counts;
}
