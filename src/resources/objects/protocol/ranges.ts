import { obsFailure } from '../failures.ts';

/**
 * Reads a Range header for an object of `size` bytes: first and last byte, inclusive. Undefined for what is to be
 * ignored (other units, several ranges, bad syntax). Throws Failure InvalidRange when nothing of it exists.
 */
export function parseRange(text: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(text?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [, first, last] = match;
  if (first === '') {
    const length = Math.min(Number(last), size);
    if (length === 0) throw obsFailure('InvalidRange');
    return { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) throw obsFailure('InvalidRange', `The object has ${size} bytes; the range begins at ${start}.`);
  return { start, end };
}

/** Reads a copy source range, which must be exact: `bytes=first-last`. Throws Failure InvalidArgument. */
export function parseCopyRange(text: string): { start: number; end: number } {
  const match = /^bytes=(\d{1,16})-(\d{1,16})$/.exec(text.trim());
  if (!match) throw obsFailure('InvalidArgument', 'The copy source range must be of the form bytes=first-last.');
  return { start: Number(match[1]), end: Number(match[2]) };
}
