import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText, Failure } from '../kernel/failure.ts';
import type { Log } from '../kernel/log.ts';
import { ask, currentWorker, type Worker } from './admin-socket.ts';
import { MAP_NAMES, paths, type Rendered, render, type Settings } from './config.ts';
import { type Counts, createCounters } from './counters.ts';
import { privateDirectory, readIfExists, writeAtomically, writeIfDifferent } from './files.ts';
import type { Latencies } from './latencies.ts';
import { end, launch, masterPid, orphans, reload, validate } from './process.ts';
import { checkRoutes, type Routes } from './routes.ts';
import { type MapMirror, mirrorOf, syncMaps, syncServers } from './sync.ts';

export interface GatewayOptions {
  /** Directory of the gateway alone; made with mode 0700. */
  dir: string;
  host?: string;
  port: number;
  log: Log;
  /** HS256 key of the platform's tokens, at least 32 bytes, none of them zero (HAProxy reads it as text). */
  tokenSecret: Buffer | string;
  /** Where AK/SK signatures are verified: plain HTTP on an IP address. */
  verifyUrl: string;
  /** Sent as `x-atelier-key` with each of those questions. */
  verifyKey: string;
  /** Per-connection buffer. Bounds the size of request headers and of AK/SK-signed bodies that declare no hash. */
  bufferBytes?: number;
  bodyLimitBytes?: number;
  /** Longest wait for an answer unless the service says otherwise, seconds. */
  predictTimeoutSeconds?: number;
  /** The HAProxy program. */
  binary?: string;
}

export interface GatewayStatus {
  running: boolean;
  masterPid?: number;
  workerPid?: number;
  uptimeSeconds?: number;
  /** The worker has loaded the structure that the files have. */
  current: boolean;
  reloads: number;
  lastError?: string;
}

export interface Gateway {
  /** Adopts the HAProxy of an earlier life or starts one, with the routes of the last feed. */
  start(): Promise<void>;
  /** Ends HAProxy too. A server that merely exits should not call this: inference goes on without it. */
  stop(): Promise<void>;
  /** Restarts HAProxy if it died, reloads it if it differs from the files, and repeats what a change left undone. */
  ensure(): Promise<void>;
  /** Makes files and running process serve exactly `routes`. Throws Failure and keeps the old on a refused feed. */
  apply(routes: Routes): Promise<void>;
  /** Lifetime calls and failures per service and entry; monotonic over reloads and restarts of either process. */
  counters(): Promise<Counts>;
  /** How long answers took to begin, per service and entry, of all calls up to when `counters` was last asked; as monotonic as they. */
  latencies(): Promise<Latencies>;
  status(): Promise<GatewayStatus>;
}

const START_MS = 10_000;
/** How often the master is asked to reload, and how long each time is waited for: one that is asked while it begins anew itself may not hear it. */
const RELOADS = 3;
const RELOAD_MS = 4_000;

function settingsOf(options: GatewayOptions): Settings {
  const invalid = (message: string) => new Failure({ code: 'ModelArts.0104', status: 500, message });
  const tokenSecret = Buffer.from(options.tokenSecret as string);
  if (tokenSecret.length < 32 || tokenSecret.includes(0)) {
    throw invalid(
      'tokenSecret must have at least 32 bytes and no zero byte; use the text of 32 random bytes in base64url',
    );
  }
  if (!/^\/[A-Za-z0-9._/+@ -]*$/.test(options.dir)) {
    throw invalid('dir must be an absolute path of letters, digits, blanks and . _ - + @');
  }
  if (Buffer.byteLength(paths(options.dir).admin) > 90) {
    throw invalid('dir is too long for a Unix socket: keep it under 80 characters');
  }
  if (!/^http:\/\/[A-Za-z0-9.:[\]]+\/[A-Za-z0-9/_.-]*$/.test(options.verifyUrl)) {
    throw invalid('verifyUrl must be a plain http URL with a path');
  }
  if (!/^[A-Za-z0-9_.~+/=-]{16,}$/.test(options.verifyKey)) {
    throw invalid('verifyKey must be at least 16 characters of base64 or base64url');
  }
  const host = options.host ?? '127.0.0.1';
  if (!/^[0-9A-Fa-f.:*]+$/.test(host)) throw invalid('host must be an IP address or *');
  return {
    dir: options.dir,
    host,
    port: options.port,
    tokenSecret,
    verifyUrl: options.verifyUrl,
    verifyKey: options.verifyKey,
    bufferBytes: options.bufferBytes ?? 65_536,
    bodyLimitBytes: options.bodyLimitBytes ?? 12 * 1024 * 1024,
    predictTimeoutSeconds: options.predictTimeoutSeconds ?? 40,
  };
}

