import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine, LogOptions } from '../driver.ts';
import { leadingTime, parseK8sLine, RisingTimes } from './log-line.ts';

const CHUNK_BYTES = 256 * 1024;
const POLL_MS = 100;
/** Lines that share one time are at most this far apart once their times are made to rise. */
const GROUP_NANOS = 1_000_000n;

/**
 * Reads the log file that Podman's conmon writes. The API of Podman gives whole seconds only and loses its place when the file
 * is replaced on reaching its size. `ended` is asked when nothing is left: true once the container writes no more.
 */
export async function* readLogFile(
  path: string,
  options: LogOptions,
  ended: () => Promise<boolean>,
): AsyncGenerator<LogLine> {
  const since = options.since === undefined ? -1n : BigInt(options.since);
  const times = new RisingTimes();
  let file = await openIfThere(path);
  while (file === undefined) {
    if (!options.follow || options.signal?.aborted || (await ended())) return;
    await pause(options.signal);
    file = await openIfThere(path);
  }
  let offset = since < 0n ? 0 : await seek(file, since - GROUP_NANOS);
  let rest: Buffer = Buffer.alloc(0);
  let over = false;
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    while (!options.signal?.aborted) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, offset);
      if (bytesRead > 0) {
        offset += bytesRead;
        const data = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        let start = 0;
        for (let end = data.indexOf(10, start); end >= 0; end = data.indexOf(10, start)) {
          const line = toLine(data.toString('utf8', start, end), times);
          start = end + 1;
          if (line === undefined || BigInt(line.time) <= since) continue;
          yield line;
          if (options.signal?.aborted) return;
        }
        rest = Buffer.from(data.subarray(start));
        continue;
      }
      // At the end of this file; has it been replaced by a new one?
      const next = await replacement(file, path);
      if (next !== undefined) {
        await file.close();
        file = next;
        offset = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      if (!options.follow || over) return;
      over = await ended();
      if (!over) await pause(options.signal);
    }
  } finally {
    await file.close();
  }
}

/** Waits for the next look; an abort ends the wait, and the caller sees it by the signal. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
}

function toLine(text: string, times: RisingTimes): LogLine | undefined {
  const parsed = parseK8sLine(text);
  if (parsed === undefined) return undefined;
  return {
    time: times.next(parsed.nanos).toString(),
    stream: parsed.stream,
    text: parsed.text,
    complete: parsed.complete,
  };
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function replacement(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  const [ours, current] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  if (current === undefined || (current.ino === ours.ino && current.dev === ours.dev)) return undefined;
  // What was written between our last read and the replacement is still in the old file.
  return openIfThere(path);
}

/** An offset at the start of a line with a time not after `nanos`, found by halving; 0 when there is none. */
async function seek(file: FileHandle, nanos: bigint): Promise<number> {
  let low = 0;
  let high = (await file.stat()).size;
  const probe = Buffer.allocUnsafe(CHUNK_BYTES);
  while (high - low > CHUNK_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const { bytesRead } = await file.read(probe, 0, CHUNK_BYTES, middle);
    const start = probe.subarray(0, bytesRead).indexOf(10) + 1;
    const time =
      start === 0 ? undefined : leadingTime(probe.toString('latin1', start, Math.min(start + 48, bytesRead)));
    if (time === undefined || time.nanos > nanos) high = middle;
    else low = middle + start;
  }
  return low;
}
