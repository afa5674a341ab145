import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type AnyOperation, type Locators, type Route, refusalRoutes } from '../../http/index.ts';
import { Reconciler } from '../../loop/reconciler.ts';
import type { PoolOccupant } from '../pools/index.ts';
import { AgencySessions } from '../workload-access/index.ts';
import type { WorkspaceContents } from '../workspaces/index.ts';
import { ActivityLog } from './activity.ts';
import { cachePart } from './cache.part.ts';
import type { ContainerPart } from './container-part.ts';
import { createImage } from './image-saving.api.ts';
import { imageSavingRoutes } from './image-saving.ts';
import * as notebookOperations from './notebook.api.ts';
import { notebookLogs } from './notebook.logs.ts';
import { notebookOccupant, notebookOf } from './notebook.occupant.ts';
import type { PassParts } from './notebook.pass.ts';
import type { NotebookSettings, NotebooksDeps } from './notebook.ports.ts';
import { notebookPass } from './notebook.reconciler.ts';
import { notebookRoutes } from './notebook.routes.ts';
import { NOTEBOOK_TABLE } from './notebook.schema.ts';
import { NOTEBOOK_QUOTA, notebookService } from './notebook.service.ts';
import { notebookStore } from './notebook.store.ts';
import { sweep } from './notebook.sweep.ts';
import { oldVersionOperations, refusedOfNotebooks } from './old-version.api.ts';
import { oldVersionRoutes } from './old-version.routes.ts';
import { portStore } from './port.store.ts';
import { sharedPart } from './shared.part.ts';
import { createSnapshots, type Snapshots } from './snapshots.ts';
import { type SshDoors, sshDoors } from './ssh.doors.ts';
import { sshPart } from './ssh.part.ts';
import { probeSsh } from './ssh.probe.ts';
import * as storageOperations from './storage.api.ts';
import { rcloneMounter } from './storage.mounter.ts';
import { storageKeeper } from './storage.reconciler.ts';
import { storageRoutes } from './storage.routes.ts';
import { storageService } from './storage.service.ts';
import { STORAGE_TABLE, storageStore } from './storage.store.ts';
import { hostRule } from './web/web-access.ts';
import { hostOrigins, portOrigins, sharedOrigin } from './web/web-origins.ts';
import { probeWeb } from './web/web-probe.ts';
import { createWebProxy } from './web/web-proxy.ts';
import { webSecrets } from './web/web-secrets.ts';
import { webTargets } from './web/web-targets.ts';

export type { ContainerPart } from './container-part.ts';
export type { NotebookImage } from './notebook.model.ts';
export type { NotebookSettings, NotebooksDeps } from './notebook.ports.ts';
export { notebooksMigrations } from './notebook.schema.ts';
export { portMigrations } from './port.store.ts';
export type { Snapshots } from './snapshots.ts';
export { closeAllMounts, type Mounter, type MountSpec, rcloneMounter } from './storage.mounter.ts';
export { storageMigrations } from './storage.store.ts';
export { createVolumes, detachAll, directoryVolumes, type Volumes } from './volumes.ts';

/** Every operation of notebook instances. */
export const notebooksOperations: readonly AnyOperation[] = [
  ...Object.values(notebookOperations),
  ...Object.values(storageOperations),
  createImage,
  ...oldVersionOperations,
  ...refusedOfNotebooks.map(each => each.operation),
];

const HOUR_MS = 3_600_000;
const DEFAULTS: NotebookSettings = {
  quota: 10,
  shortestRunMs: HOUR_MS,
  longestRunMs: 24 * HOUR_MS,
  defaultRunMs: HOUR_MS,
  pollMs: 1_000,
  memoryMs: 2_000,
  diskMs: 5_000,
  probeMs: 30_000,
  queueCheckMs: 5_000,
  readyMs: 10 * 60_000,
  graceSeconds: 10,
  credentialSeconds: 24 * 3600,
  pids: 4096,
  jupyterLab: true,
  logBytes: 16 * 1024 ** 2,
  layerBytes: 10 * 1024 ** 3,
};

const SWEEP_MS = 6 * HOUR_MS;
/** Passes at once: a running instance is one pass for as long as it runs; admission bounds how many there are. */
const CONCURRENCY = 1_000;

export interface Notebooks {
  routes: Route[];
  locators: Locators;
  contents: WorkspaceContents;
  /** Leaves pools that are taken away, or nodes of them. */
  occupant: PoolOccupant;
  reconciler: Reconciler;
  /** The proxy to the web IDEs; it does not listen yet. */
  server: Server;
  snapshots: Snapshots;
  /** Which instances run an image, in words. */
  usersOfImage(projectId: string, imageId: string): Promise<string[]>;
  /** Opens the ports by which browsers reach the instances there are. */
  open(): Promise<void>;
  /** Cleans up after a predecessor that died, then drives the instances. */
  start(): Promise<void>;
  /** Lets go of the instances, which run on. */
  stop(): Promise<void>;
}

