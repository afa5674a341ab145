import { type CgroupPaths, cgroupOf, type MemoryEvents, memoryEvents } from './cgroup.ts';
import { type KernelLog, openKernelLog } from './kernel-log.ts';

/** The counters matter only where the kernel's log is closed to us; there they must be seen before the container ends. */
const POLL_MS = 1000;
const POLL_ALONE_MS = 200;

interface Watched {
  pid: number;
  paths: CgroupPaths;
  last?: MemoryEvents;
}

/**
 * Finds out whether a container was killed for want of memory, which Podman never says and which its control group can tell
 * only while it lives. Three witnesses, best first: the kernel's log; the group's counter, read again and again while the container
 * runs; and, when neither could be read in time, an unasked SIGKILL of a container last seen at its limit.
 */
export class OomWatch {
  readonly #watched = new Map<string, Watched>();
  readonly #stopped = new Set<string>();
  readonly #kernelLog: KernelLog | undefined;
  readonly #cgroupRoot: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(cgroupRoot: string, kernelLog: KernelLog | undefined = openKernelLog()) {
    this.#cgroupRoot = cgroupRoot;
    this.#kernelLog = kernelLog;
  }

  /** Says that container `id` runs as process `pid`; cheap to repeat. */
  async running(id: string, pid: number): Promise<void> {
    if (pid <= 0 || this.#watched.get(id)?.pid === pid) return;
    const paths = await cgroupOf(pid, this.#cgroupRoot);
    if (paths?.memory === undefined) return;
    this.#watched.set(id, { pid, paths });
    this.#timer ??= setInterval(
      () => void this.#poll(),
      this.#kernelLog === undefined ? POLL_ALONE_MS : POLL_MS,
    ).unref();
    await this.#poll();
  }

  /** Says that we are ending container `id` ourselves, so that its SIGKILL proves nothing. */
  stopping(id: string): void {
    this.#stopped.add(id);
  }

  /** True when the kernel killed a process of container `id`, which ended with `exitCode` after a start at `startedAt` (ms). */
  killed(id: string, startedAt: number, exitCode: number): boolean {
    if (this.#kernelLog?.oomKilled(id, startedAt)) return true;
    const last = this.#watched.get(id)?.last;
    if (last === undefined) return false;
    if (last.oomKills > 0) return true;
    if (this.#kernelLog !== undefined || exitCode !== 137 || this.#stopped.has(id)) return false;
    return last.peakBytes >= 0.95 * last.limitBytes;
  }

  /** Forgets container `id`. */
  forget(id: string): void {
    this.#watched.delete(id);
    this.#stopped.delete(id);
  }

  /** Stops watching. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
  }

  async #poll(): Promise<void> {
    const living = [...this.#watched.values()].filter(entry => entry.pid > 0);
    if (living.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    await Promise.all(
      living.map(async entry => {
        const events = await memoryEvents(entry.paths);
        if (events === undefined) entry.pid = 0;
        else entry.last = events;
      }),
    );
  }
}
