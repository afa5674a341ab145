import { sql } from 'kysely';
import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import type { KeyRange } from './listing.ts';
import type { BucketInfo, ObjectAttributes, ObjectInfo, Segment, StorageClass } from './object.ts';

export const objectsMigrations = [
  sqlMigration('0002-objects', [
    `CREATE TABLE obs_buckets (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      account_id TEXT NOT NULL,
      account_name TEXT NOT NULL,
      location TEXT NOT NULL,
      storage_class TEXT NOT NULL,
      created_at INTEGER NOT NULL
    )`,
    'CREATE INDEX obs_buckets_account ON obs_buckets (account_id, name)',
    `CREATE TABLE obs_objects (
      bucket_id INTEGER NOT NULL REFERENCES obs_buckets (id),
      key TEXT NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      last_modified INTEGER NOT NULL,
      storage_class TEXT NOT NULL,
      upload_id TEXT,
      attributes TEXT NOT NULL,
      segments TEXT NOT NULL,
      PRIMARY KEY (bucket_id, key)
    )`,
    `CREATE TABLE obs_blobs (
      id TEXT PRIMARY KEY,
      size INTEGER NOT NULL,
      refs INTEGER NOT NULL,
      dead_at INTEGER,
      checks BLOB NOT NULL,
      content BLOB
    )`,
    'CREATE INDEX obs_blobs_dead ON obs_blobs (dead_at) WHERE dead_at IS NOT NULL',
    `CREATE TABLE obs_uploads (
      id TEXT PRIMARY KEY,
      bucket_id INTEGER NOT NULL REFERENCES obs_buckets (id),
      key TEXT NOT NULL,
      initiator_id TEXT NOT NULL,
      initiator_name TEXT NOT NULL,
      initiated_at INTEGER NOT NULL,
      attributes TEXT NOT NULL
    )`,
    'CREATE INDEX obs_uploads_key ON obs_uploads (bucket_id, key, id)',
    `CREATE TABLE obs_parts (
      upload_id TEXT NOT NULL REFERENCES obs_uploads (id),
      number INTEGER NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      last_modified INTEGER NOT NULL,
      checksum TEXT NOT NULL,
      segments TEXT NOT NULL,
      PRIMARY KEY (upload_id, number)
    )`,
  ]),
];

interface BucketRow {
  id: number;
  name: string;
  account_id: string;
  account_name: string;
  location: string;
  storage_class: string;
  created_at: number;
}

export interface ObjectRow {
  bucket_id: number;
  key: string;
  size: number;
  etag: string;
  last_modified: number;
  storage_class: string;
  /** The multipart upload that made it, so that a repeated completion finds its result. */
  upload_id: string | null;
  /** JSON of ObjectAttributes without the storage class. */
  attributes: string;
  /** JSON of Segment[]; the last column, so that listings never read its overflow pages. */
  segments: string;
}

export type ListedRow = Omit<ObjectRow, 'segments' | 'bucket_id' | 'upload_id'>;

interface BlobRow {
  id: string;
  size: number;
  refs: number;
  dead_at: number | null;
  /** CRC-32 of each MiB, little-endian. */
  checks: Uint8Array;
  /** Bytes of small blobs; null when they lie in a file. */
  content: Uint8Array | null;
}

interface Tables {
  obs_buckets: BucketRow;
  obs_objects: ObjectRow;
  obs_blobs: BlobRow;
  obs_uploads: { id: string; bucket_id: number };
}

/** A blob that is written and durable, about to be entered. */
export interface NewBlob {
  id: string;
  size: number;
  checks: Uint8Array;
  content: Uint8Array | null;
}

