import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { iamWorld, PASSWORD, passwordLogin, REGION } from './world.fixture.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

test('a password gives a token of 24 hours, which opens the project', async t => {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const { root, send } = await iamWorld(t, { clock });
  const answer = await send('POST', '/v3/auth/tokens', {
    body: passwordLogin({ user: 'acme', account: 'acme', password: PASSWORD, scope: { project: { name: REGION } } }),
  });
  assert.equal(answer.status, 201);
  const token = answer.headers.get('x-subject-token')!;
  const shown = answer.body.token;
  assert.deepEqual(shown.methods, ['password']);
  assert.match(shown.issued_at, TIME);
  assert.equal(Date.parse(shown.expires_at) - Date.parse(shown.issued_at), 24 * 3600_000);
  assert.deepEqual(shown.project, {
    id: root.projectId,
    name: REGION,
    domain: { id: root.accountId, name: 'acme' },
  });
  assert.equal(shown.user.id, root.userId);
  assert.equal(shown.user.domain.id, root.accountId);
  assert.ok(shown.catalog.some((entry: { type: string }) => entry.type === 'modelarts'));
  assert.ok(Array.isArray(shown.roles));

  const things = `/v2/${root.projectId}/things`;
  assert.equal((await send('GET', things, { token })).status, 200);
  const validated = await send('GET', '/v3/auth/tokens', { token, headers: { 'X-Subject-Token': token } });
  assert.equal(validated.status, 200);
  assert.equal(validated.headers.get('x-subject-token'), token);
  assert.equal(validated.body.token.project.id, root.projectId);

  clock.advance(24 * 3600_000 + 1000);
  const late = await send('GET', things, { token });
  assert.equal(late.status, 401);
  assert.equal(late.body.error_code, 'ModelArts.0202');
});

test('a token is scoped to a project by id, to the account, or to nothing', async t => {
  const { root, send, login } = await iamWorld(t);
  const scopes: [object | null, string | undefined, boolean][] = [
    [{ project: { id: root.projectId } }, root.projectId, false],
    [{ domain: { name: 'acme' } }, undefined, true],
    [{ domain: { id: root.accountId } }, undefined, true],
  ];
  for (const [scope, projectId, domain] of scopes) {
    const { status, body } = await send('POST', '/v3/auth/tokens?nocatalog=true', {
      body: passwordLogin({ user: 'acme', account: 'acme', password: PASSWORD, scope }),
    });
    assert.equal(status, 201);
    assert.equal(body.token.project?.id, projectId);
    assert.equal(body.token.domain?.id, domain ? root.accountId : undefined);
    assert.deepEqual(body.token.catalog, []);
  }
  const unscoped = await login({ scope: null });
  const refused = await send('GET', `/v2/${root.projectId}/things`, { token: unscoped });
  assert.equal(refused.status, 401);
  assert.equal(refused.body.error_code, 'ModelArts.0212');
  for (const scope of [{ project: { name: 'mars-1' } }, { domain: { name: 'other' } }]) {
    const { status, body } = await send('POST', '/v3/auth/tokens', {
      body: passwordLogin({ user: 'acme', account: 'acme', password: PASSWORD, scope }),
    });
    assert.equal(status, 401);
    assert.equal(body.error.code, 401);
  }
});

test('a token is changed for one of another scope, without living longer', async t => {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const { root, send, login } = await iamWorld(t, { clock });
  const first = await login({ scope: null });
  clock.advance(3600_000);
  const rescoped = await send('POST', '/v3/auth/tokens', {
    body: {
      auth: { identity: { methods: ['token'], token: { id: first } }, scope: { project: { id: root.projectId } } },
    },
  });
  assert.equal(rescoped.status, 201);
  assert.equal(Date.parse(rescoped.body.token.expires_at), Date.UTC(2030, 0, 2));
  const token = rescoped.headers.get('x-subject-token')!;
  assert.equal((await send('GET', `/v2/${root.projectId}/things`, { token })).status, 200);
});

