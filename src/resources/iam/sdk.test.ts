import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { manualClock, systemClock } from '../../kernel/clock.ts';
import {
  BasicCredentials,
  GlobalCredentials,
  type OfficialClient,
  officialClient,
  Region,
  recorder,
} from './official-client.fixture.ts';
import { type IamWorld, iamWorld, PASSWORD, REGION, type Root } from './world.fixture.ts';

interface Key {
  access: string;
  secret: string;
  securitytoken?: string;
}

/** The official client, unchanged, with a key at account level, or at project level where a project is given. */
function sdk(world: IamWorld, key: Key, at: { domainId?: string; projectId?: string } = {}): OfficialClient {
  const credentials = at.projectId
    ? new BasicCredentials().withProjectId(at.projectId)
    : new GlobalCredentials().withDomainId(at.domainId ?? world.root.accountId);
  credentials.withAk(key.access).withSk(key.secret);
  if (key.securitytoken) credentials.withSecurityToken(key.securitytoken);
  return officialClient(credentials, { endpoint: world.url });
}

const rootKey = (root: Root): Key => ({ access: root.accessKey, secret: root.secretKey });

async function refused(call: Promise<unknown>, status: number, text: RegExp): Promise<void> {
  await assert.rejects(call, (error: { httpStatusCode?: number; errorMsg?: string; message?: string }) => {
    assert.equal(error.httpStatusCode, status, JSON.stringify(error));
    assert.match(error.errorMsg ?? error.message ?? '', text);
    return true;
  });
}

async function setUp(t: TestContext): Promise<{ world: IamWorld; admin: OfficialClient }> {
  const world = await iamWorld(t);
  return { world, admin: sdk(world, rootKey(world.root)) };
}

