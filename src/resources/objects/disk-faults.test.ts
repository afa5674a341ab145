import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { leaks } from './crash.fixture.ts';
import { type FaultyFiles, faultyFiles, STEPS } from './disk-faults.fixture.ts';
import { type ObsClient, obsClient } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld } from './world.fixture.ts';

const bucket = 'data';
const old = randomBytes(300_000);
const fresh = randomBytes(1_300_000);

const ANSWERS: Record<string, [status: number, code: string]> = {
  ENOSPC: [507, 'InsufficientStorageSpace'],
  EIO: [500, 'InternalError'],
  EDQUOT: [507, 'InsufficientStorageSpace'],
  EROFS: [500, 'InternalError'],
  EACCES: [500, 'InternalError'],
  EMFILE: [503, 'SlowDown'],
};

describe('a failing disk', () => {
  let world: ObjectWorld;
  let files: FaultyFiles;
  let send: ObsClient;

  before(async () => {
    files = faultyFiles();
    world = await objectWorld({ files });
    send = obsClient(world.port, 'ann');
    await send('PUT', { bucket });
    assert.equal((await send('PUT', { bucket, key: 'old', body: old })).status, 200);
  });
  afterEach(() => files.faults.clear());
  after(() => world.close());

  /** What was there is there, and nothing else, neither for clients nor on disk. */
  async function unchanged(context: string): Promise<void> {
    assert.ok((await send('GET', { bucket, key: 'old' })).body.equals(old), context);
    assert.equal((await send('GET', { bucket, key: 'new' })).status, 404, context);
    const { body } = await send('GET', { bucket });
    assert.deepEqual(body.toString().match(/<Key>.*?<\/Key>/g), ['<Key>old</Key>'], context);
    assert.deepEqual(leaks(world.dir), [], context);
  }

  it('at any step of writing: a clear answer, nothing half, nothing left, and all well when it works again', async () => {
    for (const step of STEPS) {
      for (const [errno, expected] of Object.entries(ANSWERS).slice(0, step === 'open' ? undefined : 2)) {
        const context = `${errno} at ${step}`;
        files.faults.set(step, errno);
        files.met = 0;
        for (const key of ['old', 'new']) {
          const { status, code, body } = await send('PUT', { bucket, key, body: fresh });
          assert.deepEqual([status, code], expected, `${context}: ${body}`);
        }
        assert.equal(files.met >= 2, true, `${context} was not met`);
        files.faults.clear();
        await unchanged(context);
      }
      assert.equal((await send('PUT', { bucket, key: 'new', body: fresh })).status, 200);
      assert.ok((await send('GET', { bucket, key: 'new' })).body.equals(fresh), `after ${step}`);
      await send('DELETE', { bucket, key: 'new' });
    }
  });

  it('that fails a part leaves the upload as it was', async () => {
    const begun = await send('POST', { bucket, key: 'parts', query: { uploads: '' } });
    const uploadId = /<UploadId>(.*?)</.exec(begun.body.toString())![1]!;
    const part = (body: Buffer) => send('PUT', { bucket, key: 'parts', query: { partNumber: '1', uploadId }, body });
    const etag = createHash('md5').update(old).digest('hex');
    assert.equal((await part(old)).headers.etag, `"${etag}"`);
    files.faults.set('datasync', 'ENOSPC');
    assert.equal((await part(fresh)).status, 507);
    files.faults.clear();
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
    assert.equal((await send('POST', { bucket, key: 'parts', query: { uploadId }, body })).status, 200);
    assert.ok((await send('GET', { bucket, key: 'parts' })).body.equals(old));
    await send('DELETE', { bucket, key: 'parts' });
    await unchanged('part');
  });

  it('that cannot even clean up is cleaned up by the sweep', async () => {
    for (const step of ['write', 'sync directory'] as const) {
      files.faults.set(step, 'ENOSPC').set('remove', 'EIO');
      const { status } = await send('PUT', { bucket, key: 'new', body: fresh });
      assert.equal(status, 507, 'the first error is the one that is told');
      assert.equal(leaks(world.dir).length, 1, step);
      files.faults.clear();
      assert.equal(await world.objects.sweep(), 1);
      await unchanged(step);
    }
  });

  it('that cannot be read is an error of the server, not damage and not a missing object', async () => {
    files.faults.set('read', 'EIO');
    const { status, code } = await send('GET', { bucket, key: 'old' });
    assert.deepEqual([status, code], [500, 'InternalError']);
    files.faults.clear();
    await unchanged('read');
  });

  describe('of the database', () => {
    const set = (pragma: string) => sql.raw(`PRAGMA ${pragma}`).execute(world.db);
    afterEach(async () => {
      await set('max_page_count = 1000000');
      await set('query_only = OFF');
      await set('busy_timeout = 5000');
    });

    async function refused(status: number, code: string): Promise<void> {
      const large = await send('PUT', { bucket, key: 'new', body: fresh });
      assert.deepEqual([large.status, large.code], [status, code], large.body.toString());
      // Together, so that they share a transaction.
      const small = Array.from({ length: 20 }, (_, i) =>
        send('PUT', { bucket, key: `new-${i}`, body: old.subarray(0, 9_000) }),
      );
      for (const answer of await Promise.all(small)) assert.deepEqual([answer.status, answer.code], [status, code]);
      const remove = await send('DELETE', { bucket, key: 'old' });
      assert.ok([204, status].includes(remove.status));
      if (remove.status === 204) await send('PUT', { bucket, key: 'old', body: old });
    }

    it('being read-only', async () => {
      await set('query_only = ON');
      await refused(500, 'InternalError');
      await set('query_only = OFF');
      await unchanged('read-only');
    });

    it('being locked', async () => {
      const other = new DatabaseSync(join(world.dir, 'test.db'));
      await set('busy_timeout = 1');
      other.exec('BEGIN IMMEDIATE');
      await refused(503, 'SlowDown');
      other.exec('ROLLBACK');
      other.close();
      await unchanged('locked');
    });

    it('being full', async () => {
      await set('max_page_count = 1');
      let filled = 0;
      while ((await send('PUT', { bucket, key: `fill-${filled}`, body: old.subarray(0, 16_000) })).status === 200)
        filled++;
      const { status, code } = await send('PUT', { bucket, key: 'new', body: old.subarray(0, 16_000) });
      assert.deepEqual([status, code], [507, 'InsufficientStorageSpace']);
      for (let i = 0; i < filled; i++) assert.equal((await send('DELETE', { bucket, key: `fill-${i}` })).status, 204);
      await set('max_page_count = 1000000');
      await unchanged('full');
    });
  });

  it('being read-only for real', {
    skip: process.getuid?.() === 0 && 'root writes into read-only directories',
  }, async () => {
    chmodSync(join(world.dir, 'objects/tmp'), 0o500);
    const { status, code } = await send('PUT', { bucket, key: 'new', body: fresh });
    chmodSync(join(world.dir, 'objects/tmp'), 0o700);
    assert.deepEqual([status, code], [500, 'InternalError']);
    await unchanged('chmod');
  });
});

