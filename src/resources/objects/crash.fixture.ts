import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { crashClient } from './crash-client.fixture.ts';
import { objectHistory } from './crash-history.fixture.ts';
import type { Segment } from './object.ts';
import { randomOf } from './random.fixture.ts';
import { obsClient } from './requests.fixture.ts';

/** Runs the store in a process of its own, to be killed. It ends with its parent, whose end of the pipe then closes. */
const SERVER = `
  process.stdin.resume().on('end', () => process.exit());
  const { objectWorld } = await import(${JSON.stringify(fileURLToPath(new URL('./world.fixture.ts', import.meta.url)))});
  const { createLog } = await import(${JSON.stringify(fileURLToPath(new URL('../../kernel/log.ts', import.meta.url)))});
  const world = await objectWorld({ dir: process.argv[1], graceMs: 500, log: createLog('error') });
  await world.objects.sweep();
  console.log('port=' + world.port);
`;

interface Process {
  child: ChildProcess;
  port: number;
  kill(): Promise<void>;
}

export interface CrashResult {
  kills: number;
  acknowledged: number;
  /** Operations whose answer was lost. */
  lost: number;
  /** By name of the operation. */
  counts: Record<string, number>;
}

const CLIENTS = 8;

/**
 * Lets clients work on the same few keys while the store's process is killed `kills` times, and checks all they saw.
 * Waits for progress, never for time alone. Throws AssertionError; leaves no process.
 */
export async function crashRun(options: { dir: string; kills: number; seed: number }): Promise<CrashResult> {
  const { dir, kills, seed } = options;
  const random = randomOf(seed);
  const history = objectHistory();
  const ports = new Set<number>();
  let running: Process | undefined;
  try {
    for (let round = 0; round <= kills; round++) {
      do {
        await running?.kill();
        running = await start(dir);
      } while (ports.has(running.port)); // a request to a dead process must never reach its successor
      ports.add(running.port);
      assert.deepEqual(leaks(dir), [], `round ${round}: the sweep left something`);
      const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS * 2 });
      const send = obsClient(running.port, 'ann', agent);
      if (round === 0) assert.equal((await send('PUT', { bucket: 'data' })).status, 200);
      const life = { over: false, acknowledged: 0 };
      const enough = round === kills ? 200 : random.below(120);
      const working = Promise.all(
        Array.from({ length: CLIENTS }, (_, index) =>
          crashClient({ send, history, random: randomOf(seed + round * 1000 + index), life }),
        ),
      );
      working.catch(() => {}); // met again below
      const last = round === kills;
      while (life.acknowledged < enough && running.child.exitCode === null) await Promise.race([sleep(5), working]);
      if (last) {
        life.over = true;
        await working;
        await history.readAll(send);
      } else {
        await sleep(random.below(60));
        life.over = true;
      }
      await running.kill();
      history.died();
      await working;
      agent.destroy();
      history.check(`seed ${seed}, round ${round}`);
    }
  } finally {
    await running?.kill();
  }
  return { kills, ...history.summary() };
}

async function start(dir: string): Promise<Process> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER, dir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`the store ended with ${code ?? signal}`)));
    child.stdout!.on('data', chunk => {
      const match = /port=(\d+)/.exec(String(chunk));
      if (match) resolve(Number(match[1]));
    });
  });
  return { child, port, kill };
}

/** What is wrong with the directory of a store on which nobody works: files and rows that do not belong. */
export function leaks(dir: string): string[] {
  const db = new DatabaseSync(join(dir, 'test.db'), { readOnly: true });
  try {
    const found: string[] = [];
    const root = join(dir, 'objects');
    const blobs = db
      .prepare('SELECT id, refs, dead_at IS NOT NULL AS dead, content IS NULL AS filed FROM obs_blobs')
      .all() as unknown as { id: string; refs: number; dead: number; filed: number }[];
    const filed = new Set(blobs.filter(blob => blob.filed).map(blob => blob.id));
    for (const name of readdirSync(join(root, 'tmp'))) found.push(`temporary file ${name}`);
    for (const shard of readdirSync(join(root, 'blobs'))) {
      for (const id of readdirSync(join(root, 'blobs', shard))) {
        if (!filed.delete(id)) found.push(`file ${id} without a row`);
      }
    }
    for (const id of filed) found.push(`row ${id} without its file`);
    const references = new Map<string, number>();
    const holders = db
      .prepare('SELECT segments FROM obs_objects UNION ALL SELECT segments FROM obs_parts')
      .all() as unknown as { segments: string }[];
    for (const { segments } of holders) {
      const ids = (JSON.parse(segments) as Segment[]).map(([id]) => id);
      for (const id of ids) references.set(id, (references.get(id) ?? 0) + 1);
    }
    for (const { id, refs, dead } of blobs) {
      const count = references.get(id) ?? 0;
      references.delete(id);
      if (refs !== count) found.push(`blob ${id} counts ${refs} references of ${count}`);
      if ((dead === 1) !== (count === 0)) found.push(`blob ${id} of ${count} references is ${dead ? 'dead' : 'alive'}`);
    }
    for (const id of references.keys()) found.push(`blob ${id} is referred to, but has no row`);
    const [check] = db.prepare('PRAGMA integrity_check').all() as [{ integrity_check: string }];
    if (check.integrity_check !== 'ok') found.push(check.integrity_check);
    return found;
  } finally {
    db.close();
  }
}
