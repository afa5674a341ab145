import { readdirSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { readSettings } from '../../src/app/env.ts';
import { homePaths, loadInstallationId } from '../../src/app/home.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { type ContainerDriver, createContainerDriver } from '../../src/runtime/container/container-driver.ts';
import { startEngine } from '../../src/runtime/container/engine.ts';
import type { Installation } from './installation.ts';

export interface RunningContainer {
  name: string;
  /** A container that was replaced or restarted has another one. */
  startedAt: number;
}

/** Does something with a driver on the installation's engine. */
export async function withDriver<T>(
  at: Installation,
  work: (driver: ContainerDriver, id: string) => Promise<T>,
): Promise<T> {
  const settings = readSettings(at.env);
  const paths = homePaths(settings.home);
  const engine = await startEngine({ dir: paths.engine, containersRoot: settings.containersRoot, log: silentLog() });
  const driver = createContainerDriver({ socketPath: engine.socketPath, log: silentLog() });
  try {
    return await work(driver, loadInstallationId(paths));
  } finally {
    driver.close();
  }
}

/** The running containers of an installation, of one kind: `training-job` or `service-instance`; in order of name. */
export function containersOf(at: Installation, kind: string): Promise<RunningContainer[]> {
  return withDriver(at, async (driver, id) => {
    const found = await driver.list({ 'atelier.installation': id, 'atelier.kind': kind });
    return found
      .filter(item => item.state === 'running')
      .map(item => ({ name: item.name, startedAt: item.startedAt ?? 0 }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  });
}

/** SIGKILL for one container. */
export function killContainer(at: Installation, name: string): Promise<void> {
  return withDriver(at, driver => driver.kill(name, 'SIGKILL'));
}

/** Whether a program with these arguments runs on this machine, in whatever container; a zombie does not. */
export function programRuns(...args: readonly string[]): boolean {
  const wanted = `${args.join('\0')}\0`;
  return readdirSync('/proc').some(id => {
    if (!/^\d+$/.test(id)) return false;
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8') === wanted;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

/** Runs a shell command in a container as its user; what it printed, and its exit code. */
export function runInside(at: Installation, name: string, command: string): Promise<{ code: number; output: string }> {
  return withDriver(at, async driver => {
    const session = await driver.exec(name, { command: ['/bin/sh', '-c', command] });
    session.stdin.end();
    const [output, errors, code] = await Promise.all([text(session.stdout), text(session.stderr), session.done]);
    return { code, output: output + errors };
  });
}
