import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { type Next, Reconciler } from '../../loop/reconciler.ts';
import type { Database } from '../../store-kit/index.ts';
import type { maintenanceStore } from './maintenance.store.ts';
import type { PoolAdmission, Workload } from './pool.admission.ts';
import type { Announcer } from './pool.announcer.ts';
import type { PoolOccupant } from './pool.port.ts';
import type { PoolStore } from './pool.store.ts';
import { type Node, type Pool, phaseOf, tally, workOn } from './pool.ts';

const WAITING_MS = 1_000;
const STEADY_MS = 30_000;

export interface PoolReconcilerDeps {
  db: Database;
  clock: Clock;
  log: Log;
  store: PoolStore;
  admission: PoolAdmission;
  announcer: Announcer;
  maintenance: ReturnType<typeof maintenanceStore>;
  network(pool: Pool): Promise<{ phase: string; message: string } | undefined>;
  occupants(): readonly PoolOccupant[];
}

/** Drives pools to the nodes that they shall have, and tells what they wait for. */
export function poolReconciler(deps: PoolReconcilerDeps): Reconciler {
  const { store, clock, admission, announcer } = deps;

  async function pass(id: string, signal: AbortSignal): Promise<Next> {
    const pool = await store.load(id);
    if (!pool) return 'settled';
    const told = await announcer.announce(id);
    const workloads = await admission.workloads(id);
    signal.throwIfAborted();
    if (pool.desired === 'deleted') return clear(pool, workloads);
    const before = await store.nodes(id);
    for (const node of before)
      await settle(
        pool,
        node,
        told?.nodes.find(each => each.name === node.name),
        workloads,
      );
    const after = await store.nodes(id);
    if (after.length !== before.length) await announcer.announce(id);
    await tellNodes(pool, before, after);
    const current = (await store.load(id))!;
    if (current.desired === 'deleted') return { afterMs: 0 };
    const { phase, message } = phaseOf(current, after, await deps.network(current));
    if (phase !== current.phase) {
      const type = phase === 'Abnormal' ? 'Warning' : 'Normal';
      await tell(pool, type, 'PoolStatusChange', statusText(current.phase, phase, message));
    }
    if (phase !== current.phase || message !== current.message) await store.update(id, { phase, message });
    const moving = after.some(node => node.phase === 'Creating' || node.phase === 'Deleting' || node.cordon !== '');
    if (phase === 'Running' && !after.some(node => node.phase === 'Creating' || node.phase === 'Deleting')) {
      await store.endOrders(id, 'successed', after.length, '', clock.now());
    }
    return { afterMs: moving || phase === 'Creating' ? WAITING_MS : STEADY_MS };
  }

  /** One step of one node. */
  async function settle(
    pool: Pool,
    node: Node,
    told: { available: boolean } | undefined,
    workloads: readonly Workload[],
  ): Promise<void> {
    const here = workOn(node, workloads);
    if (node.phase === 'Deleting') {
      // It took no more tasks since it was told of as such.
      if (here.length > 0) return;
      await deps.maintenance.end(node.name, 'completed', clock.now());
      await store.removeNode(node.name);
      return;
    }
    if (node.phase === 'Creating' && told?.available) await store.updateNode(node.name, { phase: 'Available' });
    if (node.phase === 'Available' && told && !told.available) await store.updateNode(node.name, { phase: 'Creating' });
    if (node.cordon !== 'draining' && node.cordon !== 'rebooting') return;
    if (here.length > 0) {
      const text = `The node ${node.name} of the pool ${pool.name} is ${node.cordon === 'draining' ? 'drained' : 'restarted'}.`;
      await vacate(here, { poolId: pool.id, deleted: false, text });
    } else if (node.cordon === 'rebooting') {
      await store.updateNode(node.name, { cordon: '' });
      await deps.maintenance.end(node.name, 'completed', clock.now());
      await announcer.announce(pool.id);
      await tell(pool, 'Normal', 'NodeRestarted', `The node ${node.name} is empty and takes tasks again.`);
    }
  }

  async function clear(pool: Pool, workloads: readonly Workload[]): Promise<Next> {
    const text = `The pool ${pool.name} is deleted.`;
    if (workloads.length > 0) {
      await vacate(workloads, { poolId: pool.id, deleted: true, text });
      const message = `Waits for the end of ${workloads.length}: ${workloads
        .slice(0, 10)
        .map(each => each.name)
        .join(', ')}.`;
      if (message !== pool.message) await store.update(pool.id, { message });
      return { afterMs: WAITING_MS };
    }
    await admission.removePool(pool.id);
    const now = clock.now();
    await store.transaction(async rows => {
      await rows.endOrders(pool.id, 'successed', 0, '', now);
      await rows.addEvent({
        pool_id: pool.id,
        project_id: pool.projectId,
        time: now,
        type: 'Normal',
        reason: 'PoolDeleted',
        message: text,
      });
      await rows.remove(pool.id);
    });
    return 'settled';
  }

  async function vacate(
    workloads: readonly Workload[],
    why: { poolId: string; deleted: boolean; text: string },
  ): Promise<void> {
    for (const { kind, vacate: end } of deps.occupants()) {
      const ids = workloads.filter(each => each.kind === kind).map(each => each.id);
      if (ids.length > 0) await end(ids, why);
    }
  }

  async function tellNodes(pool: Pool, before: readonly Node[], after: readonly Node[]): Promise<void> {
    const [from, to] = [tally(before), tally(after)];
    if (from === to) return;
    const counted = 'available/abnormal/creating/deleting count';
    const time = new Date(clock.now()).toISOString();
    await tell(
      pool,
      after.some(node => node.phase === 'Abnormal') ? 'Warning' : 'Normal',
      'PoolResourcesStatusChange',
      `Pool resources status changed, ${counted} from ${from} to ${to}, timestamp: ${time}`,
    );
  }

  const tell = (pool: Pool, type: 'Normal' | 'Warning', reason: string, message: string) =>
    store.addEvent({ pool_id: pool.id, project_id: pool.projectId, time: clock.now(), type, reason, message });

  return new Reconciler(deps, {
    name: 'pools',
    table: 'pools',
    // One after the other: what one gives back another may get.
    concurrency: 1,
    pass: (id, { signal }) => pass(id, signal),
  });
}

function statusText(from: string, to: string, message: string): string {
  return `Pool status changed, from ${from} to ${to}, details: ${message || '.'}`;
}
