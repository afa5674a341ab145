import { chmod, lstat, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageFile } from './model-package.ts';

/** The regular files under `dir`, with paths relative to it. Anything that is neither file nor directory is refused. */
export async function localFiles(dir: string, below = ''): Promise<PackageFile[]> {
  const files: PackageFile[] = [];
  for (const entry of await readdir(join(dir, below), { withFileTypes: true })) {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory()) files.push(...(await localFiles(dir, path)));
    else if (entry.isFile()) files.push({ path, size: (await lstat(join(dir, path))).size });
    else throw new Error(`the staged package has ${path}, which is neither a file nor a directory`);
  }
  return files;
}

/** Makes a staged tree durable and immutable: read-only for everybody, each file and directory on disk. */
export async function sealTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      await sealTree(path);
    } else {
      await chmod(path, 0o444);
      await syncPath(path);
    }
  }
  await chmod(dir, 0o755);
  await syncPath(dir);
}

/** Forces one file or directory to disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a tree; harmless when absent. */
export async function removeTree(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
}
