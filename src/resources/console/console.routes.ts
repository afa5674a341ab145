import { Reply, type Route, route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer } from '../../policy/authorizer.ts';
import type { ObjectService, ObsPath } from '../objects/index.ts';
import type { ChangeStreams } from './changes.ts';
import * as api from './console.api.ts';
import type { FederationAttempts } from './federation.ts';
import type { ObjectDoor } from './object-door.ts';
import { predictions } from './prediction.ts';
import { isActive, isOwnScript, type SessionCookie } from './session.cookie.ts';
import type { IssueKey, SessionService } from './session.service.ts';

export interface ConsoleRouteDeps {
  sessions: SessionService;
  federation: FederationAttempts;
  /** The identity providers of an account by which browsers sign in. */
  signInProviders(account: string): Promise<{ id: string; description: string }[]>;
  cookie: SessionCookie;
  changes: ChangeStreams;
  authorizer: Authorizer;
  /** Who a token stands for. */
  principalOf(token: string): Promise<Principal>;
  /** The enterprise project of a workspace; undefined when there is none. */
  enterpriseProjectOf(projectId: string, workspaceId: string): Promise<string | undefined>;
  objects: Pick<ObjectService, 'head' | 'signUrl'>;
  door: Pick<ObjectDoor, 'ticket'>;
  issueKey: IssueKey;
  clock: Clock;
  region: string;
  endpoints: { api: string; obs: string; inference: string };
}

/** Shortest life of a temporary key. */
const LEAST_KEY_SECONDS = 900;

