import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { Failure } from '../kernel/failure.ts';
import {
  commitDirectly,
  type Database,
  type Migration,
  migrate,
  openSqlite,
  sqlMigration,
  tables,
  writerOf,
} from './index.ts';

interface Notes {
  notes: { id: number; text: string | null; flag: number | null };
}

function temporary(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-sqlite-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'test.db');
}

function opened(t: TestContext, file = ':memory:'): Database {
  const db = openSqlite(file);
  t.after(() => db.destroy());
  return db;
}

const notes = sqlMigration('0001-notes', ['CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, flag INTEGER)']);

async function tableNames(db: Database): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM sqlite_schema WHERE type = 'table'`.execute(db);
  return rows.map(row => row.name).filter(name => name !== 'schema_migrations');
}

test('schema steps run in the order of their ids, each once, over restarts', async t => {
  const file = temporary(t);
  const ran: string[] = [];
  const step = (id: string): Migration => ({ id, up: async () => void ran.push(id) });
  const first = openSqlite(file);
  assert.deepEqual(await migrate(first, [step('0002-b'), step('0001-a')], 1), ['0001-a', '0002-b']);
  await first.destroy();
  const second = opened(t, file);
  assert.deepEqual(await migrate(second, [step('0003-c'), step('0002-b'), step('0001-a')], 2), ['0003-c']);
  assert.deepEqual(ran, ['0001-a', '0002-b', '0003-c']);
});

test('a database of a newer version is refused with a text that helps, and stays as it is', async t => {
  const db = opened(t);
  await migrate(db, [notes, sqlMigration('0009-future', ['CREATE TABLE future (id TEXT)'])], 1);
  await assert.rejects(migrate(db, [notes, sqlMigration('0002-more', ['CREATE TABLE more (id TEXT)'])], 2), error => {
    assert.ok(error instanceof Failure);
    assert.equal(error.code, 'Atelier.SchemaTooNew');
    assert.match(error.message, /newer version.*0009-future/);
    assert.match(error.solution ?? '', /later|backup/);
    return true;
  });
  assert.deepEqual(await tableNames(db), ['notes', 'future']);
});

test('a schema step that fails leaves nothing behind and is tried again', async t => {
  const db = opened(t);
  const broken = sqlMigration('0002-broken', ['CREATE TABLE half (id TEXT)', 'INSERT INTO nowhere VALUES (1)']);
  await assert.rejects(migrate(db, [notes, broken], 1), /nowhere/);
  assert.deepEqual(await tableNames(db), ['notes']);
  const mended = sqlMigration('0002-broken', ['CREATE TABLE whole (id TEXT)']);
  assert.deepEqual(await migrate(db, [notes, mended], 2), ['0002-broken']);
  assert.deepEqual(await tableNames(db), ['notes', 'whole']);
});

test('transactions that overlap in time are serialized: no update is lost, nobody reads a half', async t => {
  const db = opened(t, temporary(t));
  await migrate(db, [notes], 1);
  await tables<Notes>(db).insertInto('notes').values({ id: 1, text: '0', flag: 0 }).execute();
  const increment = () =>
    tables<Notes>(db)
      .transaction()
      .execute(async trx => {
        const row = await trx.selectFrom('notes').selectAll().executeTakeFirstOrThrow();
        assert.equal(Number(row.text), row.flag);
        await trx
          .updateTable('notes')
          .set({ text: String(row.flag! + 1) })
          .execute();
        await new Promise(resolve => setImmediate(resolve));
        await trx
          .updateTable('notes')
          .set({ flag: row.flag! + 1 })
          .execute();
      });
  const read = async () => {
    const row = await tables<Notes>(db).selectFrom('notes').selectAll().executeTakeFirstOrThrow();
    assert.equal(Number(row.text), row.flag);
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => (i % 2 ? increment() : read())));
  const row = await tables<Notes>(db).selectFrom('notes').selectAll().executeTakeFirstOrThrow();
  assert.equal(row.flag, 50);
});

test('a transaction that throws leaves nothing, and the next one works', async t => {
  const db = opened(t);
  await migrate(db, [notes], 1);
  const attempt = tables<Notes>(db)
    .transaction()
    .execute(async trx => {
      await trx.insertInto('notes').values({ id: 1, text: 'x', flag: 1 }).execute();
      throw new Error('changed my mind');
    });
  await assert.rejects(attempt, /changed my mind/);
  assert.deepEqual(await tables<Notes>(db).selectFrom('notes').selectAll().execute(), []);
  await tables<Notes>(db).insertInto('notes').values({ id: 1, text: 'x', flag: 1 }).execute();
});

test('booleans are kept as 1 and 0, undefined as null, large numbers and bytes as they are', async t => {
  const db = opened(t);
  const { rows } = await sql<Record<string, unknown>>`
    SELECT ${true} AS yes, ${false} AS no, ${undefined} AS absent, ${1_767_225_600_123} AS time, ${'ü🙂\0x'} AS text,
      ${Buffer.from([0, 255])} AS bytes`.execute(db);
  const { bytes, ...rest } = rows[0]!;
  assert.deepEqual({ ...rest }, { yes: 1, no: 0, absent: null, time: 1_767_225_600_123, text: 'ü🙂\0x' });
  assert.deepEqual([...(bytes as Uint8Array)], [0, 255]);
});

test('one hundred thousand rows are written, listed by window and counted', async t => {
  const db = opened(t, temporary(t));
  await migrate(db, [notes], 1);
  await sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO notes SELECT i, 'note ' || i, i % 2 FROM n`.execute(db);
  const page = await tables<Notes>(db)
    .selectFrom('notes')
    .selectAll()
    .where('flag', '=', 1)
    .orderBy('id', 'desc')
    .offset(49_990)
    .limit(20)
    .execute();
  assert.deepEqual(
    page.map(row => row.id),
    [19, 17, 15, 13, 11, 9, 7, 5, 3, 1],
  );
  const all = await tables<Notes>(db).selectFrom('notes').selectAll().execute();
  assert.equal(all.length, 100_000);
});

