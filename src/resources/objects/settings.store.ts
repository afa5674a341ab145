import { type Database, tables } from '../../store-kit/index.ts';
import type { Acl } from './object.ts';

/** What is set on a bucket, by sub-resource; each is absent where nobody set it. */
export interface BucketSettings {
  acl: Acl;
  /** The policy as it was written. */
  policy: { text: string };
  /** S3's switches against opening the bucket to everybody. */
  publicAccessBlock: PublicAccessBlock;
  tags: Record<string, string>;
  /** Bytes; 0 is no limit. */
  quota: { bytes: number };
}

/** Each switch, by S3's name with a small first letter. */
export interface PublicAccessBlock {
  blockPublicAcls: boolean;
  ignorePublicAcls: boolean;
  blockPublicPolicy: boolean;
  restrictPublicBuckets: boolean;
}

export type SettingName = keyof BucketSettings;

interface Row {
  bucket_id: number;
  name: string;
  document: string;
}

/**
 * What is set on buckets. All of a bucket's are read at once and remembered: nearly every request looks at some of them. One process
 * alone writes them.
 */
export function settingsStore(database: Database) {
  const db = tables<{ obs_bucket_settings: Row }>(database);
  const known = new Map<number, Promise<Partial<BucketSettings>>>();

  async function load(bucketId: number): Promise<Partial<BucketSettings>> {
    const rows = await db.selectFrom('obs_bucket_settings').selectAll().where('bucket_id', '=', bucketId).execute();
    return Object.fromEntries(rows.map(row => [row.name, JSON.parse(row.document)])) as Partial<BucketSettings>;
  }

  return {
    /** Everything that is set on a bucket; not to be changed. */
    of(bucketId: number): Promise<Partial<BucketSettings>> {
      let found = known.get(bucketId);
      if (!found) {
        found = load(bucketId);
        known.set(bucketId, found);
        found.catch(() => known.delete(bucketId));
      }
      return found;
    },
    async set<N extends SettingName>(bucketId: number, name: N, value: BucketSettings[N]): Promise<void> {
      const document = JSON.stringify(value);
      await db.replaceInto('obs_bucket_settings').values({ bucket_id: bucketId, name, document }).execute();
      known.delete(bucketId);
    },
    async unset(bucketId: number, name: SettingName): Promise<void> {
      const rows = db.deleteFrom('obs_bucket_settings').where('bucket_id', '=', bucketId);
      await rows.where('name', '=', name).execute();
      known.delete(bucketId);
    },
    /** Call when a bucket was deleted. */
    forget: (bucketId: number) => void known.delete(bucketId),
  };
}

export type SettingsStore = ReturnType<typeof settingsStore>;
