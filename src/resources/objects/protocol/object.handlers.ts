import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { isFailure } from '../../../kernel/failure.ts';
import { obsFailure } from '../failures.ts';
import { type Conditions, etagListed } from '../object.service.ts';
import { checkBucketName, MAX_PUT_BYTES, type ObjectInfo, type ObsPath, sliceSegments } from '../object.ts';
import { decode } from './address.ts';
import { ownerHasFullControl } from './bucket.handlers.ts';
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
} from './call.ts';
import { storageClassName } from './dialect.ts';
import { parseRange } from './ranges.ts';
import { children, childText, parseXml, type Xml } from './xml.ts';

const MAX_DELETE_KEYS = 1000;

export const putObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const given = requestAttributes(call);
  const { services, principal, path } = call;
  // Refused before the body is asked for, so that nobody sends gigabytes in vain.
  await services.guard.require(principal, 'obs:object:PutObject', path);
  const { source, ...expected } = body(call, MAX_PUT_BYTES);
  const info = await services.objects.put(principal, path, source, {
    ...given,
    ...expected,
    conditions: writeConditions(call),
  });
  tellWritten(call, info);
  sendEmpty(call, 200);
};

/** Conditions of a write: If-Match and If-None-Match. */
export function writeConditions(call: ObsCall): Conditions {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = call.request.headers;
  return { ...(ifMatch ? { ifMatch } : {}), ...(ifNoneMatch ? { ifNoneMatch } : {}) };
}

/** ETag, storage class and checksums of what was just written. */
export function tellWritten(call: ObsCall, info: ObjectInfo): void {
  call.response.setHeader('ETag', `"${info.etag}"`);
  if (info.storageClass !== 'STANDARD') {
    call.response.setHeader(`${call.dialect.prefix}storage-class`, storageClassName(call.dialect, info.storageClass));
  }
  tellChecksum(call, info.checksum);
}

/** `x-amz-checksum-*` headers. */
export function tellChecksum(call: ObsCall, checksum: Record<string, string>): void {
  if (call.dialect.name !== 'aws') return;
  for (const [name, value] of Object.entries(checksum)) call.response.setHeader(`x-amz-checksum-${name}`, value);
  if (Object.keys(checksum).length > 0) call.response.setHeader('x-amz-checksum-type', 'FULL_OBJECT');
}

