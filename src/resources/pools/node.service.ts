import type { Clock } from '../../kernel/clock.ts';
import { randomText } from '../../kernel/ids.ts';
import { badRequest } from '../../kernel/object-list.ts';
import type { Principal } from '../../kernel/principal.ts';
import { maintenanceStore } from './maintenance.store.ts';
import type { PoolAdmission, Workload } from './pool.admission.ts';
import type { PoolService } from './pool.service.ts';
import type { NodePatch, PoolStore } from './pool.store.ts';
import { type Maintenance, type Node, nodeMissing, type Pool, workOn } from './pool.ts';

export type NodeService = ReturnType<typeof nodeService>;

/** The use cases of pools' nodes (behaviour/resources.md 3). */
export function nodeService(deps: {
  store: PoolStore;
  admission: PoolAdmission;
  clock: Clock;
  pools: Pick<PoolService, 'show' | 'removeNodes' | 'replaceNodes' | 'changed'>;
}) {
  const { store, admission, pools } = deps;

  /** The pool whose nodes these are: a sub-pool's are its parent's. */
  async function ownerOf(projectId: string, poolId: string): Promise<Pool> {
    const pool = await pools.show(projectId, poolId);
    return pool.type === 'Logical' ? pools.show(projectId, pool.parent) : pool;
  }

  /** Throws Failure where the pool is a sub-pool, which has no nodes of its own, or is being deleted, or a node is not of it. */
  async function chosen(projectId: string, poolId: string, names: readonly string[]): Promise<[Pool, Node[]]> {
    const pool = await pools.show(projectId, poolId);
    if (pool.type === 'Logical') {
      throw badRequest(`The pool ${pool.name} is a sub-pool; change the nodes of its parent ${pool.parent}.`);
    }
    if (pool.desired === 'deleted') throw badRequest(`The pool ${pool.name} is being deleted.`);
    return [pool, pick(pool, await store.nodes(pool.id), names)];
  }

  function pick(pool: Pool, nodes: readonly Node[], names: readonly string[]): Node[] {
    return [...new Set(names)].map(name => {
      const node = nodes.find(each => each.name === name);
      if (!node) throw nodeMissing(name, pool);
      return node;
    });
  }

  async function change(projectId: string, poolId: string, names: readonly string[], patch: NodePatch) {
    const [pool, nodes] = await chosen(projectId, poolId, names);
    await store.transaction(async rows => {
      for (const node of nodes) await rows.updateNode(node.name, patch);
    });
    await pools.changed(pool.id);
    return nodes.map(({ name }) => ({ name, status: 'success' }));
  }

  return {
    async list(projectId: string, poolId: string): Promise<{ pool: Pool; nodes: Node[] }> {
      const pool = await ownerOf(projectId, poolId);
      return { pool, nodes: await store.nodes(pool.id) };
    },

    async show(projectId: string, poolId: string, name: string): Promise<{ pool: Pool; node: Node }> {
      const pool = await ownerOf(projectId, poolId);
      const node = (await store.nodes(pool.id)).find(each => each.name === name);
      if (!node) throw nodeMissing(name, pool);
      return { pool, node };
    },

    setLocked: (projectId: string, poolId: string, names: readonly string[], locked: boolean) =>
      change(projectId, poolId, names, { locked }),
    setRedundant: (projectId: string, poolId: string, names: readonly string[], redundant: boolean) =>
      change(projectId, poolId, names, { redundant }),
    /**
     * `draining`: what runs there ends, to begin elsewhere; `isolated`: it runs on; `rebooting`: as drained, then it is used again. The work
     * is recorded as an event, whose id is told of each node.
     */
    async setCordon(
      projectId: string,
      poolId: string,
      names: readonly string[],
      cordon: Node['cordon'],
      type: Maintenance['type'] = cordon === 'rebooting' ? 'node_reboot' : 'node_maintenance',
    ): Promise<{ name: string; status: string; event?: string }[]> {
      const [pool, nodes] = await chosen(projectId, poolId, names);
      const now = deps.clock.now();
      const events = new Map<string, string>();
      await store.transaction(async (rows, db) => {
        const maintenance = maintenanceStore(db);
        for (const node of nodes) {
          await rows.updateNode(node.name, { cordon });
          await maintenance.end(node.name, cordon === '' ? 'completed' : 'canceled', now);
          if (cordon === '') continue;
          const id = `event-${randomText(16, '0123456789abcdefghijklmnopqrstuvwxyz')}`;
          events.set(node.name, id);
          await maintenance.add({
            id,
            project_id: projectId,
            workspace_id: pool.workspaceId,
            pool_id: pool.id,
            pool_name: pool.name,
            node: node.name,
            type,
            description: WORK[type === 'node_redeploy' ? 'reset' : cordon],
            state: 'executing',
            started_at: now,
            finished_at: null,
          });
        }
      });
      await pools.changed(pool.id);
      return nodes.map(({ name }) => ({ name, status: 'success', ...withEvent(events.get(name)) }));
    },

    /** The pool that a node is of. Throws Failure 404. */
    async poolOf(projectId: string, name: string): Promise<Pool> {
      const node = await store.node(name);
      const pool = node && (await store.find(projectId, node.poolId));
      if (!pool) throw nodeMissing(name, { name: 'any' });
      return pool;
    },

    /**
     * Puts nodes of another flavor in the place of these. Throws Failure 400 for locked ones, those with work, those of another flavor
     * than `from`, and when the machine has no room for the new ones beside the old.
     */
    async resize(
      principal: Principal,
      projectId: string,
      poolId: string,
      names: readonly string[],
      flavor: { from: string | undefined; to: string },
    ): Promise<void> {
      const [pool] = await chosen(projectId, poolId, names);
      const workloads = await admission.workloads(pool.id);
      await pools.replaceNodes(principal, pool, flavor.to, nodes => {
        const gone = idle(pick(pool, nodes, names), workloads);
        const other = gone.find(node => flavor.from !== undefined && node.flavor !== flavor.from);
        if (other) throw badRequest(`[source.flavor] is ${flavor.from}, but ${other.name} is of ${other.flavor}.`);
        return gone;
      });
    },

    /** Takes nodes from the pool for good. Throws Failure 400 for locked ones, those with work, and when none would remain. */
    async remove(projectId: string, poolId: string, names: readonly string[]): Promise<void> {
      const [pool] = await chosen(projectId, poolId, names);
      const workloads = await admission.workloads(pool.id);
      await pools.removeNodes(pool, names, nodes => {
        return idle(pick(pool, nodes, names), workloads);
      });
    },
  };
}

