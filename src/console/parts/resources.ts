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
    gib: quantity(textOf(value, 'memory')) / 1024 ** 3,
    gpus: quantity(textOf(value, 'nvidia.com/gpu')),
  };
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
