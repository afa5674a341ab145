import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { Clock } from '../../kernel/clock.ts';
import { crc32Text } from '../../kernel/crc32.ts';
import { errorText } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Soon, then } from '../../kernel/soon.ts';
import type { Database } from '../../store-kit/index.ts';
import { foreignOwner } from './access/acl.ts';
import type { Archive } from './archive.ts';
import type { BlobCipher, Blobs, WrittenBlob } from './blobs.ts';
import type { Commit } from './commit-queue.ts';
import type { Encryption, EncryptionRequest, ObjectCipher } from './encryption.ts';
import { obsFailure } from './failures.ts';
import { checkRemovable, makeDirectories } from './file-system.ts';
import type { Guard } from './guard.ts';
import { type ListPage, type ListQuery, listPage } from './listing.ts';
import { summing } from './multipart-checksum.ts';
import { attributesText, type ObjectRow, objectOf, objectStore, segmentsOf } from './object.store.ts';
import {
  attributes,
  type BucketInfo,
  checkKey,
  type ObjectAttributes,
  type ObjectInfo,
  type ObsPath,
  type Segment,
  sliceSegments,
} from './object.ts';
import type { ChecksumName } from './protocol/checksums.ts';
import {
  admitted,
  checkVersionId,
  listVersions,
  makeWay,
  type Removed,
  removeCurrent,
  removeVersion,
  updateVersion,
  type VersionQuery,
} from './versions.ts';

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
  /** How it came, where events are to say so. */
  via?: 'Post';
  /** How to encrypt; absent as the bucket does by default. */
  encrypt?: EncryptionRequest;
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
  /** What `segments` are decrypted with; absent when they are not encrypted. */
  cipher?: BlobCipher;
}

export interface ReadOptions {
  versionId?: string | undefined;
  /** The key that came with the request (SSE-C). */
  customerKey?: Buffer;
}

export interface CopyOptions extends Partial<ObjectAttributes> {
  /** Whether content type, headers and metadata come from the source or from here. */
  directive: 'COPY' | 'REPLACE';
  /** Checks conditions on the source; throws PreconditionFailed. */
  check?(source: ObjectInfo): void;
  encrypt?: EncryptionRequest;
  /** Of a source that is encrypted with a key of its customer. */
  sourceKey?: Buffer;
}

export interface ObjectDeps {
  db: Database;
  store: ReturnType<typeof objectStore>;
  blobs: Blobs;
  commit: Commit;
  guard: Guard;
  encryption: Encryption;
  archive: Archive;
  clock: Clock;
  log: Log;
  /** Called when blobs may have lost their last reference. */
  onRelease(): void;
}