const MOUNT_BYTES = 64 * 1024 * 1024;

/** Whether this process may mount a file system, so that a disk can be full for real. */
function mounted(dir: string): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MOUNT_BYTES}`, 'tmpfs', dir], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

it('a real disk that is full, and a directory that is read-only: what was acknowledged stays, deleting makes room', {
  timeout: 120_000,
}, async t => {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-full-'));
  if (!mounted(dir)) {
    rmSync(dir, { recursive: true });
    t.skip('mounting a tmpfs needs root and CAP_SYS_ADMIN');
    return;
  }
  let world: ObjectWorld | undefined;
  try {
    world = await objectWorld({ dir, graceMs: 1 });
    const send = obsClient(world.port, 'ann');
    await send('PUT', { bucket });
    const kept = new Map<string, string>();
    const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');
    /** Puts objects until the disk is full; returns what the last one was answered. */
    const fill = async (prefix: string, size: number) => {
      for (let i = 0; ; i++) {
        const body = randomBytes(size);
        const answer = await send('PUT', { bucket, key: `${prefix}${i}`, body });
        if (answer.status !== 200) return answer;
        kept.set(`${prefix}${i}`, md5(body));
      }
    };
    for (const [prefix, size] of [
      ['large', 1_000_000],
      ['file', 60_000],
      ['small', 12_000],
    ] as const) {
      const { status, code, body } = await fill(prefix, size);
      assert.deepEqual([status, code], [507, 'InsufficientStorageSpace'], `${prefix}: ${body}`);
    }
    const whole = async () => {
      for (const [key, digest] of kept) {
        const got = await send('GET', { bucket, key });
        assert.ok(got.status === 200 && md5(got.body) === digest, `${key} is lost or torn`);
      }
    };
    await whole();
    assert.ok(kept.size > 10);
    for (const key of [...kept.keys()].filter(name => name.startsWith('large'))) {
      assert.equal((await send('DELETE', { bucket, key })).status, 204, `${key} on a full disk`);
      kept.delete(key);
    }
    let status = 0;
    while (status !== 200) {
      await world.objects.sweep(); // what the timer of the reaper does
      const body = randomBytes(1_000_000);
      ({ status } = await send('PUT', { bucket, key: 'again', body }));
      if (status === 200) kept.set('again', md5(body));
    }
    await whole();
    const temporary = join(dir, 'objects/tmp');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', temporary]);
    const readOnly = await send('PUT', { bucket, key: 'again', body: randomBytes(50_000) });
    execFileSync('umount', [temporary]);
    assert.deepEqual([readOnly.status, readOnly.code], [500, 'InternalError']);
    await whole();
    await world.objects.sweep();
    assert.deepEqual(leaks(dir), []);
  } finally {
    await world?.close();
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true });
  }
});
