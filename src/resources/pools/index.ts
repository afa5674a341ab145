import { type Locators, type Route, refusalRoutes } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Networks } from '../networks/index.ts';
import type { WorkspaceContents, Workspaces } from '../workspaces/index.ts';
import { catalogApis } from './catalog.api.ts';
import { catalogRoutes } from './catalog.routes.ts';
import { maintenanceApis } from './maintenance.api.ts';
import { maintenanceRoutes } from './maintenance.routes.ts';
import { maintenanceMigrations, maintenanceStore } from './maintenance.store.ts';
import { nodeApis } from './node.api.ts';
import type { PoolFlavor } from './node.making.ts';
import { nodeService } from './node.service.ts';
import { NOTHING, type PoolAdmission } from './pool.admission.ts';
import { poolAnnouncer } from './pool.announcer.ts';
import { poolApis } from './pool.api.ts';
import { type DiskShares, type MachineDisk, poolDisk } from './pool.disk.ts';
import { poolMonitor } from './pool.monitor.ts';
import type { PoolOccupant, Pools as PoolsPort } from './pool.port.ts';
import { poolReconciler } from './pool.reconciler.ts';
import type { PoolShares } from './pool.room.ts';
import { poolRoutes } from './pool.routes.ts';
import { POOL_WORKSPACE_QUOTA, poolService } from './pool.service.ts';
import { poolsMigrations as poolMigrations, poolStore } from './pool.store.ts';
import { poolTags } from './pool.tags.ts';
import { type Node, POOL_QUOTA, type Pool } from './pool.ts';
import { recordService } from './record.service.ts';
import { refusedOfPools } from './refused.api.ts';

export type { MachineDisk } from './pool.disk.ts';
export type { JobType, PoolOccupant, Pools as PoolsPort, UsablePool } from './pool.port.ts';
export type { PoolShares, Share } from './pool.room.ts';
export const poolsMigrations = [...poolMigrations, ...maintenanceMigrations];

export const poolsOperations = [
  ...poolApis,
  ...nodeApis,
  ...catalogApis,
  ...maintenanceApis,
  ...refusedOfPools.map(each => each.operation),
];

export interface PoolsDeps {
  db: Database;
  clock: Clock;
  log: Log;
  admission: PoolAdmission;
  driver: RuntimeDriver;
  flavors: { find(id: string): PoolFlavor | undefined; list(): PoolFlavor[] };
  networks: Networks;
  workspaces: Pick<Workspaces, 'admit' | 'find'>;
  installation: string;
  /** Without limit when absent. */
  disk?: MachineDisk;
  /** Who may reserve what; everybody everything when absent. */
  shares?: PoolShares;
}

