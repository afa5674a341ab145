import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaks } from './crash.fixture.ts';
import { type FaultyFiles, faultyFiles } from './disk-faults.fixture.ts';
import { type Sent, send as sendTo } from './requests.fixture.ts';
import { signUrl } from './sign-url.ts';
import { type ObjectWorld, objectWorld } from './world.fixture.ts';

const bucket = 'data';
const MIB = 1024 * 1024;
const body = randomBytes(9 * MIB + 12_345);

describe('a large object', () => {
  let world: ObjectWorld;
  let files: FaultyFiles;
  const send = (method: string, { bucket, key = '', ...sent }: Sent & { bucket: string; key?: string }) =>
    sendTo(world, method, `/${bucket}/${key}`, sent);

  before(async () => {
    files = faultyFiles();
    world = await objectWorld({ files });
    await send('PUT', { bucket });
  });
  afterEach(() => files.faults.clear());
  after(() => world.close());

  it('is the same whatever pieces it comes in, and so are ranges of it', async () => {
    const url = signUrl(
      world.key('ann'),
      { method: 'PUT', bucket, key: 'pieces', expiresSeconds: 60, endpoint: `http://127.0.0.1:${world.port}` },
      Date.now(),
    );
    const etag = await new Promise<string | undefined>((resolve, reject) => {
      const outgoing = request(url, { method: 'PUT' }, response => {
        response.resume();
        response.on('end', () => resolve(response.headers.etag));
      });
      outgoing.on('error', reject);
      const sizes = [1, 65_537, 3, 262_145, 999_999, 70_001];
      for (let at = 0, turn = 0; at < body.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        outgoing.write(body.subarray(at, at + size));
        at += size;
      }
      outgoing.end();
    });
    assert.equal(etag, `"${createHash('md5').update(body).digest('hex')}"`);
    assert.ok((await send('GET', { bucket, key: 'pieces' })).body.equals(body));
    for (const [first, last] of [
      [MIB - 1, MIB],
      [3 * MIB + 7, 8 * MIB - 9],
      [9 * MIB - 5, body.length - 1],
    ] as const) {
      const range = await send('GET', { bucket, key: 'pieces', headers: { range: `bytes=${first}-${last}` } });
      assert.ok(range.body.equals(body.subarray(first, last + 1)), `${first}-${last}`);
    }
  });

  it('that breaks off leaves nothing', async () => {
    for (const tornAt of [300_000, 4 * MIB]) {
      await assert.rejects(send('PUT', { bucket, key: 'torn', body, tornAt }));
      for (let i = 0; leaks(world.dir).length > 0 && i < 1200; i++) await sleep(50);
      assert.deepEqual(leaks(world.dir), [], `torn at ${tornAt}`);
      assert.equal((await send('GET', { bucket, key: 'torn' })).status, 404);
    }
  });

  it('that the disk refuses while it still comes is answered, and the next one is taken', async () => {
    files.faults.set('write', 'ENOSPC');
    assert.equal((await send('PUT', { bucket, key: 'refused', body })).status, 507);
    files.faults.clear();
    assert.deepEqual(leaks(world.dir), []);
    assert.equal((await send('PUT', { bucket, key: 'refused', body })).status, 200);
    assert.ok((await send('GET', { bucket, key: 'refused' })).body.equals(body));
  });
});
