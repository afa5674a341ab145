import { connect } from 'node:net';

const TIMEOUT_MS = 5000;
// HAProxy reads a command line into one buffer; stay well inside the smallest one configurable.
const LINE_BYTES = 8000;

/** Sends one line to HAProxy's admin socket and returns the whole answer. Rejects when nobody listens or answers. */
export function ask(socketPath: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(socketPath);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`HAProxy's admin socket gave no answer in 5 s`)));
    socket.on('connect', () => socket.write(`${line}\n`));
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

/** Which worker answers on the socket, and the structure that it has loaded. */
export interface Worker {
  pid: number;
  structure: string;
  uptimeSeconds: number;
}

/** The worker that answers now, or undefined when none does. */
export async function currentWorker(socketPath: string): Promise<Worker | undefined> {
  let text: string;
  try {
    text = await ask(socketPath, 'show info;show env ATELIER_STRUCTURE');
  } catch {
    return undefined;
  }
  const pid = /^Pid: (\d+)$/m.exec(text)?.[1];
  if (pid === undefined) return undefined;
  return {
    pid: Number(pid),
    structure: /^ATELIER_STRUCTURE=(\S+)$/m.exec(text)?.[1] ?? '',
    uptimeSeconds: Number(/^Uptime_sec: (\d+)$/m.exec(text)?.[1] ?? 0),
  };
}

/** Sends many map commands, which are silent on success, in as few lines as fit. Throws with HAProxy's own words. */
export async function tellAll(socketPath: string, commands: string[]): Promise<void> {
  let line = '';
  const flush = async () => {
    if (line === '') return;
    const answer = (await ask(socketPath, line)).trim();
    if (answer !== '') throw new Error(`HAProxy refused a map command: ${answer.slice(0, 300)}`);
    line = '';
  };
  for (const command of commands) {
    if (line.length + command.length > LINE_BYTES) await flush();
    line += line === '' ? command : `;${command}`;
  }
  await flush();
}

/** The entries of a map of the running worker; undefined when its configuration does not use the map. */
export async function readMap(socketPath: string, name: string): Promise<Map<string, string> | undefined> {
  const answer = await ask(socketPath, `show map ${name}`);
  if (answer.startsWith('Unknown map identifier')) return undefined;
  const entries = new Map<string, string>();
  for (const line of answer.split('\n')) {
    const [, key, value] = line.split(' ');
    if (key !== undefined && value !== undefined) entries.set(key, value);
  }
  return entries;
}

/** A row of `show servers state`. */
export interface ServerState {
  backend: string;
  name: string;
  host: string;
  port: number;
  tls: boolean;
  check: boolean;
  weight: number;
  maintenance: boolean;
}

const MAINTENANCE = 0x01;
const CHECK_CONFIGURED = 0x02;

/** The servers of the running worker in service backends. */
export async function readServers(socketPath: string): Promise<ServerState[]> {
  const lines = (await ask(socketPath, 'show servers state')).split('\n');
  const names = (lines.find(line => line.startsWith('#')) ?? '').slice(2).split(' ');
  const at = (name: string) => names.indexOf(name);
  return lines
    .map(line => line.split(' '))
    .filter(cells => cells[1]?.startsWith('svc-'))
    .map(cells => ({
      backend: cells[at('be_name')]!,
      name: cells[at('srv_name')]!,
      host: cells[at('srv_addr')]!,
      port: Number(cells[at('srv_port')]),
      tls: cells[at('srv_use_ssl')] === '1',
      check: (Number(cells[at('srv_check_state')]) & CHECK_CONFIGURED) !== 0,
      weight: Number(cells[at('srv_uweight')]),
      maintenance: (Number(cells[at('srv_admin_state')]) & MAINTENANCE) !== 0,
    }));
}
