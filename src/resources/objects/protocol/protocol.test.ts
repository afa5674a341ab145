import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DOMAIN, type ObjectWorld, objectWorld, person } from '../world.fixture.ts';
import { signV4, v4ChunkSigner, v4SigningKey } from './signature-v4.ts';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  code: string | undefined;
}

describe('object protocol', () => {
  let world: ObjectWorld;
  const ann = person('ann');

  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(ann, 'data');
  });
  after(() => world.close());

  function send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Buffer | string,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ port: world.port, host: '127.0.0.1', method, path, headers }, response => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1];
          resolve({ status: response.statusCode!, headers: response.headers, text, code });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** A request in the OBS dialect to `<bucket>.<domain>`, signed as the OBS documentation says. */
  function obs(method: string, path: string, options: ObsOptions = {}): Promise<Answer> {
    const { bucket = 'data', body, extra = {}, date = new Date().toUTCString(), secret = 'SK-ann' } = options;
    const own = Object.keys(extra).filter(name => name.startsWith('x-obs-'));
    const resource = path.replace(/\?(prefix|max-keys)=.*/, ''); // these parameters are not signed
    const lines = own.sort().map(name => `${name}:${extra[name]}\n`);
    const text = `${method}\n${extra['content-md5'] ?? ''}\n${extra['content-type'] ?? ''}\n${date}\n${lines.join('')}/${bucket}${resource}`;
    const signature = createHmac('sha1', secret).update(text).digest('base64');
    const headers = { host: `${bucket}.${DOMAIN}`, date, authorization: `OBS AK-ann:${signature}`, ...extra };
    return send(method, path, headers, body);
  }
  interface ObsOptions {
    bucket?: string;
    body?: Buffer | string;
    extra?: Record<string, string>;
    date?: string;
    secret?: string;
  }

  const filesOnDisk = () => {
    const root = join(world.dir, 'objects');
    const shards = readdirSync(join(root, 'blobs')).flatMap(shard => readdirSync(join(root, 'blobs', shard)));
    return readdirSync(join(root, 'tmp')).length + shards.length;
  };

  it('speaks the OBS dialect on virtual hosts', async () => {
    const extra = { 'x-obs-meta-colour': 'blue', 'x-obs-storage-class': 'WARM', 'content-type': 'text/plain' };
    const put = await obs('PUT', '/a/b%20c', { body: 'hello', extra });
    assert.equal(put.status, 200, put.text);
    assert.ok(put.headers['x-obs-request-id'] && put.headers['x-obs-id-2']);
    const got = await obs('GET', '/a/b%20c');
    assert.deepEqual([got.text, got.headers['x-obs-meta-colour']], ['hello', 'blue']);
    assert.equal(got.headers['x-obs-storage-class'], 'WARM');
    assert.equal(got.headers['x-amz-request-id'], undefined);
    const list = await obs('GET', '/?prefix=a/');
    assert.match(list.text, /<Key>a\/b c<\/Key>.*<StorageClass>WARM<\/StorageClass>/);
    const missing = await obs('HEAD', '/nothing');
    assert.deepEqual([missing.status, missing.headers['x-obs-error-code']], [404, 'NoSuchKey']);
    const acl = await obs('PUT', '/x', { body: 'x', extra: { 'x-obs-acl': 'public' } });
    assert.deepEqual([acl.status, acl.code], [400, 'InvalidArgument']);
    const location = await obs('GET', '/?location');
    assert.match(location.text, /<Location[^>]*>local-1<\/Location>/);
  });

  it('answers the negotiation without a signature', async () => {
    const at = async (host: string) => (await send('HEAD', '/?apiversion', { host })).status;
    assert.deepEqual([await at(DOMAIN), await at(`data.${DOMAIN}`), await at(`none.${DOMAIN}`)], [200, 200, 404]);
    assert.equal((await send('HEAD', '/?apiversion', { host: DOMAIN })).headers['x-obs-api'], '3.0');
  });

  it('refuses what is not, or wrongly, or too late signed', async () => {
    const refusals: [string, Promise<Answer>, number, string][] = [
      ['anonymous', send('GET', '/data/a', { host: 'localhost' }), 403, 'AccessDenied'],
      ['secret', obs('GET', '/a', { secret: 'wrong' }), 403, 'SignatureDoesNotMatch'],
      [
        'skew',
        obs('GET', '/a', { date: new Date(Date.now() - 16 * 60_000).toUTCString() }),
        403,
        'RequestTimeTooSkewed',
      ],
      ['no date', obs('GET', '/a', { date: '' }), 403, 'AccessDenied'],
      [
        'key',
        send('GET', '/data/a', { authorization: 'OBS nobody:x', date: new Date().toUTCString() }),
        403,
        'InvalidAccessKeyId',
      ],
      ['scheme', send('GET', '/data/a', { authorization: 'Basic eA==' }), 400, 'InvalidArgument'],
    ];
    for (const [name, answer, status, code] of refusals) {
      const got = await answer;
      assert.deepEqual([got.status, got.code], [status, code], name);
      assert.match(got.text, /<RequestId>\w+<\/RequestId><HostId>/);
    }
    const { service } = world.objects;
    const input = { method: 'GET', bucket: 'data', key: 'a/b c', endpoint: world.url } as const;
    const { access, secret } = world.key('ann');
    const status = async (url: string) => (await fetch(url)).status;
    assert.equal(await status(service.signUrl({ access, secret }, { ...input, expiresSeconds: 60 })), 200);
    assert.equal(await status(service.signUrl({ access, secret }, { ...input, expiresSeconds: -5 })), 403);
    const typed = service.signUrl({ access, secret }, { ...input, expiresSeconds: 60, responseContentType: 'a/b' });
    assert.equal((await fetch(typed)).headers.get('content-type'), 'a/b');
    assert.equal(await status(typed.replace('a%2Fb', 'text%2Fhtml')), 403);
  });

  it('checks MD5, ranges and conditions', async () => {
    const md5 = (text: string) => createHash('md5').update(text).digest('base64');
    const put = (digest: string) => obs('PUT', '/m', { body: 'hello', extra: { 'content-md5': digest } });
    assert.equal((await put(md5('hello'))).status, 200);
    assert.equal((await put(md5('other'))).code, 'BadDigest');
    assert.equal((await put('nonsense')).code, 'InvalidDigest');
    const range = async (text: string) => {
      const { status, headers, text: content, code } = await obs('GET', '/m', { extra: { range: text } });
      return [status, headers['content-range'], code ?? content];
    };
    assert.deepEqual(await range('bytes=1-2'), [206, 'bytes 1-2/5', 'el']);
    assert.deepEqual(await range('bytes=-2'), [206, 'bytes 3-4/5', 'lo']);
    assert.deepEqual(await range('bytes=3-'), [206, 'bytes 3-4/5', 'lo']);
    assert.deepEqual(await range('bytes=5-'), [416, undefined, 'InvalidRange']);
    assert.deepEqual(await range('bytes=2-1'), [200, undefined, 'hello']);
    const etag = createHash('md5').update('hello').digest('hex');
    const condition = async (name: string, value: string) =>
      (await obs('GET', '/m', { extra: { [name]: value } })).status;
    assert.equal(await condition('if-none-match', `"${etag}"`), 304);
    assert.equal(await condition('if-match', '"0"'), 412);
    assert.equal(await condition('if-modified-since', new Date(Date.now() + 1000).toUTCString()), 304);
    assert.equal(await condition('if-unmodified-since', new Date(0).toUTCString()), 412);
  });

  it('refuses bad addresses and documents', async () => {
    assert.equal((await obs('GET', '/%ff%fe')).code, 'InvalidURI');
    assert.equal((await obs('PUT', `/${'k'.repeat(1025)}`, { body: 'x' })).code, 'KeyTooLongError');
    assert.equal((await obs('PUT', `/${'k'.repeat(1024)}`, { body: 'x' })).status, 200);
    const remove = async (body: string) => (await obs('POST', '/?delete', { body })).code;
    assert.equal(await remove('<Delete><Object></Delete>'), 'MalformedXML');
    assert.equal(
      await remove(`<!DOCTYPE x [<!ENTITY e "x">]><Delete><Object><Key>&e;</Key></Object></Delete>`),
      'MalformedXML',
    );
    assert.equal(await remove('<a>'.repeat(5000)), 'MalformedXML');
    assert.equal(await remove('<Delete></Delete>'), 'MalformedXML');
    assert.equal((await obs('GET', '/?max-keys=-1')).code, 'InvalidArgument');
    assert.equal((await obs('PUT', '/?policy', { body: '{}' })).code, 'MalformedPolicy');
    assert.equal((await obs('POST', '/m')).code, 'MethodNotAllowed');
  });

  it('hides from whoever may not list whether an object exists', async () => {
    world.deny.rule = (_, { action }) => (action === 'obs:bucket:ListBucket' ? 'no grant' : undefined);
    assert.deepEqual((await obs('GET', '/nothing')).code, 'AccessDenied');
    assert.equal((await obs('GET', '/m')).text, 'hello');
    delete world.deny.rule;
  });

  it('leaves nothing of an upload that broke off', async () => {
    const files = filesOnDisk();
    const before = await obs('GET', '/m');
    const date = new Date().toUTCString();
    const signature = createHmac('sha1', 'SK-ann').update(`PUT\n\n\n${date}\n/data/m`).digest('base64');
    const head = `PUT /data/m HTTP/1.1\r\nHost: x\r\nDate: ${date}\r\nAuthorization: OBS AK-ann:${signature}\r\nContent-Length: 5000000\r\n\r\n`;
    const socket = connect(world.port, '127.0.0.1');
    socket.write(head);
    socket.write(Buffer.alloc(3_000_000));
    const until = async (holds: () => boolean) => {
      for (const end = Date.now() + 60_000; !holds() && Date.now() < end; ) await sleep(20);
    };
    await until(() => filesOnDisk() > files);
    assert.ok(filesOnDisk() > files, 'the upload was under way');
    socket.destroy();
    await until(() => filesOnDisk() === files);
    assert.equal(filesOnDisk(), files);
    assert.equal((await obs('GET', '/m')).text, before.text);
  });

  it('never mixes concurrent overwrites', async () => {
    const contents = Array.from({ length: 12 }, (_, i) =>
      Buffer.alloc(100_000 + i * 7919, String.fromCharCode(97 + i)),
    );
    const reads: Promise<Answer>[] = [];
    await Promise.all(
      contents.map(async body => {
        assert.equal((await obs('PUT', '/race', { body })).status, 200);
        reads.push(obs('GET', '/race'));
      }),
    );
    for (const { text, headers } of await Promise.all(reads)) {
      assert.equal(headers.etag, `"${createHash('md5').update(text).digest('hex')}"`);
      assert.ok(contents.some(content => content.toString() === text));
    }
  });

  /** A v4 request whose body is signed chunk by chunk; `spoil` changes the framed body before it is sent. */
  async function chunked(parts: string[], spoil: (framed: string) => string = framed => framed): Promise<Answer> {
    const timestamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const scope = { date: timestamp.slice(0, 8), region: 'r', service: 's3' };
    const key = v4SigningKey('SK-ann', scope);
    const payload = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
    const length = String(parts.join('').length);
    const signed = {
      host: 'h',
      'x-amz-content-sha256': payload,
      'x-amz-date': timestamp,
      'x-amz-decoded-content-length': length,
    };
    const names = Object.keys(signed).join(';');
    const lines = Object.entries(signed).map(pair => `${pair.join(':')}\n`);
    const canonical = `PUT\n/data/chunked\n\n${lines.join('')}\n${names}\n${payload}`;
    const scopeText = `${scope.date}/r/s3/aws4_request`;
    const hash = createHash('sha256').update(canonical).digest('hex');
    const signature = signV4(key, `AWS4-HMAC-SHA256\n${timestamp}\n${scopeText}\n${hash}`);
    const signer = v4ChunkSigner(key, timestamp, scope, signature);
    const frames = [...parts, ''].map(part => {
      const sha = createHash('sha256').update(part).digest('hex');
      return `${part.length.toString(16)};chunk-signature=${signer.chunk(sha)}\r\n${part}\r\n`;
    });
    const authorization = `AWS4-HMAC-SHA256 Credential=AK-ann/${scopeText}, SignedHeaders=${names}, Signature=${signature}`;
    return send(
      'PUT',
      '/data/chunked',
      { ...signed, authorization, 'content-encoding': 'aws-chunked' },
      spoil(frames.join('')),
    );
  }

  it('verifies every chunk of a signed stream', async () => {
    assert.equal((await chunked(['hello ', 'chunked ', 'world'])).status, 200);
    const got = await obs('GET', '/chunked');
    assert.deepEqual([got.text, got.headers['content-encoding']], ['hello chunked world', undefined]);
    assert.equal((await chunked(['hello'], text => text.replace('hello', 'jello'))).code, 'SignatureDoesNotMatch');
    assert.equal((await chunked(['hello'], text => text.slice(0, 40))).code, 'IncompleteBody');
    assert.equal((await chunked(['hello'], text => text.replace('5;', 'zz;'))).code, 'InvalidRequest');
    assert.equal((await obs('GET', '/chunked')).text, 'hello chunked world');
  });
});
