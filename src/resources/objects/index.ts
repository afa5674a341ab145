import type { Server } from 'node:http';
import type { Readable } from 'node:stream';
import { Counter, type Registry } from 'prom-client';
import type { Audit } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Soon } from '../../kernel/soon.ts';
import type { Authorizer } from '../../policy/authorizer.ts';
import type { Database } from '../../store-kit/index.ts';
import { accessService } from './access.service.ts';
import { createAccessLog } from './access-log.ts';
import { appendService } from './append.service.ts';
import { createArchive } from './archive.ts';
import type { FileCalls } from './blob-place.ts';
import { Blobs } from './blobs.ts';
import { bucketService, type CreateBucketOptions } from './bucket.service.ts';
import { commitQueue } from './commit-queue.ts';
import { damageReporter } from './damage.ts';
import { download } from './download.ts';
import { objectEncryption } from './encryption.ts';
import { eventTeller, type OnEvent, tellingAppend, tellingMultipart, tellingObjects } from './events.ts';
import { fileSystemService } from './file-system.service.ts';
import { createGuard } from './guard.ts';
import { type LifecycleWorker, lifecycleWorker } from './lifecycle.worker.ts';
import type { ListQuery } from './listing.ts';
import { multipartService } from './multipart.service.ts';
import { type ByteRange, objectService, type PutOptions } from './object.service.ts';
import { objectStore } from './object.store.ts';
import type { BucketInfo, ObjectInfo, ObsPath } from './object.ts';
import type { ResolvedKey } from './protocol/authenticate.ts';
import { type AnswerFor, createObsServer } from './protocol/server.ts';
import { createReaper } from './reaper.ts';
import { type S3Backend, s3Place } from './s3-place.ts';
import { settingsStore } from './settings.store.ts';
import { type SignUrlInput, signUrl } from './sign-url.ts';
import type { TransferOptions, TransferResult } from './transfer.ts';
import { type UploadOptions, type UploadResult, upload } from './upload.ts';
import { createUsage } from './usage.store.ts';

export type { ObjectEvent, OnEvent } from './events.ts';
export { type BucketInfo, formatObsPath, type ObjectInfo, type ObsPath, parseObsPath } from './object.ts';
export { objectsMigrations } from './objects.migrations.ts';
export type { AnswerFor } from './protocol/server.ts';
export { parseS3Backend, type S3Backend } from './s3-place.ts';
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
  /** The same for a request that another server took, of a caller who is known. */
  answerFor: AnswerFor;
  service: ObjectService;
  /** Throws Failure Atelier.BackendUnusable where another store is to keep the bytes and cannot. */
  check(): Promise<void>;
  /** Removes what a killed process left behind; safe at any time, meant for right after start. Returns files removed. */
  sweep(): Promise<number>;
  /** Applies lifecycle rules, and the expiry of single objects, as far as due now. */
  applyLifecycle: LifecycleWorker['run'];
  /** Puts access logs that wait into their target buckets. */
  deliverAccessLogs(): Promise<void>;
  /** Ends background work; the server is the caller's to close. */
  stop(): Promise<void>;
}

export interface ObjectsDeps {
  db: Database;
  clock: Clock;
  log: Log;
  iam: {
    resolveAccessKey(access: string): Soon<ResolvedKey | undefined>;
    authorizer: Authorizer;
  };
  /** Told of what is done to buckets, and of what was refused. */
  audit: Audit;
  /** 32 bytes that the keys of encrypted objects are sealed with; they are lost without it. */
  dataKey: Buffer;
  /** Directory of the blobs. */
  dir: string;
  region: string;
  /** Regions besides where buckets may be said to lie. */
  otherLocations?: readonly string[] | undefined;
  /** Host name of the endpoint; `<bucket>.<domain>` addresses a bucket. */
  domain: string;
  /** How long restoring an archived object takes; 5 seconds when absent. */
  restoreMs?: number;
  /** How often lifecycle rules are applied; hourly when absent. */
  lifecycleIntervalMs?: number;
  /** How often access logs are delivered; every five minutes when absent. */
  accessLogIntervalMs?: number;
  /** Told of events that buckets' notification documents ask for; nobody when absent. */
  onEvent?: OnEvent;
  /** How long a blob without references stays; ten seconds when absent. */
  graceMs?: number;
  /** The file system; tests put faults in its place. */
  files?: FileCalls;
  /** Another store that keeps the bytes of all but small objects; the directory when absent. */
  backend?: S3Backend;
  metrics: Registry;
}

