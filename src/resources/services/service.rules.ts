import { Failure } from '../../kernel/failure.ts';
import { isKeptSize, ownSize } from './service.size.ts';
import {
  type BalancePolicy,
  DEFAULT_DEPLOY_TIMEOUT_SECONDS,
  DEFAULT_GRACE_SECONDS,
  type EntryConfig,
  LONGEST_GRACE_SECONDS,
  type Schedule,
} from './service.ts';

/** One member of `config[]` as it came over the wire. */
export interface RawEntry {
  model_id: string;
  weight?: number | string;
  specification?: string;
  instance_count?: number | string;
  envs?: Record<string, unknown>;
  deploy_timeout_in_seconds?: number | string;
  pool_name?: string;
  cluster_id?: string;
  custom_spec?: Record<string, unknown>;
  additional_properties?: Record<string, unknown>;
}

/** An entry whose model is not looked up yet. */
export type CheckedEntry = Omit<EntryConfig, 'modelName' | 'modelVersion'>;

/** Bounds of the deploy timeout: 3 to 120 minutes (behaviour/inference.md 5). */
export const DEPLOY_TIMEOUT_BOUNDS = { min: 180, max: 7200 };
/** Real-time services per user. */
export const SERVICE_LIMIT = 20;

const LONGEST_ENV_VALUE = 4096;
const MOST_ENVS = 100;

/** Refuses a service name that is not 1 to 64 letters, digits, underscores and hyphens. */
export function checkServiceName(name: string): void {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return;
  throw invalid('service_name', 'must have 1 to 64 characters: letters, digits, underscores and hyphens', name);
}

/** Refuses a description over 100 characters or with a character the service does not take. */
export function checkServiceDescription(description: string): void {
  if ([...description].length > 100) {
    throw invalid('description', 'must have at most 100 characters', `${description.slice(0, 20)}…`);
  }
  if (/[!<>+&"']/.test(description))
    throw invalid('description', 'must not contain any of ! < > + & " \'', description);
}

/**
 * Checks `config[]` (behaviour/inference.md 5): numbers may come as texts, weights total exactly 100, each model appears once. A member that
 * names no pool runs in `servicePool`.
 * Throws Failure naming the field.
 */
export function checkConfig(config: readonly RawEntry[], servicePool?: string): CheckedEntry[] {
  if (config.length === 0) throw invalid('config', 'must have at least one model', '[]');
  const entries = config.map((raw, index) => checkEntry(raw, `config[${index}]`, config.length === 1, servicePool));
  const total = entries.reduce((sum, entry) => sum + entry.weight, 0);
  if (total !== 100) {
    throw new Failure({
      code: 'ModelArts.0104',
      status: 400,
      message: `The weights of config[] ([weight]) must total exactly 100; ${entries.map(entry => entry.weight).join(' + ')} = ${total}.`,
    });
  }
  const seen = new Set<string>();
  for (const entry of entries) {
    if (seen.has(entry.modelId)) {
      throw new Failure({
        code: 'ModelArts.3516',
        status: 400,
        message: `The model ${entry.modelId} appears twice in config[]; the versions inside one service must differ.`,
        solution: 'Raise [instance_count] to run several copies of one version.',
      });
    }
    seen.add(entry.modelId);
  }
  return entries;
}

function checkEntry(raw: RawEntry, at: string, alone: boolean, servicePool: string | undefined): CheckedEntry {
  const poolId = raw.pool_name || raw.cluster_id || servicePool;
  const specification = raw.specification ?? '';
  if (specification === '') throw invalid(`${at}.specification`, 'is required', '');
  if (isKeptSize(specification)) throw invalid(`${at}.specification`, 'is no name of a flavor', specification);
  if (specification === 'custom' && !poolId) {
    throw invalid(`${at}.specification`, 'may be "custom" in a dedicated pool alone; name a flavor', specification);
  }
  const properties = raw.additional_properties ?? {};
  return {
    modelId: raw.model_id,
    weight: integer(raw.weight ?? (alone ? 100 : undefined), `${at}.weight`, 0, 100),
    specification: specification === 'custom' ? ownSize(raw.custom_spec, at) : specification,
    ...(poolId ? { poolId } : {}),
    instanceCount: integer(raw.instance_count ?? 1, `${at}.instance_count`, 1, 128),
    envs: checkEnvs(raw.envs ?? {}, at),
    deployTimeoutSeconds: integer(
      raw.deploy_timeout_in_seconds ?? DEFAULT_DEPLOY_TIMEOUT_SECONDS,
      `${at}.deploy_timeout_in_seconds`,
      DEPLOY_TIMEOUT_BOUNDS.min,
      DEPLOY_TIMEOUT_BOUNDS.max,
    ),
    ...(raw.additional_properties ? { additionalProperties: checkProperties(properties, at) } : {}),
  };
}

function checkProperties(properties: Record<string, unknown>, at: string): Record<string, unknown> {
  const grace = properties.termination_grace_period_seconds;
  if (grace !== undefined) {
    integer(grace, `${at}.additional_properties.termination_grace_period_seconds`, 0, LONGEST_GRACE_SECONDS);
  }
  for (const key of ['persistent_volumes', 'log_volume']) {
    const value = properties[key];
    if (Array.isArray(value) && value.length > 0) {
      throw invalid(`${at}.additional_properties.${key}`, 'needs a dedicated pool', JSON.stringify(value));
    }
  }
  return properties;
}

/** Seconds between SIGTERM and SIGKILL for the instances of an entry. */
export function graceSeconds(entry: Pick<EntryConfig, 'additionalProperties'>): number {
  const given = Number(entry.additionalProperties?.termination_grace_period_seconds ?? Number.NaN);
  return Number.isInteger(given) ? given : DEFAULT_GRACE_SECONDS;
}

function checkEnvs(envs: Record<string, unknown>, at: string): Record<string, string> {
  const result: Record<string, string> = {};
  const entries = Object.entries(envs);
  if (entries.length > MOST_ENVS) throw invalid(`${at}.envs`, `must have at most ${MOST_ENVS} variables`, '');
  for (const [name, value] of entries) {
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/.test(name)) {
      throw invalid(
        `${at}.envs`,
        'has a bad name: 1 to 64 letters, digits, underscores, dots and hyphens, not starting with a digit',
        name,
      );
    }
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw invalid(`${at}.envs.${name}`, 'must be a string', String(value));
    }
    const text = String(value);
    if (text.length > LONGEST_ENV_VALUE || text.includes('\0')) {
      throw invalid(`${at}.envs.${name}`, `must have at most ${LONGEST_ENV_VALUE} characters`, text.slice(0, 20));
    }
    result[name] = text;
  }
  return result;
}

