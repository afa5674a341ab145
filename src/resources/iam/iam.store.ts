import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import type { Account, Agency, Project, SubjectKind, User } from './identity.ts';

export const iamMigrations = [
  sqlMigration('0001-iam', [
    'CREATE TABLE accounts (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL)',
    `CREATE TABLE projects (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL,
      UNIQUE (account_id, name))`,
    `CREATE TABLE users (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, is_root INTEGER NOT NULL,
      enabled INTEGER NOT NULL, description TEXT NOT NULL, password_hash TEXT, generation INTEGER NOT NULL,
      created_at INTEGER NOT NULL, failed_logins INTEGER NOT NULL, locked_until INTEGER,
      UNIQUE (account_id, name))`,
    `CREATE TABLE user_groups (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, description TEXT NOT NULL,
      created_at INTEGER NOT NULL, UNIQUE (account_id, name))`,
    `CREATE TABLE group_members (
      group_id TEXT NOT NULL REFERENCES user_groups(id) ON DELETE CASCADE,
      user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, PRIMARY KEY (group_id, user_id))`,
    'CREATE INDEX group_members_user ON group_members (user_id)',
    `CREATE TABLE custom_policies (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, display_name TEXT NOT NULL,
      description TEXT NOT NULL, type TEXT NOT NULL, document TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
      UNIQUE (account_id, display_name))`,
    `CREATE TABLE grants (
      subject_kind TEXT NOT NULL, subject_id TEXT NOT NULL, policy_id TEXT NOT NULL, scope TEXT NOT NULL,
      PRIMARY KEY (subject_kind, subject_id, policy_id, scope))`,
    `CREATE TABLE access_keys (
      access TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, secret_sealed TEXT NOT NULL,
      status TEXT NOT NULL, description TEXT NOT NULL, created_at INTEGER NOT NULL)`,
    'CREATE INDEX access_keys_user ON access_keys (user_id)',
    `CREATE TABLE agencies (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, description TEXT NOT NULL,
      trust TEXT NOT NULL, generation INTEGER NOT NULL, created_at INTEGER NOT NULL, UNIQUE (account_id, name))`,
    `CREATE TABLE temporary_keys (
      access TEXT PRIMARY KEY, secret_sealed TEXT NOT NULL, token_sealed TEXT NOT NULL, claims TEXT NOT NULL,
      expires_at INTEGER NOT NULL)`,
    'CREATE INDEX temporary_keys_expiry ON temporary_keys (expires_at)',
  ]),
];

interface UserRow {
  id: string;
  account_id: string;
  name: string;
  is_root: number;
  enabled: number;
  description: string;
  password_hash: string | null;
  generation: number;
  created_at: number;
  failed_logins: number;
  locked_until: number | null;
}

export interface GroupRow {
  id: string;
  account_id: string;
  name: string;
  description: string;
  created_at: number;
}

export interface PolicyRow {
  id: string;
  account_id: string;
  name: string;
  display_name: string;
  description: string;
  type: string;
  document: string;
  created_at: number;
  updated_at: number;
}

export interface AccessKeyRow {
  access: string;
  user_id: string;
  secret_sealed: string;
  status: string;
  description: string;
  created_at: number;
}

export interface TemporaryKeyRow {
  access: string;
  secret_sealed: string;
  token_sealed: string;
  claims: string;
  expires_at: number;
}

interface AgencyRow {
  id: string;
  account_id: string;
  name: string;
  description: string;
  trust: string;
  generation: number;
  created_at: number;
}

interface GrantRow {
  subject_kind: string;
  subject_id: string;
  policy_id: string;
  scope: string;
}

interface Tables {
  accounts: { id: string; name: string; enabled: number };
  projects: { id: string; account_id: string; name: string };
  users: UserRow;
  user_groups: GroupRow;
  group_members: { group_id: string; user_id: string };
  custom_policies: PolicyRow;
  grants: GrantRow;
  access_keys: AccessKeyRow;
  agencies: AgencyRow;
  temporary_keys: TemporaryKeyRow;
}

