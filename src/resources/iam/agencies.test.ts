import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { manualClock, systemClock } from '../../kernel/clock.ts';
import { type Key, refused, rootKey, sdk, setUp } from './sdk.fixture.ts';
import { type IamWorld, iamWorld, OPERATOR_KEY, REGION } from './world.fixture.ts';

test('an agency is assumed by the account it trusts, by those who may, and ends when that ends', async t => {
  const { world } = await setUp(t);
  const rival = await world.account('rival');
  const lender = sdk(world, rootKey(rival), { domainId: rival.accountId });
  const { agency } = await lender.createAgency({
    body: { agency: { name: 'help', domain_id: rival.accountId, trust_domain_name: 'acme', description: 'by acme' } },
  });
  assert.equal(agency.trust_domain_id, world.root.accountId);
  const { roles } = await lender.keystoneListPermissions({ displayName: 'ModelArts FullAccess' });
  const grant = { domainId: rival.accountId, agencyId: agency.id, roleId: roles[0].id };
  await lender.associateAgencyWithAllProjectsPermission(grant);
  assert.equal((await lender.listAllProjectsPermissionsForAgency(grant)).roles[0].id, roles[0].id);

  // By a token of the trusted account.
  const assume = (token: string) =>
    world.send('POST', '/v3/auth/tokens', {
      token,
      body: {
        auth: {
          identity: { methods: ['assume_role'], assume_role: { agency_name: 'help', domain_name: 'rival' } },
          scope: { project: { name: REGION } },
        },
      },
    });
  const answer = await assume(await world.login());
  assert.equal(answer.status, 201);
  assert.equal(answer.body.token.assumed_by.user.name, 'acme');
  assert.equal(answer.body.token.project.id, rival.projectId);
  const token = answer.headers.get('x-subject-token')!;
  const things = `/v2/${rival.projectId}/things`;
  assert.equal((await world.send('GET', things, { token })).body.who.kind, 'agency');
  assert.equal((await world.send('GET', `/v2/${world.root.projectId}/things`, { token })).status, 403);

  // By a key: the temporary credential carries the agency's rights and no more.
  const identity = { methods: ['assume_role'], assume_role: { agency_name: 'help', domain_id: rival.accountId } };
  const body = { auth: { identity: { ...identity, assume_role: { ...identity.assume_role, duration_seconds: 900 } } } };
  const { credential } = await sdk(world, rootKey(world.root)).createTemporaryAccessKeyByAgency({ body });
  const session = sdk(world, credential, { domainId: rival.accountId });
  assert.equal((await session.keystoneListAuthDomains({})).domains[0].id, rival.accountId);
  await refused(session.keystoneListUsers({}), 403, /iam:users:listUsers/);
  await refused(session.createTemporaryAccessKeyByAgency({ body }), 403, /./);
  await refused(
    session.createTemporaryAccessKeyByToken({ body: { auth: { identity: { methods: ['token'] } } } }),
    403,
    /temporary/,
  );
  const { securitytoken: _, ...bare } = credential;
  await refused(sdk(world, bare, { domainId: rival.accountId }).keystoneListAuthDomains({}), 401, /X-Security-Token/);

  // Not by users without the right to switch, nor by other accounts.
  await world.user('ann', ['ModelArts FullAccess']);
  assert.equal((await assume(await world.login({ user: 'ann' }))).status, 403);
  await world.user('ops', ['Agent Operator']);
  assert.equal((await assume(await world.login({ user: 'ops' }))).status, 201);
  await world.account('third');
  const third = await assume(await world.login({ user: 'third', account: 'third' }));
  assert.equal(third.status, 404);

  // What the agency loses is lost at once.
  await lender.removeAllProjectsPermissionFromAgency(grant);
  assert.equal((await world.send('GET', things, { token })).status, 403);
  await lender.updateAgency({ agencyId: agency.id, body: { agency: { trust_domain_name: 'third' } } });
  assert.equal((await world.send('GET', things, { token })).status, 401);
  await refused(session.keystoneListAuthDomains({}), 401, /access key/);
  await lender.deleteAgency({ agencyId: agency.id });
});

