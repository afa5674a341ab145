/*
 * Decides whether what clients saw of one key can have come from a register that takes each write at one moment between
 * its call and its answer. A write whose answer was lost may have been taken or not, but not after the process that got
 * it was dead.
 */

/** What a key held: the id of the write that put it there, or null for nothing. */
export type Value = string | null;

export interface Operation {
  /** Shown in a finding. */
  name: string;
  /** When it was called and when it was over, on a clock that ticks with each of these; no two times are equal. */
  start: number;
  end: number;
  /** Whether it is known to have happened. One that is not may have, before `end`. */
  certain: boolean;
  /** Whether the key can have held this value when it happened; absent when it says nothing of that. */
  saw?(value: Value): boolean;
  /** What it put in place; absent for one that only reads. */
  wrote?: Value;
}

interface Configuration {
  value: Value;
  /** Operations under way that have happened already. */
  done: ReadonlySet<Operation>;
}

export interface Replay {
  /** What no order explains; absent when all is well. */
  finding?: string;
  /** What the key may hold at the end. */
  values: Set<Value>;
}

/**
 * Looks for an order that explains every operation, on a key that may hold any of `initial` before. It follows all
 * orders at once through time, as the set of (value, operations under way that have happened): at the answer of an
 * operation, only those remain in which it has happened (Lowe, "Testing for linearizability", just-in-time).
 */
export function replay(operations: readonly Operation[], initial: Iterable<Value> = [null]): Replay {
  const numbers = new Map(operations.map((operation, index) => [operation, index]));
  const key = ({ value, done }: Configuration) =>
    `${value === null ? '' : `=${value}`} ${[...done]
      .map(operation => numbers.get(operation))
      .sort()
      .join()}`;
  const events = operations
    .flatMap(operation => [
      { at: operation.start, operation, over: false },
      { at: operation.end, operation, over: true },
    ])
    .sort((a, b) => a.at - b.at);
  const open = new Set<Operation>();
  let configurations = Array.from(initial, (value): Configuration => ({ value, done: new Set() }));
  for (const { operation, over } of events) {
    if (!over) {
      open.add(operation);
      continue;
    }
    const reached = new Map(configurations.map(configuration => [key(configuration), configuration]));
    for (const { value, done } of reached.values()) {
      // The map grows while it is walked: each configuration found leads to others.
      for (const next of open) {
        if (done.has(next) || (next.saw && !next.saw(value))) continue;
        const after = { value: next.wrote === undefined ? value : next.wrote, done: new Set([...done, next]) };
        const name = key(after);
        if (!reached.has(name)) reached.set(name, after);
      }
    }
    open.delete(operation);
    const kept = new Map<string, Configuration>();
    for (const { value, done } of reached.values()) {
      if (operation.certain && !done.has(operation)) continue;
      const rest = new Set(done);
      rest.delete(operation);
      const configuration = { value, done: rest };
      kept.set(key(configuration), configuration);
    }
    if (kept.size === 0) return { finding: finding(operation, operations, configurations), values: new Set() };
    configurations = [...kept.values()];
  }
  return { values: new Set(configurations.map(({ value }) => value)) };
}

function finding(operation: Operation, operations: readonly Operation[], before: readonly Configuration[]): string {
  const values = [...new Set(before.map(({ value }) => value ?? 'nothing'))];
  const around = operations
    .filter(other => other.end >= operation.start - 40 && other.start <= operation.end)
    .sort((a, b) => a.start - b.start)
    .map(other => `  ${other.start}–${other.end} ${other.certain ? '' : '(answer lost) '}${other.name}`);
  return `no order explains "${operation.name}" (${operation.start}–${operation.end}); the key may have held ${values.join(' or ')}:\n${around.join('\n')}`;
}
