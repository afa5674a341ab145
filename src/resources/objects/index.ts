import type { Server } from 'node:http';
import type { Readable } from 'node:stream';
import { Counter, type Registry } from 'prom-client';
import type { Audit } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer } from '../../policy/authorizer.ts';
import type { Database } from '../../store-kit/index.ts';
import { Blobs, type FileCalls } from './blobs.ts';
import { bucketService, type CreateBucketOptions } from './bucket.service.ts';
import { commitQueue } from './commit-queue.ts';
import { download } from './download.ts';
import { createGuard } from './guard.ts';
import type { ListQuery } from './listing.ts';
import { multipartService } from './multipart.service.ts';
import { type ByteRange, objectService, type PutOptions } from './object.service.ts';
import { objectStore } from './object.store.ts';
import type { BucketInfo, ObjectInfo, ObsPath } from './object.ts';
import type { ResolvedKey } from './protocol/authenticate.ts';
import { createObsServer } from './protocol/server.ts';
import { createReaper } from './reaper.ts';
import { type SignUrlInput, signUrl } from './sign-url.ts';
import type { TransferOptions, TransferResult } from './transfer.ts';
import { type UploadOptions, type UploadResult, upload } from './upload.ts';

export { objectsMigrations } from './object.store.ts';
export { type BucketInfo, formatObsPath, type ObjectInfo, type ObsPath, parseObsPath } from './object.ts';
export type { TransferOptions, TransferProgress, TransferResult } from './transfer.ts';
export type { UploadOptions, UploadResult, UploadState } from './upload.ts';

/** What other families do with objects, in the name of a principal. Every method asks the authorizer. */
export interface ObjectService {
  bucket(principal: Principal, name: string): Promise<BucketInfo>;
  createBucket(principal: Principal, name: string, options?: CreateBucketOptions): Promise<BucketInfo>;
  deleteBucket(principal: Principal, name: string): Promise<void>;
  listBuckets(principal: Principal): Promise<BucketInfo[]>;
  head(principal: Principal, path: ObsPath): Promise<ObjectInfo | undefined>;
  /** At most 1,000 entries a page. */
  list(principal: Principal, bucket: string, query?: ListQuery): Promise<ObjectList>;
  /** Every object whose key begins with `path.key`, in key order. */
  walk(principal: Principal, path: ObsPath): AsyncIterable<ObjectInfo>;
  /** `range.end` is inclusive. Consume or destroy the stream. Failure NoSuchKey, InvalidRange. */
  read(principal: Principal, path: ObsPath, range?: ByteRange): Promise<{ info: ObjectInfo; stream: Readable }>;
  /** Resolves when the object is on disk. */
  put(
    principal: Principal,
    path: ObsPath,
    source: Readable | Buffer | AsyncIterable<Buffer>,
    options?: PutOptions,
  ): Promise<ObjectInfo>;
  /** A missing object is no error. */
  remove(principal: Principal, path: ObsPath): Promise<void>;
  download(principal: Principal, from: ObsPath, dir: string, options?: TransferOptions): Promise<TransferResult>;
  upload(principal: Principal, dir: string, to: ObsPath, options?: UploadOptions): Promise<UploadResult>;
  signUrl(credential: { access: string; secret: string; securityToken?: string }, input: SignUrlInput): string;
}

export interface ObjectList {
  objects: ObjectInfo[];
  prefixes: string[];
  truncated: boolean;
  nextMarker?: string;
}

export interface Objects {
  /** The OBS and S3 endpoint, not listening yet. */
  server: Server;
  service: ObjectService;
  /** Removes what a killed process left behind; safe at any time, meant for right after start. Returns files removed. */
  sweep(): Promise<number>;
  /** Ends background work; the server is the caller's to close. */
  stop(): Promise<void>;
}

export interface ObjectsDeps {
  db: Database;
  clock: Clock;
  log: Log;
  iam: {
    resolveAccessKey(access: string): Promise<ResolvedKey | undefined>;
    authorizer: Authorizer;
  };
  /** Told of what is done to buckets, and of what was refused. */
  audit: Audit;
  /** Directory of the blobs. */
  dir: string;
  region: string;
  /** Host name of the endpoint; `<bucket>.<domain>` addresses a bucket. */
  domain: string;
  /** How long a blob without references stays; ten seconds when absent. */
  graceMs?: number;
  /** The file system; tests put faults in its place. */
  files?: FileCalls;
  metrics: Registry;
}

/** The object store: one service and its two HTTP dialects over the same rows and blobs. */
export function createObjects(deps: ObjectsDeps): Objects {
  const { db, clock, log, region } = deps;
  const store = objectStore(db);
  const damages = new Counter({
    name: 'atelier_objects_damaged_total',
    help: 'Reads of stored bytes that were not as they had been written: the disk damaged them or lost them',
    registers: [deps.metrics],
  });
  const onDamage = (blob: string, how: string) => {
    damages.inc();
    log.error({ blob, how }, 'stored object is damaged');
  };
  const blobs = new Blobs(deps.dir, id => store.findBlob(id), {
    onDamage,
    ...(deps.files ? { files: deps.files } : {}),
  });
  const commit = commitQueue(db);
  const guard = createGuard(deps.iam.authorizer, store);
  const reaper = createReaper({
    store,
    blobs,
    clock,
    log,
    ...(deps.graceMs === undefined ? {} : { graceMs: deps.graceMs }),
  });
  const objects = objectService({ store, blobs, commit, guard, clock, log, onRelease: reaper.hint });
  const buckets = bucketService({ store, commit, guard, clock, region });
  const multipart = multipartService({ db, blobs, commit, guard, clock, objects, onRelease: reaper.hint });
  const server = createObsServer({
    iam: deps.iam,
    audit: deps.audit,
    clock,
    log,
    domain: deps.domain,
    region,
    store,
    blobs,
    guard,
    buckets,
    objects,
    multipart,
  });
  const service: ObjectService = {
    ...buckets,
    head: objects.head,
    async list(principal, bucket, query = {}) {
      const { items, ...page } = await objects.list(principal, bucket, query);
      return { objects: items, ...page };
    },
    walk: objects.walk,
    read: objects.read,
    put: objects.put,
    remove: objects.remove,
    download: (principal, from, dir, options) => download({ objects, blobs }, principal, from, dir, options),
    upload: (principal, dir, to, options) => upload({ objects }, principal, dir, to, options),
    signUrl: (credential, input) => signUrl(credential, input, clock.now()),
  };
  return {
    server,
    service,
    async sweep() {
      const removed = await blobs.sweep(ids => store.knownBlobs(ids));
      return removed + (await reaper.run());
    },
    stop: reaper.stop,
  };
}
