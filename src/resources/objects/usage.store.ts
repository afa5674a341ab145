import { type Database, tables } from '../../store-kit/index.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';

interface UsageRow {
  bucket_id: number;
  /** Bytes of objects and their versions. */
  size: number;
  objects: number;
  /** Bytes of parts of unfinished uploads. */
  part_size: number;
  /** Bytes; 0 is no limit. */
  quota: number;
}

/** What buckets hold and may hold. Triggers keep the counters in the transaction of each write (objects.migrations.ts). */
function usageStore(database: Database) {
  const db = tables<{ obs_usage: UsageRow }>(database);
  return {
    async usage(bucketId: number): Promise<{ size: number; objects: number }> {
      const row = await db.selectFrom('obs_usage').selectAll().where('bucket_id', '=', bucketId).executeTakeFirst();
      return { size: row?.size ?? 0, objects: row?.objects ?? 0 };
    },
    async setQuota(bucketId: number, quota: number): Promise<void> {
      await db.updateTable('obs_usage').set({ quota }).where('bucket_id', '=', bucketId).execute();
    },
    async quota(bucketId: number): Promise<number> {
      const query = db.selectFrom('obs_usage').select('quota').where('bucket_id', '=', bucketId);
      return (await query.executeTakeFirst())?.quota ?? 0;
    },
    /** Used bytes of the buckets that have a quota. */
    limited: () =>
      db
        .selectFrom('obs_usage')
        .select(eb => ['bucket_id', 'quota', eb('size', '+', eb.ref('part_size')).as('used')])
        .where('quota', '>', 0)
        .execute(),
  };
}

/**
 * Commits nothing by which a bucket grows beyond its quota: Failure InsufficientStorageSpace. Looks at the sums before and after each
 * work, so whatever writes is covered; costs nothing while no bucket has a quota. A bucket beyond its quota may still shrink.
 */
function withinQuota(commit: Commit, database: Database): Commit & { quotasChanged(): void } {
  let any: Promise<boolean> | undefined;

  async function limitedAtAll(): Promise<boolean> {
    any ??= usageStore(database)
      .limited()
      .then(rows => rows.length > 0);
    return any;
  }

  const guarded: Commit = async work => {
    if (!(await limitedAtAll())) return commit(work);
    return commit(async transaction => {
      const rows = usageStore(transaction);
      const before = new Map((await rows.limited()).map(row => [row.bucket_id, row.used]));
      const result = await work(transaction);
      for (const { bucket_id, used, quota } of await rows.limited()) {
        if (used > quota && used > (before.get(bucket_id) ?? 0)) {
          throw obsFailure(
            'InsufficientStorageSpace',
            `The bucket would hold ${used} bytes; its quota is ${quota}: delete objects or raise the quota.`,
          );
        }
      }
      return result;
    });
  };
  return Object.assign(guarded, {
    /** Call when a quota was set. */
    quotasChanged() {
      any = undefined;
    },
  });
}

/** What buckets hold and may hold, and the commit that keeps to it. */
export function createUsage(commit: Commit, database: Database) {
  const rows = usageStore(database);
  const guarded = withinQuota(commit, database);
  return {
    commit: guarded as Commit,
    usage: rows.usage,
    quota: rows.quota,
    async setQuota(bucketId: number, bytes: number): Promise<void> {
      await rows.setQuota(bucketId, bytes);
      guarded.quotasChanged();
    },
  };
}

export type Usage = Pick<ReturnType<typeof createUsage>, 'usage' | 'quota' | 'setQuota'>;
