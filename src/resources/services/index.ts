import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locators, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Log } from '../../kernel/log.ts';
import type { Reconciler } from '../../loop/reconciler.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { PoolOccupant } from '../pools/index.ts';
import type { WorkspaceContents } from '../workspaces/index.ts';
import { type CallCounterDeps, callCounter } from './calls.ts';
import { instanceLogs } from './instance-logs.ts';
import { instanceRunner, type Probe, probeHealth } from './instance-runner.ts';
import { metricRoutes } from './metric.routes.ts';
import { type GatewayRoutes, routeFeed, type Scope } from './route-feed.ts';
import { sampleStore } from './samples.ts';
import { NO_POOLS, type ServicePools, serviceOccupant } from './service.pools.ts';
import type { InvocationScope, Workspaces } from './service.ports.ts';
import { type AdmissionPort, serviceReconciler } from './service.reconciler.ts';
import { serviceRoutes } from './service.routes.ts';
import { type Flavor, type Model, type ServiceDeps, serviceUseCases } from './service.service.ts';
import { sizeOf } from './service.size.ts';
import { serviceStore } from './service.store.ts';
import { usageSampler } from './usage.ts';

export { servicesOperations } from './service.api.ts';
export { servicesMigrations } from './service.schema.ts';

export interface ServicesDeps {
  db: Database;
  clock: Clock;
  log: Log;
  models: { find(projectId: string, modelId: string): Promise<Model | undefined> };
  admission: AdmissionPort;
  /** Dedicated pools; there are none when absent. */
  pools?: ServicePools;
  flavors: { find(id: string): Flavor | undefined; list(): Flavor[] };
  driver: RuntimeDriver;
  gateway: CallCounterDeps['gateway'] & { apply(routes: GatewayRoutes): Promise<void> };
  iam: {
    callers(scopes: readonly InvocationScope[]): Promise<GatewayRoutes['callers']>;
    onCallersChanged(listener: () => void): void;
  };
  authorizations: ServiceDeps['authorizations'];
  workspaces: Workspaces;
  /** Directory of the instances' output; made when absent. */
  dir: string;
  installation: string;
  /** How an instance is asked for its health; by HTTP when absent. */
  probe?: Probe;
  settings: {
    /** URL of the inference gateway without a path, such as `http://127.0.0.1:7083`. */
    inferenceUrl(): string;
    /** Command of the inference runtime in the preset images. */
    command?: string[];
    /** Bytes of output kept per instance, twice. */
    logCapBytes?: number;
    /** What an instance may write outside of what is mounted into it, bytes; 10 GiB when absent. */
    layerBytes?: number;
  };
}

export interface Services {
  routes: Route[];
  locators: Locators;
  contents: WorkspaceContents;
  /** Instances in dedicated pools. */
  occupant: PoolOccupant;
  reconciler: Reconciler;
  /** Names of the services that use a model, for the models' in-use protection; those of other workspaces go unnamed. */
  usedBy(model: { id: string; workspaceId: string }): Promise<string[]>;
  /** Where a service lies; undefined when there is none. Throws Failure ModelArts.4203 where its workspace is gone. */
  invocationScope(serviceId: string): Promise<InvocationScope | undefined>;
  /** Feeds the gateway, removes orphans and starts the reconciler; running instances are not touched. */
  start(): Promise<void>;
  /** Stops working; instances and gateway go on. */
  stop(): Promise<void>;
}

const SWEEP_RETRY_MS = 5_000;
/** Events are kept for a month (behaviour/inference.md 5). */
const EVENTS_KEPT_MS = 31 * 86_400_000;
const DEFAULT_LOG_CAP = 10 * 1024 ** 2;
const DEFAULT_LAYER_BYTES = 10 * 1024 ** 3;

