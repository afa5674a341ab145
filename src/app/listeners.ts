import net from 'node:net';
import { Failure } from '../kernel/failure.ts';
import type { Log } from '../kernel/log.ts';

/** Something that takes connections: the API and the OBS server. */
interface ConnectionTarget {
  emit(event: 'connection', socket: net.Socket): boolean;
}

/** Where containers of one network reach the platform. */
export interface PlatformEndpoints {
  api: string;
  obs: string;
}

export interface ContainerDoors {
  /** Opens both servers to the network with this gateway address; tells where its containers reach them. */
  ensureReachable(gateway: string): Promise<PlatformEndpoints>;
  close(): Promise<void>;
}

const BIND_ATTEMPTS = 50;
const BIND_PAUSE_MS = 100;

/**
 * Doors of the platform on the container networks. A network's gateway address exists only while a container runs on it, so
 * the door is opened when a workload asks for it, once; it stays good when the address goes and comes back.
 */
export function createContainerDoors(deps: {
  api: { target: ConnectionTarget; port: number };
  obs: { target: ConnectionTarget; port: number };
  log: Log;
}): ContainerDoors {
  const doors = new Map<string, Promise<net.Server>>();

  async function open(target: ConnectionTarget, host: string, port: number): Promise<net.Server> {
    for (let attempt = 1; ; attempt++) {
      const server = net.createServer(socket => target.emit('connection', socket));
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen({ host, port }, resolve);
        });
        server.on('error', error => deps.log.error({ err: error, host, port }, 'door to containers failed'));
        return server;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== 'EADDRNOTAVAIL' || attempt === BIND_ATTEMPTS) {
          throw new Failure({
            code: 'Atelier.DoorClosed',
            status: 500,
            message: `The platform cannot listen on ${host}:${port} for its containers: ${(error as Error).message}`,
            cause: error,
          });
        }
        await new Promise(resolve => setTimeout(resolve, BIND_PAUSE_MS));
      }
    }
  }

  function door(target: ConnectionTarget, host: string, port: number): Promise<net.Server> {
    const key = `${host}:${port}`;
    let opened = doors.get(key);
    if (!opened) {
      opened = open(target, host, port);
      doors.set(key, opened);
      opened.catch(() => doors.delete(key));
    }
    return opened;
  }

  return {
    async ensureReachable(gateway) {
      await Promise.all([door(deps.api.target, gateway, deps.api.port), door(deps.obs.target, gateway, deps.obs.port)]);
      return { api: `http://${gateway}:${deps.api.port}`, obs: `http://${gateway}:${deps.obs.port}` };
    },
    async close() {
      for (const opened of doors.values()) {
        const server = await opened.catch(() => undefined);
        server?.close();
      }
      doors.clear();
    },
  };
}
