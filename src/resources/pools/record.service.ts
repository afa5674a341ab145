import type { Principal } from '../../kernel/principal.ts';
import type { Workspaces } from '../workspaces/index.ts';
import type { maintenanceStore } from './maintenance.store.ts';
import { type Demand, sum } from './pool.admission.ts';
import type { Order, PoolStore } from './pool.store.ts';
import { poolMissing } from './pool.ts';

export type RecordService = ReturnType<typeof recordService>;

/** What is kept of pools, also of those that are gone: events and changes. */
export function recordService(deps: {
  store: PoolStore;
  maintenance: ReturnType<typeof maintenanceStore>;
  workspaces: Pick<Workspaces, 'find'>;
}) {
  const { store } = deps;
  return {
    /**
     * What happened to a pool, the newest first. Throws Failure 404 where it, or what is known of one that is gone, lies in a workspace that
     * is closed to the caller.
     */
    async events(principal: Principal, projectId: string, poolId: string) {
      const pool = await store.find(projectId, poolId);
      const place =
        pool?.workspaceId ?? (await store.orders(projectId)).find(order => order.pool_id === poolId)?.workspace_id;
      const workspace = place === undefined ? undefined : await deps.workspaces.find(projectId, place);
      if (!workspace?.admits(principal).allowed) throw poolMissing(poolId);
      return store.events(projectId, poolId);
    },
    /** Work on nodes of a workspace's pools, the newest first; and one such by its id. */
    maintenance: deps.maintenance.list,
    maintenanceOf: deps.maintenance.find,
    orders: (projectId: string): Promise<Order[]> => store.orders(projectId),
    /** What all pools of the installation hold of the machine. */
    given: async (): Promise<Demand> => sum(await store.allNodes()),
  };
}
