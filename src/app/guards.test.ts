import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { furnish } from '../../test/furnished.ts';
import { createWorld, REGION, type Tenant, type World } from '../../test/world.ts';
import type { AnyOperation } from '../http/index.ts';
import type { Principal } from '../kernel/principal.ts';
import { pathParameters } from '../wire/operation.ts';
import { allOperations } from './operations.ts';

/**
 * Every operation as every kind of caller. Nothing may answer without a decision, so the two lists here may only shrink, or grow
 * on purpose: each entry is an operation that no policy guards.
 */

/** Anybody may call these. */
const PUBLIC = [
  'DownloadTrainingJobLog',
  'KeystoneCreateToken',
  'ShowLiveness',
  'ShowMetrics',
  'ShowOpenApi',
  'ShowReadiness',
  'VerifyInference',
];

/** Any valid credential will do; the handler decides the rest. */
const AUTHENTICATED = [
  'CreatePermanentAccessKey',
  'CreateTemporaryAccessKey',
  'DeletePermanentAccessKey',
  'KeystoneListAuthDomains',
  'KeystoneListAuthProjects',
  'KeystoneListGroupsForUser',
  'KeystoneListProjects',
  'KeystoneListProjectsForUser',
  'KeystoneListRegions',
  'KeystoneShowCatalog',
  'KeystoneShowProject',
  'KeystoneShowUser',
  'KeystoneUpdateUserPassword',
  'KeystoneValidateToken',
  'ListPermanentAccessKeys',
  'ShowPermanentAccessKey',
  'ShowTrainingJobEngines',
  'ShowTrainingJobFlavors',
  'ShowUser',
  'UpdatePermanentAccessKey',
];

/** Where the body decides which action is needed: bodies that need each of them. */
const DECIDING_BODIES: Record<string, unknown[]> = {
  UpdateService: [{ status: 'stopped' }, { description: 'other' }],
  PatchServiceV2: [{ status: 'stopped' }, { description: 'other' }],
};

/** Parameters of paths that a handler does not look at; this list may only shrink. */
const UNREAD: string[] = [];

const guardOf = (operation: AnyOperation): 'public' | 'authenticated' | 'action' => {
  const { action } = operation;
  if (typeof action !== 'object') return 'action';
  return 'public' in action ? 'public' : 'authenticated';
};
const operationsWith = (...guards: string[]) => allOperations.filter(operation => guards.includes(guardOf(operation)));

let world: World;
/** Another account. */
let rival: Tenant;
let rivalToken: string;
/** Things of the first account, by the names of path parameters. */
let own: Record<string, string>;

before(async () => {
  world = await createWorld({ work: true });
  rival = await world.tenant('rival');
  rivalToken = await world.login(rival);
  own = await furnish(world);
});
after(() => world?.remove());

/** The path of an operation with its parameters filled in. */
function pathOf(operation: AnyOperation, values: Record<string, string>): string {
  return operation.path.replace(/\{(\w+)\}/g, (_: string, name: string) => {
    assert.ok(values[name], `the furnished world has a thing for {${name}}`);
    return values[name];
  });
}

/** Calls an operation, with each body that leads to another action. */
async function callAll(operation: AnyOperation, token: string | undefined, values: Record<string, string>) {
  const bodies = DECIDING_BODIES[operation.id] ?? [operation.body ? {} : undefined];
  return Promise.all(bodies.map(body => world.send(operation.method, pathOf(operation, values), { token, body })));
}

/** Runs a check of every operation and reports all that fail together. */
async function everyOne(operations: readonly AnyOperation[], check: (operation: AnyOperation) => Promise<void>) {
  assert.ok(operations.length > 0);
  const failures: string[] = [];
  for (const operation of operations) {
    await check(operation).catch(error =>
      failures.push(`${operation.id} ${operation.method} ${operation.path}: ${(error as Error).message}`),
    );
  }
  assert.deepEqual(failures, []);
}

test('the operations that no policy guards are the known ones, each with its reason', () => {
  assert.deepEqual(
    operationsWith('public')
      .map(operation => operation.id)
      .sort(),
    PUBLIC,
  );
  assert.deepEqual(
    operationsWith('authenticated')
      .map(operation => operation.id)
      .sort(),
    AUTHENTICATED,
  );
  for (const operation of operationsWith('public', 'authenticated')) {
    const [reason] = Object.values(operation.action as Record<string, string>);
    assert.ok(reason!.length > 20, `${operation.id} says why nothing guards it`);
  }
});

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

