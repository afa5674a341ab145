import type { Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../store-kit/index.ts';
import { enterpriseProjectRoutes, type ProjectName } from './enterprise-project.routes.ts';
import { type Bound, enterpriseProjectService } from './enterprise-project.service.ts';
import { enterpriseProjectStore } from './enterprise-project.store.ts';
import { DEFAULT } from './enterprise-project.ts';

export { enterpriseProjectsOperations } from './enterprise-project.api.ts';
export type { Bound } from './enterprise-project.service.ts';
export { enterpriseProjectsMigrations } from './enterprise-project.store.ts';

export interface EnterpriseProjectsDeps {
  db: Database;
  clock: Clock;
  region: string;
  /** The name of a project. */
  projectName: ProjectName;
}

export interface EnterpriseProjects {
  routes: Route[];
  /** One of an account, `0` being always there. `db`: the transaction to look in, when that matters. */
  find(
    accountId: string,
    id: string,
    db?: Database,
  ): Promise<{ id: string; name: string; enabled: boolean } | undefined>;
  /** Says what is bound to them, so that those in use cannot be deleted. Set once, by whoever composes. */
  setBound(bound: Bound): void;
}

/** The family of enterprise projects, which group an account's workspaces and the grants that count in them. */
export function createEnterpriseProjects(deps: EnterpriseProjectsDeps): EnterpriseProjects {
  const { db, clock, region, projectName } = deps;
  const store = enterpriseProjectStore(db);
  let bound: Bound = async () => [];
  const service = enterpriseProjectService({ db, store, clock, bound: (...asked) => bound(...asked) });
  return {
    routes: enterpriseProjectRoutes({ service, region, projectName }),
    async find(accountId, id, within = db) {
      return id === DEFAULT.id ? DEFAULT : store.in(within).find(accountId, id);
    },
    setBound(listener) {
      bound = listener;
    },
  };
}
