import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Answer, type IamWorld, iamWorld } from '../iam/world.fixture.ts';
import { type Bound, createEnterpriseProjects, enterpriseProjectsMigrations } from './index.ts';

const PATH = '/v1.0/enterprise-projects';

async function world(t: TestContext, bound?: Bound) {
  const iam = await iamWorld(t, {
    more: enterpriseProjectsMigrations,
    routes: ({ iam: { projectName }, db, clock }) => {
      const family = createEnterpriseProjects({ db, clock, region: 'local-1', projectName });
      if (bound) family.setBound(bound);
      return family.routes;
    },
  });
  return { iam, root: caller(iam, await iam.login()) };
}

const caller =
  (iam: IamWorld, token: string) =>
  (method: string, path = '', body?: unknown): Promise<Answer> =>
    iam.send(method, path.startsWith('/v1') ? path : PATH + path, { token, body });

function refused(answer: Answer, status: number, code: string, text: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.error.error_code, code, 'as EPS words it');
  assert.equal(answer.body.error_code, code, 'as the clients read it');
  assert.match(answer.body.error_msg, text);
}

test('an enterprise project is created, shown, changed, disabled, enabled and deleted', async t => {
  const { root } = await world(t);
  const created = await root('POST', '', { name: 'sales', description: 'of sales', type: 'poc' });
  assert.equal(created.status, 201, created.text);
  const { id, created_at, updated_at, ...rest } = created.body.enterprise_project;
  assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(updated_at, created_at);
  assert.deepEqual(rest, { name: 'sales', description: 'of sales', type: 'poc', status: 1, delete_flag: true });

  const changed = await root('PUT', `/${id}`, { name: 'marketing' });
  assert.equal(changed.status, 200, changed.text);
  const shown = (await root('GET', `/${id}`)).body.enterprise_project;
  assert.deepEqual(shown, changed.body.enterprise_project);
  assert.deepEqual([shown.name, shown.description, shown.type], ['marketing', 'of sales', 'poc']);

  for (const [action, status] of [
    ['disable', 2],
    ['enable', 1],
  ] as const) {
    assert.equal((await root('POST', `/${id}/action`, { action })).status, 204);
    assert.equal((await root('GET', `/${id}`)).body.enterprise_project.status, status);
  }
  assert.equal((await root('DELETE', `/${id}`)).status, 204);
  refused(await root('GET', `/${id}`), 404, 'EPS.0005', /There is no enterprise project/);
});

test('the default one is always there and cannot be changed', async t => {
  const { root } = await world(t);
  const shown = (await root('GET', '/0')).body.enterprise_project;
  assert.deepEqual([shown.id, shown.name, shown.status, shown.delete_flag], ['0', 'default', 1, false]);
  for (const [method, path, body] of [
    ['PUT', '/0', { name: 'mine' }],
    ['POST', '/0/action', { action: 'disable' }],
    ['DELETE', '/0', undefined],
  ] as const) {
    refused(await root(method, path, body), 400, 'EPS.0012', /default enterprise project cannot be changed/);
  }
});

test('the list is filtered, sorted and cut into pages', async t => {
  const { root } = await world(t);
  const ids: string[] = [];
  for (const name of ['one', 'two', 'twofold']) {
    const type = name === 'one' ? 'poc' : 'prod';
    ids.push((await root('POST', '', { name, type })).body.enterprise_project.id);
  }
  await root('POST', `/${ids[1]}/action`, { action: 'disable' });
  const names = async (query: string) => {
    const answer = await root('GET', query);
    assert.equal(answer.status, 200, answer.text);
    return [...answer.body.enterprise_projects.map((each: { name: string }) => each.name), answer.body.total_count];
  };
  assert.deepEqual(await names(''), ['default', 'one', 'two', 'twofold', 4]);
  assert.deepEqual(await names('?name=TWO'), ['two', 'twofold', 2]);
  assert.deepEqual(await names('?status=2'), ['two', 1]);
  assert.deepEqual(await names('?type=poc'), ['one', 1]);
  assert.deepEqual(await names(`?id=${ids[2]}`), ['twofold', 1]);
  assert.deepEqual(await names('?limit=1&offset=1'), ['one', 4]);
  assert.deepEqual((await names('?sort_key=created_at&sort_dir=desc')).at(-2), 'default');
});

test('bad input is refused with the field and the rule', async t => {
  const { root } = await world(t);
  const { id } = (await root('POST', '', { name: 'taken' })).body.enterprise_project;
  const other = (await root('POST', '', { name: 'other' })).body.enterprise_project.id;
  for (const [body, code, text] of [
    [{}, 'EPS.0002', /\[name\] is required/],
    [{ name: '' }, 'EPS.0007', /\[name\]/],
    [{ name: 'a b' }, 'EPS.0007', /\[name\]/],
    [{ name: 'x'.repeat(256) }, 'EPS.0007', /\[name\]/],
    [{ name: 'Default' }, 'EPS.0007', /\[name\] should not be "default"/],
    [{ name: 7 }, 'EPS.0002', /\[name\]/],
    [{ name: 'fine', description: 'x'.repeat(513) }, 'EPS.0008', /\[description\]/],
    [{ name: 'fine', type: 'test' }, 'EPS.0002', /\[type\] should be one of \["prod","poc"\]/],
  ] as const) {
    refused(await root('POST', '', body), 400, code, text);
    refused(await root('PUT', `/${id}`, body), 400, code, text);
  }
  refused(await root('POST', '', { name: 'taken' }), 409, 'EPS.0010', /named taken already/);
  refused(await root('PUT', `/${other}`, { name: 'taken' }), 409, 'EPS.0010', /named taken already/);
  assert.equal((await root('PUT', `/${id}`, { name: 'taken' })).status, 200, 'its own name is not taken');
  for (const query of ['?limit=0', '?limit=1001', '?offset=-1', '?status=3', '?type=x', '?sort_key=name']) {
    refused(await root('GET', query), 400, 'EPS.0002', /./);
  }
  for (const body of [{}, { action: 'delete' }]) {
    refused(await root('POST', `/${id}/action`, body), 400, 'EPS.0002', /\[action\]/);
  }
  for (const body of [
    {},
    { resource_types: 'workspace' },
    { resource_types: [], matches: [{ key: 'x', value: '' }] },
  ]) {
    refused(await root('POST', `/${id}/resources/filter`, body), 400, 'EPS.0002', /resource_types|matches/);
  }
});

