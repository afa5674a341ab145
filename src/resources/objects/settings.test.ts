import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import {
  DeleteBucketCorsCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketTaggingCommand,
  DeleteBucketWebsiteCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLoggingCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketRequestPaymentCommand,
  GetBucketTaggingCommand,
  GetBucketWebsiteCommand,
  type LifecycleRule,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketLoggingCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketRequestPaymentCommand,
  PutBucketTaggingCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { s3Client } from './clients.fixture.ts';
import type { ObjectEvent } from './index.ts';
import { DOMAIN, type ObjectWorld, objectWorld, person, REGION } from './world.fixture.ts';

const require = createRequire(import.meta.url);
const ObsClient = require('esdk-obs-nodejs');
const ann = person('ann');

for (const signature of ['obs', 'v2', 'v4']) {
  describe(`esdk-obs-nodejs, ${signature}: what is set on buckets`, () => {
    let world: ObjectWorld;
    // biome-ignore lint/suspicious/noExplicitAny: the package has no types
    let obs: any;
    const Bucket = 'settings';
    const ok = async (method: string, args: object = {}) => {
      const { CommonMsg, InterfaceResult } = await obs[method]({ Bucket, ...args });
      assert.ok(CommonMsg.Status < 300, `${method}: ${JSON.stringify(CommonMsg)}`);
      return InterfaceResult;
    };
    const refused = async (method: string, args: object, status: number, code: string) => {
      const { CommonMsg } = await obs[method]({ Bucket, ...args });
      assert.deepEqual([CommonMsg.Status, CommonMsg.Code], [status, code], `${method}: ${CommonMsg.Message}`);
    };

    const resolve = dns.lookup;
    before(async () => {
      world = await objectWorld();
      // Names below the domain lead here: only to a host by name the client speaks the OBS dialect.
      // biome-ignore lint/suspicious/noExplicitAny: one of many overloads
      dns.lookup = ((host: string, options: { all?: boolean }, done: any) => {
        if (!host.endsWith(DOMAIN)) return resolve(host, options, done);
        return options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
      }) as typeof dns.lookup;
      const { access, secret } = world.key('ann');
      obs = new ObsClient({
        access_key_id: access,
        secret_access_key: secret,
        server: signature === 'obs' ? `http://${DOMAIN}:${world.port}` : world.url,
        signature,
        region: REGION,
      });
      await tick();
      await ok('createBucket', { Location: REGION });
    });
    after(async () => {
      dns.lookup = resolve;
      obs.close();
      await world.close();
    });

    it('CORS, told on HEAD of the bucket too', async () => {
      await refused('getBucketCors', {}, 404, 'NoSuchCORSConfiguration');
      const rule = {
        ID: 'one',
        AllowedMethod: ['PUT', 'HEAD'],
        AllowedOrigin: ['http://*.example.com', 'https://app.test'],
        AllowedHeader: ['x-obs-*', 'content-type'],
        MaxAgeSeconds: 100,
        ExposeHeader: ['x-obs-request-id', 'ETag'],
      };
      await ok('setBucketCors', { CorsRules: [rule] });
      const [{ MaxAgeSeconds, ...told }] = (await ok('getBucketCors')).CorsRules;
      assert.deepEqual({ ...told, MaxAgeSeconds: Number(MaxAgeSeconds) }, rule);
      const head = await ok('getBucketMetadata', { Origin: 'http://www.example.com', RequestHeader: 'x-obs-header' });
      assert.equal(head.AllowOrigin, 'http://www.example.com');
      assert.equal(head.AllowMethod, 'PUT, HEAD');
      assert.equal(head.MaxAgeSeconds, '100');
      await ok('deleteBucketCors');
      await refused('getBucketCors', {}, 404, 'NoSuchCORSConfiguration');
    });

    it('website', async () => {
      await refused('getBucketWebsiteConfiguration', {}, 404, 'NoSuchWebsiteConfiguration');
      await ok('setBucketWebsiteConfiguration', {
        IndexDocument: { Suffix: 'index.html' },
        ErrorDocument: { Key: 'error.html' },
        RoutingRules: [
          {
            Condition: { HttpErrorCodeReturnedEquals: '404', KeyPrefixEquals: 'docs/' },
            Redirect: {
              Protocol: 'https',
              HostName: 'example.com',
              ReplaceKeyPrefixWith: 'x/',
              HttpRedirectCode: '302',
            },
          },
        ],
      });
      const told = await ok('getBucketWebsiteConfiguration');
      assert.equal(told.IndexDocument.Suffix, 'index.html');
      assert.equal(told.RoutingRules[0].Redirect.ReplaceKeyPrefixWith, 'x/');
      await ok('setBucketWebsiteConfiguration', { RedirectAllRequestsTo: { HostName: 'example.com' } });
      await ok('deleteBucketWebsiteConfiguration');
    });

    it('tags, quota, storage class, encryption, payment', async () => {
      await refused('getBucketTagging', {}, 404, 'NoSuchTagSet');
      const Tags = [
        { Key: 'team', Value: 'vision' },
        { Key: 'empty', Value: '' },
      ];
      await ok('setBucketTagging', { Tags });
      assert.deepEqual(
        (await ok('getBucketTagging')).Tags.map((tag: { Key: string }) => tag.Key),
        ['team', 'empty'],
      );
      await ok('deleteBucketTagging');
      assert.equal((await ok('getBucketQuota')).StorageQuota, '0');
      await ok('setBucketQuota', { StorageQuota: 100 });
      assert.equal((await ok('getBucketQuota')).StorageQuota, '100');
      await ok('putObject', { Key: 'a', Body: 'x'.repeat(60) });
      await refused('putObject', { Key: 'b', Body: 'x'.repeat(41) }, 403, 'InsufficientStorageSpace');
      await refused('copyObject', { Key: 'b', CopySource: `${Bucket}/a` }, 403, 'InsufficientStorageSpace');
      await ok('putObject', { Key: 'a', Body: 'x'.repeat(100) });
      const info = await ok('getBucketStorageInfo');
      assert.deepEqual([info.Size, info.ObjectNumber], ['100', '1']);
      await ok('deleteObject', { Key: 'a' });
      assert.equal((await ok('getBucketStorageInfo')).Size, '0');
      await ok('setBucketQuota', { StorageQuota: 0 });
      await ok('setBucketStoragePolicy', { StorageClass: 'WARM' });
      assert.equal((await ok('getBucketStoragePolicy')).StorageClass, signature === 'obs' ? 'WARM' : 'STANDARD_IA');
      await ok('setBucketStoragePolicy', { StorageClass: 'STANDARD' });
      await refused(
        'getBucketEncryption',
        {},
        404,
        signature === 'obs' ? 'NoSuchEncryptionConfiguration' : 'ServerSideEncryptionConfigurationNotFoundError',
      );
      const Rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'kms', KMSMasterKeyID: 'key-1' } };
      await ok('setBucketEncryption', { Rule });
      const told = (await ok('getBucketEncryption')).Rule.ApplyServerSideEncryptionByDefault;
      assert.deepEqual(told, {
        SSEAlgorithm: signature === 'obs' ? 'kms' : 'aws:kms',
        KMSMasterKeyID: 'key-1',
      });
      await ok('deleteBucketEncryption');
      assert.equal((await ok('getBucketRequesterPayment')).Payer, 'BucketOwner');
      await ok('setBucketRequesterPayment', { Payer: 'BucketOwner' });
      await refused('setBucketRequesterPayment', { Payer: 'Requester' }, 501, 'NotImplemented');
    });

    it('logging, notification, lifecycle, direct access', async () => {
      await ok('createBucket', { Bucket: 'logs', Location: REGION });
      await refused(
        'setBucketLoggingConfiguration',
        { LoggingEnabled: { TargetBucket: 'missing-bucket', TargetPrefix: 'x' } },
        400,
        'InvalidTargetBucketForLogging',
      );
      await ok('setBucketLoggingConfiguration', {
        Agency: 'agency',
        LoggingEnabled: { TargetBucket: 'logs', TargetPrefix: 'of-settings/' },
      });
      assert.equal((await ok('getBucketLoggingConfiguration')).LoggingEnabled.TargetPrefix, 'of-settings/');
      await ok('headBucket');
      await world.objects.deliverAccessLogs();
      const delivered = (await ok('listObjects', { Bucket: 'logs' })).Contents as { Key: string }[];
      assert.match(delivered[0]!.Key, /^of-settings\/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[A-Z0-9]{16}$/);
      const lines = String((await ok('getObject', { Bucket: 'logs', Key: delivered[0]!.Key })).Content).split('\n');
      const line = lines.find(text => text.includes('REST.HEAD.BUCKET - '))!;
      assert.match(
        line,
        /^account-acme settings \[\d\d\/\w{3}\/\d{4}:[\d:]{8} \+0000\] 127\.0\.0\.1 id-ann [0-9A-F]{32} /,
      );
      assert.match(line, /REST\.HEAD\.BUCKET - "HEAD \/\S* HTTP\/1\.1" 200 - - - \d+ \d+ "-" "[^"]+" - -$/);
      await ok('setBucketLoggingConfiguration', {});
      assert.equal((await ok('getBucketLoggingConfiguration')).LoggingEnabled?.TargetBucket ?? '', '');

      const topic = {
        ID: 'n1',
        Topic: 'urn:smn:local-1:p:topic',
        Event: ['ObjectCreated:*'],
        Filter: { FilterRules: [{ Name: 'prefix', Value: 'in/' }] },
      };
      await ok('setBucketNotification', { TopicConfigurations: [topic] });
      const [told] = (await ok('getBucketNotification')).TopicConfigurations;
      assert.equal(told.Topic, topic.Topic);
      assert.deepEqual(told.Filter.FilterRules, topic.Filter.FilterRules);
      await ok('setBucketNotification', {});

      const Rules = [
        {
          ID: 'r1',
          Prefix: 'logs/',
          Status: 'Enabled',
          Transitions: [
            { StorageClass: 'WARM', Days: 30 },
            { StorageClass: 'COLD', Days: 60 },
          ],
          Expiration: { Days: 90 },
          NoncurrentVersionTransitions: [{ StorageClass: 'COLD', NoncurrentDays: 10 }],
          NoncurrentVersionExpiration: { NoncurrentDays: 20 },
        },
      ];
      await refused('getBucketLifecycleConfiguration', {}, 404, 'NoSuchLifecycleConfiguration');
      await ok('setBucketLifecycleConfiguration', { Rules });
      const [rule] = (await ok('getBucketLifecycleConfiguration')).Rules;
      assert.equal(rule.Transitions[1].StorageClass, signature === 'obs' ? 'COLD' : 'GLACIER');
      assert.equal(rule.Expiration.Days, '90');
      await ok('deleteBucketLifecycleConfiguration');
      await ok('setBucketDirectColdAccess', { Status: 'Enabled' });
      assert.equal((await ok('getBucketDirectColdAccess')).Status, 'Enabled');
      await ok('deleteBucketDirectColdAccess');
    });
  });
}

