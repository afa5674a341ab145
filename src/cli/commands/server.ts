import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readSettings, type Settings } from '../../app/env.ts';
import { type HomePaths, homePaths } from '../../app/home.ts';
import { processLives, readServerFile, type ServerFile } from '../../app/server-file.ts';
import { Failure } from '../../kernel/failure.ts';
import type { OutputFormat } from '../output.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;

/** Options of Node for the server. A small young heap saves 14 MB idle and 25 MB under load for about a sixth more time a request. */
export const SERVER_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'];

/** What `status --json` prints; scripts rely on it. */
export interface Status {
  ready: boolean;
  pid: number | null;
  endpoints: ServerFile['endpoints'];
  region: string;
  account: string;
  accountId: string | null;
  projectId: string | null;
  credentialsFile: string;
  home: string;
  checks: Record<string, unknown>;
}

/** `atelier up|down|status|doctor`. */
export function addServer(program: Command): void {
  program
    .command('up')
    .description('start the platform; installs what is missing first')
    .option('-d, --detach', 'return once it is ready; harmless when it already runs')
    .addHelpText('after', ENVIRONMENT_HELP)
    .action(async (options: { detach?: boolean }) => {
      const settings = readSettings(process.env);
      const paths = homePaths(settings.home);
      if (options.detach) {
        const status = await ensureUp(settings, paths);
        printStatus(status);
        return;
      }
      const { runServer } = await import('../../app/main.ts');
      await runServer(settings);
    });

  program
    .command('down')
    .description('stop the platform; services and jobs stop only with --all')
    .option('--all', 'stop the gateway, the running services and jobs, and the container engine too')
    .action(async (options: { all?: boolean }) => {
      const settings = readSettings(process.env);
      const paths = homePaths(settings.home);
      const server = readServerFile(paths.serverFile);
      const stopped = server ? await stopServer(server) : false;
      process.stderr.write(stopped ? 'The platform is stopped.\n' : 'The platform was not running.\n');
      if (options.all) {
        const { stopEverything } = await import('../../app/teardown.ts');
        await stopEverything(settings, line => process.stderr.write(`${line}\n`));
      } else if (stopped) {
        process.stderr.write('Running jobs and services go on; atelier down --all ends them too.\n');
      }
    });

  program
    .command('status')
    .description('tell what runs; exit code 0 when the platform is ready, 3 when it is not')
    .option('--json', 'machine-readable')
    .action(async (options: { json?: boolean }, command: Command) => {
      const settings = readSettings(process.env);
      const status = await readStatus(settings, homePaths(settings.home));
      if (options.json || command.optsWithGlobals<{ output: OutputFormat }>().output === 'json') {
        process.stdout.write(`${JSON.stringify(status, null, 2)}\n`);
      } else {
        printStatus(status);
      }
      if (!status.ready) process.exitCode = 3;
    });

  program
    .command('doctor')
    .description('tell what is missing on this machine and how to mend it')
    .action(async (_options, command: Command) => {
      const { diagnose } = await import('../../app/doctor.ts');
      const findings = await diagnose(readSettings(process.env));
      if (command.optsWithGlobals<{ output: OutputFormat }>().output === 'json') {
        process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      } else {
        for (const finding of findings) {
          process.stdout.write(`${finding.ok ? '✔' : '✘'} ${finding.subject}: ${finding.text}\n`);
          if (!finding.ok && finding.remedy) process.stdout.write(`    → ${finding.remedy}\n`);
        }
      }
      if (findings.some(finding => !finding.ok)) process.exitCode = 1;
    });
}

const ENVIRONMENT_HELP = `
Environment:
  ATELIER_HOME        all state (default /var/lib/atelier/home for root, ~/.local/share/atelier/home otherwise)
  ATELIER_PORT        base port: API here, then OBS, registry and inference on the next three (default 7080)
  ATELIER_HOST        address to listen on (default 127.0.0.1)
  ATELIER_REGION      region name (default local-1)
  ATELIER_CONTAINERS  image and container storage, shared by installations
  ATELIER_ENGINE      socket of a Docker or Podman engine that runs already, e.g. unix:///var/run/docker.sock
  ATELIER_VCPUS, ATELIER_MEMORY_GIB   what workloads may use together (default: this machine)
  ATELIER_AUDIT_DAYS, ATELIER_AUDIT_RECORDS   how long the audit trail is kept, and how many records of an account
  ATELIER_LOG         log level (default info)`;

