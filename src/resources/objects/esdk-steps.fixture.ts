/** Whether values are named as OBS' own dialect or as S3's does. */
export type Wire = 'obs' | 'aws';

/** What earlier answers told and later calls need. */
export type Kept = Record<string, string>;

// biome-ignore lint/suspicious/noExplicitAny: the client has no types
export type Answer = any;

/** One call of an operation by the official client and what comes of it. */
export interface Step {
  /** As the client's own model names it. */
  operation: string;
  /** The bucket is added where none is named. */
  args?: object | ((kept: Kept) => object);
  /** Parts of the answer. */
  gives?: object | ((kept: Kept) => object);
  /** What to remember of the answer. */
  keep?: (answer: Answer) => Kept;
  /** It is refused so. */
  refused?: readonly [status: number, code: string, message?: RegExp];
}

export const BUCKET = 'operations';
export const FILES = 'operations-files';

const NOT_HERE = (name: string) => [501, 'NotImplemented', new RegExp(name.replaceAll('?', '\\?'))] as const;

/** Refused by design, with a text that names what is not there. */
export const refusedSteps: Step[] = [
  {
    operation: 'SetBucketReplication',
    args: {
      Agency: 'agency',
      Rules: [{ ID: 'r', Prefix: '', Status: 'Enabled', Destination: { Bucket: 'other', StorageClass: 'STANDARD' } }],
    },
    refused: NOT_HERE('PUT ?replication'),
  },
  { operation: 'GetBucketReplication', refused: NOT_HERE('GET ?replication') },
  { operation: 'DeleteBucketReplication', refused: NOT_HERE('DELETE ?replication') },
  {
    operation: 'SetBucketInventory',
    args: {
      InventoryId: 'i',
      Id: 'i',
      IsEnabled: 'true',
      Destination: { Format: 'CSV', Bucket: 'other', Prefix: 'p/' },
      Schedule: { Frequency: 'Daily' },
      IncludedObjectVersions: 'All',
    },
    refused: NOT_HERE('PUT ?inventory'),
  },
  { operation: 'GetBucketInventory', args: { InventoryId: 'i' }, refused: NOT_HERE('GET ?inventory') },
  { operation: 'ListBucketInventory', refused: NOT_HERE('GET ?inventory') },
  { operation: 'DeleteBucketInventory', args: { InventoryId: 'i' }, refused: NOT_HERE('DELETE ?inventory') },
  {
    operation: 'SetObjectLockConfiguration',
    args: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 1 } } },
    refused: NOT_HERE('PUT ?object-lock'),
  },
  { operation: 'GetObjectLockConfiguration', refused: NOT_HERE('GET ?object-lock') },
  {
    operation: 'SetObjectRetention',
    args: { Key: 'plain', Mode: 'COMPLIANCE', RetainUntilDate: String(Date.now() + 86_400_000) },
    refused: NOT_HERE('PUT ?retention'),
  },
  {
    operation: 'SetBucketMirrorBackToSource',
    args: { Rules: '{"rules":[]}' },
    refused: NOT_HERE('PUT ?mirrorBackToSource'),
  },
  { operation: 'GetBucketMirrorBackToSource', refused: NOT_HERE('GET ?mirrorBackToSource') },
  { operation: 'DeleteBucketMirrorBackToSource', refused: NOT_HERE('DELETE ?mirrorBackToSource') },
  {
    operation: 'SetBucketCompressPolicy',
    args: { Rules: '{"rules":[]}' },
    refused: NOT_HERE('PUT ?obscompresspolicy'),
  },
  { operation: 'GetBucketCompressPolicy', refused: NOT_HERE('GET ?obscompresspolicy') },
  { operation: 'DeleteBucketCompressPolicy', refused: NOT_HERE('DELETE ?obscompresspolicy') },
  {
    operation: 'SetBucketCustomDomain',
    args: { DomainName: 'www.example.com' },
    refused: [501, 'NotImplemented', /put a reverse proxy before Atelier/],
  },
  { operation: 'GetBucketCustomDomain' },
  {
    operation: 'DeleteBucketCustomDomain',
    args: { DomainName: 'www.example.com' },
    refused: [501, 'NotImplemented', /put a reverse proxy before Atelier/],
  },
  { operation: 'GetObject', args: { Key: 'plain', ImageProcess: 'image/resize,w_10' }, refused: NOT_HERE('image') },
];