/** Handlers of the console's own operations. */
export function consoleRoutes(deps: ConsoleRouteDeps): Route[] {
  const { sessions, federation, cookie, changes, authorizer, region } = deps;
  const calls = predictions(() => deps.endpoints.inference);

  function idOf(headers: Record<string, string | string[] | undefined>): string {
    const id = cookie.read(headers);
    if (id !== undefined) return id;
    throw new Failure({
      code: 'ModelArts.0201',
      status: 404,
      message: 'The request comes with no session of the console.',
      solution: 'Sign in to the console: POST /console/session.',
    });
  }

  /** The token that a call came with, itself or as a session. A signature says nothing to the gateway about another request. */
  async function tokenOf(headers: Record<string, string | string[] | undefined>): Promise<string> {
    const token = headers['x-auth-token'];
    return typeof token === 'string' ? token : sessions.token(idOf(headers), isActive(headers));
  }

  /** Throws the object store's Failure where the caller may not read the object, or there is none. */
  async function readable(principal: Principal, path: ObsPath): Promise<void> {
    if (await deps.objects.head(principal, path)) return;
    throw new Failure({
      code: 'NoSuchKey',
      status: 404,
      message: `There is no object ${path.key} in bucket ${path.bucket}.`,
      solution: 'It may have been deleted meanwhile; load the list again.',
    });
  }

  async function view(principal: Principal, id: string) {
    const change_id = changes.now();
    const { onBehalfOf, projectId } = principal;
    const { api: apiUrl, obs, inference } = deps.endpoints;
    return {
      user: { id: principal.id, name: principal.name },
      account: { id: principal.accountId, name: principal.accountName },
      ...(projectId === undefined ? {} : { project: { id: projectId, name: principal.projectName ?? projectId } }),
      region,
      is_root: principal.kind === 'root',
      must_change_password: principal.mustChangePassword === true,
      ...(onBehalfOf
        ? { switched_by: { name: onBehalfOf.name, account_name: onBehalfOf.accountName ?? principal.accountName } }
        : {}),
      expires_at: await sessions.expiresAt(id),
      change_id,
      endpoints: { api: apiUrl, obs, inference },
    };
  }

  function checkOwnScript(headers: Parameters<typeof isOwnScript>[0]): void {
    if (isOwnScript(headers)) return;
    throw new Failure({
      code: 'ModelArts.0201',
      status: 403,
      message: 'Only the console’s own pages sign in here.',
      solution: 'Programs obtain a token: POST /v3/auth/tokens.',
    });
  }

  return [
    route(api.listSignInProviders, async ({ query }) => ({ providers: await deps.signInProviders(query.account) })),
    route(api.beginFederatedSignIn, async ({ body, headers }) => {
      checkOwnScript(headers);
      // Where this browser has the console, so that the answer comes to the same place; a proxy may stand before it.
      const origin = typeof headers.origin === 'string' ? headers.origin : deps.endpoints.api;
      const { url, secret } = await federation.begin(body.provider_id, `${origin}${api.answerFederatedSignIn.path}`);
      return new Reply({ url }, { headers: { 'Set-Cookie': cookie.setLogin(secret), 'Cache-Control': 'no-store' } });
    }),
    route(api.answerFederatedSignIn, async ({ body, remoteAddress }) => {
      await federation.answer(body, remoteAddress);
      return new Reply(undefined, { headers: { Location: '/?federated=true', 'Cache-Control': 'no-store' } });
    }),
    route(api.finishFederatedSignIn, async ({ headers }) => {
      checkOwnScript(headers);
      const id = await sessions.openWith(federation.finish(cookie.readLogin(headers)));
      const body = await view(await deps.principalOf(await sessions.token(id, true)), id);
      return new Reply(body, {
        headers: { 'Set-Cookie': cookie.set(id), 'Cache-Control': 'no-store' },
      });
    }),
    route(api.createConsoleSession, async call => {
      checkOwnScript(call.headers);
      const id = await sessions.open({ ...call.body, address: call.remoteAddress });
      const body = await view(await deps.principalOf(await sessions.token(id, true)), id);
      return new Reply(body, { headers: { 'Set-Cookie': cookie.set(id), 'Cache-Control': 'no-store' } });
    }),
    route(api.showConsoleSession, async call => view(call.principal, idOf(call.headers))),
    route(api.changeConsoleSession, async call => {
      const { project_id, role } = call.body;
      const id = idOf(call.headers);
      const address = call.remoteAddress;
      let token = await sessions.token(id, true);
      if (role) token = await sessions.toRole(id, role, address);
      else if (role === null) token = await sessions.toOwn(id);
      if (project_id) token = await sessions.toProject(id, project_id, address);
      return view(await deps.principalOf(token), id);
    }),
    route(api.endConsoleSession, async call => {
      await sessions.close(idOf(call.headers));
      return new Reply(undefined, { headers: { 'Set-Cookie': cookie.clear } });
    }),
    route(api.showOwnAccess, async ({ principal, projectId, body }) => {
      const { actions, workspace_id: workspaceId = '0', service_attributes: context } = body;
      const enterpriseProjectId = await deps.enterpriseProjectOf(projectId, workspaceId);
      const decide = async (action: string) => {
        const { allowed, reason } = await authorizer.decide(principal, {
          action,
          probe: true,
          ...(context ? { context } : {}),
          ...(enterpriseProjectId === undefined ? {} : { enterpriseProjectId }),
        });
        return { action, allowed, reason };
      };
      return { decisions: await Promise.all(actions.map(decide)) };
    }),
    route(api.predict, async ({ principal, headers, body }) =>
      calls.predict(principal.id, await tokenOf(headers), body),
    ),
    route(api.openDownload, async ({ principal, headers, body }) => {
      const { bucket, key, version_id: versionId } = body;
      const id = idOf(headers);
      // A version is looked at where it is read; the object tells soonest whether this may be.
      if (versionId === undefined) await readable(principal, { bucket, key });
      return { path: deps.door.ticket(id, { bucket, key, ...(versionId ? { versionId } : {}) }) };
    }),
    route(api.shareObject, async ({ principal, headers, body, remoteAddress }) => {
      const { bucket, key, minutes } = body;
      await readable(principal, { bucket, key });
      const credential = await deps.issueKey({
        token: await tokenOf(headers),
        seconds: Math.max(minutes * 60, LEAST_KEY_SECONDS),
        address: remoteAddress,
      });
      const now = deps.clock.now();
      const expiresAt = Math.min(now + minutes * 60_000, credential.expiresAt);
      const expiresSeconds = Math.floor((expiresAt - now) / 1000);
      const url = deps.objects.signUrl(credential, {
        method: 'GET',
        bucket,
        key,
        expiresSeconds,
        endpoint: deps.endpoints.obs,
      });
      return { url, expires_at: expiresAt };
    }),
    route(api.followChanges, async ({ principal, projectId, headers, refusal }) => {
      // Who does not ask for a stream would wait for its end for ever.
      if (!String(headers.accept).includes('text/event-stream')) return new Reply(': ask for text/event-stream\n\n');
      const scopes = projectId ? [projectId, principal.accountId] : [principal.accountId];
      const since = headers['last-event-id']?.toString();
      const stream = changes.stream({ userId: principal.id, scopes, since, refusal });
      if (!stream) {
        throw new Failure({
          code: 'APIGW.0308',
          status: 429,
          message: 'You follow changes from too many places at once.',
          solution: 'Close some windows of the console.',
        });
      }
      return new Reply(stream, {
        headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
      });
    }),
  ];
}
