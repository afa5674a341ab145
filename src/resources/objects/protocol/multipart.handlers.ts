import { obsFailure } from '../failures.ts';
import { checksumType, typeOfChecksum } from '../multipart-checksum.ts';
import { type BucketInfo, MAX_PARTS, MAX_PUT_BYTES, type ObjectAttributes } from '../object.ts';
import { accountOf, newObjectAcl, ownerXml } from './acl.ts';
import { keyEncoder } from './bucket.handlers.ts';
import {
  body,
  documentText,
  header,
  isoTime,
  numberParameter,
  type ObsCall,
  type ObsHandler,
  owner,
  refuseUnsupported,
  requestAttributes,
  sendEmpty,
  sendXml,
} from './call.ts';
import { CHECKSUMS, type ChecksumName } from './checksums.ts';
import { storageClassName } from './dialect.ts';
import { customerKey, encryptionRequest, readOptions, tellEncryption } from './encryption.ts';
import { checkCopyConditions, copySource, tellChecksum, tellVersion, writeConditions } from './object.handlers.ts';
import { parseCopyRange } from './ranges.ts';
import { children, childText, parseXml, type Xml } from './xml.ts';

/** Smallest part but the last: 5 MiB for S3's clients, 100 KiB for OBS's, which also speak v2 signatures. */
const MIN_PART_S3 = 5 * 1024 * 1024;
const MIN_PART_OBS = 100 * 1024;
const MAX_LISTED = 1000;

export const initiateUpload: ObsHandler = async call => {
  refuseUnsupported(call);
  const acl = await newObjectAcl(call);
  call.proceed();
  const encrypt = encryptionRequest(call);
  const checksum = uploadChecksum(call);
  const given = { ...requestAttributes(call), ...acl, checksum };
  for (const [name, type] of Object.entries(checksum)) {
    call.response.setHeader('x-amz-checksum-algorithm', name.toUpperCase());
    call.response.setHeader('x-amz-checksum-type', type);
  }
  const { id, encryption } = await call.services.multipart.initiate(call.principal, call.path, given, encrypt);
  tellEncryption(call, encryption);
  sendXml(call, [
    'InitiateMultipartUploadResult',
    [
      ['Bucket', call.path.bucket],
      ['Key', keyEncoder(call)(call.path.key)],
      ['UploadId', id],
    ],
  ]);
};

/** The checksum that an upload begun in AWS' dialect asks for, with its type. Throws Failure InvalidRequest. */
function uploadChecksum(call: ObsCall): Record<string, string> {
  const algorithm = call.dialect.name === 'aws' ? header(call, 'checksum-algorithm') : undefined;
  if (!algorithm) return {};
  const name = CHECKSUMS.find(known => known === algorithm.toLowerCase());
  if (!name) throw obsFailure('InvalidRequest', `Checksum algorithm "${algorithm.slice(0, 20)}" is not known.`);
  return { [name]: checksumType(name, header(call, 'checksum-type')) };
}

/** `ChecksumCRC32` and its like. */
function checksumXml(checksum: Record<string, string>): Xml[] {
  return Object.entries(checksum).map(([name, value]): Xml => [`Checksum${name.toUpperCase()}`, value]);
}

/** Checksums and size of the whole that come with a completion. */
function expectedWhole(call: ObsCall): { checksum: Record<string, string>; size?: number } {
  const checksum: Record<string, string> = {};
  for (const name of CHECKSUMS) {
    const value = header(call, `checksum-${name}`);
    if (value !== undefined) checksum[name satisfies ChecksumName] = value;
  }
  const size = header(call, 'mp-object-size');
  return { checksum, ...(size && /^\d{1,15}$/.test(size) ? { size: Number(size) } : {}) };
}

function uploadOf(call: ObsCall): { id: string; number: number } {
  const { query } = call.address;
  return { id: query.get('uploadId') ?? '', number: wholeNumber(query.get('partNumber')) };
}

/** NaN for what is not written in digits alone: not `1e3`, `0x10` or nothing. */
function wholeNumber(text: string | undefined): number {
  return /^\d{1,9}$/.test(text ?? '') ? Number(text) : Number.NaN;
}

