import { type Database, tables } from '../../store-kit/index.ts';
import type { Tables } from './iam.schema.ts';
import type { Account, Project } from './identity.ts';

/** Queries of accounts and their projects. */
export function accountQueries(database: Database) {
  const db = tables<Tables>(database);
  const one = <T, R>(row: T | undefined, view: (row: T) => R): R | undefined => (row ? view(row) : undefined);
  return {
    insertAccount: (account: Account) =>
      db
        .insertInto('accounts')
        .values({
          id: account.id,
          name: account.name,
          enabled: account.enabled ? 1 : 0,
          auth_mode: account.authMode,
          description: account.description,
          created_at: account.createdAt,
        })
        .execute(),
    account: async (id: string) =>
      one(await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst(), accountOf),
    accountByName: async (name: string) =>
      one(await db.selectFrom('accounts').selectAll().where('name', '=', name).executeTakeFirst(), accountOf),
    accounts: async (): Promise<Account[]> =>
      (await db.selectFrom('accounts').selectAll().orderBy('name').execute()).map(accountOf),
    updateAccount: (id: string, patch: Partial<Pick<Account, 'enabled' | 'authMode' | 'description'>>) =>
      db
        .updateTable('accounts')
        .set({
          ...(patch.enabled === undefined ? {} : { enabled: patch.enabled ? 1 : 0 }),
          ...(patch.authMode === undefined ? {} : { auth_mode: patch.authMode }),
          ...(patch.description === undefined ? {} : { description: patch.description }),
        })
        .where('id', '=', id)
        .execute(),
    /** Ends every token and temporary key of an account's users and agencies. */
    revokeAccount: async (id: string) => {
      for (const table of ['users', 'agencies'] as const) {
        await db
          .updateTable(table)
          .set(eb => ({ generation: eb('generation', '+', 1) }))
          .where('account_id', '=', id)
          .execute();
      }
    },
    insertProject: (project: Project) =>
      db
        .insertInto('projects')
        .values({
          id: project.id,
          account_id: project.accountId,
          name: project.name,
          description: project.description,
          status: project.status,
        })
        .execute(),
    updateProject: (id: string, patch: Partial<Pick<Project, 'name' | 'description' | 'status'>>) =>
      db.updateTable('projects').set(patch).where('id', '=', id).execute(),
    project: async (id: string) =>
      one(await db.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst(), projectOf),
    projects: async (accountId: string): Promise<Project[]> =>
      (await db.selectFrom('projects').selectAll().where('account_id', '=', accountId).orderBy('name').execute()).map(
        projectOf,
      ),
    allProjects: async (): Promise<Project[]> => (await db.selectFrom('projects').selectAll().execute()).map(projectOf),
  };
}

function accountOf(row: Tables['accounts']): Account {
  return {
    id: row.id,
    name: row.name,
    enabled: row.enabled === 1,
    authMode: row.auth_mode as Account['authMode'],
    description: row.description,
    createdAt: row.created_at,
  };
}

function projectOf(row: Tables['projects']): Project {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    description: row.description,
    status: row.status as Project['status'],
  };
}
