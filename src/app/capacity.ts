import { readdir, stat, statfs } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import type { Log } from '../kernel/log.ts';
import type { Capacity } from '../resources/flavors/index.ts';
import type { Settings } from './env.ts';

const GIB = 1024 ** 3;
/** A vCPU is half a core, as clouds count hyper-threads; limits are by cgroup quota, so an idle machine gives all it has. */
const VCPUS_PER_CORE = 2;
const RESERVED_GIB = 1;
const LOOK_MS = 30_000;

/** What of this machine the workloads may use together. */
export function machineCapacity(settings: Pick<Settings, 'vcpus' | 'memoryGiB'>, gpus: number): Capacity {
  const memoryGiB = settings.memoryGiB ?? Math.max(Math.floor(os.totalmem() / GIB) - RESERVED_GIB, 1);
  return {
    vcpus: settings.vcpus ?? os.availableParallelism() * VCPUS_PER_CORE,
    memoryBytes: memoryGiB * GIB,
    gpus,
  };
}

/** What of the disk is given to work; `stop()` ends looking. */
export interface MeasuredDisk {
  readonly bytes: number;
  stop(): void;
}

/**
 * How much of the disk under `dir`, where the storage of instances lies, they and the nodes of pools share: what is free and what they take
 * already, less what the machine keeps; looked at again now and then, as other things fill the disk too. A setting stands instead of it, up
 * to the size of the file system.
 */
export async function measureDisk(settings: Pick<Settings, 'diskGiB'>, dir: string, log: Log): Promise<MeasuredDisk> {
  const { diskGiB } = settings;
  if (diskGiB !== undefined) {
    const all = await statfs(dir);
    return { bytes: Math.min(diskGiB * GIB, all.blocks * all.bsize), stop() {} };
  }
  let bytes = await unused(dir);
  const timer = setInterval(() => {
    unused(dir).then(
      now => {
        bytes = now;
      },
      error => log.warn({ err: error }, 'the disk could not be measured'),
    );
  }, LOOK_MS).unref();
  return {
    get bytes() {
      return bytes;
    },
    stop: () => clearInterval(timer),
  };
}

async function unused(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  let taken = 0;
  for (const id of await readdir(dir)) {
    const volume = await stat(join(dir, id, 'volume.xfs')).catch(() => undefined);
    taken += (volume?.blocks ?? 0) * 512;
  }
  return Math.max(bavail * bsize + taken - RESERVED_GIB * GIB, 0);
}
