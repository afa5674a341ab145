import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Kysely, SqliteDialect, type SqliteStatement } from 'kysely';
import { type Synchronise, type WriteAheadLog, writeAheadLog } from './write-ahead-log.ts';

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
export function openSqlite(file: string, synchronise: Synchronise = log => log.datasync()): Database {
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
  const log = file === ':memory:' ? undefined : writeAheadLog(raw, file, synchronise);
  const close = () => {
    log?.close();
    reader?.close();
    raw.close();
  };
  const db: Database = new Kysely({ dialect: new SqliteDialect({ database: { close, prepare } }) });
  if (reader) readers.set(db, reader);
  connections.set(db, { raw, writer: prepared(raw), log });
  return db;
}

/** Reads what is committed, at once: no transaction under way holds it up, and it sees nothing of one. */
export interface Reader {
  /** The first row. */
  get<T>(sql: string, ...parameters: Bindable[]): T | undefined;
  all<T>(sql: string, ...parameters: Bindable[]): T[];
}

/** The connection that writes, for a transaction alone. Statements run at once. */
export interface Writer extends Reader {
  run(sql: string, ...parameters: Bindable[]): void;
}

const readers = new WeakMap<Database, Reader>();
/** Of databases: the connection that writes. */
const connections = new WeakMap<Database, { raw: DatabaseSync; writer: Writer; log: WriteAheadLog | undefined }>();
const writers = new WeakMap<Database, Writer>();

/** The connection that writes, for what hooks into it; undefined for a transaction. */
export function rawOf(db: Database): DatabaseSync | undefined {
  return connections.get(db)?.raw;
}

/**
 * Runs `work` in a transaction, whose stores may write on its connection without the query builder (`writerOf`): the builder's way from a
 * text to the connection costs several times what most statements do. Resolves once it is committed and on disk; unlike with
 * `db.transaction()` this thread does not stand still for the disk, and others may use the connection meanwhile. They see what is committed
 * a little before it would survive a loss of power. Throws what `work` threw, or why the disk did not take it.
 */
export async function commitDirectly<T>(db: Database, work: (transaction: Database) => Promise<T>): Promise<T> {
  const { raw, writer, log } = connections.get(db)!;
  const result = await db.connection().execute(async transaction => {
    log?.repair();
    writers.set(transaction, writer);
    // What SQLite does of itself within a commit, the log does beside it. The connection is ours alone until we return.
    if (log) raw.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;');
    try {
      writer.run('BEGIN');
      const made = await work(transaction);
      writer.run('COMMIT');
      return made;
    } catch (error) {
      // On a full or failing disk SQLite undoes the transaction by itself.
      if (raw.isTransaction) writer.run('ROLLBACK');
      throw error;
    } finally {
      if (log) raw.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;');
    }
  });
  await log?.synchronise();
  return result;
}

/** Whether no transaction is under way: what is read at this moment stays so until `watchRows` tells otherwise. */
export function isAtRest(db: Database): boolean {
  return !connections.get(db)!.raw.isTransaction;
}

/** The connection of a transaction of `commitDirectly`; undefined for every other database. */
export function writerOf(transaction: Database): Writer | undefined {
  return writers.get(transaction);
}

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
  let opened: Reader | undefined;
  const open = (): Reader => {
    raw = new DatabaseSync(file, { readOnly: true });
    raw.exec('PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8000;');
    opened = prepared(raw);
    return opened;
  };
  return {
    get: (sql, ...parameters) => (opened ?? open()).get(sql, ...parameters),
    all: (sql, ...parameters) => (opened ?? open()).all(sql, ...parameters),
    close: () => raw?.close(),
  };
}

/** Statements of a connection, each prepared once. Callers write few different ones. */
function prepared(raw: DatabaseSync): Writer {
  const statements = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    let known = statements.get(sql);
    if (!known) {
      known = raw.prepare(sql);
      statements.set(sql, known);
    }
    return known;
  };
  return {
    get: <T>(sql: string, ...parameters: Bindable[]) => statement(sql).get(...parameters) as T | undefined,
    all: <T>(sql: string, ...parameters: Bindable[]) => statement(sql).all(...parameters) as T[],
    run: (sql, ...parameters) => void statement(sql).run(...parameters),
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

export type Bindable = null | number | bigint | string | Uint8Array;

function bindable(value: unknown): Bindable {
  if (value === undefined) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value as Bindable;
}
