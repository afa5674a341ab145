import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { crc32Text, joinCrc32 } from '../kernel/crc32.ts';
import { Failure } from '../kernel/failure.ts';
import { guarded, statusOf } from './obs-failure.ts';
import type { ObsUrl } from './obs-url.ts';
import { inParallel } from './parallel.ts';
import { type TransferJournal, transferJournal } from './transfer-journal.ts';

const MIB = 1024 * 1024;
/** Files up to this size go in one piece; larger ones in pieces of it. */
export const PART_BYTES = 8 * MIB;
const MAX_PARTS = 10_000;
/** Parts lie in memory while they are on the way. */
const MEMORY_BYTES = 64 * MIB;

/** What every transfer of one file needs. */
export interface FileTransfer {
  s3: S3Client;
  endpoint: string;
  /** Where the journals of large files are kept; without it, an interrupted transfer begins anew. */
  journals: string | undefined;
  /** Limits requests under way. */
  slot<T>(work: () => Promise<T>): Promise<T>;
  /** Tells of bytes that came over; `kept`: those that were there from an earlier run. Less than nothing: they did not count. */
  moved(bytes: number, kept?: boolean): void;
}

interface UploadHead {
  uploadId: string;
  size: number;
  mtimeNs: string;
  partBytes: number;
}

