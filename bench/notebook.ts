import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '../src/app/env.ts';
import { homePaths } from '../src/app/home.ts';
import { silentLog } from '../src/kernel/log.ts';
import { NOTEBOOK_IMAGE_ID } from '../src/resources/images/image.api.ts';
import { jupyterLabOf, NOTEBOOK_IMAGE } from '../src/resources/images/index.ts';
import { createContainerDriver } from '../src/runtime/container/container-driver.ts';
import { startEngine } from '../src/runtime/container/engine.ts';
import type { ContainerSpec } from '../src/runtime/driver.ts';
import { createInstallation, type Installation, presetImageReady } from '../test/e2e/installation.ts';
import { authorize } from '../test/e2e/jobs.ts';
import { againstBareEngine, type Report } from './report.ts';

const ROUNDS = Number(process.env.ATELIER_BENCH_ROUNDS ?? 6);
const FLAVOR = { id: 'modelarts.vm.cpu.2u', cpus: 2, memoryBytes: 4 * 1024 ** 3 };
const LOOK_MS = 20;

/** Creation of a notebook to an answer of its Jupyter through the proxy, against the bare engine making and starting the same image. */
export async function benchNotebook(): Promise<Report> {
  const at = await createInstallation({ ATELIER_LOG: 'warn' });
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
  try {
    await presetImageReady(at);
    await authorize(at);
    const bareRun = await bareEngine(at, dir);
    return {
      bench: 'notebook',
      figures: await againstBareEngine({
        what: 'Create to a usable Jupyter',
        peer: 'bare engine, same image and command',
        rounds: ROUNDS,
        ours: () => throughPlatform(at),
        bare: round => bareRun(`bench-${process.pid}-${round}`),
      }),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
    await at.remove();
  }
}

async function answers(url: string, token: string): Promise<void> {
  for (const end = Date.now() + 120_000; ; await sleep(LOOK_MS)) {
    const ok = await fetch(url, { headers: { authorization: `token ${token}` } }).then(
      response => response.ok,
      () => false,
    );
    if (ok) return;
    if (Date.now() > end) throw new Error(`${url} does not answer`);
  }
}

async function throughPlatform(at: Installation): Promise<number> {
  const base = `/v1/${at.profile.projectId}/notebooks`;
  const ask = async (method: string, path: string, body?: object) =>
    JSON.parse((await at.session.request(method, base + path, { body })).body.toString('utf8'));
  const begun = performance.now();
  const made = await ask('POST', '', {
    name: 'bench',
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: FLAVOR.id,
    volume: { category: 'EVS' },
  });
  let shown = made;
  while (shown.status !== 'RUNNING') {
    if (shown.fail_reason) throw new Error(shown.fail_reason);
    await sleep(LOOK_MS);
    shown = await ask('GET', `/${made.id}`);
  }
  await answers(shown.url.replace('/lab', '/api/status'), shown.token);
  const took = performance.now() - begun;
  await ask('DELETE', `/${made.id}`);
  while (await ask('GET', `/${made.id}`).catch(() => undefined)) await sleep(LOOK_MS);
  return took;
}

/** The same image, limits and command, on the engine alone. */
async function bareEngine(at: Installation, dir: string): Promise<(name: string) => Promise<number>> {
  const settings = readSettings(at.env);
  const paths = homePaths(settings.home);
  const engine = await startEngine({ dir: paths.engine, containersRoot: settings.containersRoot, log: silentLog() });
  const driver = createContainerDriver({ socketPath: engine.socketPath, log: silentLog() });
  const work = join(dir, 'work');
  mkdirSync(work);
  const lab = jupyterLabOf(await driver.inspectImage(NOTEBOOK_IMAGE)) !== undefined;
  const settingsOf = (app: string) => [
    `c.${app}.token = "bench"`,
    `c.${app}.ip = "0.0.0.0"`,
    `c.${app}.allow_remote_access = True`,
  ];
  writeFileSync(
    join(dir, 'config.py'),
    ['c = get_config()', ...settingsOf(lab ? 'ServerApp' : 'NotebookApp')].join('\n'),
  );
  execFileSync('chown', ['-R', '1000:100', work]);
  return async name => {
    const spec: ContainerSpec = {
      name,
      labels: { 'atelier.bench': name },
      image: NOTEBOOK_IMAGE,
      entrypoint: [lab ? '/opt/jupyterlab/bin/jupyter-lab' : 'jupyter-notebook'],
      command: ['--config=/config.py', '--no-browser'],
      env: { HOME: '/home/ma-user' },
      user: '1000:100',
      mounts: [
        { source: work, target: '/home/ma-user/work', readOnly: false },
        { source: join(dir, 'config.py'), target: '/config.py', readOnly: true },
      ],
      network: `bench-${process.pid}`,
      ports: [8888],
      limits: { cpus: FLAVOR.cpus, memoryBytes: FLAVOR.memoryBytes, pids: 4096, shmBytes: FLAVOR.memoryBytes / 2 },
      stopGraceSeconds: 1,
      logBytes: 1 << 20,
    };
    await driver.ensureNetwork({ name: spec.network, labels: {}, internal: true });
    const begun = performance.now();
    await driver.create(spec);
    await driver.start(name);
    const { endpoints } = await driver.inspect(name);
    const { host, port } = endpoints[8888]!;
    await answers(`http://${host}:${port}/api/status`, 'bench');
    const took = performance.now() - begun;
    await driver.remove(name);
    await driver.removeNetwork(spec.network);
    return took;
  };
}
