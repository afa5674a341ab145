import { sql } from 'kysely';
import { type Database, tables } from '../../store-kit/index.ts';
import type { ListedRow, ObjectRow } from './object.store.ts';

/** A version that is not the current object, or a delete marker. */
export interface VersionRow extends ObjectRow {
  delete_marker: number;
}

/** A version as a listing shows it. */
export type ListedVersion = ListedRow & { delete_marker: number; is_latest: number };

/** Where a listing goes on: after this version of the key, or after all of the key, or at it. */
export interface VersionPosition {
  key: string;
  /** Versions of `key` below this; -1: none of them, absent: all. */
  below?: number;
  /** Keys below this. */
  before?: string | undefined;
}

/** Queries on versions that are not the current object, and on delete markers. */
export function versionStore(database: Database) {
  const db = tables<{ obs_versions: VersionRow; obs_objects: ObjectRow }>(database);
  const ofKey = (bucketId: number, key: string) =>
    db.selectFrom('obs_versions').selectAll().where('bucket_id', '=', bucketId).where('key', '=', key);
  return {
    insert: (row: VersionRow) => db.insertInto('obs_versions').values(row).execute(),
    /** The newest of a key. */
    latest: (bucketId: number, key: string): Promise<VersionRow | undefined> =>
      ofKey(bucketId, key).orderBy('seq', 'desc').limit(1).executeTakeFirst(),
    /** `versionId`: null is the version written without versioning. */
    find: (bucketId: number, key: string, versionId: string | null): Promise<VersionRow | undefined> =>
      ofKey(bucketId, key).where('version_id', 'is', versionId).executeTakeFirst(),
    ofUpload: (bucketId: number, key: string, uploadId: string): Promise<VersionRow | undefined> =>
      ofKey(bucketId, key).where('upload_id', '=', uploadId).executeTakeFirst(),
    update: ({ bucket_id, key, seq, ...row }: VersionRow) =>
      db
        .updateTable('obs_versions')
        .set(row)
        .where('bucket_id', '=', bucket_id)
        .where('key', '=', key)
        .where('seq', '=', seq)
        .execute(),
    remove: ({ bucket_id, key, seq }: Pick<VersionRow, 'bucket_id' | 'key' | 'seq'>) =>
      db
        .deleteFrom('obs_versions')
        .where('bucket_id', '=', bucket_id)
        .where('key', '=', key)
        .where('seq', '=', seq)
        .execute(),
    async any(bucketId: number): Promise<boolean> {
      const row = db.selectFrom('obs_versions').select('key').where('bucket_id', '=', bucketId).limit(1);
      return (await row.executeTakeFirst()) !== undefined;
    },
    /** All versions, current ones included, by key and then newest first, from a position on. */
    async list(bucketId: number, from: VersionPosition, limit: number): Promise<ListedVersion[]> {
      const { key, below, before } = from;
      const seq = below ?? Number.MAX_SAFE_INTEGER;
      const upper = before === undefined ? sql`` : sql`AND key < ${before}`;
      // Two ranges each, so that both are read in the order of their index and no further than the page.
      const part = (table: string, columns: string, range: ReturnType<typeof sql>, order: string) => sql`
        SELECT * FROM (
          SELECT key, seq, size, etag, last_modified, storage_class, version_id, attributes, ${sql.raw(columns)}
          FROM ${sql.table(table)} WHERE bucket_id = ${bucketId} AND ${range} ${sql.raw(order)} LIMIT ${limit})`;
      const rows = await sql<ListedVersion>`
        ${part('obs_objects', '0 AS delete_marker, 1 AS is_latest', sql`key = ${key} AND seq < ${seq}`, '')} UNION ALL
        ${part('obs_objects', '0 AS delete_marker, 1 AS is_latest', sql`key > ${key} ${upper}`, 'ORDER BY key')} UNION ALL
        ${part('obs_versions', 'delete_marker, 0 AS is_latest', sql`key = ${key} AND seq < ${seq}`, 'ORDER BY seq DESC')} UNION ALL
        ${part('obs_versions', 'delete_marker, 0 AS is_latest', sql`key > ${key} ${upper}`, 'ORDER BY key, seq DESC')}
        ORDER BY key, seq DESC LIMIT ${limit}`.execute(database);
      return rows.rows;
    },
  };
}