test('the official client manages users, groups and policies', async t => {
  const { world, admin } = await setUp(t);
  const { projects } = await admin.keystoneListProjects({ name: REGION });
  assert.equal(projects[0].id, world.root.projectId);
  assert.equal((await admin.keystoneListAuthDomains({})).domains[0].id, world.root.accountId);
  assert.equal((await admin.keystoneListRegions({})).regions[0].id, REGION);

  const { user } = await admin.keystoneCreateUser({
    body: { user: { name: 'ann', password: PASSWORD, domain_id: world.root.accountId, description: 'tests' } },
  });
  assert.equal(user.enabled, true);
  assert.equal(user.domain_id, world.root.accountId);
  assert.equal((await admin.keystoneShowUser({ userId: user.id })).user.name, 'ann');
  assert.equal((await admin.showUser({ userId: user.id })).user.description, 'tests');
  await refused(admin.keystoneCreateUser({ body: { user: { name: 'ann', password: PASSWORD } } }), 409, /ann/);
  await refused(admin.keystoneCreateUser({ body: { user: { name: 'bob', password: 'short' } } }), 400, /8 to 32/);
  const other = await admin.createUser({ body: { user: { name: 'bob', domain_id: world.root.accountId } } });
  const renamed = { userId: other.user.id, body: { user: { name: 'ann' } } };
  await refused(admin.keystoneUpdateUserByAdmin(renamed), 409, /ann/);
  await admin.updateUser({ userId: other.user.id, body: { user: { name: 'bert', enabled: false } } });
  const names = (await admin.keystoneListUsers({ enabled: true })).users.map((item: { name: string }) => item.name);
  assert.deepEqual(names, ['acme', 'ann']);

  const { group } = await admin.keystoneCreateGroup({ body: { group: { name: 'team', description: '' } } });
  await admin.keystoneAddUserToGroup({ groupId: group.id, userId: user.id });
  await admin.keystoneCheckUserInGroup({ groupId: group.id, userId: user.id });
  await refused(admin.keystoneCheckUserInGroup({ groupId: group.id, userId: other.user.id }), 404, /./);
  assert.equal((await admin.keystoneListUsersForGroupByAdmin({ groupId: group.id })).users[0].id, user.id);
  assert.equal((await admin.keystoneListGroupsForUser({ userId: user.id })).groups[0].id, group.id);

  const policy = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['modelarts:trainJob:list'] }] };
  const { role } = await admin.createCloudServiceCustomPolicy({
    body: { role: { display_name: 'look', type: 'XA', description: 'jobs', policy } },
  });
  assert.deepEqual((await admin.showCustomPolicy({ roleId: role.id })).role.policy, policy);
  const bad = { Version: '1.1', Statement: [{ Effect: 'Maybe', Action: ['x'] }] };
  await refused(
    admin.createCloudServiceCustomPolicy({
      body: { role: { display_name: 'bad', type: 'XA', description: '', policy: bad } },
    }),
    400,
    /Statement\[0\]/,
  );

  // A policy counts from the next request on, and no longer than it is granted.
  const token = await world.login({ user: 'ann' });
  const things = `/v2/${world.root.projectId}/things`;
  const status = async () => (await world.send('GET', things, { token })).status;
  assert.equal(await status(), 403);
  const inherited = { domainId: world.root.accountId, groupId: group.id, roleId: role.id };
  await admin.updateDomainGroupInheritRole(inherited);
  assert.equal(await status(), 200);
  await admin.keystoneCheckroleForGroup(inherited);
  const deny = { ...policy, Statement: [{ ...policy.Statement[0], Effect: 'Deny' }] };
  await admin.updateCloudServiceCustomPolicy({
    roleId: role.id,
    body: { role: { display_name: 'look', type: 'XA', description: '', policy: deny } },
  });
  const denied = await world.send('GET', things, { token });
  assert.equal(denied.body.error_code, 'ModelArts.0112');
  assert.match(denied.body.error_msg, /modelarts:trainJob:list.*look/);
  await admin.deleteDomainGroupInheritedRole(inherited);
  await refused(admin.keystoneCheckroleForGroup(inherited), 404, /./);
  await admin.deleteCustomPolicy({ roleId: role.id });
  await admin.keystoneDeleteGroup({ groupId: group.id });
  await admin.keystoneDeleteUser({ userId: user.id });
  await refused(admin.keystoneShowUser({ userId: user.id }), 404, /./);
});

test('a policy granted in one project opens that project alone', async t => {
  const { world, admin } = await setUp(t);
  const { id, groupId } = await world.user('ann');
  const { project } = await admin.keystoneCreateProject({
    body: { project: { name: `${REGION}_two`, parent_id: world.root.accountId } },
  });
  await refused(
    admin.keystoneCreateProject({ body: { project: { name: 'mars-1', parent_id: 'x' } } }),
    400,
    /local-1_/,
  );
  const roles = (await admin.keystoneListPermissions({ displayName: 'ModelArts FullAccess' })).roles;
  // The client fills the project of the path in from the credentials alone.
  const inProject = sdk(world, rootKey(world.root), { projectId: world.root.projectId });
  const place = { groupId, roleId: roles[0].id };
  await inProject.keystoneAssociateGroupWithProjectPermission(place);
  const listed = await inProject.keystoneListProjectPermissionsForGroup(place);
  assert.equal(listed.roles[0].display_name, 'ModelArts FullAccess');

  const { credential } = await admin.createPermanentAccessKey({ body: { credential: { user_id: id } } });
  const status = async (projectId: string, scope: string) => {
    const token = await world.login({ user: 'ann', scope: { project: { id: scope } } });
    return (await world.send('GET', `/v2/${projectId}/things`, { token })).status;
  };
  assert.equal(await status(world.root.projectId, world.root.projectId), 200);
  assert.equal(await status(project.id, project.id), 403);
  // Leaving the project out of the credential must not widen it.
  const open = sdk(world, credential);
  const thing = (projectId: string) =>
    open.hcClient.sendRequest({ ...requestOf('GET', `/v2/${projectId}/things`) }).catch((error: unknown) => error);
  assert.equal((await thing(project.id)).httpStatusCode, 403);
});

