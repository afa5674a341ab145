import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { s3Client } from './clients.fixture.ts';
import { type ObjectWorld, objectWorld } from './world.fixture.ts';

/** Versions, as the AWS SDK sees them. */
describe('versions', () => {
  let world: ObjectWorld;
  let s3: S3Client;
  const Bucket = 'versioned';
  before(async () => {
    world = await objectWorld();
    s3 = s3Client(world.url, world.key('ann'));
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  after(async () => {
    s3.destroy();
    await world.close();
  });

  const version = (Status: 'Enabled' | 'Suspended') =>
    s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  const put = async (Key: string, Body: string) =>
    (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId;
  const get = async (Key: string, VersionId?: string) =>
    (await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }))).Body!.transformToString();
  const remove = (Key: string, VersionId?: string) => s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
  const all = async (Prefix: string) => {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
    return { versions: Versions, markers: DeleteMarkers };
  };
  const refused = (work: Promise<unknown>, status: number, name: string) =>
    assert.rejects(work, (error: { $metadata: { httpStatusCode: number }; name: string }) => {
      assert.deepEqual([error.$metadata.httpStatusCode, error.name], [status, name]);
      return true;
    });
  const blobs = async () =>
    (await world.db.selectFrom('obs_blobs').select('id').where('dead_at', 'is', null).execute()).length;

  it('what was written before has version null, and what is overwritten stays', async () => {
    const state = async () => (await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status;
    assert.equal(await state(), undefined);
    assert.equal(await put('key', 'zero'), undefined);
    await version('Enabled');
    assert.equal(await state(), 'Enabled');
    const one = await put('key', 'one');
    const two = await put('key', 'two');
    assert.match(one!, /^[0-9a-f]{32}$/);
    assert.equal(await get('key'), 'two');
    assert.equal(await get('key', one), 'one');
    assert.equal(await get('key', 'null'), 'zero');
    const { versions } = await all('key');
    assert.deepEqual(
      versions.map(each => [each.VersionId, each.IsLatest, each.Size]),
      [
        [two, true, 3],
        [one, false, 3],
        ['null', false, 4],
      ],
    );
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'key' }));
    assert.equal(head.VersionId, two);
  });

  it('a deletion hides the object behind a marker; without the marker it is back', async () => {
    const id = await put('hidden', 'still there');
    const marker = await remove('hidden');
    assert.equal(marker.DeleteMarker, true);
    await refused(get('hidden'), 404, 'NoSuchKey');
    assert.equal(await get('hidden', id), 'still there');
    await refused(get('hidden', marker.VersionId), 405, 'MethodNotAllowed');
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'hidden' }));
    assert.equal(listed.KeyCount, 0);
    const { versions, markers } = await all('hidden');
    assert.deepEqual([markers[0]!.IsLatest, versions[0]!.IsLatest], [true, false]);
    const undone = await remove('hidden', marker.VersionId);
    assert.deepEqual([undone.DeleteMarker, undone.VersionId], [true, marker.VersionId]);
    assert.equal(await get('hidden'), 'still there');
  });

  it('deleting the current version for good brings the one before back', async () => {
    const one = await put('stack', 'one');
    const two = await put('stack', 'two');
    const before = await blobs();
    assert.equal((await remove('stack', two)).VersionId, two);
    assert.equal(await get('stack'), 'one');
    assert.equal(await blobs(), before - 1, 'its bytes are gone');
    await refused(get('stack', two), 404, 'NoSuchVersion');
    await remove('stack', one);
    await refused(get('stack'), 404, 'NoSuchKey');
    assert.deepEqual((await all('stack')).versions, []);
    assert.equal((await remove('stack', one)).VersionId, one, 'once more is no error');
    await refused(get('stack', 'no-such-id'), 400, 'InvalidArgument');
  });

  it('suspended, there is one version null at most, and the others stay', async () => {
    const one = await put('paused', 'one');
    await version('Suspended');
    assert.equal(await put('paused', 'unversioned'), undefined);
    assert.equal(await put('paused', 'unversioned again'), undefined);
    assert.equal(await get('paused', 'null'), 'unversioned again');
    assert.equal(await get('paused', one), 'one');
    const ids = async () => {
      const { versions, markers } = await all('paused');
      return [versions.map(each => each.VersionId), markers.map(each => each.VersionId)];
    };
    assert.deepEqual(await ids(), [['null', one], []]);
    assert.equal((await remove('paused')).VersionId, 'null');
    assert.deepEqual(await ids(), [[one], ['null']]);
    await refused(get('paused'), 404, 'NoSuchKey');
    await version('Enabled');
  });

  it('pages of versions join without gap or double, also where the last of a page was deleted', async () => {
    for (let n = 0; n < 7; n++) await put('paged/a', `${n}`);
    await put('paged/b', 'b');
    await remove('paged/b');
    await put('paged/dir/c', 'c');
    const seen: string[] = [];
    let KeyMarker: string | undefined;
    let VersionIdMarker: string | undefined;
    let deleted = false;
    do {
      const page = await s3.send(
        new ListObjectVersionsCommand({ Bucket, Prefix: 'paged/', MaxKeys: 3, KeyMarker, VersionIdMarker }),
      );
      const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      assert.ok(found.length <= 3);
      seen.push(...found.map(each => `${each.Key} ${each.VersionId}`));
      ({ NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page);
      if (!deleted) await remove('paged/a', VersionIdMarker);
      deleted = true;
    } while (KeyMarker !== undefined);
    assert.equal(seen.length, 10);
    assert.equal(new Set(seen).size, 10);
    const grouped = await s3.send(
      new ListObjectVersionsCommand({ Bucket, Prefix: 'paged/', Delimiter: '/', MaxKeys: 9 }),
    );
    assert.deepEqual(grouped.CommonPrefixes, [{ Prefix: 'paged/dir/' }]);
    assert.equal(grouped.IsTruncated, false);
    assert.equal(grouped.Versions!.length + grouped.DeleteMarkers!.length, 8);
  });

  it('a version is copied, and a bucket with versions is not empty', async () => {
    const one = await put('source', 'first');
    await put('source', 'second');
    const copied = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `/${Bucket}/source?versionId=${one}` }),
    );
    assert.equal(copied.CopySourceVersionId, one);
    assert.equal(await get('copy', copied.VersionId), 'first');
    await refused(s3.send(new DeleteBucketCommand({ Bucket })), 409, 'BucketNotEmpty');

    for (;;) {
      const { Versions = [], DeleteMarkers = [] } = await s3.send(
        new ListObjectVersionsCommand({ Bucket, MaxKeys: 5 }),
      );
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      if (Objects.length === 0) break;
      const done = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      assert.deepEqual(done.Deleted!.map(each => each.VersionId).sort(), Objects.map(each => each.VersionId).sort());
    }
    assert.equal(await blobs(), 0);
    await s3.send(new DeleteBucketCommand({ Bucket }));
  });
});
