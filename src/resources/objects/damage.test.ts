import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { createLog } from '../../kernel/log.ts';
import { tables } from '../../store-kit/index.ts';
import type { Segment } from './object.ts';
import { randomOf, seedOf } from './random.fixture.ts';
import { type Answer, type ObsClient, obsClient } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const bucket = 'data';
const MIB = 1024 * 1024;
const seed = seedOf('objects, damage');
const random = randomOf(seed);

interface Tables {
  obs_objects: { key: string; segments: string };
  obs_blobs: { id: string; content: Uint8Array; checks: Uint8Array };
}

describe(`a flipped bit (seed ${seed})`, () => {
  const lines: string[] = [];
  const metrics = new Registry();
  let world: ObjectWorld;
  let send: ObsClient;

  before(async () => {
    world = await objectWorld({ metrics, log: createLog('info', { write: line => void lines.push(line) }) });
    send = obsClient(world.port, 'ann');
    await send('PUT', { bucket });
  });
  after(() => world.close());

  const db = () => tables<Tables>(world.db);
  async function blobOf(key: string): Promise<string> {
    const row = await db()
      .selectFrom('obs_objects')
      .select('segments')
      .where('key', '=', key)
      .executeTakeFirstOrThrow();
    return (JSON.parse(row.segments) as Segment[])[0]![0];
  }
  const fileOf = async (key: string) => {
    const id = await blobOf(key);
    return join(world.dir, 'objects/blobs', id.slice(0, 2), id);
  };
  async function flipInFile(key: string, at: number): Promise<void> {
    const file = openSync(await fileOf(key), 'r+');
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    byte[0]! ^= 1 << random.below(8);
    writeSync(file, byte, 0, 1, at);
    closeSync(file);
  }
  async function flipInRow(key: string, column: 'content' | 'checks', at: number): Promise<void> {
    const id = await blobOf(key);
    const row = await db().selectFrom('obs_blobs').select(column).where('id', '=', id).executeTakeFirstOrThrow();
    const bytes = Buffer.from(row[column]);
    bytes[at]! ^= 1 << random.below(8);
    await db()
      .updateTable('obs_blobs')
      .set({ [column]: bytes })
      .where('id', '=', id)
      .execute();
  }

  async function damages(): Promise<number> {
    const text = await metrics.getSingleMetricAsString('atelier_objects_damaged_total');
    return Number(/^atelier_objects_damaged_total (\d+)$/m.exec(text)![1]);
  }

  /** Runs one read of `key`, which must be counted and logged as damage of its blob, and only once. */
  async function reported(key: string, read: () => Promise<unknown>): Promise<void> {
    const before = await damages();
    lines.length = 0;
    await read();
    assert.equal(await damages(), before + 1, 'counted');
    const events = lines.map(line => JSON.parse(line)).filter(event => event.msg === 'stored object is damaged');
    assert.deepEqual(
      events.map(event => event.blob),
      [await blobOf(key)],
    );
    assert.ok(events[0].how);
  }

  const get = (key: string, range?: string) => send('GET', { bucket, key, ...(range ? { headers: { range } } : {}) });
  function isError({ status, code, body }: Answer): void {
    assert.deepEqual([status, code], [500, 'InternalError']);
    assert.match(body.toString(), /damaged on disk/);
  }

  /** Everything that reads the object through the server meets an error; what refers to it too. */
  async function neverServed(key: string, at: number): Promise<void> {
    await reported(key, async () => isError(await get(key)));
    await reported(key, async () => isError(await get(key, `bytes=${at}-${at}`)));
    const copy = await send('PUT', { bucket, key: 'copy', headers: { 'x-obs-copy-source': `/${bucket}/${key}` } });
    assert.equal(copy.status, 200, 'copying moves no bytes');
    await reported(key, async () => isError(await get('copy')));
    const begun = await send('POST', { bucket, key: 'joined', query: { uploads: '' } });
    const uploadId = /<UploadId>(.*?)</.exec(begun.body.toString())![1]!;
    const query = { partNumber: '1', uploadId };
    await reported(key, async () =>
      isError(
        await send('PUT', { bucket, key: 'joined', query, headers: { 'x-obs-copy-source': `/${bucket}/${key}` } }),
      ),
    );
    await send('DELETE', { bucket, key: 'joined', query: { uploadId } });
    const { stream } = await world.objects.service.read(person('ann'), { bucket, key });
    await reported(key, () => assert.rejects(stream.toArray(), { code: 'InternalError' }));
  }

  it('in a file is met by every way of reading', async () => {
    const body = random.bytes(700_000);
    await send('PUT', { bucket, key: 'file', body });
    const at = random.below(body.length);
    await flipInFile('file', at);
    await neverServed('file', at);
  });

  it('is on record once for each object, however often it is read', async () => {
    await send('PUT', { bucket, key: 'on-record', body: random.bytes(50_000) });
    const source = { 'x-obs-copy-source': `/${bucket}/on-record` };
    await send('PUT', { bucket, key: 'its-copy', headers: source });
    await send('PUT', { bucket, key: 'good', body: random.bytes(50_000) });
    await flipInFile('on-record', 7);
    world.records.length = 0;
    for (let read = 0; read < 3; read++) isError(await get('on-record'));
    isError(await get('its-copy'));
    const damaged = () => world.records.filter(record => record.operation === 'objectDamaged');
    for (let tries = 0; damaged().length < 2 && tries < 6000; tries++) await setTimeout(10);
    await setTimeout(50); // for what should not come
    assert.deepEqual(
      damaged().map(({ target, accountId, status }) => [target, accountId, status]),
      [
        [`object/${bucket}/its-copy`, 'account-acme', 500],
        [`object/${bucket}/on-record`, 'account-acme', 500],
      ],
    );
  });

  it('in a row is met by every way of reading', async () => {
    const body = random.bytes(5_000);
    await send('PUT', { bucket, key: 'row', body });
    const at = random.below(body.length);
    await flipInRow('row', 'content', at);
    await neverServed('row', at);
  });

  it('in a checksum is met too', async () => {
    await send('PUT', { bucket, key: 'sum', body: random.bytes(700_000) });
    await flipInRow('sum', 'checks', random.below(4));
    await neverServed('sum', 5);
  });

  it('late in a large object breaks the answer off, and ranges beside it are good', async () => {
    const body = random.bytes(3 * MIB + 77);
    await send('PUT', { bucket, key: 'large', body });
    await flipInFile('large', 2 * MIB + random.below(MIB));
    await reported('large', () => assert.rejects(get('large'), 'the answer ends early'));
    const beside = await get('large', `bytes=0-${2 * MIB - 1}`);
    assert.ok(beside.status === 206 && beside.body.equals(body.subarray(0, 2 * MIB)));
    const end = await get('large', 'bytes=-77');
    assert.ok(end.status === 206 && end.body.equals(body.subarray(-77)));
  });

  it('is told apart from the end of the file, and from a file that is gone', async () => {
    await send('PUT', { bucket, key: 'short', body: random.bytes(100_000) });
    truncateSync(await fileOf('short'), 99_999);
    await reported('short', async () => isError(await get('short')));
    rmSync(await fileOf('short'));
    await reported('short', async () => isError(await get('short')));
    await send('PUT', { bucket, key: 'short', body: 'new' });
    assert.equal((await get('short')).body.toString(), 'new', 'overwriting mends it');
  });
});
