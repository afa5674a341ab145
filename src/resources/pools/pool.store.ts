import { type Database, LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration, tables } from '../../store-kit/index.ts';
import type { JobType } from './pool.port.ts';
import type { Cordon, Node, NodePhase, Pool, PoolPhase, PoolResource } from './pool.ts';

export const poolsMigrations = [
  sqlMigration('0021-pools', [
    `CREATE TABLE pools (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL, project_id TEXT NOT NULL, workspace_id TEXT NOT NULL,
      name TEXT NOT NULL, owner_id TEXT NOT NULL, type TEXT NOT NULL, parent TEXT NOT NULL, network_id TEXT NOT NULL,
      node_prefix TEXT NOT NULL, scope TEXT NOT NULL, resources TEXT NOT NULL, annotations TEXT NOT NULL,
      desired TEXT NOT NULL, phase TEXT NOT NULL, message TEXT NOT NULL, created_at INTEGER NOT NULL,
      ${LEASE_COLUMNS_SQL})`,
    'CREATE INDEX pools_project ON pools (project_id)',
    'CREATE INDEX pools_next ON pools (next_at) WHERE next_at IS NOT NULL',
    `CREATE TABLE pool_nodes (
      name TEXT PRIMARY KEY, pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE, flavor TEXT NOT NULL,
      vcpus REAL NOT NULL, memory_bytes INTEGER NOT NULL, gpus REAL NOT NULL, phase TEXT NOT NULL, message TEXT NOT NULL,
      cordon TEXT NOT NULL, locked INTEGER NOT NULL, redundant INTEGER NOT NULL, created_at INTEGER NOT NULL)`,
    'CREATE INDEX pool_nodes_pool ON pool_nodes (pool_id)',
    // They tell of pools that are gone, too.
    `CREATE TABLE pool_events (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT, pool_id TEXT NOT NULL, project_id TEXT NOT NULL, time INTEGER NOT NULL,
      type TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL)`,
    'CREATE INDEX pool_events_pool ON pool_events (pool_id, time)',
    `CREATE TABLE pool_orders (
      name TEXT PRIMARY KEY, pool_id TEXT NOT NULL, pool_name TEXT NOT NULL, project_id TEXT NOT NULL,
      workspace_id TEXT NOT NULL, operation TEXT NOT NULL, phase TEXT NOT NULL, init_count INTEGER NOT NULL,
      spec_count INTEGER NOT NULL, result_count INTEGER NOT NULL, reason TEXT NOT NULL, created_at INTEGER NOT NULL,
      ended_at INTEGER)`,
    'CREATE INDEX pool_orders_pool ON pool_orders (pool_id)',
    'CREATE INDEX pool_orders_project ON pool_orders (project_id, created_at)',
    `CREATE TABLE pool_tags (
      pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE, node TEXT NOT NULL, key TEXT NOT NULL,
      value TEXT NOT NULL, PRIMARY KEY (pool_id, node, key))`,
    `CREATE TABLE pool_samples (
      pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE, time INTEGER NOT NULL, metrics TEXT NOT NULL,
      PRIMARY KEY (pool_id, time)) WITHOUT ROWID`,
  ]),
  // Nodes made before have no size yet; they are given one at start.
  sqlMigration('0065-pool-disk', ['ALTER TABLE pool_nodes ADD COLUMN disk_bytes INTEGER']),
];

interface PoolRow extends LeaseColumns {
  id: string;
  account_id: string;
  project_id: string;
  workspace_id: string;
  name: string;
  owner_id: string;
  type: string;
  parent: string;
  network_id: string;
  node_prefix: string;
  scope: string;
  resources: string;
  annotations: string;
  desired: string;
  phase: string;
  message: string;
  created_at: number;
}

interface NodeRow {
  name: string;
  pool_id: string;
  flavor: string;
  vcpus: number;
  memory_bytes: number;
  gpus: number;
  disk_bytes: number | null;
  phase: string;
  message: string;
  cordon: string;
  locked: number;
  redundant: number;
  created_at: number;
}

