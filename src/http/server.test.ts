import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../kernel/failure.ts';
import { operation } from '../wire/operation.ts';
import { Reply, route } from './index.ts';
import { body, common, create, creates, refuse, sendBytes, serve, shows } from './test-server.ts';

const styled = (['keystone', 'iam', 'modelarts'] as const).map(errors =>
  route(
    operation({
      ...common,
      id: `Styled-${errors}`,
      method: 'POST',
      path: `/${errors}/things`,
      action: { authenticated: 'test' },
      errors,
      body,
    }),
    async () => ({}),
  ),
);

test('who asks, the project, the policy and the request are checked in that order, the handler comes last', async t => {
  let handled = 0;
  const server = await serve(t, [
    creates,
    route(refuse, async () => {
      handled += 1;
      return {};
    }),
  ]);
  const bad = { name: 7 };

  let answer = await server.send('POST', '/v2/p9/forbidden', { body: bad, token: null });
  assert.equal(answer.status, 401);
  assert.equal(answer.json.error_code, 'ModelArts.0201');
  assert.deepEqual(server.steps.splice(0), ['authenticate']);

  answer = await server.send('POST', '/v2/p9/forbidden', { body: bad });
  assert.equal(answer.status, 403);
  assert.equal(answer.json.error_code, 'ModelArts.0210');
  assert.match(answer.json.error_msg, /p9/);
  assert.deepEqual(server.steps.splice(0), ['authenticate']);

  answer = await server.send('POST', '/v2/p1/forbidden', { body: bad });
  assert.equal(answer.status, 403);
  assert.equal(answer.json.error_code, 'ModelArts.0112');
  assert.match(answer.json.error_msg, /x:thing:forbidden.*No policy of ann grants it/);
  assert.deepEqual(server.steps.splice(0), ['authenticate', 'project', 'policy']);
  assert.equal(handled, 0);

  answer = await server.send('POST', '/v2/p1/things', { body: bad });
  assert.equal(answer.status, 400);
  assert.equal(answer.json.error_code, 'ModelArts.2788');

  answer = await server.send('POST', '/v2/p1/things', { body: { name: 'x', more: 1 } });
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.json, { got: { name: 'x', more: 1 } });
});

test('a stranger with a body that is not JSON learns only that the credential is missing', async t => {
  const server = await serve(t, [creates]);
  const answer = await server.send('POST', '/v2/p1/things', { body: '{"name":', token: null });
  assert.equal(answer.status, 401);
});

test('an action that the body decides is asked for by its sound body, never by a broken one', async t => {
  const server = await serve(t, [
    route(
      operation({
        ...common,
        id: 'UpdateThing',
        method: 'PUT',
        path: '/v1/{project_id}/things/{id}',
        action: {
          actions: ['x:thing:forbidden', 'x:thing:action'],
          choose: ({ body }) => ((body as { name: string }).name.length > 3 ? 'x:thing:forbidden' : 'x:thing:action'),
        },
        body,
      }),
      async () => ({}),
    ),
  ]);
  assert.equal((await server.send('PUT', '/v1/p1/things/1', { body: { name: 'stop' } })).status, 403);
  assert.equal((await server.send('PUT', '/v1/p1/things/1', { body: { name: 'go' } })).status, 200);
  for (const broken of ['null', '[]', '"x"', '{}', '{"name":[]}', '{', '']) {
    const answer = await server.send('PUT', '/v1/p1/things/1', { body: broken });
    assert.equal(answer.status, 400, broken);
  }
  assert.deepEqual(
    server.asked.map(request => request.action),
    ['x:thing:forbidden', 'x:thing:action'],
  );
});

