import type { LogLine } from '../driver.ts';

const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) /;

/** Longest piece of one line that is handed on; longer lines come in several. */
export const MAX_TEXT_BYTES = 64 * 1024;

/** Nanoseconds since the epoch of the RFC 3339 time at the start of `text`, and where the rest starts. */
export function leadingTime(text: string): { nanos: bigint; end: number } | undefined {
  const match = LINE.exec(text);
  if (match === null) return undefined;
  const [whole, seconds, fraction = '', zone] = match;
  const millis = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(millis)) return undefined;
  return { nanos: BigInt(millis) * 1_000_000n + BigInt(fraction.padEnd(9, '0')), end: whole.length };
}

/** One record of the `k8s-file` log format: `time stream F|P text`. Undefined when it is damaged. */
export function parseK8sLine(
  line: string,
): { nanos: bigint; stream: LogLine['stream']; complete: boolean; text: string } | undefined {
  const time = leadingTime(line.slice(0, 48));
  if (time === undefined) return undefined;
  const rest = line.slice(time.end);
  const match = /^(stdout|stderr) ([FP]) /.exec(rest);
  if (match === null) return undefined;
  return {
    nanos: time.nanos,
    stream: match[1] as LogLine['stream'],
    complete: match[2] === 'F',
    text: rest.slice(match[0].length),
  };
}

/**
 * Makes times strictly rising: an engine stamps all lines that it read at once with one time, and a reader that goes on `since`
 * one of them would lose the rest. The n-th line of such a group gets n nanoseconds more, the same on every reading.
 */
export class RisingTimes {
  #last = -1n;

  next(nanos: bigint): bigint {
    this.#last = nanos > this.#last ? nanos : this.#last + 1n;
    return this.#last;
  }
}
