import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rm, rmdir, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { mountedAt, systemProgram } from '../../kernel/mounts.ts';

/** A file system of XFS has at least so many bytes. */
export const SMALLEST_LAYER_BYTES = 300 * 1024 ** 2;

/** How what is in the making is named: `layer-<id>` and `layer-<id>.xfs`. */
const PREFIX = 'layer-';
const IMAGE = '.xfs';
/** Mounts the file $1 at $2 and copies there what lies in $3; in a mount namespace of its own, so that nothing stays mounted when it is killed. */
const FILL = 'mount -t xfs -o loop,nodev,nosuid "$1" "$2" && cp --archive --force "$3/." "$2" && umount "$2"';

/**
 * The directory in which the engine keeps what a container writes to its own file system, as the engine itself tells it; undefined where
 * it keeps that otherwise.
 */
export function layerDir(
  graph: { Name?: string; Data?: Record<string, string> | null } | undefined,
): string | undefined {
  const upper = graph?.Name === 'overlay' ? graph.Data?.UpperDir : undefined;
  return upper?.endsWith('/diff') ? dirname(upper) : undefined;
}

/**
 * Gives the layer of a container that never ran a file system of its own, of so many bytes: a sparse file that is mounted where the engine
 * keeps the layer. The file has no name any more once it is mounted, so all of it is gone with the mount, whoever dies. Repeatable; throws
 * where this process may not mount.
 */
export async function limitLayer(dir: string, bytes: number): Promise<void> {
  if (await mountedAt(dir)) return;
  // Beside the engine's folder of layers, on the same disk.
  const [layers, layer] = [dirname(dir), basename(dir)];
  const made = join(dirname(layers), `${PREFIX}${layer}`);
  const image = `${made}${IMAGE}`;
  await forgetAbandoned(layers);
  try {
    await rm(image, { force: true });
    const file = await open(image, 'wx', 0o600);
    await file.truncate(Math.max(bytes, SMALLEST_LAYER_BYTES));
    await file.close();
    await systemProgram('mkfs.xfs', ['-q', '-K', '-f', image]);
    await mkdir(made, { recursive: true, mode: 0o700 });
    // What the engine has put there: how it finds the layer again, and empty directories.
    await systemProgram('unshare', ['--mount', 'sh', '-c', FILL, 'fill', image, made, dir]);
    await systemProgram('mount', ['-t', 'xfs', '-o', 'loop,nodev,nosuid,discard', image, dir]);
  } finally {
    await rm(image, { force: true });
    await rmdir(made).catch(() => undefined);
  }
}

/** Puts away what a process left that was killed while it gave a layer, which is gone by now, its file system. */
async function forgetAbandoned(layers: string): Promise<void> {
  const storage = dirname(layers);
  for (const name of await readdir(storage)) {
    if (!name.startsWith(PREFIX)) continue;
    const layer = name.slice(PREFIX.length).replace(IMAGE, '');
    if (existsSync(join(layers, layer))) continue;
    const path = join(storage, name);
    if (await mountedAt(path)) await systemProgram('umount', [path]);
    await rm(path, { recursive: true, force: true });
  }
}

/** How full it is; undefined when it has no limit. */
export async function limitedLayerUse(dir: string): Promise<{ bytes: number; limitBytes: number } | undefined> {
  if (!(await mountedAt(dir))) return undefined;
  const found = await statfs(dir);
  return { bytes: (found.blocks - found.bavail) * found.bsize, limitBytes: found.blocks * found.bsize };
}

/** Lets go of what a container that has ended wrote. One that still runs keeps it until the engine removes it. */
export async function dropLayer(dir: string): Promise<void> {
  if (await mountedAt(dir)) await systemProgram('umount', [dir]).catch(() => undefined);
}
