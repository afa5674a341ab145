import type { Principal } from '../../../kernel/principal.ts';
import type { Acl, AclPermission, BucketInfo, ObjectExtras } from '../object.ts';

/** What an access control list has to grant for an action: on the bucket, or on the object. */
const GRANTED_BY: Record<string, { on: 'bucket' | 'object'; permission: AclPermission }> = {
  ...table('bucket', 'READ', ['bucket:HeadBucket', 'bucket:ListBucket', 'bucket:ListBucketVersions']),
  ...table('bucket', 'READ', ['bucket:ListBucketMultipartUploads']),
  ...table('bucket', 'WRITE', ['object:PutObject', 'object:DeleteObject', 'object:AbortMultipartUpload']),
  ...table('bucket', 'WRITE', ['object:ListMultipartUploadParts']),
  ...table('bucket', 'READ_ACP', ['bucket:GetBucketAcl']),
  ...table('bucket', 'WRITE_ACP', ['bucket:PutBucketAcl']),
  ...table('object', 'READ', ['object:GetObject', 'object:GetObjectVersion']),
  ...table('object', 'READ_ACP', ['object:GetObjectAcl', 'object:GetObjectVersionAcl']),
  ...table('object', 'WRITE_ACP', ['object:PutObjectAcl', 'object:PutObjectVersionAcl']),
};

function table(on: 'bucket' | 'object', permission: AclPermission, actions: string[]) {
  return Object.fromEntries(actions.map(action => [`obs:${action}`, { on, permission }]));
}

type Grant = Acl['grants'][number];
type Grantee = Grant['grantee'];

/** What a list is asked. */
export interface AclQuestion {
  principal: Principal;
  action: string;
  bucket: BucketInfo;
  bucketAcl: Acl | undefined;
  /** The object it is about, where it is there. */
  object?: Pick<ObjectExtras, 'owner' | 'acl'> | undefined;
  /** Grants to everybody do not count (S3's IgnorePublicAcls). */
  ignorePublic: boolean;
}

/** The account that an object belongs to. */
export function ownerOfObject(bucket: BucketInfo, object: Pick<ObjectExtras, 'owner'> | undefined): string {
  return object?.owner?.id ?? bucket.accountId;
}

/** Whether the permission for an action is one of an object's own list. */
export function asksObjectAcl(action: string): boolean {
  return GRANTED_BY[action]?.on === 'object';
}

/**
 * Whether the access control lists grant an action. Within the owner's account, grants to that account say nothing: there IAM decides who
 * may use what the account has.
 */
export function aclGrants(question: AclQuestion): boolean {
  const { principal, action, bucket, bucketAcl, object, ignorePublic } = question;
  const needed = GRANTED_BY[action];
  if (!needed) return false;
  const owner = needed.on === 'object' ? ownerOfObject(bucket, object) : bucket.accountId;
  const fits = (grant: Grant) =>
    (grant.permission === needed.permission || grant.permission === 'FULL_CONTROL') &&
    isGrantee(grant.grantee, principal, owner, ignorePublic);
  if (needed.on === 'bucket') return bucketAcl?.grants.some(fits) ?? false;
  if (object?.acl?.grants.some(fits)) return true;
  // What the bucket hands on to its objects: not to those of others, unless their lists say so.
  const delivered = object?.acl?.delivered ?? owner === bucket.accountId;
  return delivered && (bucketAcl?.grants.some(grant => grant.delivered === true && fits(grant)) ?? false);
}

function isGrantee(grantee: Grantee, principal: Principal, owner: string, ignorePublic: boolean): boolean {
  if (grantee === 'everyone') return !ignorePublic;
  if (grantee === 'authenticated') return !ignorePublic && principal.kind !== 'anonymous';
  if (grantee === 'log-delivery' || principal.kind === 'anonymous') return false;
  return grantee.account === principal.accountId && principal.accountId !== owner;
}

