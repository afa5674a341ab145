import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Program } from '../../runtime/fake/index.ts';
import { createWorld, type Json, type World } from './test-world.ts';

describe('training jobs on several nodes', () => {
  let world: World;
  let programs: Record<string, Program>;

  beforeEach(async () => {
    programs = {};
    world = await createWorld({ program: (_image, _args, task) => programs[task] ?? {} });
  });
  afterEach(() => world.close());

  const two = (body: Json) => {
    body.spec.resource = { flavor_id: 'modelarts.vm.cpu.1u', node_count: 2 };
  };
  const output = (id: string, task: number, file: string) =>
    join(world.dir, 'jobs', id, ...(task ? [`worker-${task}`] : []), 'work/modelarts/outputs/train_url_0', file);

  it('starts as many tasks as nodes, that find each other by name and have inputs of their own', async () => {
    const id = await world.submit(world.job('pair', two));
    const job = await world.until(id, 'Running');
    assert.deepEqual(job.status.tasks, ['worker-0', 'worker-1']);
    assert.equal(job.spec.resource.node_count, 2);
    assert.equal(world.submitted.at(-1)?.tasks, 2);
    for (const index of [0, 1]) {
      const { spec } = world.container(id, index)!;
      assert.equal(spec.env.MA_NUM_HOSTS, '2');
      assert.equal(spec.env.VC_TASK_INDEX, String(index));
      const hosts = spec.env.VC_WORKER_HOSTS!.split(',');
      assert.deepEqual(
        hosts,
        [0, 1].map(n => `ma-job-${id}-worker-${n}.ma-job-${id}`),
      );
      assert.ok(spec.networkAliases?.includes(hosts[index]!));
      assert.equal(spec.limits.cpus, 1);
      assert.ok(spec.command!.includes(`--rank=${index}`) && spec.command!.includes('--world_size=2'));
      const mount = spec.mounts.find(entry => entry.target === '/home/ma-user/modelarts')!;
      assert.equal(await readFile(join(mount.source, 'inputs/data_url_0/a.txt'), 'utf8'), 'data');
      await writeFile(join(mount.source, 'inputs/data_url_0/a.txt'), `changed by ${index}`);
    }
    const first = world.container(id)!.spec.mounts[0]!.source;
    assert.equal(await readFile(join(first, 'inputs/data_url_0/a.txt'), 'utf8'), 'changed by 0');
    const tasks = (await world.call('GET', `/training-jobs/${id}/tasks`)).body;
    assert.deepEqual(
      tasks.map((task: Json) => task.task),
      ['worker-0', 'worker-1'],
    );
    assert.notEqual(tasks[0].ip, tasks[1].ip);
  });

  it('completes when all tasks have, with logs and use of each', async () => {
    programs = {
      'worker-0': { output: [{ text: 'I am first' }], cpus: 0.5 },
      'worker-1': { output: [{ text: 'I am second' }], cpus: 1 },
    };
    const id = await world.submit(world.job('both', two));
    const use = async (task: string) =>
      (await world.call('GET', `/training-jobs/${id}/metrics/${task}`)).body.metrics?.[0]?.value[0];
    await world.eventually(
      async () => (await use('worker-0')) === 50 && (await use('worker-1')) === 100,
      'use of each',
    );
    world.engine.end(world.container(id)!, 0);
    await world.eventually(() => world.container(id)?.state === 'exited', 'the first ends');
    assert.equal((await world.show(id)).status.phase, 'Running', 'the other goes on');
    world.engine.end(world.container(id, 1)!, 0);
    const job = await world.until(id, 'Completed');
    assert.deepEqual(
      job.status.task_statuses.map((task: Json) => task.exit_code),
      [0, 0],
    );
    assert.match(await world.logText(id), /I am first/);
    assert.match(await world.logText(id, 'worker-1'), /I am second[\s\S]*Training end with return code: 0/);
    const unknown = await world.call('GET', `/training-jobs/${id}/tasks/worker-2/logs/preview`);
    assert.equal(unknown.body.error_code, 'ModelArts.2788');
    await world.eventually(() => world.engine.containers.size === 0, 'containers removed');
  });

  it('ends all tasks when one fails, and tells which it was', async () => {
    programs = {
      'worker-1': { runMs: 100, exitCode: 9, output: [{ text: 'ModuleNotFoundError: No module named x' }] },
    };
    const id = await world.submit(world.job('one', two));
    const job = await world.until(id, 'Failed');
    assert.match(job.status.message, /^worker-1: Exit code 9.*Python module is missing/);
    const [first, second] = job.status.task_statuses;
    assert.equal(first.exit_code, 143);
    assert.match(first.message, /stopped, as worker-1 failed/);
    assert.equal(second.exit_code, 9);
    assert.equal(job.status.running_records[0].end_related_task, 'worker-1');
  });

  it('keeps the outputs of all nodes; of one name, the first node’s', async () => {
    const id = await world.submit(world.job('merged', two));
    await world.until(id, 'Running');
    await writeFile(output(id, 0, 'model'), 'of the first');
    await writeFile(output(id, 0, 'rank-0'), '0');
    world.engine.end(world.container(id)!, 0);
    await world.eventually(async () => (await world.keys('bucket', 'out-merged/')).length === 2, 'uploaded');
    await writeFile(output(id, 1, 'model'), 'of the second, later');
    await writeFile(output(id, 1, 'rank-1'), '1');
    await world.eventually(async () => (await world.keys('bucket', 'out-merged/')).length === 3, 'uploaded too');
    world.engine.end(world.container(id, 1)!, 0);
    await world.until(id, 'Completed');
    assert.equal(await world.text('bucket/out-merged/model'), 'of the first');
    assert.match(await world.events(id), /1 files of output train_url were written by several nodes.*model/);
  });

  it('lets a file that was only brought back give way to the one of the node that wrote it', async () => {
    await world.put('bucket/out-resumed/rank-1', 'old');
    const id = await world.submit(
      world.job('resumed', body => {
        two(body);
        body.algorithm.outputs[0].prefetch_to_local = true;
      }),
    );
    await world.until(id, 'Running');
    await writeFile(output(id, 1, 'rank-1'), 'new');
    for (const index of [0, 1]) world.engine.end(world.container(id, index)!, 0);
    await world.until(id, 'Completed');
    assert.equal(await world.text('bucket/out-resumed/rank-1'), 'new');
  });

  it('goes on from every moment at which the server was killed', async () => {
    for (const [index, pause] of [0, 5, 15, 30, 45, 60, 90, 120, 160].entries()) {
      programs = { 'worker-0': { runMs: 60 }, 'worker-1': { runMs: 90 } };
      const id = await world.submit(world.job(`killed-${index}`, two));
      await new Promise(resolve => setTimeout(resolve, pause));
      await world.restart();
      await world.until(id, 'Completed');
      assert.equal(world.calls(id).filter(call => call === 'start').length, 2);
    }
    await world.eventually(() => world.engine.containers.size === 0, 'no container left');
  });

  it('stops all tasks on demand', async () => {
    const id = await world.submit(world.job('stopped', two));
    await world.until(id, 'Running');
    await world.call('POST', `/training-jobs/${id}/actions`, { action_type: 'terminate' });
    const job = await world.until(id, 'Terminated');
    assert.deepEqual(
      job.status.task_statuses.map((task: Json) => task.exit_code),
      [143, 143],
    );
  });
});
