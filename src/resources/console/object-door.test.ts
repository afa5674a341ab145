import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createWorld, type Tenant, type World } from '../../../test/world.ts';

let now = Date.UTC(2026, 0, 1);
let world: World;
let rival: Tenant;
let pair: string;

const own = { 'X-Atelier-Console': 'active' };
/** Names that are nothing but text to the store. */
const NAMES = ['..', '.', 'a/../b', '//', '<img src=x onerror=alert(1)>.html', '数据/图 1.png', 'a%2Fb?c#d', 'a+b&c=d'];

async function signIn({ account, password }: Tenant, user = account): Promise<string> {
  const answer = await world.send('POST', '/console/session', { body: { account, user, password }, headers: own });
  assert.equal(answer.status, 201);
  return answer.headers.get('set-cookie')!.split(';')[0]!;
}

const at = (bucket: string, key?: string, query = '') =>
  `/console/obs/${bucket}${key === undefined ? '' : `/=${encodeURIComponent(key)}`}${query}`;

function send(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}) {
  const sent = { cookie: pair, ...own, ...headers };
  return fetch(world.api + path, { method, headers: sent, ...(body === undefined ? {} : { body }) });
}

before(async () => {
  world = await createWorld({ clock: { now: () => now } });
  rival = await world.tenant('rival');
  pair = await signIn(world.root);
  assert.equal((await send('PUT', at('own-bucket'))).status, 200);
});
after(() => world?.remove());

describe('objects on the console’s origin', () => {
  it('are written, listed and read by the session, whatever they are called', async () => {
    for (const name of NAMES) {
      assert.equal((await send('PUT', at('own-bucket', name), `I am ${name}`)).status, 200, name);
      assert.equal(await (await send('GET', at('own-bucket', name))).text(), `I am ${name}`);
    }
    const list = await (await send('GET', at('own-bucket', undefined, '?encoding-type=url'))).text();
    const keys = [...list.matchAll(/<Key>([^<]*)</g)].map(([, key]) => decodeURIComponent(key!));
    assert.deepEqual(keys.toSorted(), NAMES.toSorted());
    const part = await send('GET', at('own-bucket', '..'), undefined, { range: 'bytes=2-3' });
    assert.equal(part.status, 206);
    assert.equal(await part.text(), 'am');
  });

  it('come whole, however large', async () => {
    const bytes = randomBytes(24 * 1024 * 1024);
    const sum = (data: Buffer) => createHash('sha256').update(data).digest('hex');
    assert.equal((await send('PUT', at('own-bucket', 'large'), bytes)).status, 200);
    const back = Buffer.from(await (await send('GET', at('own-bucket', 'large'))).arrayBuffer());
    assert.equal(sum(back), sum(bytes));
  });

  it('are never a document of it', async () => {
    const hostile = {
      'content-type': 'text/html',
      'content-disposition': 'inline',
      'cache-control': 'public, max-age=9999',
    };
    await send('PUT', at('own-bucket', 'evil.html'), '<script>alert(1)</script>', hostile);
    for (const path of [at('own-bucket', 'evil.html'), at('own-bucket', 'missing'), at('no-such-bucket')]) {
      const answer = await send('GET', path);
      assert.equal(answer.headers.get('content-security-policy'), "default-src 'none'; sandbox");
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      await answer.body?.cancel();
    }
    const opened = await fetch(world.api + at('own-bucket', 'evil.html'), { headers: { cookie: pair } });
    assert.equal(opened.status, 401, 'an address that somebody is led to shows nothing');
  });

  it('are for the console’s own scripts alone, in whatever a bucket lets other origins do', async () => {
    const cors =
      '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>';
    assert.equal((await send('PUT', at('own-bucket', undefined, '?cors'), cors)).status, 200);
    const evil = { origin: 'http://evil.example' };
    assert.equal((await send('GET', at('own-bucket', '..'), undefined, evil)).status, 401);
    assert.equal((await send('GET', at('own-bucket', '..'), undefined, { 'sec-fetch-site': 'same-site' })).status, 401);
    const asked = await send('OPTIONS', at('own-bucket', '..'), undefined, {
      ...evil,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'x-atelier-console',
    });
    assert.ok(!asked.ok);
    assert.equal(asked.headers.get('access-control-allow-origin'), null);
    const mine = await send('GET', at('own-bucket', '..'), undefined, { origin: world.api });
    assert.equal(mine.status, 200);
    assert.equal(mine.headers.get('access-control-allow-origin'), null);
  });

  it('are not those of other accounts, nor of a user who may not', async () => {
    const { accountId } = world.root;
    const token = await world.login(world.root);
    const password = 'Chosen-pass-2';
    const user = { name: 'guest', domain_id: accountId, password };
    await world.send('POST', '/v3.0/OS-USER/users', { token, body: { user } });
    const mine = pair;
    try {
      pair = await signIn(rival);
      assert.equal((await send('GET', at('own-bucket', '..'))).status, 403);
      assert.doesNotMatch(await (await send('GET', at(''))).text(), /own-bucket/);
      pair = await signIn({ ...world.root, password }, 'guest');
      const refused = await send('GET', at('own-bucket', undefined, '?encoding-type=url'));
      assert.equal(refused.status, 403);
      assert.match(await refused.text(), /guest is not allowed obs:bucket:ListBucket on obs:\/\/own-bucket/);
      const shared = await world.send('POST', '/console/links', {
        body: { bucket: 'own-bucket', key: '..', minutes: 5 },
        headers: { cookie: pair, ...own },
      });
      assert.equal(shared.status, 403);
    } finally {
      pair = mine;
    }
  });

  it('end with the session', async () => {
    const mine = pair;
    pair = await signIn(world.root);
    await world.send('DELETE', '/console/session', { headers: { cookie: pair, ...own } });
    assert.equal((await send('GET', at('own-bucket', '..'))).status, 401);
    pair = mine;
  });
});

