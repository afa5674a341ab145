import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

async function syncAndClose(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Text of a file, or undefined when there is none. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces a file so that a reader sees the old or the new text, whatever is killed when. Mode 0600. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
  } catch (error) {
    await handle.close();
    throw error;
  }
  await syncAndClose(handle);
  await rename(temporary, path);
  await syncAndClose(await open(dirname(path), 'r'));
}

/** As writeAtomically, but leaves the file alone when it already holds the text. */
export async function writeIfDifferent(path: string, text: string): Promise<void> {
  if ((await readIfExists(path)) !== text) await writeAtomically(path, text);
}

/** Makes a directory that its owner alone may enter. */
export async function privateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const handle = await open(path, 'r');
  try {
    await handle.chmod(0o700);
  } finally {
    await handle.close();
  }
}
