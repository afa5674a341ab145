import type { Clock } from '../../kernel/clock.ts';
import { uuid } from '../../kernel/ids.ts';
import type { Database } from '../../store-kit/index.ts';
import type { enterpriseProjectStore } from './enterprise-project.store.ts';
import {
  type BoundResource,
  checkFields,
  DEFAULT,
  type EnterpriseProject,
  type EnterpriseProjectType,
  inUse,
  invalid,
  LIMIT,
  missing,
  nameTaken,
  overLimit,
  unchangeable,
} from './enterprise-project.ts';

/** What is bound to an enterprise project of an account; looked up in `db`, which may be a transaction. */
export type Bound = (accountId: string, enterpriseProjectId: string, db: Database) => Promise<BoundResource[]>;

export interface EnterpriseProjectInput {
  name: string;
  description?: string | undefined;
  type?: EnterpriseProjectType | undefined;
}

export interface EnterpriseProjectServiceDeps {
  db: Database;
  store: ReturnType<typeof enterpriseProjectStore>;
  clock: Clock;
  bound: Bound;
}

export type EnterpriseProjectService = ReturnType<typeof enterpriseProjectService>;

/** Use cases of enterprise projects. All throw Failure 404 EPS.0005 for one that is not the account's. */
export function enterpriseProjectService(deps: EnterpriseProjectServiceDeps) {
  const { db, store, clock, bound } = deps;

  async function show(accountId: string, id: string): Promise<EnterpriseProject> {
    const found = id === DEFAULT.id ? DEFAULT : await store.find(accountId, id);
    if (!found) throw missing(id);
    return found;
  }

  /** One that may be changed. Throws Failure 400 for the default one. */
  async function changeable(rows: Pick<typeof store, 'find'>, accountId: string, id: string) {
    if (id === DEFAULT.id) throw unchangeable('The default enterprise project cannot be changed or deleted.');
    const found = await rows.find(accountId, id);
    if (!found) throw missing(id);
    return found;
  }

  function checkName(existing: readonly EnterpriseProject[], name: string, id?: string): void {
    if (!existing.some(other => other.name === name && other.id !== id)) return;
    throw nameTaken(`Parameter [name]: there is an enterprise project named ${name} already.`, 'Choose another name.');
  }

  return {
    show,

    /** The default one comes first, then the others in the order of their creation. */
    list: async (accountId: string): Promise<EnterpriseProject[]> => [DEFAULT, ...(await store.list(accountId))],

    /** Throws Failure 400 for bad fields, 409 for a taken name, 400 over the limit. */
    async create(accountId: string, input: EnterpriseProjectInput): Promise<EnterpriseProject> {
      const now = clock.now();
      const { name, description = '', type = 'prod' } = input;
      checkFields({ name, description });
      const project = { id: uuid(), name, description, type, enabled: true, createdAt: now, updatedAt: now };
      await store.transaction(async rows => {
        const existing = await rows.list(accountId);
        checkName(existing, name);
        if (existing.length >= LIMIT) {
          throw overLimit(
            `The limit of ${LIMIT} enterprise projects of an account is reached.`,
            'Delete one that nothing is bound to.',
          );
        }
        await rows.insert(accountId, project);
      });
      return project;
    },

    /** What is left out stays as it is. Throws Failure 400 for bad fields and the default one, 409 for a taken name. */
    update: (accountId: string, id: string, input: EnterpriseProjectInput): Promise<EnterpriseProject> =>
      store.transaction(async rows => {
        const before = await changeable(rows, accountId, id);
        const { name, description = before.description, type = before.type } = input;
        checkFields({ name, description });
        checkName(await rows.list(accountId), name, id);
        const patch = { name, description, type, updatedAt: clock.now() };
        await rows.update(id, patch);
        return { ...before, ...patch };
      }),

    /** A disabled one takes no new workspaces; those bound to it, and grants by it, go on. */
    switch: (accountId: string, id: string, enabled: boolean): Promise<void> =>
      store.transaction(async rows => {
        await changeable(rows, accountId, id);
        await rows.update(id, { enabled, updatedAt: clock.now() });
      }),

    /** Throws Failure 409 while anything is bound to it. */
    remove: (accountId: string, id: string): Promise<void> =>
      store.transaction(async (rows, trx) => {
        await changeable(rows, accountId, id);
        const [first, ...others] = await bound(accountId, id, trx);
        if (first) {
          const more = others.length > 0 ? ` and ${others.length} more` : '';
          throw inUse(
            `The enterprise project cannot be deleted: the ${first.type} ${first.name}${more} belongs to it.`,
            'Delete its workspaces first; POST /v1.0/enterprise-projects/{id}/resources/filter lists them.',
          );
        }
        await rows.remove(id);
      }),

    async resources(accountId: string, id: string): Promise<BoundResource[]> {
      await show(accountId, id);
      return bound(accountId, id, db);
    },

    /** Always throws: the reference lets a workspace's enterprise project be set at its creation only (permissions.md 8). */
    async migrate(accountId: string, id: string): Promise<never> {
      await show(accountId, id);
      throw invalid(
        'Resources cannot be moved between enterprise projects: the one of a workspace is set when it is created.',
        'Create a workspace with this enterprise_project_id, and delete the old one.',
      );
    },
  };
}
