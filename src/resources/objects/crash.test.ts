import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { objectWorld, person } from './world.fixture.ts';

const ann = person('ann');
const ROUNDS = 5;
const KEYS = 12;

/** Runs the store in a process of its own, to be killed. */
const SERVER = `
  const { objectWorld } = await import(${JSON.stringify(fileURLToPath(new URL('./world.fixture.ts', import.meta.url)))});
  const world = await objectWorld({ dir: process.argv[1] });
  await world.objects.sweep();
  console.log('port=' + world.port);
`;

describe('kill -9', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'atelier-crash-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  async function start(): Promise<{ child: ChildProcess; port: number }> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', code => reject(new Error(`the store ended with ${code}`)));
      child.stdout!.on('data', chunk => {
        const match = /port=(\d+)/.exec(String(chunk));
        if (match) resolve(Number(match[1]));
      });
    });
    return { child, port };
  }

  it('loses no acknowledged write, tears no object and leaves no file', async () => {
    const signer = await objectWorld();
    await signer.objects.service.createBucket(ann, 'unused');
    const url = (port: number, key: string) =>
      signer.objects.service.signUrl(signer.key('ann'), {
        method: 'PUT',
        bucket: 'data',
        key,
        expiresSeconds: 600,
        endpoint: `http://127.0.0.1:${port}`,
      });
    const first = await objectWorld({ dir });
    await first.objects.service.createBucket(ann, 'data');
    await first.close();

    /** Per key: hash of the last acknowledged write, and of those that were sent after it. */
    const acknowledged = new Map<string, string>();
    const pending = new Map<string, Set<string>>();
    let writes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { child, port } = await start();
      let alive = true;
      const writer = async (key: string) => {
        while (alive) {
          const body = randomBytes(Math.random() < 0.5 ? 4096 : 300_000 + Math.floor(Math.random() * 2_000_000));
          const hash = createHash('md5').update(body).digest('hex');
          if (!pending.has(key)) pending.set(key, new Set());
          pending.get(key)!.add(hash);
          try {
            const response = await fetch(url(port, key), { method: 'PUT', body });
            assert.equal(response.status, 200);
            acknowledged.set(key, hash);
            pending.get(key)!.clear();
            writes++;
          } catch (error) {
            if (error instanceof assert.AssertionError) throw error;
            return;
          }
        }
      };
      const writers = Array.from({ length: KEYS }, (_, i) => writer(`k${i}`));
      await sleep(150 + Math.random() * 250);
      alive = false;
      child.kill('SIGKILL');
      await Promise.all(writers);
    }
    assert.ok(writes > KEYS, `only ${writes} writes were acknowledged`);

    const world = await objectWorld({ dir });
    try {
      await world.objects.sweep();
      for (let i = 0; i < KEYS; i++) {
        const path = { bucket: 'data', key: `k${i}` };
        const known = acknowledged.get(path.key);
        if (!(await world.objects.service.head(ann, path))) {
          assert.equal(known, undefined, `${path.key} is lost`);
          continue;
        }
        const { info, stream } = await world.objects.service.read(ann, path);
        const hash = createHash('md5')
          .update(await buffer(stream))
          .digest('hex');
        assert.equal(hash, info.etag, `${path.key} is torn`);
        assert.ok(hash === known || pending.get(path.key)!.has(hash), `${path.key} is older than acknowledged`);
      }
      const rows = await world.db.selectFrom('obs_blobs').select('id').where('content', 'is', null).execute();
      const root = join(dir, 'objects');
      const files = readdirSync(join(root, 'blobs')).flatMap(shard => readdirSync(join(root, 'blobs', shard)));
      assert.deepEqual(files.sort(), rows.map(row => row.id).sort());
      assert.deepEqual(readdirSync(join(root, 'tmp')), []);
    } finally {
      await world.close();
      await signer.close();
    }
  });
});
