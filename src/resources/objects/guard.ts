import type { Clock } from '../../kernel/clock.ts';
import { Failure, isFailure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Soon, then } from '../../kernel/soon.ts';
import type { Authorizer, Decision } from '../../policy/authorizer.ts';
import { obsResource } from '../../wire/obs-resource.ts';
import { aclGrants, asksObjectAcl, ownerOfObject } from './access/acl.ts';
import { type BucketPolicy, type PolicyAnswer, parseBucketPolicy } from './access/bucket-policy.ts';
import { parsedAction } from './access/policy-action.ts';
import { obsFailure } from './failures.ts';
import type { objectStore } from './object.store.ts';
import { type BucketInfo, checkBucketName, formatObsPath, type ObjectExtras, type ObsPath } from './object.ts';
import type { BucketSettings, SettingsStore } from './settings.store.ts';

/** A caller, with what conditions of policies may look at in its request; made only where a policy asks. */
export interface Asking extends Principal {
  readonly conditions?: () => Record<string, unknown>;
}

/** Decides who may do what to buckets and objects. */
export interface Guard {
  /** An action that concerns no bucket, or none yet: `obs:bucket:ListAllMyBuckets`. */
  account(principal: Asking, action: string, bucket?: string): Soon<void>;
  /**
   * The bucket, when `principal` may do `action` to it, or to the object when `path` has a key. Throws Failure NoSuchBucket or
   * AccessDenied. What depends on whose an object is, as reading it, is asked with `object`.
   */
  require(principal: Asking, action: string, path: ObsPath, context?: Record<string, unknown>): Soon<BucketInfo>;
  /**
   * The same for an object that may have another owner, or its own access control list: call `check` with it before telling anything of it,
   * and with undefined where there is none. Throws at once what no object could change.
   */
  object(principal: Asking, action: string, path: ObsPath): Soon<ObjectAccess>;
}

export interface ObjectAccess {
  bucket: BucketInfo;
  /** Throws Failure AccessDenied. Asks nothing further, so it may be called within a transaction. */
  check(object: Pick<ObjectExtras, 'owner' | 'acl'> | undefined): void;
}

/** However wrong its policy is, the owner's root user can put it right. */
const POLICY_ACTIONS = new Set([
  'obs:bucket:GetBucketPolicy',
  'obs:bucket:PutBucketPolicy',
  'obs:bucket:DeleteBucketPolicy',
]);
const ELSEWHERE = 'the bucket belongs to another account, and neither its policy nor an ACL allows it';

