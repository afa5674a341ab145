import { type Database, LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration, tables } from '../../store-kit/index.ts';
import type { AuthType, Grant, Workspace, WorkspaceStatus } from './workspace.ts';

export const workspacesMigrations = [
  sqlMigration('0014-workspaces', [
    `CREATE TABLE workspaces (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL, project_id TEXT NOT NULL, name TEXT NOT NULL,
      description TEXT NOT NULL, auth_type TEXT NOT NULL, grants TEXT NOT NULL, enterprise_project_id TEXT NOT NULL,
      owner_id TEXT NOT NULL, owner_name TEXT NOT NULL, status TEXT NOT NULL, status_info TEXT NOT NULL,
      attempts INTEGER NOT NULL, progress TEXT NOT NULL, progress_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, ${LEASE_COLUMNS_SQL})`,
    'CREATE INDEX workspaces_project ON workspaces (project_id)',
    'CREATE INDEX workspaces_enterprise_project ON workspaces (enterprise_project_id)',
    'CREATE INDEX workspaces_next ON workspaces (next_at) WHERE next_at IS NOT NULL',
    `CREATE TABLE workspace_quotas (
      workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
      resource TEXT NOT NULL, quota INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (workspace_id, resource))`,
  ]),
];

interface Row extends LeaseColumns {
  id: string;
  account_id: string;
  project_id: string;
  name: string;
  description: string;
  auth_type: string;
  grants: string;
  enterprise_project_id: string;
  owner_id: string;
  owner_name: string;
  status: string;
  status_info: string;
  /** Passes of the deletion that failed since it last got on. */
  attempts: number;
  /** What the deletion was waiting for when it last got on, and when that was. */
  progress: string;
  progress_at: number;
  created_at: number;
  updated_at: number;
}

export interface QuotaRow {
  workspace_id: string;
  resource: string;
  quota: number;
  updated_at: number;
}

/** How far a deletion is. */
export interface Deletion {
  accountId: string;
  projectId: string;
  attempts: number;
  progress: string;
  progressAt: number;
}

/** What may be changed of one. */
export type WorkspacePatch = Partial<Pick<Workspace, 'name' | 'description' | 'authType' | 'grants'>>;

function queries(database: Database) {
  const db = tables<{ workspaces: Row; workspace_quotas: QuotaRow }>(database);
  return {
    list: async (projectId: string): Promise<Workspace[]> =>
      (await db.selectFrom('workspaces').selectAll().where('project_id', '=', projectId).orderBy('id').execute()).map(
        fromRow,
      ),
    count: async (projectId: string): Promise<number> => {
      const rows = db.selectFrom('workspaces').where('project_id', '=', projectId);
      return Number((await rows.select(eb => eb.fn.countAll().as('count')).executeTakeFirstOrThrow()).count);
    },
    find: async (projectId: string, id: string): Promise<Workspace | undefined> => {
      const rows = db.selectFrom('workspaces').selectAll().where('id', '=', id);
      const row = await rows.where('project_id', '=', projectId).executeTakeFirst();
      return row && fromRow(row);
    },
    boundTo: async (accountId: string, enterpriseProjectId: string): Promise<Workspace[]> => {
      const rows = db.selectFrom('workspaces').selectAll().where('enterprise_project_id', '=', enterpriseProjectId);
      return (await rows.where('account_id', '=', accountId).orderBy('created_at').orderBy('id').execute()).map(
        fromRow,
      );
    },
    insert: (workspace: Workspace) =>
      db
        .insertInto('workspaces')
        .values({
          id: workspace.id,
          account_id: workspace.accountId,
          project_id: workspace.projectId,
          name: workspace.name,
          description: workspace.description,
          auth_type: workspace.authType,
          grants: JSON.stringify(workspace.grants),
          enterprise_project_id: workspace.enterpriseProjectId,
          owner_id: workspace.ownerId,
          owner_name: workspace.ownerName,
          status: workspace.status,
          status_info: workspace.statusInfo,
          attempts: 0,
          progress: '',
          progress_at: 0,
          created_at: workspace.createdAt,
          updated_at: workspace.updatedAt,
          next_at: null,
          lease_owner: null,
          lease_until: null,
        })
        .execute(),
    update: (id: string, patch: WorkspacePatch, now: number) =>
      db
        .updateTable('workspaces')
        .set({
          ...(patch.name === undefined ? {} : { name: patch.name }),
          ...(patch.description === undefined ? {} : { description: patch.description }),
          ...(patch.authType === undefined ? {} : { auth_type: patch.authType }),
          ...(patch.grants === undefined ? {} : { grants: JSON.stringify(patch.grants) }),
          updated_at: now,
        })
        .where('id', '=', id)
        .execute(),
    remove: (id: string) => db.deleteFrom('workspaces').where('id', '=', id).execute(),

    // deletion
    setDeleting: (id: string, now: number) =>
      db
        .updateTable('workspaces')
        .set({
          status: 'DELETING',
          status_info: '',
          attempts: 0,
          progress: '',
          progress_at: now,
          updated_at: now,
          next_at: now,
        })
        .where('id', '=', id)
        .execute(),
    deleting: async (id: string): Promise<Deletion | undefined> => {
      const row = await db.selectFrom('workspaces').selectAll().where('id', '=', id).executeTakeFirst();
      if (row?.status !== 'DELETING') return undefined;
      const { account_id, project_id, attempts, progress, progress_at } = row;
      return { accountId: account_id, projectId: project_id, attempts, progress, progressAt: progress_at };
    },
    setProgress: (id: string, progress: string, now: number) =>
      db.updateTable('workspaces').set({ progress, progress_at: now, attempts: 0 }).where('id', '=', id).execute(),
    countAttempt: (id: string) =>
      db
        .updateTable('workspaces')
        .set(eb => ({ attempts: eb('attempts', '+', 1) }))
        .where('id', '=', id)
        .execute(),
    setDeleteFailed: (id: string, info: string, now: number) =>
      db
        .updateTable('workspaces')
        .set({ status: 'DELETE_FAILED', status_info: info, updated_at: now })
        .where('id', '=', id)
        .where('status', '=', 'DELETING')
        .execute(),

    // quotas
    quotas: (workspaceId: string): Promise<QuotaRow[]> =>
      db.selectFrom('workspace_quotas').selectAll().where('workspace_id', '=', workspaceId).execute(),
    setQuota: (row: QuotaRow) =>
      db
        .insertInto('workspace_quotas')
        .values(row)
        .onConflict(conflict =>
          conflict.columns(['workspace_id', 'resource']).doUpdateSet({ quota: row.quota, updated_at: row.updated_at }),
        )
        .execute(),
  };
}

export type WorkspaceRows = ReturnType<typeof queries>;
export type WorkspaceStore = ReturnType<typeof workspaceStore>;

/** Queries of workspaces; `in(db)` are the same within somebody's transaction. */
export function workspaceStore(database: Database) {
  return {
    ...queries(database),
    in: queries,
    transaction: <T>(work: (rows: WorkspaceRows, db: Database) => Promise<T>): Promise<T> =>
      database.transaction().execute(trx => work(queries(trx), trx)),
  };
}

function fromRow(row: Row): Workspace {
  return {
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    authType: row.auth_type as AuthType,
    grants: JSON.parse(row.grants) as Grant[],
    enterpriseProjectId: row.enterprise_project_id,
    ownerId: row.owner_id,
    ownerName: row.owner_name,
    status: row.status as WorkspaceStatus,
    // While it is deleted: what that waits for.
    statusInfo: row.status === 'DELETING' ? row.progress : row.status_info,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
