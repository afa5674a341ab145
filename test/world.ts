import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { composeFamilies, type Families, type Parts } from '../src/app/compose.ts';
import { homePaths } from '../src/app/home.ts';
import { allMigrations } from '../src/app/migrations.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { type Log, silentLog } from '../src/kernel/log.ts';
import { signToken } from '../src/resources/iam/token.ts';
import { findEngine, NOTEBOOK_IMAGE } from '../src/resources/images/index.ts';
import { directoryVolumes, type Mounter } from '../src/resources/notebooks/index.ts';
import { closeSharedMounts } from '../src/resources/shared-directories/index.ts';
import { detachScratch } from '../src/resources/workload-access/index.ts';
import type { ContainerSpec } from '../src/runtime/driver.ts';
import { createFakeDriver, FakeEngine, type Program } from '../src/runtime/fake/index.ts';
import { type Database, migrate, openSqlite } from '../src/store-kit/index.ts';
import { freePorts } from './free-ports.ts';

const GIB = 1024 ** 3;
export const REGION = 'local-1';
export const PASSWORD = 'Correct-Horse-7';
export const OPERATOR_KEY = 'operator-key-of-the-world';

export interface WorldOptions {
  clock?: Clock;
  log?: Log;
  capacity?: Parts['capacity'];
  /** What a container does; one that runs for ever when absent or undefined. */
  program?: (spec: ContainerSpec) => Program | undefined;
  trainingSettings?: Parts['trainingSettings'];
  poolShares?: Parts['poolShares'];
  disk?: Parts['disk'];
  imageSettings?: Parts['imageSettings'];
  terminals?: Parts['terminals'];
  changes?: Parts['changes'];
  ssh?: Parts['ssh'];
  sharedDirectories?: Parts['sharedDirectories'];
  /** Mounts object storage into notebooks; nothing can when absent. */
  mounter?: Mounter;
  /** How notebooks are asked what they do, and how often they are looked at. */
  notebooks?: Pick<NonNullable<Parts['notebooks']>, 'probe' | 'settings'>;
  driver?: Parts['driver'];
  /** Part of the names of containers and networks, where a driver makes real ones. */
  installation?: string;
  /** Of the API and the object store; free ones when absent. */
  ports?: readonly [api: number, obs: number];
  doors?: Parts['doors'];
  /** How instances of services answer for their health; well when absent. */
  probe?: Parts['probe'];
  /** How the SSH servers of notebooks answer; well when absent. */
  probeSsh?: NonNullable<Parts['notebooks']>['probeSsh'];
  /** Stands in for the inference gateway: its URL. */
  inference?: string;
  /** Serves these files to browsers. */
  site?: Parts['site'];
  /** Takes up due work, as a running platform does; otherwise requests are answered and nothing more happens. */
  work?: boolean;
}

const noMounter: Mounter = {
  unable: () => 'rclone is missing: install it',
  open: async root => root,
  isOpen: async () => false,
  give: async () => {},
  mount: async () => {},
  fault: async () => undefined,
  pending: async () => 0,
  unmount: async () => {},
  close: async () => {},
};

/** An account with its root user. */
export interface Tenant {
  account: string;
  accountId: string;
  projectId: string;
  userId: string;
  password: string;
  accessKey: string;
  secretKey: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of all shapes
  body: any;
}

