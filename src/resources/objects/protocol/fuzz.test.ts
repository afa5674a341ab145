import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { randomOf, seedOf } from '../random.fixture.ts';
import { type ObsClient, obsClient } from '../requests.fixture.ts';
import { type ObjectWorld, objectWorld } from '../world.fixture.ts';
import { encodeStrictly } from './address.ts';
import { parseXml } from './xml.ts';

/** Milliseconds for the random part; ATELIER_FUZZ_MS=… for longer. */
const SPAN_MS = Number(process.env.ATELIER_FUZZ_MS ?? 8_000);
const seed = seedOf('object protocol, fuzz');
const random = randomOf(seed);
const bucket = 'data';
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

describe(`hostile requests (seed ${seed})`, { timeout: SPAN_MS * 10 + 120_000 }, () => {
  let world: ObjectWorld;
  let send: ObsClient;

  before(async () => {
    world = await objectWorld();
    send = obsClient(world.port, 'ann');
    await send('PUT', { bucket });
  });
  after(() => world.close());

  /** Sends raw bytes on a connection of their own; the status of the first answer, or 0 for none. */
  function raw(bytes: Buffer | string): Promise<number> {
    return new Promise(resolve => {
      const socket = connect(world.port, '127.0.0.1');
      let got = '';
      const end = () => {
        socket.destroy();
        resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(got)?.[1] ?? 0));
      };
      socket.on('data', chunk => {
        got += chunk.toString('latin1');
        if (/^HTTP\/1\.1 \d{3}/.test(got) && !got.startsWith('HTTP/1.1 100')) end();
      });
      socket.on('error', end);
      socket.on('close', end);
      socket.end(bytes);
    });
  }

  /** A request of any bytes in its path, headers and body, with a right OBS signature. */
  function signedRaw(method: string, path: string, lines: readonly string[], body: Buffer, framing?: string) {
    const date = new Date().toUTCString();
    const signature = createHmac('sha1', 'SK-ann').update(Buffer.from(`${method}\n\n\n${date}\n${path}`, 'latin1'));
    const head = [
      `${method} ${path} HTTP/1.1`,
      `Host: 127.0.0.1`,
      `Date: ${date}`,
      `Authorization: OBS AK-ann:${signature.digest('base64')}`,
      framing ?? `Content-Length: ${body.length}`,
      'Connection: close',
      ...lines,
    ];
    return raw(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]));
  }

  const keysListed = async (): Promise<string[]> => {
    const { body } = await send('GET', { bucket, query: { 'encoding-type': 'url' } });
    return [...body.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(match => decodeURIComponent(match[1]!));
  };

  it('every character, dots, slashes and both normal forms are keys of their own', async () => {
    const keys = [
      ...Array.from({ length: 256 }, (_, code) => `c${String.fromCodePoint(code)}`),
      ...['..', '../../etc/passwd', './.', 'a//b', 'a/b', '/a', '//', 'a/', '.', '%2e%2e', '%', 'CON', 'a\\..\\b'],
      ...['e\u0301', '\u00e9', '\u212b', '\u00c5', '\u{10ffff}', '\ufffd', '\ufffe', '\ufeffb', '__proto__'],
      ...['k'.repeat(1024), 'é'.repeat(512), '😀'.repeat(256)],
    ];
    for (const key of keys) assert.equal((await send('PUT', { bucket, key, body: `at ${key}` })).status, 200, key);
    for (const key of keys) assert.equal((await send('GET', { bucket, key })).body.toString(), `at ${key}`, key);
    const inOrder = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await keysListed(), inOrder);
    for (const key of ['k'.repeat(1025), 'é'.repeat(513)]) {
      assert.equal((await send('PUT', { bucket, key, body: '' })).code, 'KeyTooLongError');
    }
    for (const key of keys) assert.equal((await send('DELETE', { bucket, key })).status, 204);
    assert.deepEqual(await keysListed(), []);
    assert.deepEqual(readdirSync(world.dir).sort(), ['objects', 'test.db', 'test.db-shm', 'test.db-wal']);
  });

  it('addresses that are no UTF-8, or not escaped, name nothing', async () => {
    await send('PUT', { bucket, key: '\ufffd', body: 'x' });
    const unescaped = Buffer.from(`/${bucket}/é`).toString('latin1');
    for (const bad of [unescaped, `/${bucket}/\xff`, `/${bucket}/%ff`, `/${bucket}/a?%c3=1`, `/${bucket}/%ed%a0%80`]) {
      assert.equal(await signedRaw('PUT', bad, [], Buffer.from('x')), 400, bad);
    }
    for (const source of [`/${bucket}/\xff`, `/${bucket}/%ff`]) {
      const { status } = await send('PUT', { bucket, key: 'copy', headers: { 'x-obs-copy-source': source } });
      assert.equal(status, 400, `${source} is taken for another key`);
    }
    assert.deepEqual(await keysListed(), ['\ufffd']);
    await send('DELETE', { bucket, key: '\ufffd' });
  });

  const remove = (body: Buffer | string) => send('POST', { bucket, query: { delete: '' }, body });

  it('documents that are no good are refused, and in linear time', async () => {
    await send('PUT', { bucket, key: '\ufffd', body: 'stays' });
    const object = (key: string) => `<Object><Key>${key}</Key></Object>`;
    const bad: (string | Buffer)[] = [
      `<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><Delete>${object('&e;')}</Delete>`,
      `<Delete>${object('&e;')}</Delete>`,
      `<Delete>${object('a & b')}</Delete>`,
      `<Delete>${object('&#xd800;')}</Delete>`,
      `<Delete>${object('<![CDATA[x]]>')}</Delete>`,
      `<Delete>${object('x')}`,
      `<Delete>${object('x')}</Deleted>`,
      `<Delete></Delete>`,
      `<Other>${object('x')}</Other>`,
      `<Delete>${'<a>'.repeat(200_000)}`,
      `<Delete>${'<a>'.repeat(20)}${'</a>'.repeat(20)}${object('x')}</Delete>`,
      `<Delete>${object('<b>x</b>')}</Delete>`,
      'x'.repeat(8 * 1024 * 1024),
      Buffer.concat([
        Buffer.from('<Delete><Object><Key>'),
        Buffer.from([0xff]),
        Buffer.from('</Key></Object></Delete>'),
      ]),
    ];
    for (const body of bad) {
      const answer = await remove(body);
      assert.deepEqual([answer.status, answer.code], [400, 'MalformedXML'], body.toString('latin1').slice(0, 100));
    }
    assert.equal((await remove('x'.repeat(8 * 1024 * 1024 + 1))).code, 'EntityTooLarge');
    assert.equal(
      (await send('GET', { bucket, key: '\ufffd' })).body.toString(),
      'stays',
      'no byte is taken for U+FFFD',
    );
    await send('DELETE', { bucket, key: '\ufffd' });
  });

  it('a document of eight times the size takes no more than about eight times as long', () => {
    const shapes: ((count: number) => string)[] = [
      count => Array.from({ length: count }, (_, i) => `<a${i}></a${i}>`).join(''),
      count => `<a ${'b="c" '.repeat(count)}/>`,
      count => '<a>&amp;</a>'.repeat(count),
      count => '<!--x-->'.repeat(count),
    ];
    for (const [index, shape] of shapes.entries()) {
      const time = (count: number) => {
        const text = `<Delete>${shape(count)}</Delete>`;
        const runs = Array.from({ length: 3 }, () => {
          const began = process.cpuUsage().user;
          parseXml(text, 'Delete');
          return process.cpuUsage().user - began;
        });
        return Math.min(...runs);
      };
      time(10_000);
      // Quadratic time would be sixty-four times as long.
      assert.ok(time(80_000) < 30 * Math.max(time(10_000), 5_000), `shape ${index}`);
    }
  });

  it('part numbers are digits', async () => {
    const begun = await send('POST', { bucket, key: 'p', query: { uploads: '' } });
    const uploadId = /<UploadId>(.*?)</.exec(begun.body.toString())![1]!;
    for (const partNumber of ['0', '10001', '1e1', '0x1', '-1', '1.0', '1.5', ' 1', 'NaN', '999999999999']) {
      const answer = await send('PUT', { bucket, key: 'p', query: { partNumber, uploadId }, body: 'x' });
      assert.deepEqual([answer.status, answer.code], [400, 'InvalidArgument'], partNumber);
    }
    await send('DELETE', { bucket, key: 'p', query: { uploadId } });
  });

  it('user metadata may be called as members of objects are', async () => {
    const headers = { 'x-obs-meta-__proto__': 'a', 'x-obs-meta-constructor': 'b' };
    assert.equal((await send('PUT', { bucket, key: 'm', body: 'x', headers })).status, 200);
    const got = (await send('GET', { bucket, key: 'm' })).headers;
    assert.deepEqual([got['x-obs-meta-__proto__'], got['x-obs-meta-constructor']], ['a', 'b']);
    await send('DELETE', { bucket, key: 'm' });
  });

  it('chance finds no request that is answered with an error of the server, or that makes it grow', async () => {
    const body = random.bytes(50_000);
    await send('PUT', { bucket, key: 'ranged', body });
    // What chance may overwrite and delete, so that the other stays what it is.
    await send('PUT', { bucket, key: 'changed', body });
    const latin = (most: number) =>
      random
        .bytes(random.below(most))
        .toString('latin1')
        .replace(/[\0-\x20\x7f#]/g, 'x');
    const number = () =>
      random.pick([
        '',
        '0',
        '1',
        '-1',
        '49999',
        '50000',
        '99999999999999999999',
        '1e9',
        '0x1',
        'a',
        String(random.below(60_000)),
      ]);
    const names =
      'acl uploads uploadId partNumber delete versionId prefix marker delimiter max-keys list-type list continuation-token encoding-type response-content-type max-parts part-number-marker versions policy location key-marker max-uploads start-after'.split(
        ' ',
      );
    const header = () => {
      const name = random.pick([
        ...'Range If-Match If-None-Match If-Modified-Since If-Unmodified-Since Content-MD5 Content-Type Content-Encoding Expect Cookie'.split(
          ' ',
        ),
        ...'x-amz-content-sha256 x-amz-trailer x-amz-decoded-content-length x-amz-checksum-crc32 x-amz-acl X-Weird'.split(
          ' ',
        ),
      ]);
      return `${name}: ${random.pick([latin(40), number(), `bytes=${number()}-${number()}`, '*', '"', 'bytes=0-0,5-6', 'x'.repeat(5000)])}`;
    };
    const framed = () => {
      const size = random.below(2000);
      const chunk = random.pick([size.toString(16), 'fffffffff', '-1', '', 'zz', latin(10), 'a'.repeat(5000)]);
      return Buffer.concat([Buffer.from(`${chunk}\r\n`, 'latin1'), random.bytes(size), Buffer.from('\r\n0\r\n\r\n')]);
    };
    const fuzzers: (() => Promise<number>)[] = [
      () => {
        const query = names
          .filter(() => random.chance(0.1))
          .map(name => `${name}${random.pick(['', `=${encodeStrictly(number())}`, `=${latin(10)}`])}`);
        const method = random.pick(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']);
        const place = random.pick([
          '/',
          `/${bucket}`,
          `/${bucket}/`,
          `/${bucket}/changed`,
          `/${bucket}/${latin(60)}`,
          `//${latin(9)}`,
        ]);
        return signedRaw(
          method,
          query.length > 0 ? `${place}?${query.join('&')}` : place,
          [],
          random.pick([Buffer.alloc(0), random.bytes(300)]),
        );
      },
      () => signedRaw('GET', `/${bucket}/ranged`, Array.from({ length: 1 + random.below(3) }, header), Buffer.alloc(0)),
      () =>
        signedRaw(
          'PUT',
          `/${bucket}/f${random.below(20)}`,
          Array.from({ length: random.below(3) }, header),
          random.bytes(random.below(3000)),
        ),
      () => signedRaw('PUT', `/${bucket}/f${random.below(20)}`, [], framed(), 'Transfer-Encoding: chunked'),
      () => signedRaw('POST', `/${bucket}?delete`, [], Buffer.from(randomDocument())),
      () =>
        raw(
          Buffer.concat([
            Buffer.from(random.pick(['GET / HTTP/1.1\r\n', 'PUT /data/x HTTP/1.1\r\nHost: x\r\n', ''])),
            random.bytes(random.below(500)),
          ]),
        ),
      async () => {
        const [start, end] = [number(), number()];
        const answer = await send('GET', { bucket, key: 'ranged', headers: { range: `bytes=${start}-${end}` } });
        if (answer.status === 206) {
          const [, from, to] = /^bytes (\d+)-(\d+)\/50000$/.exec(answer.headers['content-range']!)!;
          assert.ok(answer.body.equals(body.subarray(Number(from), Number(to) + 1)), `range ${start}-${end}`);
        } else if (answer.status === 200) assert.equal(md5(answer.body), md5(body));
        return answer.status;
      },
      () => awsChunked(framed()),
    ];
    function randomDocument(): string {
      const good = '<Delete><Object><Key>nobody</Key></Object><Quiet>true</Quiet></Delete>';
      const at = random.below(good.length);
      const piece = random.pick([
        '<',
        '>',
        '</',
        '&',
        '&#0;',
        '&#x110000;',
        '<!--',
        '-->',
        '<?',
        ']]>',
        '"',
        '<a b="',
        latin(5),
        '\0',
        '/>',
      ]);
      return good.slice(0, at) + piece + good.slice(at + random.below(4));
    }
    /** A streamed body of the S3 form, unsigned and so refused, or for a presigned address. */
    function awsChunked(bytes: Buffer): Promise<number> {
      const expires = Math.floor(Date.now() / 1000) + 100;
      const text = `PUT\n\n\n${expires}\nx-amz-content-sha256:STREAMING-UNSIGNED-PAYLOAD-TRAILER\nx-amz-decoded-content-length:1000\n/${bucket}/chunked`;
      const signature = encodeURIComponent(createHmac('sha1', 'SK-ann').update(text).digest('base64'));
      const path = `/${bucket}/chunked?AWSAccessKeyId=AK-ann&Expires=${expires}&Signature=${signature}`;
      const lines = ['x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-decoded-content-length: 1000'];
      return raw(
        Buffer.concat([
          Buffer.from(
            `PUT ${path} HTTP/1.1\r\nHost: h\r\n${lines.join('\r\n')}\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`,
          ),
          bytes,
        ]),
      );
    }

    const seen: Record<number, number> = {};
    let count = 0;
    const round = async (until: number) => {
      do {
        const which = random.below(fuzzers.length);
        const status = await fuzzers[which]!();
        seen[status] = (seen[status] ?? 0) + 1;
        assert.ok(status < 500 || status === 501, `request ${count} of kind ${which} was answered with ${status}`);
        count++;
      } while (performance.now() < until || count <= 60);
    };
    const now = performance.now();
    await round(now + SPAN_MS / 3);
    const before = process.memoryUsage().heapUsed;
    await round(now + SPAN_MS);
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 150 * 1024 * 1024, `the heap grew by ${grown} bytes over ${count} requests`);
    assert.ok(count > 50 && seen[200]! > 0 && seen[400]! > 0, JSON.stringify(seen));
    assert.deepEqual(readdirSync(world.dir).sort(), ['objects', 'test.db', 'test.db-shm', 'test.db-wal']);
    assert.deepEqual(readdirSync(`${world.dir}/objects`).sort(), ['blobs', 'tmp']);
    assert.ok((await send('GET', { bucket, key: 'ranged' })).status < 500, 'it still works');
  });
});
