import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import type { EnterpriseProject, EnterpriseProjectType } from './enterprise-project.ts';

export const enterpriseProjectsMigrations = [
  sqlMigration('0013-enterprise-projects', [
    `CREATE TABLE enterprise_projects (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, type TEXT NOT NULL,
      enabled INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
      UNIQUE (account_id, name))`,
  ]),
];

interface Row {
  id: string;
  account_id: string;
  name: string;
  description: string;
  type: string;
  enabled: number;
  created_at: number;
  updated_at: number;
}

/** What may be changed of one. */
export type EnterpriseProjectPatch = Partial<Omit<EnterpriseProject, 'id' | 'createdAt'>> & { updatedAt: number };

function queries(database: Database) {
  const db = tables<{ enterprise_projects: Row }>(database);
  return {
    list: async (accountId: string): Promise<EnterpriseProject[]> => {
      const rows = db.selectFrom('enterprise_projects').selectAll().where('account_id', '=', accountId);
      return (await rows.orderBy('created_at').orderBy('id').execute()).map(fromRow);
    },
    find: async (accountId: string, id: string): Promise<EnterpriseProject | undefined> => {
      const rows = db.selectFrom('enterprise_projects').selectAll().where('id', '=', id);
      const row = await rows.where('account_id', '=', accountId).executeTakeFirst();
      return row && fromRow(row);
    },
    insert: (accountId: string, project: EnterpriseProject) =>
      db
        .insertInto('enterprise_projects')
        .values({
          id: project.id,
          account_id: accountId,
          name: project.name,
          description: project.description,
          type: project.type,
          enabled: project.enabled ? 1 : 0,
          created_at: project.createdAt,
          updated_at: project.updatedAt,
        })
        .execute(),
    update: (id: string, patch: EnterpriseProjectPatch) =>
      db
        .updateTable('enterprise_projects')
        .set({
          ...(patch.name === undefined ? {} : { name: patch.name }),
          ...(patch.description === undefined ? {} : { description: patch.description }),
          ...(patch.type === undefined ? {} : { type: patch.type }),
          ...(patch.enabled === undefined ? {} : { enabled: patch.enabled ? 1 : 0 }),
          updated_at: patch.updatedAt,
        })
        .where('id', '=', id)
        .execute(),
    remove: (id: string) => db.deleteFrom('enterprise_projects').where('id', '=', id).execute(),
  };
}

/** Queries of enterprise projects; `in(db)` are the same within somebody's transaction. */
export function enterpriseProjectStore(database: Database) {
  return {
    ...queries(database),
    in: queries,
    transaction: <T>(work: (rows: ReturnType<typeof queries>, db: Database) => Promise<T>): Promise<T> =>
      database.transaction().execute(trx => work(queries(trx), trx)),
  };
}

function fromRow(row: Row): EnterpriseProject {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    type: row.type as EnterpriseProjectType,
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
