import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { s3Client } from '../clients.fixture.ts';
import { joinChecksums } from '../multipart-checksum.ts';
import { type ObjectWorld, objectWorld } from '../world.fixture.ts';
import { checksum } from './checksums.ts';

const MiB = 1024 * 1024;

it('joined checksums are those of the whole', () => {
  for (const name of ['crc32', 'crc32c', 'crc64nvme'] as const) {
    const parts = [randomBytes(1000), Buffer.alloc(0), randomBytes(1), randomBytes(70_000), randomBytes(1000)];
    const of = (bytes: Buffer) => {
      const sum = checksum(name);
      sum.update(bytes);
      return sum.digest();
    };
    const listed = parts.map(part => ({ value: of(part), size: part.length }));
    assert.equal(joinChecksums(name, 'FULL_OBJECT', listed), of(Buffer.concat(parts)), name);
  }
});

describe('checksums and metadata', () => {
  let world: ObjectWorld;
  let s3: S3Client;
  const Bucket = 'checked';

  before(async () => {
    world = await objectWorld();
    s3 = s3Client(world.url, world.key('ann'));
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  after(async () => {
    s3.destroy();
    await world.close();
  });

  async function upload(
    algorithm: 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256',
    type?: 'FULL_OBJECT' | 'COMPOSITE',
    whole: object = {},
  ) {
    const Key = `${algorithm}-${type}`;
    const begun = await s3.send(
      new CreateMultipartUploadCommand({
        Bucket,
        Key,
        ChecksumAlgorithm: algorithm,
        ...(type ? { ChecksumType: type } : {}),
      }),
    );
    const { UploadId } = begun;
    const bodies = [randomBytes(5 * MiB), randomBytes(10)];
    const Parts = [];
    for (const [index, Body] of bodies.entries()) {
      const PartNumber = index + 1;
      const part = await s3.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: algorithm }),
      );
      const { $metadata: _, ...told } = part;
      Parts.push({ ...told, PartNumber });
    }
    const complete = { Bucket, Key, UploadId, MultipartUpload: { Parts }, ...whole };
    const done = await s3.send(new CompleteMultipartUploadCommand(complete));
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    assert.ok(Buffer.from(await got.Body!.transformToByteArray()).equals(Buffer.concat(bodies)));
    return { begun, done, head, bytes: Buffer.concat(bodies), bodies };
  }

  it('of multipart uploads, composite and of the whole', async () => {
    for (const name of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
      const { begun, done, head, bytes } = await upload(name, 'FULL_OBJECT');
      assert.equal(begun.ChecksumType, 'FULL_OBJECT');
      const sum = checksum(name.toLowerCase() as 'crc32');
      sum.update(bytes);
      const wanted = sum.digest();
      assert.equal(done[`Checksum${name}`], wanted);
      assert.equal(head[`Checksum${name}`], wanted);
      assert.deepEqual([done.ChecksumType, head.ChecksumType], ['FULL_OBJECT', 'FULL_OBJECT']);
    }
    const { done, head, bodies } = await upload('SHA256');
    const parts = bodies.map(body => createHash('sha256').update(body).digest());
    const wanted = `${createHash('sha256').update(Buffer.concat(parts)).digest('base64')}-2`;
    assert.deepEqual([done.ChecksumSHA256, head.ChecksumSHA256, head.ChecksumType], [wanted, wanted, 'COMPOSITE']);
    await assert.rejects(upload('SHA1', 'FULL_OBJECT'), { name: 'InvalidRequest' });
    await assert.rejects(upload('CRC64NVME', 'COMPOSITE'), { name: 'InvalidRequest' });
    await assert.rejects(upload('CRC32', 'FULL_OBJECT', { ChecksumCRC32: 'AAAAAA==' }), { name: 'BadDigest' });
    await assert.rejects(upload('CRC32', 'FULL_OBJECT', { MpuObjectSize: 7 }), { name: 'InvalidRequest' });
  });

  it('the store takes the checksum that an upload asked for of parts that come without', async () => {
    const plain = s3Client(world.url, world.key('ann'), { requestChecksumCalculation: 'WHEN_REQUIRED' });
    const body = randomBytes(5 * MiB);
    const tail = randomBytes(1000);
    await plain.send(new PutObjectCommand({ Bucket, Key: 'tail', Body: tail }));
    for (const name of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
      const Key = `asked-${name}`;
      const of = (bytes: Buffer) => {
        const sum = checksum(name.toLowerCase() as 'crc32');
        sum.update(bytes);
        return sum.digest();
      };
      const asked = { Bucket, Key, ChecksumAlgorithm: name };
      const { UploadId } = await plain.send(new CreateMultipartUploadCommand(asked));
      const sent: string[] = [];
      world.objects.server.once('request', ({ headers }) => sent.push(...Object.keys(headers)));
      const first = await plain.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: body }));
      assert.ok(!sent.some(header => header.startsWith('x-amz-checksum')), 'the client sent none');
      assert.equal(first[`Checksum${name}`], of(body));
      const copy = { Bucket, Key, UploadId, PartNumber: 2, CopySource: `${Bucket}/tail` };
      const { CopyPartResult: second } = await plain.send(new UploadPartCopyCommand(copy));
      assert.equal(second![`Checksum${name}`], of(tail));
      const { Parts: listed } = await plain.send(new ListPartsCommand({ Bucket, Key, UploadId }));
      assert.deepEqual(
        listed!.map(part => part[`Checksum${name}`]),
        [of(body), of(tail)],
      );
      const Parts = [
        { ...first, PartNumber: 1 },
        { ...second, PartNumber: 2 },
      ];
      const done = await plain.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
      );
      const wanted =
        name === 'CRC64NVME'
          ? of(Buffer.concat([body, tail]))
          : `${of(Buffer.concat([body, tail].map(part => Buffer.from(of(part), 'base64'))))}-2`;
      assert.equal(done[`Checksum${name}`], wanted);
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
      assert.equal(head[`Checksum${name}`], wanted);
    }
    plain.destroy();
  });

  it('metadata in UTF-8 and Latin-1 comes back byte by byte; callbacks are refused', async () => {
    const send = (url: string, method: string, headers: Record<string, string>, body?: string) =>
      new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
        const outgoing = request(url, { method, headers }, answer => {
          let text = '';
          answer.on('data', chunk => {
            text += chunk;
          });
          answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
        });
        outgoing.on('error', reject);
        outgoing.end(body);
      });
    const values = {
      utf8: Buffer.from('grün 日本').toString('latin1'),
      latin1: 'gr\xfcn',
      rfc2047: '=?UTF-8?B?Z3LDvG4=?=',
      percent: 'gr%C3%BCn',
    };
    const headers = Object.fromEntries(Object.entries(values).map(([name, value]) => [`x-amz-meta-${name}`, value]));
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'meta' }));
    const answer = await send(put, 'PUT', headers, '');
    assert.equal(answer.status, 200, answer.text);
    const got = await send(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'meta' })), 'GET', {});
    for (const [name, value] of Object.entries(values)) assert.equal(got.headers[`x-amz-meta-${name}`], value, name);

    const refused = await send(put, 'PUT', { 'x-amz-callback': 'e30=' }, 'x');
    assert.equal(refused.status, 501);
    assert.match(refused.text, /Callbacks/);
  });
});
