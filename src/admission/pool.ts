import { addTo, type Demand, largerOf, minus, nothing, tasksIn, times, total } from './demand.ts';
import type { Entry } from './entry.ts';
import { emptyNode, type NodeShare, occupy, open, place, vacate } from './nodes.ts';
import { victimsFor } from './preemption.ts';
import { ShapedQueue } from './queue.ts';
import type { Quotas } from './quotas.ts';
import { placePast, reserve } from './reservation.ts';

/** A sub-pool: a share of its parent. */
export interface Share {
  guaranteed: Demand;
  max: Demand | undefined;
}

export interface Decisions {
  admitted: Entry[];
  preempted: Entry[];
}

/** A pool with nodes, its sub-pools, and the one queue of them all. */
export class Pool {
  readonly id: string;
  /** False while nobody has said what it is. */
  defined = false;
  readonly nodes = new Map<string, NodeShare>();
  readonly shares = new Map<string, Share>();
  readonly queue = new ShapedQueue();
  /** What the workloads of the pool itself and of each sub-pool hold, by its id. */
  readonly #held = new Map<string, Demand>();
  /** Nothing has changed since all that waits was refused, so that what resembles it need not be looked at. */
  #settled = false;
  /** Whether the shapes that were asked about could ever run. */
  readonly #possible = new Map<string, boolean>();

  constructor(id: string) {
    this.id = id;
  }

  held(pool: string): Demand {
    return this.#held.get(pool) ?? nothing();
  }

  list(): NodeShare[] {
    return [...this.nodes.values()];
  }

  /** Capacity of the nodes that are there. */
  capacity(): Demand {
    return total(this.list().flatMap(node => (node.gone ? [] : [node.capacity])));
  }

  /** What it takes from the machine: its nodes, and whatever runs beside or above them. */
  claim(): Demand {
    return total(this.list().map(node => largerOf(node.gone ? nothing() : node.capacity, node.used)));
  }

  /** Something changed from outside: everything is looked at again. */
  unsettle(): void {
    this.#settled = false;
    this.#possible.clear();
  }

  enqueue(entry: Entry): void {
    const like = this.queue.shapes.has(entry.shape);
    this.queue.add(entry);
    if (!like) this.#settled = false;
  }

  /** Puts an admitted workload where its row says it is. */
  occupy(entry: Entry): void {
    const counts = new Map<string, number>();
    for (const name of entry.nodes ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const [name, tasks] of counts) {
      let node = this.nodes.get(name);
      if (!node) {
        node = emptyNode(name, nothing(), false);
        node.gone = true;
        this.nodes.set(name, node);
      }
      occupy(node, entry, tasks);
    }
    this.#count(entry, 1);
  }

  /** Takes a workload out, from its nodes or from the queue; false when it was in neither. */
  remove(entry: Entry): boolean {
    if (entry.nodes === undefined) {
      if (!this.queue.remove(entry)) return false;
    } else {
      for (const name of new Set(entry.nodes)) {
        const node = this.nodes.get(name);
        if (!node) continue;
        vacate(node, entry);
        if (node.gone && node.work.size === 0) this.nodes.delete(name);
      }
      this.#count(entry, -1);
    }
    this.#settled = false;
    return true;
  }

  /** Whether it could ever run, were the pool empty. */
  couldEver(entry: Demand & Pick<Entry, 'pool' | 'tasks' | 'avoid'>): boolean {
    const max = this.shares.get(entry.pool)?.max;
    if (max && tasksIn(max, entry) < entry.tasks) return false;
    let fitting = 0;
    for (const node of this.nodes.values()) {
      if (!node.gone && !entry.avoid.has(node.name)) fitting += tasksIn(node.capacity, entry);
    }
    return fitting >= entry.tasks;
  }

  #couldRun(entry: Entry): boolean {
    let possible = this.#possible.get(entry.shape);
    if (possible === undefined) {
      possible = this.couldEver(entry);
      if (this.#possible.size > 1_000) this.#possible.clear();
      this.#possible.set(entry.shape, possible);
    }
    return possible;
  }

