import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { Failure } from '../kernel/failure.ts';
import { damaged, downloadFile, headObject, type ObjectHead, openContent } from './obs-download.ts';
import { guarded, obsFailure, statusOf } from './obs-failure.ts';
import { type FileTransfer, putBytes, uploadFile } from './obs-upload.ts';
import type { ObsUrl } from './obs-url.ts';
import { slots } from './parallel.ts';
import type { Profile } from './session.ts';

export interface ObsEntry {
  key: string;
  size: number;
  lastModified: Date;
  /** Without quotes. */
  etag: string;
}

type ListedSize = Pick<ObsEntry, 'size' | 'lastModified'>;

/** Transfers of files and parts under way at once. */
const REQUESTS = 8;
const DELETE_BATCH = 1000;

/** Object storage, one call or one file at a time. */
export class ObsStore {
  readonly #s3: S3Client;

  readonly #endpoint: string;
  readonly #journals: string | undefined;
  readonly #slot = slots(REQUESTS);

  /** `journals`: directory in which large transfers note how far they are, to go on after an interruption. */
  constructor(profile: Profile, options: { journals?: string } = {}) {
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
      // Checksums are made and compared here: for whole files, over all their parts.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    // Has answers to GET tell the checksum of the whole, without the SDK checking it as well.
    this.#s3.middlewareStack.add(
      (next, context) => args => {
        const { headers } = args.request as { headers: Record<string, string> };
        if (context.commandName === 'GetObjectCommand') headers['x-amz-checksum-mode'] = 'ENABLED';
        return next(args);
      },
      { step: 'build', name: 'askForChecksum' },
    );
    this.#endpoint = profile.endpoints.obs;
    this.#journals = options.journals;
  }

  #transfer(moved: FileTransfer['moved']): FileTransfer {
    return { s3: this.#s3, endpoint: this.#endpoint, journals: this.#journals, slot: this.#slot, moved };
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
    const pages = paginateListObjectsV2(
      { client: this.#s3 },
      { Bucket: url.bucket, Prefix: url.key, EncodingType: 'url' },
    );
    try {
      for await (const page of pages) {
        for (const item of page.Contents ?? []) {
          yield {
            key: decoded(item.Key),
            size: item.Size ?? 0,
            lastModified: item.LastModified!,
            etag: bare(item.ETag),
          };
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
    const pages = paginateListObjectsV2(
      { client: this.#s3 },
      { Bucket: url.bucket, Prefix: url.key, Delimiter: '/', EncodingType: 'url' },
    );
    try {
      for await (const page of pages) {
        for (const prefix of page.CommonPrefixes ?? []) folders.push(decoded(prefix.Prefix));
        for (const item of page.Contents ?? []) {
          objects.push({
            key: decoded(item.Key),
            size: item.Size ?? 0,
            lastModified: item.LastModified!,
            etag: bare(item.ETag),
          });
        }
      }
    } catch (error) {
      throw obsFailure(error);
    }
    return { folders, objects };
  }

  async exists(url: ObsUrl): Promise<boolean> {
    return (await this.head(url)) !== undefined;
  }

  /** What is there of an object but its content; undefined when it does not exist. */
  async head(url: ObsUrl): Promise<ObjectHead | undefined> {
    return headObject(this.#s3, url).catch(error => {
      if (statusOf(error) === 404) return undefined;
      throw error;
    });
  }

  /** Begins to read an object. Compare what comes with `content`: nothing has checked it. */
  open(url: ObsUrl): ReturnType<typeof openContent> {
    return openContent(this.#s3, url);
  }

  /** Deletes one object, or everything below a prefix. Returns how many. */
  async remove(url: ObsUrl, recursive: boolean): Promise<number> {
    const keys: string[] = [];
    if (recursive) {
      for await (const entry of this.walk(url)) keys.push(entry.key);
    } else {
      keys.push(url.key);
    }
    await this.removeKeys(url.bucket, keys);
    return keys.length;
  }

  async removeKeys(bucket: string, keys: readonly string[]): Promise<void> {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a batch is XML, which has no room for them
    const odd = (key: string) => /[\u0000-\u001f\ufffe\uffff]/.test(key);
    for (const Key of keys.filter(odd)) {
      await guarded(() => this.#s3.send(new DeleteObjectCommand({ Bucket: bucket, Key })));
    }
    const plain = keys.filter(key => !odd(key));
    for (let at = 0; at < plain.length; at += DELETE_BATCH) {
      const batch = plain.slice(at, at + DELETE_BATCH).map(Key => ({ Key }));
      const answer = await guarded(() =>
        this.#s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: batch, Quiet: true } })),
      );
      const failed = answer.Errors?.[0];
      if (failed)
        throw new Failure({
          code: failed.Code ?? 'Atelier.Obs',
          status: 400,
          message: `${failed.Key}: ${failed.Message}`,
        });
    }
  }

  /** Uploads bytes as one object. */
  async put(url: ObsUrl, body: Buffer, contentType?: string): Promise<void> {
    await putBytes(this.#s3, url, body, contentType);
  }

  /** Uploads one file. Large ones go in parts and can go on after an interruption. */
  async uploadFile(path: string, to: ObsUrl, moved: FileTransfer['moved'] = () => {}): Promise<void> {
    await uploadFile(this.#transfer(moved), path, to);
  }

  /** Downloads one object to a file, which has its final name when it is complete and checked. */
  async downloadFile(from: ObsUrl, entry: ListedSize, path: string, moved: FileTransfer['moved'] = () => {}) {
    await downloadFile(this.#transfer(moved), from, entry, path);
  }

  /** Copies an object within the store, as it is at the time of `etag`. */
  async copyObject(from: ObsUrl, to: ObsUrl, etag: string): Promise<void> {
    const source = [from.bucket, ...from.key.split('/')].map(encodeURIComponent).join('/');
    const answer = await guarded(() =>
      this.#slot(() =>
        this.#s3.send(
          new CopyObjectCommand({ Bucket: to.bucket, Key: to.key, CopySource: source, CopySourceIfMatch: etag }),
        ),
      ),
    );
    const copied = answer.CopyObjectResult?.ETag?.replaceAll('"', '');
    // An ETag with a hyphen depends on how an object came; one without is the MD5 of its bytes.
    if (copied === undefined || copied === etag || copied.includes('-') || etag.includes('-')) return;
    throw damaged(to);
  }
}

function bare(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}

/** Listings come URL-encoded: XML has no room for control characters, which keys may hold. */
function decoded(key: string | undefined): string {
  return decodeURIComponent((key ?? '').replaceAll('+', '%20'));
}
