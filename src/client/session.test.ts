import assert from 'node:assert/strict';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Failure } from '../kernel/failure.ts';
import { operation } from '../wire/operation.ts';
import { open, Type } from '../wire/schema.ts';
import { type Profile, requestToken, Session } from './session.ts';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

interface Scripted {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A server that answers by script; `seen` holds what it got. */
async function scripted(t: TestContext, answer: (seen: Seen, count: number) => Scripted) {
  const seen: Seen[] = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const entry = { method: request.method!, url: request.url!, headers: request.headers, body };
    seen.push(entry);
    const { status = 200, headers = {}, body: text = '' } = answer(entry, seen.length);
    response.writeHead(status, headers).end(text);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const profile = (more: Partial<Profile>): Profile => ({
    endpoints: { api: url, obs: url, inference: url },
    region: 'local-1',
    projectId: 'p1',
    ...more,
  });
  return { url, seen, profile };
}

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => assert.fail('it should have failed'),
    thrown => thrown as unknown,
  );
  assert.ok(error instanceof Failure, String(error));
  return error;
}

const key = { access: 'AK', secret: 'SK' };
const show = operation({
  id: 'ShowThing',
  family: 'things',
  summary: 'a thing',
  method: 'GET',
  path: '/v1/{project_id}/things/{thing_id}',
  action: 'x:thing:get',
  query: open({ limit: Type.Optional(Type.Integer()), name: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ id: Type.String() }),
  errors: 'modelarts',
});

test('a declared operation is called at its address, with encoded names and without empty query members', async t => {
  const { seen, profile } = await scripted(t, () => ({ body: '{"id":"x"}' }));
  const session = new Session(profile({ token: 'T' }));
  const answer = await session.call(show, { params: { thing_id: 'a/b ?ü' }, query: { limit: 5, name: undefined } });
  assert.deepEqual(answer, { id: 'x' });
  assert.equal(seen[0]!.url, '/v1/p1/things/a%2Fb%20%3F%C3%BC?limit=5');
  assert.equal(seen[0]!.headers['x-auth-token'], 'T');
});

test('with an access key requests are signed and name the project', async t => {
  const { seen, profile } = await scripted(t, () => ({ body: '{}' }));
  await new Session(profile({ key })).request('POST', '/v1/p1/things', { body: { name: 'ü' } });
  const { headers } = seen[0]!;
  assert.match(
    headers.authorization ?? '',
    /^SDK-HMAC-SHA256 Access=AK, SignedHeaders=content-type;host;x-project-id;x-sdk-date, /,
  );
  assert.equal(headers['x-project-id'], 'p1');
  assert.equal(headers['x-auth-token'], undefined);
  await new Session(profile({ key, projectId: '' })).request('GET', '/v3/projects');
  assert.equal(seen[1]!.headers['x-project-id'], undefined);
});

test('a refusal becomes a Failure with the code, text and remedy of the platform', async t => {
  const { profile } = await scripted(t, () => ({
    status: 404,
    body: JSON.stringify({
      error_code: 'ModelArts.3001',
      error_msg: 'Model x not found.',
      error_solution: 'List them.',
    }),
  }));
  const error = await failure(new Session(profile({ token: 'T' })).call(show, { params: { thing_id: 'x' } }));
  assert.equal(error.code, 'ModelArts.3001');
  assert.equal(error.status, 404);
  assert.equal(error.message, 'Model x not found.');
  assert.equal(error.solution, 'List them.');
});

for (const [name, answer, code, text] of [
  ['a page of a proxy', { status: 502, body: '<html>Bad Gateway</html>' }, 'HTTP.502', /Bad Gateway/],
  ['nothing', { status: 503 }, 'HTTP.503', /answered 503/],
  ['null', { status: 500, body: 'null' }, 'HTTP.500', /null/],
  ['another JSON', { status: 400, body: '{"message":"odd"}' }, 'HTTP.400', /odd/],
] as const) {
  test(`a failure that says ${name} is still told`, async t => {
    const { profile } = await scripted(t, () => answer);
    const error = await failure(new Session(profile({ token: 'T' })).request('GET', '/v1/p1/x'));
    assert.equal(error.code, code);
    assert.match(error.message, text);
  });
}

