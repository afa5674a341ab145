import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { furnish, furnishThings } from '../../test/furnished.ts';
import { type Answer, createWorld, OPERATOR_KEY, REGION, type Tenant, type World } from '../../test/world.ts';
import type { AnyOperation } from '../http/index.ts';
import { isFailure } from '../kernel/failure.ts';
import type { Principal } from '../kernel/principal.ts';
import { pathParameters, requiredAction } from '../wire/operation.ts';
import { type Body, bodiesOf, expect, type Rights, sample } from './guards.fixture.ts';
import { allOperations } from './operations.ts';

/**
 * Every operation as every kind of caller. What each answer must be follows from the operation's declaration alone: there is no list
 * of exceptions, so an operation that is added is walked like all others.
 */

let world: World;
/** Another account. */
let rival: Tenant;
let rivalToken: string;
/** Things of the first account, by the names of path parameters. */
let own: Record<string, string>;
/** Ids that belong to nothing, so that whoever is let in changes nothing. */
let nothing: Record<string, string>;
let rootToken: string;
/** Policies of `ann`, whose only group holds the one custom policy, and of the agency `helpers`, which holds it too. */
let rule: { id: string; set(statements: object[]): Promise<void> };
let annToken: string;
let agencyToken: string;

before(async () => {
  world = await createWorld({ work: true });
  rival = await world.tenant('rival');
  rivalToken = await world.login(rival);
  own = await furnish(world);
  rootToken = await world.login(world.root);
  nothing = Object.fromEntries(
    [...new Set(allOperations.flatMap(operation => pathParameters(operation.path)))].map(name => [
      name,
      'f'.repeat(32),
    ]),
  );
  nothing.project_id = own.project_id!;

  const put = (path: string) => rootCall('PUT', path);
  const policy = (statements: object[]) => ({
    role: { display_name: 'walked', type: 'AX', policy: { Version: '1.1', Statement: statements } },
  });
  const nobodys = [{ Effect: 'Allow', Action: ['nobody:thing:get'] }];
  const { role } = (await rootCall('POST', '/v3.0/OS-ROLE/roles', policy(nobodys))).body;
  rule = {
    id: role.id,
    set: async statements => void (await rootCall('PATCH', `/v3.0/OS-ROLE/roles/${role.id}`, policy(statements))),
  };
  await put(`/v3/groups/${own.group_id}/users/${own.user_id}`);
  await put(`/v3/OS-INHERIT/domains/${own.domain_id}/groups/${own.group_id}/roles/${rule.id}/inherited_to_projects`);
  await put(
    `/v3.0/OS-INHERIT/domains/${own.domain_id}/agencies/${own.agency_id}/roles/${rule.id}/inherited_to_projects`,
  );
  annToken = await world.login({ account: world.root.account, name: 'ann' });
  const assumed = await rootCall('POST', '/v3/auth/tokens', {
    auth: {
      identity: { methods: ['assume_role'], assume_role: { agency_name: 'helpers', domain_id: world.root.accountId } },
      scope: { project: { name: REGION } },
    },
  });
  agencyToken = assumed.headers.get('x-subject-token')!;
});
after(() => world?.remove());

