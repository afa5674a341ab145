import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Principal } from '../../kernel/principal.ts';
import { type IamWorld, iamWorld } from '../iam/world.fixture.ts';
import { type Authorizations, authorizationsMigrations, createAuthorizations } from './index.ts';

interface World extends IamWorld {
  authorizations: Authorizations;
  token: string;
  /** A call on the project of the first account, by its root user unless a token is given. */
  call: (method: string, path: string, body?: unknown, token?: string) => ReturnType<IamWorld['send']>;
  principal(name: string): Promise<Principal>;
}

async function setUp(t: TestContext): Promise<World> {
  let authorizations: Authorizations | undefined;
  const world = await iamWorld(t, {
    more: authorizationsMigrations,
    routes: deps => {
      authorizations = createAuthorizations(deps);
      return authorizations.routes;
    },
  });
  const token = await world.login();
  return {
    ...world,
    authorizations: authorizations!,
    token,
    call: (method, path, body, by = token) =>
      world.send(method, `/v2/${world.root.projectId}${path}`, { token: by, ...(body === undefined ? {} : { body }) }),
    async principal(name) {
      const user = (await world.iam.userByName(world.root.accountId, name))!;
      const kind = name === 'acme' ? 'root' : 'user';
      const { accountId } = world.root;
      return { kind, id: user.id, name, accountId, accountName: 'acme', credential: 'token' };
    },
  };
}

test('an agency for all users, then one of their own for some', async t => {
  const { call, authorizations, principal, user, root } = await setUp(t);
  await user('ann');
  await user('bob');
  const [ann, bob] = [await principal('ann'), await principal('bob')];
  await assert.rejects(authorizations.agencyFor(ann, root.projectId), { code: 'ModelArts.2785', status: 403 });

  const made = await call('POST', '/agency', { agency_name_suffix: 'team' });
  assert.equal(made.status, 200);
  assert.deepEqual(made.body, { agency_name: 'ma_agency_team' });
  assert.equal((await call('POST', '/agency')).body.agency_name, 'modelarts_agency');
  assert.equal((await call('POST', '/agency', { agency_name_suffix: 'team' })).body.error_code, 'ModelArts.0421');

  const all = { user_id: 'all', type: 'agency', content: 'ma_agency_team' };
  assert.deepEqual((await call('POST', '/authorizations', all)).body, { result: true });
  assert.equal(await authorizations.agencyFor(ann, root.projectId), 'ma_agency_team');
  assert.equal((await call('POST', '/authorizations', all)).body.error_code, 'ModelArts.0424');
  assert.equal(
    (await call('POST', '/authorizations', { ...all, user_id: 'all-users' })).body.error_code,
    'ModelArts.0424',
  );

  const own = { user_id: ann.id, type: 'agency', content: 'modelarts_agency' };
  assert.equal((await call('POST', '/authorizations', own)).status, 200);
  assert.equal(await authorizations.agencyFor(ann, root.projectId), 'modelarts_agency');
  assert.equal(await authorizations.agencyFor(bob, root.projectId), 'ma_agency_team');

  const listed = (await call('GET', '/authorizations?sort_by=create_time&order=desc&limit=1')).body;
  assert.equal(listed.total_count, 2);
  assert.equal(listed.auth.length, 1);
  const everyone = (await call('GET', '/authorizations?sort_by=user_name')).body.auth;
  assert.deepEqual(
    everyone.map((item: { user_id: string; content: string }) => [item.user_id, item.content]),
    [
      ['all-users', 'ma_agency_team'],
      [ann.id, 'modelarts_agency'],
    ],
  );
  assert.equal(typeof everyone[0].create_time, 'number');

  assert.deepEqual((await call('DELETE', `/authorizations?user_id=${ann.id}`)).body, { result: true });
  assert.equal(await authorizations.agencyFor(ann, root.projectId), 'ma_agency_team');
  assert.deepEqual((await call('DELETE', '/authorizations?user_id=all')).body, {
    result: true,
    success_message: 'Delete all-users auth info successfully!',
  });
  assert.equal((await call('DELETE', '/authorizations?user_id=all-users')).body.error_code, 'ModelArts.0429');
  await assert.rejects(authorizations.agencyFor(ann, root.projectId), { code: 'ModelArts.2785' });
});

test('the agency made here can do what a job needs, and nothing in IAM', async t => {
  const { call, iam, root } = await setUp(t);
  await call('POST', '/agency', { agency_name_suffix: 'x' });
  const { principal } = await iam.assumeAgency({
    accountId: root.accountId,
    agencyName: 'ma_agency_x',
    projectId: root.projectId,
    durationSeconds: 900,
  });
  for (const [action, allowed] of [
    ['obs:object:GetObject', true],
    ['obs:object:PutObject', true],
    ['obs:bucket:ListBucket', true],
    ['iam:users:createUser', false],
    ['iam:permissions:grantRoleToAgency', false],
  ] as const) {
    assert.equal((await iam.authorizer.decide(principal, { action })).allowed, allowed, action);
  }
});