export const uploadPart: ObsHandler = async call => {
  refuseUnsupported(call);
  const { services, principal, path } = call;
  await services.guard.require(principal, 'obs:object:PutObject', path);
  const { source, ...expected } = body(call, MAX_PUT_BYTES);
  const options = { ...expected, ...readOptions(call) };
  const part = await services.multipart.putPart(principal, path, uploadOf(call), source, options);
  tellEncryption(call, part.encryption);
  call.response.setHeader('ETag', `"${part.etag}"`);
  tellChecksum(call, part.checksum);
  sendEmpty(call, 200);
};

export const copyPart: ObsHandler = async call => {
  refuseUnsupported(call);
  const range = header(call, 'copy-source-range');
  const from = copySource(call);
  const bytes = range ? parseCopyRange(range) : undefined;
  call.proceed();
  const sourceKey = customerKey(call, 'copy-source-');
  const part = await call.services.multipart.copyPart(call.principal, call.path, uploadOf(call), from, {
    check: source => checkCopyConditions(call, source),
    ...(bytes ? { range: bytes } : {}),
    ...readOptions(call),
    ...(sourceKey ? { sourceKey } : {}),
  });
  tellEncryption(call, part.encryption);
  sendXml(call, [
    'CopyPartResult',
    [
      ['LastModified', isoTime(part.lastModified)],
      ['ETag', `"${part.etag}"`],
      ...(call.dialect.name === 'aws' ? checksumXml(part.checksum) : []),
    ],
  ]);
};

export const listParts: ObsHandler = async call => {
  const { dialect } = call;
  const { id } = uploadOf(call);
  const after = numberParameter(call, 'part-number-marker', 0, MAX_PARTS);
  const limit = numberParameter(call, 'max-parts', MAX_LISTED, MAX_LISTED);
  const found = await call.services.multipart.listParts(call.principal, call.path, id, after, limit);
  const { bucket, upload, parts, truncated } = found;
  const kept = JSON.parse(upload.attributes) as ObjectAttributes;
  sendXml(call, [
    'ListPartsResult',
    [
      ['Bucket', bucket.name],
      ['Key', keyEncoder(call)(upload.key)],
      ['UploadId', id],
      ...initiatorAndOwner(call, bucket, upload, kept),
      ['StorageClass', storageClassName(dialect, kept.storageClass)],
      ['PartNumberMarker', after],
      ['NextPartNumberMarker', parts.at(-1)?.number ?? after],
      ['MaxParts', limit],
      ['IsTruncated', truncated],
      ...parts.map(
        (part): Xml => [
          'Part',
          [
            ['PartNumber', part.number],
            ['LastModified', isoTime(part.lastModified)],
            ['ETag', `"${part.etag}"`],
            ['Size', part.size],
            ...(dialect.name === 'aws' ? checksumXml(part.checksum) : []),
          ],
        ],
      ),
    ],
  ]);
};

/** Who began an upload is for its own account; others see that account alone. */
function initiatorAndOwner(
  call: ObsCall,
  bucket: BucketInfo,
  upload: { initiator_id: string; initiator_name: string },
  { owner: foreign }: Pick<ObjectAttributes, 'owner'>,
): Xml[] {
  const account = foreign ?? accountOf(bucket);
  const initiator =
    call.principal.accountId === account.id
      ? owner(call.dialect, upload.initiator_id, upload.initiator_name, 'Initiator')
      : ownerXml(call, account, 'Initiator');
  return [initiator, ownerXml(call, account)];
}

export const abortUpload: ObsHandler = async call => {
  await call.services.multipart.abort(call.principal, call.path, uploadOf(call).id);
  sendEmpty(call, 204);
};

