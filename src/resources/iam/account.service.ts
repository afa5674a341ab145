import type { Clock } from '../../kernel/clock.ts';
import { hexId } from '../../kernel/ids.ts';
import { duplicate, invalid, missing, overLimit } from './iam.failures.ts';
import type { IamStore } from './iam.store.ts';
import { type Account, LIMITS, type Project } from './identity.ts';
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

/** Use cases of accounts and their projects. */
export function accountService(deps: {
  store: IamStore;
  clock: Clock;
  dataKey: Buffer;
  region: string;
  changed: () => void;
}) {
  const { store, clock, dataKey, region, changed } = deps;

  return {
    account: store.account,
    accountByName: store.accountByName,
    projects: store.projects,

    async projectOf(accountId: string, id: string): Promise<Project> {
      const project = await store.project(id);
      if (project?.accountId !== accountId) throw missing('project', id);
      return project;
    },

    /** A subproject of the region; official clients look for the project named like the region, which always exists. */
    async createProject(accountId: string, name: string): Promise<Project> {
      const prefix = `${region}_`;
      if (!name.startsWith(prefix) || !/^[\w-]+$/.test(name) || name.length > 64 || name.length === prefix.length) {
        throw invalid(
          `Field [project.name] must be ${prefix} followed by letters, digits, _ or -, at most 64 characters: this installation has the one region ${region}.`,
        );
      }
      const project: Project = { id: hexId(), accountId, name };
      await store.transaction(async rows => {
        const existing = await rows.projects(accountId);
        if (existing.some(item => item.name === name)) throw duplicate('project', name);
        if (existing.length >= LIMITS.projects) throw overLimit('projects', LIMITS.projects, 'Use an existing one.');
        await rows.insertProject(project);
      });
      changed();
      return project;
    },

    /**
     * Account, project of the region and root user with one access key; harmless when they exist. `resetCredentials` gives the root
     * user this password and one new key in place of all it had.
     */
    async ensureRootAccount(input: {
      account: string;
      password: string;
      resetCredentials?: boolean;
    }): Promise<RootAccount> {
      const existing = await store.accountByName(input.account);
      const fresh = !existing || input.resetCredentials === true;
      const passwordHash = fresh ? await hashPassword(input.password) : null;
      const made = await store.transaction(async rows => {
        const account: Account = existing ?? { id: hexId(), name: input.account, enabled: true, authMode: 'strict' };
        if (!existing) await rows.insertAccount(account);
        let project = (await rows.projects(account.id)).find(item => item.name === region);
        if (!project) {
          project = { id: hexId(), accountId: account.id, name: region };
          await rows.insertProject(project);
        }
        let user = (await rows.users(account.id)).find(item => item.isRoot);
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
          };
          await rows.insertUser(user);
        } else if (fresh) {
          await rows.updateUser(user.id, { passwordHash }, true);
          for (const key of await rows.keysOf(user.id)) await rows.deleteKey(key.access);
        }
        const ids = { created: !existing, accountId: account.id, userId: user.id, projectId: project.id };
        if (!fresh) return ids;
        const { row, secret } = newKey(dataKey, user.id, 'Made by the platform', clock.now());
        await rows.insertKey(row);
        return { ...ids, accessKey: row.access, secretKey: secret };
      });
      changed();
      return made;
    },
  };
}

export type AccountService = ReturnType<typeof accountService>;
