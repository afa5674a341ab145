import { Failure } from '../../kernel/failure.ts';
import type { Flavor } from '../flavors/index.ts';
import type { UsablePool } from '../pools/index.ts';
import type { JobBody } from './job.api.ts';
import type { JobSpec } from './job.model.ts';
import type { TrainingDeps } from './job.ports.ts';

type Resource = NonNullable<NonNullable<JobBody['spec']>['resource']>;

/** Where a job runs and on how much. */
export type Placement = Pick<JobSpec, 'flavor' | 'nodeCount' | 'pool'>;

/** Most nodes of a job in a dedicated pool, where no flavor says less. */
const MOST_NODES = 16;
/** Cards of the virtual flavors of dedicated pools (behaviour/training.md 2). */
const VIRTUAL = /^modelarts\.pool\.visual\.(2|4|8|16)?xlarge$/;
const GIB = 1024 ** 3;

function refuse(code: string, message: string, solution?: string): Failure {
  return new Failure({ code: `ModelArts.${code}`, status: 400, message, ...(solution ? { solution } : {}) });
}

/** Finds the place that a request asks for: the public pool with a flavor, or a dedicated pool with a share of its nodes. */
export function jobPlacement(deps: Pick<TrainingDeps, 'admission' | 'flavors' | 'pools'>) {
  /** Throws Failure 2781, 2763, 2793 of the public pool. */
  function inPublicPool(resource: Resource): Placement {
    const known = deps.flavors
      .list()
      .map(flavor => flavor.id)
      .join(', ');
    const id = resource.flavor_id;
    if (!id) {
      const message = 'FlavorNotFound: parameter [spec.resource.flavor_id] is required.';
      throw refuse('2781', message, `Flavors here: ${known}.`);
    }
    const flavor = deps.flavors.find(id);
    if (!flavor) {
      throw refuse('2781', `FlavorNotFound: there is no flavor ${id.slice(0, 100)}.`, `Flavors here: ${known}.`);
    }
    const fit = deps.admission.fits(flavor);
    if (!fit.ok) {
      const message = `DoNotHaveFlavor: the flavor ${flavor.id} can never run here. ${fit.reason}`;
      throw refuse('2763', message, `Flavors here: ${known}.`);
    }
    const nodeCount = nodes(resource, flavor, flavor.maxNodes);
    const all = deps.admission.fits({
      vcpus: flavor.vcpus * nodeCount,
      memoryBytes: flavor.memoryBytes * nodeCount,
      gpus: flavor.gpus * nodeCount,
    });
    if (!all.ok) {
      throw refuse(
        '2793',
        `FlavorOutOfRange: parameter [spec.resource.node_count] is ${nodeCount}; so many nodes of ${flavor.id} can never run here together. ${all.reason}`,
        'Choose fewer nodes or a smaller flavor.',
      );
    }
    return { flavor, nodeCount };
  }

  function nodes(resource: Resource, flavor: Flavor, most: number): number {
    const wanted = resource.node_count ?? 1;
    if (wanted >= 1 && wanted <= most) return wanted;
    throw refuse(
      '2793',
      `FlavorOutOfRange: parameter [spec.resource.node_count] is ${wanted}; ${flavor.id ? `the flavor ${flavor.id}` : 'the pool'} allows 1 to ${most}.`,
    );
  }

  /** The share of a pool's nodes that one task has. Throws Failure 2763 or 2781. */
  function shareOf(pool: UsablePool, resource: Resource): Flavor {
    const own = pool.flavors.flatMap(id => deps.flavors.find(id) ?? []).sort((a, b) => b.vcpus - a.vcpus);
    if (own.length === 0)
      throw refuse('2763', `DoNotHaveFlavor: the pool ${pool.name} has no nodes of a known flavor.`);
    const sizes = own.map(flavor => flavor.id).join(', ');
    const share = asked(pool, own, resource);
    const fits = own.some(
      node => share.vcpus <= node.vcpus && share.memoryBytes <= node.memoryBytes && share.gpus <= node.gpus,
    );
    if (fits) return share;
    throw refuse(
      '2763',
      `DoNotHaveFlavor: ${share.name} is more than a node of the pool ${pool.name} has.`,
      `Nodes of that pool: ${sizes}. Leave [spec.resource.flavor_id] out to have a whole node.`,
    );
  }

  function asked(pool: UsablePool, own: readonly Flavor[], resource: Resource): Flavor {
    const custom = resource.main_container_customized_flavor;
    if (custom) {
      const vcpus = custom.cpu_core_num ?? 0;
      const memory = custom.mem_size ?? 0;
      if (!(vcpus > 0 && memory > 0)) {
        throw refuse(
          '2788',
          'InvalidParam: parameter [spec.resource.main_container_customized_flavor] needs cpu_core_num and mem_size (GiB), both greater than 0.',
        );
      }
      const gpus = custom.accelerator_num ?? 0;
      return sized('', `${vcpus} vCPUs ${memory} GiB${gpus > 0 ? ` ${gpus} GPUs` : ''}`, vcpus, memory * GIB, gpus);
    }
    const id = resource.flavor_id;
    if (!id) return own[0]!;
    const virtual = VIRTUAL.exec(id);
    if (!virtual) {
      const flavor = deps.flavors.find(id);
      if (flavor) return flavor;
      throw refuse('2781', `FlavorNotFound: there is no flavor ${id.slice(0, 100)}.`, wayOut(pool));
    }
    const cards = Number(virtual[1] ?? 1);
    const node = own.filter(flavor => flavor.gpus >= cards).sort((a, b) => a.gpus - b.gpus)[0];
    if (!node) {
      throw refuse(
        '2763',
        `DoNotHaveFlavor: no node of the pool ${pool.name} has ${cards} accelerators.`,
        wayOut(pool),
      );
    }
    const share = cards / node.gpus;
    return sized(id, id, node.vcpus * share, Math.floor(node.memoryBytes * share), cards);
  }

  return {
    /** Throws Failure with the documented code of what is wrong: 2890, 2887, 2886 of the pool, 2781, 2763, 2793 of the size. */
    async place(
      scope: { accountId: string; projectId: string; workspaceId: string },
      resource: Resource,
    ): Promise<Placement> {
      const poolId = resource.pool_id?.trim();
      if (!poolId) return inPublicPool(resource);
      if (!deps.pools) {
        throw new Failure({
          code: 'ModelArts.2890',
          status: 404,
          message: `PoolNotFound: there is no dedicated pool ${poolId.slice(0, 64)}.`,
          solution: 'Leave pool_id out and give a flavor_id.',
        });
      }
      const codes = { missing: 'ModelArts.2890', notRunning: 'ModelArts.2887', closed: 'ModelArts.2886' };
      const pool = await deps.pools.use(scope, poolId, 'Train', codes);
      const flavor = shareOf(pool, resource);
      const nodeCount = nodes(resource, flavor, MOST_NODES);
      const fit = deps.pools.fits(pool.id, flavor, nodeCount);
      if (!fit.ok) throw refuse('2763', `DoNotHaveFlavor: ${fit.reason}`, wayOut(pool));
      return { flavor, nodeCount, pool: { id: pool.id, name: pool.name } };
    },
  };
}

function wayOut(pool: UsablePool): string {
  return `Leave [spec.resource.flavor_id] out, or name one of the pool's: ${pool.flavors.join(', ')}.`;
}

function sized(id: string, name: string, vcpus: number, memoryBytes: number, gpus: number): Flavor {
  const type = gpus > 0 ? 'GPU' : 'CPU';
  return { id, name, type, vcpus, memoryBytes, gpus, diskGiB: 50, maxNodes: MOST_NODES };
}
