import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Program } from '../../runtime/fake/index.ts';
import { createWorld, type World } from './test-world.ts';

describe('running training jobs', () => {
  let world: World;
  let program: Program;

  beforeEach(async () => {
    program = { runMs: 150, output: [{ text: 'epoch 1' }, { text: 'epoch 2', afterMs: 50 }] };
    world = await createWorld({ program: () => program, settings: { logCapBytes: 4000 } });
  });
  afterEach(() => world.close());

  const output = (id: string) => join(world.dir, 'jobs', id, 'work/modelarts/outputs/train_url_0');

  it('stages code and inputs, runs, uploads the outputs and completes', async () => {
    program = { output: [{ text: 'hello' }] };
    const id = await world.submit(world.job('one'));
    await world.until(id, 'Running');
    const work = join(world.dir, 'jobs', id, 'work/modelarts');
    assert.equal(await readFile(join(work, 'user-job-dir/code/lib/util.py'), 'utf8'), 'x = 1');
    assert.equal(await readFile(join(work, 'inputs/data_url_0/a.txt'), 'utf8'), 'data');
    await writeFile(join(output(id), 'model.pt'), 'weights');
    await world.eventually(async () => (await world.keys('bucket', 'out-one/')).length > 0, 'upload while it runs');
    await writeFile(join(output(id), 'last.pt'), 'weights');
    world.engine.end(world.container(id)!, 0);
    const job = await world.until(id, 'Completed');

    assert.deepEqual(await world.keys('bucket', 'out-one/'), ['out-one/last.pt', 'out-one/model.pt']);
    assert.equal(job.status.task_statuses[0].exit_code, 0);
    assert.ok(job.status.duration > 0 && job.status.start_time > 1e12);
    assert.ok(job.status.running_records[0].start_at < 1e11, 'seconds');
    const text = await world.logText(id);
    assert.match(text, /^hello$/m);
    assert.match(text, /^\[Modelarts Service Log\]Training end with return code: 0$/m);
    assert.match(text, /exit with 0/);
    const events = await world.events(id);
    for (const expected of [
      'Training job created.',
      '[worker-0] The training code is being downloaded.',
      'Training input (parameter: data_url) downloaded',
      '[worker-0] training started.',
      'Training output(parameter name: train_url) Uploading.',
      'Upload train_url to obs://bucket/out-one/ finished.',
      'Training job completed.',
    ]) {
      assert.ok(events.includes(expected), `${expected} in\n${events}`);
    }
    await world.eventually(() => !existsSync(join(world.dir, 'jobs', id, 'work')), 'work directory removed');
    await world.eventually(() => !world.container(id), 'container removed');
  });

  it('gives the container the documented variables, paths, arguments, limits and credentials', async () => {
    program = {};
    const id = await world.submit(
      world.job('env', body => {
        body.algorithm.inputs[0].access_method = 'env';
        body.algorithm.parameters = [{ name: 'note', value: `a "b" 'c' $HOME; rm -rf /` }];
        body.algorithm.environments = { MINE: '$NOT_EXPANDED', MA_HOME: '/elsewhere' };
      }),
    );
    await world.until(id, 'Running');
    const { spec } = world.container(id)!;
    assert.equal(spec.user, '1000:100');
    assert.deepEqual(spec.command, [
      'boot',
      '/home/ma-user/modelarts/user-job-dir/code',
      '/home/ma-user/modelarts/user-job-dir/code',
      '/home/ma-user/modelarts/user-job-dir/code/train.py',
      '--train_url=/home/ma-user/modelarts/outputs/train_url_0',
      `--note=a "b" 'c' $HOME; rm -rf /`,
    ]);
    assert.equal(spec.env.data_url, '/home/ma-user/modelarts/inputs/data_url_0');
    assert.equal(spec.env.MA_NUM_HOSTS, '1');
    assert.equal(spec.env.VC_TASK_INDEX, '0');
    assert.equal(spec.env.MA_VJ_NAME, `ma-job-${id}`);
    assert.equal(spec.env.MINE, '$NOT_EXPANDED');
    assert.equal(spec.env.MA_HOME, '/elsewhere', 'users may override preset variables');
    assert.ok(!JSON.stringify(spec).includes('SECRET-KEY'), 'no secret in the description of the container');
    assert.equal(spec.limits.memoryBytes, 4 * 1024 ** 3);
    assert.equal(spec.limits.cpus, 2);
    assert.ok(spec.limits.pids > 0);
    const platform = join(world.dir, 'jobs', id, 'platform');
    const credentials = JSON.parse(await readFile(join(platform, 'credentials.json'), 'utf8'));
    assert.deepEqual(Object.keys(credentials), ['access', 'secret', 'securitytoken', 'expires_at']);
    assert.match(await readFile(join(platform, 'ready.env'), 'utf8'), /S3_ENDPOINT='http:\/\/127.0.0.1:7081'/);
  });

  it('uploads the outputs of a program that fails, and names the cause', async () => {
    program = {};
    const id = await world.submit(world.job('fails'));
    await world.until(id, 'Running');
    await writeFile(join(output(id), 'partial.txt'), 'x');
    world.engine.print(world.container(id)!, 'train.py: error: unrecognized arguments: --epochs=3', 'stderr');
    world.engine.end(world.container(id)!, 2);
    const job = await world.until(id, 'Failed');
    assert.equal(job.status.task_statuses[0].exit_code, 2);
    assert.match(job.status.task_statuses[0].message, /parse_known_args/);
    assert.deepEqual(await world.keys('bucket', 'out-fails/'), ['out-fails/partial.txt']);
  });

  it('tells a lack of memory from another kill', async () => {
    program = { runMs: 20, oom: true };
    const id = await world.submit(world.job('oom'));
    const job = await world.until(id, 'Failed');
    assert.equal(job.status.task_statuses[0].exit_code, 137);
    assert.match(job.status.message, /out of memory.*4 GiB.*modelarts\.vm\.cpu\.2u/i);
  });

  it('never follows a link that the job made to a file of the host', async () => {
    program = {};
    await writeFile(join(world.dir, 'host-secret'), 'secret');
    const id = await world.submit(world.job('links'));
    await world.until(id, 'Running');
    await symlink(join(world.dir, 'host-secret'), join(output(id), 'stolen.txt'));
    await symlink('/etc', join(output(id), 'etc'));
    await writeFile(join(output(id), 'fine.txt'), 'fine');
    world.engine.end(world.container(id)!, 0);
    await world.until(id, 'Completed');
    assert.deepEqual(await world.keys('bucket', 'out-links/'), ['out-links/fine.txt']);
  });

  it('brings earlier outputs back when predownload is asked for', async () => {
    program = {};
    await world.put('bucket/out-again/ckpt/1.pt', 'old');
    const id = await world.submit(
      world.job('again', body => {
        body.algorithm.outputs[0].prefetch_to_local = true;
      }),
    );
    await world.until(id, 'Running');
    assert.equal(await readFile(join(output(id), 'ckpt/1.pt'), 'utf8'), 'old');
  });

  it('fails the job at staging when the agency lost its permission, naming action and agency', async () => {
    world.denied.add('agency obs:object:GetObject');
    const id = await world.submit(world.job('denied'));
    const job = await world.until(id, 'Failed');
    assert.match(job.status.message, /obs:object:GetObject/);
    assert.match(job.status.message, /ma_agency_x/);
    assert.equal(world.container(id), undefined, 'nothing was started');
  });

  it('fails the job after its program when outputs may not be uploaded', async () => {
    program = {};
    world.denied.add('agency obs:object:PutObject');
    const id = await world.submit(world.job('noput'));
    await world.eventually(() => world.container(id)?.state === 'running', 'running');
    await writeFile(join(output(id), 'model.pt'), 'x');
    world.engine.end(world.container(id)!, 0);
    const job = await world.until(id, 'Failed');
    assert.match(job.status.message, /obs:object:PutObject/);
    assert.equal(job.status.task_statuses[0].exit_code, 0);
  });

  it('fails the job when its agency is gone by the time it starts', async () => {
    program = {};
    const first = await world.submit(
      world.job('big', body => {
        body.spec.resource.flavor_id = 'modelarts.vm.cpu.4u';
      }),
    );
    await world.until(first, 'Running');
    const id = await world.submit(world.job('orphan'));
    world.agency.exists = false;
    world.engine.end(world.container(first)!, 0);
    const job = await world.until(id, 'Failed');
    assert.match(job.status.message, /agency ma_agency_x.*does not exist/);
  });

  it('waits in the queue with the reason visible, then runs', async () => {
    program = {};
    const big = (body: { spec: { resource: { flavor_id: string } } }) => {
      body.spec.resource.flavor_id = 'modelarts.vm.cpu.4u';
    };
    const first = await world.submit(world.job('first', big));
    await world.until(first, 'Running');
    const second = await world.submit(world.job('second', big));
    const waiting = await world.until(second, 'Pending');
    await world.eventually(async () => (await world.show(second)).status.queue !== undefined, 'queued');
    const { status } = await world.show(second);
    assert.equal(status.secondary_phase, 'Queuing');
    assert.equal(status.queue.position, 0);
    assert.match(status.queue.reason, /waiting for/);
    assert.equal(waiting.status.start_time, 0);
    world.engine.end(world.container(first)!, 0);
    await world.until(second, 'Running');
    assert.match(await world.events(second), /queuing and awaiting resource allocation/);
  });

  it('stops a running job on demand, by SIGKILL if it must, and keeps its outputs', async () => {
    program = { ignoresTerm: true };
    const id = await world.submit(world.job('stop'));
    await world.until(id, 'Running');
    await writeFile(join(output(id), 'ckpt'), 'x');
    const answer = await world.call('POST', `/training-jobs/${id}/actions`, { action_type: 'terminate' });
    assert.equal(answer.status, 202);
    assert.equal(answer.body.status.phase, 'Terminating');
    const job = await world.until(id, 'Terminated');
    assert.equal(job.status.task_statuses[0].exit_code, 137);
    assert.match(job.status.message, /Terminated by ann/);
    assert.deepEqual(await world.keys('bucket', 'out-stop/'), ['out-stop/ckpt']);
    const again = await world.call('POST', `/training-jobs/${id}/actions`, { action_type: 'terminate' });
    assert.equal(again.status, 409);
    assert.equal(again.body.error_code, 'ModelArts.2796');
  });

  it('stops a queued job at once and lets the next one have its place', async () => {
    program = {};
    const big = (body: { spec: { resource: { flavor_id: string } } }) => {
      body.spec.resource.flavor_id = 'modelarts.vm.cpu.4u';
    };
    const first = await world.submit(world.job('a', big));
    await world.until(first, 'Running');
    const second = await world.submit(world.job('b', big));
    const third = await world.submit(world.job('c', big));
    await world.call('POST', `/training-jobs/${second}/actions`, { action_type: 'terminate' });
    await world.until(second, 'Terminated');
    world.engine.end(world.container(first)!, 0);
    await world.until(third, 'Running');
    assert.equal(world.container(second), undefined);
  });

  it('stops by itself when auto_stop is over', async () => {
    program = {};
    const id = await world.submit(
      world.job('timed', body => {
        body.spec.auto_stop = { time_unit: 'HOURS', duration: 1 };
      }),
    );
    await world.until(id, 'Running');
    await world.halt();
    await world.db
      .updateTable('training_jobs')
      .set({ started_at: Date.now() - 3_600_001 })
      .execute();
    await world.resume();
    const job = await world.until(id, 'Terminated');
    assert.match(job.status.message, /auto_stop/);
  });

  it('deletes an active job after stopping it, and leaves nothing behind', async () => {
    program = {};
    const id = await world.submit(world.job('gone'));
    await world.until(id, 'Running');
    assert.equal((await world.call('DELETE', `/training-jobs/${id}`)).status, 202);
    await world.eventually(async () => (await world.show(id)).error_code === 'ModelArts.2775', 'job gone');
    assert.equal(world.container(id), undefined);
    await world.eventually(async () => !(await readdir(join(world.dir, 'jobs'))).includes(id), 'files gone');
    await world.submit(world.job('gone'));
  });
});