async function rootCall(method: string, path: string, body?: object): Promise<Answer> {
  const answer = await world.send(method, path, { token: rootToken, body });
  assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status} ${answer.text}`);
  return answer;
}

/** The path of an operation with its parameters filled in. */
function pathOf(operation: AnyOperation, values: Record<string, string>): string {
  return operation.path.replace(/\{(\w+)\}/g, (_: string, name: string) => {
    assert.ok(values[name], `the furnished world has a thing for {${name}}`);
    return values[name];
  });
}

type Credential = { token?: string | undefined; headers?: Record<string, string> };

async function call(operation: AnyOperation, credential: Credential, values: Record<string, string>, body?: Body) {
  return world.send(operation.method, pathOf(operation, values), {
    ...credential,
    ...(body ? { body: body.value } : {}),
  });
}

/** Runs a check of every operation with every body that makes a difference, and reports all that fail together. */
async function everyOne(
  check: (operation: AnyOperation, body: Body | undefined) => Promise<void>,
  operations: readonly AnyOperation[] = allOperations,
) {
  assert.ok(operations.length > 0);
  const failures: string[] = [];
  for (const operation of operations) {
    for (const body of bodiesOf(operation)) {
      await check(operation, body).catch(error =>
        failures.push(`${operation.id} ${operation.method} ${operation.path}: ${(error as Error).message}`),
      );
    }
  }
  assert.deepEqual(failures, []);
}

/** Holds an answer against what the declaration demands of a caller with these rights. */
function assertAnswer(operation: AnyOperation, answer: Answer, rights: Rights, body: Body | undefined): void {
  const request = { params: nothing, query: {}, body: body?.value };
  const wanted = expect(operation, request, rights);
  const told = `${answer.status} ${answer.text.slice(0, 300)}`;
  if (wanted === 'anything') {
    assert.notEqual(answer.status, 401, told);
    assert.doesNotMatch(answer.text, /Policy doesn't allow|Only the operator/, told);
    assert.ok(answer.status < 500 || answer.status === 501, told);
    return;
  }
  assert.equal(answer.status, wanted.status, told);
  if (operation.method === 'HEAD') return;
  assert.match(answer.body.error_code, wanted.code, told);
  assert.match(answer.body.error_msg, wanted.message, told);
}

/** Walks everything as one caller, with ids that belong to nothing. */
function walk(credential: () => Credential, rights: Rights) {
  return everyOne(async (operation, body) =>
    assertAnswer(operation, await call(operation, credential(), nothing, body), rights, body),
  );
}

test('every operation is mounted once, and nothing else is', () => {
  const mounted = world.families.routes.map(route => route.operation as AnyOperation);
  const ids = (operations: readonly AnyOperation[]) => operations.map(operation => operation.id).sort();
  assert.deepEqual(ids(mounted), ids(allOperations));
  for (const operation of mounted) assert.ok(allOperations.includes(operation), `${operation.id} is the declared one`);
});

test('no two operations share an id, or a method and path', () => {
  const twice = (keys: string[]) => keys.filter((key, at) => keys.indexOf(key) !== at);
  assert.deepEqual(twice(allOperations.map(operation => operation.id)), []);
  const address = ({ method, path }: AnyOperation) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`;
  assert.deepEqual(twice(allOperations.map(address)), []);
});

test('what no policy guards says why, and actions are of the form service:type:action', () => {
  for (const operation of allOperations) {
    const { action: guard, id } = operation;
    for (const body of bodiesOf(operation)) {
      const action = requiredAction(guard, { params: nothing, query: {}, body: body?.value });
      if (action !== undefined) assert.match(action, /^[a-z]+:[A-Za-z]+:[A-Za-z]+$/, id);
    }
    if (typeof guard === 'object' && !('action' in guard) && !('choose' in guard)) {
      assert.ok(
        Object.values(guard).every(reason => reason.length > 20),
        `${id} says why nothing guards it`,
      );
    }
  }
});

test('anonymous: nothing but the public answers', () => walk(() => ({}), { kind: 'anonymous' }));

test('credentials that are not good: nonsense, of another installation, expired, cut short', async () => {
  const claims = JSON.parse(Buffer.from(annToken.split('.')[1]!, 'base64url').toString());
  const stale = { ...claims, iat: claims.iat - 90_000, exp: claims.iat - 3600 };
  const bad = [
    'nonsense',
    `${annToken}x`,
    annToken.slice(0, -2),
    world.signToken(stale),
    `${annToken.split('.')[0]}..`,
  ];
  for (const token of bad) await walk(() => ({ token }), { kind: 'anonymous' });
  await walk(() => ({ headers: { 'X-Operator-Key': 'guess' } }), { kind: 'anonymous' });
});

test('a user without grants, in strict mode', async () => {
  await rule.set([{ Effect: 'Allow', Action: ['nobody:thing:get'] }]);
  await walk(() => ({ token: annToken }), { kind: 'user', allows: () => false });
});

test('a user without grants, in loose mode: ModelArts is open, everything else is not', async () => {
  await rootCall('PUT', '/v1/auth-mode', { mode: 'loose' });
  try {
    await walk(() => ({ token: annToken }), { kind: 'user', allows: action => action.startsWith('modelarts:') });
    // Loose mode is about users: an agency has what it was given.
    await walk(() => ({ token: agencyToken }), { kind: 'agency', allows: () => false });
  } finally {
    await rootCall('PUT', '/v1/auth-mode', { mode: 'strict' });
  }
});

