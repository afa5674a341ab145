import { isFailure } from '../../../kernel/failure.ts';
import { orElse } from '../../../kernel/soon.ts';
import { mapBounded } from '../bounded.ts';
import { obsFailure } from '../failures.ts';
import { typeOfChecksum } from '../multipart-checksum.ts';
import { type Conditions, etagListed } from '../object.service.ts';
import { checkBucketName, MAX_PUT_BYTES, type ObjectInfo, type ObsPath, sliceSegments } from '../object.ts';
import { NULL_VERSION } from '../versions.ts';
import { newObjectAcl } from './acl.ts';
import { decode, inUtf8 } from './address.ts';
import { tellState } from './archive.handlers.ts';
import {
  body,
  documentText,
  header,
  isoTime,
  type ObsCall,
  type ObsHandler,
  refuseUnsupported,
  requestAttributes,
  sendEmpty,
  sendXml,
  versionOf,
} from './call.ts';
import { type Dialect, storageClassName } from './dialect.ts';
import { customerKey, encryptionHeaders, encryptionRequest, readOptions, tellEncryption } from './encryption.ts';
import { parseRange } from './ranges.ts';
import { children, childText, parseXml, type Xml } from './xml.ts';

const MAX_DELETE_KEYS = 1000;
/** Of one batch: half a transaction, so that whoever writes beside it is in the next one. */
const DELETES_AT_ONCE = 32;

export const putObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const given = requestAttributes(call);
  const encrypt = encryptionRequest(call);
  const { services, principal, path } = call;
  // Refused before the body is asked for, so that nobody sends gigabytes in vain.
  await services.guard.require(principal, 'obs:object:PutObject', path);
  const acl = await newObjectAcl(call);
  const { source, ...expected } = body(call, MAX_PUT_BYTES);
  const info = await services.objects.put(principal, path, source, {
    ...given,
    ...acl,
    ...expected,
    conditions: writeConditions(call),
    ...(encrypt ? { encrypt } : {}),
  });
  tellWritten(call, info);
  sendEmpty(call, 200);
};

/** Conditions of a write: If-Match and If-None-Match. */
export function writeConditions(call: ObsCall): Conditions {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = call.request.headers;
  return { ...(ifMatch ? { ifMatch } : {}), ...(ifNoneMatch ? { ifNoneMatch } : {}) };
}

/** ETag, storage class, encryption and checksums of what was just written. */
export function tellWritten(call: ObsCall, info: ObjectInfo): void {
  for (const [name, value] of Object.entries(writtenHeaders(info, call.dialect))) call.response.setHeader(name, value);
  tellEncryption(call, info.encryption);
}

/** The same, but for a key of the customer, which only the request knows. */
export function writtenHeaders(info: ObjectInfo, dialect: Dialect): Record<string, string> {
  const { prefix } = dialect;
  return {
    ...(info.versionId === NULL_VERSION ? {} : { [`${prefix}version-id`]: info.versionId }),
    ETag: `"${info.etag}"`,
    ...(info.storageClass === 'STANDARD'
      ? {}
      : { [`${prefix}storage-class`]: storageClassName(dialect, info.storageClass) }),
    ...encryptionHeaders(info.encryption, dialect),
    ...checksumHeaders(info.checksum, dialect),
  };
}

/** `x-obs-version-id`, where it has one. */
export function tellVersion(call: ObsCall, versionId: string, name = 'version-id'): void {
  if (versionId !== NULL_VERSION) call.response.setHeader(call.dialect.prefix + name, versionId);
}

/** `x-amz-checksum-*` headers. */
export function tellChecksum(call: ObsCall, checksum: Record<string, string>): void {
  for (const [name, value] of Object.entries(checksumHeaders(checksum, call.dialect))) {
    call.response.setHeader(name, value);
  }
}

function checksumHeaders(checksum: Record<string, string>, dialect: Dialect): Record<string, string> {
  const headers: Record<string, string> = {};
  if (dialect.name !== 'aws') return headers;
  for (const name in checksum) {
    headers[`x-amz-checksum-${name}`] = checksum[name]!;
    headers['x-amz-checksum-type'] = typeOfChecksum(checksum[name]!);
  }
  return headers;
}

