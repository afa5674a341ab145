import { hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { BlockChecks, checksOf } from './block-checks.ts';
import { type Block, CHUNK, copyInto, sharedBlocks } from './blocks.ts';
import { openDigest, type StreamDigest } from './digest-lanes.ts';

/** Up to this size everything happens on the calling thread: handing over would cost more than it saves. */
const ALONE_BYTES = 256 * 1024;
/** Blocks that one writer may have under way: the bytes it holds in memory, whatever its size. */
const BLOCKS = 6;
/** Of several at once, as of the parts of one upload, each has fewer: together they keep the disk busy with these. */
const BLOCKS_TOGETHER = 24;
let writers = 0;
/** After so many bytes the disk is set to work, so that the last synchronisation finds little left to do. */
const SYNC_BYTES = 32 * CHUNK;

/** Where a writer writes. */
export interface Disk {
  /** Makes the file. */
  open(): Promise<FileHandle>;
  /** Throws ENOSPC when so many bytes more would fill the disk. */
  takeSpace(bytes: number): Promise<void>;
}

/** Bytes that come by themselves: without an iterator, which makes promises and joins for each of them. */
export interface Flow extends AsyncIterable<Buffer> {
  /**
   * Gives each chunk to `take`, and the next one when what it returns has resolved. A chunk then belongs to `take` alone, which may
   * free its memory. Resolves at the end; rejects when the source breaks off or `take` fails, and never while `take` is at work.
   */
  flow(take: (chunk: Buffer) => Promise<void> | undefined): Promise<void>;
}
export type Source = Flow | AsyncIterable<Buffer> | Buffer;

/** What was written: its content when it is small enough, otherwise a synchronised file. */
export interface Taken {
  size: number;
  /** MD5 in hex. */
  md5: string;
  /** Of what is large only where it was asked for. */
  crc32: number | undefined;
  /** As block-checks.ts makes them. */
  checks: Buffer;
  content: Uint8Array | null;
}

/**
 * Takes in all of `source`. Up to `inlineBytes` it is returned as content; more is in a file of `disk`, and durable. The
 * file may exist when this throws. Network, digest and disk work at the same time, on bounded memory.
 */
export async function takeIn(
  source: Source,
  inlineBytes: number,
  disk: Disk,
  options: { crc32: boolean },
): Promise<Taken> {
  const intake = new Intake(disk, options.crc32);
  try {
    if (Buffer.isBuffer(source)) await intake.take(source);
    else if ('flow' in source) await source.flow(chunk => intake.take(chunk, release));
    else {
      for await (const chunk of source) {
        const waiting = intake.take(chunk);
        if (waiting) await waiting; // most chunks fit the block: no turn of the loop for each of them
      }
    }
    if (intake.large) return await intake.large.finish();
  } catch (error) {
    await intake.large?.abort();
    throw error;
  }
  const bytes = intake.held();
  const md5 = hash('md5', bytes, 'hex');
  const inline = bytes.length <= inlineBytes;
  if (!inline) await writeDurably(disk, bytes);
  return { size: bytes.length, md5, crc32: crc32(bytes), checks: checksOf(bytes), content: inline ? bytes : null };
}

/** Holds what is small, and begins a file when it is not. */
class Intake {
  readonly #disk: Disk;
  readonly #crc32: boolean;
  #pieces: Buffer[] = [];
  #bytes = 0;
  large: LargeWriter | undefined;

  constructor(disk: Disk, crc32: boolean) {
    this.#disk = disk;
    this.#crc32 = crc32;
  }

  /** Takes `chunk`, at once unless it returns a promise; `done` is told of those that were copied. */
  take(chunk: Buffer, done?: (chunk: Buffer) => void): Promise<void> | undefined {
    if (this.large) {
      if (!this.large.fit(chunk)) return this.large.add(chunk).then(() => done?.(chunk));
      done?.(chunk);
      return undefined;
    }
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > ALONE_BYTES) return this.#grow(done);
    // A sender of tiny pieces costs bytes, not objects.
    if (this.#pieces.length >= 512) this.#pieces = [Buffer.concat(this.#pieces)];
    return undefined;
  }

  async #grow(done?: (chunk: Buffer) => void): Promise<void> {
    this.large = await LargeWriter.open(this.#disk, this.#crc32);
    for (const piece of this.#pieces) {
      await this.large.add(piece);
      done?.(piece);
    }
    this.#pieces = [];
  }

  held(): Buffer {
    return this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
  }
}

/**
 * Frees the memory of a chunk that nobody else has. Left to the garbage collector, the 64 KiB of each chunk make it go through the
 * whole heap again and again: a quarter of the processor time of an upload.
 */
function release(chunk: Buffer): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.length) buffer.transfer(0);
}

