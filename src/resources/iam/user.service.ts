import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { accessKeyId, hexId, randomText } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { seal } from '../../kernel/sealing.ts';
import { duplicate, invalid, lookAlike, missing, overLimit } from './iam.failures.ts';
import type { AccessKeyRow, GroupRow } from './iam.schema.ts';
import type { IamStore } from './iam.store.ts';
import {
  type AccessMode,
  type Contact,
  checkContact,
  LIMITS,
  newUser,
  passwordProblem,
  type User,
} from './identity.ts';
import type { LoginService } from './login.service.ts';
import { checkName, nameKey } from './names.ts';
import { hashPassword, KEY_CONTEXT, passwordMatches } from './secrets.ts';

export interface UserInput {
  name?: string | undefined;
  password?: string | undefined;
  enabled?: boolean | undefined;
  description?: string | undefined;
  accessMode?: AccessMode | undefined;
  /** The password must be changed at the first login. */
  mustChangePassword?: boolean | undefined;
  contact?: Contact | undefined;
}

/** Use cases of users, groups and permanent keys. `changed` is told of everything that alters who may do what. */
export function userService(deps: {
  store: IamStore;
  clock: Clock;
  dataKey: Buffer;
  logins: Pick<LoginService, 'isPasswordOf'>;
  changed: () => void;
}) {
  const { store, clock, dataKey, logins, changed } = deps;

  /** The user of that id in the account; those of others do not exist for it. */
  async function userOf(accountId: string, id: string, rows: Pick<IamStore, 'user'> = store): Promise<User> {
    const user = await rows.user(id);
    if (user?.accountId !== accountId) throw missing('user', id);
    return user;
  }

  async function groupOf(accountId: string, id: string): Promise<GroupRow> {
    const group = await store.group(id);
    if (group?.account_id !== accountId) throw missing('group', id);
    return group;
  }

  function checkPassword(password: string, owner: { name: string; contact: Contact }): void {
    const problem = passwordProblem(password, owner);
    if (problem) throw invalid(`The password is not accepted: ${problem}.`);
  }

  /** Whoever may administer users must not become the owner of the account by that. */
  function protectRoot(principal: Principal, user: User): void {
    if (!user.isRoot || principal.kind === 'root') return;
    throw new Failure({
      code: 'IAM.0003',
      status: 403,
      message: 'Only the root user itself may change the root user of an account and its access keys.',
    });
  }

  /** Throws Failure when the user had this password before. */
  async function checkNotReused(user: User, password: string): Promise<void> {
    for (const hash of [user.passwordHash, ...user.formerPasswords]) {
      if (hash !== null && (await passwordMatches(password, hash))) {
        throw invalid(
          `The password is not accepted: it is one of the last ${LIMITS.formerPasswords + 1} of this user.`,
        );
      }
    }
  }

  /** Changes a user; a new password, disabling, and another way to come in revoke every credential issued before. */
  async function change(accountId: string, id: string, input: UserInput): Promise<User> {
    const passwordHash = input.password === undefined ? undefined : await hashPassword(input.password);
    const next = await store.transaction(async rows => {
      const user = await userOf(accountId, id, rows);
      if (input.name !== undefined && input.name !== user.name) {
        if (user.isRoot) throw invalid('The root user of an account cannot be renamed.');
        await checkFree(rows, accountId, input.name, id);
      }
      if (user.isRoot && input.enabled === false) throw invalid('The root user of an account cannot be disabled.');
      if (user.isRoot && (input.accessMode ?? 'default') !== 'default') {
        throw invalid('The root user of an account comes in by password and by keys: its access mode stays default.');
      }
      if (input.contact) checkContact({ ...user.contact, ...input.contact });
      const { name, description, enabled, accessMode, mustChangePassword } = input;
      const revoke =
        passwordHash !== undefined || enabled === false || (accessMode ?? user.accessMode) !== user.accessMode;
      const former = user.passwordHash === null ? user.formerPasswords : [user.passwordHash, ...user.formerPasswords];
      await rows.updateUser(
        id,
        {
          ...(name === undefined ? {} : { name }),
          ...(description === undefined ? {} : { description }),
          ...(enabled === undefined ? {} : { enabled }),
          ...(accessMode === undefined ? {} : { accessMode }),
          ...(mustChangePassword === undefined ? {} : { mustChangePassword }),
          ...(input.contact === undefined ? {} : { contact: { ...user.contact, ...input.contact } }),
          ...(passwordHash === undefined
            ? {}
            : {
                passwordHash,
                formerPasswords: former.slice(0, LIMITS.formerPasswords),
                passwordChangedAt: clock.now(),
              }),
        },
        revoke,
      );
      return userOf(accountId, id, rows);
    });
    changed();
    return next;
  }

  /** Names that look the same would be taken for one another. */
  async function checkFree(
    rows: Pick<IamStore, 'users'>,
    accountId: string,
    name: string,
    except?: string,
  ): Promise<void> {
    const key = nameKey(name);
    const other = (await rows.users(accountId)).find(user => user.id !== except && nameKey(user.name) === key);
    if (other) throw other.name === name ? duplicate('user', name) : lookAlike('user', name, other.name);
  }

  /** The key of that id and its owner, who must be of the account. */
  async function keyOf(accountId: string, access: string): Promise<{ key: AccessKeyRow; owner: User }> {
    const key = await store.key(access);
    const owner = key && (await store.user(key.user_id));
    if (!key || owner?.accountId !== accountId) throw missing('access key', access);
    return { key, owner };
  }

  return {
    userOf,
    groupOf,
    keyOf,
    users: store.users,
    groups: store.groups,
    keysOf: store.keysOf,
    groupsOf: store.groupsOf,
    membersOf: store.membersOf,

    async createUser(accountId: string, input: UserInput & { name: string }): Promise<User> {
      checkName(input.name, 'user');
      if (input.contact) checkContact(input.contact);
      if (input.password !== undefined) {
        checkPassword(input.password, { name: input.name, contact: input.contact ?? {} });
      }
      const user: User = {
        ...newUser(accountId, input.name, clock.now()),
        enabled: input.enabled ?? true,
        description: input.description ?? '',
        accessMode: input.accessMode ?? 'default',
        mustChangePassword: input.mustChangePassword ?? false,
        contact: input.contact ?? {},
        passwordHash: input.password === undefined ? null : await hashPassword(input.password),
      };
      await store.transaction(async rows => {
        await checkFree(rows, accountId, input.name);
        const { length } = await rows.users(accountId);
        if (length >= LIMITS.users) throw overLimit('users', LIMITS.users, 'Delete users that nobody needs.');
        await rows.insertUser(user);
      });
      changed();
      return user;
    },

    async updateUser(principal: Principal, id: string, input: UserInput): Promise<User> {
      const user = await userOf(principal.accountId, id);
      protectRoot(principal, user);
      if (input.name !== undefined) checkName(input.name, 'user');
      if (input.password !== undefined) {
        checkPassword(input.password, {
          name: input.name ?? user.name,
          contact: { ...user.contact, ...input.contact },
        });
        await checkNotReused(user, input.password);
      }
      return change(principal.accountId, id, input);
    },

    async deleteUser(accountId: string, id: string): Promise<void> {
      const user = await userOf(accountId, id);
      if (user.isRoot) throw invalid('The root user of an account cannot be deleted.');
      await store.deleteUser(id);
      changed();
    },

    /** A user changes the own password; every token issued before is revoked. */
    async changePassword(principal: Principal, id: string, original: string, next: string): Promise<void> {
      const user = await userOf(principal.accountId, id);
      if (principal.kind === 'agency' || user.id !== principal.id) {
        throw new Failure({ code: 'IAM.0003', status: 403, message: 'Only the user may change this password.' });
      }
      checkPassword(next, user);
      if (original === next) throw invalid('The new password must differ from the original one.');
      if (!(await logins.isPasswordOf(user, original))) throw invalid('The original password is not right.');
      await checkNotReused(user, next);
      await change(principal.accountId, id, { password: next, mustChangePassword: false });
    },

    async createGroup(accountId: string, name: string, description: string): Promise<GroupRow> {
      checkName(name, 'group');
      const row: GroupRow = { id: hexId(), account_id: accountId, name, description, created_at: clock.now() };
      await store.transaction(async rows => {
        const existing = await rows.groups(accountId);
        if (existing.some(group => group.name === name)) throw duplicate('group', name);
        if (existing.length >= LIMITS.groups)
          throw overLimit('groups', LIMITS.groups, 'Delete groups that nobody needs.');
        await rows.insertGroup(row);
      });
      return row;
    },

    async updateGroup(
      accountId: string,
      id: string,
      input: { name?: string | undefined; description?: string | undefined },
    ): Promise<GroupRow> {
      const group = await groupOf(accountId, id);
      const next = { name: input.name ?? group.name, description: input.description ?? group.description };
      checkName(next.name, 'group');
      await store.transaction(async rows => {
        const taken = (await rows.groups(accountId)).some(item => item.name === next.name && item.id !== id);
        if (taken) throw duplicate('group', next.name);
        await rows.updateGroup(id, next);
      });
      return { ...group, ...next };
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

    /** A new permanent key with its secret, which is told this once. At most two per user. */
    async createKey(
      principal: Principal,
      userId: string,
      description: string,
    ): Promise<AccessKeyRow & { secret: string }> {
      const user = await userOf(principal.accountId, userId);
      protectRoot(principal, user);
      if (user.accessMode === 'console') {
        throw new Failure({
          code: 'IAM.0003',
          status: 403,
          message: `The user ${user.name} comes in by password alone (access_mode console) and has no access keys.`,
          solution: 'Set access_mode to default or programmatic: PUT /v3.0/OS-USER/users/{user_id}.',
        });
      }
      const made = newKey(dataKey, user.id, description, clock.now());
      await store.transaction(async rows => {
        if ((await rows.keysOf(user.id)).length >= LIMITS.keysPerUser) {
          throw overLimit('permanent access keys per user', LIMITS.keysPerUser, 'Delete one of them first.');
        }
        await rows.insertKey(made.row);
      });
      changed();
      return { ...made.row, secret: made.secret };
    },

    async updateKey(
      principal: Principal,
      access: string,
      patch: { status?: string | undefined; description?: string | undefined },
    ): Promise<AccessKeyRow> {
      const { key, owner } = await keyOf(principal.accountId, access);
      protectRoot(principal, owner);
      const next = { status: patch.status ?? key.status, description: patch.description ?? key.description };
      await store.updateKey(access, next);
      changed();
      return { ...key, ...next };
    },

    async deleteKey(principal: Principal, access: string): Promise<void> {
      const { owner } = await keyOf(principal.accountId, access);
      protectRoot(principal, owner);
      await store.deleteKey(access);
      changed();
    },
  };
}

/** A permanent key as it is stored, and its secret. */
export function newKey(
  dataKey: Buffer,
  userId: string,
  description: string,
  now: number,
): { row: AccessKeyRow; secret: string } {
  const access = accessKeyId();
  const secret = randomText(40);
  const row: AccessKeyRow = {
    access,
    user_id: userId,
    secret_sealed: seal(dataKey, secret, KEY_CONTEXT + access),
    status: 'active',
    description,
    created_at: now,
  };
  return { row, secret };
}

export type UserService = ReturnType<typeof userService>;
