import { createHmac } from 'node:crypto';
import { type Authenticate, checkPasswordChanged, type FindWorkspace, type Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer } from '../../policy/authorizer.ts';
import type { Database } from '../../store-kit/index.ts';
import type { BrowserProvider } from '../iam/index.ts';
import type { ObjectService, Objects } from '../objects/index.ts';
import { type ChangeSettings, changeStreams } from './changes.ts';
import { showOwnAccess } from './console.api.ts';
import { consoleRoutes } from './console.routes.ts';
import { federationAttempts } from './federation.ts';
import { type ObjectDoor, objectDoor } from './object-door.ts';
import { isActive, sessionCookie } from './session.cookie.ts';
import { type IssueKey, type IssueToken, sessionService } from './session.service.ts';
import { sessionStore } from './session.store.ts';

export { consoleOperations } from './console.api.ts';
export type { IssueKey, IssueToken } from './session.service.ts';
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
  issueKey: IssueKey;
  log: Log;
  objects: Pick<Objects, 'answerFor'> & { service: Pick<ObjectService, 'head' | 'signUrl'> };
  workspace: FindWorkspace;
  browserProvider(id: string): Promise<BrowserProvider | undefined>;
  signInProviders(account: string): Promise<{ id: string; description: string }[]>;
  changeSettings?: Partial<ChangeSettings>;
}

/** The console's server side: sessions behind a cookie, hints of changes, what the user may do. */
export function createConsole(deps: ConsoleDeps): {
  routes: Route[];
  /** As `authenticate` of the deps, and by the console's cookie besides, where there is no other credential. */
  authenticate: Authenticate;
  /** The object store for the console's scripts, below `/console/obs`. */
  takeObjectRequest: ObjectDoor['take'];
} {
  const { db, clock, region, endpoints, authorizer } = deps;
  const key = createHmac('sha256', deps.dataKey).update('console sessions').digest();
  const sessions = sessionService({ store: sessionStore(db), clock, region, key, issue: deps.issue });
  const cookie = sessionCookie(deps.installation);
  const principalOf = (token: string, remoteAddress = ''): Promise<Principal> =>
    deps.authenticate({
      method: 'GET',
      url: '/',
      headers: { 'x-auth-token': token },
      body: Buffer.alloc(0),
      remoteAddress,
    });
  const door = objectDoor({
    cookie,
    clock,
    log: deps.log,
    key: createHmac('sha256', deps.dataKey).update('console downloads').digest(),
    async callerOf(id, headers, address) {
      const principal = await principalOf(await sessions.token(id, isActive(headers)), address);
      checkPasswordChanged(showOwnAccess, principal);
      return principal;
    },
    answerFor: deps.objects.answerFor,
  });
  return {
    takeObjectRequest: door.take,
    routes: consoleRoutes({
      sessions,
      federation: federationAttempts({ clock, region, provider: deps.browserProvider, issue: deps.issue }),
      signInProviders: deps.signInProviders,
      cookie,
      changes: changeStreams(db, deps.changeSettings),
      authorizer,
      principalOf,
      objects: deps.objects.service,
      door,
      issueKey: deps.issueKey,
      clock,
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
