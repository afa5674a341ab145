import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { errorText, Failure } from '../../kernel/failure.ts';
import type { BlobPlace } from './blob-place.ts';

/** Another store that keeps the bytes: any that speaks S3. */
export interface S3Backend {
  bucket: string;
  /** Before every name; empty, or ending in `/`. */
  prefix: string;
  endpoint?: string;
  region?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
}

/**
 * Reads `s3://bucket/prefix?endpoint=http://host:9000&region=r`. Throws Failure Atelier.BadSetting naming what is wrong. Credentials are those
 * of the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, profiles), as all programs of AWS read them.
 */
export function parseS3Backend(text: string): S3Backend {
  const bad = (what: string) =>
    new Failure({
      code: 'Atelier.BadSetting',
      status: 400,
      message: `ATELIER_OBS_BACKEND: ${what}`,
      solution: 'Write it as s3://bucket/prefix?endpoint=http://host:9000&region=us-east-1.',
    });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad(`"${text}" is no address.`);
  }
  if (url.protocol !== 's3:') throw bad(`"${url.protocol}" is not supported; it must begin with s3://.`);
  if (url.username || url.password) throw bad('credentials belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname)) throw bad(`"${url.hostname}" cannot be a bucket.`);
  for (const name of url.searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region') throw bad(`there is no parameter "${name}".`);
  }
  const endpoint = url.searchParams.get('endpoint');
  if (endpoint !== null && !/^https?:\/\/[^/?#]+\/?$/.test(endpoint))
    throw bad(`endpoint "${endpoint}" is no address.`);
  const prefix = decodeURIComponent(url.pathname.slice(1)).replace(/\/*$/, '');
  const region = url.searchParams.get('region');
  return {
    bucket: url.hostname,
    prefix: prefix === '' ? '' : `${prefix}/`,
    ...(endpoint ? { endpoint } : {}),
    ...(region ? { region } : {}),
  };
}

/** Blobs as objects `<prefix>blobs/<id>` of another store. They come to the local disk only while they are written. */
export function s3Place(backend: S3Backend): BlobPlace & { check(): Promise<void>; close(): void } {
  const { bucket: Bucket, prefix } = backend;
  let made: Promise<{ client: S3Client; s3: typeof import('@aws-sdk/client-s3') }> | undefined;

  /** Loaded when it is needed: most installations have no other store. */
  function connected() {
    made ??= import('@aws-sdk/client-s3').then(s3 => ({
      s3,
      client: new s3.S3Client({
        region: backend.region ?? process.env.AWS_REGION ?? 'us-east-1',
        ...(backend.endpoint ? { endpoint: backend.endpoint, forcePathStyle: true } : {}),
        ...(backend.credentials ? { credentials: backend.credentials } : {}),
        // Other stores do not all know the checksums that AWS' own client sends unasked; what is stored is checked at every read.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      }),
    }));
    return made;
  }

  const keyOf = (id: string) => `${prefix}blobs/${id}`;

  /** What the other store says of a failure, as a client of ours may know it: nothing but that it failed. */
  function failed(error: unknown): never {
    throw new Failure({
      code: 'ServiceUnavailable',
      status: 503,
      message: 'The storage behind this object store does not answer as it should. Try again later.',
      cause: new Error(`external storage ${Bucket}: ${errorText(error)}`, { cause: error }),
    });
  }

  return {
    async keep(id, file) {
      const { client, s3 } = await connected();
      const { size } = await stat(file);
      const request = new s3.PutObjectCommand({
        Bucket,
        Key: keyOf(id),
        Body: createReadStream(file),
        ContentLength: size,
      });
      await client.send(request).catch(failed);
      await rm(file, { force: true });
    },
    async open(id, start, end) {
      const { client, s3 } = await connected();
      const request = new s3.GetObjectCommand({ Bucket, Key: keyOf(id), Range: `bytes=${start}-${end - 1}` });
      let body: Readable;
      try {
        body = (await client.send(request)).Body as Readable;
      } catch (error) {
        const { name } = error as Error;
        // Shorter than it should be, or not there at all: damage, which the caller tells.
        if (name === 'NoSuchKey' || name === 'InvalidRange') return undefined;
        return failed(error);
      }
      const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      let left: Buffer = Buffer.alloc(0);
      return {
        async read(buffer) {
          if (left.length === 0) {
            const next = await chunks.next().catch(failed);
            if (next.done) return 0;
            left = next.value;
          }
          const count = left.copy(buffer);
          left = left.subarray(count);
          return count;
        },
        async close() {
          body.destroy();
        },
      };
    },
    async remove(id) {
      const { client, s3 } = await connected();
      await client.send(new s3.DeleteObjectCommand({ Bucket, Key: keyOf(id) })).catch(failed);
    },
    async *list() {
      const { client, s3 } = await connected();
      let ContinuationToken: string | undefined;
      do {
        const request = new s3.ListObjectsV2Command({ Bucket, Prefix: keyOf(''), ContinuationToken });
        const page = await client.send(request).catch(failed);
        yield (page.Contents ?? []).map(({ Key = '' }) => Key.slice(keyOf('').length));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
    },

    /** Throws Failure Atelier.BackendUnusable unless the bucket is there and may be used. */
    async check() {
      const { client, s3 } = await connected();
      try {
        await client.send(new s3.HeadBucketCommand({ Bucket }));
      } catch (error) {
        throw new Failure({
          code: 'Atelier.BackendUnusable',
          status: 500,
          message: `The bucket ${Bucket} of ATELIER_OBS_BACKEND cannot be used: ${errorText(error)}.`,
          solution: 'Create the bucket, and check endpoint, region, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
          cause: error,
        });
      }
    },
    close() {
      void made?.then(({ client }) => client.destroy());
    },
  };
}
