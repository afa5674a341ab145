import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { type ObjectWorld, objectWorld, REGION } from './world.fixture.ts';

const require = createRequire(import.meta.url);
const Bucket = 'amended';

/** Appending, metadata and tags, as OBS' own client sends them in each of its signatures. */
for (const signature of ['obs', 'v2', 'v4']) {
  describe(`append, metadata and tags by esdk-obs-nodejs, signature ${signature}`, () => {
    let world: ObjectWorld;
    // biome-ignore lint/suspicious/noExplicitAny: the package has no types
    let obs: any;
    before(async () => {
      world = await objectWorld();
      const ObsClient = require('esdk-obs-nodejs');
      const { access, secret } = world.key('ann');
      const options = {
        access_key_id: access,
        secret_access_key: secret,
        server: world.url,
        signature,
        region: REGION,
      };
      obs = new ObsClient(options);
      await tick();
      await ok('createBucket', { Bucket, Location: REGION });
    });
    after(async () => {
      obs.close();
      await world.close();
    });
    const ok = async (method: string, args: object = {}) => {
      const { CommonMsg, InterfaceResult } = await obs[method](args);
      assert.ok(CommonMsg.Status < 300, `${method}: ${JSON.stringify(CommonMsg)}`);
      return InterfaceResult;
    };
    const refused = async (method: string, args: object, status: number, code: string) => {
      const { CommonMsg } = await obs[method](args);
      assert.deepEqual([CommonMsg.Status, CommonMsg.Code], [status, code]);
    };
    const read = async (Key: string) => String((await ok('getObject', { Bucket, Key })).Content);

    it('an object grows by appending, small lines in few pieces and large ones too', async () => {
      const Key = 'log';
      let length = 0;
      let expected = '';
      for (let line = 0; line < 30; line++) {
        const Body = `${line} ${'x'.repeat(line * 100)}\n`;
        const done = await ok('appendObject', { Bucket, Key, Position: length, Body, Metadata: { colour: 'red' } });
        expected += Body;
        length += Body.length;
        assert.equal(Number(done.NextPosition), length);
      }
      assert.equal(await read(Key), expected);
      const head = await ok('getObjectMetadata', { Bucket, Key });
      assert.equal(Number(head.NextPosition), length);
      assert.equal(head.ObjectType, 'Appendable');
      assert.equal(head.Metadata.colour, 'red');
      const row = await world.db.selectFrom('obs_objects').selectAll().where('key', '=', Key).executeTakeFirstOrThrow();
      assert.ok(JSON.parse(String(row.segments)).length < 6, 'small pieces are joined');
      assert.equal(
        (await world.db.selectFrom('obs_blobs').select('id').where('dead_at', 'is', null).execute()).length,
        JSON.parse(String(row.segments)).length,
      );
      await ok('appendObject', { Bucket, Key, Position: length, Body: 'y'.repeat(50_000) });
      assert.equal(await read(Key), expected + 'y'.repeat(50_000));
    });

    it('appending elsewhere than at the end, or to what was put, is refused and changes nothing', async () => {
      await ok('appendObject', { Bucket, Key: 'end', Position: 0, Body: 'abc' });
      await refused('appendObject', { Bucket, Key: 'end', Position: 2, Body: 'd' }, 409, 'PositionNotEqualToLength');
      await refused('appendObject', { Bucket, Key: 'none', Position: 5, Body: 'd' }, 409, 'PositionNotEqualToLength');
      assert.equal(await read('end'), 'abc');
      await ok('putObject', { Bucket, Key: 'end', Body: 'put' });
      await refused('appendObject', { Bucket, Key: 'end', Position: 3, Body: 'd' }, 409, 'ObjectNotAppendable');
      assert.equal(await read('end'), 'put');
    });

    it('of many who append at once at the same place, one does', async () => {
      const Key = 'race';
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, n) => obs.appendObject({ Bucket, Key, Position: 0, Body: `${n}` })),
      );
      assert.deepEqual(all.map(each => each.CommonMsg.Status).sort(), [200, 409, 409, 409, 409, 409, 409, 409]);
      assert.equal((await read(Key)).length, 1);
    });

    it('tags are set with the object, changed and removed', async () => {
      await ok('putObject', { Bucket, Key: 'tagged', Body: 'x' });
      const set = (Tags: object) => ok('setObjectTagging', { Bucket, Key: 'tagged', ...Tags });
      await set({ Tags: [{ Key: 'team', Value: 'blue & red' }] });
      const { Tags } = await ok('getObjectTagging', { Bucket, Key: 'tagged' });
      assert.deepEqual(Tags, [{ Key: 'team', Value: 'blue & red' }]);
      const many = Array.from({ length: 11 }, (_, n) => ({ Key: `k${n}`, Value: 'v' }));
      await refused('setObjectTagging', { Bucket, Key: 'tagged', Tags: many }, 400, 'InvalidTag');
      await ok('deleteObjectTagging', { Bucket, Key: 'tagged' });
      assert.deepEqual((await ok('getObjectTagging', { Bucket, Key: 'tagged' })).Tags ?? [], []);
    });

    if (signature !== 'obs') return;
    it('metadata is changed without writing the object anew', async () => {
      const Key = 'described';
      await ok('putObject', { Bucket, Key, Body: 'x', Metadata: { a: '1', b: '2' }, ContentType: 'text/plain' });
      const change = (more: object) => ok('setObjectMetadata', { Bucket, Key, ...more });
      await change({
        MetadataDirective: 'REPLACE_NEW',
        Metadata: { b: '3', c: '4' },
        CacheControl: 'no-cache',
        ContentType: 'text/plain',
      });
      const after = await ok('getObjectMetadata', { Bucket, Key });
      assert.deepEqual(after.Metadata, { a: '1', b: '3', c: '4' });
      assert.deepEqual([after.ContentType, after.CacheControl], ['text/plain', 'no-cache']);
      await change({ MetadataDirective: 'REPLACE', Metadata: { d: '5' }, StorageClass: 'WARM' });
      const replaced = await ok('getObjectMetadata', { Bucket, Key });
      assert.deepEqual(replaced.Metadata, { d: '5' });
      assert.deepEqual([replaced.StorageClass, replaced.CacheControl ?? ''], ['STANDARD_IA', '']);
      assert.equal(await read(Key), 'x');
    });
  });
}