test('an agency without grants', () => walk(() => ({ token: agencyToken }), { kind: 'agency', allows: () => false }));

test('a user, and an agency, allowed by exactly the action: let in, unless the function needs more', async () => {
  const actions = actionsOf(allOperations);
  for (const action of actions) {
    await rule.set([{ Effect: 'Allow', Action: [action] }]);
    const allows = (asked: string) => asked === action;
    await everyOne(async (operation, body) => {
      if (actionOf(operation, body) !== action) return;
      const user = await call(operation, { token: annToken }, nothing, body);
      assertAnswer(operation, user, { kind: 'user', allows }, body);
      const agency = await call(operation, { token: agencyToken }, nothing, body);
      assertAnswer(operation, agency, { kind: 'agency', allows }, body);
    });
  }
});

test('a user allowed everything but the action', async () => {
  for (const action of actionsOf(allOperations)) {
    await rule.set([
      { Effect: 'Allow', Action: ['*:*:*'] },
      { Effect: 'Deny', Action: [action] },
    ]);
    await everyOne(async (operation, body) => {
      if (actionOf(operation, body) !== action) return;
      const answer = await call(operation, { token: annToken }, nothing, body);
      assertAnswer(operation, answer, { kind: 'user', allows: asked => asked !== action }, body);
    });
  }
});

test('a user with every permission, outside the workspace: nothing there is looked at, made or changed', async () => {
  await rule.set([{ Effect: 'Allow', Action: ['*:*:*'] }]);
  const closed = (await rootCall('POST', `/v1/${own.project_id}/workspaces`, { name: 'closed', auth_type: 'PRIVATE' }))
    .body.id;
  const there: Record<string, string> = { ...own, ...(await furnishThings(world, closed)), workspace_id: closed };
  const scope = { accountId: own.domain_id!, projectId: own.project_id! };
  let walked = 0;
  await everyOne(async (operation, body) => {
    const { target, action } = operation;
    if (isPublic(action)) return;
    const where = target ? await world.families.locate(target.kind, there[target.param]!, scope) : undefined;
    if (target ? where?.workspaceId !== closed : !operation.workspace) return;
    const named = target ? { query: '', body: body?.value } : namingWorkspace(operation, closed);
    const path = `${pathOf(operation, there)}${named.query}`;
    const answer = await world.send(operation.method, path, { token: annToken, body: named.body });
    const { code, status } = operation.workspaceErrors?.denied ?? { code: 'ModelArts.0112', status: 403 };
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error_code, code, answer.text);
    assert.match(answer.body.error_msg, /is closed to the caller/);
    walked += 1;
  });
  assert.ok(walked > 50, `${walked} operations happen in workspaces`);
});

/** How a request names the workspace, by the operation's own word; fails when it cannot be named. */
function namingWorkspace(operation: AnyOperation, id: string): { query: string; body?: object } {
  const bodies = [
    undefined,
    { workspace_id: id },
    { metadata: { workspace_id: id } },
    { metadata: { labels: { 'os.modelarts/workspace.id': id } } },
  ];
  for (const query of [{}, { workspace_id: id }, { workspaceId: id }]) {
    for (const body of bodies) {
      if (operation.workspace?.({ params: own, query, body }) !== id) continue;
      const text = new URLSearchParams(query as Record<string, string>).toString();
      return { query: text && `?${text}`, ...(body ? { body } : {}) };
    }
  }
  throw new Error('its workspace cannot be named');
}

test('the operator: its own operations and no others', () =>
  walk(() => ({ headers: { 'X-Operator-Key': OPERATOR_KEY } }), { kind: 'operator' }));

test('the root user of another account is refused a foreign project on every operation', async () => {
  const scoped = allOperations.filter(({ path, action }) => path.includes('{project_id}') && !isPublic(action));
  await everyOne(async (operation, body) => {
    const { code, status } = operation.projectMismatch ?? { code: 'ModelArts.0210', status: 403 };
    const answer = await call(operation, { token: rivalToken }, own, body);
    assert.equal(answer.status, status, answer.text);
    if (operation.method !== 'HEAD') assert.equal(answer.body.error_code, code);
  }, scoped);
});

