import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operation } from '../wire/operation.ts';
import { open, Type } from '../wire/schema.ts';
import { Reply, route } from './index.ts';
import { common, create, creates, get, sendBytes, serve, shows } from './test-server.ts';

test('JSON that cannot be read is told apart from JSON that does not fit, with the place of the mistake', async t => {
  const server = await serve(t, [creates]);
  const answer = await server.send('POST', '/v2/p1/things', { body: '{"name": "secret-name",,}' });
  assert.equal(answer.json.error_code, 'ModelArts.2787');
  assert.match(answer.json.error_msg, /not valid JSON.*position 23/);
  assert.doesNotMatch(answer.json.error_msg, /secret-name/);
  for (const text of ['[', '{"a":1}x', 'name=x', '\u0000', '['.repeat(200_000), '{"a":'.repeat(100_000)]) {
    const { status, json } = await server.send('POST', '/v2/p1/things', { body: text });
    assert.equal(`${status} ${json.error_code}`, '400 ModelArts.2787', text.slice(0, 20));
  }
});

test('what does not fit is named with its rule', async t => {
  const server = await serve(t, [creates]);
  const says = async (value: unknown) => {
    const answer = await server.send('POST', '/v2/p1/things', { body: JSON.stringify(value) });
    assert.equal(`${answer.status} ${answer.json.error_code}`, '400 ModelArts.2788', JSON.stringify(value));
    return answer.json.error_msg as string;
  };
  assert.equal(await says({}), 'Field [name] is required in the body.');
  assert.match(await says({ name: 7 }), /\[name\] must be string/);
  assert.match(await says({ name: '' }), /\[name\].*1 char/);
  assert.match(await says({ name: 'x', count: '3' }), /\[count\] must be integer/);
  assert.match(await says({ name: 'x', count: 10 }), /\[count\] must be <= 9/);
  assert.match(await says({ name: 'x', kind: 'tpu' }), /\[kind\] should be one of \["cpu","gpu","npu"\]/);
  assert.equal(await says({ name: 'x', spec: {} }), 'Field [spec.nodes] is required in the body.');
  assert.match(
    await says({ name: 'x', spec: { nodes: [{ id: 'a' }, { id: 1 }] } }),
    /\[spec\.nodes\[1\]\.id\] must be string/,
  );
  assert.match(await says([]), /The body must be object/);
  assert.match(await says(null), /The body must be object/);
  const none = await server.send('POST', '/v2/p1/things');
  assert.equal(none.json.error_msg, 'The request needs a JSON body.');
});

test('a body may be left out where the operation says so', async t => {
  const server = await serve(t, [
    route(operation({ ...create, id: 'Optional', bodyOptional: true }), async call => ({
      none: call.body === undefined,
    })),
  ]);
  for (const options of [{}, { body: '' }, { body: ' \n' }, { headers: { 'content-type': 'application/json' } }]) {
    assert.deepEqual((await server.send('POST', '/v2/p1/things', options)).json, { none: true });
  }
  assert.equal((await server.send('POST', '/v2/p1/things', { body: {} })).status, 400);
});

test('a body over the limit is refused with the limit, also when it is sent in chunks', async t => {
  const server = await serve(t, [
    creates,
    route(operation({ ...create, id: 'Small', path: '/v2/{project_id}/small', bodyLimit: 100 }), async () => ({})),
  ]);
  const answer = await server.send('POST', '/v2/p1/small', { body: { name: 'x', filler: 'y'.repeat(100) } });
  assert.equal(`${answer.status} ${answer.json.error_code}`, '413 ModelArts.4104');
  assert.match(answer.json.error_msg, /100 bytes/);
  assert.equal((await server.send('POST', '/v2/p1/small', { body: { name: 'x' } })).status, 201);
  const chunks = `${'80'}\r\n${' '.repeat(128)}\r\n`;
  const chunked = await sendBytes(
    server.port,
    `POST /v2/p1/small HTTP/1.1\r\nHost: x\r\nX-Auth-Token: good\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunks}0\r\n\r\n`,
  );
  assert.match(chunked, /^HTTP\/1\.1 413/);
});

