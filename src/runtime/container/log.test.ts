import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { LogLine } from '../driver.ts';
import { readLogFile } from './file-log.ts';
import { parseOomRecord } from './kernel-log.ts';
import { leadingTime } from './log-line.ts';
import { readLogStream } from './stream-log.ts';

const frame = (stream: 1 | 2, data: string | Buffer) => {
  const body = Buffer.from(data);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
};
const stamp = (nanos: number) => `2026-01-02T03:04:05.${String(nanos).padStart(9, '0')}Z `;
const SECOND = BigInt(Date.UTC(2026, 0, 2, 3, 4, 5)) * 1_000_000n;

async function all(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const found: LogLine[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

test('times are exact to the nanosecond, in any zone', () => {
  assert.equal(leadingTime('2026-01-02T03:04:05.000000001Z x')?.nanos, SECOND + 1n);
  assert.equal(leadingTime('2026-01-02T05:04:05.5+02:00 x')?.nanos, SECOND + 500_000_000n);
  assert.equal(leadingTime('2026-01-02T03:04:05Z x')?.nanos, SECOND);
  assert.equal(leadingTime('nonsense'), undefined);
});

test('the stream of the API is the same however it is cut', async () => {
  const whole = Buffer.concat([
    frame(1, `${stamp(1)}one\n`),
    frame(2, `${stamp(2)}zwei — ü\n${stamp(2)}three\n`),
    frame(1, `${stamp(3)}fo`),
    frame(2, `${stamp(4)}five\n`),
    frame(1, 'ur\n'),
    frame(1, `${stamp(9)}no end`),
  ]);
  const expected = [
    ['stdout', 1n, 'one', true],
    ['stderr', 2n, 'zwei — ü', true],
    ['stderr', 3n, 'three', true],
    ['stderr', 4n, 'five', true],
    ['stdout', 5n, 'four', true],
    ['stdout', 9n, 'no end', false],
  ];
  for (const size of [1, 2, 7, 13, 1000]) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
    const lines = await all(readLogStream(Readable.from(pieces), { follow: false }));
    assert.deepEqual(
      lines.map(line => [line.stream, BigInt(line.time) - SECOND, line.text, line.complete]),
      expected,
    );
    const later = await all(readLogStream(Readable.from(pieces), { follow: false, since: (SECOND + 3n).toString() }));
    assert.deepEqual(later, lines.slice(3));
  }
});

test('a log file that is replaced while it is followed loses nothing', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'atelier-log-'));
  const path = join(dir, 'ctr.log');
  await writeFile(path, `${stamp(1).trim()} stdout F one\n`);
  let ended = false;
  const found: string[] = [];
  const reading = (async () => {
    for await (const line of readLogFile(path, { follow: true }, async () => ended)) found.push(line.text);
  })();
  while (found.length < 1) await new Promise(resolve => setTimeout(resolve, 10));
  await writeFile(path, `${stamp(1).trim()} stdout F one\n${stamp(2).trim()} stdout F two\n`);
  await writeFile(`${path}.new`, `${stamp(3).trim()} stderr F three\n`);
  await rename(`${path}.new`, path);
  while (found.length < 3) await new Promise(resolve => setTimeout(resolve, 10));
  ended = true;
  await reading;
  assert.deepEqual(found, ['one', 'two', 'three']);
  await rm(dir, { recursive: true });
});

test('a large log file is entered near the wanted time', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'atelier-log-'));
  const path = join(dir, 'ctr.log');
  const count = 60_000;
  let text = '';
  for (let line = 0; line < count; line++) text += `${stamp(line * 10_000).trim()} stdout F line ${line}\n`;
  await writeFile(path, text);
  for (const wanted of [0, 1, 29_999, count - 2, count - 1]) {
    const since = (SECOND + BigInt(wanted * 10_000)).toString();
    const lines = await all(readLogFile(path, { follow: false, since }, async () => true));
    assert.equal(lines.length, count - 1 - wanted);
    assert.equal(lines[0]?.text, wanted === count - 1 ? undefined : `line ${wanted + 1}`);
  }
  await rm(dir, { recursive: true });
});

test('the kernel’s record of a kill names the container; others do not', () => {
  const id = 'ab'.repeat(32);
  const record = `6,489,2076360793,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/libpod_parent/libpod-${id},task_memcg=/libpod_parent/libpod-${id},task=tail,pid=1,uid=0\n SUBSYSTEM=x`;
  assert.deepEqual(parseOomRecord(record), { id, uptimeMicros: 2_076_360_793 });
  assert.equal(parseOomRecord(`6,489,1,-;tail says oom-kill:task_memcg=/${id}`), undefined);
  assert.equal(parseOomRecord('6,489,1,-;oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/,task=x'), undefined);
});
