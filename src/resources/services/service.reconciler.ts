import type { Clock } from '../../kernel/clock.ts';
import { errorText } from '../../kernel/failure.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Log } from '../../kernel/log.ts';
import { type Next, Reconciler } from '../../loop/reconciler.ts';
import { EngineUnavailable } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import { crashed, observe } from './instance.ts';
import type { InstanceLogs } from './instance-logs.ts';
import type { InstanceRunner } from './instance-runner.ts';
import { type Plan, plan } from './plan.ts';
import type { RouteFeed } from './route-feed.ts';
import { fitInPools, type ServicePools } from './service.pools.ts';
import { graceSeconds } from './service.rules.ts';
import type { Demand, Flavor, Model } from './service.service.ts';
import type { PassPatch, ServiceStore } from './service.store.ts';
import {
  type EntryConfig,
  type Instance,
  label,
  type Revision,
  type Service,
  type ServiceEvent,
  shapeOf,
} from './service.ts';

/** The admission queue, as far as services need it. */
export interface AdmissionPort {
  submit(
    request: Demand & {
      id: string;
      kind: 'service-instance';
      name: string;
      accountId: string;
      projectId: string;
      workspaceId?: string;
      userId?: string;
      pool?: string;
    },
  ): Promise<{ state: 'queued' | 'admitted'; reason: string }>;
  release(id: string): Promise<void>;
  list(kind: 'service-instance'): Promise<string[]>;
  onAdmitted(kind: 'service-instance', listener: (id: string) => void): void;
  onLost(kind: 'service-instance', listener: (id: string, node: string) => void): void;
  fits(demand: Demand): { ok: true } | { ok: false; reason: string };
}

export interface ReconcilerDeps {
  db: Database;
  clock: Clock;
  log: Log;
  store: ServiceStore;
  runner: InstanceRunner;
  logs: InstanceLogs;
  feed: RouteFeed;
  admission: AdmissionPort;
  flavor(id: string): Flavor | undefined;
  models: { find(projectId: string, modelId: string): Promise<Model | undefined> };
  pools: ServicePools;
}

const STARTING_MS = 300;
const QUEUED_MS = 2_000;
const STEADY_MS = 5_000;
const ENGINE_RETRY_MS = 2_000;

