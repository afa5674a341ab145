import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createGateway, type Gateway } from '../dataplane/index.ts';
import { createSite } from '../http/index.ts';
import { systemClock } from '../kernel/clock.ts';
import { errorText, Failure } from '../kernel/failure.ts';
import { randomText } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import { parseS3Backend } from '../resources/objects/index.ts';
import { createContainerDriver } from '../runtime/container/container-driver.ts';
import { type Engine, prepareEngine } from '../runtime/container/engine.ts';
import { migrate, openSqlite } from '../store-kit/index.ts';
import { machineCapacity, measureDisk } from './capacity.ts';
import { composeFamilies, type Families } from './compose.ts';
import type { Settings } from './env.ts';
import { createHealth, type Health } from './health.ts';
import {
  homePaths,
  loadInstallationId,
  loadSecrets,
  type RootCredentials,
  readCredentials,
  writeDurably,
} from './home.ts';
import { createContainerDoors } from './listeners.ts';
import { allMigrations } from './migrations.ts';
import { keepPresetImages } from './preset-images.ts';
import type { ServerFile } from './server-file.ts';

/** The running platform. */
export interface Platform {
  endpoints: ServerFile['endpoints'];
  /** Present at first start only. */
  newCredentials?: RootCredentials;
  /** Stops the server; jobs, services and the gateway go on. */
  stop(): Promise<void>;
}

/** Where the build of the console lies: beside the sources. */
const consoleFiles = join(import.meta.dirname, '../../dist/console');
const SUPERVISE_MS = 2_000;
const GUARD_MS = 60_000;