/** `buckets.findBucket` looks a bucket up and `settings` what is set on it; the authorizer decides by IAM's policies. */
export function createGuard(
  authorizer: Authorizer,
  buckets: Pick<ReturnType<typeof objectStore>, 'findBucket'>,
  settings: Pick<SettingsStore, 'of'>,
  clock: Clock,
): Guard {
  const policies = new WeakMap<BucketSettings['policy'], BucketPolicy>();

  function policyOf(bucket: BucketInfo, setting: BucketSettings['policy']): BucketPolicy {
    let policy = policies.get(setting);
    if (!policy) {
      policy = readable(setting.text, bucket) ?? UNREADABLE;
      policies.set(setting, policy);
    }
    return policy;
  }

  function ask(principal: Asking, action: string, path: ObsPath, context?: Record<string, unknown>): Soon<Decision> {
    const request = { action, resource: obsResource(action, path), ...(context ? { context } : {}) };
    return authorizer.decide(principal, request);
  }

  /**
   * Order of checks: what the caller's own account says to a bucket elsewhere, before anything is told of that; a denial of the bucket's
   * policy; then whether anything allows it. Within the account IAM, the policy or an ACL suffices; across accounts both sides must allow.
   */
  function weigh(
    principal: Asking,
    action: string,
    path: ObsPath,
    context?: Record<string, unknown>,
  ): Soon<ObjectAccess> {
    checkBucketName(path.bucket);
    return then(buckets.findBucket(path.bucket), bucket => {
      if (!bucket) throw obsFailure('NoSuchBucket', `Bucket "${path.bucket}" does not exist.`);
      return then(settings.of(bucket.id), set =>
        then(principal.kind === 'anonymous' ? undefined : ask(principal, action, path, context), iam =>
          accessTo({ bucket, set, iam }, principal, action, path, context),
        ),
      );
    });
  }

  function accessTo(
    { bucket, set, iam }: { bucket: BucketInfo; set: Partial<BucketSettings>; iam: Decision | undefined },
    principal: Asking,
    action: string,
    path: ObsPath,
    context: Record<string, unknown> | undefined,
  ): ObjectAccess {
    const anonymous = principal.kind === 'anonymous';
    const atHome = !anonymous && principal.accountId === bucket.accountId;
    if (iam && !iam.allowed && (iam.final || !atHome)) throw denied(principal, action, path, iam.reason);

    const policy = set.policy && policyOf(bucket, set.policy);
    let answer: PolicyAnswer = { effect: 'none' };
    if (policy) {
      const conditions = conditionsOf(principal, context, clock);
      answer = policy.decide({ principal, action: parsedAction(action), path, context: conditions });
      const unlocked = principal.kind === 'root' && atHome && POLICY_ACTIONS.has(action);
      if (answer.effect === 'deny' && !unlocked) {
        const reason = atHome ? `statement ${answer.statement} of the bucket's policy denies it` : ELSEWHERE;
        throw denied(principal, action, path, anonymous ? undefined : reason);
      }
    }
    const blocks = set.publicAccessBlock;
    const closed = policy?.isPublic === true && blocks?.restrictPublicBuckets === true && !atHome;
    const policyAllows = answer.effect === 'allow' && !closed;

    function check(object: Pick<ObjectExtras, 'owner' | 'acl'> | undefined): void {
      const owner = ownerOfObject(bucket, object);
      const own = !anonymous && principal.accountId === owner;
      if (own && iam?.allowed) return;
      // A bucket's policy speaks for the bucket's owner, not for others who keep objects there.
      const byPolicy = policyAllows && owner === bucket.accountId;
      const asked = { principal, action, bucket, bucketAcl: set.acl, object };
      const allows = byPolicy || aclGrants({ ...asked, ignorePublic: blocks?.ignorePublicAcls === true });
      if (allows && (anonymous || own || iam?.allowed)) return;
      const reason = atHome ? (own ? iam?.reason : 'the object belongs to another account') : ELSEWHERE;
      throw denied(principal, action, path, anonymous ? undefined : reason);
    }
    return { bucket, check };
  }

  return {
    account(principal, action, bucket = '') {
      const path = { bucket, key: '' };
      return then(principal.kind === 'anonymous' ? undefined : ask(principal, action, path), decision => {
        if (!decision?.allowed) throw denied(principal, action, path, decision?.reason);
      });
    },
    require(principal, action, path, context) {
      // Whoever forgets whose the object is must not read what is not the bucket's.
      if (asksObjectAcl(action))
        throw obsFailure('InternalError', undefined, new Error(`ask for ${action} by the object`));
      return then(weigh(principal, action, path, context), ({ bucket, check }) => {
        check(undefined);
        return bucket;
      });
    },
    object: (principal, action, path) => weigh(principal, action, path),
  };
}

/** Stands for a policy that was accepted once and is not understood any more: nobody knows whom it denies what. */
const UNREADABLE: BucketPolicy = { isPublic: false, decide: () => ({ effect: 'deny', statement: 0 }) };

function readable(text: string, bucket: BucketInfo): BucketPolicy | undefined {
  try {
    return parseBucketPolicy(text, bucket.name, bucket.accountId);
  } catch (error) {
    if (isFailure(error, 'MalformedPolicy')) return undefined;
    throw error;
  }
}

function conditionsOf(
  principal: Asking,
  context: Record<string, unknown> | undefined,
  clock: Clock,
): Record<string, unknown> {
  const { id, name, accountId, accountName, sourceIp } = principal;
  const listed = (key: string) => (context?.[`obs:${key}`] === undefined ? {} : { [key]: context[`obs:${key}`] });
  return {
    ...(principal.kind === 'anonymous'
      ? {}
      : {
          UserId: id,
          UserName: name,
          DomainName: accountName,
          PrincipalAccount: accountId,
          'aws:userid': id,
          'aws:username': name,
          'g:UserId': id,
          'g:UserName': name,
        }),
    ...(sourceIp ? { SourceIp: sourceIp } : {}),
    CurrentTime: new Date(clock.now()).toISOString(),
    ...principal.conditions?.(),
    ...listed('prefix'),
    ...listed('delimiter'),
  };
}

/** `reason` is absent for anonymous callers, who are told nothing. */
function denied(principal: Principal, action: string, path: ObsPath, reason: string | undefined): Failure {
  const where = path.bucket === '' ? 'the account' : formatObsPath(path);
  // Elsewhere a missing object and a closed one must read the same, though another action is refused.
  const what = reason === ELSEWHERE ? 'this' : `${action} on ${where}`;
  return new Failure({
    code: 'AccessDenied',
    status: 403,
    message:
      reason === undefined
        ? 'Access denied: the request carries no credential, and this is not open to everybody.'
        : `${principal.kind} ${principal.name} is not allowed ${what}: ${reason}`,
    details: { action, bucket: path.bucket, key: path.key },
  });
}
