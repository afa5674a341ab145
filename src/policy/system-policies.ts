import { createHash } from 'node:crypto';
import { actionsOf } from './action-table.ts';
import { dependencyActions } from './dependency-actions.ts';

/** A policy document as IAM's API shows it. */
export interface PolicyDocument {
  Version: '1.0' | '1.1';
  Statement: { Effect: 'Allow' | 'Deny'; Action: string[] }[];
  /** Roles that must be granted too; roles alone have them. */
  Depends?: { catalog: string; display_name: string }[];
}

/** A policy or role that every account has and none can change. */
export interface SystemPolicy {
  /** 32 hexadecimal digits, the same on every installation. */
  id: string;
  /** Internal name, unique. */
  name: string;
  /** The name people see and grant by, e.g. `OBS Administrator`. */
  displayName: string;
  /** Shown in consoles as "System-defined policy" or "System-defined role". */
  kind: 'policy' | 'role';
  /** Where a grant takes effect, as IAM writes it: `AX` global services, `XA` region projects, `AA` both. */
  type: 'AX' | 'XA' | 'AA';
  /** The service it belongs to; `BASE` for those of the account. */
  catalog: string;
  description: string;
  document: PolicyDocument;
}

/** The id of a system policy: the first 32 hexadecimal digits of SHA-256 of its display name. */
export function systemPolicyId(displayName: string): string {
  return createHash('sha256').update(displayName).digest('hex').slice(0, 32);
}

type Scope = SystemPolicy['type'];
type Text = Pick<SystemPolicy, 'displayName' | 'catalog' | 'description'> & { type?: Scope };

function policy(text: Text, actions: string[]): SystemPolicy {
  const { displayName, catalog, description, type = 'XA' } = text;
  const name = `system_${displayName.toLowerCase().replaceAll(' ', '_')}`;
  const document: PolicyDocument = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: actions }] };
  return { id: systemPolicyId(displayName), name, displayName, kind: 'policy', type, catalog, description, document };
}

function role(name: string, text: Text, actions: string[], depends: string[] = []): SystemPolicy {
  const { displayName, catalog, description, type = 'XA' } = text;
  const document: PolicyDocument = { Version: '1.0', Statement: [{ Effect: 'Allow', Action: actions }] };
  if (depends.length > 0) document.Depends = depends.map(needed => ({ catalog: 'BASE', display_name: needed }));
  return { id: systemPolicyId(displayName), name, displayName, kind: 'role', type, catalog, description, document };
}

/** Every service but IAM, for the grants that mean "everything but IAM". */
const SERVICES =
  `aom bss cbr cce ces cts dis dli dms dws ecs eip elb eps evs functiongraph ief ims kms kps lts modelarts
  mrs nat obs rds sfs sfsturbo smn swr tms vpc vpcep`.split(/\s+/);

const READS = ['get*', 'list*', 'show*', 'head*', 'query*', 'describe*', 'display*', 'view*', 'check*'];
const WRITES = `create* update* delete* add* remove* grant* revoke* set* put* bind* unbind* enable* disable* reset*
  register* associate* disassociate* import*`.split(/\s+/);

const full = (...services: string[]) => services.map(service => `${service}:*:*`);
const readOnly = (...services: string[]) => services.flatMap(service => READS.map(read => `${service}:*:${read}`));

/**
 * All resource types of ModelArts but dedicated pools, the networks they are in, and authorizations: binding an agency,
 * which may do more than the user, is for administrators.
 */
const COMMON_TYPES = `aiAlgorithm dataAnnotation dataset event exemlProject exemlProjectInf exemlProjectTrain
  exemlProjectVersion image model nodeservice notebook processTask quota sample service tag tensorboard trainConfig
  trainJob trainJobInnerModel trainJobLog trainJobVersion workflow workspace`.split(/\s+/);

const OBS_READ = actionsOf({ obs: { bucket: 'ListAllMyBuckets HeadBucket ListBucket GetBucketLocation' } });
const OBS_OPERATE = [
  ...OBS_READ,
  ...actionsOf({
    obs: {
      bucket: 'ListBucketVersions ListBucketMultipartUploads',
      object: `GetObject GetObjectVersion PutObject DeleteObject DeleteObjectVersion ListMultipartUploadParts
        AbortMultipartUpload GetObjectAcl GetObjectVersionAcl ModifyObjectMetadata`,
    },
  }),
];