/** The object store: one service and its two HTTP dialects over the same rows and blobs. */
export function createObjects(deps: ObjectsDeps): Objects {
  const { db, clock, log, region } = deps;
  const store = objectStore(db);
  const counter = new Counter({
    name: 'atelier_objects_damaged_total',
    help: 'Reads of stored bytes that were not as they had been written: the disk damaged them or lost them',
    registers: [deps.metrics],
  });
  const damages = damageReporter({ db, audit: deps.audit, log, counter });
  const place = deps.backend && s3Place(deps.backend);
  const blobs = new Blobs(deps.dir, id => store.findBlob(id), {
    onDamage: damages.found,
    ...(deps.files ? { files: deps.files } : {}),
    ...(place ? { place } : {}),
  });
  const usage = createUsage(commitQueue(db), db);
  const { commit } = usage;
  const settings = settingsStore(db);
  const guard = createGuard(deps.iam.authorizer, store, settings, clock);
  const archive = createArchive({ commit, guard, settings, clock, restoreMs: deps.restoreMs ?? 5000 });
  const { graceMs } = deps;
  const reaper = createReaper({ store, blobs, clock, log, ...(graceMs === undefined ? {} : { graceMs }) });
  const encryption = objectEncryption({ dataKey: deps.dataKey, settings });
  const shared = { db, blobs, commit, guard, encryption, archive, clock, onRelease: reaper.hint };
  const plainObjects = objectService({ ...shared, store, log });
  const tell = eventTeller({ settings, clock, log, onEvent: deps.onEvent });
  const objects = tellingObjects(plainObjects, tell);
  const { otherLocations } = deps;
  const buckets = bucketService({ store, commit, guard, settings, clock, region, otherLocations });
  const access = accessService({ db, settings, commit, guard });
  const multipart = tellingMultipart(multipartService({ ...shared, objects: plainObjects }), tell);
  const fileSystem = fileSystemService({ ...shared, objects: plainObjects });
  const accessLog = createAccessLog({
    settings,
    store,
    blobs,
    objects: plainObjects,
    clock,
    log,
    intervalMs: deps.accessLogIntervalMs ?? 300_000,
  });
  const { server, answerFor } = createObsServer({
    iam: deps.iam,
    accessLog,
    audit: deps.audit,
    clock,
    log,
    domain: deps.domain,
    region,
    store,
    settings,
    access,
    usage,
    blobs,
    guard,
    archive,
    buckets,
    objects,
    append: tellingAppend(appendService({ blobs, guard, clock, objects: plainObjects }), tell),
    multipart,
    fileSystem,
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
    async remove(principal, path) {
      await objects.remove(principal, path);
    },
    download: (principal, from, dir, options) => download({ objects, blobs, archive }, principal, from, dir, options),
    upload: (principal, dir, to, options) => upload({ objects }, principal, dir, to, options),
    signUrl: (credential, input) => signUrl(credential, input, clock.now()),
  };
  const lifecycle = lifecycleWorker({
    db,
    commit,
    settings,
    clock,
    log,
    intervalMs: deps.lifecycleIntervalMs ?? 3600_000,
    onRelease: reaper.hint,
    tell,
  });
  lifecycle.start();
  return {
    server,
    answerFor,
    service,
    check: async () => place?.check(),
    applyLifecycle: lifecycle.run,
    deliverAccessLogs: accessLog.flush,
    async sweep() {
      const removed = await blobs.sweep(ids => store.knownBlobs(ids));
      return removed + (await reaper.run());
    },
    async stop() {
      await lifecycle.stop();
      await accessLog.stop();
      await reaper.stop();
      await damages.settled();
      place?.close();
    },
  };
}
