import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ObjectWorld, objectWorld, person } from '../world.fixture.ts';
import { OBS } from './dialect.ts';
import { openLane } from './lane.ts';
import type { QuickAnswer } from './plain-request.ts';
import { constant, signedTarget, Wire } from './wire.fixture.ts';

describe('plain reads, ahead of the HTTP server', () => {
  let world: ObjectWorld;
  let port: number;
  let ordinary = 0;
  before(async () => {
    world = await objectWorld();
    port = world.port;
    const ann = person('ann');
    await world.objects.service.createBucket(ann, 'plain');
    const put = (key: string, more: object = {}) =>
      world.objects.service.put(ann, { bucket: 'plain', key }, Buffer.from(`of ${key}`), more);
    await put('a');
    await put('told', {
      contentType: 'text/plain; charset=utf-8',
      metadata: { colour: 'gr\u00fcn' },
      headers: { 'cache-control': 'no-cache' },
      tags: { k: 'v' },
      storageClass: 'WARM',
    });
    await put('über/b c');
    await put('open', { acl: { owner: ann.accountId, grants: [{ grantee: 'everyone', permission: 'READ' }] } });
    world.objects.server.on('request', () => {
      ordinary++;
    });
    // Whatever is remembered of settings and keys is so from now on.
    for (const key of ['a', 'told', 'über/b c']) await new Wire(port).send(get(key)).answer();
  });
  after(() => world.close());

  const target = (key: string) => signedTarget(world, 'GET', 'plain', key);
  const get = (key: string, ...headers: string[]) =>
    `GET ${target(key)} HTTP/1.1\r\n${['Host: obs', ...headers].join('\r\n')}\r\n\r\n`;

  it('say what the long way says, to the letter', async () => {
    for (const key of ['a', 'told', 'über/b c']) {
      const wire = new Wire(port);
      const before = ordinary;
      const short = await wire.send(get(key)).answer();
      assert.equal(ordinary, before, `${key} was not answered ahead`);
      const long = await wire.send(get(key, 'X-Unknown: 1')).answer();
      assert.equal(ordinary, before + 1);
      assert.equal(short.status, 200);
      assert.equal(constant(short.head), constant(long.head));
      assert.equal(short.body, long.body);
      assert.match(short.head, /x-obs-request-id: [0-9A-F]{32}\r\n/);
      wire.end();
    }
  });

  it('of anybody, of what is open to all; and nothing that is not', async () => {
    const wire = new Wire(port);
    const before = ordinary;
    assert.equal((await wire.send('GET /plain/open HTTP/1.1\r\nHost: obs\r\n\r\n').answer()).body, 'of open');
    assert.equal(ordinary, before);
    assert.equal((await wire.send('GET /plain/a HTTP/1.1\r\nHost: obs\r\n\r\n').answer()).status, 403);
    const forged = get('a').replace(/Signature=[^ &]{4}/, 'Signature=AAAA');
    assert.equal((await new Wire(port).send(forged).answer()).status, 403);
    wire.end();
  });

  it('go on with uploads, other reads and plain ones on the same connection', async () => {
    const wire = new Wire(port);
    assert.equal((await wire.send(get('a')).answer()).body, 'of a');
    const path = signedTarget(world, 'PUT', 'plain', 'up');
    wire.send(`PUT ${path} HTTP/1.1\r\nHost: obs\r\nContent-Length: 10\r\n\r\nfirst`);
    await sleep(30);
    assert.equal((await wire.send('-half').answer()).status, 200);
    assert.equal((await wire.send(get('up')).answer()).body, 'first-half');
    assert.match((await wire.send(get('up', 'Range: bytes=0-4')).answer()).body, /^first$/);
    assert.equal((await wire.send(get('none')).answer()).status, 404);
    assert.equal((await wire.send(get('a')).answer()).body, 'of a');
    wire.end();
  });

  it('come in order when they are sent without waiting, and in pieces', async () => {
    const wire = new Wire(port);
    wire.send(Array.from({ length: 300 }, (_, at) => get(at % 2 ? 'a' : 'told')).join(''));
    for (let at = 0; at < 300; at++) assert.equal((await wire.answer()).body, at % 2 ? 'of a' : 'of told');
    const slow = new Wire(port);
    slow.send(get('told'));
    slow.send(get('a').slice(0, 40));
    await sleep(30);
    slow.send(get('a').slice(40));
    assert.equal((await slow.answer()).body, 'of told');
    assert.equal((await slow.answer()).body, 'of a');
    wire.end();
    slow.end();
  });

  it('of every odd head what Node makes of it is what becomes of it', async () => {
    const line = `GET ${target('a')} HTTP/1.1`;
    const heads = [
      `${line}\r\nHost: obs\r\nContent-Length: 3\r\n\r\nabc`,
      `${line}\r\nHost: obs\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `${line}\r\nHost: obs\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      `${line}\r\nHost: obs\r\nContent-Length: 0\r\n\r\n`,
      `${line}\r\nHost: obs\r\nHost: other\r\n\r\n`,
      `${line}\r\n\r\n`,
      `${line}\nHost: obs\n\n`,
      `${line}\r\nHost : obs\r\n\r\n`,
      `${line}\r\nHost: obs\r\n folded\r\n\r\n`,
      `${line}\r\nHost: obs\r\nAccept: a\u0000b\r\n\r\n`,
      `${line}\r\nHost: obs\r\nAccept: gr\u00fcn\r\n\r\n`,
      `${line}\r\nHost: obs\r\nAccept:\r\n\r\n`,
      `${line}\r\nHost: obs\r\nConnection: close\r\n\r\n`,
      `${line}\r\nHost: obs\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n`,
      `${line}\r\nHost: obs\r\nExpect: 100-continue\r\n\r\n`,
      `${line}\r\nHost: obs\r\n__proto__: x\r\n\r\n`,
      `${line}\r\nHost: obs\r\nconstructor: x\r\n\r\n`,
      line.replace('1.1', '1.0'),
      `${line.replace('GET', 'get')}\r\nHost: obs\r\n\r\n`,
      `${line.replace('GET /', 'GET http://obs/')}\r\nHost: obs\r\n\r\n`,
      `${line.replace('GET ', 'GET  ')}\r\nHost: obs\r\n\r\n`,
      `\r\n${line}\r\nHost: obs\r\n\r\n`,
      `${line}\r\nHost: obs\r\nX-Long: ${'x'.repeat(9000)}\r\n\r\n`,
      'GET /\u0001 HTTP/1.1\r\nHost: obs\r\n\r\n',
      '\u0016\u0003\u0001\u0002\u0000',
    ];
    for (const head of heads) {
      const whole = head.includes('\r\n') || head.includes('\n\n') ? head : `${head}\r\nHost: obs\r\n\r\n`;
      const fresh = new Wire(port);
      const ours = await fresh.send(whole).answer();
      const handed = new Wire(port);
      await handed.send(get('a', 'X-Unknown: 1')).answer(); // Node has it from here on
      const nodes = await handed.send(whole).answer();
      assert.equal(constant(ours.head), constant(nodes.head), JSON.stringify(whole.slice(0, 200)));
      assert.equal(ours.body.replace(/Id>[^<]*/g, ''), nodes.body.replace(/Id>[^<]*/g, ''));
      fresh.end();
      handed.end();
    }
  });
});

