import { addTo, amount, bare, type Dimension, nothing } from './demand.ts';
import type { Entry } from './entry.ts';
import { ShapedQueue } from './queue.ts';
import type { QuotaLimits, QuotaUse } from './types.ts';

/** Why a scope takes no more: over which of its limits a workload would take it. */
export interface Excess {
  scope: string;
  limit: Dimension | 'workloads';
}

/** Limits of accounts, workspaces and users on what they may have admitted, and those who wait for them. */
export class Quotas {
  readonly limits = new Map<string, QuotaLimits>();
  readonly #used = new Map<string, QuotaUse>();
  /** Who waits for which scope. They are in no pool's queue meanwhile. */
  readonly #parked = new Map<string, ShapedQueue>();
  readonly #waits = new Map<Entry, Excess>();
  /** Scopes that have given something back, or whose limits changed, since those who wait were looked at. */
  readonly #eased = new Set<string>();

  used(scope: string): QuotaUse {
    return this.#used.get(scope) ?? { ...nothing(), workloads: 0 };
  }

  count(entry: Entry, sign: 1 | -1): void {
    for (const scope of entry.scopes) {
      const used = this.used(scope);
      addTo(used, entry, sign * entry.tasks);
      used.workloads += sign;
      if (used.workloads === 0) this.#used.delete(scope);
      else this.#used.set(scope, used);
      if (sign < 0) this.#eased.add(scope);
    }
  }

  setLimits(scope: string, limits: QuotaLimits | undefined): void {
    if (limits) this.limits.set(scope, limits);
    else this.limits.delete(scope);
    this.#eased.add(scope);
  }

  /** The first limit, from the account down, that a workload would exceed; `besides`: what is about to be admitted too. */
  excess(entry: Entry, besides?: ReadonlyMap<string, QuotaUse>): Excess | undefined {
    if (this.limits.size === 0) return undefined;
    for (const scope of entry.scopes) {
      const limits = this.limits.get(scope);
      if (!limits) continue;
      const used = this.used(scope);
      const more = besides?.get(scope);
      for (const limit of ['workloads', 'gpus', 'vcpus', 'memoryBytes'] as const) {
        const most = limits[limit];
        const wanted = limit === 'workloads' ? 1 : entry[limit] * entry.tasks;
        if (most !== undefined && wanted > 0 && used[limit] + (more?.[limit] ?? 0) + wanted > most + 1e-6) {
          return { scope, limit };
        }
      }
    }
    return undefined;
  }

  park(entry: Entry, excess: Excess): void {
    let parked = this.#parked.get(excess.scope);
    if (!parked) {
      parked = new ShapedQueue();
      this.#parked.set(excess.scope, parked);
    }
    parked.add(entry);
    this.#waits.set(entry, excess);
  }

  /** Takes it out of those who wait; false when it was not one of them. */
  remove(entry: Entry): boolean {
    const excess = this.#waits.get(entry);
    if (!excess) return false;
    this.#waits.delete(entry);
    const parked = this.#parked.get(excess.scope)!;
    parked.remove(entry);
    if (parked.length === 0) this.#parked.delete(excess.scope);
    return true;
  }

  waitsFor(entry: Entry): Excess | undefined {
    return this.#waits.get(entry);
  }

  /** Somebody who waited in a pool's queue left it. */
  left(entry: Entry): void {
    if (this.limits.size > 0) for (const scope of entry.scopes) this.#eased.add(scope);
  }

  /** Those whom their scope has room for again, out of the ones who wait: no more in a pool than there is room for together. */
  ease(): Entry[] {
    const out: Entry[] = [];
    for (const scope of this.#eased) {
      const parked = this.#parked.get(scope);
      if (!parked) continue;
      const byPool = new Map<string, Map<string, QuotaUse>>();
      const refused = new Set<string>();
      for (let entry = parked.first(refused); entry; entry = parked.first(refused)) {
        const besides = byPool.get(entry.pool) ?? new Map<string, QuotaUse>();
        byPool.set(entry.pool, besides);
        const excess = this.excess(entry, besides);
        if (excess?.scope === scope) {
          refused.add(entry.shape);
          continue;
        }
        this.remove(entry);
        if (excess) {
          this.park(entry, excess);
          continue;
        }
        out.push(entry);
        for (const each of entry.scopes) {
          const more = besides.get(each) ?? { ...nothing(), workloads: 0 };
          addTo(more, entry, entry.tasks);
          more.workloads += 1;
          besides.set(each, more);
        }
      }
    }
    this.#eased.clear();
    return out;
  }

  /** How a workload waits, for its owner: level, limit, use. */
  explain(entry: Entry, { scope, limit }: Excess): string {
    const most = this.limits.get(scope)?.[limit];
    if (most === undefined) return 'The quota it waited for was lifted; it goes back to the queue.';
    const used = this.used(scope)[limit];
    const [, project, , user] = JSON.parse(scope) as (string | null)[];
    const level =
      user === null
        ? project === null
          ? 'account'
          : 'workspace'
        : project === null
          ? 'user'
          : 'user in this workspace';
    const text =
      limit === 'workloads'
        ? `${most} workloads at a time, ${used} run`
        : `${amount(limit, most)}, ${bare(limit, used)} in use, ${bare(limit, entry[limit] * entry.tasks)} wanted`;
    return `The quota of the ${level} is ${text}. It starts when there is room within the quota, and holds nobody back meanwhile.`;
  }
}
