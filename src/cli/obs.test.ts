import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { sql } from 'kysely';
import { crc32Text } from '../kernel/crc32.ts';
import type { Principal } from '../kernel/principal.ts';
import { createMachine, type Machine } from './machine.fixture.ts';
import { type ObsProxy, obsProxy } from './obs-proxy.fixture.ts';

const MIB = 1024 * 1024;

let machine: Machine;
let proxy: ObsProxy;
let owner: Principal;
let number = 0;
/** A fresh bucket and a fresh directory for each test. */
let bucket: string;
let dir: string;

before(async () => {
  machine = await createMachine();
  const { world } = machine;
  const { root } = world;
  proxy = await obsProxy(world.obs);
  machine.write('config/atelier/profiles.json', {
    current: 'root',
    profiles: {
      root: {
        endpoints: { api: world.api, obs: proxy.url, inference: world.api },
        region: 'local-1',
        projectId: root.projectId,
        account: root.account,
        key: { access: root.accessKey, secret: root.secretKey },
      },
    },
  });
  owner = (await world.families.iam.resolveAccessKey(root.accessKey))!.principal;
});
after(async () => {
  proxy.close();
  await machine.remove();
});
beforeEach(async () => {
  number += 1;
  bucket = `bucket-${number}`;
  dir = join(machine.dir, `dir-${number}`);
  mkdirSync(dir);
  proxy.reset();
  await machine.world.families.objects.service.createBucket(owner, bucket);
});

const put = (key: string, content: string | Buffer) =>
  machine.world.families.objects.service.put(owner, { bucket, key }, Buffer.from(content));

async function keys(prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of machine.world.families.objects.service.walk(owner, { bucket, key: prefix }))
    found.push(key);
  return found;
}

/** Files below a directory, without links and directories. */
function files(below: string): string[] {
  return readdirSync(below, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(below.length + 1))
    .sort();
}

function write(path: string, content: string | Buffer): string {
  const full = join(dir, path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, content);
  return full;
}

/** Runs until the door holds a request and it is time, then is killed as the kernel does it. */
async function killedWhenHeld(words: string[], isTime: () => boolean): Promise<void> {
  const child = machine.start(['--profile', 'root', ...words]);
  const ended = new Promise(resolve => child.once('exit', resolve));
  await proxy.held();
  await machine.world.until(isTime);
  child.kill('SIGKILL');
  await ended;
}

const allAnswered = () => proxy.answered === proxy.passed.length;

/** Ranges of which the journals of downloads say that they are on the disk. */
function rangesNoted(): number {
  const journals = join(machine.dir, '.local/state/atelier/transfers');
  const lines = existsSync(journals)
    ? readdirSync(journals).map(name => readFileSync(join(journals, name), 'utf8'))
    : [];
  return lines.join('').match(/"part":/g)?.length ?? 0;
}

const passed = (pattern: RegExp) => proxy.passed.filter(line => pattern.test(line)).length;

test('an upload that was killed goes on with the parts that are there, and the whole is checked', async () => {
  const content = randomBytes(40 * MIB);
  const path = write('big.bin', content);
  let parts = 0;
  proxy.hold = request => /partNumber=/.test(request.url!) && ++parts > 3;
  await killedWhenHeld(['obs', 'cp', path, `obs://${bucket}/big.bin`], allAnswered);
  assert.deepEqual(await keys(), []);
  assert.equal(passed(/^PUT .*partNumber=/), 3);

  proxy.reset();
  const done = await machine.json('obs cp', path, `obs://${bucket}/big.bin`);
  assert.equal(passed(/^PUT .*partNumber=/), 2);
  assert.equal(done.resumedBytes, 24 * MIB);
  assert.equal(done.bytes, content.length);
  const head = await machine.json('obs stat', `obs://${bucket}/big.bin`);
  assert.equal(head.crc32, crc32Text(crc32(content)));
  assert.equal(head.size, content.length);
});

test('a file that changed since its upload was killed is uploaded anew', async () => {
  const path = write('big.bin', randomBytes(17 * MIB));
  let parts = 0;
  proxy.hold = request => /partNumber=/.test(request.url!) && ++parts > 2;
  await killedWhenHeld(['obs', 'cp', path, `obs://${bucket}/big.bin`], allAnswered);

  proxy.reset();
  const content = randomBytes(17 * MIB);
  writeFileSync(path, content);
  assert.equal((await machine.json('obs cp', path, `obs://${bucket}/big.bin`)).resumedBytes, undefined);
  assert.equal(passed(/^PUT .*partNumber=/), 3);
  assert.equal(passed(/^DELETE .*uploadId=/), 1);
  assert.equal((await machine.json('obs stat', `obs://${bucket}/big.bin`)).crc32, crc32Text(crc32(content)));
});

