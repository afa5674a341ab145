import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Clock, manualClock, systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { type Database, LEASE_COLUMNS_SQL, openSqlite } from '../store-kit/index.ts';
import { type Next, type PassContext, Reconciler } from './reconciler.ts';

type Pass = (id: string, context: PassContext) => Promise<Next>;

function database(t: TestContext, file = ':memory:'): Database {
  const db = openSqlite(file);
  t.after(() => db.destroy());
  return db;
}

async function table(t: TestContext, file?: string): Promise<Database> {
  const db = database(t, file);
  await sql.raw(`CREATE TABLE things (id TEXT PRIMARY KEY, ${LEASE_COLUMNS_SQL})`).execute(db);
  await sql`CREATE INDEX things_due ON things (next_at)`.execute(db);
  return db;
}

async function add(db: Database, id: string, at = Date.now()): Promise<void> {
  await sql`INSERT INTO things (id, next_at) VALUES (${id}, ${at})`.execute(db);
}

async function unsettled(db: Database): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM things WHERE next_at IS NOT NULL OR lease_owner IS NOT NULL`.execute(db);
  return rows[0]!.n;
}

/** A reconciler that is stopped, before its database closes, at the end of the test. */
function reconciler(t: TestContext, db: Database, pass: Pass, options: { concurrency?: number; clock?: Clock } = {}) {
  const made = new Reconciler(
    { db, clock: options.clock ?? systemClock, log: silentLog() },
    { name: 'things', table: 'things', concurrency: options.concurrency ?? 4, pass },
  );
  t.after(() => made.stop());
  return made;
}

async function until(condition: () => boolean | Promise<boolean>, what: string, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(`never happened: ${what}`);
    await pause(5);
  }
}

/** A pass that waits until it is let through, and counts. */
function gate() {
  let calls = 0;
  const open: (() => void)[] = [];
  return {
    get calls() {
      return calls;
    },
    async wait(): Promise<void> {
      calls += 1;
      await new Promise<void>(resolve => open.push(resolve));
    },
    release() {
      for (const resolve of open.splice(0)) resolve();
    },
  };
}

test('passes repeat until a thing has settled, then it is left alone', async t => {
  const db = await table(t);
  let passes = 0;
  const loop = reconciler(t, db, async () => {
    passes += 1;
    return passes < 5 ? { afterMs: passes % 2 } : 'settled';
  });
  await add(db, 'x');
  await loop.start();
  await until(async () => (await unsettled(db)) === 0, 'settled');
  await pause(50);
  assert.equal(passes, 5);
});

test('with a clock that stands still, a settled thing does not spin', async t => {
  const db = await table(t);
  const clock = manualClock();
  let passes = 0;
  const loop = reconciler(
    t,
    db,
    async () => {
      passes += 1;
      return 'settled';
    },
    { clock },
  );
  await add(db, 'x', clock.now());
  await loop.start();
  await until(async () => (await unsettled(db)) === 0, 'settled');
  await pause(50);
  assert.equal(passes, 1);
  await loop.poke('x');
  await until(() => passes === 2, 'the pass after the poke');
  await pause(50);
  assert.equal(passes, 2);
});

test('a poke during a pass leads to one more pass, also within the same millisecond', async t => {
  const db = await table(t);
  const clock = manualClock();
  const door = gate();
  const loop = reconciler(
    t,
    db,
    async () => {
      await door.wait();
      return 'settled';
    },
    { clock },
  );
  await add(db, 'x', clock.now());
  await loop.start();
  await until(() => door.calls === 1, 'first pass');
  await loop.poke('x');
  await loop.poke('x');
  door.release();
  await until(() => door.calls === 2, 'second pass');
  door.release();
  await until(async () => (await unsettled(db)) === 0, 'settled');
  await pause(30);
  assert.equal(door.calls, 2);
});

test('no hint is lost: after the last of hundreds of pokes at any moment there is a pass that began later', async t => {
  const db = await table(t);
  const ids = Array.from({ length: 10 }, (_, i) => `x${i}`);
  const wanted = new Map<string, number>();
  const seen = new Map<string, number>();
  const loop = reconciler(t, db, async id => {
    const found = wanted.get(id) ?? 0;
    if (Math.random() < 0.5) await pause(Math.random() * 3);
    seen.set(id, found);
    return 'settled';
  });
  for (const id of ids) await add(db, id);
  await loop.start();
  await Promise.all(
    ids.map(async id => {
      for (let i = 1; i <= 60; i++) {
        wanted.set(id, i);
        await loop.poke(id, { interrupt: i % 7 === 0 });
        if (i % 3 === 0) await pause(Math.random() * 4);
      }
    }),
  );
  await until(async () => (await unsettled(db)) === 0, 'all settled');
  for (const id of ids) assert.equal(seen.get(id), 60, id);
});

test('an interrupt cuts a long pass short and it runs again at once', async t => {
  const db = await table(t);
  const reasons: string[] = [];
  let calls = 0;
  const loop = reconciler(t, db, async (_id, { signal }) => {
    calls += 1;
    if (calls > 1) return 'settled';
    await once(signal, 'abort');
    reasons.push((signal.reason as Error).message);
    throw signal.reason;
  });
  await add(db, 'x');
  await loop.start();
  await until(() => calls === 1, 'the long pass');
  await loop.poke('x');
  await pause(30);
  assert.equal(calls, 1, 'a poke without interrupt waits for the pass');
  await loop.poke('x', { interrupt: true });
  await until(() => calls === 2, 'second pass');
  await until(async () => (await unsettled(db)) === 0, 'settled');
  assert.deepEqual(reasons, ['interrupted by a change']);
});

test('a failing pass is repeated after growing pauses, others go on, and a poke does not wait for the pause', async t => {
  const db = await table(t);
  const clock = manualClock();
  let broken = true;
  const done: string[] = [];
  const loop = reconciler(
    t,
    db,
    async id => {
      if (id === 'bad' && broken) throw new Error('not yet');
      done.push(id);
      return 'settled';
    },
    { clock },
  );
  const pauseIs = (ms: number) =>
    until(async () => {
      const { rows } = await sql<{ next_at: number }>`
        SELECT next_at FROM things WHERE id = 'bad' AND lease_owner IS NULL`.execute(db);
      return rows[0]?.next_at === clock.now() + ms;
    }, `a pause of ${ms} ms`);
  await add(db, 'bad', clock.now());
  await add(db, 'good', clock.now());
  await loop.start();
  for (const ms of [500, 1_000]) {
    await pauseIs(ms);
    clock.advance(ms);
    loop.hint();
  }
  await pauseIs(2_000);
  assert.ok(done.includes('good'));
  broken = false;
  await loop.poke('bad');
  await until(() => done.includes('bad'), 'recovery, though the clock stands still');
});

test('stop interrupts passes, waits for their ends, and the work goes on at the next start', async t => {
  const db = await table(t);
  let ended = 0;
  const first = reconciler(t, db, async (_id, { signal }) => {
    await once(signal, 'abort');
    await pause(30);
    ended += 1;
    throw signal.reason;
  });
  for (const id of ['a', 'b', 'c']) await add(db, id);
  await first.start();
  await until(() => first.active === 3, 'three passes');
  await first.stop();
  assert.equal(ended, 3);
  assert.equal(first.active, 0);
  const done: string[] = [];
  const second = reconciler(t, db, async id => {
    done.push(id);
    return 'settled';
  });
  await second.start();
  await until(() => done.length === 3, 'the work is taken up');
});

test('a poke while the loop is stopped is kept for the next start', async t => {
  const db = await table(t);
  const done: string[] = [];
  const loop = reconciler(t, db, async id => {
    done.push(id);
    return 'settled';
  });
  await sql`INSERT INTO things (id) VALUES ('x')`.execute(db);
  await loop.poke('x');
  assert.deepEqual(done, []);
  await loop.start();
  await until(() => done.length === 1, 'pass');
});

test('a killed process leaves its work to the next one, at once', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-loop-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'test.db');
  const db = await table(t, file);
  await add(db, 'x');
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    const { Reconciler } = await import(${at('./reconciler.ts')});
    const { openSqlite } = await import(${at('../store-kit/index.ts')});
    const { systemClock } = await import(${at('../kernel/clock.ts')});
    const { silentLog } = await import(${at('../kernel/log.ts')});
    const loop = new Reconciler({ db: openSqlite(${JSON.stringify(file)}), clock: systemClock, log: silentLog() },
      { name: 'things', table: 'things', concurrency: 1, pass: () => { process.stdout.write('working'); return new Promise(() => {}); } });
    await loop.start();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  let passes = 0;
  const loop = reconciler(t, db, async () => {
    passes += 1;
    return 'settled';
  });
  await loop.start();
  // Long before the lease of the process that is gone has ended.
  await until(() => passes === 1, 'the pass is repeated', 20_000);
});

test('never more passes at once than allowed, over thousands of things, each once', async t => {
  const db = await table(t);
  await sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO things (id, next_at) SELECT 'x' || i, 1 FROM n`.execute(db);
  let now = 0;
  let most = 0;
  const done = new Map<string, number>();
  const loop = reconciler(
    t,
    db,
    async id => {
      most = Math.max(most, ++now);
      await new Promise(resolve => setImmediate(resolve));
      done.set(id, (done.get(id) ?? 0) + 1);
      now -= 1;
      return 'settled';
    },
    { concurrency: 7 },
  );
  await loop.start();
  await until(async () => (await unsettled(db)) === 0, 'all settled', 30_000);
  assert.equal(done.size, 3000);
  assert.deepEqual([...new Set(done.values())], [1]);
  assert.equal(most, 7);
});

