import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, workspacesWorld } from './workspaces.fixture.ts';

const ALL = ['modelarts:workspace:*', 'iam:users:listUsers'];

test('a workspace is created, shown and changed', async t => {
  const { root, iam, enterpriseProject } = await workspacesWorld(t);
  const ep = await enterpriseProject('sales');
  const { id: annId } = await iam.user('ann');
  const created = await root.call('POST', '', {
    name: 'lab_Ω-1',
    description: 'for trials',
    auth_type: 'internal',
    enterprise_project_id: ep,
    grants: [{ user_name: 'ann' }],
  });
  assert.equal(created.status, 200, created.text);
  const { id, create_time, update_time, ...rest } = created.body;
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.ok(create_time > 1_600_000_000_000 && update_time === create_time);
  assert.deepEqual(rest, {
    name: 'lab_Ω-1',
    description: 'for trials',
    owner: 'acme',
    auth_type: 'INTERNAL',
    enterprise_project_id: ep,
    enterprise_project_name: 'sales',
    status: 'NORMAL',
    status_info: '',
    grants: [{ user_id: annId, user_name: 'ann', user_type: 'IAM' }],
  });
  assert.deepEqual((await root.call('GET', `/${id}`)).body, created.body);

  const changed = await root.call('PUT', `/${id}`, { description: 'for all', auth_type: 'PUBLIC', grants: [] });
  assert.deepEqual([changed.status, changed.body], [200, { workspace_id: id }]);
  const shown = (await root.call('GET', `/${id}`)).body;
  assert.deepEqual(
    [shown.name, shown.description, shown.auth_type, shown.grants],
    ['lab_Ω-1', 'for all', 'PUBLIC', []],
  );
  const simple = await root.call('POST', '', { name: 'simple' });
  assert.deepEqual(
    [simple.body.auth_type, simple.body.enterprise_project_id, simple.body.enterprise_project_name],
    ['PUBLIC', '0', 'default'],
  );
});

test('the default workspace is always there and cannot be changed', async t => {
  const { root } = await workspacesWorld(t);
  const { body } = await root.call('GET', '/0');
  assert.deepEqual(body, {
    id: '0',
    name: 'default',
    description: '',
    owner: 'acme',
    create_time: 0,
    update_time: 0,
    auth_type: 'PUBLIC',
    enterprise_project_id: '0',
    enterprise_project_name: 'default',
    status: 'NORMAL',
    status_info: '',
    grants: [],
  });
  refused(await root.call('PUT', '/0', { name: 'mine' }), 400, 'ModelArts.3566', /default workspace cannot be changed/);
  refused(await root.call('DELETE', '/0'), 400, 'ModelArts.3566', /default workspace cannot be changed/);
  const quota = { quotas: [{ resource: 'exemlProject.gpu_duration', quota: 1 }] };
  refused(await root.call('PUT', '/0/quotas', quota), 400, 'ModelArts.3566', /quotas of the default/);
  refused(await root.call('POST', '', { name: 'default' }), 400, 'ModelArts.3566', /\[name\]/);
});