/** Queries on buckets, objects and blobs. Give it a transaction to change several rows at once. */
export function objectStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    async findBucket(name: string): Promise<BucketInfo | undefined> {
      const row = await db.selectFrom('obs_buckets').selectAll().where('name', '=', name).executeTakeFirst();
      return row && bucketOf(row);
    },
    async bucketsOf(accountId: string): Promise<BucketInfo[]> {
      const rows = await db
        .selectFrom('obs_buckets')
        .selectAll()
        .where('account_id', '=', accountId)
        .orderBy('name')
        .execute();
      return rows.map(bucketOf);
    },
    async insertBucket(bucket: Omit<BucketInfo, 'id'>): Promise<boolean> {
      const result = await sql`
        INSERT INTO obs_buckets (name, account_id, account_name, location, storage_class, created_at)
        VALUES (${bucket.name}, ${bucket.accountId}, ${bucket.accountName}, ${bucket.location},
          ${bucket.storageClass}, ${bucket.createdAt})
        ON CONFLICT (name) DO NOTHING`.execute(database);
      return (result.numAffectedRows ?? 0n) > 0n;
    },
    async bucketInUse(id: number): Promise<boolean> {
      const object = await db.selectFrom('obs_objects').select('key').where('bucket_id', '=', id).limit(1).execute();
      const upload = await db.selectFrom('obs_uploads').select('id').where('bucket_id', '=', id).limit(1).execute();
      return object.length + upload.length > 0;
    },
    deleteBucket: (id: number) => db.deleteFrom('obs_buckets').where('id', '=', id).execute(),
    async usage(bucketId: number): Promise<{ size: number; objects: number }> {
      const row = await db
        .selectFrom('obs_objects')
        .select(eb => [eb.fn.sum<number>('size').as('size'), eb.fn.countAll<number>().as('objects')])
        .where('bucket_id', '=', bucketId)
        .executeTakeFirst();
      return { size: row?.size ?? 0, objects: row?.objects ?? 0 };
    },

    findObject: (bucketId: number, key: string) =>
      db
        .selectFrom('obs_objects')
        .selectAll()
        .where('bucket_id', '=', bucketId)
        .where('key', '=', key)
        .executeTakeFirst(),
    async listObjects(bucketId: number, range: KeyRange): Promise<ListedRow[]> {
      let query = db
        .selectFrom('obs_objects')
        .select(['key', 'size', 'etag', 'last_modified', 'storage_class', 'attributes'])
        .where('bucket_id', '=', bucketId)
        .where('key', range.exclusive ? '>' : '>=', range.from);
      if (range.before !== undefined) query = query.where('key', '<', range.before);
      return query.orderBy('key').limit(range.limit).execute();
    },
    replaceObject: (row: ObjectRow) => db.replaceInto('obs_objects').values(row).execute(),
    deleteObject: (bucketId: number, key: string) =>
      db.deleteFrom('obs_objects').where('bucket_id', '=', bucketId).where('key', '=', key).execute(),

    insertBlob: (blob: NewBlob) =>
      db
        .insertInto('obs_blobs')
        .values({ ...blob, refs: 1, dead_at: null })
        .execute(),
    findBlob: (id: string) =>
      db.selectFrom('obs_blobs').select(['id', 'size', 'checks', 'content']).where('id', '=', id).executeTakeFirst(),
    /** Adds one reference per segment; false when a blob is gone. */
    async refer(segments: readonly Segment[]): Promise<boolean> {
      for (const [id, count] of counted(segments)) {
        const result = await db
          .updateTable('obs_blobs')
          .set(eb => ({ refs: eb('refs', '+', count), dead_at: null }))
          .where('id', '=', id)
          .executeTakeFirst();
        if (result.numUpdatedRows === 0n) return false;
      }
      return true;
    },
    /** Takes one reference per segment; a blob without any is dead from `now` on. Readers may still be about to open it. */
    async release(segments: readonly Segment[], now: number): Promise<void> {
      for (const [id, count] of counted(segments)) {
        await sql`UPDATE obs_blobs SET refs = refs - ${count},
          dead_at = CASE WHEN refs - ${count} <= 0 THEN ${now} ELSE NULL END WHERE id = ${id}`.execute(database);
      }
    },
    /** Replaces the references of `from` by those of `to`, touching only blobs whose count changes. */
    async handOver(from: readonly Segment[], to: readonly Segment[], now: number): Promise<void> {
      const kept = counted(to);
      const surplus: Segment[] = [];
      for (const segment of from) {
        const count = kept.get(segment[0]) ?? 0;
        if (count > 0) kept.set(segment[0], count - 1);
        else surplus.push(segment);
      }
      await this.release(surplus, now);
    },
    async deadBlobs(before: number, limit: number): Promise<string[]> {
      const rows = await db
        .selectFrom('obs_blobs')
        .select('id')
        .where('dead_at', '<=', before)
        .orderBy('dead_at')
        .limit(limit)
        .execute();
      return rows.map(row => row.id);
    },
    /** Deletes the rows of those that still have no reference; returns their ids. */
    async deleteDeadBlobs(ids: readonly string[]): Promise<string[]> {
      if (ids.length === 0) return [];
      const rows = await db
        .deleteFrom('obs_blobs')
        .where('id', 'in', ids)
        .where('refs', '<=', 0)
        .returning('id')
        .execute();
      return rows.map(row => row.id);
    },
    /** Which of these ids are known blobs. */
    async knownBlobs(ids: readonly string[]): Promise<Set<string>> {
      const rows = await db.selectFrom('obs_blobs').select('id').where('id', 'in', ids).execute();
      return new Set(rows.map(row => row.id));
    },
  };
}

function counted(segments: readonly Segment[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [id] of segments) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function bucketOf(row: BucketRow): BucketInfo {
  return {
    id: row.id,
    name: row.name,
    accountId: row.account_id,
    accountName: row.account_name,
    location: row.location,
    storageClass: row.storage_class as StorageClass,
    createdAt: row.created_at,
  };
}

/** The public form of a row. */
export function objectOf(bucket: string, row: ListedRow): ObjectInfo {
  return {
    bucket,
    key: row.key,
    size: row.size,
    etag: row.etag,
    lastModified: row.last_modified,
    storageClass: row.storage_class as StorageClass,
    ...(JSON.parse(row.attributes) as Omit<ObjectAttributes, 'storageClass'>),
  };
}

/** The attributes' column. */
export function attributesText(attributes: ObjectAttributes): string {
  const { contentType, metadata, headers, checksum } = attributes;
  return JSON.stringify({ contentType, metadata, headers, checksum });
}

export function segmentsOf(row: { segments: string }): Segment[] {
  return JSON.parse(row.segments) as Segment[];
}
