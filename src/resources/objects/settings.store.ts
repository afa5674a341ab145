import type { Soon } from '../../kernel/soon.ts';
import { type Database, tables } from '../../store-kit/index.ts';
import type { Acl } from './object.ts';
import type {
  CorsSettings,
  EncryptionSettings,
  LifecycleSettings,
  LoggingSettings,
  NotificationSettings,
  WebsiteSettings,
} from './settings.ts';

/** What is set on a bucket, by sub-resource; each is absent where nobody set it. */
export interface BucketSettings {
  acl: Acl;
  /** The policy as it was written. */
  policy: { text: string };
  /** S3's switches against opening the bucket to everybody. */
  publicAccessBlock: PublicAccessBlock;
  tags: Record<string, string>;
  cors: CorsSettings;
  website: WebsiteSettings;
  encryption: EncryptionSettings;
  logging: LoggingSettings;
  notification: NotificationSettings;
  lifecycle: LifecycleSettings;
  /** Objects of class COLD are read without being restored. */
  directColdAccess: { Status: 'Enabled' };
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

/** A bucket, and what is set on it. */
export interface SetOn<T> {
  bucketId: number;
  bucket: string;
  value: T;
}

/**
 * What is set on buckets. All of a bucket's are read at once and remembered: nearly every request looks at some of them. One process
 * alone writes them.
 */
export function settingsStore(database: Database) {
  const db = tables<{ obs_bucket_settings: Row; obs_buckets: { id: number; name: string } }>(database);
  const known = new Map<number, Soon<Partial<BucketSettings>>>();
  /** By name of the setting: the buckets that have it, by name. */
  const having = new Map<SettingName, Soon<ReadonlyMap<string, SetOn<unknown>>>>();

  async function load(bucketId: number): Promise<Partial<BucketSettings>> {
    const rows = await db.selectFrom('obs_bucket_settings').selectAll().where('bucket_id', '=', bucketId).execute();
    return Object.fromEntries(rows.map(row => [row.name, JSON.parse(row.document)])) as Partial<BucketSettings>;
  }

  async function loadHaving(name: SettingName): Promise<ReadonlyMap<string, SetOn<unknown>>> {
    const rows = await db
      .selectFrom('obs_bucket_settings as setting')
      .innerJoin('obs_buckets as bucket', 'bucket.id', 'setting.bucket_id')
      .select(['bucket.id as bucketId', 'bucket.name as bucket', 'setting.document'])
      .where('setting.name', '=', name)
      .execute();
    return new Map(
      rows.map(({ document, ...of }) => [of.bucket, { ...of, value: JSON.parse(document) as unknown }] as const),
    );
  }

  return {
    /** Every bucket that has this setting, by bucket name: for what few have and many requests ask about. */
    having<N extends SettingName>(name: N): Soon<ReadonlyMap<string, SetOn<BucketSettings[N]>>> {
      const found = having.get(name) ?? keep(having, name, loadHaving(name));
      return found as Soon<ReadonlyMap<string, SetOn<BucketSettings[N]>>>;
    },
    /** Everything that is set on a bucket; not to be changed. */
    of(bucketId: number): Soon<Partial<BucketSettings>> {
      return known.get(bucketId) ?? keep(known, bucketId, load(bucketId));
    },
    async set<N extends SettingName>(bucketId: number, name: N, value: BucketSettings[N]): Promise<void> {
      const document = JSON.stringify(value);
      await db.replaceInto('obs_bucket_settings').values({ bucket_id: bucketId, name, document }).execute();
      known.delete(bucketId);
      having.delete(name);
    },
    async unset(bucketId: number, name: SettingName): Promise<void> {
      const rows = db.deleteFrom('obs_bucket_settings').where('bucket_id', '=', bucketId);
      await rows.where('name', '=', name).execute();
      known.delete(bucketId);
      having.delete(name);
    },
    /** Call when a bucket was deleted. */
    forget(bucketId: number): void {
      known.delete(bucketId);
      having.clear();
    },
  };
}

/** Remembers what is being loaded, then what came of it, unless it was forgotten meanwhile. */
function keep<K, T>(known: Map<K, Soon<T>>, key: K, loading: Promise<T>): Promise<T> {
  known.set(key, loading);
  const mine = () => known.get(key) === loading;
  loading.then(
    value => mine() && known.set(key, value),
    () => mine() && known.delete(key),
  );
  return loading;
}

export type SettingsStore = ReturnType<typeof settingsStore>;