/** A file that grows by blocks of one MiB, each hashed and written while the next one fills. */
class LargeWriter {
  readonly #file: FileHandle;
  readonly #disk: Disk;
  readonly #digest: StreamDigest = openDigest();
  readonly #checks = new BlockChecks();
  #crc32: number | undefined;
  readonly #busy = new Set<Promise<void>>();
  #block: Block | undefined;
  #filled = 0;
  /** Bytes of the blocks handed on. */
  #size = 0;
  /** One at a time: the kernel lets one thread into a file, and the others burn processor time at its door. */
  #write: Promise<void> = Promise.resolve();
  #unsynced = 0;
  #sync: Promise<void> | undefined;
  #error: unknown;
  #open = true;

  private constructor(file: FileHandle, disk: Disk, crc32: boolean) {
    this.#file = file;
    this.#disk = disk;
    this.#crc32 = crc32 ? 0 : undefined;
  }

  static async open(disk: Disk, crc32: boolean): Promise<LargeWriter> {
    const writer = new LargeWriter(await disk.open(), disk, crc32);
    writers++;
    return writer;
  }

  #leave(): void {
    if (this.#open) writers--;
    this.#open = false;
  }

  /** Takes `chunk` when there is room for it and more. */
  fit(chunk: Buffer): boolean {
    if (!this.#block || this.#filled + chunk.length >= CHUNK) return false;
    this.#copy(this.#block, chunk);
    return true;
  }

  /** Bytes are summed here, where the processor still has them at hand. */
  #copy(block: Block, bytes: Buffer): void {
    this.#filled = copyInto(block, bytes, this.#filled);
    this.#checks.add(bytes);
    if (this.#crc32 !== undefined) this.#crc32 = crc32(bytes, this.#crc32);
  }

  async add(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      const take = Math.min(chunk.length - at, CHUNK - this.#filled);
      this.#block ??= await this.#freeBlock();
      this.#copy(this.#block, chunk.subarray(at, at + take));
      at += take;
      if (this.#filled === CHUNK) this.#handOn();
    }
  }

  async #freeBlock(): Promise<Block> {
    while (this.#busy.size >= Math.min(BLOCKS, Math.max(2, Math.floor(BLOCKS_TOGETHER / writers))))
      await Promise.race(this.#busy);
    if (this.#error) throw this.#error;
    await this.#disk.takeSpace(CHUNK);
    return sharedBlocks.take();
  }

  async finish(): Promise<Taken> {
    this.#handOn();
    const md5 = this.#digest.end();
    md5.catch(() => {}); // met below
    await Promise.all(this.#busy);
    await this.#sync;
    if (this.#error) throw this.#error;
    this.#leave();
    await this.#file.datasync();
    await this.#file.close();
    return { size: this.#size, md5: await md5, crc32: this.#crc32, checks: this.#checks.end(), content: null };
  }

  /** Gives up; the file stays for the caller to remove. */
  async abort(): Promise<void> {
    if (this.#block) sharedBlocks.keep(this.#block);
    this.#block = undefined;
    await Promise.all(this.#busy);
    await this.#sync;
    this.#leave();
    this.#digest.drop();
    await this.#file.close().catch(() => {});
  }

  #handOn(): void {
    const block = this.#block;
    if (!block) return;
    const bytes = block.subarray(0, this.#filled);
    const at = this.#size;
    const write = this.#write.then(() => writeAt(this.#file, bytes, at));
    this.#write = write.catch(() => {}); // met with the block
    const work = [this.#digest.update(bytes), write];
    // Both must be done with the block before anybody else gets it, whatever becomes of one of them.
    const done = Promise.allSettled(work).then(results => {
      for (const result of results) if (result.status === 'rejected') this.#error ??= result.reason;
      this.#busy.delete(done);
      sharedBlocks.keep(block);
      this.#syncBehind(bytes.length);
    });
    this.#busy.add(done);
    this.#size += bytes.length;
    this.#block = undefined;
    this.#filled = 0;
  }

  #syncBehind(written: number): void {
    this.#unsynced += written;
    if (this.#sync || this.#error || this.#unsynced < SYNC_BYTES) return;
    this.#unsynced = 0;
    this.#sync = this.#file
      .datasync()
      .catch(error => {
        this.#error ??= error; // the kernel tells of a failed write only once
      })
      .finally(() => {
        this.#sync = undefined;
      });
  }
}

async function writeDurably(disk: Disk, bytes: Buffer): Promise<void> {
  await disk.takeSpace(bytes.length);
  const file = await disk.open();
  try {
    await writeAt(file, bytes, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** All of it, or the system's reason why not. */
async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