test('a download that was killed goes on with the ranges that are still right', async () => {
  const content = randomBytes(40 * MIB);
  await put('big.bin', content);
  const path = join(dir, 'big.bin');
  let ranges = 0;
  proxy.hold = request => request.headers.range !== undefined && ++ranges > 3;
  await killedWhenHeld(['obs', 'cp', `obs://${bucket}/big.bin`, path], () => rangesNoted() === 3);
  assert.deepEqual(files(dir), ['big.bin.atelier-part']);

  // One of the three ranges loses a byte on the disk.
  const partial = readFileSync(`${path}.atelier-part`);
  const range = (of: Buffer, part: number) => of.subarray(part * 8 * MIB, (part + 1) * 8 * MIB);
  const good = [0, 1, 2, 3, 4].find(part => range(partial, part).equals(range(content, part)))!;
  partial[good * 8 * MIB] = partial[good * 8 * MIB]! ^ 1;
  writeFileSync(`${path}.atelier-part`, partial);

  proxy.reset();
  const done = await machine.json('obs cp', `obs://${bucket}/big.bin`, path);
  assert.equal(done.resumedBytes, 16 * MIB);
  assert.equal(passed(/^GET .*bytes=/), 3);
  assert.deepEqual(files(dir), ['big.bin']);
  assert.ok(readFileSync(path).equals(content));
});

test('an object that was replaced since its download was killed comes whole', async () => {
  await put('big.bin', randomBytes(20 * MIB));
  const path = join(dir, 'big.bin');
  let ranges = 0;
  proxy.hold = request => request.headers.range !== undefined && ++ranges > 1;
  await killedWhenHeld(['obs', 'cp', `obs://${bucket}/big.bin`, path], () => rangesNoted() === 1);

  proxy.reset();
  const content = randomBytes(20 * MIB);
  await put('big.bin', content);
  assert.equal((await machine.json('obs cp', `obs://${bucket}/big.bin`, path)).resumedBytes, undefined);
  assert.ok(readFileSync(path).equals(content));
});

test('what comes damaged is not kept, small or large', async () => {
  await put('small', 'x'.repeat(1000));
  await put('large', randomBytes(12 * MIB));
  proxy.damage = (request, chunk) => {
    if (request.method !== 'GET' || !/small|large/.test(request.url!)) return chunk;
    const damaged = Buffer.from(chunk);
    damaged[0]! ^= 1;
    return damaged;
  };
  for (const key of ['small', 'large']) {
    const { code, err } = await machine.atelier(['obs', 'cp', `obs://${bucket}/${key}`, join(dir, key)]);
    assert.equal(code, 1);
    assert.match(err, /does not have the object's checksum.*Atelier\.Damaged/);
    assert.doesNotMatch(err, /\n\s+at /);
  }
  assert.deepEqual(files(dir), []);
});

test('what arrives damaged at the store is refused', async () => {
  write('small', 'x'.repeat(1000));
  proxy.damage = (_request, chunk, from) => (from === 'client' ? Buffer.from(chunk).fill(0) : chunk);
  const { code, err } = await machine.atelier(['obs', 'cp', join(dir, 'small'), `obs://${bucket}/`]);
  assert.equal(code, 1);
  assert.match(err, /Mismatch|BadDigest/);
  assert.deepEqual(await keys(), []);
});

test('sync brings a directory to a folder and back, and copies only what differs', async () => {
  const source = join(dir, 'source');
  for (const name of ['a.txt', 'sub/b.txt', 'sub/deep/c.txt', 'skip.tmp', 'logs/d.txt']) write(`source/${name}`, name);
  const there = `obs://${bucket}/data/`;
  await put('data/old.txt', 'old');
  await put('data/keep.tmp', 'excluded, and so not deleted');
  const rules = ['--exclude', '*.tmp', '--exclude', 'logs/', '--delete'];

  const plan = await machine.json('obs sync', source, there, ...rules, '--dry-run');
  assert.deepEqual(
    plan.map(({ action, path, why }: Record<string, string>) => `${action} ${path} ${why}`),
    ['copy a.txt new', 'delete old.txt not in the source', 'copy sub/b.txt new', 'copy sub/deep/c.txt new'],
  );
  assert.deepEqual(await keys(), ['data/keep.tmp', 'data/old.txt']);

  const first = await machine.json('obs sync', source, there, ...rules);
  assert.deepEqual([first.copied, first.deleted, first.unchanged, first.failed], [3, 1, 0, 0]);
  assert.deepEqual(await keys(), ['data/a.txt', 'data/keep.tmp', 'data/sub/b.txt', 'data/sub/deep/c.txt']);

  // A touched file has the same content; a changed one of the same size is found.
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(source, 'a.txt'), later, later);
  write('source/sub/b.txt', 'SUB/B.TXT');
  utimesSync(join(source, 'sub/b.txt'), later, later);
  proxy.reset();
  const second = await machine.json('obs sync', source, there, ...rules);
  assert.deepEqual([second.copied, second.deleted, second.unchanged], [1, 0, 2]);
  assert.equal(passed(/^PUT /), 1);

  const copy = join(dir, 'copy');
  mkdirSync(join(copy, 'gone'), { recursive: true });
  writeFileSync(join(copy, 'gone/x.txt'), 'not in the source');
  const back = await machine.json('obs sync', there, copy, '--delete');
  assert.deepEqual([back.copied, back.deleted], [4, 1]);
  assert.deepEqual(files(copy), ['a.txt', 'keep.tmp', 'sub/b.txt', 'sub/deep/c.txt']);
  assert.ok(!existsSync(join(copy, 'gone')));
  assert.equal(readFileSync(join(copy, 'sub/b.txt'), 'utf8'), 'SUB/B.TXT');

  proxy.reset();
  const again = await machine.json('obs sync', there, copy, '--delete');
  assert.deepEqual([again.copied, again.deleted, again.unchanged], [0, 0, 4]);
  assert.equal(passed(/^GET \/bucket-\d+\/data/), 0);
});

