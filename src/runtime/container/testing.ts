import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../kernel/log.ts';
import type { Subject } from '../conformance.ts';
import type { ContainerSpec } from '../driver.ts';
import { type ContainerDriver, type ContainerDriverOptions, createContainerDriver } from './container-driver.ts';
import { type Engine, startEngine } from './engine.ts';

/** The tiny image that the tests run: busybox alone. */
export const TEST_IMAGE = 'localhost/atelier/test-busybox:1';

/** A small container of that image that runs a script of its shell. */
export function scriptContainer(
  script: string,
  change: Pick<ContainerSpec, 'name' | 'labels'> & Partial<ContainerSpec>,
): ContainerSpec {
  return {
    image: TEST_IMAGE,
    entrypoint: ['/bin/sh', '-c'],
    command: [script],
    env: {},
    user: '1000:100',
    mounts: [],
    network: 'none',
    ports: [],
    limits: { cpus: 1, memoryBytes: 64 << 20, pids: 30, shmBytes: 1 << 20 },
    stopGraceSeconds: 1,
    logBytes: 1_000_000,
    ...change,
  };
}

/** What a container's server answers; asked again while it begins anew, as one of `nc` does after each answer. */
export async function answerOf({ host, port }: { host: string; port: number }): Promise<string> {
  for (const end = Date.now() + 60_000; ; await sleep(100)) {
    try {
      return await (await fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(5_000) })).text();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

/** A real engine with a store of its own in a temporary directory. */
export async function privateEngine(): Promise<{ engine: Engine; dir: string; close(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'atelier-engine-'));
  const engine = await startEngine({
    dir: join(dir, 'engine'),
    containersRoot: join(dir, 'containers'),
    log: silentLog(),
  });
  return {
    engine,
    dir,
    async close() {
      await engine.ensure();
      // Podman knows best how to put away its own mounts.
      const env = { ...process.env, ...engine.env };
      for (const args of [
        ['rm', '--all', '--force', '--time=0'],
        ['network', 'prune', '--force'],
      ]) {
        // Podman refuses now and then while it still clears up after a container that has just ended.
        for (let attempt = 1; spawnSync('podman', args, { env, stdio: 'ignore' }).status !== 0; attempt++) {
          if (attempt === 5) throw new Error(`podman ${args[0]} failed ${attempt} times`);
          await sleep(500);
        }
      }
      await engine.stop();
      await removeStore(dir, join(dir, 'containers'));
    },
  };
}

/** Removes `dir`, in which `containersRoot` was an engine's; Podman leaves its directory of layers mounted. */
export async function removeStore(dir: string, containersRoot: string): Promise<void> {
  try {
    execFileSync('umount', [join(containersRoot, 'storage/overlay')], { stdio: 'ignore' });
  } catch {
    // Not mounted.
  }
  await rm(dir, { recursive: true, force: true });
}

/** Path of a statically linked busybox, or undefined. */
export function staticBusybox(): string | undefined {
  for (const path of [process.env.ATELIER_TEST_BUSYBOX, '/bin/busybox', '/usr/bin/busybox']) {
    if (path === undefined) continue;
    try {
      execFileSync(path, ['true']);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** Packs busybox as a root file system; returns the tar. */
export async function busyboxTar(dir: string, busybox: string): Promise<string> {
  const root = join(dir, 'rootfs');
  await mkdir(join(root, 'bin'), { recursive: true });
  execFileSync('install', ['-m', '755', busybox, join(root, 'bin/busybox')]);
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet));
  }
  execFileSync('install', ['-d', '-m', '1777', join(root, 'tmp')]);
  const tarFile = join(dir, 'busybox.tar');
  execFileSync('tar', ['-C', root, '-cf', tarFile, '.']);
  return tarFile;
}

/** The conformance suite's subject on a private engine. */
export async function containerSubject(
  busybox: string,
  options: Pick<ContainerDriverOptions, 'hostPorts'> = {},
): Promise<Subject & { driver: ContainerDriver; engine: Engine; dir: string }> {
  const { engine, dir, close } = await privateEngine();
  const connect = () => createContainerDriver({ socketPath: engine.socketPath, log: silentLog(), ...options });
  const drivers = [connect()];
  const driver = drivers[0]!;
  await driver.importImage({ tarFile: await busyboxTar(dir, busybox), ref: TEST_IMAGE });
  return {
    driver,
    engine,
    dir,
    async killEngine() {
      const pid = await engine.pid();
      if (pid === undefined) throw new Error('The engine does not run.');
      process.kill(pid, 'SIGKILL');
      while ((await engine.pid()) !== undefined) await new Promise(resolve => setTimeout(resolve, 10));
    },
    async restartEngine() {
      await engine.ensure();
      drivers.push(connect());
      return drivers.at(-1)!;
    },
    async close() {
      for (const each of drivers) each.close();
      await close();
    },
  };
}
