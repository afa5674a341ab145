import { type FileHandle, mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LogLine } from '../../runtime/driver.ts';

/** How far a log was collected. `count`: chunks taken that carry exactly `time`, as many lines may share one. */
interface Cursor {
  time: string;
  count: number;
  /** Bytes of the file that belong to this cursor; what lies beyond is collected again. */
  size: number;
  capped: boolean;
  /** Platform lines written once and for all. */
  marks: string[];
}

const START: Cursor = { time: '0', count: 0, size: 0, capped: false, marks: [] };
const FLUSH_BYTES = 256 * 1024;

/** Says in the log that a line is the platform's (behaviour/training.md 7). */
const PLATFORM_PREFIX = '[ModelArts Service Log]';

/**
 * A job's log file: the program's output and the platform's own lines, appended in order. Its cursor beside it makes
 * collecting repeatable: after a crash the file is cut to the cursor and goes on with no line lost or doubled.
 */
export class JobLog {
  readonly #path: string;
  readonly #cap: number;
  readonly #file: FileHandle;
  #cursor: Cursor;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #midLine = false;
  #skip: { time: string; count: number };
  #writing: Promise<void> = Promise.resolve();

  /** Opens or makes the log at `path`; `capBytes` limits the program's output. */
  static async open(path: string, capBytes: number): Promise<JobLog> {
    await mkdir(dirname(path), { recursive: true });
    const cursor = await readCursor(path);
    const file = await open(path, 'a+', 0o600);
    const { size } = await file.stat();
    // A machine that lost power may have less on disk than the cursor says: then the rest is gone, but not the order.
    const good = Math.min(size, cursor.size);
    if (size > good) await file.truncate(good);
    return new JobLog(path, capBytes, file, { ...cursor, size: good });
  }

  private constructor(path: string, capBytes: number, file: FileHandle, cursor: Cursor) {
    this.#path = path;
    this.#cap = capBytes;
    this.#file = file;
    this.#cursor = cursor;
    this.#skip = { time: cursor.time, count: cursor.count };
  }

  /** Nanoseconds from which the engine is to be asked again: just before the last line taken. */
  get since(): string | undefined {
    return this.#cursor.time === '0' ? undefined : String(BigInt(this.#cursor.time) - 1n);
  }

  get capped(): boolean {
    return this.#cursor.capped;
  }

  /** Call before reading lines from `since` again: those already taken are then passed over. */
  rewind(): void {
    this.#skip = { time: this.#cursor.time, count: this.#cursor.count };
  }

  /** Takes one chunk of output. Returns false once the cap is reached: no more needs to be read. */
  output(line: LogLine): boolean {
    const order = compare(line.time, this.#skip.time);
    if (order < 0) return true;
    if (order === 0 && this.#skip.count > 0) {
      this.#skip.count -= 1;
      return true;
    }
    if (this.#cursor.capped) return false;
    if (this.#cursor.time === line.time) this.#cursor.count += 1;
    else {
      this.#cursor.time = line.time;
      this.#cursor.count = 1;
    }
    this.#append(line.complete ? `${line.text}\n` : line.text);
    this.#midLine = !line.complete;
    if (this.#cursor.size + this.#pendingBytes < this.#cap) return true;
    this.#cursor.capped = true;
    this.platform(
      `The log has reached its limit of ${this.#cap} bytes: what the program prints from here on is not kept. The job goes on.`,
    );
    return false;
  }

  /** Adds a line of the platform's own; one with a `mark` only once. */
  platform(text: string, mark?: string, prefix = PLATFORM_PREFIX): void {
    if (mark) {
      if (this.#cursor.marks.includes(mark)) return;
      this.#cursor.marks.push(mark);
    }
    this.#append(`${this.#midLine ? '\n' : ''}${prefix}${text}\n`);
    this.#midLine = false;
  }

  /** Bytes waiting to be written. */
  get pending(): number {
    return this.#pendingBytes;
  }

  get wantsFlush(): boolean {
    return this.#pendingBytes >= FLUSH_BYTES;
  }

  /** Brings what was taken to the file, then the cursor. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (this.#pending.length === 0) return;
      const chunk = Buffer.concat(this.#pending);
      this.#pending = [];
      this.#pendingBytes = 0;
      // Taken together with the chunk: later lines must not count before they are written.
      const cursor = { ...this.#cursor, marks: [...this.#cursor.marks], size: this.#cursor.size + chunk.length };
      await this.#file.appendFile(chunk);
      this.#cursor.size = cursor.size;
      await writeFile(`${this.#path}.cursor.new`, JSON.stringify(cursor), { mode: 0o600 });
      await rename(`${this.#path}.cursor.new`, `${this.#path}.cursor`);
    });
    return this.#writing;
  }

  /** Writes everything, to disk, and closes the file. */
  async close(): Promise<void> {
    try {
      await this.flush();
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }

  #append(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }
}

async function readCursor(path: string): Promise<Cursor> {
  let text: string;
  try {
    text = await readFile(`${path}.cursor`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { ...START, marks: [] };
    throw error;
  }
  try {
    return { ...START, ...(JSON.parse(text) as Partial<Cursor>) };
  } catch {
    // Only a power cut can leave half a cursor: keep what the file holds and go on with new output.
    const { size } = await stat(path);
    return { ...START, marks: [], time: String(BigInt(Date.now()) * 1_000_000n), size };
  }
}

function compare(left: string, right: string): number {
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}
