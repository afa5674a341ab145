import { sql } from 'kysely';
import { type Database, tables } from '../../store-kit/index.ts';
import { multipartStore } from './multipart.store.ts';
import { type ObjectRow, objectStore, segmentsOf } from './object.store.ts';
import { afterPrefix, type BucketInfo, type StorageClass } from './object.ts';
import { type Removed, removeCurrent } from './versions.ts';

/** What of a row decides; rows of versions have it too. */
export interface CurrentRow {
  key: string;
  seq: number;
  size: number;
  last_modified: number;
  storage_class: string;
  attributes: string;
}

export interface VersionRow extends CurrentRow {
  version_id: string | null;
  delete_marker: number;
  /** When the next newer version, or the current object, was made; null where this is the newest. */
  successor: number | null;
  /** Noncurrent versions that are newer; counted up to 101. */
  newer: number;
  /** 1 where the key has a current object. */
  current: number;
  /** 1 where the key has an older version. */
  older: number;
}

interface Tables {
  obs_objects: ObjectRow;
  obs_versions: ObjectRow & { delete_marker: number };
  obs_buckets: { id: number; versioning: string | null };
  obs_uploads: { id: string; bucket_id: number; key: string; initiated_at: number };
}

/** Queries of the lifecycle worker: pages by key, and changes that hold only while a row is what the page saw. */
export function lifecycleStore(database: Database) {
  const db = tables<Tables>(database);

  /** Whole row of the current object, if it is still the one seen. */
  const unchanged = (bucketId: number, seen: CurrentRow) =>
    db
      .selectFrom('obs_objects')
      .selectAll()
      .where('bucket_id', '=', bucketId)
      .where('key', '=', seen.key)
      .where('seq', '=', seen.seq)
      .where('last_modified', '=', seen.last_modified)
      .where('storage_class', '=', seen.storage_class)
      .executeTakeFirst();

  return {
    /** Objects below a prefix in order of key. */
    async currentPage(bucketId: number, prefix: string, after: string | undefined, limit: number) {
      const end = afterPrefix(prefix);
      let query = db
        .selectFrom('obs_objects')
        .select(['key', 'seq', 'size', 'last_modified', 'storage_class', 'attributes'])
        .where('bucket_id', '=', bucketId)
        .where('key', after === undefined ? '>=' : '>', after ?? prefix);
      if (end !== undefined) query = query.where('key', '<', end);
      return query.orderBy('key').limit(limit).execute();
    },

    /** Versions that are not the current object, and delete markers, in order of key and seq. */
    async versionPage(
      bucketId: number,
      prefix: string,
      after: { key: string; seq: number } | undefined,
      limit: number,
    ): Promise<VersionRow[]> {
      const end = afterPrefix(prefix);
      const from = after ? sql`(v.key, v.seq) > (${after.key}, ${after.seq})` : sql`v.key >= ${prefix}`;
      const { rows } = await sql<VersionRow>`
        SELECT v.key, v.seq, v.version_id, v.size, v.last_modified, v.storage_class, v.attributes, v.delete_marker,
          coalesce(
            (SELECT n.last_modified FROM obs_versions n
              WHERE n.bucket_id = v.bucket_id AND n.key = v.key AND n.seq > v.seq ORDER BY n.seq LIMIT 1),
            (SELECT o.last_modified FROM obs_objects o WHERE o.bucket_id = v.bucket_id AND o.key = v.key)) AS successor,
          (SELECT count(*) FROM (SELECT 1 FROM obs_versions n
              WHERE n.bucket_id = v.bucket_id AND n.key = v.key AND n.seq > v.seq LIMIT 101)) AS newer,
          EXISTS (SELECT 1 FROM obs_objects o WHERE o.bucket_id = v.bucket_id AND o.key = v.key) AS current,
          EXISTS (SELECT 1 FROM obs_versions n
              WHERE n.bucket_id = v.bucket_id AND n.key = v.key AND n.seq < v.seq) AS older
        FROM obs_versions v
        WHERE v.bucket_id = ${bucketId} AND ${from} ${end === undefined ? sql`` : sql`AND v.key < ${end}`}
        ORDER BY v.key, v.seq LIMIT ${limit}`.execute(database);
      return rows;
    },

    uploadPage: (bucketId: number, prefix: string, before: number, limit: number) => {
      const end = afterPrefix(prefix);
      let query = db
        .selectFrom('obs_uploads')
        .select(['id', 'key'])
        .where('bucket_id', '=', bucketId)
        .where('initiated_at', '<=', before)
        .where('key', '>=', prefix);
      if (end !== undefined) query = query.where('key', '<', end);
      return query.orderBy('key').limit(limit).execute();
    },

    /** Objects whose own expiry (`x-obs-expires`) has come, by index. */
    async expired(now: number, limit: number): Promise<(CurrentRow & { bucket_id: number; bucket: string })[]> {
      const { rows } = await sql<CurrentRow & { bucket_id: number; bucket: string }>`
        SELECT o.bucket_id, b.name AS bucket, o.key, o.seq, o.size, o.last_modified, o.storage_class, o.attributes
        FROM obs_objects o JOIN obs_buckets b ON b.id = o.bucket_id
        WHERE json_extract(o.attributes, '$.expiresAt') <= ${now} LIMIT ${limit}`.execute(database);
      return rows;
    },

    /** Deletes the current object, as DELETE does: leaving a delete marker where the bucket has versions. Undefined when it changed. */
    async expireCurrent(bucketId: number, seen: CurrentRow, now: number): Promise<Removed | undefined> {
      const row = await unchanged(bucketId, seen);
      if (!row) return undefined;
      const rows = db.selectFrom('obs_buckets').select('versioning').where('id', '=', bucketId);
      const versioning = (await rows.executeTakeFirst())?.versioning as BucketInfo['versioning'] | null;
      return removeCurrent(database, { id: bucketId, ...(versioning ? { versioning } : {}) }, row.key, now);
    },

    async deleteVersion(bucketId: number, seen: { key: string; seq: number }, now: number): Promise<boolean> {
      const row = await db
        .deleteFrom('obs_versions')
        .where('bucket_id', '=', bucketId)
        .where('key', '=', seen.key)
        .where('seq', '=', seen.seq)
        .returning('segments')
        .executeTakeFirst();
      if (row) await objectStore(database).release(segmentsOf(row), now);
      return row !== undefined;
    },

    /** Deletes a delete marker, unless something came before or after it meanwhile. */
    async deleteLoneMarker(bucketId: number, seen: { key: string; seq: number }, now: number): Promise<boolean> {
      const versions = await db
        .selectFrom('obs_versions')
        .select('seq')
        .where('bucket_id', '=', bucketId)
        .where('key', '=', seen.key)
        .limit(2)
        .execute();
      if (versions.length !== 1 || (await objectStore(database).findObject(bucketId, seen.key))) return false;
      return this.deleteVersion(bucketId, seen, now);
    },

    /** Another storage class; a restore of before counts no more. Time and ETag stay (S3 "Transitioning objects"). */
    async transition(
      table: 'obs_objects' | 'obs_versions',
      bucketId: number,
      seen: CurrentRow,
      storageClass: StorageClass,
    ): Promise<boolean> {
      const result = await db
        .updateTable(table)
        .set({ storage_class: storageClass, attributes: sql`json_remove(attributes, '$.restore')` })
        .where('bucket_id', '=', bucketId)
        .where('key', '=', seen.key)
        .where('seq', '=', seen.seq)
        .where('last_modified', '=', seen.last_modified)
        .where('storage_class', '=', seen.storage_class)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    async abortUpload(id: string, now: number): Promise<boolean> {
      const rows = multipartStore(database);
      if (!(await rows.findUpload(id))) return false;
      const parts = await rows.parts(id);
      await rows.deleteUpload(id);
      for (const part of parts) await objectStore(database).release(segmentsOf(part), now);
      return true;
    },
  };
}
