import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../kernel/failure.ts';
import type { PoolShares, Share } from '../resources/pools/index.ts';
import type { SharedDirectory } from '../resources/shared-directories/index.ts';
import { readSharedDirectories, SHARED_DIRS_FORM } from './shared-dirs.ts';

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
  ports: { api: number; obs: number; registry: number; inference: number; notebooks: number };
  /** Where browsers reach notebooks, where that is not the port itself: behind a proxy that speaks TLS, say. */
  notebookUrl: string | undefined;
  region: string;
  /** Host names `<bucket>.<obsDomain>` address buckets. */
  obsDomain: string;
  /** Regions besides `region` where buckets may be said to lie. */
  obsLocations: string[];
  /** Ports of which each notebook instance with SSH has one. */
  sshPorts: { first: number; last: number };
  /** Ports of which the web IDE of each notebook instance has one, where `notebookUrl` is not set. */
  notebookPorts: { first: number; last: number };
  /** Registries from which images may be fetched when they are registered. */
  imageRegistries: string[];
  /** Seconds that restoring an archived object takes, and between two passes of lifecycle rules. */
  obs: { restoreSeconds: number; lifecycleSeconds: number };
  /** Another store that keeps the bytes of objects, as `s3://bucket/prefix?endpoint=…`. */
  obsBackend: string | undefined;
  account: string;
  logLevel: string;
  /** Socket of an engine that somebody else runs, e.g. unix:///var/run/docker.sock. */
  engine: string | undefined;
  /** vCPUs offered; a core counts twice unless set, as on clouds. */
  vcpus: number | undefined;
  memoryGiB: number | undefined;
  /** GiB of disk that the storage of notebooks and the nodes of pools share. */
  diskGiB: number | undefined;
  /** How long audit records are kept, and how many of an account. */
  audit: { days: number; records: number };
  /** Which accounts may make dedicated pools of how much, and what the public pool keeps. */
  pools: PoolShares;
  /** Directories of this machine that accounts may mount. */
  sharedDirectories: SharedDirectory[];
  /**
   * JupyterLab in the image of notebook instances: `auto` where the package index answers while that is built, `on` also adds it to one that
   * was built without, `off` neither asks for it nor uses it.
   */
  jupyterLab: 'auto' | 'on' | 'off';
  /** Address of a Python package index in the place of PyPI. */
  pythonIndex: string | undefined;
  /** GiB that a container of a notebook instance or a job may write outside of what is mounted into it. */
  layerGiB: number;
}

/**
 * Reads the settings.
 * Throws Failure `Atelier.BadSetting` naming the variable, what is wrong with it and what is allowed.
 */
