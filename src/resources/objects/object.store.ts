import { CompiledQuery, sql } from 'kysely';
import { type Soon, then } from '../../kernel/soon.ts';
import { type Bindable, type Database, readerOf, tables, writerOf } from '../../store-kit/index.ts';
import type { KeyRange } from './listing.ts';
import type { BucketInfo, ObjectAttributes, ObjectInfo, Segment, StorageClass } from './object.ts';
import { type Remembered, remembered } from './remembered.ts';

interface BucketRow {
  id: number;
  name: string;
  account_id: string;
  account_name: string;
  location: string;
  storage_class: string;
  created_at: number;
  kind: string;
  versioning: string | null;
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
  /** Null of what was written without versioning, whose version id reads `null`. */
  version_id: string | null;
  /** Orders the versions of a key: the latest has the highest. */
  seq: number;
  /** JSON of ObjectAttributes without the storage class. */
  attributes: string;
  /** JSON of Segment[]; the last column, so that listings never read its overflow pages. */
  segments: string;
}

export type ListedRow = Omit<ObjectRow, 'segments' | 'bucket_id' | 'upload_id'>;

const OBJECT_COLUMNS = [
  'bucket_id',
  'key',
  'size',
  'etag',
  'last_modified',
  'storage_class',
  'upload_id',
  'version_id',
  'seq',
  'attributes',
  'segments',
] as const satisfies (keyof ObjectRow)[];

// An update of the row that is there: half the work of REPLACE, which deletes it and its entries in the indexes first.
const REPLACE_OBJECT = `INSERT INTO obs_objects (${OBJECT_COLUMNS.join()}) VALUES (${OBJECT_COLUMNS.map(() => '?').join()})
  ON CONFLICT (bucket_id, key) DO UPDATE SET ${OBJECT_COLUMNS.slice(2)
    .map(column => `${column} = excluded.${column}`)
    .join()}`;

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

/** A blob whose bytes are durable: here where they are few, otherwise in a file. */
export interface BlobRecord {
  id: string;
  size: number;
  checks: Uint8Array;
  content: Uint8Array | null;
}

/** Buckets that are remembered. */
const MOST_KEPT = 10_000;

const stores = new WeakMap<Database, ObjectStore>();

/** Queries on buckets, objects and blobs. Give it a transaction to change several rows at once. */
export function objectStore(database: Database): ObjectStore {
  if (!readerOf(database)) return queriesOn(database);
  let store = stores.get(database);
  if (!store) {
    store = queriesOn(database);
    stores.set(database, store);
  }
  return store;
}

type ObjectStore = ReturnType<typeof queriesOn>;