test('temporary keys of the platform expire, and die with the agency', async t => {
  const clock = manualClock(systemClock.now());
  const world = await iamWorld(t, { clock });
  const { root, iam } = world;
  const name = 'ma_agency_t';
  const policies = ['OBS ReadOnlyAccess'];
  await iam.createAgency({ accountId: root.accountId, name, trust: 'service:modelarts', policies });
  const input = { accountId: root.accountId, agencyName: name, projectId: root.projectId, durationSeconds: 900 };
  const first = await iam.assumeAgency({ ...input, onBehalfOf: { id: root.userId, name: 'acme' } });
  assert.equal(first.expiresAt - Math.floor(clock.now() / 1000) * 1000, 900_000);
  const found = await iam.resolveAccessKey(first.access);
  assert.equal(found?.secret, first.secret);
  assert.equal(found?.securityToken, first.securityToken);
  assert.deepEqual(found?.principal.onBehalfOf, { id: root.userId, name: 'acme' });
  assert.equal(found?.principal.projectId, root.projectId);

  const get = { action: 'obs:bucket:ListBucket', resource: 'obs:*:*:bucket:b' };
  assert.equal((await iam.authorizer.decide(first.principal, get)).allowed, true);
  const put = { action: 'obs:object:PutObject', resource: 'obs:*:*:object:b/k' };
  const decision = await iam.authorizer.decide(first.principal, put);
  assert.equal(decision.allowed, false);
  assert.match(decision.reason, /obs:object:PutObject/);

  clock.advance(901_000);
  assert.equal(await iam.resolveAccessKey(first.access), undefined);

  // Taking the storage policy away, as the console does, counts for credentials already issued.
  const second = await iam.assumeAgency(input);
  const token = await world.login();
  const { body } = await world.send('GET', `/v3.0/OS-AGENCY/agencies?domain_id=${root.accountId}&name=${name}`, {
    token,
  });
  const path = `/v3.0/OS-INHERIT/domains/${root.accountId}/agencies/${body.agencies[0].id}/roles`;
  const listed = await world.send('GET', `${path}/inherited_to_projects`, { token });
  const [role] = listed.body.roles;
  assert.equal(role.display_name, 'OBS ReadOnlyAccess');
  assert.equal((await world.send('DELETE', `${path}/${role.id}/inherited_to_projects`, { token })).status, 204);
  assert.equal((await iam.authorizer.decide(second.principal, get)).allowed, false);

  assert.ok(await iam.resolveAccessKey(second.access));
  await world.send('DELETE', `/v3.0/OS-AGENCY/agencies/${body.agencies[0].id}`, { token });
  assert.equal(await iam.resolveAccessKey(second.access), undefined);
  await assert.rejects(iam.assumeAgency(input), /ma_agency_t does not exist/);
});

test('an account has at most 50 agencies', async t => {
  const { iam, root } = await iamWorld(t);
  const create = (i: number) =>
    iam.createAgency({ accountId: root.accountId, name: `a${i}`, trust: 'service:modelarts', policies: [] });
  for (let i = 0; i < 50; i++) await create(i);
  await assert.rejects(create(50), { code: 'IAM.0012', status: 403 });
  await assert.rejects(create(7), { code: 'IAM.0009' });
});

/** An agency of account `rival` that trusts the first one, with everything of ModelArts, and how to switch to it. */
async function lent(t: TestContext, clock?: ReturnType<typeof manualClock>) {
  const world = await iamWorld(t, clock ? { clock } : {});
  const rival = await world.account('rival');
  const rivalToken = await world.login({ user: 'rival', account: 'rival' });
  const made = await world.send('POST', '/v3.0/OS-AGENCY/agencies', {
    token: rivalToken,
    body: { agency: { name: 'help', trust_domain_name: 'acme' } },
  });
  const agency = made.body.agency as { id: string };
  const { body } = await world.send('GET', '/v3/roles?display_name=ModelArts%20FullAccess', { token: rivalToken });
  const path = `/v3.0/OS-INHERIT/domains/${rival.accountId}/agencies/${agency.id}/roles/${body.roles[0].id}/inherited_to_projects`;
  assert.equal((await world.send('PUT', path, { token: rivalToken })).status, 204);
  const assume = (token: string) =>
    world.send('POST', '/v3/auth/tokens', {
      token,
      body: {
        auth: {
          identity: { methods: ['assume_role'], assume_role: { agency_name: 'help', domain_name: 'rival' } },
          scope: { project: { name: REGION } },
        },
      },
    });
  const assumeKey = (token: string, more: object = {}, role: object = {}) =>
    world.send('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
      token,
      body: {
        auth: {
          identity: {
            methods: ['assume_role'],
            assume_role: { agency_name: 'help', domain_name: 'rival', duration_seconds: 3600, ...role },
            ...more,
          },
        },
      },
    });
  return { world, rival, rivalToken, agency, assume, assumeKey, things: `/v2/${rival.projectId}/things` };
}

