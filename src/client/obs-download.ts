import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, utimes } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { crc32Text, joinCrc32 } from '../kernel/crc32.ts';
import { Failure, isFailure } from '../kernel/failure.ts';
import { type Content, checkFile, contentCheck } from './content-check.ts';
import { guarded, isPassing, obsFailure } from './obs-failure.ts';
import { type FileTransfer, PART_BYTES, partBytesFor, partsAtOnce } from './obs-upload.ts';
import { type ObsUrl, obsUrlText } from './obs-url.ts';
import { inParallel } from './parallel.ts';
import { transferJournal } from './transfer-journal.ts';

/** Ends the name of a file that is not complete yet. */
export const PARTIAL = '.atelier-part';
const ATTEMPTS = 4;
const CHECK_BYTES = 1024 * 1024;

interface DownloadHead {
  etag: string;
  size: number;
  partBytes: number;
}

/** A part that is in the file. */
interface DoneLine {
  part: number;
  crc32: number;
}

/** An object as the answer to HEAD tells it. */
export interface ObjectHead extends Content {
  lastModified: Date;
  contentType: string | undefined;
  metadata: Record<string, string>;
}

/** What is there of an object, but for its content. */
export async function headObject(s3: S3Client, at: ObsUrl): Promise<ObjectHead> {
  const answer = await guarded(() =>
    s3.send(new HeadObjectCommand({ Bucket: at.bucket, Key: at.key, ChecksumMode: 'ENABLED' })),
  );
  return {
    size: answer.ContentLength ?? 0,
    etag: (answer.ETag ?? '').replaceAll('"', ''),
    crc32: answer.ChecksumType === 'COMPOSITE' ? undefined : answer.ChecksumCRC32,
    lastModified: answer.LastModified ?? new Date(0),
    contentType: answer.ContentType,
    metadata: answer.Metadata ?? {},
  };
}

/**
 * Downloads one object to a file, whose time becomes the object's. The final name is given when all bytes are there and
 * have been checked. A large one comes in ranges, and goes on with those that an interrupted download left.
 * Throws Failure Atelier.Damaged when the bytes are not those that the store vouches for.
 */
export async function downloadFile(
  transfer: FileTransfer,
  from: ObsUrl,
  listed: { size: number; lastModified: Date },
  path: string,
): Promise<void> {
  const partial = partialOf(path);
  if (listed.size > PART_BYTES) {
    await downloadInParts(transfer, from, path, partial).catch(async error => {
      // It was replaced while it came. The one that is there now comes whole.
      if (!isFailure(error, 'PreconditionFailed')) throw error;
      await downloadInParts(transfer, from, path, partial);
    });
  } else {
    const bytes = await transfer.slot(() => getSmall(transfer, from));
    const file = await openPartial(partial, constants.O_TRUNC);
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  }
  await utimes(partial, listed.lastModified, listed.lastModified);
  await rename(partial, path);
}

/** Where a file is while it is not complete. A name near the limit of 255 bytes leaves no room for a longer one. */
function partialOf(path: string): string {
  const name = basename(path);
  const short = Buffer.byteLength(name + PARTIAL) <= 255 ? name : createHash('sha256').update(name).digest('hex');
  return join(dirname(path), short + PARTIAL);
}

/** The whole of a small object, checked. */
async function getSmall(transfer: FileTransfer, from: ObsUrl): Promise<Buffer> {
  return again(async () => {
    const { body, content } = await openContent(transfer.s3, from);
    const chunks: Buffer[] = [];
    const check = contentCheck(content);
    for await (const chunk of body) {
      check.update(chunk as Buffer);
      chunks.push(chunk as Buffer);
    }
    if (check.verdict() === 'different') throw damaged(from);
    const bytes = Buffer.concat(chunks);
    transfer.moved(bytes.length);
    return bytes;
  });
}

/** Begins to read an object as a whole; what comes is not checked yet. */
export async function openContent(
  s3: S3Client,
  from: ObsUrl,
  range: { Range?: string; IfMatch?: string } = {},
): Promise<{ body: Readable; content: Content }> {
  const answer = await guarded(() => s3.send(new GetObjectCommand({ Bucket: from.bucket, Key: from.key, ...range })));
  return {
    body: answer.Body as Readable,
    content: {
      size: answer.ContentLength ?? 0,
      etag: (answer.ETag ?? '').replaceAll('"', ''),
      crc32: answer.ChecksumType === 'COMPOSITE' ? undefined : answer.ChecksumCRC32,
    },
  };
}

