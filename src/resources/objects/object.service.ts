import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { Clock } from '../../kernel/clock.ts';
import { crc32Text } from '../../kernel/crc32.ts';
import { errorText } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Blobs, WrittenBlob } from './blobs.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { type ListPage, type ListQuery, listPage } from './listing.ts';
import { attributesText, type ObjectRow, objectOf, objectStore, segmentsOf } from './object.store.ts';
import {
  attributes,
  type BucketInfo,
  checkKey,
  formatObsPath,
  type ObjectAttributes,
  type ObjectInfo,
  type ObsPath,
  type Segment,
  sliceSegments,
} from './object.ts';

/** Conditions of a read or write, on the state of the object at that moment. */
export interface Conditions {
  ifMatch?: string;
  ifNoneMatch?: string;
}

export interface PutOptions extends Partial<ObjectAttributes> {
  /** Announced bytes; another number received is Failure IncompleteBody. */
  size?: number;
  /** Expected MD5 in hex; another one is Failure BadDigest. */
  md5?: string;
  conditions?: Conditions;
  /** Called when all bytes are in, before the object exists; throws to refuse it. May return checksums to keep. */
  verify?(written: { size: number; md5: string }): Record<string, string> | undefined;
}

/** First and last byte (inclusive, open when absent). */
export interface ByteRange {
  start: number;
  end?: number;
}

/** An object and its content; close or consume the stream, or it stays pinned on disk. */
export interface OpenObject {
  info: ObjectInfo;
  segments: Segment[];
}

export interface CopyOptions extends Partial<ObjectAttributes> {
  /** Whether content type, headers and metadata come from the source or from here. */
  directive: 'COPY' | 'REPLACE';
  /** Checks conditions on the source; throws PreconditionFailed. */
  check?(source: ObjectInfo): void;
}

export interface ObjectDeps {
  store: ReturnType<typeof objectStore>;
  blobs: Blobs;
  commit: Commit;
  guard: Guard;
  clock: Clock;
  log: Log;
  /** Called when blobs may have lost their last reference. */
  onRelease(): void;
}

/** Use cases on objects; every method asks the guard first. */
export function objectService(deps: ObjectDeps) {
  const { store, blobs, commit, guard, clock, onRelease } = deps;

  async function open(principal: Principal, path: ObsPath): Promise<OpenObject> {
    const bucket = await guard.require(principal, 'obs:object:GetObject', path);
    const row = await store.findObject(bucket.id, path.key);
    if (!row) throw obsFailure('NoSuchKey', `Object ${formatObsPath(path)} does not exist.`);
    return { info: objectOf(bucket.name, row), segments: segmentsOf(row) };
  }

  async function put(
    principal: Principal,
    path: ObsPath,
    source: Readable | Buffer | AsyncIterable<Buffer>,
    options: PutOptions = {},
  ): Promise<ObjectInfo> {
    checkKey(path.key);
    if (path.key === '') throw obsFailure('InvalidArgument', 'An object needs a key.');
    const bucket = await guard.require(principal, 'obs:object:PutObject', path);
    const written = await receive(blobs, source, options);
    const given = attributes({ ...options, storageClass: options.storageClass ?? bucket.storageClass });
    return enter(written.blob, async transaction => {
      const rows = objectStore(transaction);
      await rows.insertBlob(written.blob.blob);
      return replace(rows, bucket, path.key, {
        size: written.blob.size,
        etag: written.blob.md5,
        attributes: { ...given, checksum: written.checksum },
        segments: written.blob.segments,
        conditions: options.conditions,
      });
    });
  }

  /** Commits a written blob together with the rows that need it, or throws it away. */
  async function enter<T>(blob: WrittenBlob, work: (transaction: Database) => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await commit(work);
    } catch (error) {
      await blob.discard();
      throw missingBucket(error);
    }
    blob.settle();
    onRelease();
    return result;
  }

  /** Puts a row in the place of the one that is there, whose blobs it releases. Call within a transaction. */
  async function replace(
    rows: ReturnType<typeof objectStore>,
    bucket: BucketInfo,
    key: string,
    entry: {
      size: number;
      etag: string;
      attributes: ObjectAttributes;
      segments: Segment[];
      uploadId?: string;
      conditions?: Conditions | undefined;
    },
  ): Promise<ObjectInfo> {
    const old = await rows.findObject(bucket.id, key);
    if (entry.conditions) checkConditions(entry.conditions, old);
    const row: ObjectRow = {
      bucket_id: bucket.id,
      key,
      size: entry.size,
      etag: entry.etag,
      last_modified: clock.now(),
      storage_class: entry.attributes.storageClass,
      upload_id: entry.uploadId ?? null,
      attributes: attributesText(entry.attributes),
      segments: JSON.stringify(entry.segments),
    };
    await rows.replaceObject(row);
    if (old) await rows.release(segmentsOf(old), clock.now());
    return objectOf(bucket.name, row);
  }

  async function head(principal: Principal, path: ObsPath): Promise<ObjectInfo | undefined> {
    const bucket = await guard.require(principal, 'obs:object:GetObject', path);
    const row = await store.findObject(bucket.id, path.key);
    return row && objectOf(bucket.name, row);
  }

  async function list(principal: Principal, bucketName: string, query: ListQuery): Promise<ListPage<ObjectInfo>> {
    const context = { 'obs:prefix': query.prefix ?? '', 'obs:delimiter': query.delimiter ?? '' };
    const bucket = await guard.require(principal, 'obs:bucket:ListBucket', { bucket: bucketName, key: '' }, context);
    const page = await listPage(query, range => store.listObjects(bucket.id, range));
    return { ...page, items: page.items.map(row => objectOf(bucket.name, row)) };
  }

  return {
    open,
    put,
    enter,
    replace,
    head,
    list,

    async *walk(principal: Principal, path: ObsPath): AsyncGenerator<ObjectInfo> {
      let marker: string | undefined;
      do {
        const page = await list(principal, path.bucket, { prefix: path.key, ...(marker ? { marker } : {}) });
        yield* page.items;
        marker = page.truncated ? page.nextMarker : undefined;
      } while (marker !== undefined);
    },

    async read(
      principal: Principal,
      path: ObsPath,
      range?: ByteRange,
    ): Promise<{ info: ObjectInfo; stream: Readable }> {
      const { info, segments } = await open(principal, path);
      if (!range) return { info, stream: blobs.stream(segments) };
      const end = Math.min(range.end ?? info.size - 1, info.size - 1);
      if (range.start < 0 || range.start > end) throw obsFailure('InvalidRange');
      return { info, stream: blobs.stream(sliceSegments(segments, range.start, end + 1)) };
    },

    /** Idempotent: a missing object is no error. */
    async remove(principal: Principal, path: ObsPath): Promise<void> {
      checkKey(path.key);
      const bucket = await guard.require(principal, 'obs:object:DeleteObject', path);
      await commit(async transaction => {
        const rows = objectStore(transaction);
        const row = await rows.findObject(bucket.id, path.key);
        if (!row) return;
        await rows.deleteObject(bucket.id, path.key);
        await rows.release(segmentsOf(row), clock.now());
      });
      onRelease();
    },

    /** Copies by reference: no byte moves, whatever the size. */
    async copy(principal: Principal, from: ObsPath, to: ObsPath, options: CopyOptions): Promise<ObjectInfo> {
      checkKey(to.key);
      const source = await guard.require(principal, 'obs:object:GetObject', from);
      const target = await guard.require(principal, 'obs:object:PutObject', to);
      const copied = await commit(async transaction => {
        const rows = objectStore(transaction);
        const row = await rows.findObject(source.id, from.key);
        if (!row) throw obsFailure('NoSuchKey', `Object ${formatObsPath(from)} does not exist.`);
        const info = objectOf(source.name, row);
        options.check?.(info);
        const segments = segmentsOf(row);
        if (!(await rows.refer(segments))) throw obsFailure('InternalError', undefined, new Error('blob without row'));
        const kept = options.directive === 'COPY' ? info : { ...options, checksum: info.checksum };
        return replace(rows, target, to.key, {
          size: row.size,
          etag: row.etag,
          attributes: attributes({ ...kept, storageClass: options.storageClass ?? target.storageClass }),
          segments,
        });
      }).catch(error => {
        throw missingBucket(error);
      });
      onRelease();
      return copied;
    },
  };
}

