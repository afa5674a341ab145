import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { entry, World } from './services.test-world.ts';

describe('services', () => {
  let world: World;
  beforeEach(async () => {
    world = await new World().start();
  });
  afterEach(() => world.end());

  it('deploys, serves, stops, starts and deletes', async () => {
    const id = await world.deploy({ config: [entry({ envs: { MODE: 'fast' }, instance_count: 2 })] });
    const { body } = await world.call('GET', `/${id}`);
    assert.equal(body.access_address, `http://gateway:7083/v1/infers/${id}`);
    assert.equal(body.config[0]!.status, 'ready');
    const [first] = world.containers('running');
    assert.equal(world.containers('running').length, 2);
    assert.equal(first!.spec.user, '1000:100');
    assert.equal(first!.spec.env.MODE, 'fast');
    assert.equal(first!.spec.env.MODEL_PATH, '/home/mind/model');
    assert.deepEqual(first!.spec.mounts, [{ source: '/tmp', target: '/home/mind/model', readOnly: true }]);
    assert.equal(first!.spec.network, 'atelier-abc123-acc');
    assert.equal(first!.spec.limits.layerBytes, 10 * 1024 ** 3, 'it cannot fill the disk of the machine');
    const route = world.gateway.service(id)!;
    assert.equal(route.state, 'running');
    assert.equal(route.entries[0]!.instances.length, 2);
    assert.equal(route.entries[0]!.instances[0]!.port, 8080);

    assert.equal((await world.call('PUT', `/${id}`, { status: 'stopped' })).status, 200);
    await world.reach(id, 'stopped');
    assert.equal(world.containers().length, 0);
    assert.deepEqual(await world.admission.used(), { vcpus: 0, memoryBytes: 0, gpus: 0 });
    assert.equal(world.gateway.service(id)!.state, 'stopped');
    assert.equal((await world.call('PUT', `/${id}`, { status: 'stopped' })).body.error_code, 'ModelArts.3519');

    await world.call('PUT', `/${id}`, { status: 'running' });
    await world.reach(id, 'running');
    const deleted = await world.call('DELETE', `/${id}`);
    assert.deepEqual(deleted.body, {});
    await world.until(() => world.gateway.service(id) === undefined);
    await world.until(async () => (await world.call('GET', `/${id}`)).status === 404);
    assert.equal(world.containers().length, 0);
    const events = (await world.call('GET', `/${id}/events`)).body;
    assert.equal(events.error_code, 'ModelArts.3502');
  });

  it('tells the story of a deployment in events', async () => {
    const id = await world.deploy();
    const events = (await world.events(id)).join('\n');
    for (const text of [
      'Start to deploy service',
      '[mnist 0.0.1] schedule resource success',
      'pulling model image',
      'pull image success',
      'starting model',
      'is ready',
      'The service is running',
    ]) {
      assert.ok(events.includes(text), `${text} in\n${events}`);
    }
    const filtered = await world.call('GET', `/${id}/events?event_info=pull&limit=1&offset=1`);
    assert.equal(filtered.body.total_count, 2);
    assert.equal(filtered.body.count, 1);
  });

  it('fails a deployment whose code does not load, and names the cause', async () => {
    world.answers = () => false;
    world.program = () => ({
      runMs: 5,
      exitCode: 11,
      output: [
        { text: 'Traceback (most recent call last):' },
        { text: "ModuleNotFoundError: No module named 'scipy'", stream: 'stderr' },
      ],
    });
    const { body } = await world.create();
    const pump = setInterval(() => {
      world.skew += 500;
      void world.services.reconciler.poke(body.service_id);
    }, 100);
    try {
      const failed = await world.reach(body.service_id, 'failed');
      assert.match(failed.error_msg, /exit code 11.*No module named 'scipy'/s);
    } finally {
      clearInterval(pump);
    }
    await world.until(() => world.containers().length === 0);
    const { body: logs } = await world.call('GET', `/${body.service_id}/runtime-logs?tail_lines=50`);
    assert.match(JSON.stringify(logs.instances), /No module named 'scipy'/);
    assert.equal((await world.call('GET', `/${body.service_id}/logs`)).body.logs[0]!.result, 'FAIL');
    assert.deepEqual((await world.admission.used()).vcpus, 0);
  });

  it('fails after the deploy timeout when the instance never answers', async () => {
    world.healthy = false;
    const { body } = await world.create({ config: [entry({ deploy_timeout_in_seconds: 180 })] });
    await world.until(() => world.containers('running').length === 1);
    world.skew = 181_000;
    const failed = await world.reach(body.service_id, 'failed');
    assert.match(failed.error_msg, /deploy timeout of 180 s.*\/health/);
  });

  it('waits for resources and goes on when there are some', async () => {
    const first = await world.deploy({ config: [entry({ specification: 'modelarts.vm.cpu.4u' })] });
    const { body } = await world.create({ service_name: 'second' });
    const waiting = await world.reach(body.service_id, 'waiting');
    assert.equal(world.gateway.service(body.service_id)?.state, 'deploying');
    assert.ok(waiting.progress < 100);
    assert.match((await world.events(body.service_id)).join(), /waiting for resources: .*1 vCPUs/);
    await world.call('DELETE', `/${first}`);
    await world.reach(body.service_id, 'running');
  });

  it('restarts a crashed instance, is concerning meanwhile, and says why', async () => {
    const id = await world.deploy({ config: [entry({ instance_count: 2 })] });
    const victim = world.containers('running')[0]!;
    world.engine.print(victim, 'RuntimeError: boom', 'stderr');
    world.healthy = false; // the next one, so that the time without it is long enough to be seen
    world.engine.end(victim, 1);
    await world.reach(id, 'concerning');
    assert.equal(world.gateway.service(id)!.entries[0]!.instances.length, 1);
    world.healthy = true;
    await world.reach(id, 'running');
    assert.equal(world.containers('running').length, 2);
    const events = (await world.events(id)).join('\n');
    assert.match(events, /failed: its process ended with exit code 1: RuntimeError: boom/);
    assert.match(events, /is ready again/);
    assert.equal(world.gateway.service(id)!.entries[0]!.instances.length, 2);
    const { body } = await world.call('GET', `/${id}`);
    assert.deepEqual(body.config[0]!.instances.map(instance => instance.restarts).sort(), [0, 1]);
  });

  it('changes weights without touching instances', async () => {
    const both = (a: number, b: number) => [entry({ weight: String(a) }), entry({ model_id: 'm2', weight: String(b) })];
    const id = await world.deploy({ config: both(70, 30) });
    assert.deepEqual(
      world.gateway.service(id)!.entries.map(each => each.weight),
      [70, 30],
    );
    const before = world.engine.calls.length;
    await world.call('PUT', `/${id}`, { config: both(20, 80) });
    await world.until(() => world.gateway.service(id)!.entries[0]!.weight === 20);
    await world.reach(id, 'running');
    assert.equal(world.engine.calls.length, before);
    const { body } = await world.call('GET', `/${id}/logs`);
    assert.deepEqual(
      body.logs.map(log => log.result),
      ['SUCCESS', 'SUCCESS'],
    );
  });

  it('replaces instances without a gap', async () => {
    const id = await world.deploy();
    const old = world.containers('running')[0]!.spec.name;
    world.gateway.history = [];
    world.healthy = false;
    await world.call('PUT', `/${id}`, { config: [entry({ envs: { VERSION: '2' } })] });
    await world.until(() => world.containers('running').length === 2);
    const { body } = await world.call('PUT', `/${id}`, { config: [entry()] });
    assert.equal(body.error_code, 'ModelArts.3519');
    assert.equal(world.gateway.service(id)!.entries[0]!.instances.length, 1);
    world.healthy = true;
    await world.reach(id, 'running');
    await world.until(() => world.containers().length === 1);
    assert.notEqual(world.containers()[0]!.spec.name, old);
    assert.equal(world.containers()[0]!.spec.env.VERSION, '2');
    for (const routes of world.gateway.history) {
      const takers = routes.services[0]!.entries[0]!.instances.filter(instance => !instance.drain);
      assert.ok(takers.length >= 1, 'there is always somebody who answers');
    }
  });

  it('rolls a failed update back and goes on serving', async () => {
    const id = await world.deploy();
    world.answers = env => env.VERSION !== '2';
    world.program = env => (env.VERSION === '2' ? { runMs: 5, exitCode: 1, output: [{ text: 'ValueError: v2' }] } : {});
    await world.call('PUT', `/${id}`, { config: [entry({ envs: { VERSION: '2' } })] });
    const pump = setInterval(() => {
      world.skew += 500;
      void world.services.reconciler.poke(id);
    }, 100);
    try {
      await world.reach(id, 'running');
    } finally {
      clearInterval(pump);
    }
    const events = (await world.events(id)).join('\n');
    assert.match(events, /Updating the service failed: .*ValueError: v2/);
    assert.match(events, /rolled back/);
    await world.until(() => world.containers().length === 1);
    assert.equal(world.containers('running').length, 1);
    assert.deepEqual(
      (await world.call('GET', `/${id}/logs`)).body.logs.map(log => log.result),
      ['FAIL', 'SUCCESS'],
    );
  });

  it('replaces in place when there is no room for both', async () => {
    const id = await world.deploy({ config: [entry({ specification: 'modelarts.vm.cpu.4u' })] });
    await world.call('PUT', `/${id}`, {
      config: [entry({ specification: 'modelarts.vm.cpu.4u', envs: { VERSION: '2' } })],
    });
    await world.reach(id, 'running');
    assert.equal(world.containers().length, 1);
    assert.equal(world.containers()[0]!.spec.env.VERSION, '2');
  });

  it('keeps everything while the container engine does not answer', async () => {
    const id = await world.deploy();
    world.engine.down = true;
    await world.services.reconciler.poke(id);
    await world.until(async () => (await world.events(id)).some(text => text.includes('engine does not answer')));
    assert.equal((await world.call('GET', `/${id}`)).body.status, 'running');
    assert.equal(world.gateway.service(id)!.entries[0]!.instances.length, 1);
    world.engine.down = false;
    await world.services.reconciler.poke(id);
    await world.until(async () => (await world.events(id)).some(text => text.includes('engine answers again')));
    assert.equal(world.containers('running').length, 1);
  });

  it('stops by schedule', async () => {
    const id = await world.deploy({ schedule: [{ type: 'stop', time_unit: 'HOURS', duration: 1 }] });
    assert.ok((await world.call('GET', `/${id}`)).body.due_time > Date.now());
    world.skew = 3_601_000;
    await world.services.reconciler.poke(id);
    await world.reach(id, 'stopped');
  });

  it('adds up calls durably', async () => {
    const id = await world.deploy();
    const { callCounter } = await import('./calls.ts');
    const { silentLog } = await import('../../kernel/log.ts');
    const { serviceStore } = await import('./service.store.ts');
    const { sampleStore } = await import('./samples.ts');
    const { db, clock, gateway } = world;
    const store = serviceStore(db);
    const counter = callCounter({ db, clock, log: silentLog(), store, samples: sampleStore(db), gateway });
    gateway.counts = { [id]: { m1: { calls: 10, failed: 1 }, '-': { calls: 2, failed: 2 } } };
    await counter.read();
    gateway.counts = { [id]: { m1: { calls: 3, failed: 0 } } };
    await counter.read();
    const { body } = await world.call('GET', `/${id}`);
    assert.equal(body.invocation_times, 15);
    assert.equal(body.failed_times, 3);
    const monitor = (await world.call('GET', `/${id}/monitor`)).body;
    assert.equal(monitor.monitors[0]!.invocation_times, 13);
    assert.equal(monitor.monitors[0]!.model_running_instance_count, 1);
    assert.equal(monitor.monitors[0]!.cpu_memory_usage, 1);
    gateway.running = false;
    await counter.read();
    assert.match((await world.events(id)).join(), /gateway was found down.*gateway serves again/s);
  });

  it('feeds callers and protects models in use', async () => {
    const id = await world.deploy();
    world.callers = [];
    world.callersChanged();
    await world.until(() => world.gateway.routes.callers.length === 0);
    assert.deepEqual(await world.services.usedBy({ id: 'm1', workspaceId: '0' }), ['digits']);
    assert.deepEqual(await world.services.usedBy({ id: 'm2', workspaceId: '0' }), []);
    const { body } = await world.call('GET', `/${id}/predict/endpoints?type=host_endpoints`);
    assert.equal(body.endpoints[0]!.deploy_infos[0]!.endpoints[0]!.port, 8080);
  });
});