test('GET with the body {} of the official clients is answered, and its bytes are what is authenticated', async t => {
  const server = await serve(t, [shows]);
  for (const framing of ['Content-Length: 2\r\n\r\n{}', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n']) {
    const answer = await sendBytes(
      server.port,
      `GET /v2/p1/things/1?limit=%20 HTTP/1.1\r\nHost: x\r\nX-Auth-Token: good\r\nConnection: close\r\nContent-Type: application/json\r\n${framing}`,
    );
    assert.match(answer, /^HTTP\/1\.1 400/); // limit
    assert.equal(server.raw.at(-1)!.body.toString(), '{}');
  }
  const large = await sendBytes(
    server.port,
    `GET /v2/p1/things/1 HTTP/1.1\r\nHost: x\r\nX-Auth-Token: good\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n${' '.repeat(1048577)}`,
  );
  assert.match(large, /^HTTP\/1\.1 413/);
  assert.match(large, /ModelArts\.4104/);
});

test('what is authenticated is the request as it came: method, raw address, headers, bytes', async t => {
  const server = await serve(t, [creates]);
  const text = ' {"name" :"ü", "x":1.0}\n';
  await server.send('POST', '/v2/p1/things?b=%2f&a=+&A', { body: text, headers: { 'X-Sdk-Date': 'now' } });
  const raw = server.raw[0]!;
  assert.equal(raw.method, 'POST');
  assert.equal(raw.url, '/v2/p1/things?b=%2f&a=+&A');
  assert.equal(raw.headers['x-sdk-date'], 'now');
  assert.equal(raw.headers.host, `127.0.0.1:${server.port}`);
  assert.equal(raw.body.toString(), text);
  assert.equal(raw.remoteAddress, '127.0.0.1');
});

test('JSON is read whatever the content type says, or when it says nothing', async t => {
  const server = await serve(t, [creates]);
  const types = [
    'application/json',
    'application/json;charset=utf8',
    'application/merge-patch+json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
  ];
  for (const type of types) {
    const answer = await server.send('POST', '/v2/p1/things', {
      body: '{"name":"x"}',
      headers: { 'content-type': type },
    });
    assert.equal(answer.status, 201, type);
  }
  const none = await sendBytes(
    server.port,
    'POST /v2/p1/things HTTP/1.1\r\nHost: x\r\nX-Auth-Token: good\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{"name":"x"}',
  );
  assert.match(none, /^HTTP\/1\.1 201/);
  const odd = await server.send('POST', '/v2/p1/things', { body: '{"name":"x"}', headers: { 'content-type': 'json' } });
  assert.equal(odd.status, 415);
  assert.match(odd.json.error_solution, /application\/json/);
});

test('DELETE takes a JSON body, and none', async t => {
  const server = await serve(t, [
    route(
      operation({
        ...common,
        id: 'DeleteThing',
        method: 'DELETE',
        path: '/v1/{project_id}/images/{id}',
        action: 'x:thing:delete',
        body: open({ is_force: Type.Optional(Type.Boolean()) }),
        bodyOptional: true,
        status: 204,
      }),
      async call => new Reply({ force: call.body?.is_force }, { status: 200 }),
    ),
  ]);
  assert.deepEqual((await server.send('DELETE', '/v1/p1/images/1', { body: { is_force: true } })).json, {
    force: true,
  });
  assert.equal((await server.send('DELETE', '/v1/p1/images/1')).status, 200);
  const signed = { headers: { 'content-type': 'application/json' } };
  assert.equal((await server.send('DELETE', '/v1/p1/images/1', signed)).status, 200);
});

test('query values become the types of the schema; defaults apply; wrong ones are named', async t => {
  const server = await serve(t, [shows]);
  const query = async (text: string) => (await server.send('GET', `/v2/p1/things/1?${text}`)).json.query;
  assert.deepEqual(await query(''), { limit: 10 });
  assert.deepEqual(await query('limit=5&deep=true&unknown=1'), { limit: 5, deep: true, unknown: '1' });
  assert.deepEqual(await query('tags=a'), { limit: 10, tags: ['a'] });
  assert.deepEqual(await query('tags=a&tags=b,c'), { limit: 10, tags: ['a', 'b,c'] });
  assert.deepEqual(await query('ids=a,b%2Cc'), { limit: 10, ids: 'a,b,c' });
  assert.deepEqual(await query('ids=%E4%B8%AD+x%2By'), { limit: 10, ids: '中 x+y' });
  for (const wrong of ['limit=0', 'limit=101', 'limit=x', 'limit=', 'limit=1.5', 'limit=1&limit=2', 'limit=1e99']) {
    const answer = await server.send('GET', `/v2/p1/things/1?${wrong}`);
    assert.equal(answer.status, 400, wrong);
    assert.match(answer.json.error_msg, /\[limit\]/, wrong);
  }
  assert.match((await server.send('GET', '/v2/p1/things/1?deep=yes')).json.error_msg, /\[deep\] must be boolean/);
});

test('path parameters are decoded once; an encoded slash is part of the name, not of the path', async t => {
  const server = await serve(t, [shows]);
  const id = async (path: string) => (await server.send('GET', `/v2/p1/things/${path}`)).json.id;
  assert.equal(await id('a%20b'), 'a b');
  assert.equal(await id('%E4%B8%AD'), '中');
  assert.equal(await id('a%2Fb'), 'a/b');
  assert.equal(await id('%2e%2e%2f%2e%2e'), '../..');
  assert.equal(await id('a%252Fb'), 'a%2Fb');
  assert.equal(await id('urn:smn:r:p:t'), 'urn:smn:r:p:t');
  assert.equal(await id('__proto__'), '__proto__');
  assert.equal(await id('x/'), 'x');
});

test('a colon in a declared path is only a colon', async t => {
  const server = await serve(t, [
    route(operation({ ...get, id: 'Colon', path: '/v2/{project_id}/things:count' }), async () => ({ n: 1 })),
  ]);
  assert.deepEqual((await server.send('GET', '/v2/p1/things:count')).json, { n: 1 });
  assert.equal((await server.send('GET', '/v2/p1/thingsXcount')).status, 404);
});

test('a project of somebody else is out of reach, however it is spelled', async t => {
  const server = await serve(t, [shows]);
  for (const project of ['p2', 'P1', '%70%32', 'p1%20', '..%2fp1', 'p1%00', '%7Bproject_id%7D']) {
    assert.equal((await server.send('GET', `/v2/${project}/things/1`)).status, 403, project);
  }
  assert.equal((await server.send('GET', '/v2/p1/things/1', { token: 'stranger' })).status, 403);
  assert.equal((await server.send('GET', '/v2/%70%31/things/1')).json.project, 'p1');
});

test('members that would change prototypes are dropped', async t => {
  const server = await serve(t, [
    route(create, async call => ({
      copied: { ...call.body, ...Object.assign({}, call.body) },
      admin:
        (call.body as { admin?: unknown }).admin ?? (Object.assign({}, call.body) as { admin?: unknown }).admin ?? null,
    })),
  ]);
  const texts = [
    '{"name":"x","__proto__":{"admin":true}}',
    '{"name":"x","\\u005f_proto__":{"admin":true}}',
    '{"name":"x","constructor":{"prototype":{"admin":true}}}',
    '{"name":"x","spec":{"nodes":[{"id":"a","__proto__":{"admin":true}}]}}',
  ];
  for (const text of texts) {
    const answer = await server.send('POST', '/v2/p1/things', { body: text });
    assert.equal(answer.status, 201, text);
    assert.equal(answer.json.admin, null, text);
    assert.doesNotMatch(answer.text, /true/, text);
  }
  assert.equal(({} as { admin?: unknown }).admin, undefined);
  // A name that is missing is not found on the prototype either.
  const inherited = await server.send('POST', '/v2/p1/things', { body: '{"__proto__":{"name":"x"}}' });
  assert.equal(inherited.json.error_msg, 'Field [name] is required in the body.');
  const ordinary = await server.send('POST', '/v2/p1/things', { body: '{"name":"x","constructor":"me"}' });
  assert.deepEqual(ordinary.json.copied, { name: 'x', constructor: 'me' });
});