test('the things of an account are not there for the root user of another, in its own project or anywhere', async () => {
  const before = await snapshot();
  const named = allOperations.filter(
    ({ path, action }) => !isPublic(action) && pathParameters(path).some(name => name !== 'project_id'),
  );
  await everyOne(async (operation, body) => {
    const values = { ...own, project_id: rival.projectId };
    const full = operation.body ? { value: body?.full ?? sample(operation.body) } : undefined;
    const answer = await call(operation, { token: rivalToken }, values, full as Body);
    assert.ok(
      answer.status >= 400 && (answer.status < 500 || answer.status === 501),
      `${answer.status} ${answer.text}`,
    );
    assert.doesNotMatch(answer.text, /"ann"|"staff"|"helpers"|"readers"|furnished/);
  }, named);
  assert.deepEqual(await snapshot(), before);
});

test('every parameter of a path is looked at', async () => {
  const principal: Principal = {
    kind: 'root',
    id: world.root.userId,
    name: world.root.account,
    accountId: world.root.accountId,
    accountName: world.root.account,
    projectId: world.root.projectId,
    credential: 'token',
  };
  // Those that only look go first: the others remove what they are shown.
  const routes = world.families.routes
    .filter(route => pathParameters(route.operation.path).length > 0)
    .sort((a, b) => Number(a.operation.method === 'DELETE') - Number(b.operation.method === 'DELETE'));
  const ignored: string[] = [];
  for (const { operation, handler } of routes) {
    // The project has been checked before the handler runs, which gets it as `projectId`.
    const missing = new Set(pathParameters(operation.path).filter(name => name !== 'project_id'));
    const params = new Proxy(own, {
      get(target, name) {
        missing.delete(String(name));
        return target[String(name)];
      },
    });
    const body = operation.body && sample(operation.body);
    const call = { params, query: {}, body, principal, projectId: world.root.projectId, workspaceId: '0', headers: {} };
    const failure = await handler({ ...call, requestId: '', remoteAddress: '127.0.0.1' } as never).catch(
      error => error,
    );
    if (operation.summary.startsWith('Refused: ')) continue;
    if (isFailure(failure) && (failure.status === 501 || failure.status === 410)) continue;
    for (const name of missing) ignored.push(`${operation.id}: ${name}`);
  }
  assert.deepEqual(ignored, []);
});

function isPublic(guard: AnyOperation['action']): boolean {
  return typeof guard === 'object' && 'public' in guard;
}

function actionOf(operation: AnyOperation, body: Body | undefined): string | undefined {
  return requiredAction(operation.action, { params: nothing, query: {}, body: body?.value });
}

function actionsOf(operations: readonly AnyOperation[]): string[] {
  const actions = operations.flatMap(operation => bodiesOf(operation).map(body => actionOf(operation, body)));
  return [...new Set(actions.filter(action => action !== undefined))].sort();
}

/** What the first account has, as its root user sees it, without what changes by itself. */
async function snapshot(): Promise<unknown> {
  const paths = [
    '/v3/users',
    '/v3/groups',
    '/v3.0/OS-ROLE/roles',
    '/v3.0/OS-AGENCY/agencies',
    `/v3.0/OS-CREDENTIAL/credentials?user_id=${own.user_id}`,
    `/v3/groups/${own.group_id}/users`,
    `/v3/projects/${own.project}/groups/${own.group_id}/roles`,
    `/v3.0/OS-AGENCY/projects/${own.project}/agencies/${own.agency_id}/roles`,
    `/v2/${own.project}/authorizations`,
    `/v2/${own.project}/algorithms/${own.algorithm_id}`,
  ];
  const body = async (path: string) => (await world.send('GET', path, { token: rootToken })).body;
  const { metadata, status } = await body(`/v2/${own.project}/training-jobs/${own.training_job_id}`);
  const model = await body(`/v1/${own.project}/models/${own.model_id}`);
  const service = await body(`/v1/${own.project}/services/${own.service_id}`);
  return {
    job: [metadata.name, metadata.description, status.phase],
    model: [model.model_name, model.model_status],
    service: [service.service_name, service.status, service.description],
    others: await Promise.all(paths.map(body)),
  };
}
