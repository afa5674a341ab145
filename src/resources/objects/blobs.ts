import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { isFailure } from '../../kernel/failure.ts';
import { hexId } from '../../kernel/ids.ts';
import { atOnce, orElse, type Soon, then } from '../../kernel/soon.ts';
import { type BlobPlace, type FileCalls, localPlace } from './blob-place.ts';
import { sendInTurn } from './blob-sender.ts';
import { type Source, takeIn } from './blob-writer.ts';
import { isAsWritten } from './block-checks.ts';
import { CHUNK } from './blocks.ts';
import { obsFailure } from './failures.ts';
import type { BlobRecord } from './object.store.ts';
import type { Segment } from './object.ts';

/** Blobs up to this size live in the database: one durable transaction instead of a file and two fsyncs. */
export const INLINE_BYTES = 16 * 1024;
/** Space that no object gets, at most a tenth of the disk: deleting objects writes too, and so does the database. */
const RESERVED_BYTES = 64 * 1024 * 1024;
const SPACE_KNOWN_MS = 200;
/** What the rows of an object may take, in the database and its log. */
const ROW_BYTES = 2 * INLINE_BYTES + 16 * 1024;

/** What `write` made: durable bytes that no row knows yet. Enter `blob` in the database, or call `discard`. */
export interface WrittenBlob {
  blob: BlobRecord;
  size: number;
  /** MD5 in hex. */
  md5: string;
  crc32: number | undefined;
  segments: Segment[];
  /** Says that the row is committed: the sweep may judge the file by its row from now on. */
  settle(): void;
  /** Throws the bytes away. */
  discard(): Promise<void>;
}

/** Encrypts or decrypts what a blob holds from `offset` on, piece by piece (encryption.ts). */
export type BlobCipher = (blob: string, offset: number) => (bytes: Buffer) => Buffer;
export interface BlobOptions {
  files?: FileCalls;
  /** Where complete blobs lie; the local disk when absent. */
  place?: BlobPlace;
  /** Told of every read that met bytes other than those written. */
  onDamage?(id: string, how: string): void;
}

/** Blobs: those being written are files in `<dir>/tmp`, complete ones lie in their place, by default `<dir>/blobs`. */
export class Blobs {
  readonly #place: BlobPlace;
  readonly #tmp: string;
  readonly #find: (id: string) => Soon<BlobRecord | undefined>;
  readonly #files: FileCalls;
  readonly #onDamage: NonNullable<BlobOptions['onDamage']>;
  /** Bytes that may still be taken before the disk is asked again, and until when. */
  #space = 0;
  #spaceUntil = 0;
  /** A look at the space that is under way. */
  #look: Promise<void> | undefined;
  readonly #pins = new Map<string, number>();
  /** Written by this process and not settled yet: the sweep leaves them alone. */
  readonly #unsettled = new Set<string>();

  constructor(dir: string, find: (id: string) => Soon<BlobRecord | undefined>, options: BlobOptions = {}) {
    this.#tmp = join(dir, 'tmp');
    this.#find = find;
    this.#files = options.files ?? { open, rename, rm, statfs };
    this.#onDamage = options.onDamage ?? (() => {});
    this.#place = options.place ?? localPlace(join(dir, 'blobs'), this.#files);
    mkdirSync(this.#tmp, { recursive: true, mode: 0o700 });
  }

  /** Where the file of a blob lies, or would lie; undefined where blobs are no files. */
  file(id: string): string | undefined {
    return this.#place.file?.(id);
  }

  /**
   * Takes in all of `source` and makes it durable, encrypted where there is a cipher; MD5 and CRC-32 are of what was taken in. Without `crc32`
   * there is none of what is large: it takes a tenth of the upload.
   * Leaves nothing behind when it throws.
   */
  async write(source: Source, cipher?: BlobCipher, { crc32 = true } = {}): Promise<WrittenBlob> {
    const id = hexId();
    const temporary = join(this.#tmp, id);
    this.#unsettled.add(id);
    try {
      const plain = cipher && new PlainSums();
      const bytes = plain ? encrypted(source, cipher(id, 0), plain) : source;
      await this.#takeSpace(ROW_BYTES);
      const disk = {
        open: () => this.#files.open(temporary, 'wx', 0o600),
        takeSpace: (more: number) => this.#takeSpace(more),
      };
      const { size, checks, content, ...sums } = await takeIn(bytes, INLINE_BYTES, disk, { crc32 });
      if (content === null) await this.#place.keep(id, temporary);
      const settle = () => {
        this.#unsettled.delete(id);
      };
      return {
        blob: { id, size, checks, content },
        size,
        ...(plain ? plain.told() : sums),
        segments: [[id, 0, size]],
        settle,
        discard: async () => {
          settle();
          // A directory that does not let go of a file now is swept at the next start; the caller has its own error to tell.
          if (content === null) await this.#place.remove(id).catch(() => {});
        },
      };
    } catch (error) {
      // Each step may fail as well, which must neither keep the next one from being tried nor hide the first error.
      await this.#files.rm(temporary, { force: true }).catch(() => {});
      await this.#place.remove(id).catch(() => {});
      this.#unsettled.delete(id);
      throw error;
    }
  }

  /** Takes `bytes` of the space; throws as a full disk does when what is reserved is all that would be left. */
  async #takeSpace(bytes: number): Promise<void> {
    this.#space -= bytes;
    if (this.#space > 0 && performance.now() < this.#spaceUntil) return;
    // Of many who ask at once one looks.
    this.#look ??= this.#lookForSpace().finally(() => {
      this.#look = undefined;
    });
    await this.#look;
    this.#space -= bytes;
    if (this.#space > 0) return;
    throw Object.assign(new Error('only the reserved space is left on the disk of the objects'), { code: 'ENOSPC' });
  }

  async #lookForSpace(): Promise<void> {
    const { bavail, blocks, bsize } = await this.#files.statfs(this.#tmp);
    this.#space = bavail * bsize - Math.min(RESERVED_BYTES, (blocks * bsize) / 10);
    this.#spaceUntil = performance.now() + SPACE_KNOWN_MS;
  }