test('bad input is refused with the field and the rule, when creating and when changing', async t => {
  const { root, make, enterpriseProject, iam } = await workspacesWorld(t);
  const id = await make('fine');
  const rival = await iam.account('rival');
  for (const [body, text] of [
    [{ name: 'abc' }, /\[name\] should have 4 to 64/],
    [{ name: 'a'.repeat(65) }, /\[name\]/],
    [{ name: 'with blank' }, /\[name\]/],
    [{ name: 'slash/ed' }, /\[name\]/],
    [{ name: 7 }, /\[name\]/],
    [{ description: 'x'.repeat(257) }, /\[description\] should have at most 256/],
    [{ description: 7 }, /\[description\]/],
    [{ auth_type: 'SECRET' }, /\[auth_type\] should be one of \["PUBLIC","PRIVATE","INTERNAL"\]/],
    [{ auth_type: true }, /\[auth_type\]/],
    [{ enterprise_project_id: 'f'.repeat(36) }, /\[enterprise_project_id\]/],
    [{ enterprise_project_id: 0 }, /\[enterprise_project_id\]/],
    [{ grants: {} }, /\[grants\]/],
    [{ grants: ['ann'] }, /\[grants\[0\]\]/],
    [{ grants: [{}] }, /\[grants\[0\]\] should have a user_id or a user_name/],
    [{ grants: [{ user_id: 7 }] }, /\[grants\[0\].user_id\]/],
    [{ grants: [{ user_id: 'acme' }] }, /\[grants\[0\].user_id\]: there is no user acme in this account/],
    [{ grants: [{ user_name: 'nobody' }] }, /\[grants\[0\].user_name\]: there is no user nobody/],
    [{ grants: [{ user_id: rival.userId }] }, /\[grants\[0\].user_id\]: there is no user/],
    [{ grants: [{ user_name: 'acme', user_type: 'GROUP' }] }, /\[grants\[0\].user_type\] should be one of/],
    [{ grants: [{ user_name: 'acme', user_type: 'AGENCY' }] }, /there is no agency acme in this account/],
    [{ grants: [{ user_name: 'x'.repeat(257), user_type: 'FEDERATE' }] }, /\[grants\[0\].user_name\] .*at most 256/],
    [{ grants: Array(1001).fill({ user_name: 'acme' }) }, /\[grants\] .*1000/],
  ] as const) {
    refused(await root.call('POST', '', { name: 'other', ...body }), 400, 'ModelArts.0104', text);
    refused(await root.call('PUT', `/${id}`, body), 400, 'ModelArts.0104', text);
  }
  refused(await root.call('POST', '', {}), 400, 'ModelArts.0104', /\[name\] is required/);
  const ep = await enterpriseProject('closed');
  await root.call('POST', `/v1.0/enterprise-projects/${ep}/action`, { action: 'disable' });
  const disabled = await root.call('POST', '', { name: 'other', enterprise_project_id: ep });
  refused(disabled, 400, 'ModelArts.0104', /closed is disabled/);
  for (const query of ['limit=0', 'limit=1001', 'offset=-1', 'sort_by=owner', 'order=up', 'filter_accessible=maybe']) {
    refused(await root.call('GET', `?${query}`), 400, 'ModelArts.0104', new RegExp(`\\[${query.split('=')[0]}\\]`));
  }
  const { workspaces } = (await root.call('GET')).body;
  assert.deepEqual(
    workspaces.map((each: { name: string }) => each.name),
    ['fine', 'default'],
  );
});

test('the list is filtered, sorted and cut into pages, and shows no grants', async t => {
  const { root, make, enterpriseProject } = await workspacesWorld(t);
  const ep = await enterpriseProject('sales');
  await make('bravo', { enterprise_project_id: ep, grants: [{ user_name: 'acme' }] });
  await make('alpha');
  const list = async (query: string) => {
    const { status, body, text } = await root.call('GET', query);
    assert.equal(status, 200, text);
    assert.doesNotMatch(text, /grants/);
    return [body.workspaces.map((each: { name: string }) => each.name).join(), body.count, body.total_count];
  };
  assert.deepEqual(await list(''), ['default,bravo,alpha', 3, 3]);
  assert.deepEqual(await list('?order=asc'), ['alpha,bravo,default', 3, 3]);
  assert.deepEqual(await list('?order=asc&limit=1&offset=1'), ['bravo', 1, 3]);
  assert.deepEqual(await list('?name=A&order=asc'), ['alpha,bravo,default', 3, 3]);
  assert.deepEqual(await list('?name=ALP'), ['alpha', 1, 1]);
  assert.deepEqual(await list(`?enterprise_project_id=${ep}`), ['bravo', 1, 1]);
  assert.deepEqual((await list('?sort_by=update_time&order=asc&limit=1'))[0], 'default');
});

test('a project has at most 100 workspaces', async t => {
  const { root, make } = await workspacesWorld(t);
  for (let n = 0; n < 100; n++) await make(`space-${n}`);
  refused(await root.call('POST', '', { name: 'one-more' }), 400, 'ModelArts.7006', /limit of 100/);
});

