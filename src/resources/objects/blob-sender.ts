import type { Writable } from 'node:stream';
import { CHUNK } from './blob-writer.ts';

/** Buffers kept for the next sender: a fresh MiB costs the kernel about as much as sending it. */
const KEPT_BUFFERS = 16;
const kept: Buffer[] = [];

/**
 * Writes all that `read` yields to `target` and ends it. `read` fills buffers it is given, at most `CHUNK` at a time: one
 * fills while the other is sent, so a slow receiver costs two of them. Rejects with ERR_STREAM_PREMATURE_CLOSE when the
 * target closes first.
 */
export async function sendInTurn(
  read: (buffer: (size: number) => Buffer) => AsyncGenerator<Buffer>,
  target: Writable,
): Promise<void> {
  const buffers = [kept.pop() ?? Buffer.allocUnsafeSlow(CHUNK), kept.pop() ?? Buffer.allocUnsafeSlow(CHUNK)];
  let turn = 0;
  const chunks = read(size => buffers[turn++ % 2]!.subarray(0, size));
  let giveUp = (_: Error) => {};
  const onClose = () => giveUp(prematureClose());
  target.once('close', onClose);
  try {
    let next = chunks.next();
    for (;;) {
      const { value, done } = await next;
      if (done) break;
      next = chunks.next();
      next.catch(() => {}); // met at the next await
      await new Promise<void>((resolve, reject) => {
        if (target.destroyed) return reject(prematureClose());
        giveUp = reject;
        target.write(value, error => (error ? reject(error) : resolve()));
      });
    }
    target.end();
    // The kernel has all of it: the buffers are free for others.
    if (kept.length < KEPT_BUFFERS) kept.push(...buffers);
  } finally {
    target.off('close', onClose);
    await chunks.return(undefined);
  }
}

function prematureClose(): Error {
  return Object.assign(new Error('the receiver went away'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}
