import type { Demand } from './demand.ts';
import { type Entry, entryOf, scopeKey } from './entry.ts';
import { Quotas } from './quotas.ts';
import { Topology } from './topology.ts';
import type { PoolNode, PoolOptions, QuotaLimits, QuotaScope, WorkloadRequest } from './types.ts';

/** What a batch of changes did, to be written and told. */
export interface Changes {
  inserted: Set<Entry>;
  /** Their place changed: admitted, or to make way. */
  placed: Set<Entry>;
  removed: Set<Entry>;
  quotas: Map<string, QuotaLimits | undefined>;
  admitted: Entry[];
  preempted: Entry[];
  lost: Entry[];
}

function noChanges(): Changes {
  return {
    inserted: new Set(),
    placed: new Set(),
    removed: new Set(),
    quotas: new Map(),
    admitted: [],
    preempted: [],
    lost: [],
  };
}

/** Everything in memory: made from the rows at start, then changed together with them. */
export class State {
  readonly entries = new Map<string, Entry>();
  readonly topology: Topology;
  readonly quotas = new Quotas();
  /** Who is known to have lost a node. */
  readonly #lost = new Set<Entry>();
  #changes = noChanges();
  #sequence = 0;

  constructor(machine: Demand) {
    this.topology = new Topology(machine);
  }

  load(entries: readonly Entry[], limits: ReadonlyMap<string, QuotaLimits>): void {
    for (const [scope, each] of limits) this.quotas.setLimits(scope, each);
    for (const entry of entries) {
      this.entries.set(entry.id, entry);
      this.#sequence = Math.max(this.#sequence, entry.sequence);
      this.topology.join(entry);
      if (entry.nodes !== undefined) this.quotas.count(entry, 1);
    }
    this.topology.share();
  }

  submit(request: WorkloadRequest, now: number): void {
    if (this.entries.has(request.id)) return;
    this.#sequence += 1;
    const entry = entryOf(request, { sequence: this.#sequence, submittedAt: now });
    this.entries.set(entry.id, entry);
    this.#changes.inserted.add(entry);
    this.topology.join(entry);
  }

  release(id: string): void {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.entries.delete(id);
    this.#lost.delete(entry);
    this.#changes.removed.add(entry);
    this.quotas.remove(entry);
    if (entry.nodes === undefined) this.quotas.left(entry);
    else this.quotas.count(entry, -1);
    this.topology.leave(entry);
  }

  setPool(id: string, nodes: readonly PoolNode[], options: PoolOptions): void {
    if (this.topology.set(id, nodes, options)) this.#noteLost();
  }

  removePool(id: string, force: boolean): void {
    this.topology.remove(id, force);
    this.#noteLost();
  }

  setQuota(scope: QuotaScope, change: (present: QuotaLimits) => QuotaLimits): void {
    const key = scopeKey(scope);
    const next = change({ ...this.quotas.limits.get(key) });
    const limits = Object.keys(next).length === 0 ? undefined : next;
    this.quotas.setLimits(key, limits);
    this.#changes.quotas.set(key, limits);
  }

  /** All pools are set: what must be told is told again. */
  start(): void {
    this.topology.complete();
    for (const entry of this.entries.values()) {
      if (entry.preemptedBy !== undefined) this.#changes.preempted.push(entry);
    }
    this.#noteLost();
  }

  /** Decides whatever may have changed, and hands over all changes since the last time. */
  decide(now: number): Changes {
    for (const entry of this.quotas.ease()) this.topology.attach(entry);
    for (const pool of this.topology.pools.values()) {
      const { admitted, preempted } = pool.decide(now, this.quotas);
      for (const entry of admitted) this.#changes.admitted.push(entry);
      for (const entry of preempted) this.#changes.preempted.push(entry);
      for (const entry of [...admitted, ...preempted]) {
        if (!this.#changes.inserted.has(entry)) this.#changes.placed.add(entry);
      }
    }
    const changes = this.#changes;
    this.#changes = noChanges();
    for (const entry of changes.removed) {
      changes.placed.delete(entry);
      if (changes.inserted.delete(entry)) changes.removed.delete(entry);
    }
    return changes;
  }

  #noteLost(): void {
    for (const entry of this.entries.values()) {
      if (entry.lost === undefined || this.#lost.has(entry)) continue;
      this.#lost.add(entry);
      this.#changes.lost.push(entry);
    }
  }
}