export const getObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const { services, principal, path, request, response } = call;
  const { info, segments } = await services.objects.open(principal, path).catch(error => hideMissing(call, error));
  if (notModified(call, info)) {
    response.setHeader('ETag', `"${info.etag}"`);
    response.writeHead(304);
    response.end();
    return;
  }
  const range = parseRange(request.headers.range, info.size);
  const overrides = responseOverrides(call);
  const length = range ? range.end - range.start + 1 : info.size;
  const isWanted = request.method !== 'HEAD' && length > 0;
  const wanted = range ? sliceSegments(segments, range.start, range.end + 1) : segments;
  const small = isWanted ? await services.blobs.inline(wanted) : undefined;
  const stream = isWanted && !small ? services.blobs.stream(wanted) : undefined;
  // Damage at the beginning is found while an error can still be the answer.
  if (stream) await once(stream, 'readable');
  tellObject(call, info, overrides);
  response.setHeader('Content-Length', length);
  if (range) response.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${info.size}`);
  else if (header(call, 'checksum-mode')?.toUpperCase() === 'ENABLED') tellChecksum(call, info.checksum);
  response.statusCode = range ? 206 : 200;
  if (stream) await pipeline(stream, response);
  else response.end(small);
};

export const headObject = getObject;

/** Whoever may not list the bucket learns no more of a missing object than of a forbidden one (as S3 does). */
async function hideMissing(call: ObsCall, error: unknown): Promise<never> {
  if (isFailure(error, 'NoSuchKey')) {
    await call.services.guard.require(call.principal, 'obs:bucket:ListBucket', { ...call.path, key: '' });
  }
  throw error;
}

/** True for 304. Throws Failure PreconditionFailed. */
function notModified(call: ObsCall, info: ObjectInfo): boolean {
  const { headers } = call.request;
  const modified = Math.floor(info.lastModified / 1000) * 1000;
  const since = (text: string | undefined): number => Date.parse(text ?? '');
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
  const { response, dialect } = call;
  const headers = { 'content-type': info.contentType, ...info.headers, ...overrides };
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  for (const [name, value] of Object.entries(info.metadata)) response.setHeader(`${dialect.prefix}meta-${name}`, value);
  response.setHeader('ETag', `"${info.etag}"`);
  response.setHeader('Last-Modified', new Date(info.lastModified).toUTCString());
  response.setHeader('Accept-Ranges', 'bytes');
  if (info.storageClass !== 'STANDARD') {
    response.setHeader(`${dialect.prefix}storage-class`, storageClassName(dialect, info.storageClass));
  }
}

export const deleteObject: ObsHandler = async call => {
  refuseUnsupported(call);
  await call.services.objects.remove(call.principal, call.path);
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
  const same = from.bucket === call.path.bucket && from.key === call.path.key;
  if (same && directive === 'COPY' && !given.storageClass && call.dialect.name === 'aws') {
    throw obsFailure('InvalidRequest', 'Copying an object to itself must replace its metadata or storage class.');
  }
  call.proceed();
  const info = await call.services.objects.copy(call.principal, from, call.path, {
    directive,
    ...given,
    check: source => checkCopyConditions(call, source),
  });
  sendXml(call, [
    'CopyObjectResult',
    [
      ['LastModified', isoTime(info.lastModified)],
      ['ETag', `"${info.etag}"`],
    ],
  ]);
};

/** The object named by the copy source header: `/bucket/key` or `bucket/key`, percent-encoded. */
export function copySource(call: ObsCall): ObsPath {
  const text = header(call, 'copy-source')!;
  const [place = '', version] = text.split('?versionId=');
  if (version !== undefined && version !== 'null') {
    throw obsFailure('InvalidArgument', 'The copy source names a version, but buckets have none.');
  }
  const decoded = decode(Buffer.from(place, 'latin1').toString('utf8')).replace(/^\//, '');
  const slash = decoded.indexOf('/');
  const path = { bucket: decoded.slice(0, Math.max(slash, 0)), key: decoded.slice(slash + 1) };
  if (slash < 1 || path.key === '') {
    throw obsFailure('InvalidArgument', 'The copy source must be of the form /bucket/key.');
  }
  checkBucketName(path.bucket);
  return path;
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
  const results = await Promise.all(
    entries.map(async (entry): Promise<Xml | undefined> => {
      const shown = childText(entry, 'Key') ?? '';
      const key = encoded ? decode(shown.replaceAll('+', '%20')) : shown;
      try {
        if (key === '') throw obsFailure('MalformedXML', 'An object of the batch has no key.');
        const version = childText(entry, 'VersionId');
        if (version && version !== 'null') throw obsFailure('InvalidArgument', 'The bucket has no versions.');
        await call.services.objects.remove(call.principal, { bucket: call.path.bucket, key });
        return quiet ? undefined : ['Deleted', [['Key', shown]]];
      } catch (error) {
        if (!isFailure(error) || error.code === 'NoSuchBucket') throw error;
        if (error.code === 'AccessDenied') call.denied(error);
        return [
          'Error',
          [
            ['Key', shown],
            ['Code', error.code],
            ['Message', error.message],
          ],
        ];
      }
    }),
  );
  const encoding: Xml = ['EncodingType', encoded ? 'url' : undefined];
  sendXml(call, ['DeleteResult', [encoding, ...results.filter(result => result !== undefined)]]);
};

export const objectAcl: ObsHandler = async call => {
  const { services, principal, path } = call;
  const bucket = await services.guard.require(principal, 'obs:object:GetObjectAcl', path);
  if (!(await services.store.findObject(bucket.id, path.key))) throw obsFailure('NoSuchKey');
  sendXml(call, ownerHasFullControl(call, bucket));
};