/** The family of notebook instances. */
export function createNotebooks(given: NotebooksDeps): Notebooks {
  const { ssh } = given;
  let doors: SshDoors | undefined;
  const part = ssh && sshPart({ publicKeys: ssh.publicKeys, allot: async id => void (await doors?.allot(id)) });
  mkdirSync(given.dir, { recursive: true, mode: 0o700 });
  const settings: NotebookSettings = { ...DEFAULTS, ...given.settings };
  const store = notebookStore(given.db, id => targets.forget(id));
  const sessions = new AgencySessions(given.iam, given.clock, settings.credentialSeconds);
  const mounter = given.mounter ?? rcloneMounter();
  const storages = storageStore(given.db);
  const keeper = storageKeeper({ ...given, store, storages, sessions, mounter, flushMs: settings.flushMs });
  const address = () => given.endpoints.notebooks;
  const origins = address().includes('*')
    ? hostOrigins(address)
    : given.webPorts
      ? portOrigins({
          ...given,
          ports: portStore(given.db, 'web'),
          steps: store.steps,
          address,
          target: () => server,
          settings: given.webPorts,
        })
      : sharedOrigin(address);
  const web: ContainerPart = { name: 'web', prepare: ({ id }) => origins.allot(id) };
  const shared = sharedPart({ ...given, mounter });
  const own = [...(part ? [part] : []), web, keeper.part, shared, cachePart];
  const deps = { ...given, mounter, parts: [...(given.parts ?? []), ...own] };
  const mounting = new Reconciler(deps, {
    name: 'notebook-storage',
    table: STORAGE_TABLE,
    concurrency: CONCURRENCY,
    pass: keeper.pass,
  });
  const secrets = webSecrets(createHmac('sha256', deps.key).update('notebooks').digest());
  const activity = new ActivityLog();
  if (ssh) {
    doors = sshDoors({ ...deps, store, ports: portStore(deps.db, 'ssh'), activity, settings: ssh });
  }
  const probes = { probe: deps.probe ?? probeWeb, probeSsh: deps.probeSsh ?? probeSsh };
  const parts: PassParts = { deps, settings, store, sessions, secrets, activity, ...probes };
  const reconciler = new Reconciler(deps, {
    name: 'notebooks',
    table: NOTEBOOK_TABLE,
    concurrency: CONCURRENCY,
    pass: notebookPass(parts),
  });
  const wake = (id: string, options?: { interrupt?: boolean }) => reconciler.poke(id, options);
  const notebooks = notebookService({ deps, settings, store, wake });
  const targets = webTargets({ store, driver: deps.driver, installation: deps.installation });
  const publicUrl = () => new URL(deps.endpoints.notebooks);
  const server: Server = createWebProxy({
    find: targets.find,
    lost: targets.forget,
    origins,
    knowsHost: host => hostRule([publicUrl().hostname, ...(deps.hosts ?? [])], deps.anyAddress ?? false)(host),
    secure: () => publicUrl().protocol === 'https:',
    secrets,
    activity,
    clock: deps.clock,
    log: deps.log,
  });
  /** All connections, also those that were upgraded, which the server itself forgets. */
  const sockets = new Set<Socket>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  deps.admission.onAdmitted('notebook', workload => {
    const id = notebookOf(workload);
    reconciler.poke(id).catch(error => deps.log.error({ err: error, id }, 'admitted notebook could not be woken'));
  });
  const occupant = notebookOccupant({ store, clock: deps.clock, wake: id => wake(id, { interrupt: true }) });
  const makeWay = (workload: string, text: string) => {
    occupant
      .lost(workload, text)
      .catch(error => deps.log.error({ err: error, workload }, 'notebook could not make way'));
  };
  deps.admission.onPreempted('notebook', (workload, by) => makeWay(workload, `It makes way for ${by}.`));
  deps.admission.onLost('notebook', (workload, node) => makeWay(workload, `Its node ${node} was taken away.`));
  const snapshots = createSnapshots(deps, store, wake);
  let timer: NodeJS.Timeout | undefined;

  return {
    routes: [
      ...notebookRoutes(notebooks, origins.of, notebookLogs(deps), async id => doors?.uri(id)),
      ...oldVersionRoutes,
      ...refusalRoutes(refusedOfNotebooks),
      ...storageRoutes(
        storageService({ ...deps, store, storages, sessions, wake: id => mounting.poke(id, { interrupt: true }) }),
      ),
      ...imageSavingRoutes(deps, store, snapshots),
    ],
    locators: {
      async notebook(id, { projectId }) {
        const notebook = await store.findInProject(projectId, id);
        return notebook && { workspaceId: notebook.workspaceId, ownerId: notebook.userId };
      },
    },
    contents: {
      kind: 'notebook',
      deleteAction: 'modelarts:notebook:delete',
      quota: {
        resource: NOTEBOOK_QUOTA,
        name_en: 'Notebook instances',
        name_cn: '开发环境实例',
        unit_en: '',
        unit_cn: '个',
        max: 1_000,
      },
      count: store.count,
      async clear(projectId, workspaceId) {
        for (const { id, desired } of await store.inWorkspace(projectId, workspaceId)) {
          if (desired === 'delete') continue;
          await store.desire(id, 'delete', () => true, deps.clock.now());
          await wake(id, { interrupt: true });
        }
        return (await store.inWorkspace(projectId, workspaceId)).length;
      },
    },
    occupant,
    reconciler,
    server,
    snapshots,
    usersOfImage: async (projectId, imageId) =>
      (await store.withImage(projectId, imageId)).map(({ name }) => `notebook instance ${name}`),
    open: () => origins.start(),
    async start() {
      await doors?.start();
      await origins.start(); // of those that `open` could not open
      await reconciler.start();
      await mounting.start();
      const run = () => {
        sweep(parts).catch(error => deps.log.error({ err: error }, 'sweep of notebooks failed'));
      };
      run();
      timer = setInterval(run, SWEEP_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      doors?.stop();
      origins.stop();
      server.close();
      for (const socket of sockets) socket.destroy();
      await mounting.stop();
      await reconciler.stop();
    },
  };
}
