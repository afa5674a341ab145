import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exclusively } from '../../kernel/exclusive.ts';
import type { Log } from '../../kernel/log.ts';
import { EngineUnavailable } from '../driver.ts';
import { noticeReboot } from './boot.ts';
import { writeEngineConfig } from './engine-config.ts';

/** Longest path of a unix socket that all systems take. */
const SOCKET_PATH_BYTES = 100;
const START_TIMEOUT_MS = 20_000;
const PING_TIMEOUT_MS = 5000;
const LOCK_POLL_MS = 50;
const LOG_BYTES = 5_000_000;

export interface EngineOptions {
  /** The installation's own directory: configuration, process id, log and, where its path is short enough, the socket. */
  dir: string;
  /** Images, containers and networks; several installations may share it. */
  containersRoot?: string;
  log: Log;
  /** `unix:///path` of an engine (Docker or Podman) that somebody else runs; then no process is started. */
  external?: string;
  /** Program to start; `podman` when absent. */
  podman?: string;
}

export interface Engine {
  /** For createContainerDriver. */
  readonly socketPath: string;
  readonly external: boolean;
  /** Environment in which the command `podman` sees the same images and containers. */
  readonly env: Record<string, string>;
  /** Makes sure that it answers, starting it again if it died. Throws EngineUnavailable with the reason. */
  ensure(): Promise<void>;
  /** Ends the engine's service; containers run on and are found again by the next start. */
  stop(): Promise<void>;
  /** Process id of the service, when we run it. */
  pid(): Promise<number | undefined>;
}

/** Where images and containers lie unless told otherwise. */
export function defaultContainersRoot(): string {
  if (process.getuid?.() === 0) return '/var/lib/atelier/containers';
  // Without root the same Podman runs in the user's own namespaces; it then needs subordinate ids, slirp4netns and fuse-overlayfs.
  return join(process.env.XDG_DATA_HOME ?? join(process.env.HOME ?? '/', '.local/share'), 'atelier/containers');
}

/**
 * Starts Podman's API service, or takes over the one that an earlier server of this installation left running. The service and
 * all containers outlive this process. Throws EngineUnavailable when it cannot be started.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const engine = await prepareEngine(options);
  await engine.ensure();
  return engine;
}

/** Writes the engine's configuration and says where it will be found; `ensure()` starts it. */
export async function prepareEngine(options: EngineOptions): Promise<Engine> {
  if (options.external !== undefined) return externalEngine(options.external);
  const { dir, log, containersRoot = defaultContainersRoot(), podman = 'podman' } = options;
  const config = await writeEngineConfig(dir, containersRoot);
  const socketPath = await socketFor(dir);
  const pidFile = join(dir, 'engine.pid');
  const logFile = join(dir, 'engine.log');
  const lockFile = join(dir, 'engine.lock');
  let starting: Promise<void> | undefined;

  /** Services on our socket: the one of the pid file, and any whose starter died before it wrote that file. */
  const living = async (): Promise<number[]> => {
    const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
    const found = await servicesOn(socketPath);
    return found.includes(pid) ? [pid, ...found.filter(other => other !== pid)] : found;
  };

  async function start(): Promise<void> {
    const pids = await living();
    if (pids.length > 0) {
      if (await answersWithin(socketPath, PING_TIMEOUT_MS)) return;
      log.warn({ pids }, 'the container engine runs but does not answer; starting it anew');
      for (const pid of pids) await end(pid, socketPath);
    }
    await noticeReboot(containersRoot, config.run);
    await rm(socketPath, { force: true });
    const size = (await lstat(logFile).catch(() => undefined))?.size ?? 0;
    const output = await open(logFile, size > LOG_BYTES ? 'w' : 'a', 0o600);
    const child = spawn(podman, ['system', 'service', '--time=0', `unix://${socketPath}`], {
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      env: { PATH: searchPath(), HOME: process.env.HOME ?? '/root', ...userEnv(), ...config.env },
      cwd: '/',
    });
    let failure: string | undefined;
    child.once('error', error => {
      failure =
        (error as NodeJS.ErrnoException).code === 'ENOENT'
          ? `${podman} is not installed (apt-get install podman)`
          : String(error);
    });
    child.once('exit', (code, signal) => {
      failure ??= `it ended with ${signal ?? `code ${code}`}; see ${logFile}`;
    });
    child.unref();
    await output.close();
    if (child.pid !== undefined) await writeFile(pidFile, String(child.pid), { mode: 0o600 });
    const giveUp = Date.now() + START_TIMEOUT_MS;
    while (!(await pings(socketPath))) {
      if (failure !== undefined) throw new EngineUnavailable('Podman', new Error(failure));
      if (Date.now() > giveUp) throw new EngineUnavailable('Podman', new Error(`no answer; see ${logFile}`));
      await sleep(30);
    }
    log.info({ pid: child.pid, socketPath }, 'container engine started');
  }

  const engine: Engine = {
    socketPath,
    external: false,
    env: config.env,
    async ensure() {
      if (await pings(socketPath)) return;
      // Another program of this installation may start it too: the second would take the socket away from the first.
      starting ??= exclusively(lockFile, start, { pollMs: LOCK_POLL_MS }).finally(() => {
        starting = undefined;
      });
      await starting;
    },
    async stop() {
      for (const pid of await living()) await end(pid, socketPath);
      await rm(pidFile, { force: true });
      await rm(socketPath, { force: true });
    },
    pid: async () => (await living())[0],
  };
  return engine;
}

