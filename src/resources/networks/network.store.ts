import { type Database, LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration, tables } from '../../store-kit/index.ts';
import type { Network, NetworkPhase } from './network.ts';

export const networksMigrations = [
  sqlMigration('0021-networks', [
    `CREATE TABLE networks (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL, project_id TEXT NOT NULL, workspace_id TEXT NOT NULL,
      name TEXT NOT NULL, cidr TEXT NOT NULL, annotations TEXT NOT NULL, owner_id TEXT NOT NULL,
      desired TEXT NOT NULL, phase TEXT NOT NULL, message TEXT NOT NULL, created_at INTEGER NOT NULL,
      ${LEASE_COLUMNS_SQL})`,
    'CREATE UNIQUE INDEX networks_name ON networks (project_id, name)',
    'CREATE INDEX networks_next ON networks (next_at) WHERE next_at IS NOT NULL',
  ]),
];

interface Row extends LeaseColumns {
  id: string;
  account_id: string;
  project_id: string;
  workspace_id: string;
  name: string;
  cidr: string;
  annotations: string;
  owner_id: string;
  desired: string;
  phase: string;
  message: string;
  created_at: number;
}

function queries(database: Database) {
  const db = tables<{ networks: Row }>(database);
  const one = (id: string) => db.updateTable('networks').where('id', '=', id);
  return {
    find: async (projectId: string, id: string): Promise<Network | undefined> => {
      const rows = db.selectFrom('networks').selectAll().where('id', '=', id);
      const row = await rows.where('project_id', '=', projectId).executeTakeFirst();
      return row && fromRow(row);
    },
    load: async (id: string): Promise<Network | undefined> => {
      const row = await db.selectFrom('networks').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    list: async (projectId: string, workspaceId?: string): Promise<Network[]> => {
      const rows = db.selectFrom('networks').selectAll().where('project_id', '=', projectId);
      const found = await (workspaceId === undefined ? rows : rows.where('workspace_id', '=', workspaceId)).execute();
      return found.map(fromRow);
    },
    /** Of all accounts: they share the machine's addresses. */
    cidrs: async (): Promise<string[]> =>
      (await db.selectFrom('networks').select('cidr').execute()).map(({ cidr }) => cidr),
    ids: async (): Promise<string[]> => (await db.selectFrom('networks').select('id').execute()).map(({ id }) => id),
    insert: (network: Network, now: number) =>
      db
        .insertInto('networks')
        .values({
          id: network.id,
          account_id: network.accountId,
          project_id: network.projectId,
          workspace_id: network.workspaceId,
          name: network.name,
          cidr: network.cidr,
          annotations: JSON.stringify(network.annotations),
          owner_id: network.ownerId,
          desired: network.desired,
          phase: network.phase,
          message: network.message,
          created_at: network.createdAt,
          next_at: now,
          lease_owner: null,
          lease_until: null,
        })
        .execute(),
    setAnnotations: (id: string, annotations: Record<string, string>) =>
      one(id)
        .set({ annotations: JSON.stringify(annotations) })
        .execute(),
    setDeleted: (id: string) => one(id).set({ desired: 'deleted', phase: 'Deleting', message: '' }).execute(),
    setPhase: (id: string, phase: NetworkPhase, message: string) =>
      one(id).set({ phase, message }).where('desired', '=', 'active').execute(),
    remove: (id: string) => db.deleteFrom('networks').where('id', '=', id).execute(),
  };
}

export type NetworkStore = ReturnType<typeof networkStore>;

/** Queries of networks; `in(db)` are the same within somebody's transaction. */
export function networkStore(database: Database) {
  return {
    ...queries(database),
    in: queries,
    transaction: <T>(work: (rows: ReturnType<typeof queries>, db: Database) => Promise<T>): Promise<T> =>
      database.transaction().execute(trx => work(queries(trx), trx)),
  };
}

function fromRow(row: Row): Network {
  return {
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    name: row.name,
    cidr: row.cidr,
    annotations: JSON.parse(row.annotations) as Record<string, string>,
    ownerId: row.owner_id,
    desired: row.desired as Network['desired'],
    phase: row.phase as NetworkPhase,
    message: row.message,
    createdAt: row.created_at,
  };
}
