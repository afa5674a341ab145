import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readlink, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { errorText, isFailure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { objectService } from './object.service.ts';
import { checkKey, type ObsPath } from './object.ts';
import { inParallel, progressMeter, type TransferOptions, type TransferResult } from './transfer.ts';

/** What earlier uploads of a directory brought to the store; plain JSON, to be kept between them. */
export interface UploadState {
  /** By relative path: size in bytes and modification time in nanoseconds. */
  files: Record<string, { size: number; mtimeNs: string }>;
}

export interface UploadOptions extends TransferOptions {
  known?: UploadState;
  /** Told after each file what is in the store by now; who keeps it can go on after an interruption. */
  onUploaded?(known: UploadState): void;
}

export interface UploadResult extends TransferResult {
  known: UploadState;
  /** Files that could not become objects, each with the reason; the others were uploaded. */
  skipped: { path: string; reason: string }[];
}

const CONTENT_TYPES: Record<string, string> = {
  csv: 'text/csv',
  html: 'text/html',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  log: 'text/plain',
  png: 'image/png',
  py: 'text/x-python',
  txt: 'text/plain',
};

/**
 * Brings the regular files below `dir` to the prefix `to`; `files` and `bytes` count those that had changed since
 * `known`. The directory may belong to, and be changed by, someone not trusted: links that leave it, devices and pipes
 * are skipped, and every file is opened in a way that cannot be led elsewhere. Objects whose file is gone stay.
 */
export async function upload(
  deps: { objects: ReturnType<typeof objectService> },
  principal: Principal,
  dir: string,
  to: ObsPath,
  options: UploadOptions = {},
): Promise<UploadResult> {
  const { objects } = deps;
  const { signal } = options;
  const root = await realpath(dir);
  const prefix = to.key === '' || to.key.endsWith('/') ? to.key : `${to.key}/`;
  const known: UploadState = { files: { ...options.known?.files } };
  const skipped: UploadResult['skipped'] = [];
  const changed: { path: string; size: number }[] = [];
  for await (const path of regularFiles(root, '', skipped)) {
    signal?.throwIfAborted();
    const file = await openInside(root, path, skipped);
    if (!file) continue;
    try {
      const stat = await file.stat({ bigint: true });
      const before = known.files[path];
      if (before?.size === Number(stat.size) && before.mtimeNs === String(stat.mtimeNs)) continue;
      changed.push({ path, size: Number(stat.size) });
    } finally {
      await file.close();
    }
  }
  const totalBytes = changed.reduce((sum, file) => sum + file.size, 0);
  const meter = progressMeter(changed.length, totalBytes, options.onProgress);
  await inParallel(changed, signal, async ({ path }) => {
    const file = await openInside(root, path, skipped);
    if (!file) return;
    try {
      const key = prefix + path;
      const stat = await file.stat({ bigint: true });
      const contentType = CONTENT_TYPES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()];
      checkKey(key);
      const info = await objects.put(principal, { bucket: to.bucket, key }, content(file, Number(stat.size), signal), {
        ...(contentType ? { contentType } : {}),
      });
      known.files[path] = { size: Number(stat.size), mtimeNs: String(stat.mtimeNs) };
      meter.add(info.size);
      options.onUploaded?.(known);
    } catch (error) {
      if (!isFailure(error, 'KeyTooLongError')) throw error;
      skipped.push({ path, reason: error.message });
    } finally {
      await file.close();
    }
  });
  return { ...meter.result(), known, skipped };
}

/** Relative paths of regular files and of links, which `openInside` judges; never descends through a link. */
async function* regularFiles(root: string, below: string, skipped: UploadResult['skipped']): AsyncGenerator<string> {
  let entries: import('node:fs').Dirent[];
  try {
    entries = await readdir(join(root, below), { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    return; // removed while we were looking
  }
  for (const entry of entries) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* regularFiles(root, path, skipped);
    else if (entry.isFile() || entry.isSymbolicLink()) yield path;
    else skipped.push({ path, reason: 'it is neither a file nor a directory' });
  }
}

/** Opens a regular file that really lies below `root`, wherever links on the way lead; undefined when it does not. */
async function openInside(
  root: string,
  path: string,
  skipped: UploadResult['skipped'],
): Promise<FileHandle | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(join(root, path), constants.O_RDONLY | constants.O_NONBLOCK);
    const real = await readlink(`/proc/self/fd/${file.fd}`);
    const inside = real.startsWith(root === '/' ? '/' : `${root}/`);
    const reason = !inside
      ? 'it is a link that leaves the directory'
      : (await file.stat()).isFile()
        ? undefined
        : 'it is not a regular file';
    if (reason === undefined) return file;
    skipped.push({ path, reason });
    await file.close();
    return undefined;
  } catch (error) {
    await file?.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES'].includes(code)) throw error;
    skipped.push({ path: relative(root, join(root, path)), reason: errorText(error).split(',')[0]! });
    return undefined;
  }
}

/** The file's bytes up to its end, wherever that is by now; `size` is only a guess at it. */
async function* content(file: FileHandle, size: number, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const length = Math.min(size + 1, 1024 * 1024);
  for (;;) {
    signal?.throwIfAborted();
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await file.read(buffer, 0, length);
    if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
    if (bytesRead < length) return;
  }
}
