import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Kysely, SqliteDialect, type SqliteStatement } from 'kysely';

/**
 * The database as the families see it. Each store narrows it to its own tables with `tables<T>()`; the schema as a whole
 * exists only in the migrations.
 */
// biome-ignore lint/suspicious/noExplicitAny: the union of all families' tables is deliberately unknown here
export type Database = Kysely<any>;

/** The same connection, typed with the tables of one family. */
export function tables<T>(db: Database): Kysely<T> {
  return db as unknown as Kysely<T>;
}

const CACHED_STATEMENTS = 500;

/**
 * Opens (or creates) a SQLite database file; `:memory:` for tests. Write-ahead log with full synchronisation: a committed
 * transaction is on disk. The file is for its owner alone, whatever the directory allows.
 */
export function openSqlite(file: string): Database {
  if (file !== ':memory:') {
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600); // SQLite gives the log beside it the same mode
  }
  const raw = new DatabaseSync(file);
  raw.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA recursive_triggers = ON; -- what REPLACE removes counts as deleted
    PRAGMA busy_timeout = 5000;
    PRAGMA cache_size = -32000;
    PRAGMA temp_store = MEMORY;
  `);
  const cache = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    let statement = cache.get(sql);
    if (statement) {
      cache.delete(sql);
    } else {
      statement = asKysely(raw.prepare(sql));
      // On a full or failing disk SQLite undoes the transaction by itself; undoing it again would hide the reason.
      if (sql === 'rollback') statement = { ...statement, run: unlessUndone(raw, statement) };
      if (cache.size >= CACHED_STATEMENTS) cache.delete(cache.keys().next().value!);
    }
    cache.set(sql, statement);
    return statement;
  };
  const reader = file === ':memory:' ? undefined : openReader(file);
  const close = () => {
    reader?.close();
    raw.close();
  };
  const db: Database = new Kysely({ dialect: new SqliteDialect({ database: { close, prepare } }) });
  if (reader) readers.set(db, reader);
  return db;
}

/** Reads what is committed, at once: no transaction under way holds it up, and it sees nothing of one. */
export interface Reader {
  /** The first row. */
  get<T>(sql: string, ...parameters: Bindable[]): T | undefined;
  all<T>(sql: string, ...parameters: Bindable[]): T[];
}

const readers = new WeakMap<Database, Reader>();

/**
 * For reads that every request makes: on a connection of its own, without a query builder. Undefined for a transaction, which
 * must see its own changes, and for a database in memory.
 */
export function readerOf(db: Database): Reader | undefined {
  return readers.get(db);
}

/** Opens its connection when first asked, so that the schema is there and nobody pays for it in vain. */
function openReader(file: string): Reader & { close(): void } {
  let raw: DatabaseSync | undefined;
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (!statement) {
      if (!raw) {
        raw = new DatabaseSync(file, { readOnly: true });
        raw.exec('PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8000;');
      }
      statement = raw.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    get: <T>(sql: string, ...parameters: Bindable[]) => prepared(sql).get(...parameters) as T | undefined,
    all: <T>(sql: string, ...parameters: Bindable[]) => prepared(sql).all(...parameters) as T[],
    close: () => raw?.close(),
  };
}

/** A statement as Kysely runs it. Asking for its columns costs about as much as running it, so that is done once. */
function asKysely(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: parameters => statement.all(...parameters.map(bindable)),
    run: parameters => statement.run(...parameters.map(bindable)),
    iterate: parameters => statement.iterate(...parameters.map(bindable)) as IterableIterator<unknown>,
  };
}

function unlessUndone(raw: DatabaseSync, { run }: SqliteStatement): SqliteStatement['run'] {
  return parameters => (raw.isTransaction ? run(parameters) : { changes: 0, lastInsertRowid: 0 });
}

type Bindable = null | number | bigint | string | Uint8Array;

function bindable(value: unknown): Bindable {
  if (value === undefined) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value as Bindable;
}