/** Takes in a body and checks it against what was announced. Leaves nothing behind when it throws. */
export async function receive(
  blobs: Blobs,
  source: Readable | Buffer | AsyncIterable<Buffer>,
  expected: Pick<PutOptions, 'size' | 'md5' | 'verify' | 'checksum'>,
): Promise<{ blob: WrittenBlob; checksum: Record<string, string> }> {
  const blob = await blobs.write(source);
  try {
    if (expected.size !== undefined && expected.size !== blob.size) {
      throw obsFailure('IncompleteBody', `${expected.size} bytes were announced, ${blob.size} received.`);
    }
    if (expected.md5 !== undefined && expected.md5 !== blob.md5) throw obsFailure('BadDigest');
    const given = expected.verify?.({ size: blob.size, md5: blob.md5 }) ?? expected.checksum ?? {};
    // Whoever reads it shall be able to check the whole, even where the sender gave nothing to check.
    const checksum = Object.keys(given).length > 0 ? given : { crc32: crc32Text(blob.crc32) };
    return { blob, checksum };
  } catch (error) {
    await blob.discard();
    throw error;
  }
}

/** Throws Failure PreconditionFailed unless If-Match and If-None-Match hold for what is there. */
export function checkConditions(conditions: Conditions, existing: { etag: string } | undefined): void {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifMatch !== undefined) {
    if (!existing) throw obsFailure('NoSuchKey');
    if (!etagListed(ifMatch, existing.etag)) throw obsFailure('PreconditionFailed', 'If-Match does not hold.');
  }
  if (ifNoneMatch !== undefined && existing && etagListed(ifNoneMatch, existing.etag)) {
    throw obsFailure('PreconditionFailed', 'If-None-Match does not hold: the object exists.');
  }
}

/** Whether an If-Match style list (`*`, `"a", "b"`, `a`) names `etag`. */
export function etagListed(list: string, etag: string): boolean {
  return list.split(',').some(item => {
    const bare = item.trim().replace(/^W\//, '').replace(/^"|"$/g, '');
    return bare === '*' || bare === etag;
  });
}

/** ETag (MD5 in hex) and checksum of the bytes of `segments`. */
export async function digest(
  blobs: Blobs,
  segments: readonly Segment[],
): Promise<{ etag: string; checksum: Record<string, string> }> {
  const md5 = createHash('md5');
  let crc = 0;
  for await (const chunk of blobs.stream(segments)) {
    md5.update(chunk as Buffer);
    crc = crc32(chunk as Buffer, crc);
  }
  return { etag: md5.digest('hex'), checksum: { crc32: crc32Text(crc) } };
}

/** A bucket deleted while its object was on the way is found by the foreign key. */
export function missingBucket(error: unknown): unknown {
  return errorText(error).includes('FOREIGN KEY constraint failed') ? obsFailure('NoSuchBucket') : error;
}
