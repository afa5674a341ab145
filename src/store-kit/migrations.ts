import { sql } from 'kysely';
import { Failure } from '../kernel/failure.ts';
import { type Database, tables } from './sqlite.ts';

/** One step of the schema. Steps are never changed once released; a family adds further ones. */
export interface Migration {
  /** Sorts in order of application: `0001-iam`, `0002-objects`. */
  id: string;
  up(db: Database): Promise<void>;
}

interface MigrationTables {
  schema_migrations: { id: string; applied_at: number };
}

/**
 * Brings the database to the schema of this code, each step in its own transaction.
 * Throws Failure `Atelier.SchemaTooNew` when the database was written by a newer version, leaving it untouched.
 */
export async function migrate(db: Database, migrations: readonly Migration[], now: number): Promise<string[]> {
  await sql`CREATE TABLE IF NOT EXISTS schema_migrations (id TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)`.execute(
    db,
  );
  const typed = tables<MigrationTables>(db);
  const known = new Set(migrations.map(migration => migration.id));
  const applied = (await typed.selectFrom('schema_migrations').select('id').execute()).map(row => row.id);
  const newer = applied.filter(id => !known.has(id));
  if (newer.length > 0) {
    throw new Failure({
      code: 'Atelier.SchemaTooNew',
      status: 500,
      message: `The database was written by a newer version of Atelier (unknown schema steps: ${newer.join(', ')}).`,
      solution: 'Start it with that version or a later one, or restore a backup made with this version.',
    });
  }
  const done = new Set(applied);
  const pending = [...migrations].sort((a, b) => (a.id < b.id ? -1 : 1)).filter(migration => !done.has(migration.id));
  for (const migration of pending) {
    await db.transaction().execute(async trx => {
      await migration.up(trx);
      await tables<MigrationTables>(trx)
        .insertInto('schema_migrations')
        .values({ id: migration.id, applied_at: now })
        .execute();
    });
  }
  return pending.map(migration => migration.id);
}

/** A migration from plain SQL statements. */
export function sqlMigration(id: string, statements: readonly string[]): Migration {
  return {
    id,
    async up(db) {
      for (const statement of statements) await sql.raw(statement).execute(db);
    },
  };
}
