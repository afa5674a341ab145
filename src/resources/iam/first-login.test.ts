import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, rootKey, sdk, setUp } from './sdk.fixture.ts';
import { defaultScope, iamWorld, PASSWORD, passwordLogin, REGION } from './world.fixture.ts';

const NEXT = 'Own-Horse-88';

test('a password set by somebody else is good for changing it, and for nothing else', async t => {
  const world = await iamWorld(t);
  const { send, login, root, iam } = world;
  const admin = await login();
  const made = await send('POST', '/v3.0/OS-USER/users', {
    token: admin,
    body: { user: { name: 'ann', password: PASSWORD, pwd_status: true } },
  });
  assert.equal(made.body.user.pwd_status, true);
  const { id } = made.body.user;
  const { groupId } = await world.user('bob', ['ModelArts FullAccess']);
  await send('PUT', `/v3/groups/${groupId}/users/${id}`, { token: admin });

  const answer = await send('POST', '/v3/auth/tokens', {
    body: passwordLogin({ user: 'ann', account: 'acme', password: PASSWORD, scope: { project: { name: REGION } } }),
  });
  assert.equal(answer.status, 201);
  const token = answer.headers.get('x-subject-token')!;
  const due = async (method: string, path: string, body?: unknown) => {
    const { status, body: said } = await send(method, path, { token, body });
    assert.equal(status, 403, `${method} ${path}`);
    assert.match(said.error_msg, /password of ann must be changed before anything else/);
    assert.match(said.error_solution, new RegExp(`POST /v3/users/${id}/password`));
  };
  await due('GET', `/v2/${root.projectId}/things`);
  await due('GET', `/v3/users/${id}`);
  await due('GET', '/v3/auth/projects');
  const others = { user: { password: NEXT, original_password: PASSWORD } };
  const ofRoot = await send('POST', `/v3/users/${root.userId}/password`, { token, body: others });
  assert.equal(ofRoot.status, 403);
  await due('POST', '/v3.0/OS-CREDENTIAL/securitytokens', { auth: { identity: { methods: ['token'] } } });
  await due('POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: id } });
  // Nor may it become another token.
  for (const identity of [
    { methods: ['token'], token: { id: token } },
    { methods: ['assume_role'], assume_role: { agency_name: 'x', domain_name: 'acme' } },
  ]) {
    await due('POST', '/v3/auth/tokens', { auth: { identity } });
  }
  const forOther = await send('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
    token: admin,
    body: { auth: { identity: { methods: ['token'], token: { id: token } } } },
  });
  assert.equal(forOther.status, 403);
  assert.ok(!(await iam.callers(defaultScope(root.projectId))).some(caller => caller.id === id));

  const change = (password: string) =>
    send('POST', `/v3/users/${id}/password`, {
      token,
      body: { user: { password, original_password: PASSWORD } },
    });
  assert.equal((await change(PASSWORD)).status, 400);
  assert.equal((await change(NEXT)).status, 204);
  const after = await login({ user: 'ann', password: NEXT });
  assert.equal((await send('GET', `/v2/${root.projectId}/things`, { token: after })).status, 200);
  assert.ok((await iam.callers(defaultScope(root.projectId))).some(caller => caller.id === id));
});

test('an administrator may ask for a new password at any time, which counts for tokens that are about', async t => {
  const { send, login, user } = await iamWorld(t);
  const admin = await login();
  const { id } = await user('ann');
  const token = await login({ user: 'ann' });
  assert.equal((await send('GET', '/v3/auth/domains', { token })).status, 200);
  const flag = await send('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { pwd_status: true } } });
  assert.equal(flag.body.user.pwd_status, true);
  const refusal = await send('GET', '/v3/auth/domains', { token });
  assert.equal(refusal.status, 403);
  assert.match(refusal.body.error.message, /must be changed/);
});

test('passwords: length, kinds, nothing of the user, none of the last four', async t => {
  const { send, login, user } = await iamWorld(t);
  const { id } = await user('ann-of-Acme-1');
  const admin = await login();
  await send('PUT', `/v3.0/OS-USER/users/${id}`, {
    token: admin,
    body: { user: { email: 'Ann.1@acme.test', areacode: '0086', phone: '13800001111' } },
  });
  const set = async (password: string) =>
    (await send('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { password } } })).status;
  const bad = ['Short-1', 'x'.repeat(33), 'alllowercase', 'ann-of-Acme-1', '1-emcA-fo-nna', 'ann.1@ACME.test'];
  for (const password of [...bad, 'my-13800001111', 'Zero\u200bWidth-1', 'Tab\tHorse-99']) {
    assert.equal(await set(password), 400, JSON.stringify(password));
  }
  assert.equal(await set('Second-Horse-2'), 200);
  assert.equal(await set('Third-Horse-3'), 200);
  assert.equal(await set(PASSWORD), 400);
  assert.equal(await set('Third-Horse-3'), 400);
  for (const password of ['Fourth-Horse-4', 'Fifth-Horse-5']) assert.equal(await set(password), 200);
  // Four others were between.
  assert.equal(await set(PASSWORD), 200);
});

test('access modes: programmatic users have keys alone, those of the console passwords alone', async t => {
  const { world, admin } = await setUp(t);
  const create = async (name: string, mode: string) =>
    (
      await admin.createUser({
        body: {
          user: { name, domain_id: world.root.accountId, password: PASSWORD, access_mode: mode, pwd_status: false },
        },
      })
    ).user;
  const robot = await create('robot', 'programmatic');
  assert.equal(robot.access_mode, 'programmatic');
  const { credential } = await admin.createPermanentAccessKey({ body: { credential: { user_id: robot.id } } });
  const client = sdk(world, credential);
  assert.equal((await client.showUser({ userId: robot.id })).user.name, 'robot');
  const attempt = (password: string) =>
    world.send('POST', '/v3/auth/tokens', { body: passwordLogin({ user: 'robot', account: 'acme', password }) });
  assert.match((await attempt(PASSWORD)).body.error.message, /access keys alone \(access_mode programmatic\)/);
  // Who does not know the password learns nothing of that.
  assert.match((await attempt('Wrong-Horse-7')).body.error.message, /username or password is wrong/);

  const desk = await create('desk', 'console');
  const token = await world.login({ user: 'desk' });
  await refused(admin.createPermanentAccessKey({ body: { credential: { user_id: desk.id } } }), 403, /console/);
  await admin.updateUser({ userId: robot.id, body: { user: { access_mode: 'console' } } });
  await refused(client.keystoneListAuthDomains({}), 401, /access key/);
  await admin.updateUser({ userId: desk.id, body: { user: { access_mode: 'programmatic' } } });
  assert.equal((await world.send('GET', '/v3/auth/domains', { token })).status, 401);
  await refused(
    sdk(world, rootKey(world.root)).updateUser({
      userId: world.root.userId,
      body: { user: { access_mode: 'programmatic' } },
    }),
    400,
    /root user/,
  );
});
