import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { EngineUnavailable } from '../../runtime/driver.ts';
import type { InstanceRunner } from './instance-runner.ts';
import { type Addition, MINUTE_MS, type SampleStore } from './samples.ts';
import type { Flavor } from './service.service.ts';
import type { ServiceStore } from './service.store.ts';
import { type EntryConfig, type Instance, isHealthy, shapeOf } from './service.ts';

const SECOND_LOOK_MS = 250;

export interface UsageDeps {
  runner: Pick<InstanceRunner, 'stats'>;
  flavor(id: string): Flavor | undefined;
}

/** What the healthy instances of an entry take now, and may take. */
export async function usageOf({ runner, flavor: find }: UsageDeps, entry: EntryConfig, instances: readonly Instance[]) {
  const mine = instances.filter(instance => instance.shape === shapeOf(entry) && instance.phase !== 'leaving');
  const running = mine.filter(isHealthy);
  const stats = await Promise.all(running.map(instance => look(runner, instance)));
  const used = stats.filter(each => each !== undefined);
  const flavor = find(entry.specification);
  return {
    running: running.length,
    /** Instances of which something is known. */
    known: used.length,
    cpus: used.reduce((sum, each) => sum + Math.max(each.cpus, 0), 0),
    vcpus: (flavor?.vcpus ?? 0) * running.length,
    memoryBytes: used.reduce((sum, each) => sum + each.memoryBytes, 0),
    memoryTotal: (flavor?.memoryBytes ?? 0) * running.length,
    gpus: (flavor?.gpus ?? 0) * running.length,
  };
}

/** Use of one instance; CPU needs two samples. Undefined when nothing is known now. */
async function look(runner: UsageDeps['runner'], instance: Instance) {
  try {
    const first = await runner.stats(instance);
    if (!first || first.cpus >= 0) return first;
    await sleep(SECOND_LOOK_MS);
    return await runner.stats(instance);
  } catch (error) {
    if (error instanceof EngineUnavailable) return undefined;
    throw error;
  }
}

/** Samples once a minute what the instances of services take (behaviour/inference.md 10: of running ones alone). */
export function usageSampler(deps: UsageDeps & { store: ServiceStore; samples: SampleStore; clock: Clock; log: Log }) {
  let timer: NodeJS.Timeout | undefined;
  let sampling: Promise<void> = Promise.resolve();
  let stopped = true;

  /** In the middle of each minute, so that a late timer misses none. */
  function again(): void {
    if (stopped) return;
    timer = setTimeout(
      () => {
        sampling = sample()
          .catch(error => deps.log.warn({ err: error }, 'the use of services could not be sampled'))
          .finally(again);
      },
      MINUTE_MS - ((deps.clock.now() + MINUTE_MS / 2) % MINUTE_MS),
    );
    timer.unref();
  }

  async function sample(): Promise<void> {
    await deps.samples.prune(deps.clock.now());
    const additions: Addition[] = [];
    const served = await deps.store.served();
    for (const [serviceId, { entries }] of served.revisions) {
      const instances = served.instances.filter(instance => instance.serviceId === serviceId);
      for (const entry of entries) {
        const { known, cpus, vcpus, memoryBytes, memoryTotal } = await usageOf(deps, entry, instances);
        if (known === 0 || vcpus === 0) continue;
        const [cpu, memory] = [percent(cpus, vcpus), percent(memoryBytes, memoryTotal)];
        additions.push({ serviceId, entryId: entry.modelId, time: deps.clock.now(), cpu, memory });
      }
    }
    await deps.samples.add(additions);
  }

  return {
    sample,
    start(): void {
      stopped = false;
      again();
    },
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await sampling;
    },
  };
}

function percent(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 10_000) / 100 : 0;
}
