import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sql } from 'kysely';
import { createWorld, type Tenant, type World } from '../../../test/world.ts';

let now = Date.UTC(2026, 0, 1);
let world: World;
let rival: Tenant;
const clock = { now: () => now };

before(async () => {
  world = await createWorld({ clock });
  rival = await world.tenant('rival');
});
after(() => world?.remove());

const own = { 'X-Atelier-Console': 'active' };

async function signIn(input: Partial<Record<'account' | 'user' | 'password', string>> = {}, headers = own as object) {
  const { account, password } = world.root;
  const body = { account, user: account, password, ...input };
  const answer = await world.send('POST', '/console/session', { body, headers: { ...headers } });
  const cookie = answer.headers.get('set-cookie') ?? '';
  return { ...answer, cookie, pair: cookie.split(';')[0]! };
}

/** A call with a session's cookie, as the console's scripts make it. */
function call(pair: string, method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  return world.send(method, path, { body, headers: { ...own, cookie: pair, ...headers } });
}

const jobs = () => `/v2/${world.root.projectId}/training-quotas`;

describe('signing in to the console', () => {
  it('gives a cookie that scripts cannot read, and no token', async () => {
    const answer = await signIn();
    assert.equal(answer.status, 201);
    assert.match(answer.cookie, /^atelier-console-test01=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    assert.equal(answer.headers.get('x-subject-token'), null);
    assert.equal(answer.body.account.name, 'acme');
    assert.equal((await call(answer.pair, 'GET', jobs())).status, 200);
    const stored = JSON.stringify(await world.db.selectFrom('console_sessions').selectAll().execute());
    assert.ok(!stored.includes(answer.pair.split('=')[1]!), 'the database holds no id that is good');
    assert.ok(!stored.includes('eyJ'), 'the database holds no token that is good');
  });

  it('checks passwords, limits attempts and keeps the audit trail as the token operation does', async () => {
    const user = `nobody-${now}`;
    for (let i = 0; i < 5; i++) assert.equal((await signIn({ user, password: 'wrong-Pass1' })).status, 401);
    const locked = await signIn({ user, password: 'wrong-Pass1' });
    assert.equal(locked.body.error_code, 'IAM.0101');
    assert.match(locked.body.error_solution, /15 minutes/);
    const token = await world.login(world.root);
    const trail = await world.send('GET', `/v3/${world.root.projectId}/traces?trace_type=system&limit=50`, { token });
    assert.match(trail.text, /KeystoneCreateToken/);
  });

  it('is for the console’s own pages alone', async () => {
    assert.equal((await signIn({}, {})).status, 403, 'without the header');
    assert.equal((await signIn({}, { ...own, origin: 'http://evil.example' })).status, 403, 'from another origin');
    assert.equal((await signIn({}, { ...own, 'sec-fetch-site': 'same-site' })).status, 403, 'from another port');
  });
});

describe('a session', () => {
  let pair: string;
  beforeEach(async () => {
    ({ pair } = await signIn());
  });

  it('does not count without the header, nor for requests of other origins', async () => {
    const status = async (headers: Record<string, string>) =>
      (await world.send('GET', jobs(), { headers: { cookie: pair, ...headers } })).status;
    assert.equal(await status({}), 401);
    assert.equal(await status({ ...own, origin: 'http://127.0.0.1:1' }), 401);
    assert.equal(await status({ ...own, 'sec-fetch-site': 'cross-site' }), 401);
    assert.equal(await status({ ...own, origin: world.api, 'sec-fetch-site': 'same-origin' }), 200);
  });

  it('does not open the object store', async () => {
    const answer = await fetch(`${world.obs}/`, { headers: { ...own, cookie: pair } });
    assert.equal(answer.status, 403);
  });

  it('reaches its own account alone', async () => {
    const answer = await call(pair, 'GET', `/v2/${rival.projectId}/training-quotas`);
    assert.equal(answer.status, 404);
  });

  it('ends with signing out', async () => {
    const out = await call(pair, 'DELETE', '/console/session');
    assert.equal(out.status, 204);
    assert.match(out.headers.get('set-cookie')!, /=; .*Max-Age=0/);
    assert.equal((await call(pair, 'GET', jobs())).status, 401);
  });

  it('ends an hour after its user did something, twelve hours after it began', async () => {
    now += 59 * 60_000;
    assert.equal((await call(pair, 'GET', jobs(), undefined, { 'X-Atelier-Console': 'idle' })).status, 200);
    now += 2 * 60_000;
    assert.equal((await call(pair, 'GET', jobs())).status, 401, 'what the page asked by itself did not lengthen it');
    ({ pair } = await signIn());
    for (let hour = 0; hour < 15; hour++) {
      now += 48 * 60_000;
      const { status } = await call(pair, 'GET', jobs());
      assert.equal(status, hour < 14 ? 200 : 401, `after ${hour + 1} times 48 minutes`);
    }
  });

  it('is not lengthened by a page that only listens', async () => {
    let time = Date.UTC(2026, 0, 1);
    const idle = await createWorld({ clock: { now: () => time }, changes: { checkMs: 10 } });
    const { account, password } = idle.root;
    const body = { account, user: account, password };
    const answer = await idle.send('POST', '/console/session', { body, headers: { ...own } });
    const cookie = answer.headers.get('set-cookie')!.split(';')[0]!;
    const headers = { ...own, cookie, accept: 'text/event-stream' };
    const stream = await fetch(`${idle.api}/console/changes`, { headers, signal: AbortSignal.timeout(60_000) });
    time += 59 * 60_000;
    await new Promise(resolve => setTimeout(resolve, 100)); // it is looked at some times
    time += 2 * 60_000;
    for await (const _ of stream.body!); // ends with the session
    const { status } = await idle.send('GET', `/v2/${idle.root.projectId}/training-quotas`, { headers });
    assert.equal(status, 401);
    await idle.remove();
  });

  it('ends when its user gets another password, and lets one who must choose a password do that alone', async () => {
    const token = await world.login(world.root);
    const body = {
      user: { name: `ann-${now}`, domain_id: world.root.accountId, password: 'First-pass-1', pwd_status: true },
    };
    const { id } = (await world.send('POST', '/v3.0/OS-USER/users', { token, body })).body.user;
    const first = await signIn({ user: body.user.name, password: 'First-pass-1' });
    assert.equal(first.body.must_change_password, true);
    assert.equal((await call(first.pair, 'GET', jobs())).status, 403);
    const chosen = { user: { original_password: 'First-pass-1', password: 'Second-pass-2' } };
    assert.equal((await call(first.pair, 'POST', `/v3/users/${id}/password`, chosen)).status, 204);
    assert.equal((await call(first.pair, 'GET', '/console/session')).status, 401);
    const second = await signIn({ user: body.user.name, password: 'Second-pass-2' });
    assert.equal(second.body.must_change_password, false);
    await world.send('PUT', `/v3.0/OS-USER/users/${id}`, { token, body: { user: { enabled: false } } });
    assert.equal((await call(second.pair, 'GET', '/console/session')).status, 401);
  });

  it('goes to another project and keeps its cookie', async () => {
    const token = await world.login(world.root);
    const project = { name: `local-1_${now}`, domain_id: world.root.accountId };
    const made = (await world.send('POST', '/v3/projects', { token, body: { project } })).body.project;
    const changed = await call(pair, 'PUT', '/console/session', { project_id: made.id });
    assert.equal(changed.body.project.id, made.id);
    assert.equal((await call(pair, 'GET', `/v2/${made.id}/training-quotas`)).status, 200);
    assert.equal((await call(pair, 'PUT', '/console/session', { project_id: rival.projectId })).status, 401);
  });

  it('takes on a role of an agency and leaves it', async () => {
    const token = await world.login(rival);
    const agency = {
      name: `for-acme-${now}`,
      domain_id: rival.accountId,
      trust_domain_name: 'acme',
      duration: 'FOREVER',
    };
    assert.equal((await world.send('POST', '/v3.0/OS-AGENCY/agencies', { token, body: { agency } })).status, 201);
    const role = { account_name: 'rival', agency_name: agency.name };
    const switched = await call(pair, 'PUT', '/console/session', { role });
    assert.equal(switched.body.account.name, 'rival', switched.text);
    assert.equal(switched.body.switched_by.name, 'acme');
    const back = await call(pair, 'PUT', '/console/session', { role: null });
    assert.equal(back.body.account.name, 'acme');
    assert.equal(back.body.switched_by, undefined);
  });

  it('tells what its user may do, and why not', async () => {
    const token = await world.login(world.root);
    const user = { name: `bob-${now}`, domain_id: world.root.accountId, password: 'First-pass-1' };
    await world.send('POST', '/v3.0/OS-USER/users', { token, body: { user } });
    const actions = ['modelarts:trainJob:create'];
    const mine = await call(pair, 'POST', '/console/access', { actions });
    assert.equal(mine.body.decisions[0].allowed, true);
    const bob = await signIn({ user: user.name, password: 'First-pass-1' });
    const { allowed, reason } = (await call(bob.pair, 'POST', '/console/access', { actions })).body.decisions[0];
    assert.equal(allowed, false);
    assert.ok(reason.length > 10);
  });

  it('tells what its user may do under conditions of the request, but not who asks or whence', async () => {
    const { accountId } = world.root;
    const token = await world.login(world.root);
    const set = async (method: string, path: string, body?: object) =>
      (await world.send(method, path, { token, ...(body ? { body } : {}) })).body;
    const user = { name: `eve-${now}`, domain_id: accountId, password: 'First-pass-1' };
    const { id } = (await set('POST', '/v3.0/OS-USER/users', { user })).user;
    const group = (await set('POST', '/v3/groups', { group: { name: `pools-${now}` } })).group.id;
    await set('PUT', `/v3/groups/${group}/users/${id}`);
    const action = 'modelarts:trainJob:create';
    const denying = (key: string, value: string) => ({
      Effect: 'Deny',
      Action: [action],
      Condition: { StringEquals: { [key]: [value] } },
    });
    const policy = {
      Version: '1.1',
      Statement: [
        { Effect: 'Allow', Action: ['modelarts:*:*'] },
        denying('modelarts:poolType', 'public'),
        denying('g:UserName', 'somebody-else'),
      ],
    };
    const role = { display_name: `pools-${now}`, type: 'XA', description: '', policy };
    const role_id = (await set('POST', '/v3.0/OS-ROLE/roles', { role })).role.id;
    await set('PUT', `/v3/OS-INHERIT/domains/${accountId}/groups/${group}/roles/${role_id}/inherited_to_projects`);
    const eve = await signIn({ user: user.name, password: 'First-pass-1' });
    const ask = (service_attributes?: object) =>
      call(eve.pair, 'POST', '/console/access', { actions: [action], service_attributes });
    const allowed = async (attributes?: object) => (await ask(attributes)).body.decisions[0].allowed;
    assert.equal(await allowed({ 'modelarts:poolType': 'public' }), false);
    assert.match((await ask({ 'modelarts:poolType': 'public' })).body.decisions[0].reason, /poolType/);
    assert.equal(await allowed({ 'modelarts:poolType': 'dedicated' }), true);
    assert.equal(await allowed(), true);
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`modelarts:key${at}`, 'x']));
    for (const attributes of [
      { 'g:UserName': 'somebody-else' },
      { 'G:username': 'somebody-else' },
      { poolType: 'public' },
      { 'modelarts:poolType': ['public'] },
      { 'modelarts:poolType': 'x'.repeat(1025) },
      many,
    ]) {
      assert.equal((await ask(attributes)).status, 400, JSON.stringify(attributes).slice(0, 80));
    }
  });

  it('hears of changes in its own project, at most once a second of a kind', async () => {
    const controller = new AbortController();
    const response = await fetch(`${world.api}/console/changes`, {
      headers: { ...own, cookie: pair, accept: 'text/event-stream' },
      signal: controller.signal,
    });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body!) text += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await world.until(() => text.includes('hello'));
    const make = async (tenant: Tenant, name: string) => {
      const token = await world.login(tenant);
      const path = `/v1/${tenant.projectId}/workspaces`;
      assert.equal((await world.send('POST', path, { token, body: { name } })).status, 200);
    };
    await make(rival, 'theirs');
    await new Promise(resolve => setTimeout(resolve, 100));
    assert.doesNotMatch(text, /workspaces/, 'what others do is not told');
    const begun = Date.now();
    for (let i = 0; i < 5; i++) await make(world.root, `mine-${i}`);
    await world.until(() => text.includes('"workspaces"'));
    assert.ok(text.split('"workspaces"').length - 1 <= 2 + (Date.now() - begun) / 1000);
    controller.abort();
    await reading;
  });

  it('hears what changed since a page was read, of its own project and account, and of all where nobody knows any more', async () => {
    const few = await createWorld({ changes: { remembered: 20 } });
    const other = await few.tenant('other');
    const { account, password } = few.root;
    const answer = await few.send('POST', '/console/session', {
      body: { account, user: account, password },
      headers: { ...own },
    });
    const headers = { ...own, cookie: answer.headers.get('set-cookie')!.split(';')[0]!, accept: 'text/event-stream' };
    /** The first hint of a stream that asks for what changed after an id; of nothing where none comes in time. */
    const first = async (since?: string, waitMs = 60_000) => {
      const after = since === undefined ? {} : { 'last-event-id': since };
      const signal = AbortSignal.timeout(waitMs);
      const stream = await fetch(`${few.api}/console/changes`, { headers: { ...headers, ...after }, signal });
      let text = '';
      try {
        for await (const chunk of stream.body!) {
          text += Buffer.from(chunk).toString();
          const [, id, data] = /^id: (.*)\ndata: (.*)\n\n/m.exec(text) ?? [];
          if (id && data) return { id, kinds: JSON.parse(data).kinds as string[] };
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      return { id: '', kinds: [] };
    };
    const make = async (tenant: Tenant, name: string) => {
      const token = await few.login(tenant);
      const path = `/v1/${tenant.projectId}/workspaces`;
      assert.equal((await few.send('POST', path, { token, body: { name } })).status, 200);
    };
    const begun: string = answer.body.change_id;
    await make(few.root, 'unheard');
    const missed = await first(begun);
    assert.ok(missed.kinds.includes('workspaces'), `${missed.kinds}`);
    const session = async () => (await few.send('GET', '/console/session', { headers })).body.change_id as string;
    const read = await session();
    await make(other, 'theirs');
    assert.ok(!(await first(read, 1_000)).kinds.includes('workspaces'), 'what others do is not told');
    assert.ok(!(await first(undefined, 1_000)).kinds.includes('workspaces'), 'who names no change hears from now on');
    await make(few.root, 'again');
    assert.ok((await first(missed.id)).kinds.includes('workspaces'), 'after the last that was heard');
    const token = await few.login(few.root);
    const before = await session();
    await few.send('PUT', '/v1/auth-mode', { token, body: { mode: 'strict' } });
    await few.send('PUT', '/v1/auth-mode', { token, body: { mode: 'loose' } });
    assert.ok((await first(before)).kinds.includes('accounts'), 'the rule by which permissions are judged');
    const unlimited = await session();
    const limit = await few.send('PUT', `/v1/${few.root.projectId}/compute-quotas`, {
      token,
      body: { workspace_id: '0', vcpus: 4 },
    });
    assert.equal(limit.status, 200, limit.text);
    assert.ok((await first(unlimited)).kinds.includes('workload-quotas'), 'what may run at once');
    for (let kind = 0; kind < 20; kind++) {
      await sql`SELECT atelier_changed(${`kind_${kind}`}, ${few.root.projectId})`.execute(few.db);
    }
    for (const id of [begun, 'another-life/1', '1', '']) assert.deepEqual((await first(id)).kinds, ['*'], id);
    await few.remove();
  });
});