/** The family of real-time services. */
export function createServices(deps: ServicesDeps): Services {
  mkdirSync(deps.dir, { recursive: true, mode: 0o700 });
  const { db, clock, log } = deps;
  const store = serviceStore(db);
  const pools = deps.pools ?? NO_POOLS;
  const flavors = { ...deps.flavors, find: (id: string) => sizeOf(id) ?? deps.flavors.find(id) };
  const logs = instanceLogs({
    driver: deps.driver,
    dir: deps.dir,
    log,
    capBytes: deps.settings.logCapBytes ?? DEFAULT_LOG_CAP,
    onEnd: serviceId => {
      if (!stopped) void reconciler.poke(serviceId).catch(error => log.warn({ err: error }, 'poke failed'));
    },
  });
  const runner = instanceRunner({
    driver: deps.driver,
    clock,
    installation: deps.installation,
    logs,
    probe: deps.probe ?? probeHealth,
    command: deps.settings.command ?? ['python', '-m', 'model_service.server'],
    layerBytes: deps.settings.layerBytes ?? DEFAULT_LAYER_BYTES,
  });
  /** Undefined where the workspace is gone: nobody may go there. */
  async function scopeOf({ projectId, workspaceId }: Scope): Promise<InvocationScope | undefined> {
    const workspace = await deps.workspaces.find(projectId, workspaceId);
    return workspace && { projectId, workspace };
  }
  const feed = routeFeed({
    store,
    log,
    models: deps.models,
    gateway: deps.gateway,
    async callers(scopes) {
      const found = await Promise.all(scopes.map(scopeOf));
      return deps.iam.callers(found.filter(scope => scope !== undefined));
    },
  });
  const samples = sampleStore(db);
  const calls = callCounter({ db, clock, log, store, samples, gateway: deps.gateway });
  const usage = usageSampler({ runner, flavor: flavors.find, store, samples, clock, log });
  const reconciler = serviceReconciler({
    db,
    clock,
    log,
    store,
    runner,
    logs,
    feed,
    admission: deps.admission,
    flavor: flavors.find,
    models: deps.models,
    pools,
  });
  const services = serviceUseCases({
    store,
    clock,
    models: deps.models,
    flavors,
    pools,
    fits: demand => deps.admission.fits(demand),
    authorizations: deps.authorizations,
    workspaces: deps.workspaces,
    poke: id => reconciler.poke(id, { interrupt: true }),
    routesChanged: () => feed.changed(),
  });
  let stopped = true;
  let sweeping: Promise<void> = Promise.resolve();
  const stopping = new AbortController();

  /** Containers and queue entries that belong to no instance any more. */
  async function sweep(): Promise<void> {
    while (!stopped) {
      try {
        const held = await deps.admission.list('service-instance');
        for (const id of held) if (!(await store.instance(id))) await deps.admission.release(id);
        const removed = await runner.sweep(async id => (await store.instance(id)) !== undefined);
        if (removed > 0) log.info({ removed }, 'removed containers of instances that no longer exist');
        return;
      } catch (error) {
        log.warn({ err: error }, 'orphans could not be looked for; it is tried again');
        await sleep(SWEEP_RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  }

  deps.iam.onCallersChanged(() => feed.callersChanged());
  deps.workspaces.onChanged(() => feed.callersChanged());
  deps.admission.onAdmitted('service-instance', id => {
    void store
      .instance(id)
      .then(instance => instance && reconciler.poke(instance.serviceId))
      .catch(error => log.warn({ err: error, instance: id }, 'poke failed'));
  });

  const occupant = serviceOccupant({
    store,
    clock,
    poke: id => reconciler.poke(id),
    routesChanged: () => feed.changed(),
  });
  deps.admission.onLost('service-instance', (id, node) => {
    const why = { poolId: '', deleted: false, text: `Its node ${node} was taken away.` };
    void occupant.vacate([id], why).catch(error => log.warn({ err: error, instance: id }, 'could not make way'));
  });

  return {
    routes: [
      ...metricRoutes({ find: store.find, samples }),
      ...serviceRoutes({
        services,
        calls,
        logs,
        runner,
        flavor: flavors.find,
        inferenceUrl: deps.settings.inferenceUrl,
      }),
    ],
    contents: services.contents,
    occupant,
    locators: {
      async service(id, { projectId }) {
        const service = await store.find(projectId, id);
        return service && { workspaceId: service.workspaceId, ownerId: service.ownerId };
      },
    },
    reconciler,
    async usedBy(model) {
      const users = await services.usersOf(model.id);
      return users.map(({ name, workspaceId }) =>
        workspaceId === model.workspaceId ? name : `one of workspace ${workspaceId}`,
      );
    },
    async invocationScope(serviceId) {
      const service = await store.load(serviceId);
      if (!service) return undefined;
      const scope = await scopeOf(service);
      if (scope) return scope;
      throw new Failure({
        code: 'ModelArts.4203',
        status: 403,
        message: 'No access to the service: its workspace does not exist any more.',
      });
    },
    async start() {
      stopped = false;
      await store.pruneEvents(clock.now() - EVENTS_KEPT_MS);
      feed.changed();
      await reconciler.start();
      calls.start();
      usage.start();
      sweeping = sweep();
    },
    async stop() {
      stopped = true;
      stopping.abort();
      await reconciler.stop();
      await Promise.all([calls.stop(), usage.stop(), logs.stop(), feed.stop(), sweeping]);
    },
  };
}