  /** Keeps the blobs of `segments` from being removed until the returned function is called. */
  pin(segments: readonly Segment[]): () => void {
    const ids = new Set(segments.map(segment => segment[0]));
    for (const id of ids) this.#pins.set(id, (this.#pins.get(id) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const id of ids) {
        const count = this.#pins.get(id)! - 1;
        if (count === 0) this.#pins.delete(id);
        else this.#pins.set(id, count);
      }
    };
  }

  pinned(id: string): boolean {
    return this.#pins.has(id);
  }

  /** The bytes of `segments`, each MiB checked against its checksum. Holds a pin until it ends. */
  stream(segments: readonly Segment[], cipher?: BlobCipher): Readable {
    const unpin = this.pin(segments);
    const stream = Readable.from(this.#read(segments, cipher), { objectMode: false, highWaterMark: CHUNK });
    stream.once('close', unpin);
    return stream;
  }

  /** The bytes of a small object, or undefined when it is not one blob kept in the database. */
  inline(segments: readonly Segment[], cipher?: BlobCipher): Soon<Buffer | undefined> {
    return orElse(
      () => this.#small(segments, cipher),
      error => {
        throw this.#noticed(error);
      },
    );
  }

  /** The same where it is there at once and whole; undefined otherwise, so ask `inline`, which takes note of what it meets. */
  glance(segments: readonly Segment[]): Buffer | undefined {
    try {
      return atOnce(this.#small(segments));
    } catch {
      return undefined;
    }
  }

  #small(segments: readonly Segment[], cipher?: BlobCipher): Soon<Buffer | undefined> {
    const [first] = segments;
    if (!first) return Buffer.alloc(0);
    if (segments.length > 1 || first[2] > INLINE_BYTES) return undefined;
    return then(this.#require(first[0]), blob => {
      if (!blob.content) return undefined;
      const bytes = inlineBytes(blob).subarray(first[1], first[1] + first[2]);
      return cipher ? cipher(blob.id, first[1])(bytes) : bytes;
    });
  }

  /**
   * Sends the bytes of `segments` as the rest of `response` and ends it: three blocks in turn, one read and one checked
   * while the other is sent. Rejects when the other side goes away first.
   */
  async send(segments: readonly Segment[], response: Writable, cipher?: BlobCipher): Promise<void> {
    const unpin = this.pin(segments);
    try {
      await sendInTurn(buffer => this.#read(segments, cipher, buffer), response);
    } finally {
      unpin();
    }
  }

  async *#read(
    segments: readonly Segment[],
    cipher?: BlobCipher,
    buffer: (size: number) => Buffer = Buffer.allocUnsafe,
  ): AsyncGenerator<Buffer> {
    try {
      for (const [id, offset, length] of segments) {
        if (length === 0) continue;
        const blob = await this.#require(id);
        const decrypt = cipher?.(id, offset);
        if (blob.content) {
          const bytes = inlineBytes(blob).subarray(offset, offset + length);
          yield decrypt ? decrypt(bytes) : bytes;
          continue;
        }
        const pieces = readBlob(this.#place, blob, { offset, length, buffer });
        if (!decrypt) yield* pieces;
        else for await (const bytes of pieces) yield decrypt(bytes);
      }
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  #noticed(error: unknown): unknown {
    if (isFailure(error) && error.cause instanceof Damage) this.#onDamage(error.cause.blob, error.cause.how);
    return error;
  }

  #require(id: string): Soon<BlobRecord> {
    return then(this.#find(id), blob => {
      if (!blob) throw damaged(id, 'has no row');
      return blob;
    });
  }

  /** Deletes the file of a blob whose row is gone. */
  async remove(id: string): Promise<void> {
    await this.#place.remove(id);
  }

  /**
   * Removes what a killed process left: temporary files, and blob files without a row. `known` says which ids have one.
   * Returns how many files were removed.
   */
  async sweep(known: (ids: string[]) => Promise<Set<string>>): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.#tmp)) {
      if (this.#unsettled.has(name)) continue;
      await this.#files.rm(join(this.#tmp, name), { force: true });
      removed++;
    }
    for await (const names of this.#place.list()) {
      const ids = names.filter(id => !this.#unsettled.has(id));
      if (ids.length === 0) continue;
      const rows = await known(ids);
      for (const id of ids) {
        if (rows.has(id)) continue;
        await this.#place.remove(id);
        removed++;
      }
    }
    return removed;
  }
}

