import { createHmac } from 'node:crypto';
import type { Server } from 'node:http';
import type { Registry } from 'prom-client';
import { createAdmission } from '../admission/index.ts';
import { createApiServer, createTerminals, type Locate, type Locators, type Route, type Site } from '../http/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import { createAlgorithms } from '../resources/algorithms/index.ts';
import { createAudit, type Retention } from '../resources/audit/index.ts';
import { createAuthorizations } from '../resources/authorizations/index.ts';
import { computeQuotasRoutes, workspaceCompute } from '../resources/compute-quotas/index.ts';
import { createConsole } from '../resources/console/index.ts';
import { createEnterpriseProjects } from '../resources/enterprise-projects/index.ts';
import { type Capacity, findFlavor, flavors } from '../resources/flavors/index.ts';
import { createIam } from '../resources/iam/index.ts';
import { createImages, type ImagesDeps } from '../resources/images/index.ts';
import { createKeyPairs } from '../resources/key-pairs/index.ts';
import { createModels } from '../resources/models/index.ts';
import { createNetworks } from '../resources/networks/index.ts';
import { createNotebooks, createVolumes, type NotebooksDeps } from '../resources/notebooks/index.ts';
import { createObjects, type S3Backend } from '../resources/objects/index.ts';
import { createPools, type MachineDisk, type PoolShares } from '../resources/pools/index.ts';
import { createServices, type ServicesDeps } from '../resources/services/index.ts';
import { createSharedDirectories, type SharedDirectory } from '../resources/shared-directories/index.ts';
import { createSystem, type SystemDeps } from '../resources/system/index.ts';
import { createTraining, type TrainingDeps } from '../resources/training-jobs/index.ts';
import { createWorkspaces } from '../resources/workspaces/index.ts';
import type { RuntimeDriver } from '../runtime/driver.ts';
import type { Database } from '../store-kit/index.ts';
import { openApi } from '../wire/openapi.ts';
import type { HomePaths } from './home.ts';
import { issueKey, issueToken } from './issue-token.ts';
import type { ContainerDoors } from './listeners.ts';
import { allOperations } from './operations.ts';

/** What the families stand on, and what tests put others in place of. */
export interface Parts {
  /** With `allMigrations` done. */
  db: Database;
  clock: Clock;
  log: Log;
  metrics: Registry;
  version: string;
  region: string;
  /** Host names `<bucket>.<obsDomain>` address buckets. */
  obsDomain: string;
  /** Regions besides its own where buckets may be said to lie. */
  obsLocations?: readonly string[];
  /** Of archived objects and lifecycle rules; what the object store takes when absent. */
  obs?: { restoreSeconds: number; lifecycleSeconds: number };
  /** Another store that keeps the bytes of objects; the data directory when absent. */
  obsBackend?: S3Backend | undefined;
  installation: string;
  secrets: { tokenKey: Buffer; dataKey: Buffer; gatewayKey: string; operatorKey: string };
  paths: Pick<HomePaths, 'objects' | 'jobs' | 'models' | 'services' | 'notebooks' | 'shared'>;
  /** Read when they are needed, so that they may be filled in once the servers listen. */
  endpoints: { api: string; obs: string; registry: string; inference: string; notebooks: string };
  readiness: SystemDeps['readiness'];
  capacity: Capacity;
  driver: RuntimeDriver;
  gateway: ServicesDeps['gateway'];
  /** Makes the way on which containers reach the two servers. */
  doors(servers: { api: Server; obs: Server }): ContainerDoors;
  /** How instances of services are asked for their health; by HTTP when absent. */
  probe?: ServicesDeps['probe'];
  /** Ports of the host where containers find the two servers. */
  doorPorts: { api: number; obs: number };
  /** What of the disk is given to work; without limit when absent. */
  disk?: MachineDisk;
  /** Which accounts may make dedicated pools of how much of the machine; all of all when absent. */
  poolShares?: PoolShares;
  /** Directories of the machine that accounts may mount; none when absent. */
  sharedDirectories?: readonly SharedDirectory[];
  /** Ports by which SSH reaches notebooks. */
  ssh?: { host: string; first: number; last: number };
  /** Of the console's hints. */
  changes?: Parameters<typeof createConsole>[0]['changeSettings'];
  /** Of Cloud Shell. */
  terminals?: Parameters<typeof createTerminals>[0]['settings'];
  imageSettings?: ImagesDeps['settings'];
  trainingSettings?: TrainingDeps['settings'];
  serviceSettings?: Pick<ServicesDeps['settings'], 'layerBytes'>;
  /** Of notebooks: where their storage lies, how their web IDEs are asked, host names of the proxy; see NotebooksDeps. */
  notebooks?: Partial<
    Pick<
      NotebooksDeps,
      'volumes' | 'mounter' | 'probe' | 'probeSsh' | 'preparing' | 'hosts' | 'anyAddress' | 'webPorts' | 'settings'
    >
  >;
  /** The built console, which the API's server serves; none when absent. */
  site?: Site | undefined;
  /** How long audit records are kept, and how many; half a year and half a million when absent. */
  auditRetention?: Retention;
}

