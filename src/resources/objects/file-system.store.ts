import { sql } from 'kysely';
import { type Database, tables } from '../../store-kit/index.ts';
import type { ObjectRow } from './object.store.ts';
import { afterPrefix } from './object.ts';

/** Queries on the directory tree that the keys of a parallel file system are. */
export function fileSystemStore(database: Database) {
  const db = tables<{ obs_objects: ObjectRow }>(database);

  /** Rows whose key begins with `prefix`, which ends in `/`, so that a next text always exists. */
  const below = (bucketId: number, prefix: string) =>
    db
      .selectFrom('obs_objects')
      .where('bucket_id', '=', bucketId)
      .where('key', '>=', prefix)
      .where('key', '<', afterPrefix(prefix)!);

  return {
    async exists(bucketId: number, key: string): Promise<boolean> {
      const found = await db
        .selectFrom('obs_objects')
        .select('key')
        .where('bucket_id', '=', bucketId)
        .where('key', '=', key)
        .executeTakeFirst();
      return found !== undefined;
    },
    /** Whether anything lies in the directory. */
    async hasEntries(bucketId: number, directory: string): Promise<boolean> {
      const found = await below(bucketId, directory).select('key').where('key', '!=', directory).limit(1).execute();
      return found.length > 0;
    },
    /** Bytes of the longest key below, the directory's own among them. */
    async longestKey(bucketId: number, directory: string): Promise<number> {
      const longest = sql<number>`max(length(CAST(key AS BLOB)))`.as('bytes');
      return (await below(bucketId, directory).select(longest).executeTakeFirst())?.bytes ?? 0;
    },
    renameFile: (bucketId: number, from: string, to: string) =>
      db
        .updateTable('obs_objects')
        .set({ key: to })
        .where('bucket_id', '=', bucketId)
        .where('key', '=', from)
        .execute(),
    /** Gives everything below `from`, itself included, the prefix `to`; nothing must lie there. */
    renameDirectory: (bucketId: number, from: string, to: string) =>
      sql`UPDATE obs_objects SET key = ${to} || substr(key, ${Array.from(from).length + 1})
        WHERE bucket_id = ${bucketId} AND key >= ${from} AND key < ${afterPrefix(from)!}`.execute(database),
  };
}
