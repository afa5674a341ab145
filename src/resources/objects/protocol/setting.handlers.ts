import { type ObsCode, obsFailure } from '../failures.ts';
import { missingBucket } from '../object.service.ts';
import type { BucketInfo } from '../object.ts';
import type { BucketSettings, SettingName } from '../settings.store.ts';
import {
  checkEncryption,
  checkWebsite,
  directColdAccessShape,
  encryptionShape,
  loggingShape,
  notificationShape,
  quotaShape,
  taggingShape,
  tagsOf,
  websiteShape,
} from './bucket-documents.ts';
import { documentText, type ObsCall, type ObsHandler, sendEmpty, sendXml } from './call.ts';
import { corsShape } from './cors.ts';
import { parseStorageClass } from './dialect.ts';
import { checkLifecycle, lifecycleShape } from './lifecycle-document.ts';
import { childText, parseXml, textOf, type XmlTree } from './xml.ts';
import { readShape, type Shape, writeShape } from './xml-shape.ts';

const KIB = 1024;

/** How one setting is spoken of: its document, the actions that it takes, and what is said of a bucket without it. */
interface Setting<N extends SettingName> {
  name: N;
  root: string;
  shape: Shape<BucketSettings[N]>;
  actions: { get: string; put: string; delete: string };
  /** The error where it is not set; absent: an empty document. */
  missing?: (call: ObsCall) => ObsCode;
  maxBytes: number;
  check?(value: BucketSettings[N], call: ObsCall, bucket: BucketInfo): void | Promise<void>;
}

/** The document of a request. Throws Failure MissingRequestBodyError, MalformedXML, or EntityTooLarge beyond `maxBytes`. */
async function documentOf(call: ObsCall, root: string, maxBytes = 64 * KIB): Promise<XmlTree> {
  const text = await documentText(call);
  if (text === undefined) throw obsFailure('MissingRequestBodyError', `The request needs a document ${root}.`);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw obsFailure('MalformedXML', `${root} has ${bytes} bytes; the limit is ${maxBytes}.`);
  return parseXml(text, root);
}

/** GET, PUT and DELETE of a setting. */
function handlersOf<N extends SettingName>(setting: Setting<N>): Record<'get' | 'put' | 'remove', ObsHandler> {
  const { name, root, shape, actions } = setting;
  return {
    async get(call) {
      const bucket = await call.services.guard.require(call.principal, `obs:bucket:${actions.get}`, call.path);
      const value = (await call.services.settings.of(bucket.id))[name];
      if (value === undefined && setting.missing) throw obsFailure(setting.missing(call));
      sendXml(call, [root, value === undefined ? [] : writeShape(value as BucketSettings[N], shape, call.dialect)]);
    },
    async put(call) {
      const bucket = await call.services.guard.require(call.principal, `obs:bucket:${actions.put}`, call.path);
      const value = readShape(await documentOf(call, root, setting.maxBytes), shape, root, call.dialect);
      await setting.check?.(value, call, bucket);
      // An empty document, where that is a document, switches off.
      if (Object.keys(value).length === 0) await call.services.settings.unset(bucket.id, name);
      else await call.services.settings.set(bucket.id, name, value).catch(rethrow);
      sendEmpty(call, 200);
    },
    async remove(call) {
      const bucket = await call.services.guard.require(call.principal, `obs:bucket:${actions.delete}`, call.path);
      await call.services.settings.unset(bucket.id, name);
      sendEmpty(call, 204);
    },
  };
}

function rethrow(error: unknown): never {
  throw missingBucket(error);
}

export const cors = handlersOf({
  name: 'cors',
  root: 'CORSConfiguration',
  shape: corsShape,
  actions: { get: 'GetBucketCORS', put: 'PutBucketCORS', delete: 'PutBucketCORS' },
  missing: () => 'NoSuchCORSConfiguration',
  maxBytes: 64 * KIB,
});

export const website = handlersOf({
  name: 'website',
  root: 'WebsiteConfiguration',
  shape: websiteShape,
  actions: { get: 'GetBucketWebsite', put: 'PutBucketWebsite', delete: 'DeleteBucketWebsite' },
  missing: () => 'NoSuchWebsiteConfiguration',
  maxBytes: 128 * KIB,
  check: checkWebsite,
});

export const lifecycle = handlersOf({
  name: 'lifecycle',
  root: 'LifecycleConfiguration',
  shape: lifecycleShape,
  actions: {
    get: 'GetLifecycleConfiguration',
    put: 'PutLifecycleConfiguration',
    delete: 'PutLifecycleConfiguration',
  },
  missing: () => 'NoSuchLifecycleConfiguration',
  maxBytes: 1024 * KIB,
  check: checkLifecycle,
});

export const encryption = handlersOf({
  name: 'encryption',
  root: 'ServerSideEncryptionConfiguration',
  shape: encryptionShape,
  actions: {
    get: 'GetEncryptionConfiguration',
    put: 'PutEncryptionConfiguration',
    delete: 'PutEncryptionConfiguration',
  },
  missing: call =>
    call.dialect.name === 'aws' ? 'ServerSideEncryptionConfigurationNotFoundError' : 'NoSuchEncryptionConfiguration',
  maxBytes: 64 * KIB,
  check: checkEncryption,
});

