import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import { crc32Text, joinCrc32, parseCrc32 } from '../../kernel/crc32.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Blobs } from './blobs.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { multipartStore, type PartRow, type UploadRow } from './multipart.store.ts';
import {
  type Conditions,
  digest,
  missingBucket,
  type objectService,
  type PutOptions,
  receive,
} from './object.service.ts';
import { objectOf, objectStore, segmentsOf } from './object.store.ts';
import {
  attributes,
  checkKey,
  MAX_PARTS,
  type ObjectAttributes,
  type ObjectInfo,
  type ObsPath,
  segmentsSize,
  sliceSegments,
} from './object.ts';

/** A part as the client lists it when it completes the upload. */
export interface ListedPart {
  number: number;
  /** With or without quotes. */
  etag: string;
  /** Checksums to compare with what the part was uploaded with, where it was. */
  checksum?: Record<string, string>;
}

export interface PartInfo {
  number: number;
  size: number;
  etag: string;
  lastModified: number;
  checksum: Record<string, string>;
}

/** Use cases on multipart uploads. Parts are blobs; completing joins them by reference and copies nothing. */
export function multipartService(deps: {
  db: Database;
  blobs: Blobs;
  commit: Commit;
  guard: Guard;
  clock: Clock;
  objects: ReturnType<typeof objectService>;
  onRelease(): void;
}) {
  const { db, blobs, commit, guard, clock, objects, onRelease } = deps;
  const store = multipartStore(db);

  async function find(rows: typeof store, bucketId: number, path: ObsPath, uploadId: string): Promise<UploadRow> {
    const row = await rows.findUpload(uploadId);
    if (!row || row.bucket_id !== bucketId || row.key !== path.key) throw obsFailure('NoSuchUpload');
    return row;
  }

  /** Enters a part in place of the one of its number. Call within a transaction. */
  async function replacePart(transaction: Database, bucketId: number, path: ObsPath, row: PartRow): Promise<PartInfo> {
    const rows = multipartStore(transaction);
    await find(rows, bucketId, path, row.upload_id);
    const old = await rows.findPart(row.upload_id, row.number);
    await rows.replacePart(row);
    if (old) await objectStore(transaction).release(segmentsOf(old), clock.now());
    return partOf(row);
  }

  return {
    /** Begins an upload; returns its id. */
    async initiate(principal: Principal, path: ObsPath, given: Partial<ObjectAttributes>): Promise<string> {
      checkKey(path.key);
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      const id = hexId();
      await commit(transaction =>
        multipartStore(transaction).insertUpload({
          id,
          bucket_id: bucket.id,
          key: path.key,
          initiator_id: principal.id,
          initiator_name: principal.name,
          initiated_at: clock.now(),
          attributes: JSON.stringify(attributes({ ...given, storageClass: given.storageClass ?? bucket.storageClass })),
        }),
      ).catch(error => {
        throw missingBucket(error);
      });
      return id;
    },

    /** Takes in one part. Throws Failure NoSuchUpload, also when the upload ended meanwhile. */
    async putPart(
      principal: Principal,
      path: ObsPath,
      upload: { id: string; number: number },
      source: Readable | Buffer | AsyncIterable<Buffer>,
      options: Pick<PutOptions, 'size' | 'md5' | 'verify'> = {},
    ): Promise<PartInfo> {
      checkPartNumber(upload.number);
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      await find(store, bucket.id, path, upload.id);
      const { blob, checksum } = await receive(blobs, source, options);
      return objects.enter(blob, async transaction => {
        await objectStore(transaction).insertBlob(blob.blob);
        return replacePart(transaction, bucket.id, path, {
          upload_id: upload.id,
          number: upload.number,
          size: blob.size,
          etag: blob.md5,
          last_modified: clock.now(),
          checksum: JSON.stringify(checksum),
          segments: JSON.stringify(blob.segments),
        });
      });
    },

    /** A part by reference to (a range of) an object; its bytes are read for the ETag, but not written again. */
    async copyPart(
      principal: Principal,
      path: ObsPath,
      upload: { id: string; number: number },
      from: ObsPath,
      range: { start: number; end: number } | undefined,
      check?: (source: ObjectInfo) => void,
    ): Promise<PartInfo> {
      checkPartNumber(upload.number);
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      await find(store, bucket.id, path, upload.id);
      const source = await objects.open(principal, from);
      check?.(source.info);
      if (range && (range.start > range.end || range.end >= source.info.size)) {
        throw obsFailure('InvalidRange', `The source has ${source.info.size} bytes.`);
      }
      const segments = range ? sliceSegments(source.segments, range.start, range.end + 1) : source.segments;
      const unpin = blobs.pin(segments);
      try {
        const { etag, checksum } = await digest(blobs, segments);
        return await commit(async transaction => {
          if (!(await objectStore(transaction).refer(segments))) throw obsFailure('NoSuchKey');
          return replacePart(transaction, bucket.id, path, {
            upload_id: upload.id,
            number: upload.number,
            size: segmentsSize(segments),
            etag,
            last_modified: clock.now(),
            checksum: JSON.stringify(checksum),
            segments: JSON.stringify(segments),
          });
        });
      } finally {
        unpin();
        onRelease();
      }
    },

    /** Parts in order of number after `after`. */
    async listParts(principal: Principal, path: ObsPath, uploadId: string, after: number, limit: number) {
      const bucket = await guard.require(principal, 'obs:object:ListMultipartUploadParts', path);
      const upload = await find(store, bucket.id, path, uploadId);
      const rows = await store.parts(uploadId, after, limit + 1);
      return { bucket, upload, parts: rows.slice(0, limit).map(partOf), truncated: rows.length > limit };
    },

    /** Uploads not finished, by key and id. */
    async listUploads(principal: Principal, bucketName: string, after: { key: string; id: string }, limit: number) {
      const action = 'obs:bucket:ListBucketMultipartUploads';
      const bucket = await guard.require(principal, action, { bucket: bucketName, key: '' });
      return { bucket, uploads: await store.listUploads(bucket.id, after, limit) };
    },

    /** Throws Failure NoSuchUpload when it is gone already. */
    async abort(principal: Principal, path: ObsPath, uploadId: string): Promise<void> {
      const bucket = await guard.require(principal, 'obs:object:AbortMultipartUpload', path);
      await commit(async transaction => {
        const rows = multipartStore(transaction);
        await find(rows, bucket.id, path, uploadId);
        const parts = await rows.parts(uploadId);
        await rows.deleteUpload(uploadId);
        for (const part of parts) await objectStore(transaction).release(segmentsOf(part), clock.now());
      });
      onRelease();
    },

    /**
     * Joins the listed parts into the object. `minPartBytes` holds for all but the last. Repeating a completion whose
     * answer was lost gives the same answer. Throws Failure InvalidPart, InvalidPartOrder, EntityTooSmall, NoSuchUpload.
     */
    async complete(
      principal: Principal,
      path: ObsPath,
      uploadId: string,
      listed: readonly ListedPart[],
      options: { minPartBytes: number; conditions?: Conditions; crc32?: string },
    ): Promise<ObjectInfo> {
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      if (listed.length === 0) throw obsFailure('MalformedXML', 'No part is listed.');
      for (const [index, part] of listed.entries()) {
        if (index > 0 && part.number <= listed[index - 1]!.number) throw obsFailure('InvalidPartOrder');
      }
      const done = await commit(async transaction => {
        const rows = multipartStore(transaction);
        const upload = await rows.findUpload(uploadId);
        if (!upload) {
          const row = await objectStore(transaction).findObject(bucket.id, path.key);
          if (row?.upload_id === uploadId) return objectOf(bucket.name, row);
        }
        const { attributes: kept } = await find(rows, bucket.id, path, uploadId);
        const stored = new Map((await rows.parts(uploadId)).map(row => [row.number, row]));
        const chosen = listed.map(part => choose(part, stored));
        for (const row of chosen.slice(0, -1)) {
          if (row.size < options.minPartBytes) {
            throw obsFailure(
              'EntityTooSmall',
              `Part ${row.number} has ${row.size} bytes; all but the last need ${options.minPartBytes}.`,
            );
          }
        }
        const segments = chosen.flatMap(segmentsOf).filter(segment => segment[2] > 0);
        const whole = joinedChecksum(chosen);
        if (options.crc32 !== undefined && whole && whole.crc32 !== options.crc32) {
          throw obsFailure('BadDigest', `The crc32 checksum of the whole is ${whole.crc32}, not ${options.crc32}.`);
        }
        const objectRows = objectStore(transaction);
        await rows.deleteUpload(uploadId);
        await objectRows.handOver([...stored.values()].flatMap(segmentsOf), segments, clock.now());
        return objects.replace(objectRows, bucket, path.key, {
          size: segmentsSize(segments),
          etag: multipartEtag(chosen.map(row => row.etag)),
          attributes: { ...(JSON.parse(kept) as ObjectAttributes), ...(whole ? { checksum: whole } : {}) },
          segments,
          uploadId,
          conditions: options.conditions,
        });
      });
      onRelease();
      return done;
    },
  };
}

