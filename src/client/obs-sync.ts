import { mkdir, realpath, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../kernel/failure.ts';
import { checkFile } from './content-check.ts';
import {
  ALSO_A_DIRECTORY,
  directoriesAmong,
  type LocalFile,
  localFiles,
  type Skipped,
  unfitForFile,
} from './file-keys.ts';
import { copyJob, downloadJob, folderKey, isFolderMarker, nothingThere, uploadJob } from './obs-copy.ts';
import type { ObsEntry, ObsStore } from './obs-store.ts';
import { type ObsUrl, obsUrlText } from './obs-url.ts';
import { inParallel } from './parallel.ts';
import { type PathRule, pathFilter } from './path-filter.ts';
import { type Job, type OnProgress, runTransfers, type TransferResult } from './transfer-run.ts';

/** A directory here, or a folder of the store. */
export type Place = { dir: string } | { url: ObsUrl };

export interface SyncOptions {
  /** Remove from the target what the source does not have. */
  delete?: boolean;
  /** Compare contents even where sizes and times say that nothing changed. */
  checksum?: boolean;
  rules?: readonly PathRule[];
}

/** One thing that a synchronization does; `path` is relative to both places. */
export interface SyncStep {
  action: 'copy' | 'delete';
  path: string;
  size: number;
  why: 'new' | 'changed' | 'not in the source';
}

/** What differs, and how to make it the same. */
export interface SyncPlan {
  steps: SyncStep[];
  unchanged: number;
  skipped: Skipped[];
  /** Does it. Nothing is deleted when something could not be copied. */
  run(onProgress?: OnProgress): Promise<TransferResult & { deleted: number }>;
}

type Item = { size: number } & ({ file: LocalFile } | { entry: ObsEntry });

/** One side of a synchronization. */
interface Side {
  place: Place;
  items: Map<string, Item>;
}

const COMPARISONS = 8;

/**
 * Finds out what has to be copied to make `to` what `from` is: what is new or of another size; and, where times leave it
 * open, what has other content.
 */
export async function planSync(store: ObsStore, from: Place, to: Place, options: SyncOptions = {}): Promise<SyncPlan> {
  checkApart(from, to);
  const skipped: Skipped[] = [];
  const chosen = pathFilter(options.rules ?? []);
  const local = 'dir' in from || 'dir' in to;
  const source = await look(store, from, chosen, { skipped, local });
  if (source.items.size === 0 && 'url' in from && skipped.length === 0) throw nothingThere(from.url);
  // What the target has too much is nobody's concern but that of --delete.
  const target = await look(store, to, chosen, { local }).catch(error => {
    if ('dir' in to && (error as NodeJS.ErrnoException).code === 'ENOENT') return { place: to, items: new Map() };
    throw error;
  });
  const steps: SyncStep[] = [];
  let unchanged = 0;
  await inParallel(source.items, COMPARISONS, async ([path, item]) => {
    const there = target.items.get(path);
    if (there && (await isSame(store, item, there, from, to, options.checksum === true))) unchanged += 1;
    else steps.push({ action: 'copy', path, size: item.size, why: there ? 'changed' : 'new' });
  });
  if (options.delete) {
    if (source.items.size === 0) throw nothingToKeep(to);
    // What could not be read is there all the same, and so is what lies in it.
    const unread = new Set(skipped.map(({ path }) => path));
    const isUnread = (path: string): boolean =>
      unread.has(path) || (path.includes('/') && isUnread(path.slice(0, path.lastIndexOf('/'))));
    for (const [path, { size }] of target.items) {
      if (!source.items.has(path) && !isUnread(path))
        steps.push({ action: 'delete', path, size, why: 'not in the source' });
    }
  }
  steps.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    steps,
    unchanged,
    skipped,
    async run(onProgress) {
      if ('dir' in to) await mkdir(to.dir, { recursive: true });
      const root = 'dir' in to ? await realpath(to.dir) : '';
      const jobs = steps
        .filter(step => step.action === 'copy')
        .map(step => jobOf(store, step.path, source.items.get(step.path)!, source.place, to, root));
      const result = await runTransfers(jobs, skipped, onProgress);
      const extra = steps.filter(step => step.action === 'delete').map(step => step.path);
      if (result.failed.length > 0 || extra.length === 0) return { ...result, deleted: 0 };
      if ('dir' in to) await removeFiles(root, extra);
      else
        await store.removeKeys(
          to.url.bucket,
          extra.map(path => folderKey(to.url.key) + path),
        );
      return { ...result, deleted: extra.length };
    },
  };
}

