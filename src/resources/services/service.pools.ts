import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { PoolOccupant, PoolsPort } from '../pools/index.ts';
import type { Flavor } from './service.size.ts';
import type { ServiceStore } from './service.store.ts';
import { type EntryConfig, label } from './service.ts';

/** Dedicated pools as services see them. */
export type ServicePools = Pick<PoolsPort, 'use' | 'networkOf' | 'fits'>;

/** Codes of a pool that cannot be taken (behaviour/resources.md 12). */
export const POOL_CODES = { missing: 'ModelArts.3547', notRunning: 'ModelArts.3554', closed: 'ModelArts.3561' };

/** What there is where nobody says which pools there are. */
export const NO_POOLS: ServicePools = {
  async use(_scope, poolId) {
    throw new Failure({
      code: POOL_CODES.missing,
      status: 400,
      message: `Parameter [pool_name] names the pool "${poolId.slice(0, 64)}", which does not exist; leave it out to use the public pool.`,
    });
  },
  networkOf: async () => undefined,
  fits: () => ({ ok: false, reason: 'There is no such pool.' }),
};

/** The pool of a service as a whole: the one that all of its models run in. */
export function commonPool(entries: readonly Pick<EntryConfig, 'poolId'>[]): string | undefined {
  const pools = new Set(entries.map(entry => entry.poolId));
  return pools.size === 1 ? [...pools][0] : undefined;
}

/**
 * Throws Failure 400 where a change would bring a service of dedicated pools into the public one: who may create what where is decided when
 * it is created, and whoever must not use the public pool (the document's 1.3.5) must not come there by a change.
 */
export function checkStaysInPools(
  present: readonly Pick<EntryConfig, 'poolId'>[],
  next: readonly Pick<EntryConfig, 'poolId'>[],
): void {
  const at = next.findIndex(entry => !entry.poolId);
  if (at < 0 || present.length === 0 || present.some(entry => !entry.poolId)) return;
  throw new Failure({
    code: 'ModelArts.0104',
    status: 400,
    message: `Parameter [config[${at}].pool_name] is required, as the models of this service run in several dedicated pools.`,
    solution: 'Name one of them; to use the public pool, deploy another service.',
  });
}

/**
 * Whether so many instances of each entry could run in their pools at once. They count as if all were as large as the largest: rather a
 * short gap than one that waits for its predecessor for ever.
 */
export function fitInPools(
  pools: ServicePools,
  flavor: (id: string) => Flavor | undefined,
  entries: readonly (readonly [EntryConfig, number])[],
): boolean {
  const ids = new Set(entries.flatMap(([entry]) => entry.poolId ?? []));
  return [...ids].every(poolId => {
    const here = entries.filter(([entry]) => entry.poolId === poolId);
    const sizes = here.flatMap(([entry]) => flavor(entry.specification) ?? []);
    const largest = {
      vcpus: Math.max(...sizes.map(size => size.vcpus)),
      memoryBytes: Math.max(...sizes.map(size => size.memoryBytes)),
      gpus: Math.max(...sizes.map(size => size.gpus)),
    };
    return pools.fits(
      poolId,
      largest,
      here.reduce((all, [, count]) => all + count, 0),
    ).ok;
  });
}

/** Ends instances whose place is taken from them: with their pool the service stops, from a node they begin elsewhere. */
export function serviceOccupant(deps: {
  store: ServiceStore;
  clock: Clock;
  poke(id: string): Promise<void>;
  routesChanged(): void;
}): PoolOccupant {
  const { store, clock } = deps;

  async function stop(serviceId: string, text: string): Promise<void> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const service = await store.load(serviceId);
      if (service?.desired !== 'running') return;
      const now = clock.now();
      const patch = { desired: 'stopped', status: 'stopping', transitionAt: now, dueAt: undefined } as const;
      const info = `${text} The service is stopped.`;
      if (await store.change(service, { ...patch, errorMessage: info }, [{ time: now, type: 'abnormal', info }]))
        return;
    }
  }

  return {
    kind: 'service-instance',
    async vacate(ids, { deleted, text }) {
      const services = new Set<string>();
      for (const id of ids) {
        const instance = await store.instance(id);
        if (!instance) continue;
        services.add(instance.serviceId);
        if (deleted || instance.phase === 'leaving') continue;
        const info = `${label(instance)} instance ${id} makes way: ${text}`;
        await store.saveInstances(
          instance.serviceId,
          [{ ...instance, phase: 'leaving' }],
          [{ time: clock.now(), type: 'abnormal', info }],
        );
      }
      if (deleted) for (const id of services) await stop(id, text);
      deps.routesChanged();
      for (const id of services) await deps.poke(id);
    },
  };
}
