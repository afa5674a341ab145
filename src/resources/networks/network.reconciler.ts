import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { type Next, Reconciler } from '../../loop/reconciler.ts';
import { EngineRefused, EngineUnavailable, type NetworkSpec, type RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { NetworkStore } from './network.store.ts';
import { allowsApi, type Network } from './network.ts';

const SILENT_MS = 2_000;
const REFUSED_MS = 30_000;
const IN_USE_MS = 1_000;
/** How often it is seen to that the engine's network and its rules are still there. */
const STEADY_MS = 60_000;

/** Ports of the host where containers find the platform. */
export interface DoorPorts {
  api: number;
  obs: number;
}

/** The engine's network of a network of ours; its name is short enough for every engine. */
export function engineNetwork(network: Network, installation: string, ports: DoorPorts): NetworkSpec {
  const digest = createHash('sha256').update(network.id).digest('hex').slice(0, 12);
  return {
    name: `atelier-${installation}-net-${digest}`,
    labels: { 'atelier.installation': installation, 'atelier.kind': 'pool-network' },
    internal: true,
    subnet: network.cidr,
    hostPorts: allowsApi(network) ? [ports.api, ports.obs] : [ports.obs],
  };
}

/** Makes the engine's networks, keeps them, and removes them. */
export function networkReconciler(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  store: NetworkStore;
  driver: Pick<RuntimeDriver, 'ensureNetwork' | 'removeNetwork'>;
  installation: string;
  ports: () => DoorPorts;
  /** Called when a network became Active or Abnormal. */
  changed(id: string): void;
}): Reconciler {
  const { store, driver, log } = deps;

  async function pass(id: string): Promise<Next> {
    const network = await store.load(id);
    if (!network) return 'settled';
    const spec = engineNetwork(network, deps.installation, deps.ports());
    try {
      if (network.desired === 'deleted') {
        await driver.removeNetwork(spec.name);
        await store.remove(id);
        return 'settled';
      }
      await driver.ensureNetwork(spec);
    } catch (error) {
      if (error instanceof EngineUnavailable) return { afterMs: SILENT_MS };
      if (!(error instanceof EngineRefused)) throw error;
      // Containers of a pool that is being cleared are still on it.
      if (network.desired === 'deleted') return { afterMs: IN_USE_MS };
      if (network.message !== error.message) log.warn({ err: error, network: id }, 'a network could not be made');
      await set(network, 'Abnormal', error.message);
      return { afterMs: REFUSED_MS };
    }
    await set(network, 'Active', '');
    return { afterMs: STEADY_MS };
  }

  async function set(network: Network, phase: Network['phase'], message: string): Promise<void> {
    if (network.phase === phase && network.message === message) return;
    await store.setPhase(network.id, phase, message);
    deps.changed(network.id);
  }

  return new Reconciler(deps, { name: 'networks', table: 'networks', concurrency: 4, pass });
}
