import { badRequest } from '../../kernel/object-list.ts';
import type { Database } from '../../store-kit/index.ts';
import { WORKSPACE_LABEL } from '../networks/index.ts';
import { type Demand, type PoolAdmission, plus, shortage, sum, words } from './pool.admission.ts';
import type { Announcer } from './pool.announcer.ts';
import type { PoolDisk } from './pool.disk.ts';
import type { PoolRows } from './pool.store.ts';
import { type Node, type Pool, poolMissing } from './pool.ts';

/** A part of the machine; what is absent of it is not limited. */
export interface Share extends Partial<Demand> {
  diskBytes?: number;
}

/** What whoever runs the installation gives to whom. */
export interface PoolShares {
  /** By name, what an account may reserve in all; what is absent of it is limited by the machine alone. `*`: every other account. */
  accounts: Readonly<Record<string, Share>>;
  /** What the public pool keeps in any case. */
  public: Demand & { diskBytes?: number };
}

/** Whether there is room for what is asked for: of the machine, of an account's share, of a pool. Within a transaction each. */
export function poolRoom(deps: {
  admission: Pick<PoolAdmission, 'capacity'>;
  announcer: Pick<Announcer, 'shares'>;
  shares: PoolShares;
  disk: PoolDisk;
  flavors: { find(id: string): { diskGiB: number } | undefined };
}) {
  const { admission } = deps;

  /**
   * Further nodes, with the disk that each is given (`diskGiB`: what was asked for, by flavor). Throws Failure 400 where they are more than
   * the machine has left, or more than the account may reserve. All nodes are rows, so that within the transaction that adds them the sum
   * cannot be exceeded.
   */
  async function checkRoom(
    rows: PoolRows,
    account: { id: string; name: string },
    nodes: readonly Node[],
    asked: ReadonlyMap<string, number | undefined>,
    db: Database,
  ): Promise<Node[]> {
    const wanted = sum(nodes);
    const { accounts } = deps.shares;
    const allowed = Object.hasOwn(accounts, account.name) ? accounts[account.name] : accounts['*'];
    if (!allowed) {
      throw badRequest(
        `The account ${account.name} may reserve nothing of this machine.`,
        'Whoever runs the installation gives accounts their share with ATELIER_POOL_SHARES.',
      );
    }
    const mine = await rows.allNodes(account.id);
    const over = shortage(plus(sum(mine), wanted), allowed);
    if (over) {
      throw badRequest(
        `The pools of the account ${account.name} would have ${over} that it may reserve.`,
        'Ask for less, give up other nodes, or have the share raised by whoever runs the installation (ATELIER_POOL_SHARES).',
      );
    }
    const free = plus(plus(admission.capacity, sum(await rows.allNodes()), -1), deps.shares.public, -1);
    const lack = shortage(wanted, free);
    if (!lack) {
      const has = mine.reduce((all, node) => all + node.diskBytes, 0);
      const bytes = allowed.diskBytes === undefined ? Number.POSITIVE_INFINITY : Math.max(allowed.diskBytes - has, 0);
      const size = ({ flavor }: Node) => ({
        askedGiB: asked.get(flavor),
        flavorGiB: deps.flavors.find(flavor)?.diskGiB ?? 0,
      });
      return deps.disk.give(rows, db, nodes, size, { account: account.name, bytes });
    }
    const kept = shortage(deps.shares.public, { vcpus: 0, memoryBytes: 0, gpus: 0 })
      ? `, and ${words(deps.shares.public)} stay in the public pool`
      : '';
    throw badRequest(
      `The nodes need ${lack} that can still be given to pools; the machine has ${words(admission.capacity)} in all${kept}.`,
      'Take fewer or smaller nodes: GET /v1/{project_id}/resourceflavors shows their sizes.',
    );
  }

  /** Throws Failure 400 where a sub-pool wants more than its parent has, or than its siblings leave. */
  async function checkParent(rows: PoolRows, pool: Pool): Promise<void> {
    const parent = await rows.find(pool.projectId, pool.parent);
    if (!parent) throw poolMissing(pool.parent);
    if (parent.type !== 'Dedicate') throw badRequest(`[spec.parent] ${parent.name} is a sub-pool itself.`);
    if (parent.desired !== 'running' || parent.phase !== 'Running') {
      throw badRequest(`[spec.parent] ${parent.name} is ${parent.phase}; it must be Running.`);
    }
    if (parent.workspaceId !== pool.workspaceId) {
      throw badRequest(`[metadata.labels."${WORKSPACE_LABEL}"] must be that of the parent, ${parent.workspaceId}.`);
    }
    const there = sum((await rows.nodes(parent.id)).filter(node => node.phase !== 'Deleting'));
    const own = deps.announcer.shares(pool);
    const most = shortage(own.max, there);
    if (most) throw badRequest(`[spec.resources] the sub-pool may take ${most} that ${parent.name} has.`);
    const siblings = (await rows.children(parent.id)).filter(each => each.id !== pool.id && each.desired === 'running');
    const left = siblings.reduce((rest, each) => plus(rest, deps.announcer.shares(each).guaranteed, -1), there);
    const lack = shortage(own.guaranteed, left);
    if (lack) {
      throw badRequest(
        `[spec.resources] the sub-pool would be left ${lack} that ${parent.name} has not promised to other sub-pools.`,
      );
    }
  }

  /** Throws Failure 400 where what is promised to sub-pools would be more than is left. */
  async function checkChildren(rows: PoolRows, pool: Pool, gone: readonly Node[]): Promise<void> {
    const children = (await rows.children(pool.id)).filter(each => each.desired === 'running');
    const promised = sum(children.map(each => deps.announcer.shares(each).guaranteed));
    const left = sum(
      (await rows.nodes(pool.id)).filter(
        node => node.phase !== 'Deleting' && !gone.some(each => each.name === node.name),
      ),
    );
    const lack = shortage(promised, left);
    if (lack) {
      throw badRequest(
        `The sub-pools ${children.map(each => each.name).join(', ')} were promised ${lack} that would be left.`,
        'Shrink or delete them first.',
      );
    }
  }

  return { checkRoom, checkParent, checkChildren };
}
