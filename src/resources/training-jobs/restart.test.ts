import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { Program } from '../../runtime/fake/index.ts';
import type { TrainingSettings } from './index.ts';
import { createWorld, type Json, type World } from './test-world.ts';

const BIG = 'modelarts.vm.cpu.4u';

describe('training jobs that run again', () => {
  let world: World;
  let program: Program;
  afterEach(() => world.close());

  async function begin(settings: Partial<TrainingSettings> = {}): Promise<void> {
    program = {};
    world = await createWorld({
      program: () => program,
      settings,
      pools: { gold: ['modelarts.vm.cpu.4u'] },
    });
  }

  const retrying =
    (most: string, more: Record<string, string> = {}) =>
    (body: Json) => {
      body.metadata.annotations = { 'fault-tolerance/job-retry-num': most, ...more };
      body.algorithm.outputs[0].prefetch_to_local = true;
    };
  const inPool = (policy: Json) => (body: Json) => {
    body.spec.resource = { pool_id: 'gold' };
    body.spec.schedule_policy = policy;
  };
  const output = (id: string) => join(world.dir, 'jobs', id, 'work/modelarts/outputs/train_url_0');
  const drop = (id: string) => world.engine.drop(world.container(id)!.spec.name);
  const started = (id: string) => world.calls(id).filter(call => call === 'start').length;

  it('restarts a job whose container vanished, from its outputs, until it may no more', async () => {
    await begin();
    const id = await world.submit(world.job('lost', retrying('2')));
    await world.until(id, 'Running');
    await writeFile(join(output(id), 'checkpoint'), '1');
    for (const attempt of [1, 2]) {
      drop(id);
      await world.eventually(() => started(id) === attempt + 1, `attempt ${attempt + 1}`);
      await world.until(id, 'Running');
      await world.eventually(() => world.container(id)?.state === 'running', 'running');
      assert.equal(world.submitted.at(-1)!.reissued, true);
      await writeFile(join(output(id), `seen-${attempt}`), '');
    }
    drop(id);
    const job = await world.until(id, 'Abnormal');
    assert.match(job.status.message, /restarted 2 times, as often as it may be/);
    const records = job.status.running_records;
    assert.equal(records.length, 3);
    assert.equal(records[0].end_recover, 'job_reschedule_with_taint');
    assert.equal(records[0].end_reason, 'its container is gone');
    assert.deepEqual(await world.keys('bucket', 'out-lost/'), [
      'out-lost/checkpoint',
      'out-lost/seen-1',
      'out-lost/seen-2',
    ]);
    assert.match(await world.events(id), /JobRestarted: .*\(1 of 2 times\)/);
    const { body } = await world.call('GET', `/training-jobs/${id}/stages`);
    assert.equal(body.total_count, 3);
  });

  it('does not restart a program that failed, unless it is asked to', async () => {
    await begin();
    program = { runMs: 30, exitCode: 1 };
    const plain = await world.submit(world.job('plain', retrying('1')));
    await world.until(plain, 'Failed');
    assert.equal(started(plain), 1);
    const unconditional = { 'fault-tolerance/job-unconditional-retry': 'true' };
    const id = await world.submit(world.job('again', retrying('1', unconditional)));
    await world.until(id, 'Failed');
    assert.equal(started(id), 2);
    assert.match(await world.logText(id), /training started[\s\S]*training started/);
  });

  it('checks the place before the program when restarts are on, and takes a bad one for a fault', async () => {
    await begin();
    program = { runMs: 20, exitCode: 203, output: [{ text: '[ModelArts Service Log]Pre-check failed: no room.' }] };
    const id = await world.submit(world.job('unfit', retrying('1')));
    const job = await world.until(id, 'Failed');
    assert.equal(started(id), 2);
    assert.match(job.status.message, /not fit for the job: no room/);
    assert.equal(job.status.running_records[0].end_reason, 'its pre-check failed');
    assert.equal((await world.show(id)).metadata.annotations['fault-tolerance/job-retry-num'], '1');
  });

  it('refuses annotations it cannot follow', async () => {
    await begin();
    for (const annotations of [{ 'fault-tolerance/job-retry-num': '4' }, { 'fault-tolerance/hang-retry': 'yes' }]) {
      const body = world.job('bad', made => {
        made.metadata.annotations = annotations;
      });
      const answer = await world.call('POST', '/training-jobs', body);
      assert.equal(answer.body.error_code, 'ModelArts.2788');
      assert.match(answer.body.error_msg, /fault-tolerance/);
    }
  });

  it('tells of a job that does nothing, and restarts it only where that is wanted', async () => {
    await begin({ hangMs: 150 });
    const told = await world.submit(world.job('told', retrying('1')));
    await world.eventually(async () => /JobHanged/.test(await world.events(told)), 'told');
    assert.equal((await world.show(told)).status.phase, 'Running');
    assert.equal(started(told), 1);
    const id = await world.submit(world.job('hung', retrying('1', { 'fault-tolerance/hang-retry': 'true' })));
    await world.eventually(() => started(id) === 2, 'restarted');
    const job = await world.until(id, 'Running');
    assert.equal(job.status.running_records[0].end_reason, 'the job hangs');
  });

  it('does not call a job hung that computes or prints', async () => {
    await begin({ hangMs: 2_000 });
    program = { cpus: 1 };
    const busy = await world.submit(world.job('busy'));
    await world.until(busy, 'Running');
    await new Promise(resolve => setTimeout(resolve, 4_000));
    assert.doesNotMatch(await world.events(busy), /JobHanged/);
  });

  it('makes way when the queue says so, with its outputs, and waits again', async () => {
    await begin({ queueCheckMs: 20 });
    const id = await world.submit(world.job('low', inPool({ priority: 1, preemptible: true })));
    await world.until(id, 'Running');
    await writeFile(join(output(id), 'checkpoint'), '1');
    world.preemptedBy.set(id, 'urgent');
    await world.eventually(() => started(id) === 2, 'running again');
    const job = await world.until(id, 'Running');
    assert.deepEqual(await world.keys('bucket', 'out-low/'), ['out-low/checkpoint']);
    assert.match(await world.events(id), /JobPreempted: .*preempted by urgent/);
    assert.match(job.status.running_records[0].end_reason, /preempted by urgent/);
    assert.equal(world.submitted.at(-1)!.reissued, false);
    assert.equal(world.submitted.at(-1)!.preemptible, true);
  });

  it('leaves its node when that is taken away, and ends with its pool', async () => {
    await begin();
    const id = await world.submit(world.job('moving', inPool(undefined)));
    await world.until(id, 'Running');
    await world.vacate(id, false, 'its node is removed');
    await world.eventually(() => started(id) === 2, 'running again');
    const job = await world.until(id, 'Running');
    assert.equal(job.status.running_records[0].end_reason, 'its node is removed');
    await world.vacate(id, true, 'The pool gold is deleted.');
    const ended = await world.until(id, 'Terminated');
    assert.equal(ended.status.message, 'The pool gold is deleted.');
  });

  it('survives a killed server at every moment of a restart', async () => {
    await begin();
    for (const [index, pause] of [0, 4, 10, 20, 40, 80].entries()) {
      program = {};
      const id = await world.submit(world.job(`killed-${index}`, retrying('1')));
      await world.until(id, 'Running');
      program = { runMs: 50 };
      drop(id);
      await new Promise(resolve => setTimeout(resolve, pause));
      await world.restart();
      const job = await world.until(id, 'Completed');
      assert.equal(job.status.running_records.length, 2);
      assert.equal(started(id), 2);
    }
  });

  it('gives up a restarted job that waits too long', async () => {
    await begin({ reissueWaitMs: 100, queueCheckMs: 20 });
    const big = (body: Json) => {
      body.spec.resource.flavor_id = BIG;
    };
    const id = await world.submit(
      world.job('starved', body => {
        retrying('1')(body);
        big(body);
      }),
    );
    await world.until(id, 'Running');
    const next = await world.submit(world.job('next', big));
    drop(id);
    const job = await world.until(id, 'Failed');
    assert.match(job.status.message, /found no resources/);
    await world.until(next, 'Running');
  });

  it('runs in a dedicated pool: its network, its share of a node, its priority', async () => {
    await begin();
    const id = await world.submit(world.job('pooled', inPool({ priority: 2 })));
    const job = await world.until(id, 'Running');
    const { spec } = world.container(id)!;
    assert.equal(spec.network, 'net-gold');
    assert.equal(spec.limits.cpus, 4);
    const request = world.submitted.at(-1)!;
    assert.equal(request.pool, 'gold');
    assert.equal(request.priority, 2);
    assert.equal(request.workspaceId, '0');
    assert.equal(request.userId, 'user-1');
    assert.equal(job.spec.resource.pool_id, 'gold');
    assert.equal(job.spec.schedule_policy.priority, 2);
    const late = await world.call('PUT', `/training-jobs/${id}`, { spec: { schedule_policy: { priority: 1 } } });
    assert.equal(late.status, 409);
  });

  it('avoids a node of the pool on which it failed', async () => {
    await begin();
    world.placed.push('node-7');
    const id = await world.submit(
      world.job('moved', body => {
        retrying('1')(body);
        inPool(undefined)(body);
      }),
    );
    await world.until(id, 'Running');
    drop(id);
    await world.eventually(() => started(id) === 2, 'again');
    assert.deepEqual(world.submitted.at(-1)!.avoidNodes, ['node-7']);
  });

  it('changes the priority of a job that waits', async () => {
    await begin({ queueCheckMs: 20 });
    await world.until(await world.submit(world.job('first', inPool({ priority: 2 }))), 'Running');
    const id = await world.submit(world.job('second', inPool({ priority: 1 })));
    await world.eventually(async () => (await world.show(id)).status.queue !== undefined, 'queued');
    const change = (priority: number) =>
      world.call('PUT', `/training-jobs/${id}`, { spec: { schedule_policy: { priority } } });
    assert.equal((await change(2)).status, 200);
    await world.eventually(() => world.submitted.at(-1)!.priority === 2, 'the queue knows');
    assert.equal((await change(7)).body.error_code, 'ModelArts.2788');
    world.denied.add('user modelarts:trainJob:setHighPriority');
    assert.equal((await change(3)).status, 403);
    assert.equal((await world.show(id)).spec.schedule_policy.priority, 2);
    assert.equal((await world.show(id)).metadata.description, 'd', 'the description is left alone');
  });

  it('refuses pools it may not use, and what only pools have', async () => {
    await begin();
    const refused = async (change: (body: Json) => void) =>
      (await world.call('POST', '/training-jobs', world.job('no', change))).body.error_code;
    const resource = (given: Json) => (body: Json) => {
      body.spec.resource = given;
    };
    assert.equal(await refused(resource({ pool_id: 'none' })), 'ModelArts.2890');
    assert.equal(await refused(resource({ pool_id: 'stopped' })), 'ModelArts.2887');
    assert.equal(await refused(resource({ pool_id: 'closed' })), 'ModelArts.2886');
    assert.equal(await refused(resource({ pool_id: 'gold', flavor_id: 'modelarts.vm.cpu.8u' })), 'ModelArts.2763');
    assert.equal(
      await refused(resource({ pool_id: 'gold', flavor_id: 'modelarts.pool.visual.2xlarge' })),
      'ModelArts.2763',
    );
    assert.equal(await refused(resource({ pool_id: 'gold', flavor_id: 'nonsense' })), 'ModelArts.2781');
    const custom = { main_container_customized_flavor: { cpu_core_num: 1, mem_size: 1 } };
    assert.equal(await refused(resource({ flavor_id: 'modelarts.vm.cpu.1u', ...custom })), 'ModelArts.2788');
    assert.equal(await refused(resource({ pool_id: 'gold', main_container_customized_flavor: {} })), 'ModelArts.2788');
  });
});