function integer(value: unknown, field: string, min: number, max: number): number {
  if (value === undefined) throw invalid(field, 'is required', '');
  const number = typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw invalid(field, `must be an integer from ${min} to ${max}`, String(value));
}

const UNITS = ['DAYS', 'HOURS', 'MINUTES'];

/** Checks `schedule[]`: at most one automatic stop, in the future (ModelArts.3562). */
export function checkSchedule(schedule: readonly Record<string, unknown>[]): Schedule[] {
  if (schedule.length > 1) throw invalid('schedule', 'may have one entry', String(schedule.length));
  return schedule.map((entry, index) => {
    const at = `schedule[${index}]`;
    if (entry.type !== 'stop') throw invalid(`${at}.type`, 'must be "stop"', String(entry.type));
    const unit = String(entry.time_unit).toUpperCase();
    if (!UNITS.includes(unit)) throw invalid(`${at}.time_unit`, 'must be DAYS, HOURS or MINUTES', unit);
    const duration = typeof entry.duration === 'string' ? Number(entry.duration) : entry.duration;
    if (typeof duration !== 'number' || !Number.isInteger(duration) || duration < 1 || duration > 1_000_000) {
      throw new Failure({
        code: 'ModelArts.3562',
        status: 400,
        message: `Parameter [${at}.duration] must be an integer of at least 1, so that the stop lies in the future; it is "${String(entry.duration).slice(0, 40)}".`,
      });
    }
    return { type: 'stop', time_unit: unit as Schedule['time_unit'], duration };
  });
}

/** Checks `load_balancer_policy`. */
export function checkPolicy(policy: string | undefined): BalancePolicy | undefined {
  if (policy === undefined || policy === '') return undefined;
  if (policy === 'ROUND_ROBIN' || policy === 'LEAST_CONNECTIONS' || policy === 'SOURCE_IP') return policy;
  throw invalid('load_balancer_policy', 'must be ROUND_ROBIN, LEAST_CONNECTIONS or SOURCE_IP', policy);
}

function invalid(field: string, rule: string, value: string): Failure {
  return new Failure({
    code: 'ModelArts.0104',
    status: 400,
    message: `Parameter [${field}] ${rule}${value === '' ? '' : `; it is "${value.slice(0, 100)}"`}.`,
  });
}
