import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultScope, iamWorld, OPERATOR_KEY } from './world.fixture.ts';

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

const operator = { 'X-Operator-Key': OPERATOR_KEY };

test('the operator makes an account, whose root user gets a password and a key once', async t => {
  const { send, login, iam } = await iamWorld(t);
  const made = await send('POST', '/v3/domains', {
    headers: operator,
    body: { domain: { name: 'rival', description: 'another team' } },
  });
  assert.equal(made.status, 201, made.text);
  const { root, project_id: _, ...domain } = made.body.domain;
  assert.equal(domain.name, 'rival');
  assert.equal(domain.enabled, true);
  const token = await login({ user: 'rival', account: 'rival', password: root.password });
  assert.equal((await send('GET', '/v3/users', { token })).body.users.length, 1);
  assert.equal((await iam.resolveAccessKey(root.access))?.secret, root.secret);

  const shown = await send('GET', `/v3/domains/${domain.id}`, { headers: operator });
  assert.deepEqual(shown.body.domain, domain);
  assert.ok(!shown.text.includes(root.password));
  const listed = await send('GET', '/v3/domains?name=rival', { headers: operator });
  assert.deepEqual(listed.body.domains, [domain]);

  const reset = await send('POST', `/v3/domains/${domain.id}/root-credentials`, { headers: operator });
  assert.equal(reset.status, 201);
  assert.equal((await send('GET', '/v3/users', { token })).status, 401);
  assert.equal(await iam.resolveAccessKey(root.access), undefined);
  await assert.rejects(login({ user: 'rival', account: 'rival', password: root.password }), /401/);
  await login({ user: 'rival', account: 'rival', password: reset.body.domain.root.password });
});

test('accounts are the operator’s alone, and the operator has nothing of an account', async t => {
  const { send, login, root } = await iamWorld(t);
  const token = await login();
  const calls: [string, string, unknown?][] = [
    ['POST', '/v3/domains', { domain: { name: 'mine' } }],
    ['GET', '/v3/domains'],
    ['GET', `/v3/domains/${root.accountId}`],
    ['PATCH', `/v3/domains/${root.accountId}`, { domain: { enabled: false } }],
    ['POST', `/v3/domains/${root.accountId}/root-credentials`],
  ];
  for (const [method, path, body] of calls) {
    assert.equal((await send(method, path, { token, body })).status, 403, `${method} ${path}`);
    assert.equal((await send(method, path, { body })).status, 401, `${method} ${path}`);
    const forged = await send(method, path, { body, headers: { 'X-Operator-Key': `${OPERATOR_KEY}x` } });
    assert.equal(forged.status, 401, `${method} ${path}`);
  }
  for (const path of ['/v3/users', '/v1/auth-mode', `/v2/${root.projectId}/things`]) {
    assert.equal((await send('GET', path, { headers: operator })).status, 403, path);
  }
  await login();
});

test('names of accounts are checked, and stay', async t => {
  const { send, root } = await iamWorld(t);
  const create = (name: string) => send('POST', '/v3/domains', { headers: operator, body: { domain: { name } } });
  assert.equal((await create('acme')).status, 409);
  const alike = await create('ACME');
  assert.equal(alike.status, 409);
  assert.match(alike.body.error.message, /looks like that of the account acme/);
  for (const name of ['', 'а cme', 'асе', 'ac\u0000me', 'ac\u200bme', 'ac\u202eme', 'x'.repeat(65)]) {
    assert.equal((await create(name)).status, 400, JSON.stringify(name));
  }
  assert.equal((await create('data-team')).status, 201);
  const renamed = await send('PATCH', `/v3/domains/${root.accountId}`, {
    headers: operator,
    body: { domain: { name: 'other' } },
  });
  assert.equal(renamed.status, 400);
  assert.equal((await send('GET', '/v3/domains/nothing', { headers: operator })).status, 404);
});

test('disabling an account ends every credential of it, for good where they are temporary', async t => {
  const world = await iamWorld(t);
  const { send, login, iam, root } = world;
  await world.user('ann', ['ModelArts FullAccess']);
  const agencyName = 'ma_agency_x';
  await iam.createAgency({ accountId: root.accountId, name: agencyName, trust: 'service:modelarts', policies: [] });
  const assume = { accountId: root.accountId, agencyName, projectId: root.projectId, durationSeconds: 900 };
  const temporary = await iam.assumeAgency(assume);
  const tokens = [await login(), await login({ user: 'ann' })];
  assert.ok((await iam.callers(defaultScope(root.projectId))).length >= 2);
  const set = (enabled: boolean) =>
    send('PATCH', `/v3/domains/${root.accountId}`, { headers: operator, body: { domain: { enabled } } });

  assert.equal((await set(false)).body.domain.enabled, false);
  for (const token of tokens) assert.equal((await send('GET', '/v3/auth/domains', { token })).status, 401);
  await assert.rejects(login(), /401/);
  assert.equal(await iam.resolveAccessKey(root.accessKey), undefined);
  assert.equal(await iam.resolveAccessKey(temporary.access), undefined);
  assert.deepEqual(await iam.callers(defaultScope(root.projectId)), []);
  await assert.rejects(iam.assumeAgency(assume), { status: 401 });

  await set(true);
  for (const token of tokens) assert.equal((await send('GET', '/v3/auth/domains', { token })).status, 401);
  assert.equal(await iam.resolveAccessKey(temporary.access), undefined);
  assert.ok(await iam.resolveAccessKey(root.accessKey));
  await login();
});
