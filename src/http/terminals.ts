import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../kernel/clock.ts';
import { Failure, isFailure } from '../kernel/failure.ts';
import type { Log } from '../kernel/log.ts';
import { isOwnOrigin } from './origin.ts';

/** A program on a terminal, as the runtime driver hands it out. */
export interface TerminalProgram {
  stdin: NodeJS.WritableStream;
  stdout: Readable;
  resize(columns: number, rows: number): Promise<void>;
  /** Exit code. */
  done: Promise<number>;
  /** Ends the program. */
  close(): void;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

export interface TerminalRequest {
  /** Whose it is, for the limit of terminals at once. */
  userId: string;
  size: TerminalSize;
  /** Starts the program; called when the client is there. A Failure's text is shown to it. */
  start(): Promise<TerminalProgram>;
  /** Why the user may not go on, or undefined; asked every few seconds. */
  refusal(): Promise<string | undefined>;
  /** Told once when a terminal that was opened has ended. */
  ended(summary: { reason: string; durationMs: number }): Promise<void>;
}

/** Of terminals; milliseconds where nothing else is said. */
export interface TerminalSettings {
  /** Without a key pressed or a byte shown for this long, a terminal ends. */
  idleMs: number;
  /** Before that, a line warns. */
  warnMs: number;
  /** How long an offer waits for its client. */
  offerMs: number;
  /** Between looks at whether the user still may, and the client still lives. */
  checkMs: number;
  /** Terminals that a user may have at once. */
  perUser: number;
}

const DEFAULTS: TerminalSettings = {
  idleMs: 20 * 60_000,
  warnMs: 60_000,
  offerMs: 30_000,
  checkMs: 10_000,
  perUser: 10,
};

/** Terminals over WebSocket; see docs/guide/training.md for what goes over it. */
export interface Terminals {
  /** Makes an offer: the path of a WebSocket that may be opened once, soon. Throws Failure when the user has too many. */
  offer(request: TerminalRequest): { path: string; expiresAt: number };
  /** Serves the WebSockets of a server. */
  attach(server: Server): void;
  /** Ends them all. */
  close(): Promise<void>;
}

const PATH = '/v1/terminals/';
/** A key press, or what somebody pastes. */
const MAX_MESSAGE = 1024 * 1024;
/** Bytes that may wait for a slow client before the program is held back. */
const MAX_WAITING = 1024 * 1024;
const MAX_SIDE = 1000;
/** Close codes of our own (4000 and on are free for programs): the program ended, the platform ended it, it could not be started. */
const CLOSED = { program: 1000, platform: 4001, refused: 4002, goingAway: 1001 } as const;

/**
 * Makes terminals. The credential of a WebSocket is its path: browsers cannot send headers with one, so an operation, which is
 * authorized and audited like any other, hands out a path that is good once and for a short while. Pages of other origins are refused even
 * with such a path.
 */
export function createTerminals(deps: { clock: Clock; log: Log; settings?: Partial<TerminalSettings> }): Terminals {
  const { clock, log } = deps;
  const settings = { ...DEFAULTS, ...deps.settings };
  const offers = new Map<string, TerminalRequest & { expiresAt: number }>();
  const open = new Set<{ userId: string; end(reason: string, code: number): void; over: Promise<void> }>();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false });

  function forgetOld(): void {
    for (const [ticket, offer] of offers) if (offer.expiresAt <= clock.now()) offers.delete(ticket);
  }

  function take(url: string | undefined): TerminalRequest | undefined {
    forgetOld();
    const ticket = url?.startsWith(PATH) ? url.slice(PATH.length).split('?')[0]! : '';
    const offer = offers.get(ticket);
    offers.delete(ticket);
    return offer;
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (!isOwnOrigin(request.headers)) {
      refuse(socket, '403 Forbidden', 'Pages of other origins open no terminals here.\n');
      return;
    }
    const offer = take(request.url);
    if (!offer) {
      const body = 'There is no such terminal: its address is good once and for a short while. Ask for a new one.\n';
      refuse(socket, '404 Not Found', body);
      return;
    }
    sockets.handleUpgrade(request, socket, head, client => {
      run(client, offer).catch(error => log.error({ err: error }, 'terminal failed'));
    });
  }

  async function run(client: WebSocket, offer: TerminalRequest): Promise<void> {
    const startedAt = clock.now();
    let program: TerminalProgram | undefined;
    let reason: string | undefined;
    const settled = Promise.withResolvers<void>();
    const say = (message: Record<string, unknown>) =>
      client.readyState === client.OPEN && client.send(JSON.stringify(message));
    const end = (why: string, code: number) => {
      if (reason !== undefined) return;
      reason = why;
      say({ type: 'end', reason: why });
      client.resume(); // a client that is held back could not answer
      client.close(
        code,
        Buffer.from(why)
          .subarray(0, 120)
          .toString('utf8')
          .replace(/\ufffd$/, ''),
      ); // a close frame holds 123 bytes
      program?.close();
      settled.resolve();
    };
    const entry = { userId: offer.userId, end, over: settled.promise };
    open.add(entry);

    let lastActive = clock.now();
    let warned = false;
    let answered = true;
    const active = () => {
      lastActive = clock.now();
      warned = false;
    };
    client.on('pong', () => {
      answered = true;
    });
    client.on('close', () => end('The client went away.', CLOSED.goingAway));
    client.on('error', error => log.debug({ err: error }, 'terminal connection failed'));
    // What is typed before the program runs waits in the connection.
    client.pause();

    const look = async () => {
      if (!answered) {
        client.terminate();
        return end('The client went away.', CLOSED.goingAway);
      }
      answered = false;
      client.ping();
      const idle = clock.now() - lastActive;
      if (idle >= settings.idleMs) {
        return end(`Nothing happened for ${minutes(settings.idleMs)}, so the terminal was closed.`, CLOSED.platform);
      }
      if (idle >= settings.idleMs - settings.warnMs && !warned) {
        warned = true;
        const text = `Nothing has happened for a while: this terminal closes in ${seconds(settings.idleMs - idle)} unless a key is pressed.`;
        client.send(Buffer.from(`\r\n[${text}]\r\n`));
      }
      const refusal = await offer.refusal();
      if (refusal !== undefined) end(refusal, CLOSED.platform);
    };
    const timer = setInterval(() => {
      look().catch(error => log.warn({ err: error }, 'terminal could not be checked'));
    }, settings.checkMs);

    try {
      program = await offer.start();
      if (reason !== undefined) program.close();
      else {
        client.on('message', (data, binary) => {
          active();
          if (binary) type(client, program!, data);
          else obey(program!, data);
        });
        const shown = show(program, client, active);
        client.resume();
        await program.resize(offer.size.columns, offer.size.rows).catch(() => undefined);
        const code = await Promise.race([program.done, settled.promise]);
        if (code !== undefined) {
          await Promise.race([shown, settled.promise]);
          say({ type: 'exit', code });
          end(`The program ended with exit code ${code}.`, CLOSED.program);
        }
      }
    } catch (error) {
      if (!isFailure(error)) log.error({ err: error }, 'terminal failed');
      const what = program
        ? 'The connection to the program was lost. Open the terminal again.'
        : 'The terminal could not be opened.';
      end(isFailure(error) ? error.message : what, program ? CLOSED.platform : CLOSED.refused);
    } finally {
      clearInterval(timer);
      open.delete(entry);
      await offer
        .ended({ reason: reason ?? '', durationMs: clock.now() - startedAt })
        .catch(error => log.error({ err: error }, 'the end of a terminal could not be recorded'));
    }
  }

  return {
    offer(request) {
      forgetOld();
      const theirs = [...offers.values(), ...open].filter(({ userId }) => userId === request.userId).length;
      if (theirs >= settings.perUser) {
        throw new Failure({
          code: 'ModelArts.2799',
          status: 429,
          message: `You have ${theirs} terminals open; ${settings.perUser} at once is the most.`,
          solution: 'Close one of them.',
        });
      }
      const ticket = randomBytes(32).toString('base64url');
      const expiresAt = clock.now() + settings.offerMs;
      offers.set(ticket, { ...request, expiresAt });
      return { path: `${PATH}${ticket}`, expiresAt };
    },
    attach(server) {
      server.on('upgrade', upgrade);
    },
    async close() {
      offers.clear();
      const ending = [...open].map(({ end, over }) => {
        end('The platform is being stopped.', CLOSED.goingAway);
        return over;
      });
      await Promise.all(ending);
    },
  };
}

