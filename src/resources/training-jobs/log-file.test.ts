import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { LogLine } from '../../runtime/driver.ts';
import { JobLog } from './job.log-file.ts';

describe('the log of a job', () => {
  let dir: string;
  let path: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'joblog-'));
    path = join(dir, 'log', 'x.log');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** What an engine holds: several lines share one time, as engines stamp whole buffers. */
  const held: LogLine[] = Array.from({ length: 12 }, (_, index) => ({
    time: String(1_700_000_000_000_000_000n + BigInt(Math.floor(index / 4))),
    stream: 'stdout',
    text: `line ${index}`,
    complete: true,
  }));
  const since = (log: JobLog) => held.filter(line => log.since === undefined || BigInt(line.time) > BigInt(log.since));

  it('goes on after a kill at any line with none lost and none doubled', async () => {
    for (let killedAt = 0; killedAt <= held.length; killedAt++) {
      const file = join(dir, String(killedAt), 'x.log');
      const log = await JobLog.open(file, 1_000_000);
      log.platform('begins', 'begin');
      for (const line of held.slice(0, killedAt)) log.output(line);
      await log.flush();
      // Killed: more was written than the cursor knows of, and the log was never closed.
      await appendFile(file, 'half a li');
      const next = await JobLog.open(file, 1_000_000);
      next.platform('begins', 'begin');
      next.rewind();
      for (const line of since(next)) next.output(line);
      await next.close();
      assert.equal(
        await readFile(file, 'utf8'),
        `[ModelArts Service Log]begins\n${held.map(line => `${line.text}\n`).join('')}`,
        `killed at ${killedAt}`,
      );
      await log.close();
    }
  });

  it('puts the platform on a line of its own when the program is in the middle of one', async () => {
    const log = await JobLog.open(path, 1_000);
    log.output({ ...held[0]!, text: '50 %', complete: false });
    log.platform('uploading');
    await log.close();
    assert.equal(await readFile(path, 'utf8'), '50 %\n[ModelArts Service Log]uploading\n');
  });

  it('stops at its limit, and stays stopped after a restart', async () => {
    let log = await JobLog.open(path, 20);
    assert.deepEqual(
      held.slice(0, 4).map(line => log.output(line)),
      [true, true, false, false],
    );
    await log.close();
    log = await JobLog.open(path, 20);
    assert.equal(log.capped, true);
    log.platform('end');
    await log.close();
    const text = await readFile(path, 'utf8');
    assert.match(text, /^line 0\nline 1\nline 2\n\[ModelArts Service Log\]The log has reached its limit/);
    assert.match(text, /\[ModelArts Service Log\]end\n$/);
  });
});