/** The inference data plane on one HAProxy. Every method may be called at any time; changes are made one after another. */
export function createGateway(options: GatewayOptions): Gateway {
  const settings = settingsOf(options);
  const binary = options.binary ?? 'haproxy';
  const at = paths(settings.dir);
  const log = options.log.child({ part: 'gateway' });
  const counters = createCounters(at.counters, at.admin);
  let wanted: Rendered | undefined;
  let routes: Routes = { services: [], callers: [] };
  let mirror: MapMirror | undefined;
  let reloads = 0;
  let lastError: string | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  /** One change at a time; the next waits for the last, whether that failed or not. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(async () => {
      try {
        const value = await work();
        lastError = undefined;
        return value;
      } catch (error) {
        lastError = errorText(error);
        throw error;
      }
    });
    queue = result.catch(() => undefined);
    return result;
  }

  /** A worker's pid with its start time, which together never come twice. */
  const identity = async (worker: Worker) => {
    const stat = (await readIfExists(`/proc/${worker.pid}/stat`)) ?? '';
    return `${worker.pid}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
  };

  async function count(): Promise<Counts> {
    const worker = await currentWorker(at.admin);
    return worker ? counters.read(await identity(worker)) : counters.last();
  }

  async function write(next: Rendered, feed: Routes): Promise<void> {
    if (wanted?.structure !== next.structure) {
      // HAProxy checks the whole before anything replaces what serves now; it needs the other files beside it.
      for (const name of MAP_NAMES) {
        const file = join(settings.dir, name);
        if ((await readIfExists(file)) === undefined) await writeAtomically(file, '');
      }
      const lua = await readIfExists(at.lua);
      if (lua !== next.lua) await writeAtomically(at.lua, next.lua);
      await writeAtomically(at.candidate, next.config);
      try {
        await validate(binary, at.candidate);
      } catch (error) {
        if (lua !== undefined && lua !== next.lua) await writeAtomically(at.lua, lua);
        throw error;
      } finally {
        await rm(at.candidate, { force: true });
      }
    }
    for (const name of MAP_NAMES) {
      const text = [...next.maps[name]].map(([key, value]) => `${key} ${value}\n`).join('');
      await writeIfDifferent(join(settings.dir, name), text);
    }
    await writeIfDifferent(at.config, next.config);
    await writeIfDifferent(at.routes, JSON.stringify(feed));
    wanted = next;
    routes = feed;
  }

  /** The worker that has this structure and is not `other`, once it serves; undefined when none does in time. */
  async function until(structure: string, ms: number, other?: number): Promise<Worker | undefined> {
    const deadline = Date.now() + ms;
    let seen = 0;
    while (Date.now() < deadline) {
      const worker = await currentWorker(at.admin);
      // For an instant both generations accept on the socket: the new one must answer several times in a row.
      seen = worker && worker.structure === structure && worker.pid !== other ? seen + 1 : 0;
      if (worker && seen >= 3) return worker;
      await sleep(seen > 0 ? 2 : 10);
    }
    return undefined;
  }

  function notTaken(ms: number): Failure {
    return new Failure({
      code: 'ModelArts.4302',
      status: 500,
      message: `The inference gateway did not take over its new configuration within ${ms / 1000} s; the old one still serves`,
    });
  }

  async function startProcess(structure: string): Promise<Worker> {
    await rm(at.states, { force: true });
    const left = await orphans(at.config, undefined);
    if (left.length > 0) {
      log.warn({ pids: left }, 'ending HAProxy processes that have lost their master');
      await end(left, at.config);
    }
    await launch(binary, at.config);
    const worker = await until(structure, START_MS);
    if (!worker) throw notTaken(START_MS);
    return worker;
  }

  async function reloadProcess(structure: string, old: Worker | undefined): Promise<Worker> {
    // The new worker should know at once which instances are down.
    const states = old && (await ask(at.admin, 'show servers state'));
    if (states) await writeAtomically(at.states, states.trimEnd().concat('\n'));
    if (old) await count();
    for (let asked = 0; asked < RELOADS; asked++) {
      const master = await masterPid(at.pid, at.config);
      if (master === undefined) return startProcess(structure);
      if (asked > 0) log.warn({ master, asked }, 'HAProxy did not reload; it is asked again');
      reload(master);
      reloads++;
      const worker = await until(structure, RELOAD_MS, old?.pid);
      if (worker) return worker;
    }
    throw notTaken(RELOADS * RELOAD_MS);
  }

  /** Files are written: makes the process follow them. */
  async function follow(): Promise<void> {
    const next = wanted!;
    const master = await masterPid(at.pid, at.config);
    let worker = await currentWorker(at.admin);
    if (master === undefined || worker === undefined) {
      if (master !== undefined) await end([master], at.config);
      worker = await startProcess(next.structure);
    } else if (worker.structure !== next.structure) {
      worker = await reloadProcess(next.structure, worker);
    }
    if (mirror?.pid !== worker.pid) mirror = await mirrorOf(at.admin, worker.pid);
    try {
      await syncMaps(at.admin, mirror, next);
      const followed = await syncServers(at.admin, next, async () => void (await count()));
      if (!followed) worker = await reloadProcess(next.structure, worker);
    } catch (error) {
      // What the worker holds is no longer known; the next turn reads it again.
      mirror = undefined;
      throw error;
    }
  }

  async function change(feed: Routes): Promise<void> {
    await write(render(settings, feed), feed);
    await follow();
  }

  async function savedRoutes(): Promise<Routes> {
    const text = await readIfExists(at.routes);
    if (text === undefined) return { services: [], callers: [] };
    try {
      const saved = JSON.parse(text) as Routes;
      checkRoutes(saved);
      return saved;
    } catch (error) {
      log.warn({ cause: errorText(error) }, 'the saved routes cannot be read; serving none until the next feed');
      return { services: [], callers: [] };
    }
  }

  return {
    start: () =>
      inTurn(async () => {
        await privateDirectory(settings.dir);
        routes = await savedRoutes();
        await change(routes);
      }),
    stop: () =>
      inTurn(async () => {
        if (await currentWorker(at.admin)) await count();
        const master = await masterPid(at.pid, at.config);
        if (master !== undefined) await end([master], at.config);
        await end(await orphans(at.config, undefined), at.config);
        mirror = undefined;
        for (const file of [at.pid, at.admin, at.relay]) await rm(file, { force: true });
      }),
    ensure: () => inTurn(() => change(routes)),
    apply: feed => {
      const copy = structuredClone(feed);
      return inTurn(async () => {
        checkRoutes(copy);
        await change(copy);
        await counters.keepOnly(new Set(copy.services.map(service => service.id)));
      });
    },
    counters: () => inTurn(count),
    latencies: () => inTurn(counters.latencies),
    status: async () => {
      const master = await masterPid(at.pid, at.config);
      const worker = await currentWorker(at.admin);
      return {
        running: master !== undefined && worker !== undefined,
        ...(master === undefined ? {} : { masterPid: master }),
        ...(worker === undefined ? {} : { workerPid: worker.pid, uptimeSeconds: worker.uptimeSeconds }),
        current: worker !== undefined && worker.structure === wanted?.structure,
        reloads,
        ...(lastError === undefined ? {} : { lastError }),
      };
    },
  };
}
