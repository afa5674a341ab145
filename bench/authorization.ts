import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { signRequest } from '../src/client/signature.ts';
import { type ApiServerOptions, createApiServer, type Route, route } from '../src/http/index.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { createLog } from '../src/kernel/log.ts';
import type { Principal } from '../src/kernel/principal.ts';
import { createIam, iamMigrations } from '../src/resources/iam/index.ts';
import { migrate, openSqlite } from '../src/store-kit/index.ts';
import { operation } from '../src/wire/operation.ts';
import { anyObject } from '../src/wire/schema.ts';
import { median, type Report } from './report.ts';

const PASSWORD = 'Bench-Horse-7';
const REGION = 'local-1';
const ROUNDS = 31;
const REQUESTS = 2_000;
const WARM_UP = 20_000;

/** Says nothing, so that nothing but authentication and authorization is left to measure. */
const nothing = operation({
  id: 'BenchNothing',
  family: 'bench',
  summary: 'Answer with nothing',
  method: 'GET',
  path: '/v2/{project_id}/nothing',
  action: 'modelarts:trainJob:list',
  workspace: () => undefined,
  status: 200,
  response: anyObject,
  errors: 'modelarts',
});
const routes: Route[] = [route(nothing, async () => ({}))];

/**
 * What it costs to know who asks and whether they may: processor time of a request with the real identities, less that of the same
 * request to a server that lets everybody in, in short rounds taken in turn.
 */
export async function benchAuthorization(): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
  const db = openSqlite(join(dir, 'bench.db'));
  try {
    await migrate(db, iamMigrations, Date.now());
    const log = createLog('warn', { write: () => {} });
    const endpoints = { api: 'http://bench.test', obs: '', inference: '' };
    const iam = createIam({
      db,
      clock: systemClock,
      log,
      region: REGION,
      tokenKey: randomBytes(32),
      operatorKey: 'bench',
      dataKey: randomBytes(32),
      endpoints,
    });
    const workspace: ApiServerOptions['workspace'] = async (_projectId, id) => ({
      id,
      enterpriseProjectId: '0',
      admits: () => ({ allowed: true, reason: '' }),
    });
    const surroundings = { locate: async () => undefined, workspace, audit: async () => {}, log };
    const real = createApiServer({ ...iam, ...surroundings, metrics: new Registry() });
    real.mount([...iam.routes, ...routes]);

    const root = await iam.ensureRootAccount({ account: 'bench', password: PASSWORD });
    const call = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
      const answer = await real.app.inject({
        method: method as 'GET',
        url: path,
        headers: { host: 'bench.test', ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { payload: JSON.stringify(body) } : {}),
      });
      if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${answer.body}`);
      return answer;
    };
    const login = async (user: string) =>
      (
        await call(
          'POST',
          '/v3/auth/tokens',
          {},
          {
            auth: {
              identity: {
                methods: ['password'],
                password: { user: { name: user, password: PASSWORD, domain: { name: 'bench' } } },
              },
              scope: { project: { id: root.projectId } },
            },
          },
        )
      ).headers['x-subject-token'] as string;
    const admin = { 'x-auth-token': await login('bench') };
    const user = (await call('POST', '/v3/users', admin, { user: { name: 'ann', password: PASSWORD } })).json().user.id;
    const group = (await call('POST', '/v3/groups', admin, { group: { name: 'team' } })).json().group.id;
    await call('PUT', `/v3/groups/${group}/users/${user}`, admin);
    for (const name of ['ModelArts CommonOperations', 'OBS OperateAccess']) {
      const { roles } = (await call('GET', `/v3/roles?display_name=${encodeURIComponent(name)}`, admin)).json();
      const path = `/v3/OS-INHERIT/domains/${root.accountId}/groups/${group}/roles/${roles[0].id}/inherited_to_projects`;
      await call('PUT', path, admin);
    }
    const { credential } = (
      await call('POST', '/v3.0/OS-CREDENTIAL/credentials', admin, { credential: { user_id: user } })
    ).json();

    const ann: Principal = {
      kind: 'user',
      id: user,
      name: 'ann',
      accountId: root.accountId,
      accountName: 'bench',
      projectId: root.projectId,
      projectName: REGION,
      credential: 'token',
    };
    const open = createApiServer({
      authenticate: async () => ann,
      authorizer: { decide: async () => ({ allowed: true, reason: '' }) },
      ownsProject: async () => true,
      ...surroundings,
      metrics: new Registry(),
    });
    open.mount(routes);

    const url = `/v2/${root.projectId}/nothing`;
    const token = { host: 'bench.test', 'x-auth-token': await login('ann') };
    const signed = signRequest(
      credential,
      {
        method: 'GET',
        url: new URL(`http://bench.test${url}`),
        headers: { 'x-project-id': root.projectId },
        body: Buffer.alloc(0),
      },
      new Date(),
    );
    const kinds = {
      openToken: { app: open.app, headers: token },
      openSigned: { app: open.app, headers: signed },
      token: { app: real.app, headers: token },
      signed: { app: real.app, headers: signed },
    };
    type Kind = keyof typeof kinds;
    const cost = async (kind: Kind, requests: number): Promise<number> => {
      const { app, headers } = kinds[kind];
      const before = process.cpuUsage();
      for (let i = 0; i < requests; i++) {
        const answer = await app.inject({ method: 'GET', url, headers });
        if (answer.statusCode !== 200) throw new Error(`${kind}: ${answer.statusCode} ${answer.body}`);
      }
      const { user: own, system } = process.cpuUsage(before);
      return (own + system) / requests;
    };
    const names = Object.keys(kinds) as Kind[];
    for (const kind of names) await cost(kind, WARM_UP / names.length);
    const rounds: Record<Kind, number[]> = { openToken: [], openSigned: [], token: [], signed: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const kind of names) rounds[kind].push(await cost(kind, REQUESTS / names.length));
    }
    const added = (kind: Kind, base: Kind) => median(rounds[kind].map((value, i) => value - rounds[base][i]!));
    return {
      bench: 'authorization',
      figures: [
        { what: 'A request to which nothing is asked, in process', value: median(rounds.openToken), unit: 'µs CPU' },
        {
          what: 'Token and policy add',
          value: added('token', 'openToken'),
          unit: 'µs CPU',
          target: '≤ 50 µs',
        },
        {
          what: 'AK/SK signature and policy add',
          value: added('signed', 'openSigned'),
          unit: 'µs CPU',
          target: '≤ 150 µs',
        },
      ],
    };
  } finally {
    await db.destroy();
    rmSync(dir, { recursive: true, force: true });
  }
}
