import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  RestoreObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Clock } from '../../kernel/clock.ts';
import { s3Client } from './clients.fixture.ts';
import { send } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const require = createRequire(import.meta.url);
const ann = person('ann');
const DAY = 24 * 3600 * 1000;

describe('archived objects', () => {
  let world: ObjectWorld;
  let ahead = 0;
  const clock: Clock = { now: () => Date.now() + ahead };
  const Bucket = 'cold-bucket';
  before(async () => {
    world = await objectWorld({ clock, restoreMs: 60_000 });
    await world.objects.service.createBucket(ann, Bucket);
    await world.objects.service.createBucket(ann, 'always-cold', { storageClass: 'COLD' });
  });
  after(() => world.close());

  const clientAt = (): S3Client => s3Client(world.url, world.key('ann'), { systemClockOffset: ahead });

  it('S3: restored, readable for a while, archived again', async () => {
    ahead = 0;
    const place = { Bucket, Key: 'a' };
    // A client for each request: an answer sets its clock to the Date of the machine.
    const s3: Pick<S3Client, 'send'> = { send: (...given: [never]) => clientAt().send(...given) as never };
    const state = async () => (await s3.send(new HeadObjectCommand(place))).Restore;
    const restore = async (Days: number) => {
      const command = new RestoreObjectCommand({
        ...place,
        RestoreRequest: { Days, GlacierJobParameters: { Tier: 'Standard' } },
      });
      return (await s3.send(command)).$metadata.httpStatusCode;
    };
    await s3.send(new PutObjectCommand({ ...place, Body: 'frozen', StorageClass: 'GLACIER' }));
    await assert.rejects(s3.send(new GetObjectCommand(place)), { name: 'InvalidObjectState' });
    await assert.rejects(
      s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` })),
      (error: Error) => error.name === 'InvalidObjectState' || error.name === 'ObjectNotInActiveTierError',
    );
    assert.equal((await s3.send(new HeadObjectCommand(place))).StorageClass, 'GLACIER');
    assert.equal(await state(), undefined);
    assert.equal(await restore(2), 202);
    assert.equal(await state(), 'ongoing-request="true"');
    await assert.rejects(restore(2), { name: 'RestoreAlreadyInProgress' });
    await assert.rejects(s3.send(new GetObjectCommand(place)), { name: 'InvalidObjectState' });
    ahead = 61_000;
    assert.match(
      String(await state()),
      /^ongoing-request="false", expiry-date="\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT"$/,
    );
    assert.equal(await (await s3.send(new GetObjectCommand(place))).Body!.transformToString(), 'frozen');
    assert.equal(await restore(3), 200);
    ahead = 2.5 * DAY;
    await s3.send(new GetObjectCommand(place)).then(answer => answer.Body!.transformToString());
    const copy = { Bucket, Key: 'b', CopySource: `${Bucket}/a`, StorageClass: 'STANDARD' as const };
    await s3.send(new CopyObjectCommand(copy));
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'b' }))).Restore, undefined);
    ahead = 3.5 * DAY;
    await assert.rejects(s3.send(new GetObjectCommand(place)), { name: 'InvalidObjectState' });
    assert.equal(await state(), undefined);
    assert.equal(await restore(1), 202);
    ahead += 61_000;
    await s3.send(new CopyObjectCommand({ ...copy, Key: 'a' })); // onto itself: another class
    ahead += 30 * DAY;
    await s3.send(new GetObjectCommand(place)).then(answer => answer.Body!.transformToString());
    await assert.rejects(restore(1), { name: /InvalidObjectState/ });
    ahead = 0;
  });

  it('OBS: in a bucket of class COLD', async () => {
    const ObsClient = require('esdk-obs-nodejs');
    const obs = new ObsClient({ access_key_id: 'AK-ann', secret_access_key: 'SK-ann', server: world.url });
    await tick();
    const place = { Bucket: 'always-cold', Key: 'x' };
    await obs.putObject({ ...place, Body: 'deep' });
    const { CommonMsg } = await obs.getObject(place);
    assert.deepEqual([CommonMsg.Status, CommonMsg.Code], [403, 'InvalidObjectState']);
    assert.equal((await obs.restoreObject({ ...place, Days: 31, Tier: 'Expedited' })).CommonMsg.Status, 400);
    assert.equal((await obs.restoreObject({ ...place, Days: 1, Tier: 'Expedited' })).CommonMsg.Status, 202);
    assert.equal((await obs.restoreObject({ ...place, Days: 1 })).CommonMsg.Status, 409);
    const head = await obs.getObjectMetadata(place);
    assert.equal(head.InterfaceResult.Restore, 'ongoing-request="true"');
    await obs.setBucketDirectColdAccess({ Bucket: 'always-cold', Status: 'Enabled' });
    assert.equal(String((await obs.getObject(place)).InterfaceResult.Content), 'deep');
    obs.close();
  });

  it('the service refuses reading too, and others cannot restore', async () => {
    const path = { bucket: Bucket, key: 'svc' };
    await world.objects.service.put(ann, path, Buffer.from('x'), { storageClass: 'COLD' });
    await assert.rejects(world.objects.service.read(ann, path), { code: 'InvalidObjectState' });
    const body = '<RestoreRequest><Days>1</Days></RestoreRequest>';
    assert.equal((await send(world, 'POST', `/${Bucket}/svc?restore`, { as: 'eve', body })).code, 'AccessDenied');
    assert.equal((await send(world, 'POST', `/${Bucket}/none?restore`, { body })).code, 'NoSuchKey');
    for (const wrong of ['<RestoreRequest/>', '<RestoreRequest><Days>0</Days></RestoreRequest>', '']) {
      assert.equal((await send(world, 'POST', `/${Bucket}/svc?restore`, { body: wrong })).status, 400);
    }
  });
});
