import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { total } from '../../admission/demand.ts';
import { admissionMigrations, createAdmission, type WorkloadRequest } from '../../admission/index.ts';
import { createApiServer } from '../../http/index.ts';
import { defaultWorkspaceOnly } from '../../http/testing.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import { createFakeDriver, FakeEngine, type Program } from '../../runtime/fake/index.ts';
import { migrate, openSqlite } from '../../store-kit/index.ts';
import { algorithmMigrations, createAlgorithms } from '../algorithms/index.ts';
import { findFlavor, flavors } from '../flavors/index.ts';
import { createObjects, objectsMigrations } from '../objects/index.ts';
import type { PoolsPort } from '../pools/index.ts';
import { closeSharedMounts, createSharedDirectories, type SharedDirectory } from '../shared-directories/index.ts';
import { detachScratch } from '../workload-access/index.ts';
import { createTraining, type Training, type TrainingSettings, trainingMigrations } from './index.ts';

const PRESET = 'localhost/atelier/pytorch:1';
export const ENGINE_ID = 'pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64';
export const PROJECT = '0123456789abcdef0123456789abcdef';

const CAPACITY = { vcpus: 4, memoryBytes: 16 * 1024 ** 3, gpus: 0 };
const ENGINE = { engineId: ENGINE_ID, engineName: 'PyTorch', engineVersion: 'pytorch_1.8.0', imageRef: PRESET };

const user: Principal = {
  kind: 'user',
  id: 'user-1',
  name: 'ann',
  accountId: 'abcdef0123456789abcdef0123456789',
  accountName: 'acc',
  credential: 'token',
};

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
export type Json = any;

export interface Answer {
  status: number;
  body: Json;
  headers: Headers;
}

export type World = Awaited<ReturnType<typeof createWorld>>;

/**
 * Training on a real store, queue, object storage and HTTP server; only the engine is a fake and identity a stub.
 * `restart()` plays a server that was killed: new parts over the same database, directories and containers.
 */
