import { createHash } from 'node:crypto';
import { BUCKET, FILES, type Step, type Wire } from './esdk-steps.fixture.ts';

const md5 = (text: string) => `"${createHash('md5').update(text).digest('hex')}"`;
const PART = 'p'.repeat(100 * 1024);

/** Everything that is done with objects, after `bucketSteps`. At its end the bucket is empty. */
export function objectSteps(wire: Wire): Step[] {
  const own = wire === 'obs';
  const everyone = own ? 'Everyone' : 'http://acs.amazonaws.com/groups/global/AllUsers';
  const Tags = [{ Key: 'team', Value: 'blue & red' }];
  const plain = { Key: 'plain' };
  // Of a text the client says itself that it is JSON.
  const described = {
    CacheControl: 'no-cache',
    ContentDisposition: 'inline',
    ContentLanguage: 'de',
    Metadata: { colour: 'red' },
  };
  const upload = (kept: Record<string, string>) => ({ Key: 'parts', UploadId: kept.upload });
  const file = (Key: string) => ({ Bucket: FILES, Key });
  return [
    { operation: 'PutObject', args: { ...plain, Body: 'content', ...described }, gives: { ETag: md5('content') } },
    { operation: 'GetObject', args: plain, gives: { Content: 'content', ...described, ContentLength: '7' } },
    { operation: 'GetObject', args: { ...plain, Range: 'bytes=1-3' }, gives: { Content: 'ont' } },
    { operation: 'GetObject', args: { ...plain, IfNoneMatch: md5('content') }, refused: [304, ''] },
    { operation: 'GetObject', args: { ...plain, IfMatch: md5('content') }, gives: { Content: 'content' } },
    { operation: 'GetObject', args: { ...plain, IfMatch: md5('other') }, refused: [412, 'PreconditionFailed'] },
    {
      operation: 'GetObjectMetadata',
      args: plain,
      gives: { ...described, ETag: md5('content'), ContentLength: '7' },
    },
    { operation: 'GetObjectMetadata', args: { Key: 'nothing' }, refused: [404, 'NoSuchKey'] },
    {
      operation: 'SetObjectMetadata',
      args: { ...plain, MetadataDirective: 'REPLACE_NEW', Metadata: { shape: 'round' }, ContentType: 'text/csv' },
    },
    {
      operation: 'GetObjectMetadata',
      args: plain,
      gives: { ContentType: 'text/csv', Metadata: { colour: 'red', shape: 'round' } },
    },
    { operation: 'SetObjectTagging', args: { ...plain, Tags } },
    { operation: 'GetObjectTagging', args: plain, gives: { Tags } },
    { operation: 'DeleteObjectTagging', args: plain },
    { operation: 'GetObjectTagging', args: plain, gives: { Tags: [] } },
    { operation: 'SetObjectAcl', args: { ...plain, ACL: 'public-read' } },
    {
      operation: 'GetObjectAcl',
      args: plain,
      gives: {
        Owner: { ID: 'account-acme' },
        Grants: [{ Permission: 'FULL_CONTROL' }, { Grantee: { URI: everyone } }],
      },
    },
    {
      operation: 'CopyObject',
      args: {
        Key: 'ümläut/copy & more',
        CopySource: `${BUCKET}/plain`,
        MetadataDirective: 'REPLACE',
        Metadata: { colour: 'blue' },
      },
      gives: { ETag: md5('content') },
    },
    {
      operation: 'GetObject',
      args: { Key: 'ümläut/copy & more' },
      gives: { Content: 'content', Metadata: { colour: 'blue' } },
    },
    {
      operation: 'AppendObject',
      args: { Key: 'log', Position: 0, Body: 'one,' },
      gives: { NextPosition: '4' },
    },
    { operation: 'AppendObject', args: { Key: 'log', Position: 4, Body: 'two' }, gives: { NextPosition: '7' } },
    { operation: 'GetObject', args: { Key: 'log' }, gives: { Content: 'one,two' } },
    {
      operation: 'AppendObject',
      args: { Key: 'log', Position: 4, Body: 'x' },
      refused: [409, 'PositionNotEqualToLength'],
    },

    {
      operation: 'ListObjects',
      args: { Delimiter: '/' },
      gives: {
        Bucket: BUCKET,
        Contents: [{ Key: 'log', Size: '7' }, { Key: 'plain' }],
        CommonPrefixes: [{ Prefix: 'ümläut/' }],
      },
    },
    { operation: 'ListObjects', args: { MaxKeys: 1 }, gives: { IsTruncated: 'true', NextMarker: 'log' } },
    {
      operation: 'ListObjects',
      args: { Marker: 'plain', EncodingType: 'url' },
      gives: { Contents: [{ Key: 'ümläut/copy & more' }], IsTruncated: 'false' },
    },
    { operation: 'GetBucketStorageInfo', gives: { Size: '21', ObjectNumber: '3' } },

    { operation: 'PutObject', args: { Key: 'cold', Body: 'frozen', StorageClass: 'COLD' } },
    { operation: 'GetObject', args: { Key: 'cold' }, refused: [403, 'InvalidObjectState'] },
    {
      operation: 'RestoreObject',
      args: { Key: 'cold', Days: 1, Tier: 'Expedited' },
      gives: { RestoreStatus: 'INPROGRESS' },
    },
    { operation: 'GetObjectMetadata', args: { Key: 'cold' }, gives: { Restore: 'ongoing-request="true"' } },

    {
      operation: 'InitiateMultipartUpload',
      args: { Key: 'parts', Metadata: { of: 'parts' } },
      gives: { Bucket: BUCKET, Key: 'parts' },
      keep: answer => ({ upload: answer.UploadId }),
    },
    {
      operation: 'ListMultipartUploads',
      gives: kept => ({ Uploads: [{ Key: 'parts', UploadId: kept.upload, Owner: { ID: 'account-acme' } }] }),
    },
    {
      operation: 'UploadPart',
      args: kept => ({ ...upload(kept), PartNumber: 1, Body: PART }),
      gives: { ETag: md5(PART) },
      keep: answer => ({ one: answer.ETag }),
    },
    {
      operation: 'CopyPart',
      args: kept => ({ ...upload(kept), PartNumber: 2, CopySource: `${BUCKET}/plain`, CopySourceRange: 'bytes=0-2' }),
      gives: { ETag: md5('con') },
      keep: answer => ({ two: answer.ETag }),
    },
    {
      operation: 'ListParts',
      args: upload,
      gives: kept => ({
        Parts: [
          { PartNumber: '1', Size: String(PART.length), ETag: kept.one },
          { PartNumber: '2', Size: '3', ETag: kept.two },
        ],
      }),
    },
    {
      operation: 'CompleteMultipartUpload',
      args: kept => ({
        ...upload(kept),
        Parts: [
          { PartNumber: 1, ETag: kept.one },
          { PartNumber: 2, ETag: kept.two },
        ],
      }),
      gives: { Bucket: BUCKET, Key: 'parts' },
    },
    {
      operation: 'GetObject',
      args: { Key: 'parts', Range: 'bytes=-5' },
      gives: { Content: 'ppcon', Metadata: { of: 'parts' } },
    },
    { operation: 'InitiateMultipartUpload', args: { Key: 'parts' }, keep: answer => ({ upload: answer.UploadId }) },
    { operation: 'AbortMultipartUpload', args: upload },
    { operation: 'ListParts', args: upload, refused: [404, 'NoSuchUpload'] },

    { operation: 'SetBucketVersioningConfiguration', args: { VersionStatus: 'Enabled' } },
    { operation: 'GetBucketVersioningConfiguration', gives: { VersionStatus: 'Enabled' } },
    { operation: 'PutObject', args: { Key: 'v', Body: 'first' }, keep: answer => ({ first: answer.VersionId }) },
    { operation: 'PutObject', args: { Key: 'v', Body: 'second' }, keep: answer => ({ second: answer.VersionId }) },
    {
      operation: 'GetObject',
      args: kept => ({ Key: 'v', VersionId: kept.first }),
      gives: kept => ({ Content: 'first', VersionId: kept.first }),
    },
    {
      operation: 'DeleteObject',
      args: { Key: 'v' },
      gives: { DeleteMarker: 'true' },
      keep: answer => ({ marker: answer.VersionId }),
    },
    {
      operation: 'ListVersions',
      args: { Prefix: 'v' },
      gives: kept => ({
        Versions: [{ VersionId: kept.second, IsLatest: 'false' }, { VersionId: kept.first }],
        DeleteMarkers: [{ Key: 'v', VersionId: kept.marker, IsLatest: 'true' }],
      }),
    },
    {
      operation: 'DeleteObjects',
      args: kept => ({
        Objects: [kept.first, kept.second, kept.marker].map(VersionId => ({ Key: 'v', VersionId })),
      }),
      gives: kept => ({ Deleteds: [{ Key: 'v', VersionId: kept.first }] }),
    },
    { operation: 'SetBucketVersioningConfiguration', args: { VersionStatus: 'Suspended' } },

    { operation: 'PutObject', args: { ...file('a/b'), Body: 'hello world' } },
    { operation: 'RenameObject', args: { ...file('a/b'), Name: 'c' } },
    { operation: 'TruncateObject', args: { ...file('c'), Length: 5 } },
    { operation: 'ModifyObject', args: { ...file('c'), Position: 0, Body: 'J' } },
    { operation: 'GetObject', args: file('c'), gives: { Content: 'Jello' } },
    { operation: 'GetObject', args: file('a/b'), refused: [404, 'NoSuchKey'] },
    { operation: 'RenameObject', args: { ...plain, Name: 'elsewhere' }, refused: [405, 'MethodNotAllowed'] },
  ];
}

/** Ends what `objectSteps` began. */
export const lastSteps: Step[] = [
  { operation: 'DeleteBucket', refused: [409, 'BucketNotEmpty'] },
  { operation: 'DeleteObject', args: { Bucket: FILES, Key: 'c' } },
  { operation: 'DeleteObject', args: { Bucket: FILES, Key: 'a/' } },
  {
    operation: 'ListVersions',
    gives: { Versions: [{ Key: 'cold' }] },
    keep: answer => ({ all: JSON.stringify(answer.Versions) }),
  },
  {
    operation: 'DeleteObjects',
    args: kept => ({
      Quiet: 'true',
      Objects: JSON.parse(kept.all!).map((each: { Key: string; VersionId: string }) => ({
        Key: each.Key,
        VersionId: each.VersionId,
      })),
    }),
  },
  { operation: 'ListObjects', gives: { Contents: [] } },
  { operation: 'DeleteBucket' },
  { operation: 'DeleteBucket', args: { Bucket: FILES } },
  { operation: 'GetBucketLocation', refused: [404, 'NoSuchBucket'] },
];
