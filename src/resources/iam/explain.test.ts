import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type IamWorld, iamWorld } from './world.fixture.ts';

const CREATE = 'modelarts:trainJob:create';
const PATH = '/v3.0/OS-PERMISSION/explain';

async function setUp(t: TestContext) {
  const world = await iamWorld(t);
  const token = await world.login();
  const explain = async (body: object) => {
    const answer = await world.send('POST', PATH, { token, body });
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  return { world, token, explain };
}

async function policy(world: IamWorld, token: string, name: string, ...statements: object[]): Promise<string> {
  const role = { display_name: name, type: 'XA', policy: { Version: '1.1', Statement: statements } };
  const answer = await world.send('POST', '/v3.0/OS-ROLE/roles', { token, body: { role } });
  assert.equal(answer.status, 201, answer.text);
  return answer.body.role.id;
}

test('it tells which statement denies a user, under which conditions, and what is missing', async t => {
  const { world, token, explain } = await setUp(t);
  const { id, groupId } = await world.user('ann', ['ModelArts FullAccess']);
  const denial = await policy(
    world,
    token,
    'no-public-pool',
    { Effect: 'Allow', Action: ['obs:object:GetObject'] },
    { Effect: 'Deny', Action: [CREATE], Condition: { StringEquals: { 'modelarts:poolType': ['public'] } } },
  );
  const path = `/v3/projects/${world.root.projectId}/groups/${groupId}/roles/${denial}`;
  assert.equal((await world.send('PUT', path, { token })).status, 204);

  const denied = await explain({ user_id: id, action: CREATE, attributes: { 'modelarts:poolType': 'public' } });
  assert.deepEqual(
    { ...denied, reason: undefined },
    {
      verdict: 'deny',
      reason: undefined,
      policy_name: 'no-public-pool',
      statement: 1,
      conditions: [{ key: 'modelarts:poolType', operator: 'StringEquals', value: ['public'] }],
    },
  );
  assert.match(denied.reason, /denied by policy "no-public-pool", Statement\[1\]/);
  const allowed = await explain({ user_id: id, action: CREATE, attributes: { 'modelarts:poolType': 'dedicated' } });
  assert.deepEqual([allowed.verdict, allowed.policy_name], ['allow', 'ModelArts FullAccess']);
  const lacking = await explain({ user_id: id, action: 'iam:users:listUsers' });
  assert.equal(lacking.verdict, 'deny');
  assert.match(lacking.reason, /no policy grants it\. Missing: an Allow for iam:users:listUsers/);
  assert.equal('policy_name' in lacking, false);

  const { id: other } = (
    await world.send('POST', '/v3/projects', { token, body: { project: { name: 'local-1_other' } } })
  ).body.project;
  const elsewhere = { user_id: id, action: CREATE, project_id: other, attributes: { 'modelarts:poolType': 'public' } };
  assert.equal((await explain(elsewhere)).verdict, 'allow', 'the denial was granted in the other project alone');
  assert.equal((await explain({ user_id: world.root.userId, action: CREATE })).verdict, 'allow');
});

test('conditions on who it is are judged as they would be, and grants by enterprise project where they count', async t => {
  const { world, token, explain } = await setUp(t);
  const { id, groupId } = await world.user('ann');
  const named = await policy(world, token, 'ann-alone', {
    Effect: 'Allow',
    Action: [CREATE],
    Condition: { StringEquals: { 'g:UserName': ['ann'] } },
  });
  const scope = 'ep:11111111-2222-3333-4444-555555555555';
  const row = { subject_kind: 'group', subject_id: groupId, policy_id: named, scope };
  await world.db.insertInto('grants').values(row).execute();
  const inside = { user_id: id, action: CREATE, enterprise_project_id: scope.slice(3) };
  assert.equal((await explain(inside)).verdict, 'allow');
  assert.equal((await explain({ user_id: id, action: CREATE })).verdict, 'deny');
});

test('it explains agencies', async t => {
  const { world, token, explain } = await setUp(t);
  const { id } = await world.iam.createAgency({
    accountId: world.root.accountId,
    name: 'ma_agency',
    trust: 'service:modelarts',
    policies: ['OBS ReadOnlyAccess'],
  });
  assert.equal((await explain({ agency_id: id, action: 'obs:bucket:HeadBucket' })).verdict, 'allow');
  assert.equal((await explain({ agency_id: id, action: 'obs:object:PutObject' })).verdict, 'deny');
  const wrong = await world.send('POST', PATH, { token, body: { user_id: id, action: CREATE } });
  assert.equal(wrong.status, 404, wrong.text);
});

test('bad questions, and those about another account, are refused', async t => {
  const { world, token } = await setUp(t);
  const rival = await world.account('rival');
  const user_id = world.root.userId;
  for (const [body, status, text] of [
    [{ action: CREATE }, 400, /\[user_id\] or \[agency_id\]/],
    [{ user_id, agency_id: user_id, action: CREATE }, 400, /not both/],
    [{ user_id }, 400, /\[action\] is required/],
    [{ user_id, action: 'create' }, 400, /\[action\] should have the form/],
    [{ user_id, action: 7 }, 400, /\[action\]/],
    [{ user_id: 7, action: CREATE }, 400, /\[user_id\]/],
    [{ agency_id: 7, action: CREATE }, 400, /\[agency_id\]/],
    [{ user_id, action: CREATE, resource: {} }, 400, /\[resource\]/],
    [{ user_id, action: CREATE, project_id: 7 }, 400, /\[project_id\]/],
    [{ user_id, action: CREATE, enterprise_project_id: 7 }, 400, /\[enterprise_project_id\]/],
    [{ user_id, action: CREATE, attributes: { key: {} } }, 400, /\[attributes.key\]/],
    [{ user_id: rival.userId, action: CREATE }, 404, /user/],
    [{ agency_id: rival.userId, action: CREATE }, 404, /agency/],
    [{ user_id, action: CREATE, project_id: rival.projectId }, 404, /project/],
  ] as const) {
    const answer = await world.send('POST', PATH, { token, body });
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error_code, status === 400 ? 'IAM.0011' : 'IAM.0004');
    assert.match(answer.body.error_msg, text);
  }
  await world.user('ann', ['ModelArts FullAccess']);
  const ann = await world.login({ user: 'ann' });
  const refused = await world.send('POST', PATH, { token: ann, body: { user_id, action: CREATE } });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /iam:permissions:explain/);
});
