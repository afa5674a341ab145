import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import type { KeyPair } from './key-pair.ts';

export const keyPairsMigrations = [
  sqlMigration('0025-key-pairs', [
    `CREATE TABLE key_pairs (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      account_id TEXT NOT NULL,
      project_id TEXT NOT NULL,
      user_id TEXT NOT NULL,
      name TEXT NOT NULL,
      scope TEXT NOT NULL,
      public_key TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      description TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    )`,
    "CREATE UNIQUE INDEX key_pairs_user ON key_pairs (project_id, user_id, name) WHERE scope = 'user'",
    "CREATE UNIQUE INDEX key_pairs_domain ON key_pairs (project_id, name) WHERE scope = 'domain'",
  ]),
];

interface Row {
  id: number;
  account_id: string;
  project_id: string;
  user_id: string;
  name: string;
  scope: 'domain' | 'user';
  public_key: string;
  fingerprint: string;
  description: string;
  created_at: number;
  updated_at: number;
}

interface Tables {
  key_pairs: Row;
}

/** Queries on key pairs. What a user sees: the pairs of the account, and the user's own. */
export function keyPairStore(database: Database) {
  const db = tables<Tables>(database);
  const seen = (projectId: string, userId: string, within: ReturnType<typeof tables<Tables>> = db) =>
    within
      .selectFrom('key_pairs')
      .selectAll()
      .where('project_id', '=', projectId)
      .where(eb => eb.or([eb('scope', '=', 'domain'), eb('user_id', '=', userId)]));
  return {
    /** Those that a user sees of these names, or all, by name. */
    async list(projectId: string, userId: string, names?: readonly string[]): Promise<KeyPair[]> {
      const query = seen(projectId, userId);
      const rows = await (names ? query.where('name', 'in', [...names]) : query).orderBy('name').execute();
      return rows.map(fromRow);
    },
    /** `taken` when the user sees one of the name already, `full` when the user has made as many as allowed. */
    async add(pair: Omit<KeyPair, 'id'>, most: number): Promise<KeyPair | 'taken' | 'full'> {
      return database.transaction().execute(async trx => {
        const inside = tables<Tables>(trx);
        const other = await seen(pair.projectId, pair.userId, inside).where('name', '=', pair.name).executeTakeFirst();
        if (other) return 'taken';
        const { n } = await inside
          .selectFrom('key_pairs')
          .select(eb => eb.fn.countAll<number>().as('n'))
          .where('project_id', '=', pair.projectId)
          .where('user_id', '=', pair.userId)
          .executeTakeFirstOrThrow();
        if (Number(n) >= most) return 'full';
        const row = await inside
          .insertInto('key_pairs')
          .values({
            account_id: pair.accountId,
            project_id: pair.projectId,
            user_id: pair.userId,
            name: pair.name,
            scope: pair.scope,
            public_key: pair.publicKey,
            fingerprint: pair.fingerprint,
            description: pair.description,
            created_at: pair.createdAt,
            updated_at: pair.updatedAt,
          } as Row)
          .returningAll()
          .executeTakeFirstOrThrow();
        return fromRow(row);
      });
    },
    async describe(id: number, description: string, now: number): Promise<void> {
      await db.updateTable('key_pairs').set({ description, updated_at: now }).where('id', '=', id).execute();
    },
    async remove(id: number): Promise<void> {
      await db.deleteFrom('key_pairs').where('id', '=', id).execute();
    },
  };
}

function fromRow(row: Row): KeyPair {
  return {
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    scope: row.scope,
    publicKey: row.public_key,
    fingerprint: row.fingerprint,
    description: row.description,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
