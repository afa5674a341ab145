import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Program } from '../../runtime/fake/index.ts';
import { createWorld, type World } from './test-world.ts';

describe('logs and metrics of training jobs', () => {
  let world: World;
  let program: Program;

  beforeEach(async () => {
    program = { runMs: 150, output: [{ text: 'epoch 1' }, { text: 'epoch 2', afterMs: 50 }] };
    world = await createWorld({ program: () => program, settings: { logCapBytes: 4000 } });
  });
  afterEach(() => world.close());

  it('keeps the beginning of a log that reaches its limit, says so, and lets the job go on', async () => {
    program = {
      runMs: 200,
      output: Array.from({ length: 300 }, (_, index) => ({ text: `line ${index} ${'x'.repeat(40)}` })),
    };
    const id = await world.submit(world.job('chatty'));
    await world.until(id, 'Completed');
    const text = await world.logText(id);
    assert.match(text, /line 1 /);
    assert.doesNotMatch(text, /line 299 /);
    assert.match(text, /\[ModelArts Service Log\]The log has reached its limit of 4000 bytes/);
    assert.match(text, /return code: 0/);
  });

  it('exports the log where asked to', async () => {
    const id = await world.submit(
      world.job('exported', body => {
        body.spec.log_export_path = { obs_url: '/bucket/logs' };
      }),
    );
    await world.until(id, 'Completed');
    assert.deepEqual(await world.keys('bucket', 'logs/'), [`logs/modelarts-job-${id}-worker-0.log`]);
  });

  it('samples use once a minute and shows -1 where nothing is measured', async () => {
    program = { cpus: 1, memoryBytes: 1024 ** 3 };
    const id = await world.submit(world.job('measured'));
    const early = await world.call('GET', `/training-jobs/${id}/metrics/worker-0`);
    assert.ok([200, 204].includes(early.status));
    await world.until(id, 'Running');
    await world.eventually(
      async () => (await world.call('GET', `/training-jobs/${id}/metrics/worker-0`)).status === 200,
      'metrics',
    );
    const { metrics } = (await world.call('GET', `/training-jobs/${id}/metrics/worker-0`)).body;
    const of = (name: string) => metrics.find((entry: { metric: string }) => entry.metric === name).value;
    assert.equal(of('cpuUsage')[0], 50);
    assert.equal(of('memUsage')[0], 25);
    assert.equal(of('gpuUtil')[0], -1);
  });

  it('makes a link to the log that works without a credential, and only as long as it is right', async () => {
    const id = await world.submit(world.job('link'));
    await world.until(id, 'Completed');
    const { body } = await world.call('GET', `/training-jobs/${id}/tasks/worker-0/logs/url`);
    const log = await world.call('GET', body.obs_url);
    assert.equal(log.status, 200);
    assert.match(log.body, /epoch 2/);
    assert.match(log.headers.get('content-disposition')!, /modelarts-job-/);
    const forged = await world.call('GET', body.obs_url.replace(/expires=\d+/, `expires=${Date.now() + 9e9}`));
    assert.equal(forged.status, 403);
  });

  it('lets a client follow the log byte by byte, and read it by lines', async () => {
    program = {
      runMs: 300,
      output: [{ text: 'première' }, { text: 'zweite', afterMs: 100 }, { text: '三', afterMs: 200 }],
    };
    const id = await world.submit(world.job('follow'));
    let offset = 0;
    let text = '';
    for (;;) {
      const { body } = await world.call('GET', `/training-jobs/${id}/logs/worker-0?offset=${offset}&wait=5`);
      text += body.content;
      offset = body.next_offset;
      if (body.finished) break;
    }
    assert.equal(text, await world.logText(id));
    assert.deepEqual(
      text.split('\n').filter(line => line !== '' && !line.includes('Service Log')),
      ['première', 'zweite', '三'],
    );
    const { body } = await world.call('GET', `/training-jobs/${id}/logs/worker-0?pattern=zweite`);
    assert.equal(body.content, 'zweite\n');
  });
});