test('a server that is not there is named with what to do', async t => {
  const { url, profile } = await scripted(t, () => ({}));
  const gone = profile({ token: 'T', endpoints: { api: 'http://127.0.0.1:1', obs: url, inference: url } });
  const error = await failure(new Session(gone).request('GET', '/v1/p1/x'));
  assert.equal(error.code, 'Atelier.Unreachable');
  assert.match(error.message, /http:\/\/127\.0\.0\.1:1 does not answer/);
  assert.match(error.solution ?? '', /atelier up/);
});

test('an interrupted call ends as interrupted, not as unreachable', async t => {
  const { profile } = await scripted(t, () => ({}));
  const work = new Session(profile({ token: 'T' })).request('GET', '/x', {
    signal: AbortSignal.abort(new Error('enough')),
  });
  await assert.rejects(work, /enough/);
});

test('something else behind the address is told from Atelier', async t => {
  const { url, profile } = await scripted(t, () => ({ body: '<html>Welcome to nginx</html>' }));
  const error = await failure(new Session(profile({ token: 'T' })).call(show, { params: { thing_id: 'x' } }));
  assert.equal(error.code, 'Atelier.UnexpectedAnswer');
  assert.equal(
    (await failure(requestToken(url, { account: 'a', user: 'a', password: 'p', projectName: 'r' }))).code,
    'Atelier.UnexpectedAnswer',
  );
});

test('a password is turned into a token once, and again when the token is no longer accepted', async t => {
  let issued = 0;
  const { seen, profile } = await scripted(t, request => {
    if (request.url === '/v3/auth/tokens') {
      issued += 1;
      return { status: 201, headers: { 'x-subject-token': `T${issued}` }, body: '{}' };
    }
    if (request.url.endsWith('expired') && issued === 1)
      return { status: 401, body: '{"error_code":"ModelArts.0202"}' };
    return { body: request.headers['x-auth-token'] as string };
  });
  const session = new Session(profile({ account: 'acme', user: 'ann', password: 'p' }));
  const call = async (path: string) => (await session.request('GET', path)).body.toString();
  assert.deepEqual([await call('/a'), await call('/b')], ['T1', 'T1']);
  assert.deepEqual(JSON.parse(seen[0]!.body).auth.scope, { project: { id: 'p1' } });
  assert.equal((await failure(call('/expired'))).code, 'ModelArts.0202');
  assert.equal(await call('/expired'), 'T2');
});

test('an expired saved login says how to renew it', async t => {
  const { profile } = await scripted(t, () => ({
    status: 401,
    body: '{"error_code":"ModelArts.0202","error_msg":"expired"}',
  }));
  const error = await failure(new Session(profile({ token: 'old' })).request('GET', '/v1/p1/x'));
  assert.match(error.solution ?? '', /atelier login/);
  const nothing = await failure(new Session(profile({})).request('GET', '/v1/p1/x'));
  assert.equal(nothing.code, 'Atelier.NoCredentials');
});

test('predictions go to the gateway with a token, or signed without their body when there is only a key', async t => {
  const { seen, profile } = await scripted(t, request =>
    request.url === '/v3/auth/tokens' ? { headers: { 'x-subject-token': 'T' } } : { body: '{"predicted":7}' },
  );
  const form = new FormData();
  form.append('image', new Blob(['png']), 'digit.png');
  const account = { account: 'acme', user: 'ann', password: 'p' };
  const answer = await new Session(profile({ key, ...account })).predict('s1', form);
  assert.equal(answer.body.toString(), '{"predicted":7}');
  assert.equal(seen[1]!.url, '/v1/infers/s1/');
  assert.equal(seen[1]!.headers['x-auth-token'], 'T');
  assert.match(seen[1]!.headers['content-type'] ?? '', /^multipart\/form-data; boundary=/);
  assert.match(seen[1]!.body, /name="image"; filename="digit\.png"/);
  await new Session(profile({ key })).predict('s1', Buffer.from('{}'), {
    path: '/v2',
    contentType: 'application/json',
  });
  assert.equal(seen[2]!.url, '/v1/infers/s1/v2');
  assert.equal(seen[2]!.headers['x-sdk-content-sha256'], 'UNSIGNED-PAYLOAD');
  assert.match(seen[2]!.headers.authorization ?? '', /^SDK-HMAC-SHA256 Access=AK/);
});