export function readSettings(env: Env): Settings {
  const root = process.getuid?.() === 0;
  const data = value(env, 'XDG_DATA_HOME') ?? join(homedir(), '.local/share');
  const shared = root ? '/var/lib/atelier' : join(data, 'atelier');
  const base = integer(env, 'ATELIER_PORT', 1, 65_531) ?? 7080;
  const account = pattern(env, 'ATELIER_ACCOUNT', 'atelier', /^[A-Za-z][\w-]{0,31}$/, ACCOUNT_FORM);
  const home = resolve(value(env, 'ATELIER_HOME') ?? join(shared, 'home'));
  const containersRoot = resolve(value(env, 'ATELIER_CONTAINERS') ?? join(shared, 'containers'));
  return {
    home,
    containersRoot,
    host: pattern(env, 'ATELIER_HOST', '127.0.0.1', /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, HOST_FORM),
    ports: { api: base, obs: base + 1, registry: base + 2, inference: base + 3, notebooks: base + 4 },
    notebookUrl: optional(env, 'ATELIER_NOTEBOOK_URL', /^https?:\/\/(\*\.)?[A-Za-z0-9.-]{1,216}(:\d{1,5})?$/, URL_FORM),
    region: pattern(env, 'ATELIER_REGION', 'local-1', /^[a-z0-9][a-z0-9-]{0,62}$/, REGION_FORM),
    obsDomain: pattern(
      env,
      'ATELIER_OBS_DOMAIN',
      'obs.localhost',
      /^[a-z0-9]([a-z0-9.-]{0,198}[a-z0-9])?$/,
      DOMAIN_FORM,
    ),
    obsLocations: pattern(
      env,
      'ATELIER_OBS_LOCATIONS',
      '',
      /^([a-z0-9][a-z0-9-]{0,62}(,[a-z0-9][a-z0-9-]{0,62}){0,19})?$/,
      LOCATIONS_FORM,
    )
      .split(',')
      .filter(location => location !== ''),
    obs: {
      restoreSeconds: integer(env, 'ATELIER_OBS_RESTORE_SECONDS', 0, 86_400) ?? 5,
      lifecycleSeconds: integer(env, 'ATELIER_OBS_LIFECYCLE_SECONDS', 1, 86_400) ?? 3600,
    },
    sshPorts: portRange(env, 'ATELIER_SSH_PORTS') ?? portsBeside(base, 20),
    notebookPorts: portRange(env, 'ATELIER_NOTEBOOK_PORTS') ?? portsBeside(base, 120),
    imageRegistries: pattern(
      env,
      'ATELIER_IMAGE_REGISTRIES',
      '',
      /^([A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?(,(?!$)|$)){0,20}$/,
      REGISTRIES_FORM,
    )
      .split(',')
      .filter(registry => registry !== ''),
    obsBackend: value(env, 'ATELIER_OBS_BACKEND'),
    account,
    pools: poolShares(env, account),
    sharedDirectories: sharedDirectories(env, account, [home, containersRoot]),
    jupyterLab: choice(env, 'ATELIER_JUPYTERLAB', ['auto', 'on', 'off']),
    pythonIndex: value(env, 'PIP_INDEX_URL'),
    layerGiB: integer(env, 'ATELIER_LAYER_GIB', 1, 4096) ?? 10,
    logLevel: pattern(env, 'ATELIER_LOG', 'info', /^(trace|debug|info|warn|error|silent)$/, LOG_FORM),
    engine: engine(env),
    vcpus: integer(env, 'ATELIER_VCPUS', 1, 4096),
    memoryGiB: integer(env, 'ATELIER_MEMORY_GIB', 1, 65_536),
    diskGiB: integer(env, 'ATELIER_DISK_GIB', 1, 1_048_576),
    audit: {
      days: integer(env, 'ATELIER_AUDIT_DAYS', 1, 3650) ?? 180,
      records: integer(env, 'ATELIER_AUDIT_RECORDS', 1000, 100_000_000) ?? 500_000,
    },
  };
}

const HOST_FORM = 'an IPv4 address or a host name; 0.0.0.0 means all interfaces';
const URL_FORM =
  'an address without a path, such as https://*.notebooks.example.com (the star is the id of an instance)';
const REGION_FORM = '1 to 63 lower-case letters, digits and hyphens, such as local-1';
const LOCATIONS_FORM = 'at most 20 names of regions, separated by commas, such as cn-north-4,cn-east-3';
const REGISTRIES_FORM = 'at most 20 registries, separated by commas, such as registry.example.com:5000';
const DOMAIN_FORM = 'a domain in lower case, such as obs.example.com';
const ACCOUNT_FORM = '1 to 32 letters, digits, underscores and hyphens, beginning with a letter';
const LOG_FORM = 'one of trace, debug, info, warn, error, silent';

const SHARE_FORM = 'vCPUs, GiB of memory, accelerators and GiB of disk, such as 4/16, 8/32/1 or 4/16/0/200';
const SHARES_FORM =
  'accounts separated by commas, each with nothing (all of the machine) or with its vCPUs, GiB of memory, accelerators and GiB of disk, such as acme,physics:4/16,*:2/4/0/50; * is every other account';
const GIB = 1024 ** 3;

/** The first account alone may make pools unless others are named. */
function poolShares(env: Env, account: string): PoolShares {
  const accounts = new Map<string, Share>([[account, {}]]);
  const text = value(env, 'ATELIER_POOL_SHARES');
  if (text !== undefined) accounts.clear();
  for (const part of text?.split(',') ?? []) {
    const match = /^(\*|[A-Za-z][\w-]{0,63})(?::(.+))?$/.exec(part.trim());
    const share = match?.[2] === undefined ? {} : shareOf(match[2]);
    if (!match || !share || accounts.has(match[1]!)) throw bad('ATELIER_POOL_SHARES', text!, SHARES_FORM);
    accounts.set(match[1]!, share);
  }
  const kept = value(env, 'ATELIER_PUBLIC_SHARE');
  const stays = kept === undefined ? {} : shareOf(kept);
  if (!stays) throw bad('ATELIER_PUBLIC_SHARE', kept!, SHARE_FORM);
  return { accounts: Object.fromEntries(accounts), public: { vcpus: 0, memoryBytes: 0, gpus: 0, ...stays } };
}

function shareOf(text: string): Share | undefined {
  const match = /^(\d{1,4})\/(\d{1,5})(?:\/(\d{1,3})(?:\/(\d{1,7}))?)?$/.exec(text);
  return match
    ? {
        vcpus: Number(match[1]),
        memoryBytes: Number(match[2]) * GIB,
        gpus: Number(match[3] ?? 0),
        ...(match[4] === undefined ? {} : { diskBytes: Number(match[4]) * GIB }),
      }
    : undefined;
}

function sharedDirectories(env: Env, account: string, own: readonly string[]): SharedDirectory[] {
  const text = value(env, 'ATELIER_SHARED_DIRS');
  const found = text === undefined ? [] : readSharedDirectories(text, account, own);
  if (!found) throw bad('ATELIER_SHARED_DIRS', text!, SHARED_DIRS_FORM);
  return found;
}

/** A hundred ports not far from the others. */
function portsBeside(base: number, from: number): { first: number; last: number } {
  const first = base + 219 <= 65_535 ? base + from : base - from - 99;
  return { first, last: first + 99 };
}

/** Two ports with a hyphen between, the first being the lower. */
function portRange(env: Env, name: string): { first: number; last: number } | undefined {
  const text = value(env, name);
  if (text === undefined) return undefined;
  const [, first = 0, last = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (first >= 1 && first <= last && last <= 65_535) return { first, last };
  throw bad(name, text, 'two ports from 1 to 65535 with a hyphen between, such as 7100-7199');
}

/** A variable that is set to nothing counts as absent. */
function value(env: Env, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

function engine(env: Env): string | undefined {
  const text = value(env, 'ATELIER_ENGINE');
  if (text === undefined || /^(unix:\/\/)?\/./.test(text)) return text;
  throw bad('ATELIER_ENGINE', text, 'the socket of an engine, such as unix:///var/run/docker.sock');
}

function integer(env: Env, name: string, minimum: number, maximum: number): number | undefined {
  const text = value(env, name);
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= minimum && number <= maximum) return number;
  throw bad(name, text, `a whole number from ${minimum} to ${maximum}`);
}

function pattern(env: Env, name: string, fallback: string, allowed: RegExp, form: string): string {
  const text = value(env, name);
  if (text === undefined) return fallback;
  if (allowed.test(text)) return text;
  throw bad(name, text, form);
}

/** One of some words; the first of them when absent. */
function choice<const T extends readonly string[]>(env: Env, name: string, words: T): T[number] {
  const text = value(env, name);
  if (text === undefined) return words[0]!;
  const found = words.find(word => word === text);
  if (found === undefined) throw bad(name, text, `one of ${words.join(', ')}`);
  return found;
}

function optional(env: Env, name: string, allowed: RegExp, form: string): string | undefined {
  const text = value(env, name);
  if (text === undefined || allowed.test(text)) return text;
  throw bad(name, text, form);
}

function bad(name: string, value: string, allowed: string): Failure {
  return new Failure({
    code: 'Atelier.BadSetting',
    status: 500,
    message: `The environment variable ${name} is "${value}"; it must be ${allowed}.`,
  });
}
