/** Unit of checksums, of reading and of writing. */
export const CHUNK = 1024 * 1024;
/**
 * Blocks kept for whoever needs one next: a fresh MiB costs the kernel about as much as sending it, and one that was dropped stays in memory
 * until the next collection, which large uploads give no reason for. Ten uploads at once, or twenty downloads, find theirs here.
 */
const KEPT_BLOCKS = 64;

/** One MiB of memory that several threads see. */
export type Block = Buffer<SharedArrayBuffer>;

const kept: Block[] = [];

/** A block of one MiB; what it holds is of no meaning. */
export function takeBlock(): Block {
  return kept.pop() ?? Buffer.from(new SharedArrayBuffer(CHUNK));
}

/** Gives back a block that nothing reads or writes any more. */
export function keepBlock(block: Block): void {
  if (kept.length < KEPT_BLOCKS) kept.push(block);
}

/**
 * Copies `bytes` to `at`; returns where they end. `set` and `copy` go byte by byte into shared memory where the two are not aligned
 * alike, at 1 GiB/s; `fill` copies as memory does.
 */
export function copyInto(block: Block, bytes: Buffer, at: number): number {
  const end = at + bytes.length;
  if (end > at) block.fill(bytes, at, end);
  return end;
}