function queries(database: Database) {
  const db = tables<Tables>(database);
  const one = <T, R>(row: T | undefined, view: (row: T) => R): R | undefined => (row ? view(row) : undefined);
  return {
    // accounts and projects
    insertAccount: (account: Account) =>
      db
        .insertInto('accounts')
        .values({ ...account, enabled: account.enabled ? 1 : 0 })
        .execute(),
    account: async (id: string) =>
      one(await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst(), accountOf),
    accountByName: async (name: string) =>
      one(await db.selectFrom('accounts').selectAll().where('name', '=', name).executeTakeFirst(), accountOf),
    insertProject: (project: Project) =>
      db.insertInto('projects').values({ id: project.id, account_id: project.accountId, name: project.name }).execute(),
    project: async (id: string) =>
      one(await db.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst(), projectOf),
    projects: async (accountId: string): Promise<Project[]> =>
      (await db.selectFrom('projects').selectAll().where('account_id', '=', accountId).orderBy('name').execute()).map(
        projectOf,
      ),
    allProjects: async (): Promise<Project[]> => (await db.selectFrom('projects').selectAll().execute()).map(projectOf),

    // users
    insertUser: (user: User) => db.insertInto('users').values(userRow(user)).execute(),
    updateUser: (user: User) => db.updateTable('users').set(userRow(user)).where('id', '=', user.id).execute(),
    deleteUser: (id: string) => db.deleteFrom('users').where('id', '=', id).execute(),
    user: async (id: string) =>
      one(await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst(), userOf),
    userByName: async (accountId: string, name: string) =>
      one(
        await db
          .selectFrom('users')
          .selectAll()
          .where('account_id', '=', accountId)
          .where('name', '=', name)
          .executeTakeFirst(),
        userOf,
      ),
    users: async (accountId: string): Promise<User[]> =>
      (await db.selectFrom('users').selectAll().where('account_id', '=', accountId).orderBy('name').execute()).map(
        userOf,
      ),
    enabledUsers: async (): Promise<User[]> =>
      (await db.selectFrom('users').selectAll().where('enabled', '=', 1).execute()).map(userOf),

    // groups
    insertGroup: (row: GroupRow) => db.insertInto('user_groups').values(row).execute(),
    group: (id: string) => db.selectFrom('user_groups').selectAll().where('id', '=', id).executeTakeFirst(),
    groups: (accountId: string) =>
      db.selectFrom('user_groups').selectAll().where('account_id', '=', accountId).orderBy('name').execute(),
    deleteGroup: (id: string) => db.deleteFrom('user_groups').where('id', '=', id).execute(),
    addMember: (groupId: string, userId: string) =>
      db
        .insertInto('group_members')
        .values({ group_id: groupId, user_id: userId })
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    removeMember: (groupId: string, userId: string) =>
      db.deleteFrom('group_members').where('group_id', '=', groupId).where('user_id', '=', userId).execute(),
    groupsOf: async (userId: string): Promise<string[]> =>
      (await db.selectFrom('group_members').select('group_id').where('user_id', '=', userId).execute()).map(
        r => r.group_id,
      ),
    membersOf: async (groupId: string): Promise<User[]> =>
      (
        await db
          .selectFrom('users')
          .innerJoin('group_members', 'group_members.user_id', 'users.id')
          .selectAll('users')
          .where('group_members.group_id', '=', groupId)
          .execute()
      ).map(userOf),

    // policies and grants
    insertPolicy: (row: PolicyRow) => db.insertInto('custom_policies').values(row).execute(),
    updatePolicy: (id: string, patch: Partial<PolicyRow>) =>
      db.updateTable('custom_policies').set(patch).where('id', '=', id).execute(),
    deletePolicy: async (id: string) => {
      await db.deleteFrom('grants').where('policy_id', '=', id).execute();
      await db.deleteFrom('custom_policies').where('id', '=', id).execute();
    },
    policy: (id: string) => db.selectFrom('custom_policies').selectAll().where('id', '=', id).executeTakeFirst(),
    policies: (accountId: string) =>
      db
        .selectFrom('custom_policies')
        .selectAll()
        .where('account_id', '=', accountId)
        .orderBy('display_name')
        .execute(),
    addGrant: (row: GrantRow) =>
      db
        .insertInto('grants')
        .values(row)
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    removeGrant: (row: GrantRow) =>
      db
        .deleteFrom('grants')
        .where('subject_kind', '=', row.subject_kind)
        .where('subject_id', '=', row.subject_id)
        .where('policy_id', '=', row.policy_id)
        .where('scope', '=', row.scope)
        .execute(),
    grants: (kind: SubjectKind, ids: readonly string[]): Promise<GrantRow[]> =>
      ids.length === 0
        ? Promise.resolve([])
        : db.selectFrom('grants').selectAll().where('subject_kind', '=', kind).where('subject_id', 'in', ids).execute(),
    removeGrantsOf: (kind: SubjectKind, id: string) =>
      db.deleteFrom('grants').where('subject_kind', '=', kind).where('subject_id', '=', id).execute(),

    // access keys
    insertKey: (row: AccessKeyRow) => db.insertInto('access_keys').values(row).execute(),
    key: (access: string) => db.selectFrom('access_keys').selectAll().where('access', '=', access).executeTakeFirst(),
    keysOf: (userId: string) =>
      db.selectFrom('access_keys').selectAll().where('user_id', '=', userId).orderBy('created_at').execute(),
    updateKey: (access: string, patch: { status?: string; description?: string }) =>
      db.updateTable('access_keys').set(patch).where('access', '=', access).execute(),
    deleteKey: (access: string) => db.deleteFrom('access_keys').where('access', '=', access).execute(),

    // temporary keys
    insertTemporaryKey: (row: TemporaryKeyRow) => db.insertInto('temporary_keys').values(row).execute(),
    temporaryKey: (access: string) =>
      db.selectFrom('temporary_keys').selectAll().where('access', '=', access).executeTakeFirst(),
    purgeTemporaryKeys: (now: number) => db.deleteFrom('temporary_keys').where('expires_at', '<', now).execute(),

    // agencies
    insertAgency: (agency: Agency) => db.insertInto('agencies').values(agencyRow(agency)).execute(),
    updateAgency: (agency: Agency) =>
      db.updateTable('agencies').set(agencyRow(agency)).where('id', '=', agency.id).execute(),
    deleteAgency: async (id: string) => {
      await db.deleteFrom('grants').where('subject_kind', '=', 'agency').where('subject_id', '=', id).execute();
      await db.deleteFrom('agencies').where('id', '=', id).execute();
    },
    agency: async (id: string) =>
      one(await db.selectFrom('agencies').selectAll().where('id', '=', id).executeTakeFirst(), agencyOf),
    agencyByName: async (accountId: string, name: string) =>
      one(
        await db
          .selectFrom('agencies')
          .selectAll()
          .where('account_id', '=', accountId)
          .where('name', '=', name)
          .executeTakeFirst(),
        agencyOf,
      ),
    agencies: async (accountId: string): Promise<Agency[]> =>
      (await db.selectFrom('agencies').selectAll().where('account_id', '=', accountId).orderBy('name').execute()).map(
        agencyOf,
      ),
    allAgencies: async (): Promise<Agency[]> => (await db.selectFrom('agencies').selectAll().execute()).map(agencyOf),
  };
}

