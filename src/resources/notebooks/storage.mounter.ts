import { execFile, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type AgencyCredential, canChown, WORKLOAD_OWNER } from '../workload-access/index.ts';

const run = promisify(execFile);
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
const ENV = { ...process.env, LC_ALL: 'C', PATH };
const MOUNT_MS = 30_000;
const END_MS = 3_000;
const POLL_MS = 50;

/** What is to be mounted. `root`: the instance's directory; `name`: of the directory below /data. */
export interface MountSpec {
  root: string;
  id: string;
  name: string;
  bucket: string;
  /** With a slash at its end. */
  prefix: string;
  endpoint: string;
  region: string;
}

/** Mounts directories of the object store where containers see them. All operations may be repeated. */
export interface Mounter {
  /** Why nothing can be mounted on this machine, and what to do about it; undefined where it can. */
  unable(): string | undefined;
  /** Makes the directory of an instance below which mounts appear in its container, and returns it. */
  open(root: string): Promise<string>;
  /** Whether `open` was called since the machine started. */
  isOpen(root: string): Promise<boolean>;
  /** Puts the credentials of the instance's agency where its mounts read them, at once and when they run out. */
  give(root: string, credential: AgencyCredential): Promise<void>;
  /** Resolves when it can be used. Throws with the reason where it cannot be mounted. */
  mount(spec: MountSpec): Promise<void>;
  /** Why a mount works no more; undefined while it does. Never waits for the mount itself. */
  fault(spec: Pick<MountSpec, 'root' | 'id' | 'name'>): Promise<string | undefined>;
  /** How many files were written that the object store does not have yet. */
  pending(spec: Pick<MountSpec, 'root' | 'id'>): Promise<number>;
  /** Takes it away whoever uses it, with what the object store does not have yet. */
  unmount(spec: Pick<MountSpec, 'root' | 'id' | 'name'>): Promise<void>;
  /** Takes all mounts of an instance away, and what `open` made. Throws where one stays. */
  close(root: string): Promise<void>;
}

/** Directory below which the mounts of an instance lie; they are /data inside. */
export function dataDir(root: string): string {
  return join(root, 'data');
}

const stateDir = (root: string) => join(root, 'mounts');
const mountDir = (root: string, name: string) => join(dataDir(root), name);
const cacheDir = (root: string, id: string) => join(stateDir(root), `${id}.cache`);

