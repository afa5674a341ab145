import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../kernel/failure.ts';
import type { WorkspaceContents } from './index.ts';
import { refused, type WorkspacesWorld, workspacesWorld } from './workspaces.fixture.ts';

const DELETE_ACTIONS = ['service', 'model', 'tensorboard', 'trainJob', 'exemlProject', 'notebook', 'dataset'].map(
  type => `modelarts:${type}:delete`,
);

/** A family with some things in every workspace; each `clear` removes one, or does what `on` says. */
function family(kind: string, count: number, calls: string[], on: (left: number) => void = () => {}) {
  let left = count;
  const contents: WorkspaceContents = {
    kind,
    deleteAction: `modelarts:${kind === 'algorithm' ? 'aiAlgorithm' : kind}:delete`,
    count: async () => left,
    async clear() {
      calls.push(`${kind} ${left}`);
      on(left);
      if (left > 0) left--;
      return left;
    },
  };
  return contents;
}

async function until(world: WorkspacesWorld, id: string, done: (answer: { status: number; body: unknown }) => boolean) {
  for (const end = Date.now() + 60_000; ; ) {
    const answer = await world.root.call('GET', `/${id}`);
    if (done(answer)) return answer;
    if (Date.now() > end) throw new Error(`the workspace stays ${answer.text}`);
    await new Promise(resolve => setImmediate(resolve));
  }
}
const gone = ({ status }: { status: number }) => status === 400;
const failed = ({ body }: { body: unknown }) => (body as { status?: string }).status === 'DELETE_FAILED';

test('a workspace is deleted with what is in it, what uses others first', async t => {
  const world = await workspacesWorld(t, { pollMs: 1 });
  const { root, workspaces, iam } = world;
  const calls: string[] = [];
  workspaces.setContents(
    ['algorithm', 'training-job', 'other', 'model', 'service'].map(kind => family(kind, 2, calls)),
  );
  const id = await world.make('doomed');
  await root.call('PUT', `/${id}/quotas`, { quotas: [{ resource: 'exemlProject.gpu_duration', quota: 5 }] });
  const answer = await root.call('DELETE', `/${id}`);
  assert.deepEqual([answer.status, answer.body], [200, { workspace_id: id }]);
  assert.equal((await root.call('GET', `/${id}`)).body.status, 'DELETING');

  refused(await root.call('DELETE', `/${id}`), 400, 'ModelArts.7004', /doomed is DELETING/);
  refused(await root.call('PUT', `/${id}`, { name: 'saved' }), 400, 'ModelArts.7004', /DELETING/);
  const quotas = { quotas: [{ resource: 'exemlProject.gpu_duration', quota: 1 }] };
  refused(await root.call('PUT', `/${id}/quotas`, quotas), 400, 'ModelArts.7004', /DELETING/);
  await assert.rejects(workspaces.admit(iam.root.projectId, id, 'trainJob.count', 0), { code: 'ModelArts.7004' });
  assert.equal((await workspaces.find(iam.root.projectId, id))!.status, 'DELETING');
  assert.equal(calls.length, 0, 'nothing is cleared before the answer');

  await workspaces.start();
  refused(await until(world, id, gone), 400, 'ModelArts.7005', /no workspace/);
  const firsts = calls.filter(call => call.endsWith('2')).map(call => call.split(' ')[0]);
  assert.deepEqual(firsts, ['service', 'model', 'training-job', 'algorithm', 'other']);
  const lastModel = calls.indexOf('model 1');
  assert.ok(calls.indexOf('training-job 2') > lastModel, 'one kind is gone before the next begins');
  assert.equal((await root.call('GET')).body.total_count, 1);
});

test('whoever may not delete everything that may be in it, may not delete it', async t => {
  const world = await workspacesWorld(t);
  world.workspaces.setContents([family('algorithm', 0, [])]);
  const id = await world.make('guarded');
  const needed = [...DELETE_ACTIONS, 'modelarts:aiAlgorithm:delete'];
  const ann = await world.member('ann', ['modelarts:workspace:delete']);
  const answer = await ann.call('DELETE', `/${id}`);
  refused(answer, 400, 'ModelArts.4551', /not allowed/);
  for (const action of needed) assert.ok(answer.body.error_msg.includes(action), action);

  await world.statement(ann, { Action: ['modelarts:*:*delete*'] });
  for (const action of needed) {
    const lacking = await world.member(`no-${action.split(':')[1]}`, ['modelarts:*:*']);
    await world.statement(lacking, { Effect: 'Deny', Action: [action] });
    const refusal = await lacking.call('DELETE', `/${id}`);
    refused(refusal, 400, 'ModelArts.4551', new RegExp(`not allowed ${action}\\.$`));
  }
  assert.equal((await world.root.call('GET', `/${id}`)).body.status, 'NORMAL', 'nothing was changed');
  assert.equal((await ann.call('DELETE', `/${id}`)).status, 200);
});

