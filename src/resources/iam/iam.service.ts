import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { accessKeyId, hexId, randomText } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { commonUserPolicies, findSystemPolicy, parsePolicy, systemPolicies } from '../../policy/index.ts';
import { duplicate, invalid, missing, overLimit } from './iam.failures.ts';
import type { IamSessions } from './iam.sessions.ts';
import type { AccessKeyRow, GroupRow, IamStore, PolicyRow } from './iam.store.ts';
import {
  type Account,
  type Agency,
  afterWrongPassword,
  type GrantScope,
  LIMITS,
  type Project,
  passwordProblem,
  type SubjectKind,
  scopeText,
  type User,
} from './identity.ts';
import { hashPassword, passwordMatches, seal } from './secrets.ts';

const KEY_CONTEXT = 'access-key:';

/** Use cases of users, groups, policies, keys and agencies. `changed` is told of everything that alters who may do what. */
export function iamService(deps: {
  store: IamStore;
  clock: Clock;
  dataKey: Buffer;
  sessions: IamSessions;
  changed: () => void;
}) {
  const { store, clock, dataKey, sessions, changed } = deps;

  function checkName(name: string, what: string): void {
    if (!/^[\w.\- ]{1,64}$/.test(name)) {
      throw invalid(`The ${what} name must have 1 to ${LIMITS.nameLength} letters, digits, blanks or _ . -`);
    }
  }

  /** The user of that id in the caller's own account; others do not exist for it. */
  async function userOf(accountId: string, id: string): Promise<User> {
    const user = await store.user(id);
    if (user?.accountId !== accountId) throw missing('user', id);
    return user;
  }

  async function groupOf(accountId: string, id: string): Promise<GroupRow> {
    const group = await store.group(id);
    if (group?.account_id !== accountId) throw missing('group', id);
    return group;
  }

  async function agencyOf(accountId: string, id: string): Promise<Agency> {
    const agency = await store.agency(id);
    if (agency?.accountId !== accountId) throw missing('agency', id);
    return agency;
  }

  async function policyOf(accountId: string, id: string): Promise<PolicyRow> {
    const policy = await store.policy(id);
    if (policy?.account_id !== accountId) throw missing('policy', id);
    return policy;
  }

  async function createUser(
    accountId: string,
    input: {
      name: string;
      password?: string | undefined;
      enabled?: boolean | undefined;
      description?: string | undefined;
    },
  ): Promise<User> {
    checkName(input.name, 'user');
    if (input.password !== undefined) checkPassword(input.password, input.name);
    const user: User = {
      id: hexId(),
      accountId,
      name: input.name,
      isRoot: false,
      enabled: input.enabled ?? true,
      description: input.description ?? '',
      passwordHash: input.password === undefined ? null : await hashPassword(input.password),
      generation: 1,
      createdAt: clock.now(),
      failedLogins: 0,
      lockedUntil: null,
    };
    await store.transaction(async rows => {
      if (await rows.userByName(accountId, input.name)) throw duplicate('user', input.name);
      await rows.insertUser(user);
    });
    changed();
    return user;
  }

  function checkPassword(password: string, userName: string): void {
    const problem = passwordProblem(password, userName);
    if (problem) throw invalid(`The password is not accepted: ${problem}.`);
  }

  async function updateUser(
    accountId: string,
    id: string,
    input: {
      name?: string | undefined;
      password?: string | undefined;
      enabled?: boolean | undefined;
      description?: string | undefined;
    },
  ): Promise<User> {
    const user = await userOf(accountId, id);
    if (user.isRoot && (input.enabled === false || (input.name !== undefined && input.name !== user.name))) {
      throw invalid('The root user of an account cannot be disabled or renamed.');
    }
    if (input.name !== undefined) checkName(input.name, 'user');
    if (input.password !== undefined) checkPassword(input.password, input.name ?? user.name);
    const revokes = input.password !== undefined || input.enabled === false;
    const next: User = {
      ...user,
      name: input.name ?? user.name,
      enabled: input.enabled ?? user.enabled,
      description: input.description ?? user.description,
      passwordHash: input.password === undefined ? user.passwordHash : await hashPassword(input.password),
      generation: user.generation + (revokes ? 1 : 0),
    };
    await store.updateUser(next);
    changed();
    return next;
  }

  async function createKey(user: User, description: string): Promise<AccessKeyRow & { secret: string }> {
    const access = accessKeyId();
    const secret = randomText(40);
    const row: AccessKeyRow = {
      access,
      user_id: user.id,
      secret_sealed: seal(dataKey, secret, KEY_CONTEXT + access),
      status: 'active',
      description,
      created_at: clock.now(),
    };
    await store.transaction(async rows => {
      if ((await rows.keysOf(user.id)).length >= LIMITS.keysPerUser) {
        throw overLimit('permanent access keys per user', LIMITS.keysPerUser, 'Delete one of them first.');
      }
      await rows.insertKey(row);
    });
    return { ...row, secret };
  }

  /** The key of that id, if it belongs to a user of the account. */
  async function keyOf(accountId: string, access: string): Promise<AccessKeyRow> {
    const key = await store.key(access);
    const owner = key && (await store.user(key.user_id));
    if (!key || owner?.accountId !== accountId) throw missing('access key', access);
    return key;
  }

  async function createAgency(input: {
    accountId: string;
    name: string;
    description?: string | undefined;
    trust: string;
    policies: readonly string[];
  }): Promise<Agency> {
    checkName(input.name, 'agency');
    const policies = input.policies.map(name => {
      const policy = findSystemPolicy(name);
      if (!policy) throw missing('policy', name);
      return policy.id;
    });
    const agency: Agency = {
      id: hexId(),
      accountId: input.accountId,
      name: input.name,
      description: input.description ?? '',
      trust: input.trust,
      generation: 1,
      createdAt: clock.now(),
    };
    await store.transaction(async rows => {
      if (await rows.agencyByName(input.accountId, input.name)) throw duplicate('agency', input.name);
      if ((await rows.agencies(input.accountId)).length >= LIMITS.agencies) {
        throw overLimit('agencies', LIMITS.agencies, 'Delete agencies that nobody uses.');
      }
      await rows.insertAgency(agency);
      for (const policyId of policies) {
        await rows.addGrant({ subject_kind: 'agency', subject_id: agency.id, policy_id: policyId, scope: 'inherited' });
      }
    });
    changed();
    return agency;
  }

  async function checkSubject(accountId: string, kind: SubjectKind, id: string): Promise<void> {
    if (kind === 'agency') await agencyOf(accountId, id);
    else await groupOf(accountId, id);
  }

  async function checkPolicyId(accountId: string, id: string): Promise<void> {
    if (!findSystemPolicy(id)) await policyOf(accountId, id);
  }

  async function checkScope(accountId: string, scope: GrantScope): Promise<void> {
    if (typeof scope === 'string') return;
    const project = await store.project(scope.projectId);
    if (project?.accountId !== accountId) throw missing('project', scope.projectId);
  }

  return {
    userOf,
    groupOf,
    agencyOf,
    policyOf,
    keyOf,
    createUser,
    updateUser,
    createKey,
    createAgency,
    users: store.users,
    groups: store.groups,
    agencies: store.agencies,
    policies: store.policies,
    projects: store.projects,
    keysOf: store.keysOf,
    groupsOf: store.groupsOf,
    membersOf: store.membersOf,

    async deleteUser(accountId: string, id: string): Promise<void> {
      const user = await userOf(accountId, id);
      if (user.isRoot) throw invalid('The root user of an account cannot be deleted.');
      await store.deleteUser(id);
      changed();
    },

    /** A user changes the own password; every token issued before is revoked. */
    async changePassword(principal: Principal, id: string, original: string, next: string): Promise<void> {
      const user = await userOf(principal.accountId, id);
      if (user.id !== principal.id)
        throw new Failure({ code: 'IAM.0003', status: 403, message: 'Only the user may change this password.' });
      if (!(await passwordMatches(original, user.passwordHash))) throw invalid('The original password is not right.');
      await updateUser(principal.accountId, id, { password: next });
    },

    /** The user with this name and password. The answer to a wrong name and a wrong password is the same. */
    async login(input: {
      accountId?: string;
      accountName?: string;
      userId?: string;
      userName?: string;
      password: string;
    }): Promise<{ user: User; account: Account }> {
      const wrong = new Failure({ code: 'IAM.0001', status: 401, message: 'The username or password is wrong.' });
      const byId = input.userId ? await store.user(input.userId) : undefined;
      const account = byId
        ? await store.account(byId.accountId)
        : input.accountId
          ? await store.account(input.accountId)
          : await store.accountByName(input.accountName ?? '');
      const user = byId ?? (account && input.userName ? await store.userByName(account.id, input.userName) : undefined);
      const locked = user?.lockedUntil != null && user.lockedUntil > clock.now();
      const good = await passwordMatches(input.password, user?.passwordHash ?? null);
      if (!user || !account?.enabled) throw wrong;
      if (locked) {
        throw new Failure({
          code: 'IAM.0101',
          status: 401,
          message: 'The user is locked after too many failed logins.',
          solution: 'Try again in 15 minutes.',
        });
      }
      if (!good) {
        await store.updateUser({ ...user, ...afterWrongPassword(user, clock.now()) });
        throw wrong;
      }
      if (!user.enabled) throw new Failure({ code: 'IAM.0002', status: 401, message: 'The user is disabled.' });
      if (user.failedLogins > 0 || user.lockedUntil !== null) {
        await store.updateUser({ ...user, failedLogins: 0, lockedUntil: null });
      }
      return { user, account };
    },

    /** The principal of an agency as another principal assumes it. Trust decides; who may not, learns nothing. */
    async assume(
      caller: Principal,
      input: { accountId?: string; accountName?: string; agencyName: string },
    ): Promise<Principal> {
      const account = input.accountId
        ? await store.account(input.accountId)
        : await store.accountByName(input.accountName ?? '');
      const agency = account && (await store.agencyByName(account.id, input.agencyName));
      if (!account?.enabled || agency?.trust !== caller.accountId) throw missing('agency', input.agencyName);
      return {
        kind: 'agency',
        id: agency.id,
        name: agency.name,
        accountId: account.id,
        accountName: account.name,
        credential: 'token',
        onBehalfOf: { id: caller.id, name: caller.name },
      };
    },

    async createGroup(accountId: string, name: string, description: string): Promise<GroupRow> {
      checkName(name, 'group');
      const row: GroupRow = { id: hexId(), account_id: accountId, name, description, created_at: clock.now() };
      await store.transaction(async rows => {
        if ((await rows.groups(accountId)).some(group => group.name === name)) throw duplicate('group', name);
        await rows.insertGroup(row);
      });
      return row;
    },

    async deleteGroup(accountId: string, id: string): Promise<void> {
      await groupOf(accountId, id);
      await store.transaction(async rows => {
        await rows.removeGrantsOf('group', id);
        await rows.deleteGroup(id);
      });
      changed();
    },

    async setMember(accountId: string, groupId: string, userId: string, member: boolean): Promise<void> {
      await groupOf(accountId, groupId);
      await userOf(accountId, userId);
      await (member ? store.addMember(groupId, userId) : store.removeMember(groupId, userId));
      changed();
    },

    async updateKey(
      accountId: string,
      access: string,
      patch: { status?: string | undefined; description?: string | undefined },
    ): Promise<AccessKeyRow> {
      const key = await keyOf(accountId, access);
      const next = { status: patch.status ?? key.status, description: patch.description ?? key.description };
      await store.updateKey(access, next);
      changed();
      return { ...key, ...next };
    },

    async deleteKey(accountId: string, access: string): Promise<void> {
      await keyOf(accountId, access);
      await store.deleteKey(access);
      changed();
    },

    async createPolicy(
      accountId: string,
      input: { displayName: string; description: string; type: string; document: unknown },
    ): Promise<PolicyRow> {
      checkName(input.displayName, 'policy');
      parsePolicy(input.document, { kind: 'custom' });
      const now = clock.now();
      const id = hexId();
      const row: PolicyRow = {
        id,
        account_id: accountId,
        name: `custom_${id}`,
        display_name: input.displayName,
        description: input.description,
        type: input.type,
        document: JSON.stringify(input.document),
        created_at: now,
        updated_at: now,
      };
      await store.transaction(async rows => {
        if ((await rows.policies(accountId)).some(policy => policy.display_name === input.displayName)) {
          throw duplicate('policy', input.displayName);
        }
        await rows.insertPolicy(row);
      });
      return row;
    },

    async updatePolicy(
      accountId: string,
      id: string,
      input: { displayName: string; description: string; type: string; document: unknown },
    ): Promise<PolicyRow> {
      const policy = await policyOf(accountId, id);
      parsePolicy(input.document, { kind: 'custom' });
      const patch = {
        display_name: input.displayName,
        description: input.description,
        type: input.type,
        document: JSON.stringify(input.document),
        updated_at: clock.now(),
      };
      await store.updatePolicy(id, patch);
      changed();
      return { ...policy, ...patch };
    },

    async deletePolicy(accountId: string, id: string): Promise<void> {
      await policyOf(accountId, id);
      await store.transaction(rows => rows.deletePolicy(id));
      changed();
    },

    /** Ids of the policies a subject holds in a scope. */
    async grantsOf(accountId: string, kind: SubjectKind, id: string, scope: GrantScope): Promise<string[]> {
      await checkSubject(accountId, kind, id);
      return (await store.grants(kind, [id]))
        .filter(grant => grant.scope === scopeText(scope))
        .map(grant => grant.policy_id);
    },

    async setGrant(
      accountId: string,
      kind: SubjectKind,
      id: string,
      policyId: string,
      scope: GrantScope,
      granted: boolean,
    ): Promise<void> {
      await checkSubject(accountId, kind, id);
      await checkPolicyId(accountId, policyId);
      await checkScope(accountId, scope);
      const row = { subject_kind: kind, subject_id: id, policy_id: policyId, scope: scopeText(scope) };
      await (granted ? store.addGrant(row) : store.removeGrant(row));
      changed();
    },

    async updateAgency(
      accountId: string,
      id: string,
      input: { description?: string | undefined; trust?: string | undefined },
    ): Promise<Agency> {
      const agency = await agencyOf(accountId, id);
      const next = {
        ...agency,
        description: input.description ?? agency.description,
        trust: input.trust ?? agency.trust,
      };
      await store.updateAgency({
        ...next,
        generation: next.trust === agency.trust ? agency.generation : agency.generation + 1,
      });
      changed();
      return next;
    },

    async deleteAgency(accountId: string, id: string): Promise<void> {
      await agencyOf(accountId, id);
      await store.transaction(rows => rows.deleteAgency(id));
      changed();
    },

    /** Account, project of the region and root user with one access key; harmless when they exist. */
    async ensureRootAccount(
      input: { account: string; password: string; resetCredentials?: boolean },
      region: string,
    ): Promise<{
      created: boolean;
      accountId: string;
      userId: string;
      projectId: string;
      accessKey?: string;
      secretKey?: string;
    }> {
      const existing = await store.accountByName(input.account);
      const passwordHash = existing && !input.resetCredentials ? null : await hashPassword(input.password);
      const access = accessKeyId();
      const secret = randomText(40);
      return store.transaction(async rows => {
        const account: Account = existing ?? { id: hexId(), name: input.account, enabled: true };
        if (!existing) await rows.insertAccount(account);
        let project: Project | undefined = (await rows.projects(account.id)).find(item => item.name === region);
        if (!project) {
          project = { id: hexId(), accountId: account.id, name: region };
          await rows.insertProject(project);
        }
        let user = await rows.userByName(account.id, input.account);
        if (!user) {
          user = {
            id: hexId(),
            accountId: account.id,
            name: input.account,
            isRoot: true,
            enabled: true,
            description: 'Root user of the account',
            passwordHash,
            generation: 1,
            createdAt: clock.now(),
            failedLogins: 0,
            lockedUntil: null,
          };
          await rows.insertUser(user);
        } else if (input.resetCredentials) {
          await rows.updateUser({
            ...user,
            passwordHash,
            generation: user.generation + 1,
            failedLogins: 0,
            lockedUntil: null,
          });
          for (const key of await rows.keysOf(user.id)) await rows.deleteKey(key.access);
        }
        const ids = { created: !existing, accountId: account.id, userId: user.id, projectId: project.id };
        if (existing && !input.resetCredentials) return ids;
        await rows.insertKey({
          access,
          user_id: user.id,
          secret_sealed: seal(dataKey, secret, KEY_CONTEXT + access),
          status: 'active',
          description: 'Made at first start',
          created_at: clock.now(),
        });
        return { ...ids, accessKey: access, secretKey: secret };
      });
    },

    /** Everything a role list shows: system-defined policies and roles, then the account's own. */
    async allPolicies(accountId: string) {
      return { system: systemPolicies, custom: await store.policies(accountId) };
    },

    commonUserPolicies,
    issueTemporaryKey: sessions.issueTemporaryKey,
  };
}

export type IamService = ReturnType<typeof iamService>;