/** Sums of what was taken in, where what is stored differs from it. */
class PlainSums {
  readonly #md5 = createHash('md5');
  #crc32 = 0;

  update(bytes: Buffer): void {
    this.#md5.update(bytes);
    this.#crc32 = crc32(bytes, this.#crc32);
  }

  told(): { md5: string; crc32: number } {
    return { md5: this.#md5.digest('hex'), crc32: this.#crc32 };
  }
}

/** The bytes of `source` encrypted; `plain` learns what they were. */
async function* encrypted(
  source: AsyncIterable<Buffer> | Buffer,
  encrypt: (bytes: Buffer) => Buffer,
  plain: PlainSums,
): AsyncGenerator<Buffer> {
  for await (const piece of Buffer.isBuffer(source) ? [source] : source) {
    plain.update(piece);
    yield encrypt(piece);
  }
}

async function* readBlob(
  place: BlobPlace,
  blob: BlobRecord,
  range: { offset: number; length: number; buffer: (size: number) => Buffer },
): AsyncGenerator<Buffer> {
  const { offset, length, buffer } = range;
  const end = offset + length;
  const first = offset - (offset % CHUNK);
  const reader = await place.open(blob.id, first, Math.min(Math.ceil(end / CHUNK) * CHUNK, blob.size));
  if (!reader) throw damaged(blob.id, 'has no file');
  const read = async (at: number): Promise<Buffer> => {
    const chunk = buffer(Math.min(CHUNK, blob.size - at));
    let got = 0;
    while (got < chunk.length) {
      const count = await reader.read(chunk.subarray(got));
      if (count === 0) throw damaged(blob.id, `ends at byte ${at + got} of ${blob.size}`);
      got += count;
    }
    return chunk;
  };
  let next: Promise<Buffer> | undefined = read(first);
  try {
    for (let at = first; at < end; at += CHUNK) {
      const chunk: Buffer = await next!;
      next = at + CHUNK < end ? read(at + CHUNK) : undefined;
      next?.catch(() => {}); // met at the next await
      checkChunk(blob, at / CHUNK, chunk);
      yield chunk.subarray(Math.max(0, offset - at), Math.min(chunk.length, end - at));
    }
  } finally {
    await next?.catch(() => {}); // it still fills its buffer
    await reader.close();
  }
}

/** The bytes of a blob that lies in the database, checked. */
export function inlineBytes(blob: BlobRecord): Buffer {
  const bytes = Buffer.from(blob.content!.buffer, blob.content!.byteOffset, blob.content!.byteLength);
  checkChunk(blob, 0, bytes);
  return bytes;
}

function checkChunk(blob: BlobRecord, index: number, bytes: Buffer): void {
  if (!isAsWritten(blob, index, bytes)) throw damaged(blob.id, `differs from its checksum in MiB ${index}`);
}

/** Bytes that are not as they were written. */
class Damage extends Error {
  readonly blob: string;
  readonly how: string;

  constructor(blob: string, how: string) {
    super(`blob ${blob} ${how}`);
    this.blob = blob;
    this.how = how;
  }
}

function damaged(id: string, how: string): Error {
  return obsFailure('InternalError', 'The stored object is damaged on disk.', new Damage(id, how));
}
