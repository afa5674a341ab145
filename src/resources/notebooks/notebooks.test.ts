import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createWorld, type World } from '../../../test/world.ts';
import { NOTEBOOK_IMAGE_ID } from '../images/image.api.ts';
import { isForged } from './web/web-access.ts';
import { requestHeaders, responseHeaders } from './web/web-headers.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const HOUR = 3_600_000;
let world: World;
let token: string;
let base: string;

before(async () => {
  world = await createWorld({ work: true });
  token = await world.login(world.root);
  base = `/v1/${world.root.projectId}`;
  const bound = await world.send('POST', `/v2/${world.root.projectId}/agency`, { token, body: {} });
  await world.send('POST', `/v2/${world.root.projectId}/authorizations`, {
    token,
    body: { user_id: 'all', type: 'agency', content: bound.body.agency_name },
  });
});
after(() => world?.remove());

const body = (name: string, more: object = {}) => ({
  name,
  image_id: NOTEBOOK_IMAGE_ID,
  flavor: 'modelarts.vm.cpu.1u',
  volume: { category: 'evs', ownership: 'MANAGED', capacity: 5 },
  ...more,
});
const ask = (method: string, path: string, given?: object, as = token) =>
  world.send(method, `${base}/notebooks${path}`, { token: as, ...(given ? { body: given } : {}) });
async function reached(id: string, ...wanted: string[]): Promise<Json> {
  let shown: Json;
  await world.until(async () => {
    shown = (await ask('GET', `/${id}`)).body;
    return wanted.includes(shown.status);
  });
  return shown;
}
async function gone(id: string): Promise<void> {
  await ask('DELETE', `/${id}`);
  await world.until(async () => (await ask('GET', `/${id}`)).body.error_code === 'ModelArts.6309');
}

test('requests that do not fit are refused with their codes', async () => {
  const cases: [object, string][] = [
    [{ name: '' }, '6335'],
    [{ name: 'a b' }, '6334'],
    [{ name: 'x'.repeat(129) }, '6336'],
    [{ name: 7 }, '6332'],
    [{ description: 'a<b' }, '6334'],
    [{ flavor: 'none' }, '6323'],
    [{ image_id: 'none' }, '6797'],
    [{ pool_id: 'pool-none' }, '6336'],
    [{ volume: null }, '6316'],
    [{ volume: { category: 'EVS', capacity: 4097 } }, '6331'],
    [{ duration: HOUR - 1 }, '6349'],
    [{ lease: { type: 'never', duration: HOUR } }, '6336'],
    [{ endpoints: [{ service: 'SSH', key_pair_names: ['kp'] }] }, '6789'],
    [{ hooks: { container_hooks: { pre_start: { type: 'COMMAND', script: '%%%' } } } }, '6336'],
  ];
  for (const [more, code] of cases) {
    const answer = await ask('POST', '', body('wrong', more));
    assert.equal(answer.body.error_code, `ModelArts.${code}`, `${JSON.stringify(more)} ${answer.text}`);
  }
});

test('an instance goes through its states, and each wrong wish has its code', async () => {
  const made = (await ask('POST', '', body('states'))).body;
  assert.equal(made.status, 'INIT');
  const { id } = made;
  let shown = await reached(id, 'RUNNING');
  assert.equal(shown.lease.duration, HOUR);
  assert.equal(shown.lease.type, 'TIMING');
  const code = async (method: string, path: string, given?: object) => (await ask(method, path, given)).body.error_code;
  assert.equal(await code('POST', `/${id}/start`), 'ModelArts.6305');
  assert.equal(await code('PUT', `/${id}`, { name: 'other' }), 'ModelArts.6347');
  assert.equal((await ask('PUT', `/${id}`, { storage_new_size: 6 })).status, 200);
  assert.equal(await code('PUT', `/${id}`, { storage_new_size: 6 }), 'ModelArts.6331');
  assert.equal(await code('PATCH', `/${id}/lease`, {}), 'ModelArts.6348');
  const renewed = (await ask('PATCH', `/${id}/lease?duration=${2 * HOUR}`)).body;
  assert.deepEqual([renewed.duration, renewed.create_at], [2 * HOUR, shown.lease.create_at]);

  await ask('POST', `/${id}/stop`);
  shown = await reached(id, 'STOPPED');
  assert.equal(shown.token, undefined);
  assert.equal(await code('POST', `/${id}/stop`), 'ModelArts.6307');
  assert.equal(await code('PATCH', `/${id}/lease?duration=${HOUR}`), 'ModelArts.6347');
  assert.equal((await ask('PUT', `/${id}`, { name: 'renamed' })).body.name, 'renamed');
  await ask('POST', `/${id}/start`);
  await reached(id, 'RUNNING');

  // Its container ends, is gone, and the instance says so and can be started again.
  const container = [...world.engine.containers.values()].find(({ spec }) => spec.name.includes(id))!;
  world.engine.end(container, 3);
  shown = await reached(id, 'ERROR');
  assert.match(shown.fail_reason, /exit code 3/);
  await ask('POST', `/${id}/start`);
  await reached(id, 'RUNNING');
  world.engine.drop(container.spec.name);
  assert.match((await reached(id, 'ERROR')).fail_reason, /container is gone/);
  await gone(id);
});