/** Mounts by rclone: a process for each mount, which runs on without this one and is found again by its arguments. */
export function rcloneMounter(): Mounter {
  /** The access key each instance was given last, and the process that serves each directory. */
  const given = new Map<string, string>();
  const servers = new Map<string, number>();
  return {
    unable() {
      if (!canChown) return 'the platform does not run as root';
      if (!found('/dev/fuse')) return 'this machine has no /dev/fuse: load the kernel module fuse';
      if (!program('rclone')) return 'rclone is missing: install it (Debian: apt-get install rclone fuse3)';
      if (program('fusermount3') || program('fusermount')) return undefined;
      return 'fusermount3 is missing: install it (Debian: apt-get install fuse3)';
    },

    async open(root) {
      const data = dataDir(root);
      await mkdir(data, { recursive: true, mode: 0o755 });
      if (!(await this.isOpen(root))) {
        if (!(await mountsBelow(data)).some(({ at }) => at === data)) await tool('mount', ['--bind', data, data]);
        await tool('mount', ['--make-shared', data]);
      }
      return data;
    },

    async isOpen(root) {
      const data = dataDir(root);
      return (await mountsBelow(data)).some(({ at, shared }) => at === data && shared);
    },

    async give(root, credential) {
      if (given.get(root) === credential.access) return;
      const dir = stateDir(root);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const now = Date.now();
      // rclone asks again when they seem to run out, which is well before they do.
      const again = now + Math.max(0, credential.expiresAt - now) / 2;
      await replace(
        join(dir, 'credentials.json'),
        JSON.stringify({
          Version: 1,
          AccessKeyId: credential.access,
          SecretAccessKey: credential.secret,
          SessionToken: credential.securityToken,
          Expiration: new Date(again).toISOString(),
        }),
      );
      given.set(root, credential.access);
    },

    async mount(spec) {
      const at = mountDir(spec.root, spec.name);
      const state = stateDir(spec.root);
      if ((await this.fault(spec)) === undefined) return;
      await this.unmount(spec);
      await mkdir(state, { recursive: true, mode: 0o700 });
      await mkdir(cacheDir(spec.root, spec.id), { recursive: true, mode: 0o700 });
      await mkdir(at, { recursive: true, mode: 0o755 });
      const config = join(state, 'config');
      // The credentials are a file of their own, so that they change at once. The shell of rclone reads this path.
      await replace(config, `[default]\ncredential_process = cat "${join(state, 'credentials.json')}"\n`);
      const logFile = join(state, `${spec.id}.log`);
      const log = openSync(logFile, 'w', 0o600);
      const child = spawn('rclone', rcloneArguments(spec, at), {
        detached: true,
        cwd: '/',
        stdio: ['ignore', log, log],
        env: rcloneEnvironment(spec, config),
      });
      closeSync(log);
      let ended: string | undefined;
      child.on('error', error => {
        ended = error.message;
      });
      child.on('exit', (code, signal) => {
        ended ??= `rclone ended with ${signal ?? `exit code ${code}`}`;
      });
      child.unref();
      for (const end = Date.now() + MOUNT_MS; ; await sleep(POLL_MS)) {
        if (ended !== undefined) break;
        if ((await mountsBelow(at)).some(mount => mount.at === at)) return;
        if (Date.now() > end) {
          ended = `rclone did not mount it within ${MOUNT_MS / 1000} s`;
          break;
        }
      }
      await this.unmount(spec);
      throw new Error(`${ended}${await lastLine(logFile)}`);
    },

    async fault({ root, id, name }) {
      const at = mountDir(root, name);
      const known = servers.get(at);
      if (known === undefined || !(await serves(known, at))) {
        servers.delete(at);
        const [pid] = await processesOf(at);
        if (pid !== undefined) servers.set(at, pid);
      }
      if (!servers.has(at)) {
        return `the process that served it has ended${await lastLine(join(stateDir(root), `${id}.log`))}`;
      }
      return (await mountsBelow(at)).some(mount => mount.at === at) ? undefined : 'it was unmounted on the host';
    },

    pending: ({ root, id }) => dirtyBelow(join(cacheDir(root, id), 'vfsMeta')),

    async unmount({ root, id, name }) {
      const at = mountDir(root, name);
      servers.delete(at);
      await endMount(at);
      await rm(cacheDir(root, id), { recursive: true, force: true });
      await rmdir(at).catch(ignoreAbsent);
    },

    async close(root) {
      given.delete(root);
      const data = dataDir(root);
      const names = await readdir(data).catch(() => []);
      for (const name of names) await endMount(join(data, name));
      for (const { at } of (await mountsBelow(data)).reverse()) await tool('umount', ['-l', at]);
      // Whatever deletes files below afterwards must not reach into the object store.
      if ((await mountsBelow(data)).length > 0) throw new Error(`there is still something mounted below ${data}`);
      for (const name of names) await rmdir(join(data, name)).catch(ignoreAbsent);
      await rmdir(data).catch(ignoreAbsent);
      await rm(stateDir(root), { recursive: true, force: true });
    },
  };
}

/** Takes away the mounts of all instances below `dir`; for the end of an installation. */
export async function closeAllMounts(dir: string): Promise<void> {
  const mounter = rcloneMounter();
  for (const id of await readdir(dir).catch(() => [])) {
    const root = join(dir, id);
    if ((await mountsBelow(dataDir(root))).length > 0) await mounter.close(root);
  }
}

