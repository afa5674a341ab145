import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import {
  type Answer,
  backend,
  call,
  entry,
  eventually,
  invoke,
  type Rig,
  rig,
  routes,
  selfSigned,
  service,
  token,
} from './test-rig.ts';

let gate: Rig;
const MIB = 1024 * 1024;

before(async () => {
  gate = await rig();
});
after(() => gate.stop());

function refused(answer: Answer, status: number, code: string, words: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json');
  const body = JSON.parse(answer.text);
  assert.equal(body.error_code, code, answer.text);
  assert.match(body.error_msg, words);
  assert.ok(body.request_id.length >= 32);
  assert.equal(answer.headers['x-request-id'], body.request_id);
}

test('a request reaches the instance with the path behind the id, its query, and without credentials', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  await gate.gateway.apply(routes(service('s1', [entry('m1', 100, [one.port])])));
  const secret = {
    'x-security-token': 'sts',
    authorization: 'Basic abc',
    'x-sdk-date': 'd',
    'x-atelier-key': 'k',
    cookie: 'a=1; atelier-console-abc=secret; b=2',
  };
  const answer = await invoke(`${gate.url}/v1/infers/s1/greet/you?a=b%20c`, { body: '{}', headers: secret });
  assert.equal(answer.text, 'one');
  assert.match(answer.headers['x-request-id'] as string, /^[0-9a-f-]{36}$/);
  const got = one.seen.at(-1)!;
  assert.equal(got.url, '/greet/you?a=b%20c');
  assert.equal(got.headers['x-request-id'], answer.headers['x-request-id']);
  // A browser sends the console's cookie to every port of the host; others are the service's own.
  const cookies = one.seen.at(-1)!.headers.cookie;
  assert.match(cookies!, /a=1.*b=2/);
  assert.doesNotMatch(cookies!, /secret/);
  for (const name of ['x-auth-token', 'authorization', 'x-security-token', 'x-sdk-date', 'x-atelier-key']) {
    assert.equal(got.headers[name], undefined, name);
  }
  for (const path of ['', '/', '?x=1']) {
    assert.equal((await invoke(`${gate.url}/v1/infers/s1${path}`)).status, 200);
    assert.equal(one.seen.at(-1)!.url.split('?')[0], '/');
  }
  assert.equal((await invoke(`${gate.url}/v1/infers/cluster-7/s1/greet`)).status, 200);
  assert.equal(one.seen.at(-1)!.url, '/greet');
  const bearer = await call(`${gate.url}/v1/infers/s1`, { headers: { authorization: `Bearer ${token()}` } });
  assert.equal(bearer.status, 200);
  assert.equal(one.seen.at(-1)!.headers.authorization, undefined);
});

test('traffic splits by entry weight, whatever the number of instances, and follows a change without reload', async () => {
  await using cleanup = new AsyncDisposableStack();
  const backends = await Promise.all(['a', 'a', 'b'].map(name => backend(name)));
  for (const one of backends) cleanup.defer(() => one.close());
  const [a1, a2, b] = backends.map(one => one.port) as [number, number, number];
  const share = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => invoke(`${gate.url}/v1/infers/w`, { agent })));
    agent.destroy();
    return answers.filter(answer => answer.text === 'a').length / 1000;
  };
  await gate.gateway.apply(routes(service('w', [entry('ma', 70, [a1, a2]), entry('mb', 30, [b])])));
  const worker = (await gate.gateway.status()).workerPid;
  assert.ok(Math.abs((await share()) - 0.7) < 0.02);
  await gate.gateway.apply(routes(service('w', [entry('ma', 10, [a1]), entry('mb', 90, [b])])));
  assert.ok(Math.abs((await share()) - 0.1) < 0.02);
  assert.equal((await gate.gateway.status()).workerPid, worker);
  const counts = (await gate.gateway.counters()).w!;
  assert.equal(counts.ma!.calls + counts.mb!.calls, 2000);
  assert.equal(counts.ma!.failed + counts.mb!.failed, 0);
});

