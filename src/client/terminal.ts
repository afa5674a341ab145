import type { Readable, Writable } from 'node:stream';
import { Failure } from '../kernel/failure.ts';

/** The terminal in which somebody sits; `process.stdin` and `process.stdout` are one. */
export interface LocalTerminal {
  input: Readable & { isTTY?: boolean; setRawMode?(raw: boolean): void };
  output: Writable & { columns?: number; rows?: number };
}

export interface TerminalEnd {
  /** Of the program; undefined when it did not end by itself. */
  exitCode?: number;
  reason: string;
}

const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** How large a local terminal is. */
export function sizeOf({ output }: LocalTerminal): { columns: number; rows: number } {
  const { columns, rows } = output;
  return columns && rows ? { columns, rows } : DEFAULT_SIZE;
}

/**
 * Connects the local terminal with one of the platform's, whose WebSocket has this address, until either ends. Keys go over as they are, also
 * Ctrl-C; a changed size is passed on. Throws Failure when it cannot be opened.
 */
export async function attachTerminal(url: string, local: LocalTerminal): Promise<TerminalEnd> {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  await opened(socket);
  const end: TerminalEnd = { reason: '' };
  const { input, output } = local;
  const type = (data: Buffer) => socket.send(data);
  const resize = () => socket.send(JSON.stringify({ type: 'resize', ...sizeOf(local) }));
  const finish = () => {
    // What is piped in ends before the program does: Ctrl-D tells it so.
    if (!input.isTTY) socket.send(Buffer.from('\x04'));
  };
  const closed = new Promise<void>(resolve => {
    socket.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') {
        output.write(Buffer.from(data as ArrayBuffer));
        return;
      }
      const told = JSON.parse(data) as { type: string; code?: number; reason?: string };
      if (told.type === 'exit' && told.code !== undefined) end.exitCode = told.code;
      if (told.type === 'end') end.reason = told.reason ?? '';
    });
    socket.addEventListener('close', ({ reason }) => {
      end.reason ||= reason || 'The connection to the platform was lost.';
      resolve();
    });
  });
  try {
    if (input.isTTY) input.setRawMode?.(true);
    input.on('data', type);
    input.once('end', finish);
    output.on('resize', resize);
    await closed;
  } finally {
    if (input.isTTY) input.setRawMode?.(false);
    input.off('data', type);
    input.off('end', finish);
    input.pause();
    output.off('resize', resize);
  }
  return end;
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () =>
      reject(
        new Failure({
          code: 'Atelier.NoTerminal',
          status: 502,
          message: 'The terminal could not be opened: its address is good once and for half a minute.',
          solution: 'Try again; ./atelier status shows whether the platform runs.',
        }),
      ),
    );
  });
}