function rcloneArguments(spec: MountSpec, at: string): string[] {
  const { root, id, bucket, prefix } = spec;
  return [
    'mount',
    `obs:${bucket}/${prefix}`,
    at,
    '--devname=obs',
    '--allow-other',
    `--uid=${WORKLOAD_OWNER.uid}`,
    `--gid=${WORKLOAD_OWNER.gid}`,
    '--umask=022',
    `--cache-dir=${cacheDir(root, id)}`,
    // Programs write anywhere in a file, which objects do not allow, so what is written lies here until it is closed.
    '--vfs-cache-mode=writes',
    '--vfs-cache-max-size=2G',
    '--vfs-cache-max-age=10m',
    '--vfs-cache-poll-interval=30s',
    '--vfs-write-back=1s',
    // What is written elsewhere is seen after so long.
    '--dir-cache-time=3s',
    '--use-server-modtime',
    '--buffer-size=4M',
    '--contimeout=10s',
    '--timeout=60s',
    '--low-level-retries=5',
  ];
}

function rcloneEnvironment(spec: MountSpec, config: string): NodeJS.ProcessEnv {
  return {
    PATH,
    HOME: stateDir(spec.root),
    LC_ALL: 'C',
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CONFIG_OBS_TYPE: 's3',
    RCLONE_CONFIG_OBS_PROVIDER: 'Other',
    RCLONE_CONFIG_OBS_ENV_AUTH: 'true',
    RCLONE_CONFIG_OBS_ENDPOINT: spec.endpoint,
    RCLONE_CONFIG_OBS_REGION: spec.region,
    RCLONE_CONFIG_OBS_FORCE_PATH_STYLE: 'true',
    RCLONE_CONFIG_OBS_NO_CHECK_BUCKET: 'true',
    AWS_CONFIG_FILE: config,
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_SDK_LOAD_CONFIG: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** Lets go of a mount and ends the processes that serve it. Lazily, since whoever uses it may never stop. */
async function endMount(at: string): Promise<void> {
  for (const mount of await mountsBelow(at)) if (mount.at === at) await tool('umount', ['-l', at]);
  const signalled = await signal(at, 'SIGTERM');
  for (const end = Date.now() + END_MS; signalled && Date.now() < end; await sleep(POLL_MS)) {
    if ((await processesOf(at)).length === 0) return;
  }
  await signal(at, 'SIGKILL');
}

async function signal(at: string, name: NodeJS.Signals): Promise<boolean> {
  const found = await processesOf(at);
  for (const pid of found) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return found.length > 0;
}

/** Processes of rclone that serve exactly this directory. */
async function processesOf(at: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(pid => serves(pid, at)));
  return pids.filter((_, index) => found[index]);
}

async function serves(pid: number, at: string): Promise<boolean> {
  const [program = '', verb, , dir] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return /(^|\/)rclone$/.test(program) && verb === 'mount' && dir === at;
}

/** What is mounted at a directory and below it, in the order of mounting. */
async function mountsBelow(dir: string): Promise<{ at: string; shared: boolean }[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  // Fields: id, parent, device, root, mount point, options, optional fields … - type, source, options (proc(5)).
  return text
    .split('\n')
    .map(line => line.split(' - ')[0]!.split(' '))
    .map(fields => ({
      at: (fields[4] ?? '').replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))),
      shared: fields.slice(6).some(field => field.startsWith('shared:')),
    }))
    .filter(({ at }) => at === dir || at.startsWith(`${dir}/`));
}

/** Files that rclone's notes call written here and not there. */
async function dirtyBelow(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  let count = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const note = await readFile(join(entry.parentPath, entry.name), 'utf8').catch(() => '');
    if (/"Dirty":\s*true/.test(note)) count++;
  }
  return count;
}

async function lastLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${line.replace(/^[\d/]+ [\d:]+ /, '').slice(0, 300)}`;
}

/** Replaces a file at once, readable by this user alone. */
async function replace(path: string, content: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(content);
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

async function tool(name: string, args: string[]): Promise<void> {
  try {
    await run(name, args, { env: ENV });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`${name}: ${stderr.trim() || (error as Error).message}`, { cause: error });
  }
}

function program(name: string): boolean {
  return PATH.split(delimiter).some(dir => dir !== '' && found(join(dir, name)));
}

function found(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
