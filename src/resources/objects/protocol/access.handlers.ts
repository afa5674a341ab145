import { privateAcl } from '../access/acl.ts';
import { obsFailure } from '../failures.ts';
import type { Acl, BucketInfo, ObjectInfo } from '../object.ts';
import { type AclPlace, accountOf, aclOfFields, aclXml, kept, parseAclXml } from './acl.ts';
import {
  documentText,
  header,
  type ObsCall,
  type ObsHandler,
  refuseUnsupported,
  sendEmpty,
  sendXml,
  versionOf,
} from './call.ts';
import { childText, parseXml } from './xml.ts';

export const getBucketPolicy: ObsHandler = async call => {
  const { value } = await call.services.access.policy(call.principal, call.path.bucket);
  if (!value) throw obsFailure('NoSuchBucketPolicy');
  const text = Buffer.from(value.text);
  call.response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
  call.response.end(text);
};

export const putBucketPolicy: ObsHandler = async call => {
  const text = await documentText(call);
  if (text === undefined) throw obsFailure('MissingRequestBodyError');
  await call.services.access.setPolicy(call.principal, call.path.bucket, text);
  sendEmpty(call, 204);
};

export const deleteBucketPolicy: ObsHandler = async call => {
  await call.services.access.deletePolicy(call.principal, call.path.bucket);
  sendEmpty(call, 204);
};

export const getPolicyStatus: ObsHandler = async call => {
  const open = await call.services.access.policyIsPublic(call.principal, call.path.bucket);
  if (open === undefined) throw obsFailure('NoSuchBucketPolicy');
  sendXml(call, ['PolicyStatus', [['IsPublic', open]]]);
};

export const getBucketStatus: ObsHandler = async call => {
  const open = await call.services.access.bucketIsPublic(call.principal, call.path.bucket);
  sendXml(call, ['BucketStatus', [['IsPublic', open]]]);
};

const BLOCKS = {
  BlockPublicAcls: 'blockPublicAcls',
  IgnorePublicAcls: 'ignorePublicAcls',
  BlockPublicPolicy: 'blockPublicPolicy',
  RestrictPublicBuckets: 'restrictPublicBuckets',
} as const;

export const getPublicAccessBlock: ObsHandler = async call => {
  const { value } = await call.services.access.publicAccessBlock(call.principal, call.path.bucket);
  if (!value) throw obsFailure('NoSuchPublicAccessBlockConfiguration');
  const switches = Object.entries(BLOCKS).map(([tag, name]) => [tag, value[name]] as const);
  sendXml(call, ['PublicAccessBlockConfiguration', switches]);
};

export const putPublicAccessBlock: ObsHandler = async call => {
  const text = await documentText(call);
  if (text === undefined) throw obsFailure('MissingRequestBodyError');
  const tree = parseXml(text, 'PublicAccessBlockConfiguration');
  const read = (tag: keyof typeof BLOCKS): boolean => {
    const value = (childText(tree, tag) ?? 'false').trim().toLowerCase();
    if (value !== 'true' && value !== 'false') throw obsFailure('MalformedXML', `${tag} must be true or false.`);
    return value === 'true';
  };
  await call.services.access.setPublicAccessBlock(call.principal, call.path.bucket, {
    blockPublicAcls: read('BlockPublicAcls'),
    ignorePublicAcls: read('IgnorePublicAcls'),
    blockPublicPolicy: read('BlockPublicPolicy'),
    restrictPublicBuckets: read('RestrictPublicBuckets'),
  });
  sendEmpty(call, 200);
};

export const deletePublicAccessBlock: ObsHandler = async call => {
  await call.services.access.setPublicAccessBlock(call.principal, call.path.bucket, undefined);
  sendEmpty(call, 204);
};

export const getBucketAcl: ObsHandler = async call => {
  const { bucket, value } = await call.services.access.bucketAcl(call.principal, call.path.bucket);
  const place = { owner: accountOf(bucket) };
  sendXml(call, aclXml(call, place, value ?? privateAcl(place.owner)));
};

export const putBucketAcl: ObsHandler = async call => {
  refuseUnsupported(call);
  const text = await documentText(call);
  await call.services.access.setBucketAcl(call.principal, call.path.bucket, bucket =>
    requested(call, text, { owner: accountOf(bucket) }),
  );
  sendEmpty(call, 200);
};

export const getObjectAcl: ObsHandler = async call => {
  refuseUnsupported(call);
  const { bucket, info } = await call.services.access.objectAcl(call.principal, call.path, versionOf(call));
  const place = placeOf(bucket, info);
  sendXml(call, aclXml(call, place, info.acl ?? privateAcl(place.owner)));
};

export const putObjectAcl: ObsHandler = async call => {
  refuseUnsupported(call);
  const text = await documentText(call);
  await call.services.access.setObjectAcl(call.principal, call.path, versionOf(call), (bucket, info) =>
    requested(call, text, placeOf(bucket, info)),
  );
  sendEmpty(call, 200);
};

function placeOf(bucket: BucketInfo, info: ObjectInfo): AclPlace {
  return { owner: info.owner ?? accountOf(bucket), bucket: accountOf(bucket) };
}

/** The list that a request sets: in its headers or in its body. */
function requested(call: ObsCall, text: string | undefined, place: AclPlace): { acl?: Acl } {
  const byHeaders = aclOfFields(name => header(call, name), place);
  if (byHeaders && text !== undefined) {
    throw obsFailure('InvalidRequest', 'The ACL is given both in headers and in the body.');
  }
  if (!byHeaders && text === undefined) throw obsFailure('MissingRequestBodyError');
  return kept(byHeaders ?? parseAclXml(text!, place), place.owner);
}
