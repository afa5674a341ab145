import type { Database } from '../../store-kit/index.ts';
import type { Demand, WorkloadKind } from './pool.admission.ts';

/** The job types that a pool may be opened for (behaviour/resources.md 1). */
export type JobType = 'Train' | 'Infer' | 'Notebook';

/** A dedicated pool as those see it who run something in it. */
export interface UsablePool {
  id: string;
  /** Display name. */
  name: string;
  /** The container network of its workloads, made by the runtime driver. */
  network: string;
  /** Flavors of its nodes, by id. */
  flavors: readonly string[];
}

/** What other families ask of dedicated pools. */
export interface Pools {
  /**
   * The pool of that id for a new workload of `type`. Throws Failure with the reference's code of that family's choice (`codes`) when there
   * is none that the project and workspace may use, when it is not Running, or is not open for the type.
   */
  use(
    scope: { accountId: string; projectId: string; workspaceId: string },
    poolId: string,
    type: JobType,
    codes: { missing: string; notRunning: string; closed: string },
  ): Promise<UsablePool>;
  /**
   * The container network of a pool that something already runs in, whatever became of the pool; undefined when it is gone. It is there
   * when this resolves. Throws EngineUnavailable.
   */
  networkOf(poolId: string): Promise<string | undefined>;
  /** Whether the pool could ever run so many tasks (1 when absent) of this size together. */
  fits(poolId: string, demand: Demand, tasks?: number): { ok: true } | { ok: false; reason: string };
  /** Bytes of disk that a pool has left for storage; of the public one when absent. `within`: the transaction that takes them. */
  diskLeft(poolId: string | undefined, within: Database): Promise<number>;
}

/** A family whose workloads run in pools. Each that has some implements it, and whoever composes hands them all over. */
export interface PoolOccupant {
  kind: WorkloadKind;
  /** Bytes of lasting storage in each pool, by its id; those of the public one by ''. Nothing when absent. */
  stored?(within: Database): Promise<ReadonlyMap<string, number>>;
  /**
   * Ends these workloads: for good where their pool is deleted; where only their node is taken from them they may begin elsewhere.
   * Called again and again until they are gone from admission. `text`: why, for whoever owns them.
   */
  vacate(ids: readonly string[], why: { poolId: string; deleted: boolean; text: string }): Promise<void>;
}
