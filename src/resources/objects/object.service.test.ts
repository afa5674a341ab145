import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { manualClock } from '../../kernel/clock.ts';
import { isFailure } from '../../kernel/failure.ts';
import { parseObsPath } from './index.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const ann = person('ann');
const eve = person('eve', 'evil');
const big = Buffer.alloc(3_500_000, 'abcdefg');

describe('object service', () => {
  let world: ObjectWorld;
  let dir: string;
  const service = () => world.objects.service;
  const put = (key: string, content: string | Buffer = key) =>
    service().put(ann, { bucket: 'data', key }, Buffer.from(content));

  before(async () => {
    world = await objectWorld();
  });
  after(() => world.close());
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'atelier-transfer-'));
    await service().createBucket(ann, 'data');
  });
  afterEach(async () => {
    rmSync(dir, { recursive: true });
    delete world.deny.rule;
    for await (const info of service().walk(ann, { bucket: 'data', key: '' })) await service().remove(ann, info);
    await service().deleteBucket(ann, 'data');
  });

  const failsWith = (code: string, pattern?: RegExp) => (error: unknown) => {
    assert.ok(isFailure(error, code), `${code} expected, got ${error}`);
    if (pattern) assert.match(error.message, pattern);
    return true;
  };

  it('reads paths in every notation', () => {
    for (const form of ['obs://data/a/b', '/data/a/b', 'data/a/b']) {
      assert.deepEqual(parseObsPath(form), { bucket: 'data', key: 'a/b' });
    }
    assert.deepEqual(parseObsPath('/data/'), { bucket: 'data', key: '' });
    assert.throws(() => parseObsPath('/'), failsWith('InvalidArgument'));
    assert.throws(() => parseObsPath('/Not_A_Bucket/x'), failsWith('InvalidBucketName', /lower-case/));
  });

  it('stores and gives back small and large objects, whole and in ranges', async () => {
    for (const content of [Buffer.alloc(0), Buffer.from('tiny'), big]) {
      const info = await service().put(ann, { bucket: 'data', key: 'k' }, Readable.from([content]), {
        metadata: { a: 'b' },
      });
      assert.equal(info.size, content.length);
      const read = await service().read(ann, { bucket: 'data', key: 'k' });
      assert.deepEqual(await buffer(read.stream), content);
      assert.equal(read.info.metadata.a, 'b');
    }
    const part = await service().read(ann, { bucket: 'data', key: 'k' }, { start: 1_048_570, end: 1_048_590 });
    assert.deepEqual(await buffer(part.stream), big.subarray(1_048_570, 1_048_591));
  });

  it('refuses a wrong size or MD5 and leaves no file', async () => {
    const path = { bucket: 'data', key: 'k' };
    await assert.rejects(service().put(ann, path, big, { size: 1 }), failsWith('IncompleteBody'));
    await assert.rejects(service().put(ann, path, big, { md5: '0'.repeat(32) }), failsWith('BadDigest'));
    assert.equal(await service().head(ann, path), undefined);
    assert.equal(await world.objects.sweep(), 0);
  });

  it('a reader keeps the version it opened while it is overwritten and swept', async () => {
    await put('k', big);
    const { stream } = await service().read(ann, { bucket: 'data', key: 'k' });
    await put('k', 'new');
    await world.objects.sweep();
    assert.deepEqual(await buffer(stream), big);
    assert.equal(await text((await service().read(ann, { bucket: 'data', key: 'k' })).stream), 'new');
  });

  it('notices a bit flipped on disk', async () => {
    await put('k', big);
    const [row] = (await world.db
      .selectFrom('obs_blobs')
      .select('id')
      .where('content', 'is', null)
      .where('refs', '>', 0)
      .execute()) as { id: string }[];
    const file = join(world.dir, 'objects', 'blobs', row!.id.slice(0, 2), row!.id);
    const bytes = readFileSync(file);
    bytes[2_000_000]! ^= 1;
    writeFileSync(file, bytes);
    const { stream } = await service().read(ann, { bucket: 'data', key: 'k' });
    await assert.rejects(buffer(stream), failsWith('InternalError', /damaged/));
  });

  it('lists in UTF-8 order with delimiter and markers, page by page', async () => {
    const keys = ['a/1', 'a/2', 'b', 'c/x/1', 'c/y', 'z\u{10ffff}', '\u{ff5e}', '\u{1f600}', 'a', '//', '../up'];
    for (const key of keys) await put(key);
    const sorted = [...keys].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    const seen: string[] = [];
    for await (const info of service().walk(ann, { bucket: 'data', key: '' })) seen.push(info.key);
    assert.deepEqual(seen, sorted);
    const entries: string[] = [];
    let marker: string | undefined;
    do {
      const page = await service().list(ann, 'data', { delimiter: '/', maxKeys: 2, ...(marker ? { marker } : {}) });
      assert.ok(page.objects.length + page.prefixes.length <= 2);
      entries.push(...[...page.objects.map(o => o.key), ...page.prefixes].sort());
      marker = page.nextMarker;
    } while (marker);
    assert.deepEqual(entries.sort(), ['../', '/', 'a', 'a/', 'b', 'c/', 'z\u{10ffff}', '\u{ff5e}', '\u{1f600}'].sort());
    const under = await service().list(ann, 'data', { prefix: 'c/', delimiter: '/' });
    assert.deepEqual([under.objects.map(o => o.key), under.prefixes], [['c/y'], ['c/x/']]);
  });

  it('keeps accounts apart, and says of what lies in another one no more than that', async () => {
    await put('secret');
    const path = { bucket: 'data', key: 'secret' };
    const refused = failsWith('AccessDenied', /user eve is not allowed this: the bucket belongs to another account/);
    await assert.rejects(service().read(eve, path), refused);
    await assert.rejects(service().list(eve, 'data'), failsWith('AccessDenied'));
    await assert.rejects(service().createBucket(eve, 'data'), failsWith('BucketAlreadyExists'));
    await assert.rejects(service().createBucket(ann, 'data'), failsWith('BucketAlreadyOwnedByYou'));
    assert.deepEqual(await service().listBuckets(eve), []);
    world.deny.rule = (_, { action, resource }) =>
      action === 'obs:object:GetObject' && resource === 'obs:*:*:object:data/secret'
        ? 'policy p, statement 0'
        : undefined;
    await assert.rejects(service().download(ann, path, dir), failsWith('AccessDenied', /policy p, statement 0/));
  });

  it('downloads a prefix, gives it to its owner, and does not copy again what is there', async () => {
    await put('in/a.txt', 'a');
    await put('in/deep/b.bin', big);
    await put('in/empty/', '');
    await put('inside', 'not this');
    const target = join(dir, 'target');
    const progress: number[] = [];
    const result = await service().download(ann, { bucket: 'data', key: 'in' }, target, {
      owner: { uid: 1000, gid: 100 },
      durable: true,
      onProgress: p => progress.push(p.files),
    });
    assert.deepEqual(result, { files: 2, bytes: 1 + big.length });
    assert.equal(progress.at(-1), 2);
    assert.deepEqual(readFileSync(join(target, 'deep/b.bin')), big);
    const stat = lstatSync(join(target, 'deep/b.bin'));
    assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o777], [1000, 100, 0o644]);
    assert.ok(lstatSync(join(target, 'empty')).isDirectory());
    assert.equal(lstatSync(join(target, 'deep')).uid, 1000);
    writeFileSync(join(target, 'a.txt'), 'partial');
    const { ctimeMs } = lstatSync(join(target, 'deep/b.bin'));
    await service().download(ann, { bucket: 'data', key: 'in/' }, target);
    assert.equal(readFileSync(join(target, 'a.txt'), 'utf8'), 'a');
    assert.equal(lstatSync(join(target, 'deep/b.bin')).ctimeMs, ctimeMs);
    await service().download(ann, { bucket: 'data', key: 'in/a.txt' }, join(dir, 'one'));
    assert.equal(readFileSync(join(dir, 'one/a.txt'), 'utf8'), 'a');
    await assert.rejects(service().download(ann, { bucket: 'data', key: 'none' }, dir), failsWith('NoSuchKey'));
  });

  it('refuses keys that would leave the directory or cannot be files', async () => {
    const bad: [string, RegExp][] = [
      ['p/../../etc/passwd', /"\.\."/],
      ['p//etc/passwd', /empty path segment/],
      ['p/a/./b', /"\."/],
      ['p/nul\0byte', /NUL/],
      [`p/${'n'.repeat(256)}`, /longer than 255/],
      ['..', /"\.\."/],
    ];
    for (const [key, reason] of bad) {
      await put(key);
      const from = { bucket: 'data', key: key.startsWith('p/') ? 'p/' : key };
      await assert.rejects(service().download(ann, from, join(dir, 'x')), failsWith('InvalidKeyForFile', reason));
      await service().remove(ann, { bucket: 'data', key });
    }
    await put('p/a');
    await put('p/a/b');
    const both = service().download(ann, { bucket: 'data', key: 'p/' }, join(dir, 'x'));
    await assert.rejects(both, failsWith('InvalidKeyForFile', /"p\/a".*object and at the same time/));
  });

  it('never writes through a link that lies in the target', async () => {
    await put('p/f', 'new');
    await put('q/sub/f', 'new');
    const outside = join(dir, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'victim'), 'old');
    const target = join(dir, 'target');
    mkdirSync(target);
    symlinkSync(join(outside, 'victim'), join(target, 'f'));
    await service().download(ann, { bucket: 'data', key: 'p/' }, target);
    assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'old');
    assert.equal(readFileSync(join(target, 'f'), 'utf8'), 'new');
    symlinkSync(outside, join(target, 'sub'));
    const through = service().download(ann, { bucket: 'data', key: 'q/' }, target);
    await assert.rejects(through, failsWith('InvalidKeyForFile'));
  });

  it('stops a download when told to', async () => {
    for (let i = 0; i < 40; i++) await put(`p/${i}`);
    const abort = new AbortController();
    const download = service().download(ann, { bucket: 'data', key: 'p/' }, join(dir, 'x'), {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await assert.rejects(download, /enough/);
  });

  it('an interrupted download, repeated, brings every file and leaves those that were there', async () => {
    for (let i = 0; i < 60; i++) await put(`p/${i}`, `content of ${i}`);
    await put('p/big', big);
    const target = join(dir, 'x');
    const abort = new AbortController();
    const from = { bucket: 'data', key: 'p/' };
    const first = service().download(ann, from, target, {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('killed')),
    });
    await assert.rejects(first, /killed/);
    // As a server that dies in the middle of a file leaves it: of the right size, but not marked as complete.
    writeFileSync(join(target, 'big'), Buffer.alloc(big.length));
    writeFileSync(join(target, '59'), 'cont');
    const { ctimeMs, ino } = lstatSync(join(target, '0'));
    const second = await service().download(ann, from, target);
    assert.equal(second.files, 61);
    for (let i = 0; i < 60; i++) assert.equal(readFileSync(join(target, String(i)), 'utf8'), `content of ${i}`);
    assert.ok(readFileSync(join(target, 'big')).equals(big));
    const after = lstatSync(join(target, '0'));
    assert.deepEqual([after.ctimeMs, after.ino], [ctimeMs, ino]);
  });

  it('a download brings no object that the disk has damaged', async () => {
    await put('p/big', big);
    await world.db
      .updateTable('obs_blobs' as never)
      .set({ checks: Buffer.alloc(64) } as never)
      .execute();
    const target = join(dir, 'x');
    const attempt = () => service().download(ann, { bucket: 'data', key: 'p/' }, target);
    await assert.rejects(attempt(), failsWith('InternalError', /damaged/));
    await assert.rejects(attempt(), failsWith('InternalError', /damaged/));
  });

  it('an interrupted upload goes on with what is not there yet', async () => {
    const out = join(dir, 'out');
    mkdirSync(out);
    for (let i = 0; i < 60; i++) writeFileSync(join(out, String(i)), `content of ${i}`);
    const to = { bucket: 'data', key: 'out' };
    const abort = new AbortController();
    let known: { files: Record<string, { size: number; mtimeNs: string }> } | undefined;
    const first = service().upload(ann, out, to, {
      signal: abort.signal,
      onUploaded: now => {
        known = now;
        if (Object.keys(now.files).length === 20) abort.abort(new Error('killed'));
      },
    });
    await assert.rejects(first, /killed/);
    const kept = Object.keys(known!.files).length;
    const second = await service().upload(ann, out, to, { known: known! });
    assert.ok(kept >= 20 && kept < 60, String(kept));
    assert.equal(second.files, 60 - kept);
    assert.equal((await service().list(ann, 'data', { prefix: 'out/' })).objects.length, 60);
  });

  it('uploads what changed since the last time, and follows no link out', async () => {
    const out = join(dir, 'out');
    mkdirSync(join(out, 'sub'), { recursive: true });
    writeFileSync(join(dir, 'private'), 'secret');
    writeFileSync(join(out, 'a.json'), '{}');
    writeFileSync(join(out, 'sub/b'), big);
    symlinkSync(join(dir, 'private'), join(out, 'leak'));
    symlinkSync('/etc', join(out, 'etc'));
    symlinkSync('a.json', join(out, 'inner'));
    const to = { bucket: 'data', key: 'out' };
    const first = await service().upload(ann, out, to);
    assert.equal(first.files, 3);
    assert.deepEqual(first.skipped.map(s => s.path).sort(), ['etc', 'leak']);
    assert.equal((await service().head(ann, { bucket: 'data', key: 'out/a.json' }))?.contentType, 'application/json');
    assert.equal(await service().head(ann, { bucket: 'data', key: 'out/leak' }), undefined);
    writeFileSync(join(out, 'sub/b'), 'changed');
    utimesSync(join(out, 'sub/b'), 1, 1);
    const second = await service().upload(ann, out, to, { known: JSON.parse(JSON.stringify(first.known)) });
    assert.deepEqual([second.files, second.bytes], [1, 7]);
    assert.equal((await service().upload(ann, out, to, { known: second.known })).files, 0);
  });
});