/** The state of the installation, whether it runs or not. */
export async function readStatus(settings: Settings, paths: HomePaths): Promise<Status> {
  const server = readServerFile(paths.serverFile);
  const at = (port: number) => `http://${settings.host === '0.0.0.0' ? '127.0.0.1' : settings.host}:${port}`;
  const status: Status = {
    ready: false,
    pid: null,
    endpoints: server?.endpoints ?? {
      api: at(settings.ports.api),
      obs: at(settings.ports.obs),
      registry: at(settings.ports.registry),
      inference: at(settings.ports.inference),
    },
    region: server?.region ?? settings.region,
    account: server?.account ?? settings.account,
    accountId: server?.accountId ?? null,
    projectId: server?.projectId ?? null,
    credentialsFile: paths.credentials,
    home: settings.home,
    checks: {},
  };
  if (!server || !processLives(server.pid)) return status;
  status.pid = server.pid;
  try {
    const response = await fetch(`${server.endpoints.api}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const answer = (await response.json()) as { ready: boolean; pid: number; checks: Record<string, unknown> };
    status.checks = answer.checks;
    status.ready = answer.ready && answer.pid === server.pid;
    if (answer.pid !== server.pid) status.pid = null;
  } catch {
    // It lives but does not answer yet, or another program has its process id: not ready either way.
  }
  return status;
}

/** Makes sure the platform runs and is ready; starts it in the background when it does not. */
export async function ensureUp(settings: Settings, paths: HomePaths): Promise<Status> {
  const before = await readStatus(settings, paths);
  if (before.ready) return before;
  let child: { exited: boolean } | undefined;
  const logFile = join(paths.logs, 'server.log');
  if (before.pid === null) child = spawnServer(paths, logFile);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const status = await readStatus(settings, paths);
    if (status.ready) return status;
    if (child?.exited && status.pid === null) break;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Failure({
    code: 'Atelier.NotReady',
    status: 503,
    message: `The platform did not become ready. The last lines of ${logFile}:\n${tail(logFile)}`,
    solution: './atelier doctor tells what is missing.',
  });
}

function spawnServer(paths: HomePaths, logFile: string): { exited: boolean } {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const log = openSync(logFile, 'a', 0o600);
  const main = new URL('../../app/main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [...SERVER_FLAGS, main], {
    detached: true,
    env: { UV_THREADPOOL_SIZE: '16', ...process.env },
    stdio: ['ignore', log, log],
    cwd: '/',
  });
  const state = { exited: false };
  child.once('exit', () => {
    state.exited = true;
  });
  child.unref();
  return state;
}

async function stopServer(server: ServerFile): Promise<boolean> {
  if (!processLives(server.pid)) return false;
  // The process id may have been given to somebody else since: only our server answers with it.
  const ours = await fetch(`${server.endpoints.api}/readyz`, { signal: AbortSignal.timeout(5_000) })
    .then(response => response.json() as Promise<{ pid: number }>)
    .then(answer => answer.pid === server.pid)
    .catch(() => false);
  if (!ours && !isAtelier(server.pid)) return false;
  process.kill(server.pid, 'SIGTERM');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (processLives(server.pid) && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50));
  if (processLives(server.pid)) process.kill(server.pid, 'SIGKILL');
  return true;
}

function isAtelier(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('src/app/main.ts');
  } catch {
    return false;
  }
}

function tail(file: string): string {
  if (!existsSync(file)) return '(no log yet)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}

function printStatus(status: Status): void {
  const lines = [
    `Atelier is ${status.ready ? `ready (process ${status.pid})` : status.pid ? `starting (process ${status.pid})` : 'not running'}.`,
    `  API              ${status.endpoints.api}`,
    `  OBS (S3)         ${status.endpoints.obs}`,
    `  Registry         ${status.endpoints.registry}  (reserved, not served yet)`,
    `  Inference        ${status.endpoints.inference}`,
    `  Region           ${status.region}`,
    `  Account          ${status.account}${status.projectId ? `, project ${status.projectId}` : ''}`,
    `  Credentials      ${status.credentialsFile}`,
  ];
  for (const [name, value] of Object.entries(status.checks)) lines.push(`  ${name.padEnd(16)} ${checkText(value)}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

function checkText(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const { ok, text } = value as { ok?: boolean; text?: string };
    return `${ok ? 'ok' : 'not ready'}${text ? ` — ${text}` : ''}`;
  }
  return String(value);
}