function queriesOn(database: Database) {
  const db = tables<Tables>(database);
  const reader = readerOf(database);
  const writer = writerOf(database);
  const direct = reader ?? writer;
  let objects: Remembered<ObjectRow, BlobRecord> | undefined;
  const known = () => (objects ??= remembered(database));
  const buckets = reader ? new Map<string, BucketInfo>() : undefined;
  // What every request asks is written out: building and compiling a query costs several times its execution.
  const built = <T>(query: string, parameters: Bindable[]) =>
    database.executeQuery<T>(CompiledQuery.raw(query, parameters));
  const every = <T>(query: string, parameters: Bindable[]): Soon<T[]> =>
    direct ? direct.all<T>(query, ...parameters) : built<T>(query, parameters).then(({ rows }) => rows);
  const first = <T>(query: string, parameters: Bindable[]): Soon<T | undefined> =>
    direct ? direct.get<T>(query, ...parameters) : built<T>(query, parameters).then(({ rows }) => rows[0]);
  const write = async (query: string, parameters: Bindable[]): Promise<void> => {
    if (writer) writer.run(query, ...parameters);
    else await built(query, parameters);
  };
  return {
    /** The database or transaction that these queries go to. */
    database,
    findBucket(name: string): Soon<BucketInfo | undefined> {
      const known = buckets?.get(name);
      if (known) return known;
      return then(first<BucketRow>('SELECT * FROM obs_buckets WHERE name = ?', [name]), row => {
        const bucket = row && bucketOf(row);
        if (bucket && buckets) {
          if (buckets.size >= MOST_KEPT) buckets.clear();
          buckets.set(name, bucket);
        }
        return bucket;
      });
    },
    /**
     * Call when the commit of a change to a bucket's row is over, before anybody is told of it. The rows of buckets are remembered, as
     * every request asks for one: only what is committed and found is, and this process alone writes them.
     */
    forgetBucket(name: string): void {
      buckets?.delete(name);
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
        INSERT INTO obs_buckets (name, account_id, account_name, location, storage_class, created_at, kind, versioning)
        VALUES (${bucket.name}, ${bucket.accountId}, ${bucket.accountName}, ${bucket.location},
          ${bucket.storageClass}, ${bucket.createdAt}, ${bucket.kind}, ${bucket.versioning ?? null})
        ON CONFLICT (name) DO NOTHING`.execute(database);
      return (result.numAffectedRows ?? 0n) > 0n;
    },
    async bucketInUse(id: number): Promise<boolean> {
      const object = await db.selectFrom('obs_objects').select('key').where('bucket_id', '=', id).limit(1).execute();
      const upload = await db.selectFrom('obs_uploads').select('id').where('bucket_id', '=', id).limit(1).execute();
      return object.length + upload.length > 0;
    },
    updateBucket: (id: number, patch: Partial<Pick<BucketRow, 'versioning' | 'storage_class'>>) =>
      db.updateTable('obs_buckets').set(patch).where('id', '=', id).execute(),
    deleteBucket: (id: number) => db.deleteFrom('obs_buckets').where('id', '=', id).execute(),

    findObject(bucketId: number, key: string): Soon<ObjectRow | undefined> {
      const query = 'SELECT * FROM obs_objects WHERE bucket_id = ? AND key = ?';
      if (reader) return known().row(bucketId, key, () => reader.get<ObjectRow>(query, bucketId, key));
      return first(query, [bucketId, key]);
    },
    listObjects(bucketId: number, range: KeyRange): Soon<ListedRow[]> {
      const { from, exclusive, before, limit } = range;
      const columns = 'key, size, etag, last_modified, storage_class, version_id, seq, attributes';
      const query = `SELECT ${columns} FROM obs_objects
        WHERE bucket_id = ? AND key ${exclusive ? '>' : '>='} ? ${before === undefined ? '' : 'AND key < ?'} ORDER BY key LIMIT ?`;
      const parameters = before === undefined ? [bucketId, from, limit] : [bucketId, from, before, limit];
      return every(query, parameters);
    },
    /** The first key at or after `from` and before `before`. */
    nextKey(bucketId: number, from: string, before?: string): Soon<string | undefined> {
      const query = `SELECT key FROM obs_objects
        WHERE bucket_id = ? AND key >= ? ${before === undefined ? '' : 'AND key < ?'} ORDER BY key LIMIT 1`;
      const parameters = before === undefined ? [bucketId, from] : [bucketId, from, before];
      return then(first<{ key: string }>(query, parameters), row => row?.key);
    },
    replaceObject: (row: ObjectRow) =>
      write(
        REPLACE_OBJECT,
        OBJECT_COLUMNS.map(column => row[column]),
      ),
    deleteObject: (bucketId: number, key: string) =>
      db.deleteFrom('obs_objects').where('bucket_id', '=', bucketId).where('key', '=', key).execute(),

    insertBlob: ({ id, size, checks, content }: BlobRecord) =>
      write('INSERT INTO obs_blobs (id, size, refs, dead_at, checks, content) VALUES (?, ?, 1, NULL, ?, ?)', [
        id,
        size,
        checks,
        content,
      ]),
    findBlob(id: string): Soon<BlobRecord | undefined> {
      const query = 'SELECT id, size, checks, content FROM obs_blobs WHERE id = ?';
      if (reader) return known().blob(id, () => reader.get<BlobRecord>(query, id));
      return first(query, [id]);
    },
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
        await write(
          `UPDATE obs_blobs SET refs = refs - ?1, dead_at = CASE WHEN refs - ?1 <= 0 THEN ?2 ELSE NULL END WHERE id = ?3`,
          [count, now, id],
        );
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
    kind: row.kind as BucketInfo['kind'],
    ...(row.versioning === null ? {} : { versioning: row.versioning as 'Enabled' | 'Suspended' }),
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
    versionId: row.version_id ?? 'null',
    ...(JSON.parse(row.attributes) as Omit<ObjectAttributes, 'storageClass'>),
  };
}

/** The attributes' column. */
export function attributesText(attributes: ObjectAttributes): string {
  const { storageClass: _, ...rest } = attributes;
  return JSON.stringify(rest);
}

export function segmentsOf(row: { segments: string }): Segment[] {
  return JSON.parse(row.segments) as Segment[];
}