export interface PoolsFamily extends PoolsPort {
  routes: Route[];
  locators: Locators;
  contents: WorkspaceContents;
  /** The families whose workloads run in pools. Set once, by whoever composes. */
  setOccupants(occupants: readonly PoolOccupant[]): void;
  /** Tells admission of all pools; before it decides anything and before anything runs. */
  announce(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const EVERYTHING: PoolShares = { accounts: { '*': {} }, public: NOTHING };

/** The family of dedicated pools: shares of the machine, given to projects (docs/decisions/0013). */
export function createPools(deps: PoolsDeps): PoolsFamily {
  const { db, clock, log, admission, networks } = deps;
  const store = poolStore(db);
  const maintenance = maintenanceStore(db);
  let occupants: readonly PoolOccupant[] = [];
  const shares = deps.shares ?? EVERYTHING;
  const disk = poolDisk({
    disk: deps.disk ?? { bytes: Number.POSITIVE_INFINITY },
    vcpus: admission.capacity.vcpus,
    kept: shares.public.diskBytes ?? 0,
    occupants: () => occupants,
  });
  const announcer = poolAnnouncer({ store, admission, size: id => deps.flavors.find(id), log });
  const network = (pool: Pool, within?: Database) => networks.find(pool.projectId, pool.networkId, within);
  const reconciler = poolReconciler({ ...deps, store, maintenance, announcer, network, occupants: () => occupants });
  const poke = (id: string) => reconciler.poke(id);
  const service = poolService({ ...deps, store, announcer, shares, disk, poke });
  const nodes = nodeService({ store, admission, clock, pools: service });
  const records = recordService({ store, maintenance, workspaces: deps.workspaces });
  const monitor = poolMonitor({ ...deps, store, maintenance, stored });

  networks.setUsers({
    usedBy: async (id, within) => (await store.in(within).onNetwork(id)).map(pool => pool.name),
    async addresses(id) {
      const pools = (await store.onNetwork(id)).filter(pool => pool.type === 'Dedicate');
      const counts = await Promise.all(pools.map(async pool => (await admission.workloads(pool.id)).map(addressesOf)));
      return counts.flat().reduce((all, one) => all + one, 0);
    },
    changed(id) {
      void store
        .onNetwork(id)
        .then(pools => Promise.all(pools.map(pool => poke(pool.id))))
        .catch(error => log.warn({ err: error, network: id }, 'its pools could not be looked at'));
    },
  });

  async function stored(): Promise<DiskShares> {
    return store.transaction((rows, trx) => disk.shares(rows, trx));
  }

  /** Nodes of an older version have no disk yet. */
  async function giveDisk(): Promise<void> {
    await store.transaction(async (rows, trx) => {
      const bare = await rows.nodesWithoutDisk();
      const size = ({ flavor }: Node) => ({ askedGiB: undefined, flavorGiB: deps.flavors.find(flavor)?.diskGiB ?? 0 });
      const given = await disk.give(rows, trx, bare, size, { account: '', bytes: Number.POSITIVE_INFINITY });
      for (const node of given) await rows.setDisk(node.name, node.diskBytes);
    });
  }

  async function address(pool: Pool): Promise<string> {
    const found = await networks.ensure(pool.networkId).catch(() => undefined);
    return found?.gateway ?? '';
  }

  return {
    routes: [
      ...poolRoutes({
        service,
        nodes,
        monitor,
        stored,
        admission,
        clock,
        address,
        newestOrder: async (projectId, id) => (await store.orders(projectId)).find(each => each.pool_id === id)?.name,
      }),
      ...catalogRoutes({
        ...deps,
        service,
        records,
        tags: poolTags(store),
        usualDisk: flavor => disk.usual(flavor, flavor.diskGiB),
      }),
      ...maintenanceRoutes({ pools: service, nodes, tags: poolTags(store), records }),
      ...refusalRoutes(refusedOfPools),
    ],
    locators: {
      async pool(id, { projectId }) {
        const pool = await store.find(projectId, id);
        return pool && { workspaceId: pool.workspaceId, ownerId: pool.ownerId };
      },
      async 'pool-node'(name, { projectId }) {
        const node = await store.node(name);
        const pool = node && (await store.find(projectId, node.poolId));
        return pool && { workspaceId: pool.workspaceId, ownerId: pool.ownerId };
      },
      async 'pool-event'(id, { projectId }) {
        const event = await maintenance.find(projectId, id);
        return event && { workspaceId: event.workspace_id };
      },
      async 'pool-order'(id, { projectId }) {
        const order = (await store.orders(projectId)).find(each => each.name === id);
        return order && { workspaceId: order.workspace_id };
      },
    },
    contents: {
      kind: 'pool',
      deleteAction: 'modelarts:pool:delete',
      quota: {
        resource: POOL_WORKSPACE_QUOTA,
        name_en: 'Dedicated resource pools',
        name_cn: '专属资源池',
        unit_en: '',
        unit_cn: '个',
        max: POOL_QUOTA,
      },
      count: async (projectId, workspaceId) => (await store.list(projectId, workspaceId)).length,
      async clear(projectId, workspaceId) {
        const left = await store.list(projectId, workspaceId);
        // Sub-pools first; their parent goes when they are gone.
        const parents = new Set(left.map(pool => pool.parent));
        for (const pool of left) if (pool.desired === 'running' && !parents.has(pool.id)) await service.discard(pool);
        return (await store.list(projectId, workspaceId)).length;
      },
    },
    setOccupants(all) {
      occupants = all;
    },

    async use({ projectId, workspaceId }, poolId, type, codes) {
      const pool = await store.find(projectId, poolId);
      const within = pool?.workspaceId === workspaceId || pool?.workspaceId === '0';
      if (!pool || !within) {
        throw new Failure({
          code: codes.missing,
          status: 400,
          message: `There is no pool "${poolId.slice(0, 80)}" that may be used in workspace ${workspaceId}.`,
          solution: 'GET /v2/{project_id}/pools lists the pools; leave it out to use the public pool.',
        });
      }
      if (pool.phase !== 'Running') {
        throw new Failure({
          code: codes.notRunning,
          status: 400,
          message: `The pool ${pool.name} is ${pool.phase}, not Running. ${pool.message}`.trim(),
        });
      }
      if (!pool.scope.includes(type)) {
        throw new Failure({
          code: codes.closed,
          status: 400,
          message: `The pool ${pool.name} is open for ${pool.scope.join(', ')}, not for ${type}.`,
          solution: `Enable it: PATCH …/pools/${pool.id} with spec.scope.`,
        });
      }
      const there = await networks.ensure(pool.networkId);
      if (!there) {
        throw new Failure({ code: codes.notRunning, status: 400, message: `The pool ${pool.name} has no network.` });
      }
      const flavors = pool.resources.filter(each => each.maxCount > 0).map(each => each.flavor);
      return { id: pool.id, name: pool.name, network: there.name, flavors };
    },
    async networkOf(poolId) {
      const pool = await store.load(poolId);
      return pool && (await networks.ensure(pool.networkId))?.name;
    },
    fits: (pool, demand, tasks) => admission.fits(demand, { pool, ...(tasks === undefined ? {} : { tasks }) }),

    async diskLeft(poolId, within) {
      const rows = store.in(within);
      const { pools, rest } = await disk.shares(rows, within);
      const pool = poolId === undefined ? undefined : await rows.load(poolId);
      const own = pool && pools.get(pool.parent || pool.id);
      return own ? own.bytes - own.stored : rest;
    },

    async announce() {
      await giveDisk();
      await announcer.announceAll();
    },
    async start() {
      await networks.start();
      for (const pool of await store.all()) await poke(pool.id);
      await reconciler.start();
      monitor.start();
    },
    async stop() {
      await monitor.stop();
      await reconciler.stop();
      await networks.stop();
    },
  };
}

/** Each task has one address. */
function addressesOf(workload: { state: string; tasks: number }): number {
  return workload.state === 'admitted' ? workload.tasks : 0;
}
