import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { obsClient } from '../requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from '../world.fixture.ts';
import { constant, signedTarget, Wire } from './wire.fixture.ts';

describe('plain writes, ahead of the HTTP server', () => {
  let world: ObjectWorld;
  let port: number;
  let ordinary = 0;
  const buckets = ['wide', 'versioned', 'sealed', 'logged'];
  before(async () => {
    world = await objectWorld();
    port = world.port;
    const ann = obsClient(port, 'ann');
    for (const bucket of buckets) {
      await ann('PUT', { bucket, headers: { 'x-obs-acl': 'public-read-write' } });
    }
    await ann('PUT', {
      bucket: 'versioned',
      query: { versioning: '' },
      body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    });
    await ann('PUT', {
      bucket: 'sealed',
      query: { encryption: '' },
      body:
        '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>kms</SSEAlgorithm>' +
        '</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>',
    });
    await ann('PUT', {
      bucket: 'logged',
      query: { logging: '' },
      body:
        '<BucketLoggingStatus><LoggingEnabled><TargetBucket>wide</TargetBucket><TargetPrefix>log/</TargetPrefix>' +
        '</LoggingEnabled></BucketLoggingStatus>',
    });
    world.objects.server.on('request', () => {
      ordinary++;
    });
    // Whatever is remembered of settings is so from now on.
    await new Wire(port).send('GET /wide/none HTTP/1.1\r\nHost: obs\r\n\r\n').answer();
  });
  after(() => world.close());

  const put = (path: string, body: string, ...headers: string[]) =>
    `PUT ${path} HTTP/1.1\r\n${['Host: obs', `Content-Length: ${body.length}`, ...headers].join('\r\n')}\r\n\r\n${body}`;
  const unnamed = (body: string) => body.replace(/Id>[^<]*|\/(?:one|two)/g, '');
  /** What is there under a key, asked on the long way. */
  async function stored(bucket: string, key: string): Promise<string> {
    const wire = new Wire(port);
    const target = signedTarget(world, 'GET', bucket, key);
    const { head, body } = await wire.send(`GET ${target} HTTP/1.1\r\nHost: obs\r\nX-Unknown: 1\r\n\r\n`).answer();
    wire.end();
    return `${constant(head).replace(/Last-Modified: .*|(?<=version-id: ).*/g, '')} ${unnamed(body)}`;
  }
  /** The same request to a new connection and to one that Node has already: answers, and what is there then. */
  async function both(make: (key: string) => string, bucket: string): Promise<{ ahead: boolean; answers: string[] }> {
    const handed = new Wire(port);
    await handed.send('GET /wide/none HTTP/1.1\r\nHost: obs\r\nX-Unknown: 1\r\n\r\n').answer();
    const fresh = new Wire(port);
    const before = ordinary;
    const answers: string[] = [];
    let ahead = false;
    for (const [wire, key] of [
      [fresh, 'one'],
      [handed, 'two'],
    ] as const) {
      const { head, body, status } = await wire.send(make(`/${bucket}/${key}`)).answer();
      if (wire === fresh) ahead = status === 200 && ordinary === before;
      const told = constant(head).replace(/(version-id: )\w+/, '$1…');
      answers.push(`${told}\n${unnamed(body)}\n${await stored(bucket, key)}`);
      wire.end();
    }
    return { ahead, answers };
  }
  const sum = (algorithm: string, text: string, encoding: 'hex' | 'base64') =>
    createHash(algorithm).update(text).digest(encoding);
  const crc = (text: string) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(text));
    return bytes.toString('base64');
  };

  it('say and do what the long way says and does, to the letter', async () => {
    const made: [headers: string[], body?: string][] = [
      [[]],
      [
        [
          'Content-Type: text/csv',
          'x-obs-meta-colour: red',
          'Cache-Control: no-cache',
          'Content-Encoding: aws-chunked,gzip',
        ],
      ],
      [['x-amz-meta-toString: 1']],
      [[`x-obs-meta-long: ${'x'.repeat(2100)}`]],
      [['Content-MD5: '.concat(sum('md5', 'some bytes', 'base64'))]],
      [['x-amz-content-sha256: UNSIGNED-PAYLOAD', `x-amz-checksum-crc32: ${crc('some bytes')}`]],
      [[], ''],
      [[], 'x'.repeat(16 * 1024)],
    ];
    for (const bucket of ['wide', 'versioned', 'sealed']) {
      for (const [headers, body = 'some bytes'] of made) {
        const { ahead, answers } = await both(path => put(path, body, ...headers), bucket);
        assert.ok(ahead, `${bucket}: ${headers} was not answered ahead`);
        assert.match(answers[0]!, /^HTTP\/1.1 200 OK/m);
        assert.equal(answers[0], answers[1]);
      }
    }
  });

  it('leave to the long way what is refused, wrong, larger or asks for more', async () => {
    const bytes = 'some bytes';
    const length = `Content-Length: ${bytes.length}`;
    const raw = (lines: string[], body: string) => (path: string) =>
      `PUT ${path} HTTP/1.1\r\n${['Host: obs', ...lines].join('\r\n')}\r\n\r\n${body}`;
    const heads: ((path: string) => string)[] = [
      path => put(path, bytes, `Content-MD5: ${sum('md5', 'others', 'base64')}`),
      path => put(path, bytes, 'Content-MD5: short'),
      path => put(path, bytes, `x-amz-checksum-crc32: ${crc('others')}`),
      path => put(path, bytes, 'x-obs-storage-class: WARM'),
      path => put(path, bytes, 'x-obs-acl: private'),
      path => put(path, bytes, 'If-None-Match: *'),
      path => put(path, bytes, 'Connection: close'),
      path => put(path, 'x'.repeat(16 * 1024 + 1)),
      path => put(`${path}?append&position=0`, bytes),
      path => put(`${path}?tagging`, bytes),
      path => put(`${path}?AccessKeyId=AK-ann`, bytes),
      path => put(path.replace('wide', 'nowhere'), bytes),
      path => put(path.replace('wide/', `wide/${'k'.repeat(1025)}`), bytes),
      raw([length, length], bytes),
      raw([`Content-Length: 0${bytes.length}`], bytes),
      raw([`Content-Length: +${bytes.length}`], bytes),
      raw(['Content-Length: ten'], bytes),
      raw([length, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
      raw(['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
      raw([], ''),
    ];
    for (const make of heads) {
      const { ahead, answers } = await both(make, 'wide');
      assert.equal(ahead, false, make('/wide/one').slice(0, 300));
      assert.equal(answers[0], answers[1], make('/wide/one').slice(0, 300));
      await world.objects.service.remove(person('ann'), { bucket: 'wide', key: 'one' });
      await world.objects.service.remove(person('ann'), { bucket: 'wide', key: 'two' });
    }
    const { ahead } = await both(path => put(path, bytes), 'logged');
    assert.equal(ahead, false, 'a log is kept of the bucket');
  });

  it('are refused to who may not, and recorded', async () => {
    await obsClient(port, 'ann')('PUT', { bucket: 'closed' });
    const count = world.records.length;
    const wire = new Wire(port);
    const { status, body } = await wire.send(put('/closed/one', 'some bytes')).answer();
    assert.equal(status, 403);
    assert.match(body, /AccessDenied/);
    wire.end();
    assert.deepEqual(
      world.records.slice(count).map(record => [record.operation, record.verdict]),
      [['putObject', 'deny']],
    );
  });

  it('come in order, with what is sent behind them without waiting', async () => {
    const wire = new Wire(port);
    assert.equal((await wire.send(put('/wide/again', 'first')).answer()).status, 200);
    const before = ordinary;
    for (let at = 0; at < 20; at++) {
      wire.send(put('/wide/again', `bytes ${at}`));
      await setImmediate(); // in a chunk of its own
      wire.send(`GET ${signedTarget(world, 'GET', 'wide', 'again')} HTTP/1.1\r\nHost: obs\r\n\r\n`);
      assert.equal((await wire.answer()).status, 200);
      assert.equal((await wire.answer()).body, `bytes ${at}`);
    }
    assert.equal(ordinary, before);
    wire.end();
    // All at once: they share a chunk, which is for Node.
    const many = new Wire(port);
    many.send(Array.from({ length: 50 }, (_, at) => put(`/wide/many-${at}`, `of ${at}`)).join(''));
    for (let at = 0; at < 50; at++) assert.equal((await many.answer()).status, 200);
    many.end();
    assert.match(await stored('wide', 'many-49'), /of 49$/);
  });
});
