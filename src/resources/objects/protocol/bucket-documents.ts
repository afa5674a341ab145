import { obsFailure } from '../failures.ts';
import type {
  EncryptionSettings,
  LoggingSettings,
  NotificationRule,
  NotificationSettings,
  WebsiteSettings,
} from '../settings.ts';
import { textOf } from './xml.ts';
import { type Field, group, integer, list, oneOf, required, type Shape, single, text } from './xml-shape.ts';

/** `<Tagging>`: of a bucket at most 20 tags of 36 and 43 characters in OBS; S3's wider limits (50, 128, 256) hold for both. */
export const taggingShape: Shape<{ TagSet: { Tag?: { Key: string; Value: string }[] } }> = {
  TagSet: required(
    group({
      Tag: list(
        group({
          Key: required(text(128, /^(?!aws:).+$/s, '1 to 128 characters, not beginning with aws:')),
          Value: required(text(256)),
        }),
        0,
        50,
      ),
    }),
  ),
};

/** The tags by key. Throws Failure InvalidTag where one is given twice. */
export function tagsOf(tags: readonly { Key: string; Value: string }[]): Record<string, string> {
  const twice = tags.find(({ Key }, index) => tags.findIndex(tag => tag.Key === Key) !== index);
  if (twice) throw obsFailure('InvalidTag', `Tag "${twice.Key}" is given twice.`);
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}

/** `<Quota>`, in bytes. */
export const quotaShape: Shape<{ StorageQuota: number }> = {
  StorageQuota: required(integer(0, Number.MAX_SAFE_INTEGER)),
};

/** S3 calls `kms` of OBS `aws:kms`. */
const algorithm: Field<'kms' | 'AES256'> = single(
  (node, at) => {
    const value = textOf(node, at).trim();
    if (value === 'AES256') return value;
    if (value === 'kms' || value === 'aws:kms') return 'kms';
    throw obsFailure('InvalidArgument', `${at} is "${value.slice(0, 40)}"; it must be kms (aws:kms) or AES256.`);
  },
  (value, dialect) => (value === 'kms' && dialect.name === 'aws' ? 'aws:kms' : value),
);

/** `<ServerSideEncryptionConfiguration>` (OBS "Configuring Bucket Encryption"). */
export const encryptionShape: Shape<EncryptionSettings> = {
  Rule: required(
    group({
      ApplyServerSideEncryptionByDefault: required(
        group({
          SSEAlgorithm: required(algorithm),
          KMSMasterKeyID: text(2048),
          ProjectID: text(64),
        }),
      ),
      BucketKeyEnabled: oneOf<string>('true', 'false'),
    }),
  ),
};

export function checkEncryption({ Rule }: EncryptionSettings): void {
  const { SSEAlgorithm, KMSMasterKeyID } = Rule.ApplyServerSideEncryptionByDefault;
  if (SSEAlgorithm === 'AES256' && KMSMasterKeyID) {
    throw obsFailure('InvalidArgument', 'KMSMasterKeyID goes with the algorithm kms only.');
  }
}

/** `<BucketLoggingStatus>`. */
export const loggingShape: Shape<LoggingSettings> = {
  Agency: text(64),
  LoggingEnabled: group({
    TargetBucket: required(text(63)),
    TargetPrefix: text(800),
    TargetGrants: group({
      Grant: list(
        group({
          Grantee: required(group({ ID: text(128), DisplayName: text(128), Canned: text(64), URI: text(256) })),
          Permission: required(oneOf<string>('READ', 'WRITE', 'FULL_CONTROL', 'READ_ACP', 'WRITE_ACP')),
        }),
        0,
        100,
      ),
    }),
  }),
};

const EVENTS =
  /^(?:s3:)?(ObjectCreated:(?:\*|Put|Post|Copy|CompleteMultipartUpload)|(?:ObjectRemoved|LifecycleExpiration):(?:\*|Delete|DeleteMarkerCreated)|LifecycleTransition)$/;

/** An event; S3 writes `s3:` before what OBS calls it. */
const event: Field<string> = single(
  (node, at) => {
    const found = EVENTS.exec(textOf(node, at).trim())?.[1];
    if (found === undefined) {
      throw obsFailure(
        'InvalidArgument',
        `${at} is no event: ObjectCreated:* (Put, Post, Copy, CompleteMultipartUpload), ObjectRemoved:* and LifecycleExpiration:* (Delete, DeleteMarkerCreated), LifecycleTransition.`,
      );
    }
    return found;
  },
  (value, dialect) => (dialect.name === 'aws' ? `s3:${value}` : value),
);

