import Table from 'cli-table3';
import { errorText, Failure } from '../kernel/failure.ts';

export type OutputFormat = 'table' | 'json';

/** Prints rows as a table, or as JSON with all their members. `columns`: heading to value. */
export function printRows<T>(
  format: OutputFormat,
  rows: readonly T[],
  columns: Record<string, (row: T) => unknown>,
): void {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  if (rows.length === 0) {
    process.stderr.write('Nothing to show.\n');
    return;
  }
  const table = new Table({
    head: Object.keys(columns),
    style: { head: [], border: [], compact: true },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
  });
  const cells = rows.map(row => Object.values(columns).map(value => text(value(row))));
  const widths = fittingWidths(Object.keys(columns), cells);
  for (const row of cells) table.push(row.map((cell, at) => clipped(cell, widths[at]!)));
  process.stdout.write(`${table.toString()}\n`);
}

const LINE = 120;
/** What cli-table3 puts around and between cells: a blank on either side, and two between. */
const AROUND = 2;
const BETWEEN = 2;
const ID = /^[0-9a-fA-F-]{32,36}$/;

/** Widths at which a line has at most 120 characters, if need be by clipping the longest texts; ids, which people copy, stay whole. */
function fittingWidths(headings: readonly string[], cells: readonly (readonly string[])[]): number[] {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...cells.map(row => row[at]!.length)));
  const isFixed = headings.map((_, at) => cells.some(row => ID.test(row[at]!)));
  const room = LINE - headings.length * AROUND - (headings.length - 1) * BETWEEN;
  for (let excess = widths.reduce((sum, width) => sum + width, 0) - room; excess > 0; excess -= 1) {
    const longest = widths.reduce((best, width, at) => (isFixed[at] || width <= (widths[best] ?? 12) ? best : at), -1);
    if (longest < 0) break;
    widths[longest]! -= 1;
  }
  return widths;
}

function clipped(cell: string, width: number): string {
  return cell.length <= width ? cell : `${cell.slice(0, width - 1)}…`;
}

/**
 * Prints one thing: its members as lines, or as JSON. `secrets`: members that are told this once; for people they go to stderr, so
 * that they do not end in a file of results.
 */
export function printOne(format: OutputFormat, value: Record<string, unknown>, secrets: readonly string[] = []): void {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  const width = Math.max(...Object.keys(value).map(key => key.length));
  for (const [key, member] of Object.entries(value)) {
    const line = `${key.padEnd(width)}  ${text(member)}`;
    if (secrets.includes(key)) process.stderr.write(`${line}  (told this once; keep it)\n`);
    else process.stdout.write(`${line}\n`);
  }
}

/** A value on one line. Names and messages come from others: what would steer the terminal is shown, not obeyed. */
function text(value: unknown): string {
  if (value === undefined || value === null) return '-';
  const shown = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return printable(shown.replaceAll(/\s*\n\s*/g, ' '));
}

function printable(shown: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach the terminal
  return shown.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, character => {
    return character === '\t' ? ' ' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** Says what went wrong and what to do about it, on stderr. */
export function printError(error: unknown): void {
  if (error instanceof Failure) {
    process.stderr.write(`atelier: ${printable(error.message)} (${error.code})\n`);
    if (error.solution) process.stderr.write(`  → ${printable(error.solution)}\n`);
    const [, action] = error.status === 403 ? (/^Policy doesn't allow ([\w:-]+)/.exec(error.message) ?? []) : [];
    if (action) process.stderr.write(`  → Which policy decides: atelier iam explain --action ${action}\n`);
    return;
  }
  process.stderr.write(`atelier: ${errorText(error)}\n`);
  if (process.env.ATELIER_LOG === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

/** Says on stderr what was left out, a few at most. */
export function printSkipped(skipped: readonly { path: string; reason: string }[], what = 'skipped'): void {
  const most = 20;
  for (const { path, reason } of skipped.slice(0, most)) {
    process.stderr.write(`${what} ${printable(JSON.stringify(path))}: ${printable(reason)}\n`);
  }
  if (skipped.length > most) process.stderr.write(`… and ${skipped.length - most} more\n`);
}

/** A number of bytes for people. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds for people. */
export function seconds(count: number): string {
  if (count < 59.95) return `${count.toFixed(1)} s`;
  const whole = Math.round(count);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