test('a wrong name, a wrong password and a wrong account are refused alike', async t => {
  const { send } = await iamWorld(t);
  const answers = await Promise.all(
    [
      { user: 'acme', account: 'acme', password: 'Wrong-Horse-7' },
      { user: 'nobody', account: 'acme', password: PASSWORD },
      { user: 'acme', account: 'nowhere', password: PASSWORD },
    ].map(input => send('POST', '/v3/auth/tokens', { body: passwordLogin(input) })),
  );
  for (const answer of answers) {
    assert.equal(answer.status, 401);
    assert.equal(answer.body.error.code, 401);
    assert.equal(answer.body.error.title, 'Unauthorized');
    assert.equal(answer.body.error.message, answers[0]!.body.error.message);
    assert.equal(answer.headers.get('x-subject-token'), null);
  }
});

test('five wrong passwords, even at once, lock the name for 15 minutes, whether it exists or not', async t => {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const { send, user } = await iamWorld(t, { clock });
  await user('ann');
  const attempt = (name: string, password: string) =>
    send('POST', '/v3/auth/tokens', { body: passwordLogin({ user: name, account: 'acme', password }) });
  for (const name of ['ann', 'nobody']) {
    await Promise.all(Array.from({ length: 5 }, () => attempt(name, 'Wrong-Horse-7')));
    const locked = await attempt(name, PASSWORD);
    assert.equal(locked.status, 401);
    assert.match(locked.body.error.message, /locked/);
  }
  clock.advance(15 * 60_000 + 1);
  assert.equal((await attempt('ann', PASSWORD)).status, 201);

  // Wrong passwords far apart, or followed by a right one, do not add up.
  for (let i = 0; i < 4; i++) await attempt('ann', 'Wrong-Horse-7');
  assert.equal((await attempt('ann', PASSWORD)).status, 201);
  for (let i = 0; i < 4; i++) await attempt('ann', 'Wrong-Horse-7');
  clock.advance(15 * 60_000 + 1);
  await attempt('ann', 'Wrong-Horse-7');
  assert.equal((await attempt('ann', PASSWORD)).status, 201);
});

