import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, rootKey, sdk, setUp } from './sdk.fixture.ts';
import { PASSWORD, REGION } from './world.fixture.ts';

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

test('the official client keeps what is known of a user, and users their own address', async t => {
  const { world, admin } = await setUp(t);
  const details = {
    email: 'ann@acme.test',
    areacode: '0086',
    phone: '13800001111',
    xuser_type: 'TenantIdp',
    xuser_id: 'emp-7',
  };
  const { user } = await admin.createUser({
    body: {
      user: { name: 'ann', domain_id: world.root.accountId, password: PASSWORD, pwd_status: false, ...details },
    },
  });
  const show = async () => (await admin.showUser({ userId: user.id })).user;
  assert.deepEqual({ ...(await show()), ...details }, await show());
  assert.equal((await show()).last_login_time, undefined);
  const token = await world.login({ user: 'ann' });
  assert.ok(Math.abs(Date.parse((await show()).last_login_time) - Date.now()) < 60_000);

  const info = (body: object) =>
    world.send('PUT', `/v3.0/OS-USER/users/${user.id}/info`, { token, body: { user: body } });
  assert.equal((await info({ email: 'lee@acme.test', mobile: '0049-1711234567' })).status, 204);
  assert.deepEqual(
    [(await show()).email, (await show()).areacode, (await show()).phone],
    ['lee@acme.test', '0049', '1711234567'],
  );
  assert.equal((await info({ mobile: '' })).status, 204);
  assert.equal((await show()).phone, '');
  await admin.updateUserInformation({ userId: user.id, body: { user: { email: '' } } });
  assert.equal((await show()).email, '');
  for (const bad of [{ email: 'a b@c' }, { email: 'a@b\u0000' }, { mobile: '123' }, { mobile: '0086-abc' }]) {
    assert.equal((await info(bad)).status, 400, JSON.stringify(bad));
  }
  await world.user('bob');
  const other = await world.login({ user: 'bob' });
  const path = `/v3.0/OS-USER/users/${user.id}/info`;
  assert.equal((await world.send('PUT', path, { token: other, body: { user: { email: 'x@y.z' } } })).status, 403);
  for (const half of [{ phone: '12345' }, { xuser_id: 'x', xuser_type: '' }]) {
    await refused(admin.updateUser({ userId: user.id, body: { user: half } }), 400, /belong together/);
  }
  // Nobody gives himself more by it.
  assert.equal((await info({ enabled: false, access_mode: 'console' })).status, 204);
  assert.equal((await show()).access_mode, 'default');
  assert.equal((await show()).enabled, true);
  const never = await world.send('GET', '/v3/users?password_expires_at=lt:2099-01-01T00:00:00Z', {
    token: await world.login(),
  });
  assert.deepEqual(never.body.users, []);
});
