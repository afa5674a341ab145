import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket as Client } from 'ws';
import { type Clock, manualClock, systemClock } from '../kernel/clock.ts';
import { Failure } from '../kernel/failure.ts';
import { silentLog } from '../kernel/log.ts';
import { createTerminals, type TerminalProgram } from './index.ts';
import type { TerminalRequest, TerminalSettings } from './terminals.ts';

/** A program that shows what is typed, and ends at `exit`. */
function echo() {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const done = Promise.withResolvers<number>();
  const sizes: string[] = [];
  let closed = false;
  stdin.on('data', (data: Buffer) => {
    if (!stdout.write(data)) {
      stdin.pause();
      stdout.once('drain', () => stdin.resume());
    }
    if (!String(data).includes('exit')) return;
    stdout.end();
    done.resolve(3);
  });
  const program: TerminalProgram = {
    stdin,
    stdout,
    done: done.promise,
    async resize(columns, rows) {
      sizes.push(`${columns}x${rows}`);
    },
    close() {
      closed = true;
      stdout.end();
      done.resolve(137);
    },
  };
  return { program, sizes, closed: () => closed };
}

async function world(t: TestContext, settings: Partial<TerminalSettings> = {}, clock: Clock = systemClock) {
  const terminals = createTerminals({ clock, log: silentLog(), settings: { checkMs: 500, ...settings } });
  const server = createServer();
  terminals.attach(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    await terminals.close();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}`;
  const shell = echo();
  const endings: string[] = [];
  let refusal: string | undefined;
  const request: TerminalRequest = {
    userId: 'ann',
    size: { columns: 80, rows: 24 },
    start: async () => shell.program,
    refusal: async () => refusal,
    ended: async ({ reason }) => void endings.push(reason),
  };
  return {
    terminals,
    shell,
    endings,
    request,
    forbid: (text: string) => {
      refusal = text;
    },
    offer: (change: Partial<TerminalRequest> = {}) => terminals.offer({ ...request, ...change }).path,
    url,
    connect: (path: string) => connect(url + path),
  };
}

function connect(url: string) {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  let shown = '';
  const told: Record<string, unknown>[] = [];
  const opened = new Promise<boolean>(resolve => {
    socket.addEventListener('open', () => resolve(true));
    socket.addEventListener('error', () => resolve(false));
  });
  socket.addEventListener('message', ({ data }) => {
    if (typeof data === 'string') told.push(JSON.parse(data) as Record<string, unknown>);
    else shown += Buffer.from(data as ArrayBuffer).toString();
  });
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
  });
  return {
    opened,
    closed,
    told,
    shown: () => shown,
    type: (text: string) => socket.send(Buffer.from(text)),
    tell: (message: unknown) => socket.send(JSON.stringify(message)),
    leave: () => socket.close(),
  };
}

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !what() && Date.now() < end; ) await sleep(10);
  assert.ok(what());
}

it('shows what the program writes, passes on keys and sizes, and tells how it ended', async t => {
  const { offer, connect, shell, endings } = await world(t);
  const client = connect(offer());
  assert.ok(await client.opened);
  client.type('hello ü');
  await until(() => client.shown() === 'hello ü');
  client.tell({ type: 'resize', columns: 120, rows: 40 });
  await until(() => shell.sizes.length === 2);
  assert.deepEqual(shell.sizes, ['80x24', '120x40']);
  client.type('exit');
  assert.deepEqual(await client.closed, { code: 1000, reason: 'The program ended with exit code 3.' });
  assert.deepEqual(client.told[0], { type: 'exit', code: 3 });
  assert.equal(client.shown(), 'hello üexit');
  await until(() => endings.length === 1);
});

it('what makes no sense as a size or message changes nothing', async t => {
  const { offer, connect, shell } = await world(t);
  const client = connect(offer());
  await client.opened;
  const senseless = [
    { type: 'resize', columns: -1, rows: 5 },
    { type: 'resize', columns: 1e9, rows: 5 },
    { type: 'resize' },
    7,
    null,
  ];
  for (const message of senseless) client.tell(message);
  client.type('still here');
  await until(() => client.shown() === 'still here');
  assert.deepEqual(shell.sizes, ['80x24']);
});

it('an address is good once, and for a short while', async t => {
  const clock = manualClock();
  const { offer, connect } = await world(t, { offerMs: 100 }, clock);
  const path = offer();
  assert.equal(await connect(path).opened, true);
  assert.equal(await connect(path).opened, false);
  assert.equal(await connect('/v1/terminals/guess').opened, false);
  assert.equal(await connect('/elsewhere').opened, false);
  const late = offer();
  clock.advance(101);
  assert.equal(await connect(late).opened, false);
});

it('is not for pages of other origins, whatever address they have', async t => {
  const { offer, url } = await world(t);
  const path = offer();
  const attempt = (origin: string) =>
    new Promise<number>((resolve, reject) => {
      const client = new Client(url + path, { origin });
      client.on('open', () => {
        client.close();
        resolve(101);
      });
      client.on('unexpected-response', (_, response) => resolve(response.statusCode!));
      client.on('error', reject);
    });
  for (const origin of ['http://evil.example', 'null', 'https://127.0.0.1', 'no origin']) {
    assert.equal(await attempt(origin), 403, origin);
  }
  assert.equal(await attempt(url.replace('ws', 'http')), 101, 'the offer was not spent on them');
});

it('ends when nothing happens, after a warning', async t => {
  const clock = manualClock();
  const { offer, connect, endings, shell } = await world(t, { idleMs: 300, warnMs: 200 }, clock);
  const client = connect(offer());
  await client.opened;
  clock.advance(100);
  await until(() => /closes in 1 seconds unless a key is pressed/.test(client.shown()));
  clock.advance(200);
  const { code, reason } = await client.closed;
  assert.equal(code, 4001);
  assert.match(reason, /Nothing happened for 1 seconds/);
  assert.ok(shell.closed());
  await until(() => endings.length === 1);
});

it('ends when the user may not go on', async t => {
  const { offer, connect, forbid, shell } = await world(t);
  const client = connect(offer());
  await client.opened;
  client.type('x');
  await until(() => client.shown() === 'x');
  forbid('Policy does not allow it any more.');
  assert.deepEqual(await client.closed, { code: 4001, reason: 'Policy does not allow it any more.' });
  assert.ok(shell.closed());
});

it('ends the program when the client goes away', async t => {
  const { offer, connect, shell, endings } = await world(t);
  const client = connect(offer());
  await client.opened;
  client.type('x');
  await until(() => client.shown() === 'x');
  client.leave();
  await until(() => shell.closed() && endings.length === 1);
  assert.equal(endings[0], 'The client went away.');
});

it('tells why a program could not be started, and never more than that', async t => {
  const { offer, connect } = await world(t);
  const known = connect(
    offer({
      start: async () => {
        throw new Failure({ code: 'x', status: 400, message: 'The job has ended.' });
      },
    }),
  );
  assert.deepEqual(await known.closed, { code: 4002, reason: 'The job has ended.' });
  const unknown = connect(
    offer({
      start: async () => {
        throw new Error('socket /run/secret');
      },
    }),
  );
  assert.deepEqual(await unknown.closed, { code: 4002, reason: 'The terminal could not be opened.' });
});

it('a program that nobody can tell anything of any more is lost, not refused', async t => {
  const { offer, connect, shell } = await world(t);
  const lost = connect(
    offer({
      start: async () => ({ ...shell.program, done: Promise.reject(new Error('the engine at /run/secret is silent')) }),
    }),
  );
  assert.deepEqual(await lost.closed, {
    code: 4001,
    reason: 'The connection to the program was lost. Open the terminal again.',
  });
});

it('holds the program back for a client that does not read', async t => {
  const { offer, shell, url } = await world(t, { checkMs: 60_000 });
  const client = new Client(`${url}${offer()}`);
  await once(client, 'open');
  client.pause();
  const chunk = Buffer.alloc(256 * 1024, 'x');
  let written = 0;
  const write = async () => {
    written += chunk.length;
    if (!shell.program.stdin.write(chunk)) await once(shell.program.stdin, 'drain');
  };
  let held = false;
  while (!held && written < 256 * 1024 * 1024) held = (await Promise.race([write(), sleep(500, 'held')])) === 'held';
  assert.ok(held, `${written} bytes were taken from the program for a client that read none`);
  let read = 0;
  client.on('message', (data: Buffer) => {
    read += data.length;
  });
  client.resume();
  await until(() => read === written);
});

it('limits how many a user has, not those of others', async t => {
  const { terminals, request } = await world(t, { perUser: 2 });
  terminals.offer(request);
  terminals.offer(request);
  assert.throws(() => terminals.offer(request), /2 at once is the most/);
  terminals.offer({ ...request, userId: 'bob' });
});

it('ends all when the platform is stopped', async t => {
  const { terminals, offer, connect, shell } = await world(t);
  const client = connect(offer());
  await client.opened;
  client.type('x');
  await until(() => client.shown() === 'x');
  await terminals.close();
  assert.equal((await client.closed).code, 1001);
  assert.ok(shell.closed());
});
