import type { Locators, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Admit, WorkspaceContents } from '../workspaces/index.ts';
import { type DoorPorts, engineNetwork, networkReconciler } from './network.reconciler.ts';
import { networkRoutes } from './network.routes.ts';
import { networkService, type UsedBy } from './network.service.ts';
import { networkStore } from './network.store.ts';
import { allowsApi, type Network } from './network.ts';

export { networksOperations } from './network.api.ts';
export { missing as networkMissing } from './network.service.ts';
export { networksMigrations } from './network.store.ts';
export {
  CIDR_RANGES,
  checkDisplayName,
  DESCRIPTION,
  mergeAnnotations,
  NAME_LABEL,
  NETWORK_QUOTA,
  type Network,
  WORKSPACE_LABEL,
} from './network.ts';

export interface NetworksDeps {
  db: Database;
  clock: Clock;
  log: Log;
  driver: RuntimeDriver;
  workspaces: { admit: Admit };
  installation: string;
  /** Ports of the host where containers find the platform. */
  ports: () => DoorPorts;
}

/** Pools as networks see them. */
export interface NetworkUsers {
  usedBy: UsedBy;
  /** How many addresses of it containers have. */
  addresses(networkId: string): Promise<number>;
  /** It became Active, or is no longer. */
  changed(networkId: string): void;
}

export interface Networks {
  routes: Route[];
  locators: Locators;
  contents: WorkspaceContents;
  /** A network of a project that is not being deleted; `db`: the transaction that builds on it. */
  find(projectId: string, id: string, db?: Database): Promise<Network | undefined>;
  count(projectId: string): Promise<number>;
  /** Makes sure that the engine has it, and tells how it is called there. Throws EngineUnavailable. Undefined when it is gone. */
  ensure(id: string): Promise<{ name: string; gateway: string; allowsApi: boolean } | undefined>;
  /** Set once, by whoever composes. */
  setUsers(users: NetworkUsers): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The family of networks, on which the workloads of dedicated pools are among themselves. */
export function createNetworks(deps: NetworksDeps): Networks {
  const store = networkStore(deps.db);
  let users: NetworkUsers = { usedBy: async () => [], addresses: async () => 0, changed: () => {} };
  const reconciler = networkReconciler({ ...deps, store, changed: id => users.changed(id) });
  const service = networkService({
    ...deps,
    store,
    usedBy: (id, db) => users.usedBy(id, db),
    poke: id => reconciler.poke(id),
  });
  return {
    routes: networkRoutes({ service, addressesUsed: id => users.addresses(id) }),
    contents: service.contents,
    locators: {
      async network(id, { projectId }) {
        const network = await store.find(projectId, id);
        return network && { workspaceId: network.workspaceId, ownerId: network.ownerId };
      },
    },
    async find(projectId, id, db = deps.db) {
      const network = await store.in(db).find(projectId, id);
      return network?.desired === 'active' ? network : undefined;
    },
    count: service.count,
    async ensure(id) {
      const network = await store.load(id);
      if (!network) return undefined;
      const { name, gateway } = await deps.driver.ensureNetwork(
        engineNetwork(network, deps.installation, deps.ports()),
      );
      return { name, gateway, allowsApi: allowsApi(network) };
    },
    setUsers(all) {
      users = all;
    },
    async start() {
      // Whatever happened to the engine's networks meanwhile is seen to at once.
      for (const id of await store.ids()) await reconciler.poke(id);
      await reconciler.start();
    },
    stop: () => reconciler.stop(),
  };
}
