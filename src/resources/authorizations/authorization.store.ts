import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';

export const authorizationsMigrations = [
  sqlMigration('0003-authorizations', [
    `CREATE TABLE authorizations (
      project_id TEXT NOT NULL, user_id TEXT NOT NULL, user_name TEXT NOT NULL, user_type TEXT NOT NULL,
      type TEXT NOT NULL, content TEXT NOT NULL,
      created_at INTEGER NOT NULL, PRIMARY KEY (project_id, user_id))`,
  ]),
];

export interface AuthorizationRow {
  project_id: string;
  /** A user's id, a group's, `federate:` and a name, or `all-users`. */
  user_id: string;
  user_name: string;
  /** `iam`, `federate`, `federation-group` (user_id is a group's), `grant` (an agency's) or `all-users`. */
  user_type: string;
  type: string;
  /** Name of the agency. */
  content: string;
  created_at: number;
}

/** Queries of authorizations. */
export function authorizationStore(database: Database) {
  const db = tables<{ authorizations: AuthorizationRow }>(database);
  return {
    /** False when the user has one already. */
    insert: async (row: AuthorizationRow): Promise<boolean> => {
      const result = await db
        .insertInto('authorizations')
        .values(row)
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirst();
      return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
    },
    find: (projectId: string, userId: string) =>
      db
        .selectFrom('authorizations')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('user_id', '=', userId)
        .executeTakeFirst(),
    list: (projectId: string) =>
      db.selectFrom('authorizations').selectAll().where('project_id', '=', projectId).execute(),
    remove: async (projectId: string, userId: string): Promise<boolean> => {
      const result = await db
        .deleteFrom('authorizations')
        .where('project_id', '=', projectId)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
  };
}
