import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readSettings, type Settings } from '../../src/app/env.ts';
import { homePaths } from '../../src/app/home.ts';
import { stopEverything } from '../../src/app/teardown.ts';
import { SERVER_FLAGS } from '../../src/cli/commands/server.ts';
import { ObsClient } from '../../src/client/obs.ts';
import { PlatformClient } from '../../src/client/platform.ts';
import { type Profile, Session } from '../../src/client/session.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createContainerDriver } from '../../src/runtime/container/container-driver.ts';
import { startEngine } from '../../src/runtime/container/engine.ts';
import { freePorts } from '../free-ports.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const READY_MS = 180_000;
/** From its own on, with those of notebooks (src/app/env.ts). */
const PORTS = 220;

export interface Installation {
  home: string;
  port: number;
  env: NodeJS.ProcessEnv;
  profile: Profile;
  accountId: string;
  session: Session;
  client: PlatformClient;
  obs: ObsClient;
  /** The server's process id. */
  pid(): number;
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
  /** Starts the server again and waits until it is ready. */
  start(): Promise<void>;
  /** SIGTERM and wait. */
  stop(): Promise<void>;
  /** Stops all, containers too, and removes the home. */
  remove(): Promise<void>;
  /** Runs `./atelier` with arguments; resolves with what it printed. */
  cli(args: string[], options?: { input?: string }): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** A platform of its own in a temporary home on free ports, with real containers. */
export async function createInstallation(extraEnv: Record<string, string> = {}): Promise<Installation> {
  const home = mkdtempSync(join(tmpdir(), 'atelier-e2e-'));
  const port = await freePorts(PORTS);
  const env = { ...process.env, ATELIER_HOME: home, ATELIER_PORT: String(port), ATELIER_LOG: 'info', ...extraEnv };
  let child: ChildProcess | undefined;
  let log = '';

  async function start(): Promise<void> {
    log = '';
    child = spawn(process.execPath, [...SERVER_FLAGS, join(ROOT, 'src/app/main.ts')], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (data: Buffer) => {
      log = (log + data.toString()).slice(-20_000);
      if (process.env.ATELIER_TEST_LOG) process.stderr.write(data);
    };
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    const deadline = Date.now() + READY_MS;
    for (;;) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not start:\n${log}`);
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`)
        .then(response => response.json() as Promise<{ ready: boolean }>)
        .then(answer => answer.ready)
        .catch(() => false);
      if (ready) return;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const running = child;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise(resolve => running.once('exit', resolve));
    running.kill(signal);
    await ended;
  }

  await start();
  const credentials = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'));
  const profile: Profile = {
    endpoints: {
      api: `http://127.0.0.1:${port}`,
      obs: `http://127.0.0.1:${port + 1}`,
      inference: `http://127.0.0.1:${port + 3}`,
    },
    region: credentials.region,
    projectId: credentials.projectId,
    account: credentials.account,
    user: credentials.user,
    password: credentials.password,
    key: { access: credentials.accessKey, secret: credentials.secretKey },
  };
  const session = new Session(profile);
  const cli: Installation['cli'] = (args, options = {}) =>
    new Promise((resolve, reject) => {
      const run = spawn(join(ROOT, 'atelier'), args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      run.stdout.on('data', data => {
        stdout += data;
      });
      run.stderr.on('data', data => {
        stderr += data;
      });
      run.once('error', reject);
      run.once('close', code => resolve({ code: code ?? 1, stdout, stderr }));
      run.stdin.end(options.input ?? '');
    });

  return {
    home,
    port,
    env,
    profile,
    accountId: credentials.accountId,
    session,
    client: new PlatformClient(session),
    obs: new ObsClient(profile),
    pid: () => child!.pid!,
    kill: () => end('SIGKILL'),
    start,
    stop: () => end('SIGTERM'),
    cli,
    async remove() {
      await end('SIGTERM');
      await stopEverything(readSettings(env), () => {});
      await removeSavedImages(readSettings(env));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Removes the images that accounts of an installation saved; they lie in a storage that outlives it. Nothing may run any more. */
async function removeSavedImages(settings: Settings): Promise<void> {
  const paths = homePaths(settings.home);
  const db = new DatabaseSync(paths.database, { readOnly: true });
  const rows = db.prepare("SELECT swr_path FROM images WHERE origin = 'IMAGE_SAVE'").all();
  db.close();
  if (rows.length === 0) return;
  const log = silentLog();
  const engine = await startEngine({ dir: paths.engine, containersRoot: settings.containersRoot, log });
  const driver = createContainerDriver({ socketPath: engine.socketPath, log });
  try {
    for (const { swr_path } of rows) await driver.removeImage(String(swr_path));
  } finally {
    driver.close();
    await engine.stop();
  }
}

/** Directory of the document's own files, or undefined where they are not at hand. */
export function seedCases(): string | undefined {
  const candidates = [process.env.ATELIER_SEED_CASES, join(ROOT, '..', 'shared', 'seed-cases')];
  return candidates.find(dir => dir && existsSyncDirectory(join(dir, 'mnist')));
}

function existsSyncDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Waits until the preset image is there. */
export async function presetImageReady(installation: Installation): Promise<void> {
  for (;;) {
    const answer = (await (await fetch(`${installation.profile.endpoints.api}/readyz`)).json()) as {
      checks: { presetImages?: { ok: boolean; failed?: boolean; text: string } };
    };
    const state = answer.checks.presetImages;
    if (state?.ok) return;
    if (state?.failed) throw new Error(`the preset image could not be built: ${state.text}`);
    await new Promise(resolve => setTimeout(resolve, 250));
  }
}