/**
 * The system-defined policies and roles (behaviour/permissions.md 4; the services' that ModelArts leans on as their
 * descriptions say). They only allow: a Deny in one would take away what another grants.
 */
export const systemPolicies: readonly SystemPolicy[] = [
  policy(
    {
      displayName: 'ModelArts FullAccess',
      catalog: 'MODELARTS',
      description: 'Administrator permissions for ModelArts.',
    },
    full('modelarts'),
  ),
  policy(
    {
      displayName: 'ModelArts CommonOperations',
      catalog: 'MODELARTS',
      description: 'Common permissions of ModelArts, except creating, updating and deleting dedicated resource pools.',
    },
    // Listing and looking at all types includes pools, so that work can be put there.
    [...COMMON_TYPES.map(type => `modelarts:${type}:*`), ...readOnly('modelarts')],
  ),
  policy(
    {
      displayName: 'ModelArts Dependency Access',
      catalog: 'MODELARTS',
      description: 'Permissions on the services that ModelArts depends on.',
      type: 'AA',
    },
    // Saving an image asks for SWR Admin, of which it takes these.
    [...dependencyActions, ...actionsOf({ swr: { repository: 'createRepository upload download' } })],
  ),
  role(
    'te_admin',
    {
      displayName: 'Tenant Administrator',
      catalog: 'BASE',
      description: 'All permissions of all services except Identity and Access Management.',
      type: 'AA',
    },
    // Assuming the agency that was bound to oneself is no administration of IAM, and nothing works without it.
    [...full(...SERVICES), 'iam:tokens:assume'],
  ),
  role(
    'readonly',
    {
      displayName: 'Tenant Guest',
      catalog: 'BASE',
      description: 'Read-only permissions of all services except Identity and Access Management.',
      type: 'AA',
    },
    readOnly(...SERVICES),
  ),
  role(
    'secu_admin',
    {
      displayName: 'Security Administrator',
      catalog: 'BASE',
      description: 'All permissions of Identity and Access Management except switching roles.',
      type: 'AX',
    },
    [...readOnly('iam'), ...WRITES.map(write => `iam:*:${write}`)],
  ),
  role(
    'te_agency',
    {
      displayName: 'Agent Operator',
      catalog: 'BASE',
      description: 'Switching roles to work on resources of delegating accounts.',
      type: 'AX',
    },
    ['iam:tokens:assume', 'iam:agencies:assume', 'iam:agencies:getAgency', 'iam:agencies:listAgencies'],
  ),
  policy(
    {
      displayName: 'IAM ReadOnlyAccess',
      catalog: 'IAM',
      description: 'Read-only permissions of Identity and Access Management.',
      type: 'AX',
    },
    readOnly('iam'),
  ),
  policy(
    {
      displayName: 'OBS Administrator',
      catalog: 'OBS',
      description: 'Object Storage Service Administrator: every operation on every bucket and object of the account.',
      type: 'AX',
    },
    full('obs'),
  ),
  policy(
    {
      displayName: 'OBS OperateAccess',
      catalog: 'OBS',
      description: 'Listing buckets, and listing, uploading, downloading and deleting objects.',
      type: 'AX',
    },
    OBS_OPERATE,
  ),
  policy(
    {
      displayName: 'OBS ReadOnlyAccess',
      catalog: 'OBS',
      description: 'Listing buckets, their basic information, and their objects.',
      type: 'AX',
    },
    OBS_READ,
  ),
  role(
    'obs_b_list',
    {
      displayName: 'OBS Buckets Viewer',
      catalog: 'OBS',
      description: 'Listing buckets and their basic information.',
      type: 'AX',
    },
    ['obs:bucket:ListAllMyBuckets', 'obs:bucket:HeadBucket', 'obs:bucket:GetBucketLocation'],
  ),
  policy(
    {
      displayName: 'SWR Admin',
      catalog: 'SWR',
      description: 'All permissions of SoftWare Repository for Container.',
    },
    full('swr'),
  ),
  policy({ displayName: 'SWR ReadOnlyAccess', catalog: 'SWR', description: 'Viewing and pulling images.' }, [
    ...readOnly('swr'),
    'swr:repository:download',
    'swr:instance:createTempCredential',
  ]),
  role(
    'smn_adm',
    {
      displayName: 'SMN Administrator',
      catalog: 'SMN',
      description: 'All permissions of Simple Message Notification.',
    },
    full('smn'),
    ['Tenant Guest'],
  ),
  policy(
    { displayName: 'LTS FullAccess', catalog: 'LTS', description: 'All permissions of Log Tank Service.' },
    full('lts'),
  ),
  policy(
    { displayName: 'LTS ReadOnlyAccess', catalog: 'LTS', description: 'Read-only permissions of Log Tank Service.' },
    readOnly('lts'),
  ),
  policy({ displayName: 'CES FullAccess', catalog: 'CES', description: 'All permissions of Cloud Eye.' }, full('ces')),
  policy(
    { displayName: 'CES ReadOnlyAccess', catalog: 'CES', description: 'Read-only permissions of Cloud Eye.' },
    readOnly('ces'),
  ),
  policy(
    {
      displayName: 'AOM FullAccess',
      catalog: 'AOM',
      description: 'All permissions of Application Operations Management.',
    },
    full('aom'),
  ),
  role(
    'vpc_netadm',
    {
      displayName: 'VPC Administrator',
      catalog: 'VPC',
      description: 'All permissions of Virtual Private Cloud and its endpoints.',
    },
    full('vpc', 'vpcep'),
    ['Tenant Guest'],
  ),
  policy(
    { displayName: 'SFS FullAccess', catalog: 'SFS', description: 'All permissions of Scalable File Service.' },
    full('sfs'),
  ),
  policy(
    { displayName: 'SFS ReadOnlyAccess', catalog: 'SFS', description: 'Read-only permissions of all SFS resources.' },
    readOnly('sfs'),
  ),
  policy(
    { displayName: 'SFS Turbo FullAccess', catalog: 'SFSTURBO', description: 'All permissions of SFS Turbo.' },
    full('sfsturbo'),
  ),
  policy(
    {
      displayName: 'SFS Turbo ReadOnlyAccess',
      catalog: 'SFSTURBO',
      description: 'Read-only permissions of SFS Turbo.',
    },
    readOnly('sfsturbo'),
  ),
  policy(
    { displayName: 'DLI FullAccess', catalog: 'DLI', description: 'Full permissions of Data Lake Insight.' },
    full('dli'),
  ),
  policy(
    {
      displayName: 'EPS FullAccess',
      catalog: 'EPS',
      description: 'All operations of the Enterprise Project Management service.',
      type: 'AX',
    },
    full('eps'),
  ),
  role(
    'cts_adm',
    { displayName: 'CTS Administrator', catalog: 'CTS', description: 'All permissions of Cloud Trace Service.' },
    full('cts'),
    ['Tenant Guest'],
  ),
  role(
    'dws_adm',
    { displayName: 'DWS Administrator', catalog: 'DWS', description: 'Data Warehouse Service Administrator.' },
    full('dws'),
    ['Tenant Guest'],
  ),
];

/**
 * What the preset *Common User* grants to a new agency, by display name (behaviour/permissions.md 7). The document
 * shows ten of the twelve; SWR and SMN are those that saving images and notifications need.
 */
export const commonUserPolicies: readonly string[] = [
  'DLI FullAccess',
  'VPC Administrator',
  'EPS FullAccess',
  'CTS Administrator',
  'ModelArts CommonOperations',
  'SFS ReadOnlyAccess',
  'OBS Administrator',
  'DWS Administrator',
  'LTS FullAccess',
  'CES ReadOnlyAccess',
  'SWR Admin',
  'SMN Administrator',
];

const byName = new Map(systemPolicies.flatMap(each => [each.id, each.name, each.displayName].map(key => [key, each])));

/** A system policy by id, internal name or display name; undefined when there is none. */
export function findSystemPolicy(key: string): SystemPolicy | undefined {
  return byName.get(key);
}
