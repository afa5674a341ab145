import type { Admission, Demand, PoolState, WorkloadKind, WorkloadView } from '../../admission/index.ts';

export type { Demand, WorkloadKind };
/** A workload as admission shows it. */
export type Workload = WorkloadView;
/** A pool as admission has it. */
export type AnnouncedPool = PoolState;
/** Admission as pools see it, who say which nodes there are (docs/decisions/0013). */
export type PoolAdmission = Pick<
  Admission,
  'capacity' | 'setPool' | 'removePool' | 'pools' | 'workloads' | 'fits' | 'release'
>;

export const NOTHING: Demand = { vcpus: 0, memoryBytes: 0, gpus: 0 };

export function sum(demands: readonly Demand[]): Demand {
  return demands.reduce<Demand>((all, one) => plus(all, one), NOTHING);
}

export function plus(one: Demand, other: Demand, times = 1): Demand {
  return {
    vcpus: one.vcpus + other.vcpus * times,
    memoryBytes: one.memoryBytes + other.memoryBytes * times,
    gpus: one.gpus + other.gpus * times,
  };
}

/** What of `wanted` is more than there is, for people; undefined when it fits. */
export function shortage(wanted: Demand, there: Partial<Demand>): string | undefined {
  const lacks: string[] = [];
  const over = (value: number, limit: number | undefined, word: (n: number) => string) => {
    if (limit !== undefined && value > limit + 1e-6) lacks.push(`${word(value)} of ${word(Math.max(limit, 0))}`);
  };
  over(wanted.vcpus, there.vcpus, n => `${n} vCPUs`);
  over(wanted.memoryBytes, there.memoryBytes, n => `${gib(n)} GiB of memory`);
  over(wanted.gpus, there.gpus, n => `${n} accelerators`);
  return lacks.length === 0 ? undefined : lacks.join(' and ');
}

export function words({ vcpus, memoryBytes, gpus }: Demand): string {
  return `${vcpus} vCPUs, ${gib(memoryBytes)} GiB of memory${gpus > 0 ? `, ${gpus} accelerators` : ''}`;
}

function gib(bytes: number): number {
  return Math.round((bytes / 1024 ** 3) * 10) / 10;
}
