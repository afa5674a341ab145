import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { type Admission, admissionMigrations, createAdmission } from '../../admission/index.ts';
import { createApiServer } from '../../http/index.ts';
import { defaultWorkspaceOnly } from '../../http/testing.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { createFakeDriver, FakeEngine, type Program } from '../../runtime/fake/index.ts';
import { type Database, migrate, openSqlite } from '../../store-kit/index.ts';
import { findFlavor, flavors } from '../flavors/index.ts';
import type { GatewayCounts } from './calls.ts';
import { createServices, type Services, servicesMigrations } from './index.ts';
import type { GatewayRoutes } from './route-feed.ts';
import type { Model } from './service.service.ts';

const GIB = 1024 ** 3;
export const IMAGE = 'localhost/pytorch:1';

/** The members of the answers that the tests look at. */
export interface Body {
  service_id: string;
  service_name: string;
  status: string;
  error_code: string;
  error_msg: string;
  access_address: string;
  progress: number;
  due_time: number;
  invocation_times: number;
  failed_times: number;
  total_count: number;
  count: number;
  description: string;
  services: { service_name: string; service_id: string }[];
  config: { weight: number; status: string; instances: { id: string; status: string; restarts: number }[] }[];
  events: { event_type: string; event_info: string }[];
  logs: { result: string; update_time: number }[];
  monitors: { invocation_times: number; model_running_instance_count: number; cpu_memory_usage: number }[];
  specifications: { specification: string }[];
  instances: { instance_id: string; status: string; lines: { text: string }[] }[];
  endpoints: { deploy_infos: { endpoints: { ip: string; port: number }[] }[] }[];
}

/** A gateway that remembers what it serves. */
export class StubGateway {
  routes: GatewayRoutes = { services: [], callers: [] };
  history: GatewayRoutes[] = [];
  counts: GatewayCounts = {};
  took: Record<string, Record<string, Record<string, number>>> = {};
  broken = false;
  running = true;
  async apply(routes: GatewayRoutes) {
    if (this.broken) throw new Error('the gateway is broken');
    this.routes = structuredClone(routes);
    this.history.push(this.routes);
  }
  async counters() {
    return this.counts;
  }
  async latencies() {
    return this.took;
  }
  async status() {
    return { running: this.running };
  }
  async ensure() {
    this.running = true;
  }
  service(id: string) {
    return this.routes.services.find(service => service.id === id);
  }
}

/** Services over a real database and HTTP server, with containers of the fake engine. */
export class World {
  dir = '';
  db!: Database;
  engine!: FakeEngine;
  gateway = new StubGateway();
  admission!: Admission;
  services!: Services;
  base = '';
  /** Moves the clock ahead of the machine's. */
  skew = 0;
  program: (env: Record<string, string>) => Program | undefined = () => undefined;
  healthy = true;
  /** Whether a container with this environment answers its probe. */
  answers: (env: Record<string, string>) => boolean = () => true;
  models = new Map<string, Model>();
  allowed: (action: string) => boolean = () => true;
  agency = true;
  principal: Principal = {
    kind: 'root',
    id: 'u1',
    name: 'root',
    accountId: 'acc',
    accountName: 'acc',
    credential: 'token',
  };
  callers: GatewayRoutes['callers'] = [{ id: 'u1', projectId: 'p1', workspaceId: '0', generation: 1 }];
  callersChanged: () => void = () => {};
  #close: () => Promise<void> = async () => {};
  readonly clock = { now: () => Date.now() + this.skew };

  async start(capacity = { vcpus: 4, memoryBytes: 16 * GIB, gpus: 0 }): Promise<this> {
    this.dir = await mkdtemp(join(tmpdir(), 'services-'));
    this.db = openSqlite(join(this.dir, 'db.sqlite'));
    await migrate(this.db, [...servicesMigrations, ...admissionMigrations], 0);
    this.engine = new FakeEngine({ images: [IMAGE], program: spec => this.program(spec.env) });
    for (const id of ['m1', 'm2']) this.models.set(id, this.model(id));
    await this.boot(capacity);
    return this;
  }

  model(id: string): Model {
    return {
      id,
      name: 'mnist',
      version: id === 'm1' ? '0.0.1' : '0.0.2',
      status: 'published',
      packageDir: '/tmp',
      engine: { engineId: 'pytorch', engineName: 'PyTorch', imageRef: IMAGE },
      apis: [{ url: '/', method: 'post' }],
      installType: ['real-time'],
    };
  }