describe('@aws-sdk/client-s3: what is set on buckets', () => {
  let world: ObjectWorld;
  let s3: S3Client;
  const events: [string, ObjectEvent][] = [];
  const Bucket = 'settings';
  before(async () => {
    world = await objectWorld({ onEvent: (bucket, event) => void events.push([bucket, event]) });
    await world.objects.service.createBucket(ann, Bucket);
    await world.objects.service.createBucket(ann, 'logs');
    s3 = s3Client(world.url, world.key('ann'));
  });
  after(async () => {
    s3.destroy();
    await world.close();
  });

  it('documents come back as they were put', async () => {
    const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 5 }];
    await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    assert.deepEqual((await s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules, CORSRules);
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    await assert.rejects(s3.send(new GetBucketCorsCommand({ Bucket })), { name: 'NoSuchCORSConfiguration' });

    const WebsiteConfiguration = { IndexDocument: { Suffix: 'i.html' }, ErrorDocument: { Key: 'e.html' } };
    await s3.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
    const { IndexDocument, ErrorDocument } = await s3.send(new GetBucketWebsiteCommand({ Bucket }));
    assert.deepEqual({ IndexDocument, ErrorDocument }, WebsiteConfiguration);
    await s3.send(new DeleteBucketWebsiteCommand({ Bucket }));

    const TagSet = [{ Key: 'a&b', Value: '<x>' }];
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
    assert.deepEqual((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet, TagSet);
    await s3.send(new DeleteBucketTaggingCommand({ Bucket }));

    const ServerSideEncryptionConfiguration = {
      Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: 'k' } }],
    };
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
    const encryption = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    assert.deepEqual(encryption.ServerSideEncryptionConfiguration, ServerSideEncryptionConfiguration);
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));

    const LoggingEnabled = { TargetBucket: 'logs', TargetPrefix: 'p' };
    await s3.send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: { LoggingEnabled } }));
    assert.deepEqual((await s3.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled, LoggingEnabled);
    await s3.send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: {} }));

    const Rules: LifecycleRule[] = [
      {
        ID: 'all',
        Filter: { And: { Prefix: 'p/', Tags: [{ Key: 'a', Value: 'b' }], ObjectSizeGreaterThan: 10 } },
        Status: 'Enabled',
        Transitions: [{ Days: 1, StorageClass: 'GLACIER' }],
        Expiration: { Days: 2 },
        NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 3 },
      },
      {
        ID: 'up',
        Filter: { Prefix: '' },
        Status: 'Disabled',
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
      },
    ];
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
    assert.deepEqual((await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules, Rules);
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));

    await s3.send(
      new PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration: { Payer: 'BucketOwner' } }),
    );
    assert.equal((await s3.send(new GetBucketRequestPaymentCommand({ Bucket }))).Payer, 'BucketOwner');
  });

  it('events that the notification document asks for are told after the write', async () => {
    const NotificationConfiguration = {
      TopicConfigurations: [
        {
          Id: 't',
          TopicArn: undefined,
          Events: ['s3:ObjectCreated:Put' as const],
          Filter: { Key: { FilterRules: [{ Name: 'suffix' as const, Value: '.jpg' }] } },
        },
      ],
    };
    const { TopicConfigurations } = NotificationConfiguration;
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: {
          TopicConfigurations: TopicConfigurations.map(topic => ({ ...topic, TopicArn: 'urn:smn:t' })),
        },
      }),
    );
    const told = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }));
    assert.deepEqual(told.TopicConfigurations?.[0]?.Events, ['s3:ObjectCreated:Put']);
    assert.equal(told.TopicConfigurations?.[0]?.Filter?.Key?.FilterRules?.[0]?.Value, '.jpg');
    for (const Key of ['a.jpg', 'a.png']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    await world.objects.service.remove(ann, { bucket: Bucket, key: 'a.jpg' });
    await tick();
    assert.deepEqual(
      events.map(([bucket, { name, key, size, by }]) => [bucket, name, key, size, by.name]),
      [[Bucket, 'ObjectCreated:Put', 'a.jpg', 1, 'ann']],
    );
  });
});
