import { isIP } from 'node:net';
import { obsFailure } from './failures.ts';

/** A place in the object store. `key` is empty for the bucket itself. */
export interface ObsPath {
  bucket: string;
  key: string;
}

/** What is told of an object. Times in milliseconds, sizes in bytes. */
export interface ObjectInfo extends ObjectExtras {
  bucket: string;
  key: string;
  size: number;
  /** MD5 in hex, or `md5-n` of a multipart object; without quotes. */
  etag: string;
  contentType: string;
  lastModified: number;
  /** User metadata; names in lower case without prefix. */
  metadata: Record<string, string>;
  storageClass: StorageClass;
  /** Kept HTTP headers, names in lower case: cache-control, content-disposition, … */
  headers: Record<string, string>;
  /** Checksum that the uploader gave, e.g. `{ crc32: 'base64' }`. */
  checksum: Record<string, string>;
  /** `null` of what was written without versioning. */
  versionId: string;
}

/** What objects may carry besides; each is absent where nobody asked for it. */
export interface ObjectExtras {
  /** Whose it is where it was written by another account than the bucket's. */
  owner?: { id: string; name: string };
  acl?: Acl;
  tags?: Record<string, string>;
  /** How its bytes are encrypted; never the key itself. */
  encryption?: ObjectEncryption;
  /** Made by appending, so many times: may be appended to. */
  appendable?: { count: number };
  /** Of an archived object: readable until then (milliseconds), or being restored until `readyAt`. */
  restore?: { readyAt: number; until: number };
  /** Milliseconds; deleted by then (`x-obs-expires`). */
  expiresAt?: number;
  /** `x-obs-website-redirect-location`. */
  redirect?: string;
}

/** Who may do what with a bucket or object beside its owner (access/acl.ts). */
export interface Acl {
  grants: {
    grantee: { account: string; name?: string } | 'everyone' | 'authenticated' | 'log-delivery';
    permission: AclPermission;
    delivered?: boolean;
  }[];
  /** Of an object: what the bucket's list grants counts too. */
  delivered?: boolean;
}
export type AclPermission = 'READ' | 'WRITE' | 'READ_ACP' | 'WRITE_ACP' | 'FULL_CONTROL';

export interface ObjectEncryption {
  /** `customer`: with a key of each request (SSE-C); `kms`: with a key of this installation. */
  mode: 'customer' | 'kms';
  algorithm: 'AES256';
  /** MD5 of a customer's key, salted; to tell whether the right one comes back. */
  keyCheck?: string;
  keyId?: string;
  /** The data key, sealed by the installation's. */
  sealedKey?: string;
  /** Base64 nonce that the counters begin from. */
  nonce: string;
}

export interface BucketInfo {
  id: number;
  name: string;
  accountId: string;
  accountName: string;
  location: string;
  storageClass: StorageClass;
  createdAt: number;
  /** `POSIX`: a parallel file system, with real directories, rename and truncate. */
  kind: 'OBJECT' | 'POSIX';
  /** Absent where it was never switched on. */
  versioning?: 'Enabled' | 'Suspended';
}

/** What an object carries beside its bytes. */
export interface ObjectAttributes extends ObjectExtras {
  contentType: string;
  metadata: Record<string, string>;
  headers: Record<string, string>;
  storageClass: StorageClass;
  checksum: Record<string, string>;
}

/** Storage classes, as OBS names them. */
export const STORAGE_CLASSES = ['STANDARD', 'WARM', 'COLD'] as const;
export type StorageClass = (typeof STORAGE_CLASSES)[number];

/** A piece of a blob: id, offset within the blob, length. An object's content is a list of them. */
export type Segment = [blob: string, offset: number, length: number];

