import { badRequest } from '../../kernel/object-list.ts';
import type { JobType } from './pool.port.ts';
import { JOB_TYPES, MOST_FLAVORS, MOST_NODES, type PoolResource } from './pool.ts';

/** `spec.resources` as it came over the wire. */
export interface RawResource {
  flavor: string;
  count: number;
  maxCount?: number | undefined;
  azs?: { az: string; count: number }[] | undefined;
  rootVolume?: { size?: string | undefined } | null | undefined;
}

/** Checks `spec.scope`: at least one job type, each once. Throws Failure 400. */
export function checkScope(scope: readonly string[]): JobType[] {
  for (const type of scope) {
    if (!(JOB_TYPES as readonly string[]).includes(type)) {
      throw badRequest(`[spec.scope] "${type.slice(0, 40)}" cannot be enabled; it must be of ${JOB_TYPES.join(', ')}.`);
    }
  }
  if (scope.length === 0) throw badRequest(`[spec.scope] must name at least one of ${JOB_TYPES.join(', ')}.`);
  return JOB_TYPES.filter(type => scope.includes(type));
}

/** Checks `spec.resources` (behaviour/resources.md 2). `logical`: of a sub-pool, which may take more than is left to it. */
export function checkResources(raw: readonly RawResource[], logical: boolean): PoolResource[] {
  if (raw.length === 0) throw badRequest('[spec.resources] must have at least one flavor.');
  if (raw.length > MOST_FLAVORS) throw badRequest(`[spec.resources] must have at most ${MOST_FLAVORS} flavors.`);
  const seen = new Set<string>();
  return raw.map(({ flavor, count, maxCount = count, azs, rootVolume }, at) => {
    const name = `spec.resources[${at}]`;
    if (seen.has(flavor)) throw badRequest(`[${name}.flavor] "${flavor.slice(0, 64)}" is there twice.`);
    seen.add(flavor);
    for (const [field, value] of [
      ['count', count],
      ['maxCount', maxCount],
    ] as const) {
      if (!Number.isInteger(value) || value < 0 || value > MOST_NODES) {
        throw badRequest(`[${name}.${field}] must be a whole number from 0 to ${MOST_NODES}.`);
      }
    }
    if (!logical && maxCount !== count) {
      throw badRequest(`[${name}.maxCount] must equal [${name}.count], which is ${count}.`);
    }
    if (maxCount < count)
      throw badRequest(`[${name}.maxCount] must not be less than [${name}.count], which is ${count}.`);
    const inAzs = azs?.reduce((total, az) => total + az.count, 0) ?? count;
    if (inAzs !== count) throw badRequest(`[${name}.azs] have ${inAzs} nodes, [${name}.count] is ${count}.`);
    if (rootVolume?.size === undefined) return { flavor, count, maxCount };
    if (logical)
      throw badRequest(`[${name}.rootVolume] is of pools with nodes of their own; a sub-pool has its parent's disk.`);
    const diskGiB = /^\d{1,5}$/.test(rootVolume.size) ? Number(rootVolume.size) : 0;
    if (diskGiB < 1) throw badRequest(`[${name}.rootVolume.size] must be a whole number of GiB from 1 to 99999.`);
    return { flavor, count, maxCount, diskGiB };
  });
}