function choose(part: ListedPart, stored: ReadonlyMap<number, PartRow>): PartRow {
  const row = stored.get(part.number);
  if (!row) throw obsFailure('InvalidPart', `Part ${part.number} was not uploaded.`);
  if (row.etag !== part.etag.replaceAll('"', '').toLowerCase()) {
    throw obsFailure('InvalidPart', `Part ${part.number} has ETag "${row.etag}", not ${part.etag}.`);
  }
  const known = JSON.parse(row.checksum) as Record<string, string>;
  for (const [name, value] of Object.entries(part.checksum ?? {})) {
    if (known[name] !== undefined && known[name] !== value) {
      throw obsFailure('InvalidPart', `Part ${part.number} has another ${name} checksum.`);
    }
  }
  return row;
}

/** CRC-32 of the parts joined; undefined when one of them came with another checksum alone. */
function joinedChecksum(parts: readonly PartRow[]): { crc32: string } | undefined {
  let whole = 0;
  for (const part of parts) {
    const { crc32 } = JSON.parse(part.checksum) as Record<string, string>;
    const value = crc32 === undefined ? undefined : parseCrc32(crc32);
    if (value === undefined) return undefined;
    whole = joinCrc32(whole, value, part.size);
  }
  return { crc32: crc32Text(whole) };
}

/** MD5 over the parts' MD5s, then the number of parts. */
function multipartEtag(etags: readonly string[]): string {
  const md5 = createHash('md5');
  for (const etag of etags) md5.update(etag, 'hex');
  return `${md5.digest('hex')}-${etags.length}`;
}

function checkPartNumber(number: number): void {
  if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS) {
    throw obsFailure('InvalidArgument', `partNumber must be a whole number from 1 to ${MAX_PARTS}.`);
  }
}

function partOf(row: PartRow): PartInfo {
  return {
    number: row.number,
    size: row.size,
    etag: row.etag,
    lastModified: row.last_modified,
    checksum: JSON.parse(row.checksum) as Record<string, string>,
  };
}
