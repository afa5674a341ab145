import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';

export const consoleMigrations = [
  sqlMigration('0060-console-sessions', [
    `CREATE TABLE console_sessions (
      id_hash TEXT PRIMARY KEY,
      user_id TEXT NOT NULL,
      token_sealed TEXT NOT NULL,
      own_token_sealed TEXT,
      created_at INTEGER NOT NULL,
      used_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    )`,
    'CREATE INDEX console_sessions_user ON console_sessions (user_id, created_at)',
    'CREATE INDEX console_sessions_expiry ON console_sessions (expires_at)',
  ]),
];

export interface SessionRow {
  /** SHA-256 of the id that the cookie holds, in hexadecimal. */
  id_hash: string;
  /** Who signed in. */
  user_id: string;
  token_sealed: string;
  /** The own token, while a role is taken on. */
  own_token_sealed: string | null;
  created_at: number;
  /** When somebody at the screen last did something, give or take a minute. */
  used_at: number;
  expires_at: number;
}

interface Tables {
  console_sessions: SessionRow;
}

/** Queries on sessions of the console. */
export function sessionStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    /** Adds one, dropping those that have expired and the oldest of a user who has more than `most`. */
    async add(row: SessionRow, now: number, most: number): Promise<void> {
      await database.transaction().execute(async trx => {
        const inside = tables<Tables>(trx);
        await inside.deleteFrom('console_sessions').where('expires_at', '<=', now).execute();
        await inside.insertInto('console_sessions').values(row).execute();
        const newest = inside
          .selectFrom('console_sessions')
          .select('id_hash')
          .where('user_id', '=', row.user_id)
          .orderBy('created_at', 'desc')
          .limit(most);
        await inside
          .deleteFrom('console_sessions')
          .where('user_id', '=', row.user_id)
          .where('id_hash', 'not in', newest)
          .execute();
      });
    },
    find: (idHash: string): Promise<SessionRow | undefined> =>
      db.selectFrom('console_sessions').selectAll().where('id_hash', '=', idHash).executeTakeFirst(),
    async change(
      idHash: string,
      values: Partial<Pick<SessionRow, 'token_sealed' | 'own_token_sealed' | 'used_at' | 'expires_at'>>,
    ): Promise<void> {
      await db.updateTable('console_sessions').set(values).where('id_hash', '=', idHash).execute();
    },
    async remove(idHash: string): Promise<void> {
      await db.deleteFrom('console_sessions').where('id_hash', '=', idHash).execute();
    },
  };
}

export type SessionStore = ReturnType<typeof sessionStore>;
