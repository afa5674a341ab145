import assert from 'node:assert/strict';
import { createServer, request as open, type Server } from 'node:http';
import { type AddressInfo, createServer as createListener } from 'node:net';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../../../../test/free-ports.ts';
import { systemClock } from '../../../kernel/clock.ts';
import { silentLog } from '../../../kernel/log.ts';
import { migrate, openSqlite, sqlMigration } from '../../../store-kit/index.ts';
import { ActivityLog } from '../activity.ts';
import type { Step } from '../notebook.ts';
import { portMigrations, portStore } from '../port.store.ts';
import { hostRule } from './web-access.ts';
import { hostOrigins, portOrigins, sharedOrigin, type WebOrigins } from './web-origins.ts';
import { createWebProxy } from './web-proxy.ts';
import { webSecrets } from './web-secrets.ts';

const ONE = '11111111-1111-1111-1111-111111111111';
const TWO = '22222222-2222-2222-2222-222222222222';

const listen = (server: Server | ReturnType<typeof createListener>, port = 0) =>
  new Promise<number>(resolve =>
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

/** The proxy before two instances whose web IDEs say who they are. */
async function rig(t: TestContext, make: (server: () => Server) => Promise<WebOrigins>, names: string[] = []) {
  const ide = createServer((request, response) => {
    response.statusCode = request.url?.startsWith(`/${TWO}/lab`) ? 404 : 200;
    response.end(`ide ${request.url}`);
  });
  const at = { host: '127.0.0.1', port: await listen(ide) };
  let server!: Server;
  const origins = await make(() => server);
  server = createWebProxy({
    find: async id => ({ id, token: `token-${id}`, at }),
    lost: () => {},
    origins,
    knowsHost: hostRule(['127.0.0.1', ...names], false),
    secure: () => false,
    secrets: webSecrets(Buffer.alloc(32)),
    activity: new ActivityLog(),
    clock: systemClock,
    log: silentLog(),
  });
  const port = await listen(server);
  t.after(() => {
    origins.stop();
    for (const each of [ide, server]) {
      each.close();
      each.closeAllConnections();
    }
  });
  return { port, origins };
}

function get(port: number, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; location: string | undefined; text: string; headers: NodeJS.Dict<unknown> }>(
    (resolve, reject) => {
      open({ host: '127.0.0.1', port, path, headers, agent: false }, response => {
        let text = '';
        response.on('data', data => {
          text += data;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            location: response.headers.location,
            text,
            headers: response.headers,
          }),
        );
      })
        .on('error', reject)
        .end();
    },
  );
}
const shows = (id: string) => ({ authorization: `token token-${id}` });

async function freeRange(size: number): Promise<{ host: string; first: number; last: number }> {
  const first = await freePorts(size);
  return { host: '127.0.0.1', first, last: first + size - 1 };
}

test('each instance has a port of its own, answers there alone, and keeps it over a restart', async t => {
  const db = openSqlite(':memory:');
  t.after(() => db.destroy());
  await migrate(db, [sqlMigration('0001-notebooks', ['CREATE TABLE notebooks (id TEXT)']), ...portMigrations], 0);
  for (const id of [ONE, TWO]) await db.insertInto('notebooks').values({ id }).execute();
  const settings = await freeRange(3);
  const steps = new Map<string, Step>([
    [ONE, 'running'],
    [TWO, 'stopped'],
  ]);
  const make = async (target: () => Server) =>
    portOrigins({
      ports: portStore(db, 'web'),
      steps: async () => steps,
      address: () => 'http://127.0.0.1:1',
      target,
      settings,
      log: silentLog(),
    });
  // Somebody else has the first port of the range.
  const other = createListener();
  await listen(other, settings.first);
  t.after(() => other.close());
  const first = await rig(t, make);
  // One that ran before there were ports gets its own when the server starts.
  await first.origins.start();
  await first.origins.allot(TWO);
  const [one, two] = [ONE, TWO].map(id => Number(new URL(first.origins.of(id)).port)) as [number, number];
  assert.deepEqual([one, two], [settings.first + 1, settings.first + 2]);

  const own = await get(one, `/${ONE}/api/x?a=1`, shows(ONE));
  assert.equal(own.text, `ide /${ONE}/api/x?a=1`);
  assert.equal(own.headers['cross-origin-resource-policy'], 'same-origin');
  // By another instance's origin, or by the proxy's own port, it is only told where it is, and only to who may know.
  for (const port of [two, first.port]) {
    const away = await get(port, `/${ONE}/tree?a=1`, shows(ONE));
    assert.deepEqual([away.status, away.location], [307, `http://127.0.0.1:${one}/${ONE}/tree?a=1`]);
    assert.equal((await get(port, `/${ONE}/tree`, {})).status, 401);
  }
  await assert.rejects(first.origins.allot('33333333-3333-3333-3333-333333333333'), { code: 'ModelArts.6360' });

  first.origins.stop();
  const again = await rig(t, make);
  await again.origins.start();
  assert.deepEqual(
    [again.origins.of(ONE), again.origins.of(TWO)],
    [`http://127.0.0.1:${one}`, `http://127.0.0.1:${two}`],
  );
  assert.equal((await get(two, `/${TWO}/x`, shows(TWO))).text, `ide /${TWO}/x`);

  // The port of one that is gone is closed and given to the next.
  steps.delete(ONE);
  await db.deleteFrom('notebooks').where('id', '=', ONE).execute();
  const next = '44444444-4444-4444-4444-444444444444';
  steps.set(next, 'creating');
  await db.insertInto('notebooks').values({ id: next }).execute();
  await again.origins.allot(next);
  assert.equal(again.origins.of(next), `http://127.0.0.1:${one}`);
});

test('with a wildcard address each instance has a host name of its own, and answers under that alone', async t => {
  const address = () => 'https://*.nb.example.com';
  const { port, origins } = await rig(t, async () => hostOrigins(address), ['*.nb.example.com']);
  assert.equal(origins.of(ONE), `https://${ONE}.nb.example.com`);
  const by = (host: string, id = ONE) => get(port, `/${id}/tree`, { host, ...shows(id) });
  assert.equal((await by(`${ONE}.nb.example.com`)).text, `ide /${ONE}/tree`);
  const away = await by(`${TWO}.nb.example.com`);
  assert.deepEqual([away.status, away.location], [307, `https://${ONE}.nb.example.com/${ONE}/tree`]);
  assert.equal((await by('127.0.0.1')).status, 307);
  assert.equal((await by('evil.example.com')).status, 421);
});

test('the address of an instance is that of JupyterLab, and leads on to the classic notebook where the image has that alone', async t => {
  const { port } = await rig(t, async () => sharedOrigin(() => 'http://127.0.0.1:1'));
  assert.equal((await get(port, `/${ONE}/lab`, shows(ONE))).text, `ide /${ONE}/lab`);
  const away = await get(port, `/${TWO}/lab?a=1`, shows(TWO));
  assert.deepEqual([away.status, away.location, away.text], [302, `/${TWO}/tree`, '']);
  assert.equal((await get(port, `/${TWO}/lab/api/settings`, shows(TWO))).status, 404);
  assert.equal((await get(port, `/${ONE}`, shows(ONE))).text, `ide /${ONE}/`);
  const shown = await get(port, `/${ONE}/lab?token=token-${ONE}`, { accept: 'text/html' });
  assert.deepEqual([shown.status, shown.location], [302, `/${ONE}/lab`]);
  assert.equal((await get(port, `/${TWO}/lab`, {})).status, 401);
});
