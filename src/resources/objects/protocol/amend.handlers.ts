import { isFailure } from '../../../kernel/failure.ts';
import { obsFailure } from '../failures.ts';
import { MAX_PUT_BYTES, type ObjectAttributes, type ObjectInfo } from '../object.ts';
import {
  body,
  documentText,
  header,
  type ObsHandler,
  refuseUnsupported,
  requestAttributes,
  sendEmpty,
  sendXml,
  versionOf,
} from './call.ts';
import { storageClassName } from './dialect.ts';
import { tellVersion } from './object.handlers.ts';
import { MAX_OBJECT_TAGS, taggingXml, tagsOfDocument } from './tags.ts';
import { parseXml } from './xml.ts';

/** `POST ?append&position=`. */
export const appendObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const { services, principal, path, response, dialect } = call;
  const text = call.address.query.get('position') ?? '';
  const position = Number(text);
  if (!/^\d{1,15}$/.test(text))
    throw obsFailure('InvalidArgument', 'position must be a whole number: the length of the object.');
  const given = requestAttributes(call);
  await services.guard.require(principal, 'obs:object:PutObject', path);
  const { source, ...expected } = body(call, MAX_PUT_BYTES);
  const next = (length: number) => {
    // esdk-obs-nodejs reads the header of its own dialect in both signatures.
    for (const prefix of new Set([dialect.prefix, 'x-obs-']))
      response.setHeader(`${prefix}next-append-position`, length);
  };
  const info = await services.append
    .append(principal, path, position, source, { ...given, ...expected })
    .catch(error => {
      if (isFailure(error, 'PositionNotEqualToLength')) next(Number(error.details?.length));
      throw error;
    });
  next(info.size);
  response.setHeader('ETag', `"${info.etag}"`);
  sendEmpty(call, 200);
};

/** `PUT ?metadata`: changes what an object carries without writing it anew (OBS SetObjectMetadata). */
export const putObjectMetadata: ObsHandler = async call => {
  refuseUnsupported(call);
  const { services, principal, path, response, dialect } = call;
  const directive = header(call, 'metadata-directive') ?? 'REPLACE_NEW';
  if (directive !== 'REPLACE' && directive !== 'REPLACE_NEW') {
    throw obsFailure('InvalidArgument', 'The metadata directive must be REPLACE or REPLACE_NEW.');
  }
  const given = requestAttributes(call);
  call.proceed();
  const action = 'obs:object:ModifyObjectMetaData';
  const info = await services.objects.amend(principal, action, path, versionOf(call), now => {
    if (given.storageClass && given.storageClass !== now.storageClass) checkReadable(now);
    return directive === 'REPLACE' ? replaced(now, given) : added(now, given);
  });
  for (const [name, value] of Object.entries(info.headers)) response.setHeader(name, value);
  response.setHeader('Content-Type', info.contentType);
  for (const [name, value] of Object.entries(info.metadata)) response.setHeader(`${dialect.prefix}meta-${name}`, value);
  response.setHeader(`${dialect.prefix}metadata-directive`, directive);
  response.setHeader(`${dialect.prefix}storage-class`, storageClassName(dialect, info.storageClass));
  if (info.redirect !== undefined) response.setHeader(`${dialect.prefix}website-redirect-location`, info.redirect);
  tellVersion(call, info.versionId);
  sendEmpty(call, 200);
};

function checkReadable({ storageClass, restore }: ObjectInfo): void {
  if (storageClass === 'COLD' && !restore) {
    throw obsFailure('InvalidRequest', 'The object is archived: restore it before its storage class can be changed.');
  }
}

/** What is given is added, or takes the place of what is there. */
function added(now: ObjectInfo, given: Partial<ObjectAttributes>): Partial<ObjectAttributes> {
  return {
    ...given,
    headers: { ...now.headers, ...given.headers },
    metadata: { ...now.metadata, ...given.metadata },
  };
}

/** What is given is all there is afterwards. */
function replaced(now: ObjectInfo, given: Partial<ObjectAttributes>): Partial<ObjectAttributes> {
  return {
    contentType: given.contentType ?? '',
    headers: given.headers ?? {},
    metadata: given.metadata ?? {},
    storageClass: given.storageClass ?? now.storageClass,
    redirect: given.redirect as string,
    ...(given.tags ? { tags: given.tags } : {}),
  };
}

export const putObjectTagging: ObsHandler = async call => {
  const text = await documentText(call);
  if (text === undefined) throw obsFailure('MissingRequestBodyError');
  const tags = tagsOfDocument(parseXml(text, 'Tagging'), MAX_OBJECT_TAGS);
  const action = 'obs:object:PutObjectTagging';
  const info = await call.services.objects.amend(call.principal, action, call.path, versionOf(call), () => ({ tags }));
  tellVersion(call, info.versionId);
  sendEmpty(call, 200);
};

export const getObjectTagging: ObsHandler = async call => {
  const action = 'obs:object:GetObjectTagging';
  const info = await call.services.objects.stat(call.principal, action, call.path, versionOf(call));
  tellVersion(call, info.versionId);
  sendXml(call, taggingXml(info.tags ?? {}));
};

export const deleteObjectTagging: ObsHandler = async call => {
  const action = 'obs:object:DeleteObjectTagging';
  const none = () => ({ tags: undefined as never });
  const info = await call.services.objects.amend(call.principal, action, call.path, versionOf(call), none);
  tellVersion(call, info.versionId);
  sendEmpty(call, 204);
};
