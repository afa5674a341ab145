import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { uuid } from '../../kernel/ids.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { type BodyOf, listedIds } from '../../wire/operation.ts';
import type { Admit, WorkspaceContents } from '../workspaces/index.ts';
import type { serviceApis } from './service.api.ts';
import { checkStaysInPools, commonPool, POOL_CODES, type ServicePools } from './service.pools.ts';
import { checkDeployable, duplicate, wrongState } from './service.refusals.ts';
import {
  type CheckedEntry,
  checkConfig,
  checkPolicy,
  checkSchedule,
  checkServiceDescription,
  checkServiceName,
  type RawEntry,
  SERVICE_LIMIT,
} from './service.rules.ts';
import type { Flavor } from './service.size.ts';
import type { CallPatch, ServiceStore } from './service.store.ts';

import {
  dueTime,
  type EntryConfig,
  type EventFilter,
  type Instance,
  type Revision,
  type Service,
  type ServiceEvent,
  type ServiceFilter,
} from './service.ts';

export type { Flavor } from './service.size.ts';

export interface Demand {
  vcpus: number;
  memoryBytes: number;
  gpus: number;
}

/** A model as it is deployed. */
export interface Model {
  id: string;
  name: string;
  version: string;
  status: string;
  packageDir: string;
  engine?: { engineId: string; engineName: string; imageRef: string };
  apis: { url: string; method: string }[];
  installType: string[];
}

export interface ServiceDeps {
  store: ServiceStore;
  clock: Clock;
  models: { find(projectId: string, modelId: string): Promise<Model | undefined> };
  flavors: { find(id: string): Flavor | undefined; list(): Flavor[] };
  fits(demand: Demand): { ok: true } | { ok: false; reason: string };
  pools: ServicePools;
  authorizations: { agencyFor(principal: Principal, projectId: string): Promise<string> };
  workspaces: { admit: Admit };
  poke(id: string): Promise<void>;
  /** The routes of the gateway must be computed again. */
  routesChanged(): void;
}

interface Scope {
  accountId: string;
  projectId: string;
  workspaceId: string;
}

type CreateBody = BodyOf<typeof serviceApis.create>;
type UpdateBody = BodyOf<typeof serviceApis.update>;

const STOPPABLE = new Set(['running', 'concerning', 'deploying', 'waiting']);
const STARTABLE = new Set(['stopped', 'failed', 'finished']);
const UPDATABLE = new Set(['running', 'concerning', 'stopped', 'failed']);

/** What workspaces count of services. */
const SERVICE_QUOTA = 'service.count';

export type ServiceUseCases = ReturnType<typeof serviceUseCases>;

