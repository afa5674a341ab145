import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const WAIT_MS = 10_000;

/**
 * Makes Podman notice a reboot. It takes containers for running until the files of its run directory are gone, and expects them
 * on a memory file system; ours are on disk. The first caller after a boot puts the old run directory aside; others wait for it.
 */
export async function noticeReboot(containersRoot: string, run: string): Promise<void> {
  await mkdir(containersRoot, { recursive: true, mode: 0o711 });
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'none')).trim();
  const marker = join(containersRoot, `boot-${bootId}`);
  try {
    await mkdir(marker);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const giveUp = Date.now() + WAIT_MS;
    while (!(await exists(join(marker, 'done'))) && Date.now() < giveUp) await sleep(50);
    return;
  }
  // Whoever used this root since the boot without us has already made Podman notice.
  const alive = await stat(join(run, 'libpod', 'alive')).catch(() => undefined);
  if (alive !== undefined && alive.mtimeMs < (await bootTime())) {
    const aside = join(containersRoot, `run-before-${bootId}`);
    await rename(run, aside);
    await rm(aside, { recursive: true, force: true });
  }
  await mkdir(join(marker, 'done'));
  for (const name of await readdir(containersRoot)) {
    if (name.startsWith('boot-') && name !== `boot-${bootId}`) {
      await rm(join(containersRoot, name), { recursive: true, force: true });
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Milliseconds since the epoch. */
async function bootTime(): Promise<number> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '');
  return Number(/^btime (\d+)/m.exec(text)?.[1] ?? 0) * 1000;
}
