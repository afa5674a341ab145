/** A repeatable source of chance for tests. */
export interface Random {
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
  bytes(length: number): Buffer;
}

/** The seed of this run: ATELIER_SEED, or a new one. It is printed, so that a failure can be repeated. */
export function seedOf(what: string): number {
  const seed = Number(process.env.ATELIER_SEED ?? Date.now() % 2 ** 31);
  process.stdout.write(`${what}: ATELIER_SEED=${seed}\n`);
  return seed;
}

/** A generator (mulberry32) that gives the same numbers for the same seed. */
export function randomOf(seed: number): Random {
  let state = seed | 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number) => Math.floor((word() / 2 ** 32) * limit);
  return {
    below,
    chance: probability => word() / 2 ** 32 < probability,
    pick: items => items[below(items.length)]!,
    shuffled(items) {
      const mixed = [...items];
      for (let at = mixed.length - 1; at > 0; at--) {
        const other = below(at + 1);
        [mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!];
      }
      return mixed;
    },
    bytes(length) {
      const bytes = Buffer.allocUnsafe(length);
      let at = 0;
      for (; at + 4 <= length; at += 4) bytes.writeUInt32LE(word(), at);
      for (; at < length; at++) bytes[at] = word();
      return bytes;
    },
  };
}