/** Drives services from what is observed to what is wanted (behaviour/inference.md 5). */
export function serviceReconciler(deps: ReconcilerDeps): Reconciler {
  const { store, clock, runner, feed, admission } = deps;
  /** Services whose events already say that the engine is silent. */
  const engineSilent = new Set<string>();

  async function pass(id: string, signal: AbortSignal): Promise<Next> {
    const service = await store.load(id);
    if (!service) return 'settled';
    try {
      const next = await step(service, signal);
      if (engineSilent.delete(id)) {
        await tell(service, 'normal', 'The container engine answers again.');
      }
      return next;
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      if (!engineSilent.has(id)) {
        engineSilent.add(id);
        deps.log.warn({ err: error, service: id }, 'the container engine does not answer');
        await tell(
          service,
          'abnormal',
          'The container engine does not answer. Instances go on as they are; their state is unknown until it answers.',
        );
      }
      return { afterMs: ENGINE_RETRY_MS };
    }
  }

  async function tell(service: Service, type: ServiceEvent['type'], info: string): Promise<void> {
    await store.addEvents([service.id], { time: clock.now(), type, info });
  }

  async function step(service: Service, signal: AbortSignal): Promise<Next> {
    if (await stopWhenDue(service)) return { afterMs: 0 };
    const seen = await observeAll(service, await store.instances(service.id));
    const revisions = await store.revisions(service.id);
    const target = revisions.find(revision => revision.number === service.target);
    if (!target) throw new Error(`service ${service.id} has no revision ${service.target}`);
    const active = revisions.find(revision => revision.number === service.active);
    const decided = plan({
      service,
      target,
      ...(active ? { active } : {}),
      instances: seen,
      now: clock.now(),
      fitsBoth: fitsBoth(target, active),
    });
    const saved = await carryOut(service, seen, decided);
    if (!saved) return { afterMs: 0 };
    if (decided.gone) {
      await deps.logs.removeService(service.id);
      await store.remove(service.id);
      feed.changed();
      return 'settled';
    }
    const acted = await act(saved.service, saved.instances, signal);
    const turned = decided.activate !== undefined || decided.rollbackTo !== undefined;
    return acted || turned ? { afterMs: 0 } : pause(saved.service, await store.instances(service.id));
  }

  async function stopWhenDue(service: Service): Promise<boolean> {
    const now = clock.now();
    if (service.desired !== 'running' || service.dueAt === undefined || service.dueAt > now) return false;
    const stopped = service.status === 'failed';
    await store.change(
      service,
      stopped
        ? { dueAt: undefined }
        : { desired: 'stopped', status: 'stopping', dueAt: undefined, transitionAt: now, operationAt: now },
      stopped ? [] : [{ time: now, type: 'normal', info: 'The scheduled time has come: the service is stopped.' }],
    );
    feed.changed();
    return true;
  }

  async function observeAll(service: Service, instances: readonly Instance[]): Promise<Instance[]> {
    const now = clock.now();
    const events: ServiceEvent[] = [];
    const changed: Instance[] = [];
    const result = await Promise.all(
      instances.map(async instance => {
        if (instance.phase === 'queued' || instance.phase === 'leaving') return instance;
        const sight = await runner.look(instance, deps.flavor(instance.specification));
        const found = observe(instance, sight, now);
        if (found.restart) await runner.kill(instance);
        events.push(...found.events);
        if (JSON.stringify(found.instance) !== JSON.stringify(instance)) changed.push(found.instance);
        return found.instance;
      }),
    );
    await store.saveInstances(service.id, changed, events);
    if (changed.some(next => routed(next) !== routed(instances.find(old => old.id === next.id)!))) feed.changed();
    return result;
  }

  function fitsBoth(target: Revision, active: Revision | undefined): boolean {
    if (!active) return true;
    const kept = new Map(active.entries.map(entry => [shapeOf(entry), entry.instanceCount]));
    const entries: [EntryConfig, number][] = active.entries.map(entry => [entry, entry.instanceCount]);
    for (const entry of target.entries) {
      const extra = entry.instanceCount - (kept.get(shapeOf(entry)) ?? 0);
      if (extra > 0) entries.push([entry, extra]);
    }
    return (
      admission.fits(demandOf(entries.filter(([entry]) => !entry.poolId))).ok &&
      fitInPools(deps.pools, deps.flavor, entries)
    );
  }

  function demandOf(entries: readonly [EntryConfig, number][]): Demand {
    const sum = { vcpus: 0, memoryBytes: 0, gpus: 0 };
    for (const [entry, count] of entries) {
      const flavor = deps.flavor(entry.specification);
      if (!flavor) continue;
      sum.vcpus += flavor.vcpus * count;
      sum.memoryBytes += flavor.memoryBytes * count;
      sum.gpus += flavor.gpus * count;
    }
    return sum;
  }

  /**
   * Saves a plan. Before `running` is saved the gateway already serves it, so that whoever reads it may call at once; whatever
   * leaves takes no calls any more before it is stopped. Undefined when the user changed the service meanwhile.
   */
  async function carryOut(
    service: Service,
    instances: readonly Instance[],
    decided: Plan,
  ): Promise<{ service: Service; instances: Instance[] } | undefined> {
    const now = clock.now();
    const leave = new Set(decided.leave);
    const next = instances.map(instance =>
      leave.has(instance.id) ? { ...instance, phase: 'leaving' as const } : instance,
    );
    const made = decided.create.map(entry => newInstance(service, entry, now));
    const patch: PassPatch = {
      status: decided.status,
      progress: decided.progress,
      errorMessage: decided.errorMessage,
      ...(decided.activate === undefined ? {} : { active: decided.activate }),
      ...(decided.rollbackTo === undefined ? {} : { target: decided.rollbackTo, rollingBack: true, deploySince: now }),
      ...(decided.rolledBack ? { rollingBack: false } : {}),
      ...(decided.status === 'failed' ? { active: undefined } : {}),
      ...(decided.status === 'running' && service.startTime === undefined ? { startTime: now } : {}),
    };
    if (decided.status === 'running' && service.status !== 'running') await feed.flush();
    const put = [...next.filter(instance => leave.has(instance.id)), ...made];
    const changes = (Object.keys(patch) as (keyof PassPatch)[]).some(key => patch[key] !== service[key]);
    if (changes || put.length > 0 || decided.events.length > 0 || decided.finish.length > 0) {
      const step = { patch, put, finish: decided.finish, events: decided.events, now };
      if (!(await store.saveStep(service, step))) return undefined;
      const visible = leave.size > 0 || patch.status !== service.status || decided.activate !== undefined;
      if (visible) {
        feed.changed();
        await feed.flush().catch(error => deps.log.warn({ err: error }, 'the gateway could not be told; going on'));
      }
    }
    return { service: { ...service, ...patch }, instances: [...next, ...made] };
  }

  function newInstance(service: Service, entry: EntryConfig, now: number): Instance {
    const shape = shapeOf(entry);
    return {
      id: `${shape.slice(0, 8)}-${hexId().slice(0, 8)}`,
      serviceId: service.id,
      shape,
      modelId: entry.modelId,
      modelName: entry.modelName,
      modelVersion: entry.modelVersion,
      specification: entry.specification,
      ...(entry.poolId ? { poolId: entry.poolId } : {}),
      envs: entry.envs,
      deployTimeoutSeconds: entry.deployTimeoutSeconds,
      graceSeconds: graceSeconds(entry),
      phase: 'queued',
      attempt: 1,
      everReady: false,
      crashes: 0,
      nextStartAt: now,
      probeFailures: 0,
      note: '',
      createdAt: now,
    };
  }

  /** One step for every instance. True when something changed that deserves another look at once. */
  async function act(service: Service, instances: readonly Instance[], signal: AbortSignal): Promise<boolean> {
    const results = await Promise.allSettled(
      instances.map(async instance => {
        if (instance.phase === 'queued') return admit(service, instance);
        if (instance.phase === 'starting') return launch(service, instance);
        if (instance.phase === 'leaving') return retire(service, instance, signal);
        return false;
      }),
    );
    const failed = results.find(result => result.status === 'rejected');
    if (failed) throw failed.reason;
    return results.some(result => result.status === 'fulfilled' && result.value);
  }

  async function admit(service: Service, instance: Instance): Promise<boolean> {
    const flavor = deps.flavor(instance.specification);
    if (!flavor) throw new Error(`the flavor ${instance.specification} is gone`);
    const status = await admission.submit({
      id: instance.id,
      kind: 'service-instance',
      name: `${service.name}/${instance.modelName}`,
      accountId: service.accountId,
      projectId: service.projectId,
      workspaceId: service.workspaceId,
      userId: service.ownerId,
      ...(instance.poolId ? { pool: instance.poolId } : {}),
      vcpus: flavor.vcpus,
      memoryBytes: flavor.memoryBytes,
      gpus: flavor.gpus,
    });
    const now = clock.now();
    if (status.state === 'admitted') {
      await store.saveInstances(
        service.id,
        [{ ...instance, phase: 'starting', note: '' }],
        [{ time: now, type: 'normal', info: `${label(instance)} schedule resource success.` }],
      );
      return true;
    }
    const note = `it waits for resources: ${status.reason}`;
    if (note !== instance.note) {
      const events: ServiceEvent[] =
        instance.note === ''
          ? [{ time: now, type: 'abnormal', info: `${label(instance)} waiting for resources: ${status.reason}` }]
          : [];
      await store.saveInstances(service.id, [{ ...instance, note }], events);
    }
    return false;
  }

  async function launch(service: Service, instance: Instance): Promise<boolean> {
    const now = clock.now();
    if (instance.startedAt !== undefined || instance.nextStartAt > now) return false;
    const model = await deps.models.find(service.projectId, instance.modelId);
    const flavor = deps.flavor(instance.specification);
    if (!model?.engine || !flavor) {
      await fail(service, instance, model ? 'the engine of its model is gone' : 'its model does not exist any more');
      return false;
    }
    const first = instance.attempt === 1;
    if (first && instance.note === '') await tell(service, 'normal', `${label(instance)} pulling model image.`);
    const image = await runner.image(model.engine.imageRef);
    if (!image.ok) {
      const note = `the image ${model.engine.imageRef} is not available: ${image.reason}`;
      if (note !== instance.note) {
        await store.saveInstances(
          service.id,
          [{ ...instance, note, nextStartAt: now + QUEUED_MS }],
          instance.note === '' ? [{ time: now, type: 'abnormal', info: `${label(instance)} ${note}` }] : [],
        );
      }
      return false;
    }
    if (first) await tell(service, 'normal', `${label(instance)} pull image success.`);
    const network = instance.poolId === undefined ? undefined : await deps.pools.networkOf(instance.poolId);
    if (instance.poolId !== undefined && network === undefined) {
      await fail(service, instance, `its pool ${instance.poolId} is gone`);
      return false;
    }
    try {
      await runner.launch(service, instance, model, flavor, network);
    } catch (error) {
      if (error instanceof EngineUnavailable) throw error;
      await fail(service, instance, `its container could not be started: ${errorText(error)}`);
      return false;
    }
    const info = first
      ? `${label(instance)} starting model.`
      : `${label(instance)} instance ${instance.id} is started again (start ${instance.attempt}).`;
    await store.saveInstances(
      service.id,
      [{ ...instance, startedAt: clock.now() }],
      [{ time: clock.now(), type: 'normal', info }],
    );
    return false;
  }

  async function fail(service: Service, instance: Instance, why: string): Promise<void> {
    const after = crashed(instance, why, clock.now());
    await store.saveInstances(service.id, [after.instance], after.events);
  }

  async function retire(service: Service, instance: Instance, signal: AbortSignal): Promise<boolean> {
    await runner.retire(instance, signal);
    await admission.release(instance.id);
    await store.removeInstance(instance.id);
    await deps.logs.prune(service.id);
    if (instance.host !== undefined) feed.changed();
    if (service.desired === 'running') {
      await tell(service, 'normal', `${label(instance)} instance ${instance.id} is removed.`);
    }
    return true;
  }

  function pause(service: Service, instances: readonly Instance[]): Next {
    const now = clock.now();
    if (instances.length === 0 && (service.desired !== 'running' || service.status === 'failed')) return 'settled';
    if (instances.some(instance => instance.phase === 'starting' && instance.startedAt !== undefined)) {
      return { afterMs: STARTING_MS };
    }
    const starts = instances.filter(instance => instance.phase === 'starting').map(each => each.nextStartAt - now);
    const queued = instances.some(instance => instance.phase === 'queued') ? [QUEUED_MS] : [];
    const due = service.dueAt === undefined ? [] : [service.dueAt - now];
    return { afterMs: Math.max(Math.min(STEADY_MS, ...starts, ...queued, ...due), 50) };
  }

  const reconciler = new Reconciler(deps, {
    name: 'services',
    table: 'services',
    concurrency: 16,
    pass: (id, { signal }) => pass(id, signal),
  });
  return reconciler;
}

/** What the gateway's routes see of an instance. */
function routed(instance: Instance): string {
  const serves = instance.phase === 'ready' || instance.phase === 'leaving';
  return serves ? `${instance.phase} ${instance.host}:${instance.port}` : '';
}