export const logging = handlersOf({
  name: 'logging',
  root: 'BucketLoggingStatus',
  shape: loggingShape,
  actions: { get: 'GetBucketLogging', put: 'PutBucketLogging', delete: 'PutBucketLogging' },
  maxBytes: 64 * KIB,
  async check({ LoggingEnabled }, call, bucket) {
    if (!LoggingEnabled) return;
    const target = await call.services.store.findBucket(LoggingEnabled.TargetBucket);
    if (!target || target.accountId !== bucket.accountId) {
      throw obsFailure('InvalidTargetBucketForLogging', 'TargetBucket must be a bucket of the same account.');
    }
    // Else who may not write there could have it written.
    const path = { bucket: target.name, key: LoggingEnabled.TargetPrefix ?? '' };
    await call.services.guard.require(call.principal, 'obs:object:PutObject', path);
  },
});

export const notification = handlersOf({
  name: 'notification',
  root: 'NotificationConfiguration',
  shape: notificationShape,
  actions: { get: 'GetBucketNotification', put: 'PutBucketNotification', delete: 'PutBucketNotification' },
  maxBytes: 64 * KIB,
});

export const directColdAccess = handlersOf({
  name: 'directColdAccess',
  root: 'DirectColdAccessConfiguration',
  shape: directColdAccessShape,
  actions: {
    get: 'GetDirectColdAccessConfiguration',
    put: 'PutDirectColdAccessConfiguration',
    delete: 'DeleteDirectColdAccessConfiguration',
  },
  missing: () => 'NoSuchDirectColdAccessConfiguration',
  maxBytes: 64 * KIB,
});

export const getTagging: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:GetBucketTagging', call.path);
  const { tags } = await call.services.settings.of(bucket.id);
  if (!tags) throw obsFailure('NoSuchTagSet');
  const Tag = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  sendXml(call, ['Tagging', writeShape({ TagSet: { Tag } }, taggingShape, call.dialect)]);
};

export const putTagging: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:PutBucketTagging', call.path);
  const { TagSet } = readShape(await documentOf(call, 'Tagging'), taggingShape, 'Tagging', call.dialect);
  const tags = tagsOf(TagSet.Tag ?? []);
  if (Object.keys(tags).length === 0) await call.services.settings.unset(bucket.id, 'tags');
  else await call.services.settings.set(bucket.id, 'tags', tags).catch(rethrow);
  sendEmpty(call, 204);
};

export const deleteTagging: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:DeleteBucketTagging', call.path);
  await call.services.settings.unset(bucket.id, 'tags');
  sendEmpty(call, 204);
};

export const getQuota: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:GetBucketQuota', call.path);
  sendXml(call, ['Quota', [['StorageQuota', await call.services.usage.quota(bucket.id)]]]);
};

export const putQuota: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:PutBucketQuota', call.path);
  const { StorageQuota } = readShape(await documentOf(call, 'Quota'), quotaShape, 'Quota', call.dialect);
  await call.services.usage.setQuota(bucket.id, StorageQuota);
  sendEmpty(call, 200);
};

export const storageInfo: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:GetBucketStorage', call.path);
  const { size, objects } = await call.services.usage.usage(bucket.id);
  sendXml(call, [
    'GetBucketStorageInfoResult',
    [
      ['Size', size],
      ['ObjectNumber', objects],
    ],
  ]);
};

/** `?storageClass` of OBS and `?storagePolicy` of the S3 dialect: the class of objects that name none. */
export const putStorageClass: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:PutBucketStoragePolicy', call.path);
  const policy = call.address.query.has('storagePolicy');
  const tree = await documentOf(call, policy ? 'StoragePolicy' : 'StorageClass');
  const name = policy ? childText(tree, 'DefaultStorageClass') : textOf(tree, 'StorageClass');
  const storageClass = parseStorageClass(name?.trim() ?? '');
  if (!storageClass) {
    throw obsFailure('InvalidStorageClass', `Storage class "${name?.slice(0, 40) ?? ''}" is not valid.`);
  }
  await call.services.buckets.setStorageClass(bucket, storageClass);
  sendEmpty(call, 200);
};

/** The owner pays here: there is nothing to pay. */
export const getRequestPayment: ObsHandler = async call => {
  await call.services.guard.require(call.principal, 'obs:bucket:GetBucketRequestPayment', call.path);
  sendXml(call, ['RequestPaymentConfiguration', [['Payer', 'BucketOwner']]]);
};

export const putRequestPayment: ObsHandler = async call => {
  await call.services.guard.require(call.principal, 'obs:bucket:PutBucketRequestPayment', call.path);
  const payer = childText(await documentOf(call, 'RequestPaymentConfiguration'), 'Payer')?.trim();
  if (payer !== 'BucketOwner' && payer !== 'Requester') {
    throw obsFailure('MalformedXML', 'Payer must be BucketOwner or Requester.');
  }
  if (payer === 'Requester') {
    throw obsFailure('NotImplemented', 'Nobody pays for requests here: Payer can be BucketOwner only.');
  }
  sendEmpty(call, 200);
};

/** Domains of one's own need certificates and names that this server does not serve. */
export const customDomain: ObsHandler = async call => {
  await call.services.guard.require(call.principal, 'obs:bucket:HeadBucket', call.path);
  if (call.request.method === 'GET') return sendXml(call, ['ListBucketCustomDomainsResult', []]);
  throw obsFailure(
    'NotImplemented',
    'Custom domains are not served: put a reverse proxy before Atelier that sets the Host <bucket>.<domain>.',
  );
};
