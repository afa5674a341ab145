import { Failure } from '../../kernel/failure.ts';

/** A size of compute, as far as services need it. */
export interface Flavor {
  id: string;
  name: string;
  type: 'CPU' | 'GPU';
  vcpus: number;
  memoryBytes: number;
  gpus: number;
}

/** How a size of one's own is kept among flavors' names; no request may name one so. */
const OWN = /^custom:(\d+(?:\.\d{1,2})?)\/(\d+)\/(\d+)$/;
const MIB = 1024 ** 2;
const LEAST_MIB = 32;

/** Whether a request names a specification in the form that sizes of one's own are kept in. */
export function isKeptSize(specification: string): boolean {
  return specification.startsWith('custom:');
}

/**
 * Reads `custom_spec` (behaviour/inference.md 5): cpu from 0.01 with two decimals, memory in whole MB, accelerators. Returns it in the form
 * that it is kept in. Throws Failure 400 naming the member.
 */
export function ownSize(given: Record<string, unknown> | undefined, at: string): string {
  const number = (name: string, fallback?: number): number => {
    const value = given?.[name] ?? fallback;
    const read = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
    if (typeof read === 'number' && Number.isFinite(read)) return read;
    throw invalid(`${at}.custom_spec.${name}`, 'must be a number');
  };
  const cpu = Math.floor(number('cpu') * 100 + 1e-6) / 100;
  if (cpu < 0.01 || cpu > 4096) throw invalid(`${at}.custom_spec.cpu`, 'must be from 0.01 to 4096');
  const memory = number('memory');
  if (!Number.isInteger(memory) || memory < LEAST_MIB || memory > 64 * 1024 ** 2) {
    throw invalid(`${at}.custom_spec.memory`, `must be a whole number of MB from ${LEAST_MIB}`);
  }
  const gpus = number('gpu_p4', 0);
  if (!Number.isInteger(gpus) || gpus < 0 || gpus > 64) {
    throw invalid(`${at}.custom_spec.gpu_p4`, 'must be a whole number of accelerators: they are not shared here');
  }
  if (Number(given?.ascend_a310 ?? 0) > 0)
    throw invalid(`${at}.custom_spec.ascend_a310`, 'must be 0: there are none here');
  return `custom:${cpu}/${memory}/${gpus}`;
}

/** The size that was kept so; undefined for the name of a flavor. */
export function sizeOf(specification: string): Flavor | undefined {
  const match = OWN.exec(specification);
  if (!match) return undefined;
  const [vcpus, mib, gpus] = match.slice(1).map(Number) as [number, number, number];
  return {
    id: specification,
    name: `${vcpus} vCPUs, ${mib} MB`,
    type: gpus > 0 ? 'GPU' : 'CPU',
    vcpus,
    memoryBytes: mib * MIB,
    gpus,
  };
}

/** A specification as answers show it. */
export function shownSize(specification: string): { specification: string; custom_spec?: Record<string, number> } {
  const size = sizeOf(specification);
  if (!size) return { specification };
  const { vcpus, memoryBytes, gpus } = size;
  const custom_spec: Record<string, number> = { cpu: vcpus, memory: memoryBytes / MIB };
  if (gpus > 0) custom_spec.gpu_p4 = gpus;
  return { specification: 'custom', custom_spec };
}

function invalid(field: string, must: string): Failure {
  return new Failure({ code: 'ModelArts.0104', status: 400, message: `Parameter [${field}] ${must}.` });
}