  /** Whether its sub-pool may take so much more, and the others are left what is guaranteed to them. */
  withinShare(entry: Entry): boolean {
    if (this.shares.size === 0) return true;
    const wanted = times(entry, entry.tasks);
    const own = this.shares.get(entry.pool);
    const held = this.held(entry.pool);
    if (own?.max && tasksIn(minus(own.max, held), wanted) < 1) return false;
    if (own && tasksIn(minus(own.guaranteed, held), wanted) >= 1) return true;
    const left = minus(this.capacity(), total(this.list().map(node => node.used)));
    for (const [id, share] of this.shares) {
      if (id !== entry.pool) addTo(left, largerOf(minus(share.guaranteed, this.held(id)), nothing()), -1);
    }
    return tasksIn(left, wanted) >= 1;
  }

  /**
   * Admits what can be: in order, and past the first that cannot start whatever cannot delay it. Who is over a quota is taken
   * out of the queue. Costs the same for a long queue as for a short one: workloads alike are looked at once.
   */
  decide(now: number, quotas: Quotas): Decisions {
    const decisions: Decisions = { admitted: [], preempted: [] };
    if (this.#settled) return decisions;
    if (!this.defined) return decisions;
    const nodes = this.list();
    const refused = new Set<string>();
    const full = new Set<string>();
    let reservation: ReturnType<typeof reserve> | undefined;
    for (let entry = this.queue.first(); entry; entry = this.queue.first(refused)) {
      if (full.has(entry.pool) || !this.#couldRun(entry)) {
        refused.add(entry.shape);
        continue;
      }
      const excess = quotas.excess(entry);
      if (excess) {
        this.queue.remove(entry);
        quotas.park(entry, excess);
        continue;
      }
      if (!this.withinShare(entry)) {
        full.add(entry.pool); // within one share, too, nobody passes the first
        refused.add(entry.shape);
        continue;
      }
      const placed = reservation ? this.#past(entry, reservation, now) : place(nodes, entry);
      if (placed) {
        this.queue.remove(entry);
        entry.nodes = placed.map(node => node.name);
        entry.admittedAt = now;
        this.occupy(entry);
        quotas.count(entry, 1);
        decisions.admitted.push(entry);
        continue;
      }
      refused.add(entry.shape);
      if (reservation) continue;
      const head = entry;
      if (head.priority > 1) {
        for (const victim of victimsFor(nodes, head).victims) {
          victim.preemptedBy = head.request.name;
          decisions.preempted.push(victim);
        }
      }
      reservation = reserve(nodes, head, now);
    }
    this.#settled = true;
    return decisions;
  }

  /** The first in line that waits for nodes, and so holds the others back. */
  head(): Entry | undefined {
    const refused = new Set<string>();
    for (let entry = this.queue.first(); entry; entry = this.queue.first(refused)) {
      if (this.#couldRun(entry) && this.withinShare(entry)) return entry;
      refused.add(entry.shape);
    }
    return undefined;
  }

  /** Nodes that take its tasks now. */
  openTo(entry: Entry): NodeShare[] {
    return this.list().filter(node => open(node, entry));
  }

  #past(entry: Entry, reservation: ReturnType<typeof reserve>, now: number): NodeShare[] | undefined {
    const placed = placePast(this.list(), entry, reservation, now);
    if (!placed || this.shares.size === 0) return placed;
    // What others are guaranteed is reckoned in all, not by node: here only what surely is gone in time, or is its own, may pass.
    const within = entry.request.endsWithinMs;
    if (within !== undefined && now + within <= reservation.earliest) return placed;
    const own = this.shares.get(entry.pool);
    const guaranteed = own && tasksIn(minus(own.guaranteed, this.held(entry.pool)), times(entry, entry.tasks)) >= 1;
    return guaranteed ? placed : undefined;
  }

  #count(entry: Entry, sign: 1 | -1): void {
    const held = this.held(entry.pool);
    addTo(held, entry, sign * entry.tasks);
    this.#held.set(entry.pool, held);
  }
}