export const completeUpload: ObsHandler = async call => {
  const text = await documentText(call);
  if (text === undefined) throw obsFailure('MissingRequestBodyError');
  const tree = parseXml(text, 'CompleteMultipartUpload');
  const listed = children(tree, 'Part').map(part => {
    const checksum: Record<string, string> = {};
    for (const name of CHECKSUMS) {
      const value = childText(part, `Checksum${name.toUpperCase()}`);
      if (value !== undefined) checksum[name] = value.trim();
    }
    return {
      number: wholeNumber(childText(part, 'PartNumber')?.trim()),
      etag: (childText(part, 'ETag') ?? '').trim(),
      checksum,
    };
  });
  if (listed.some(part => !Number.isInteger(part.number)) || listed.length > MAX_PARTS) {
    throw obsFailure('MalformedXML', `Each Part needs a PartNumber; at most ${MAX_PARTS} may be listed.`);
  }
  const info = await call.services.multipart.complete(call.principal, call.path, uploadOf(call).id, listed, {
    minPartBytes: call.auth.signature === 'v4' ? MIN_PART_S3 : MIN_PART_OBS,
    conditions: writeConditions(call),
    ...expectedWhole(call),
  });
  tellVersion(call, info.versionId);
  tellEncryption(call, info.encryption);
  sendXml(call, [
    'CompleteMultipartUploadResult',
    [
      ['Location', `http://${call.request.headers.host ?? ''}${call.address.rawPath}`],
      ['Bucket', info.bucket],
      ['Key', keyEncoder(call)(info.key)],
      ['ETag', `"${info.etag}"`],
      ...checksumXml(info.checksum),
      ...Object.values(info.checksum).map((value): Xml => ['ChecksumType', typeOfChecksum(value)]),
    ],
  ]);
};

export const listUploads: ObsHandler = async call => {
  const { query } = call.address;
  const { dialect } = call;
  const limit = numberParameter(call, 'max-uploads', MAX_LISTED, MAX_LISTED);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const encode = keyEncoder(call);
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = keyMarker === '' ? '' : (query.get('upload-id-marker') ?? '');
  // Without an id, the marker stands behind all uploads of its key: ids are hexadecimal.
  let after = { key: keyMarker, id: idMarker || (keyMarker === '' ? '' : 'g') };
  const uploads: Xml[] = [];
  const prefixes = new Set<string>();
  let truncated = false;
  scan: for (;;) {
    const page = await call.services.multipart.listUploads(call.principal, call.path.bucket, after, 500);
    for (const row of page.uploads) {
      if (row.key.startsWith(prefix)) {
        const at = delimiter === '' ? -1 : row.key.indexOf(delimiter, prefix.length);
        const group = at < 0 ? undefined : row.key.slice(0, at + delimiter.length);
        if (group === undefined || !prefixes.has(group)) {
          if (uploads.length + prefixes.size >= limit) {
            truncated = limit > 0;
            break scan;
          }
          if (group === undefined) {
            const kept = JSON.parse(row.attributes) as ObjectAttributes;
            uploads.push([
              'Upload',
              [
                ['Key', encode(row.key)],
                ['UploadId', row.id],
                ...initiatorAndOwner(call, page.bucket, row, kept),
                ['StorageClass', storageClassName(dialect, kept.storageClass)],
                ['Initiated', isoTime(row.initiated_at)],
              ],
            ]);
          } else prefixes.add(group);
        }
      }
      after = { key: row.key, id: row.id };
    }
    if (page.uploads.length < 500) break;
  }
  sendXml(call, [
    'ListMultipartUploadsResult',
    [
      ['Bucket', call.path.bucket],
      ['KeyMarker', encode(keyMarker)],
      ['UploadIdMarker', idMarker],
      ['NextKeyMarker', truncated ? encode(after.key) : undefined],
      ['NextUploadIdMarker', truncated ? after.id : undefined],
      ['Delimiter', delimiter === '' ? undefined : encode(delimiter)],
      ['Prefix', prefix === '' ? undefined : encode(prefix)],
      ['MaxUploads', limit],
      ['EncodingType', query.get('encoding-type') || undefined],
      ['IsTruncated', truncated],
      ...uploads,
      ...[...prefixes].map((value): Xml => ['CommonPrefixes', [['Prefix', encode(value)]]]),
    ],
  ]);
};
