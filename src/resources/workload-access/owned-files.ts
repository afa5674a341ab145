import { chmod, chown, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** The user every workload runs as: ma-user of ma-group (behaviour/training.md 6, custom image rules). */
export const WORKLOAD_OWNER = { uid: 1000, gid: 100 };

/** True where files can be given to that user. */
export const canChown = process.geteuid?.() === 0;

/** Makes a directory that belongs to the workload's user. */
export async function ownedDirectory(path: string, mode = 0o755): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, mode);
  if (canChown) await chown(path, WORKLOAD_OWNER.uid, WORKLOAD_OWNER.gid);
}

/** Replaces `name` in `dir` at once, readable by the workload's user alone. The directory is not the workload's to write in. */
export async function writeOwned(dir: string, name: string, content: string): Promise<void> {
  const temporary = join(dir, `.${name}.new`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    if (canChown) await file.chown(WORKLOAD_OWNER.uid, WORKLOAD_OWNER.gid);
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, name));
}
