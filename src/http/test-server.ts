import type { AddressInfo } from 'node:net';
import net from 'node:net';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { createLog } from '../kernel/log.ts';
import type { Principal } from '../kernel/principal.ts';
import type { AccessRequest } from '../policy/authorizer.ts';
import { operation } from '../wire/operation.ts';
import { oneOf, open, queryInteger, Type } from '../wire/schema.ts';
import {
  type AuditRecord,
  AuthenticationFailure,
  createApiServer,
  type RawRequest,
  type Route,
  route,
} from './index.ts';

/** An API server for tests: token `good` is user ann of project p1, who may do everything but `x:thing:forbidden`. */
export interface TestServer {
  url: string;
  port: number;
  audit: AuditRecord[];
  /** What was asked of whom, in order. */
  steps: string[];
  asked: AccessRequest[];
  askers: Principal[];
  raw: RawRequest[];
  metrics: Registry;
  /** Everything that was logged. */
  logged(): string;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
}

export interface SendOptions {
  body?: string | Buffer | object;
  headers?: Record<string, string>;
  token?: string | null;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of all shapes
  json: any;
}

const ann: Principal = {
  kind: 'user',
  id: 'ann-id',
  name: 'ann',
  accountId: 'a1',
  accountName: 'acme',
  projectId: 'p1',
  projectName: 'local-1',
  credential: 'token',
};

/** Starts a real server on a free port with these routes; it stops with the test. */
export async function serve(t: TestContext, routes: readonly Route[]): Promise<TestServer> {
  const state = {
    audit: [] as AuditRecord[],
    steps: [] as string[],
    asked: [] as AccessRequest[],
    askers: [] as Principal[],
    raw: [] as RawRequest[],
  };
  let log = '';
  const metrics = new Registry();
  const { app, mount } = createApiServer({
    async authenticate(request) {
      state.steps.push('authenticate');
      state.raw.push(request);
      const token = request.headers['x-auth-token'];
      if (token === 'good') return ann;
      if (token === 'stranger') return { ...ann, id: 'eve-id', name: 'eve', accountId: 'a2', projectId: 'p2' };
      if (token === undefined) throw new AuthenticationFailure('missing', 'no credential', 'Log in.');
      throw new AuthenticationFailure(token === 'forged' ? 'bad-signature' : 'expired', 'it is not good');
    },
    authorizer: {
      async decide(principal, request) {
        state.askers.push(principal);
        state.steps.push('policy');
        state.asked.push(request);
        const allowed = request.action !== 'x:thing:forbidden';
        return { allowed, reason: allowed ? 'granted' : 'No policy of ann grants it.' };
      },
    },
    async ownsProject(principal, projectId) {
      state.steps.push('project');
      return principal.projectId === projectId;
    },
    async locate(kind, id) {
      state.steps.push('locate');
      return kind === 'thing' && id.startsWith('private') ? { workspaceId: 'private', ownerId: 'ann-id' } : undefined;
    },
    async workspace(_projectId, id) {
      state.steps.push('workspace');
      if (id === 'private') {
        return { id, enterpriseProjectId: 'ep1', admits: () => ({ allowed: false, reason: 'It is private.' }) };
      }
      return id === '0' || id === 'open'
        ? { id, enterpriseProjectId: '0', admits: () => ({ allowed: true, reason: 'It is public.' }) }
        : undefined;
    },
    audit: async record => void state.audit.push(record),
    log: createLog('debug', {
      write(line) {
        log += line;
      },
    }),
    metrics,
  });
  mount(routes);
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    metrics,
    ...state,
    logged: () => log,
    async send(method, path, { body, headers = {}, token = 'good' } = {}) {
      const plain = typeof body === 'object' && !Buffer.isBuffer(body);
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(plain ? { 'content-type': 'application/json' } : {}),
          ...(token === null ? {} : { 'x-auth-token': token }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: plain ? JSON.stringify(body) : new Uint8Array(Buffer.from(body as string)) }),
      });
      const text = await response.text();
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      return { status: response.status, headers: response.headers, text, json };
    },
  };
}

/** Sends bytes as they are and resolves with all that comes back. */
export function sendBytes(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', part => {
      answer += part;
    });
    socket.on('end', () => resolve(answer));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.setTimeout(20_000, () => socket.destroy());
  });
}

export const body = open({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
  kind: Type.Optional(oneOf(['cpu', 'gpu', 'npu'])),
  spec: Type.Optional(open({ nodes: Type.Array(open({ id: Type.String() })) })),
});

export const common = { family: 'things', summary: 'a thing', errors: 'modelarts', status: 200 } as const;

export const create = operation({
  ...common,
  id: 'CreateThing',
  method: 'POST',
  path: '/v2/{project_id}/things',
  action: 'x:thing:create',
  status: 201,
  body,
  invalid: { code: 'ModelArts.2788', status: 400 },
});
export const creates = route(create, async call => ({ got: call.body }));

export const get = operation({
  ...common,
  id: 'ShowThing',
  method: 'GET',
  path: '/v2/{project_id}/things/{thing_id}',
  action: 'x:thing:get',
  query: open({
    limit: queryInteger(1, 100, 10),
    deep: Type.Optional(Type.Boolean()),
    tags: Type.Optional(Type.Array(Type.String())),
    ids: Type.Optional(Type.String()),
  }),
});
export const shows = route(get, async call => ({
  id: call.params.thing_id,
  query: call.query,
  project: call.projectId,
}));

export const refuse = operation({
  ...common,
  id: 'Forbidden',
  method: 'POST',
  path: '/v2/{project_id}/forbidden',
  action: 'x:thing:forbidden',
  body,
});
