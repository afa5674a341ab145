import { readdir, readFile } from 'node:fs/promises';
import { type Duplex, PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineRefused, EngineUnavailable, type ExecOptions, type ExecSession } from '../driver.ts';
import type { EngineClient } from './engine-client.ts';
import { frames } from './stream-log.ts';

const EXIT_POLLS = 100;
/** An engine that died is there again within seconds. */
const END_MS = 60_000;
const END_POLL_MS = 500;

interface ExecInfo {
  Running: boolean;
  ExitCode: number | null;
  Pid: number;
  ContainerID: string;
}

/** Starts a command in a running container. Throws EngineRefused when the container does not run. */
export async function startExec(client: EngineClient, name: string, options: ExecOptions): Promise<ExecSession> {
  const operation = `a command in ${name}`;
  const tty = options.tty ?? false;
  const { Id: id } = await client
    .ask(
      operation,
      () =>
        client.quick.getContainer(name).exec({
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          Tty: tty,
          Cmd: options.command,
          Env: Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`),
          ...(options.user === undefined ? {} : { User: options.user }),
          ...(options.workingDir === undefined ? {} : { WorkingDir: options.workingDir }),
        }) as Promise<{ Id?: string; id?: string }>,
    )
    .then(exec => ({ Id: exec.Id ?? exec.id ?? '' }));
  const socket: Duplex = await client.ask(operation, () =>
    client.patient.getExec(id).start({ hijack: true, stdin: true, Tty: tty, Detach: false } as never),
  );
  const inspect = () =>
    client.ask(operation, () => client.quick.getExec(id).inspect() as Promise<unknown>) as Promise<ExecInfo>;

  // Asked while it runs: afterwards nobody knows the number any more.
  const leader = tty ? inspect().catch(() => undefined) : undefined;
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const pumped = tty ? pumpRaw(socket, stdout) : pumpFrames(socket, stdout, stderr);
  const done = pumped
    .then(() => exitCode(inspect, operation))
    .finally(async () => hangUp(await leader))
    .finally(() => {
      stdout.end();
      stderr.end();
      socket.destroy();
    });
  done.catch(() => undefined); // Whoever waits for it hears of a failure; nobody has to.

  return {
    stdin: socket,
    stdout,
    stderr,
    done,
    async resize(columns, rows) {
      await client.request({
        operation: `resizing ${operation}`,
        method: 'POST',
        path: `/exec/${id}/resize`,
        query: { w: String(columns), h: String(rows) },
        expect: [200, 201, 204],
        quick: true,
      });
    },
    close() {
      socket.destroy();
      stdout.resume();
      stderr.resume();
      // Engines let the command run on when its terminal is gone; nobody could ever reach it again.
      void endSoon(inspect)
        .then(async () => hangUp(await leader))
        .catch(() => undefined);
    },
  };
}

async function pumpRaw(socket: Duplex, stdout: PassThrough): Promise<void> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) await write(stdout, chunk as Buffer);
  } catch {
    // The connection ended early: the exit code tells the rest.
  }
}

async function pumpFrames(socket: Duplex, stdout: PassThrough, stderr: PassThrough): Promise<void> {
  try {
    for await (const { name, data } of frames(socket)) await write(name === 'stdout' ? stdout : stderr, data);
  } catch {
    // As above.
  }
}

function write(stream: PassThrough, data: Buffer): Promise<void> | void {
  if (stream.destroyed || stream.write(data)) return;
  return new Promise(resolve => {
    const settle = () => {
      stream.off('drain', settle);
      stream.off('close', settle);
      resolve();
    };
    stream.once('drain', settle);
    stream.once('close', settle);
  });
}

async function exitCode(inspect: () => Promise<ExecInfo>, operation: string): Promise<number> {
  for (let poll = 0; poll < EXIT_POLLS; poll++) {
    const info = await inspect();
    if (!info.Running) return info.ExitCode ?? 255;
    await sleep(20 + poll);
  }
  throw new EngineRefused(operation, 'its connection ended but it still runs');
}

/** Ends the command, when the engine that lost the connection answers again at the latest. */
async function endSoon(inspect: () => Promise<ExecInfo>): Promise<void> {
  for (const giveUp = Date.now() + END_MS; ; await sleep(END_POLL_MS, undefined, { ref: false })) {
    try {
      return await endProcess(await inspect());
    } catch (error) {
      if (!(error instanceof EngineUnavailable) || Date.now() > giveUp) throw error;
    }
  }
}

/**
 * Tells what a terminal's shell left in the background that the terminal is gone, as terminals do; what was started with nohup goes on.
 * Does nothing where the engine's processes are not this machine's.
 */
async function hangUp(leader: ExecInfo | undefined): Promise<void> {
  if (!leader || leader.Pid <= 1) return;
  const ids = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name));
  for (const id of ids) {
    try {
      // Fields after the name in brackets: state, parent, group, session … (proc(5)). No session has the number of another that is there.
      const stat = await readFile(`/proc/${id}/stat`, 'utf8');
      const session = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3];
      if (session !== String(leader.Pid)) continue;
      if (!(await readFile(`/proc/${id}/cgroup`, 'utf8')).includes(leader.ContainerID)) continue;
      process.kill(Number(id), 'SIGHUP');
      process.kill(Number(id), 'SIGCONT');
    } catch {
      // It has ended meanwhile.
    }
  }
}

async function endProcess(info: ExecInfo): Promise<void> {
  if (!info.Running || info.Pid <= 1) return;
  // The number may have been given to another process: only one inside this container is ended.
  const groups = await readFile(`/proc/${info.Pid}/cgroup`, 'utf8');
  if (groups.includes(info.ContainerID)) process.kill(info.Pid, 'SIGKILL');
}