type IamRows = ReturnType<typeof queries>;

export interface IamStore extends IamRows {
  /** Runs `work` inside one transaction. */
  transaction<T>(work: (rows: IamRows) => Promise<T>): Promise<T>;
}

/** Queries of the identity tables. */
export function iamStore(database: Database): IamStore {
  return {
    ...queries(database),
    transaction: work => database.transaction().execute(trx => work(queries(trx))),
  };
}

function accountOf(row: Tables['accounts']): Account {
  return { id: row.id, name: row.name, enabled: row.enabled === 1 };
}

function projectOf(row: Tables['projects']): Project {
  return { id: row.id, accountId: row.account_id, name: row.name };
}

function userOf(row: UserRow): User {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    isRoot: row.is_root === 1,
    enabled: row.enabled === 1,
    description: row.description,
    passwordHash: row.password_hash,
    generation: row.generation,
    createdAt: row.created_at,
    failedLogins: row.failed_logins,
    lockedUntil: row.locked_until,
  };
}

function userRow(user: User): UserRow {
  return {
    id: user.id,
    account_id: user.accountId,
    name: user.name,
    is_root: user.isRoot ? 1 : 0,
    enabled: user.enabled ? 1 : 0,
    description: user.description,
    password_hash: user.passwordHash,
    generation: user.generation,
    created_at: user.createdAt,
    failed_logins: user.failedLogins,
    locked_until: user.lockedUntil,
  };
}

function agencyOf(row: AgencyRow): Agency {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    description: row.description,
    trust: row.trust,
    generation: row.generation,
    createdAt: row.created_at,
  };
}

function agencyRow(agency: Agency): AgencyRow {
  return {
    id: agency.id,
    account_id: agency.accountId,
    name: agency.name,
    description: agency.description,
    trust: agency.trust,
    generation: agency.generation,
    created_at: agency.createdAt,
  };
}
