import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { isFailure } from '../../kernel/failure.ts';
import { obsFailure } from './failures.ts';
import type { NewBlob } from './object.store.ts';
import type { Segment } from './object.ts';

/** Blobs up to this size live in the database: one durable transaction instead of a file and two fsyncs. */
export const INLINE_BYTES = 16 * 1024;
/** Unit of checksums, of reading and of writing. */
const CHUNK = 1024 * 1024;
/** Space that no object gets, at most a tenth of the disk: deleting objects writes too, and so does the database. */
const RESERVED_BYTES = 64 * 1024 * 1024;
const SPACE_KNOWN_MS = 200;
/** What the rows of an object may take, in the database and its log. */
const ROW_BYTES = 2 * INLINE_BYTES + 16 * 1024;

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

/** What blobs ask of the file system; tests put one with faults in its place. */
export type FileCalls = Pick<typeof import('node:fs/promises'), 'open' | 'rename' | 'rm' | 'statfs'>;

export interface BlobOptions {
  files?: FileCalls;
  /** Told of every read that met bytes other than those written. */
  onDamage?(id: string, how: string): void;
}

/** Files of blobs below `dir`: `tmp/` for those being written, `blobs/ab/<id>` for complete ones. */
export class Blobs {
  readonly #root: string;
  readonly #tmp: string;
  readonly #find: (id: string) => Promise<BlobRecord | undefined>;
  readonly #files: FileCalls;
  readonly #onDamage: NonNullable<BlobOptions['onDamage']>;
  /** Bytes that may still be taken before the disk is asked again, and until when. */
  #space = 0;
  #spaceUntil = 0;
  readonly #pins = new Map<string, number>();
  /** Written by this process and not settled yet: the sweep leaves them alone. */
  readonly #unsettled = new Set<string>();

  constructor(dir: string, find: (id: string) => Promise<BlobRecord | undefined>, options: BlobOptions = {}) {
    this.#root = join(dir, 'blobs');
    this.#tmp = join(dir, 'tmp');
    this.#find = find;
    this.#files = options.files ?? { open, rename, rm, statfs };
    this.#onDamage = options.onDamage ?? (() => {});
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
      await this.#takeSpace(batched);
      file ??= await this.#files.open(temporary, 'wx', 0o600);
      writing = writeAll(file, batch);
      writing.catch(() => {}); // met again at the next await
      batch = [];
      batched = 0;
    };
    try {
      await this.#takeSpace(ROW_BYTES);
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
        const written = file!;
        file = undefined;
        await written.close();
        await this.#files.rename(temporary, this.file(id));
        await syncDirectory(this.#files, join(this.#root, id.slice(0, 2)));
      }
      const settle = () => {
        this.#unsettled.delete(id);
      };
      return {
        blob: { id, size, checks: checks.bytes(), content },
        size,
        md5: md5.digest('hex'),
        segments: [[id, 0, size]],
        settle,
        discard: async () => {
          settle();
          // A directory that does not let go of a file now is swept at the next start; the caller has its own error to tell.
          if (content === null) await this.#files.rm(this.file(id), { force: true }).catch(() => {});
        },
      };
    } catch (error) {
      // Each step may fail as well, which must neither keep the next one from being tried nor hide the first error.
      await writing.catch(() => {});
      await file?.close().catch(() => {});
      await this.#files.rm(temporary, { force: true }).catch(() => {});
      await this.#files.rm(this.file(id), { force: true }).catch(() => {});
      this.#unsettled.delete(id);
      throw error;
    }
  }

  /** Takes `bytes` of the space; throws as a full disk does when what is reserved is all that would be left. */
  async #takeSpace(bytes: number): Promise<void> {
    this.#space -= bytes;
    const now = performance.now();
    if (this.#space > 0 && now < this.#spaceUntil) return;
    const { bavail, blocks, bsize } = await this.#files.statfs(this.#root);
    this.#space = bavail * bsize - Math.min(RESERVED_BYTES, (blocks * bsize) / 10) - bytes;
    this.#spaceUntil = now + SPACE_KNOWN_MS;
    if (this.#space > 0) return;
    throw Object.assign(new Error('only the reserved space is left on the disk of the objects'), { code: 'ENOSPC' });
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
    try {
      const blob = await this.#require(first[0]);
      return blob.content ? inlineBytes(blob).subarray(first[1], first[1] + first[2]) : undefined;
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  async *#read(segments: readonly Segment[]): AsyncGenerator<Buffer> {
    try {
      for (const [id, offset, length] of segments) {
        if (length === 0) continue;
        const blob = await this.#require(id);
        if (blob.content) yield inlineBytes(blob).subarray(offset, offset + length);
        else yield* readFile(this.#files, this.file(id), blob, offset, length);
      }
    } catch (error) {
      throw this.#noticed(error);
    }
  }

  #noticed(error: unknown): unknown {
    if (isFailure(error) && error.cause instanceof Damage) this.#onDamage(error.cause.blob, error.cause.how);
    return error;
  }

  async #require(id: string): Promise<BlobRecord> {
    const blob = await this.#find(id);
    if (!blob) throw damaged(id, 'has no row');
    return blob;
  }

  /** Deletes the file of a blob whose row is gone. */
  async remove(id: string): Promise<void> {
    await this.#files.rm(this.file(id), { force: true });
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
    for (let shard = 0; shard < 256; shard++) {
      const names = await readdir(join(this.#root, hex(shard)));
      for (let at = 0; at < names.length; at += 500) {
        const ids = names.slice(at, at + 500).filter(id => !this.#unsettled.has(id));
        if (ids.length === 0) continue;
        const rows = await known(ids);
        for (const id of ids) {
          if (rows.has(id)) continue;
          await this.#files.rm(this.file(id), { force: true });
          removed++;
        }
      }
    }
    return removed;
  }
}

async function* readFile(
  files: FileCalls,
  path: string,
  blob: BlobRecord,
  offset: number,
  length: number,
): AsyncGenerator<Buffer> {
  const file = await files.open(path, 'r').catch(error => {
    throw error.code === 'ENOENT' ? damaged(blob.id, 'has no file') : error;
  });
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
  if (stored.length < index * 4 + 4 || stored.readUInt32LE(index * 4) !== crc32(bytes))
    throw damaged(blob.id, `differs from its checksum in MiB ${index}`);
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

/** CRC-32 of every MiB of a stream. */
class ChunkChecks {
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

async function syncDirectory(files: FileCalls, path: string): Promise<void> {
  const dir = await files.open(path, 'r');
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}

function hex(shard: number): string {
  return shard.toString(16).padStart(2, '0');
}
