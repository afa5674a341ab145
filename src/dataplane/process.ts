import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../kernel/failure.ts';
import { readIfExists } from './files.ts';

interface Outcome {
  code: number;
  output: string;
}

function run(binary: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // No environment of the server's own may reach a process that outlives it.
    const env = { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin' };
    execFile(binary, args, { env, cwd: '/', timeout: 30_000 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: error ? Number(error.code) : 0, output: `${stdout}${stderr}`.trim() });
    });
  });
}

function failed(what: string, output: string): Failure {
  const alerts = output.split('\n').filter(line => line.includes('[ALERT]'));
  return new Failure({
    code: 'ModelArts.4302',
    status: 500,
    message: `The inference gateway ${what}`,
    cause: new Error(alerts.slice(0, 5).join('; ') || output.slice(-500)),
  });
}

/** Checks a configuration file with HAProxy itself. Throws Failure whose cause holds HAProxy's words. */
export async function validate(binary: string, config: string): Promise<void> {
  const { code, output } = await run(binary, ['-c', '-f', config]);
  if (code !== 0) throw failed('refused its new configuration and keeps the old one', output);
}

/** Starts HAProxy's master, which leaves for the background and outlives this process. */
export async function launch(binary: string, config: string): Promise<void> {
  const { code, output } = await run(binary, ['-f', config]);
  if (code !== 0) throw failed('could not be started (is its port taken?)', output);
}

/** True when `pid` is a living HAProxy that was started with this configuration file. */
export async function isOurs(pid: number, config: string): Promise<boolean> {
  try {
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    const state = await readFile(`/proc/${pid}/stat`, 'utf8');
    if (/\) [ZX] /.test(state)) return false;
    return basename(args[0] ?? '') === 'haproxy' && args.some((arg, i) => arg === '-f' && args[i + 1] === config);
  } catch {
    return false;
  }
}

/** The master named by the pidfile, if it lives and is ours. */
export async function masterPid(pidfile: string, config: string): Promise<number | undefined> {
  const pid = Number((await readIfExists(pidfile))?.trim());
  return Number.isInteger(pid) && pid > 1 && (await isOurs(pid, config)) ? pid : undefined;
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Processes of this configuration that belong to no living master: what a killed master left behind. */
export async function orphans(config: string, master: number | undefined): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === master || !(await isOurs(pid, config))) continue;
    try {
      if (master === undefined || (await parentOf(pid)) !== master) found.push(pid);
    } catch {
      // It ended between the two looks.
    }
  }
  return found;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks the master to replace its worker without dropping a connection. */
export function reload(master: number): void {
  signal(master, 'SIGUSR2');
}

/** Ends processes of ours: politely, and by force after `patienceMs`. Each pid is looked at again before a signal. */
export async function end(pids: number[], config: string, patienceMs = 3000): Promise<void> {
  for (const pid of pids) if (await isOurs(pid, config)) signal(pid, 'SIGTERM');
  const deadline = Date.now() + patienceMs;
  for (const pid of pids) {
    while ((await isOurs(pid, config)) && Date.now() < deadline) await sleep(20);
    if (await isOurs(pid, config)) signal(pid, 'SIGKILL');
    while (await isOurs(pid, config)) await sleep(20);
  }
}
