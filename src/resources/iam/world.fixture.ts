import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { createApiServer, type FindWorkspace, type Locate, type Route, route } from '../../http/index.ts';
import { defaultWorkspaceOnly } from '../../http/testing.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { createLog } from '../../kernel/log.ts';
import { type Database, type Migration, migrate, openSqlite } from '../../store-kit/index.ts';
import { operation } from '../../wire/operation.ts';
import { anyObject } from '../../wire/schema.ts';
import { createIam, type Iam, iamMigrations } from './index.ts';

export const REGION = 'local-1';
export const PASSWORD = 'Correct-Horse-7';
export const OPERATOR_KEY = 'operator-key-of-the-world';

/** An operation of a project behind a policy, to try credentials on; it tells who was let in. */
const things = operation({
  id: 'ListThings',
  family: 'things',
  summary: 'Things of a project',
  method: 'GET',
  path: '/v2/{project_id}/things',
  action: 'modelarts:trainJob:list',
  status: 200,
  response: anyObject,
  errors: 'modelarts',
});

export interface Root {
  account: string;
  accountId: string;
  userId: string;
  projectId: string;
  accessKey: string;
  secretKey: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of all shapes
  body: any;
}

export interface IamWorld {
  iam: Iam;
  db: Database;
  dir: string;
  url: string;
  root: Root;
  /** Everything that was logged. */
  logged(): string;
  /** A further account with its root user. */
  account(name: string): Promise<Root>;
  send(method: string, path: string, options?: { token?: string; body?: unknown; headers?: object }): Promise<Answer>;
  /** Logs in; the token, scoped to the region's project unless `scope` says otherwise. */
  login(options?: { user?: string; account?: string; password?: string; scope?: object | null }): Promise<string>;
  /** An IAM user of the first account, with the policies of these display names for all resources. */
  user(name: string, policies?: string[]): Promise<{ id: string; groupId: string }>;
}

/** Identity behind a real server on a free port, with a database in a file; everything ends with the test. */
export async function iamWorld(
  t: TestContext,
  options: {
    clock?: Clock;
    routes?: (deps: { iam: Iam; db: Database; clock: Clock }) => Route[];
    more?: Migration[];
    /** In place of the default workspace alone. */
    workspace?: FindWorkspace;
    /** For things of families other than this one. */
    locate?: Locate;
  } = {},
): Promise<IamWorld> {
  const clock = options.clock ?? systemClock;
  const dir = mkdtempSync(join(tmpdir(), 'atelier-iam-'));
  const db = openSqlite(join(dir, 'test.db'));
  await migrate(db, [...iamMigrations, ...(options.more ?? [])], clock.now());
  let text = '';
  const log = createLog('debug', {
    write: line => {
      text += line;
    },
  });
  const endpoints = { api: '', obs: 'http://obs.test', inference: 'http://infer.test' };
  const iam = createIam({
    db,
    clock,
    log,
    region: REGION,
    tokenKey: randomBytes(32),
    operatorKey: OPERATOR_KEY,
    dataKey: randomBytes(32),
    endpoints,
  });
  const { app, mount } = createApiServer({
    authenticate: iam.authenticate,
    authorizer: iam.authorizer,
    ownsProject: iam.ownsProject,
    ...defaultWorkspaceOnly,
    ...(options.workspace ? { workspace: options.workspace } : {}),
    locate: async (kind, id, scope) => iam.locators[kind]?.(id, scope) ?? options.locate?.(kind, id, scope),
    audit: async () => {},
    log,
    metrics: new Registry(),
  });
  mount(iam.routes);
  mount([route(things, async call => ({ who: call.principal }))]);
  if (options.routes) mount(options.routes({ iam, db, clock }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  endpoints.api = url;
  t.after(async () => {
    await app.close();
    await db.destroy();
    rmSync(dir, { recursive: true, force: true });
  });

  async function account(name: string): Promise<Root> {
    const made = await iam.ensureRootAccount({ account: name, password: PASSWORD });
    return {
      account: name,
      accountId: made.accountId,
      userId: made.userId,
      projectId: made.projectId,
      accessKey: made.accessKey!,
      secretKey: made.secretKey!,
    };
  }
  const root = await account('acme');

  const send: IamWorld['send'] = async (method, path, { token, body, headers } = {}) => {
    const answer = await fetch(url + path, {
      method,
      headers: {
        ...(token ? { 'X-Auth-Token': token } : {}),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answered = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      text: answered,
      body: answered ? JSON.parse(answered) : undefined,
    };
  };

  const login: IamWorld['login'] = async (who = {}) => {
    const answer = await send('POST', '/v3/auth/tokens', {
      body: passwordLogin({
        user: who.user ?? 'acme',
        account: who.account ?? 'acme',
        password: who.password ?? PASSWORD,
        scope: who.scope === undefined ? { project: { name: REGION } } : who.scope,
      }),
    });
    if (answer.status !== 201) throw new Error(`login answered ${answer.status}: ${answer.text}`);
    return answer.headers.get('x-subject-token')!;
  };

  return {
    iam,
    db,
    dir,
    url,
    root,
    logged: () => text,
    account,
    send,
    login,
    async user(name, policies = []) {
      const token = await login();
      const created = await send('POST', '/v3/users', { token, body: { user: { name, password: PASSWORD } } });
      const group = await send('POST', '/v3/groups', { token, body: { group: { name: `${name}-group` } } });
      const [id, groupId] = [created.body.user.id as string, group.body.group.id as string];
      await send('PUT', `/v3/groups/${groupId}/users/${id}`, { token });
      for (const policy of policies) {
        const found = await send('GET', `/v3/roles?display_name=${encodeURIComponent(policy)}`, { token });
        const role = found.body.roles.find((item: { display_name: string }) => item.display_name === policy);
        const path = `/v3/OS-INHERIT/domains/${root.accountId}/groups/${groupId}/roles/${role.id}/inherited_to_projects`;
        await send('PUT', path, { token });
      }
      return { id, groupId };
    },
  };
}

/** The body of a login with name and password. */
export function passwordLogin(input: {
  user: string;
  account: string;
  password: string;
  scope?: object | null;
}): object {
  const { user, account, password, scope } = input;
  return {
    auth: {
      identity: { methods: ['password'], password: { user: { name: user, password, domain: { name: account } } } },
      ...(scope ? { scope } : {}),
    },
  };
}