export async function createWorld(
  options: {
    program?: (image: string, args: string[], task: string) => Program | undefined;
    /** Dedicated pools by id, with the flavors of their nodes. */
    pools?: Record<string, string[]>;
    settings?: Partial<TrainingSettings>;
    /** Directories that accounts may mount. */
    sharedDirectories?: SharedDirectory[];
    /** A real engine instead of the fake one. */
    driver?: RuntimeDriver;
    /** Opens the platform to containers; a stub when absent. */
    ensureReachable?: (gateway: string) => Promise<{ api: string; obs: string }>;
  } = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'training-'));
  const log = silentLog();
  const clock = systemClock;
  const db = openSqlite(':memory:');
  await migrate(
    db,
    [...objectsMigrations, ...algorithmMigrations, ...trainingMigrations, ...admissionMigrations],
    clock.now(),
  );
  const engine = new FakeEngine({
    images: [PRESET, 'localhost/custom:1'],
    program: spec => options.program?.(spec.image, spec.command ?? [], spec.labels['atelier.task'] ?? ''),
  });
  /** `kind action resource-part` that the stub of the authorizer refuses. */
  const denied = new Set<string>();
  const agency = { exists: true, name: 'ma_agency_x' };
  const authorizer = {
    async decide(principal: Principal, request: { action: string; resource?: string }) {
      const refused = denied.has(`${principal.kind} ${request.action}`);
      return { allowed: !refused, reason: refused ? 'no policy of it allows this action' : 'test' };
    },
  };
  const objects = createObjects({
    db,
    clock,
    log,
    metrics: new Registry(),
    audit: async () => {},
    iam: { resolveAccessKey: async () => undefined, authorizer },
    dataKey: Buffer.alloc(32),
    dir: join(dir, 'objects'),
    region: 'local-1',
    otherLocations: ['moon-1'],
    domain: 'obs.localhost',
  });
  const iam = {
    async assumeAgency(input: { accountId: string; agencyName: string; durationSeconds: number }) {
      if (!agency.exists) {
        throw new Failure({ code: 'IAM.0004', status: 404, message: `The agency ${input.agencyName} does not exist.` });
      }
      return {
        access: 'AK',
        secret: 'SECRET-KEY',
        securityToken: 'ST',
        expiresAt: clock.now() + input.durationSeconds * 1000,
        principal: {
          ...user,
          kind: 'agency',
          id: 'agency-1',
          name: input.agencyName,
          credential: 'internal',
        } as Principal,
      };
    },
  };
  const images = {
    engines: () => [ENGINE],
    reference: async (_: Principal, __: string, text: string) => (engine.images.has(text) ? text : undefined),
    findEngine: (choice: { engineId?: string | undefined; engineName?: string | undefined }) =>
      choice.engineId === ENGINE.engineId || choice.engineName === ENGINE.engineName ? ENGINE : undefined,
  };
  const authorizations = {
    async agencyFor() {
      if (agency.exists) return agency.name;
      throw new Failure({
        code: 'ModelArts.2785',
        status: 403,
        message: 'No agency.',
        solution: 'Authorize ModelArts.',
      });
    },
  };

  /** What the queue was told, newest last. */
  const submitted: WorkloadRequest[] = [];
  /** Names of what jobs must make way for, by the job's id. */
  const preemptedBy = new Map<string, string>();
  /** Names of the nodes that the queue gives to tasks. */
  const placed: string[] = [];
  const pools: PoolsPort = {
    async use(_scope, poolId, _type, codes) {
      const nodes = options.pools?.[poolId];
      if (nodes) return { id: poolId, name: `pool ${poolId}`, network: `net-${poolId}`, flavors: nodes };
      const code = poolId === 'stopped' ? codes.notRunning : poolId === 'closed' ? codes.closed : codes.missing;
      const status = code === codes.missing ? 404 : 400;
      throw new Failure({ code, status, message: `There is no dedicated pool ${poolId} to be used.` });
    },
    fits: () => ({ ok: true }),
    diskLeft: async () => Number.POSITIVE_INFINITY,
    networkOf: async poolId => (options.pools?.[poolId] ? `net-${poolId}` : undefined),
  };

  async function begin() {
    // The public pool keeps its size: what the dedicated ones take comes on top.
    const nodes = Object.entries(options.pools ?? {}).map(([id, list]) => ({
      id,
      flavors: list.map(flavor => findFlavor(flavor)!),
    }));
    const capacity = total([CAPACITY, ...nodes.flatMap(pool => pool.flavors)]);
    const real = createAdmission({ db, clock, log, capacity });
    for (const pool of nodes) {
      await real.setPool(
        pool.id,
        pool.flavors.map(({ vcpus, memoryBytes, gpus }, index) => ({
          name: `${pool.id}-${index}`,
          capacity: { vcpus, memoryBytes, gpus },
          schedulable: true,
        })),
      );
    }
    const admission: typeof real = {
      ...real,
      async submit(request) {
        submitted.push(request);
        return real.submit(request);
      },
      async release(id) {
        preemptedBy.delete(id.slice(id.indexOf('/') + 1));
        await real.release(id);
      },
      async status(id) {
        const status = await real.status(id);
        const by = preemptedBy.get(id.slice(id.indexOf('/') + 1));
        return status && { ...status, nodes: placed, ...(by ? { preempted: { by } } : {}) };
      },
    };
    const algorithms = createAlgorithms({ db, clock, objects: objects.service, images });
    const training: Training = createTraining({
      db,
      clock,
      log,
      objects: objects.service,
      iam,
      authorizations,
      algorithms,
      images,
      admission,
      pools,
      flavors: { list: () => flavors(CAPACITY), find: findFlavor },
      driver: options.driver ?? createFakeDriver({ engine }),
      shared: createSharedDirectories(join(dir, 'shared'), options.sharedDirectories ?? []),
      platform: {
        ensureReachable:
          options.ensureReachable ??
          (async gateway => ({ api: `http://${gateway}:7080`, obs: `http://${gateway}:7081` })),
      },
      region: 'local-1',
      endpoints: { api: 'http://127.0.0.1:7080' },
      dir: join(dir, 'jobs'),
      installation: 'test01',
      linkKey: Buffer.alloc(32, 7),
      settings: {
        uploadPeriodMs: 60,
        pollMs: 50,
        sampleMs: 20,
        queueCheckMs: 100,
        terminateGraceSeconds: 1,
        ...options.settings,
      },
    });
    const { app, mount } = createApiServer({
      ...defaultWorkspaceOnly,
      authenticate: async () => user,
      authorizer,
      ownsProject: async () => true,
      audit: async () => {},
      log,
      metrics: new Registry(),
    });
    mount([...algorithms.routes, ...training.routes]);
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    await training.start();
    return { training, app, url };
  }

  let running = await begin();

  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const target = path.startsWith('http') ? path : `${running.url}/v2/${PROJECT}${path}`;
    const response = await fetch(target, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, body: json ? JSON.parse(text) : text, headers: response.headers };
  }

  const world = {
    dir,
    db,
    engine,
    denied,
    agency,
    submitted,
    preemptedBy,
    placed,
    objects: objects.service,
    user,
    call,
    /** Address of the search. */
    address: () => `${running.url}/v2/${PROJECT}/training-job-searches`,
    /** Puts objects, by bucket/key, with the user's permissions. */
    async put(path: string, content: string): Promise<void> {
      const slash = path.indexOf('/');
      await objects.service.put(
        user,
        { bucket: path.slice(0, slash), key: path.slice(slash + 1) },
        Buffer.from(content),
      );
    },
    /** The content of an object, by bucket/key. */
    async text(path: string): Promise<string> {
      const slash = path.indexOf('/');
      const target = join(dir, `read-${path.length}-${Date.now()}`);
      await objects.service.download(user, { bucket: path.slice(0, slash), key: path.slice(slash + 1) }, target, {});
      return readFile(join(target, path.slice(path.lastIndexOf('/') + 1)), 'utf8');
    },
    async keys(bucket: string, prefix = ''): Promise<string[]> {
      const found: string[] = [];
      for await (const object of objects.service.walk(user, { bucket, key: prefix })) found.push(object.key);
      return found;
    },
    /** The body of a job that can run; `change` may alter it. */
    job(name: string, change: (body: Json) => void = () => {}): Json {
      const body: Json = {
        kind: 'job',
        metadata: { name, description: 'd' },
        algorithm: {
          code_dir: '/bucket/code/',
          boot_file: '/bucket/code/train.py',
          engine: { engine_id: ENGINE_ID },
          parameters: [{ name: 'epochs', value: '3' }],
          inputs: [{ name: 'data_url', remote: { obs: { obs_url: '/bucket/data/' } } }],
          outputs: [{ name: 'train_url', remote: { obs: { obs_url: `obs://bucket/out-${name}/` } } }],
        },
        spec: { resource: { flavor_id: 'modelarts.vm.cpu.2u', node_count: 1 } },
      };
      change(body);
      return body;
    },
    async submit(body: Json): Promise<string> {
      const answer = await call('POST', '/training-jobs', body);
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      return answer.body.metadata.id;
    },
    async show(id: string): Promise<Json> {
      return (await call('GET', `/training-jobs/${id}`)).body;
    },
    /** Waits until the job is in one of these phases and returns it. */
    async until(id: string, ...phases: string[]): Promise<Json> {
      const end = Date.now() + 60_000;
      for (;;) {
        const job = await world.show(id);
        if (phases.includes(job.status?.phase)) return job;
        if (Date.now() > end) throw new Error(`still ${JSON.stringify(job.status ?? job)}`);
        await new Promise(resolve => setTimeout(resolve, 10));
      }
    },
    async eventually(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
      const end = Date.now() + 60_000;
      while (!(await check())) {
        if (Date.now() > end) throw new Error(`never: ${what}`);
        await new Promise(resolve => setTimeout(resolve, 10));
      }
    },
    container: (id: string, task = 0) =>
      engine.containers.get(`atelier-test01-training-job-${id}${task === 0 ? '' : `-worker-${task}`}`),
    calls: (id: string) => engine.calls.filter(entry => entry.includes(id)).map(entry => entry.split(' ')[0]),
    async events(id: string): Promise<string> {
      const { body } = await call('GET', `/training-jobs/${id}/events?order=asc&limit=100`);
      return body.events.map((event: { message: string }) => event.message).join('\n');
    },
    async logText(id: string, task = 'worker-0'): Promise<string> {
      return (await call('GET', `/training-jobs/${id}/tasks/${task}/logs/preview`)).body.content ?? '';
    },
    /** Takes the places of jobs away, as their pool does. */
    vacate: (id: string, deleted: boolean, text: string) =>
      running.training.occupant.vacate([`training-job/${id}`], { poolId: 'gold', deleted, text }),
    async halt(): Promise<void> {
      await running.training.stop();
      await running.app.close();
    },
    async resume(): Promise<void> {
      running = await begin();
    },
    async restart(): Promise<void> {
      await world.halt();
      await world.resume();
    },
    async close(): Promise<void> {
      await world.halt();
      await objects.stop();
      await db.destroy();
      await closeSharedMounts(join(dir, 'shared'));
      await detachScratch(dir);
      await rm(dir, { recursive: true, force: true });
    },
  };
  await objects.service.createBucket(user, 'bucket');
  await world.put('bucket/code/train.py', 'print(1)');
  await world.put('bucket/code/lib/util.py', 'x = 1');
  await world.put('bucket/data/a.txt', 'data');
  return world;
}
