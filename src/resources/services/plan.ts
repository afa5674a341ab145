import type { ServiceEvent, ServiceStatus } from './service.ts';
import { type EntryConfig, type Instance, isHealthy, type Revision, type Service, shapeOf } from './service.ts';

export interface PlanInput {
  service: Service;
  target: Revision;
  active?: Revision;
  instances: readonly Instance[];
  now: number;
  /** Whether this installation could run the old and the new instances side by side. */
  fitsBoth: boolean;
}

/** What to do next for a service. Computed from what is known alone; does nothing itself. */
export interface Plan {
  status: ServiceStatus;
  progress: number;
  errorMessage?: string;
  /** One entry per instance to create. */
  create: EntryConfig[];
  /** Ids of instances that shall go. */
  leave: string[];
  /** The revision that takes the traffic from now on. */
  activate?: number;
  /** Results for the update history. */
  finish: { revision: number; result: 'SUCCESS' | 'FAIL' }[];
  /** Go back to this revision. */
  rollbackTo?: number;
  /** The rollback is over. */
  rolledBack?: boolean;
  /** Nothing is left of a deleted service. */
  gone: boolean;
  events: ServiceEvent[];
}

/** Ends in a row, never having been ready, after which a deployment is given up. */
const HOPELESS_CRASHES = 3;
/** The same for a service that did run once. */
const HOPELESS_LATER = 10;

/** Decides the next step of a service (behaviour/inference.md 5). Pure. */
export function plan(input: PlanInput): Plan {
  const { service, instances } = input;
  const present = instances.filter(instance => instance.phase !== 'leaving');
  const none: Plan = {
    status: service.status,
    progress: service.progress,
    errorMessage: service.errorMessage,
    create: [],
    leave: [],
    finish: [],
    gone: false,
    events: [],
  };
  if (service.desired !== 'running') {
    const over = instances.length === 0;
    return {
      ...none,
      leave: present.map(instance => instance.id),
      status: service.desired === 'deleted' ? 'deleting' : over ? 'stopped' : 'stopping',
      progress: 0,
      gone: service.desired === 'deleted' && over,
      events:
        service.desired === 'stopped' && over && service.status !== 'stopped'
          ? [normal(input, 'The service is stopped.')]
          : [],
    };
  }
  if (service.status === 'failed') {
    return { ...none, leave: present.map(instance => instance.id) };
  }
  return planRunning(input, none, present);
}

function planRunning(input: PlanInput, none: Plan, present: readonly Instance[]): Plan {
  const { service, target, active, instances } = input;
  const updating = active !== undefined && active.number !== target.number;
  const wanted = countShapes(target.entries);
  const kept = updating && input.fitsBoth ? countShapes(active.entries) : new Map<string, number>();
  const leave: string[] = [];
  const stay: Instance[] = [];
  for (const [shape, group] of groupBy(present)) {
    const limit = Math.max(wanted.get(shape) ?? 0, kept.get(shape) ?? 0);
    const sorted = [...group].sort(byWorth);
    stay.push(...sorted.slice(0, limit));
    leave.push(...sorted.slice(limit).map(instance => instance.id));
  }
  // Without room for both, the old ones are gone before the new ones are made.
  const blocked = updating && !input.fitsBoth && instances.some(instance => !wanted.has(instance.shape));
  const create: EntryConfig[] = [];
  const members: Instance[] = [];
  for (const entry of target.entries) {
    const shape = shapeOf(entry);
    const group = stay.filter(instance => instance.shape === shape).sort(byWorth);
    members.push(...group.slice(0, entry.instanceCount));
    if (!blocked) for (let n = group.length; n < entry.instanceCount; n++) create.push(entry);
  }
  const base: Plan = { ...none, create, leave, progress: progressOf(target, members) };
  const deploying = service.active !== target.number;
  return deploying ? planDeployment(input, base, members) : planSteady(input, base, members);
}

function planDeployment(input: PlanInput, base: Plan, members: readonly Instance[]): Plan {
  const { service, target, active, now } = input;
  const updating = active !== undefined;
  if (enoughOf(target, members, entry => entry.instanceCount)) {
    return { ...base, activate: target.number };
  }
  const hopeless = members.filter(instance => !instance.everReady && instance.crashes >= HOPELESS_CRASHES);
  const ready = members.filter(isHealthy).length;
  const timeout = Math.max(...target.entries.map(entry => entry.deployTimeoutSeconds));
  const late = now >= service.deploySince + timeout * 1000;
  // Only a part of the instances started in time: what there is serves, and the service is concerning.
  if (late && !updating && enoughOf(target, members, () => 1)) return { ...base, activate: target.number };
  const lost = updating
    ? hopeless.length > 0
    : hopeless.length > 0 && hopeless.length === members.length - ready && ready === 0;
  if (late || lost) {
    const cause = late
      ? `not ready within the deploy timeout of ${timeout} s: ${reasonOf(members)}`
      : reasonOf(hopeless);
    return giveUp(input, base, cause);
  }
  const queued = members.some(instance => instance.phase === 'queued');
  return { ...base, status: updating ? 'deploying' : queued ? 'waiting' : 'deploying', errorMessage: undefined };
}