async function downloadInParts(transfer: FileTransfer, from: ObsUrl, path: string, partial: string): Promise<void> {
  const head = await headObject(transfer.s3, from);
  const { size, etag } = head;
  const partBytes = partBytesFor(size);
  const journal = transferJournal<DownloadHead, DoneLine>(transfer.journals, [
    'download',
    transfer.endpoint,
    from.bucket,
    from.key,
    resolve(path),
  ]);
  if (journal.busy !== undefined) throw busy(path, journal.busy);
  const file = await openPartial(partial);
  const sums = new Map<number, number>();
  const lengthOf = (part: number) => Math.min(partBytes, size - part * partBytes);
  try {
    const { earlier } = journal;
    if (earlier?.head.etag === etag && earlier.head.size === size && earlier.head.partBytes === partBytes) {
      for (const { part, crc32: sum } of earlier.lines) {
        if (sums.has(part) || (await crc32Of(file, part * partBytes, lengthOf(part))) !== sum) continue;
        sums.set(part, sum);
        transfer.moved(lengthOf(part), true);
      }
    }
    await file.truncate(size);
    journal.begin(
      { etag, size, partBytes },
      [...sums].map(([part, sum]) => ({ part, crc32: sum })),
    );
    const missing = Array.from({ length: Math.ceil(size / partBytes) }, (_, part) => part).filter(
      part => !sums.has(part),
    );
    await inParallel(missing, partsAtOnce(partBytes), async part => {
      const start = part * partBytes;
      const sum = await transfer.slot(() => getRange(transfer, from, etag, file, start, lengthOf(part)));
      sums.set(part, sum);
      journal.add({ part, crc32: sum });
    });
    await file.datasync();
  } finally {
    await file.close();
  }
  let whole = 0;
  for (let part = 0; part < sums.size; part++) whole = joinCrc32(whole, sums.get(part)!, lengthOf(part));
  const isDamaged =
    head.crc32 === undefined ? (await checkFile(partial, head)) === 'different' : head.crc32 !== crc32Text(whole);
  journal.remove();
  if (!isDamaged) return;
  await rm(partial, { force: true });
  throw damaged(from);
}

/** Brings one range into its place in the file; returns its CRC-32. */
async function getRange(
  transfer: FileTransfer,
  from: ObsUrl,
  etag: string,
  file: FileHandle,
  start: number,
  length: number,
): Promise<number> {
  return again(async () => {
    let sum = 0;
    let got = 0;
    try {
      const range = { Range: `bytes=${start}-${start + length - 1}`, IfMatch: `"${etag}"` };
      const { body } = await openContent(transfer.s3, from, range);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (got + chunk.length > length) break;
        await writeAt(file, chunk, start + got);
        sum = crc32(chunk, sum);
        got += chunk.length;
        transfer.moved(chunk.length);
      }
      if (got !== length) throw cutShort(from, start + got);
      return sum;
    } catch (error) {
      transfer.moved(-got);
      throw error;
    }
  });
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

async function crc32Of(file: FileHandle, start: number, length: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(CHECK_BYTES, length));
  let sum = 0;
  for (let got = 0; got < length; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - got), start + got);
    if (bytesRead === 0) break;
    sum = crc32(buffer.subarray(0, bytesRead), sum);
    got += bytesRead;
  }
  return sum;
}

/** A link in the file's place is not followed. */
function openPartial(path: string, flags = 0): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | flags, 0o644).catch(error => {
    throw obsFailure(error);
  });
}

/** Repeats what failed for a passing reason: the client repeats requests by itself, but not what breaks while it is read. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const unreachable = isFailure(error, 'Atelier.Unreachable');
      if (attempt === ATTEMPTS || unreachable || isFailure(error, 'Atelier.DiskFull') || !isPassing(error)) {
        throw obsFailure(error);
      }
      await sleep(100 * 2 ** attempt);
    }
  }
}

function cutShort(from: ObsUrl, at: number): Failure {
  return new Failure({
    code: 'Atelier.CutShort',
    status: 502,
    message: `${obsUrlText(from)} ended early, at byte ${at}.`,
    solution: 'Run the same command again. If it ends there again, the object may be damaged: atelier obs verify',
  });
}

/** What came is not what is stored. */
export function damaged(from: ObsUrl): Failure {
  return new Failure({
    code: 'Atelier.Damaged',
    status: 502,
    message: `What came of ${obsUrlText(from)} does not have the object's checksum; nothing was kept.`,
    solution:
      'Run the same command again. If it happens again: atelier obs verify tells whether the object is damaged.',
  });
}

function busy(path: string, pid: number): Failure {
  return new Failure({
    code: 'Atelier.Busy',
    status: 409,
    message: `Process ${pid} downloads to ${path} right now.`,
    solution: 'Wait until it is done.',
  });
}