test('more different statements than the cache holds, and a column added under a cached one', async t => {
  const db = opened(t);
  await migrate(db, [notes], 1);
  await sql`INSERT INTO notes VALUES (1, 'x', 1)`.execute(db);
  const all = () => sql<Record<string, unknown>>`SELECT * FROM notes`.execute(db);
  assert.deepEqual({ ...(await all()).rows[0] }, { id: 1, text: 'x', flag: 1 });
  await sql`ALTER TABLE notes ADD COLUMN more TEXT DEFAULT 'new'`.execute(db);
  assert.deepEqual({ ...(await all()).rows[0] }, { id: 1, text: 'x', flag: 1, more: 'new' });
  for (let i = 0; i < 1_200; i++) {
    const { rows } = await sql.raw<{ n: number }>(`SELECT ${i} AS n`).execute(db);
    assert.equal(rows[0]!.n, i);
  }
  assert.equal((await all()).rows.length, 1);
});

test('rows that refer to others cannot be orphaned', async t => {
  const db = opened(t);
  await migrate(
    db,
    [sqlMigration('0001-a', ['CREATE TABLE a (id TEXT PRIMARY KEY)', 'CREATE TABLE b (a TEXT REFERENCES a (id))'])],
    1,
  );
  await assert.rejects(sql`INSERT INTO b VALUES ('missing')`.execute(db), /FOREIGN KEY/);
});