function requestOf(method: string, url: string): object {
  return {
    url,
    method,
    contentType: 'application/json',
    queryParams: {},
    pathParams: {},
    headers: {},
    data: {},
  };
}

test('permanent keys: two per user, shown once, off when inactive', async t => {
  const { world, admin } = await setUp(t);
  const { id } = await world.user('ann', ['ModelArts FullAccess']);
  const create = (client: OfficialClient, userId = id) =>
    client.createPermanentAccessKey({ body: { credential: { user_id: userId, description: 'laptop' } } });
  const { credential } = await create(admin);
  assert.match(credential.access, /^[A-Z0-9]{20}$/);
  assert.equal(credential.secret.length, 40);
  assert.equal(credential.status, 'active');
  const ann = sdk(world, credential);
  assert.equal((await ann.keystoneListAuthDomains({})).domains[0].id, world.root.accountId);

  await create(ann);
  await refused(create(ann), 403, /limit of 2/);
  const { credentials } = await ann.listPermanentAccessKeys({});
  assert.equal(credentials.length, 2);
  assert.equal(credentials[0].secret, undefined);
  assert.equal((await ann.showPermanentAccessKey({ accessKey: credential.access })).credential.secret, undefined);

  // Keys of others, and those of the owner of the account, are out of reach.
  await refused(create(ann, world.root.userId), 403, /iam:credentials:createCredential/);
  await refused(ann.listPermanentAccessKeys({ userId: world.root.userId }), 403, /./);
  await refused(ann.deletePermanentAccessKey({ accessKey: world.root.accessKey }), 403, /./);

  await admin.updatePermanentAccessKey({
    accessKey: credential.access,
    body: { credential: { status: 'inactive' } },
  });
  await refused(ann.keystoneListAuthDomains({}), 401, /access key/);
  await admin.updatePermanentAccessKey({ accessKey: credential.access, body: { credential: { status: 'active' } } });
  await ann.keystoneListAuthDomains({});
  await admin.keystoneUpdateUserByAdmin({ userId: id, body: { user: { enabled: false } } });
  await refused(ann.keystoneListAuthDomains({}), 401, /access key/);
  assert.equal(await world.iam.resolveAccessKey(credential.access), undefined);
  await refused(sdk(world, { ...rootKey(world.root), secret: 'wrong' }).keystoneListUsers({}), 401, /aksk/);
});

