import { randomBytes } from 'node:crypto';
import { orElse, type Soon, then } from '../../kernel/soon.ts';
import type { Database } from '../../store-kit/index.ts';
import { obsFailure } from './failures.ts';
import type { ObjectAccess } from './guard.ts';
import { commonPrefix, MAX_LIST_KEYS } from './listing.ts';
import { type ObjectRow, objectOf, objectStore, segmentsOf } from './object.store.ts';
import { afterPrefix, type BucketInfo, formatObsPath, type ObjectInfo, type ObsPath } from './object.ts';
import { type ListedVersion, type VersionPosition, type VersionRow, versionStore } from './version.store.ts';

/** What a deletion did. */
export interface Removed {
  /** The version that was deleted, or the delete marker that was made. */
  versionId?: string;
  /** A marker was made, or deleted. */
  deleteMarker?: boolean;
}

/** What of a bucket says how it keeps versions. */
type Versioned = Pick<BucketInfo, 'id' | 'versioning'>;

/** Version ids as they go over the wire: `null` is the version written without versioning. */
export const NULL_VERSION = 'null';
const idOf = (row: { version_id: string | null }): string => row.version_id ?? NULL_VERSION;
const stored = (versionId: string): string | null => (versionId === NULL_VERSION ? null : versionId);

const SEQ_DIGITS = 12;

/** Begins with its place in the order, so that a listing goes on from a version that was deleted meanwhile. */
function newVersionId(seq: number): string {
  return seq.toString(16).padStart(SEQ_DIGITS, '0') + randomBytes(10).toString('hex');
}

/** Throws Failure InvalidArgument for what no version can be called. */
export function checkVersionId(versionId: string): void {
  if (versionId === NULL_VERSION || /^[0-9a-f]{32}$/.test(versionId)) return;
  throw obsFailure('InvalidArgument', `"${versionId.slice(0, 40)}" is no version id.`);
}

/**
 * Makes way for a new current version of a key, whose id and place in the order are returned: what is there becomes an older version, or
 * is released where it is replaced. Call within a transaction.
 */
export async function makeWay(
  transaction: Database,
  bucket: Versioned,
  key: string,
  old: ObjectRow | undefined,
  now: number,
): Promise<Pick<ObjectRow, 'version_id' | 'seq'>> {
  const rows = objectStore(transaction);
  if (bucket.versioning === undefined) {
    if (old) await rows.release(segmentsOf(old), now);
    return { version_id: null, seq: 0 };
  }
  const versions = versionStore(transaction);
  const seq = Math.max(old?.seq ?? 0, (await versions.latest(bucket.id, key))?.seq ?? 0) + 1;
  const replacesNull = bucket.versioning === 'Suspended';
  if (old && replacesNull && old.version_id === null) await rows.release(segmentsOf(old), now);
  else if (old) await versions.insert({ ...old, delete_marker: 0 });
  if (!replacesNull) return { version_id: newVersionId(seq), seq };
  const former = await versions.find(bucket.id, key, null);
  if (former) await drop(transaction, former, now);
  return { version_id: null, seq };
}

async function drop(transaction: Database, row: VersionRow, now: number): Promise<void> {
  await versionStore(transaction).remove(row);
  await objectStore(transaction).release(segmentsOf(row), now);
}

/** Deletes an object as a request without a version does: for good, or by a delete marker. Call within a transaction. */
export async function removeCurrent(
  transaction: Database,
  bucket: Versioned,
  key: string,
  now: number,
): Promise<Removed> {
  const rows = objectStore(transaction);
  const old = await rows.findObject(bucket.id, key);
  if (!old && bucket.versioning === undefined) return {};
  const place = await makeWay(transaction, bucket, key, old, now);
  if (old) await rows.deleteObject(bucket.id, key);
  if (bucket.versioning === undefined) return {};
  const nothing = { size: 0, etag: '', storage_class: 'STANDARD', upload_id: null, attributes: '{}', segments: '[]' };
  await versionStore(transaction).insert({
    ...{ bucket_id: bucket.id, key, ...place, ...nothing, last_modified: now, delete_marker: 1 },
  });
  return { versionId: idOf(place), deleteMarker: true };
}

/**
 * Deletes one version for good; where that was the current one, the next takes its place. One that is not there is no error. Call within
 * a transaction.
 */
export async function removeVersion(
  transaction: Database,
  bucket: BucketInfo,
  key: string,
  versionId: string,
  now: number,
): Promise<Removed> {
  const rows = objectStore(transaction);
  const versions = versionStore(transaction);
  const current = await rows.findObject(bucket.id, key);
  let removed: Removed = { versionId };
  if (current && idOf(current) === versionId) {
    await rows.deleteObject(bucket.id, key);
    await rows.release(segmentsOf(current), now);
  } else {
    const row = await versions.find(bucket.id, key, stored(versionId));
    if (!row) return removed;
    await drop(transaction, row, now);
    if (row.delete_marker) removed = { versionId, deleteMarker: true };
    if (current) return removed;
  }
  const next = await versions.latest(bucket.id, key);
  if (next && !next.delete_marker) {
    await versions.remove(next);
    const { delete_marker: _, ...row } = next;
    await rows.replaceObject(row);
  }
  return removed;
}

/** A version, and whether it is the current object. */
export interface FoundVersion {
  row: ObjectRow;
  current: boolean;
}

/**
 * The current object, or the version that is named. Throws Failure NoSuchKey, NoSuchVersion, or MethodNotAllowed for a delete marker;
 * `details.deleteMarker` is its id where one is met.
 */
