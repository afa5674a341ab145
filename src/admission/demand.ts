/** What one task asks for, or a node offers. */
export interface Demand {
  vcpus: number;
  memoryBytes: number;
  gpus: number;
}

const DIMENSIONS = ['gpus', 'memoryBytes', 'vcpus'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Fractions of processors are sums of binary fractions; less than this is nothing. */
const EPSILON = 1e-6;

export function nothing(): Demand {
  return { vcpus: 0, memoryBytes: 0, gpus: 0 };
}

/** Adds `times` × `demand` to `sum`, in place. */
export function addTo(sum: Demand, demand: Demand, times = 1): void {
  sum.vcpus += demand.vcpus * times;
  sum.memoryBytes += demand.memoryBytes * times;
  sum.gpus += demand.gpus * times;
}

export function minus(left: Demand, right: Demand): Demand {
  return {
    vcpus: left.vcpus - right.vcpus,
    memoryBytes: left.memoryBytes - right.memoryBytes,
    gpus: left.gpus - right.gpus,
  };
}

export function times(demand: Demand, count: number): Demand {
  return { vcpus: demand.vcpus * count, memoryBytes: demand.memoryBytes * count, gpus: demand.gpus * count };
}

export function largerOf(left: Demand, right: Demand): Demand {
  return {
    vcpus: Math.max(left.vcpus, right.vcpus),
    memoryBytes: Math.max(left.memoryBytes, right.memoryBytes),
    gpus: Math.max(left.gpus, right.gpus),
  };
}

/** Sum of demands. */
export function total(demands: Iterable<Demand>): Demand {
  const sum = nothing();
  for (const demand of demands) addTo(sum, demand);
  return sum;
}

/** How many tasks of `demand` fit into `free`; Infinity when it asks for nothing. */
export function tasksIn(free: Demand, demand: Demand): number {
  const of = (have: number, want: number) =>
    want > 0 ? Math.max(Math.floor((have + EPSILON) / want), 0) : Number.POSITIVE_INFINITY;
  return Math.min(of(free.vcpus, demand.vcpus), of(free.memoryBytes, demand.memoryBytes), of(free.gpus, demand.gpus));
}

/** The dimensions in which `demand` is more than `free`, accelerators first. What is not asked for is never lacking. */
export function lacking(free: Demand, demand: Demand): Dimension[] {
  return DIMENSIONS.filter(dimension => demand[dimension] > 0 && demand[dimension] > free[dimension] + EPSILON);
}

/** `4 vCPUs`, `8 GiB of memory`, `2 accelerators`. */
export function amount(dimension: Dimension, value: number): string {
  if (dimension === 'memoryBytes') return `${gib(value)} GiB of memory`;
  return `${rounded(value)} ${dimension === 'gpus' ? 'accelerators' : 'vCPUs'}`;
}

/** The bare number of an amount, in its unit. */
export function bare(dimension: Dimension, value: number): string {
  return dimension === 'memoryBytes' ? `${gib(value)} GiB` : `${rounded(value)}`;
}

export function describe(demand: Demand): string {
  const parts = [amount('vcpus', demand.vcpus), amount('memoryBytes', demand.memoryBytes)];
  if (demand.gpus > 0) parts.push(amount('gpus', demand.gpus));
  return parts.join(', ');
}

function gib(bytes: number): number {
  return Math.round((Math.max(bytes, 0) / 1024 ** 3) * 10) / 10;
}

function rounded(value: number): number {
  return Math.round(Math.max(value, 0) * 1000) / 1000;
}
