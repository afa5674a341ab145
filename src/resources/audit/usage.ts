import type { Principal } from '../../kernel/principal.ts';
import type { AccessRequest } from '../../policy/index.ts';

/** What somebody did that a policy allowed, as far as a policy can tell one use from another. */
export interface Use {
  accountId: string;
  subjectKind: string;
  /** Id of the user or of the agency. */
  subjectId: string;
  /** Id of the user for whom an agency worked; empty where it was nobody. */
  onBehalfId: string;
  action: string;
  /** What it was done to, as a policy would name it: a bucket, or all objects of one. Empty where no resource was named. */
  resource: string;
  /** Value of the condition key `modelarts:poolType`; empty where there was none. */
  poolType: string;
  enterpriseProjectId: string;
}

const POOL_TYPE = /^[\w-]{1,32}$/;
const BUCKET = /^obs:[^:]*:[^:]*:(bucket|object):([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/|$)/;
/** Actions that are about all buckets. */
const OF_ALL_BUCKETS = new Set(['obs:bucket:ListAllMyBuckets', 'obs:bucket:CreateBucket']);
const PLAIN = /^[\w./:-]{1,256}$/;

/**
 * The resource of a request as a policy would name it: `obs:*:*:bucket:b` or `obs:*:*:object:b/*` in the object storage, otherwise as it
 * is. Undefined for what no bucket or id can be called: such texts come from callers, and as part of a policy they could be wildcards.
 */
export function generalResource(action: string, resource: string): string | undefined {
  if (!resource.startsWith('obs:')) return PLAIN.test(resource) ? resource : undefined;
  const [, type, bucket] = BUCKET.exec(resource) ?? [];
  if (bucket !== undefined) return type === 'object' ? `obs:*:*:object:${bucket}/*` : `obs:*:*:bucket:${bucket}`;
  return OF_ALL_BUCKETS.has(action) ? 'obs:*:*:bucket:*' : undefined;
}

/** The kind of pool a request names; empty when it names none, or something that is none. */
export function poolTypeOf(request: AccessRequest): string {
  const pool = request.context?.['modelarts:poolType'];
  if (pool === undefined) return '';
  return typeof pool === 'string' && POOL_TYPE.test(pool) ? pool : '';
}

/** What a request that was allowed counts as; undefined where it could not be put into a policy. */
export function useOf(principal: Principal, request: AccessRequest): Use | undefined {
  const { action } = request;
  const resource = request.resource === undefined ? '' : generalResource(action, request.resource);
  if (resource === undefined) return undefined;
  return {
    accountId: principal.accountId,
    subjectKind: principal.kind,
    subjectId: principal.id,
    onBehalfId: principal.onBehalfOf?.id ?? '',
    action,
    resource,
    poolType: poolTypeOf(request),
    enterpriseProjectId: request.enterpriseProjectId ?? '0',
  };
}