type KeyFilter = NonNullable<NonNullable<NotificationRule['Filter']>['Object']>;

const filterRules = group<KeyFilter>({
  FilterRule: list(
    group({ Name: required(text(6, /^(prefix|suffix)$/i, 'prefix or suffix')), Value: required(text(1024)) }),
    0,
    2,
  ),
});

/** OBS calls `Object` what S3 calls `S3Key`; either is read. */
const filter: Field<NonNullable<NotificationRule['Filter']>> = {
  read(nodes, at, dialect) {
    const both = group<{ Object?: KeyFilter; S3Key?: KeyFilter }>({ Object: filterRules, S3Key: filterRules });
    const found = both.read(nodes, at, dialect);
    const rules = found?.Object ?? found?.S3Key;
    return rules && { Object: rules };
  },
  write: (name, value, dialect) => [
    [name, value.Object ? filterRules.write(dialect.name === 'aws' ? 'S3Key' : 'Object', value.Object, dialect) : []],
  ],
};

const rule: Shape<Omit<NotificationRule, 'Topic' | 'FunctionGraph'>> = {
  Id: text(255),
  Filter: filter,
  Event: list(event, 1, 10),
};

/** `<NotificationConfiguration>`: topics and functions, at most 10 each. */
export const notificationShape: Shape<NotificationSettings> = {
  TopicConfiguration: list(
    group<NotificationRule>({ ...rule, Topic: required(text(1024)), FunctionGraph: absent('Topic') }),
    0,
    10,
  ),
  FunctionGraphConfiguration: list(
    group<NotificationRule>({ ...rule, FunctionGraph: required(text(1024)), Topic: absent('FunctionGraph') }),
    0,
    10,
  ),
};

function absent(instead: string): Field<string> {
  return single(
    (_, at) => {
      throw obsFailure('MalformedXML', `${at} does not belong here; ${instead} does.`);
    },
    value => value,
  );
}

/** `<WebsiteConfiguration>` (OBS "Configuring Static Website Hosting for a Bucket"; S3 PutBucketWebsite: at most 50 routing rules). */
export const websiteShape: Shape<WebsiteSettings> = {
  RedirectAllRequestsTo: group({ HostName: required(hostName()), Protocol: protocol() }),
  IndexDocument: group({ Suffix: required(text(1024, /^[^/]+$/, 'a name without slash')) }),
  ErrorDocument: group({ Key: required(text(1024, /./s, 'the key of an object')) }),
  RoutingRules: group({
    RoutingRule: list(
      group({
        Condition: group({ KeyPrefixEquals: text(1024), HttpErrorCodeReturnedEquals: integer(400, 599) }),
        Redirect: required(
          group({
            Protocol: protocol(),
            HostName: hostName(),
            ReplaceKeyPrefixWith: text(1024),
            ReplaceKeyWith: text(1024),
            HttpRedirectCode: integer(301, 308),
          }),
        ),
      }),
      1,
      50,
    ),
  }),
};

function hostName() {
  return text(512, /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/, 'a host name');
}

function protocol() {
  return oneOf<string>('http', 'https');
}

export function checkWebsite(settings: WebsiteSettings): void {
  const { RedirectAllRequestsTo, IndexDocument, ErrorDocument, RoutingRules } = settings;
  if (RedirectAllRequestsTo && (IndexDocument || ErrorDocument || RoutingRules)) {
    throw obsFailure('InvalidArgument', 'RedirectAllRequestsTo stands alone.');
  }
  if (!RedirectAllRequestsTo && !IndexDocument) {
    throw obsFailure('InvalidArgument', 'IndexDocument or RedirectAllRequestsTo is needed.');
  }
  for (const { Redirect } of RoutingRules?.RoutingRule ?? []) {
    const { HttpRedirectCode = 301 } = Redirect;
    if (![301, 302, 303, 307, 308].includes(HttpRedirectCode)) {
      throw obsFailure(
        'InvalidArgument',
        `HttpRedirectCode is ${HttpRedirectCode}; it must be 301, 302, 303, 307 or 308.`,
      );
    }
    if (Redirect.ReplaceKeyPrefixWith !== undefined && Redirect.ReplaceKeyWith !== undefined) {
      throw obsFailure('InvalidArgument', 'Redirect holds either ReplaceKeyPrefixWith or ReplaceKeyWith.');
    }
  }
}

/** `<DirectColdAccessConfiguration>`. */
export const directColdAccessShape: Shape<{ Status: 'Enabled' }> = { Status: required(oneOf('Enabled')) };
