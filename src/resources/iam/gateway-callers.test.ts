import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BasicCredentials, GlobalCredentials, officialClient, recorder } from './official-client.fixture.ts';
import { type Key, rootKey } from './sdk.fixture.ts';
import { iamWorld } from './world.fixture.ts';

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