describe('a connection ahead of the HTTP server', () => {
  const headers = { pairs: [], text: 'Content-Length: 1048576\r\n' };
  const body = Buffer.alloc(1024 * 1024, 'x');
  let reads = 0;
  /** `slowMs`: how long it takes to find what is asked for. */
  const open = async (
    idleMs: number,
    slowMs = 0,
  ): Promise<{ server: Server; lane: ReturnType<typeof openLane>; port: number }> => {
    const server = createServer((_, response) => response.end('ordinary'));
    const read = () => {
      reads++;
      if (slowMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, slowMs);
      return { dialect: OBS, headers, body };
    };
    const lane = openLane(server, { read, write: () => undefined, begin: () => '', idleMs });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return { server, lane, port: (server.address() as AddressInfo).port };
  };
  const request = 'GET /a/b HTTP/1.1\r\nHost: obs\r\n\r\n';
  const until = async (holds: () => boolean) => {
    for (const end = Date.now() + 60_000; !holds(); await sleep(5)) assert.ok(Date.now() < end, 'never');
  };

  it('ends when it is silent, when its other side ends, and with the server', async () => {
    const brief = await open(200);
    const silent = new Wire(brief.port);
    await until(() => silent.closed);
    brief.lane.close();
    await new Promise(resolve => brief.server.close(resolve));
    const { server, lane, port } = await open(60_000);
    const used = new Wire(port);
    assert.equal((await used.send(request).answer()).body.length, body.length);
    lane.close();
    await until(() => used.closed);
    await new Promise(resolve => server.close(resolve));
  });

  it('has the answer to a write that is under way before it ends with the server', async () => {
    const server = createServer((_, response) => response.end('ordinary'));
    let write: (answer: QuickAnswer) => void = () => {};
    const asked = Promise.withResolvers<void>();
    const lane = openLane(server, {
      read: () => undefined,
      write: () => {
        asked.resolve();
        return new Promise(resolve => (write = resolve));
      },
      begin: () => '',
      idleMs: 60_000,
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const wire = new Wire((server.address() as AddressInfo).port);
    wire.send('PUT /a/b HTTP/1.1\r\nHost: obs\r\nContent-Length: 1\r\n\r\nx');
    await asked.promise;
    lane.close();
    await sleep(50);
    assert.equal(wire.closed, false);
    const told = { pairs: [], text: 'Content-Length: 0\r\n' };
    write({ dialect: OBS, headers: told, body: Buffer.alloc(0) });
    assert.equal((await wire.answer()).status, 200);
    await until(() => wire.closed);
    await new Promise(resolve => server.close(resolve));
  });

  it('answers who says that nothing more will come', async () => {
    const { server, lane, port } = await open(60_000, 200);
    const script = `let got = 0; const s = require('net').connect(${port}, '127.0.0.1', () => s.end(${JSON.stringify(request)}));
      s.on('data', d => { got += d.length; }); s.on('close', () => console.log(got));`;
    // Another process, whose end of the connection is here before the request has been looked at.
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
    assert.ok(Number(stdout) > body.length, stdout);
    lane.destroy();
    await new Promise(resolve => server.close(resolve));
  });

  it('keeps few bytes for a reader that does not read', async () => {
    const { server, lane, port } = await open(60_000);
    const lazy = connect(port, '127.0.0.1');
    lazy.on('error', () => {});
    lazy.pause();
    reads = 0;
    lazy.write(request);
    await until(() => reads === 1);
    for (let at = 0; at < 100; at++) {
      lazy.write(request);
      await sleep(3);
    }
    lazy.destroy();
    lane.destroy();
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    // What the kernel takes, and no more.
    assert.ok(reads < 50, `${reads} answers of a MiB were made`);
  });
});
