import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import {
  claimDue,
  type Database,
  freeLeases,
  LEASE_COLUMNS_SQL,
  nextDue,
  openSqlite,
  pokeRow,
  releaseLease,
  renewLease,
} from './index.ts';

const T = 1_000_000;

async function things(...rows: { id: string; at: number | null }[]): Promise<Database> {
  const db = openSqlite(':memory:');
  await sql.raw(`CREATE TABLE things (id TEXT PRIMARY KEY, ${LEASE_COLUMNS_SQL})`).execute(db);
  for (const { id, at } of rows) await sql`INSERT INTO things (id, next_at) VALUES (${id}, ${at})`.execute(db);
  return db;
}

const claim = (db: Database, owner: string, now: number, limit = 10) =>
  claimDue(db, 'things', { owner, now, leaseMs: 30_000 }, limit);

test('what is due is claimed once, longest waiting first', async () => {
  const db = await things({ id: 'late', at: T - 5 }, { id: 'later', at: T - 1 }, { id: 'not yet', at: T + 1 });
  assert.deepEqual(await claim(db, 'a', T, 1), ['late']);
  assert.deepEqual(await claim(db, 'b', T), ['later']);
  assert.deepEqual(await claim(db, 'c', T), []);
});

test('a row made due in the millisecond of its claim settles after one pass', async () => {
  const db = await things({ id: 'x', at: T });
  await claim(db, 'a', T);
  await releaseLease(db, 'things', 'x', 'a', null);
  assert.equal(await nextDue(db, 'things'), undefined);
  assert.deepEqual(await claim(db, 'a', T + 1_000), []);
});

for (const [name, at] of [
  ['later', T + 10],
  ['in the same millisecond', T],
  ['by a clock that was set back', T - 60_000],
  ['at the very end of the lease', T + 30_000],
] as const) {
  test(`a hint during a pass leads to another pass: ${name}`, async () => {
    const db = await things({ id: 'x', at: T });
    await claim(db, 'a', T);
    await pokeRow(db, 'things', 'x', at);
    await releaseLease(db, 'things', 'x', 'a', null);
    assert.deepEqual(await claim(db, 'b', T + 40_000), ['x']);
  });
}

test('a hint survives a renewal, and an untouched lease does not become one', async () => {
  const db = await things({ id: 'x', at: T }, { id: 'y', at: T });
  await claim(db, 'a', T);
  await pokeRow(db, 'things', 'x', T + 5);
  for (const id of ['x', 'y']) {
    assert.equal(await renewLease(db, 'things', id, { owner: 'a', now: T + 10_000, leaseMs: 30_000 }), true);
    await releaseLease(db, 'things', id, 'a', null);
  }
  assert.deepEqual(await claim(db, 'b', T + 20_000), ['x']);
});

test('the sooner of the hint and of what the pass asked for wins', async () => {
  const db = await things({ id: 'x', at: T });
  await claim(db, 'a', T);
  await pokeRow(db, 'things', 'x', T + 5);
  await releaseLease(db, 'things', 'x', 'a', T + 60_000);
  assert.equal(await nextDue(db, 'things'), T + 5);
});

test('hints neither delay a row that waits nor get lost on a settled one', async () => {
  const db = await things(
    { id: 'waits', at: T - 100 },
    { id: 'settled', at: null },
    { id: 'backing off', at: T + 9_999 },
  );
  for (const id of ['waits', 'settled', 'backing off']) await pokeRow(db, 'things', id, T);
  assert.equal(await nextDue(db, 'things'), T - 100);
  assert.deepEqual((await claim(db, 'a', T)).sort(), ['backing off', 'settled', 'waits']);
});

test('a lease that ran out passes to another, and its old holder cannot touch it any more', async () => {
  const db = await things({ id: 'x', at: T });
  await claim(db, 'dead', T);
  assert.deepEqual(await claim(db, 'heir', T + 29_999), []);
  assert.deepEqual(await claim(db, 'heir', T + 30_001), ['x']);
  assert.equal(await renewLease(db, 'things', 'x', { owner: 'dead', now: T + 30_002, leaseMs: 30_000 }), false);
  await releaseLease(db, 'things', 'x', 'dead', null);
  assert.deepEqual(await claim(db, 'third', T + 30_003), []);
});

test('freed leases of the dead are due at once; settled rows and the leases of the living stay', async () => {
  const db = await things({ id: 'x', at: T }, { id: 'settled', at: null }, { id: 'mine', at: T + 1 });
  await claim(db, 'gone/1', T);
  await claim(db, 'me/1', T + 1);
  await freeLeases(db, 'things', 'me/');
  assert.deepEqual(await claim(db, 'me/2', T + 2), ['x']);
  await freeLeases(db, 'things');
  assert.deepEqual((await claim(db, 'me/3', T + 3)).sort(), ['mine', 'x']);
});