function externalEngine(address: string): Engine {
  const path = address.startsWith('unix://') ? address.slice('unix://'.length) : address;
  if (!path.startsWith('/')) {
    throw new EngineUnavailable(address, new Error('the address of a container engine reads unix:///path/of/its.sock'));
  }
  const ensure = async () => {
    if (!(await pings(path))) throw new EngineUnavailable(address, new Error(`nothing answers on ${path}`));
  };
  return { socketPath: path, external: true, env: {}, ensure, stop: async () => {}, pid: async () => undefined };
}

/** A socket below `dir`, or in a directory of our own with a shorter path. */
async function socketFor(dir: string): Promise<string> {
  const own = join(dir, 'engine.sock');
  if (Buffer.byteLength(own) <= SOCKET_PATH_BYTES) return own;
  const uid = process.getuid?.() ?? 0;
  const short = join(
    uid === 0 ? '/run' : tmpdir(),
    `atelier-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`,
  );
  await mkdir(short, { recursive: true, mode: 0o700 });
  const made = await lstat(short);
  // Anybody may write to /tmp: a directory that is not ours alone could put another engine in our way.
  if (!made.isDirectory() || made.uid !== uid || (made.mode & 0o077) !== 0) {
    throw new EngineUnavailable(
      'Podman',
      new Error(`${short} must be a directory of mode 0700 that belongs to this user`),
    );
  }
  return join(short, 'engine.sock');
}

/** True when `pid` is the service on our socket and not a process that was given its number later. */
async function isService(pid: number, socketPath: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const args = command.split('\0');
  return args.includes('service') && args.includes(`unix://${socketPath}`);
}

/** Process ids of all services on a socket. */
async function servicesOn(socketPath: string): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter(name => /^\d+$/.test(name)).map(Number);
  const ours = await Promise.all(pids.map(pid => isService(pid, socketPath)));
  return pids.filter((_, index) => ours[index]);
}

async function end(pid: number, socketPath: string): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isService(pid, socketPath))) return;
    process.kill(pid, signal);
    for (let waited = 0; waited < 3000; waited += 50) {
      if (!(await isService(pid, socketPath))) return;
      await sleep(50);
    }
  }
}

async function answersWithin(socketPath: string, ms: number): Promise<boolean> {
  const giveUp = Date.now() + ms;
  do {
    if (await pings(socketPath)) return true;
    await sleep(100);
  } while (Date.now() < giveUp);
  return false;
}

function pings(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const request = http.get({ socketPath, path: '/_ping', agent: false, timeout: PING_TIMEOUT_MS }, response => {
      response.resume();
      response.once('close', () => resolve(response.statusCode === 200));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}

/** runc, netavark and iptables lie in sbin, which a user's path may lack. */
function searchPath(): string {
  return `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
}

/** What a rootless Podman needs to find the user's runtime directory. */
function userEnv(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS', 'TMPDIR']) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
