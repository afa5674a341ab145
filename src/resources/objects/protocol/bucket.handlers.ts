import { obsFailure } from '../failures.ts';
import { MAX_LIST_KEYS } from '../listing.ts';
import type { BucketInfo, ObjectInfo } from '../object.ts';
import { accountOf, newBucketAcl, ownerXml } from './acl.ts';
import { encodeStrictly } from './address.ts';
import {
  documentText,
  header,
  isoTime,
  numberParameter,
  type ObsCall,
  type ObsHandler,
  refuseUnsupported,
  sendEmpty,
  sendXml,
  storageClassHeader,
} from './call.ts';
import { storageClassName } from './dialect.ts';
import { childText, parseXml, type Xml } from './xml.ts';

export const listBuckets: ObsHandler = async call => {
  const { principal, dialect } = call;
  const kind = header(call, 'bucket-type')?.toUpperCase();
  const all = await call.services.buckets.listBuckets(principal);
  const buckets = kind ? all.filter(bucket => bucket.kind === kind) : all;
  const rows = buckets.map(
    (bucket): Xml => [
      'Bucket',
      [
        ['Name', bucket.name],
        ['CreationDate', isoTime(bucket.createdAt)],
        ...(dialect.name === 'obs'
          ? ([
              ['Location', bucket.location],
              ['BucketType', bucket.kind],
            ] as Xml[])
          : []),
      ],
    ],
  );
  sendXml(call, ['ListAllMyBucketsResult', [ownerXml(call, accountOf(principal)), ['Buckets', rows]]]);
};

export const createBucket: ObsHandler = async call => {
  refuseUnsupported(call);
  const text = await documentText(call);
  const tree = text === undefined ? undefined : parseXml(text, 'CreateBucketConfiguration');
  const location = tree && (childText(tree, 'Location') ?? childText(tree, 'LocationConstraint'));
  const storageClass = storageClassHeader(call);
  const fileInterface = header(call, 'fs-file-interface');
  if (fileInterface !== undefined && !/^(enabled|disabled)$/i.test(fileInterface)) {
    throw obsFailure('InvalidArgument', `${call.dialect.prefix}fs-file-interface must be Enabled or Disabled.`);
  }
  await call.services.buckets.createBucket(call.principal, call.path.bucket, {
    ...(/^enabled$/i.test(fileInterface ?? '') ? { kind: 'POSIX' as const } : {}),
    ...(location ? { location: location.trim() } : {}),
    ...(storageClass ? { storageClass } : {}),
    ...newBucketAcl(call),
  });
  call.response.setHeader('Location', `/${call.path.bucket}`);
  sendEmpty(call, 200);
};

export const headBucket: ObsHandler = async call => {
  const bucket = await call.services.buckets.bucket(call.principal, call.path.bucket);
  describeBucket(call, bucket);
  sendEmpty(call, 200);
};

function describeBucket(call: ObsCall, bucket: BucketInfo): void {
  const { response, dialect } = call;
  if (bucket.kind === 'POSIX') {
    response.setHeader(`${dialect.prefix}fs-file-interface`, 'Enabled');
    // esdk-obs-nodejs looks for it by this name in AWS' dialect too.
    response.setHeader('x-obs-fs-file-interface', 'Enabled');
  }
  if (dialect.name === 'obs') {
    response.setHeader('x-obs-bucket-location', bucket.location);
    response.setHeader('x-obs-storage-class', bucket.storageClass);
    response.setHeader('x-obs-version', '3.0');
  } else {
    response.setHeader('x-amz-bucket-region', bucket.location);
    response.setHeader('x-default-storage-class', storageClassName(dialect, bucket.storageClass));
  }
}

export const deleteBucket: ObsHandler = async call => {
  await call.services.buckets.deleteBucket(call.principal, call.path.bucket);
  sendEmpty(call, 204);
};

