import type { IncomingMessage, Server } from 'node:http';
import { createServer, type Server as Listener } from 'node:net';
import type { Log } from '../../../kernel/log.ts';
import { turnsByName } from '../../../kernel/turns.ts';
import type { NotebookPorts } from '../notebook.ports.ts';
import { refuse } from '../notebook.request.ts';
import { needsContainer, type Step } from '../notebook.ts';
import type { PortStore } from '../port.store.ts';

/**
 * The origins of the web IDEs. Pages of an instance are what its user makes them, and pages of one origin may do to each other what
 * they like; so each instance has an origin of its own (decision 0014).
 */
export interface WebOrigins {
  /** Address of an instance for browsers, without a path. */
  of(id: string): string;
  /** Whether a request came by the instance's own origin. */
  owns(id: string, request: IncomingMessage): boolean;
  /** Where a request for an instance that came by another origin belongs, without a path; undefined while there is no such place. */
  instead(id: string, request: IncomingMessage): string | undefined;
  /** Makes sure that an instance has its origin. Throws Failure 6360 when there is none left. */
  allot(id: string): Promise<void>;
  start(): Promise<void>;
  stop(): void;
}

/** Host name of a request, without its port and in lower case; empty when it names none. */
export function hostName(request: IncomingMessage): string {
  return /^(\[[0-9a-f:.]+\]|[^:/?#@\s]+)(:\d{1,5})?$/i.exec(request.headers.host ?? '')?.[1]?.toLowerCase() ?? '';
}

const nothing = { allot: async () => {}, start: async () => {}, stop: () => {} };

/** One origin for all, where whoever runs the installation wants it so. */
export function sharedOrigin(address: () => string): WebOrigins {
  return { of: address, owns: () => true, instead: address, ...nothing };
}

/** A host name for each: `https://*.notebooks.example.com`, of which the star is the instance's id. */
export function hostOrigins(address: () => string): WebOrigins {
  const of = (id: string) => address().replace('*', id);
  return { of, owns: (id, request) => hostName(request) === new URL(of(id)).hostname, instead: of, ...nothing };
}

/** A port for each, which needs neither names nor certificates. Connections are handed to `target`. */
export function portOrigins(deps: {
  ports: PortStore;
  /** How far each instance is that there is. */
  steps(): Promise<ReadonlyMap<string, Step>>;
  /** Address of the proxy's own port. */
  address(): string;
  target: () => Server;
  settings: NotebookPorts;
  log: Log;
}): WebOrigins {
  const { ports, settings, log } = deps;
  const doors = new Map<string, { port: number; listener: Listener }>();
  const inTurn = turnsByName();

  const at = (id: string, host: string) => {
    const port = doors.get(id)?.port;
    return port === undefined ? undefined : `http://${host}:${port}`;
  };

  function open(port: number): Promise<Listener | undefined> {
    const listener = createServer(socket => deps.target().emit('connection', socket));
    return new Promise((resolve, reject) => {
      listener.once('error', error => {
        if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') resolve(undefined);
        else reject(error);
      });
      listener.listen(port, settings.host, () => {
        listener.on('error', error => log.error({ err: error, port }, 'the port of a notebook failed'));
        resolve(listener);
      });
    });
  }

  async function allot(id: string): Promise<void> {
    if (doors.has(id)) return;
    await closeGone();
    // A port that another program has is passed over.
    const besides = new Set<number>();
    for (;;) {
      const port = await ports.allot(id, settings, besides);
      if (port === undefined) {
        throw refuse(
          '6360',
          `All ports for the web IDE of notebooks, ${settings.first} to ${settings.last}, are taken by other instances.`,
          'Delete instances, or have the range (ATELIER_NOTEBOOK_PORTS) widened or a wildcard set (ATELIER_NOTEBOOK_URL).',
        );
      }
      const listener = await open(port);
      if (listener) return void doors.set(id, { port, listener });
      besides.add(port);
    }
  }

  async function closeGone(): Promise<void> {
    const living = await deps.steps();
    for (const [id, { listener }] of doors) {
      if (living.has(id)) continue;
      listener.close();
      doors.delete(id);
    }
  }

  return {
    of: id => at(id, new URL(deps.address()).hostname) ?? deps.address(),
    owns: (id, request) => request.socket.localPort === doors.get(id)?.port,
    instead: (id, request) => at(id, hostName(request)),
    allot: id => inTurn('allot', () => allot(id)),
    async start() {
      const steps = await deps.steps();
      const had = (await ports.list()).map(({ id }) => id).filter(id => steps.has(id));
      const run = [...steps].filter(([, step]) => needsContainer(step)).map(([id]) => id);
      for (const id of new Set([...had, ...run])) {
        await inTurn('allot', () => allot(id)).catch(error =>
          log.error({ err: error, notebook: id }, 'the port of a notebook could not be opened'),
        );
      }
    },
    stop() {
      for (const { listener } of doors.values()) listener.close();
      doors.clear();
    },
  };
}