/** Use cases on objects; every method asks the guard first. */
export function objectService(deps: ObjectDeps) {
  const { db, store, blobs, commit, guard, encryption, archive, clock, onRelease } = deps;

  /** The current object, or the version that is named. */
  function open(principal: Principal, path: ObsPath, options: ReadOptions = {}): Soon<OpenObject> {
    const { versionId, customerKey } = options;
    const access = guard.object(principal, readAction(versionId), path);
    const admission = then(access, weighed => admitted(db, weighed, path, versionId));
    return then(admission, ({ row, info }) => {
      const cipher = encryption.open(info.encryption, customerKey)?.cipher;
      return { info, segments: segmentsOf(row), ...(cipher ? { cipher } : {}) };
    });
  }

  /** What is told of an object or version to those who may do `action`. */
  async function stat(principal: Principal, action: string, path: ObsPath, versionId?: string): Promise<ObjectInfo> {
    return (await admitted(db, await guard.object(principal, action, path), path, versionId)).info;
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
    const cipher = await encryption.forWrite(bucket.id, options.encrypt);
    const written = await receive(blobs, source, options, cipher, { crc32: false });
    const given = attributes({
      ...options,
      ...foreignOwner(bucket, principal),
      storageClass: options.storageClass ?? bucket.storageClass,
      ...(cipher ? { encryption: cipher.encryption } : {}),
    });
    return enter(written.blob, async transaction => {
      await objectStore(transaction).insertBlob(written.blob.blob);
      return replace(transaction, bucket, path.key, {
        size: written.blob.size,
        etag: written.etag,
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
    transaction: Database,
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
    const rows = objectStore(transaction);
    const old = await rows.findObject(bucket.id, key);
    if (entry.conditions) checkConditions(entry.conditions, old);
    if (bucket.kind === 'POSIX') await makeDirectories(transaction, bucket, { key, size: entry.size }, clock.now());
    const place = await makeWay(transaction, bucket, key, old, clock.now());
    const row: ObjectRow = {
      bucket_id: bucket.id,
      key,
      size: entry.size,
      etag: entry.etag,
      last_modified: clock.now(),
      storage_class: entry.attributes.storageClass,
      upload_id: entry.uploadId ?? null,
      ...place,
      attributes: attributesText(entry.attributes),
      segments: JSON.stringify(entry.segments),
    };
    await rows.replaceObject(row);
    return objectOf(bucket.name, row);
  }

  async function head(principal: Principal, path: ObsPath): Promise<ObjectInfo | undefined> {
    const { bucket, check } = await guard.object(principal, 'obs:object:GetObject', path);
    const row = await store.findObject(bucket.id, path.key);
    const info = row && objectOf(bucket.name, row);
    check(info);
    return info;
  }

  async function list(principal: Principal, bucketName: string, query: ListQuery): Promise<ListPage<ObjectInfo>> {
    const context = { 'obs:prefix': query.prefix ?? '', 'obs:delimiter': query.delimiter ?? '' };
    const bucket = await guard.require(principal, 'obs:bucket:ListBucket', { bucket: bucketName, key: '' }, context);
    const page = await listPage(query, {
      rows: range => store.listObjects(bucket.id, range),
      next: (from, before) => store.nextKey(bucket.id, from, before),
    });
    return { ...page, items: page.items.map(row => objectOf(bucket.name, row)) };
  }

  return {
    open,
    stat,
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
      const { info, segments, cipher } = await open(principal, path);
      await archive.checkReadable(info);
      if (!range) return { info, stream: blobs.stream(segments, cipher) };
      const end = Math.min(range.end ?? info.size - 1, info.size - 1);
      if (range.start < 0 || range.start > end) throw obsFailure('InvalidRange');
      return { info, stream: blobs.stream(sliceSegments(segments, range.start, end + 1), cipher) };
    },

    /** Idempotent: a missing object or version is no error. */
    async remove(principal: Principal, path: ObsPath, versionId?: string): Promise<Removed> {
      checkKey(path.key);
      if (versionId !== undefined) checkVersionId(versionId);
      const action = versionId === undefined ? 'obs:object:DeleteObject' : 'obs:object:DeleteObjectVersion';
      const bucket = await guard.require(principal, action, path);
      const removed = await commit(async transaction => {
        if (bucket.kind === 'POSIX') await checkRemovable(transaction, bucket, path.key);
        return versionId === undefined
          ? removeCurrent(transaction, bucket, path.key, clock.now())
          : removeVersion(transaction, bucket, path.key, versionId, clock.now());
      });
      onRelease();
      return removed;
    },

    /** One page of all versions. */
    async versions(principal: Principal, bucketName: string, query: VersionQuery) {
      const context = { 'obs:prefix': query.prefix ?? '', 'obs:delimiter': query.delimiter ?? '' };
      const path = { bucket: bucketName, key: '' };
      const bucket = await guard.require(principal, 'obs:bucket:ListBucketVersions', path, context);
      const page = await listVersions(db, bucket.id, query);
      return { bucket, ...page, items: page.items.map(row => ({ ...row, info: objectOf(bucket.name, row) })) };
    },

    /** Changes what an object or version carries beside its bytes; resolves with what it is then. */
    async amend(
      principal: Principal,
      action: string,
      path: ObsPath,
      versionId: string | undefined,
      change: (info: ObjectInfo) => Partial<ObjectAttributes>,
    ): Promise<ObjectInfo> {
      const weighed = await guard.object(principal, action, path);
      return commit(async transaction => {
        const { info, ...found } = await admitted(transaction, weighed, path, versionId);
        const changed = attributes({ ...info, ...change(info) });
        const row = {
          ...found.row,
          storage_class: changed.storageClass,
          attributes: attributesText(changed),
        };
        await updateVersion(transaction, { ...found, row });
        return objectOf(info.bucket, row);
      });
    },

    /** Copies by reference: no byte moves, whatever the size, unless the copy is to be encrypted in another way. */
    async copy(
      principal: Principal,
      from: ObsPath & { versionId?: string },
      to: ObsPath,
      options: CopyOptions,
    ): Promise<ObjectInfo> {
      checkKey(to.key);
      const source = await guard.object(principal, readAction(from.versionId), from);
      const target = await guard.require(principal, 'obs:object:PutObject', to);
      const { encrypt, sourceKey, ...asked } = options;
      const wanted = await encryption.effective(target.id, encrypt);
      const checkReadable = await archive.checkIn(from.bucket);
      const copied = await commit(async transaction => {
        const rows = objectStore(transaction);
        const { row, info } = await admitted(transaction, source, from, from.versionId);
        options.check?.(info);
        checkReadable(info);
        const segments = segmentsOf(row);
        const reading = encryption.open(info.encryption, sourceKey)?.cipher;
        if (!encryption.shares(info.encryption, encrypt, wanted)) return { info, segments, reading };
        if (!(await rows.refer(segments))) throw obsFailure('InternalError', undefined, new Error('blob without row'));
        return replace(transaction, target, to.key, {
          size: row.size,
          etag: row.etag,
          attributes: attributes({
            ...copiedAttributes(info, asked),
            // The copy is its maker's, and so is the word on who may read it.
            ...foreignOwner(target, principal),
            ...(asked.acl ? { acl: asked.acl } : {}),
            storageClass: options.storageClass ?? target.storageClass,
            ...(info.encryption ? { encryption: info.encryption } : {}),
          }),
          segments,
        });
      }).catch(error => {
        throw missingBucket(error);
      });
      onRelease();
      if (!('segments' in copied)) return copied;
      const { info, segments, reading } = copied;
      return put(principal, to, blobs.stream(segments, reading), {
        ...copiedAttributes(info, asked),
        ...(asked.acl ? { acl: asked.acl } : {}),
        storageClass: options.storageClass ?? target.storageClass,
        ...(encrypt ? { encrypt } : {}),
      });
    },
  };
}

const readAction = (versionId: string | undefined): string =>
  versionId === undefined ? 'obs:object:GetObject' : 'obs:object:GetObjectVersion';

/** What goes along with a copy: neither access list, nor owner, nor what is about the source's place alone. */
function copiedAttributes(source: ObjectInfo, asked: CopyOptions): Partial<ObjectAttributes> {
  const { contentType, metadata, headers, checksum } = source;
  const tags = asked.tags ?? source.tags;
  const { redirect, expiresAt } = asked;
  return {
    ...(asked.directive === 'COPY' ? { contentType, metadata, headers } : asked),
    checksum,
    ...(redirect === undefined ? {} : { redirect }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(tags ? { tags } : {}),
  };
}

/**
 * Takes in a body, encrypted where there is a cipher, and checks it against what was announced. Leaves nothing behind
 * when it throws.
 */
export async function receive(
  blobs: Blobs,
  source: Readable | Buffer | AsyncIterable<Buffer>,
  expected: Pick<PutOptions, 'size' | 'md5' | 'verify' | 'checksum'>,
  encrypting?: Pick<ObjectCipher, 'cipher' | 'etag'>,
  sums: { crc32: boolean } = { crc32: true },
): Promise<{ blob: WrittenBlob; checksum: Record<string, string>; etag: string }> {
  const blob = await blobs.write(source, encrypting?.cipher, sums);
  try {
    if (expected.size !== undefined && expected.size !== blob.size) {
      throw obsFailure('IncompleteBody', `${expected.size} bytes were announced, ${blob.size} received.`);
    }
    if (expected.md5 !== undefined && expected.md5 !== blob.md5) throw obsFailure('BadDigest');
    const given = expected.verify?.({ size: blob.size, md5: blob.md5 }) ?? expected.checksum ?? {};
    // Whoever reads it shall be able to check the whole, even where the sender gave nothing to check: a large object by its ETag.
    const own: Record<string, string> = blob.crc32 === undefined ? {} : { crc32: crc32Text(blob.crc32) };
    const checksum = Object.keys(given).length > 0 ? given : own;
    return { blob, checksum, etag: encrypting ? encrypting.etag(blob.md5) : blob.md5 };
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
    // OBS' own client sends the quotes percent-encoded.
    const bare = item
      .trim()
      .replace(/^W\//, '')
      .replace(/^(?:"|%22)|(?:"|%22)$/g, '');
    return bare === '*' || bare === etag;
  });
}

/** ETag (MD5 in hex) and checksums of the bytes of `segments`: CRC-32, and those of `names`. */
export async function digest(
  blobs: Blobs,
  segments: readonly Segment[],
  names: readonly ChecksumName[] = [],
): Promise<{ etag: string; checksum: Record<string, string> }> {
  const md5 = createHash('md5');
  let crc = 0;
  const { source, told } = summing(blobs.stream(segments), names);
  for await (const chunk of source) {
    md5.update(chunk as Buffer);
    crc = crc32(chunk as Buffer, crc);
  }
  return { etag: md5.digest('hex'), checksum: { crc32: crc32Text(crc), ...told() } };
}

/** A bucket deleted while its object was on the way is found by the foreign key. */
export function missingBucket(error: unknown): unknown {
  return errorText(error).includes('FOREIGN KEY constraint failed') ? obsFailure('NoSuchBucket') : error;
}
