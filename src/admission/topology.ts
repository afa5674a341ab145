import { Failure } from '../kernel/failure.ts';
import { addTo, type Demand, describe, lacking, largerOf, minus, nothing, total } from './demand.ts';
import type { Entry } from './entry.ts';
import { emptyNode, type NodeShare } from './nodes.ts';
import { Pool } from './pool.ts';
import { type PoolNode, type PoolOptions, PUBLIC_POOL } from './types.ts';

interface Definition {
  nodes: readonly PoolNode[];
  parent: string | undefined;
  guaranteed: Demand;
  max: Demand | undefined;
}

/** Which pools there are, how they share the machine, and which workload is in which of them. */
export class Topology {
  readonly machine: Demand;
  readonly pools = new Map<string, Pool>();
  readonly definitions = new Map<string, Definition>();
  readonly #members = new Map<string, Set<Entry>>();
  readonly #where = new Map<Entry, Pool>();
  readonly #public: Pool;
  /** Pools taken away: what still runs there has lost its nodes. Of others that are unknown, the definition may still come. */
  readonly #removed = new Set<string>();
  /** Some node waits for its share, or something runs where no pool's nodes are. */
  #unsettled = false;

  constructor(machine: Demand) {
    this.machine = machine;
    this.#public = new Pool(PUBLIC_POOL);
    this.#public.defined = true;
    this.#public.nodes.set(PUBLIC_POOL, emptyNode(PUBLIC_POOL, { ...machine }));
    this.pools.set(PUBLIC_POOL, this.#public);
  }

  /** The pool on whose nodes a pool's workloads run. */
  rootOf(id: string): Pool {
    const root = this.definitions.get(id)?.parent ?? id;
    let pool = this.pools.get(root);
    if (!pool) {
      pool = new Pool(root);
      this.pools.set(root, pool);
    }
    return pool;
  }

  poolOf(entry: Entry): Pool | undefined {
    return this.#where.get(entry);
  }

  members(id: string): Iterable<Entry> {
    return this.#members.get(id) ?? [];
  }

  /** Ids of a pool and its sub-pools. */
  family(id: string): string[] {
    const below = [...this.definitions].filter(([, { parent }]) => parent === id).map(([child]) => child);
    return [id, ...below];
  }

  exists(id: string): boolean {
    return id === PUBLIC_POOL || this.definitions.has(id);
  }

  join(entry: Entry): Pool {
    let members = this.#members.get(entry.pool);
    if (!members) {
      members = new Set();
      this.#members.set(entry.pool, members);
    }
    members.add(entry);
    return this.attach(entry);
  }

  /** To nodes or queue of its pool. */
  attach(entry: Entry): Pool {
    const pool = this.rootOf(entry.pool);
    this.#where.set(entry, pool);
    if (entry.nodes === undefined) {
      pool.enqueue(entry);
    } else {
      pool.occupy(entry);
      pool.unsettle();
    }
    return pool;
  }

  /** Takes a workload out for good. */
  leave(entry: Entry): void {
    const pool = this.#where.get(entry);
    if (!pool) return;
    pool.remove(entry);
    this.#where.delete(entry);
    const members = this.#members.get(entry.pool)!;
    members.delete(entry);
    if (members.size === 0) this.#members.delete(entry.pool);
    if (this.#unsettled) this.share();
    if (!pool.defined && pool.nodes.size === 0 && members.size === 0) this.pools.delete(pool.id);
  }

  /** Throws Failure 400 ModelArts.50004000; see Admission.setPool. True when something changed. */
  set(id: string, nodes: readonly PoolNode[], options: PoolOptions): boolean {
    const wanted: Definition = {
      nodes: nodes.map(({ name, capacity: { vcpus, memoryBytes, gpus }, schedulable }) => ({
        name,
        capacity: { vcpus, memoryBytes, gpus },
        schedulable,
      })),
      parent: options.parent,
      guaranteed: options.guaranteed ?? nothing(),
      max: options.max,
    };
    const before = this.definitions.get(id);
    if (before && JSON.stringify(before) === JSON.stringify(wanted)) return false;
    this.#check(id, wanted);
    if (before && !options.force) this.#checkHeld(id, before, wanted);
    const parents = new Set([id, before?.parent, wanted.parent].filter(each => each !== undefined));
    this.definitions.set(id, wanted);
    this.#removed.delete(id);
    this.#rebuild(parents);
    return true;
  }

  /** Throws Failure 400 ModelArts.50004000; see Admission.removePool. */
  remove(id: string, force: boolean): void {
    const before = this.definitions.get(id);
    if (this.family(id).length > 1) throw refused(`The pool ${id} has sub-pools.`, 'Delete the sub-pools first.');
    const running = [...this.members(id)].filter(entry => entry.nodes !== undefined);
    if (before && running.length > 0 && !force) throw held(`The pool ${id}`, running);
    this.definitions.delete(id);
    this.#removed.add(id);
    this.#rebuild(new Set([id, before?.parent].filter(each => each !== undefined)));
  }

  /** From now on, pools that nobody has defined are not there. */
  complete(): void {
    for (const pool of this.pools.values()) if (!pool.defined) this.#removed.add(pool.id);
    this.#findLost(this.pools.values());
  }

  /** Gives every node its share, and the public pool the rest (decision 0013). */
  share(): void {
    const dedicated = [...this.pools.values()].filter(pool => pool !== this.#public);
    const node = this.#public.nodes.get(PUBLIC_POOL)!;
    const rest = largerOf(minus(this.machine, total(dedicated.map(pool => pool.claim()))), nothing());
    if (lacking(node.capacity, rest).length > 0 || lacking(rest, node.capacity).length > 0) this.#public.unsettle();
    node.capacity = rest;

    // What is taken for sure; what is left goes to the nodes that wait, one after the other, those in use first.
    const left = minus(this.machine, node.used);
    const waiting: { pool: Pool; node: NodeShare }[] = [];
    this.#unsettled = false;
    for (const pool of dedicated) {
      for (const each of pool.nodes.values()) {
        addTo(left, each.available && !each.gone ? largerOf(each.capacity, each.used) : each.used, -1);
        if (!each.available && !each.gone) waiting.push({ pool, node: each });
        if (each.gone || lacking(each.capacity, each.used).length > 0) this.#unsettled = true;
      }
    }
    waiting.sort((a, b) => Number(b.node.work.size > 0) - Number(a.node.work.size > 0));
    for (const { pool, node: next } of waiting) {
      const more = minus(largerOf(next.capacity, next.used), next.used);
      if (lacking(left, more).length === 0) {
        next.available = true;
        pool.unsettle();
      } else {
        this.#unsettled = true;
      }
      addTo(left, more, -1);
    }
  }

  #check(id: string, { nodes, parent, guaranteed }: Definition): void {
    if (id === PUBLIC_POOL)
      throw refused('The public pool is what no dedicated pool holds; it has no nodes of its own.');
    if (new Set(nodes.map(node => node.name)).size < nodes.length) throw refused('Names of nodes must differ.');
    for (const { name, capacity } of nodes) {
      const valid = Object.values(capacity).every(value => Number.isFinite(value) && value >= 0);
      if (!valid) throw refused(`The capacity of the node ${name} is not a number.`);
    }
    if (parent !== undefined) {
      const above = this.definitions.get(parent);
      if (!above || above.parent !== undefined || parent === id) {
        throw refused(`The parent ${parent} is not a dedicated pool with nodes.`);
      }
      if (nodes.length > 0) throw refused('A sub-pool has no nodes of its own; it uses those of its parent.');
      if (this.family(id).length > 1) throw refused(`The pool ${id} has sub-pools, so it cannot become one.`);
      const siblings = this.family(parent)
        .slice(1)
        .filter(each => each !== id);
      const promised = total([guaranteed, ...siblings.map(each => this.definitions.get(each)!.guaranteed)]);
      const there = total(above.nodes.map(node => node.capacity));
      if (lacking(there, promised).length > 0) {
        throw refused(
          `The sub-pools of ${parent} would be guaranteed ${describe(promised)}, and it has ${describe(there)}.`,
          'Guarantee less, or give the parent more nodes.',
        );
      }
      return;
    }
    const others = [...this.definitions].filter(([each]) => each !== id).flatMap(([, definition]) => definition.nodes);
    const taken = total(others.map(node => node.capacity));
    const sum = total([taken, ...nodes.map(node => node.capacity)]);
    if (lacking(this.machine, sum).length === 0) return;
    throw refused(
      `The nodes need ${describe(minus(sum, taken))}; this machine has ${describe(this.machine)}, of which other pools hold ${describe(taken)}.`,
      'Ask for fewer or smaller nodes, or take some from other pools.',
    );
  }

  #checkHeld(id: string, before: Definition, wanted: Definition): void {
    if (before.parent !== wanted.parent) {
      const running = this.family(id).flatMap(each =>
        [...this.members(each)].filter(entry => entry.nodes !== undefined),
      );
      if (running.length > 0) throw held(`The pool ${id}`, running);
    }
    const pool = this.pools.get(id);
    for (const node of pool?.nodes.values() ?? []) {
      if (node.gone || node.work.size === 0) continue;
      const next = wanted.nodes.find(each => each.name === node.name);
      if (!next || lacking(next.capacity, node.used).length > 0)
        throw held(`The node ${node.name}`, [...node.work.keys()]);
    }
  }

  /** Makes the nodes and queues of these pools anew. */
  #rebuild(ids: ReadonlySet<string>): void {
    const entries = [...new Set([...ids].flatMap(id => this.family(id)))].flatMap(id => [...this.members(id)]);
    // The rest wait for a quota, outside of any queue.
    const moving = entries.filter(entry => this.#where.get(entry)?.remove(entry));
    const touched = new Set<Pool>();
    for (const id of ids) {
      const own = this.pools.get(id);
      const definition = this.definitions.get(id);
      if (!definition || definition.parent !== undefined) {
        if (own) {
          own.defined = false;
          own.nodes.clear();
          own.shares.clear();
          touched.add(own);
        }
        continue;
      }
      const pool = this.rootOf(id);
      touched.add(pool);
      pool.defined = true;
      const old = new Map(pool.nodes);
      pool.nodes.clear();
      for (const { name, capacity, schedulable } of definition.nodes) {
        const known = old.get(name);
        const node = emptyNode(name, capacity, schedulable);
        node.available =
          known !== undefined && !known.gone && known.available && lacking(known.capacity, capacity).length === 0;
        pool.nodes.set(name, node);
      }
      pool.shares.clear();
      for (const child of this.family(id).slice(1)) pool.shares.set(child, this.definitions.get(child)!);
    }
    for (const entry of entries) this.#where.set(entry, this.rootOf(entry.pool));
    for (const entry of moving) touched.add(this.attach(entry));
    for (const pool of touched) pool.unsettle();
    this.share();
    this.#findLost(touched);
    for (const pool of touched) {
      if (!pool.defined && pool.nodes.size === 0 && pool.queue.length === 0) this.pools.delete(pool.id);
    }
  }

  #findLost(pools: Iterable<Pool>): void {
    for (const pool of pools) {
      if (!pool.defined && !this.#removed.has(pool.id)) continue;
      for (const node of pool.nodes.values()) {
        let beyond = lacking(node.capacity, node.used).length > 0 ? { ...node.used } : undefined;
        const youngest = [...node.work].sort(([a], [b]) => b.admittedAt! - a.admittedAt! || b.sequence - a.sequence);
        for (const [entry, tasks] of youngest) {
          if (node.gone) entry.lost ??= node.name;
          if (node.gone || !beyond) continue;
          entry.lost ??= node.name;
          addTo(beyond, entry, -tasks);
          if (lacking(node.capacity, beyond).length === 0) beyond = undefined;
        }
      }
    }
  }
}

function refused(message: string, solution?: string): Failure {
  return new Failure({ code: 'ModelArts.50004000', status: 400, message, ...(solution ? { solution } : {}) });
}

function held(what: string, entries: readonly Entry[]): Failure {
  const some = entries.slice(0, 5).map(entry => entry.request.name);
  const more = entries.length > some.length ? ` and ${entries.length - some.length} more` : '';
  return new Failure({
    code: 'ModelArts.50004000',
    status: 400,
    message: `${what} still runs ${some.join(', ')}${more}.`,
    solution: 'Wait until they have ended, or stop them first.',
    details: { workloads: entries.map(entry => entry.id) },
  });
}
