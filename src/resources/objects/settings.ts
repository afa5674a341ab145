import type { StorageClass } from './object.ts';

/** Documents that are set on buckets, by the names of their XML elements. */
export interface CorsSettings {
  CORSRule: CorsRule[];
}
export interface CorsRule {
  ID?: string;
  AllowedMethod: string[];
  AllowedOrigin: string[];
  AllowedHeader?: string[];
  MaxAgeSeconds?: number;
  ExposeHeader?: string[];
}

export interface WebsiteSettings {
  RedirectAllRequestsTo?: { HostName: string; Protocol?: string };
  IndexDocument?: { Suffix: string };
  ErrorDocument?: { Key: string };
  RoutingRules?: { RoutingRule: RoutingRule[] };
}
export interface RoutingRule {
  Condition?: { KeyPrefixEquals?: string; HttpErrorCodeReturnedEquals?: number };
  Redirect: {
    Protocol?: string;
    HostName?: string;
    ReplaceKeyPrefixWith?: string;
    ReplaceKeyWith?: string;
    HttpRedirectCode?: number;
  };
}

export interface EncryptionSettings {
  Rule: {
    ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'kms' | 'AES256'; KMSMasterKeyID?: string; ProjectID?: string };
    BucketKeyEnabled?: string;
  };
}

export interface LoggingSettings {
  Agency?: string;
  LoggingEnabled?: {
    TargetBucket: string;
    TargetPrefix?: string;
    TargetGrants?: {
      Grant: { Grantee: { ID?: string; DisplayName?: string; Canned?: string; URI?: string }; Permission: string }[];
    };
  };
}

export interface NotificationSettings {
  TopicConfiguration?: NotificationRule[];
  FunctionGraphConfiguration?: NotificationRule[];
}
export interface NotificationRule {
  Id?: string;
  /** Rules on the key: `prefix` or `suffix`. */
  Filter?: { Object?: { FilterRule?: { Name: string; Value: string }[] } };
  Topic?: string;
  FunctionGraph?: string;
  /** `ObjectCreated:*`, without the prefix `s3:`. */
  Event: string[];
}

export interface LifecycleSettings {
  Rule: LifecycleRule[];
}
export interface LifecycleTag {
  Key: string;
  Value: string;
}
export interface LifecycleConditions {
  Prefix?: string;
  Tag?: LifecycleTag[];
  ObjectSizeGreaterThan?: number;
  ObjectSizeLessThan?: number;
}
export interface LifecycleRule {
  ID?: string;
  /** The older way of giving the prefix; otherwise it is in the filter. */
  Prefix?: string;
  Filter?: LifecycleConditions & { And?: LifecycleConditions };
  Status: 'Enabled' | 'Disabled';
  Transition?: { Date?: string; Days?: number; StorageClass: StorageClass }[];
  Expiration?: { Date?: string; Days?: number; ExpiredObjectDeleteMarker?: string };
  NoncurrentVersionTransition?: {
    NoncurrentDays: number;
    NewerNoncurrentVersions?: number;
    StorageClass: StorageClass;
  }[];
  NoncurrentVersionExpiration?: { NoncurrentDays: number; NewerNoncurrentVersions?: number };
  AbortIncompleteMultipartUpload?: { DaysAfterInitiation: number };
}
