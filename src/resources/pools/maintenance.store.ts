import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import type { Maintenance } from './pool.ts';

export const maintenanceMigrations = [
  sqlMigration('0030-node-maintenance', [
    // They tell of pools and nodes that are gone, too.
    `CREATE TABLE node_maintenance (
      id TEXT PRIMARY KEY, project_id TEXT NOT NULL, workspace_id TEXT NOT NULL, pool_id TEXT NOT NULL, pool_name TEXT NOT NULL,
      node TEXT NOT NULL, type TEXT NOT NULL, description TEXT NOT NULL, state TEXT NOT NULL, started_at INTEGER NOT NULL,
      finished_at INTEGER)`,
    'CREATE INDEX node_maintenance_project ON node_maintenance (project_id, started_at)',
    'CREATE INDEX node_maintenance_node ON node_maintenance (node)',
  ]),
];

/** Queries of work on nodes; on `db`, which may be somebody's transaction. */
export function maintenanceStore(database: Database) {
  const db = tables<{ node_maintenance: Maintenance }>(database);
  return {
    add: (row: Maintenance) => db.insertInto('node_maintenance').values(row).execute(),
    /** Ends what is under way on a node. */
    end: (node: string, state: 'completed' | 'canceled', now: number) =>
      db
        .updateTable('node_maintenance')
        .set({ state, finished_at: now })
        .where('node', '=', node)
        .where('state', '=', 'executing')
        .execute(),
    find: (projectId: string, id: string): Promise<Maintenance | undefined> =>
      db
        .selectFrom('node_maintenance')
        .selectAll()
        .where('id', '=', id)
        .where('project_id', '=', projectId)
        .executeTakeFirst(),
    /** The newest first. */
    list: (projectId: string, workspaceId: string): Promise<Maintenance[]> =>
      db
        .selectFrom('node_maintenance')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .orderBy('started_at', 'desc')
        .orderBy('id')
        .limit(5_000)
        .execute(),
    prune: (before: number) => db.deleteFrom('node_maintenance').where('finished_at', '<', before).execute(),
  };
}
