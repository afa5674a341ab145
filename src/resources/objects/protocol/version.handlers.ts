import { obsFailure } from '../failures.ts';
import { MAX_LIST_KEYS } from '../listing.ts';
import { NULL_VERSION } from '../versions.ts';
import { keyEncoder } from './bucket.handlers.ts';
import { documentText, isoTime, numberParameter, type ObsHandler, owner, sendEmpty, sendXml } from './call.ts';
import { storageClassName } from './dialect.ts';
import { childText, parseXml, type Xml } from './xml.ts';

export const putVersioning: ObsHandler = async call => {
  const text = await documentText(call);
  if (text === undefined) throw obsFailure('MissingRequestBodyError');
  const status = childText(parseXml(text, 'VersioningConfiguration'), 'Status')?.trim();
  if (status !== 'Enabled' && status !== 'Suspended') {
    throw obsFailure('MalformedXML', 'The Status of a VersioningConfiguration is Enabled or Suspended.');
  }
  await call.services.buckets.setVersioning(call.principal, call.path.bucket, status);
  sendEmpty(call, 200);
};

export const getVersioning: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:GetBucketVersioning', call.path);
  sendXml(call, ['VersioningConfiguration', [['Status', bucket.versioning]]]);
};

export const listVersions: ObsHandler = async call => {
  const { query } = call.address;
  const { dialect } = call;
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const versionIdMarker = query.get('version-id-marker') ?? '';
  if (versionIdMarker !== '' && keyMarker === '') {
    throw obsFailure('InvalidArgument', 'A version-id-marker needs a key-marker.');
  }
  const maxKeys = numberParameter(call, 'max-keys', MAX_LIST_KEYS, MAX_LIST_KEYS);
  const page = await call.services.objects.versions(call.principal, call.path.bucket, {
    prefix,
    delimiter,
    keyMarker,
    versionIdMarker,
    maxKeys,
  });
  const { bucket } = page;
  const encode = keyEncoder(call);
  const entries = page.items.map(({ info, latest, delete_marker }): Xml => {
    const whose = info.owner ?? { id: bucket.accountId, name: bucket.accountName };
    const common: Xml[] = [
      ['Key', encode(info.key)],
      ['VersionId', info.versionId],
      ['IsLatest', latest],
      ['LastModified', isoTime(info.lastModified)],
      owner(dialect, whose.id, whose.name),
    ];
    if (delete_marker) return ['DeleteMarker', common];
    const more: Xml[] = [
      ['ETag', `"${info.etag}"`],
      ['Size', info.size],
      ['StorageClass', storageClassName(dialect, info.storageClass)],
      ['Type', info.appendable ? 'Appendable' : undefined],
    ];
    return ['Version', [...common, ...more]];
  });
  sendXml(call, [
    'ListVersionsResult',
    [
      ['Name', bucket.name],
      ['Prefix', encode(prefix)],
      ['KeyMarker', encode(keyMarker)],
      ['VersionIdMarker', versionIdMarker],
      ['NextKeyMarker', page.next && encode(page.next.key)],
      ['NextVersionIdMarker', page.next ? page.next.versionId || NULL_VERSION : undefined],
      ['MaxKeys', maxKeys],
      ['Delimiter', delimiter === '' ? undefined : encode(delimiter)],
      ['EncodingType', query.get('encoding-type') || undefined],
      ['IsTruncated', page.truncated],
      ...entries,
      ...page.prefixes.map((value): Xml => ['CommonPrefixes', [['Prefix', encode(value)]]]),
    ],
  ]);
};