export interface PoolEvent {
  pool_id: string;
  project_id: string;
  time: number;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** A change of capacity, as the API's orders are (behaviour/resources.md 11). */
export interface Order {
  name: string;
  pool_id: string;
  pool_name: string;
  project_id: string;
  workspace_id: string;
  operation: 'apply' | 'modify' | 'delete';
  phase: 'running' | 'successed' | 'failed';
  init_count: number;
  spec_count: number;
  result_count: number;
  reason: string;
  created_at: number;
  ended_at: number | null;
}

export interface TagRow {
  pool_id: string;
  /** Empty for the pool's own. */
  node: string;
  key: string;
  value: string;
}

interface Tables {
  pools: PoolRow;
  pool_nodes: NodeRow;
  pool_events: PoolEvent & { sequence?: number };
  pool_orders: Order;
  pool_tags: TagRow;
  pool_samples: { pool_id: string; time: number; metrics: string };
}

/** What may be changed of a pool. */
export type PoolPatch = Partial<
  Pick<Pool, 'workspaceId' | 'scope' | 'resources' | 'annotations' | 'desired' | 'phase' | 'message'>
>;
export type NodePatch = Partial<Pick<Node, 'phase' | 'message' | 'cordon' | 'locked' | 'redundant'>>;

function queries(database: Database) {
  const db = tables<Tables>(database);
  return {
    find: async (projectId: string, id: string): Promise<Pool | undefined> => {
      const rows = db.selectFrom('pools').selectAll().where('id', '=', id);
      const row = await rows.where('project_id', '=', projectId).executeTakeFirst();
      return row && poolOf(row);
    },
    load: async (id: string): Promise<Pool | undefined> => {
      const row = await db.selectFrom('pools').selectAll().where('id', '=', id).executeTakeFirst();
      return row && poolOf(row);
    },
    list: async (projectId: string, workspaceId?: string): Promise<Pool[]> => {
      const rows = db.selectFrom('pools').selectAll().where('project_id', '=', projectId).orderBy('created_at');
      const found = await (workspaceId === undefined ? rows : rows.where('workspace_id', '=', workspaceId)).execute();
      return found.map(poolOf);
    },
    /** Of all accounts, parents first, as admission must be told of them. */
    all: async (): Promise<Pool[]> =>
      (await db.selectFrom('pools').selectAll().orderBy('parent').orderBy('created_at').orderBy('id').execute()).map(
        poolOf,
      ),
    onNetwork: async (networkId: string): Promise<Pool[]> =>
      (await db.selectFrom('pools').selectAll().where('network_id', '=', networkId).execute()).map(poolOf),
    children: async (id: string): Promise<Pool[]> =>
      (await db.selectFrom('pools').selectAll().where('parent', '=', id).execute()).map(poolOf),
    insert: (pool: Pool, now: number) =>
      db
        .insertInto('pools')
        .values({
          id: pool.id,
          account_id: pool.accountId,
          project_id: pool.projectId,
          workspace_id: pool.workspaceId,
          name: pool.name,
          owner_id: pool.ownerId,
          type: pool.type,
          parent: pool.parent,
          network_id: pool.networkId,
          node_prefix: pool.nodePrefix,
          scope: JSON.stringify(pool.scope),
          resources: JSON.stringify(pool.resources),
          annotations: JSON.stringify(pool.annotations),
          desired: pool.desired,
          phase: pool.phase,
          message: pool.message,
          created_at: pool.createdAt,
          next_at: now,
          lease_owner: null,
          lease_until: null,
        })
        .execute(),
    update: (id: string, patch: PoolPatch) =>
      db
        .updateTable('pools')
        .set({
          ...(patch.workspaceId === undefined ? {} : { workspace_id: patch.workspaceId }),
          ...(patch.scope === undefined ? {} : { scope: JSON.stringify(patch.scope) }),
          ...(patch.resources === undefined ? {} : { resources: JSON.stringify(patch.resources) }),
          ...(patch.annotations === undefined ? {} : { annotations: JSON.stringify(patch.annotations) }),
          ...(patch.desired === undefined ? {} : { desired: patch.desired }),
          ...(patch.phase === undefined ? {} : { phase: patch.phase }),
          ...(patch.message === undefined ? {} : { message: patch.message }),
        })
        .where('id', '=', id)
        .execute(),
    remove: (id: string) => db.deleteFrom('pools').where('id', '=', id).execute(),

    // nodes
    nodes: async (poolId: string): Promise<Node[]> =>
      (
        await db
          .selectFrom('pool_nodes')
          .selectAll()
          .where('pool_id', '=', poolId)
          .orderBy('created_at')
          .orderBy('name')
          .execute()
      ).map(nodeOf),
    /** Of all pools of all accounts, or of one account. */
    allNodes: async (accountId?: string): Promise<Node[]> => {
      const rows = db
        .selectFrom('pool_nodes')
        .innerJoin('pools', 'pools.id', 'pool_nodes.pool_id')
        .selectAll('pool_nodes');
      return (await (accountId === undefined ? rows : rows.where('account_id', '=', accountId)).execute()).map(nodeOf);
    },
    node: async (name: string): Promise<Node | undefined> => {
      const row = await db.selectFrom('pool_nodes').selectAll().where('name', '=', name).executeTakeFirst();
      return row && nodeOf(row);
    },
    insertNodes: async (nodes: readonly Node[]): Promise<void> => {
      for (const node of nodes) {
        await db
          .insertInto('pool_nodes')
          .values({
            name: node.name,
            pool_id: node.poolId,
            flavor: node.flavor,
            vcpus: node.vcpus,
            memory_bytes: node.memoryBytes,
            gpus: node.gpus,
            disk_bytes: node.diskBytes,
            phase: node.phase,
            message: node.message,
            cordon: node.cordon,
            locked: Number(node.locked),
            redundant: Number(node.redundant),
            created_at: node.createdAt,
          })
          .execute();
      }
    },
    /** Those that were made before nodes had a disk. */
    nodesWithoutDisk: async (): Promise<Node[]> =>
      (await db.selectFrom('pool_nodes').selectAll().where('disk_bytes', 'is', null).execute()).map(nodeOf),
    setDisk: (name: string, bytes: number) =>
      db.updateTable('pool_nodes').set({ disk_bytes: bytes }).where('name', '=', name).execute(),
    updateNode: (name: string, patch: NodePatch) =>
      db
        .updateTable('pool_nodes')
        .set({
          ...(patch.phase === undefined ? {} : { phase: patch.phase }),
          ...(patch.message === undefined ? {} : { message: patch.message }),
          ...(patch.cordon === undefined ? {} : { cordon: patch.cordon }),
          ...(patch.locked === undefined ? {} : { locked: Number(patch.locked) }),
          ...(patch.redundant === undefined ? {} : { redundant: Number(patch.redundant) }),
        })
        .where('name', '=', name)
        .execute(),
    removeNode: async (name: string): Promise<void> => {
      await db.deleteFrom('pool_tags').where('node', '=', name).execute();
      await db.deleteFrom('pool_nodes').where('name', '=', name).execute();
    },

    // events and orders
    addEvent: (event: PoolEvent) => db.insertInto('pool_events').values(event).execute(),
    events: (projectId: string, poolId: string): Promise<(PoolEvent & { sequence?: number })[]> =>
      db
        .selectFrom('pool_events')
        .selectAll()
        .where('pool_id', '=', poolId)
        .where('project_id', '=', projectId)
        .orderBy('sequence', 'desc')
        .limit(10_000)
        .execute(),
    addOrder: (order: Order) => db.insertInto('pool_orders').values(order).execute(),
    orders: (projectId: string): Promise<Order[]> =>
      db
        .selectFrom('pool_orders')
        .selectAll()
        .where('project_id', '=', projectId)
        .orderBy('created_at', 'desc')
        .orderBy('name')
        .limit(1000)
        .execute(),
    running: (poolId: string): Promise<Order[]> =>
      db.selectFrom('pool_orders').selectAll().where('pool_id', '=', poolId).where('phase', '=', 'running').execute(),
    endOrders: (poolId: string, phase: Order['phase'], count: number, reason: string, now: number) =>
      db
        .updateTable('pool_orders')
        .set({ phase, result_count: count, reason, ended_at: now })
        .where('pool_id', '=', poolId)
        .where('phase', '=', 'running')
        .execute(),
    prune: async (before: number): Promise<void> => {
      await db.deleteFrom('pool_events').where('time', '<', before).execute();
      await db.deleteFrom('pool_orders').where('ended_at', '<', before).execute();
    },

    // tags
    tags: (poolIds: readonly string[]): Promise<TagRow[]> =>
      poolIds.length === 0
        ? Promise.resolve([])
        : db
            .selectFrom('pool_tags')
            .selectAll()
            .where('pool_id', 'in', [...poolIds])
            .orderBy('key')
            .execute(),
    putTag: (row: TagRow) =>
      db
        .insertInto('pool_tags')
        .values(row)
        .onConflict(conflict => conflict.columns(['pool_id', 'node', 'key']).doUpdateSet({ value: row.value }))
        .execute(),
    removeTag: (poolId: string, node: string, key: string) =>
      db
        .deleteFrom('pool_tags')
        .where('pool_id', '=', poolId)
        .where('node', '=', node)
        .where('key', '=', key)
        .execute(),

    // samples of use
    addSample: (pool_id: string, time: number, metrics: Record<string, number>) =>
      db
        .insertInto('pool_samples')
        .values({ pool_id, time, metrics: JSON.stringify(metrics) })
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    samples: async (poolId: string, from: number, to: number) =>
      (
        await db
          .selectFrom('pool_samples')
          .selectAll()
          .where('pool_id', '=', poolId)
          .where('time', '>=', from)
          .where('time', '<=', to)
          .orderBy('time')
          .execute()
      ).map(row => ({ time: row.time, metrics: JSON.parse(row.metrics) as Record<string, number> })),
    pruneSamples: (before: number) => db.deleteFrom('pool_samples').where('time', '<', before).execute(),
  };
}

export type PoolRows = ReturnType<typeof queries>;
export type PoolStore = ReturnType<typeof poolStore>;

/** Queries of pools; `in(db)` are the same within somebody's transaction. */
export function poolStore(database: Database) {
  return {
    ...queries(database),
    in: queries,
    transaction: <T>(work: (rows: PoolRows, db: Database) => Promise<T>): Promise<T> =>
      database.transaction().execute(trx => work(queries(trx), trx)),
  };
}

function poolOf(row: PoolRow): Pool {
  return {
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    name: row.name,
    ownerId: row.owner_id,
    type: row.type as Pool['type'],
    parent: row.parent,
    networkId: row.network_id,
    nodePrefix: row.node_prefix,
    scope: JSON.parse(row.scope) as JobType[],
    resources: JSON.parse(row.resources) as PoolResource[],
    annotations: JSON.parse(row.annotations) as Record<string, string>,
    desired: row.desired as Pool['desired'],
    phase: row.phase as PoolPhase,
    message: row.message,
    createdAt: row.created_at,
  };
}

function nodeOf(row: NodeRow): Node {
  return {
    name: row.name,
    poolId: row.pool_id,
    flavor: row.flavor,
    vcpus: row.vcpus,
    memoryBytes: row.memory_bytes,
    gpus: row.gpus,
    diskBytes: row.disk_bytes ?? 0,
    phase: row.phase as NodePhase,
    message: row.message,
    cordon: row.cordon as Cordon,
    locked: row.locked === 1,
    redundant: row.redundant === 1,
    createdAt: row.created_at,
  };
}