test('grants by the enterprise project of the workspace count when it is deleted', async t => {
  const world = await workspacesWorld(t);
  const ep = await world.enterpriseProject('sales');
  const [inside, outside] = [await world.make('inside', { enterprise_project_id: ep }), await world.make('outside')];
  const ann = await world.member('ann', ['modelarts:workspace:delete']);
  await world.statement(ann, { Action: ['modelarts:*:*'] }, ep);
  refused(await ann.call('DELETE', `/${outside}`), 400, 'ModelArts.4551', /not allowed/);
  assert.equal((await ann.call('DELETE', `/${inside}`)).status, 200);
});

test('a deletion that a dead server left is finished by the next one', async t => {
  const world = await workspacesWorld(t, { pollMs: 1 });
  const calls: string[] = [];
  const midway = Promise.withResolvers<void>();
  const never = Promise.withResolvers<number>();
  const contents = [
    family('model', 3, calls),
    {
      ...family('training-job', 2, calls),
      async clear() {
        midway.resolve();
        return never.promise;
      },
    },
  ];
  world.workspaces.setContents(contents);
  try {
    const id = await world.make('left-over');
    await world.root.call('DELETE', `/${id}`);
    await world.workspaces.start();
    await midway.promise;
    assert.deepEqual(calls, ['model 3', 'model 2', 'model 1']);
    // As after kill -9: nothing of it runs on, and its lease is not given back.
    void world.workspaces.stop();
    await world.iam.db.updateTable('workspaces').set({ lease_owner: 'a process that is gone' }).execute();

    const next = world.again();
    const done: string[] = [];
    next.setContents([family('model', 0, done), family('training-job', 2, done)]);
    const deleting = (await world.root.call('GET', `/${id}`)).body;
    assert.deepEqual([deleting.status, deleting.status_info], ['DELETING', 'model: 1']);
    await next.start();
    await until(world, id, gone);
    assert.ok(done.includes('training-job 2'));
  } finally {
    never.resolve(2);
  }
});

test('a deletion that keeps failing ends as DELETE_FAILED with the reason, and is tried again when asked', async t => {
  const world = await workspacesWorld(t, { attempts: 1, pollMs: 1 });
  const { root, workspaces } = world;
  let broken = true;
  const failing = (error: Error) =>
    family('service', 1, [], () => {
      if (broken) throw error;
    });
  const failure = new Failure({ code: 'ModelArts.3507', status: 400, message: 'The service echo cannot be stopped.' });
  workspaces.setContents([failing(failure)]);
  const id = await world.make('stubborn');
  await root.call('DELETE', `/${id}`);
  await workspaces.start();
  const { body } = await until(world, id, failed);
  assert.match(body.status_info, /Deleting each service in it failed: The service echo cannot be stopped\./);
  await assert.rejects(workspaces.admit(world.iam.root.projectId, id, 'x', 0), { code: 'ModelArts.7004' });
  refused(await root.call('PUT', `/${id}`, { name: 'saved' }), 400, 'ModelArts.7004', /DELETE_FAILED/);

  workspaces.setContents([failing(new Error('secret of the machine'))]);
  assert.equal((await root.call('DELETE', `/${id}`)).status, 200);
  const again = await until(world, id, failed);
  assert.doesNotMatch(again.text, /secret/);
  assert.match(again.body.status_info, /internal error/);

  broken = false;
  assert.equal((await root.call('DELETE', `/${id}`)).status, 200);
  await until(world, id, gone);
});

test('a failure that passes is survived', async t => {
  const world = await workspacesWorld(t, { attempts: 2, pollMs: 1 });
  let failures = 1;
  world.workspaces.setContents([
    family('service', 1, [], () => {
      if (failures-- > 0) throw new Error('not now');
    }),
  ]);
  const id = await world.make('patient');
  await world.root.call('DELETE', `/${id}`);
  await world.workspaces.start();
  await until(world, id, gone);
});

test('a deletion that does not get on is given up', async t => {
  const world = await workspacesWorld(t, { stuckMs: 0, pollMs: 1 });
  const stays: WorkspaceContents = {
    kind: 'training-job',
    deleteAction: 'modelarts:trainJob:delete',
    count: async () => 2,
    clear: async () => 2,
  };
  world.workspaces.setContents([stays]);
  const id = await world.make('stuck');
  await world.root.call('DELETE', `/${id}`);
  await world.workspaces.start();
  const { body } = await until(world, id, failed);
  assert.match(body.status_info, /Still there .*training-job: 2/);
});
