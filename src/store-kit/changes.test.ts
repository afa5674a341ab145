import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { type Change, type Database, openSqlite, watchChanges } from './index.ts';

async function watched(): Promise<{ db: Database; seen: Change[] }> {
  const db = openSqlite(':memory:');
  const run = (text: string) => sql.raw(text).execute(db);
  await run(
    'CREATE TABLE things (id TEXT PRIMARY KEY, project_id TEXT, name TEXT, next_at INTEGER, lease_until INTEGER)',
  );
  await run(
    'CREATE TABLE thing_events (id INTEGER PRIMARY KEY, thing_id TEXT REFERENCES things (id) ON DELETE CASCADE)',
  );
  await run('CREATE TABLE records (account_id TEXT)');
  await run('CREATE TABLE nobodys (id TEXT)');
  await run('CREATE TABLE rights (holder TEXT)');
  const seen: Change[] = [];
  watchChanges(db, ['records'], change => seen.push(change), {
    rights: row => `(SELECT project_id FROM main.things WHERE id = ${row}.holder)`,
  });
  return { db, seen };
}

test('whatever way rows are written, the project hears which table they are of', async () => {
  const { db, seen } = await watched();
  const after = async (text: string) => {
    seen.length = 0;
    await sql.raw(text).execute(db);
    return seen.map(({ table, scope }) => `${table} of ${scope}`);
  };
  assert.deepEqual(await after("INSERT INTO things (id, project_id) VALUES ('1', 'p'), ('2', 'q')"), [
    'things of p',
    'things of q',
  ]);
  assert.deepEqual(await after("UPDATE things SET name = 'x' WHERE id = '1'"), ['things of p']);
  assert.deepEqual(await after("INSERT INTO thing_events (thing_id) VALUES ('2')"), ['things of q']);
  assert.deepEqual(
    await after("UPDATE things SET next_at = 1, lease_until = 2 WHERE id = '1'"),
    [],
    'a lease is no change',
  );
  assert.deepEqual(await after("INSERT INTO rights VALUES ('2')"), ['rights of q'], 'as it was said whose they are');
  assert.ok((await after("DELETE FROM things WHERE id = '2'")).includes('things of q'));
  assert.deepEqual(await after("INSERT INTO records VALUES ('a')"), [], 'left out');
  assert.deepEqual(await after("INSERT INTO nobodys VALUES ('a')"), [], 'belongs to nobody');
  await db.destroy();
});