const WORK: Record<Exclude<Node['cordon'], ''> | 'reset' | '', string> = {
  '': '',
  isolated: 'The node takes nothing more; what runs there runs on.',
  draining: 'What runs on the node ends, to begin elsewhere, and nothing is placed there.',
  rebooting: 'What runs on the node ends; then it is used again.',
  reset: 'What runs on the node ends; then it is begun anew with the node.',
};

const withEvent = (event: string | undefined) => (event === undefined ? {} : { event });

/** Those that are not going already. Throws Failure 400 where one is locked or has work. */
function idle(gone: readonly Node[], workloads: readonly Workload[]): Node[] {
  const locked = gone.filter(node => node.locked);
  if (locked.length > 0) {
    throw badRequest(
      `The nodes ${locked.map(node => node.name).join(', ')} are locked against deletion.`,
      'Unlock them first: POST …/nodes/batch-unlock.',
    );
  }
  const busy = gone.flatMap(node => workOn(node, workloads).map(({ name }) => `${name} (${node.name})`));
  if (busy.length > 0) {
    throw badRequest(
      `These run on the nodes: ${busy.slice(0, 20).join(', ')}.`,
      'Stop them, or empty the nodes first: POST …/nodes/batch-drain.',
    );
  }
  return gone.filter(node => node.phase !== 'Deleting');
}
