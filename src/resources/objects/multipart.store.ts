import { type Database, tables } from '../../store-kit/index.ts';

export interface UploadRow {
  id: string;
  bucket_id: number;
  key: string;
  initiator_id: string;
  initiator_name: string;
  initiated_at: number;
  /** JSON of ObjectAttributes. */
  attributes: string;
}

export interface PartRow {
  upload_id: string;
  number: number;
  size: number;
  etag: string;
  last_modified: number;
  checksum: string;
  segments: string;
}

interface Tables {
  obs_uploads: UploadRow;
  obs_parts: PartRow;
}

/** Queries on multipart uploads and their parts. */
export function multipartStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    insertUpload: (row: UploadRow) => db.insertInto('obs_uploads').values(row).execute(),
    findUpload: (id: string) => db.selectFrom('obs_uploads').selectAll().where('id', '=', id).executeTakeFirst(),
    deleteUpload: async (id: string): Promise<void> => {
      await db.deleteFrom('obs_parts').where('upload_id', '=', id).execute();
      await db.deleteFrom('obs_uploads').where('id', '=', id).execute();
    },
    /** Uploads by key, then id, after the pair (`key`, `id`). */
    listUploads: (bucketId: number, after: { key: string; id: string }, limit: number) =>
      db
        .selectFrom('obs_uploads')
        .selectAll()
        .where('bucket_id', '=', bucketId)
        .where(eb => eb.or([eb('key', '>', after.key), eb.and([eb('key', '=', after.key), eb('id', '>', after.id)])]))
        .orderBy('key')
        .orderBy('id')
        .limit(limit)
        .execute(),
    findPart: (uploadId: string, number: number) =>
      db
        .selectFrom('obs_parts')
        .selectAll()
        .where('upload_id', '=', uploadId)
        .where('number', '=', number)
        .executeTakeFirst(),
    replacePart: (row: PartRow) => db.replaceInto('obs_parts').values(row).execute(),
    parts: (uploadId: string, after = 0, limit = 10_001) =>
      db
        .selectFrom('obs_parts')
        .selectAll()
        .where('upload_id', '=', uploadId)
        .where('number', '>', after)
        .orderBy('number')
        .limit(limit)
        .execute(),
  };
}
