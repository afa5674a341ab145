import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { LogLine, LogOptions } from '../driver.ts';
import { leadingTime, MAX_TEXT_BYTES, RisingTimes } from './log-line.ts';

interface Pending {
  decoder: StringDecoder;
  text: string;
  time: string | undefined;
}

/**
 * Splits the log stream of the Docker API (frames of stdout and stderr, a time at the start of each line) into lines. Reads no
 * further than its consumer, so output of any size needs the memory of one frame and one piece of a line.
 */
export async function* readLogStream(stream: Readable, options: LogOptions): AsyncGenerator<LogLine> {
  const since = options.since === undefined ? -1n : BigInt(options.since);
  const times = new RisingTimes();
  const pending = { stdout: fresh(), stderr: fresh() };
  const emit = (name: LogLine['stream'], text: string, complete: boolean): LogLine | undefined => {
    const state = pending[name];
    let rest = text;
    if (state.time === undefined) {
      const time = leadingTime(text);
      state.time = times.next(time?.nanos ?? 0n).toString();
      rest = text.slice(time?.end ?? 0);
    }
    const line = { time: state.time, stream: name, text: rest, complete };
    if (complete) state.time = undefined;
    return BigInt(line.time) > since ? line : undefined;
  };
  for await (const { name, data } of frames(stream)) {
    if (options.signal?.aborted) return;
    const state = pending[name];
    const lines = (state.text + state.decoder.write(data)).split('\n');
    state.text = lines.pop() ?? '';
    for (const text of lines) {
      const line = emit(name, text, true);
      if (line !== undefined) yield line;
    }
    if (state.text.length > MAX_TEXT_BYTES) {
      const line = emit(name, state.text, false);
      state.text = '';
      if (line !== undefined) yield line;
    }
  }
  for (const name of ['stdout', 'stderr'] as const) {
    const line = pending[name].text === '' ? undefined : emit(name, pending[name].text, false);
    if (line !== undefined) yield line;
  }
}

function fresh(): Pending {
  return { decoder: new StringDecoder('utf8'), text: '', time: undefined };
}

/** The frames of a multiplexed stream; a large frame comes in several pieces. */
export async function* frames(stream: Readable): AsyncGenerator<{ name: LogLine['stream']; data: Buffer }> {
  let head: Buffer = Buffer.alloc(0);
  let left = 0;
  let name: LogLine['stream'] = 'stdout';
  for await (const chunk of stream) {
    let data = chunk as Buffer;
    while (data.length > 0) {
      if (left > 0) {
        const piece = data.subarray(0, left);
        left -= piece.length;
        data = data.subarray(piece.length);
        yield { name, data: piece };
        continue;
      }
      const taken = Math.min(8 - head.length, data.length);
      head = Buffer.concat([head, data.subarray(0, taken)]);
      data = data.subarray(taken);
      if (head.length < 8) continue;
      name = head[0] === 2 ? 'stderr' : 'stdout';
      left = head.readUInt32BE(4);
      head = Buffer.alloc(0);
    }
  }
}