test('actions are of the form service:type:action', () => {
  for (const { id, action } of allOperations) {
    const bodies = DECIDING_BODIES[id] ?? [{}];
    const actions =
      typeof action === 'function' ? bodies.map(body => action({ params: {}, query: {}, body })) : [action];
    for (const each of actions) {
      if (typeof each === 'string') assert.match(each, /^[a-z]+:[A-Za-z]+:[A-Za-z]+$/, id);
    }
    if (typeof action === 'function') assert.ok(DECIDING_BODIES[id], `${id} has bodies in this test`);
  }
});

test('without a credential, or with one that is not good, nothing but the public answers', async () => {
  await everyOne(operationsWith('authenticated', 'action'), async operation => {
    for (const token of [undefined, 'nonsense', `${rivalToken}x`]) {
      for (const answer of await callAll(operation, token, own)) assert.equal(answer.status, 401);
    }
  });
  await everyOne(operationsWith('public'), async operation => {
    for (const answer of await callAll(operation, undefined, own)) {
      assert.ok(answer.status < 500, `${answer.status} ${answer.text}`);
    }
  });
});

test('an IAM user without any grant is refused everything that has an action', async () => {
  const token = await world.login({ account: world.root.account, name: 'ann' });
  await everyOne(operationsWith('action'), async operation => {
    for (const answer of await callAll(operation, token, own)) assertDenied(operation, answer);
  });
});

test('an agency without any grant is refused everything that has an action', async () => {
  const token = await world.login(world.root);
  const answer = await world.send('POST', '/v3/auth/tokens', {
    token,
    body: {
      auth: {
        identity: {
          methods: ['assume_role'],
          assume_role: { agency_name: 'helpers', domain_id: world.root.accountId },
        },
        scope: { project: { name: REGION } },
      },
    },
  });
  assert.equal(answer.status, 201, answer.text);
  const assumed = answer.headers.get('x-subject-token')!;
  await everyOne(operationsWith('action'), async operation => {
    for (const refusal of await callAll(operation, assumed, own)) assertDenied(operation, refusal);
  });
});

test('the root user of another account is refused a foreign project on every operation', async () => {
  const scoped = operationsWith('authenticated', 'action').filter(({ path }) => path.includes('{project_id}'));
  await everyOne(scoped, async operation => {
    const { code, status } = operation.projectMismatch ?? { code: 'ModelArts.0210', status: 403 };
    for (const answer of await callAll(operation, rivalToken, own)) {
      assert.equal(answer.status, status);
      if (operation.method !== 'HEAD') assert.equal(answer.body.error_code, code);
    }
  });
});

test('the things of an account are not there for the root user of another, in its own project or anywhere', async () => {
  const before = await snapshot();
  const named = operationsWith('authenticated', 'action').filter(({ path }) =>
    pathParameters(path).some(name => name !== 'project_id'),
  );
  await everyOne(named, async operation => {
    const bodies = DECIDING_BODIES[operation.id] ?? [operation.body && sample(operation.body)];
    for (const body of bodies) {
      const path = pathOf(operation, { ...own, project_id: rival.projectId });
      const answer = await world.send(operation.method, path, { token: rivalToken, body });
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text}`);
      assert.doesNotMatch(answer.text, /"ann"|"staff"|"helpers"|"readers"|furnished/);
    }
  });
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
    const call = { params, query: {}, body, principal, projectId: world.root.projectId, headers: {} };
    await handler({ ...call, requestId: '', remoteAddress: '127.0.0.1' } as never).catch(() => undefined);
    for (const name of missing) ignored.push(`${operation.id}: ${name}`);
  }
  assert.deepEqual(ignored, UNREAD);
});

function assertDenied(operation: AnyOperation, answer: Awaited<ReturnType<World['send']>>): void {
  assert.equal(answer.status, 403, `${answer.status} ${answer.text}`);
  if (operation.method === 'HEAD') return;
  assert.equal(answer.body.error_code, operation.errors === 'modelarts' ? 'ModelArts.0112' : 'IAM.0003');
  assert.match(answer.body.error_msg, /^Policy doesn't allow [a-z]+:[A-Za-z]+:[A-Za-z]+ to be performed\./);
}

/** What the first account has, as its root user sees it, without what changes by itself. */
async function snapshot(): Promise<unknown> {
  const token = await world.login(world.root);
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
  const body = async (path: string) => (await world.send('GET', path, { token })).body;
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

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  anyOf?: Schema[];
  items?: Schema;
  const?: unknown;
  minimum?: number;
  minItems?: number;
}

/** The smallest value that a schema accepts. */
function sample(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.anyOf) return sample(schema.anyOf[0]!);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map(name => [name, sample(schema.properties![name]!)]));
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sample(schema.items!));
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    default:
      return 'x';
  }
}