test('the token of a run opens nothing from the moment the instance is stopped', async () => {
  const { server } = world.families.notebooks;
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { id } = (await ask('POST', '', body('tokens'))).body;
  const run = await reached(id, 'RUNNING');
  const web = async () =>
    (await fetch(`http://127.0.0.1:${port}/${id}/api`, { headers: { authorization: `token ${run.token}` } })).status;
  // Behind the fake engine nothing serves: what answers instead differs, but the token is taken.
  assert.notEqual(await web(), 401);
  await ask('POST', `/${id}/stop`);
  assert.equal(await web(), 401);
  await reached(id, 'STOPPED');
  await gone(id);
});

test('what waits for room says why, can be stopped, and goes on when there is room', async () => {
  const first = (await ask('POST', '', body('first', { flavor: 'modelarts.vm.cpu.4u' }))).body;
  await reached(first.id, 'RUNNING');
  const second = (await ask('POST', '', body('second'))).body;
  await world.until(async () =>
    /vCPU/.test((await ask('GET', `/${second.id}`)).body.action_progress[1].step_description),
  );
  assert.equal((await ask('POST', `/${second.id}/stop`)).status, 200);
  await reached(second.id, 'STOPPED');
  await ask('POST', `/${second.id}/start`);
  await gone(first.id);
  await reached(second.id, 'RUNNING');
  await gone(second.id);
});

test('others see an instance as far as policies let them, and its token not at all', async () => {
  const user = await world.send('POST', '/v3/users', {
    token,
    body: { user: { name: 'bob', password: 'Correct-Horse-7' } },
  });
  const group = await world.send('POST', '/v3/groups', { token, body: { group: { name: 'viewers' } } });
  const role = await world.send('POST', '/v3.0/OS-ROLE/roles', {
    token,
    body: {
      role: {
        display_name: 'viewers',
        type: 'AX',
        policy: {
          Version: '1.1',
          Statement: [
            {
              Effect: 'Allow',
              Action: ['list', 'listAllNotebooks', 'get', 'start', 'stop'].map(name => `modelarts:notebook:${name}`),
            },
          ],
        },
      },
    },
  });
  await world.send('PUT', `/v3/groups/${group.body.group.id}/users/${user.body.user.id}`, { token });
  const grant = `/v3/OS-INHERIT/domains/${world.root.accountId}/groups/${group.body.group.id}/roles/${role.body.role.id}/inherited_to_projects`;
  await world.send('PUT', grant, { token });
  const bob = await world.login({ account: world.root.account, name: 'bob' });

  const { id } = (await ask('POST', '', body('private'))).body;
  assert.ok((await reached(id, 'RUNNING')).token);
  assert.equal((await ask('GET', '', undefined, bob)).body.total, 0);
  const [listed] = (await ask('GET', '/all', undefined, bob)).body.data;
  assert.deepEqual([listed.id, listed.user.name, listed.token, listed.url], [id, 'acme', undefined, undefined]);
  assert.equal((await ask('GET', `/${id}`, undefined, bob)).body.token, undefined);
  assert.equal((await ask('DELETE', `/${id}`, undefined, bob)).status, 403);
  await ask('POST', `/${id}/stop`, undefined, bob);
  await reached(id, 'STOPPED');
  await ask('POST', `/${id}/start`, undefined, bob);
  await reached(id, 'RUNNING');
  assert.ok((await ask('GET', `/${id}`, undefined, bob)).body.token, 'whoever started the run may open it');
  const { events } = (await ask('GET', `/${id}/events`)).body;
  assert.ok(events.some((event: Json) => /started by bob.*belongs to acme/.test(event.message)));
  const rival = await world.login(await world.tenant('rival-notebooks'));
  assert.notEqual((await ask('GET', `/${id}`, undefined, rival)).status, 200);
  await gone(id);
});

