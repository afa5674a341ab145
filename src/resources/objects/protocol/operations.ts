import type { IncomingMessage } from 'node:http';
import { obsFailure } from '../failures.ts';
import {
  deleteBucketPolicy,
  deletePublicAccessBlock,
  getBucketAcl,
  getBucketPolicy,
  getBucketStatus,
  getObjectAcl,
  getPolicyStatus,
  getPublicAccessBlock,
  putBucketAcl,
  putBucketPolicy,
  putObjectAcl,
  putPublicAccessBlock,
} from './access.handlers.ts';
import type { Address } from './address.ts';
import {
  appendObject,
  deleteObjectTagging,
  getObjectTagging,
  putObjectMetadata,
  putObjectTagging,
} from './amend.handlers.ts';
import { restoreObject } from './archive.handlers.ts';
import {
  bucketLocation,
  bucketStorageClass,
  createBucket,
  deleteBucket,
  headBucket,
  listBuckets,
  listObjects,
} from './bucket.handlers.ts';
import { header, type ObsCall, type ObsHandler } from './call.ts';
import { modifyObject, renameObject, truncateObject } from './file-system.handlers.ts';
import {
  abortUpload,
  completeUpload,
  copyPart,
  initiateUpload,
  listParts,
  listUploads,
  uploadPart,
} from './multipart.handlers.ts';
import { copyObject, deleteObject, deleteObjects, getObject, headObject, putObject } from './object.handlers.ts';
import { postObject } from './post.handlers.ts';
import {
  cors,
  customDomain,
  deleteTagging,
  directColdAccess,
  encryption,
  getQuota,
  getRequestPayment,
  getTagging,
  lifecycle,
  logging,
  notification,
  putQuota,
  putRequestPayment,
  putStorageClass,
  putTagging,
  storageInfo,
  website,
} from './setting.handlers.ts';
import { getVersioning, listVersions, putVersioning } from './version.handlers.ts';

/** Query parameters that choose another operation than the plain one of the method. */
const SUB_RESOURCES =
  `accelerate acl analytics append attributes backtosource bucketStatus bucketstatus cors customdomain delete
  deletebucket directcoldaccess disPolicy encryption intelligent-tiering inventory legal-hold lifecycle location
  logging metadata metrics mirrorBackToSource modify notification object-lock obscompresspolicy ownershipControls
  partNumber policy policyStatus publicAccessBlock quota rename replication requestPayment restore retention select
  storageClass storageinfo storagePolicy tagging torrent truncate uploadId uploads versioning versions website
  x-image-process x-oss-process`.split(/\s+/);
const RANKS = new Map(SUB_RESOURCES.map((name, rank) => [name, rank]));

/** `METHOD` or `METHOD ?sub-resource`. */
const BUCKET_OPERATIONS: Record<string, ObsHandler> = {
  GET: listObjects,
  HEAD: headBucket,
  PUT: createBucket,
  DELETE: deleteBucket,
  'GET ?acl': getBucketAcl,
  'PUT ?acl': putBucketAcl,
  'GET ?policy': getBucketPolicy,
  'PUT ?policy': putBucketPolicy,
  'DELETE ?policy': deleteBucketPolicy,
  'GET ?policyStatus': getPolicyStatus,
  'GET ?bucketStatus': getBucketStatus,
  'GET ?publicAccessBlock': getPublicAccessBlock,
  'PUT ?publicAccessBlock': putPublicAccessBlock,
  'DELETE ?publicAccessBlock': deletePublicAccessBlock,
  'GET ?location': bucketLocation,
  'GET ?storageinfo': storageInfo,
  'GET ?storageClass': bucketStorageClass,
  'GET ?storagePolicy': bucketStorageClass,
  'GET ?uploads': listUploads,
  'POST ?delete': deleteObjects,
  'GET ?versioning': getVersioning,
  'PUT ?versioning': putVersioning,
  'GET ?versions': listVersions,
  'GET ?cors': cors.get,
  'PUT ?cors': cors.put,
  'DELETE ?cors': cors.remove,
  'GET ?website': website.get,
  'PUT ?website': website.put,
  'DELETE ?website': website.remove,
  'GET ?lifecycle': lifecycle.get,
  'PUT ?lifecycle': lifecycle.put,
  'DELETE ?lifecycle': lifecycle.remove,
  'GET ?encryption': encryption.get,
  'PUT ?encryption': encryption.put,
  'DELETE ?encryption': encryption.remove,
  'GET ?logging': logging.get,
  'PUT ?logging': logging.put,
  'GET ?notification': notification.get,
  'PUT ?notification': notification.put,
  'GET ?directcoldaccess': directColdAccess.get,
  'PUT ?directcoldaccess': directColdAccess.put,
  'DELETE ?directcoldaccess': directColdAccess.remove,
  'GET ?tagging': getTagging,
  'PUT ?tagging': putTagging,
  'DELETE ?tagging': deleteTagging,
  'GET ?quota': getQuota,
  'PUT ?quota': putQuota,
  'PUT ?storageClass': putStorageClass,
  'PUT ?storagePolicy': putStorageClass,
  'GET ?requestPayment': getRequestPayment,
  'PUT ?requestPayment': putRequestPayment,
  'GET ?customdomain': customDomain,
  'PUT ?customdomain': customDomain,
  'DELETE ?customdomain': customDomain,
};

