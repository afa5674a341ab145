import type { Clock } from '../../kernel/clock.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { objectStore } from './object.store.ts';
import { type Acl, type BucketInfo, checkBucketName, type StorageClass } from './object.ts';
import type { SettingsStore } from './settings.store.ts';
import { versionStore } from './version.store.ts';

/** Most buckets an account may own (OBS: 100). */
const MAX_BUCKETS = 100;

export interface CreateBucketOptions {
  storageClass?: StorageClass;
  /** Region id; absent or the installation's own. */
  location?: string;
  kind?: BucketInfo['kind'];
  acl?: Acl;
}

type Rows = ReturnType<typeof objectStore>;

/** Use cases on buckets. */
export function bucketService(deps: {
  store: ReturnType<typeof objectStore>;
  commit: Commit;
  guard: Guard;
  settings: SettingsStore;
  clock: Clock;
  region: string;
  /** Regions besides where buckets may be said to lie. */
  otherLocations?: readonly string[] | undefined;
}) {
  const { store, commit, guard, settings, clock, region, otherLocations = [] } = deps;

  /** Commits a change to the row of a bucket that is there. */
  async function change<T>(bucket: BucketInfo, work: (rows: Rows, transaction: Database) => Promise<T>): Promise<void> {
    try {
      await commit(transaction => work(objectStore(transaction), transaction));
    } finally {
      store.forgetBucket(bucket.name); // whatever became of it
    }
  }

  return {
    /** The bucket, or Failure NoSuchBucket / AccessDenied. */
    bucket: async (principal: Principal, name: string): Promise<BucketInfo> =>
      guard.require(principal, 'obs:bucket:HeadBucket', { bucket: name, key: '' }),

    /** The account's buckets by name. */
    async listBuckets(principal: Principal): Promise<BucketInfo[]> {
      await guard.account(principal, 'obs:bucket:ListAllMyBuckets');
      return store.bucketsOf(principal.accountId);
    },

    /**
     * Throws Failure InvalidBucketName, InvalidLocationConstraint, BucketAlreadyOwnedByYou, BucketAlreadyExists or
     * AccessDenied.
     */
    async createBucket(principal: Principal, name: string, options: CreateBucketOptions = {}): Promise<BucketInfo> {
      await guard.account(principal, 'obs:bucket:CreateBucket');
      checkBucketName(name);
      const location = options.location || region;
      if (location !== region && !otherLocations.includes(location)) {
        throw obsFailure(
          'InvalidLocationConstraint',
          `Location "${location.slice(0, 64)}" is not one of this installation: ${[region, ...otherLocations].join(', ')}.`,
        );
      }
      const wanted = {
        name,
        accountId: principal.accountId,
        accountName: principal.accountName,
        location,
        storageClass: options.storageClass ?? 'STANDARD',
        createdAt: clock.now(),
        kind: options.kind ?? 'OBJECT',
      } as const;
      if (options.acl) await guard.account(principal, 'obs:bucket:PutBucketAcl', name);
      const bucket = await commit(async transaction => {
        const rows = objectStore(transaction);
        const existing = await rows.findBucket(name);
        if (existing) {
          throw obsFailure(
            existing.accountId === principal.accountId ? 'BucketAlreadyOwnedByYou' : 'BucketAlreadyExists',
          );
        }
        const owned = await rows.bucketsOf(principal.accountId);
        if (owned.length >= MAX_BUCKETS) {
          throw obsFailure('InvalidRequest', `The account has ${MAX_BUCKETS} buckets, the limit: delete one first.`);
        }
        await rows.insertBucket(wanted);
        return (await rows.findBucket(name))!;
      });
      if (options.acl) await settings.set(bucket.id, 'acl', options.acl);
      return bucket;
    },

    /** Switches versioning on, or stops it: what has versions keeps them. Throws Failure InvalidBucketState for a file system. */
    async setVersioning(principal: Principal, name: string, status: 'Enabled' | 'Suspended'): Promise<void> {
      const bucket = await guard.require(principal, 'obs:bucket:PutBucketVersioning', { bucket: name, key: '' });
      if (bucket.kind === 'POSIX') {
        throw obsFailure('InvalidBucketState', 'A parallel file system has no versions.');
      }
      await change(bucket, rows => rows.updateBucket(bucket.id, { versioning: status }));
    },

    /** The class of objects that are written without one. */
    setStorageClass: (bucket: BucketInfo, storageClass: StorageClass): Promise<void> =>
      change(bucket, rows => rows.updateBucket(bucket.id, { storage_class: storageClass })),

    /** Throws Failure BucketNotEmpty while it has objects, versions or unfinished uploads. */
    async deleteBucket(principal: Principal, name: string): Promise<void> {
      const bucket = await guard.require(principal, 'obs:bucket:DeleteBucket', { bucket: name, key: '' });
      await change(bucket, async (rows, transaction) => {
        const inUse = (await rows.bucketInUse(bucket.id)) || (await versionStore(transaction).any(bucket.id));
        if (inUse) throw obsFailure('BucketNotEmpty');
        await rows.deleteBucket(bucket.id);
      });
      settings.forget(bucket.id);
    },
  };
}