test('who may enter: PUBLIC all, PRIVATE the creator, INTERNAL the creator and whom it was granted to', async t => {
  const { root, member, as, iam } = await workspacesWorld(t);
  const [ann, ben, cat] = await Promise.all([member('ann', ALL), member('ben', ALL), member('cat', ALL)]);
  const make = async (authType: string, more = {}) =>
    (await ann.call('POST', '', { name: `of-ann-${authType}`, auth_type: authType, ...more })).body.id as string;
  const spaces = {
    PUBLIC: await make('PUBLIC'),
    PRIVATE: await make('PRIVATE', { grants: [{ user_id: ben.id }] }),
    INTERNAL: await make('INTERNAL', { grants: [{ user_id: ben.id, user_name: 'cat' }] }),
  };
  for (const [who, may] of [
    [root, ['PUBLIC', 'PRIVATE', 'INTERNAL']],
    [ann, ['PUBLIC', 'PRIVATE', 'INTERNAL']],
    [ben, ['PUBLIC', 'INTERNAL']],
    [cat, ['PUBLIC']],
  ] as const) {
    for (const [type, id] of Object.entries(spaces)) {
      const [shown, changed, quotas] = [
        await who.call('GET', `/${id}`),
        await who.call('PUT', `/${id}`, { description: 'changed' }),
        await who.call('GET', `/${id}/quotas`),
      ];
      for (const answer of [shown, changed, quotas]) {
        if ((may as readonly string[]).includes(type)) assert.equal(answer.status, 200, answer.text);
        else refused(answer, 403, 'ModelArts.0112', new RegExp(`${id} is closed to the caller: it is ${type}`));
      }
      if (!(may as readonly string[]).includes(type)) {
        refused(await who.call('DELETE', `/${id}`), 403, 'ModelArts.0112', /is closed to the caller/);
      }
    }
    const names = async (query: string) =>
      (await who.call('GET', query)).body.workspaces.map((each: { name: string }) => each.name).sort();
    assert.equal((await names('')).length, 4, 'all are shown, also those one may not enter');
    const accessible = ['default', ...may.map(type => `of-ann-${type}`)].sort();
    assert.deepEqual(await names('?filter_accessible=true'), accessible);
  }
  const shown = (await root.call('GET', `/${spaces.INTERNAL}`)).body;
  assert.deepEqual(shown.grants, [{ user_id: ben.id, user_name: 'ben', user_type: 'IAM' }], 'the id wins');

  const rival = await iam.account('rival');
  const stranger = as(rival.userId, await iam.login({ account: 'rival', user: 'rival' }), rival.projectId);
  for (const id of Object.values(spaces)) {
    refused(await stranger.call('GET', `/${id}`), 400, 'ModelArts.7005', /there is no workspace/);
    refused(await stranger.call('PUT', `/${id}`, { name: 'taken-over' }), 400, 'ModelArts.7005', /no workspace/);
    refused(await stranger.call('DELETE', `/${id}`), 400, 'ModelArts.7005', /no workspace/);
    refused(await stranger.call('GET', `/${id}/quotas`), 400, 'ModelArts.7005', /no workspace/);
  }
  assert.equal((await stranger.call('GET')).body.total_count, 1);
});

test('agencies and federated users are let in by grants of their kind, and a session by the user it works for', async t => {
  const { iam, root, workspaces, make } = await workspacesWorld(t);
  const { accountId, projectId } = iam.root;
  const trust_domain_id = (await iam.account('helper')).accountId;
  const { agency } = (
    await root.call('POST', '/v3.0/OS-AGENCY/agencies', { agency: { name: 'visitors', trust_domain_id } })
  ).body;
  const { id: annId } = await iam.user('ann');
  const space = await make('guests', {
    auth_type: 'INTERNAL',
    grants: [
      { user_name: 'visitors', user_type: 'agency' },
      { user_name: 'fed-by-name', user_type: 'FEDERATE' },
      { user_id: 'fed-id', user_name: 'ignored', user_type: 'FEDERATE' },
      { user_name: 'ann' },
    ],
  });
  assert.deepEqual(
    (await root.call('GET', `/${space}`)).body.grants.filter(
      (each: { user_type: string }) => each.user_type === 'FEDERATE',
    ),
    [
      { user_name: 'fed-by-name', user_type: 'FEDERATE' },
      { user_id: 'fed-id', user_name: 'ignored', user_type: 'FEDERATE' },
    ],
    'a name beside the id is kept for people to read',
  );
  const base = { accountId, accountName: 'acme', projectId, credential: 'token' } as const;
  const enters = async (principal: object) =>
    (await workspaces.find(projectId, space))!.admits({ ...base, ...principal } as never).allowed;
  assert.equal(await enters({ kind: 'agency', id: agency.id, name: 'visitors' }), true);
  assert.equal(await enters({ kind: 'agency', id: 'other', name: 'visitors' }), false);
  assert.equal(await enters({ kind: 'federated', id: 'any', name: 'fed-by-name' }), true);
  assert.equal(await enters({ kind: 'federated', id: 'fed-id', name: 'any' }), true);
  assert.equal(await enters({ kind: 'federated', id: 'any', name: 'ignored' }), false);
  assert.equal(await enters({ kind: 'user', id: 'any', name: 'fed-by-name' }), false);
  const platform = { kind: 'agency', id: 'platform', name: 'modelarts_agency' };
  assert.equal(await enters({ ...platform, onBehalfOf: { id: annId, name: 'ann' } }), true);
  assert.equal(await enters({ ...platform, onBehalfOf: { id: iam.root.userId, name: 'acme' } }), true, 'the creator');
  assert.equal(await enters(platform), false);
  const elsewhere = { id: annId, name: 'ann', accountId: trust_domain_id };
  assert.equal(await enters({ ...platform, onBehalfOf: elsewhere }), false, 'a user of another account');
  assert.equal(await enters({ kind: 'root', accountId: trust_domain_id, id: 'x', name: 'helper' }), false);
});