describe('a prediction', () => {
  const seen: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const slow: ServerResponse[] = [];
  const gateway = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers, body: Buffer.concat(await request.toArray()).toString() });
    if (url.endsWith('/away')) response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    else if (url.endsWith('/large')) response.end(Buffer.alloc(9 * 1024 ** 2));
    else if (url.endsWith('/slow')) slow.push(response);
    else if (url.endsWith('/cut')) response.destroy();
    else response.writeHead(418, { 'content-type': 'text/html', 'set-cookie': 'a=b' }).end('<script>1</script>');
  });
  let predicting: World;
  let pair: string;
  const post = (input: object, headers: Record<string, string> = { cookie: pair }) =>
    predicting.send('POST', '/console/predictions', {
      body: { service_id: 's-1', path: '/', method: 'POST', ...input },
      headers: { ...own, ...headers },
    });
  before(async () => {
    await new Promise<void>(resolve => gateway.listen(0, '127.0.0.1', resolve));
    predicting = await createWorld({ inference: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}` });
    const { account, password } = predicting.root;
    const body = { account, user: account, password };
    const answer = await predicting.send('POST', '/console/session', { body, headers: { ...own } });
    pair = answer.headers.get('set-cookie')!.split(';')[0]!;
  });
  after(async () => {
    await predicting.remove();
    gateway.closeAllConnections();
    await new Promise(resolve => gateway.close(resolve));
  });

  it('goes to the gateway with the token of the session, and with nothing else of the browser', async () => {
    const content = Buffer.from('{"a":1}').toString('base64');
    const answer = await post({ path: '/greet?b=c', method: 'PUT', content_type: 'application/json', content });
    assert.equal(answer.status, 200, answer.text);
    const { method, url, headers, body } = seen.at(-1)!;
    assert.deepEqual([method, url, body], ['PUT', '/v1/infers/s-1/greet?b=c', '{"a":1}']);
    assert.equal(headers.cookie, undefined);
    assert.equal(headers['x-atelier-console'], undefined);
    assert.equal(headers['content-type'], 'application/json');
    const token = String(headers['x-auth-token']);
    const own_ = await predicting.send('GET', `/v2/${predicting.root.projectId}/training-quotas`, { token });
    assert.equal(own_.status, 200, 'it is the token of the user');
    // What a model answers is told, not served.
    assert.match(answer.headers.get('content-type')!, /^application\/json/);
    assert.equal(answer.headers.get('set-cookie'), null);
    assert.deepEqual([answer.body.status, answer.body.content_type], [418, 'text/html']);
    assert.equal(Buffer.from(answer.body.content, 'base64').toString(), '<script>1</script>');
  });

  it('is for who has a session or a token, and not for other origins', async () => {
    const before_ = seen.length;
    assert.equal((await post({}, {})).status, 401);
    assert.equal((await post({}, { cookie: pair, origin: 'http://evil.example' })).status, 401);
    assert.equal(seen.length, before_);
    const token = await predicting.login(predicting.root);
    assert.equal((await post({}, { 'x-auth-token': token })).status, 200);
    assert.equal(seen.at(-1)!.headers['x-auth-token'], token);
  });

  it('does not lead out of the service', async () => {
    const before_ = seen.length;
    for (const path of ['/../s-2', '/%2e%2e/s-2', '/..\\..\\s-2', '/a/../../../../x']) {
      const answer = await post({ path });
      assert.deepEqual([answer.status, answer.body.error_code], [400, 'ModelArts.0104'], path);
    }
    for (const service_id of ['..', 's-1/../s-2', 's?', '']) assert.equal((await post({ service_id })).status, 400);
    for (const path of ['', 'x', '@evil/', '/a b']) assert.equal((await post({ path })).status, 400, path);
    assert.equal((await post({ content_type: 'a\r\nx: y' })).status, 400);
    assert.equal(seen.length, before_);
    const away = await post({ path: '/away' });
    assert.equal(away.body.status, 302, 'where it would lead is not followed');
  });

  it('tells of an answer that is too large, and of none', async () => {
    const large = await post({ path: '/large' });
    assert.deepEqual([large.status, /8 MiB/.test(large.body.error_msg)], [502, true]);
    const cut = await post({ path: '/cut' });
    assert.deepEqual([cut.status, cut.body.error_code], [502, 'ModelArts.4302']);
    assert.doesNotMatch(cut.text, /127\.0\.0\.1/);
  });

  it('is under way six times at most', async () => {
    const statuses: number[] = [];
    const asked = Array.from({ length: 8 }, async () => {
      const { status } = await post({ path: '/slow' });
      statuses.push(status);
    });
    await predicting.until(() => statuses.length === 2 && slow.length === 6);
    assert.deepEqual(statuses, [429, 429]);
    for (const response of slow) response.end();
    await Promise.all(asked);
    assert.deepEqual(statuses.slice(2), [200, 200, 200, 200, 200, 200]);
    assert.equal((await post({})).status, 200);
  });
});