describe('services over restarts of the server', () => {
  let world: World;
  beforeEach(async () => {
    world = await new World().start();
  });
  afterEach(() => world.end());

  it('does not disturb what runs', async () => {
    const id = await world.deploy({ config: [entry({ instance_count: 2 })] });
    await world.halt();
    const calls = world.engine.calls.length;
    world.gateway.history = [];
    await world.boot();
    await world.until(() => world.gateway.history.length > 0);
    await world.services.reconciler.poke(id);
    await new Promise(resolve => setTimeout(resolve, 200));
    assert.equal((await world.call('GET', `/${id}`)).body.status, 'running');
    assert.equal(world.engine.calls.length, calls, 'no container was touched');
    for (const routes of world.gateway.history) assert.equal(routes.services[0]!.entries[0]!.instances.length, 2);
  });

  it('finishes a deployment, starting nothing twice', async () => {
    world.healthy = false;
    const { body } = await world.create({ config: [entry({ instance_count: 3 })] });
    await world.until(() => world.containers('running').length >= 1);
    await world.halt();
    world.healthy = true;
    await world.boot();
    await world.reach(body.service_id, 'running');
    const starts = world.engine.calls.filter(call => call.startsWith('start '));
    assert.equal(new Set(starts).size, starts.length);
    assert.equal(world.containers('running').length, 3);
  });

  it('adopts a container whose start was not written down any more', async () => {
    const { body } = await world.create();
    await world.until(() => world.containers('running').length === 1);
    await world.halt();
    const { sql } = await import('kysely');
    await sql`UPDATE service_instances SET phase = 'starting', data = json_remove(data, '$.startedAt', '$.host')`.execute(
      world.db,
    );
    await sql`UPDATE services SET status = 'deploying', active = NULL, next_at = 0`.execute(world.db);
    await world.boot();
    await world.reach(body.service_id, 'running');
    assert.equal(world.engine.calls.filter(call => call.startsWith('start ')).length, 1);
  });

  it('finishes a stop and a delete, and removes orphans', async () => {
    const stopping = await world.deploy();
    const deleting = await world.deploy({ service_name: 'other' });
    await world.halt();
    const now = Date.now();
    const { sql } = await import('kysely');
    await sql`UPDATE services SET desired = 'stopped', status = 'stopping', next_at = ${now} WHERE id = ${stopping}`.execute(
      world.db,
    );
    await sql`UPDATE services SET desired = 'deleted', status = 'deleting', next_at = ${now} WHERE id = ${deleting}`.execute(
      world.db,
    );
    world.engine.add({ ...world.containers()[0]!.spec, name: 'orphan', labels: orphanLabels });
    world.engine.run(world.engine.containers.get('orphan')!);
    await world.boot();
    await world.reach(stopping, 'stopped');
    await world.until(async () => (await world.call('GET', `/${deleting}`)).status === 404);
    await world.until(() => world.containers().length === 0);
  });

  it('restarts what ended while it was away', async () => {
    const id = await world.deploy();
    await world.halt();
    world.engine.end(world.containers('running')[0]!, 137);
    await world.boot();
    await world.services.reconciler.poke(id);
    await world.until(async () => (await world.events(id)).some(text => text.includes('ready again')));
    assert.equal(world.containers('running').length, 1);
  });
});

const orphanLabels = { 'atelier.installation': 'abc123', 'atelier.kind': 'service-instance', 'atelier.id': 'gone' };
