import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer } from '../../policy/authorizer.ts';
import { obsResource } from '../../wire/obs-resource.ts';
import { obsFailure } from './failures.ts';
import type { objectStore } from './object.store.ts';
import { type BucketInfo, checkBucketName, formatObsPath, type ObsPath } from './object.ts';

/** Decides who may do what to buckets and objects. */
export interface Guard {
  /** An action that concerns no bucket: `obs:bucket:ListAllMyBuckets`. */
  account(principal: Principal, action: string): Promise<void>;
  /**
   * The bucket, when `principal` may do `action` to it, or to the object when `path` has a key. Throws Failure
   * NoSuchBucket or AccessDenied; buckets of other accounts are refused before any policy is asked.
   */
  require(principal: Principal, action: string, path: ObsPath, context?: Record<string, unknown>): Promise<BucketInfo>;
}

/** `buckets.findBucket` looks a bucket up; the authorizer decides. */
export function createGuard(
  authorizer: Authorizer,
  buckets: Pick<ReturnType<typeof objectStore>, 'findBucket'>,
): Guard {
  async function decide(principal: Principal, action: string, path: ObsPath, context?: Record<string, unknown>) {
    const request = { action, resource: obsResource(action, path), ...(context ? { context } : {}) };
    const decision = await authorizer.decide(principal, request);
    if (!decision.allowed) throw denied(principal, action, path, decision.reason);
  }
  return {
    account: (principal, action) => decide(principal, action, { bucket: '', key: '' }),
    async require(principal, action, path, context) {
      checkBucketName(path.bucket);
      const bucket = await buckets.findBucket(path.bucket);
      if (!bucket) throw obsFailure('NoSuchBucket', `Bucket "${path.bucket}" does not exist.`);
      if (bucket.accountId !== principal.accountId) {
        throw denied(principal, action, path, 'the bucket belongs to another account');
      }
      await decide(principal, action, path, context);
      return bucket;
    },
  };
}

function denied(principal: Principal, action: string, path: ObsPath, reason: string): Failure {
  const where = path.bucket === '' ? 'the account' : formatObsPath(path);
  return new Failure({
    code: 'AccessDenied',
    status: 403,
    message: `${principal.kind} ${principal.name} is not allowed ${action} on ${where}: ${reason}`,
    details: { action, bucket: path.bucket, key: path.key },
  });
}
