import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import type { Clock } from '../../kernel/clock.ts';
import { daysAfter } from './lifecycle.ts';
import { send } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const ann = person('ann');
const DAY = 24 * 3600 * 1000;

describe('the lifecycle worker', () => {
  let world: ObjectWorld;
  let ahead = 0;
  let bucket = '';
  let number = 0;
  const clock: Clock = { now: () => Date.now() + ahead };
  before(async () => {
    world = await objectWorld({ clock });
  });
  after(() => world.close());
  beforeEach(async () => {
    ahead = 0;
    bucket = `rules-${++number}`;
    await world.objects.service.createBucket(ann, bucket);
  });

  const put = (key: string, options = {}) =>
    world.objects.service.put(ann, { bucket, key }, Buffer.from(`content of ${key}`), options);
  const keys = async () => (await world.objects.service.list(ann, bucket)).objects.map(object => object.key);
  const rules = async (...inner: string[]) => {
    const all = inner.map(text => `<Rule><Status>Enabled</Status>${text}</Rule>`).join('');
    const body = `<LifecycleConfiguration>${all}</LifecycleConfiguration>`;
    const answer = await send(world, 'PUT', `/${bucket}?lifecycle`, { body, date: new Date(clock.now()) });
    assert.equal(answer.status, 200, answer.text);
  };
  /** Whatever the hour is: that many whole days and the rest of one. */
  const later = (days: number) => {
    ahead = daysAfter(Date.now(), days) - Date.now() + 1000;
  };
  // biome-ignore lint/suspicious/noExplicitAny: rows as they are
  const rows = async (query: ReturnType<typeof sql<any>>) => (await query.execute(world.db)).rows;

  it('expires by prefix, tags, size and date, and tells when', async () => {
    await rules(
      '<Prefix>old/</Prefix><Expiration><Days>2</Days></Expiration>',
      '<Filter><Tag><Key>temp</Key><Value>yes</Value></Tag></Filter><Expiration><Days>1</Days></Expiration>',
      '<Filter><And><Prefix>size/</Prefix><ObjectSizeGreaterThan>20</ObjectSizeGreaterThan></And></Filter><Expiration><Days>1</Days></Expiration>',
      '<Prefix>date/</Prefix><Expiration><Date>2020-01-01T00:00:00Z</Date></Expiration>',
    );
    const early = daysAfter(Date.now(), 2);
    for (const key of ['old/a', 'old', 'size/s', `size/${'l'.repeat(20)}`, 'date/a', 'kept']) await put(key);
    await put('tagged', { tags: { temp: 'yes', other: '1' } });
    await put('tagged-not', { tags: { temp: 'no' } });
    const head = await send(world, 'HEAD', `/${bucket}/old/a`);
    const [, at] = /^expiry-date="(.*)", rule-id="[0-9a-f]{32}"$/.exec(String(head.headers['x-obs-expiration'])) ?? [];
    // Another day may have begun meanwhile.
    assert.ok([early, daysAfter(Date.now(), 2)].includes(Date.parse(at!)), at);
    assert.equal((await send(world, 'HEAD', `/${bucket}/kept`)).headers['x-obs-expiration'], undefined);
    await world.objects.applyLifecycle();
    assert.deepEqual(await keys(), [
      'kept',
      'old',
      'old/a',
      `size/${'l'.repeat(20)}`,
      'size/s',
      'tagged',
      'tagged-not',
    ]);
    later(1);
    await world.objects.applyLifecycle();
    assert.deepEqual(await keys(), ['kept', 'old', 'old/a', 'size/s', 'tagged-not']);
    later(2);
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(await keys(), ['kept', 'old', 'size/s', 'tagged-not']);
    assert.equal(await world.objects.applyLifecycle(), 0);
  });

  it('moves to colder classes only, and forgets what was restored', async () => {
    await rules(
      '<Prefix></Prefix><Transition><Days>10</Days><StorageClass>WARM</StorageClass></Transition><Transition><Days>20</Days><StorageClass>COLD</StorageClass></Transition>',
    );
    const { lastModified, etag } = await put('a');
    await put('cold', { storageClass: 'COLD' });
    const told = async (key: string) => (await world.objects.service.head(ann, { bucket, key }))!;
    later(10);
    await world.objects.applyLifecycle();
    assert.equal((await told('a')).storageClass, 'WARM');
    later(20);
    assert.equal(await world.objects.applyLifecycle(), 1);
    const a = await told('a');
    assert.deepEqual([a.storageClass, a.lastModified, a.etag], ['COLD', lastModified, etag]);
    assert.equal((await told('cold')).storageClass, 'COLD');
    await assert.rejects(world.objects.service.read(ann, { bucket, key: 'a' }), { code: 'InvalidObjectState' });
  });

  it('aborts uploads, and frees what they hold', async () => {
    await rules(
      '<Prefix>up/</Prefix><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
    );
    for (const key of ['up/a', 'other']) {
      const begun = await send(world, 'POST', `/${bucket}/${key}?uploads`);
      const id = /<UploadId>(.*?)</.exec(begun.text)![1];
      const part = await send(world, 'PUT', `/${bucket}/${key}?partNumber=1&uploadId=${id}`, { body: 'part' });
      assert.equal(part.status, 200, part.text);
    }
    const used = () =>
      rows(sql`SELECT part_size FROM obs_usage JOIN obs_buckets ON id = bucket_id WHERE name = ${bucket}`);
    assert.deepEqual(
      (await used()).map(row => row.part_size),
      [8],
    );
    assert.equal(await world.objects.applyLifecycle(), 0);
    later(1);
    ahead += DAY;
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(
      (await used()).map(row => row.part_size),
      [4],
    );
  });

  it('deletes single objects by x-obs-expires, also from another copy', async () => {
    const headers = { 'x-obs-expires': '3' };
    await send(world, 'PUT', `/${bucket}/a`, { body: 'x', headers });
    await send(world, 'PUT', `/${bucket}/b`, { body: 'x', headers: { 'x-obs-copy-source': `/${bucket}/a` } });
    const head = await send(world, 'HEAD', `/${bucket}/a`);
    assert.match(String(head.headers['x-obs-expiration']), /^expiry-date="[^"]+"$/);
    assert.equal(
      (await send(world, 'PUT', `/${bucket}/c`, { headers: { 'x-obs-expires': '-1' }, body: '' })).status,
      400,
    );
    ahead = 3 * DAY - 600_000;
    assert.equal(await world.objects.applyLifecycle(), 0);
    ahead = 3 * DAY + 5000;
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(await keys(), ['b']);
  });

  it('keeps versions: marks expired ones deleted, and removes noncurrent ones and lone markers', async () => {
    await rules(
      '<Prefix>v</Prefix><Expiration><Days>1</Days></Expiration><NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays><StorageClass>COLD</StorageClass></NoncurrentVersionTransition><NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays></NoncurrentVersionExpiration>',
      '<Prefix></Prefix><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>',
    );
    await sql`UPDATE obs_buckets SET versioning = 'Enabled' WHERE name = ${bucket}`.execute(world.db);
    await put('v');
    const versions = () =>
      rows(sql`SELECT delete_marker, v.storage_class FROM obs_versions v JOIN obs_buckets ON id = bucket_id
        WHERE name = ${bucket} ORDER BY seq`);
    later(1);
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(await keys(), []);
    assert.deepEqual(
      (await versions()).map(row => row.delete_marker),
      [0, 1],
    );
    later(3);
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(
      (await versions()).map(row => row.storage_class),
      ['COLD', 'STANDARD'],
    );
    later(4);
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(
      (await versions()).map(row => row.delete_marker),
      [1],
    );
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(await versions(), []);
    const [usage] = await rows(
      sql`SELECT size, objects FROM obs_usage JOIN obs_buckets ON id = bucket_id WHERE name = ${bucket}`,
    );
    assert.deepEqual([usage.size, usage.objects], [0, 0]);
  });

  it('keeps the newest noncurrent versions that a rule names', async () => {
    await rules(
      '<Prefix></Prefix><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>',
    );
    await put('k');
    await sql`UPDATE obs_objects SET seq = 100 WHERE key = 'k'
      AND bucket_id = (SELECT id FROM obs_buckets WHERE name = ${bucket})`.execute(world.db);
    for (let seq = 1; seq <= 5; seq++) {
      await sql`INSERT INTO obs_versions SELECT bucket_id, key, ${seq}, ${`v${seq}`}, 0, 0, etag, last_modified,
        storage_class, NULL, '{}', '[]' FROM obs_objects WHERE key = 'k'
        AND bucket_id = (SELECT id FROM obs_buckets WHERE name = ${bucket})`.execute(world.db);
    }
    later(1);
    assert.equal(await world.objects.applyLifecycle(), 3);
    const left = await rows(sql`SELECT seq FROM obs_versions WHERE key = 'k' ORDER BY seq`);
    assert.deepEqual(
      left.map(row => row.seq),
      [4, 5],
    );
    assert.deepEqual(await keys(), ['k']);
  });

  it('lets others work meanwhile, and leaves alone what was written anew', async () => {
    await rules('<Prefix>many/</Prefix><Expiration><Days>1</Days></Expiration>');
    for (let at = 0; at < 1200; at += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => put(`many/${at + i}`)));
    }
    later(1);
    const pass = world.objects.applyLifecycle();
    let writes = 0;
    let over = false;
    void pass.then(() => {
      over = true;
    });
    while (!over) {
      await put('many/999');
      writes++;
    }
    assert.ok((await pass) >= 1199);
    assert.ok(writes >= 5, `only ${writes} writes got through`);
    assert.deepEqual(await keys(), ['many/999']);
  });
});

