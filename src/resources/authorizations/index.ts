import type { Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import { authorizationRoutes } from './authorization.routes.ts';
import { type AuthorizationsIam, authorizationService } from './authorization.service.ts';
import { authorizationStore } from './authorization.store.ts';

export { authorizationsOperations } from './authorization.api.ts';
export { authorizationsMigrations } from './authorization.store.ts';

export interface AuthorizationsDeps {
  db: Database;
  clock: Clock;
  iam: AuthorizationsIam;
}

export interface Authorizations {
  routes: Route[];
  /** Name of the agency by which the platform acts for this caller. Throws Failure 403 ModelArts.2785 when there is none. */
  agencyFor(principal: Principal, projectId: string): Promise<string>;
}

/** The family of authorizations: which agency the platform uses for whom. */
export function createAuthorizations(deps: AuthorizationsDeps): Authorizations {
  const service = authorizationService({ store: authorizationStore(deps.db), clock: deps.clock, iam: deps.iam });
  return { routes: authorizationRoutes(service), agencyFor: service.agencyFor };
}