test('actions are needed besides, and to name users iam:users:listUsers', async t => {
  const { make, member } = await workspacesWorld(t);
  const id = await make('open-to-all');
  const nobody = await member('nobody', []);
  for (const [method, path, body, action] of [
    ['GET', '', undefined, 'list'],
    ['POST', '', { name: 'mine' }, 'create'],
    ['GET', `/${id}`, undefined, 'get'],
    ['PUT', `/${id}`, {}, 'update'],
    ['DELETE', `/${id}`, undefined, 'delete'],
    ['GET', `/${id}/quotas`, undefined, 'getQuotas'],
    ['PUT', `/${id}/quotas`, {}, 'updateQuotas'],
  ] as const) {
    const text = new RegExp(`modelarts:workspace:${action} to be performed`);
    refused(await nobody.call(method, path, body), 403, 'ModelArts.0112', text);
  }
  const lead = await member('lead', ['modelarts:workspace:*']);
  for (const answer of [
    await lead.call('POST', '', { name: 'mine', grants: [{ user_name: 'nobody' }] }),
    await lead.call('PUT', `/${id}`, { grants: [{ user_name: 'nobody' }] }),
  ]) {
    refused(answer, 403, 'ModelArts.0112', /iam:users:listUsers to be performed, which is needed to name users/);
  }
  assert.equal((await lead.call('POST', '', { name: 'mine', grants: [] })).status, 200);
});

test('what is granted by an enterprise project counts for its workspaces alone', async t => {
  const { make, member, enterpriseProject, root } = await workspacesWorld(t);
  const ep = await enterpriseProject('sales');
  const [inside, outside] = [await make('inside', { enterprise_project_id: ep }), await make('outside')];
  const ann = await member('ann', ALL, ep);
  assert.equal((await ann.call('GET', `/${inside}`)).status, 200);
  assert.equal((await ann.call('PUT', `/${inside}`, { description: 'hers' })).status, 200);
  assert.equal((await ann.call('GET', `/${inside}/quotas`)).status, 200);
  for (const id of [outside, '0']) {
    refused(await ann.call('GET', `/${id}`), 403, 'ModelArts.0112', /modelarts:workspace:get/);
  }
  refused(await ann.call('POST', '', { name: 'more' }), 403, 'ModelArts.0112', /modelarts:workspace:create/);
  const moved = await root.call('PUT', `/${inside}`, { enterprise_project_id: '0' });
  refused(moved, 400, 'ModelArts.0104', /\[enterprise_project_id\] cannot be changed/);
  assert.equal((await root.call('PUT', `/${inside}`, { enterprise_project_id: ep })).status, 200, 'as it is');

  const path = `/v1.0/enterprise-projects/${ep}`;
  const { body } = await root.call('POST', `${path}/resources/filter`, { resource_types: ['workspace'] });
  assert.deepEqual([body.total_count, body.resources[0].resource_id], [1, inside]);
  const kept = await root.call('DELETE', path);
  assert.equal(kept.status, 409, kept.text);
  assert.match(kept.text, /workspace inside belongs to it/);
});

