import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the files of one container's control group lie; `undefined` for a controller that is not there. */
export interface CgroupPaths {
  memory?: { dir: string; version: 1 | 2 };
  cpu?: { dir: string; version: 1 | 2 };
  pids?: { dir: string; version: 1 | 2 };
}

/** One reading of a control group. */
export interface CgroupSample {
  /** Nanoseconds of processor time since it was made. */
  cpuNanos: number;
  memoryBytes: number;
  pids: number;
}

/** Memory events of a control group. */
export interface MemoryEvents {
  /** Processes killed by the kernel for want of memory. */
  oomKills: number;
  peakBytes: number;
  limitBytes: number;
}

/**
 * The control groups of process `pid`, on version 1, 2 or the hybrid of both (where a controller is on one of the two).
 * Undefined when the process is gone or its files cannot be read from here.
 */
export async function cgroupOf(pid: number, root = '/sys/fs/cgroup'): Promise<CgroupPaths | undefined> {
  const text = await read(`/proc/${pid}/cgroup`);
  if (text === undefined) return undefined;
  const v1 = new Map<string, string>();
  let unified: string | undefined;
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) continue;
    if (controllers === '') unified = path;
    for (const controller of controllers.split(',')) v1.set(controller, path);
  }
  const paths: CgroupPaths = {};
  const locate = (controller: string) => {
    const own = v1.get(controller);
    if (own !== undefined) return { dir: join(root, controller, own), version: 1 as const };
    return unified === undefined ? undefined : { dir: join(root, unified), version: 2 as const };
  };
  paths.memory = locate('memory');
  paths.cpu = v1.has('cpuacct') ? locate('cpuacct') : locate('cpu');
  paths.pids = locate('pids');
  // A runtime may have put process 1 into a child group of the one that carries the limits.
  return paths;
}

/** Reads the use of a control group; undefined when it has gone. */
export async function sampleCgroup(paths: CgroupPaths): Promise<CgroupSample | undefined> {
  const { memory, cpu, pids } = paths;
  if (!memory || !cpu) return undefined;
  const v1 = memory.version === 1;
  const [used, stat, cpuText, pidsText] = await Promise.all([
    read(join(memory.dir, v1 ? 'memory.usage_in_bytes' : 'memory.current')),
    read(join(memory.dir, 'memory.stat')),
    read(join(cpu.dir, cpu.version === 1 ? 'cpuacct.usage' : 'cpu.stat')),
    pids ? read(join(pids.dir, 'pids.current')) : undefined,
  ]);
  if (used === undefined || cpuText === undefined) return undefined;
  // Cached file pages that nobody uses are not memory that the workload needs.
  const reclaimable = field(stat ?? '', v1 ? 'total_inactive_file' : 'inactive_file') ?? 0;
  return {
    cpuNanos: cpu.version === 1 ? Number(cpuText) : (field(cpuText, 'usage_usec') ?? 0) * 1000,
    memoryBytes: Math.max(0, Number(used) - reclaimable),
    pids: Number(pidsText ?? 0),
  };
}

/** Reads the memory events of a control group; undefined when it has gone. */
export async function memoryEvents(paths: CgroupPaths): Promise<MemoryEvents | undefined> {
  const { memory } = paths;
  if (!memory) return undefined;
  const v1 = memory.version === 1;
  const [events, peak, limit] = await Promise.all([
    read(join(memory.dir, v1 ? 'memory.oom_control' : 'memory.events')),
    read(join(memory.dir, v1 ? 'memory.max_usage_in_bytes' : 'memory.peak')),
    read(join(memory.dir, v1 ? 'memory.limit_in_bytes' : 'memory.max')),
  ]);
  if (events === undefined) return undefined;
  return {
    oomKills: field(events, 'oom_kill') ?? 0,
    peakBytes: Number(peak ?? 0),
    limitBytes: Number(limit) || Infinity,
  };
}

function field(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined; // The group vanishes with its container: "gone" is an answer, not an error.
  }
}
