import type { Clock } from '../../kernel/clock.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { objectStore } from './object.store.ts';
import { type BucketInfo, checkBucketName, type StorageClass } from './object.ts';

/** Most buckets an account may own (OBS: 100). */
const MAX_BUCKETS = 100;

export interface CreateBucketOptions {
  storageClass?: StorageClass;
  /** Region id; absent or the installation's own. */
  location?: string;
  kind?: BucketInfo['kind'];
}

/** Use cases on buckets. */
export function bucketService(deps: {
  store: ReturnType<typeof objectStore>;
  commit: Commit;
  guard: Guard;
  clock: Clock;
  region: string;
  /** Called when a bucket is gone. */
  onDelete(bucketId: number): void;
}) {
  const { store, commit, guard, clock, region } = deps;
  return {
    /** The bucket, or Failure NoSuchBucket / AccessDenied. */
    bucket: (principal: Principal, name: string): Promise<BucketInfo> =>
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
      if (location !== region) {
        throw obsFailure(
          'InvalidLocationConstraint',
          `Location "${location}" is not the region of this installation, "${region}".`,
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
      return commit(async transaction => {
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
    },

    /** Throws Failure BucketNotEmpty while it has objects or unfinished uploads. */
    async deleteBucket(principal: Principal, name: string): Promise<void> {
      const bucket = await guard.require(principal, 'obs:bucket:DeleteBucket', { bucket: name, key: '' });
      await commit(async transaction => {
        const rows = objectStore(transaction);
        if (await rows.bucketInUse(bucket.id)) throw obsFailure('BucketNotEmpty');
        await rows.deleteBucket(bucket.id);
      });
      deps.onDelete(bucket.id);
    },
  };
}
