import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../kernel/failure.ts';

/** The environment variables Atelier reads, as they are. */
export interface Env {
  [name: string]: string | undefined;
}

/** Where and how this installation runs, from the environment; no I/O. */
export interface Settings {
  /** All state lies here. */
  home: string;
  /** Images and containers; a cache that several installations share. */
  containersRoot: string;
  host: string;
  ports: { api: number; obs: number; registry: number; inference: number };
  region: string;
  /** Host names `<bucket>.<obsDomain>` address buckets. */
  obsDomain: string;
  account: string;
  logLevel: string;
  /** Socket of an engine that somebody else runs, e.g. unix:///var/run/docker.sock. */
  engine: string | undefined;
  /** vCPUs offered; a core counts twice unless set, as on clouds. */
  vcpus: number | undefined;
  memoryGiB: number | undefined;
}

/**
 * Reads the settings.
 * Throws Failure `Atelier.BadSetting` naming the variable, what is wrong with it and what is allowed.
 */
export function readSettings(env: Env): Settings {
  const root = process.getuid?.() === 0;
  const shared = root ? '/var/lib/atelier' : join(env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'atelier');
  const base = integer(env, 'ATELIER_PORT', 7080, 1, 65_532);
  return {
    home: resolve(env.ATELIER_HOME ?? join(shared, 'home')),
    containersRoot: resolve(env.ATELIER_CONTAINERS ?? join(shared, 'containers')),
    host: env.ATELIER_HOST ?? '127.0.0.1',
    ports: { api: base, obs: base + 1, registry: base + 2, inference: base + 3 },
    region: pattern(env, 'ATELIER_REGION', 'local-1', /^[a-z0-9][a-z0-9-]{0,62}$/),
    obsDomain: pattern(env, 'ATELIER_OBS_DOMAIN', 'obs.localhost', /^[a-z0-9.-]{1,200}$/),
    account: pattern(env, 'ATELIER_ACCOUNT', 'atelier', /^[A-Za-z][\w-]{0,31}$/),
    logLevel: pattern(env, 'ATELIER_LOG', 'info', /^(trace|debug|info|warn|error|silent)$/),
    engine: env.ATELIER_ENGINE,
    vcpus: env.ATELIER_VCPUS === undefined ? undefined : integer(env, 'ATELIER_VCPUS', 0, 1, 4096),
    memoryGiB: env.ATELIER_MEMORY_GIB === undefined ? undefined : integer(env, 'ATELIER_MEMORY_GIB', 0, 1, 65_536),
  };
}

function integer(env: Env, name: string, fallback: number, minimum: number, maximum: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw bad(name, text, `a whole number from ${minimum} to ${maximum}`);
}

function pattern(env: Env, name: string, fallback: string, allowed: RegExp): string {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  if (allowed.test(text)) return text;
  throw bad(name, text, `text of the form ${allowed.source}`);
}

function bad(name: string, value: string, allowed: string): Failure {
  return new Failure({
    code: 'Atelier.BadSetting',
    status: 500,
    message: `The environment variable ${name} is "${value}"; it must be ${allowed}.`,
  });
}