test('tokens and keys end at once with a new password, a disabled or a deleted user', async t => {
  const { root, send, login, user } = await iamWorld(t);
  const admin = await login();
  const things = `/v2/${root.projectId}/things`;
  const { id } = await user('ann', ['ModelArts FullAccess']);

  let token = await login({ user: 'ann' });
  assert.equal((await send('GET', things, { token })).status, 200);
  const changed = await send('POST', `/v3/users/${id}/password`, {
    token,
    body: { user: { password: 'New-Horse-88', original_password: PASSWORD } },
  });
  assert.equal(changed.status, 204);
  assert.equal((await send('GET', things, { token })).body.error_code, 'ModelArts.0203');
  await assert.rejects(login({ user: 'ann' }), /401/);

  token = await login({ user: 'ann', password: 'New-Horse-88' });
  assert.equal((await send('GET', things, { token })).status, 200);
  assert.equal(
    (await send('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { enabled: false } } })).status,
    200,
  );
  assert.equal((await send('GET', things, { token })).status, 401);
  await assert.rejects(login({ user: 'ann', password: 'New-Horse-88' }), /401/);
  // Enabling the user again does not bring old tokens back.
  assert.equal(
    (await send('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { enabled: true } } })).status,
    200,
  );
  assert.equal((await send('GET', things, { token })).status, 401);

  token = await login({ user: 'ann', password: 'New-Horse-88' });
  assert.equal((await send('DELETE', `/v3/users/${id}`, { token: admin })).status, 204);
  assert.equal((await send('GET', things, { token })).status, 401);
});

test('a failed login does not undo what an administrator changed meanwhile', async t => {
  const { send, login, user } = await iamWorld(t);
  const admin = await login();
  const { id } = await user('ann');
  await Promise.all([
    ...Array.from({ length: 3 }, () =>
      send('POST', '/v3/auth/tokens', { body: passwordLogin({ user: 'ann', account: 'acme', password: 'x' }) }),
    ),
    send('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { enabled: false } } }),
  ]);
  assert.equal((await send('GET', `/v3/users/${id}`, { token: admin })).body.user.enabled, false);
});

test('guessing the original password with a stolen token locks the user too', async t => {
  const { send, login, user } = await iamWorld(t);
  const { id } = await user('ann');
  const token = await login({ user: 'ann' });
  const change = (original_password: string) =>
    send('POST', `/v3/users/${id}/password`, {
      token,
      body: { user: { password: 'New-Horse-88', original_password } },
    });
  for (let i = 0; i < 5; i++) assert.equal((await change(`Guess-Horse-${i}`)).status, 400);
  assert.equal((await change(PASSWORD)).status, 401);
});

test('forged and damaged tokens are refused', async t => {
  const { root, send, login } = await iamWorld(t);
  const token = await login();
  const [head, claims, signature] = token.split('.') as [string, string, string];
  const raised = Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), exp: 4_000_000_000 }),
  ).toString('base64url');
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const forged = [
    `${head}.${raised}.${signature}`,
    `${none}.${claims}.`,
    `${none}.${claims}.${signature}`,
    `${head}.${claims}`,
    `${head}.${claims}.${signature.slice(0, -2)}`,
    'gibberish',
    'a.b.c',
  ];
  for (const bad of forged) {
    const answer = await send('GET', `/v2/${root.projectId}/things`, { token: bad });
    assert.equal(answer.status, 401, bad);
    assert.equal(answer.body.error_code, 'ModelArts.0203');
  }
  const none2 = await send('GET', `/v2/${root.projectId}/things`);
  assert.equal(none2.body.error_code, 'ModelArts.0201');
  assert.equal((await send('GET', '/v3/users')).body.error.code, 401);
});

test('the project of the URL must be the one of the token, and of the account', async t => {
  const { root, send, login, account } = await iamWorld(t);
  const other = await account('rival');
  const token = await login();
  for (const projectId of [other.projectId, 'f'.repeat(32), 'x']) {
    const answer = await send('GET', `/v2/${projectId}/things`, { token });
    assert.equal(answer.status, 403);
    assert.equal(answer.body.error_code, 'ModelArts.0210');
  }
  assert.equal((await send('GET', `/v2/${root.projectId}/things`, { token })).status, 200);
});

test('regions, projects, accounts and services are listed', async t => {
  const { root, send, login, account, url } = await iamWorld(t);
  await account('rival');
  const token = await login();
  const list = async (path: string) => (await send('GET', path, { token })).body;
  for (const path of ['/v3/projects', '/v3/auth/projects', `/v3/projects?name=${REGION}`]) {
    const { projects } = await list(path);
    assert.deepEqual(
      projects.map((project: { id: string }) => project.id),
      [root.projectId],
    );
    assert.equal(projects[0].domain_id, root.accountId);
    assert.equal(projects[0].is_domain, false);
  }
  assert.deepEqual((await list('/v3/projects?name=mars-1')).projects, []);
  const { domains } = await list('/v3/auth/domains');
  assert.deepEqual(
    domains.map((domain: { name: string }) => domain.name),
    ['acme'],
  );
  const { regions } = await list('/v3/regions');
  assert.equal(regions[0].id, REGION);
  assert.equal(regions[0].type, 'public');
  const { catalog } = await list('/v3/auth/catalog');
  assert.equal(catalog.find((entry: { type: string }) => entry.type === 'iam').endpoints[0].url, `${url}/v3`);
});

test('malformed logins say which field is wrong', async t => {
  const { send } = await iamWorld(t);
  const bodies: [unknown, RegExp][] = [
    [{}, /auth/],
    [{ auth: { identity: {} } }, /methods/],
    [{ auth: { identity: { methods: ['magic'] } } }, /methods/],
    [{ auth: { identity: { methods: ['password'] } } }, /password/],
    [{ auth: { identity: { methods: ['password'], password: { user: { name: 'x' } } } } }, /password/],
    [{ auth: { identity: { methods: ['password'], password: { user: { name: 7, password: 'x' } } } } }, /name/],
  ];
  for (const [body, field] of bodies) {
    const answer = await send('POST', '/v3/auth/tokens', { body });
    assert.equal(answer.status, 400);
    assert.match(answer.body.error.message, field);
  }
});
