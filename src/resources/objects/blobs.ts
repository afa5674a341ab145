import { createHash, type Hash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { sendInTurn } from './blob-sender.ts';
import { CHUNK, takeIn } from './blob-writer.ts';
import { obsFailure } from './failures.ts';
import type { NewBlob } from './object.store.ts';
import type { Segment } from './object.ts';

/** Blobs up to this size live in the database: one durable transaction instead of a file and two fsyncs. */
export const INLINE_BYTES = 16 * 1024;

/** What `write` made: durable bytes that no row knows yet. Enter `blob` in the database, or call `discard`. */
export interface WrittenBlob {
  blob: NewBlob;
  size: number;
  /** MD5 in hex. */
  md5: string;
  segments: Segment[];
  /** Says that the row is committed: the sweep may judge the file by its row from now on. */
  settle(): void;
  /** Throws the bytes away. */
  discard(): Promise<void>;
}

export interface BlobRecord {
  id: string;
  size: number;
  checks: Uint8Array;
  content: Uint8Array | null;
}

/** Encrypts or decrypts what a blob holds from `offset` on, piece by piece (encryption.ts). */
export type BlobCipher = (blob: string, offset: number) => (bytes: Buffer) => Buffer;

/** Files of blobs below `dir`: `tmp/` for those being written, `blobs/ab/<id>` for complete ones. */
export class Blobs {
  readonly #root: string;
  readonly #tmp: string;
  readonly #find: (id: string) => Promise<BlobRecord | undefined>;
  readonly #pins = new Map<string, number>();
  /** Written by this process and not settled yet: the sweep leaves them alone. */
  readonly #unsettled = new Set<string>();

  constructor(dir: string, find: (id: string) => Promise<BlobRecord | undefined>) {
    this.#root = join(dir, 'blobs');
    this.#tmp = join(dir, 'tmp');
    this.#find = find;
    mkdirSync(this.#tmp, { recursive: true, mode: 0o700 });
    for (let shard = 0; shard < 256; shard++) {
      mkdirSync(join(this.#root, hex(shard)), { recursive: true, mode: 0o700 });
    }
  }

  /** Where the file of a blob lies, or would lie. */
  file(id: string): string {
    return join(this.#root, id.slice(0, 2), id);
  }

  /**
   * Takes in all of `source` and makes it durable, encrypted where there is a cipher; the MD5 is of what was taken in.
   * Leaves nothing behind when it throws.
   */
  async write(source: AsyncIterable<Buffer> | Buffer, cipher?: BlobCipher): Promise<WrittenBlob> {
    const id = randomBytes(16).toString('hex');
    const temporary = join(this.#tmp, id);
    this.#unsettled.add(id);
    try {
      const plain = cipher && createHash('md5');
      const bytes = plain ? encrypted(source, cipher(id, 0), plain) : source;
      const { size, md5, checks, content } = await takeIn(bytes, temporary, INLINE_BYTES);
      if (content === null) {
        await rename(temporary, this.file(id));
        await syncDirectory(join(this.#root, id.slice(0, 2)));
      }
      const settle = () => {
        this.#unsettled.delete(id);
      };
      return {
        blob: { id, size, checks, content },
        size,
        md5: plain ? plain.digest('hex') : md5,
        segments: [[id, 0, size]],
        settle,
        discard: async () => {
          settle();
          if (content === null) await rm(this.file(id), { force: true });
        },
      };
    } catch (error) {
      await rm(temporary, { force: true });
      await rm(this.file(id), { force: true });
      this.#unsettled.delete(id);
      throw error;
    }
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
  async inline(segments: readonly Segment[], cipher?: BlobCipher): Promise<Buffer | undefined> {
    const [first] = segments;
    if (!first) return Buffer.alloc(0);
    if (segments.length > 1 || first[2] > INLINE_BYTES) return undefined;
    const blob = await this.#require(first[0]);
    if (!blob.content) return undefined;
    const bytes = inlineBytes(blob).subarray(first[1], first[1] + first[2]);
    return cipher ? cipher(blob.id, first[1])(bytes) : bytes;
  }

  /**
   * Sends the bytes of `segments` as the rest of `response` and ends it: two buffers in turn, one read and checked while
   * the other is sent. Rejects when the other side goes away first.
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
    for (const [id, offset, length] of segments) {
      if (length === 0) continue;
      const blob = await this.#require(id);
      const decrypt = cipher?.(id, offset);
      if (blob.content) {
        const bytes = inlineBytes(blob).subarray(offset, offset + length);
        yield decrypt ? decrypt(bytes) : bytes;
        continue;
      }
      const pieces = readFile(this.file(id), blob, { offset, length, buffer });
      if (!decrypt) yield* pieces;
      else for await (const bytes of pieces) yield decrypt(bytes);
    }
  }

  async #require(id: string): Promise<BlobRecord> {
    const blob = await this.#find(id);
    if (!blob) throw obsFailure('InternalError', undefined, new Error(`blob ${id} has no row`));
    return blob;
  }

  /** Deletes the file of a blob whose row is gone. */
  async remove(id: string): Promise<void> {
    await rm(this.file(id), { force: true });
  }

  /**
   * Removes what a killed process left: temporary files, and blob files without a row. `known` says which ids have one.
   * Returns how many files were removed.
   */
  async sweep(known: (ids: string[]) => Promise<Set<string>>): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.#tmp)) {
      if (this.#unsettled.has(name)) continue;
      await unlink(join(this.#tmp, name)).catch(ignoreMissing);
      removed++;
    }
    for (let shard = 0; shard < 256; shard++) {
      const names = await readdir(join(this.#root, hex(shard)));
      for (let at = 0; at < names.length; at += 500) {
        const ids = names.slice(at, at + 500).filter(id => !this.#unsettled.has(id));
        if (ids.length === 0) continue;
        const rows = await known(ids);
        for (const id of ids) {
          if (rows.has(id)) continue;
          await unlink(this.file(id)).catch(ignoreMissing);
          removed++;
        }
      }
    }
    return removed;
  }
}

/** The bytes of `source` encrypted; `plain` learns what they were. */
async function* encrypted(
  source: AsyncIterable<Buffer> | Buffer,
  encrypt: (bytes: Buffer) => Buffer,
  plain: Hash,
): AsyncGenerator<Buffer> {
  for await (const piece of Buffer.isBuffer(source) ? [source] : source) {
    plain.update(piece);
    yield encrypt(piece);
  }
}

async function* readFile(
  path: string,
  blob: BlobRecord,
  range: { offset: number; length: number; buffer: (size: number) => Buffer },
): AsyncGenerator<Buffer> {
  const { offset, length, buffer } = range;
  const file = await open(path, 'r');
  try {
    const end = offset + length;
    for (let at = offset - (offset % CHUNK); at < end; at += CHUNK) {
      const chunk = buffer(Math.min(CHUNK, blob.size - at));
      let got = 0;
      while (got < chunk.length) {
        const { bytesRead } = await file.read(chunk, got, chunk.length - got, at + got);
        if (bytesRead === 0) throw damaged(blob.id, `ends at byte ${at + got} of ${blob.size}`);
        got += bytesRead;
      }
      checkChunk(blob, at / CHUNK, chunk);
      yield chunk.subarray(Math.max(0, offset - at), Math.min(chunk.length, end - at));
    }
  } finally {
    await file.close();
  }
}

/** The bytes of a blob that lies in the database, checked. */
export function inlineBytes(blob: BlobRecord): Buffer {
  const bytes = Buffer.from(blob.content!.buffer, blob.content!.byteOffset, blob.content!.byteLength);
  checkChunk(blob, 0, bytes);
  return bytes;
}

function checkChunk(blob: BlobRecord, index: number, bytes: Buffer): void {
  const { buffer, byteOffset, byteLength } = blob.checks;
  const stored = Buffer.from(buffer, byteOffset, byteLength);
  if (bytes.length === 0 && stored.length === 0) return;
  if (stored.readUInt32LE(index * 4) !== crc32(bytes))
    throw damaged(blob.id, `differs from its checksum in MiB ${index}`);
}

function damaged(id: string, how: string): Error {
  return obsFailure('InternalError', 'The stored object is damaged on disk.', new Error(`blob ${id} ${how}`));
}

async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, 'r');
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function hex(shard: number): string {
  return shard.toString(16).padStart(2, '0');
}
