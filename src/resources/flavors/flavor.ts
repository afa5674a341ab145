/** What a machine, or the part of it given to Atelier, holds. */
export interface Capacity {
  vcpus: number;
  memoryBytes: number;
  gpus: number;
}

/** One size of compute. The three naming spaces of the API (training, services, resources) are projections of this table. */
export interface Flavor {
  id: string;
  name: string;
  type: 'CPU' | 'GPU';
  vcpus: number;
  memoryBytes: number;
  gpus: number;
  /** Scratch space under /cache, for show: the file system is shared. */
  diskGiB: number;
  /** Nodes a job of this flavor may have. */
  maxNodes: number;
}

const GIB = 1024 ** 3;

function cpuFlavor(vcpus: number, memoryGiB: number): Flavor {
  return {
    id: `modelarts.vm.cpu.${vcpus}u`,
    name: `CPU: ${vcpus} vCPUs ${memoryGiB} GiB`,
    type: 'CPU',
    vcpus,
    memoryBytes: memoryGiB * GIB,
    gpus: 0,
    diskGiB: 50,
    maxNodes: 16,
  };
}

function gpuFlavor(gpus: number): Flavor {
  const vcpus = gpus * 8;
  const memoryGiB = gpus * 32;
  return {
    id: `modelarts.vm.gpu.${gpus}`,
    name: `GPU: ${gpus} | CPU: ${vcpus} vCPUs ${memoryGiB} GiB`,
    type: 'GPU',
    vcpus,
    memoryBytes: memoryGiB * GIB,
    gpus,
    diskGiB: 400,
    maxNodes: 16,
  };
}

const ALL: readonly Flavor[] = [
  cpuFlavor(1, 2),
  cpuFlavor(2, 4),
  cpuFlavor(4, 8),
  cpuFlavor(8, 16),
  cpuFlavor(16, 32),
  cpuFlavor(32, 64),
  gpuFlavor(1),
  gpuFlavor(2),
  gpuFlavor(4),
  gpuFlavor(8),
];

/** The flavors this installation can ever satisfy, smallest first. */
export function flavors(capacity: Capacity): Flavor[] {
  return ALL.filter(
    flavor =>
      flavor.vcpus <= capacity.vcpus &&
      flavor.memoryBytes <= capacity.memoryBytes &&
      flavor.gpus <= capacity.gpus &&
      (flavor.gpus === 0 || capacity.gpus > 0),
  );
}

/** The flavor of that id, whether or not this installation can satisfy it. */
export function findFlavor(id: string): Flavor | undefined {
  return ALL.find(flavor => flavor.id === id);
}
