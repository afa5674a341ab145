import { isIP } from 'node:net';
import { Failure } from '../../kernel/failure.ts';
import type { Endpoint, Hook } from './notebook.model.ts';
import type { NotebookSettings } from './notebook.ports.ts';
import type { StopRule } from './notebook.ts';

/** A refusal with a ModelArts code (behaviour/errors.md, notebooks). */
export function refuse(code: string, message: string, solution?: string, status = 400): Failure {
  return new Failure({ code: `ModelArts.${code}`, status, message, ...(solution ? { solution } : {}) });
}

/** Leaves out members that are null, at the first level: clients send null for what they do not mean. */
export function given<T extends object>(body: T): { [K in keyof T]: Exclude<T[K], null> } {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)) as never;
}

const LONGEST_SCRIPT = 64 * 1024;

/** Refuses a name that is not 1 to 128 letters, digits, hyphens and underscores. */
export function checkName(name: string | undefined): string {
  if (name === undefined || name === '') throw refuse('6335', 'Parameter [name] is required.');
  if (name.length > 128) throw refuse('6336', 'Parameter [name] should have at most 128 characters.');
  if (/^[\w-]+$/.test(name)) return name;
  throw refuse('6334', 'Parameter [name] should hold letters, digits, hyphens and underscores alone.');
}