export const bucketLocation: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:GetBucketLocation', call.path);
  if (call.dialect.name === 'obs') sendXml(call, ['Location', bucket.location]);
  else if (call.auth.signature !== 'v2') sendXml(call, ['LocationConstraint', bucket.location]);
  else sendXml(call, ['CreateBucketConfiguration', [['LocationConstraint', bucket.location]]]);
};

export const bucketStorageClass: ObsHandler = async call => {
  const bucket = await call.services.guard.require(call.principal, 'obs:bucket:GetBucketStoragePolicy', call.path);
  const name = storageClassName(call.dialect, bucket.storageClass);
  if (call.dialect.name === 'obs') sendXml(call, ['StorageClass', name]);
  else sendXml(call, ['StoragePolicy', [['DefaultStorageClass', name]]]);
};

export const listObjects: ObsHandler = async call => {
  const { query } = call.address;
  const v2 = query.get('list-type') === '2';
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const maxKeys = numberParameter(call, 'max-keys', MAX_LIST_KEYS, MAX_LIST_KEYS);
  const token = query.get('continuation-token');
  const marker = v2 ? (token === undefined ? (query.get('start-after') ?? '') : fromToken(token)) : query.get('marker');
  const page = await call.services.objects.list(call.principal, call.path.bucket, {
    prefix,
    delimiter,
    maxKeys,
    ...(marker ? { marker } : {}),
  });
  const bucket = (await call.services.store.findBucket(call.path.bucket))!;
  const encode = keyEncoder(call);
  const withOwner = !v2 || query.get('fetch-owner') === 'true';
  const contents = page.items.map((info): Xml => ['Contents', objectEntry(call, info, encode, withOwner && bucket)]);
  const prefixes = page.prefixes.map((value): Xml => ['CommonPrefixes', [['Prefix', encode(value)]]]);
  const paging: Xml[] = v2
    ? [
        ['StartAfter', query.has('start-after') ? encode(query.get('start-after')!) : undefined],
        ['ContinuationToken', token],
        ['NextContinuationToken', page.nextMarker === undefined ? undefined : toToken(page.nextMarker)],
        ['KeyCount', page.items.length + page.prefixes.length],
      ]
    : [
        ['Marker', encode(marker ?? '')],
        ['NextMarker', page.nextMarker === undefined ? undefined : encode(page.nextMarker)],
      ];
  describeBucket(call, bucket);
  sendXml(call, [
    'ListBucketResult',
    [
      ['Name', bucket.name],
      ['Prefix', encode(prefix)],
      ...paging,
      ['MaxKeys', maxKeys],
      ['Delimiter', delimiter === '' ? undefined : encode(delimiter)],
      ['EncodingType', query.get('encoding-type') || undefined],
      ['IsTruncated', page.truncated],
      ...contents,
      ...prefixes,
    ],
  ]);
};

function objectEntry(
  call: ObsCall,
  info: ObjectInfo,
  encode: (key: string) => string,
  bucket: BucketInfo | false,
): Xml[] {
  return [
    ['Key', encode(info.key)],
    ['LastModified', isoTime(info.lastModified)],
    ['ETag', `"${info.etag}"`],
    ['Size', info.size],
    ...(bucket ? [ownerXml(call, info.owner ?? accountOf(bucket))] : []),
    ['StorageClass', storageClassName(call.dialect, info.storageClass)],
  ];
}

/** How keys are written in this answer: as they are, or URL-encoded but for `/`. */
export function keyEncoder(call: ObsCall): (key: string) => string {
  const type = call.address.query.get('encoding-type');
  if (!type) return key => key;
  if (type !== 'url') throw obsFailure('InvalidArgument', 'encoding-type must be url.');
  return key => encodeStrictly(key).replaceAll('%2F', '/');
}

function toToken(marker: string): string {
  return Buffer.from(marker).toString('base64url');
}

function fromToken(token: string): string {
  const marker = Buffer.from(token, 'base64url').toString();
  if (token === '' || toToken(marker) !== token)
    throw obsFailure('InvalidArgument', 'The continuation token is not valid.');
  return marker;
}
