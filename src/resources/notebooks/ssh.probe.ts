import { connect } from 'node:net';

const PATIENCE_MS = 3_000;

/** Whether an SSH server greets at an address. */
export type SshProbe = (at: { host: string; port: number }, signal: AbortSignal) => Promise<boolean>;

/** Waits for the line with which every SSH server begins (RFC 4253, 4.2), and says nothing. */
export const probeSsh: SshProbe = ({ host, port }, signal) =>
  new Promise(resolve => {
    const socket = connect({ host, port, signal });
    const end = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(PATIENCE_MS, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.once('data', data => end(data.toString('latin1').startsWith('SSH-')));
  });