const OBJECT_OPERATIONS: Record<string, ObsHandler> = {
  GET: getObject,
  HEAD: headObject,
  PUT: putObject,
  DELETE: deleteObject,
  'GET ?acl': getObjectAcl,
  'PUT ?acl': putObjectAcl,
  'POST ?append': appendObject,
  'PUT ?metadata': putObjectMetadata,
  'GET ?tagging': getObjectTagging,
  'PUT ?tagging': putObjectTagging,
  'DELETE ?tagging': deleteObjectTagging,
  'POST ?restore': restoreObject,
  'POST ?uploads': initiateUpload,
  'PUT ?uploadId': uploadPart,
  'GET ?uploadId': listParts,
  'POST ?uploadId': completeUpload,
  'DELETE ?uploadId': abortUpload,
  'POST ?rename': renameObject,
  'PUT ?truncate': truncateObject,
  'PUT ?modify': modifyObject,
};

/** The sub-resource that a query names, if any. */
export function subResourceOf(query: Map<string, string>): string | undefined {
  // `partNumber` alone is a request of its own; beside `uploadId` it is an argument.
  if (query.has('uploadId')) return 'uploadId';
  let first: number | undefined;
  for (const name of query.keys()) {
    const rank = RANKS.get(name);
    if (rank !== undefined && (first === undefined || rank < first)) first = rank;
  }
  return first === undefined ? undefined : SUB_RESOURCES[first];
}

/** As access logs name it: `REST.GET.OBJECT`, `REST.PUT.BUCKET.CORS`. */
export function operationName(request: Pick<IncomingMessage, 'method'>, address: Address): string {
  const sub = subResourceOf(address.query);
  const what = address.bucket === '' ? 'SERVICE' : address.key === '' ? 'BUCKET' : 'OBJECT';
  const by = address.website ? 'WEBSITE' : 'REST';
  return [by, request.method, what, ...(sub === undefined || address.website ? [] : [sub.toUpperCase()])].join('.');
}

/** Finds what a request asks for. Throws Failure NotImplemented or MethodNotAllowed. */
export function operationOf(call: Pick<ObsCall, 'request' | 'address' | 'path' | 'dialect' | 'form'>): ObsHandler {
  const { request, path, address } = call;
  const method = request.method ?? 'GET';
  if (call.form) return postObject;
  if (path.bucket === '') {
    if (method === 'GET') return listBuckets;
    throw obsFailure('MethodNotAllowed');
  }
  const table = path.key === '' ? BUCKET_OPERATIONS : OBJECT_OPERATIONS;
  const sub = subResourceOf(address.query);
  const name = sub === undefined ? method : `${method} ?${sub}`;
  const handler = table[name];
  if (handler === undefined) {
    if (sub === undefined) throw obsFailure('MethodNotAllowed', `${method} is not an operation on this resource.`);
    throw obsFailure('NotImplemented', `${name} is not implemented.`);
  }
  if (method === 'PUT' && header(call as ObsCall, 'copy-source') !== undefined) {
    if (handler === putObject) return copyObject;
    if (handler === uploadPart) return copyPart;
  }
  return handler;
}
