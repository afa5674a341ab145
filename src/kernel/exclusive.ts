import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 500;
const SQLITE_BUSY = 5;

/**
 * Runs `work` while nobody else, in this process or another, runs something under the same file; waits for its turn. The lock is SQLite's on
 * the file, so it ends with the process, however that ends. `waiting` is called once when somebody else has it.
 */
export async function exclusively<T>(
  file: string,
  work: () => Promise<T>,
  options: { pollMs?: number; waiting?: (() => void) | undefined; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  let told = false;
  for (;;) {
    const db = new DatabaseSync(file);
    try {
      db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (by INTEGER);');
    } catch (error) {
      db.close();
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      if (!told) options.waiting?.();
      told = true;
      await sleep(options.pollMs ?? POLL_MS, undefined, { signal: options.signal });
      continue;
    }
    try {
      return await work();
    } finally {
      db.close();
    }
  }
}