test('two reconcilers over one table share the work and never run one thing twice at once', async t => {
  const db = await table(t);
  const busy = new Set<string>();
  const workers = new Set<string>();
  let clashes = 0;
  const left = new Map<string, number>(Array.from({ length: 40 }, (_, i) => [`x${i}`, 8]));
  const pass =
    (who: string): Pass =>
    async id => {
      if (busy.has(id)) clashes += 1;
      busy.add(id);
      workers.add(who);
      await pause(Math.random() * 3);
      busy.delete(id);
      left.set(id, left.get(id)! - 1);
      return left.get(id)! > 0 ? { afterMs: 0 } : 'settled';
    };
  const first = reconciler(t, db, pass('first'), { concurrency: 6 });
  const second = reconciler(t, db, pass('second'), { concurrency: 6 });
  for (const id of left.keys()) await add(db, id);
  await first.start();
  await until(() => first.active > 0, 'the first works');
  await second.start();
  const poking = (async () => {
    for (let i = 0; i < 200; i++) await (i % 2 ? first : second).poke(`x${i % 40}`);
  })();
  await until(async () => (await unsettled(db)) === 0 && [...left.values()].every(n => n <= 0), 'all settled');
  await poking;
  assert.equal(clashes, 0);
  assert.deepEqual([...workers].sort(), ['first', 'second']);
});

test('a machine that slept longer than the lease does not run one thing twice at once', async t => {
  const db = await table(t);
  const clock = manualClock();
  let busy = 0;
  let most = 0;
  let calls = 0;
  const loop = reconciler(
    t,
    db,
    async () => {
      calls += 1;
      most = Math.max(most, ++busy);
      await pause(2_000); // deaf to its signal
      busy -= 1;
      return 'settled';
    },
    { clock },
  );
  await add(db, 'x', clock.now());
  await loop.start();
  await until(() => calls === 1, 'first pass');
  clock.advance(3_600_000);
  loop.hint();
  await until(() => calls === 2, 'a fresh look');
  await until(async () => (await unsettled(db)) === 0, 'settled');
  assert.equal(most, 1);
});

test('a thing that somebody else made due is found by hint', async t => {
  const db = await table(t);
  const done: string[] = [];
  const loop = reconciler(t, db, async id => {
    done.push(id);
    return 'settled';
  });
  await loop.start();
  await pause(20);
  await add(db, 'x');
  loop.hint();
  // Sooner than it looks by itself.
  await until(() => done.length === 1, 'pass', 4_500);
});