/** Whether a list grants anything to everybody (S3 counts every account as everybody). */
export function isPublicAcl(acl: Acl | undefined): boolean {
  return acl?.grants.some(({ grantee }) => grantee === 'everyone' || grantee === 'authenticated') ?? false;
}

/** An account, as lists name it. */
export interface Holder {
  id: string;
  name?: string;
}

/** The list of what nobody set one for: its owner may do everything. */
export function privateAcl(owner: Holder): Acl {
  return { grants: [grantTo(owner, 'FULL_CONTROL')] };
}

/** A grant to an account. */
export function grantTo({ id, name }: Holder, permission: AclPermission): Grant {
  return { grantee: { account: id, ...(name ? { name } : {}) }, permission };
}

const PUBLIC: Record<string, Grant[]> = {
  private: [],
  'public-read': [{ grantee: 'everyone', permission: 'READ' }],
  'public-read-write': [
    { grantee: 'everyone', permission: 'READ' },
    { grantee: 'everyone', permission: 'WRITE' },
  ],
  'authenticated-read': [{ grantee: 'authenticated', permission: 'READ' }],
};
const FOR_BUCKETS: Record<string, Grant[]> = {
  ...PUBLIC,
  'public-read-delivered': [{ grantee: 'everyone', permission: 'READ', delivered: true }],
  'public-read-write-delivered': [
    { grantee: 'everyone', permission: 'READ', delivered: true },
    { grantee: 'everyone', permission: 'WRITE', delivered: true },
  ],
  'log-delivery-write': [
    { grantee: 'log-delivery', permission: 'WRITE' },
    { grantee: 'log-delivery', permission: 'READ_ACP' },
  ],
  // Of no effect on buckets: whose it is and whose bucket it is in are the same.
  'bucket-owner-read': [],
  'bucket-owner-full-control': [],
};

/**
 * The list that a predefined name stands for; undefined when there is none of that name. `bucketOwner` is absent for a list of a bucket.
 */
export function cannedAcl(name: string, owner: Holder, bucketOwner?: Holder): Acl | undefined {
  const { grants } = privateAcl(owner);
  const known = bucketOwner ? PUBLIC : FOR_BUCKETS;
  if (Object.hasOwn(known, name)) return { grants: [...grants, ...known[name]!] };
  if (!bucketOwner || (name !== 'bucket-owner-read' && name !== 'bucket-owner-full-control')) return undefined;
  if (bucketOwner.id === owner.id) return { grants };
  const permission = name === 'bucket-owner-read' ? 'READ' : 'FULL_CONTROL';
  return { grants: [...grants, grantTo(bucketOwner, permission)] };
}

/** Whether a list says the same as none: its owner alone may do everything. */
export function isPrivate(acl: Acl, owner: string): boolean {
  const [only] = acl.grants;
  return (
    acl.delivered === undefined &&
    acl.grants.length === 1 &&
    only !== undefined &&
    only.permission === 'FULL_CONTROL' &&
    only.delivered !== true &&
    typeof only.grantee === 'object' &&
    only.grantee.account === owner
  );
}

/** Whether a list grants something to others than an object's owner and the owner of its bucket. */
export function opensToOthers(acl: Acl, owner: string, bucketOwner: string): boolean {
  return acl.grants.some(
    ({ grantee }) => typeof grantee !== 'object' || ![owner, bucketOwner].includes(grantee.account),
  );
}

/**
 * To whom an object belongs that `principal` writes into a bucket, where that is another account than the bucket's. What anonymous callers
 * write belongs to the bucket's owner: there is nobody else who could answer for it.
 */
export function foreignOwner(bucket: BucketInfo, principal: Principal): { owner?: { id: string; name: string } } {
  if (principal.kind === 'anonymous' || principal.accountId === bucket.accountId) return {};
  return { owner: { id: principal.accountId, name: principal.accountName } };
}
