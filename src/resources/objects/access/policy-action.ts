import { compileAction, type ParsedAction, parseAction } from '../../../policy/action.ts';
import { catalogueActions } from '../../../policy/catalogue.ts';

/*
 * Policies of buckets name actions without the kind of resource: `GetObject` or `s3:GetObject` is IAM's
 * `obs:object:GetObject`. The names are the same but for those below.
 */

/** Actions of IAM that S3 covers by another name; a policy in S3's form means both. */
const S3_NAMES: Record<string, string> = {
  headbucket: 'ListBucket',
  deletebuckettagging: 'PutBucketTagging',
  getbucketpolicypublicstatus: 'GetBucketPolicyStatus',
  deletebucketpublicaccessblock: 'PutBucketPublicAccessBlock',
  modifyobjectmetadata: 'PutObject',
};

/** Actions of OBS and S3 that no operation here asks for; naming them is no mistake. */
const OTHER_NAMES = `BypassGovernanceRetention DeleteBucketCORS DeleteBucketCustomDomainConfiguration
  DeleteDirectColdAccessConfiguration DeleteObjectVersionTagging GetAccelerateConfiguration GetAnalyticsConfiguration
  GetBucketCustomDomainConfiguration GetBucketInventoryConfiguration GetBucketObjectLockConfiguration
  GetBucketOwnershipControls GetBucketRequestPayment GetDirectColdAccessConfiguration
  GetIntelligentTieringConfiguration GetInventoryConfiguration GetMetricsConfiguration GetObjectAttributes
  GetObjectLegalHold GetObjectRetention GetObjectTorrent GetObjectVersionAttributes GetObjectVersionTagging
  GetObjectVersionTorrent GetReplicationConfiguration PutAccelerateConfiguration PutAnalyticsConfiguration
  PutBucketCustomDomainConfiguration PutBucketInventoryConfiguration PutBucketObjectLockConfiguration
  PutBucketOwnershipControls PutBucketRequestPayment PutDirectColdAccessConfiguration
  PutIntelligentTieringConfiguration PutInventoryConfiguration PutMetricsConfiguration PutObjectLegalHold
  PutObjectRetention PutObjectVersionTagging PutReplicationConfiguration DeleteReplicationConfiguration
  ReplicateDelete ReplicateObject ReplicateTags`.split(/\s+/);

const KNOWN: readonly string[] = [
  ...catalogueActions.filter(action => action.startsWith('obs:')).map(action => action.split(':')[2]!),
  ...Object.values(S3_NAMES),
  ...OTHER_NAMES,
];

export const ACTION_NAMES = KNOWN;

/** Whether a pattern covers an action that IAM names. */
export type ActionTest = (action: ParsedAction) => boolean;

const FORM = /^(?:(s3|obs):)?(?:(bucket|object):)?([A-Za-z*?]+)$/i;

/**
 * Compiles an action as bucket policies write it: `*`, `GetObject`, `obs:object:Get*`, `s3:*`. Undefined when it is of no such form or
 * covers nothing that exists.
 */
export function compilePolicyAction(text: string): ActionTest | undefined {
  const [, service, type = '*', name] = FORM.exec(text) ?? [];
  if (name === undefined || name.includes('?')) return undefined;
  if (service?.toLowerCase() === 's3' && type !== '*') return undefined;
  const covers = compileAction(`obs:${type}:${name}`);
  const named = (found: string) => covers({ service: 'obs', resourceType: type, name: found.toLowerCase() });
  if (!KNOWN.some(named)) return undefined;
  if (service?.toLowerCase() !== 's3') return covers;
  return action => {
    const other = S3_NAMES[action.name];
    return other === undefined ? covers(action) : named(other);
  };
}

/** The action of a request, ready for the tests. */
export function parsedAction(action: string): ParsedAction {
  const parsed = parseAction(action);
  if (!parsed) throw new TypeError(`${action} is not an action`);
  return parsed;
}