test('an account has ten instances at most, and the old version is gone', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 10; n++) ids.push((await ask('POST', '', body(`n${n}`))).body.id);
  assert.equal((await ask('POST', '', body('one-more'))).body.error_code, 'ModelArts.0113');
  await Promise.all(ids.map(gone));
  const old = await world.send('GET', `${base}/demanager/instances`, { token });
  assert.equal(old.status, 410);
  assert.match(old.text, /\/notebooks/);
});

test('tags: added, replaced by key, listed for the workspace, taken away by key or by value', async () => {
  const { id } = (await ask('POST', '', body('tagged'))).body;
  const tagsOf = async () => (await ask('GET', `/${id}`)).body.tags;
  const tag = (...tags: object[]) => ask('POST', `/${id}/tags/create`, { tags });
  const untag = (...tags: object[]) => ask('DELETE', `/${id}/tags/delete`, { tags });
  assert.equal((await tag({ key: 'team', value: 'vision' }, { key: 'stage' })).status, 204);
  assert.deepEqual(await tagsOf(), [
    { key: 'team', value: 'vision' },
    { key: 'stage', value: '' },
  ]);
  // The last of one key counts, in one request too; and of those that come at once none is lost.
  assert.equal((await tag({ key: 'team', value: 'x' }, { key: 'team', value: 'speech' })).status, 204);
  await Promise.all(Array.from({ length: 8 }, (_, at) => tag({ key: `k${at}`, value: 'v' })));
  assert.equal((await tagsOf()).length, 10);
  const listed = (await ask('GET', '/tags')).body.tags;
  assert.deepEqual(
    listed.find((each: Json) => each.key === 'team'),
    { key: 'team', values: ['speech'] },
  );
  assert.equal((await untag({ key: 'team', value: 'vision' })).status, 204, 'another value');
  assert.equal((await tagsOf()).length, 10);
  assert.equal((await untag({ key: 'team', value: 'speech' }, { key: 'stage' }, { key: 'none' })).status, 204);
  assert.equal((await tagsOf()).length, 8);

  const many = Array.from({ length: 13 }, (_, at) => ({ key: `more${at}`, value: '' }));
  for (const [tags, code] of [
    [[{ key: 'a=b', value: '' }], '6334'],
    [[{ key: 'k'.repeat(37), value: '' }], '6334'],
    [[{ key: 'k', value: 'v'.repeat(44) }], '6334'],
    [many, '6336'],
  ] as const) {
    const answer = await tag(...tags);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.body.error_code, `ModelArts.${code}`, answer.text);
  }
  assert.equal((await tagsOf()).length, 8);
  const missing = await ask('POST', `/${randomUUID()}/tags/create`, { tags: [{ key: 'a', value: '' }] });
  assert.deepEqual([missing.status, missing.body.error_code], [400, 'ModelArts.6309'], missing.text);
  await gone(id);
});

test('neither credentials of the platform nor reach over the origin pass the proxy', () => {
  const sent = requestHeaders(
    {
      authorization: ['token theirs'],
      cookie: ['console=secret; _xsrf=x; atelier-notebook=other'],
      'x-auth-token': ['platform'],
      connection: ['x-hop'],
      'x-hop': ['1'],
      'x-forwarded-for': ['1.2.3.4'],
      accept: ['*/*'],
    },
    'inner',
  );
  assert.deepEqual(sent, { accept: '*/*', cookie: '_xsrf=x', authorization: 'token inner' });
  const taken = responseHeaders(
    {
      'set-cookie': ['console=evil; Path=/', '_xsrf=y; Path=/; Domain=example.com'],
      'service-worker-allowed': ['/'],
      'access-control-allow-origin': ['*'],
      etag: ['e'],
    },
    '/id/',
  );
  assert.deepEqual(taken, { etag: ['e'], 'set-cookie': ['_xsrf=y; Path=/id/; SameSite=Lax'] });
  const request = (method: string, headers: Record<string, string>) =>
    ({ method, headers: { host: 'h:1', ...headers } }) as Parameters<typeof isForged>[0];
  assert.equal(isForged(request('POST', { origin: 'http://h:2' }), false), true);
  assert.equal(isForged(request('GET', { origin: 'http://h:2' }), true), true);
  assert.equal(isForged(request('GET', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }), false), true);
  assert.equal(isForged(request('POST', { origin: 'http://h:1', 'sec-fetch-site': 'same-origin' }), false), false);
});