/** Puts the parts together and starts them. The one place where everything meets. */
export async function startPlatform(settings: Settings, options: { log: Log; version: string }): Promise<Platform> {
  const { log, version } = options;
  const started = performance.now();
  const clock = systemClock;
  const paths = homePaths(settings.home);
  const secrets = loadSecrets(paths);
  const installation = loadInstallationId(paths);
  const health = createHealth(version);
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics, prefix: 'atelier_' });

  const publicHost = settings.host === '0.0.0.0' ? '127.0.0.1' : settings.host;
  const at = (port: number) => `http://${publicHost}:${port}`;
  const endpoints = {
    api: at(settings.ports.api),
    obs: at(settings.ports.obs),
    registry: at(settings.ports.registry),
    inference: at(settings.ports.inference),
    notebooks: settings.notebookUrl ?? at(settings.ports.notebooks),
  };

  const db = openSqlite(paths.database);
  await migrate(db, allMigrations, clock.now());

  const engine = await prepareEngine({
    dir: paths.engine,
    containersRoot: settings.containersRoot,
    log,
    ...(settings.engine ? { external: settings.engine } : {}),
  });
  const driver = createContainerDriver({
    socketPath: engine.socketPath,
    log,
    // What jobs and services are told of the platform: its API and the object store.
    hostPorts: [settings.ports.api, settings.ports.obs],
  });
  const ours = { 'atelier.installation': installation };
  const capacity = machineCapacity(settings, driver.abilities.gpus);
  const disk = await measureDisk(settings, paths.notebooks, log);
  const gateway = createGateway({
    dir: paths.gateway,
    host: settings.host,
    port: settings.ports.inference,
    log,
    tokenSecret: secrets.tokenKey,
    verifyUrl: `${endpoints.api}/internal/infer-auth`,
    verifyKey: secrets.gatewayKey,
  });

  const families = composeFamilies({
    db,
    clock,
    log,
    metrics,
    version,
    region: settings.region,
    obsDomain: settings.obsDomain,
    obsLocations: settings.obsLocations,
    obs: settings.obs,
    obsBackend: settings.obsBackend === undefined ? undefined : parseS3Backend(settings.obsBackend),
    installation,
    secrets,
    paths,
    endpoints,
    readiness: health.read,
    site: createSite(consoleFiles),
    capacity,
    disk,
    auditRetention: settings.audit,
    ssh: { host: settings.host, ...settings.sshPorts },
    imageSettings: { registries: settings.imageRegistries },
    notebooks: {
      ...(settings.notebookUrl === undefined ? { webPorts: { host: settings.host, ...settings.notebookPorts } } : {}),
      preparing: ref => presetImages.preparing(ref),
      hosts: ['127.0.0.1', 'localhost', '[::1]', ...(settings.host === '0.0.0.0' ? [hostname()] : [settings.host])],
      anyAddress: settings.host === '0.0.0.0',
      settings: { layerBytes: settings.layerGiB * 1024 ** 3, jupyterLab: settings.jupyterLab !== 'off' },
    },
    driver,
    gateway,
    doorPorts: { api: settings.ports.api, obs: settings.ports.obs },
    poolShares: settings.pools,
    sharedDirectories: settings.sharedDirectories,
    trainingSettings: { layerBytes: settings.layerGiB * 1024 ** 3 },
    serviceSettings: { layerBytes: settings.layerGiB * 1024 ** 3 },
    doors: servers =>
      createContainerDoors({
        api: { target: servers.api, port: settings.ports.api },
        obs: { target: servers.obs, port: settings.ports.obs },
        log,
      }),
  });
  if (settings.notebookUrl !== undefined && !settings.notebookUrl.includes('*')) {
    log.warn(
      'ATELIER_NOTEBOOK_URL has no star: all notebooks share one origin, and pages of one can use another that the same browser has open',
    );
  }
  const { app, iam, objects, notebooks } = families;
  const presetImages = keepPresetImages({
    driver,
    log,
    health,
    workDir: paths.work,
    lockFile: join(settings.containersRoot, 'preset-images.lock'),
    jupyterLab: settings.jupyterLab,
    pythonIndex: settings.pythonIndex,
  });

  await objects.check();
  for (const part of ['account', 'obs', 'api', 'inference', 'notebooks'])
    health.set(part, { ok: false, text: 'starting' }, { required: true });
  health.set('engine', { ok: false, text: 'starting' });
  // Side by side: other programs start while the first password is hashed.
  const engineUp = engine.ensure().catch(error => log.warn({ err: error }, 'the container engine does not start yet'));
  const [credentials] = await Promise.all([ensureRoot(), startGateway(), listenObs(), listenNotebooks(), listenApi()]);
  // Work is taken up once the engine had its chance; without it every pass would only find that nothing is known.
  const working = engineUp
    .then(() => guardNetworks())
    .then(() => families.start())
    .then(() => presetImages.start());
  working.catch(error => log.error({ err: error }, 'the reconcilers could not be started'));
  const sweeping = objects.sweep().catch(error => log.error({ err: error }, 'sweep of objects failed'));
  const supervisor = supervise({ engine, gateway, health, log });
  const guarding = setInterval(guardNetworks, GUARD_MS);
  registerGauges(metrics, families.admission);

  const serverFile: ServerFile = {
    pid: process.pid,
    startedAt: Date.now(),
    endpoints,
    region: settings.region,
    account: credentials.root.account,
    accountId: credentials.root.accountId,
    projectId: credentials.root.projectId,
    credentialsFile: paths.credentials,
  };
  writeDurably(paths.serverFile, `${JSON.stringify(serverFile, null, 2)}\n`);
  // Last: whoever finds the platform ready finds its files too.
  health.set('account', { ok: true, text: credentials.root.account }, { required: true });
  log.info({ ms: Math.round(performance.now() - started), port: (app.server.address() as AddressInfo).port }, 'ready');

  return {
    endpoints,
    ...(credentials.fresh ? { newCredentials: credentials.root } : {}),
    async stop() {
      supervisor.stop();
      clearInterval(guarding);
      disk.stop();
      await Promise.allSettled([working, sweeping]);
      presetImages.stop();
      await families.doors.close();
      await app.close();
      objects.server.close();
      objects.server.closeAllConnections();
      await families.stop();
      driver.close();
      await db.destroy();
    },
  };

  /** Others may flush the machine's rules: what guards the host from containers is put in force again now and then. */
  async function guardNetworks(): Promise<void> {
    await driver.guardNetworks(ours).catch(error => log.warn({ err: error }, 'networks could not be guarded now'));
  }

  async function listenObs(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      objects.server.once('error', error => reject(portTaken(error, settings.ports.obs)));
      objects.server.listen(settings.ports.obs, settings.host, resolve);
    });
    health.set('obs', { ok: true, text: endpoints.obs }, { required: true });
  }

  async function listenNotebooks(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      notebooks.server.once('error', error => reject(portTaken(error, settings.ports.notebooks)));
      notebooks.server.listen(settings.ports.notebooks, settings.host, resolve);
    });
    await notebooks.open();
    health.set('notebooks', { ok: true, text: endpoints.notebooks }, { required: true });
  }

  async function listenApi(): Promise<void> {
    await app.listen({ port: settings.ports.api, host: settings.host }).catch(error => {
      throw portTaken(error, settings.ports.api);
    });
    health.set('api', { ok: true, text: endpoints.api }, { required: true });
  }

  async function startGateway(): Promise<void> {
    await gateway.start();
    health.set('inference', { ok: true, text: endpoints.inference }, { required: true });
  }

  /** Account and root user at first start, with credentials in a file that only the owner reads. */
  async function ensureRoot(): Promise<{ fresh: boolean; root: RootCredentials }> {
    const existing = readCredentials(paths.credentials);
    const password = existing?.password ?? `${randomText(20)}-${randomText(4)}9z`;
    const first = await iam.ensureRootAccount({ account: settings.account, password });
    if (existing) return { fresh: false, root: existing };
    // Killed between making the account and writing the file, or the file was lost: whoever owns this directory gets new ones.
    const result = first.accessKey
      ? first
      : await iam.ensureRootAccount({ account: settings.account, password, resetCredentials: true });
    const root: RootCredentials = {
      account: settings.account,
      accountId: result.accountId,
      user: settings.account,
      password,
      accessKey: result.accessKey!,
      secretKey: result.secretKey!,
      projectId: result.projectId,
      region: settings.region,
    };
    writeDurably(paths.credentials, `${JSON.stringify(root, null, 2)}\n`);
    return { fresh: true, root };
  }
}

