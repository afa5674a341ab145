import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { createGateway } from './index.ts';
import { backend, call, entry, eventually, invoke, rig, routes, service, token } from './test-rig.ts';

const alive = (pid: number) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

test('a killed master or worker is replaced by ensure(), and nothing is left behind', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const gate = await rig();
  cleanup.defer(() => gate.stop());
  await gate.gateway.apply(routes(service('s', [entry('m', 100, [one.port])])));
  for (const victim of ['masterPid', 'workerPid'] as const) {
    const before = await gate.gateway.status();
    assert.equal((await invoke(`${gate.url}/v1/infers/s`)).status, 200);
    process.kill(before[victim]!, 'SIGKILL');
    await eventually(async () => !(await gate.gateway.status()).running || victim === 'masterPid');
    await gate.gateway.ensure();
    const after = await gate.gateway.status();
    assert.equal(after.running, true);
    assert.equal((await invoke(`${gate.url}/v1/infers/s`)).text, 'one');
    await eventually(() => !alive(before.masterPid!) && !alive(before.workerPid!));
  }
  // Calls that a killed worker had not reported are lost; those since are counted.
  assert.equal((await gate.gateway.counters()).s!.m!.calls, 1);
});

test('HAProxy outlives the program that started it, is adopted by the next, and starts by hand from its files', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const gate = await rig();
  cleanup.defer(() => gate.stop());
  await gate.gateway.apply(routes(service('s', [entry('m', 100, [one.port])])));
  await gate.gateway.stop();
  // A program of its own starts the gateway and is killed.
  const script = `
    import { createGateway } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    import { silentLog } from ${JSON.stringify(new URL('../kernel/log.ts', import.meta.url).href)};
    const options = JSON.parse(process.argv[1]);
    await createGateway({ ...options, log: silentLog() }).start();
    console.log('started');
    setInterval(() => {}, 1000);`;
  const options = JSON.stringify({ ...gate.options, log: undefined });
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise(resolve => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await new Promise(resolve => child.once('exit', resolve));
  assert.equal((await invoke(`${gate.url}/v1/infers/s`)).text, 'one', 'serves without its server');
  const next = createGateway(gate.options);
  const pids = await next.status();
  await next.start();
  const adopted = await next.status();
  assert.deepEqual([adopted.masterPid, adopted.workerPid], [pids.masterPid, pids.workerPid]);
  assert.equal((await next.counters()).s!.m!.calls, 1);
  // By hand
  await gate.gateway.stop();
  await assert.rejects(invoke(`${gate.url}/v1/infers/s`));
  execFileSync('haproxy', ['-f', join(gate.dir, 'haproxy.cfg')], { stdio: 'ignore' });
  await eventually(() =>
    invoke(`${gate.url}/v1/infers/s`).then(
      answer => answer.text === 'one',
      () => false,
    ),
  );
  await next.ensure();
  assert.equal((await next.counters()).s!.m!.calls >= 2, true, 'counts go on');
});

test('reloads under load lose no request', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const gate = await rig();
  cleanup.defer(() => gate.stop());
  const entries = [entry('m', 100, [one.port])];
  await gate.gateway.apply(routes(service('s', entries)));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  let running = true;
  let sent = 0;
  const bad: unknown[] = [];
  const loops = Array.from({ length: 16 }, async (_, i) => {
    while (running) {
      sent++;
      try {
        const answer = await invoke(`${gate.url}/v1/infers/s`, {
          body: 'x',
          chunked: i === 0,
          ...(i < 8 ? { agent } : {}),
        });
        if (answer.status !== 200) bad.push(answer);
      } catch (error) {
        bad.push(error);
      }
    }
  });
  const before = (await gate.gateway.status()).reloads;
  for (let i = 0; i < 5; i++) {
    await gate.gateway.apply(routes(service('s', entries), service(`more${i}`, [])));
    const enough = sent + 60;
    await eventually(() => sent >= enough);
  }
  running = false;
  await Promise.all(loops);
  agent.destroy();
  assert.equal((await gate.gateway.status()).reloads - before, 5);
  assert.deepEqual(bad, []);
});

