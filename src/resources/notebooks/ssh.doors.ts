import { BlockList, connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { ActivityLog } from './activity.ts';
import { containerName } from './notebook.container.ts';
import type { NotebookPorts } from './notebook.ports.ts';
import { refuse } from './notebook.request.ts';
import type { NotebookStore } from './notebook.store.ts';
import type { PortStore } from './port.store.ts';
import { SSH_PORT, sshOf } from './ssh.part.ts';

const LOOK_MS = 5_000;
const MOST_CONNECTIONS = 64;

export type SshDoors = ReturnType<typeof sshDoors>;

/**
 * The ways into instances from outside: one port each, forwarded to the SSH server in the container. The forwarding is done here, where the
 * caller's address is known, so that the list of allowed addresses holds without any privilege; sessions end when this process does, and
 * what runs in the container goes on.
 */
export function sshDoors(deps: {
  store: Pick<NotebookStore, 'find'>;
  ports: PortStore;
  driver: Pick<RuntimeDriver, 'inspect'>;
  installation: string;
  activity: ActivityLog;
  clock: Clock;
  log: Log;
  settings: NotebookPorts;
}) {
  const { log, clock, settings } = deps;
  const doors = new Map<string, { port: number; server: Server }>();
  const sockets = new Map<Socket, { id: string; address: string }>();
  let timer: NodeJS.Timeout | undefined;

  /** Where the server of an instance is, if the caller may come in. */
  async function admit(id: string, address: string): Promise<{ host: string; port: number } | undefined> {
    const notebook = await deps.store.find(id);
    const endpoint = notebook && sshOf(notebook);
    if (!endpoint || (notebook.status !== 'RUNNING' && notebook.status !== 'SNAPSHOTTING')) return undefined;
    if (!isAllowed(endpoint.allowedIps, address)) return undefined;
    const observed = await deps.driver.inspect(containerName(deps.installation, id));
    return observed.endpoints[SSH_PORT];
  }

  async function join(id: string, socket: Socket): Promise<void> {
    const address = plain(socket.remoteAddress ?? '');
    socket.on('error', () => socket.destroy());
    const at = await admit(id, address).catch(error => {
      log.warn({ err: error, notebook: id }, 'a connection over SSH could not be let in');
      return undefined;
    });
    if (!at || socket.destroyed) return void socket.destroy();
    sockets.set(socket, { id, address });
    const inner = connect({ ...at, noDelay: true });
    inner.on('error', () => socket.destroy());
    inner.on('close', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      inner.destroy();
    });
    socket.on('data', () => deps.activity.record(id, clock.now()));
    socket.setNoDelay(true);
    socket.pipe(inner).pipe(socket);
  }

  function open(id: string, port: number): void {
    const server = createServer({ pauseOnConnect: false }, socket => void join(id, socket));
    server.maxConnections = MOST_CONNECTIONS;
    server.on('error', error => {
      log.error({ err: error, notebook: id, port }, 'the port of an instance for SSH cannot be opened');
      doors.delete(id);
    });
    server.listen(port, settings.host);
    doors.set(id, { port, server });
  }

  /** Opens what is missing, closes what is not wanted any more, and throws out whoever may not come any more. */
  async function look(): Promise<void> {
    const wanted = new Map((await deps.ports.list()).map(({ id, port }) => [id, port]));
    for (const [id, { port, server }] of doors) {
      if (wanted.get(id) === port && (await deps.store.find(id))) continue;
      server.close();
      doors.delete(id);
    }
    for (const [id, port] of wanted) if (!doors.has(id) && (await deps.store.find(id))) open(id, port);
    for (const [socket, { id, address }] of sockets) {
      const notebook = await deps.store.find(id);
      const endpoint = notebook && sshOf(notebook);
      if (!endpoint || !isAllowed(endpoint.allowedIps, address)) socket.destroy();
    }
  }

  const tick = () => look().catch(error => log.error({ err: error }, 'the ports for SSH could not be looked at'));

  return {
    async start(): Promise<void> {
      await tick();
      timer = setInterval(() => void tick(), LOOK_MS).unref();
    },
    stop(): void {
      clearInterval(timer);
      for (const { server } of doors.values()) server.close();
      for (const socket of sockets.keys()) socket.destroy();
      doors.clear();
    },
    /** Gives an instance its port and opens it. */
    async allot(id: string): Promise<void> {
      const port = await deps.ports.allot(id, settings);
      if (port === undefined) {
        throw refuse(
          '6360',
          `All ports for SSH, ${settings.first} to ${settings.last}, are taken by other instances.`,
          'Delete instances with SSH, or have the range widened (ATELIER_SSH_PORTS).',
        );
      }
      await tick();
    },
    /** Where people point their clients to, once it has a port. */
    async uri(id: string): Promise<string | undefined> {
      const port = await deps.ports.port(id);
      return port === undefined ? undefined : `ssh://ma-user@${publicHost(settings.host)}:${port}`;
    },
  };
}

/** Whether an address is on a list of addresses and networks; any is on an empty one. */
export function isAllowed(list: readonly string[], address: string): boolean {
  if (list.length === 0) return true;
  const allowed = new BlockList();
  for (const each of list) {
    const [network = '', bits] = each.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    if (bits === undefined) allowed.addAddress(network, family);
    else allowed.addSubnet(network, Number(bits), family);
  }
  return allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** An IPv4 address that came over IPv6, as it is. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

function publicHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
