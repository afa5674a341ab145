import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { isFailure } from '../../kernel/failure.ts';
import { parseS3Backend } from './index.ts';
import { backendIn, type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const ann = person('ann');

/** Another store keeps the bytes: here one of our own, by the AWS client. */
describe('external storage', () => {
  let behind: ObjectWorld;
  let world: ObjectWorld;
  before(async () => {
    behind = await objectWorld();
    world = await objectWorld({ backend: await backendIn(behind), graceMs: 0 });
    await world.objects.check();
    await world.objects.service.createBucket(ann, 'data');
  });
  after(async () => {
    await world.close();
    await behind.close();
  });

  const at = (key: string) => ({ bucket: 'data', key });
  const put = (key: string, bytes: Buffer) => world.objects.service.put(ann, at(key), bytes);
  const get = async (key: string, range?: { start: number; end: number }) =>
    buffer((await world.objects.service.read(ann, at(key), range)).stream);
  async function kept(): Promise<string[]> {
    const names: string[] = [];
    for await (const { key } of behind.objects.service.walk(ann, { bucket: 'bytes', key: '' })) names.push(key);
    return names;
  }
  const localBytes = () =>
    readdirSync(join(world.dir, 'objects'), { recursive: true, encoding: 'utf8' })
      .map(name => statSync(join(world.dir, 'objects', name)))
      .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);

  it('keeps all but small objects there, and nothing of them here', async () => {
    const bytes = randomBytes(3_500_000);
    await put('large', bytes);
    await put('small', Buffer.from('small'));
    assert.deepEqual(await get('large'), bytes);
    assert.deepEqual(await get('large', { start: 1_048_570, end: 2_097_160 }), bytes.subarray(1_048_570, 2_097_161));
    assert.equal(String(await get('small')), 'small');
    const names = await kept();
    assert.equal(names.length, 1);
    assert.match(names[0]!, /^here\/blobs\/[0-9a-f]{32}$/);
    assert.equal(localBytes(), 0);
    await world.objects.service.remove(ann, at('large'));
    await world.objects.sweep();
    assert.deepEqual(await kept(), []);
  });

  it('what a killed server left there is removed, and nothing else', async () => {
    await put('stays', randomBytes(100_000));
    const stray = { bucket: 'bytes', key: `here/blobs/${'f'.repeat(32)}` };
    // More than a page of them.
    const strays = Array.from({ length: 1001 }, (_, n) => `here/blobs/${n.toString(16).padStart(32, '0')}`);
    for (const key of [...strays, stray.key]) {
      await behind.objects.service.put(ann, { bucket: 'bytes', key }, Buffer.from('left over'));
    }
    await behind.objects.service.put(ann, { bucket: 'bytes', key: 'elsewhere/x' }, Buffer.from('of others'));
    await world.objects.sweep();
    assert.ok(!(await kept()).some(key => key === stray.key || strays.includes(key)));
    assert.equal((await kept()).includes('elsewhere/x'), true);
    assert.equal((await get('stays')).length, 100_000);
  });

  it('bytes that are missing or changed there are never served as good', async () => {
    await put('damaged', randomBytes(200_000));
    const { key } = (await kept()).map(name => ({ key: name })).find(({ key: name }) => name.startsWith('here/'))!;
    for (const name of await kept()) {
      if (name.startsWith('here/'))
        await behind.objects.service.put(ann, { bucket: 'bytes', key: name }, randomBytes(200_000));
    }
    await assert.rejects(get('damaged'), /damaged/);
    await behind.objects.service.remove(ann, { bucket: 'bytes', key });
    for (const name of await kept()) {
      if (name.startsWith('here/')) await behind.objects.service.remove(ann, { bucket: 'bytes', key: name });
    }
    await assert.rejects(get('damaged'), /damaged/);
  });

  it('while it refuses, writes and reads answer 503 and leave what was there', async () => {
    const bytes = randomBytes(150_000);
    await put('steady', bytes);
    behind.deny.rule = () => 'out of service';
    for (const work of [() => put('steady', randomBytes(150_000)), () => get('steady')]) {
      await assert.rejects(work, error => isFailure(error, 'ServiceUnavailable') && error.status === 503);
    }
    await assert.rejects(world.objects.check(), error => isFailure(error, 'Atelier.BackendUnusable'));
    delete behind.deny.rule;
    assert.deepEqual(await get('steady'), bytes);
  });

  it('the same tests pass with it: clients, versions, appending, encryption, forms, file systems', async () => {
    const files = ['clients', 'versions', 'amend', 'encryption', 'file-system', 'protocol/post'];
    const paths = files.map(name => join(import.meta.dirname, `${name}.test.ts`));
    // Of the runner of this test, which the other is not to report to.
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const env = { ...inherited, ATELIER_TEST_OBS_BACKEND: 's3' };
    const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', ...paths], {
      env,
      maxBuffer: 32 * 1024 * 1024,
    }).catch(error => assert.fail(`${error.message}\n${error.stdout}`));
    assert.match(stdout, /^# fail 0$/m);
    assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)![1]) > 40);
  });
});

it('the setting is read strictly', () => {
  assert.deepEqual(parseS3Backend('s3://bucket/some/where/?endpoint=http://10.0.0.7:9000&region=eu'), {
    bucket: 'bucket',
    prefix: 'some/where/',
    endpoint: 'http://10.0.0.7:9000',
    region: 'eu',
  });
  assert.deepEqual(parseS3Backend('s3://bucket'), { bucket: 'bucket', prefix: '' });
  for (const text of [
    'bucket',
    'http://bucket',
    's3://a',
    's3://u:p@bucket',
    's3://bucket?endpoint=x',
    's3://bucket?color=red',
  ]) {
    assert.throws(() => parseS3Backend(text), { code: 'Atelier.BadSetting' }, text);
  }
});
