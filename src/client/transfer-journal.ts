import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What an interrupted transfer needs to go on: lines of JSON, the first of which tells what is transferred. Survives the
 * process, not necessarily the machine: whoever reads it checks what it says against the bytes.
 */
export interface TransferJournal<Head, Line> {
  /** What an earlier run wrote. */
  earlier: { head: Head; lines: Line[] } | undefined;
  /** The process that is at this very transfer right now; the journal is its, and this one does nothing. */
  busy: number | undefined;
  /** Begins anew, or goes on with what was there. */
  begin(head: Head, keep?: readonly Line[]): void;
  add(line: Line): void;
  remove(): void;
}

/** The journal of the transfer that `names` tell apart from all others. Without a directory nothing is kept. */
export function transferJournal<Head extends object, Line>(
  dir: string | undefined,
  names: readonly string[],
): TransferJournal<Head, Line> {
  const idle = { earlier: undefined, begin() {}, add() {}, remove() {} };
  if (dir === undefined) return { ...idle, busy: undefined };
  const name = createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 32);
  const file = join(dir, `${name}.jsonl`);
  const [first, ...rest] = readLines(file);
  const owner = (first as { pid?: unknown } | undefined)?.pid;
  if (typeof owner === 'number' && owner !== process.pid && isRunning(owner)) return { ...idle, busy: owner };
  return {
    earlier: first === undefined ? undefined : { head: first as Head, lines: rest as Line[] },
    busy: undefined,
    begin(head, keep = []) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      const lines = [{ ...head, pid: process.pid }, ...keep].map(line => `${JSON.stringify(line)}\n`);
      writeFileSync(file, lines.join(''), { mode: 0o600 });
    },
    add: line => appendFileSync(file, `${JSON.stringify(line)}\n`),
    remove: () => rmSync(file, { force: true }),
  };
}

/** Lines up to the first that was not written to its end. */
function readLines(file: string): unknown[] {
  if (!existsSync(file)) return [];
  const lines: unknown[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    try {
      lines.push(JSON.parse(line));
    } catch {
      break;
    }
  }
  return lines;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
