/** What a workload asks for. */
export interface Demand {
  vcpus: number;
  memoryBytes: number;
  gpus: number;
}

export interface Workload extends Demand {
  id: string;
  name: string;
}

export type ReasonCode = 'Admitted' | 'InsufficientCpu' | 'InsufficientMemory' | 'InsufficientGpu' | 'BehindOthers';

export interface Verdict {
  id: string;
  admitted: boolean;
  /** 0 is the head of the queue. */
  position: number;
  reasonCode: ReasonCode;
  reason: string;
}

/** Sum of demands. */
export function total(demands: readonly Demand[]): Demand {
  return demands.reduce<Demand>(
    (sum, demand) => ({
      vcpus: sum.vcpus + demand.vcpus,
      memoryBytes: sum.memoryBytes + demand.memoryBytes,
      gpus: sum.gpus + demand.gpus,
    }),
    { vcpus: 0, memoryBytes: 0, gpus: 0 },
  );
}

/**
 * Decides a queue: strictly first come, first served on what is free (behaviour/training.md 9). The head that does not fit holds
 * the rest back, and each waiting workload is told why.
 */
export function decideQueue(capacity: Demand, used: Demand, queue: readonly Workload[]): Verdict[] {
  const free: Demand = {
    vcpus: capacity.vcpus - used.vcpus,
    memoryBytes: capacity.memoryBytes - used.memoryBytes,
    gpus: capacity.gpus - used.gpus,
  };
  const verdicts: Verdict[] = [];
  let head: Workload | undefined;
  let position = 0;
  for (const workload of queue) {
    const lack = head ? undefined : shortage(free, workload);
    if (!head && !lack) {
      free.vcpus -= workload.vcpus;
      free.memoryBytes -= workload.memoryBytes;
      free.gpus -= workload.gpus;
      verdicts.push({ id: workload.id, admitted: true, position: 0, reasonCode: 'Admitted', reason: 'Admitted.' });
      continue;
    }
    if (lack) {
      head = workload;
      verdicts.push({ id: workload.id, admitted: false, position, ...lack });
    } else {
      verdicts.push({
        id: workload.id,
        admitted: false,
        position,
        reasonCode: 'BehindOthers',
        reason: `${position} workload${position === 1 ? '' : 's'} ahead in the queue; the first, ${head!.name}, waits for ${describe(head!)}.`,
      });
    }
    position += 1;
  }
  return verdicts;
}

/** Why a demand can never be met here, or undefined. */
export function neverFits(capacity: Demand, demand: Demand): string | undefined {
  const lack = shortage(capacity, demand);
  return lack ? `This installation has ${describe(capacity)} in all, ${describe(demand)} are needed.` : undefined;
}

function shortage(free: Demand, demand: Demand): { reasonCode: ReasonCode; reason: string } | undefined {
  const lacks: string[] = [];
  let reasonCode: ReasonCode | undefined;
  if (demand.gpus > free.gpus) {
    reasonCode = 'InsufficientGpu';
    lacks.push(`${demand.gpus} accelerators (${Math.max(free.gpus, 0)} free)`);
  }
  if (demand.memoryBytes > free.memoryBytes) {
    reasonCode ??= 'InsufficientMemory';
    lacks.push(`${gib(demand.memoryBytes)} GiB of memory (${gib(Math.max(free.memoryBytes, 0))} GiB free)`);
  }
  if (demand.vcpus > free.vcpus) {
    reasonCode ??= 'InsufficientCpu';
    lacks.push(`${demand.vcpus} vCPUs (${Math.max(free.vcpus, 0)} free)`);
  }
  return reasonCode ? { reasonCode, reason: `Head of the queue, waiting for ${lacks.join(' and ')}.` } : undefined;
}

function describe(demand: Demand): string {
  const parts = [`${demand.vcpus} vCPUs`, `${gib(demand.memoryBytes)} GiB of memory`];
  if (demand.gpus > 0) parts.push(`${demand.gpus} accelerators`);
  return parts.join(', ');
}

function gib(bytes: number): number {
  return Math.round((bytes / 1024 ** 3) * 10) / 10;
}
