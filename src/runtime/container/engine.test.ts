import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { silentLog } from '../../kernel/log.ts';
import { EngineUnavailable } from '../driver.ts';
import { createContainerDriver } from './container-driver.ts';
import { prepareEngine, startEngine } from './engine.ts';
import { busyboxTar, privateEngine, removeStore, staticBusybox, TEST_IMAGE } from './testing.ts';

const log = silentLog();
const busybox = staticBusybox();
const skip = busybox === undefined ? 'needs a static busybox' : false;

function commandOf(id: string): string[] {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

describe('engine', { skip }, () => {
  test('a second start takes over the living service; a dead one is started again; stop ends it', async () => {
    const { engine, dir, close } = await privateEngine();
    try {
      const pid = await engine.pid();
      const options = { dir: join(dir, 'engine'), containersRoot: join(dir, 'containers'), log };
      const again = await startEngine(options);
      assert.equal(await again.pid(), pid);
      // Whoever started it was killed before it could write down the process id.
      await rm(join(dir, 'engine', 'engine.pid'));
      assert.equal(await (await startEngine(options)).pid(), pid);
      process.kill(pid!, 'SIGKILL');
      while ((await again.pid()) === pid) await new Promise(resolve => setTimeout(resolve, 10));
      await Promise.all([again.ensure(), again.ensure()]);
      const next = await again.pid();
      assert.notEqual(next, pid);
      await again.stop();
      assert.equal(await again.pid(), undefined);
      const driver = createContainerDriver({ socketPath: engine.socketPath, log });
      await assert.rejects(driver.ping(), EngineUnavailable);
      await engine.ensure();
      assert.equal((await driver.ping()).engine, 'podman');
      const external = await startEngine({ dir: '/nowhere', log, external: `unix://${engine.socketPath}` });
      assert.equal(external.external, true);
      await external.stop();
      assert.equal((await driver.ping()).engine, 'podman');
    } finally {
      await close();
    }
  });

  test('who starts it at the same time starts one, and its process id is the one written down', async () => {
    const { engine, dir, close } = await privateEngine();
    try {
      const options = { dir: join(dir, 'engine'), containersRoot: join(dir, 'containers'), log };
      for (let round = 0; round < 3; round++) {
        await engine.stop();
        // Each as a program of its own would.
        const starters = await Promise.all([prepareEngine(options), prepareEngine(options), prepareEngine(options)]);
        await Promise.all(starters.map(each => each.ensure()));
        const found = async () =>
          (await readdir('/proc'))
            .filter(name => /^\d+$/.test(name))
            .filter(id => commandOf(id).includes(`unix://${engine.socketPath}`));
        let services = await found();
        // A child of it has its words until it becomes another program.
        for (const end = Date.now() + 20_000; services.length > 1 && Date.now() < end; ) services = await found();
        assert.equal(services.length, 1, services.join());
        assert.equal(await readFile(join(dir, 'engine', 'engine.pid'), 'utf8'), services[0]);
      }
    } finally {
      await close();
    }
  });

  test('a directory with a long path gets a short private socket', async () => {
    const root = await mkdtemp(join(tmpdir(), 'atelier-engine-'));
    const dir = join(root, 'a-rather-long-name-for-a-directory'.repeat(4));
    const engine = await startEngine({ dir, containersRoot: join(root, 'c'), log });
    try {
      assert.ok(Buffer.byteLength(engine.socketPath) < 108);
      assert.equal((await stat(join(engine.socketPath, '..'))).mode & 0o777, 0o700);
    } finally {
      await engine.stop();
      await rm(join(engine.socketPath, '..'), { recursive: true });
      await removeStore(root, join(root, 'c'));
    }
  });

  test('no Podman, no engine at the address: the reason is told', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'atelier-engine-'));
    const causeOf = (pattern: RegExp) => (error: unknown) =>
      error instanceof EngineUnavailable && pattern.test(String((error.cause as Error).message));
    const options = { dir, containersRoot: join(dir, 'c'), log };
    await assert.rejects(startEngine({ ...options, podman: 'no-such-podman' }), causeOf(/not installed/));
    await assert.rejects(startEngine({ ...options, external: 'unix:///nowhere.sock' }), causeOf(/nowhere/));
    await rm(dir, { recursive: true });
  });

  test('after a reboot what was running has ended, with a reason', async () => {
    const { engine, dir, close } = await privateEngine();
    try {
      const driver = createContainerDriver({ socketPath: engine.socketPath, log });
      await driver.importImage({ tarFile: await busyboxTar(dir, busybox!), ref: TEST_IMAGE });
      const base = {
        labels: { 'atelier.test': 'boot' },
        image: TEST_IMAGE,
        env: {},
        user: '1:1',
        mounts: [],
        network: 'none',
      };
      const limits = { cpus: 1, memoryBytes: 64 << 20, pids: 20, shmBytes: 1 << 20 };
      const more = { ports: [], limits, stopGraceSeconds: 1, logBytes: 100_000 };
      await driver.create({ name: 'atelier-boot-ran', command: ['sleep', '100'], ...base, ...more });
      await driver.create({ name: 'atelier-boot-not', command: ['sleep', '100'], ...base, ...more });
      await driver.start('atelier-boot-ran');
      // What a reboot leaves: no processes, an old run directory on disk, another boot id.
      const podman = (...args: string[]) =>
        execFileSync('podman', args, { env: { ...process.env, ...engine.env }, encoding: 'utf8' }).trim();
      const conmon = Number(podman('inspect', 'atelier-boot-ran', '--format', '{{.State.ConmonPid}}'));
      const main = Number(podman('inspect', 'atelier-boot-ran', '--format', '{{.State.Pid}}'));
      await engine.stop();
      process.kill(conmon, 'SIGKILL');
      process.kill(main, 'SIGKILL');
      const root = join(dir, 'containers');
      for (const name of await readdir(root))
        if (name.startsWith('boot-')) await rm(join(root, name), { recursive: true });
      await utimes(join(root, 'run/libpod/alive'), 1, 1);
      await engine.ensure();
      const ran = await driver.inspect('atelier-boot-ran');
      assert.equal(ran.state, 'exited');
      assert.match(ran.error ?? '', /restarted/);
      assert.equal((await driver.inspect('atelier-boot-not')).state, 'created');
      await driver.start('atelier-boot-not');
      assert.equal((await driver.inspect('atelier-boot-not')).state, 'running');
    } finally {
      await close();
    }
  });
});
