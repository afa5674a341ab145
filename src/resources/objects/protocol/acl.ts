import { cannedAcl, foreignOwner, type Holder, isPrivate } from '../access/acl.ts';
import { obsFailure } from '../failures.ts';
import type { Acl, AclPermission } from '../object.ts';
import { header, owner as holder, type ObsCall } from './call.ts';
import { children, childText, parseXml, type Xml, type XmlTree } from './xml.ts';

type Grant = Acl['grants'][number];
type Grantee = Grant['grantee'];

const PERMISSIONS: readonly AclPermission[] = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL'];
/** Most grants of a list (S3: 100). */
const MAX_GRANTS = 100;
const ACCOUNT_ID = /^[A-Za-z0-9_-]{1,64}$/;

const GROUPS: Record<string, Exclude<Grantee, object>> = {
  'http://acs.amazonaws.com/groups/global/AllUsers': 'everyone',
  'http://acs.amazonaws.com/groups/global/AuthenticatedUsers': 'authenticated',
  'http://acs.amazonaws.com/groups/s3/LogDelivery': 'log-delivery',
};
/** OBS names groups without an address; it has but Everyone, and S3's others are written in its manner. */
const OBS_GROUPS: Record<Exclude<Grantee, object>, string> = {
  everyone: 'Everyone',
  authenticated: 'AuthenticatedUsers',
  'log-delivery': 'LogDelivery',
};

/** Whose list it is, and whose bucket an object is in; `bucket` is absent for the list of a bucket. */
export interface AclPlace {
  owner: Holder;
  bucket?: Holder;
}

const GRANT_HEADERS: [name: string, permission: AclPermission, delivered: boolean][] = [
  ['grant-read', 'READ', false],
  ['grant-write', 'WRITE', false],
  ['grant-read-acp', 'READ_ACP', false],
  ['grant-write-acp', 'WRITE_ACP', false],
  ['grant-full-control', 'FULL_CONTROL', false],
  ['grant-read-delivered', 'READ', true],
  ['grant-full-control-delivered', 'FULL_CONTROL', true],
];

/**
 * The list that headers (or fields of a form) ask for: `acl` with a predefined one, or `grant-*` with `id="…", uri="…"`; undefined where
 * they ask for none. `field` gives a header by its name without the dialect's prefix. Throws Failure InvalidArgument or InvalidRequest.
 */
export function aclOfFields(field: (name: string) => string | undefined, place: AclPlace): Acl | undefined {
  const canned = field('acl');
  const grants: Grant[] = [];
  for (const [name, permission, delivered] of GRANT_HEADERS) {
    const text = field(name);
    if (!text) continue;
    if (place.bucket && (delivered || permission === 'WRITE')) {
      throw obsFailure(
        'InvalidArgument',
        `${name} is for buckets: an object has nothing to hand on, and is written as a whole.`,
      );
    }
    for (const part of text.split(',')) {
      grants.push({ grantee: headerGrantee(name, part), permission, ...(delivered ? { delivered } : {}) });
    }
  }
  if (canned && grants.length > 0) {
    throw obsFailure('InvalidRequest', 'A predefined ACL and single grants cannot be given at once.');
  }
  if (canned) {
    const acl = cannedAcl(canned, place.owner, place.bucket);
    if (!acl)
      throw obsFailure(
        'InvalidArgument',
        `There is no ACL "${canned.slice(0, 40)}" for ${place.bucket ? 'objects' : 'buckets'}.`,
      );
    return acl;
  }
  return grants.length === 0 ? undefined : bounded({ grants });
}

function headerGrantee(name: string, text: string): Grantee {
  const [, kind, value] = /^\s*(id|uri|emailAddress)\s*=\s*"?([^"]*)"?\s*$/i.exec(text) ?? [];
  if (kind?.toLowerCase() === 'id' && ACCOUNT_ID.test(value!)) return { account: value! };
  if (kind?.toLowerCase() === 'uri' && Object.hasOwn(GROUPS, value!)) return GROUPS[value!]!;
  throw obsFailure(
    'InvalidArgument',
    `${name} must be a list of id="<account id>" and uri="<group>"; e-mail addresses are not known here.`,
  );
}

/** Reads an `AccessControlPolicy` of either dialect. Throws Failure MalformedXML, MalformedACLError or AccessDenied. */
export function parseAclXml(text: string, place: AclPlace): Acl {
  const tree = parseXml(text, 'AccessControlPolicy');
  const [given] = children(tree, 'Owner');
  const id = given === undefined ? undefined : childText(given, 'ID')?.trim();
  if (id && id !== place.owner.id) throw obsFailure('AccessDenied', 'The owner cannot be changed by an ACL.');
  const [list] = children(tree, 'AccessControlList');
  if (list === undefined) throw obsFailure('MalformedACLError', 'AccessControlList is missing.');
  const delivered = flag(tree, 'Delivered');
  const grants = children(list, 'Grant').map(grant => parseGrant(grant, place));
  return bounded({ grants, ...(delivered === undefined || !place.bucket ? {} : { delivered }) });
}

