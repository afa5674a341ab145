import { isFailure } from '../../kernel/failure.ts';
import { obs, obsXml } from './obs.ts';
import { textAt, within, xml } from './xml.ts';

export const versioningXml = (status: 'Enabled' | 'Suspended') =>
  String(xml('VersioningConfiguration', xml('Status', status)));

export const encryptionXml = () =>
  String(
    xml(
      'ServerSideEncryptionConfiguration',
      xml('Rule', xml('ApplyServerSideEncryptionByDefault', xml('SSEAlgorithm', 'kms'))),
    ),
  );

export const quotaXml = (bytes: number) => String(xml('Quota', xml('StorageQuota', bytes)));

export interface Pair {
  name: string;
  value: string;
}

export const tagsXml = (tags: readonly Pair[]) =>
  String(
    xml('Tagging', xml('TagSet', ...tags.map(({ name, value }) => xml('Tag', xml('Key', name), xml('Value', value))))),
  );

export const loggingXml = (target: string, prefix: string) =>
  String(
    xml(
      'BucketLoggingStatus',
      ...(target === '' ? [] : [xml('LoggingEnabled', xml('TargetBucket', target), xml('TargetPrefix', prefix))]),
    ),
  );

/** A rule of the life cycle: of what begins with `prefix`, days until each step. */
export interface LifecycleRule {
  id: string;
  prefix: string;
  enabled: boolean;
  expire?: number | undefined;
  warm?: number | undefined;
  cold?: number | undefined;
  expireVersions?: number | undefined;
  abortUploads?: number | undefined;
  /** It says more than these forms show. */
  more?: boolean;
}

export function lifecycleXml(rules: readonly LifecycleRule[]): string {
  const list = rules.map(({ id, prefix, enabled, expire, warm, cold, expireVersions, abortUploads }) =>
    xml(
      'Rule',
      xml('ID', id),
      xml('Prefix', prefix),
      xml('Status', enabled ? 'Enabled' : 'Disabled'),
      ...(warm === undefined ? [] : [xml('Transition', xml('Days', warm), xml('StorageClass', 'WARM'))]),
      ...(cold === undefined ? [] : [xml('Transition', xml('Days', cold), xml('StorageClass', 'COLD'))]),
      ...(expire === undefined ? [] : [xml('Expiration', xml('Days', expire))]),
      ...(expireVersions === undefined
        ? []
        : [xml('NoncurrentVersionExpiration', xml('NoncurrentDays', expireVersions))]),
      ...(abortUploads === undefined
        ? []
        : [xml('AbortIncompleteMultipartUpload', xml('DaysAfterInitiation', abortUploads))]),
    ),
  );
  return String(xml('LifecycleConfiguration', ...list));
}

const KNOWN = [
  'ID',
  'Prefix',
  'Status',
  'Transition',
  'Expiration',
  'NoncurrentVersionExpiration',
  'AbortIncompleteMultipartUpload',
];

function ruleOf(element: Element): LifecycleRule {
  const days = (from: Element | undefined, name = 'Days') => {
    const text = textAt(from, name);
    return text === '' ? undefined : Number(text);
  };
  const one = (name: string) => within(element, name)[0];
  const transition = (storageClass: string) =>
    days(within(element, 'Transition').find(each => textAt(each, 'StorageClass') === storageClass));
  const dated = [...within(element, 'Transition'), ...within(element, 'Expiration')].some(
    each => textAt(each, 'Days') === '',
  );
  const kept = textAt(element, 'NoncurrentVersionExpiration', 'NewerNoncurrentVersions') !== '';
  return {
    id: textAt(element, 'ID'),
    prefix: textAt(element, 'Prefix'),
    enabled: textAt(element, 'Status') === 'Enabled',
    expire: days(one('Expiration')),
    warm: transition('WARM'),
    cold: transition('COLD'),
    expireVersions: days(one('NoncurrentVersionExpiration'), 'NoncurrentDays'),
    abortUploads: days(one('AbortIncompleteMultipartUpload'), 'DaysAfterInitiation'),
    more: dated || kept || [...element.children].some(child => !KNOWN.includes(child.localName)),
  };
}

/** A document of the bucket; undefined where it is not set. */
async function setting(bucket: string, name: string, signal: AbortSignal): Promise<Element | undefined> {
  try {
    return await obsXml('GET', { bucket }, { query: { [name]: '' }, signal });
  } catch (error) {
    if (isFailure(error) && error.status === 404 && error.code !== 'NoSuchBucket') return undefined;
    throw error;
  }
}

/** How each setting of a bucket is read. */
export const read = {
  async head(bucket: string, signal: AbortSignal) {
    const { headers } = await obs('HEAD', { bucket }, { signal });
    return {
      location: headers.get('x-obs-bucket-location') ?? '',
      storageClass: headers.get('x-obs-storage-class') ?? 'STANDARD',
      kind: headers.get('x-obs-fs-file-interface') === 'Enabled' ? ('POSIX' as const) : ('OBJECT' as const),
    };
  },
  async usage(bucket: string, signal: AbortSignal) {
    const tree = await setting(bucket, 'storageinfo', signal);
    return { size: Number(textAt(tree, 'Size')), objects: Number(textAt(tree, 'ObjectNumber')) };
  },
  versioning: async (bucket: string, signal: AbortSignal) =>
    textAt(await setting(bucket, 'versioning', signal), 'Status') as '' | 'Enabled' | 'Suspended',
  encryption: async (bucket: string, signal: AbortSignal) =>
    textAt(await setting(bucket, 'encryption', signal), 'Rule', 'ApplyServerSideEncryptionByDefault', 'SSEAlgorithm'),
  quota: async (bucket: string, signal: AbortSignal) =>
    Number(textAt(await setting(bucket, 'quota', signal), 'StorageQuota')),
  async tags(bucket: string, signal: AbortSignal): Promise<Pair[]> {
    const tree = await setting(bucket, 'tagging', signal);
    const set = tree && within(tree, 'TagSet')[0];
    return (set ? within(set, 'Tag') : []).map(tag => ({ name: textAt(tag, 'Key'), value: textAt(tag, 'Value') }));
  },
  async logging(bucket: string, signal: AbortSignal) {
    const tree = await setting(bucket, 'logging', signal);
    return {
      target: textAt(tree, 'LoggingEnabled', 'TargetBucket'),
      prefix: textAt(tree, 'LoggingEnabled', 'TargetPrefix'),
    };
  },
  async lifecycle(bucket: string, signal: AbortSignal): Promise<LifecycleRule[]> {
    const tree = await setting(bucket, 'lifecycle', signal);
    return tree ? within(tree, 'Rule').map(ruleOf) : [];
  },
  async uploads(bucket: string, signal: AbortSignal) {
    const tree = await obsXml('GET', { bucket }, { query: { uploads: '', 'encoding-type': 'url' }, signal });
    return within(tree, 'Upload').map(each => ({
      key: decodeURIComponent(textAt(each, 'Key')),
      uploadId: textAt(each, 'UploadId'),
    }));
  },
};
