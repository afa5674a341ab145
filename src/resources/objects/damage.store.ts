import { sql } from 'kysely';
import type { Database } from '../../store-kit/index.ts';

/** An object, version or unfinished upload that has bytes in a blob. */
export interface Holder {
  bucket: string;
  key: string;
  accountId: string;
  accountName: string;
}

/** Most holders of one blob that are named: copies share it. */
const MOST = 100;

/**
 * Who has bytes in a blob, bucket by bucket: nothing but their rows says so, and others are to be answered in between. Each key once.
 */
export async function* holdersOf(database: Database, blob: string): AsyncGenerator<Holder> {
  const { rows: buckets } = await sql<{ id: number; name: string; account_id: string; account_name: string }>`
    SELECT id, name, account_id, account_name FROM obs_buckets`.execute(database);
  let left = MOST;
  for (const { id, name, account_id: accountId, account_name: accountName } of buckets) {
    const { rows } = await sql<{ key: string }>`
      SELECT key FROM obs_objects WHERE bucket_id = ${id} AND instr(segments, ${blob})
      UNION SELECT key FROM obs_versions WHERE bucket_id = ${id} AND instr(segments, ${blob})
      UNION SELECT u.key FROM obs_uploads u JOIN obs_parts p ON p.upload_id = u.id
        WHERE u.bucket_id = ${id} AND instr(p.segments, ${blob})
      LIMIT ${left}`.execute(database);
    for (const { key } of rows) yield { bucket: name, key, accountId, accountName };
    left -= rows.length;
    if (left <= 0) return;
  }
}
