import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ObjectService } from '../objects/index.ts';
import { objectWorld, person } from '../objects/world.fixture.ts';
import type { AgencyCredential } from '../workload-access/index.ts';
import type { JobOutput } from './job.model.ts';
import type { HostPaths } from './job.paths.ts';
import { StepFailed, uploadOutput } from './job.staging.ts';

test('an output is uploaded once, also when the upload is refused or killed in the middle', async t => {
  const world = await objectWorld();
  const dir = mkdtempSync(join(tmpdir(), 'atelier-staging-'));
  t.after(async () => {
    await world.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const principal = person('ann');
  const { service } = world.objects;
  await service.createBucket(principal, 'data');
  mkdirSync(join(dir, 'output'));
  for (let i = 0; i < 40; i++) writeFileSync(join(dir, 'output', `checkpoint-${i}`), `weights ${i}`);

  const output = { name: 'train_url', to: { bucket: 'data', key: 'out/' }, url: 'obs://data/out/' } as JobOutput;
  const host = {
    output: () => join(dir, 'output'),
    uploadState: () => join(dir, 'state.json'),
  } as unknown as HostPaths;
  const credential = { principal } as AgencyCredential;
  const upload = (storage: ObjectService = service) =>
    uploadOutput(output, 0, host, storage, credential, AbortSignal.timeout(10_000));

  world.deny.rule = (_, { resource }) => (resource?.endsWith('checkpoint-39') ? 'not that one' : undefined);
  await assert.rejects(upload(), StepFailed);
  const stored = (await service.list(principal, 'data', { prefix: 'out/' })).objects.length;
  assert.ok(stored > 0 && stored < 40, String(stored));
  assert.ok(existsSync(join(dir, 'state.json')));

  delete world.deny.rule;
  assert.equal((await upload()).files, 40 - stored);
  assert.equal((await upload()).files, 0);
  writeFileSync(join(dir, 'output', 'checkpoint-7'), 'other weights');
  assert.equal((await upload()).files, 1);

  // A server that dies leaves what it noted on the way; the next attempt of a passing failure goes on from there too.
  writeFileSync(join(dir, 'output', 'late-1'), 'x');
  writeFileSync(join(dir, 'output', 'late-2'), 'x');
  let uploads = 0;
  let attempts = 0;
  const failing: ObjectService = {
    ...service,
    async upload(...args) {
      const result = await service.upload(...args);
      uploads += result.files;
      if (++attempts === 1) throw new Error('the disk hiccups after all was uploaded');
      return result;
    },
  };
  assert.equal((await upload(failing)).files, 0);
  assert.deepEqual([uploads, attempts], [2, 2]);
});