test('bad input is refused with the documented codes', async t => {
  const { call, send, token, root, account, user } = await setUp(t);
  const rival = await account('rival');
  await user('ann');
  await call('POST', '/agency', { agency_name_suffix: 'x' });
  const content = 'ma_agency_x';
  const foreign = { agency: { name: 'lent', domain_id: root.accountId, trust_domain_name: 'rival' } };
  assert.equal((await send('POST', '/v3.0/OS-AGENCY/agencies', { token, body: foreign })).status, 201);
  const cases: [string, unknown, string][] = [
    ['/authorizations', { user_id: 'all', content: 'ma_agency_none' }, 'ModelArts.0420'],
    ['/authorizations', { user_id: 'all', content: 'lent' }, 'ModelArts.0420'],
    ['/authorizations', { user_id: 'f'.repeat(32), content }, 'ModelArts.0422'],
    ['/authorizations', { user_id: rival.userId, content }, 'ModelArts.0422'],
    ['/authorizations', { user_name: 'nobody', content }, 'ModelArts.0422'],
    ['/authorizations', { user_type: 'grant', user_id: rival.userId, content }, 'ModelArts.0422'],
    ['/authorizations', { user_type: 'federate', user_id: rival.userId, content }, 'ModelArts.0422'],
    ['/authorizations', { user_type: 'federate', content }, 'ModelArts.0422'],
    ['/authorizations', { user_type: 'federation-group', user_id: rival.userId, content }, 'ModelArts.0422'],
    ['/authorizations', { user_id: 'all', type: 'credential', content: 'AK', secret_key: 'SK' }, 'ModelArts.0425'],
    ['/authorizations', { user_id: 'all', type: 'magic', content }, 'ModelArts.0104'],
    ['/authorizations', { user_id: 'all' }, 'ModelArts.0104'],
    ['/agency', { agency_name_suffix: 'a b' }, 'ModelArts.0104'],
    ['/agency', { agency_name_suffix: 'x'.repeat(51) }, 'ModelArts.0104'],
    ['/agency', { agency_name_suffix: 7 }, 'ModelArts.0104'],
  ];
  for (const [path, body, code] of cases) {
    const answer = await call('POST', path, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.equal(answer.body.error_code, code, JSON.stringify(body));
  }
  assert.equal((await call('GET', '/authorizations')).body.total_count, 0);
  assert.equal((await call('GET', '/authorizations?limit=1001')).status, 400);
  assert.equal((await call('GET', '/authorizations?sort_by=magic')).status, 400);
});

test('binding an agency takes more than administering ModelArts', async t => {
  const { call, user, login } = await setUp(t);
  await call('POST', '/agency', { agency_name_suffix: 'x' });
  const all = { user_id: 'all', content: 'ma_agency_x' };
  await user('ann', ['ModelArts FullAccess']);
  await user('sec', ['Security Administrator']);
  await user('adm', ['ModelArts FullAccess', 'Security Administrator']);
  const refused: [string, string][] = [
    ['ann', 'ModelArts.0108'],
    ['sec', 'ModelArts.0112'],
  ];
  for (const [name, code] of refused) {
    const token = await login({ user: name });
    for (const [method, path, body] of [
      ['POST', '/authorizations', all],
      ['POST', '/agency', {}],
      ['DELETE', '/authorizations?user_id=all', undefined],
    ] as const) {
      const answer = await call(method, path, body, token);
      assert.equal(answer.status, 403);
      assert.equal(answer.body.error_code, code);
    }
  }
  assert.equal((await call('POST', '/authorizations', all, await login({ user: 'adm' }))).status, 200);
  // To be listed, the right to see is enough.
  assert.equal((await call('GET', '/authorizations', undefined, await login({ user: 'ann' }))).body.total_count, 1);
});

test('an agency that was deleted is named when it is needed', async t => {
  const { call, send, token, authorizations, principal, root, iam } = await setUp(t);
  await call('POST', '/agency', { agency_name_suffix: 'x' });
  await call('POST', '/authorizations', { user_id: 'all', content: 'ma_agency_x' });
  const { id } = (await iam.findAgency(root.accountId, 'ma_agency_x'))!;
  await send('DELETE', `/v3.0/OS-AGENCY/agencies/${id}`, { token });
  await assert.rejects(authorizations.agencyFor(await principal('acme'), root.projectId), {
    code: 'ModelArts.2785',
    message: /ma_agency_x/,
  });
});

test('code that runs by the platform agency goes on with it; a lent agency needs an entry', async t => {
  const { call, send, token, authorizations, root, iam, account } = await setUp(t);
  await account('rival');
  await call('POST', '/agency', { agency_name_suffix: 'x' });
  await send('POST', '/v3.0/OS-AGENCY/agencies', {
    token,
    body: { agency: { name: 'lent', domain_id: root.accountId, trust_domain_name: 'rival' } },
  });
  const as = async (name: string): Promise<Principal> => {
    const { id } = (await iam.findAgency(root.accountId, name))!;
    return { kind: 'agency', id, name, accountId: root.accountId, accountName: 'acme', credential: 'temporary-key' };
  };
  assert.equal(await authorizations.agencyFor(await as('ma_agency_x'), root.projectId), 'ma_agency_x');
  const lent = await as('lent');
  await assert.rejects(authorizations.agencyFor(lent, root.projectId), { code: 'ModelArts.2785' });
  const entry = { user_type: 'grant', user_id: lent.id, content: 'ma_agency_x' };
  assert.equal((await call('POST', '/authorizations', entry)).status, 200);
  assert.equal(await authorizations.agencyFor(lent, root.projectId), 'ma_agency_x');
});
