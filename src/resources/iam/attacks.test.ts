import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { sha256 } from './secrets.ts';
import { signToken } from './token.ts';
import { type IamWorld, iamWorld, type Root } from './world.fixture.ts';

/** A signed request, and what a thief changes of it afterwards. */
interface Signed {
  method: string;
  path: string;
  body: string;
  /** Signed. */
  headers: Record<string, string>;
  at?: number;
}

/** Signs as the official clients do, and sends with `also` in place of or besides what was signed. */
function sign(world: IamWorld, root: Root, input: Signed): Record<string, string> {
  const date = new Date(input.at ?? Date.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = { host: new URL(world.url).host, 'x-sdk-date': date, ...input.headers };
  const names = Object.keys(headers).sort();
  const [path, query = ''] = input.path.split('?') as [string, string?];
  const canonical = [
    input.method,
    `${path}/`,
    query,
    `${names.map(name => `${name}:${headers[name]}`).join('\n')}\n`,
    names.join(';'),
    sha256(input.body),
  ].join('\n');
  const text = `SDK-HMAC-SHA256\n${date}\n${sha256(canonical)}`;
  const signature = createHmac('sha256', root.secretKey).update(text).digest('hex');
  const authorization = `SDK-HMAC-SHA256 Access=${root.accessKey}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** Sends exactly these headers, also a host that is not the server's. */
function send(
  world: IamWorld,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
  // biome-ignore lint/suspicious/noExplicitAny: answers of all shapes
): Promise<{ status: number; body: any }> {
  const { hostname, port } = new URL(world.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false }, response => {
      const parts: Buffer[] = [];
      response.on('data', part => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode!, body: text ? JSON.parse(text) : undefined });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const USERS = { method: 'GET', path: '/v3/users', body: '', headers: {} };

test('a signed request is refused when anything of it is not what was signed', async t => {
  const world = await iamWorld(t);
  const good = sign(world, world.root, USERS);
  assert.equal((await send(world, 'GET', '/v3/users', good)).status, 200);
  const cases: [string, string, string, Record<string, string>, string?][] = [
    ['another host', 'GET', '/v3/users', { ...good, host: 'elsewhere.test' }],
    ['another method', 'DELETE', `/v3/users/${world.root.userId}`, good],
    ['another path', 'GET', '/v3/groups', good],
    ['a query', 'GET', '/v3/users?enabled=false', good],
    ['a body', 'GET', '/v3/users', { ...good, 'content-length': '2' }, '{}'],
    ['another date', 'GET', '/v3/users', { ...good, 'x-sdk-date': '20260101T000000Z' }],
    [
      'another key',
      'GET',
      '/v3/users',
      { ...good, authorization: good.authorization!.replace(/Access=\w+/, 'Access=X') },
    ],
    ['no signature', 'GET', '/v3/users', { ...good, authorization: good.authorization!.replace(/[0-9a-f]+$/, '0') }],
    ['a body said not to be signed', 'GET', '/v3/users', { ...good, 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' }],
  ];
  for (const [what, method, path, headers, body] of cases) {
    const answer = await send(world, method, path, headers, body);
    assert.equal(answer.status, 401, what);
    assert.equal(answer.body.error_code, 'APIGW.0301', what);
  }
  const create = { method: 'POST', path: '/v3/groups', body: '{"group":{"name":"one"}}', headers: {} };
  const signed = sign(world, world.root, create);
  const json = { ...signed, 'content-type': 'application/json' };
  assert.equal((await send(world, 'POST', '/v3/groups', json, '{"group":{"name":"two"}}')).status, 401);
  assert.equal((await send(world, 'POST', '/v3/groups', json, create.body)).status, 201);
});

test('a request that was caught is of no use after 15 minutes, nor one from the future', async t => {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const world = await iamWorld(t, { clock });
  const caught = sign(world, world.root, { ...USERS, at: clock.now() });
  assert.equal((await send(world, 'GET', '/v3/users', caught)).status, 200);
  clock.advance(15 * 60_000);
  assert.equal((await send(world, 'GET', '/v3/users', caught)).status, 200);
  clock.advance(1_000);
  const late = await send(world, 'GET', '/v3/users', caught);
  assert.equal(late.status, 401);
  assert.match(late.body.error.message, /15 minutes/);
  const early = sign(world, world.root, { ...USERS, at: clock.now() + 16 * 60_000 });
  assert.equal((await send(world, 'GET', '/v3/users', early)).status, 401);
});

test('headers that are not signed do not change what a signed request means', async t => {
  const world = await iamWorld(t);
  const rival = await world.account('rival');
  const { root } = world;
  const things = `/v2/${root.projectId}/things`;
  const good = sign(world, root, { ...USERS, path: things });
  const who = async (more: Record<string, string>) => {
    const answer = await send(world, 'GET', things, { ...good, ...more });
    return answer.status === 200 ? answer.body.who.projectId : answer.status;
  };
  const plain = await who({});
  assert.equal(plain, root.projectId);
  // Added on the way: either ignored, or refused; never a way to somebody else's things.
  for (const [name, value] of [
    ['x-project-id', rival.projectId],
    ['x-domain-id', rival.accountId],
    ['x-security-token', 'stolen'],
    ['x-auth-token', ''],
  ] as const) {
    const answer = await who({ [name]: value });
    assert.ok(answer === plain || answer === 401 || answer === 403, `${name}: ${answer}`);
  }
  // A temporary key goes with its security token, signed or not.
  for (const name of ['x-project-id', 'x-domain-id']) {
    const [mine, theirs] =
      name === 'x-project-id' ? [root.projectId, rival.projectId] : [root.accountId, rival.accountId];
    const covered = (value: string) => sign(world, root, { ...USERS, headers: { [name]: value } });
    assert.equal((await send(world, 'GET', '/v3/users', covered(mine))).status, 200, name);
    assert.equal((await send(world, 'GET', '/v3/users', covered(theirs))).status, 403, name);
  }
  // Without a signature they would widen nothing either: the project stays the one of the address, or none.
  const domains = sign(world, root, { ...USERS, path: '/v3/auth/catalog' });
  const catalog = await send(world, 'GET', '/v3/auth/catalog', { ...domains, 'x-project-id': root.projectId });
  const modelarts = catalog.body.catalog.find((entry: { type: string }) => entry.type === 'modelarts');
  assert.match(modelarts.endpoints[0].url, /\{project_id\}$/);
});

test('a signature that covers neither its date nor the host is none', async t => {
  const world = await iamWorld(t);
  const good = sign(world, world.root, USERS);
  for (const covered of ['host', 'x-sdk-date']) {
    const canonical = ['GET', '/v3/users/', '', `${covered}:${good[covered]}\n`, covered, sha256('')].join('\n');
    const text = `SDK-HMAC-SHA256\n${good['x-sdk-date']}\n${sha256(canonical)}`;
    const signature = createHmac('sha256', world.root.secretKey).update(text).digest('hex');
    const authorization = `SDK-HMAC-SHA256 Access=${world.root.accessKey}, SignedHeaders=${covered}, Signature=${signature}`;
    const answer = await send(world, 'GET', '/v3/users', { ...good, authorization });
    assert.equal(answer.status, 401, covered);
  }
});

test('tokens of another installation, of no algorithm, or cut short are refused', async t => {
  const world = await iamWorld(t);
  const token = await world.login();
  const [head, claims, signature] = token.split('.') as [string, string, string];
  const read = JSON.parse(Buffer.from(claims, 'base64url').toString());
  const of = (header: object, body: object = read) =>
    [header, body].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const bad: Record<string, string> = {
    'of another installation': signToken(randomBytes(32), read),
    'alg none': `${of({ alg: 'none', typ: 'JWT' })}.`,
    'alg None, with the signature': `${of({ alg: 'None' })}.${signature}`,
    'another algorithm': `${of({ alg: 'RS256', typ: 'JWT' })}.${signature}`,
    'a key of its own': `${of({ alg: 'HS256', typ: 'JWT', jwk: { kty: 'oct', k: 'AAAA' } })}.${signature}`,
    'other claims': `${head}.${of({}, { ...read, exp: read.exp + 1 }).split('.')[1]}.${signature}`,
    'cut in the signature': token.slice(0, -1),
    'cut in the claims': `${head}.${claims.slice(0, -4)}.${signature}`,
    'without signature': `${head}.${claims}.`,
    'two parts': `${head}.${claims}`,
    'four parts': `${token}.x`,
    'a blank in it': `${head} .${claims}.${signature}`,
    'very long': 'x'.repeat(20_000),
  };
  for (const [what, forged] of Object.entries(bad)) {
    const answer = await world.send('GET', `/v2/${world.root.projectId}/things`, { token: forged });
    assert.equal(answer.status, 401, what);
    assert.equal(answer.body.error_code, 'ModelArts.0203', what);
    const login = await world.send('POST', '/v3/auth/tokens', {
      body: { auth: { identity: { methods: ['token'], token: { id: forged } } } },
    });
    assert.equal(login.status, 401, what);
  }
});

test('policies that are malformed, too large, too deep or say a thing twice are refused', async t => {
  const world = await iamWorld(t);
  const token = await world.login();
  const post = async (policy: string) => {
    const response = await fetch(`${world.url}/v3.0/OS-ROLE/roles`, {
      method: 'POST',
      headers: { 'X-Auth-Token': token, 'Content-Type': 'application/json' },
      body: `{"role":{"display_name":"p","type":"AX","description":"","policy":${policy}}}`,
    });
    return { status: response.status, text: await response.text() };
  };
  const statement = '{"Effect":"Allow","Action":["obs:bucket:ListBucket"]}';
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const bad: [string, RegExp][] = [
    ['{}', /Version/],
    ['"text"', /policy/],
    ['{"Version":"1.1","Statement":[]}', /Statement/],
    ['{"Version":"1.0","Statement":[]}', /1\.0/],
    [`{"Version":"1.1","Statement":[${statement}],"Version":"1.1"}`, /Version.*given twice/],
    ['{"Version":"1.1","Statement":[{"Effect":"Deny","Effect":"Allow","Action":["a:b:c"]}]}', /Effect.*given twice/],
    [`{"Version":"1.1","Statement":[${Array(9).fill(statement).join()}]}`, /at most 8/],
    [
      `{"Version":"1.1","Statement":[{"Effect":"Allow","Action":[${Array(400).fill('"obs:bucket:ListBucket"').join()}]}]}`,
      /6144 characters/,
    ],
    [`{"Version":"1.1","Statement":${deep}}`, /nested deeper/],
    ['{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["x"]}]}', /segments/],
    ['{"Version":"1.1"', /JSON/],
  ];
  for (const [policy, why] of bad) {
    const { status, text } = await post(policy);
    assert.equal(status, 400, policy.slice(0, 100));
    assert.match(text, why);
  }
  assert.equal((await post(`{"Version":"1.1","Statement":[${statement}]}`)).status, 201);
  const long = await world.send('POST', '/v3.0/OS-ROLE/roles', {
    token,
    body: { role: { display_name: 'q', type: 'AX', policy: 'x'.repeat(2_000_000) } },
  });
  assert.equal(long.status, 413);
});
