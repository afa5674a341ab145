import { createHmac } from 'node:crypto';
import type { Authenticate, FindWorkspace, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Authorizer } from '../../policy/authorizer.ts';
import type { Database } from '../../store-kit/index.ts';
import { type ChangeSettings, changeStreams } from './changes.ts';
import { consoleRoutes } from './console.routes.ts';
import { isActive, sessionCookie } from './session.cookie.ts';
import { type IssueToken, sessionService } from './session.service.ts';
import { sessionStore } from './session.store.ts';

export { consoleOperations } from './console.api.ts';
export type { IssueToken } from './session.service.ts';
export { consoleMigrations } from './session.store.ts';

export interface ConsoleDeps {
  db: Database;
  clock: Clock;
  region: string;
  installation: string;
  dataKey: Buffer;
  endpoints: { api: string; obs: string; inference: string };
  authenticate: Authenticate;
  authorizer: Authorizer;
  issue: IssueToken;
  workspace: FindWorkspace;
  changeSettings?: Partial<ChangeSettings>;
}

/** The console's server side: sessions behind a cookie, hints of changes, what the user may do. */
export function createConsole(deps: ConsoleDeps): {
  routes: Route[];
  /** As `authenticate` of the deps, and by the console's cookie besides, where there is no other credential. */
  authenticate: Authenticate;
} {
  const { db, clock, region, endpoints, authorizer } = deps;
  const key = createHmac('sha256', deps.dataKey).update('console sessions').digest();
  const sessions = sessionService({ store: sessionStore(db), clock, region, key, issue: deps.issue });
  const cookie = sessionCookie(deps.installation);
  return {
    routes: consoleRoutes({
      sessions,
      cookie,
      changes: changeStreams(db, deps.changeSettings),
      authorizer,
      principalOf: token =>
        deps.authenticate({
          method: 'GET',
          url: '/',
          headers: { 'x-auth-token': token },
          body: Buffer.alloc(0),
          remoteAddress: '',
        }),
      async enterpriseProjectOf(projectId, workspaceId) {
        return (await deps.workspace(projectId, workspaceId))?.enterpriseProjectId;
      },
      region,
      endpoints,
    }),
    async authenticate(request) {
      const { headers } = request;
      if (headers['x-auth-token'] !== undefined || headers.authorization !== undefined) {
        return deps.authenticate(request);
      }
      const id = cookie.read(headers);
      if (id === undefined) return deps.authenticate(request);
      const token = await sessions.token(id, isActive(headers) && !request.again);
      return deps.authenticate({ ...request, headers: { ...headers, 'x-auth-token': token } });
    },
  };
}