test('sync and cp within the store move no byte through here', async () => {
  await put('a/x', randomBytes(20_000));
  await put('a/y', 'y');
  await put('b/z', 'z');
  const done = await machine.json('obs sync', `obs://${bucket}/a/`, `obs://${bucket}/b`, '--delete');
  assert.deepEqual([done.copied, done.deleted], [2, 1]);
  await machine.done('obs cp', `obs://${bucket}/a/x`, `obs://${bucket}/single`);
  assert.deepEqual(await keys(), ['a/x', 'a/y', 'b/x', 'b/y', 'single']);
  assert.equal(passed(/^GET \/bucket-\d+\/[^?]/), 0);
  const { code, err } = await machine.atelier(['obs', 'sync', `obs://${bucket}/`, `obs://${bucket}/a`]);
  assert.equal(code, 1);
  assert.match(err, /lie within one another/);
});

test('an empty source does not empty the target', async () => {
  mkdirSync(join(dir, 'empty'));
  await put('data/x', 'x');
  const up = await machine.atelier(['obs', 'sync', join(dir, 'empty'), `obs://${bucket}/data`, '--delete']);
  assert.equal(up.code, 1);
  assert.match(up.err, /would remove everything/);
  const down = await machine.atelier(['obs', 'sync', `obs://${bucket}/nothing/`, dir, '--delete']);
  assert.equal(down.code, 1);
  assert.deepEqual(await keys(), ['data/x']);
});

