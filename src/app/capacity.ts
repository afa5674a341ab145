import os from 'node:os';
import type { Capacity } from '../resources/flavors/index.ts';
import type { Settings } from './env.ts';

const GIB = 1024 ** 3;
/** A vCPU is half a core, as clouds count hyper-threads; limits are by cgroup quota, so an idle machine gives all it has. */
const VCPUS_PER_CORE = 2;
const RESERVED_GIB = 1;

/** What of this machine the workloads may use together. */
export function machineCapacity(settings: Pick<Settings, 'vcpus' | 'memoryGiB'>, gpus: number): Capacity {
  const memoryGiB = settings.memoryGiB ?? Math.max(Math.floor(os.totalmem() / GIB) - RESERVED_GIB, 1);
  return {
    vcpus: settings.vcpus ?? os.availableParallelism() * VCPUS_PER_CORE,
    memoryBytes: memoryGiB * GIB,
    gpus,
  };
}