/** Keeps engine and gateway alive and their state visible. */
function supervise(deps: { engine: Engine; gateway: Gateway; health: Health; log: Log }): { stop(): void } {
  const { engine, gateway, health, log } = deps;
  let busy = false;
  async function look(name: string, required: boolean, text: string, ensure: () => Promise<void>): Promise<void> {
    try {
      await ensure();
      health.set(name, { ok: true, text }, { required });
    } catch (error) {
      log.warn({ err: error, part: name }, 'part of the platform is down');
      health.set(name, { ok: false, text: errorText(error) }, { required });
    }
  }
  const round = () => {
    if (busy) return;
    busy = true;
    Promise.all([
      look('engine', false, engine.external ? 'external' : 'Podman', () => engine.ensure()),
      look('inference', true, 'HAProxy', () => gateway.ensure()),
    ]).finally(() => {
      busy = false;
    });
  };
  round();
  const timer = setInterval(round, SUPERVISE_MS);
  return { stop: () => clearInterval(timer) };
}

function registerGauges(metrics: Registry, admission: Families['admission']): void {
  new Gauge({
    name: 'atelier_admitted_vcpus',
    help: 'vCPUs held by admitted workloads',
    registers: [metrics],
    async collect() {
      this.set((await admission.used()).vcpus);
    },
  });
}

function portTaken(error: unknown, port: number): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return error;
  return new Failure({
    code: 'Atelier.PortTaken',
    status: 500,
    message: `Port ${port} is in use by another program.`,
    solution: 'Choose another base port with ATELIER_PORT; ./atelier doctor shows which are free.',
    cause: error,
  });
}
