import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultScope, iamWorld } from './world.fixture.ts';

test('in loose mode users use ModelArts without a grant; everybody sees the mode, administrators change it', async t => {
  const { send, login, user, root, iam } = await iamWorld(t);
  await user('ann');
  const [admin, ann] = [await login(), await login({ user: 'ann' })];
  const things = `/v2/${root.projectId}/things`;
  const mode = async (token: string) => (await send('GET', '/v1/auth-mode', { token })).body;
  const set = (token: string, body: unknown) => send('PUT', '/v1/auth-mode', { token, body });

  assert.deepEqual(await mode(ann), { domain_id: root.accountId, mode: 'strict' });
  assert.equal((await send('GET', things, { token: ann })).status, 403);
  assert.equal((await set(ann, { mode: 'loose' })).status, 403);

  assert.deepEqual((await set(admin, { mode: 'loose' })).body, { domain_id: root.accountId, mode: 'loose' });
  assert.equal((await send('GET', things, { token: ann })).status, 200);
  assert.deepEqual(await mode(ann), { domain_id: root.accountId, mode: 'loose' });
  assert.equal((await iam.callers(defaultScope(root.projectId))).length, 2);
  // ModelArts alone is open: identities are not, nor is the mode itself.
  assert.equal((await send('GET', '/v3/users', { token: ann })).status, 403);
  const refused = await set(ann, { mode: 'strict' });
  assert.equal(refused.status, 403);
  assert.equal(refused.body.error_code, 'ModelArts.0112');
  assert.match(refused.body.error_msg, /iam:permissions:grantRoleToAgency.*to administer authorization/);

  assert.equal((await set(admin, { mode: 'open' })).body.error_code, 'ModelArts.0104');
  assert.equal((await set(admin, { mode: 'strict' })).status, 200);
  assert.equal((await send('GET', things, { token: ann })).status, 403);
});
