import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Failure } from '../kernel/failure.ts';
import type { Profile } from './session.ts';

export interface ObsUrl {
  bucket: string;
  key: string;
}

export interface ObsEntry {
  key: string;
  size: number;
  lastModified: Date;
  etag: string;
}

export interface TransferProgress {
  bytes: number;
  totalBytes: number;
  files: number;
  totalFiles: number;
}

const PART_BYTES = 8 * 1024 * 1024;
const PARALLEL_FILES = 8;
const DELETE_BATCH = 1000;

/** `obs://bucket/key` taken apart, or undefined when the text is not an OBS address. */
export function parseObsUrl(text: string): ObsUrl | undefined {
  const match = /^(?:obs|s3):\/\/([^/]+)\/?(.*)$/.exec(text);
  return match ? { bucket: match[1]!, key: match[2]! } : undefined;
}

/** Object storage as the command line uses it: whole trees, parallel parts, progress. */
export class ObsClient {
  readonly #s3: S3Client;

  constructor(profile: Profile) {
    if (!profile.key) {
      throw new Failure({
        code: 'Atelier.NoCredentials',
        status: 401,
        message: 'This profile has no access key, which OBS needs.',
        solution: 'Run: atelier login',
      });
    }
    this.#s3 = new S3Client({
      endpoint: profile.endpoints.obs,
      region: profile.region,
      forcePathStyle: true,
      credentials: {
        accessKeyId: profile.key.access,
        secretAccessKey: profile.key.secret,
        ...(profile.key.securityToken ? { sessionToken: profile.key.securityToken } : {}),
      },
      maxAttempts: 4,
    });
  }

  async buckets(): Promise<{ name: string; created: Date | undefined }[]> {
    const answer = await guarded(() => this.#s3.send(new ListBucketsCommand({})));
    return (answer.Buckets ?? []).map(bucket => ({ name: bucket.Name!, created: bucket.CreationDate }));
  }

  async bucketExists(bucket: string): Promise<boolean> {
    try {
      await this.#s3.send(new HeadBucketCommand({ Bucket: bucket }));
      return true;
    } catch (error) {
      if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return false;
      throw obsFailure(error);
    }
  }

  async createBucket(bucket: string): Promise<void> {
    await guarded(() => this.#s3.send(new CreateBucketCommand({ Bucket: bucket })));
  }

  async deleteBucket(bucket: string): Promise<void> {
    await guarded(() => this.#s3.send(new DeleteBucketCommand({ Bucket: bucket })));
  }

  /** Everything below a prefix. */
  async *walk(url: ObsUrl): AsyncGenerator<ObsEntry> {
    const pages = paginateListObjectsV2({ client: this.#s3 }, { Bucket: url.bucket, Prefix: url.key });
    try {
      for await (const page of pages) {
        for (const item of page.Contents ?? []) {
          yield { key: item.Key!, size: item.Size ?? 0, lastModified: item.LastModified!, etag: item.ETag ?? '' };
        }
      }
    } catch (error) {
      throw obsFailure(error);
    }
  }

  /** One level below a prefix: folders and objects. */
  async list(url: ObsUrl): Promise<{ folders: string[]; objects: ObsEntry[] }> {
    const folders: string[] = [];
    const objects: ObsEntry[] = [];
    const pages = paginateListObjectsV2({ client: this.#s3 }, { Bucket: url.bucket, Prefix: url.key, Delimiter: '/' });
    try {
      for await (const page of pages) {
        for (const prefix of page.CommonPrefixes ?? []) folders.push(prefix.Prefix!);
        for (const item of page.Contents ?? []) {
          objects.push({
            key: item.Key!,
            size: item.Size ?? 0,
            lastModified: item.LastModified!,
            etag: item.ETag ?? '',
          });
        }
      }
    } catch (error) {
      throw obsFailure(error);
    }
    return { folders, objects };
  }

  async exists(url: ObsUrl): Promise<boolean> {
    try {
      await this.#s3.send(new HeadObjectCommand({ Bucket: url.bucket, Key: url.key }));
      return true;
    } catch (error) {
      if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return false;
      throw obsFailure(error);
    }
  }

  /** Deletes one object, or everything below a prefix. Returns how many. */
  async remove(url: ObsUrl, recursive: boolean): Promise<number> {
    const keys: string[] = [];
    if (recursive) {
      for await (const entry of this.walk(url)) keys.push(entry.key);
    } else {
      keys.push(url.key);
    }
    for (let at = 0; at < keys.length; at += DELETE_BATCH) {
      const batch = keys.slice(at, at + DELETE_BATCH).map(Key => ({ Key }));
      const answer = await guarded(() =>
        this.#s3.send(new DeleteObjectsCommand({ Bucket: url.bucket, Delete: { Objects: batch, Quiet: true } })),
      );
      const failed = answer.Errors?.[0];
      if (failed)
        throw new Failure({
          code: failed.Code ?? 'Atelier.Obs',
          status: 400,
          message: `${failed.Key}: ${failed.Message}`,
        });
    }
    return keys.length;
  }

  /** Uploads bytes as one object. */
  async put(url: ObsUrl, body: Buffer, contentType?: string): Promise<void> {
    await this.#upload(url, body, contentType);
  }

  /** Uploads a file, or a directory as a tree below `to`. */
  async upload(from: string, to: ObsUrl, onProgress?: (progress: TransferProgress) => void): Promise<TransferProgress> {
    const info = await stat(from).catch(() => undefined);
    if (!info) throw new Failure({ code: 'Atelier.NoFile', status: 400, message: `${from} does not exist.` });
    const files: { path: string; key: string; size: number }[] = [];
    if (info.isDirectory()) {
      const prefix = to.key === '' || to.key.endsWith('/') ? to.key : `${to.key}/`;
      for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        files.push({
          path,
          key: prefix + relative(from, path).split(sep).join('/'),
          size: (await stat(path)).size,
        });
      }
    } else {
      const key = to.key === '' || to.key.endsWith('/') ? to.key + from.split(sep).at(-1)! : to.key;
      files.push({ path: from, key, size: info.size });
    }
    const progress = newProgress(files);
    await inParallel(files, async file => {
      let last = 0;
      await this.#upload({ bucket: to.bucket, key: file.key }, createReadStream(file.path), undefined, loaded => {
        progress.bytes += loaded - last;
        last = loaded;
        onProgress?.(progress);
      });
      progress.bytes += file.size - last;
      progress.files += 1;
      onProgress?.(progress);
    });
    return progress;
  }

  async #upload(
    url: ObsUrl,
    body: Buffer | Readable,
    contentType?: string,
    onLoaded?: (bytes: number) => void,
  ): Promise<void> {
    const upload = new Upload({
      client: this.#s3,
      params: { Bucket: url.bucket, Key: url.key, Body: body, ...(contentType ? { ContentType: contentType } : {}) },
      partSize: PART_BYTES,
      queueSize: 4,
    });
    upload.on('httpUploadProgress', event => onLoaded?.(event.loaded ?? 0));
    await guarded(() => upload.done());
  }

  /** Downloads an object to a file, or a prefix as a tree into a directory. */
  async download(
    from: ObsUrl,
    to: string,
    onProgress?: (progress: TransferProgress) => void,
  ): Promise<TransferProgress> {
    const single = from.key !== '' && !from.key.endsWith('/') && (await this.exists(from));
    const files: { key: string; path: string; size: number }[] = [];
    const root = resolve(to);
    for await (const entry of this.walk(from)) {
      if (single && entry.key !== from.key) continue;
      if (entry.key.endsWith('/')) continue;
      const target = await stat(root).catch(() => undefined);
      const path = single
        ? target?.isDirectory()
          ? join(root, entry.key.split('/').at(-1)!)
          : root
        : resolve(root, entry.key.slice(from.key.length).replace(/^\//, ''));
      if (!single && !path.startsWith(root + sep)) {
        throw new Failure({
          code: 'Atelier.UnsafeKey',
          status: 400,
          message: `The key ${entry.key} leads out of ${to}.`,
        });
      }
      files.push({ key: entry.key, path, size: entry.size });
    }
    if (files.length === 0) {
      throw new Failure({ code: 'NoSuchKey', status: 404, message: `obs://${from.bucket}/${from.key} holds nothing.` });
    }
    const progress = newProgress(files);
    await inParallel(files, async file => {
      await mkdir(dirname(file.path), { recursive: true });
      const answer = await guarded(() => this.#s3.send(new GetObjectCommand({ Bucket: from.bucket, Key: file.key })));
      const stream = answer.Body as Readable;
      stream.on('data', (chunk: Buffer) => {
        progress.bytes += chunk.length;
        onProgress?.(progress);
      });
      const partial = `${file.path}.atelier-part`;
      try {
        await pipeline(stream, createWriteStream(partial));
        await rename(partial, file.path);
      } catch (error) {
        await rm(partial, { force: true });
        throw obsFailure(error);
      }
      progress.files += 1;
      onProgress?.(progress);
    });
    return progress;
  }
}

function newProgress(files: readonly { size: number }[]): TransferProgress {
  return {
    bytes: 0,
    totalBytes: files.reduce((sum, file) => sum + file.size, 0),
    files: 0,
    totalFiles: files.length,
  };
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_FILES, items.length) }, worker));
}

async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw obsFailure(error);
  }
}

function obsFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const known = error as { name?: string; message?: string; code?: string; $metadata?: { httpStatusCode?: number } };
  if (known.code === 'ECONNREFUSED' || known.code === 'ENOTFOUND' || known.code === 'EHOSTUNREACH') {
    return new Failure({
      code: 'Atelier.Unreachable',
      status: 503,
      message: `OBS does not answer${known.message ? `: ${known.message}` : ''}.`,
      solution: 'Is the platform running? ./atelier status tells; ./atelier up --detach starts it.',
      cause: error,
    });
  }
  return new Failure({
    code: known.name ?? 'Atelier.Obs',
    status: known.$metadata?.httpStatusCode ?? 500,
    message: known.message || String(error),
    cause: error,
  });
}
