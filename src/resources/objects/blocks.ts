/** Unit of checksums, of reading and of writing. */
export const CHUNK = 1024 * 1024;
/**
 * Blocks kept for whoever needs one next: a fresh MiB costs the kernel about as much as sending it, and one that was dropped stays in memory
 * until the next collection, which large uploads give no reason for. Ten uploads at once, or twenty downloads, find theirs here.
 */
const KEPT_BLOCKS = 64;

/** One MiB of memory that several threads see. */
export type Block = Buffer<SharedArrayBuffer>;

/** Blocks of one MiB; what they hold is of no meaning. Those that are given back are read and written by nobody any more. */
export interface BlockPool<B extends Buffer = Buffer> {
  take(): B;
  keep(block: B): void;
}

function blockPool<B extends Buffer>(make: () => B): BlockPool<B> {
  const kept: B[] = [];
  return {
    take: () => kept.pop() ?? make(),
    keep(block) {
      if (kept.length < KEPT_BLOCKS) kept.push(block);
    },
  };
}

export const sharedBlocks = blockPool<Block>(() => Buffer.from(new SharedArrayBuffer(CHUNK)));
/** Memory of one thread, whose checks are made in two thirds of the time. */
export const ownBlocks = blockPool(() => Buffer.allocUnsafeSlow(CHUNK));

/**
 * Copies `bytes` to `at`; returns where they end. `set` and `copy` go byte by byte into shared memory where the two are not aligned
 * alike, at 1 GiB/s; `fill` copies as memory does.
 */
export function copyInto(block: Block, bytes: Buffer, at: number): number {
  const end = at + bytes.length;
  if (end > at) block.fill(bytes, at, end);
  return end;
}
