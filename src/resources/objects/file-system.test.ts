import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import dns from 'node:dns';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { sql } from 'kysely';
import { DOMAIN, type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const require = createRequire(import.meta.url);
const MiB = 1024 * 1024;

describe('parallel file systems', () => {
  let world: ObjectWorld;
  // biome-ignore lint/suspicious/noExplicitAny: the package has no types
  let obs: any;
  const Bucket = 'fs-bucket';
  const ann = person('ann');
  const resolve = dns.lookup;

  before(async () => {
    world = await objectWorld();
    const ObsClient = require('esdk-obs-nodejs');
    const { access, secret } = world.key('ann');
    // By a name, as for an address it would not speak OBS' dialect, in which alone it knows these operations.
    // biome-ignore lint/suspicious/noExplicitAny: one of many overloads
    dns.lookup = ((host: string, options: { all?: boolean }, done: any) => {
      if (!host.endsWith(DOMAIN)) return resolve(host, options, done);
      return options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
    }) as typeof dns.lookup;
    const server = `http://${DOMAIN}:${world.port}`;
    obs = new ObsClient({ access_key_id: access, secret_access_key: secret, server });
    await tick();
    await ok('createBucket', { FileInterface: 'Enabled' });
    await world.objects.service.createBucket(ann, 'object-bucket');
  });
  after(async () => {
    dns.lookup = resolve;
    obs.close();
    await world.close();
  });

  const ok = async (method: string, args: object = {}) => {
    const { CommonMsg, InterfaceResult } = await obs[method]({ Bucket, ...args });
    assert.ok(CommonMsg.Status < 300, `${method}: ${JSON.stringify(CommonMsg)}`);
    return InterfaceResult;
  };
  const refused = async (method: string, args: object, status: number, code: string) => {
    const { CommonMsg } = await obs[method]({ Bucket, ...args });
    assert.deepEqual([CommonMsg.Status, CommonMsg.Code], [status, code], CommonMsg.Message);
  };
  /** Text, as the client takes all bodies for text. */
  const text = (length: number) => Buffer.from(randomBytes(length).toString('hex').slice(0, length));
  const keys = async (prefix = '') => {
    const found: string[] = [];
    for await (const info of world.objects.service.walk(ann, { bucket: Bucket, key: prefix })) found.push(info.key);
    return found;
  };
  const content = async (Key: string) => {
    const { stream } = await world.objects.service.read(ann, { bucket: Bucket, key: Key });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  it('are told from object buckets', async () => {
    assert.equal((await ok('getBucketMetadata')).FsInterface, 'Enabled');
    assert.equal((await ok('getBucketMetadata', { Bucket: 'object-bucket' })).FsInterface ?? '', '');
    const { Buckets } = await ok('listBuckets', { BucketType: 'POSIX' });
    assert.deepEqual(
      Buckets.map((bucket: { BucketName: string }) => bucket.BucketName),
      [Bucket],
    );
    const Key = 'x';
    await ok('putObject', { Bucket: 'object-bucket', Key, Body: 'x' });
    await refused('renameObject', { Bucket: 'object-bucket', Key, Name: 'y' }, 405, 'MethodNotAllowed');
    await refused('truncateObject', { Bucket: 'object-bucket', Key, Length: 0 }, 405, 'MethodNotAllowed');
    await refused('modifyObject', { Bucket: 'object-bucket', Key, Position: 0, Body: 'y' }, 405, 'MethodNotAllowed');
  });

  it('have real directories', async () => {
    await ok('putObject', { Key: 'a/b/c', Body: 'c' });
    assert.deepEqual(await keys(), ['a/', 'a/b/', 'a/b/c']);
    await refused('deleteObject', { Key: 'a/' }, 409, 'OperationAborted');
    await ok('deleteObject', { Key: 'a/b/c' });
    assert.deepEqual(await keys(), ['a/', 'a/b/']);
    await refused('putObject', { Key: 'a/b', Body: 'a file' }, 409, 'OperationAborted');
    await ok('putObject', { Key: 'a/f', Body: 'f' });
    await refused('putObject', { Key: 'a/f/g', Body: 'g' }, 409, 'OperationAborted');
    await refused('putObject', { Key: 'a/f/', Body: '' }, 409, 'OperationAborted');
    await refused('putObject', { Key: 'a//g', Body: 'g' }, 400, 'InvalidArgument');
    await refused('putObject', { Key: 'd/', Body: 'content' }, 400, 'InvalidArgument');
    await ok('deleteObject', { Key: 'a/b/' });
    await ok('deleteObject', { Key: 'a/f' });
    await ok('deleteObject', { Key: 'a/' });
    assert.deepEqual(await keys(), []);
  });

  it('rename files and directories', async () => {
    for (const Key of ['dir/one', 'dir/日本/😀', 'dir/sub/two', 'dirt', 'other'])
      await ok('putObject', { Key, Body: Key });
    await ok('renameObject', { Key: 'other', Name: '/new/place' });
    assert.equal(String(await content('new/place')), 'other');
    await refused('renameObject', { Key: 'other', Name: 'x' }, 404, 'NoSuchKey');
    await refused('renameObject', { Key: 'dirt', Name: 'new/place' }, 409, 'OperationAborted');
    await refused('renameObject', { Key: 'dirt', Name: 'dir' }, 409, 'OperationAborted');
    await refused('renameObject', { Key: 'dir/', Name: 'dir/sub/deeper/' }, 400, 'InvalidArgument');
    await refused('renameObject', { Key: 'dir/', Name: `n${'n'.repeat(1016)}/` }, 400, 'KeyTooLongError');
    await ok('renameObject', { Key: 'dir/', Name: '/ぽ/moved/' });
    assert.deepEqual(await keys('ぽ'), [
      'ぽ/',
      'ぽ/moved/',
      'ぽ/moved/one',
      'ぽ/moved/sub/',
      'ぽ/moved/sub/two',
      'ぽ/moved/日本/',
      'ぽ/moved/日本/😀',
    ]);
    assert.equal(String(await content('ぽ/moved/日本/😀')), 'dir/日本/😀');
    assert.deepEqual(await keys('dir'), ['dirt']);
    await ok('renameObject', { Key: 'ぽ/moved', Name: 'back' });
    assert.equal(String(await content('back/sub/two')), 'dir/sub/two');
    world.deny.rule = (_, request) => (request.resource?.includes('forbidden') ? 'no' : undefined);
    await refused('renameObject', { Key: 'dirt', Name: 'forbidden/x' }, 403, 'AccessDenied');
    delete world.deny.rule;
  });

  it('truncate, and write in place', async () => {
    for (const encrypted of [{}, { SseKms: 'kms' }]) {
      let model: Buffer = text(2 * MiB + 100);
      const put = await ok('putObject', { Key: 'file', Body: String(model), ...encrypted });
      assert.equal(put.SseKms ?? '', 'SseKms' in encrypted ? 'kms' : '');
      const write = async (Position: number, bytes: Buffer) => {
        await ok('modifyObject', { Key: 'file', Position, Body: String(bytes) });
        const longer = Buffer.alloc(Math.max(model.length, Position + bytes.length));
        model.copy(longer);
        bytes.copy(longer, Position);
        model = longer;
        assert.ok((await content('file')).equals(model), `after writing ${bytes.length} at ${Position}`);
      };
      const truncate = async (Length: number) => {
        await ok('truncateObject', { Key: 'file', Length });
        const other = Buffer.alloc(Length);
        model.copy(other);
        model = other;
        assert.ok((await content('file')).equals(model), `after truncating to ${Length}`);
      };
      await write(10, text(5));
      await write(MiB - 7, text(20_000));
      await write(model.length, text(3));
      await write(12, text(1));
      await truncate(MiB + 100);
      await truncate(2 * MiB + 5);
      await write(model.length - 2, text(100));
      await refused('modifyObject', { Key: 'file', Position: model.length + 1, Body: 'x' }, 400, 'InvalidArgument');
      await refused('modifyObject', { Key: 'none', Position: 0, Body: 'x' }, 404, 'NoSuchKey');
      await truncate(0);
      assert.equal((await content('file')).length, 0);
    }
    await ok('deleteObject', { Key: 'file' });
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM obs_blobs WHERE refs <> (
        SELECT count(*) FROM obs_objects, json_each(obs_objects.segments) WHERE json_each.value ->> 0 = obs_blobs.id
      ) AND NOT (refs <= 0 AND dead_at IS NOT NULL)`.execute(world.db);
    assert.equal(rows[0]!.n, 0, 'every blob has as many references as rows name it');
  });
});