/** Bytes of a part: 8 MiB, or what makes 10,000 parts do. */
export function partBytesFor(size: number): number {
  return Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

/** How many parts of a file may be on the way at once. */
export function partsAtOnce(partBytes: number): number {
  return Math.max(1, Math.floor(MEMORY_BYTES / partBytes));
}

/**
 * Uploads one file and has the server check it by CRC-32: each part, then the whole. A large one goes on with the parts
 * that an interrupted upload of the same file brought over, as far as they still are what the file holds.
 * Throws Failure Atelier.FileChanged when it changes meanwhile.
 */
export async function uploadFile(transfer: FileTransfer, path: string, to: ObsUrl): Promise<void> {
  const file = await open(path, 'r');
  try {
    const before = await file.stat({ bigint: true });
    const size = Number(before.size);
    if (size > PART_BYTES) {
      await uploadInParts(transfer, file, path, to, { size, mtimeNs: String(before.mtimeNs) });
    } else {
      await transfer.slot(async () => {
        const bytes = await readAt(file, 0, size, path);
        await checkUnchanged(file, path, String(before.mtimeNs));
        await putBytes(transfer.s3, to, bytes);
      });
      transfer.moved(size);
    }
  } finally {
    await file.close();
  }
}

/** Uploads bytes as one object, checked by CRC-32. */
export async function putBytes(s3: S3Client, to: ObsUrl, bytes: Buffer, contentType?: string): Promise<void> {
  const checksum = crc32Text(crc32(bytes));
  const answer = await guarded(() =>
    s3.send(
      new PutObjectCommand({
        Bucket: to.bucket,
        Key: to.key,
        Body: bytes,
        ChecksumCRC32: checksum,
        ...(contentType ? { ContentType: contentType } : {}),
      }),
    ),
  );
  checkStored(to, checksum, answer.ChecksumCRC32);
}

async function uploadInParts(
  transfer: FileTransfer,
  file: FileHandle,
  path: string,
  to: ObsUrl,
  state: { size: number; mtimeNs: string },
): Promise<void> {
  const { s3 } = transfer;
  const at = { Bucket: to.bucket, Key: to.key };
  const { size } = state;
  const partBytes = partBytesFor(size);
  const journal = transferJournal<UploadHead, never>(transfer.journals, [
    'upload',
    transfer.endpoint,
    to.bucket,
    to.key,
    resolve(path),
  ]);
  const { uploadId, present } =
    (await goOn(s3, at, journal, { ...state, partBytes })) ??
    (await beginAnew(s3, at, journal, { ...state, partBytes }));

  const count = Math.ceil(size / partBytes);
  const etags = new Array<string>(count);
  const sums = new Array<number>(count);
  await inParallel(etags.keys(), partsAtOnce(partBytes), async index => {
    await transfer.slot(async () => {
      const start = index * partBytes;
      const bytes = await readAt(file, start, Math.min(partBytes, size - start), path);
      sums[index] = crc32(bytes);
      const there = present.get(index + 1);
      const kept = there?.size === bytes.length && there.etag === createHash('md5').update(bytes).digest('hex');
      etags[index] = kept
        ? there.etag
        : await putPart(s3, { ...at, UploadId: uploadId }, index + 1, bytes, sums[index]!);
      transfer.moved(bytes.length, kept);
    });
  });
  await checkUnchanged(file, path, state.mtimeNs);

  const whole = crc32Text(
    sums.reduce((sum, part, index) => joinCrc32(sum, part, Math.min(partBytes, size - index * partBytes)), 0),
  );
  const done = await guarded(() =>
    s3.send(
      new CompleteMultipartUploadCommand({
        ...at,
        UploadId: uploadId,
        MultipartUpload: { Parts: etags.map((ETag, index) => ({ PartNumber: index + 1, ETag })) },
        ChecksumCRC32: whole,
        ChecksumType: 'FULL_OBJECT',
      }),
    ),
  );
  checkStored(to, whole, done.ChecksumCRC32);
  journal.remove();
}

/** Finds the upload that an earlier run began, with the parts it has; undefined when there is none to go on with. */
async function goOn(
  s3: S3Client,
  at: { Bucket: string; Key: string },
  journal: TransferJournal<UploadHead, never>,
  now: Omit<UploadHead, 'uploadId'>,
) {
  const head = journal.earlier?.head;
  if (!head) return undefined;
  const { uploadId } = head;
  if (head.size !== now.size || head.mtimeNs !== now.mtimeNs || head.partBytes !== now.partBytes) {
    // The file is another by now: nobody will want those parts.
    await s3.send(new AbortMultipartUploadCommand({ ...at, UploadId: uploadId })).catch(() => {});
    return undefined;
  }
  const present = new Map<number, { etag: string; size: number }>();
  let marker: string | undefined;
  try {
    do {
      const page = await s3.send(new ListPartsCommand({ ...at, UploadId: uploadId, PartNumberMarker: marker }));
      for (const part of page.Parts ?? []) {
        present.set(part.PartNumber!, { etag: bare(part.ETag), size: part.Size ?? 0 });
      }
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
  } catch (error) {
    // It was ended or its bucket is gone; or the right to look is missing, without which uploading still works.
    if (statusOf(error) === 404 || statusOf(error) === 403) return undefined;
    throw error;
  }
  journal.begin(head);
  return { uploadId, present };
}

async function beginAnew(
  s3: S3Client,
  at: { Bucket: string; Key: string },
  journal: TransferJournal<UploadHead, never>,
  now: Omit<UploadHead, 'uploadId'>,
) {
  const answer = await guarded(() =>
    s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' })),
  );
  const uploadId = answer.UploadId!;
  journal.begin({ ...now, uploadId });
  return { uploadId, present: new Map<number, { etag: string; size: number }>() };
}

async function putPart(
  s3: S3Client,
  at: { Bucket: string; Key: string; UploadId: string },
  number: number,
  bytes: Buffer,
  sum: number,
): Promise<string> {
  const answer = await guarded(() =>
    s3.send(new UploadPartCommand({ ...at, PartNumber: number, Body: bytes, ChecksumCRC32: crc32Text(sum) })),
  );
  return bare(answer.ETag);
}

function bare(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}

function checkStored(to: ObsUrl, sent: string, stored: string | undefined): void {
  if (stored === undefined || stored === sent) return;
  throw new Failure({
    code: 'Atelier.Damaged',
    status: 502,
    message: `obs://${to.bucket}/${to.key} was stored with CRC-32 ${stored}, but ${sent} was sent.`,
    solution: 'Upload it again. If it happens again, something between here and the server changes bytes.',
  });
}

async function readAt(file: FileHandle, position: number, length: number, path: string): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let got = 0; got < length; ) {
    const { bytesRead } = await file.read(bytes, got, length - got, position + got);
    if (bytesRead === 0) throw changed(path);
    got += bytesRead;
  }
  return bytes;
}

async function checkUnchanged(file: FileHandle, path: string, mtimeNs: string): Promise<void> {
  if (String((await file.stat({ bigint: true })).mtimeNs) !== mtimeNs) throw changed(path);
}

function changed(path: string): Failure {
  return new Failure({
    code: 'Atelier.FileChanged',
    status: 409,
    message: `${path} changed while it was uploaded; the object is not written.`,
    solution: 'Upload it again when nothing writes to it any more.',
  });
}