test('kill -9 at any moment loses no acknowledged write and leaves no half transaction', async t => {
  const file = temporary(t);
  const program = `
    const { openSqlite, migrate, sqlMigration } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const { sql } = await import('kysely');
    const db = openSqlite(${JSON.stringify(file)});
    await migrate(db, [sqlMigration('0001-n', ['CREATE TABLE n (i INTEGER PRIMARY KEY, half TEXT)'])], 1);
    for (let i = 1; ; i++) {
      await db.transaction().execute(async trx => {
        await sql\`INSERT INTO n VALUES (\${2 * i}, 'first')\`.execute(trx);
        await sql\`INSERT INTO n VALUES (\${2 * i + 1}, 'second')\`.execute(trx);
      });
      process.stdout.write(i + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('.', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for await (const part of child.stdout) {
    output += part;
    if (output.split('\n').length > 40) child.kill('SIGKILL');
  }
  if (child.signalCode === null) await once(child, 'exit');
  const acknowledged = Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1));
  const db = opened(t, file);
  const { rows } = await sql<{ n: number; last: number }>`SELECT count(*) AS n, max(i) AS last FROM n`.execute(db);
  assert.ok(rows[0]!.n >= acknowledged * 2, `${rows[0]!.n} rows, ${acknowledged} acknowledged transactions`);
  assert.equal(rows[0]!.n % 2, 0);
  assert.equal(rows[0]!.last, rows[0]!.n + 1);
  const { rows: check } = await sql<{ integrity_check: string }>`PRAGMA integrity_check`.execute(db);
  assert.equal(check[0]!.integrity_check, 'ok');
});

test('nobody but its owner reads the database or its log', async t => {
  const file = temporary(t);
  const db = opened(t, file);
  await migrate(db, [notes], 1);
  const files = readdirSync(dirname(file));
  assert.deepEqual(files.sort(), ['test.db', 'test.db-shm', 'test.db-wal']);
  for (const name of files) assert.equal(statSync(join(dirname(file), name)).mode & 0o077, 0, name);
});

test('a commit whose disk failed is not acknowledged, and the log begins anew before anything else is written', async t => {
  const file = temporary(t);
  let failures = 0;
  const db = openSqlite(file, async log => {
    if (failures-- > 0) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
    await log.datasync();
  });
  t.after(() => db.destroy());
  await migrate(db, [notes], 1);
  const insert = (text: string) =>
    commitDirectly(db, async transaction => writerOf(transaction)!.run('INSERT INTO notes (text) VALUES (?)', text));

  await insert('kept');
  assert.ok(statSync(`${file}-wal`).size > 0);
  failures = 1;
  await assert.rejects(insert('doubtful'), { code: 'EIO' });
  assert.equal(statSync(`${file}-wal`).size, 0, 'what might have a hole behind it is gone');
  await insert('kept too');
  const found = await tables<Notes>(db).selectFrom('notes').select('text').orderBy('id').execute();
  assert.deepEqual(
    found.filter(note => note.text !== 'doubtful').map(note => note.text),
    ['kept', 'kept too'],
  );
});

test('a transaction that throws leaves nothing, and the next one works', async t => {
  const db = opened(t, temporary(t));
  await migrate(db, [notes], 1);
  const failing = commitDirectly(db, async transaction => {
    writerOf(transaction)!.run("INSERT INTO notes (text) VALUES ('half')");
    throw new Error('changed its mind');
  });
  await assert.rejects(failing, /changed its mind/);
  await commitDirectly(db, async transaction =>
    writerOf(transaction)!.run("INSERT INTO notes (text) VALUES ('whole')"),
  );
  const found = await tables<Notes>(db).selectFrom('notes').select('text').execute();
  assert.deepEqual(
    found.map(note => note.text),
    ['whole'],
  );
});

test('the log of a busy database does not grow without end', async t => {
  const file = temporary(t);
  const db = opened(t, file);
  await migrate(db, [notes], 1);
  const text = 'x'.repeat(1000);
  for (let round = 0; round < 120; round++) {
    await commitDirectly(db, async transaction => {
      for (let row = 0; row < 500; row++) writerOf(transaction)!.run('INSERT INTO notes (text) VALUES (?)', text);
    });
  }
  const [log, database] = [statSync(`${file}-wal`).size, statSync(file).size];
  assert.ok(database > 20e6, `most of 60 MB is in the database itself: ${database} bytes`);
  assert.ok(log < 30e6, `the log has ${log} bytes`);
});
