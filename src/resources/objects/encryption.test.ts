import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { sql } from 'kysely';
import { s3Client } from './clients.fixture.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const require = createRequire(import.meta.url);
const MiB = 1024 * 1024;
const MARK = 'this text must not be found on the disk';
const marked = (size: number) => Buffer.concat([Buffer.from(MARK), Buffer.alloc(size, MARK)]).subarray(0, size);
const md5 = (bytes: Buffer | string) => createHash('md5').update(bytes).digest('hex');

describe('server-side encryption', () => {
  let world: ObjectWorld;
  let s3: S3Client;
  // biome-ignore lint/suspicious/noExplicitAny: the package has no types
  let obs: any;
  const Bucket = 'secret-bucket';
  const key = randomBytes(32);
  const ssec = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64') };
  const other = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: randomBytes(32).toString('base64') };
  const copySource = { CopySourceSSECustomerAlgorithm: 'AES256', CopySourceSSECustomerKey: key.toString('base64') };

  before(async () => {
    world = await objectWorld();
    const { access, secret } = world.key('ann');
    s3 = s3Client(world.url, world.key('ann'));
    await s3.send(new CreateBucketCommand({ Bucket }));
    const ObsClient = require('esdk-obs-nodejs');
    obs = new ObsClient({ access_key_id: access, secret_access_key: secret, server: world.url, signature: 'obs' });
    await tick();
  });
  after(async () => {
    obs.close();
    s3.destroy();
    await world.close();
  });

  const read = async (Key: string, more: object = {}) => {
    const got = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
    return { ...got, bytes: Buffer.from(await got.Body!.transformToByteArray()) };
  };
  const refused = (work: Promise<unknown>, status: number, name: string) =>
    assert.rejects(work, (error: { name: string; $metadata: { httpStatusCode: number } }) => {
      assert.deepEqual([error.$metadata.httpStatusCode, error.name], [status, name]);
      return true;
    });
  const onDisk = async (text: string) => {
    await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(world.db);
    return readdirSync(world.dir, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .some(entry => readFileSync(join(entry.parentPath, entry.name)).includes(text));
  };

  it('SSE-C: ranges, wrong and missing keys, nothing in clear', async () => {
    for (const [Key, size] of [
      ['small', 1000],
      ['large', 3 * MiB + 17],
    ] as const) {
      const Body = marked(size);
      const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body, ...ssec }));
      assert.equal(put.SSECustomerAlgorithm, 'AES256');
      assert.ok(put.SSECustomerKeyMD5);
      assert.notEqual(put.ETag, `"${md5(Body)}"`);
      const whole = await read(Key, ssec);
      assert.ok(whole.bytes.equals(Body));
      assert.equal(whole.SSECustomerAlgorithm, 'AES256');
      for (const [start, end] of [
        [0, 0],
        [1, 16],
        [15, 33],
        [size - 5, size - 1],
        [Math.floor(size / 2), size - 3],
      ]) {
        const part = await read(Key, { ...ssec, Range: `bytes=${start}-${end}` });
        assert.ok(part.bytes.equals(Body.subarray(start, end! + 1)), `${Key} ${start}-${end}`);
      }
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ...ssec }));
      assert.equal(head.ContentLength, size);
      await refused(read(Key), 400, 'InvalidRequest');
      await refused(read(Key, other), 403, 'AccessDenied');
      await refused(s3.send(new HeadObjectCommand({ Bucket, Key })), 400, 'Unknown');
      await assert.rejects(world.objects.service.read(person('ann'), { bucket: Bucket, key: Key }), {
        code: 'InvalidRequest',
        message: /key of its customer/,
      });
    }
    await refused(
      s3.send(new PutObjectCommand({ Bucket, Key: 'x', Body: 'x', ...ssec, SSECustomerAlgorithm: 'DES' })),
      400,
      'InvalidEncryptionAlgorithmError',
    );
    const short = randomBytes(16).toString('base64');
    await refused(
      s3.send(
        new PutObjectCommand({ Bucket, Key: 'x', Body: 'x', SSECustomerAlgorithm: 'AES256', SSECustomerKey: short }),
      ),
      400,
      'InvalidArgument',
    );
    await s3.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'open' }));
    await refused(read('plain', ssec), 400, 'InvalidRequest');
    assert.equal(await onDisk(MARK), false);
    assert.equal(await onDisk(ssec.SSECustomerKey), false);
    assert.equal(await onDisk('\0'), true);
  });

  it('keys of the installation: transparent reads, headers, jobs', async () => {
    for (const [Key, asked] of [
      ['oss', { ServerSideEncryption: 'AES256' }],
      ['kms', { ServerSideEncryption: 'aws:kms' }],
      ['named', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'my-key' }],
    ] as const) {
      const Body = marked(2 * MiB + 5);
      const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body, ...asked }));
      assert.equal(put.ServerSideEncryption, asked.ServerSideEncryption);
      assert.equal(put.ETag === `"${md5(Body)}"`, Key === 'oss');
      const got = await read(Key);
      assert.ok(got.bytes.equals(Body));
      assert.equal(got.ServerSideEncryption, asked.ServerSideEncryption);
      assert.equal(got.SSEKMSKeyId, { oss: undefined, kms: 'obs/default', named: 'my-key' }[Key]);
      const { stream } = await world.objects.service.read(
        person('ann'),
        { bucket: Bucket, key: Key },
        { start: MiB - 3 },
      );
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      assert.ok(Buffer.concat(chunks).equals(Body.subarray(MiB - 3)));
      const dir = mkdtempSync(join(tmpdir(), 'atelier-staged-'));
      await world.objects.service.download(person('ann'), { bucket: Bucket, key: Key }, dir);
      assert.ok(readFileSync(join(dir, Key)).equals(Body));
      rmSync(dir, { recursive: true });
    }
    await refused(
      s3.send(new PutObjectCommand({ Bucket, Key: 'x', Body: 'x', ServerSideEncryption: 'rot13' as 'AES256' })),
      400,
      'InvalidEncryptionAlgorithmError',
    );
    assert.equal(await onDisk(MARK), false);
  });

  it('copies', async () => {
    const blobs = async () => {
      const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM obs_blobs`.execute(world.db);
      return rows[0]!.n;
    };
    const before = await blobs();
    const copied = await s3.send(new CopyObjectCommand({ Bucket, Key: 'kms-2', CopySource: `${Bucket}/kms` }));
    assert.equal(copied.ServerSideEncryption, 'aws:kms');
    assert.equal(await blobs(), before, 'by reference');
    const Body = marked(2 * MiB + 5);
    assert.ok((await read('kms-2')).bytes.equals(Body));

    const copy = (Key: string, source: string, more: object) =>
      s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${source}`, ...more }));
    await copy('c-1', 'kms', ssec);
    await refused(read('c-1'), 400, 'InvalidRequest');
    assert.ok((await read('c-1', ssec)).bytes.equals(Body));
    await refused(copy('c-2', 'c-1', ssec), 400, 'InvalidRequest');
    await copy('c-2', 'c-1', { ...copySource, ...other });
    assert.ok((await read('c-2', other)).bytes.equals(Body));
    await copy('c-3', 'c-1', { ...copySource, ServerSideEncryption: 'AES256' });
    assert.ok((await read('c-3')).bytes.equals(Body));
    await copy('plain', 'plain', { ServerSideEncryption: 'aws:kms' });
    assert.equal(String((await read('plain')).bytes), 'open');
    assert.equal((await read('plain')).ServerSideEncryption, 'aws:kms');
    assert.equal(await onDisk(MARK), false);
  });

  it('multipart uploads, copied parts among them', async () => {
    for (const asked of [ssec, { ServerSideEncryption: 'aws:kms' as const }, {}]) {
      const Key = 'multi';
      const with1 = 'SSECustomerKey' in asked ? asked : {};
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...asked }));
      const first = marked(5 * MiB + 3);
      const last = randomBytes(100);
      const upload = { Bucket, Key, UploadId, ...with1 };
      const one = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: first }));
      if ('SSECustomerKey' in asked) {
        await refused(
          s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: first })),
          400,
          'InvalidRequest',
        );
        await refused(
          s3.send(new UploadPartCommand({ ...upload, ...other, PartNumber: 1, Body: first })),
          403,
          'AccessDenied',
        );
      }
      const two = await s3.send(
        new UploadPartCopyCommand({
          ...upload,
          ...copySource,
          PartNumber: 2,
          CopySource: `${Bucket}/large`,
          CopySourceRange: `bytes=0-${3 * MiB + 16}`,
        }),
      );
      const parts = [one.ETag, two.CopyPartResult!.ETag];
      await s3.send(new UploadPartCommand({ ...upload, PartNumber: 3, Body: last }));
      const listed = parts.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
      const done = await s3.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: listed } }),
      );
      assert.match(done.ETag!, /-2"$/);
      const whole = Buffer.concat([first, marked(3 * MiB + 17)]);
      const got = await read(Key, with1);
      assert.ok(got.bytes.equals(whole));
      const across = await read(Key, { ...with1, Range: `bytes=${5 * MiB - 9}-${5 * MiB + 21}` });
      assert.ok(across.bytes.equals(whole.subarray(5 * MiB - 9, 5 * MiB + 22)));
    }
  });

  it("the bucket's default", async () => {
    const Default = 'default-bucket';
    await s3.send(new CreateBucketCommand({ Bucket: Default }));
    const document = JSON.stringify({ algorithm: 'kms', keyId: 'house' });
    await sql`INSERT INTO obs_bucket_settings
      SELECT id, 'encryption', ${document} FROM obs_buckets WHERE name = ${Default}`.execute(world.db);
    const put = await s3.send(new PutObjectCommand({ Bucket: Default, Key: 'a', Body: marked(100) }));
    assert.deepEqual([put.ServerSideEncryption, put.SSEKMSKeyId], ['aws:kms', 'house']);
    await s3.send(new CopyObjectCommand({ Bucket: Default, Key: 'b', CopySource: `${Bucket}/c-3` }));
    const head = await s3.send(new HeadObjectCommand({ Bucket: Default, Key: 'b' }));
    assert.equal(head.SSEKMSKeyId, 'house');
    const info = await world.objects.service.put(person('ann'), { bucket: Default, key: 'c' }, Buffer.from(MARK));
    assert.equal(info.encryption?.keyId, 'house');
  });

  it('esdk-obs-nodejs', async () => {
    const ok = async (method: string, args: object) => {
      const { CommonMsg, InterfaceResult } = await obs[method]({ Bucket, ...args });
      assert.ok(CommonMsg.Status < 300, `${method}: ${JSON.stringify(CommonMsg)}`);
      return InterfaceResult;
    };
    const customer = { SseC: 'AES256', SseCKey: key };
    const put = await ok('putObject', { Key: 'e', Body: 'esdk', ...customer });
    assert.equal(put.SseC, 'AES256');
    assert.equal(String((await ok('getObject', { Key: 'e', ...customer })).Content), 'esdk');
    const { CommonMsg } = await obs.getObject({ Bucket, Key: 'e' });
    assert.deepEqual([CommonMsg.Status, CommonMsg.Code], [400, 'InvalidRequest']);
    await ok('getObjectMetadata', { Key: 'e', ...customer });
    await ok('copyObject', {
      Key: 'e2',
      CopySource: `${Bucket}/e`,
      CopySourceSseC: 'AES256',
      CopySourceSseCKey: key,
      SseKms: 'kms',
      SseKmsKey: 'esdk-key',
    });
    const head = await ok('getObjectMetadata', { Key: 'e2' });
    assert.deepEqual([head.SseKms.replace('aws:', ''), head.SseKmsKey], ['kms', 'esdk-key']);
  });
});
