import { createHash } from 'node:crypto';
import type { Database } from '../../store-kit/index.ts';
import { obsFailure } from './failures.ts';
import { fileSystemStore } from './file-system.store.ts';
import { attributesText, objectStore } from './object.store.ts';
import { attributes, type BucketInfo } from './object.ts';

const EMPTY_MD5 = createHash('md5').digest('hex');

/**
 * Makes sure that `key` can lie in a parallel file system, and makes its directories: an object whose key ends in `/`
 * for each. Call within the transaction that enters the object. Throws Failure InvalidArgument for what is no path,
 * OperationAborted where a file is in the way of a directory or the other way round.
 */
export async function makeDirectories(
  transaction: Database,
  bucket: BucketInfo,
  entry: { key: string; size: number },
  now: number,
): Promise<void> {
  const { key, size } = entry;
  if (key.endsWith('/') && size > 0) throw obsFailure('InvalidArgument', 'A directory has no content.');
  checkPath(key);
  const tree = fileSystemStore(transaction);
  const rows = objectStore(transaction);
  const twin = key.endsWith('/') ? key.slice(0, -1) : `${key}/`;
  if (await tree.exists(bucket.id, twin)) throw inTheWay(twin);
  // From below: where a directory exists, all above it do.
  for (let end = key.lastIndexOf('/', key.length - 2); end > 0; end = key.lastIndexOf('/', end - 1)) {
    const directory = key.slice(0, end + 1);
    if (await tree.exists(bucket.id, directory)) return;
    if (await tree.exists(bucket.id, key.slice(0, end))) throw inTheWay(key.slice(0, end));
    await rows.replaceObject({
      bucket_id: bucket.id,
      key: directory,
      size: 0,
      etag: EMPTY_MD5,
      last_modified: now,
      storage_class: bucket.storageClass,
      upload_id: null,
      version_id: null,
      seq: 0,
      attributes: attributesText(attributes({ storageClass: bucket.storageClass })),
      segments: '[]',
    });
  }
}

/** Throws Failure OperationAborted when `key` is a directory of a parallel file system that still has entries. */
export async function checkRemovable(transaction: Database, bucket: BucketInfo, key: string): Promise<void> {
  if (!key.endsWith('/')) return;
  if (await fileSystemStore(transaction).hasEntries(bucket.id, key)) {
    throw obsFailure('OperationAborted', `The directory "${key}" is not empty: delete what is in it first.`);
  }
}

/** Throws Failure InvalidArgument unless every name on the way is one that a file can have. */
export function checkPath(key: string): void {
  const names = (key.endsWith('/') ? key.slice(0, -1) : key).split('/');
  for (const name of names) {
    if (name === '' || name === '.' || name === '..' || name.includes('\0')) {
      throw obsFailure(
        'InvalidArgument',
        `"${key.slice(0, 200)}" is no path of a file system: names must not be empty, "." or "..", nor hold NUL.`,
      );
    }
  }
}

/** A conflict with what is there. */
export function inTheWay(key: string): Error {
  return obsFailure('OperationAborted', `"${key}" is there already and in the way.`);
}