test('quotas are shown with their use, set within their range, and kept when something is created', async t => {
  const { root, make, workspaces, iam } = await workspacesWorld(t);
  const { projectId } = iam.root;
  let count = 2;
  const quota = {
    resource: 'trainJob.count',
    name_en: 'Training jobs',
    name_cn: '训练作业',
    unit_en: '',
    unit_cn: '个',
  };
  workspaces.setContents([
    {
      kind: 'training-job',
      deleteAction: 'modelarts:trainJob:delete',
      quota: { ...quota, max: 50 },
      count: async () => count,
      clear: async () => count,
    },
  ]);
  const id = await make('limited');
  const before = (await root.call('GET', `/${id}/quotas`)).body.quotas;
  assert.deepEqual(before[0], { ...quota, quota: -1, min_quota: -1, max_quota: 50, update_time: 0, used_quota: null });
  assert.deepEqual([before[1].resource, before[1].max_quota], ['exemlProject.gpu_duration', 60_000]);
  await workspaces.admit(projectId, id, 'trainJob.count', 1_000);

  const set = await root.call('PUT', `/${id}/quotas`, {
    quotas: [
      { resource: 'trainJob.count', quota: 3 },
      { resource: 'exemlProject.gpu_duration', quota: 60_000 },
    ],
  });
  assert.equal(set.status, 200, set.text);
  assert.deepEqual(
    set.body.quotas.map((each: { resource: string; quota: number }) => [each.resource, each.quota]),
    [
      ['trainJob.count', 3],
      ['exemlProject.gpu_duration', 60_000],
    ],
  );
  assert.ok(set.body.quotas[0].update_time > 0 && !('used_quota' in set.body.quotas[0]));
  const after = (await root.call('GET', `/${id}/quotas`)).body.quotas;
  assert.deepEqual([after[0].quota, after[0].used_quota, after[1].used_quota], [3, 2, 0]);

  await workspaces.admit(projectId, id, 'trainJob.count', count);
  count = 3;
  await assert.rejects(workspaces.admit(projectId, id, 'trainJob.count', count), {
    code: 'ModelArts.7006',
    status: 400,
    message: /holds 3 of trainJob.count, and its quota is 3/,
  });
  await workspaces.admit(projectId, id, 'model.count', 1_000);
  await workspaces.admit(projectId, '0', 'trainJob.count', 1_000);
  await assert.rejects(workspaces.admit(projectId, 'f'.repeat(32), 'trainJob.count', 0), { code: 'ModelArts.7005' });

  for (const [body, text] of [
    [{}, /\[quotas\] is required/],
    [{ quotas: [] }, /\[quotas\]/],
    [{ quotas: [{ resource: 'trainJob.count' }] }, /\[quotas\[0\].quota\] is required/],
    [{ quotas: [{ resource: 'trainJob.count', quota: 1.5 }] }, /\[quotas\[0\].quota\]/],
    [{ quotas: [{ resource: 'trainJob.count', quota: '1' }] }, /\[quotas\[0\].quota\]/],
    [{ quotas: [{ resource: 'trainJob.count', quota: 51 }] }, /\[quotas\[0\].quota\] should be from 0 to 50, or -1/],
    [{ quotas: [{ resource: 'trainJob.count', quota: -2 }] }, /\[quotas\[0\].quota\]/],
    [{ quotas: [{ resource: 'gold', quota: 1 }] }, /\[quotas\[0\].resource\] should be one of/],
    [
      {
        quotas: [
          { resource: 'trainJob.count', quota: 9 },
          { resource: 'gold', quota: 1 },
        ],
      },
      /\[quotas\[1\].resource\]/,
    ],
  ] as const) {
    refused(await root.call('PUT', `/${id}/quotas`, body), 400, 'ModelArts.0104', text);
  }
  assert.equal((await root.call('GET', `/${id}/quotas`)).body.quotas[0].quota, 3, 'all of them or none');
  assert.equal((await root.call('GET', '/0/quotas')).body.quotas[0].used_quota, null);
});

test('an enterprise project that goes away takes no workspace with it', async t => {
  const { root, enterpriseProject } = await workspacesWorld(t);
  for (let n = 0; n < 10; n++) {
    const ep = await enterpriseProject(`brief-${n}`);
    const path = `/v1.0/enterprise-projects/${ep}`;
    const making = root.call('POST', '', { name: `hasty-${n}`, enterprise_project_id: ep });
    const [made, removed] = await Promise.all([making, root.call('DELETE', path)]);
    assert.equal(made.status === 200, removed.status === 409, `${made.text} ${removed.text}`);
    assert.equal((await root.call('GET', path)).status, made.status === 200 ? 200 : 404);
  }
});
