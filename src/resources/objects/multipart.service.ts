import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import { foreignOwner, ownerOfObject } from './access/acl.ts';
import type { Archive } from './archive.ts';
import type { Blobs } from './blobs.ts';
import type { Commit } from './commit-queue.ts';
import type { Encryption, EncryptionRequest } from './encryption.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { multipartStore, type PartRow, type UploadRow } from './multipart.store.ts';
import { summing, wholeChecksum } from './multipart-checksum.ts';
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
  type BucketInfo,
  checkKey,
  MAX_PARTS,
  type ObjectAttributes,
  type ObjectEncryption,
  type ObjectInfo,
  type ObsPath,
  segmentsSize,
  sliceSegments,
} from './object.ts';
import type { ChecksumName } from './protocol/checksums.ts';
import { versionStore } from './version.store.ts';

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

export interface CompleteOptions {
  minPartBytes: number;
  conditions?: Conditions;
  /** Checksums that the whole must have. */
  checksum?: Record<string, string>;
  /** Bytes that the whole must have. */
  size?: number;
}

/** A part that was just taken in, and how the upload is encrypted. */
export interface TakenPart extends PartInfo {
  encryption?: ObjectEncryption;
}

/** What a part that is a copy is read and written with. */
export interface CopyPartOptions {
  range?: { start: number; end: number };
  /** Checks conditions on the source. */
  check?: (source: ObjectInfo) => void;
  customerKey?: Buffer;
  sourceKey?: Buffer;
}

