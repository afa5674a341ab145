import { type Database, tables } from '../../store-kit/index.ts';
import type {
  AccessKeyRow,
  AgencyRow,
  GrantRow,
  GroupRow,
  PolicyRow,
  Tables,
  TemporaryKeyRow,
  UserRow,
} from './iam.schema.ts';
import type { Account, Agency, LoginFailures, Project, SubjectKind, User } from './identity.ts';

type UserPatch = Partial<
  Pick<
    User,
    | 'name'
    | 'description'
    | 'enabled'
    | 'passwordHash'
    | 'accessMode'
    | 'mustChangePassword'
    | 'contact'
    | 'formerPasswords'
    | 'passwordChangedAt'
  >
>;
type AgencyPatch = Partial<Pick<Agency, 'description' | 'trust' | 'duration' | 'expiresAt'>>;

function queries(database: Database) {
  const db = tables<Tables>(database);
  const one = <T, R>(row: T | undefined, view: (row: T) => R): R | undefined => (row ? view(row) : undefined);
  return {
    // accounts and projects
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

    // users
    insertUser: (user: User) => db.insertInto('users').values(userRow(user)).execute(),
    /** Changes the members given and no others; `revoke` ends every credential issued before. */
    updateUser: (id: string, patch: UserPatch, revoke: boolean) =>
      db
        .updateTable('users')
        .set(eb => ({
          ...(patch.name === undefined ? {} : { name: patch.name }),
          ...(patch.description === undefined ? {} : { description: patch.description }),
          ...(patch.enabled === undefined ? {} : { enabled: patch.enabled ? 1 : 0 }),
          ...(patch.passwordHash === undefined ? {} : { password_hash: patch.passwordHash }),
          ...(patch.accessMode === undefined ? {} : { access_mode: patch.accessMode }),
          ...(patch.mustChangePassword === undefined ? {} : { must_change_password: patch.mustChangePassword ? 1 : 0 }),
          ...(patch.contact === undefined ? {} : { contact: JSON.stringify(patch.contact) }),
          ...(patch.formerPasswords === undefined ? {} : { former_passwords: JSON.stringify(patch.formerPasswords) }),
          ...(patch.passwordChangedAt === undefined ? {} : { password_changed_at: patch.passwordChangedAt }),
          generation: eb('generation', '+', revoke ? 1 : 0),
        }))
        .where('id', '=', id)
        .execute(),
    noteLogin: (id: string, at: number) =>
      db.updateTable('users').set({ last_login_at: at }).where('id', '=', id).execute(),
    deleteUser: async (id: string) => {
      await db.deleteFrom('grants').where('subject_kind', '=', 'user').where('subject_id', '=', id).execute();
      await db.deleteFrom('users').where('id', '=', id).execute();
    },
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

    // failed logins
    loginFailures: async (nameHash: string): Promise<LoginFailures | undefined> => {
      const row = await db
        .selectFrom('login_failures')
        .selectAll()
        .where('name_hash', '=', nameHash)
        .executeTakeFirst();
      return row && { count: row.count, since: row.since, lockedUntil: row.locked_until };
    },
    setLoginFailures: (nameHash: string, failures: LoginFailures) => {
      const values = { count: failures.count, since: failures.since, locked_until: failures.lockedUntil };
      return db
        .insertInto('login_failures')
        .values({ name_hash: nameHash, ...values })
        .onConflict(conflict => conflict.column('name_hash').doUpdateSet(values))
        .execute();
    },
    clearLoginFailures: (nameHash: string) =>
      db.deleteFrom('login_failures').where('name_hash', '=', nameHash).execute(),
    purgeLoginFailures: (before: number) =>
      db
        .deleteFrom('login_failures')
        .where('since', '<', before)
        .where(eb => eb.or([eb('locked_until', 'is', null), eb('locked_until', '<', before)]))
        .execute(),

    // groups
    insertGroup: (row: GroupRow) => db.insertInto('user_groups').values(row).execute(),
    group: (id: string) => db.selectFrom('user_groups').selectAll().where('id', '=', id).executeTakeFirst(),
    groups: (accountId: string) =>
      db.selectFrom('user_groups').selectAll().where('account_id', '=', accountId).orderBy('name').execute(),
    updateGroup: (id: string, patch: { name?: string; description?: string }) =>
      db.updateTable('user_groups').set(patch).where('id', '=', id).execute(),
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
    /** The groups of every user that is in one. */
    memberships: async (): Promise<Map<string, string[]>> => {
      const groups = new Map<string, string[]>();
      for (const row of await db.selectFrom('group_members').selectAll().orderBy('group_id').execute()) {
        const of = groups.get(row.user_id) ?? [];
        of.push(row.group_id);
        groups.set(row.user_id, of);
      }
      return groups;
    },
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
    /** All grants in an enterprise project, or all of some subjects. */
    grantsInScope: (scope: string): Promise<GrantRow[]> =>
      db.selectFrom('grants').selectAll().where('scope', '=', scope).execute(),
    /** Users who have grants of their own beside those of their groups. */
    usersWithGrants: async (): Promise<Set<string>> => {
      const rows = await db
        .selectFrom('grants')
        .select('subject_id')
        .distinct()
        .where('subject_kind', '=', 'user')
        .execute();
      return new Set(rows.map(row => row.subject_id));
    },
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
    /** Changes the members given and no others; `revoke` ends every credential issued before. */
    updateAgency: (id: string, patch: AgencyPatch, revoke: boolean) =>
      db
        .updateTable('agencies')
        .set(eb => ({
          ...(patch.description === undefined ? {} : { description: patch.description }),
          ...(patch.trust === undefined ? {} : { trust: patch.trust }),
          ...(patch.duration === undefined ? {} : { duration: patch.duration }),
          ...(patch.expiresAt === undefined ? {} : { expires_at: patch.expiresAt }),
          generation: eb('generation', '+', revoke ? 1 : 0),
        }))
        .where('id', '=', id)
        .execute(),
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
    accessMode: row.access_mode as User['accessMode'],
    mustChangePassword: row.must_change_password === 1,
    contact: JSON.parse(row.contact) as User['contact'],
    formerPasswords: JSON.parse(row.former_passwords) as string[],
    passwordChangedAt: row.password_changed_at,
    lastLoginAt: row.last_login_at,
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
    access_mode: user.accessMode,
    must_change_password: user.mustChangePassword ? 1 : 0,
    contact: JSON.stringify(user.contact),
    former_passwords: JSON.stringify(user.formerPasswords),
    password_changed_at: user.passwordChangedAt,
    last_login_at: user.lastLoginAt,
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
    duration: row.duration,
    expiresAt: row.expires_at,
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
    duration: agency.duration,
    expires_at: agency.expiresAt,
  };
}
