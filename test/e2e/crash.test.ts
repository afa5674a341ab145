import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { waitPublished } from '../../src/cli/commands/model.ts';
import { waitRunning } from '../../src/cli/commands/service.ts';
import { containersOf, killContainer } from './containers.ts';
import { createEchoModel, createEchoService } from './echo.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, causeOf, ended, inPhase, logOf, submitScript } from './jobs.ts';

describe('kill -9 of the server at any moment', () => {
  let at: Installation;
  const bucket = 'crash-tests';

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    await authorize(at);
    await at.obs.createBucket(bucket);
  });
  after(() => at?.remove());

  async function crash(): Promise<void> {
    await at.kill();
    await at.start();
  }

  it('during uploads: what was acknowledged is there, whole', async () => {
    const acknowledged: string[] = [];
    const body = (index: number) => Buffer.alloc(300_000 + index, index % 251);
    let killed: Promise<void> | undefined;
    for (let index = 0; index < 60; index++) {
      if (index === 25) killed = at.kill();
      try {
        await at.obs.put({ bucket, key: `up/${index}` }, body(index));
        acknowledged.push(`up/${index}`);
      } catch {
        break; // the server is gone: this one was not acknowledged
      }
    }
    await killed;
    await at.start();
    const present = new Map<string, number>();
    for await (const entry of at.obs.walk({ bucket, key: 'up/' })) present.set(entry.key, entry.size);
    for (const key of acknowledged) assert.equal(present.get(key), body(Number(key.slice(3))).length, key);
    assert.ok(acknowledged.length >= 20);
  });

  it('while a job waits in the queue: it runs afterwards', async () => {
    const first = await submitScript(at, { name: 'holds', bucket, flavor: 'modelarts.vm.cpu.4u', script: SLEEP(20) });
    await inPhase(at, first.metadata.id, ['Running']);
    const second = await submitScript(at, {
      name: 'waits',
      bucket,
      flavor: 'modelarts.vm.cpu.4u',
      script: 'print("mine")',
    });
    await at.client.until(
      () => at.client.job(second.metadata.id),
      ({ status }) => status.phase === 'Pending' && /vCPU/.test(JSON.stringify(status)),
      60_000,
      'the reason why it waits',
    );
    await crash();
    assert.equal((await ended(at, first.metadata.id)).status.phase, 'Completed');
    assert.equal((await ended(at, second.metadata.id)).status.phase, 'Completed');
    assert.match(await logOf(at, second.metadata.id), /mine/);
  });

  it('in the middle of a run: the script is not disturbed, started once, and its log is whole', async () => {
    const job = await submitScript(at, {
      name: 'counts',
      bucket,
      script:
        'import sys,time\nout=[a.split("=",1)[1] for a in sys.argv if a.startswith("--train_url=")][0]\nfor i in range(40):\n  print("tick",i,flush=True)\n  time.sleep(0.25)\nopen(out+"/done.txt","w").write("ok")\n',
      outputs: [{ name: 'train_url', url: `/${bucket}/out-counts/` }],
    });
    await inPhase(at, job.metadata.id, ['Running']);
    await new Promise(resolve => setTimeout(resolve, 1500));
    await crash();
    await new Promise(resolve => setTimeout(resolve, 1000));
    await crash();
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Completed', causeOf(done));
    const ticks = [...(await logOf(at, job.metadata.id)).matchAll(/^tick (\d+)$/gm)].map(match => Number(match[1]));
    assert.deepEqual(
      ticks,
      Array.from({ length: 40 }, (_, index) => index),
    );
    assert.equal(await at.obs.exists({ bucket, key: 'out-counts/done.txt' }), true);
  });

  it('a job that ended while the server was away is found with its code', async () => {
    const job = await submitScript(at, { name: 'alone', bucket, script: `${SLEEP(8)}\nraise SystemExit(7)` });
    await inPhase(at, job.metadata.id, ['Running']);
    await at.kill();
    await new Promise(resolve => setTimeout(resolve, 10_000));
    await at.start();
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Failed');
    assert.equal(done.status.task_statuses?.[0]?.exit_code, 7);
  });

  it('at random moments of many short jobs: each runs exactly once and leaves no container', async () => {
    const jobs = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        submitScript(at, {
          name: `short-${index}`,
          bucket,
          script:
            'import os,sys,time,uuid\nout=[a.split("=",1)[1] for a in sys.argv if a.startswith("--train_url=")][0]\nopen(out+"/"+uuid.uuid4().hex,"w").write("x")\ntime.sleep(1)\n',
          outputs: [{ name: 'train_url', url: `/${bucket}/out-short-${index}/` }],
        }),
      ),
    );
    for (let round = 0; round < 5; round++) {
      await new Promise(resolve => setTimeout(resolve, 300 + round * 350));
      await crash();
    }
    for (const [index, job] of jobs.entries()) {
      const done = await ended(at, job.metadata.id);
      assert.equal(done.status.phase, 'Completed', causeOf(done));
      const runs: string[] = [];
      for await (const entry of at.obs.walk({ bucket, key: `out-short-${index}/` })) runs.push(entry.key);
      assert.equal(runs.filter(key => !key.endsWith('/')).length, 1, `job ${index} ran ${runs.length} times: ${runs}`);
    }
    await at.client.until(
      () => containersOf(at, 'training-job'),
      found => found.length === 0,
      60_000,
      'removing the containers',
    );
  });

  it('during import and deployment; and predictions go on while the server is dead', async () => {
    const model_id = await createEchoModel(at, bucket);
    await crash();
    await waitPublished(at.client, model_id);
    const service_id = await createEchoService(at, model_id, 2);
    await new Promise(resolve => setTimeout(resolve, 400));
    await crash();
    await waitRunning(at.client, service_id, { quiet: true });
    const ask = async () => {
      const answer = await at.session.predict(service_id, Buffer.from('{"a":1}'), { contentType: 'application/json' });
      assert.deepEqual(JSON.parse(answer.body.toString()), [{ a: 1 }]);
    };
    await ask();
    const before = await containersOf(at, 'service-instance');
    let calls = 0;
    let flowing = true;
    const flow = (async () => {
      while (flowing) {
        await ask();
        calls += 1;
      }
    })();
    await at.kill();
    const atDeath = calls;
    await at.client.until(
      async () => calls,
      now => now > atDeath + 20,
      60_000,
      'predictions while the server is dead',
    );
    await at.start();
    await new Promise(resolve => setTimeout(resolve, 3000));
    flowing = false;
    await flow;
    assert.deepEqual(await containersOf(at, 'service-instance'), before, 'the instances were not disturbed');
    assert.equal((await at.client.service(service_id)).status, 'running');

    // An instance dies: the other one serves, the dead one comes back, the events say so.
    const victim = before[0]!;
    await killContainer(at, victim.name);
    for (let index = 0; index < 20; index++) await ask();
    await at.client.until(
      () => containersOf(at, 'service-instance'),
      found =>
        found.length === 2 && !found.some(item => item.name === victim.name && item.startedAt === victim.startedAt),
      60_000,
      'replacing the instance',
    );
    await at.client.until(
      () => at.client.service(service_id),
      service => service.status === 'running',
      60_000,
      'recovering',
    );
    const events = await at.client.serviceEvents(service_id);
    assert.ok(
      events.some(event => event.level === 'abnormal'),
      JSON.stringify(events),
    );
    await at.client.deleteService(service_id);
    await at.client.until(
      () => containersOf(at, 'service-instance'),
      found => found.length === 0,
      60_000,
      'removing the instances',
    );
    await assert.rejects(ask());
  });
});

function SLEEP(seconds: number): string {
  return `import time\ntime.sleep(${seconds})`;
}
