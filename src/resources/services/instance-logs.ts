import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Log } from '../../kernel/log.ts';
import { EngineUnavailable, type LogLine, type RuntimeDriver } from '../../runtime/driver.ts';

export interface StoredLine {
  /** Nanoseconds since the epoch, as digits. */
  time: string;
  stream: 'stdout' | 'stderr';
  text: string;
}

const FLUSH_BYTES = 64 * 1024;
const FLUSH_MS = 200;
const TAIL_BYTES = 64 * 1024;
const CATCH_UP_MS = 5_000;
const KEPT_INSTANCES = 20;
const SHORTEST_FOLLOW_MS = 1_000;

/**
 * Keeps what the instances' containers write in files of the platform, so that it survives the containers. Two files per
 * instance at most, `capBytes` each; the older one is dropped when the newer one is full. A line is `time stream text`.
 */
export function instanceLogs(deps: {
  driver: Pick<RuntimeDriver, 'logs'>;
  dir: string;
  log: Log;
  capBytes: number;
  /** Called when a followed container has ended its output. */
  onEnd(serviceId: string): void;
}) {
  const following = new Map<string, { controller: AbortController; done: Promise<void> }>();

  const fileOf = (serviceId: string, instanceId: string) => join(deps.dir, serviceId, `${instanceId}.log`);

  async function copy(container: string, file: string, follow: boolean, signal: AbortSignal): Promise<void> {
    const since = await lastTime(file);
    let pending = '';
    let last = since ?? '';
    let size = await sizeOf(file);
    let timer: NodeJS.Timeout | undefined;
    let writing: Promise<void> = Promise.resolve();
    const flush = () => {
      clearTimeout(timer);
      timer = undefined;
      const batch = pending;
      pending = '';
      if (batch === '') return writing;
      writing = writing.then(async () => {
        if (size > deps.capBytes) {
          await rename(file, `${file}.1`);
          size = 0;
        }
        await appendFile(file, batch);
        size += Buffer.byteLength(batch);
      });
      return writing;
    };
    try {
      for await (const line of deps.driver.logs(container, { ...(since ? { since } : {}), follow, signal })) {
        if (!later(line.time, last)) continue;
        if (line.complete) last = line.time;
        pending += format(line);
        if (pending.length >= FLUSH_BYTES) await flush();
        else timer ??= setTimeout(() => void flush().catch(() => {}), FLUSH_MS);
      }
    } finally {
      await flush();
    }
  }

  return {
    /** Starts copying the output of a running container, if that is not under way. */
    follow(serviceId: string, instanceId: string, container: string): void {
      if (following.has(instanceId)) return;
      const controller = new AbortController();
      const file = fileOf(serviceId, instanceId);
      const began = Date.now();
      const done = (async () => {
        try {
          await mkdir(join(deps.dir, serviceId), { recursive: true, mode: 0o700 });
          await copy(container, file, true, controller.signal);
          // One that ends at once is seen by the next look; telling of it here could go round in circles.
          if (!controller.signal.aborted && Date.now() - began > SHORTEST_FOLLOW_MS) deps.onEnd(serviceId);
        } catch (error) {
          if (!controller.signal.aborted && !(error instanceof EngineUnavailable)) {
            deps.log.warn({ err: error, instance: instanceId }, 'the output of an instance could not be followed');
          }
        } finally {
          following.delete(instanceId);
        }
      })();
      following.set(instanceId, { controller, done });
    },

    /** Saves what is left of an ended container's output; to be called before it is removed. */
    async catchUp(serviceId: string, instanceId: string, container: string): Promise<void> {
      const current = following.get(instanceId);
      if (current) {
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([
          current.done,
          new Promise(resolve => {
            timer = setTimeout(resolve, CATCH_UP_MS);
          }),
        ]);
        clearTimeout(timer);
        current.controller.abort();
        await current.done;
      }
      await mkdir(join(deps.dir, serviceId), { recursive: true, mode: 0o700 });
      await copy(container, fileOf(serviceId, instanceId), false, AbortSignal.timeout(CATCH_UP_MS)).catch(error =>
        deps.log.warn({ err: error, instance: instanceId }, 'the last output of an instance could not be saved'),
      );
    },

    /** The last `count` lines, oldest first, later than `since` when given. */
    async tail(serviceId: string, instanceId: string, count: number, since?: string): Promise<StoredLine[]> {
      const file = fileOf(serviceId, instanceId);
      const lines: StoredLine[] = [];
      for (const path of [`${file}.1`, file]) {
        if ((await sizeOf(path)) === 0) continue;
        for await (const text of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
          const line = parse(text);
          if (!line || (since !== undefined && !later(line.time, since))) continue;
          lines.push(line);
          if (lines.length > count * 2) lines.splice(0, lines.length - count);
        }
      }
      return lines.slice(-count);
    },

    /** Ids of the instances whose output is kept. */
    async instances(serviceId: string): Promise<string[]> {
      const names = await readdir(join(deps.dir, serviceId)).catch(() => [] as string[]);
      return [...new Set(names.map(name => name.replace(/\.log(\.1)?$/, '')))].sort();
    },

    /** Forgets the oldest outputs of a service, so that not more than twenty instances' are kept. */
    async prune(serviceId: string): Promise<void> {
      const all = await Promise.all(
        (await this.instances(serviceId)).map(async id => {
          const file = fileOf(serviceId, id);
          const info = await stat(file).catch(() => undefined);
          return { id, file, time: info?.mtimeMs ?? 0 };
        }),
      );
      const old = all.sort((a, b) => b.time - a.time).slice(KEPT_INSTANCES);
      for (const { id, file } of old) {
        if (following.has(id)) continue;
        await rm(file, { force: true });
        await rm(`${file}.1`, { force: true });
      }
    },

    async removeService(serviceId: string): Promise<void> {
      await rm(join(deps.dir, serviceId), { recursive: true, force: true });
    },

    async stop(): Promise<void> {
      const all = [...following.values()];
      for (const { controller } of all) controller.abort();
      await Promise.allSettled(all.map(entry => entry.done));
    },
  };
}

export type InstanceLogs = ReturnType<typeof instanceLogs>;

function format(line: LogLine): string {
  return `${line.time} ${line.stream === 'stderr' ? 'E' : 'O'} ${line.text.replaceAll('\n', ' ').replaceAll('\r', '')}\n`;
}

function parse(text: string): StoredLine | undefined {
  const match = /^(\d+) ([OE]) (.*)$/s.exec(text);
  return match ? { time: match[1]!, stream: match[2] === 'E' ? 'stderr' : 'stdout', text: match[3]! } : undefined;
}

/** Times are digits of unequal length in theory; a longer number is later. */
function later(time: string, than: string): boolean {
  return time.length === than.length ? time > than : time.length > than.length;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** Time of the last whole line in the file, where copying goes on. */
async function lastTime(file: string): Promise<string | undefined> {
  const size = await sizeOf(file);
  if (size === 0) return undefined;
  const handle = await open(file, 'r+');
  try {
    const length = Math.min(size, TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    await handle.read(buffer, 0, length, size - length);
    const end = buffer.lastIndexOf(10);
    // A line that a crash cut short is written again.
    if (end >= 0 && end < length - 1) await handle.truncate(size - (length - 1 - end));
    const lines = buffer.subarray(0, Math.max(end, 0)).toString('utf8').split('\n');
    return lines.map(parse).findLast(line => line !== undefined)?.time;
  } finally {
    await handle.close();
  }
}
