import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Blobs, WrittenBlob } from './blobs.ts';
import type { Commit } from './commit-queue.ts';
import type { Encryption } from './encryption.ts';
import { obsFailure } from './failures.ts';
import { fileSystemStore } from './file-system.store.ts';
import { checkPath, inTheWay, makeDirectories } from './file-system.ts';
import type { Guard } from './guard.ts';
import { type objectService, type PutOptions, type ReadOptions, receive } from './object.service.ts';
import { attributesText, objectOf, objectStore, segmentsOf } from './object.store.ts';
import {
  type BucketInfo,
  checkKey,
  formatObsPath,
  MAX_KEY_BYTES,
  MAX_PUT_BYTES,
  type ObjectInfo,
  type ObsPath,
  type Segment,
  segmentsSize,
  sliceSegments,
} from './object.ts';

/** Most pieces that writes into the middle may cut a file into. */
const MAX_SEGMENTS = 10_000;
const ZEROS = Buffer.alloc(1024 * 1024);

/** What parallel file systems can besides: rename, truncate, and write in place. */
export function fileSystemService(deps: {
  blobs: Blobs;
  commit: Commit;
  guard: Guard;
  encryption: Encryption;
  clock: Clock;
  objects: ReturnType<typeof objectService>;
  onRelease(): void;
}) {
  const { blobs, commit, guard, encryption, clock, objects, onRelease } = deps;

  async function fileSystem(principal: Principal, path: ObsPath, context?: ObsPath): Promise<BucketInfo> {
    const bucket = await guard.require(principal, 'obs:object:PutObject', path);
    if (context) await guard.require(principal, 'obs:object:PutObject', context);
    if (bucket.kind !== 'POSIX') {
      throw obsFailure(
        'MethodNotAllowed',
        `Bucket "${bucket.name}" is no parallel file system, which alone allows this: create one with ` +
          'x-obs-fs-file-interface: Enabled.',
      );
    }
    return bucket;
  }

  /** Puts other content in the place of a file's, by reference to what stays. Call within a transaction. */
  async function change(
    transaction: Database,
    bucket: BucketInfo,
    path: ObsPath,
    seen: { nonce: string | undefined },
    content: (segments: Segment[], size: number) => { kept: Segment[]; all: Segment[]; what: string },
  ): Promise<ObjectInfo> {
    const rows = objectStore(transaction);
    const row = await rows.findObject(bucket.id, path.key);
    if (!row) throw missing(path);
    const { storageClass, versionId: _, ...info } = objectOf(bucket.name, row);
    if (info.encryption?.nonce !== seen.nonce) {
      throw obsFailure('OperationAborted', 'The object was replaced meanwhile: try again.');
    }
    const old = segmentsOf(row);
    const { kept, all, what } = content(old, row.size);
    if (all.length > MAX_SEGMENTS) {
      throw obsFailure('InvalidRequest', `The file was written in ${MAX_SEGMENTS} pieces already: upload it anew.`);
    }
    if (!(await rows.refer(kept))) throw obsFailure('InternalError', undefined, new Error('blob without row'));
    const changed = {
      ...row,
      size: segmentsSize(all),
      // Not an MD5 of the whole, which would have to be read again; but another one with every change.
      etag: createHash('md5').update(`${row.etag} ${what}`).digest('hex'),
      last_modified: clock.now(),
      upload_id: null,
      attributes: attributesText({ ...attributesOf(info), storageClass, checksum: {} }),
      segments: JSON.stringify(all),
    };
    await rows.replaceObject(changed);
    await rows.release(old, clock.now());
    return objectOf(bucket.name, changed);
  }

  async function written(blob: WrittenBlob, work: (transaction: Database) => Promise<ObjectInfo>): Promise<ObjectInfo> {
    return objects.enter(blob, async transaction => {
      await objectStore(transaction).insertBlob(blob.blob);
      return work(transaction);
    });
  }

  async function look(principal: Principal, bucket: BucketInfo, path: ObsPath, options: ReadOptions) {
    if (path.key.endsWith('/')) throw obsFailure('InvalidArgument', 'A directory has no content.');
    const info = await objects.head(principal, { bucket: bucket.name, key: path.key });
    if (!info) throw missing(path);
    return { info, cipher: encryption.open(info.encryption, options.customerKey), nonce: info.encryption?.nonce };
  }

  return {
    /**
     * Gives a file, or a directory with all that is in it, another name, at once. Throws Failure NoSuchKey,
     * OperationAborted when something has that name, MethodNotAllowed where the bucket is no parallel file system.
     */
    async rename(principal: Principal, from: ObsPath, name: string): Promise<void> {
      let key = name.replace(/^\//, '');
      if (key === '') throw obsFailure('InvalidArgument', 'The parameter name must hold the new name.');
      const bucket = await fileSystem(principal, from, { bucket: from.bucket, key });
      await commit(async transaction => {
        const tree = fileSystemStore(transaction);
        let source = from.key;
        if (!(await tree.exists(bucket.id, source))) {
          if (source.endsWith('/') || !(await tree.exists(bucket.id, `${source}/`))) throw missing(from);
          source = `${source}/`;
        }
        const directory = source.endsWith('/');
        if (directory && !key.endsWith('/')) key = `${key}/`;
        if (!directory && key.endsWith('/'))
          throw obsFailure('InvalidArgument', 'A file cannot be named as a directory.');
        checkKey(key);
        checkPath(key);
        if (key === source) return;
        if (await tree.exists(bucket.id, key)) throw inTheWay(key);
        if (!directory) {
          await makeDirectories(transaction, bucket, { key, size: 0 }, clock.now());
          await tree.renameFile(bucket.id, source, key);
          return;
        }
        if (key.startsWith(source)) throw obsFailure('InvalidArgument', 'A directory cannot be moved into itself.');
        const growth = Buffer.byteLength(key) - Buffer.byteLength(source);
        if ((await tree.longestKey(bucket.id, source)) + growth > MAX_KEY_BYTES) {
          throw obsFailure('KeyTooLongError', 'A key below the directory would exceed 1,024 bytes of UTF-8.');
        }
        await makeDirectories(transaction, bucket, { key, size: 0 }, clock.now());
        await tree.renameDirectory(bucket.id, source, key);
      });
    },

    /** Cuts a file off at `length`, or fills it up with zeros to there. */
    async truncate(
      principal: Principal,
      path: ObsPath,
      length: number,
      options: ReadOptions = {},
    ): Promise<ObjectInfo> {
      const bucket = await fileSystem(principal, path);
      const { info, cipher, nonce } = await look(principal, bucket, path, options);
      const what = `truncate ${length}`;
      let changed: ObjectInfo;
      if (length <= info.size) {
        changed = await commit(transaction =>
          change(transaction, bucket, path, { nonce }, segments => {
            const kept = sliceSegments(segments, 0, length);
            if (segmentsSize(kept) < length) throw obsFailure('OperationAborted', 'The file became shorter meanwhile.');
            return { kept, all: kept, what };
          }),
        );
      } else {
        const growth = length - info.size;
        if (growth > MAX_PUT_BYTES) throw obsFailure('InvalidArgument', 'A file can grow by 5 GB at once.');
        const blob = await blobs.write(zeros(growth), cipher?.cipher);
        changed = await written(blob, transaction =>
          change(transaction, bucket, path, { nonce }, (segments, size) => {
            if (size !== info.size) throw obsFailure('OperationAborted', 'The file changed meanwhile: try again.');
            return { kept: segments, all: [...segments, ...blob.segments], what };
          }),
        );
      }
      onRelease();
      return changed;
    },

    /** Writes `source` over what is at `position`, and beyond the end. Throws Failure InvalidArgument behind the end. */
    async modify(
      principal: Principal,
      path: ObsPath,
      position: number,
      source: Readable | Buffer | AsyncIterable<Buffer>,
      options: Pick<PutOptions, 'size' | 'md5' | 'verify'> & ReadOptions = {},
    ): Promise<ObjectInfo> {
      const bucket = await fileSystem(principal, path);
      const { info, cipher, nonce } = await look(principal, bucket, path, options);
      checkPosition(position, info.size);
      const { blob } = await receive(blobs, source, options, cipher);
      return written(blob, transaction =>
        change(transaction, bucket, path, { nonce }, (segments, size) => {
          checkPosition(position, size);
          const before = sliceSegments(segments, 0, position);
          const after = sliceSegments(segments, position + blob.size, size);
          const added = blob.size === 0 ? [] : blob.segments;
          const what = `modify ${position} ${blob.md5}`;
          return { kept: [...before, ...after], all: [...before, ...added, ...after], what };
        }),
      );
    },
  };
}

/** What is kept beside the columns of a row. */
function attributesOf(info: Omit<ObjectInfo, 'storageClass' | 'versionId'>) {
  const { bucket: _bucket, key: _key, size: _size, etag: _etag, lastModified: _time, ...rest } = info;
  return rest;
}

function checkPosition(position: number, size: number): void {
  if (position > size) {
    throw obsFailure('InvalidArgument', `The file has ${size} bytes: nothing can be written at ${position}.`);
  }
}

function missing(path: ObsPath): Error {
  return obsFailure('NoSuchKey', `Object ${formatObsPath(path)} does not exist.`);
}

function* zeroPieces(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}

async function* zeros(length: number): AsyncGenerator<Buffer> {
  yield* zeroPieces(length);
}