test('who switched to a role of another account is known there, and to nobody else', async t => {
  const { world, assume, things, rivalToken } = await lent(t);
  const { id } = await world.user('ops', ['Agent Operator']);
  const answer = await assume(await world.login({ user: 'ops' }));
  const token = answer.headers.get('x-subject-token')!;
  const home = { id: world.root.accountId, name: 'acme' };
  assert.deepEqual(answer.body.token.assumed_by.user.domain, home);
  const who = (await world.send('GET', things, { token })).body.who;
  assert.deepEqual(who.onBehalfOf, { id, name: 'ops', accountId: home.id, accountName: home.name });
  const shown = await world.send('GET', '/v3/auth/tokens', {
    token: rivalToken,
    headers: { 'X-Subject-Token': token },
  });
  assert.equal(shown.body.token.assumed_by.user.name, 'ops');
  // A token of another scope is that of the same session.
  const rescoped = await world.send('POST', '/v3/auth/tokens', {
    body: { auth: { identity: { methods: ['token'], token: { id: token } }, scope: { domain: { name: 'rival' } } } },
  });
  assert.equal(rescoped.body.token.assumed_by.user.name, 'ops');
});

test('the right to use agencies of the platform is not the right to switch roles', async t => {
  const { world, assume } = await lent(t);
  const admin = await world.login();
  await world.user('ann', ['Tenant Administrator']);
  assert.equal((await assume(await world.login({ user: 'ann' }))).status, 403);
  const { groupId } = await world.user('bob');
  const role = await world.send('POST', '/v3.0/OS-ROLE/roles', {
    token: admin,
    body: {
      role: {
        display_name: 'one agency',
        type: 'AX',
        policy: {
          Version: '1.1',
          Statement: [{ Effect: 'Allow', Action: ['iam:agencies:assume'], Resource: { uri: ['/iam/agencies/other'] } }],
        },
      },
    },
  });
  const path = `/v3/domains/${world.root.accountId}/groups/${groupId}/roles/${role.body.role.id}`;
  assert.equal((await world.send('PUT', path, { token: admin })).status, 204);
  assert.equal((await assume(await world.login({ user: 'bob' }))).status, 403);
});

const ENDINGS: Record<string, (world: IamWorld, id: string, admin: string) => Promise<unknown>> = {
  'is disabled': (world, id, token) =>
    world.send('PATCH', `/v3/users/${id}`, { token, body: { user: { enabled: false } } }),
  'changes the password': (world, id, token) =>
    world.send('PATCH', `/v3/users/${id}`, { token, body: { user: { password: 'New-Horse-88' } } }),
  'is deleted': (world, id, token) => world.send('DELETE', `/v3/users/${id}`, { token }),
  'belongs to an account that is disabled': world =>
    world.send('PATCH', `/v3/domains/${world.root.accountId}`, {
      headers: { 'X-Operator-Key': OPERATOR_KEY },
      body: { domain: { enabled: false } },
    }),
};

for (const [what, end] of Object.entries(ENDINGS)) {
  test(`a switched role ends at once when the user behind it ${what}`, async t => {
    const { world, assume, assumeKey, things, agency } = await lent(t);
    const { id } = await world.user('ops', ['Agent Operator']);
    const admin = await world.login();
    const [mine, theirs] = [await world.login({ user: 'ops' }), admin];
    const token = (await assume(mine)).headers.get('x-subject-token')!;
    const rootsToken = (await assume(theirs)).headers.get('x-subject-token')!;
    const { access } = (await assumeKey(mine)).body.credential;
    // What is made of the session ends with it: a token of another scope, and a key.
    const rescoped = await world.send('POST', '/v3/auth/tokens', {
      body: { auth: { identity: { methods: ['token'], token: { id: token } }, scope: { project: { name: REGION } } } },
    });
    const derived = rescoped.headers.get('x-subject-token')!;
    const made = await world.send('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
      token: derived,
      body: { auth: { identity: { methods: ['token'] } } },
    });
    const derivedKey = made.body.credential.access;
    assert.equal((await world.send('GET', things, { token })).status, 200);
    assert.ok(await world.iam.resolveAccessKey(access));
    const invoke = (headers: Record<string, string>) =>
      world.iam.verifyInference({ method: 'POST', path: '/v1/infers/x', query: '', headers });
    assert.equal((await invoke({ 'x-auth-token': token })).sub, agency.id);

    await end(world, id, admin);
    for (const each of [token, derived]) assert.equal((await world.send('GET', things, { token: each })).status, 401);
    for (const each of [access, derivedKey]) assert.equal(await world.iam.resolveAccessKey(each), undefined);
    await assert.rejects(invoke({ 'x-auth-token': token }), { status: 401 });
    // The session of another user goes on, unless the whole account has ended.
    const other = what.includes('account') ? 401 : 200;
    assert.equal((await world.send('GET', things, { token: rootsToken })).status, other);
  });
}

