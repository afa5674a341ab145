import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  truncate,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../../kernel/log.ts';
import { canChown, WORKLOAD_OWNER } from '../workload-access/index.ts';

const run = promisify(execFile);
const ENV = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
const PROGRAMS = ['mkfs.xfs', 'xfs_growfs', 'losetup', 'mount', 'umount'];
const TRY = '.try-';
/** What the machine keeps for itself when volumes are promised. */
const KEPT_BYTES = 1024 ** 3;

export interface VolumeUse {
  bytes: number;
  freeBytes: number;
}

/** Persistent storage of instances, by their ids. All operations may be repeated. */
export interface Volumes {
  /** Bytes that no volume was promised. `promised`: size of each volume, by id. */
  room(promised: ReadonlyMap<string, number>): Promise<number>;
  /** Makes it if it is not there, brings it to its size, and returns the directory that holds its files. */
  attach(id: string, bytes: number): Promise<string>;
  /** Brings an attached one to a larger size while it is used. */
  grow(id: string, bytes: number): Promise<void>;
  /** Undefined when it is not attached. */
  use(id: string, bytes: number): Promise<VolumeUse | undefined>;
  detach(id: string): Promise<void>;
  /** Deletes it with everything in it. */
  remove(id: string): Promise<void>;
}

/**
 * Volumes below `dir`: each a sparse file that holds a file system of its size, mounted by a loop device, where this process may mount;
 * otherwise plain directories, whose size is only watched. Which of the two is found out at first use.
 */
export function createVolumes(dir: string, log: Log): Volumes {
  let chosen: Promise<Volumes> | undefined;
  const volumes = () => {
    chosen ??= canMount(dir, log).then(can => (can ? imageVolumes(dir) : directoryVolumes(dir)));
    return chosen;
  };
  return {
    room: async promised => (await volumes()).room(promised),
    attach: async (id, bytes) => (await volumes()).attach(id, bytes),
    grow: async (id, bytes) => (await volumes()).grow(id, bytes),
    use: async (id, bytes) => (await volumes()).use(id, bytes),
    detach: async id => (await volumes()).detach(id),
    remove: async id => (await volumes()).remove(id),
  };
}

function paths(dir: string, id: string) {
  if (!/^[0-9a-f-]{36}$/.test(id)) throw new Error(`"${id}" is no id of an instance`);
  const root = join(dir, id);
  return { root, image: join(root, 'volume.xfs'), work: join(root, 'work') };
}

/** XFS grows while it is mounted with no more than CAP_SYS_ADMIN; ext4 wants CAP_SYS_RESOURCE, which containers of hosts lack. */
export function imageVolumes(dir: string): Volumes {
  async function make(id: string, bytes: number): Promise<void> {
    const { root, image } = paths(dir, id);
    if (await exists(image)) return;
    await mkdir(root, { recursive: true, mode: 0o700 });
    const made = `${image}.new`;
    await rm(made, { force: true });
    const file = await open(made, 'w', 0o600);
    await file.truncate(bytes);
    await file.close();
    await program('mkfs.xfs', ['-q', '-K', '-f', made]);
    const again = await open(made, 'r+');
    await again.sync();
    await again.close();
    await rename(made, image);
  }

  return {
    async room(promised) {
      const free = await statfs(dir);
      let owed = 0;
      for (const [id, bytes] of promised) {
        const found = await stat(paths(dir, id).image).catch(() => undefined);
        owed += Math.max(0, bytes - (found?.blocks ?? 0) * 512);
      }
      return Math.max(0, free.bavail * free.bsize - KEPT_BYTES - owed);
    },

    async attach(id, bytes) {
      const { image, work } = paths(dir, id);
      await make(id, bytes);
      if (!(await loopOf(work))) {
        if ((await stat(image)).size < bytes) await truncate(image, bytes);
        await mkdir(work, { recursive: true, mode: 0o700 });
        await program('mount', ['-t', 'xfs', '-o', 'loop,nodev,nosuid,discard', image, work]);
        await program('xfs_growfs', [work]);
        if (canChown) await chown(work, WORKLOAD_OWNER.uid, WORKLOAD_OWNER.gid);
        await chmod(work, 0o755);
      }
      await this.grow(id, bytes);
      return work;
    },

    async grow(id, bytes) {
      const { image, work } = paths(dir, id);
      const device = await loopOf(work);
      if (!device || (await stat(image)).size >= bytes) return;
      await truncate(image, bytes);
      await program('losetup', ['-c', device]);
      await program('xfs_growfs', [work]);
    },

    async use(id) {
      const { work } = paths(dir, id);
      if (!(await loopOf(work))) return undefined;
      const found = await statfs(work);
      return { bytes: found.blocks * found.bsize, freeBytes: found.bavail * found.bsize };
    },

    async detach(id) {
      const { work } = paths(dir, id);
      // A mount on top of a mount comes of two passes that raced before a crash.
      while (await loopOf(work)) await program('umount', [work]);
    },

    async remove(id) {
      const { image } = paths(dir, id);
      await this.detach(id);
      await rm(image, { force: true });
      await rm(`${image}.new`, { force: true });
      await rmdir(paths(dir, id).work).catch(absent);
    },
  };
}

