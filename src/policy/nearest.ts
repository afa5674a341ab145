/** Edits (insert, delete, replace) between two texts, or a number above `limit` as soon as it must exceed it. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const cost = Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next.push(cost);
      if (cost < best) best = cost;
    }
    if (best > limit) return limit + 1;
    row = next;
  }
  return row[b.length] ?? limit + 1;
}

/** The name closest to `wanted` without regard to case, if any is near enough to be a slip of the pen. */
export function nearest(wanted: string, names: Iterable<string>): string | undefined {
  const target = wanted.toLowerCase();
  let best: string | undefined;
  let limit = Math.max(2, Math.floor(wanted.length / 3));
  for (const name of names) {
    const found = distance(target, name.toLowerCase(), limit);
    if (found > limit || (best !== undefined && found === limit)) continue;
    best = name;
    limit = found;
    if (found === 0) break;
  }
  return best;
}
