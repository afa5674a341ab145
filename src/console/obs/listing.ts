import { infiniteQueryOptions } from '@tanstack/react-query';
import { isFailure } from '../../kernel/failure.ts';
import { currentProject } from '../session.ts';
import { OBJECTS, obs, obsXml } from './obs.ts';
import { textAt, within, xml } from './xml.ts';

/** A line of a folder: a folder, an object, or a version of one. */
export interface Entry {
  /** Whole, from the root of the bucket; of a folder with `/` at its end. */
  key: string;
  kind: 'folder' | 'object' | 'marker';
  size: number;
  /** ISO time; empty of folders. */
  modified: string;
  storageClass: string;
  /** Where versions are listed. */
  versionId?: string;
  latest?: boolean;
}

export interface EntryPage {
  entries: Entry[];
  next?: Marker | undefined;
}

interface Marker {
  key: string;
  versionId?: string;
}

interface ListInput {
  bucket: string;
  prefix: string;
  /** All versions, and what marks deleted objects. */
  versions?: boolean;
  /** Everything below, rather than the folder alone. */
  deep?: boolean;
  after?: Marker | undefined;
  limit?: number;
  signal?: AbortSignal;
}

export const PAGE = 500;
const LOOKS_AT_ONCE = 6;

/** One page of what begins with `prefix`. Keys come encoded, as XML cannot hold every character. */
export async function listPage(input: ListInput): Promise<EntryPage> {
  const { bucket, prefix, versions = false, deep = false, after, limit = PAGE, signal } = input;
  const tree = await obsXml(
    'GET',
    { bucket },
    {
      query: {
        ...(versions ? { versions: '' } : {}),
        'encoding-type': 'url',
        'max-keys': limit,
        ...(prefix === '' ? {} : { prefix }),
        ...(deep ? {} : { delimiter: '/' }),
        ...(versions ? { 'key-marker': after?.key, 'version-id-marker': after?.versionId } : { marker: after?.key }),
      },
      ...(signal ? { signal } : {}),
    },
  );
  const decoded = (element: Element, ...path: string[]) => decodeURIComponent(textAt(element, ...path));
  const folders = within(tree, 'CommonPrefixes').map(
    (each): Entry => ({ key: decoded(each, 'Prefix'), kind: 'folder', size: 0, modified: '', storageClass: '' }),
  );
  const objects = ['Contents', 'Version', 'DeleteMarker'].flatMap(name =>
    within(tree, name).map(
      (each): Entry => ({
        key: decoded(each, 'Key'),
        kind: name === 'DeleteMarker' ? 'marker' : 'object',
        size: Number(textAt(each, 'Size')),
        modified: textAt(each, 'LastModified'),
        storageClass: textAt(each, 'StorageClass'),
        ...(versions
          ? { versionId: textAt(each, 'VersionId') || 'null', latest: textAt(each, 'IsLatest') === 'true' }
          : {}),
      }),
    ),
  );
  // Markers and versions of a key come apart, the newest first within each.
  if (versions) objects.sort((a, b) => (a.key === b.key ? b.modified.localeCompare(a.modified) : 0));
  const more = textAt(tree, 'IsTruncated') === 'true';
  const key = decoded(tree, versions ? 'NextKeyMarker' : 'NextMarker') || objects.at(-1)?.key || '';
  const versionId = textAt(tree, 'NextVersionIdMarker');
  return {
    entries: [...folders, ...objects],
    ...(more ? { next: { key, ...(versions && versionId ? { versionId } : {}) } } : {}),
  };
}

/** A folder, page after page. */
export function folderQuery(bucket: string, prefix: string, versions = false) {
  return infiniteQueryOptions({
    queryKey: ['obs', currentProject(), 'folder', bucket, prefix, versions],
    queryFn: ({ pageParam, signal }) => listPage({ bucket, prefix, versions, after: pageParam, signal }),
    initialPageParam: undefined as Marker | undefined,
    getNextPageParam: (page: EntryPage) => page.next,
    meta: { live: [OBJECTS, 'obs-buckets'] },
  });
}

/** Everything that begins with `prefix`, page after page. */
export async function* walk(
  bucket: string,
  prefix: string,
  options: { versions?: boolean; signal?: AbortSignal } = {},
): AsyncGenerator<Entry[]> {
  let after: Marker | undefined;
  do {
    const page: EntryPage = await listPage({ bucket, prefix, deep: true, limit: 1000, after, ...options });
    yield page.entries;
    after = page.next;
  } while (after);
}

/** Which of these keys, all below `folder`, the bucket has already. Where one may not look, none is known. */
export async function present(bucket: string, folder: string, keys: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const roots = Map.groupBy(keys, key => key.slice(0, key.indexOf('/', folder.length) + 1) || folder);
  try {
    for (const [root, below] of roots) {
      // A new folder holds none, and one page tells of a small one; in a large one, each key is asked for.
      const page = await listPage({ bucket, prefix: root, deep: true, limit: 1000 });
      const there = new Set(page.entries.map(({ key }) => key));
      found.push(...below.filter(key => there.has(key)));
      const waiting = page.next ? below.filter(key => !there.has(key)) : [];
      const look = async () => {
        for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
          const { entries } = await listPage({ bucket, prefix: key, deep: true, limit: 1 });
          if (entries[0]?.key === key) found.push(key);
        }
      };
      await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, look));
    }
  } catch (error) {
    if (!isFailure(error) || error.status !== 403) throw error;
  }
  return found;
}

/** Deletes up to a thousand objects or versions; returns what could not be deleted, with the reason. */
export async function deleteBatch(bucket: string, entries: readonly Pick<Entry, 'key' | 'versionId'>[]) {
  const listed = entries.map(({ key, versionId }) =>
    xml('Object', xml('Key', encodeURIComponent(key)), ...(versionId ? [xml('VersionId', versionId)] : [])),
  );
  const body = String(xml('Delete', xml('Quiet', 'true'), xml('EncodingType', 'url'), ...listed));
  const tree = await obsXml('POST', { bucket }, { query: { delete: '' }, body });
  return within(tree, 'Error').map(each => ({
    key: decodeURIComponent(textAt(each, 'Key')),
    message: textAt(each, 'Message'),
  }));
}

/** Copies an object, or a version of it, within its bucket; its storage class stays. */
export async function copyObject(
  bucket: string,
  from: Pick<Entry, 'key' | 'versionId' | 'storageClass'>,
  key: string,
): Promise<void> {
  const version = from.versionId ? `?versionId=${from.versionId}` : '';
  const headers = {
    'x-obs-copy-source': `/${bucket}/${encodeURIComponent(from.key)}${version}`,
    'x-obs-storage-class': from.storageClass,
  };
  await obs('PUT', { bucket, key }, { headers });
}

/** The name of a key within its folder, without the slash of a folder; a slash where the name is empty. */
export function nameOf(key: string): string {
  return key.replace(/\/$/, '').split('/').at(-1) || '/';
}

/** The folder that a key lies in; '' at the root. */
export function folderOf(key: string): string {
  return key.slice(0, key.replace(/\/$/, '').lastIndexOf('/') + 1);
}