describe('a download', () => {
  const open = async (key: string, extra: object = {}) =>
    world.send('POST', '/console/downloads', {
      body: { bucket: 'own-bucket', key, ...extra },
      headers: { cookie: pair, ...own },
    });

  it('saves the object as a file, in this browser alone and for a while', async () => {
    const name = NAMES[4]!;
    const { path } = (await open(name)).body;
    const saved = await fetch(world.api + path, { headers: { cookie: pair } });
    assert.equal(saved.status, 200);
    assert.equal(saved.headers.get('content-type'), 'application/octet-stream');
    assert.match(saved.headers.get('content-disposition')!, /^attachment; filename\*=UTF-8''%3Cimg%20src/);
    assert.equal(await saved.text(), `I am ${name}`);
    const status = async (address: string, cookie: string, method = 'GET') =>
      (await fetch(world.api + address, { method, headers: { cookie } })).status;
    assert.equal(await status(path, ''), 401, 'without the cookie');
    assert.equal(await status(path, await signIn(rival)), 401, 'with another session');
    assert.equal(await status(path.replace('onerror', 'onError'), pair), 401, 'of another object');
    assert.equal(await status(path, pair, 'DELETE'), 401, 'nothing but reading');
    now += 11 * 60_000;
    assert.equal(await status(path, pair), 401, 'later');
  });

  it('is refused before it begins where there is nothing, or nothing to be read', async () => {
    const missing = await open('missing');
    assert.equal(missing.status, 404);
    assert.match(missing.body.error_msg, /no object missing/);
  });
});

describe('a link', () => {
  it('is good for whoever has it, until it ends', async () => {
    const key = '数据/图 1.png';
    const answer = await world.send('POST', '/console/links', {
      body: { bucket: 'own-bucket', key, minutes: 5 },
      headers: { cookie: pair, ...own },
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.body.expires_at, now + 5 * 60_000);
    assert.ok(answer.body.url.startsWith(world.obs));
    assert.equal(await (await fetch(answer.body.url)).text(), `I am ${key}`);
    assert.equal((await fetch(answer.body.url, { method: 'DELETE' })).status, 403, 'for reading alone');
    now += 6 * 60_000;
    assert.equal((await fetch(answer.body.url)).status, 403);
  });

  it('has a life within bounds', async () => {
    const body = { bucket: 'own-bucket', key: '..', minutes: 18 * 60 + 1 };
    const answer = await world.send('POST', '/console/links', { body, headers: { cookie: pair, ...own } });
    assert.equal(answer.status, 400);
  });
});