/** Use cases on multipart uploads. Parts are blobs; completing joins them by reference and copies nothing. */
export function multipartService(deps: {
  db: Database;
  blobs: Blobs;
  commit: Commit;
  guard: Guard;
  encryption: Encryption;
  archive: Archive;
  clock: Clock;
  objects: ReturnType<typeof objectService>;
  onRelease(): void;
}) {
  const { db, blobs, commit, guard, encryption, archive, clock, objects, onRelease } = deps;
  const store = multipartStore(db);

  /**
   * The upload, for those to whom its object will belong; to `clear` it away, or to see what there is, also for the bucket's owner. For
   * others it does not exist: nobody writes what would be another account's.
   */
  async function find(
    rows: typeof store,
    { bucket, principal }: { bucket: BucketInfo; principal: Principal },
    path: ObsPath,
    uploadId: string,
    clear = false,
  ): Promise<UploadRow> {
    const row = await rows.findUpload(uploadId);
    if (!row || row.bucket_id !== bucket.id || row.key !== path.key) throw obsFailure('NoSuchUpload');
    const { owner } = JSON.parse(row.attributes) as ObjectAttributes;
    const own =
      principal.kind === 'anonymous'
        ? row.initiator_id === principal.id
        : principal.accountId === ownerOfObject(bucket, owner && { owner });
    if (!own && !(clear && principal.accountId === bucket.accountId)) throw obsFailure('NoSuchUpload');
    return row;
  }

  /** What the parts of an upload are encrypted with. */
  function cipherOf(upload: UploadRow, customerKey: Buffer | undefined) {
    return encryption.open((JSON.parse(upload.attributes) as ObjectAttributes).encryption, customerKey);
  }

  /** Enters a part in place of the one of its number. Call within a transaction. */
  async function replacePart(
    transaction: Database,
    who: { bucket: BucketInfo; principal: Principal },
    path: ObsPath,
    row: PartRow,
  ): Promise<PartInfo> {
    const rows = multipartStore(transaction);
    await find(rows, who, path, row.upload_id);
    const old = await rows.findPart(row.upload_id, row.number);
    await rows.replacePart(row);
    if (old) await objectStore(transaction).release(segmentsOf(old), clock.now());
    return partOf(row);
  }

  return {
    /** Begins an upload, all of whose parts are encrypted alike. */
    async initiate(
      principal: Principal,
      path: ObsPath,
      given: Partial<ObjectAttributes>,
      encrypt?: EncryptionRequest,
    ): Promise<{ id: string; encryption?: ObjectEncryption }> {
      checkKey(path.key);
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      const id = hexId();
      const encrypted = (await encryption.forWrite(bucket.id, encrypt))?.encryption;
      const kept = encrypted ? { encryption: encrypted } : {};
      await commit(transaction =>
        multipartStore(transaction).insertUpload({
          id,
          bucket_id: bucket.id,
          key: path.key,
          initiator_id: principal.id,
          initiator_name: principal.name,
          initiated_at: clock.now(),
          attributes: JSON.stringify(
            attributes({
              ...given,
              ...kept,
              ...foreignOwner(bucket, principal),
              storageClass: given.storageClass ?? bucket.storageClass,
            }),
          ),
        }),
      ).catch(error => {
        throw missingBucket(error);
      });
      return { id, ...kept };
    },

    /** Takes in one part. Throws Failure NoSuchUpload, also when the upload ended meanwhile. */
    async putPart(
      principal: Principal,
      path: ObsPath,
      upload: { id: string; number: number },
      source: Readable | Buffer | AsyncIterable<Buffer>,
      options: Pick<PutOptions, 'size' | 'md5' | 'verify'> & {
        checksums?: readonly string[];
        customerKey?: Buffer;
      } = {},
    ): Promise<TakenPart> {
      checkPartNumber(upload.number);
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      const begun = await find(store, { bucket, principal }, path, upload.id);
      const writing = cipherOf(begun, options.customerKey);
      const summed = summing(source, askedOf(begun, options.checksums));
      const { blob, checksum: held, etag } = await receive(blobs, summed.source, options, writing);
      const checksum = { ...held, ...summed.told() };
      const part = await objects.enter(blob, async transaction => {
        await objectStore(transaction).insertBlob(blob.blob);
        return replacePart(transaction, { bucket, principal }, path, {
          upload_id: upload.id,
          number: upload.number,
          size: blob.size,
          etag,
          last_modified: clock.now(),
          checksum: JSON.stringify(checksum),
          segments: JSON.stringify(blob.segments),
        });
      });
      return { ...part, ...(writing ? { encryption: writing.encryption } : {}) };
    },

    /**
     * A part by reference to (a range of) an object; its bytes are read for the ETag, but not written again unless
     * source or upload are encrypted.
     */
    async copyPart(
      principal: Principal,
      path: ObsPath,
      upload: { id: string; number: number },
      from: ObsPath & { versionId?: string },
      options: CopyPartOptions = {},
    ): Promise<TakenPart> {
      const { range, check, customerKey, sourceKey } = options;
      checkPartNumber(upload.number);
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      const begun = await find(store, { bucket, principal }, path, upload.id);
      const writing = cipherOf(begun, customerKey);
      const source = await objects.open(principal, from, {
        versionId: from.versionId,
        ...(sourceKey ? { customerKey: sourceKey } : {}),
      });
      check?.(source.info);
      await archive.checkReadable(source.info);
      if (range && (range.start > range.end || range.end >= source.info.size)) {
        throw obsFailure('InvalidRange', `The source has ${source.info.size} bytes.`);
      }
      const segments = range ? sliceSegments(source.segments, range.start, range.end + 1) : source.segments;
      if (source.cipher || writing) {
        const plain = blobs.stream(segments, source.cipher);
        return this.putPart(principal, path, upload, plain, customerKey ? { customerKey } : {});
      }
      const unpin = blobs.pin(segments);
      try {
        const { etag, checksum } = await digest(blobs, segments, askedOf(begun));
        return await commit(async transaction => {
          if (!(await objectStore(transaction).refer(segments))) throw obsFailure('NoSuchKey');
          return replacePart(transaction, { bucket, principal }, path, {
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
      const upload = await find(store, { bucket, principal }, path, uploadId, true);
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
        await find(rows, { bucket, principal }, path, uploadId, true);
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
      options: CompleteOptions,
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
          const older = await versionStore(transaction).ofUpload(bucket.id, path.key, uploadId);
          if (older) return objectOf(bucket.name, older);
        }
        const { attributes: kept } = await find(rows, { bucket, principal }, path, uploadId);
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
        const size = segmentsSize(segments);
        if (options.size !== undefined && options.size !== size) {
          throw obsFailure('InvalidRequest', `The parts have ${size} bytes together, not ${options.size}.`);
        }
        const begun = JSON.parse(kept) as ObjectAttributes;
        const checksum = wholeChecksum(begun.checksum, chosen);
        for (const [name, value] of Object.entries(options.checksum ?? {})) {
          if (checksum[name] !== undefined && checksum[name] !== value) {
            throw obsFailure(
              'BadDigest',
              `The ${name} checksum of the parts together is ${checksum[name]}, not ${value}.`,
            );
          }
        }
        const objectRows = objectStore(transaction);
        await rows.deleteUpload(uploadId);
        await objectRows.handOver([...stored.values()].flatMap(segmentsOf), segments, clock.now());
        return objects.replace(transaction, bucket, path.key, {
          size,
          etag: multipartEtag(chosen.map(row => row.etag)),
          attributes: { ...begun, checksum },
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

/** Checksums that an upload was begun with, but for those of `given`. */
function askedOf({ attributes }: UploadRow, given: readonly string[] = []): ChecksumName[] {
  const names = Object.keys((JSON.parse(attributes) as ObjectAttributes).checksum) as ChecksumName[];
  return names.filter(name => !given.includes(name));
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
