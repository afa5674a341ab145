import type { Log } from '../../kernel/log.ts';
import type { Model } from './service.service.ts';
import type { ServiceStore } from './service.store.ts';
import { type BalancePolicy, type Instance, type Revision, type Service, shapeOf } from './service.ts';

/** The routes of the inference gateway, as services make them. */
export interface GatewayRoutes {
  services: {
    id: string;
    accountId: string;
    projectId: string;
    workspaceId: string;
    entries: {
      id: string;
      weight: number;
      instances: { id: string; host: string; port: number; tls: boolean; drain?: boolean }[];
      healthPath?: string;
    }[];
    state: 'running' | 'stopped' | 'deploying' | 'failed';
    getPaths?: string[];
    policy?: 'roundrobin' | 'leastconn' | 'source';
  }[];
  callers: { id: string; projectId: string; workspaceId: string; generation: number }[];
}

/** A workspace in which there are services. */
export interface Scope {
  projectId: string;
  workspaceId: string;
}

export interface FeedDeps {
  store: ServiceStore;
  log: Log;
  models: { find(projectId: string, modelId: string): Promise<Model | undefined> };
  gateway: { apply(routes: GatewayRoutes): Promise<void> };
  /** Who may invoke the services of these workspaces. */
  callers(scopes: readonly Scope[]): Promise<GatewayRoutes['callers']>;
}

const DEBOUNCE_MS = 20;
const RETRY_MS = 1000;
const POLICIES: Record<BalancePolicy, 'roundrobin' | 'leastconn' | 'source'> = {
  ROUND_ROBIN: 'roundrobin',
  LEAST_CONNECTIONS: 'leastconn',
  SOURCE_IP: 'source',
};

export type RouteFeed = ReturnType<typeof routeFeed>;

/**
 * Keeps the gateway's routes equal to what the database says: each hint leads, shortly after, to one computation of the whole and
 * one apply; a failed apply is repeated. `flush` resolves when everything that was saved before the call has been applied.
 */
export function routeFeed(deps: FeedDeps) {
  let asked = 0;
  let applied = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let stopped = false;

  /** Kept until something about who may do what changes: most changes are of instances. */
  let known: { scopes: string; callers: Promise<GatewayRoutes['callers']> } | undefined;

  async function callersOf(services: readonly Service[]): Promise<GatewayRoutes['callers']> {
    const scopes = new Map(
      services.map(({ projectId, workspaceId }) => [`${projectId}/${workspaceId}`, { projectId, workspaceId }]),
    );
    const key = [...scopes.keys()].sort().join();
    // Kept before it is answered, so that a change meanwhile makes it void.
    if (known?.scopes !== key) known = { scopes: key, callers: deps.callers([...scopes.values()]) };
    const { callers } = known;
    try {
      return await callers;
    } catch (error) {
      if (known?.callers === callers) known = undefined;
      throw error;
    }
  }

  async function compute(): Promise<GatewayRoutes> {
    const { services, revisions, instances } = await deps.store.served();
    const callers = await callersOf(services);
    const routes = services
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(service => serviceRoute(service, revisions.get(service.id), instances));
    for (const route of routes) {
      const paths = new Set<string>();
      for (const entry of route.entries) {
        const model = await deps.models.find(route.projectId, entry.id);
        for (const api of model?.apis ?? []) if (api.method === 'get') paths.add(api.url);
      }
      if (paths.size > 0) route.getPaths = [...paths].sort();
    }
    return { services: routes, callers };
  }

  async function applyOnce(): Promise<void> {
    const upTo = asked;
    await deps.gateway.apply(await compute());
    applied = Math.max(applied, upTo);
  }

  function schedule(ms: number): void {
    if (stopped || timer || running) return;
    timer = setTimeout(() => {
      timer = undefined;
      void run().catch(error => {
        deps.log.warn({ err: error }, 'routes could not be applied to the inference gateway; it is tried again');
        schedule(RETRY_MS);
      });
    }, ms);
  }

  async function run(): Promise<void> {
    running ??= applyOnce().finally(() => {
      running = undefined;
    });
    await running;
    if (applied < asked) schedule(DEBOUNCE_MS);
  }

  return {
    /** Who may do what has changed. */
    callersChanged(): void {
      known = undefined;
      this.changed();
    },
    /** Something that routes are made of changed. */
    changed(): void {
      asked += 1;
      schedule(DEBOUNCE_MS);
    },
    /** Resolves when all changes saved before this call are applied. Throws when the gateway refuses or does not answer. */
    async flush(): Promise<void> {
      const goal = asked;
      while (applied < goal) {
        if (timer) {
          clearTimeout(timer);
          timer = undefined;
        }
        await run();
      }
    },
    compute,
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      timer = undefined;
      await running?.catch(() => {});
    },
  };
}

function serviceRoute(service: Service, revision: Revision | undefined, instances: readonly Instance[]) {
  const serving = service.desired === 'running' && service.status !== 'failed' && revision !== undefined;
  const entries = (serving ? revision.entries : []).flatMap(entry => {
    const shape = shapeOf(entry);
    const members = instances
      .filter(instance => instance.serviceId === service.id && instance.host !== undefined)
      .filter(
        instance =>
          (instance.phase === 'ready' && instance.shape === shape) ||
          (instance.phase === 'leaving' && instance.modelId === entry.modelId),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(instance => ({
        id: instance.id,
        host: instance.host!,
        port: instance.port!,
        tls: false,
        ...(instance.phase === 'leaving' ? { drain: true } : {}),
      }));
    // An entry without an instance that takes traffic gets no share.
    return members.some(member => !member.drain)
      ? [{ id: entry.modelId, weight: entry.weight, instances: members, healthPath: '/health' }]
      : [];
  });
  return {
    id: service.id,
    accountId: service.accountId,
    projectId: service.projectId,
    workspaceId: service.workspaceId,
    entries,
    state: routeState(service, serving),
    ...(service.loadBalancerPolicy ? { policy: POLICIES[service.loadBalancerPolicy] } : {}),
  } as GatewayRoutes['services'][number];
}

function routeState(service: Service, serving: boolean): GatewayRoutes['services'][number]['state'] {
  if (service.status === 'failed') return 'failed';
  if (service.desired !== 'running') return 'stopped';
  return serving ? 'running' : 'deploying';
}