export function findVersion(
  database: Database,
  bucket: BucketInfo,
  path: ObsPath,
  versionId?: string,
): Soon<FoundVersion> {
  return then(objectStore(database).findObject(bucket.id, path.key), current =>
    versionId === undefined && current
      ? { row: current, current: true }
      : findOther(database, bucket, path, current, versionId),
  );
}

/** A version that is named, or the failure to find any. */
async function findOther(
  database: Database,
  bucket: BucketInfo,
  path: ObsPath,
  current: ObjectRow | undefined,
  versionId: string | undefined,
): Promise<FoundVersion> {
  if (versionId === undefined) {
    const marker = bucket.versioning && (await versionStore(database).latest(bucket.id, path.key));
    throw obsFailure('NoSuchKey', `Object ${formatObsPath(path)} does not exist.`, undefined, met(marker));
  }
  checkVersionId(versionId);
  if (current && idOf(current) === versionId) return { row: current, current: true };
  const row = await versionStore(database).find(bucket.id, path.key, stored(versionId));
  if (!row) throw obsFailure('NoSuchVersion', `Object ${formatObsPath(path)} has no version ${versionId}.`);
  if (row.delete_marker) throw obsFailure('MethodNotAllowed', 'The version is a delete marker.', undefined, met(row));
  return { row, current: false };
}

const met = (marker: VersionRow | undefined) => (marker ? { deleteMarker: idOf(marker) } : undefined);

/** What is there, when the caller may have it; whoever may not learns that first. Throws as `findVersion`. */
export function admitted(
  database: Database,
  { bucket, check }: ObjectAccess,
  path: ObsPath,
  versionId?: string,
): Soon<FoundVersion & { info: ObjectInfo }> {
  const finding = orElse(
    () => findVersion(database, bucket, path, versionId),
    error => {
      check(undefined);
      throw error;
    },
  );
  return then(finding, found => {
    const info = objectOf(bucket.name, found.row);
    check(info);
    return { ...found, info };
  });
}

/** Writes a changed row back to where it was found. */
export async function updateVersion(transaction: Database, { row, current }: FoundVersion): Promise<void> {
  if (current) await objectStore(transaction).replaceObject(row);
  else await versionStore(transaction).update({ ...row, delete_marker: 0 });
}

export interface VersionQuery {
  prefix?: string;
  delimiter?: string;
  keyMarker?: string;
  versionIdMarker?: string;
  maxKeys?: number;
}

export interface VersionPage {
  items: (ListedVersion & { latest: boolean })[];
  prefixes: string[];
  truncated: boolean;
  next?: { key: string; versionId: string };
}

/** One page of all versions, by key and then newest first; common prefixes are jumped over. */
export async function listVersions(database: Database, bucketId: number, query: VersionQuery): Promise<VersionPage> {
  const { prefix = '', delimiter = '', keyMarker = '', versionIdMarker } = query;
  const maxKeys = Math.min(query.maxKeys ?? MAX_LIST_KEYS, MAX_LIST_KEYS);
  const versions = versionStore(database);
  const page: VersionPage = { items: [], prefixes: [], truncated: false };
  const before = prefix === '' ? undefined : afterPrefix(prefix);
  let position: VersionPosition | undefined = { key: prefix, before };
  if (keyMarker !== '' && Buffer.compare(Buffer.from(keyMarker), Buffer.from(prefix)) >= 0) {
    position = { key: keyMarker, below: await seqOf(database, bucketId, keyMarker, versionIdMarker), before };
    const group = commonPrefix(keyMarker, prefix, delimiter);
    if (group === keyMarker) position = behind(group, before);
  }
  let last: { key: string; versionId: string } | undefined;
  let lastKey = keyMarker;
  while (position) {
    const limit = maxKeys - page.items.length - page.prefixes.length + 1;
    const found: ListedVersion[] = await versions.list(bucketId, position, limit);
    let jump: string | undefined;
    for (const row of found) {
      if (jump !== undefined && row.key.startsWith(jump)) continue;
      jump = undefined;
      if (page.items.length + page.prefixes.length >= maxKeys) {
        page.truncated = true;
        if (last) page.next = last;
        return page;
      }
      const group = commonPrefix(row.key, prefix, delimiter);
      if (group !== undefined) {
        page.prefixes.push(group);
        jump = group;
        last = { key: group, versionId: '' };
        continue;
      }
      // A delete marker, or the newest of a key without a current object, is the latest where it comes first.
      page.items.push({ ...row, latest: row.is_latest === 1 || (row.key !== lastKey && row.delete_marker === 1) });
      lastKey = row.key;
      last = { key: row.key, versionId: idOf(row) };
      position = { key: row.key, below: row.seq, before };
    }
    if (jump !== undefined) position = behind(jump, before);
    else if (found.length < limit) return page;
  }
  return page;
}

function behind(group: string, before: string | undefined): VersionPosition | undefined {
  const key = afterPrefix(group);
  return key === undefined ? undefined : { key, before };
}

/** Where to go on within a key: below the version of the marker; without one, behind the key. */
async function seqOf(database: Database, bucketId: number, key: string, versionId?: string): Promise<number> {
  if (versionId === undefined || versionId === '') return -1;
  checkVersionId(versionId);
  if (versionId !== NULL_VERSION) return Number.parseInt(versionId.slice(0, SEQ_DIGITS), 16);
  const current = await objectStore(database).findObject(bucketId, key);
  if (current?.version_id === null) return current.seq;
  return (await versionStore(database).find(bucketId, key, null))?.seq ?? Number.MAX_SAFE_INTEGER;
}