describe('kill -9 in the middle of a pass', () => {
  const RULES = `
    const { objectWorld } = await import(${JSON.stringify(fileURLToPath(new URL('./world.fixture.ts', import.meta.url)))});
    const world = await objectWorld({ dir: process.argv[1], clock: { now: () => Date.now() + 3 * 24 * 3600 * 1000 } });
    void world.objects.applyLifecycle();
    const left = async () =>
      (await world.db.selectFrom('obs_objects').select(({ fn }) => fn.countAll().as('n')).executeTakeFirstOrThrow()).n;
    while (await left() === 2000) await new Promise(resolve => setImmediate(resolve));
    process.kill(process.pid, 'SIGKILL');
  `;
  it('is completed by the next one, and the sums stay true', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'atelier-lifecycle-'));
    const first = await objectWorld({ dir });
    await first.objects.service.createBucket(ann, 'data');
    const body =
      '<LifecycleConfiguration><Rule><Prefix>x</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>';
    assert.equal((await send(first, 'PUT', '/data?lifecycle', { body })).status, 200);
    for (let at = 0; at < 2000; at += 100) {
      const place = (i: number) => ({ bucket: 'data', key: `${(at + i) % 4 === 0 ? 'keep' : 'x'}-${at + i}` });
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => first.objects.service.put(ann, place(i), Buffer.from('0123456789'))),
      );
    }
    await first.close();
    const child = spawn(process.execPath, ['--input-type=module', '-e', RULES, dir], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
    const world = await objectWorld({ dir, clock: { now: () => Date.now() + 3 * DAY } });
    const count = async () =>
      (await sql<{ n: number }>`SELECT count(*) AS n FROM obs_objects`.execute(world.db)).rows[0]!.n;
    const sums = async () =>
      (await sql<{ size: number; objects: number }>`SELECT size, objects FROM obs_usage`.execute(world.db)).rows[0]!;
    try {
      const left = await count();
      assert.ok(left > 500 && left < 2000, `${left} are left`);
      assert.deepEqual({ ...(await sums()) }, { size: left * 10, objects: left });
      await world.objects.applyLifecycle();
      assert.equal(await count(), 500);
      assert.deepEqual({ ...(await sums()) }, { size: 5000, objects: 500 });
    } finally {
      await world.close();
      rmSync(dir, { recursive: true });
    }
  });
});