export interface CallOptions {
  token?: string | undefined;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** What the inference gateway was last told to serve. */
export interface GatewayStub {
  routes: Parameters<Parts['gateway']['apply']>[0];
  counts: Awaited<ReturnType<Parts['gateway']['counters']>>;
  apply: Parts['gateway']['apply'];
  took: Awaited<ReturnType<Parts['gateway']['latencies']>>;
  counters: Parts['gateway']['counters'];
  latencies: Parts['gateway']['latencies'];
  status(): Promise<{ running: boolean }>;
  ensure(): Promise<void>;
}

export interface World {
  api: string;
  obs: string;
  families: Families;
  db: Database;
  engine: FakeEngine;
  gateway: GatewayStub;
  /** What the gateway proves itself with. */
  gatewayKey: string;
  /** The first account. */
  root: Tenant;
  /** Makes a further account. */
  tenant(name: string): Promise<Tenant>;
  /** A call of the management API. */
  send(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Logs in with a password; the token, scoped to the region's project. */
  login(user: { account: string; name?: string; password?: string }): Promise<string>;
  /** Waits until a condition holds; fails after a minute. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  /** A token with these claims, signed as the platform's are. */
  signToken(claims: object): string;
  remove(): Promise<void>;
}

/**
 * The whole platform in this process, over real HTTP servers and a database in memory; only containers and the inference gateway
 * are stand-ins. `remove()` ends everything.
 */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const home = mkdtempSync(join(tmpdir(), 'atelier-world-'));
  const paths = homePaths(home);
  for (const dir of [paths.objects, paths.jobs, paths.models, paths.services, paths.notebooks, paths.shared])
    mkdirSync(dir);
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog();
  const db = openSqlite(':memory:');
  await migrate(db, allMigrations, clock.now());
  const preset = findEngine({ engineName: 'PyTorch' })?.imageRef;
  const engine = new FakeEngine({
    images: [...(preset ? [preset] : []), NOTEBOOK_IMAGE],
    ...(options.program ? { program: options.program } : {}),
  });
  const gateway: GatewayStub = {
    routes: { services: [], callers: [] },
    counts: {},
    took: {},
    apply: async routes => {
      gateway.routes = structuredClone(routes);
    },
    counters: async () => gateway.counts,
    latencies: async () => gateway.took,
    status: async () => ({ running: true }),
    ensure: async () => {},
  };
  const first = await freePorts(2);
  const [apiPort, obsPort] = options.ports ?? [first, first + 1];
  const api = `http://127.0.0.1:${apiPort}`;
  const obs = `http://127.0.0.1:${obsPort}`;
  const tokenKey = randomBytes(32);
  const gatewayKey = randomBytes(24).toString('base64url');
  const families = composeFamilies({
    db,
    clock,
    log,
    metrics: new Registry(),
    version: '0.0.0',
    region: REGION,
    obsDomain: 'obs.localhost',
    installation: options.installation ?? 'test01',
    secrets: {
      tokenKey,
      dataKey: randomBytes(32),
      gatewayKey,
      operatorKey: OPERATOR_KEY,
    },
    paths,
    endpoints: {
      api,
      obs,
      registry: 'http://127.0.0.1:1',
      inference: options.inference ?? 'http://127.0.0.1:1',
      notebooks: 'http://127.0.0.1:1',
    },
    site: options.site,
    readiness: () => ({ ready: true, pid: process.pid, version: '0.0.0', checks: {} }),
    capacity: options.capacity ?? { vcpus: 4, memoryBytes: 16 * GIB, gpus: 0 },
    driver: options.driver ?? createFakeDriver({ engine }),
    gateway,
    doorPorts: { api: apiPort, obs: obsPort },
    ...(options.disk ? { disk: options.disk } : {}),
    ...(options.poolShares ? { poolShares: options.poolShares } : {}),
    doors: options.doors ?? (() => ({ ensureReachable: async () => ({ api, obs }), close: async () => {} })),
    probe: options.probe ?? (async () => true),
    ...(options.ssh ? { ssh: options.ssh } : {}),
    ...(options.sharedDirectories ? { sharedDirectories: options.sharedDirectories } : {}),
    ...(options.terminals ? { terminals: options.terminals } : {}),
    ...(options.changes ? { changes: options.changes } : {}),
    ...(options.imageSettings ? { imageSettings: options.imageSettings } : {}),
    notebooks: {
      volumes: directoryVolumes(paths.notebooks),
      mounter: options.mounter ?? noMounter,
      probe: async () => ({ activeAt: 0, busy: false }),
      probeSsh: options.probeSsh ?? (async () => true),
      ...options.notebooks,
      settings: { flushMs: 300, layerBytes: 1024 ** 3, diskMs: 100, ...options.notebooks?.settings },
    },
    ...(options.trainingSettings ? { trainingSettings: options.trainingSettings } : {}),
  });
  const { app, objects, iam } = families;
  await app.listen({ port: apiPort, host: '127.0.0.1' });
  await new Promise<void>((resolve, reject) => {
    objects.server.once('error', reject);
    objects.server.listen(obsPort, '127.0.0.1', resolve);
  });
  if (options.work) await families.start();

  async function tenant(name: string): Promise<Tenant> {
    const made = await iam.ensureRootAccount({ account: name, password: PASSWORD });
    return {
      account: name,
      accountId: made.accountId,
      projectId: made.projectId,
      userId: made.userId,
      password: PASSWORD,
      accessKey: made.accessKey!,
      secretKey: made.secretKey!,
    };
  }

  async function send(method: string, path: string, { token, body, headers }: CallOptions = {}): Promise<Answer> {
    const response = await fetch(api + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { 'X-Auth-Token': token }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
  }

  return {
    api,
    obs,
    families,
    db,
    engine,
    gateway,
    gatewayKey,
    root: await tenant('acme'),
    tenant,
    send,
    async login({ account, name = account, password = PASSWORD }) {
      const answer = await send('POST', '/v3/auth/tokens', {
        body: {
          auth: {
            identity: {
              methods: ['password'],
              password: { user: { name, password, domain: { name: account } } },
            },
            scope: { project: { name: REGION } },
          },
        },
      });
      if (answer.status !== 201) throw new Error(`login answered ${answer.status}: ${answer.text}`);
      return answer.headers.get('x-subject-token')!;
    },
    async until(condition) {
      for (const end = Date.now() + 60_000; !(await condition()); ) {
        if (Date.now() > end) throw new Error(`never: ${condition}`);
        await new Promise(resolve => setTimeout(resolve, 10));
      }
    },
    signToken: claims => signToken(tokenKey, claims as Parameters<typeof signToken>[1]),
    async remove() {
      await app.close();
      objects.server.close();
      objects.server.closeAllConnections();
      await families.stop();
      await closeSharedMounts(paths.shared);
      await detachScratch(home);
      await db.destroy();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
