import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { joinCrc32 } from '../../kernel/crc32.ts';
import { obsFailure } from './failures.ts';
import type { NewBlob } from './object.store.ts';
import type { Segment } from './object.ts';

/** Blobs up to this size live in the database: one durable transaction instead of a file and two fsyncs. */
export const INLINE_BYTES = 16 * 1024;
/** Unit of checksums, of reading and of writing. */
const CHUNK = 1024 * 1024;

/** What `write` made: durable bytes that no row knows yet. Enter `blob` in the database, or call `discard`. */
export interface WrittenBlob {
  blob: NewBlob;
  size: number;
  /** MD5 in hex. */
  md5: string;
  crc32: number;
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

  /** Takes in all of `source` and makes it durable. Leaves nothing behind when it throws. */
  async write(source: AsyncIterable<Buffer> | Buffer): Promise<WrittenBlob> {
    const id = randomBytes(16).toString('hex');
    const temporary = join(this.#tmp, id);
    const md5 = createHash('md5');
    const checks = new ChunkChecks();
    let file: FileHandle | undefined;
    let batch: Buffer[] = [];
    let batched = 0;
    let size = 0;
    let writing: Promise<unknown> = Promise.resolve();
    this.#unsettled.add(id);
    const flush = async () => {
      await writing;
      file ??= await open(temporary, 'wx', 0o600);
      writing = writeAll(file, batch);
      writing.catch(() => {}); // met again at the next await
      batch = [];
      batched = 0;
    };
    try {
      for await (const chunk of Buffer.isBuffer(source) ? [source] : source) {
        md5.update(chunk);
        checks.update(chunk);
        batch.push(chunk);
        batched += chunk.length;
        size += chunk.length;
        if (batched >= CHUNK) await flush();
        else if (batch.length >= 512) batch = [Buffer.concat(batch)]; // a sender of tiny pieces costs bytes, not objects
      }
      let content: Uint8Array | null = null;
      if (!file && size <= INLINE_BYTES) {
        content = Buffer.concat(batch);
      } else {
        await flush();
        await writing;
        await file!.datasync();
        await file!.close();
        file = undefined;
        await rename(temporary, this.file(id));
        await syncDirectory(join(this.#root, id.slice(0, 2)));
      }
      const settle = () => {
        this.#unsettled.delete(id);
      };
      const stored = checks.bytes();
      return {
        blob: { id, size, checks: stored, content },
        size,
        md5: md5.digest('hex'),
        crc32: checks.whole,
        segments: [[id, 0, size]],
        settle,
        discard: async () => {
          settle();
          if (content === null) await rm(this.file(id), { force: true });
        },
      };
    } catch (error) {
      await writing.catch(() => {});
      await file?.close();
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
  stream(segments: readonly Segment[]): Readable {
    const unpin = this.pin(segments);
    const stream = Readable.from(this.#read(segments), { objectMode: false, highWaterMark: CHUNK });
    stream.once('close', unpin);
    return stream;
  }

  /** The bytes of a small object, or undefined when it is not one blob kept in the database. */
  async inline(segments: readonly Segment[]): Promise<Buffer | undefined> {
    const [first] = segments;
    if (!first) return Buffer.alloc(0);
    if (segments.length > 1 || first[2] > INLINE_BYTES) return undefined;
    const blob = await this.#require(first[0]);
    return blob.content ? inlineBytes(blob).subarray(first[1], first[1] + first[2]) : undefined;
  }

  async *#read(segments: readonly Segment[]): AsyncGenerator<Buffer> {
    for (const [id, offset, length] of segments) {
      if (length === 0) continue;
      const blob = await this.#require(id);
      if (blob.content) yield inlineBytes(blob).subarray(offset, offset + length);
      else yield* readFile(this.file(id), blob, offset, length);
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

async function* readFile(path: string, blob: BlobRecord, offset: number, length: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    const end = offset + length;
    for (let at = offset - (offset % CHUNK); at < end; at += CHUNK) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, blob.size - at));
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

function inlineBytes(blob: BlobRecord): Buffer {
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

/** CRC-32 of every MiB of a stream, and of the whole. */
class ChunkChecks {
  /** Complete once `bytes` was called. */
  whole = 0;
  readonly #done: number[] = [];
  #current = 0;
  #filled = 0;

  update(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      const take = rest.subarray(0, CHUNK - this.#filled);
      this.#current = crc32(take, this.#current);
      this.#filled += take.length;
      rest = rest.subarray(take.length);
      if (this.#filled === CHUNK) this.#close();
    }
  }

  bytes(): Buffer {
    if (this.#filled > 0) this.#close();
    const bytes = Buffer.alloc(this.#done.length * 4);
    for (const [index, value] of this.#done.entries()) bytes.writeUInt32LE(value, index * 4);
    return bytes;
  }

  #close(): void {
    this.#done.push(this.#current);
    this.whole = joinCrc32(this.whole, this.#current, this.#filled);
    this.#current = 0;
    this.#filled = 0;
  }
}

async function writeAll(file: FileHandle, buffers: Buffer[]): Promise<void> {
  if (buffers.length === 0) return;
  const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  const { bytesWritten } = await file.writev(buffers);
  if (bytesWritten === total) return;
  // A short write: the disk is nearly full. Go on bytewise, so that the system names the reason.
  let rest = Buffer.concat(buffers).subarray(bytesWritten);
  while (rest.length > 0) rest = rest.subarray((await file.write(rest)).bytesWritten);
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
