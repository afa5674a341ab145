import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Program } from '../../runtime/fake/index.ts';
import { createWorld, type World } from './test-world.ts';

describe('training jobs across crashes', () => {
  let world: World;
  let program: Program;

  beforeEach(async () => {
    program = { runMs: 150, output: [{ text: 'epoch 1' }, { text: 'epoch 2', afterMs: 50 }] };
    world = await createWorld({ program: () => program, settings: { logCapBytes: 4000 } });
  });
  afterEach(() => world.close());

  describe('when the server or the engine dies', () => {
    it('does not disturb a running job, loses no line and doubles none', async () => {
      program = { output: Array.from({ length: 20 }, (_, index) => ({ text: `line ${index}`, afterMs: index * 20 })) };
      const id = await world.submit(world.job('survivor'));
      await world.until(id, 'Running');
      await new Promise(resolve => setTimeout(resolve, 130));
      await world.halt();
      await new Promise(resolve => setTimeout(resolve, 100));
      await world.resume();
      await world.restart();
      await world.eventually(async () => (await world.logText(id)).includes('line 19'), 'last line');
      world.engine.end(world.container(id)!, 0);
      await world.until(id, 'Completed');
      const lines = (await world.logText(id)).split('\n').filter(line => line.startsWith('line '));
      assert.deepEqual(
        lines,
        Array.from({ length: 20 }, (_, index) => `line ${index}`),
      );
      await world.eventually(() => world.calls(id).includes('remove'), 'removed');
      assert.deepEqual(
        world.calls(id).filter(call => call !== 'remove'),
        ['create', 'start'],
      );
    });

    it('uses the exit code of a program that ended while the server was down', async () => {
      program = {};
      const id = await world.submit(world.job('meanwhile'));
      await world.until(id, 'Running');
      await world.halt();
      const container = world.container(id)!;
      world.engine.print(container, 'last words');
      world.engine.end(container, 3);
      await world.resume();
      const job = await world.until(id, 'Failed');
      assert.equal(job.status.task_statuses[0].exit_code, 3);
      assert.match(await world.logText(id), /last words/);
    });

    it('goes on from every step it was killed at', async () => {
      program = { runMs: 60 };
      for (const [index, pause] of [0, 5, 15, 30, 60, 90, 120].entries()) {
        const id = await world.submit(world.job(`killed-${index}`));
        await new Promise(resolve => setTimeout(resolve, pause));
        await world.restart();
        await world.until(id, 'Completed');
        assert.equal(world.calls(id).filter(call => call === 'start').length, 1);
      }
      await world.eventually(() => world.engine.containers.size === 0, 'no container left');
    });

    it('calls a job whose container vanished abnormal, and never starts it again', async () => {
      program = {};
      const id = await world.submit(world.job('vanished'));
      await world.until(id, 'Running');
      world.engine.drop(`atelier-test01-training-job-${id}`);
      const job = await world.until(id, 'Abnormal');
      assert.match(job.status.message, /container of the job is gone/);
      assert.equal(world.calls(id).filter(call => call === 'start').length, 1);
    });

    it('waits for an engine that does not answer and says so', async () => {
      program = {};
      const id = await world.submit(world.job('deaf'));
      await world.until(id, 'Running');
      world.engine.down = true;
      await world.eventually(async () => (await world.events(id)).includes('does not answer'), 'event');
      assert.equal((await world.show(id)).status.phase, 'Running');
      world.engine.down = false;
      await world.eventually(async () => (await world.events(id)).includes('answers again'), 'event');
      world.engine.end(world.container(id)!, 0);
      await world.until(id, 'Completed');
    });

    it('removes at start what no job stands for', async () => {
      program = {};
      const id = await world.submit(world.job('swept'));
      await world.until(id, 'Running');
      await world.halt();
      await world.db.deleteFrom('training_jobs').where('id', '=', id).execute();
      await mkdir(join(world.dir, 'jobs', 'stray'));
      await world.resume();
      await world.eventually(() => world.engine.containers.size === 0, 'container removed');
      await world.eventually(async () => (await readdir(join(world.dir, 'jobs'))).length === 0, 'directories removed');
      const next = await world.submit(
        world.job('after', body => {
          body.spec.resource.flavor_id = 'modelarts.vm.cpu.4u';
        }),
      );
      await world.until(next, 'Running');
    });
  });
});
