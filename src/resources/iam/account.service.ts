import type { Clock } from '../../kernel/clock.ts';
import { hexId, randomText } from '../../kernel/ids.ts';
import { duplicate, invalid, lookAlike, missing, overLimit } from './iam.failures.ts';
import type { IamStore } from './iam.store.ts';
import { type Account, type AuthMode, LIMITS, newUser, type Project } from './identity.ts';
import { nameKey } from './names.ts';
import { hashPassword } from './secrets.ts';
import { newKey } from './user.service.ts';

export interface RootAccount {
  /** False when the account was there before. */
  created: boolean;
  accountId: string;
  userId: string;
  projectId: string;
  /** Present when the account was created, or its credentials were reset. */
  accessKey?: string;
  secretKey?: string;
}

const ACCOUNT_NAME = /^[A-Za-z][A-Za-z0-9_-]{2,63}$/;

/** Use cases of accounts and their projects. `changed` is told of everything that alters who may do what. */
export function accountService(deps: {
  store: IamStore;
  clock: Clock;
  dataKey: Buffer;
  region: string;
  changed: () => void;
}) {
  const { store, clock, dataKey, region, changed } = deps;

  async function accountOf(id: string): Promise<Account> {
    const account = await store.account(id);
    if (!account) throw missing('account', id);
    return account;
  }

  async function projectOf(accountId: string, id: string): Promise<Project> {
    const project = await store.project(id);
    if (project?.accountId !== accountId) throw missing('project', id);
    return project;
  }

  function checkProjectName(name: string): void {
    const prefix = `${region}_`;
    if (name.startsWith(prefix) && /^[\w-]+$/.test(name) && name.length <= 64 && name.length > prefix.length) return;
    throw invalid(
      `Field [project.name] must be ${prefix} followed by letters, digits, _ or -, at most 64 characters: this installation has the one region ${region}.`,
    );
  }

  /**
   * Account, project of the region and root user with one access key; harmless when they exist. `resetCredentials` gives the root
   * user this password and one new key in place of all it had.
   */
  async function ensureRootAccount(input: {
    account: string;
    password: string;
    description?: string;
    resetCredentials?: boolean;
  }): Promise<RootAccount> {
    const existing = await store.accountByName(input.account);
    const fresh = !existing || input.resetCredentials === true;
    const passwordHash = fresh ? await hashPassword(input.password) : null;
    const now = clock.now();
    const made = await store.transaction(async rows => {
      const account: Account = existing ?? {
        id: hexId(),
        name: input.account,
        enabled: true,
        authMode: 'strict',
        description: input.description ?? '',
        createdAt: now,
      };
      if (!existing) await rows.insertAccount(account);
      let project = (await rows.projects(account.id)).find(item => item.name === region);
      if (!project) {
        project = { id: hexId(), accountId: account.id, name: region, description: '', status: 'normal' };
        await rows.insertProject(project);
      }
      let user = (await rows.users(account.id)).find(item => item.isRoot);
      if (!user) {
        user = {
          ...newUser(account.id, input.account, now),
          isRoot: true,
          description: 'Root user of the account',
          passwordHash,
        };
        await rows.insertUser(user);
      } else if (fresh) {
        await rows.updateUser(user.id, { passwordHash, mustChangePassword: false }, true);
        for (const key of await rows.keysOf(user.id)) await rows.deleteKey(key.access);
      }
      const ids = { created: !existing, accountId: account.id, userId: user.id, projectId: project.id };
      if (!fresh) return ids;
      const { row, secret } = newKey(dataKey, user.id, 'Made by the platform', now);
      await rows.insertKey(row);
      return { ...ids, accessKey: row.access, secretKey: secret };
    });
    changed();
    return made;
  }

  return {
    accountOf,
    account: store.account,
    accountByName: store.accountByName,
    accounts: store.accounts,
    projects: store.projects,
    projectOf,
    ensureRootAccount,

    /** A further account, for the operator, with its root user's password and first key, which are told this once. */
    async createAccount(name: string, description: string): Promise<RootAccount & { password: string }> {
      if (!ACCOUNT_NAME.test(name)) {
        throw invalid('Field [domain.name] must have 3 to 64 letters, digits, _ or -, the first a letter.');
      }
      const key = nameKey(name);
      const other = (await store.accounts()).find(account => nameKey(account.name) === key);
      if (other) throw other.name === name ? duplicate('account', name) : lookAlike('account', name, other.name);
      const password = newPassword();
      return { ...(await ensureRootAccount({ account: name, password, description })), password };
    },

    /** Gives the root user of an account a new password and one new key in place of all it had. */
    async resetRoot(id: string): Promise<RootAccount & { password: string }> {
      const { name } = await accountOf(id);
      const password = newPassword();
      return { ...(await ensureRootAccount({ account: name, password, resetCredentials: true })), password };
    },

    /**
     * Disabling an account ends every token and temporary key of it for good, and stops passwords and permanent keys until it is enabled
     * again; what runs in it runs on.
     */
    async updateAccount(
      id: string,
      patch: { name?: string | undefined; enabled?: boolean | undefined; description?: string | undefined },
    ): Promise<Account> {
      const before = await accountOf(id);
      if (patch.name !== undefined && patch.name !== before.name) {
        throw invalid('Field [domain.name] cannot be changed: agencies and clients of others go by it.');
      }
      await store.transaction(async rows => {
        await rows.updateAccount(id, {
          ...(patch.enabled === undefined ? {} : { enabled: patch.enabled }),
          ...(patch.description === undefined ? {} : { description: patch.description }),
        });
        if (patch.enabled === false) await rows.revokeAccount(id);
      });
      changed();
      return accountOf(id);
    },

    async setAuthMode(id: string, authMode: AuthMode): Promise<void> {
      await store.updateAccount(id, { authMode });
      changed();
    },

    /** A subproject of the region; official clients look for the project named like the region, which always exists. */
    async createProject(accountId: string, name: string, description: string): Promise<Project> {
      checkProjectName(name);
      const project: Project = { id: hexId(), accountId, name, description, status: 'normal' };
      await store.transaction(async rows => {
        const existing = await rows.projects(accountId);
        if (existing.some(item => item.name === name)) throw duplicate('project', name);
        if (existing.length >= LIMITS.projects) throw overLimit('projects', LIMITS.projects, 'Use an existing one.');
        await rows.insertProject(project);
      });
      changed();
      return project;
    },

    async updateProject(
      accountId: string,
      id: string,
      patch: Partial<Pick<Project, 'name' | 'description' | 'status'>>,
    ): Promise<Project> {
      const project = await projectOf(accountId, id);
      if (project.name === region && (patch.name ?? region) !== region) {
        throw invalid(`The project ${region} cannot be renamed: official clients find it by the name of the region.`);
      }
      if (patch.name !== undefined && patch.name !== project.name) checkProjectName(patch.name);
      await store.transaction(async rows => {
        const taken = (await rows.projects(accountId)).some(item => item.name === patch.name && item.id !== id);
        if (taken) throw duplicate('project', patch.name!);
        await rows.updateProject(id, patch);
      });
      changed();
      return projectOf(accountId, id);
    },
  };
}

/** A password that meets the rules whatever comes out of the dice. */
function newPassword(): string {
  return `${randomText(20)}-${randomText(4)}9z`;
}

export type AccountService = ReturnType<typeof accountService>;
