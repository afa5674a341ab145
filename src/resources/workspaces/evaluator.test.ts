import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Member, refused, workspacesWorld } from './workspaces.fixture.ts';

const CREATE = 'modelarts:trainJob:create';

async function ask(member: Member, workspace: string, ...requests: object[]) {
  const numbered = requests.map((request, at) => ({ action_id: `q${at}`, ...request }));
  const answer = await member.call('POST', `/${workspace}/auth`, { requests: numbered });
  assert.equal(answer.status, 200, answer.text);
  return answer.body.results;
}

test('a user learns what it may do, and which policy and condition decides', async t => {
  const world = await workspacesWorld(t);
  const ann = await world.member('ann', [CREATE, 'modelarts:trainJob:list']);
  await world.statement(ann, {
    Effect: 'Deny',
    Action: [CREATE],
    Condition: { StringEquals: { 'modelarts:poolType': ['public', 'shared'] } },
  });
  const results = await ask(
    ann,
    '0',
    { action: 'modelarts:trainJob:list', resource: 'modelarts:*:*:trainJob:*' },
    { action: CREATE, service_attributes: { 'modelarts:poolType': 'public' } },
    { action: CREATE, service_attributes: { poolType: 'shared' } },
    { action: CREATE, service_attributes: { 'modelarts:poolType': 'dedicated' } },
    { action: 'modelarts:pool:delete' },
  );
  assert.deepEqual(
    results.map((each: { action_id: string; verdict: string }) => `${each.action_id} ${each.verdict}`),
    ['q0 allow', 'q1 deny', 'q2 deny', 'q3 allow', 'q4 deny'],
  );
  const { action, resource, cause } = results[0];
  assert.deepEqual([action, resource], ['modelarts:trainJob:list', 'modelarts:*:*:trainJob:*']);
  assert.deepEqual([cause[0].policy_name, cause[0].condition], ['policy-1', []]);
  assert.equal('resource' in results[1], false);
  assert.equal(results[1].cause.length, 1);
  assert.equal(results[1].cause[0].policy_name, 'policy-2');
  assert.deepEqual(results[1].cause[0].condition, [
    { key: 'modelarts:poolType', operator: 'StringEquals', value: ['public', 'shared'] },
  ]);
  assert.deepEqual([results[4].cause[0].policy_name, results[4].cause[0].condition], ['', []]);
  assert.match(results[4].cause[0].reason, /no policy grants it/);
});

test('it answers for the workspace: who may enter, and grants by its enterprise project', async t => {
  const world = await workspacesWorld(t);
  const ep = await world.enterpriseProject('sales');
  const inside = await world.make('inside', { enterprise_project_id: ep });
  const closed = await world.make('closed', { enterprise_project_id: ep, auth_type: 'PRIVATE' });
  const ann = await world.member('ann', [CREATE], ep);
  const verdict = async (member: Member, id: string) => (await ask(member, id, { action: CREATE }))[0];
  assert.equal((await verdict(ann, inside)).verdict, 'allow');
  assert.equal((await verdict(ann, '0')).verdict, 'deny');
  const refusal = await verdict(ann, closed);
  assert.equal(refusal.verdict, 'deny');
  assert.equal(refusal.cause.length, 1, 'what allows it is no cause');
  assert.match(refusal.cause[0].reason, /closed to the caller: it is PRIVATE/);
  const both = (await ask(ann, closed, { action: 'modelarts:pool:create' }))[0];
  assert.equal(both.cause.length, 2);
  const bucket = (await ask(ann, closed, { action: 'obs:bucket:ListBucket' }))[0];
  assert.deepEqual([bucket.verdict, bucket.cause.length], ['deny', 1], 'buckets lie in no workspace');
  assert.equal((await verdict(world.root, closed)).verdict, 'allow');
});

test('bad questions are refused', async t => {
  const world = await workspacesWorld(t);
  const { call } = await world.member('ann', []);
  const fine = { action_id: 'a', action: CREATE };
  for (const [body, text] of [
    [{}, /\[requests\] is required/],
    [{ requests: [] }, /\[requests\]/],
    [{ requests: Array(101).fill(fine) }, /\[requests\] .*100/],
    [{ requests: [{ action: CREATE }] }, /\[requests\[0\].action_id\] is required/],
    [{ requests: [{ action_id: 'a' }] }, /\[requests\[0\].action\] is required/],
    [{ requests: [fine, { ...fine, action: 'trainJob' }] }, /\[requests\[1\].action\] should have the form/],
    [{ requests: [{ ...fine, action: 'modelarts:*:*' }] }, /\[requests\[0\].action\] should have the form/],
    [{ requests: [{ ...fine, action_id: 7 }] }, /\[requests\[0\].action_id\]/],
    [{ requests: [{ ...fine, resource: 7 }] }, /\[requests\[0\].resource\]/],
    [{ requests: [{ ...fine, service_attributes: 'x' }] }, /\[requests\[0\].service_attributes\]/],
    [{ requests: [{ ...fine, service_attributes: { key: {} } }] }, /\[requests\[0\].service_attributes.key\]/],
  ] as const) {
    refused(await call('POST', '/0/auth', body), 400, 'ModelArts.0104', text);
  }
  refused(await call('POST', `/${'f'.repeat(32)}/auth`, { requests: [fine] }), 400, 'ModelArts.7005', /no workspace/);
  assert.equal((await call('POST', '/0/auth', { requests: Array(100).fill(fine) })).body.results.length, 100);
});
