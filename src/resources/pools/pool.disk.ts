import { badRequest } from '../../kernel/object-list.ts';
import type { Database } from '../../store-kit/index.ts';
import type { PoolOccupant } from './pool.port.ts';
import type { PoolRows } from './pool.store.ts';
import type { Node, Pool } from './pool.ts';

const GIB = 1024 ** 3;

/** The disk of the machine that is given to work, in bytes; it changes with what else is on it. */
export interface MachineDisk {
  readonly bytes: number;
}

/** Who has how much of the disk (docs/decisions/0018), in bytes. */
export interface DiskShares {
  /** Of each pool with nodes, by its id: what its nodes have, and what is stored in it and its sub-pools. */
  pools: ReadonlyMap<string, { bytes: number; stored: number }>;
  /** Neither given to nodes nor stored in the public pool. Negative when the disk has become smaller. */
  rest: number;
}

/** What of the disk is given to nodes, and what the storage of instances takes of it. All of it is found within somebody's transaction. */
export function poolDisk(deps: {
  disk: MachineDisk;
  vcpus: number;
  /** What the public pool keeps in any case, in bytes. */
  kept: number;
  occupants(): readonly PoolOccupant[];
}) {
  const { disk } = deps;

  async function shares(rows: PoolRows, db: Database): Promise<DiskShares> {
    const roots = new Map((await rows.all()).map(pool => [pool.id, pool.parent || pool.id]));
    const pools = new Map<string, { bytes: number; stored: number }>();
    let rest = disk.bytes;
    for (const node of await rows.allNodes()) {
      rest -= node.diskBytes;
      const there = pools.get(node.poolId) ?? { bytes: 0, stored: 0 };
      if (node.phase !== 'Deleting') there.bytes += node.diskBytes;
      pools.set(node.poolId, there);
    }
    for (const occupant of deps.occupants()) {
      for (const [id, bytes] of (await occupant.stored?.(db)) ?? []) {
        const root = pools.get(roots.get(id) ?? '');
        // What is left of a pool that is gone is the public pool's.
        if (root) root.stored += bytes;
        else rest -= bytes;
      }
    }
    return { pools, rest };
  }

  /** What a node has that nobody asked a size for: that of its flavor, or its part of the machine where that is less. */
  function usual(node: Pick<Node, 'vcpus'>, flavorGiB: number): number {
    return Math.max(Math.min(flavorGiB, Math.floor((disk.bytes * node.vcpus) / deps.vcpus / GIB)), 0) * GIB;
  }

  /**
   * Gives new nodes their disk. `asked`: what was asked for a node, in GiB; where nothing was it is the usual, and no more than is
   * left. `limit`: bytes that the account may still reserve. Throws Failure 400 where what was asked for is not there.
   */
  async function give(
    rows: PoolRows,
    db: Database,
    nodes: readonly Node[],
    size: (node: Node) => { askedGiB: number | undefined; flavorGiB: number },
    limit: { account: string; bytes: number },
  ): Promise<Node[]> {
    const { rest } = await shares(rows, db);
    const left = Math.max(rest - deps.kept, 0);
    const asked = nodes.reduce((all, node) => all + (size(node).askedGiB ?? 0) * GIB, 0);
    if (asked > limit.bytes) {
      throw badRequest(
        `The nodes need ${gib(asked)} GiB of disk; the account ${limit.account} may reserve ${gib(limit.bytes)} GiB more.`,
        'Ask for less, give up other nodes, or have the share raised by whoever runs the installation (ATELIER_POOL_SHARES).',
      );
    }
    if (asked > left) {
      throw badRequest(
        `The nodes need ${gib(asked)} GiB of disk; ${gib(left)} GiB of the machine's ${gib(disk.bytes)} GiB can still be given to pools.`,
        'Ask for less in [rootVolume.size], or delete storage and nodes that are no longer needed.',
      );
    }
    let spare = Math.min(left, limit.bytes) - asked;
    return nodes.map(node => {
      const { askedGiB, flavorGiB } = size(node);
      if (askedGiB !== undefined) return { ...node, diskBytes: askedGiB * GIB };
      const diskBytes = Math.min(usual(node, flavorGiB), Math.floor(spare / GIB) * GIB);
      spare -= diskBytes;
      return { ...node, diskBytes };
    });
  }

  /** Throws Failure 400 where a pool would have less than is stored in it. `change`: bytes that it loses, less those that it gets. */
  async function checkStored(rows: PoolRows, db: Database, pool: Pool, change: number): Promise<void> {
    const own = (await shares(rows, db)).pools.get(pool.id);
    if (!own || change <= 0 || own.stored <= own.bytes - change) return;
    throw badRequest(
      `The pool ${pool.name} would have ${gib(own.bytes - change)} GiB of disk; the storage of notebook instances in it takes ${gib(own.stored)} GiB.`,
      'Delete instances that are no longer needed, or move them to another pool.',
    );
  }

  return { shares, usual, give, checkStored };
}

export type PoolDisk = ReturnType<typeof poolDisk>;

function gib(bytes: number): number {
  return Math.max(Math.floor((bytes / GIB) * 10) / 10, 0);
}
