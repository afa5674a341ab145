import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Database } from '../store-kit/index.ts';
import { admissionStore } from './admission.store.ts';
import { type Demand, times, total } from './demand.ts';
import { scopeKey } from './entry.ts';
import { exceeds } from './explain.ts';
import { type Changes, State } from './state.ts';
import { type Admission, PUBLIC_POOL, type WorkloadKind } from './types.ts';
import { poolState, poolStates, statusOf, viewsOf } from './view.ts';

export { accountsOfAdmission, admissionMigrations } from './admission.store.ts';
export type { Demand } from './demand.ts';
export {
  type Admission,
  type PoolNode,
  type PoolNodeState,
  type PoolOptions,
  type PoolState,
  PUBLIC_POOL,
  type QuotaLimits,
  type QuotaScope,
  type QuotaUse,
  type ReasonCode,
  type WorkloadFilter,
  type WorkloadKind,
  type WorkloadRequest,
  type WorkloadStatus,
  type WorkloadView,
} from './types.ts';

type Listeners = Map<WorkloadKind, ((id: string, detail: string) => void)[]>;

/** Changes that are written in one transaction. */
const BATCH = 256;

interface Task {
  change: (state: State) => void;
  /** Runs once all is on disk. */
  done: (state: State) => void;
  failed: (error: unknown) => void;
}

/**
 * The one queue of everything that uses the machine (decision 0013): training tasks, notebooks and service instances, in the
 * public pool and in dedicated ones. Decisions are made in memory, which is made from the rows at first use; what they change is
 * on disk before anybody hears of it. Changes that come together share a transaction.
 */
export function createAdmission(deps: { db: Database; clock: Clock; log: Log; capacity: Demand }): Admission {
  const { db, clock, log, capacity } = deps;
  const listeners = { admitted: new Map(), preempted: new Map(), lost: new Map() } satisfies Record<string, Listeners>;
  let state: State | undefined;
  /** The last one; before there was any, one without workloads. Its pools hold. */
  let known = new State(capacity);
  let pending: Task[] = [];
  let working = false;

  /** Memory is ahead of the disk when a transaction fails; then it is made again, with the same pools. */
  async function load(): Promise<State> {
    const store = admissionStore(db);
    const fresh = new State(capacity);
    for (const [id, { nodes, parent, guaranteed, max }] of known.topology.definitions) {
      fresh.setPool(id, nodes, { guaranteed, ...(parent === undefined ? {} : { parent }), ...(max ? { max } : {}) });
    }
    fresh.load(await store.entries(), await store.quotas());
    return fresh;
  }

  async function write(changes: Changes): Promise<void> {
    const { inserted, placed, removed, quotas } = changes;
    if (inserted.size + placed.size + removed.size + quotas.size === 0) return;
    await db.transaction().execute(async trx => {
      const store = admissionStore(trx);
      for (const entry of removed) await store.remove(entry.id);
      for (const entry of inserted) await store.insert(entry);
      for (const entry of placed) await store.place(entry);
      for (const [scope, limits] of quotas) {
        await (limits ? store.setQuota(scope, limits) : store.removeQuota(scope));
      }
    });
  }

  async function work(): Promise<void> {
    working = true;
    while (pending.length > 0) {
      const batch = pending.slice(0, BATCH);
      pending = pending.slice(BATCH);
      const accepted: Task[] = [];
      try {
        state ??= await load();
        known = state;
        for (const task of batch) {
          try {
            task.change(state);
            accepted.push(task);
          } catch (error) {
            task.failed(error);
          }
        }
        const changes = state.decide(clock.now());
        await write(changes);
        for (const task of accepted) task.done(state);
        announce(changes);
      } catch (error) {
        state = undefined;
        for (const task of accepted.length > 0 ? accepted : batch) task.failed(error);
      }
    }
    working = false;
  }

  /** Makes a change, and answers once it is on disk. */
  function change<T>(make: (state: State) => void, answer: (state: State) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      pending.push({
        change: make,
        done(now) {
          try {
            resolve(answer(now));
          } catch (error) {
            reject(error);
          }
        },
        failed: reject,
      });
      if (!working) void work();
    });
  }

  /** Answers with what is on disk. */
  const ask = <T>(answer: (state: State) => T): Promise<T> => change(() => undefined, answer);

  function announce({ admitted, preempted, lost }: Changes): void {
    for (const entry of admitted) tell(listeners.admitted, entry.request.kind, entry.id, '');
    for (const entry of preempted) tell(listeners.preempted, entry.request.kind, entry.id, entry.preemptedBy ?? '');
    for (const entry of lost) tell(listeners.lost, entry.request.kind, entry.id, entry.lost ?? '');
  }

  function tell(to: Listeners, kind: WorkloadKind, id: string, detail: string): void {
    for (const listener of to.get(kind) ?? []) {
      try {
        listener(id, detail);
      } catch (error) {
        log.error({ err: error, workload: id }, 'admission listener failed');
      }
    }
  }

  function listen(to: Listeners, kind: WorkloadKind, listener: (id: string, detail: string) => void): void {
    to.set(kind, [...(to.get(kind) ?? []), listener]);
  }

  return {
    capacity,
    submit: request =>
      change(
        now => now.submit(request, clock.now()),
        now => statusOf(now, now.entries.get(request.id)!, clock.now()),
      ),
    release: id =>
      change(
        now => now.release(id),
        () => undefined,
      ),
    status: id =>
      ask(now => {
        const entry = now.entries.get(id);
        return entry && statusOf(now, entry, clock.now());
      }),
    list: kind =>
      ask(now => [...now.entries.values()].filter(entry => entry.request.kind === kind).map(entry => entry.id)),
    workloads: (pool, filter = {}) => ask(now => viewsOf(now, pool, filter, clock.now())),
    onAdmitted: (kind, listener) => listen(listeners.admitted, kind, listener),
    onPreempted: (kind, listener) => listen(listeners.preempted, kind, listener),
    onLost: (kind, listener) => listen(listeners.lost, kind, listener),
    used: pool =>
      ask(({ entries, topology }) => {
        const of =
          pool === undefined ? entries.values() : topology.family(pool).flatMap(id => [...topology.members(id)]);
        return total([...of].flatMap(entry => (entry.nodes ? [times(entry, entry.tasks)] : [])));
      }),
    fits(demand, { pool = PUBLIC_POOL, tasks = 1 } = {}) {
      const { topology } = known;
      if (!topology.exists(pool)) return { ok: false, reason: `The pool ${pool} is not there.` };
      const wanted = { ...demand, pool, tasks, avoid: new Set<string>() };
      const root = topology.rootOf(pool);
      return root.couldEver(wanted) ? { ok: true } : { ok: false, reason: exceeds(root, wanted, demand) };
    },
    setPool: (id, nodes, options = {}) =>
      change(
        now => now.setPool(id, nodes, options),
        now => poolState(now, id),
      ),
    removePool: (id, { force = false } = {}) =>
      change(
        now => now.removePool(id, force),
        () => undefined,
      ),
    pools: () => ask(poolStates),
    setQuota: (scope, make) =>
      change(
        now => now.setQuota(scope, make),
        () => undefined,
      ),
    quota: scope =>
      ask(({ quotas }) => {
        const key = scopeKey(scope);
        return { limits: { ...quotas.limits.get(key) }, used: { ...quotas.used(key) } };
      }),
    start: () =>
      change(
        now => now.start(),
        () => undefined,
      ),
  };
}