function giveUp(input: PlanInput, base: Plan, cause: string): Plan {
  const { target, active, instances } = input;
  const finish: Plan['finish'] = [{ revision: target.number, result: 'FAIL' }];
  if (active !== undefined) {
    return {
      ...base,
      create: [],
      leave: [],
      status: 'deploying',
      rollbackTo: active.number,
      finish,
      events: [
        abnormal(input, `Updating the service failed: ${cause}`),
        normal(input, 'Rolling back to the previous configuration.'),
      ],
    };
  }
  return {
    ...base,
    create: [],
    leave: instances.filter(instance => instance.phase !== 'leaving').map(instance => instance.id),
    status: 'failed',
    progress: 0,
    errorMessage: cause,
    finish,
    events: [abnormal(input, `Deploying the service failed: ${cause}`)],
  };
}

function planSteady(input: PlanInput, base: Plan, members: readonly Instance[]): Plan {
  const { service, target, now } = input;
  const healthy = members.filter(isHealthy).length;
  const wanted = target.entries.reduce((sum, entry) => sum + entry.instanceCount, 0);
  if (healthy >= wanted) {
    return {
      ...base,
      status: 'running',
      progress: 100,
      errorMessage: undefined,
      rolledBack: service.rollingBack,
      finish: service.status === 'running' ? [] : [{ revision: target.number, result: 'SUCCESS' }],
      events: service.status === 'running' ? [] : [normal(input, arrival(service))],
    };
  }
  const timeout = Math.max(...target.entries.map(entry => entry.deployTimeoutSeconds));
  const tries = service.rollingBack ? HOPELESS_CRASHES : HOPELESS_LATER;
  const hopeless = members.length > 0 && members.every(instance => instance.crashes >= tries);
  const late = service.rollingBack && now >= service.deploySince + timeout * 1000;
  if (healthy === 0 && (hopeless || late)) {
    const what = service.rollingBack ? 'The update failed and so did the rollback' : 'No instance can be kept running';
    const cause = `${what}: ${reasonOf(members)}`;
    return {
      ...base,
      create: [],
      leave: members.map(instance => instance.id),
      status: 'failed',
      progress: 0,
      errorMessage: cause,
      events: [abnormal(input, cause)],
    };
  }
  const reason = `${healthy} of ${wanted} instances are ready: ${reasonOf(members)}`;
  return {
    ...base,
    status: 'concerning',
    errorMessage: reason,
    finish: service.status === 'concerning' ? [] : [{ revision: target.number, result: 'SUCCESS' }],
    events: service.status !== 'concerning' ? [abnormal(input, `The service needs attention: ${reason}`)] : [],
  };
}

/** How the service came to run, for its events. */
function arrival(service: Service): string {
  if (service.rollingBack) return 'Updating the service failed; it is rolled back to the previous configuration.';
  if (service.status === 'concerning') return 'All instances of the service are ready again.';
  return service.startTime === undefined || service.target === 1
    ? 'The service is running.'
    : 'The service is updated and running.';
}

function countShapes(entries: readonly EntryConfig[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const shape = shapeOf(entry);
    counts.set(shape, (counts.get(shape) ?? 0) + entry.instanceCount);
  }
  return counts;
}

function groupBy(instances: readonly Instance[]): Map<string, Instance[]> {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) groups.set(instance.shape, [...(groups.get(instance.shape) ?? []), instance]);
  return groups;
}

/** Those that serve first, then the further ones, then the older ones. */
function byWorth(a: Instance, b: Instance): number {
  const rank = { ready: 0, starting: 1, queued: 2, leaving: 3 };
  return (
    rank[a.phase] - rank[b.phase] ||
    a.probeFailures - b.probeFailures ||
    a.createdAt - b.createdAt ||
    (a.id < b.id ? -1 : 1)
  );
}

function enoughOf(target: Revision, members: readonly Instance[], count: (entry: EntryConfig) => number): boolean {
  return target.entries.every(entry => {
    const shape = shapeOf(entry);
    return members.filter(instance => instance.shape === shape && isHealthy(instance)).length >= count(entry);
  });
}

function reasonOf(instances: readonly Instance[]): string {
  const notes = instances.filter(instance => !isHealthy(instance)).map(instance => instance.note);
  const told = [...new Set(notes.filter(note => note !== ''))];
  return told.length > 0 ? told.join('; ').slice(0, 1500) : 'the instances are not started yet';
}

function progressOf(target: Revision, members: readonly Instance[]): number {
  const wanted = target.entries.reduce((sum, entry) => sum + entry.instanceCount, 0);
  const points = members.reduce((sum, instance) => {
    if (isHealthy(instance)) return sum + 100;
    if (instance.phase === 'queued') return sum + 10;
    return sum + (instance.startedAt === undefined ? 30 : 60);
  }, 0);
  return Math.min(99, Math.floor(points / wanted));
}

function normal(input: PlanInput, info: string): ServiceEvent {
  return { time: input.now, type: 'normal', info };
}

function abnormal(input: PlanInput, info: string): ServiceEvent {
  return { time: input.now, type: 'abnormal', info };
}
