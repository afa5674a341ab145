import type { IncomingHttpHeaders, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Dialect } from './dialect.ts';
import type { PlainRequest, QuickAnswer } from './plain-request.ts';
import type { QuickRead } from './quick-read.ts';
import { MOST_QUICK_BYTES, type QuickWrite } from './quick-write.ts';

/** What a head may be here. Whatever else it may be as well is for Node's parser. */
const REQUEST_LINE = /^(GET|PUT) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const HEADER_LINE = /^([\w!#$%&'*+.^`|~-]+): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/;
const HEAD_END = '\r\n\r\n';
const MOST_HEAD_BYTES = 8 * 1024;
const G = 0x47;
const P = 0x50;

export interface Lane {
  /** Closes the connections that are here once what they are owed is sent: the answer to every request of theirs. */
  close(): void;
  /** Closes them at once. */
  destroy(): void;
}

/**
 * Answers plain reads and writes of small objects ahead of Node's HTTP server, which takes several times as long to take a request apart and
 * to put an answer together as to find what it asks for. A connection is here as long as each of its requests comes whole, is of the plainest
 * form, and is no more than that; with the first that is anything else it is handed to Node's server for good, with every byte of that request.
 * Answers go out together when all that arrived has been looked at: to write is to wake the reader, which is dear.
 */
export function openLane(
  server: Server,
  options: {
    read: QuickRead;
    write: QuickWrite;
    /** Head of an answer, up to what is the same for all who ask. */
    begin: (dialect: Dialect) => string;
    /** Milliseconds that a connection may be silent. */
    idleMs: number;
  },
): Lane {
  const { read, write, begin, idleMs } = options;
  const [ordinary] = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const connections = new Set<Socket>();
  /** Those whose write is under way. */
  const writing = new Set<Socket>();
  const waiting: [Socket, Buffer][] = [];
  const tail = tailOf(idleMs);
  let closing = false;

  function send(): void {
    for (const [socket, bytes] of waiting.splice(0)) {
      if (socket.destroyed || socket.write(bytes)) continue;
      socket.pause();
      socket.once('drain', () => socket.resume());
    }
  }

  function answer(socket: Socket, { dialect, headers, body }: QuickAnswer): void {
    const head = `HTTP/1.1 200 OK\r\n${begin(dialect)}${headers.text}${tail()}`;
    const bytes = Buffer.allocUnsafe(head.length + body.length);
    bytes.write(head, 'latin1');
    bytes.set(body, head.length);
    if (waiting.push([socket, bytes]) === 1) setImmediate(send);
  }

  /** What becomes of a chunk that is one request; undefined where it is not for us. */
  function begun(socket: Socket, chunk: Buffer): QuickAnswer | Promise<QuickAnswer> | undefined {
    if (chunk[0] === G && chunk.length <= MOST_HEAD_BYTES) {
      const asked = parseHead(chunk.toString('latin1'));
      return asked?.method === 'GET' ? read({ ...asked, socket }) : undefined;
    }
    if (chunk[0] !== P || chunk.length > MOST_HEAD_BYTES + MOST_QUICK_BYTES) return undefined;
    const end = chunk.indexOf(HEAD_END) + HEAD_END.length;
    const asked = parseHead(chunk.toString('latin1', 0, end));
    const body = chunk.subarray(end);
    if (asked?.method !== 'PUT' || asked.headers['content-length'] !== String(body.length)) return undefined;
    return write({ ...asked, socket }, body);
  }

  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    const onData = (chunk: Buffer) => {
      const found = begun(socket, chunk);
      if (!found) leave(chunk);
      else if (found instanceof Promise) pursue(found, chunk);
      else answer(socket, found);
    };
    /** Until a write has its answer, nothing further is looked at, not even that nothing further will come. */
    const pursue = (writes: Promise<QuickAnswer>, chunk: Buffer) => {
      socket.pause();
      writing.add(socket);
      const settle = (next: () => void) => {
        writing.delete(socket);
        if (socket.destroyed) return;
        next();
        if (closing && connections.has(socket)) finish(socket);
      };
      writes.then(
        found =>
          settle(() => {
            answer(socket, found);
            socket.resume();
          }),
        () => settle(() => leave(chunk)),
      );
    };
    const onEnd = () => {
      send(); // who has said all still listens
      socket.end();
    };
    const onError = () => {}; // it closes, and there is nobody to tell
    const onTimeout = () => socket.destroy();
    const onClose = () => connections.delete(socket);
    const leave = (chunk: Buffer) => {
      send(); // in the order that they were asked for
      connections.delete(socket);
      socket
        .off('data', onData)
        .off('end', onEnd)
        .off('error', onError)
        .off('timeout', onTimeout)
        .off('close', onClose);
      socket.setTimeout(0);
      socket.pause();
      socket.unshift(chunk);
      ordinary!.call(server, socket);
      socket.resume();
    };
    socket.on('data', onData).on('end', onEnd).on('error', onError).on('timeout', onTimeout).on('close', onClose);
    socket.setTimeout(idleMs);
  });

  function finish(socket: Socket): void {
    send();
    socket.destroySoon();
  }

  return {
    close() {
      closing = true;
      for (const socket of connections) if (!writing.has(socket)) finish(socket);
    },
    destroy() {
      for (const socket of connections) socket.destroy();
    },
  };
}

/** The whole head of a request; undefined for anything of which that is not certain. */
function parseHead(text: string): (Omit<PlainRequest, 'socket'> & { method: string }) | undefined {
  if (text.indexOf(HEAD_END) !== text.length - HEAD_END.length) return undefined;
  const lines = text.slice(0, -HEAD_END.length).split('\r\n');
  const [, method, url] = REQUEST_LINE.exec(lines[0]!) ?? [];
  if (method === undefined || url === undefined) return undefined;
  const headers: IncomingHttpHeaders = {};
  for (let at = 1; at < lines.length; at++) {
    const [, name, value] = HEADER_LINE.exec(lines[at]!) ?? [];
    if (name === undefined) return undefined;
    const lower = lowerOf(name);
    if (lower in headers) return undefined;
    headers[lower] = value!;
  }
  const { host, connection = 'keep-alive' } = headers;
  return host !== undefined && connection.toLowerCase() === 'keep-alive' ? { method, url, headers } : undefined;
}

const MOST_NAMES = 1000;
const lowers = new Map<string, string>();

function lowerOf(name: string): string {
  let lower = lowers.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (lowers.size < MOST_NAMES) lowers.set(name, lower);
  }
  return lower;
}

/** The end of a head, with the time of day in whole seconds. */
function tailOf(idleMs: number): () => string {
  let second = 0;
  let text = '';
  return () => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      text = `Date: ${new Date(now * 1000).toUTCString()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${idleMs / 1000}${HEAD_END}`;
    }
    return text;
  };
}
