import type { Clock } from '../../kernel/clock.ts';
import type { PoolOccupant } from '../pools/index.ts';
import { workloadId } from './notebook.container.ts';
import type { NotebookStore } from './notebook.store.ts';
import type { Status } from './notebook.ts';

/** The instance that a workload of the queue stands for. */
export function notebookOf(workload: string): string {
  return workload.slice(workloadId('').length);
}

/**
 * Stops instances whose place is taken from them; their files stay. They never begin elsewhere by themselves: what their kernels held is
 * lost, and whoever works there has to know.
 */
export function notebookOccupant(deps: {
  store: NotebookStore;
  clock: Clock;
  wake(id: string): Promise<void>;
}): PoolOccupant & {
  /** The place is gone already, so that nothing is waited for. */
  lost(workload: string, text: string): Promise<void>;
} {
  async function stop(id: string, text: string, when: (status: Status) => boolean): Promise<void> {
    const time = deps.clock.now();
    const reason = `${text} The instance is stopped; its files under /home/ma-user/work stay.`;
    const outcome = await deps.store.displace(id, reason, when, time);
    if (!outcome?.changed) return;
    await deps.store.event(id, { time, level: 'Warning', message: reason });
    await deps.wake(id);
  }

  return {
    kind: 'notebook',
    stored: within => deps.store.stored(within),
    async vacate(ids, { text }) {
      // One that is being saved is let finish: this is called again until it is gone.
      for (const id of ids.map(notebookOf)) await stop(id, text, status => status !== 'SNAPSHOTTING');
    },
    lost: (workload, text) => stop(notebookOf(workload), text, () => true),
  };
}