test('GET needs a declaration, other methods too, POST never', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const entries = [entry('m', 100, [one.port])];
  await gate.gateway.apply(
    routes(service('g', entries, { getPaths: ['/', '/info'] }), service('d', entries, { methods: ['DELETE', 'GET'] })),
  );
  for (const path of ['g', 'g/info', 'g/info?x=1', 'd/any']) {
    assert.equal((await invoke(`${gate.url}/v1/infers/${path}`, { method: 'GET' })).status, 200, path);
  }
  assert.equal((await invoke(`${gate.url}/v1/infers/d/x`, { method: 'DELETE' })).status, 200);
  for (const [method, path] of [
    ['GET', 'g/other'],
    ['GET', 'g/info/x'],
    ['PUT', 'g/info'],
    ['DELETE', 'g'],
    ['PUT', 'd/x'],
  ] as const) {
    refused(await invoke(`${gate.url}/v1/infers/${path}`, { method }), 405, 'ModelArts.4204', /Method Not Allowed/);
  }
});

test('wrong URLs, unknown services and services that do not run are told apart', async () => {
  await gate.gateway.apply(
    routes(
      service('stopped', [], { state: 'stopped' }),
      service('deploying', [], { state: 'deploying' }),
      service('failed', [], { state: 'failed' }),
      service('empty', []),
    ),
  );
  refused(await invoke(`${gate.url}/v1/other`), 404, 'APIG.0101', /does not exist/);
  refused(await invoke(`${gate.url}/`), 404, 'APIG.0101', /does not exist/);
  refused(await invoke(`${gate.url}/v1/infers/`), 400, 'ModelArts.4201', /no service id/);
  refused(await invoke(`${gate.url}/v1/infers/nobody/x`), 404, 'ModelArts.4503', /not found/);
  refused(await invoke(`${gate.url}/v1/infers/stopped`), 400, 'ModelArts.4203', /stopped/);
  refused(await invoke(`${gate.url}/v1/infers/deploying`), 400, 'ModelArts.4203', /being deployed/);
  refused(await invoke(`${gate.url}/v1/infers/failed`), 400, 'ModelArts.4203', /failed/);
  refused(await invoke(`${gate.url}/v1/infers/empty`), 503, 'ModelArts.4302', /no healthy instance/);
});