function refuse(socket: Duplex, status: string, body: string): void {
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Passes on what is typed; a program that does not read holds the client back. */
function type(client: WebSocket, program: TerminalProgram, data: RawData): void {
  if (!program.stdin.writable) return;
  if (program.stdin.write(data as Buffer)) return;
  client.pause();
  program.stdin.once('drain', () => client.resume());
}

/** Control messages; what is not understood is left alone, so that newer clients work with older servers. */
function obey(program: TerminalProgram, data: RawData): void {
  let message: { type?: unknown; columns?: unknown; rows?: unknown };
  try {
    message = Object(JSON.parse(String(data)));
  } catch {
    return;
  }
  const { columns, rows } = message;
  if (message.type !== 'resize' || !isSide(columns) || !isSide(rows)) return;
  program.resize(columns, rows).catch(() => undefined); // it has ended meanwhile
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_SIDE;
}

/** Shows all output, no faster than the client takes it. */
async function show(program: TerminalProgram, client: WebSocket, active: () => void): Promise<void> {
  for await (const chunk of program.stdout) {
    active();
    if (client.readyState !== client.OPEN) continue; // read on, so that the program is not held up while it is being ended
    const sent = new Promise<void>(resolve => client.send(chunk as Buffer, () => resolve()));
    if (client.bufferedAmount > MAX_WAITING) await sent;
  }
}

const minutes = (ms: number): string => (ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : seconds(ms));
const seconds = (ms: number): string => `${Math.max(Math.ceil(ms / 1000), 1)} seconds`;
