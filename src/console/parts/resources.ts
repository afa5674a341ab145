import { textOf } from './facts.tsx';

/** A size of nodes, or what is used of them, as the quantities of Kubernetes tell: vCPUs, GiB, accelerators. */
export interface Amount {
  vcpus: number;
  gib: number;
  gpus: number;
}

/** Reads `{cpu: "1500m", memory: "512Mi", "nvidia.com/gpu": "1"}`; what is absent is none. */
export function amountOf(value: unknown): Amount {
  return {
    vcpus: quantity(textOf(value, 'cpu')),
    gib: gibOf(textOf(value, 'memory')),
    gpus: quantity(textOf(value, 'nvidia.com/gpu')),
  };
}

/** GiB of disk that a pool has, and what of it no storage takes; undefined where that is not told. */
export function diskOf(pool: { status: object } | undefined): { free: number; total: number } | undefined {
  const [total, free] = ['capacity', 'available'].map(part => textOf(pool?.status, 'storage', part));
  return total && free ? { free: gibOf(free), total: gibOf(total) } : undefined;
}

function gibOf(text: string): number {
  return quantity(text) / 1024 ** 3;
}

const UNITS: Record<string, number> = { m: 0.001, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, '': 1 };

function quantity(text: string): number {
  const [, amount = '0', unit = ''] = /^([\d.]+)(m|Ki|Mi|Gi)?$/.exec(text) ?? [];
  return Number(amount) * (UNITS[unit] ?? 1);
}

export const NAME = 'os.modelarts/name';
export const WORKSPACE = 'os.modelarts/workspace.id';

/** The name that people gave a pool or network. */
export function displayName(thing: { metadata: { name: string; labels: Record<string, unknown> } }): string {
  return textOf(thing.metadata.labels, NAME) || thing.metadata.name;
}
