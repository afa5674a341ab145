import { isFailure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import { turnsByName } from '../../kernel/turns.ts';
import type { AnnouncedPool, Demand, PoolAdmission } from './pool.admission.ts';
import { NOTHING, plus } from './pool.admission.ts';
import type { PoolStore } from './pool.store.ts';
import { type Node, type Pool, takesTasks } from './pool.ts';

export type Announcer = ReturnType<typeof poolAnnouncer>;

/** Tells admission which nodes pools have. What is in the rows is what counts; this may be repeated at any time. */
export function poolAnnouncer(deps: {
  store: PoolStore;
  admission: PoolAdmission;
  size(flavor: string): Demand | undefined;
  log: Log;
}) {
  const { store, admission } = deps;
  // Between reading rows and telling of them nobody else must tell of newer ones.
  const inTurn = turnsByName();

  /** What is left to a sub-pool, and the most it may take. */
  function shares(pool: Pool): { guaranteed: Demand; max: Demand } {
    const total = (count: (each: Pool['resources'][number]) => number) =>
      pool.resources.reduce((all, each) => plus(all, deps.size(each.flavor) ?? NOTHING, count(each)), NOTHING);
    return { guaranteed: total(each => each.count), max: total(each => each.maxCount) };
  }

  const tell = (pool: Pool, nodes: readonly Node[]) =>
    pool.type === 'Logical'
      ? admission.setPool(pool.id, [], { parent: pool.parent, ...shares(pool) })
      : admission.setPool(
          pool.id,
          nodes.map(node => ({
            name: node.name,
            capacity: { vcpus: node.vcpus, memoryBytes: node.memoryBytes, gpus: node.gpus },
            schedulable: takesTasks(node) && pool.desired === 'running',
          })),
        );

  async function announce(id: string): Promise<AnnouncedPool | undefined> {
    const pool = await store.load(id);
    if (!pool) return undefined;
    const nodes = await store.nodes(id);
    let told = nodes.filter(node => node.phase !== 'Abnormal');
    for (;;) {
      try {
        const state = await tell(pool, told);
        for (const node of nodes) {
          if (node.phase !== 'Abnormal' || told.includes(node)) continue;
          // The machine has grown again.
          const again = await tell(pool, [...told, { ...node, phase: 'Creating' }]).catch(() => undefined);
          if (!again) break;
          await store.updateNode(node.name, { phase: 'Creating', message: '' });
          told = [...told, { ...node, phase: 'Creating' }];
        }
        return state;
      } catch (error) {
        // The machine is smaller than it was: the newest nodes have nothing to stand on.
        const newest = told.findLast(node => node.phase !== 'Deleting');
        if (!isFailure(error, 'ModelArts.50004000') || error.details?.workloads || !newest) throw error;
        deps.log.warn({ err: error, pool: id, node: newest.name }, 'a node has no place on this machine any more');
        told = told.filter(node => node !== newest);
        await store.updateNode(newest.name, {
          phase: 'Abnormal',
          message: 'The machine has not enough of what the node was given; see ATELIER_VCPUS and ATELIER_MEMORY_GIB.',
        });
      }
    }
  }

  return {
    shares,
    /** Tells of a pool as it is in the rows; undefined when it is not there. */
    announce: (id: string) => inTurn('announce', () => announce(id)),
    /** Tells of all pools, at start, before anything asks for a place in one. */
    async announceAll(): Promise<void> {
      for (const pool of await store.all()) {
        await inTurn('announce', () => announce(pool.id)).catch(error =>
          deps.log.error({ err: error, pool: pool.id }, 'a pool could not be announced'),
        );
      }
    },
  };
}