test('whoever administers users cannot become the owner of the account', async t => {
  const { world } = await setUp(t);
  await world.user('sec', ['Security Administrator']);
  const token = await world.login({ user: 'sec' });
  const { userId, accessKey } = world.root;
  const tries: [string, string, unknown?][] = [
    ['PATCH', `/v3/users/${userId}`, { user: { password: 'Own-The-World-1' } }],
    ['PUT', `/v3.0/OS-USER/users/${userId}`, { user: { password: 'Own-The-World-1' } }],
    ['POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: userId } }],
    ['DELETE', `/v3.0/OS-CREDENTIAL/credentials/${accessKey}`],
    ['PUT', `/v3.0/OS-CREDENTIAL/credentials/${accessKey}`, { credential: { status: 'inactive' } }],
    ['POST', `/v3/users/${userId}/password`, { user: { password: 'Own-The-World-1', original_password: PASSWORD } }],
  ];
  for (const [method, path, body] of tries) {
    assert.equal((await world.send(method, path, { token, body })).status, 403, `${method} ${path}`);
  }
  assert.equal((await world.send('DELETE', `/v3/users/${userId}`, { token })).status, 400);
  await world.login();
});

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

test('other accounts are invisible', async t => {
  const { world, admin } = await setUp(t);
  const rival = await world.account('rival');
  const { id, groupId } = await world.user('ann');
  const { agency } = await admin.createAgency({
    body: { agency: { name: 'mine', domain_id: world.root.accountId, trust_domain_name: 'op_svc_modelarts' } },
  });
  const stranger = sdk(world, rootKey(rival), { domainId: rival.accountId });
  await refused(stranger.keystoneShowUser({ userId: id }), 404, /./);
  await refused(stranger.keystoneUpdateUserByAdmin({ userId: id, body: { user: { enabled: false } } }), 404, /./);
  await refused(stranger.keystoneDeleteUser({ userId: id }), 404, /./);
  await refused(stranger.keystoneShowGroup({ groupId }), 404, /./);
  await refused(stranger.showAgency({ agencyId: agency.id }), 404, /./);
  await refused(stranger.deleteAgency({ agencyId: agency.id }), 404, /./);
  await refused(stranger.showPermanentAccessKey({ accessKey: world.root.accessKey }), 404, /./);
  await refused(stranger.createPermanentAccessKey({ body: { credential: { user_id: id } } }), 404, /./);
  const role = (await admin.keystoneListPermissions({ displayName: 'ModelArts FullAccess' })).roles[0].id;
  for (const domainId of [world.root.accountId, rival.accountId]) {
    const grant = { domainId, agencyId: agency.id, roleId: role };
    await refused(stranger.associateAgencyWithDomainPermission(grant), 404, /./);
  }
  assert.deepEqual((await stranger.listAgencies({ domainId: rival.accountId })).agencies, []);
  assert.equal((await stranger.keystoneListUsers({})).users.length, 1);
  // Nor does naming another account or project in a signed header reach it.
  await refused(sdk(world, rootKey(rival)).keystoneListUsers({}), 403, /X-Domain-Id/);
  await refused(
    sdk(world, rootKey(rival), { projectId: world.root.projectId }).keystoneListUsers({}),
    403,
    /X-Project-Id/,
  );
});

test('the client finds project and account by itself when the credentials lack them', async t => {
  const world = await iamWorld(t);
  const region = new Region(REGION, world.url);
  const basic = new BasicCredentials().withAk(world.root.accessKey).withSk(world.root.secretKey);
  (basic as OfficialClient).withIamEndpoint(world.url);
  const client = officialClient(basic, { region });
  assert.equal((await client.keystoneListUsers({})).users[0].name, 'acme');
  const global = new GlobalCredentials().withAk(world.root.accessKey).withSk(world.root.secretKey);
  (global as OfficialClient).withIamEndpoint(world.url);
  const other = officialClient(global, { region });
  assert.equal((await other.keystoneListUsers({})).users[0].name, 'acme');
});

test('a temporary key made from a token does not outlive it', async t => {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const world = await iamWorld(t, { clock });
  const token = await world.login();
  clock.advance(23.5 * 3600_000);
  const make = (id?: string) =>
    world.send('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
      token,
      body: { auth: { identity: { methods: ['token'], token: { ...(id ? { id } : {}), duration_seconds: 7200 } } } },
    });
  for (const answer of [await make(), await make(token)]) {
    assert.equal(answer.status, 201);
    assert.equal(Date.parse(answer.body.credential.expires_at), Date.UTC(2030, 0, 2));
    assert.ok(await world.iam.resolveAccessKey(answer.body.credential.access));
  }
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

test('no secret is readable in the database or the log', async t => {
  const { world, admin } = await setUp(t);
  const { id } = await world.user('ann');
  const { credential } = await admin.createPermanentAccessKey({ body: { credential: { user_id: id } } });
  const token = await world.login({ user: 'ann' });
  await world.login({ user: 'ann', password: 'Wrong-Horse-7' }).catch(() => {});
  const temporary = (
    await admin.createTemporaryAccessKeyByToken({ body: { auth: { identity: { methods: ['token'] } } } })
  ).credential;
  const secrets = [
    PASSWORD,
    'Wrong-Horse-7',
    world.root.secretKey,
    credential.secret,
    temporary.secret,
    temporary.securitytoken,
    token,
  ];
  const files = ['test.db', 'test.db-wal'].map(name => readFileSync(join(world.dir, name), 'latin1')).join('');
  assert.ok(files.includes(credential.access), 'the database was read');
  for (const secret of secrets) {
    assert.ok(!files.includes(secret), 'secret in the database');
    assert.ok(!world.logged().includes(secret), 'secret in the log');
  }
});

test('ensureRootAccount is harmless when repeated, and resets credentials on demand', async t => {
  const world = await iamWorld(t);
  const again = await world.iam.ensureRootAccount({ account: 'acme', password: 'Another-Horse-9' });
  const { accountId, userId, projectId } = world.root;
  assert.deepEqual(again, { created: false, accountId, userId, projectId });
  const token = await world.login();
  const input = { account: 'acme', password: 'Another-Horse-9', resetCredentials: true };
  const reset = await world.iam.ensureRootAccount(input);
  assert.equal((await world.send('GET', '/v3/users', { token })).status, 401);
  assert.equal(await world.iam.resolveAccessKey(world.root.accessKey), undefined);
  assert.equal((await world.iam.resolveAccessKey(reset.accessKey!))?.secret, reset.secretKey);
  await world.login({ password: 'Another-Horse-9' });
});

test('the gateway learns who may invoke inference, and when that changes', async t => {
  const world = await iamWorld(t);
  const { iam, root } = world;
  let changes = 0;
  iam.onCallersChanged(() => changes++);
  const { id } = await world.user('ann', ['ModelArts FullAccess']);
  await world.user('bob');
  assert.ok(changes > 0);
  const workspace = { id: '0', enterpriseProjectId: '0', admits: () => ({ allowed: true, reason: '' }) };
  const scopes = [{ projectId: root.projectId, workspace }];
  const callers = await iam.callers(scopes);
  assert.deepEqual(new Set(callers.map(caller => caller.id)), new Set([root.userId, id]));
  assert.ok(callers.every(caller => caller.projectId === root.projectId));
  const { generation } = callers.find(caller => caller.id === id)!;
  changes = 0;
  const token = await world.login();
  await world.send('PATCH', `/v3/users/${id}`, { token, body: { user: { password: 'New-Horse-88' } } });
  assert.equal(changes, 1);
  assert.equal((await iam.callers(scopes)).find(caller => caller.id === id)!.generation, generation + 1);
  await world.send('DELETE', `/v3/users/${id}`, { token });
  assert.deepEqual(
    (await iam.callers(scopes)).map(caller => caller.id),
    [root.userId],
  );
});

test('a signed inference call is verified as the gateway describes it', async t => {
  const world = await iamWorld(t);
  const { iam, root } = world;
  const { url, last } = await recorder(t);
  const call = async (key: Key, projectId?: string) => {
    const credentials = projectId ? new BasicCredentials().withProjectId(projectId) : new GlobalCredentials();
    credentials.withAk(key.access).withSk(key.secret);
    await officialClient(credentials, { endpoint: url }).keystoneShowUser({ userId: 'any thing' });
    return last() as Parameters<typeof iam.verifyInference>[0];
  };
  const good = { sub: root.userId, prj: root.projectId };
  const request = await call(rootKey(root), root.projectId);
  assert.deepEqual(await iam.verifyInference(request), good);
  const { bodySha256: _, ...unhashed } = request;
  await assert.rejects(iam.verifyInference(unhashed), { status: 401, message: /body/ });
  await assert.rejects(iam.verifyInference({ ...request, path: '/v1/infers/other' }), { status: 401 });
  const ann = await world.user('ann');
  const token = await world.login();
  const made = await world.send('POST', '/v3.0/OS-CREDENTIAL/credentials', {
    token,
    body: { credential: { user_id: ann.id } },
  });
  const refusal = { code: 'ModelArts.4203', status: 401, message: /ann/ };
  await assert.rejects(iam.verifyInference(await call(made.body.credential, root.projectId)), refusal);
});