test('only declared operations answer, with their methods only; anything else is 404 in the style of its address', async t => {
  const server = await serve(t, [creates, shows]);
  for (const [method, path] of [
    ['DELETE', '/v2/p1/things/1'],
    ['HEAD', '/v2/p1/things/1'],
    ['OPTIONS', '/v2/p1/things'],
    ['GET', '/v2/p1/things/1/more'],
    ['GET', '/V2/p1/things/1'],
    ['GET', '/'],
    ['GET', '/../../etc/passwd'],
    ['GET', '/__proto__'],
  ] as const) {
    assert.equal((await server.send(method, path)).status, 404, `${method} ${path}`);
  }
  const modelarts = await server.send('GET', '/v1/nowhere?x=1');
  assert.equal(modelarts.json.error_code, 'APIGW.0101');
  assert.match(modelarts.json.error_msg, /GET \/v1\/nowhere does not exist/);
  assert.equal(modelarts.json.error, undefined);
  const keystone = await server.send('POST', '/v3/nowhere');
  assert.deepEqual(keystone.json.error, { code: 404, message: keystone.json.error_msg, title: 'Not Found' });
  const iam = await server.send('GET', '/v3.0/nowhere');
  assert.equal(iam.json.error, undefined);
  assert.equal(iam.json.request_id, iam.headers.get('x-request-id'));
  assert.deepEqual(server.steps, []);
});

