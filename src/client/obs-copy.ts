import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../kernel/failure.ts';
import { ALSO_A_DIRECTORY, directoriesAmong, localFiles, makeRoom, type Skipped, unfitForFile } from './file-keys.ts';
import type { ObsEntry, ObsStore } from './obs-store.ts';
import { type ObsUrl, obsUrlText } from './obs-url.ts';
import { type Job, type OnProgress, runTransfers, type TransferResult } from './transfer-run.ts';

/** A key as the folder that it names: with a slash at the end, or empty for the whole bucket. */
export function folderKey(key: string): string {
  return key === '' || key.endsWith('/') ? key : `${key}/`;
}

/** Copies a file, or what is below a directory, to the store. */
export async function copyToObs(client: ObsStore, from: string, to: ObsUrl, onProgress?: OnProgress) {
  const info = await stat(from).catch(() => undefined);
  if (!info) throw new Failure({ code: 'Atelier.NoFile', status: 400, message: `${from} does not exist.` });
  const skipped: Skipped[] = [];
  const jobs: Job[] = [];
  if (info.isDirectory()) {
    for (const file of await localFiles(from, skipped)) {
      const target = { bucket: to.bucket, key: folderKey(to.key) + file.path };
      jobs.push(uploadJob(client, join(from, file.path), file, target));
    }
  } else {
    const name = basename(resolve(from));
    const key = to.key === '' || to.key.endsWith('/') ? to.key + name : to.key;
    jobs.push(uploadJob(client, from, { path: name, size: info.size }, { bucket: to.bucket, key }));
  }
  return runTransfers(jobs, skipped, onProgress);
}

/** Copies an object, or what is below a prefix, to files. */
export async function copyFromObs(
  client: ObsStore,
  from: ObsUrl,
  to: string,
  onProgress?: OnProgress,
): Promise<TransferResult> {
  const target = await stat(to).catch(() => undefined);
  const single = await singleObject(client, from);
  if (single) {
    const path = target?.isDirectory() ? join(to, basename(from.key)) : to;
    const unfit = target?.isDirectory() ? unfitForFile(basename(from.key)) : undefined;
    if (unfit) {
      throw new Failure({
        code: 'Atelier.UnfitKey',
        status: 400,
        message: `${obsUrlText(from)} cannot become a file of its name: ${unfit}.`,
        solution: 'Name the file, not only its directory.',
      });
    }
    await mkdir(dirname(resolve(path)), { recursive: true });
    const job: Job = {
      path: from.key,
      size: single.size,
      async run(moved) {
        await client.downloadFile(from, single, path, moved);
        return undefined;
      },
    };
    return runTransfers([job], [], onProgress);
  }
  const prefix = folderKey(from.key);
  const skipped: Skipped[] = [];
  const entries: ObsEntry[] = [];
  for await (const entry of client.walk({ bucket: from.bucket, key: prefix })) entries.push(entry);
  if (entries.length === 0) throw nothingThere(from);
  await mkdir(to, { recursive: true });
  const root = await realpath(to);
  const jobs: Job[] = [];
  const directories = directoriesAmong(entries.map(entry => entry.key.slice(prefix.length)));
  for (const entry of entries) {
    const path = entry.key.slice(prefix.length);
    if (isFolderMarker(entry)) continue;
    const unfit = unfitForFile(path) ?? (directories.has(path) ? ALSO_A_DIRECTORY : undefined);
    if (unfit) skipped.push({ path: entry.key, reason: unfit });
    else jobs.push(downloadJob(client, { bucket: from.bucket, key: entry.key }, entry, root, path));
  }
  return runTransfers(jobs, skipped, onProgress);
}

/** Copies an object, or what is below a prefix, within the store. No byte comes here. */
export async function copyWithinObs(client: ObsStore, from: ObsUrl, to: ObsUrl, onProgress?: OnProgress) {
  const single = await singleObject(client, from);
  const jobs: Job[] = [];
  if (single) {
    const key = to.key === '' || to.key.endsWith('/') ? to.key + from.key.split('/').at(-1)! : to.key;
    jobs.push(copyJob(client, from, single, { bucket: to.bucket, key }));
  } else {
    const prefix = folderKey(from.key);
    for await (const entry of client.walk({ bucket: from.bucket, key: prefix })) {
      const key = folderKey(to.key) + entry.key.slice(prefix.length);
      if (key === '') continue; // the marker of the folder itself, copied to the top of a bucket
      jobs.push(copyJob(client, { bucket: from.bucket, key: entry.key }, entry, { bucket: to.bucket, key }));
    }
    if (jobs.length === 0) throw nothingThere(from);
  }
  return runTransfers(jobs, [], onProgress);
}

/** An object without content that only says: here is a folder. */
export function isFolderMarker(entry: { key: string; size: number }): boolean {
  return entry.key.endsWith('/') && entry.size === 0;
}

export function uploadJob(client: ObsStore, from: string, file: { path: string; size: number }, to: ObsUrl): Job {
  return {
    path: file.path,
    size: file.size,
    async run(moved) {
      await client.uploadFile(from, to, moved);
      return undefined;
    },
  };
}

/** `root` is the real path of the target directory, `path` relative to it. */
export function downloadJob(
  client: ObsStore,
  from: ObsUrl,
  entry: Pick<ObsEntry, 'size' | 'lastModified'>,
  root: string,
  path: string,
): Job {
  return {
    path: from.key,
    size: entry.size,
    async run(moved) {
      const inTheWay = await makeRoom(root, path);
      if (inTheWay) return inTheWay;
      await client.downloadFile(from, entry, join(root, path), moved);
      return undefined;
    },
  };
}

export function copyJob(client: ObsStore, from: ObsUrl, entry: { size: number; etag: string }, to: ObsUrl): Job {
  return {
    path: from.key,
    size: entry.size,
    async run(moved) {
      await client.copyObject(from, to, entry.etag);
      moved(entry.size);
      return undefined;
    },
  };
}

async function singleObject(client: ObsStore, url: ObsUrl) {
  return url.key === '' || url.key.endsWith('/') ? undefined : client.head(url);
}

export function nothingThere(url: ObsUrl): Failure {
  return new Failure({ code: 'NoSuchKey', status: 404, message: `${obsUrlText(url)} holds nothing.` });
}
