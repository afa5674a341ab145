import { constants, openSync, readFileSync, readSync } from 'node:fs';

/**
 * The kernel's own record of processes killed for want of memory. It names the control group, hence the container, and keeps
 * what happened while this server was down; the group's counters vanish with the container.
 */
export interface KernelLog {
  /** True when the kernel killed a process of container `id` at or after `since` (milliseconds since the epoch). */
  oomKilled(id: string, since: number): boolean;
}

const RECORD_BYTES = 16_384;
const MAX_REMEMBERED = 10_000;

/** Opens the kernel's log, or returns undefined where it may not be read. */
export function openKernelLog(path = '/dev/kmsg'): KernelLog | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const seen = new Map<string, number>();
  const buffer = Buffer.alloc(RECORD_BYTES);

  const update = () => {
    for (;;) {
      const record = drainOnce(fd, buffer);
      if (record === undefined) return;
      const killed = parseOomRecord(record);
      if (killed === undefined) continue;
      if (seen.size >= MAX_REMEMBERED) seen.delete(seen.keys().next().value as string);
      seen.set(killed.id, killed.uptimeMicros);
    }
  };
  return {
    oomKilled(id, since) {
      update();
      const uptimeMicros = seen.get(id);
      if (uptimeMicros === undefined) return false;
      // Two seconds for the difference between the kernel's clock and the engine's.
      return bootTime() + uptimeMicros / 1000 >= since - 2000;
    },
  };
}

/** Container id (64 hexadecimal digits) and time since boot of a record that tells of a kill; undefined for all others. */
export function parseOomRecord(record: string): { id: string; uptimeMicros: number } | undefined {
  const [, micros, text] = /^\d+,\d+,(\d+),[^;]*;(.*)/.exec(record) ?? [];
  if (text === undefined || micros === undefined || !text.startsWith('oom-kill:')) return undefined;
  const group = /task_memcg=([^,]*)/.exec(text)?.[1];
  const id = group === undefined ? undefined : /[0-9a-f]{64}/.exec(group)?.[0];
  return id === undefined ? undefined : { id, uptimeMicros: Number(micros) };
}

/** The next record, or undefined when there is none now. */
function drainOnce(fd: number, buffer: Buffer): string | undefined {
  for (;;) {
    try {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      return length === 0 ? undefined : buffer.toString('utf8', 0, length);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return undefined;
      if (code !== 'EPIPE' && code !== 'EINVAL') throw error; // EPIPE: older records were overwritten; go on with the next.
    }
  }
}

function bootTime(): number {
  const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return Date.now() - uptimeSeconds * 1000;
}