test('an account has at most 100, which quotas tells', async t => {
  const { root } = await world(t);
  for (let n = 0; n < 100; n++) assert.equal((await root('POST', '', { name: `ep-${n}` })).status, 201);
  refused(await root('POST', '', { name: 'one-more' }), 400, 'EPS.0009', /limit of 100/);
  assert.deepEqual((await root('GET', '/quotas')).body, {
    quotas: { resources: [{ type: 'enterprise_project', quota: 100, used: 100 }] },
  });
});

test('what is bound to one is listed, and keeps it from being deleted', async t => {
  let bound: { id: string; name: string; projectId: string; type: string }[] = [];
  const { iam, root } = await world(t, async () => bound);
  const { id } = (await root('POST', '', { name: 'used' })).body.enterprise_project;
  bound = ['lab', 'office'].map(name => ({ id: `id-${name}`, name, projectId: iam.root.projectId, type: 'workspace' }));
  refused(await root('DELETE', `/${id}`), 409, 'EPS.0002', /workspace lab and 1 more belongs to it/);
  const filter = async (more: object) => {
    const answer = await root('POST', `/${id}/resources/filter`, { resource_types: [], ...more });
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  const all = await filter({});
  assert.equal(all.total_count, 2);
  assert.deepEqual(all.resources[0], {
    enterprise_project_id: id,
    project_id: iam.root.projectId,
    project_name: 'local-1',
    resource_id: 'id-lab',
    resource_name: 'lab',
    resource_type: 'workspace',
    resource_detail: {},
  });
  assert.equal((await filter({ resource_types: ['ecs'] })).total_count, 0);
  assert.equal((await filter({ projects: ['elsewhere'] })).total_count, 0);
  assert.equal(
    (await filter({ matches: [{ key: 'resource_name', value: 'off' }] })).resources[0].resource_name,
    'office',
  );
  assert.equal((await filter({ limit: 1, offset: 1 })).resources[0].resource_name, 'office');
  refused(
    await root('POST', `/${id}/resources-migrate`, { resource_id: 'id-lab', resource_type: 'workspace' }),
    400,
    'EPS.0002',
    /set when it is created/,
  );
  bound = [];
  assert.equal((await root('DELETE', `/${id}`)).status, 204);
});

test('providers and configs tell what is supported', async t => {
  const { root } = await world(t);
  const { providers } = (await root('GET', '/providers')).body;
  assert.deepEqual([providers[0].provider, providers[0].resource_types[0].resource_type], ['modelarts', 'workspace']);
  assert.equal((await root('GET', '/providers?provider=ecs')).body.total_count, 0);
  const configs = await root('GET', '/v1/enterprise-projects/configs');
  assert.deepEqual(configs.body, { support_item: { delete_ep_support: 'true' } });
});

test('a user needs the action; one of another account sees nothing', async t => {
  const { iam, root } = await world(t);
  const { id } = (await root('POST', '', { name: 'ours' })).body.enterprise_project;
  await iam.user('ann');
  await iam.user('eve', ['EPS FullAccess']);
  const ann = caller(iam, await iam.login({ user: 'ann' }));
  const eve = caller(iam, await iam.login({ user: 'eve' }));
  for (const [method, path, action, body] of [
    ['GET', '', 'list'],
    ['GET', `/${id}`, 'get'],
    ['POST', '', 'create', { name: 'theirs' }],
    ['PUT', `/${id}`, 'update', { name: 'theirs' }],
    ['POST', `/${id}/action`, 'disable', { action: 'disable' }],
    ['POST', `/${id}/action`, 'enable', { action: 'enable' }],
    ['DELETE', `/${id}`, 'delete'],
  ] as const) {
    refused(await ann(method, path, body), 403, 'EPS.0004', new RegExp(`eps:enterpriseProjects:${action} `));
  }
  assert.equal((await eve('GET', `/${id}`)).status, 200);

  const { account } = await iam.account('rival');
  const rival = caller(iam, await iam.login({ account, user: account }));
  assert.equal((await rival('GET')).body.total_count, 1);
  for (const [method, path, body] of [
    ['GET', `/${id}`],
    ['PUT', `/${id}`, { name: 'stolen' }],
    ['POST', `/${id}/action`, { action: 'disable' }],
    ['POST', `/${id}/resources/filter`, { resource_types: [] }],
    ['POST', `/${id}/resources-migrate`, { resource_id: 'x', resource_type: 'workspace' }],
    ['DELETE', `/${id}`],
  ] as const) {
    refused(await rival(method, path, body), 404, 'EPS.0005', /There is no enterprise project/);
  }
  assert.equal((await rival('POST', '', { name: 'ours' })).status, 201, 'names are per account');
  assert.equal((await root('GET', `/${id}`)).body.enterprise_project.name, 'ours');
});