export function directoryVolumes(dir: string): Volumes {
  return {
    async room() {
      const free = await statfs(dir);
      return Math.max(0, free.bavail * free.bsize - KEPT_BYTES);
    },
    async attach(id) {
      const { work } = paths(dir, id);
      await mkdir(work, { recursive: true, mode: 0o755 });
      if (canChown) await chown(work, WORKLOAD_OWNER.uid, WORKLOAD_OWNER.gid);
      return work;
    },
    async grow() {},
    async use(id, bytes) {
      const { work } = paths(dir, id);
      if (!(await exists(work))) return undefined;
      const { stdout } = await run('du', ['-sk', '--', work], { env: ENV });
      return { bytes, freeBytes: Math.max(0, bytes - Number.parseInt(stdout, 10) * 1024) };
    },
    async detach() {},
    async remove(id) {
      await rm(paths(dir, id).work, { recursive: true, force: true });
    },
  };
}

/** Lets go of all volumes below `dir`; for the end of an installation. What is in them stays. */
export async function detachAll(dir: string): Promise<void> {
  await removeTries(dir);
  const ids = await readdir(dir).catch(() => []);
  for (const id of ids.filter(name => /^[0-9a-f-]{36}$/.test(name))) await imageVolumes(dir).detach(id);
}

/** The loop device mounted at a directory; undefined when nothing is. */
async function loopOf(work: string): Promise<string | undefined> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  // Fields: id, parent, device, root, mount point, options … - type, source, options (proc(5)).
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    if (unescaped(before.split(' ')[4] ?? '') === work) return after.split(' ')[1];
  }
  return undefined;
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Takes away what a server left that was killed in the middle of a try: it would hold a loop device for good. */
async function removeTries(dir: string): Promise<void> {
  const tries = (await readdir(dir).catch(() => [])).filter(name => name.startsWith(TRY));
  for (const root of tries.map(name => join(dir, name))) {
    const work = join(root, 'work');
    if (await loopOf(work)) await program('umount', [work]);
    await rm(root, { recursive: true, force: true });
  }
}

/** Tries it, on a small file: rights, programs, loop devices and the file system must all be there. */
async function canMount(dir: string, log: Log): Promise<boolean> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (process.platform !== 'linux' || !canChown) return false;
  const root = join(dir, `${TRY}${process.pid}`);
  try {
    await removeTries(dir);
    for (const name of PROGRAMS) await run(name, ['-V'], { env: ENV });
    await mkdir(join(root, 'work'), { recursive: true });
    const image = join(root, 'volume.xfs');
    const file = await open(image, 'w');
    await file.truncate(300 * 1024 ** 2);
    await file.close();
    await program('mkfs.xfs', ['-q', '-K', '-f', image]);
    await program('mount', ['-t', 'xfs', '-o', 'loop,nodev,nosuid', image, join(root, 'work')]);
    await program('umount', [join(root, 'work')]);
    return true;
  } catch (error) {
    log.warn(
      { err: error },
      'volumes of notebooks are plain directories without a limit: a loop device cannot be mounted',
    );
    return false;
  } finally {
    await rm(root, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function program(name: string, args: string[]): Promise<void> {
  try {
    await run(name, args, { env: ENV });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`${name}: ${stderr.trim() || (error as Error).message}`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(absent)) !== undefined;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
