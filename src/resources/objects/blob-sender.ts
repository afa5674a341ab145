import type { Writable } from 'node:stream';
import { type BlockPool, ownBlocks, sharedBlocks } from './blocks.ts';

/**
 * Of so many at once, each has a block more, of a kind that is checked faster: one is read, one checked and one sent. With more the processor
 * has enough to do without, and the blocks that uploads used are there already.
 */
const MOST_AHEAD = 4;
let senders = 0;

/**
 * Writes all that `read` yields to `target` and ends it. `read` fills blocks it is given, at most `CHUNK` at a time, and is never more
 * than one ahead of what it was asked for: so a slow receiver costs two of them, or three of the first few. Rejects with
 * ERR_STREAM_PREMATURE_CLOSE when the target closes first.
 */
export async function sendInTurn(
  read: (buffer: (size: number) => Buffer) => AsyncGenerator<Buffer>,
  target: Writable,
): Promise<void> {
  const blocks: Buffer[] = [];
  const ahead = senders++ < MOST_AHEAD;
  const count = ahead ? 3 : 2;
  const pool: BlockPool = ahead ? ownBlocks : sharedBlocks;
  let turn = 0;
  const chunks = read(size => {
    const at = turn++ % count;
    blocks[at] ??= pool.take();
    return blocks[at].subarray(0, size);
  });
  let giveUp = (_: Error) => {};
  const onClose = () => giveUp(prematureClose());
  target.once('close', onClose);
  try {
    let next: ReturnType<typeof chunks.next> | undefined;
    for (;;) {
      const { value, done } = await (next ?? chunks.next());
      if (done) break;
      next = ahead ? chunks.next() : undefined;
      next?.catch(() => {}); // met at the next await
      await new Promise<void>((resolve, reject) => {
        if (target.destroyed) return reject(prematureClose());
        giveUp = reject;
        target.write(value, error => (error ? reject(error) : resolve()));
      });
    }
    target.end();
    // The kernel has all of it: the blocks are free for others.
    for (const block of blocks) pool.keep(block);
  } finally {
    senders--;
    target.off('close', onClose);
    await chunks.return(undefined);
  }
}

function prematureClose(): Error {
  return Object.assign(new Error('the receiver went away'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}