export type Families = ReturnType<typeof composeFamilies>;

/** Makes every family of the parts, and mounts them all; nothing listens or runs yet. */
export function composeFamilies(parts: Parts) {
  const { db, clock, log, metrics, region, secrets, paths, endpoints, capacity, driver, gateway, installation } = parts;
  const common = { db, clock, log };
  const admission = createAdmission({ ...common, capacity });
  const trail = createAudit({
    ...common,
    metrics,
    ...(parts.auditRetention ? { retention: parts.auditRetention } : {}),
  });
  const iam = createIam({
    ...common,
    recorded: trail.recorded,
    region,
    tokenKey: secrets.tokenKey,
    operatorKey: secrets.operatorKey,
    dataKey: secrets.dataKey,
    endpoints,
  });
  // What is counted are the decisions about calls; asking on somebody's behalf goes by the authorizer itself.
  const authorizer = trail.recorded(iam.authorizer);
  const objects = createObjects({
    ...common,
    metrics,
    iam: { resolveAccessKey: iam.resolveAccessKey, authorizer },
    audit: trail.audit,
    dataKey: secrets.dataKey,
    dir: paths.objects,
    region,
    ...(parts.obsLocations ? { otherLocations: parts.obsLocations } : {}),
    domain: parts.obsDomain,
    ...(parts.obsBackend ? { backend: parts.obsBackend } : {}),
    ...(parts.obs
      ? { restoreMs: parts.obs.restoreSeconds * 1000, lifecycleIntervalMs: parts.obs.lifecycleSeconds * 1000 }
      : {}),
  });
  const enterpriseProjects = createEnterpriseProjects({ db, clock, region, projectName: iam.projectName });
  const workspaces = createWorkspaces({ ...common, iam, enterpriseProjects });
  enterpriseProjects.setBound(workspaces.bound);
  iam.setEnterpriseProjects(async (accountId, id) => (await enterpriseProjects.find(accountId, id)) !== undefined);
  const locate: Locate = async (kind, id, scope) => locators[kind]?.(id, scope);
  const webConsole = createConsole({
    db,
    clock,
    region,
    installation,
    dataKey: secrets.dataKey,
    endpoints,
    authenticate: iam.authenticate,
    authorizer: iam.authorizer,
    issue: input => issueToken(app, input),
    issueKey: input => issueKey(app, input),
    log,
    objects,
    workspace: workspaces.find,
    browserProvider: iam.browserProvider,
    signInProviders: iam.signInProviders,
    ...(parts.changes ? { changeSettings: parts.changes } : {}),
  });
  const { app, mount } = createApiServer({
    authenticate: webConsole.authenticate,
    site: parts.site,
    beside: webConsole.takeObjectRequest,
    authorizer,
    ownsProject: iam.ownsProject,
    locate,
    workspace: workspaces.find,
    audit: trail.audit,
    log,
    metrics,
  });
  const terminals = createTerminals({ clock, log, ...(parts.terminals ? { settings: parts.terminals } : {}) });
  terminals.attach(app.server);
  // They are connections of the server, which waits for those to end.
  app.addHook('preClose', () => terminals.close());
  const doors = parts.doors({ api: app.server, obs: objects.server });
  const authorizations = createAuthorizations({ ...common, iam });
  const images = createImages({ ...common, driver, workspaces, settings: parts.imageSettings });
  const keyPairs = createKeyPairs({ db, clock });
  const flavorTable = { list: () => flavors(capacity), find: findFlavor };
  const networks = createNetworks({ ...common, driver, workspaces, installation, ports: () => parts.doorPorts });
  const pools = createPools({
    ...common,
    admission,
    driver,
    flavors: flavorTable,
    networks,
    workspaces,
    installation,
    ...(parts.disk ? { disk: parts.disk } : {}),
    ...(parts.poolShares ? { shares: parts.poolShares } : {}),
  });
  const shared = createSharedDirectories(paths.shared, parts.sharedDirectories ?? []);
  const algorithms = createAlgorithms({ ...common, objects: objects.service, images, workspaces });
  const training = createTraining({
    ...common,
    objects: objects.service,
    iam,
    authorizations,
    workspaces,
    algorithms,
    images,
    admission,
    pools,
    flavors: flavorTable,
    driver,
    shared,
    platform: doors,
    terminals,
    dir: paths.jobs,
    installation,
    region,
    endpoints,
    linkKey: createHmac('sha256', secrets.dataKey).update('log links').digest(),
    ...(parts.trainingSettings ? { settings: parts.trainingSettings } : {}),
  });
  const models = createModels({
    ...common,
    objects: objects.service,
    iam,
    authorizations,
    workspaces,
    training,
    images,
    dir: paths.models,
  });
  const services = createServices({
    ...common,
    models,
    admission,
    pools,
    flavors: flavorTable,
    driver,
    gateway,
    iam,
    authorizations,
    workspaces,
    dir: paths.services,
    installation,
    settings: { ...parts.serviceSettings, inferenceUrl: () => endpoints.inference },
    ...(parts.probe ? { probe: parts.probe } : {}),
  });
  const notebooks = createNotebooks({
    ...common,
    iam,
    authorizations,
    workspaces,
    images,
    admission,
    flavors: flavorTable,
    driver,
    pools,
    volumes: createVolumes(paths.notebooks, log),
    shared,
    objects: objects.service,
    platform: doors,
    region,
    endpoints,
    key: secrets.dataKey,
    dir: paths.notebooks,
    installation,
    ...(parts.ssh ? { ssh: { ...parts.ssh, publicKeys: keyPairs.publicKeys } } : {}),
    ...parts.notebooks,
  });
  images.setInstances(notebooks.snapshots);
  images.addUsers(notebooks.usersOfImage);
  models.setUsedBy(services.usedBy);
  pools.setOccupants([training.occupant, services.occupant, notebooks.occupant]);
  const locators: Locators = {
    ...iam.locators,
    workspace: workspaces.locate,
    ...algorithms.locators,
    ...training.locators,
    ...models.locators,
    ...services.locators,
    ...images.locators,
    ...notebooks.locators,
    ...pools.locators,
    ...networks.locators,
  };
  const contents = [
    training.contents,
    algorithms.contents,
    models.contents,
    services.contents,
    notebooks.contents,
    pools.contents,
    networks.contents,
    images.contents,
  ];
  workspaces.setContents(contents);
  workspaces.setCompute(workspaceCompute(admission));
  const system = createSystem({
    readiness: parts.readiness,
    metrics,
    openApi: openApi(allOperations, { title: 'Atelier', version: parts.version }),
    gatewayKey: secrets.gatewayKey,
    verify: async ({ serviceId, ...input }) =>
      iam.verifyInference({ ...input, scope: await services.invocationScope(serviceId) }),
  });
  const routes: Route[] = [
    ...system.routes,
    ...iam.routes,
    ...webConsole.routes,
    ...trail.routes(iam),
    ...enterpriseProjects.routes,
    ...workspaces.routes,
    ...authorizations.routes,
    ...algorithms.routes,
    ...training.routes,
    ...models.routes,
    ...services.routes,
    ...images.routes,
    ...keyPairs.routes,
    ...notebooks.routes,
    ...computeQuotasRoutes({ admission, iam }),
    ...pools.routes,
    ...networks.routes,
  ];
  mount(routes);

  return {
    app,
    routes,
    iam,
    objects,
    images,
    keyPairs,
    notebooks,
    admission,
    pools,
    doors,
    /** Where things lie. */
    locate,
    /** What workspaces hold. */
    contents,
    /** Takes up the work that is due. */
    async start(): Promise<void> {
      trail.start();
      // Before anything asks for a place in one; what runs in a pool nobody has set by then has lost its nodes.
      await pools.announce();
      await admission.start();
      await pools.start();
      await images.start();
      await training.start();
      await models.start();
      await services.start();
      await notebooks.start();
      await workspaces.start();
    },
    /** Lets go of the work; containers run on. The servers must have stopped taking requests. */
    async stop(): Promise<void> {
      await workspaces.stop();
      await notebooks.stop();
      await services.stop();
      await models.stop();
      await training.stop();
      await pools.stop();
      await images.stop();
      await objects.stop();
      await trail.stop();
    },
  };
}
