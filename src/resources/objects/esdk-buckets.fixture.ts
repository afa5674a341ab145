import { BUCKET, FILES, type Step, type Wire } from './esdk-steps.fixture.ts';
import { REGION } from './world.fixture.ts';

const ORIGIN = 'https://app.example.com';

/** Everything that is asked of and set on a bucket. */
export function bucketSteps(wire: Wire): Step[] {
  const own = wire === 'obs';
  const everyone = own ? 'Everyone' : 'http://acs.amazonaws.com/groups/global/AllUsers';
  const policy = {
    Statement: [
      {
        Sid: 'readers',
        Effect: 'Allow',
        Principal: own ? { ID: ['*'] } : { AWS: ['*'] },
        Action: [own ? 'GetObject' : 's3:GetObject'],
        Resource: [own ? `${BUCKET}/*` : `arn:aws:s3:::${BUCKET}/*`],
      },
    ],
  };
  const cors = {
    ID: 'app',
    AllowedMethod: ['PUT', 'GET'],
    AllowedOrigin: [ORIGIN],
    AllowedHeader: ['x-*'],
    MaxAgeSeconds: 60,
    ExposeHeader: ['ETag'],
  };
  const allowed = { AllowOrigin: ORIGIN, AllowHeader: 'x-colour', MaxAgeSeconds: '60', ExposeHeader: 'ETag' };
  const website = { IndexDocument: { Suffix: 'index.html' }, ErrorDocument: { Key: 'error.html' } };
  const lifecycle = {
    ID: 'logs',
    Prefix: 'logs/',
    Status: 'Enabled',
    Transitions: [{ StorageClass: 'WARM', Days: 30 }],
    Expiration: { Days: 90 },
    NoncurrentVersionTransitions: [{ StorageClass: 'COLD', NoncurrentDays: 30 }],
    NoncurrentVersionExpiration: { NoncurrentDays: 60 },
  };
  const logging = { TargetBucket: BUCKET, TargetPrefix: 'access/' };
  const Filter = { FilterRules: [{ Name: 'prefix', Value: 'in/' }] };
  const told = own ? 'ObjectCreated:*' : 's3:ObjectCreated:*';
  const topic = { ID: 't', Topic: 'urn:smn:local-1:p:topic', Event: [told], Filter };
  const block = {
    BlockPublicAcls: 'true',
    IgnorePublicAcls: 'true',
    BlockPublicPolicy: 'true',
    RestrictPublicBuckets: 'true',
  };
  const rule = (SSEAlgorithm: string) => ({
    Rule: { ApplyServerSideEncryptionByDefault: { SSEAlgorithm, KMSMasterKeyID: 'key-1' } },
  });
  const Tags = [
    { Key: 'team', Value: 'vision & sound' },
    { Key: 'empty', Value: '' },
  ];
  const gone = (operation: string, code: string): Step => ({ operation, refused: [404, code] });
  const warm = own ? 'WARM' : 'STANDARD_IA';
  return [
    { operation: 'HeadApiVersion', args: { Bucket: undefined }, gives: { ApiVersion: '3.0' } },
    { operation: 'CreateBucket', args: { Location: REGION, StorageClass: 'STANDARD', ACL: 'private' } },
    { operation: 'CreateBucket', args: { Bucket: FILES, Location: REGION, FileInterface: 'Enabled' } },
    { operation: 'HeadBucket' },
    { operation: 'HeadBucket', args: { Bucket: 'nobodys' }, refused: [404, own ? '' : 'NoSuchBucket'] },
    {
      operation: 'ListBuckets',
      gives: { Owner: { ID: 'account-acme' }, Buckets: [{ BucketName: BUCKET }, { BucketName: FILES }] },
    },
    { operation: 'GetBucketLocation', gives: { Location: REGION } },
    { operation: 'GetBucketMetadata', gives: { StorageClass: 'STANDARD', Location: REGION } },
    { operation: 'GetBucketMetadata', args: { Bucket: FILES }, gives: { FsInterface: 'Enabled' } },

    { operation: 'SetBucketQuota', args: { StorageQuota: 1_000_000_000 } },
    { operation: 'GetBucketQuota', gives: { StorageQuota: '1000000000' } },
    { operation: 'GetBucketStorageInfo', gives: { Size: '0', ObjectNumber: '0' } },
    { operation: 'SetBucketStoragePolicy', args: { StorageClass: 'WARM' } },
    { operation: 'GetBucketStoragePolicy', gives: { StorageClass: warm } },
    { operation: 'SetBucketStoragePolicy', args: { StorageClass: 'STANDARD' } },

    { operation: 'GetBucketPublicStatus', gives: { IsPublic: 'false' } },
    {
      operation: 'SetBucketAcl',
      args: {
        Owner: { ID: 'account-acme' },
        Grants: [
          { Grantee: { Type: 'CanonicalUser', ID: 'account-acme' }, Permission: 'FULL_CONTROL' },
          { Grantee: { Type: 'Group', URI: 'AllUsers' }, Permission: 'READ' },
        ],
      },
    },
    {
      operation: 'GetBucketAcl',
      gives: {
        Owner: { ID: 'account-acme' },
        Grants: [
          { Grantee: { ID: 'account-acme' }, Permission: 'FULL_CONTROL' },
          { Grantee: { URI: everyone }, Permission: 'READ' },
        ],
      },
    },
    { operation: 'GetBucketPublicStatus', gives: { IsPublic: 'true' } },
    gone('GetBucketPolicyPublicStatus', 'NoSuchBucketPolicy'),
    { operation: 'SetBucketAcl', args: { ACL: 'private' } },
    { operation: 'GetBucketPublicStatus', gives: { IsPublic: 'false' } },
    gone('GetBucketPolicy', 'NoSuchBucketPolicy'),
    { operation: 'SetBucketPolicy', args: { Policy: JSON.stringify(policy) } },
    { operation: 'GetBucketPolicy', gives: { Policy: JSON.stringify(policy) } },
    { operation: 'GetBucketPolicyPublicStatus', gives: { IsPublic: 'true' } },
    { operation: 'GetBucketPublicStatus', gives: { IsPublic: 'true' } },
    { operation: 'PutBucketPublicAccessBlock', args: block },
    { operation: 'GetBucketPublicAccessBlock', gives: block },
    { operation: 'GetBucketPublicStatus', gives: { IsPublic: 'false' } },
    { operation: 'SetBucketAcl', args: { ACL: 'public-read' }, refused: [403, 'AccessDenied'] },
    { operation: 'DeleteBucketPublicAccessBlock' },
    gone('GetBucketPublicAccessBlock', 'NoSuchPublicAccessBlockConfiguration'),
    { operation: 'DeleteBucketPolicy' },
    gone('GetBucketPolicy', 'NoSuchBucketPolicy'),

    { operation: 'SetBucketCors', args: { CorsRules: [cors] } },
    {
      operation: 'GetBucketCors',
      gives: { CorsRules: [{ ...cors, MaxAgeSeconds: '60' }] },
    },
    {
      operation: 'OptionsBucket',
      args: { Origin: ORIGIN, AccessControlRequestMethods: ['PUT'], AccessControlRequestHeaders: ['x-colour'] },
      gives: { ...allowed, AllowMethod: 'PUT, GET' },
    },
    {
      operation: 'OptionsObject',
      args: {
        Key: 'any',
        Origin: ORIGIN,
        AccessControlRequestMethods: ['GET'],
        AccessControlRequestHeaders: ['x-colour'],
      },
      gives: { ...allowed, AllowMethod: 'PUT, GET' },
    },
    {
      operation: 'OptionsBucket',
      args: { Origin: 'https://evil.example', AccessControlRequestMethods: ['PUT'] },
      refused: [403, 'AccessForbidden'],
    },
    { operation: 'DeleteBucketCors' },
    gone('GetBucketCors', 'NoSuchCORSConfiguration'),

    { operation: 'SetBucketWebsiteConfiguration', args: website },
    { operation: 'GetBucketWebsiteConfiguration', gives: website },
    { operation: 'DeleteBucketWebsiteConfiguration' },
    gone('GetBucketWebsiteConfiguration', 'NoSuchWebsiteConfiguration'),

    { operation: 'SetBucketLifecycleConfiguration', args: { Rules: [lifecycle] } },
    {
      operation: 'GetBucketLifecycleConfiguration',
      gives: {
        Rules: [
          {
            ...lifecycle,
            Transitions: [{ StorageClass: warm, Days: '30' }],
            Expiration: { Days: '90' },
            NoncurrentVersionTransitions: [{ StorageClass: own ? 'COLD' : 'GLACIER', NoncurrentDays: '30' }],
            NoncurrentVersionExpiration: { NoncurrentDays: '60' },
          },
        ],
      },
    },
    { operation: 'DeleteBucketLifecycleConfiguration' },
    gone('GetBucketLifecycleConfiguration', 'NoSuchLifecycleConfiguration'),

    { operation: 'SetBucketLoggingConfiguration', args: { Agency: 'agency', LoggingEnabled: logging } },
    { operation: 'GetBucketLoggingConfiguration', gives: { LoggingEnabled: logging } },
    { operation: 'SetBucketLoggingConfiguration', args: {} },

    { operation: 'SetBucketNotification', args: { TopicConfigurations: [topic] } },
    { operation: 'GetBucketNotification', gives: { TopicConfigurations: [topic] } },
    { operation: 'SetBucketNotification', args: {} },

    { operation: 'SetBucketTagging', args: { Tags } },
    { operation: 'GetBucketTagging', gives: { Tags } },
    { operation: 'DeleteBucketTagging' },
    gone('GetBucketTagging', 'NoSuchTagSet'),

    { operation: 'SetBucketEncryption', args: rule('kms') },
    { operation: 'GetBucketEncryption', gives: rule(own ? 'kms' : 'aws:kms') },
    { operation: 'DeleteBucketEncryption' },
    gone(
      'GetBucketEncryption',
      own ? 'NoSuchEncryptionConfiguration' : 'ServerSideEncryptionConfigurationNotFoundError',
    ),

    { operation: 'SetBucketRequesterPayment', args: { Payer: 'BucketOwner' } },
    { operation: 'GetBucketRequesterPayment', gives: { Payer: 'BucketOwner' } },
    {
      operation: 'SetBucketRequesterPayment',
      args: { Payer: 'Requester' },
      refused: [501, 'NotImplemented', /Payer can be BucketOwner only/],
    },

    { operation: 'SetBucketDirectColdAccess', args: { Status: 'Enabled' } },
    { operation: 'GetBucketDirectColdAccess', gives: { Status: 'Enabled' } },
    { operation: 'DeleteBucketDirectColdAccess' },
  ];
}