test('a path that is broken or too long is refused in our words', async t => {
  const server = await serve(t, [shows]);
  for (const path of [
    '/v2/p1/things/%zz',
    '/v2/p1/things/%',
    '/v2/p1/things/%ff',
    `/v2/p1/things/${'x'.repeat(600)}`,
  ]) {
    const answer = await server.send('GET', path);
    assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status}`);
    assert.ok(answer.json.error_code, path);
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/, path);
    assert.equal(answer.json.request_id, answer.headers.get('x-request-id'), path);
    assert.doesNotMatch(answer.text, /FST_/, path);
  }
});

test('each style words its errors as its clients read them, always with the request id', async t => {
  const server = await serve(t, styled);
  const codes = async (path: string, options: object) => {
    const answer = await server.send('POST', path, options);
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
    assert.equal(answer.json.request_id, answer.headers.get('x-request-id'));
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(typeof answer.json.error_msg, 'string');
    assert.equal(answer.json.error?.code, path.startsWith('/keystone') ? answer.status : undefined);
    assert.equal(answer.json.error?.message, path.startsWith('/keystone') ? answer.json.error_msg : undefined);
    return `${answer.status} ${answer.json.error_code}`;
  };
  const all = async (options: object) => [
    await codes('/modelarts/things', options),
    await codes('/iam/things', options),
    await codes('/keystone/things', options),
  ];
  assert.deepEqual(await all({ token: null }), ['401 ModelArts.0201', '401 IAM.0001', '401 IAM.0001']);
  assert.deepEqual(await all({ token: 'old' }), ['401 ModelArts.0202', '401 IAM.0001', '401 IAM.0001']);
  assert.deepEqual(await all({ token: 'forged' }), ['401 APIGW.0301', '401 APIGW.0301', '401 APIGW.0301']);
  assert.deepEqual(await all({ body: '{' }), ['400 ModelArts.0104', '400 IAM.0011', '400 IAM.0011']);
  assert.deepEqual(await all({ body: {} }), ['400 ModelArts.0104', '400 IAM.0011', '400 IAM.0011']);
  assert.deepEqual(await all({ body: Buffer.alloc(1024 * 1024 + 1, 32) }), [
    '413 ModelArts.4104',
    '413 IAM.0011',
    '413 IAM.0011',
  ]);
});

test('two answers never share a request id, and one that the caller sends is not taken over', async t => {
  const server = await serve(t, [shows]);
  const sent = { headers: { 'x-request-id': 'mine\u0041', 'request-id': 'mine' } };
  const ids = await Promise.all(
    Array.from({ length: 20 }, async () =>
      (await server.send('GET', '/v2/p1/things/1', sent)).headers.get('x-request-id'),
    ),
  );
  assert.equal(new Set(ids).size, 20);
  assert.ok(ids.every(id => /^[0-9a-f]{32}$/.test(id ?? '')));
});

test('a handler that throws anything but a Failure answers 500 without a word of it; the log has it', async t => {
  const secret = 'connect ECONNREFUSED /var/lib/atelier/home/engine.sock';
  const thrown = [
    new Error(secret),
    new TypeError(secret),
    Object.assign(new Error(secret), { statusCode: 404, reason: 'no such container' }),
    Object.assign(new Error(secret), { statusCode: 400, code: 'ERR_OTHER' }),
    Object.assign(new Error(secret), { status: 418 }),
    secret,
    null,
    undefined,
  ];
  const server = await serve(
    t,
    thrown.map((error, i) =>
      route(
        operation({ ...common, id: `Throw${i}`, method: 'POST', path: `/throw/${i}`, action: 'x:thing:x' }),
        async () => {
          throw error;
        },
      ),
    ),
  );
  for (const [i, error] of thrown.entries()) {
    const answer = await server.send('POST', `/throw/${i}`);
    assert.equal(`${answer.status} ${answer.json.error_code}`, '500 ModelArts.0010', String(error));
    assert.doesNotMatch(answer.text, /ECONNREFUSED|no such container|at /);
    assert.match(server.logged(), new RegExp(answer.json.request_id));
  }
  assert.match(server.logged(), /ECONNREFUSED/);
  assert.equal(server.audit.length, thrown.length);
});

test('a Failure reaches the caller with code, text, remedy and details, and without its cause', async t => {
  const server = await serve(t, [
    route(create, async () => {
      throw new Failure({
        code: 'ModelArts.2751',
        status: 400,
        message: 'taken',
        solution: 'Choose another.',
        details: { name: 'x' },
        cause: new Error('UNIQUE constraint'),
      });
    }),
  ]);
  const { json, text } = await server.send('POST', '/v2/p1/things', { body: { name: 'x' } });
  assert.equal(json.error_code, 'ModelArts.2751');
  assert.equal(json.error_solution, 'Choose another.');
  assert.deepEqual(json.error_details, { name: 'x' });
  assert.doesNotMatch(text, /UNIQUE/);
});

test('answers carry the status and headers that the handler gives them', async t => {
  const replies = {
    token: new Reply({ token: {} }, { status: 201, headers: { 'X-Subject-Token': 'abc' } }),
    empty: new Reply(undefined, { status: 204 }),
    text: new Reply('plain', { headers: { 'Content-Type': 'text/plain; charset=utf-8' } }),
    bytes: new Reply(Buffer.from([1, 2, 3]), { headers: { 'Content-Type': 'image/png' } }),
    list: new Reply([1, 2]),
    hostile: new Reply({}, { headers: { 'X-Name': 'a\r\nSet-Cookie: b' } }),
    unprintable: new Reply({ value: 1n }, { status: 200, headers: { 'X-Subject-Token': 'never' } }),
  };
  const server = await serve(
    t,
    Object.entries(replies).map(([name, reply]) =>
      route(
        operation({ ...common, id: name, method: 'POST', path: `/${name}`, action: 'x:thing:x' }),
        async () => reply,
      ),
    ),
  );
  const token = await server.send('POST', '/token');
  assert.equal(token.status, 201);
  assert.equal(token.headers.get('x-subject-token'), 'abc');
  assert.deepEqual(token.json, { token: {} });
  const empty = await server.send('POST', '/empty');
  assert.equal(`${empty.status}${empty.text}`, '204');
  const text = await server.send('POST', '/text');
  assert.equal(`${text.headers.get('content-type')} ${text.text}`, 'text/plain; charset=utf-8 plain');
  assert.equal((await server.send('POST', '/bytes')).headers.get('content-type'), 'image/png');
  assert.deepEqual((await server.send('POST', '/list')).json, [1, 2]);
  assert.equal((await server.send('POST', '/hostile')).status, 500);
  const unprintable = await server.send('POST', '/unprintable');
  assert.equal(unprintable.status, 500);
  assert.equal(unprintable.headers.get('x-subject-token'), null);
  assert.equal(server.audit.find(record => record.operation === 'unprintable')!.status, 500);
  assert.equal((await server.send('POST', '/list')).headers.get('x-content-type-options'), 'nosniff');
});

test('every change is in the audit trail, also when it was refused; reading is not', async t => {
  const search = operation({ ...create, id: 'Search', path: '/v2/{project_id}/searches', readOnly: true });
  const small = operation({ ...create, id: 'Small', path: '/v2/{project_id}/small', bodyLimit: 100 });
  const server = await serve(t, [
    creates,
    shows,
    route(refuse, async () => ({})),
    route(search, async () => ({})),
    route(small, async () => ({})),
  ]);
  const body = { name: 'x', password: 'hunter2' };
  await server.send('POST', '/v2/p1/things?token=hunter2', { body });
  await server.send('POST', '/v2/p1/things', { body: { name: 1, password: 'hunter2' } });
  await server.send('POST', '/v2/p1/things', { body: '{"password":"hunter2"' });
  await server.send('POST', '/v2/p1/forbidden', { body });
  await server.send('POST', '/v2/p1/things', { body, token: 'hunter2' });
  await server.send('POST', '/v2/p1/things', { body, token: 'stranger' });
  await server.send('POST', '/v2/p1/small', { body: { ...body, filler: 'x'.repeat(200) } });
  await server.send('GET', '/v2/p1/things/1');
  await server.send('POST', '/v2/p1/searches', { body });
  const seen = server.audit.map(
    ({ operation: op, status, errorCode = '', principalName = '' }) => `${op} ${status} ${errorCode} ${principalName}`,
  );
  assert.deepEqual(seen, [
    'CreateThing 201  ann',
    'CreateThing 400 ModelArts.2788 ann',
    'CreateThing 400 ModelArts.2787 ann',
    'Forbidden 403 ModelArts.0112 ann',
    'CreateThing 401 ModelArts.0202 ',
    'CreateThing 403 ModelArts.0210 eve',
    'Small 413 ModelArts.4104 ',
  ]);
  const [first] = server.audit;
  assert.equal(first!.path, '/v2/p1/things');
  assert.equal(first!.projectId, 'p1');
  assert.equal(first!.accountId, 'a1');
  assert.equal(first!.sourceAddress, '127.0.0.1');
  assert.ok(first!.durationMs >= 0);
  assert.doesNotMatch(JSON.stringify(server.audit) + server.logged(), /hunter2|good/);
});

test('the policy is told from where and as whom', async t => {
  const server = await serve(t, [shows]);
  await server.send('GET', '/v2/p1/things/1', { headers: { 'x-forwarded-for': '10.9.8.7' } });
  assert.equal(server.asked[0]!.action, 'x:thing:get');
  const { sourceIp, name, accountName } = server.askers[0]!;
  assert.deepEqual([sourceIp, name, accountName], ['127.0.0.1', 'ann', 'acme']);
});

test('public operations need no credential and look at none', async t => {
  const server = await serve(t, [
    route(
      operation({ ...common, id: 'Health', method: 'GET', path: '/healthz', action: { public: 'liveness' } }),
      async call => ({
        caller: call.principal ?? null,
      }),
    ),
  ]);
  assert.deepEqual((await server.send('GET', '/healthz', { token: 'hunter2' })).json, { caller: null });
  assert.deepEqual(server.steps, []);
});

test('metrics count answers by operation and status, refusals by operation, and never hold an id', async t => {
  const server = await serve(t, [creates, shows, route(refuse, async () => ({}))]);
  await server.send('GET', '/v2/p1/things/secret-id');
  await server.send('GET', '/v2/p1/things/secret-id');
  await server.send('POST', '/v2/p1/things', { body: {} });
  await server.send('POST', '/v2/p1/forbidden', { body: { name: 'x' } });
  const text = await server.metrics.metrics();
  assert.match(text, /duration_seconds_count\{operation="ShowThing",status="200"\} 2/);
  assert.match(text, /duration_seconds_count\{operation="CreateThing",status="400"\} 1/);
  assert.match(text, /authorization_denied_total\{operation="Forbidden"\} 1/);
  assert.doesNotMatch(text, /secret-id|p1/);
});

test('what is not HTTP is answered in JSON with a request id, and the server lives on', async t => {
  const server = await serve(t, [shows]);
  const garbage = await sendBytes(server.port, 'hello\r\n\r\n');
  assert.match(garbage, /^HTTP\/1\.1 400 Bad Request/);
  assert.match(garbage, /X-Request-Id: [0-9a-f]{32}/);
  assert.match(garbage, /"error_code":"APIGW\.0106"/);
  const large = await sendBytes(server.port, `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1\.1 431/);
  assert.equal((await server.send('GET', '/v2/p1/things/1', { headers: { 'x-big': 'a'.repeat(40_000) } })).status, 200);
});

test('the same operation cannot be mounted twice', async t => {
  await assert.rejects(serve(t, [creates, creates]), /already declared/);
});