function parseGrant(tree: XmlTree, place: AclPlace): Grant {
  const permission = childText(tree, 'Permission')?.trim() as AclPermission;
  if (!PERMISSIONS.includes(permission)) {
    throw obsFailure('MalformedACLError', `Permission must be one of ${PERMISSIONS.join(', ')}.`);
  }
  const [grantee] = children(tree, 'Grantee');
  if (grantee === undefined) throw obsFailure('MalformedACLError', 'A Grant has no Grantee.');
  const delivered = !place.bucket && flag(tree, 'Delivered') === true;
  return { grantee: xmlGrantee(grantee), permission, ...(delivered ? { delivered } : {}) };
}

function xmlGrantee(tree: XmlTree): Grantee {
  const uri = childText(tree, 'URI')?.trim();
  if (uri !== undefined && Object.hasOwn(GROUPS, uri)) return GROUPS[uri]!;
  const canned = childText(tree, 'Canned')?.trim();
  for (const [group, name] of Object.entries(OBS_GROUPS)) {
    if (canned === name) return group as Exclude<Grantee, object>;
  }
  const id = childText(tree, 'ID')?.trim();
  if (uri === undefined && canned === undefined && id !== undefined && ACCOUNT_ID.test(id)) return { account: id };
  throw obsFailure('MalformedACLError', 'A Grantee must have the ID of an account, or name a group by Canned or URI.');
}

function flag(tree: XmlTree, name: string): boolean | undefined {
  const text = childText(tree, name)?.trim();
  if (text === undefined || text === '') return undefined;
  if (text !== 'true' && text !== 'false') throw obsFailure('MalformedACLError', `${name} must be true or false.`);
  return text === 'true';
}

function bounded(acl: Acl): Acl {
  if (acl.grants.length > MAX_GRANTS) {
    throw obsFailure('MalformedACLError', `The list has ${acl.grants.length} grants; the limit is ${MAX_GRANTS}.`);
  }
  return acl;
}

/** What is kept of a list: nothing of one that says the same as none. */
export function kept(acl: Acl | undefined, owner: Holder): { acl?: Acl } {
  return acl === undefined || isPrivate(acl, owner.id) ? {} : { acl };
}

/** `AccessControlPolicy` as the dialect writes it. Names of accounts are told to these alone. */
export function aclXml(call: ObsCall, place: AclPlace, acl: Acl): Xml {
  const { dialect } = call;
  const ofBucket = place.bucket === undefined;
  const grants = acl.grants.map((grant): Xml => {
    const delivered: Xml = ['Delivered', grant.delivered === true];
    const shown = dialect.name === 'obs' && ofBucket ? [delivered] : [];
    return ['Grant', [granteeXml(call, grant.grantee, place), ['Permission', grant.permission], ...shown]];
  });
  const inherits: Xml[] =
    dialect.name === 'obs' && !ofBucket ? [['Delivered', acl.delivered ?? place.owner.id === place.bucket?.id]] : [];
  return ['AccessControlPolicy', [ownerXml(call, place.owner), ...inherits, ['AccessControlList', grants]]];
}

function granteeXml(call: ObsCall, grantee: Grantee, place: AclPlace): Xml {
  const [name, content] = granteeElement(call, grantee, place);
  if (call.dialect.name === 'obs') return [name, content];
  // Clients of S3 tell people from groups by it.
  const type = typeof grantee === 'object' ? 'CanonicalUser' : 'Group';
  return [name, content, { 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', 'xsi:type': type }];
}

function granteeElement(call: ObsCall, grantee: Grantee, { owner, bucket }: AclPlace): Xml {
  if (typeof grantee === 'object') {
    const known = [owner, bucket].find(each => each?.id === grantee.account);
    return ownerXml(call, { id: grantee.account, ...(known?.name ? { name: known.name } : {}) }, 'Grantee');
  }
  if (call.dialect.name === 'obs') return ['Grantee', [['Canned', OBS_GROUPS[grantee]]]];
  const uri = Object.keys(GROUPS).find(each => GROUPS[each] === grantee);
  return ['Grantee', [['URI', uri]]];
}

/** The account of a bucket, or of a caller. */
export function accountOf({ accountId, accountName }: { accountId: string; accountName: string }): Holder {
  return { id: accountId, name: accountName };
}

/** An account as `<Owner>`: its name is for its own people, others see its id alone. */
export function ownerXml(call: ObsCall, { id, name }: Holder, tag = 'Owner'): Xml {
  return holder(call.dialect, id, call.principal.accountId === id ? name : undefined, tag);
}

/**
 * The list that a request asks for an object that it is about to write, checked against the caller's rights; nothing where its owner alone
 * is to have it.
 */
export async function newObjectAcl(call: ObsCall): Promise<{ acl?: Acl }> {
  const field = (name: string) => header(call, name);
  if (!['acl', ...GRANT_HEADERS.map(([name]) => name)].some(name => field(name))) return {};
  const { services, principal, path } = call;
  const bucket = await services.guard.require(principal, 'obs:object:PutObject', path);
  const bucketOwner = accountOf(bucket);
  const foreign = foreignOwner(bucket, principal);
  const owner = foreign.owner ?? bucketOwner;
  const acl = aclOfFields(field, { owner, bucket: bucketOwner });
  if (acl) await services.access.checkNewAcl(principal, path, bucket, foreign, acl);
  return kept(acl, owner);
}

/** The list that a request asks for a bucket that it is about to create. */
export function newBucketAcl(call: ObsCall): { acl?: Acl } {
  const owner = accountOf(call.principal);
  return kept(
    aclOfFields(name => header(call, name), { owner }),
    owner,
  );
}