  /** A server process over the same database and engine. */
  async boot(capacity = { vcpus: 4, memoryBytes: 16 * GIB, gpus: 0 }): Promise<void> {
    const { db, clock } = this;
    const log = silentLog();
    this.admission = createAdmission({ db, clock, log, capacity });
    this.services = createServices({
      db,
      clock,
      log,
      models: { find: async (_project, id) => this.models.get(id) },
      admission: this.admission,
      flavors: { find: findFlavor, list: () => flavors(capacity) },
      driver: createFakeDriver({ engine: this.engine }),
      gateway: this.gateway,
      workspaces: { find: defaultWorkspaceOnly.workspace, admit: async () => {}, onChanged: () => {} },
      iam: {
        callers: async () => this.callers,
        onCallersChanged: listener => {
          this.callersChanged = listener;
        },
      },
      authorizations: {
        agencyFor: async () => {
          if (this.agency) return 'ma_agency';
          const { Failure } = await import('../../kernel/failure.ts');
          throw new Failure({ code: 'ModelArts.2785', status: 403, message: 'no agency' });
        },
      },
      dir: join(this.dir, 'logs'),
      installation: 'abc123',
      probe: async ({ host }) =>
        this.healthy && this.containers().some(each => each.address === host && this.answers(each.spec.env)),
      settings: { inferenceUrl: () => 'http://gateway:7083' },
    });
    const server = createApiServer({
      ...defaultWorkspaceOnly,
      authenticate: async () => this.principal,
      authorizer: {
        decide: async (_principal, { action }) => ({ allowed: this.allowed(action), reason: 'test' }),
      },
      ownsProject: async () => true,
      audit: async () => {},
      log,
      metrics: new Registry(),
    });
    server.mount(this.services.routes);
    await server.app.listen({ host: '127.0.0.1', port: 0 });
    this.base = `http://127.0.0.1:${(server.app.server.address() as { port: number }).port}`;
    await this.services.start();
    this.#close = async () => {
      await this.services.stop();
      await server.app.close();
    };
  }

  halt(): Promise<void> {
    return this.#close();
  }

  async end(): Promise<void> {
    await this.#close();
    this.engine.close();
    await this.db.destroy();
    await rm(this.dir, { recursive: true, force: true });
  }

  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Body }> {
    const response = await fetch(`${this.base}/v1/p1/services${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  }

  create(extra: Record<string, unknown> = {}) {
    return this.call('POST', '', {
      service_name: 'digits',
      infer_type: 'real-time',
      config: [entry()],
      ...extra,
    });
  }

  /** Creates a service and waits for a status. */
  async deploy(extra: Record<string, unknown> = {}, status = 'running'): Promise<string> {
    const { body, status: code } = await this.create(extra);
    if (code !== 200) throw new Error(JSON.stringify(body));
    await this.reach(body.service_id, status);
    return body.service_id;
  }

  /** Waits until the service has the status; fails with its events after a minute. */
  async reach(id: string, status: string): Promise<Body> {
    const until = Date.now() + 60_000;
    let last: Body | undefined;
    while (Date.now() < until) {
      const answer = await this.call('GET', `/${id}`);
      last = answer.body;
      if (last.status === status) return last;
      await new Promise(resolve => setTimeout(resolve, 15));
    }
    throw new Error(`${last?.status} instead of ${status}: ${last?.error_msg}\n${(await this.events(id)).join('\n')}`);
  }

  async until(what: () => boolean | Promise<boolean>): Promise<void> {
    const until = Date.now() + 60_000;
    while (!(await what())) {
      if (Date.now() > until) throw new Error(`never: ${what}`);
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  }

  async events(id: string): Promise<string[]> {
    const { body } = await this.call('GET', `/${id}/events?order=asc`);
    return body.events.map(event => event.event_info);
  }

  containers(state?: string) {
    return [...this.engine.containers.values()].filter(each => state === undefined || each.state === state);
  }
}

/** One member of `config[]`. */
export function entry(extra: Record<string, unknown> = {}) {
  return { model_id: 'm1', weight: 100, specification: 'modelarts.vm.cpu.1u', instance_count: 1, ...extra };
}