test('an agency of limited life ends with everything that was made of it', async t => {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const { world, rivalToken, agency, assume, assumeKey, things } = await lent(t, clock);
  const path = `/v3.0/OS-AGENCY/agencies/${agency.id}`;
  const last = (duration: unknown) => world.send('PUT', path, { token: rivalToken, body: { agency: { duration } } });
  for (const [duration, hours, end] of [
    ['FOREVER', 'FOREVER', null],
    ['ONEDAY', '24', '2030-01-02T00:00:00.000000Z'],
    ['20', '480', '2030-01-21T00:00:00.000000Z'],
    [2, '48', '2030-01-03T00:00:00.000000Z'],
  ]) {
    const { body } = await last(duration);
    assert.equal(body.agency.duration, hours);
    assert.equal(body.agency.expire_time, end);
  }
  for (const bad of ['0', '-1', 'soon', 0, 4000, 1.5, '1e3']) assert.equal((await last(bad)).status, 400, String(bad));

  clock.advance(36 * 3600_000);
  const mine = await world.login();
  const answer = await assume(mine);
  assert.equal(answer.body.token.expires_at, '2030-01-03T00:00:00.000000Z');
  const token = answer.headers.get('x-subject-token')!;
  clock.advance(11.5 * 3600_000);
  const { access, expires_at } = (await assumeKey(mine)).body.credential;
  assert.equal(expires_at, '2030-01-03T00:00:00.000000Z');
  assert.equal((await world.send('GET', things, { token })).status, 200);
  clock.advance(0.5 * 3600_000);
  assert.equal((await world.send('GET', things, { token })).status, 401);
  assert.equal(await world.iam.resolveAccessKey(access), undefined);
  const late = await assume(mine);
  assert.equal(late.status, 404);
});

test('a shorter life of an agency ends what was made for longer, a longer one does not', async t => {
  const { world, rivalToken, agency, assume, things } = await lent(t);
  const path = `/v3.0/OS-AGENCY/agencies/${agency.id}`;
  const token = (await assume(await world.login())).headers.get('x-subject-token')!;
  const last = (duration: string) => world.send('PUT', path, { token: rivalToken, body: { agency: { duration } } });
  await last('FOREVER');
  assert.equal((await world.send('GET', things, { token })).status, 200);
  await last('ONEDAY');
  assert.equal((await world.send('GET', things, { token })).status, 401);
});

test('the platform does not assume an agency that has expired', async t => {
  const clock = manualClock(systemClock.now());
  const { iam, root, send, login } = await iamWorld(t, { clock });
  await send('POST', '/v3.0/OS-AGENCY/agencies', {
    token: await login(),
    body: { agency: { name: 'ma_agency_day', trust_domain_name: 'op_svc_modelarts', duration: 'ONEDAY' } },
  });
  const input = { accountId: root.accountId, agencyName: 'ma_agency_day', projectId: root.projectId };
  clock.advance(23.9 * 3600_000);
  const credential = await iam.assumeAgency({ ...input, durationSeconds: 3600 });
  assert.ok(credential.expiresAt - clock.now() <= 0.11 * 3600_000);
  clock.advance(0.2 * 3600_000);
  await assert.rejects(iam.assumeAgency({ ...input, durationSeconds: 900 }), {
    code: 'ModelArts.0428',
    message: /ma_agency_day .*has expired/,
  });
});

test('a temporary key is narrowed by the policy it was asked for with', async t => {
  const { world, assumeKey, rival, things } = await lent(t);
  const token = await world.login();
  const policy = (action: string) => ({ Version: '1.1', Statement: [{ Effect: 'Allow', Action: [action] }] });
  const made = await assumeKey(token, { policy: policy('modelarts:model:*') });
  assert.equal(made.status, 201, made.text);
  const call = (credential: Key) =>
    sdk(world, credential, { domainId: rival.accountId }).hcClient.sendRequest({
      url: things,
      method: 'GET',
      contentType: 'application/json',
      queryParams: {},
      pathParams: {},
      headers: {},
      data: {},
    });
  await refused(call(made.body.credential), 403, /the policy of this temporary credential|modelarts:trainJob:list/);
  const wider = await assumeKey(token, { policy: policy('modelarts:*:*') });
  assert.equal((await call(wider.body.credential)).httpStatusCode, 200);
  // It narrows and never widens.
  const iam = await assumeKey(token, { policy: policy('*:*:*') });
  await refused(
    sdk(world, iam.body.credential, { domainId: rival.accountId }).keystoneListUsers({}),
    403,
    /iam:users:listUsers/,
  );
  // Root, too, and what needs no policy otherwise.
  const narrow = await world.send('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
    token,
    body: { auth: { identity: { methods: ['token'], policy: policy('obs:*:*') } } },
  });
  const own = sdk(world, narrow.body.credential);
  await refused(own.keystoneListUsers({}), 403, /iam:users:listUsers/);
  await refused(own.showUser({ userId: world.root.userId }), 403, /iam:users:getUser/);
  assert.equal((await assumeKey(token, { policy: { Version: '2' } })).status, 400);
});
