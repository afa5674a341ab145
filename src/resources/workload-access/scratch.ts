import { chmod, chown, mkdtemp, open, rm, rmdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mountedAt, mountsBelow, systemProgram } from '../../kernel/mounts.ts';
import { canChown, ownedDirectory, WORKLOAD_OWNER } from './owned-files.ts';

/** What the machine keeps for itself. */
const KEPT_BYTES = 1024 ** 3;
/** A file system of XFS has at least so many bytes. */
const SMALLEST_BYTES = 300 * 1024 ** 2;
/** What others may only come to want is not kept from anyone up to this size, while a quarter of the free disk is as much. */
const MODEST_BYTES = 2 * 1024 ** 3;

/**
 * Makes a directory for files that nobody needs any more when a container has ended, of at most so many bytes, or half of what the machine
 * has left (a modest size also where others were promised the rest, and have not taken it); where this process may not mount, without a limit. It belongs to the workload's user. May be repeated; what is there is kept.
 */
export async function attachScratch(dir: string, bytes: number): Promise<void> {
  if (await mountedAt(dir)) return;
  await ownedDirectory(dir);
  if (!canChown || process.platform !== 'linux') return;
  const { free, promised } = await room(dir);
  const most = Math.max((free - promised) / 2, Math.min(MODEST_BYTES, free / 4));
  const size = Math.max(SMALLEST_BYTES, Math.min(bytes, Math.floor(most)));
  const made = await mkdtemp(join(dirname(dir), '.scratch-'));
  const image = join(made, 'volume.xfs');
  try {
    const file = await open(image, 'wx', 0o600);
    await file.truncate(size);
    await file.close();
    await systemProgram('mkfs.xfs', ['-q', '-K', '-f', image]);
    await systemProgram('mount', ['-t', 'xfs', '-o', 'loop,nodev,nosuid,discard', image, dir]);
  } catch {
    // No loop devices, or no mkfs.xfs: the platform says at its start that sizes are not enforced.
    return;
  } finally {
    // Without a name it is gone with its mount, whoever dies.
    await rm(image, { force: true });
    await rmdir(made);
  }
  await chmod(dir, 0o755);
  await chown(dir, WORKLOAD_OWNER.uid, WORKLOAD_OWNER.gid);
}

/** Bytes of the disk of a directory that are free, and how many of them file systems in files may still come to want. */
async function room(dir: string): Promise<{ free: number; promised: number }> {
  const disk = await statfs(dir);
  let promised = 0;
  for (const { at, source } of await mountsBelow('/')) {
    if (!source.startsWith('/dev/loop')) continue;
    const inside = await statfs(at).catch(() => undefined);
    promised += inside ? inside.bfree * inside.bsize : 0;
  }
  return { free: Math.max(0, disk.bavail * disk.bsize - KEPT_BYTES), promised };
}

/** Lets go of all scratch directories at and below `dir`, with what is in them. May be repeated. */
export async function detachScratch(dir: string): Promise<void> {
  for (const { at, source } of (await mountsBelow(dir)).reverse()) {
    if (source.startsWith('/dev/loop')) await systemProgram('umount', ['-l', at]);
  }
}