/** Refuses a description over 512 characters or with one of & < > " ' /. */
export function checkDescription(description: string): string {
  if ([...description].length > 512) {
    throw refuse('6336', 'Parameter [description] should have at most 512 characters.');
  }
  if (/[&<>"'/]/.test(description)) {
    throw refuse('6334', 'Parameter [description] should hold none of & < > " \' /.');
  }
  return description;
}

export function checkFeature(feature: string | undefined): 'DEFAULT' | 'NOTEBOOK' {
  if (feature === undefined || feature === 'NOTEBOOK') return 'NOTEBOOK';
  if (feature === 'DEFAULT') return 'DEFAULT';
  throw refuse('6336', `Parameter [feature] is "${feature.slice(0, 50)}"; allowed: NOTEBOOK, DEFAULT.`);
}

export interface RawRule {
  type?: string | null;
  duration?: number | null;
}

/**
 * The rule that a request asks for, `now` being the start of the run. `kept`: what holds where the request says nothing.
 * Throws Failure 6349 for a time out of range, 6336 for an unknown type.
 */
export function stopRule(
  raw: RawRule,
  kept: Pick<StopRule, 'type' | 'duration'>,
  settings: NotebookSettings,
  now: number,
): StopRule {
  const type = ruleType(raw.type) ?? kept.type;
  const duration = raw.duration ?? kept.duration;
  checkDuration(duration, settings);
  return { type, duration, createdAt: now, updatedAt: now };
}

/** Throws Failure 6349 unless it is within the bounds, 1 to 24 hours. */
export function checkDuration(duration: number, settings: NotebookSettings): void {
  const { shortestRunMs, longestRunMs } = settings;
  if (Number.isInteger(duration) && duration >= shortestRunMs && duration <= longestRunMs) return;
  throw refuse(
    '6349',
    `Parameter [duration] should be from ${shortestRunMs} to ${longestRunMs} milliseconds (1 to 24 hours by default).`,
  );
}

export function ruleType(type: string | null | undefined): StopRule['type'] | undefined {
  if (type === undefined || type === null || type === '') return undefined;
  const named = type.toLowerCase();
  if (named === 'timing' || named === 'idle') return named;
  throw refuse('6336', `Parameter [lease.type] is "${type.slice(0, 50)}"; allowed: timing, idle.`);
}

export interface RawEndpoint {
  service?: string | null;
  key_pair_names?: string[] | null;
  allowed_access_ips?: string[] | null;
}

/** The ways in that a request asks for; whether a key pair exists is for others to say. */
export function checkEndpoints(raw: readonly RawEndpoint[]): Endpoint[] {
  const endpoints = raw.map(({ service, key_pair_names, allowed_access_ips }, index): Endpoint => {
    const field = `endpoints[${index}]`;
    const named = (service ?? 'NOTEBOOK').toUpperCase();
    if (named !== 'SSH' && named !== 'NOTEBOOK') {
      throw refuse('6336', `Parameter [${field}.service] is "${named.slice(0, 50)}"; allowed: SSH, NOTEBOOK.`);
    }
    const allowedIps = allowed_access_ips ?? [];
    if (allowedIps.length > 5) {
      throw refuse('6336', `Parameter [${field}.allowed_access_ips] should hold at most 5 addresses.`);
    }
    const wrong = allowedIps.find(address => !isNetwork(address));
    if (wrong !== undefined) {
      throw refuse('6336', `Parameter [${field}.allowed_access_ips]: "${wrong.slice(0, 50)}" is no IP address.`);
    }
    return { service: named, keyPairs: key_pair_names ?? [], allowedIps };
  });
  if (endpoints.filter(endpoint => endpoint.service === 'SSH').length > 1) {
    throw refuse('6336', 'Parameter [endpoints] should name SSH at most once.');
  }
  return endpoints;
}

/** An address, or one with the length of a prefix. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

export interface RawHooks {
  container_hooks?: { pre_start?: RawHook | null; post_start?: RawHook | null } | null;
}
interface RawHook {
  type?: string | null;
  script?: string | null;
}

/** The scripts that a request asks for. */
export function checkHooks(raw: RawHooks | undefined): { preStart: Hook | null; postStart: Hook | null } {
  const { pre_start, post_start } = raw?.container_hooks ?? {};
  return { preStart: hookOf(pre_start, 'pre_start'), postStart: hookOf(post_start, 'post_start') };
}

function hookOf(raw: RawHook | null | undefined, name: string): Hook | null {
  if (!raw?.script) return null;
  const field = `hooks.container_hooks.${name}`;
  const type = (raw.type ?? 'SCRIPT').toUpperCase();
  if (type === 'COMMAND') {
    const script = Buffer.from(raw.script, 'base64').toString('utf8');
    if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(raw.script) || script === '' || script.includes('\0')) {
      throw refuse('6336', `Parameter [${field}.script] should be the Base64 of a script when its type is COMMAND.`);
    }
    if (script.length > LONGEST_SCRIPT) {
      throw refuse('6336', `Parameter [${field}.script] should hold at most ${LONGEST_SCRIPT} bytes.`);
    }
    return { type, script };
  }
  if (type !== 'SCRIPT') {
    throw refuse('6336', `Parameter [${field}.type] is "${type.slice(0, 50)}"; allowed: COMMAND, SCRIPT.`);
  }
  if (!/^\/[^\0\n]{1,1023}$/.test(raw.script)) {
    throw refuse('6336', `Parameter [${field}.script] should be an absolute path when its type is SCRIPT.`);
  }
  return { type, script: raw.script };
}

/** Refuses what this platform does not do rather than passing over it. */
export function checkUnsupported(body: { custom_spec?: unknown; user_vpc?: unknown }): void {
  if (body.custom_spec) {
    throw refuse('6323', 'Parameter [custom_spec] is not supported; choose a flavor of GET …/notebooks/flavors.');
  }
  if (body.user_vpc)
    throw refuse(
      '6336',
      'Parameter [user_vpc] is not supported: instances are in the network of their account or pool.',
    );
}

/**
 * The pool that a change asks for. One instance may go from dedicated pool to dedicated pool, so that its files are not lost with a pool;
 * between them and the public pool it may not, as who may create what where is decided when it is created.
 */
export function otherPool(present: { pool: { id: string } | null }, asked: string | undefined): string | undefined {
  const wanted = asked?.trim() ?? '';
  if (asked === undefined || wanted === (present.pool?.id ?? '')) return undefined;
  if (present.pool && wanted !== '') return wanted;
  throw refuse(
    '6336',
    'Parameter [pool_id]: an instance of a dedicated pool can move to another dedicated pool alone, and one of the public pool stays there.',
    'Create another instance there.',
  );
}