test('keys that cannot be files are left out with a report, and none leaves the directory', async () => {
  const hostile = [
    '../evil',
    '/abs',
    'a/../../evil',
    'a//b',
    'bell\u0007',
    './dot',
    'folder/',
    'line\nbreak',
    'x'.repeat(300),
  ];
  for (const key of hostile) await put(`in/${key}`, key === 'folder/' ? '' : 'evil');
  await put('in/good.txt', 'good');
  await put('in/both', 'a file');
  await put('in/both/and', 'its directory');
  await put('in/link/through', 'x');
  const outside = join(dir, 'outside');
  const target = join(dir, 'target');
  mkdirSync(outside);
  mkdirSync(target);
  symlinkSync(outside, join(target, 'link'));
  for (const words of [['cp'], ['sync', '--delete']]) {
    const { code, out, err } = await machine.atelier([
      '--output',
      'json',
      'obs',
      ...words,
      `obs://${bucket}/in/`,
      target,
    ]);
    assert.equal(code, 0, err);
    assert.equal(JSON.parse(out).skipped, 10, err); // the folder's marker is none, and of `both` one remains
    assert.match(err, /skipped ".*evil": it holds the name "\.\."/);
    assert.match(err, /link\/through": .* is in the way/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    assert.doesNotMatch(err, /\u0007/);
    const [one, ...rest] = files(target).filter(name => name !== 'good.txt');
    assert.ok(one === 'both' || one === 'both/and', String(one));
    assert.deepEqual(rest, []);
  }
  assert.deepEqual(files(outside), []);
  assert.deepEqual(readdirSync(dir).sort(), ['outside', 'target']);
  assert.deepEqual((await machine.json('obs rm -r', `obs://${bucket}/in/`)).deleted, 13);
  assert.deepEqual(await keys(), []);
});

test('links are not followed out of the directory', async () => {
  write('outside/secret', 'secret');
  write('tree/real', 'real');
  symlinkSync('../outside/secret', join(dir, 'tree/to-secret'));
  symlinkSync('../outside', join(dir, 'tree/to-directory'));
  symlinkSync('real', join(dir, 'tree/inside'));
  const { code, err } = await machine.atelier(['obs', 'cp', join(dir, 'tree'), `obs://${bucket}/`]);
  assert.equal(code, 0, err);
  assert.match(err, /skipped "to-secret": it is a link that leaves the directory/);
  assert.deepEqual(await keys(), ['inside', 'real']);
});

test('many small files go at once, and one that fails does not hold up the others', async () => {
  for (let i = 0; i < 80; i++) write(`many/${i}`, String(i));
  const up = await machine.json('obs sync', join(dir, 'many'), `obs://${bucket}/many`);
  assert.equal(up.copied, 80);
  proxy.damage = (request, chunk) => (/many\/77\b/.test(request.url!) ? Buffer.from(chunk).fill(0) : chunk);
  const { code, out, err } = await machine.atelier([
    '--output',
    'json',
    'obs',
    'sync',
    `obs://${bucket}/many`,
    join(dir, 'back'),
  ]);
  assert.equal(code, 1);
  assert.match(err, /failed "many\/77": .*checksum/);
  assert.deepEqual([JSON.parse(out).copied, JSON.parse(out).failed], [79, 1]);
  assert.equal(files(join(dir, 'back')).length, 79);
});

test('verify finds what the disk damaged', async () => {
  await put('fine', 'fine');
  await put('small', 'x'.repeat(100));
  await put('large', randomBytes(3 * MIB));
  const good = await machine.json('obs verify', `obs://${bucket}`);
  assert.deepEqual([good.objects, good.damaged, good.withoutChecksum], [3, [], 0]);

  const { db } = machine.world;
  await sql`UPDATE obs_blobs SET content = ${Buffer.from('y'.repeat(100))} WHERE size = 100`.execute(db);
  await sql`UPDATE obs_blobs SET checks = ${Buffer.alloc(12)} WHERE size = ${3 * MIB}`.execute(db);
  const { code, out, err } = await machine.atelier(['obs', 'verify', `obs://${bucket}`]);
  assert.equal(code, 1);
  assert.match(err, /2 of 3 objects are damaged/);
  assert.match(out, /large[\s\S]*small/);
  assert.doesNotMatch(out, /fine/);
});

test('du, find and cat tell what is there', async () => {
  await put('models/a.pt', Buffer.alloc(5000));
  await put('models/deep/b.pt', Buffer.alloc(3000));
  await put('notes.txt', 'hello');
  const du = await machine.json('obs du', `obs://${bucket}/`);
  assert.deepEqual(du, [
    { place: `obs://${bucket}/models/`, objects: 2, bytes: 8000 },
    { place: `obs://${bucket}/notes.txt`, objects: 1, bytes: 5 },
    { place: 'total', objects: 3, bytes: 8005 },
  ]);
  const find = async (...words: string[]) =>
    (await machine.json('obs find', `obs://${bucket}/`, ...words)).map((row: { key: string }) => row.key);
  assert.deepEqual(await find('--name', '*.pt', '--min-size', '4K'), ['models/a.pt']);
  assert.deepEqual(await find('--name', 'models/*.pt', '--newer-than', '1h'), ['models/a.pt']);
  assert.deepEqual(await find('--older-than', '1h'), []);
  assert.equal(await machine.done('obs cat', `obs://${bucket}/notes.txt`), 'hello');
  rmSync(dir, { recursive: true });
  const single = await machine.atelier(['obs', 'cp', `obs://${bucket}/notes.txt`, join(dir, 'new/notes.txt')]);
  assert.equal(single.code, 0, single.err);
  assert.equal(statSync(join(dir, 'new/notes.txt')).size, 5);
});