test('a token is believed only if signed by us, in time, of the project and of the present generation', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const feed = routes(service('t', [entry('m', 100, [one.port])]));
  await gate.gateway.apply(feed);
  const url = `${gate.url}/v1/infers/t`;
  const as = (value: string) => call(url, { headers: { 'x-auth-token': value } });
  const now = Math.floor(Date.now() / 1000);
  assert.equal((await as(token())).status, 200);
  assert.equal((await as(token({ filler: 'x'.repeat(20_000) }))).status, 200, 'large tokens fit');
  refused(await call(url), 401, 'APIG.0301', /neither a token nor/);
  refused(await as('nonsense'), 401, 'APIG.0301', /decrypt token fail/);
  refused(await as(token({}, 'another secret')), 401, 'APIG.0301', /decrypt token fail/);
  const good = token().split('.');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good[1]}`;
  for (const forged of [`${none}.`, none, `${none}.${good[2]}`, token({}, '', { alg: 'none' })]) {
    refused(await as(forged), 401, 'APIG.0301', /decrypt token fail/);
  }
  refused(await as(token({}, undefined, { alg: 'HS512' })), 401, 'APIG.0301', /decrypt/);
  const other = token({ sub: 'user2' }).split('.');
  refused(await as(`${good[0]}.${other[1]}.${good[2]}`), 401, 'APIG.0301', /decrypt/);
  refused(await as(token({ exp: now - 1 })), 401, 'APIG.0301', /expired/);
  refused(await as(token({ exp: undefined })), 401, 'APIG.0301', /decrypt/);
  refused(await as(token({ prj: 'prj2' })), 403, 'ModelArts.4203', /another project/);
  refused(await as(token({ prj: undefined })), 403, 'ModelArts.4203', /another project/);
  refused(await as(token({ sub: 'user2' })), 401, 'ModelArts.4203', /revoked/);
  refused(await as(token({ gen: 0 })), 401, 'ModelArts.4203', /revoked/);
  refused(await as(token({ gen: undefined })), 401, 'ModelArts.4203', /revoked/);
  refused(await as(token({ sub: `user1|${'prj1'}|1` })), 401, 'ModelArts.4203', /revoked/);
  assert.equal(one.seen.length, 2);
  // Revocation
  const held = token();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await call(url, { agent, headers: { 'x-auth-token': held } })).status, 200);
  await gate.gateway.apply({ ...feed, callers: [{ id: 'user1', projectId: 'prj1', generation: 2 }] });
  refused(await call(url, { agent, headers: { 'x-auth-token': held } }), 401, 'ModelArts.4203', /revoked/);
  assert.equal((await as(token({ gen: 2 }))).status, 200);
  agent.destroy();
  assert.deepEqual((await gate.gateway.counters()).t, { m: { calls: 4, failed: 0 }, '-': { calls: 0, failed: 0 } });
});

test('each workspace has callers of its own, on the short way and on the long one', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  const entries = [entry('m', 100, [one.port])];
  const services = [
    service('open', entries, { getPaths: ['/'] }),
    service('closed', entries, { workspaceId: 'w1', getPaths: ['/'] }),
    service('other', entries, { workspaceId: 'w2', getPaths: ['/'] }),
  ];
  const caller = (id: string, workspaceId?: string) => ({
    id,
    projectId: 'prj1',
    generation: 1,
    ...(workspaceId ? { workspaceId } : {}),
  });
  const callers = [caller('ann'), caller('ann', 'w1'), caller('bob'), caller('eve', 'w2')];
  await gate.gateway.apply({ services, callers });
  const reaches = async (sub: string, claims: object = {}) => {
    const headers = { 'x-auth-token': token({ sub, ...claims }) };
    const open: string[] = [];
    for (const { id } of services) {
      const url = `${gate.url}/v1/infers/${id}`;
      const [short, get, older] = [
        await call(url, { headers, body: '{}' }),
        await call(url, { headers, method: 'GET' }),
        await call(`${gate.url}/v1/infers/cluster/${id}`, { headers, body: '{}' }),
      ];
      assert.deepEqual([get.status, older.status], [short.status, short.status], `${sub} ${id}`);
      if (short.status === 200) open.push(id);
      else refused(short, 'prj' in claims ? 403 : 401, 'ModelArts.4203', 'prj' in claims ? /project/ : /workspace/);
    }
    return open.join();
  };
  assert.equal(await reaches('ann'), 'open,closed');
  assert.equal(await reaches('bob'), 'open');
  assert.equal(await reaches('eve'), 'other');
  assert.equal(await reaches('ann', { prj: 'prj2' }), '');
  assert.equal(await reaches('ann', { gen: 2 }), '');
  for (const [sub, claims] of [
    ['bob|prj1|w1', {}],
    ['bob', { prj: 'prj1|w1' }],
    ['bob', { prj: 'prj1|running|w1' }],
    ['bob', { prj: 'prj1|running' }],
    ['bob', { gen: '1|w1' }],
  ] as const) {
    assert.ok(!(await reaches(sub, claims)).includes('closed'), `${sub} ${JSON.stringify(claims)}`);
  }
  // Who is let in, or put out, is so at once and without a reload.
  const worker = (await gate.gateway.status()).workerPid;
  await gate.gateway.apply({ services, callers: [caller('bob', 'w1')] });
  assert.equal(await reaches('ann'), '');
  assert.equal(await reaches('bob'), 'closed');
  await gate.gateway.apply({
    services: services.map(each => (each.id === 'open' ? { ...each, workspaceId: 'w1' } : each)),
    callers: [caller('bob', 'w1'), caller('eve')],
  });
  assert.equal(await reaches('bob'), 'open,closed');
  assert.equal(await reaches('eve'), '');
  assert.equal((await gate.gateway.status()).workerPid, worker);
  const bad = service('bad', entries, { workspaceId: 'w 1;' });
  await assert.rejects(gate.gateway.apply({ services: [bad], callers: [] }), { code: 'ModelArts.0104' });
  await assert.rejects(gate.gateway.apply({ services, callers: [caller('x', 'a|b')] }), { code: 'ModelArts.0104' });
});

test('bodies up to 12 MB pass and larger ones are refused, with and without Content-Length', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  await gate.gateway.apply(routes(service('b', [entry('m', 100, [one.port])])));
  const url = `${gate.url}/v1/infers/b`;
  for (const chunked of [false, true]) {
    const fits = await invoke(url, { body: Buffer.alloc(12 * MIB), chunked });
    assert.equal(fits.text, 'one', `chunked: ${chunked}`);
    assert.equal(one.seen.at(-1)!.bytes, 12 * MIB);
    assert.equal(one.seen.at(-1)!.headers['x-request-id'], fits.headers['x-request-id']);
    assert.equal(fits.headers['x-atelier-refused'], undefined);
    for (const size of [12 * MIB + 1, 20 * MIB]) {
      const over = await invoke(url, { body: Buffer.alloc(size), chunked });
      refused(over, 413, 'APIG.0201', /12 MB/);
    }
  }
  assert.ok(one.seen.every(request => request.bytes <= 12 * MIB));
  refused(
    await call(url, { body: '', headers: { expect: '100-continue', 'content-length': '99999999' } }),
    413,
    'APIG.0201',
    /12 MB/,
  );
  for (const chunked of [false, true]) {
    const anonymous = await call(url, { body: Buffer.alloc(8 * MIB), chunked });
    refused(anonymous, 401, 'APIG.0301', /neither/);
  }
  refused(await call(url, { body: 'x', chunked: true }), 401, 'APIG.0301', /neither/);
});

test('HTTP/2 is no way around the limit', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  cleanup.defer(() => one.close());
  await gate.gateway.apply(routes(service('b', [entry('m', 100, [one.port])])));
  const session = http2.connect(gate.url);
  cleanup.defer(() => session.destroy());
  const status = (size: number) =>
    new Promise((resolve, reject) => {
      const headers = { ':method': 'POST', ':path': '/v1/infers/b', 'x-auth-token': token() };
      const stream = session
        .request(headers)
        .on('response', answer => resolve(answer[':status']))
        .on('error', reject);
      stream.end(Buffer.alloc(size));
    });
  assert.equal(await status(1000), 200);
  assert.equal(await status(13 * MIB), 413);
  assert.ok(one.seen.every(request => request.bytes <= 12 * MIB));
});

test('slow, broken and dead instances are reported as what they are, and counted as failures', async () => {
  await using cleanup = new AsyncDisposableStack();
  const hasty = await rig({ predictTimeoutSeconds: 1 });
  cleanup.defer(() => hasty.stop());
  const slow = await backend('slow', () => {});
  const broken = await backend('broken', request => void request.socket.destroy());
  const failing = await backend('failing', (_request, response) => void response.writeHead(502).end('own words'));
  const dead = await backend('dead');
  for (const one of [slow, broken, failing]) cleanup.defer(() => one.close());
  await dead.close();
  await hasty.gateway.apply(
    routes(
      service('slow', [entry('m', 100, [slow.port])]),
      service('patient', [entry('m', 100, [slow.port])], { timeoutSeconds: 2 }),
      service('broken', [entry('m', 100, [broken.port])], { timeoutSeconds: 30 }),
      service('failing', [entry('m', 100, [failing.port])], { timeoutSeconds: 30 }),
      service('dead', [entry('m', 100, [dead.port])], { timeoutSeconds: 30 }),
    ),
  );
  refused(await invoke(`${hasty.url}/v1/infers/slow`), 504, 'ModelArts.4503', /response timed out after 1 s/);
  refused(await invoke(`${hasty.url}/v1/infers/patient`), 504, 'ModelArts.4503', /response timed out after 2 s/);
  refused(await invoke(`${hasty.url}/v1/infers/broken`), 500, 'ModelArts.4503', /closed the connection/);
  const own = await invoke(`${hasty.url}/v1/infers/failing`);
  assert.deepEqual([own.status, own.text], [502, 'own words']);
  refused(await invoke(`${hasty.url}/v1/infers/dead`), 503, 'ModelArts.4302', /no healthy instance/);
  const counts = await hasty.gateway.counters();
  for (const id of ['slow', 'patient', 'broken', 'failing'])
    assert.deepEqual(counts[id]!.m, { calls: 1, failed: 1 }, id);
  const all = Object.values(counts.dead!);
  assert.deepEqual([all.reduce((n, c) => n + c.calls, 0), all.reduce((n, c) => n + c.failed, 0)], [1, 1]);
});

test('HTTPS instances with self-signed certificates serve; a wrong scheme is an error in JSON', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('tls', undefined, selfSigned());
  cleanup.defer(() => one.close());
  await gate.gateway.apply(
    routes(
      service('tls', [entry('m', 100, [one.port], { tls: true, healthPath: '/health' })]),
      service('mis', [entry('m', 100, [one.port])]),
    ),
  );
  assert.equal((await invoke(`${gate.url}/v1/infers/tls`)).text, 'tls');
  const wrong = await invoke(`${gate.url}/v1/infers/mis`);
  assert.ok(wrong.status >= 400);
  assert.match(JSON.parse(wrong.text).error_code ?? 'none', /ModelArts\.4(503|302)/);
});

test('an instance that dies or fails its health check is left out, without a failed call', async () => {
  await using cleanup = new AsyncDisposableStack();
  let healthy = true;
  const a = await backend('a', (request, response) => {
    response.statusCode = request.url === '/health' && !healthy ? 500 : 200;
    request.resume().on('end', () => response.end('a'));
  });
  const b = await backend('b');
  cleanup.defer(() => b.close());
  await gate.gateway.apply(routes(service('h', [entry('m', 100, [a.port, b.port], { healthPath: '/health' })])));
  const burst = async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => invoke(`${gate.url}/v1/infers/h`)));
    assert.ok(answers.every(answer => answer.status === 200));
    return new Set(answers.map(answer => answer.text));
  };
  assert.equal((await burst()).size, 2);
  healthy = false;
  await eventually(async () => (await burst()).size === 1);
  healthy = true;
  await eventually(async () => (await burst()).size === 2);
  await a.close();
  assert.deepEqual([...(await burst())], ['b']);
});

test('answers stream and WebSockets pass where allowed', async () => {
  await using cleanup = new AsyncDisposableStack();
  let finish = () => {};
  const one = await backend('stream', (_request, response) => {
    response.write('first');
    finish = () => response.end('last');
  });
  one.server.on('upgrade', (_request, socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
    socket.on('data', data => socket.write(`echo ${data}`));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
  });
  cleanup.defer(() => one.close());
  const entries = [entry('m', 100, [one.port])];
  await gate.gateway.apply(routes(service('ws', entries, { websocket: true }), service('nows', entries)));
  const first = await new Promise<string>((resolve, reject) => {
    const request = http.request(
      `${gate.url}/v1/infers/ws`,
      { method: 'POST', headers: { 'x-auth-token': token() } },
      response => response.once('data', chunk => resolve(String(chunk))),
    );
    request.on('error', reject).end();
  });
  assert.equal(first, 'first');
  finish();
  const headers = {
    'x-auth-token': token(),
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  const echoed = await new Promise<string>((resolve, reject) => {
    const request = http.request(`${gate.url}/v1/infers/ws/chat`, { headers });
    request.on('upgrade', (_response, socket) => {
      socket.once('data', data => {
        resolve(String(data));
        socket.destroy();
      });
      socket.write('hello');
    });
    request.on('response', response => reject(new Error(`status ${response.statusCode}`)));
    request.on('error', reject).end();
  });
  assert.equal(echoed, 'echo hello');
  const spoilt = { ...headers, 'x-auth-token': 'bad' };
  refused(await call(`${gate.url}/v1/infers/ws`, { method: 'GET', headers: spoilt }), 401, 'APIG.0301', /decrypt/);
  refused(await call(`${gate.url}/v1/infers/nows`, { method: 'GET', headers }), 405, 'ModelArts.4204', /WebSocket/);
});

test('drained and removed instances get no new requests, added ones do, all without reload', async () => {
  await using cleanup = new AsyncDisposableStack();
  const [a, b, c] = (await Promise.all(['a', 'b', 'c'].map(name => backend(name)))) as [never, never, never] as Awaited<
    ReturnType<typeof backend>
  >[] as [
    Awaited<ReturnType<typeof backend>>,
    Awaited<ReturnType<typeof backend>>,
    Awaited<ReturnType<typeof backend>>,
  ];
  for (const one of [a, b, c]) cleanup.defer(() => one.close());
  const names = async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => invoke(`${gate.url}/v1/infers/x`)));
    return [...new Set(answers.map(answer => answer.text))].sort().join('');
  };
  const with_ = (...ports: number[]) => routes(service('x', [entry('m', 100, ports, { healthPath: '/health' })]));
  await gate.gateway.apply(with_(a.port, b.port));
  const worker = (await gate.gateway.status()).workerPid;
  assert.equal(await names(), 'ab');
  const draining = with_(a.port, b.port);
  draining.services[0]!.entries[0]!.instances[0]!.drain = true;
  await gate.gateway.apply(draining);
  assert.equal(await names(), 'b');
  await gate.gateway.apply(with_(b.port, c.port));
  await eventually(async () => (await names()) === 'bc');
  await gate.gateway.apply(with_(c.port, a.port));
  await eventually(async () => (await names()) === 'ac');
  assert.equal((await gate.gateway.status()).workerPid, worker);
  assert.equal(a.seen.length + b.seen.length + c.seen.length > 0, true);
});

test('how long answers took is counted for each entry, on both ways, and goes on over a reload', async () => {
  await using cleanup = new AsyncDisposableStack();
  const quick = await backend('quick');
  const slow = await backend('slow', (request, response) => {
    request.resume();
    setTimeout(() => response.end('slow'), 120);
  });
  cleanup.defer(() => quick.close());
  cleanup.defer(() => slow.close());
  const feed = (...more: ReturnType<typeof service>[]) =>
    routes(
      service('quick', [entry('q', 100, [quick.port])]),
      service('slow', [entry('s', 100, [slow.port])], { getPaths: ['/'] }),
      ...more,
    );
  await gate.gateway.apply(feed());
  const counted = async (id: string, name: string) => {
    await gate.gateway.counters();
    const histogram = (await gate.gateway.latencies())[id]?.[name] ?? {};
    return Object.entries(histogram).flatMap(([step, count]) => Array<number>(count).fill(1.1 ** Number(step) / 1000));
  };
  /** The longest of these calls, as the caller waited. */
  const longest = async (count: number, ask: () => Promise<unknown>) => {
    let most = 0;
    for (let at = 0; at < count; at++) {
      const begun = performance.now();
      await ask();
      most = Math.max(most, performance.now() - begun);
    }
    return most;
  };
  const quickMs = await longest(20, () => invoke(`${gate.url}/v1/infers/quick`));
  const slowMs = Math.max(
    await longest(1, () => invoke(`${gate.url}/v1/infers/slow`)),
    await longest(1, () => call(`${gate.url}/v1/infers/slow`, { method: 'GET', headers: { 'x-auth-token': token() } })),
  );
  const took = await counted('slow', 's');
  assert.equal(took.length, 2);
  for (const ms of took) assert.ok(ms > 105 && ms < slowMs * 1.1, `${ms} of ${slowMs} ms`);
  const short = await counted('quick', 'q');
  assert.equal(short.length, 20);
  for (const ms of short) assert.ok(ms < quickMs * 1.1, `${ms} of ${quickMs} ms`);
  const { reloads } = await gate.gateway.status();
  await gate.gateway.apply(feed(service('third', [entry('t', 100, [quick.port])])));
  assert.ok((await gate.gateway.status()).reloads > reloads);
  await invoke(`${gate.url}/v1/infers/slow`);
  assert.equal((await counted('slow', 's')).length, 3);
});
