import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { readSettings } from '../src/app/env.ts';
import { homePaths } from '../src/app/home.ts';
import { silentLog } from '../src/kernel/log.ts';
import { startEngine } from '../src/runtime/container/engine.ts';
import { containersOf } from '../test/e2e/containers.ts';
import { createInstallation, type Installation, presetImageReady } from '../test/e2e/installation.ts';
import { authorize, ENGINE, ended, inPhase, logOf } from '../test/e2e/jobs.ts';
import { againstBareEngine, type Report } from './report.ts';

const ROUNDS = Number(process.env.ATELIER_BENCH_ROUNDS ?? 8);
const BUCKET = 'bench-job';
const FIRST_LINE = 'import time\nprint(f"first line at {time.time()}", flush=True)\n';

/** Creation of a job to the first line of its script, against the bare engine making and starting the same container. */
export async function benchJob(): Promise<Report> {
  const at = await createInstallation({ ATELIER_LOG: 'warn' });
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
  try {
    await presetImageReady(at);
    await authorize(at);
    await at.obs.createBucket(BUCKET);
    await at.obs.put({ bucket: BUCKET, key: 'code/main.py' }, Buffer.from(FIRST_LINE));
    await at.obs.put({ bucket: BUCKET, key: 'wait/main.py' }, Buffer.from(`${FIRST_LINE}time.sleep(300)\n`));
    const engine = await bareEngine(at, dir);
    return {
      bench: 'job',
      figures: await againstBareEngine({
        what: 'Create to first line of user code',
        peer: 'bare engine, same container: create, start, first line',
        rounds: ROUNDS,
        ours: round => throughPlatform(at, `round-${round}`),
        bare: round => engine.run(`${round}`),
      }),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
    await at.remove();
  }
}

function createJob(at: Installation, name: string, code: string) {
  return at.client.createJob({
    kind: 'job',
    metadata: { name },
    algorithm: {
      code_dir: `/${BUCKET}/${code}/`,
      boot_file: `/${BUCKET}/${code}/main.py`,
      engine: { engine_id: ENGINE },
    },
    spec: { resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 1 } },
  });
}

/** Milliseconds from sending the request to the script's first line, by the clock that both read. */
async function throughPlatform(at: Installation, name: string): Promise<number> {
  const started = Date.now();
  const job = await createJob(at, name, 'code');
  await ended(at, job.metadata.id);
  return firstLine(await logOf(at, job.metadata.id)) - started;
}

/** Takes the container of a real job as its pattern: the same image, command, environment, limits, network and mounts. */
async function bareEngine(at: Installation, dir: string): Promise<{ run(name: string): Promise<number> }> {
  const job = await createJob(at, 'pattern', 'wait');
  await inPhase(at, job.metadata.id, ['Running']);
  const settings = readSettings(at.env);
  const { socketPath } = await startEngine({
    dir: homePaths(settings.home).engine,
    containersRoot: settings.containersRoot,
    log: silentLog(),
  });
  const docker = new Docker({ socketPath });
  const [running] = await containersOf(at, 'training-job');
  const pattern = await docker.getContainer(running!.name).inspect();
  const binds = pattern.Mounts.filter(mount => mount.Type === 'bind');
  const saved = binds.map((mount, index) => ({ mount, copy: join(dir, `mount-${index}`) }));
  for (const { mount, copy } of saved) copyWithOwners(mount.Source, copy);
  // The pattern's script waits, so that it can be looked at; what is measured does not.
  for (const script of globSync(join(dir, 'mount-*/**/main.py'))) writeFileSync(script, FIRST_LINE);
  await at.client.terminateJob(job.metadata.id);
  await ended(at, job.metadata.id);

  const { Config: config, HostConfig: host } = pattern;
  return {
    async run(name) {
      const fresh = saved.map(({ mount, copy }, index) => {
        const source = join(dir, `run-${name}-${index}`);
        copyWithOwners(copy, source);
        return { Type: 'bind' as const, Source: source, Target: mount.Destination, ReadOnly: !mount.RW };
      });
      const started = Date.now();
      const container = await docker.createContainer({
        name: `atelier-bench-${process.pid}-${name}`,
        Image: config.Image,
        Entrypoint: config.Entrypoint,
        Cmd: config.Cmd,
        Env: config.Env,
        User: config.User,
        Hostname: config.Hostname,
        WorkingDir: config.WorkingDir,
        HostConfig: {
          Memory: host.Memory,
          MemorySwap: host.MemorySwap,
          NanoCpus: host.NanoCpus,
          PidsLimit: host.PidsLimit,
          ShmSize: host.ShmSize,
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
          Init: true,
          NetworkMode: host.NetworkMode,
          LogConfig: { Type: 'k8s-file', Config: {} },
          // Podman tells them by another name than it takes.
          Ulimits: host.Ulimits?.map(limit => ({
            ...limit,
            Name: (limit.Name ?? '').replace('RLIMIT_', '').toLowerCase(),
          })),
          ExtraHosts: host.ExtraHosts,
          Mounts: fresh,
        },
      });
      await container.start();
      while ((await container.inspect()).State.Running) await sleep(50);
      const log = String(await container.logs({ stdout: true, stderr: true }));
      await container.remove();
      return firstLine(log) - started;
    },
  };
}

function firstLine(log: string): number {
  const found = /first line at ([\d.]+)/.exec(log);
  if (!found) throw new Error(`the script did not run:\n${log.slice(-2000)}`);
  return Number(found[1]) * 1000;
}

function copyWithOwners(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}