export const getObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const { services, principal, path, request, response } = call;
  const { info, segments, cipher } = await orElse(
    () => services.objects.open(principal, path, { ...readOptions(call), versionId: versionOf(call) }),
    error => hideMissing(call, error),
  );
  if (notModified(call, info)) {
    response.setHeader('ETag', `"${info.etag}"`);
    response.writeHead(304);
    response.end();
    return;
  }
  if (request.method !== 'HEAD') await services.archive.checkReadable(info);
  await tellState(call, info);
  const range = parseRange(request.headers.range, info.size);
  const overrides = responseOverrides(call);
  const length = range ? range.end - range.start + 1 : info.size;
  const isWanted = request.method !== 'HEAD' && length > 0;
  const wanted = range ? sliceSegments(segments, range.start, range.end + 1) : segments;
  // Damage at the beginning is found while an error can still be the answer: nothing is sent before the first bytes are read.
  const small = isWanted ? await services.blobs.inline(wanted, cipher) : undefined;
  tellObject(call, info, overrides);
  response.setHeader('Content-Length', length);
  if (range) response.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${info.size}`);
  else if (header(call, 'checksum-mode')?.toUpperCase() === 'ENABLED') tellChecksum(call, info.checksum);
  response.statusCode = range ? 206 : 200;
  if (!isWanted) response.end();
  else if (small) response.end(small);
  else await services.blobs.send(wanted, response, cipher);
};

export const headObject = getObject;

/** Whoever may not list the bucket learns no more of a missing object than of a forbidden one (as S3 does). */
async function hideMissing(call: ObsCall, error: unknown): Promise<never> {
  if (isFailure(error) && typeof error.details?.deleteMarker === 'string') {
    call.response.setHeader(`${call.dialect.prefix}delete-marker`, 'true');
    tellVersion(call, error.details.deleteMarker);
  }
  if (isFailure(error, 'NoSuchKey')) {
    await call.services.guard.require(call.principal, 'obs:bucket:ListBucket', { ...call.path, key: '' });
  }
  throw error;
}

/** True for 304. Throws Failure PreconditionFailed. */
function notModified(call: ObsCall, info: ObjectInfo): boolean {
  const { headers } = call.request;
  const modified = Math.floor(info.lastModified / 1000) * 1000;
  const since = (text: string | undefined): number => (text === undefined ? Number.NaN : Date.parse(text));
  if (headers['if-match'] !== undefined) {
    if (!etagListed(headers['if-match'], info.etag)) throw obsFailure('PreconditionFailed', 'If-Match does not hold.');
  } else if (modified > since(headers['if-unmodified-since'])) {
    throw obsFailure('PreconditionFailed', 'If-Unmodified-Since does not hold.');
  }
  if (headers['if-none-match'] !== undefined) return etagListed(headers['if-none-match'], info.etag);
  return modified <= since(headers['if-modified-since']);
}

/** Headers that a signed request may replace in the answer: `response-content-type` and its like. */
function responseOverrides(call: ObsCall): Record<string, string> {
  const overrides: Record<string, string> = {};
  for (const [name, value] of call.address.query) {
    if (!/^response-/i.test(name)) continue;
    const match =
      /^response-(content-type|content-language|content-encoding|content-disposition|cache-control|expires)$/;
    const target = match.exec(name.toLowerCase())?.[1];
    if (target === undefined || value === '') continue;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end the header
    if (/[\x00-\x1f\x7f]/.test(value)) throw obsFailure('InvalidArgument', `${name} holds control characters.`);
    overrides[target] = Buffer.from(value).toString('latin1');
  }
  return overrides;
}

function tellObject(call: ObsCall, info: ObjectInfo, overrides: Record<string, string>): void {
  const headers = { ...objectHeaders(info, call.dialect), ...overrides };
  for (const [name, value] of Object.entries(headers)) call.response.setHeader(name, value);
  tellEncryption(call, info.encryption);
}

/** What is told of an object to every reader, encryption aside; standard headers in lower case. */
export function objectHeaders(info: ObjectInfo, dialect: Dialect): Record<string, string> {
  const { prefix } = dialect;
  const headers: Record<string, string> = { 'content-type': info.contentType, ...info.headers };
  for (const [key, value] of Object.entries(info.metadata)) headers[`${prefix}meta-${key}`] = value;
  headers.ETag = `"${info.etag}"`;
  headers['Last-Modified'] = new Date(info.lastModified).toUTCString();
  headers['Accept-Ranges'] = 'bytes';
  if (info.versionId !== NULL_VERSION) headers[`${prefix}version-id`] = info.versionId;
  const tags = Object.keys(info.tags ?? {}).length;
  if (tags > 0) headers[`${prefix}tagging-count`] = String(tags);
  if (info.redirect !== undefined) headers[`${prefix}website-redirect-location`] = info.redirect;
  if (info.appendable) {
    // Without regard to the dialect, as esdk-obs-nodejs reads them.
    for (const either of [prefix, 'x-obs-']) {
      headers[`${either}object-type`] = 'Appendable';
      headers[`${either}next-append-position`] = String(info.size);
    }
  }
  if (info.storageClass !== 'STANDARD') {
    headers[`${prefix}storage-class`] = storageClassName(dialect, info.storageClass);
  }
  return headers;
}

export const deleteObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const { versionId, deleteMarker } = await call.services.objects.remove(call.principal, call.path, versionOf(call));
  if (versionId !== undefined) call.response.setHeader(`${call.dialect.prefix}version-id`, versionId);
  if (deleteMarker) call.response.setHeader(`${call.dialect.prefix}delete-marker`, 'true');
  sendEmpty(call, 204);
};

export const copyObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const from = copySource(call);
  const directive = header(call, 'metadata-directive') ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw obsFailure('InvalidArgument', 'The metadata directive must be COPY or REPLACE.');
  }
  const given = requestAttributes(call);
  const encrypt = encryptionRequest(call);
  const sourceKey = customerKey(call, 'copy-source-');
  const same = from.bucket === call.path.bucket && from.key === call.path.key && from.versionId === undefined;
  if (same && directive === 'COPY' && !given.storageClass && !encrypt && call.dialect.name === 'aws') {
    throw obsFailure(
      'InvalidRequest',
      'Copying an object to itself must replace its metadata, storage class or encryption.',
    );
  }
  const acl = await newObjectAcl(call);
  call.proceed();
  const tagging = header(call, 'tagging-directive') ?? (given.tags === undefined ? 'COPY' : 'REPLACE');
  if (tagging !== 'COPY' && tagging !== 'REPLACE') {
    throw obsFailure('InvalidArgument', 'The tagging directive must be COPY or REPLACE.');
  }
  const { tags, ...others } = given;
  const info = await call.services.objects.copy(call.principal, from, call.path, {
    directive,
    ...others,
    ...acl,
    ...(tagging === 'COPY' ? {} : { tags: tags ?? {} }),
    check: source => {
      tellVersion(call, source.versionId, 'copy-source-version-id');
      checkCopyConditions(call, source);
    },
    ...(encrypt ? { encrypt } : {}),
    ...(sourceKey ? { sourceKey } : {}),
  });
  tellVersion(call, info.versionId);
  tellEncryption(call, info.encryption);
  sendXml(call, [
    'CopyObjectResult',
    [
      ['LastModified', isoTime(info.lastModified)],
      ['ETag', `"${info.etag}"`],
    ],
  ]);
};

/** The object named by the copy source header: `/bucket/key` or `bucket/key`, percent-encoded. */
export function copySource(call: ObsCall): ObsPath & { versionId?: string } {
  const text = header(call, 'copy-source')!;
  const [place = '', version] = text.split('?versionId=');
  const decoded = decode(inUtf8(place, 'InvalidArgument')).replace(/^\//, '');
  const slash = decoded.indexOf('/');
  const path = { bucket: decoded.slice(0, Math.max(slash, 0)), key: decoded.slice(slash + 1) };
  if (slash < 1 || path.key === '') {
    throw obsFailure('InvalidArgument', 'The copy source must be of the form /bucket/key.');
  }
  checkBucketName(path.bucket);
  return version === undefined ? path : { ...path, versionId: version };
}

/** Throws Failure PreconditionFailed unless the copy-source-if-* headers hold. */
export function checkCopyConditions(call: ObsCall, source: ObjectInfo): void {
  const condition = (name: string) => header(call, `copy-source-if-${name}`);
  const modified = Math.floor(source.lastModified / 1000) * 1000;
  const match = condition('match');
  const noneMatch = condition('none-match');
  const failed =
    (match !== undefined && !etagListed(match, source.etag)) ||
    (noneMatch !== undefined && etagListed(noneMatch, source.etag)) ||
    (match === undefined && modified > Date.parse(condition('unmodified-since') ?? '')) ||
    (noneMatch === undefined && modified <= Date.parse(condition('modified-since') ?? ''));
  if (failed) throw obsFailure('PreconditionFailed', 'A condition on the copy source does not hold.');
}

export const deleteObjects: ObsHandler = async call => {
  const text = await documentText(call);
  if (text === undefined) throw obsFailure('MissingRequestBodyError');
  const tree = parseXml(text, 'Delete');
  const entries = children(tree, 'Object');
  if (entries.length === 0 || entries.length > MAX_DELETE_KEYS) {
    throw obsFailure('MalformedXML', `A batch holds 1 to ${MAX_DELETE_KEYS} objects; this one has ${entries.length}.`);
  }
  const encoded = childText(tree, 'EncodingType') === 'url';
  const quiet = childText(tree, 'Quiet')?.trim() === 'true';
  const results = await mapBounded(entries, DELETES_AT_ONCE, async (entry): Promise<Xml | undefined> => {
    const shown = childText(entry, 'Key') ?? '';
    const version = childText(entry, 'VersionId')?.trim() || undefined;
    const key = encoded ? decode(shown.replaceAll('+', '%20')) : shown;
    try {
      if (key === '') throw obsFailure('MalformedXML', 'An object of the batch has no key.');
      const place = { bucket: call.path.bucket, key };
      const { versionId, deleteMarker } = await call.services.objects.remove(call.principal, place, version);
      return quiet ? undefined : ['Deleted', [['Key', shown], ...deletion(version, versionId, deleteMarker)]];
    } catch (error) {
      if (!isFailure(error) || error.code === 'NoSuchBucket') throw error;
      if (error.code === 'AccessDenied') call.denied(error);
      return [
        'Error',
        [
          ['Key', shown],
          ['VersionId', version],
          ['Code', error.code],
          ['Message', error.message],
        ],
      ];
    }
  });
  const encoding: Xml = ['EncodingType', encoded ? 'url' : undefined];
  sendXml(call, ['DeleteResult', [encoding, ...results.filter(result => result !== undefined)]]);
};

function deletion(asked: string | undefined, versionId: string | undefined, deleteMarker: boolean | undefined): Xml[] {
  return [
    ['VersionId', asked],
    ['DeleteMarker', deleteMarker],
    ['DeleteMarkerVersionId', deleteMarker ? versionId : undefined],
  ];
}
