import type { callers } from './principals.fixture.ts';

/*
 * Who may do what, told once more and without any of the code that decides it: by words, for the few callers, policies and lists of the
 * matrix.
 */

export type CallerName = keyof typeof callers & string;

export const OPERATIONS = {
  ListBucket: { action: 'obs:bucket:ListBucket', list: 'bucket', needs: 'READ' },
  HeadBucket: { action: 'obs:bucket:HeadBucket', list: 'bucket', needs: 'READ' },
  GetBucketLocation: { action: 'obs:bucket:GetBucketLocation', list: 'none', needs: '' },
  GetBucketAcl: { action: 'obs:bucket:GetBucketAcl', list: 'bucket', needs: 'READ_ACP' },
  PutBucketAcl: { action: 'obs:bucket:PutBucketAcl', list: 'bucket', needs: 'WRITE_ACP' },
  PutBucketPolicy: { action: 'obs:bucket:PutBucketPolicy', list: 'none', needs: '' },
  PutObject: { action: 'obs:object:PutObject', list: 'bucket', needs: 'WRITE' },
  DeleteObject: { action: 'obs:object:DeleteObject', list: 'bucket', needs: 'WRITE' },
  GetObject: { action: 'obs:object:GetObject', list: 'object', needs: 'READ' },
  GetObjectAcl: { action: 'obs:object:GetObjectAcl', list: 'object', needs: 'READ_ACP' },
  PutObjectAcl: { action: 'obs:object:PutObjectAcl', list: 'object', needs: 'WRITE_ACP' },
} as const;
export type OperationName = keyof typeof OPERATIONS;

const BUCKET = 'data';
const statement = (
  effect: string,
  principal: unknown,
  actions: unknown,
  resources: unknown = [BUCKET, `${BUCKET}/*`],
) => ({
  Effect: effect,
  Principal: principal,
  Action: actions,
  Resource: resources,
});
const s3 = [`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/*`];

type Says = (caller: CallerName, operation: OperationName) => 'allow' | 'deny' | undefined;
const EVIL = ['foreignRoot', 'foreignGranted', 'foreignUngranted'];

/** Policies with what they say, in words. */
export const POLICIES: Record<string, { text?: string; says: Says }> = {
  none: { says: () => undefined },
  everybodyReads: {
    text: JSON.stringify({ Statement: [statement('Allow', { ID: ['*'] }, ['GetObject'])] }),
    says: (_, operation) => (operation === 'GetObject' ? 'allow' : undefined),
  },
  otherAccount: {
    text: JSON.stringify({
      Version: '2012-10-17',
      Statement: [statement('Allow', { AWS: 'arn:aws:iam::account-evil:root' }, 's3:*', s3)],
    }),
    says: caller => (EVIL.includes(caller) ? 'allow' : undefined),
  },
  ownUserAndAgency: {
    text: JSON.stringify({
      Statement: [
        statement(
          'Allow',
          {
            ID: [
              'domain/account-acme:user/ungranted',
              'domain/account-acme:user/denied',
              'domain/account-acme:agency/idle',
            ],
          },
          ['obs:object:*', 'obs:bucket:ListBucket'],
        ),
      ],
    }),
    says: (caller, operation) =>
      ['ungranted', 'denied', 'idle'].includes(caller) && (operation === 'ListBucket' || /Object/.test(operation))
        ? 'allow'
        : undefined,
  },
  nobodyWrites: {
    text: JSON.stringify({
      Statement: [statement('Deny', '*', ['s3:PutObject', 's3:PutBucketPolicy']), statement('Allow', '*', 'PutObject')],
    }),
    says: (_, operation) => (operation === 'PutObject' || operation === 'PutBucketPolicy' ? 'deny' : undefined),
  },
  denialAfterAllowance: {
    text: JSON.stringify({
      Statement: [statement('Allow', '*', '*'), statement('Deny', { AWS: ['account-evil'] }, 's3:Get*', s3)],
    }),
    says: (caller, operation) => (EVIL.includes(caller) && operation.startsWith('Get') ? 'deny' : 'allow'),
  },
  // A user of the name of an agency, and the other way round, are somebody else.
  misnamed: {
    text: JSON.stringify({
      Statement: [
        statement('Allow', { ID: ['domain/account-acme:user/idle', 'domain/account-acme:agency/ungranted'] }, '*'),
        statement('Allow', { AWS: 'arn:aws:iam::account-acme:user/foreign-ungranted' }, '*'),
      ],
    }),
    says: () => undefined,
  },
  onlyGranted: {
    text: JSON.stringify({
      Statement: [
        {
          Effect: 'Deny',
          NotPrincipal: { ID: ['domain/account-acme:user/granted'] },
          Action: '*',
          Resource: [BUCKET, `${BUCKET}/*`],
        },
      ],
    }),
    says: caller => (caller === 'granted' ? undefined : 'deny'),
  },
  ownAccountByName: {
    text: JSON.stringify({ Statement: [statement('Allow', { ID: 'domain/account-acme' }, '*')] }),
    says: caller => (caller === 'root' ? 'allow' : undefined),
  },
};