describe('blobs that nobody refers to', () => {
  it('are removed after a grace, later still while somebody reads them', async () => {
    const clock = manualClock();
    const world = await objectWorld({ clock });
    try {
      const { service } = world.objects;
      const path = { bucket: 'data', key: 'k' };
      await service.createBucket(ann, 'data');
      await service.put(ann, path, big);
      const { stream } = await service.read(ann, path);
      await service.put(ann, path, Buffer.from('new'));
      assert.equal(await world.objects.sweep(), 0, 'too early');
      clock.advance(11_000);
      assert.equal(await world.objects.sweep(), 0, 'being read');
      assert.deepEqual(await buffer(stream), big);
      assert.equal(await world.objects.sweep(), 1);
      assert.equal(await world.objects.sweep(), 0);
      assert.equal(await text((await service.read(ann, path)).stream), 'new');
    } finally {
      await world.close();
    }
  });

  it('are still read to the end by whoever opened the object before, small ones too', async () => {
    const world = await objectWorld();
    try {
      const { service } = world.objects;
      await service.createBucket(ann, 'data');
      const path = { bucket: 'data', key: 'k' };
      await service.put(ann, path, Buffer.from('old'));
      const { stream } = await service.read(ann, path);
      await service.put(ann, path, Buffer.from('new'));
      await world.objects.sweep();
      assert.equal(await text(stream), 'old');
    } finally {
      await world.close();
    }
  });

  it('go by themselves, also those that die while others wait', { timeout: 60_000 }, async () => {
    const world = await objectWorld({ graceMs: 300 });
    try {
      const { service } = world.objects;
      await service.createBucket(ann, 'data');
      const path = { bucket: 'data', key: 'k' };
      for (let i = 0; i < 5; i++) {
        await service.put(ann, path, i % 2 ? big : Buffer.from('small'));
        await sleep(100);
      }
      const blobs = () => world.db.selectFrom('obs_blobs').select('id').execute();
      while ((await blobs()).length > 1) await sleep(20); // the test's timeout is the limit
      assert.equal(await text((await service.read(ann, path)).stream), 'small');
    } finally {
      await world.close();
    }
  });

  it('stay while a copy refers to them', async () => {
    const clock = manualClock();
    const world = await objectWorld({ clock });
    try {
      const { service } = world.objects;
      await service.createBucket(ann, 'data');
      await service.put(ann, { bucket: 'data', key: 'from' }, big);
      const { access, secret } = world.key('ann');
      const date = new Date(clock.now()).toUTCString();
      const source = '/data/from';
      const signed = `PUT\n\n\n${date}\nx-obs-copy-source:${source}\n/data/to`;
      const signature = createHmac('sha1', secret).update(signed).digest('base64');
      const copied = await fetch(`${world.url}/data/to`, {
        method: 'PUT',
        headers: { 'x-obs-copy-source': source, authorization: `OBS ${access}:${signature}`, 'x-obs-date': date },
      });
      assert.equal(copied.status, 403, 'x-obs-date is signed as well');
      const full = `PUT\n\n\n\nx-obs-copy-source:${source}\nx-obs-date:${date}\n/data/to`;
      const right = createHmac('sha1', secret).update(full).digest('base64');
      const again = await fetch(`${world.url}/data/to`, {
        method: 'PUT',
        headers: { 'x-obs-copy-source': source, authorization: `OBS ${access}:${right}`, 'x-obs-date': date },
      });
      assert.equal(again.status, 200, await again.text());
      await service.remove(ann, { bucket: 'data', key: 'from' });
      clock.advance(11_000);
      assert.equal(await world.objects.sweep(), 0);
      assert.deepEqual(await buffer((await service.read(ann, { bucket: 'data', key: 'to' })).stream), big);
      await service.remove(ann, { bucket: 'data', key: 'to' });
      clock.advance(11_000);
      assert.equal(await world.objects.sweep(), 1);
    } finally {
      await world.close();
    }
  });
});