/** Lists one side. `skipped`: it is the source, and this takes what cannot be copied. `local`: the other side is a directory. */
async function look(
  store: ObsStore,
  place: Place,
  chosen: (path: string) => boolean,
  { skipped, local }: { skipped?: Skipped[]; local: boolean },
): Promise<Side> {
  const items = new Map<string, Item>();
  if ('dir' in place) {
    if (!(await stat(place.dir)).isDirectory()) throw notADirectory(place.dir);
    const left: Skipped[] = [];
    for (const file of await localFiles(place.dir, left)) {
      if (chosen(file.path)) items.set(file.path, { size: file.size, file });
    }
    skipped?.push(...left.filter(({ path }) => chosen(path)));
    return { place, items };
  }
  const prefix = folderKey(place.url.key);
  for await (const entry of store.walk({ bucket: place.url.bucket, key: prefix })) {
    const path = entry.key.slice(prefix.length);
    if (path === '' || !chosen(path)) continue;
    if (local && isFolderMarker(entry)) continue;
    const unfit = local && skipped ? unfitForFile(path) : undefined;
    if (unfit) skipped!.push({ path: entry.key, reason: unfit });
    else items.set(path, { size: entry.size, entry });
  }
  if (local && skipped) {
    for (const path of directoriesAmong(items.keys())) {
      items.delete(path);
      skipped.push({ path: prefix + path, reason: ALSO_A_DIRECTORY });
    }
  }
  return { place, items };
}

/** Whether the target's item has the source's content already. */
async function isSame(
  store: ObsStore,
  source: Item,
  target: Item,
  from: Place,
  to: Place,
  always: boolean,
): Promise<boolean> {
  if (source.size !== target.size) return false;
  if ('entry' in source && 'entry' in target) return source.entry.etag === target.entry.etag;
  if ('file' in source && 'entry' in target) {
    // What was stored after the file last changed was made from it.
    if (!always && source.file.mtimeMs <= target.entry.lastModified.getTime()) return true;
    return sameContent(
      store,
      join((from as { dir: string }).dir, source.file.path),
      (to as { url: ObsUrl }).url,
      target.entry,
    );
  }
  if ('entry' in source && 'file' in target) {
    const { lastModified } = source.entry;
    // A download gives the file the object's time.
    if (!always && Math.round(target.file.mtimeMs) === lastModified.getTime()) return true;
    const path = join((to as { dir: string }).dir, target.file.path);
    if (!(await sameContent(store, path, (from as { url: ObsUrl }).url, source.entry))) return false;
    await utimes(path, lastModified, lastModified).catch(() => {}); // spares the comparison next time, where it is allowed
    return true;
  }
  return false;
}

async function sameContent(store: ObsStore, path: string, at: ObsUrl, entry: ObsEntry): Promise<boolean> {
  const plain = !entry.etag.includes('-');
  const content = plain ? entry : await store.head({ bucket: at.bucket, key: entry.key });
  return content !== undefined && (await checkFile(path, content)) === 'same';
}

function jobOf(store: ObsStore, path: string, item: Item, from: Place, to: Place, root: string): Job {
  const target = 'url' in to ? { bucket: to.url.bucket, key: folderKey(to.url.key) + path } : undefined;
  if ('file' in item) return uploadJob(store, join((from as { dir: string }).dir, path), item.file, target!);
  const source = { bucket: (from as { url: ObsUrl }).url.bucket, key: item.entry.key };
  if (target) return copyJob(store, source, item.entry, target);
  return downloadJob(store, source, item.entry, root, path);
}

/** Removes files, and the directories that are empty without them. */
async function removeFiles(root: string, paths: readonly string[]): Promise<void> {
  const directories = new Set<string>();
  for (const path of paths) {
    await rm(join(root, path), { force: true });
    for (let dir = dirname(path); dir !== '.'; dir = dirname(dir)) directories.add(dir);
  }
  for (const dir of [...directories].sort().reverse()) await rmdir(join(root, dir)).catch(() => {});
}

/** Places that hold one another would copy, or delete, their own copies. */
function checkApart(from: Place, to: Place): void {
  if (!('url' in from) || !('url' in to) || from.url.bucket !== to.url.bucket) return;
  const [a, b] = [folderKey(from.url.key), folderKey(to.url.key)];
  if (!a.startsWith(b) && !b.startsWith(a)) return;
  throw new Failure({
    code: 'Atelier.BadArgument',
    status: 400,
    message: `${obsUrlText(from.url)} and ${obsUrlText(to.url)} lie within one another.`,
    solution: 'Choose a folder beside it.',
  });
}

function notADirectory(dir: string): Failure {
  return new Failure({
    code: 'Atelier.BadArgument',
    status: 400,
    message: `${dir} is no directory.`,
    solution: 'One file is copied with: atelier obs cp',
  });
}

function nothingToKeep(to: Place): Failure {
  return new Failure({
    code: 'Atelier.EmptySource',
    status: 400,
    message: `The source holds nothing: --delete would remove everything from ${'dir' in to ? to.dir : obsUrlText(to.url)}.`,
    solution: 'If that is what you want, remove it: atelier obs rm -r',
  });
}