type Grants = (caller: CallerName, permission: string) => boolean;
const registered = (caller: CallerName) => caller !== 'anonymous';

interface List {
  /** Value of `x-obs-acl`, or a grant header and its value. */
  headers: Record<string, string>;
  grants: Grants;
}

/** Lists of the bucket; `delivers` says what they grant on its objects. */
export const BUCKET_LISTS: Record<string, List & { delivers: Grants }> = {
  none: { headers: {}, grants: () => false, delivers: () => false },
  publicRead: {
    headers: { 'x-obs-acl': 'public-read' },
    grants: (_, permission) => permission === 'READ',
    delivers: () => false,
  },
  publicReadWriteDelivered: {
    headers: { 'x-obs-acl': 'public-read-write-delivered' },
    grants: (_, permission) => permission === 'READ' || permission === 'WRITE',
    delivers: (_, permission) => permission === 'READ',
  },
  authenticatedRead: {
    headers: { 'x-obs-acl': 'authenticated-read' },
    grants: (caller, permission) => registered(caller) && permission === 'READ',
    delivers: () => false,
  },
  otherAccountAll: {
    headers: { 'x-obs-grant-full-control-delivered': 'id=account-evil' },
    grants: caller => EVIL.includes(caller),
    delivers: caller => EVIL.includes(caller),
  },
  // To name one's own account says nothing: IAM decides there.
  ownAccountAll: {
    headers: { 'x-obs-grant-full-control': 'id="account-acme"' },
    grants: () => false,
    delivers: () => false,
  },
};

/** Lists of the object that is asked for. `evil` is its owner where `owner` says so. */
export const OBJECT_LISTS: Record<string, List> = {
  none: { headers: {}, grants: () => false },
  publicRead: { headers: { 'x-obs-acl': 'public-read' }, grants: (_, permission) => permission === 'READ' },
  thirdAll: { headers: { 'x-obs-grant-full-control': 'id=account-third' }, grants: caller => caller === 'third' },
};
const ACME_ALL: List = {
  headers: { 'x-obs-acl': 'bucket-owner-full-control' },
  grants: caller => !EVIL.includes(caller) && caller !== 'third' && caller !== 'anonymous',
};
/** The same, and one that only means something where the object is another account's. */
export const FOREIGN_OBJECT_LISTS: Record<string, List> = { ...OBJECT_LISTS, bucketOwnerAll: ACME_ALL };

export interface Case {
  caller: CallerName;
  operation: OperationName;
  policy: string;
  bucketList: string;
  objectList: string;
  owner: 'acme' | 'evil';
}

const IAM: Record<string, (operation: OperationName) => boolean> = {
  ungranted: () => false,
  denied: () => false,
  idle: () => false,
  narrowed: operation => operation === 'GetObject',
  foreignUngranted: () => false,
  anonymous: () => false,
};

/** Whether it is to be allowed. */
export function expected({ caller, operation, policy, bucketList, objectList, owner }: Case): boolean {
  const { list, needs } = OPERATIONS[operation];
  const says = POLICIES[policy]!.says(caller, operation);
  const account =
    caller === 'anonymous' ? 'nobody' : caller === 'third' ? 'third' : EVIL.includes(caller) ? 'evil' : 'acme';
  const iam = IAM[caller]?.(operation) ?? true;
  if (says === 'deny' && !(caller === 'root' && operation === 'PutBucketPolicy')) return false;
  // Denied by IAM, or beyond the credential's boundary.
  if ((caller === 'denied' || caller === 'narrowed') && !iam) return false;
  const ofObject = list === 'object';
  const whose = ofObject ? owner : 'acme';

  let granted = says === 'allow' && whose === 'acme';
  if (list === 'bucket' && BUCKET_LISTS[bucketList]!.grants(caller, needs)) granted = true;
  if (ofObject && FOREIGN_OBJECT_LISTS[objectList]!.grants(caller, needs)) granted = true;
  if (ofObject && owner === 'acme' && BUCKET_LISTS[bucketList]!.delivers(caller, needs)) granted = true;

  if (account === 'nobody') return granted;
  // What is in a bucket elsewhere takes one's own account's word in any case.
  if (account !== 'acme' && !iam) return false;
  if (account === whose) return iam || granted;
  return iam && granted;
}