export const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';
export const MAX_KEY_BYTES = 1024;
/** Limit of a single PUT, a part, or an append: 5 GB. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3;
export const MAX_PARTS = 10_000;
export const MAX_METADATA_BYTES = 8 * 1024;

/** Content type, metadata and the rest, with defaults filled in. */
export function attributes(given: Partial<ObjectAttributes> = {}): ObjectAttributes {
  const { owner, acl, tags, encryption, appendable, restore, expiresAt, redirect } = given;
  const extras = { owner, acl, tags, encryption, appendable, restore, expiresAt, redirect };
  return {
    ...(Object.fromEntries(Object.entries(extras).filter(([, value]) => value !== undefined)) as ObjectExtras),
    contentType: given.contentType || DEFAULT_CONTENT_TYPE,
    metadata: given.metadata ?? {},
    headers: given.headers ?? {},
    storageClass: given.storageClass ?? 'STANDARD',
    checksum: given.checksum ?? {},
  };
}

/**
 * Reads `obs://bucket/key`, `s3://bucket/key`, `/bucket/key` or `bucket/key`. Throws Failure InvalidArgument when no
 * bucket is named, InvalidBucketName when it cannot be one.
 */
export function parseObsPath(text: string): ObsPath {
  const bare = text.replace(/^(obs|s3):\/\//i, '').replace(/^\//, '');
  const slash = bare.indexOf('/');
  const bucket = slash < 0 ? bare : bare.slice(0, slash);
  if (bucket === '') {
    throw obsFailure('InvalidArgument', `"${text}" names no bucket; write it as obs://bucket/path or /bucket/path.`);
  }
  checkBucketName(bucket);
  const key = slash < 0 ? '' : bare.slice(slash + 1);
  checkKey(key);
  return { bucket, key };
}

/** The usual text of a place. */
export function formatObsPath(path: ObsPath): string {
  return `obs://${path.bucket}/${path.key}`;
}

/**
 * Throws Failure InvalidBucketName unless the name has 3 to 63 characters of a-z, 0-9, hyphen and dot, begins and ends
 * with a letter or digit, has no two dots or dot and hyphen side by side, and is no IP address (OBS bucket naming).
 */
export function checkBucketName(name: string): void {
  const fault = bucketNameFault(name);
  if (fault) throw obsFailure('InvalidBucketName', `Bucket name "${name.slice(0, 80)}" ${fault}.`);
}

function bucketNameFault(name: string): string | undefined {
  if (name.length < 3 || name.length > 63) return 'must have 3 to 63 characters';
  if (!/^[a-z0-9.-]+$/.test(name)) return 'may hold lower-case letters, digits, hyphens and dots only';
  if (!/^[a-z0-9].*[a-z0-9]$/.test(name)) return 'must begin and end with a letter or digit';
  if (/\.\.|\.-|-\./.test(name)) return 'must not hold ".." or a dot beside a hyphen';
  if (isIP(name)) return 'must not be an IP address';
  return undefined;
}

/** Throws Failure KeyTooLongError beyond 1,024 bytes of UTF-8. Any character is allowed: keys are rows, never paths. */
export function checkKey(key: string): void {
  if (key.length * 3 <= MAX_KEY_BYTES) return;
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_KEY_BYTES) {
    throw obsFailure('KeyTooLongError', `The key has ${bytes} bytes of UTF-8; the limit is ${MAX_KEY_BYTES}.`);
  }
}

/** The smallest text that sorts, in UTF-8, after every text beginning with `prefix`; undefined when there is none. */
export function afterPrefix(prefix: string): string | undefined {
  const end = prefix.charCodeAt(prefix.length - 1);
  if (end < 0x7f) return prefix.slice(0, -1) + String.fromCharCode(end + 1); // as nearly always: it ends in a delimiter
  const points = Array.from(prefix, character => character.codePointAt(0)!);
  while (points.length > 0) {
    let last = points.pop()! + 1;
    if (last >= 0xd800 && last <= 0xdfff) last = 0xe000;
    if (last <= 0x10ffff) return String.fromCodePoint(...points, last);
  }
  return undefined;
}

/** Total bytes of a list of segments. */
export function segmentsSize(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment[2], 0);
}

/** The part of the content from byte `start` up to, not including, `end`. */
export function sliceSegments(segments: readonly Segment[], start: number, end: number): Segment[] {
  const slice: Segment[] = [];
  let at = 0;
  for (const [blob, offset, length] of segments) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + length);
    if (from < to) slice.push([blob, offset + from - at, to - from]);
    at += length;
  }
  return slice;
}
