import { createHash } from 'node:crypto';

/** Wire states of a real-time service (behaviour/inference.md 5). */
export type ServiceStatus =
  | 'deploying'
  | 'waiting'
  | 'running'
  | 'concerning'
  | 'failed'
  | 'stopping'
  | 'stopped'
  | 'deleting';

/** What the user wants of it. */
export type Desired = 'running' | 'stopped' | 'deleted';

/** One model in a service, as configured. */
export interface EntryConfig {
  modelId: string;
  modelName: string;
  modelVersion: string;
  weight: number;
  specification: string;
  instanceCount: number;
  envs: Record<string, string>;
  deployTimeoutSeconds: number;
  /** Id of the dedicated pool it runs in; the public one when absent. */
  poolId?: string;
  additionalProperties?: Record<string, unknown>;
}

export type RevisionResult = 'RUNNING' | 'SUCCESS' | 'FAIL';

/** One configuration of a service; revisions are the update history. */
export interface Revision {
  number: number;
  entries: EntryConfig[];
  result: RevisionResult;
  /** Milliseconds. */
  createdAt: number;
}

export interface Schedule {
  type: 'stop';
  time_unit: 'DAYS' | 'HOURS' | 'MINUTES';
  duration: number;
}

export type BalancePolicy = 'ROUND_ROBIN' | 'LEAST_CONNECTIONS' | 'SOURCE_IP';

export interface Service {
  id: string;
  accountId: string;
  projectId: string;
  workspaceId: string;
  name: string;
  description: string;
  ownerId: string;
  ownerName: string;
  status: ServiceStatus;
  desired: Desired;
  /** Raised by every change that a user makes; a pass that saw an older one does not save. */
  generation: number;
  /** Number of the revision to reach. */
  target: number;
  /** Number of the revision that takes the traffic; absent until one was good. */
  active?: number;
  rollingBack: boolean;
  /** Start of the deployment or update under way. */
  deploySince: number;
  progress: number;
  errorMessage?: string;
  publishAt: number;
  startTime?: number;
  transitionAt: number;
  updatedAt: number;
  operationAt: number;
  dueAt?: number;
  schedule: Schedule[];
  loadBalancerPolicy?: BalancePolicy;
  additionalProperties: Record<string, unknown>;
}

export interface ServiceEvent {
  time: number;
  type: 'normal' | 'abnormal';
  info: string;
}

/** Which services to list, and how. */
export interface ServiceFilter {
  projectId: string;
  workspaceId: string;
  id?: string;
  name?: string;
  modelId?: string;
  status?: string;
  /** Those with a model in this dedicated pool. */
  poolId?: string | undefined;
  sortBy: 'publish_at' | 'service_name' | 'transition_at';
  order: 'asc' | 'desc';
  offset: number;
  limit: number;
}

/** Which events of a service to list; times in milliseconds. */
export interface EventFilter {
  type?: string;
  info?: string;
  from?: number;
  to?: number;
  order: 'asc' | 'desc';
  offset: number;
  limit: number;
}

/**
 * - queued: waits for resources
 * - starting: has resources; its container is to run and to answer
 * - ready: answers
 * - leaving: takes no traffic any more and is being removed
 */
export type InstancePhase = 'queued' | 'starting' | 'ready' | 'leaving';

/** One copy of a model inside a service. */
export interface Instance {
  id: string;
  serviceId: string;
  /** Equal shapes are interchangeable: a change of weights or counts keeps such instances. */
  shape: string;
  modelId: string;
  modelName: string;
  modelVersion: string;
  specification: string;
  poolId?: string;
  envs: Record<string, string>;
  deployTimeoutSeconds: number;
  graceSeconds: number;
  phase: InstancePhase;
  /** Number of the container start under way, from 1. The container carries it as a label. */
  attempt: number;
  everReady: boolean;
  /** Ends without having been ready for long, in a row. */
  crashes: number;
  /** Not started before this time. */
  nextStartAt: number;
  /** When this attempt was started. */
  startedAt?: number;
  readyAt?: number;
  /** Failed health probes in a row. */
  probeFailures: number;
  host?: string;
  port?: number;
  /** Why it is not ready, for people. */
  note: string;
  createdAt: number;
}

export const DEFAULT_DEPLOY_TIMEOUT_SECONDS = 1200;
export const DEFAULT_GRACE_SECONDS = 45;
/** Longest grace between SIGTERM and SIGKILL (behaviour/inference.md 3). */
export const LONGEST_GRACE_SECONDS = 90;
/** Probes in a row that may fail before an instance counts as unhealthy, and before it is restarted. */
export const UNHEALTHY_AFTER = 3;
export const RESTART_AFTER = 12;

/** The part of an entry that decides whether a running instance can stay. */
export function shapeOf(entry: EntryConfig): string {
  const envs = Object.entries(entry.envs).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([entry.modelId, entry.specification, envs, ...(entry.poolId ? [entry.poolId] : [])]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** True when it answers well enough to count as running. */
export function isHealthy(instance: Instance): boolean {
  return instance.phase === 'ready' && instance.probeFailures < UNHEALTHY_AFTER;
}

/** `[name version]`, as the documented event sentences write a model. */
export function label(model: { modelName: string; modelVersion: string }): string {
  return `[${model.modelName} ${model.modelVersion}]`;
}

/** When a service with this schedule stops by itself, counted from `now`; undefined when it never does. */
export function dueTime(schedule: readonly Schedule[], now: number): number | undefined {
  const stop = schedule.find(entry => entry.type === 'stop');
  if (!stop) return undefined;
  const unit = { DAYS: 86_400_000, HOURS: 3_600_000, MINUTES: 60_000 }[stop.time_unit];
  return now + stop.duration * unit;
}

/** Pause before start number `crashes + 1`, milliseconds: 1 s doubling up to a minute. */
export function backoff(crashes: number): number {
  return Math.min(1000 * 2 ** Math.max(crashes - 1, 0), 60_000);
}
