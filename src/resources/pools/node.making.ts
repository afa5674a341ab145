import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { randomText } from '../../kernel/ids.ts';
import type { Demand } from './pool.admission.ts';
import type { Node, Pool, PoolResource } from './pool.ts';

export interface PoolFlavor extends Demand {
  id: string;
  /** What a node of it has where nothing else is asked for. */
  diskGiB: number;
}

/** Makes nodes of flavors; they are given their disk when they are reserved. */
export function nodeMaker(deps: {
  flavors: { find(id: string): PoolFlavor | undefined; list(): PoolFlavor[] };
  clock: Clock;
}) {
  /** Throws Failure 404 ModelArts.50005101 where there is no such flavor. */
  function flavorOf(id: string): PoolFlavor {
    const flavor = deps.flavors.find(id);
    if (flavor) return flavor;
    const known = deps.flavors.list().map(each => each.id);
    throw new Failure({
      code: 'ModelArts.50005101',
      status: 404,
      message: `Flavor not found. There is no flavor "${id.slice(0, 64)}".`,
      solution: `Known here: ${known.join(', ')}.`,
    });
  }

  function newNodes(pool: Pool, parts: readonly { flavor: string; by: number }[]): Node[] {
    return parts.flatMap(({ flavor, by }) => {
      const { vcpus, memoryBytes, gpus } = flavorOf(flavor);
      return Array.from({ length: by }, () => ({
        name: `${pool.nodePrefix ? `${pool.nodePrefix}-` : ''}os-node-created-${randomText(8, '23456789abcdefghjkmnpqrstuvwxyz')}`,
        poolId: pool.id,
        flavor,
        vcpus,
        memoryBytes,
        gpus,
        diskBytes: 0,
        phase: 'Creating' as const,
        message: '',
        cordon: '' as const,
        locked: false,
        redundant: false,
        createdAt: deps.clock.now(),
      }));
    });
  }

  return { flavorOf, newNodes };
}

/** What was asked for a node of each flavor, in GiB. */
export function askedDisk(resources: readonly PoolResource[]): Map<string, number | undefined> {
  return new Map(resources.map(each => [each.flavor, each.diskGiB]));
}

/** Disk of nodes together, in bytes. */
export function diskOf(nodes: readonly Node[]): number {
  return nodes.reduce((all, node) => all + node.diskBytes, 0);
}