/** The use cases of real-time services. */
export function serviceUseCases(deps: ServiceDeps) {
  const { store, clock } = deps;

  async function show(projectId: string, id: string): Promise<Service> {
    const service = await store.find(projectId, id);
    if (service) return service;
    throw new Failure({
      code: 'ModelArts.3502',
      status: 404,
      message: `The service ${id.slice(0, 64)} does not exist in this project.`,
      solution: 'GET /v1/{project_id}/services lists the services.',
    });
  }

  /** Looks up pools, models and flavors of checked entries. Throws Failure 3507, 3515, 3547, 3554, 3561, 3589, 3976. */
  async function resolve(scope: Scope, checked: readonly CheckedEntry[]): Promise<EntryConfig[]> {
    const { projectId } = scope;
    const entries: EntryConfig[] = [];
    for (const [index, entry] of checked.entries()) {
      if (entry.poolId) await deps.pools.use(scope, entry.poolId, 'Infer', POOL_CODES);
      const flavor = deps.flavors.find(entry.specification);
      if (!flavor) {
        throw new Failure({
          code: 'ModelArts.3976',
          status: 400,
          message: `The flavor "${entry.specification.slice(0, 64)}" (config[${index}].specification) does not exist. Known: ${deps.flavors
            .list()
            .map(known => known.id)
            .join(', ')}.`,
        });
      }
      const verdict = entry.poolId ? deps.pools.fits(entry.poolId, flavor, entry.instanceCount) : deps.fits(flavor);
      if (!verdict.ok) {
        throw new Failure({
          code: 'ModelArts.3976',
          status: 400,
          message: `There are no resources for the flavor ${flavor.id} (config[${index}].specification): ${verdict.reason}`,
          solution: 'Choose a smaller flavor; GET /v1/{project_id}/services/specifications lists those that fit.',
        });
      }
      const model = await deps.models.find(projectId, entry.modelId);
      if (!model) {
        throw new Failure({
          code: 'ModelArts.3507',
          status: 404,
          message: `The model ${entry.modelId.slice(0, 64)} (config[${index}].model_id) does not exist in this project.`,
        });
      }
      checkDeployable(model, index);
      entries.push({ ...entry, modelName: model.name, modelVersion: model.version });
    }
    const total = entries
      .filter(entry => !entry.poolId)
      .reduce<Demand>(
        (sum, entry) => {
          const flavor = deps.flavors.find(entry.specification)!;
          return {
            vcpus: sum.vcpus + flavor.vcpus * entry.instanceCount,
            memoryBytes: sum.memoryBytes + flavor.memoryBytes * entry.instanceCount,
            gpus: sum.gpus + flavor.gpus * entry.instanceCount,
          };
        },
        { vcpus: 0, memoryBytes: 0, gpus: 0 },
      );
    const verdict = deps.fits(total);
    if (!verdict.ok) {
      throw new Failure({
        code: 'ModelArts.3976',
        status: 400,
        message: `There are no resources for all instances of config[] ([instance_count]) together: ${verdict.reason}`,
        solution: 'Lower [instance_count] or choose smaller flavors.',
      });
    }
    return entries;
  }

  async function save(service: Service, patch: CallPatch, events: ServiceEvent[], revision?: Revision): Promise<void> {
    if (!(await store.change(service, { ...patch, operationAt: clock.now() }, events, revision))) {
      throw new Failure({
        code: 'ModelArts.3519',
        status: 400,
        message: `The service ${service.name} was changed by another call at the same time; look at it and try again.`,
      });
    }
    deps.routesChanged();
    await deps.poke(service.id);
  }

  async function setStatus(service: Service, wanted: string): Promise<void> {
    const now = clock.now();
    if (wanted === 'running') {
      if (!STARTABLE.has(service.status)) throw wrongState(service, 'started', 'stopped or failed');
      const entries = (await store.revisions(service.id)).find(entry => entry.number === service.target)!.entries;
      for (const [index, entry] of entries.entries()) {
        const model = await deps.models.find(service.projectId, entry.modelId);
        if (!model) {
          throw new Failure({
            code: 'ModelArts.3507',
            status: 404,
            message: `The model ${entry.modelId} of the service does not exist any more.`,
          });
        }
        checkDeployable(model, index);
      }
      await save(
        service,
        {
          desired: 'running',
          status: 'deploying',
          active: undefined,
          rollingBack: false,
          deploySince: now,
          progress: 0,
          errorMessage: undefined,
          transitionAt: now,
          dueAt: dueTime(service.schedule, now),
        },
        [{ time: now, type: 'normal', info: 'Start to deploy service.' }],
      );
      return;
    }
    if (wanted === 'stopped') {
      if (!STOPPABLE.has(service.status)) throw wrongState(service, 'stopped', 'running, concerning or deploying');
      await save(
        service,
        { desired: 'stopped', status: 'stopping', transitionAt: now, dueAt: undefined, errorMessage: undefined },
        [{ time: now, type: 'normal', info: 'Start to stop the service.' }],
      );
      return;
    }
    throw new Failure({
      code: 'ModelArts.0104',
      status: 400,
      message: `Parameter [status] should be "running" or "stopped"; it is "${wanted.slice(0, 40)}".`,
    });
  }

  async function discard(services: readonly Service[]): Promise<void> {
    for (const service of services) {
      const now = clock.now();
      const event: ServiceEvent = { time: now, type: 'normal', info: 'Start to delete the service.' };
      let current: Service | undefined = service;
      while (current && current.desired !== 'deleted') {
        const patch: CallPatch = { desired: 'deleted', status: 'deleting', transitionAt: now, operationAt: now };
        if (await store.change(current, patch, [event])) break;
        current = await store.find(service.projectId, service.id);
      }
    }
    deps.routesChanged();
    for (const service of services) await deps.poke(service.id);
  }

  const contents: WorkspaceContents = {
    kind: 'service',
    deleteAction: 'modelarts:service:delete',
    quota: {
      resource: SERVICE_QUOTA,
      name_en: 'Services',
      name_cn: '在线服务',
      unit_en: '',
      unit_cn: '个',
      max: 10_000,
    },
    count: store.countIn,
    async clear(projectId, workspaceId) {
      const left = await store.allIn(projectId, workspaceId);
      await discard(left.filter(service => service.desired !== 'deleted'));
      return (await store.allIn(projectId, workspaceId)).length;
    },
  };

  async function reconfigure(service: Service, body: UpdateBody): Promise<void> {
    const now = clock.now();
    const patch: CallPatch = { updatedAt: now };
    const events: ServiceEvent[] = [];
    if (body.description !== undefined) {
      checkServiceDescription(body.description);
      patch.description = body.description;
    }
    if (body.load_balancer_policy !== undefined) patch.loadBalancerPolicy = checkPolicy(body.load_balancer_policy);
    if (body.additional_properties !== undefined) patch.additionalProperties = body.additional_properties;
    if (body.schedule !== undefined) {
      patch.schedule = checkSchedule(body.schedule);
      patch.dueAt = service.desired === 'running' ? dueTime(patch.schedule, now) : undefined;
    }
    let revision: Revision | undefined;
    if (body.config !== undefined) {
      if (!UPDATABLE.has(service.status)) {
        throw wrongState(service, 'updated', 'running, concerning, stopped or failed');
      }
      const revisions = await store.revisions(service.id);
      const present = revisions.find(each => each.number === service.target)?.entries ?? [];
      const checked = checkConfig(body.config as RawEntry[], commonPool(present));
      checkStaysInPools(present, checked);
      const entries = await resolve(service, checked);
      const stopped = service.status === 'stopped';
      revision = {
        number: (revisions.at(-1)?.number ?? 0) + 1,
        entries,
        result: stopped ? 'SUCCESS' : 'RUNNING',
        createdAt: now,
      };
      patch.target = revision.number;
      if (!stopped) {
        Object.assign(patch, { status: 'deploying', rollingBack: false, deploySince: now, transitionAt: now });
        // A failed service has nothing to go back to.
        if (service.status === 'failed') Object.assign(patch, { active: undefined, errorMessage: undefined });
      }
      events.push({ time: now, type: 'normal', info: 'Start to update service.' });
    }
    await save(service, patch, events, revision);
  }

  return {
    show,
    contents,
    list: (filter: ServiceFilter) => store.list(filter),
    revisions: (id: string) => store.revisions(id),
    instances: (id: string) => store.instances(id) as Promise<Instance[]>,
    events: (id: string, filter: EventFilter) => store.events(id, filter),

    /** Registers a service and starts its deployment; returns its id. */
    async create(principal: Principal, projectId: string, workspaceId: string, body: CreateBody): Promise<string> {
      checkServiceName(body.service_name);
      checkServiceDescription(body.description ?? '');
      if (body.infer_type !== 'real-time') {
        throw new Failure({
          code: 'ModelArts.3589',
          status: 400,
          message: `Parameter [infer_type] "${body.infer_type}" is not supported here yet; deploy a "real-time" service.`,
        });
      }
      const policy = checkPolicy(body.load_balancer_policy);
      const schedule = checkSchedule(body.schedule ?? []);
      const checked = checkConfig(body.config as RawEntry[], body.pool_name || body.cluster_id);
      const owner = ownerOf(principal);
      if (await store.nameTaken(projectId, workspaceId, body.service_name)) throw duplicate(body.service_name);
      if ((await store.countOwned(projectId, owner.id)) >= SERVICE_LIMIT) {
        throw new Failure({
          code: 'ModelArts.3520',
          status: 400,
          message: `A user may have at most ${SERVICE_LIMIT} real-time services; stopped and failed ones count too.`,
          solution: 'Delete services that are not needed any more.',
        });
      }
      const entries = await resolve({ accountId: principal.accountId, projectId, workspaceId }, checked);
      await deps.authorizations.agencyFor(principal, projectId);
      const now = clock.now();
      const service: Service = {
        id: uuid(),
        accountId: principal.accountId,
        projectId,
        workspaceId,
        name: body.service_name,
        description: body.description ?? '',
        ownerId: owner.id,
        ownerName: owner.name,
        status: 'deploying',
        desired: 'running',
        generation: 1,
        target: 1,
        active: undefined,
        rollingBack: false,
        deploySince: now,
        progress: 0,
        publishAt: now,
        transitionAt: now,
        updatedAt: now,
        operationAt: now,
        dueAt: dueTime(schedule, now),
        schedule,
        loadBalancerPolicy: policy,
        additionalProperties: body.additional_properties ?? {},
      };
      try {
        await store.insert(
          service,
          { number: 1, entries, result: 'RUNNING', createdAt: now },
          { time: now, type: 'normal', info: 'Start to deploy service.' },
          (used, trx) => deps.workspaces.admit(projectId, workspaceId, SERVICE_QUOTA, used, trx),
        );
      } catch (error) {
        if (/UNIQUE constraint failed/.test(String((error as Error).message))) throw duplicate(body.service_name);
        throw error;
      }
      deps.routesChanged();
      await deps.poke(service.id);
      return service.id;
    },

    /** PUT: with `status` only the status is applied; a new `config` is rolled out without a gap where there is room. */
    async update(projectId: string, id: string, body: UpdateBody): Promise<void> {
      const service = await show(projectId, id);
      if (service.desired === 'deleted') throw wrongState(service, 'changed', 'not being deleted');
      if (body.status !== undefined) await setStatus(service, body.status);
      else await reconfigure(service, body);
    },

    /** Deletes all services of a comma-separated list, or none when one of them is unknown. */
    async remove(principal: Principal, projectId: string, idList: string): Promise<void> {
      const services: Service[] = [];
      for (const id of listedIds(idList)) services.push(await show(projectId, id));
      await deps.authorizations.agencyFor(principal, projectId);
      await discard(services);
    },

    specifications: () => deps.flavors.list(),
    usersOf: (modelId: string) => store.usersOf(modelId),
  };
}
