import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type Answer, backend, call, entry, PROJECT, rig, routes, service, token, VERIFY_KEY } from './test-rig.ts';

const SK = 'secret-key';
const sha = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

interface Question {
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  bodySha256?: string;
  service_id: string;
}

/** The signature of api/README 3.2 over what the verifier was told. */
function signature(q: Question, names: string): string {
  const encode = (text: string) =>
    encodeURIComponent(decodeURIComponent(text)).replace(
      /[!'()*]/g,
      c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const path = q.path.split('/').map(encode).join('/');
  const query = [...new URLSearchParams(q.query)].sort().map(([k, v]) => `${encode(k)}=${encode(v)}`);
  const headers = names.split(';').map(name => `${name}:${q.headers[name]}\n`);
  const payload = q.headers['x-sdk-content-sha256'] ?? q.bodySha256 ?? 'no body hash';
  const canonical = [
    q.method,
    path.endsWith('/') ? path : `${path}/`,
    query.join('&'),
    headers.join(''),
    names,
    payload,
  ];
  const message = `SDK-HMAC-SHA256\n${q.headers['x-sdk-date']}\n${sha(canonical.join('\n'))}`;
  return createHmac('sha256', SK).update(message).digest('hex');
}

/** Stands in for the management server: really verifies, and remembers the questions. */
async function verifier() {
  const questions: Question[] = [];
  const verdict = { status: 0 };
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      const reply = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      if (request.headers['x-atelier-key'] !== VERIFY_KEY) return reply(500, { error_msg: 'not the gateway' });
      const q = JSON.parse(Buffer.concat(chunks).toString()) as Question;
      questions.push(q);
      if (q.headers['x-auth-token'] || q.headers.authorization?.startsWith('Bearer ')) {
        return verdict.status === 0
          ? reply(200, { allowed: true, sub: 'agency1', prj: PROJECT })
          : reply(verdict.status, { error_code: 'ModelArts.4203', error_msg: 'the user it works for is disabled' });
      }
      const [, ak, names, given] =
        /Access=(\w+), SignedHeaders=([^,]*), Signature=(\w+)/.exec(q.headers.authorization!) ?? [];
      if (verdict.status === 403)
        return reply(403, { error_code: 'ModelArts.0403', error_msg: 'Denied by "policy" é' });
      if (given !== signature(q, names!))
        return reply(401, { error_code: 'APIG.0301', error_msg: 'signature mismatch' });
      reply(200, { allowed: true, sub: 'user1', prj: ak === 'AKOTHER' ? 'prj2' : PROJECT, ttl: 5 });
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    questions,
    verdict,
    url: `http://127.0.0.1:${port}/internal/infer-auth`,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Signed {
  body?: string | Buffer;
  headers?: Record<string, string>;
  ak?: string;
  send?: string | Buffer;
  chunked?: boolean;
}

function signedCall(
  url: string,
  { body = '', headers = {}, ak = 'AKIA', send = body, chunked = false }: Signed,
): Promise<Answer> {
  const target = new URL(url);
  const all: Record<string, string> = {
    host: target.host,
    'x-sdk-date': new Date().toISOString().replace(/[-:]|\.\d+/g, ''),
    'content-type': 'application/json',
    ...headers,
  };
  const names = Object.keys(all).sort().join(';');
  const question = {
    method: 'POST',
    path: target.pathname,
    query: target.search.slice(1),
    headers: all,
    bodySha256: sha(body),
    service_id: '',
  };
  const authorization = `SDK-HMAC-SHA256 Access=${ak}, SignedHeaders=${names}, Signature=${signature(question, names)}`;
  return call(url, { body: send, chunked, headers: { ...all, authorization } });
}

test('AK/SK signatures are verified by the server, over the body that really arrived', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  const verify = await verifier();
  const gate = await rig({ verifyUrl: verify.url });
  cleanup.defer(() => gate.stop());
  cleanup.defer(() => one.close());
  cleanup.defer(() => verify.close());
  await gate.gateway.apply(routes(service('s', [entry('m', 100, [one.port])])));
  const url = `${gate.url}/v1/infers/s/pre%20dict?b=2&a=x%20y`;
  const code = (answer: Answer) => JSON.parse(answer.text).error_code;

  const ok = await signedCall(url, { body: '{"a":"é"}' });
  assert.equal(ok.text, 'one', ok.text);
  const asked = verify.questions.at(-1)!;
  assert.deepEqual([asked.method, asked.path, asked.query], ['POST', '/v1/infers/s/pre%20dict', 'b=2&a=x%20y']);
  assert.deepEqual([asked.service_id, asked.bodySha256], ['s', sha('{"a":"é"}')]);
  for (const name of ['authorization', 'x-sdk-date', 'x-security-token']) {
    assert.equal(one.seen.at(-1)!.headers[name], undefined, name);
  }
  assert.equal((await signedCall(url, {})).text, 'one', 'no body');
  const sts = { 'x-security-token': `q"\\uote ${'t'.repeat(8000)}` };
  assert.equal((await signedCall(url, { headers: sts })).text, 'one', 'temporary key');
  assert.equal(verify.questions.at(-1)!.headers['x-security-token'], sts['x-security-token']);

  // Another body than the signed one
  const swapped = await signedCall(url, { body: '{"a":1}', send: '{"a":2}' });
  assert.deepEqual([swapped.status, code(swapped)], [401, 'APIG.0301']);
  assert.match(swapped.text, /signature mismatch/);
  const lying = await signedCall(url, { body: 'x', send: 'y', headers: { 'x-sdk-content-sha256': sha('x') } });
  assert.deepEqual([lying.status, code(lying)], [401, 'APIG.0301']);
  assert.match(lying.text, /not the hash/);
  assert.equal((await signedCall(url, { body: 'x', headers: { 'x-sdk-content-sha256': sha('x') } })).text, 'one');

  // Bodies that cannot be hashed on the way
  const big = Buffer.alloc(1024 * 1024, 'b');
  for (const more of [{}, { 'x-sdk-content-sha256': sha(big) }]) {
    const answer = await signedCall(url, { body: big, headers: more as Record<string, string> });
    assert.equal(answer.status, 413);
    assert.match(answer.text, /UNSIGNED-PAYLOAD/);
  }
  const unsigned = { 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' };
  assert.equal((await signedCall(url, { body: big, headers: unsigned })).text, 'one');
  assert.equal(one.seen.at(-1)!.bytes, big.length);
  assert.equal((await signedCall(url, { body: big, headers: unsigned, chunked: true })).text, 'one');
  assert.match((await signedCall(url, { body: 'x', chunked: true })).text, /UNSIGNED-PAYLOAD/);

  // Others
  const other = await signedCall(url, { ak: 'AKOTHER' });
  assert.deepEqual([other.status, code(other)], [403, 'ModelArts.4203']);
  verify.verdict.status = 403;
  const denied = await signedCall(url, { body: 'new' });
  assert.deepEqual([denied.status, JSON.parse(denied.text).error_msg], [403, 'Denied by "policy" é']);
  assert.ok(denied.headers['x-request-id']);
  await verify.close();
  const down = await signedCall(url, { body: 'newer' });
  assert.deepEqual([down.status, code(down)], [503, 'ModelArts.4302']);
  assert.match(down.text, /cannot be verified right now/);
});

test('one verdict serves the same signature for a few seconds, and no other', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  const verify = await verifier();
  const gate = await rig({ verifyUrl: verify.url });
  cleanup.defer(() => gate.stop());
  cleanup.defer(() => one.close());
  cleanup.defer(() => verify.close());
  await gate.gateway.apply(routes(service('s', [entry('m', 100, [one.port])])));
  const date = { 'x-sdk-date': '20300101T000000Z' };
  for (let i = 0; i < 20; i++)
    assert.equal((await signedCall(`${gate.url}/v1/infers/s`, { body: 'b', headers: date })).status, 200);
  assert.ok(verify.questions.length <= 4, `one question per thread, not ${verify.questions.length}`);
  const before = verify.questions.length;
  const swapped = await signedCall(`${gate.url}/v1/infers/s`, { body: 'b', send: 'c', headers: date });
  assert.equal(swapped.status, 401);
  assert.equal(verify.questions.length, before + 1);
  assert.ok((await signedCall(`${gate.url}/v1/infers/s`, { ak: 'AKOTHER', headers: date })).status === 403);
});

test('the server is asked about a token that works for somebody else, whatever the map of callers says', async () => {
  await using cleanup = new AsyncDisposableStack();
  const one = await backend('one');
  const verify = await verifier();
  const gate = await rig({ verifyUrl: verify.url });
  cleanup.defer(() => gate.stop());
  cleanup.defer(() => one.close());
  cleanup.defer(() => verify.close());
  const callers = ['user1', 'agency1'].map(id => ({ id, projectId: PROJECT, generation: 1 }));
  await gate.gateway.apply({ services: [service('s', [entry('m', 100, [one.port])])], callers });
  const url = `${gate.url}/v1/infers/s`;
  const held = token({ sub: 'agency1', kind: 'agency', obo: { id: 'bea', name: 'bea', acc: 'acc2' } });
  const headers = { 'x-auth-token': held };
  assert.equal((await call(url, { headers, body: '{}' })).text, 'one');
  const asked = verify.questions.at(-1)!;
  assert.deepEqual([asked.headers['x-auth-token'], asked.service_id], [held, 's']);
  assert.equal(one.seen.at(-1)!.headers['x-auth-token'], undefined);
  const bearer = await call(url, { headers: { authorization: `Bearer ${held}` }, body: '{}' });
  assert.equal(verify.questions.at(-1)!.headers.authorization, `Bearer ${held}`, bearer.text);
  verify.verdict.status = 401;
  const refused = await call(url, { headers, body: '{}' });
  assert.equal(refused.status, 401);
  assert.match(refused.text, /the user it works for is disabled/);
  const questions = verify.questions.length;
  assert.equal(
    (await call(url, { headers: { 'x-auth-token': token() }, body: '{}' })).status,
    200,
    'a user needs no asking',
  );
  assert.equal((await call(url, { headers: { 'x-auth-token': `${held}x` }, body: '{}' })).status, 401);
  assert.equal(verify.questions.length, questions, 'nor does a token that is not good');
  await verify.close();
  assert.equal((await call(url, { headers, body: '{}' })).status, 503);
  assert.equal((await call(url, { headers: { 'x-auth-token': token() }, body: '{}' })).status, 200);
});