test('a connection kept since before a reload does not keep a revoked token alive', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const gate = await rig();
  cleanup.defer(() => gate.stop());
  const entries = [entry('m', 100, [one.port])];
  await gate.gateway.apply(routes(service('s', entries)));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  cleanup.defer(() => agent.destroy());
  const headers = { 'x-auth-token': token() };
  const url = `${gate.url}/v1/infers/s`;
  assert.equal((await call(url, { agent, headers })).status, 200);
  await gate.gateway.apply(routes(service('s', entries), service('structure', [])));
  await gate.gateway.apply({ ...routes(service('s', entries), service('structure', [])), callers: [] });
  const answer = await call(url, { agent, headers });
  assert.equal(answer.status, 401);
  assert.equal(JSON.parse(answer.text).error_code, 'ModelArts.4203');
});

test('two gateways live side by side, each ending only its own processes', async () => {
  await using cleanup = new AsyncDisposableStack();
  const [a, b] = [await backend('a'), await backend('b')];
  cleanup.defer(() => a.close());
  cleanup.defer(() => b.close());
  const [left, right] = [await rig(), await rig({ tokenSecret: 'quite another secret of 32 bytes or more' })];
  cleanup.defer(() => right.stop());
  await left.gateway.apply(routes(service('s', [entry('m', 100, [a.port])])));
  await right.gateway.apply(routes(service('s', [entry('m', 100, [b.port])])));
  assert.equal((await invoke(`${left.url}/v1/infers/s`)).text, 'a');
  assert.equal((await invoke(`${right.url}/v1/infers/s`)).status, 401);
  await left.stop();
  const headers = { 'x-auth-token': token({}, 'quite another secret of 32 bytes or more') };
  assert.equal((await call(`${right.url}/v1/infers/s`, { headers })).text, 'b');
});

test('files are for their owner alone', async () => {
  await using cleanup = new AsyncDisposableStack();
  const gate = await rig();
  cleanup.defer(() => gate.stop());
  await gate.gateway.counters();
  assert.equal(statSync(gate.dir).mode & 0o777, 0o700);
  for (const name of readdirSync(gate.dir)) {
    const mode = statSync(join(gate.dir, name)).mode & 0o777;
    assert.ok(name === 'haproxy.pid' || mode === 0o600, `${name} has mode ${mode.toString(8)}`);
  }
});

test('a hostile or broken feed is refused by name and what serves goes on', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const gate = await rig();
  cleanup.defer(() => gate.stop());
  const good = service('s', [entry('m', 100, [one.port])]);
  await gate.gateway.apply(routes(good));
  const evil = 'x\n  server evil 1.2.3.4:80';
  const instance = { id: 'i', host: '127.0.0.1', port: 1, tls: false };
  const withInstance = (more: object) => service('z', [{ id: 'm', weight: 1, instances: [{ ...instance, ...more }] }]);
  const feeds = [
    service(evil, []),
    service('a b', []),
    service('a;b', []),
    service('', []),
    { ...service('z', []), projectId: evil },
    { ...service('z', []), state: 'running;x' as 'running' },
    service('z', [{ id: evil, weight: 1, instances: [] }]),
    service('z', [{ id: 'm', weight: 101, instances: [] }]),
    service('z', [{ id: 'm', weight: 1, instances: [], healthPath: '/x\n' }]),
    service('z', [], { getPaths: ['/a;del map services.map s'] }),
    service('z', [], { methods: ['GET x'] }),
    service('z', [], { policy: 'first\n' as 'source' }),
    service('z', [], { timeoutSeconds: '4s\n' as unknown as number }),
    withInstance({ id: evil }),
    withInstance({ host: 'evil.example' }),
    withInstance({ host: '127.0.0.1 backup' }),
    withInstance({ port: '80 ssl' }),
    withInstance({ port: 0 }),
    good,
  ];
  for (const feed of feeds) {
    await assert.rejects(gate.gateway.apply(routes(good, feed)), { code: 'ModelArts.0104' }, JSON.stringify(feed));
  }
  const caller = { id: 'u;x', projectId: 'p', generation: 1 };
  await assert.rejects(gate.gateway.apply({ services: [good], callers: [caller] }), { code: 'ModelArts.0104' });
  assert.equal((await invoke(`${gate.url}/v1/infers/s`)).text, 'one');
  assert.ok(!readFileSync(join(gate.dir, 'haproxy.cfg'), 'utf8').includes('evil'));
});

test('a port that is taken is reported, not silently shared or retried for ever', async () => {
  const squatter = await backend('squatter');
  try {
    await assert.rejects(rig({ port: squatter.port }), /could not be started/);
  } finally {
    await squatter.close();
  }
});
