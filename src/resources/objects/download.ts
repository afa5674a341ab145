import { constants } from 'node:fs';
import { copyFile, type FileHandle, lstat, mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Archive } from './archive.ts';
import { type Blobs, INLINE_BYTES } from './blobs.ts';
import { obsFailure } from './failures.ts';
import type { objectService } from './object.service.ts';
import { formatObsPath, type ObjectInfo, type ObsPath, type Segment } from './object.ts';
import { inParallel, progressMeter, type TransferOptions, type TransferResult } from './transfer.ts';

const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4095;

interface Planned {
  info: ObjectInfo;
  /** Path relative to the target directory. */
  path: string;
}

interface Plan {
  files: Planned[];
  /** Relative paths of directories, parents first. */
  directories: string[];
}

/**
 * Brings the object `from`, or every object under it as a prefix, into `dir`. Files that are there with the object's
 * size and time are left, so an interrupted download goes on where it stopped.
 * Throws Failure NoSuchKey when there is nothing at `from`; InvalidKeyForFile when a key cannot be a file below `dir`.
 */
export async function download(
  deps: { objects: ReturnType<typeof objectService>; blobs: Blobs; archive: Archive },
  principal: Principal,
  from: ObsPath,
  dir: string,
  options: TransferOptions = {},
): Promise<TransferResult> {
  const { objects, blobs, archive } = deps;
  const { signal, owner, durable = false } = options;
  const plan = await planDownload(objects, principal, from, signal);
  await mkdir(dir, { recursive: true });
  await own(dir, owner);
  for (const path of plan.directories) await makeDirectory(join(dir, path), path, owner);

  const totalBytes = plan.files.reduce((sum, file) => sum + file.info.size, 0);
  const meter = progressMeter(plan.files.length, totalBytes, options.onProgress);
  let cloning = true; // until the file system says that it cannot
  await inParallel(plan.files, signal, async ({ info, path }) => {
    const target = join(dir, path);
    if (!(await isThere(target, info))) {
      const { info: now, segments, cipher } = await objects.open(principal, info);
      await archive.checkReadable(now);
      const unpin = blobs.pin(segments);
      try {
        await rm(target, { force: true, recursive: true }); // a link or directory in its place is not followed
        const content = (await blobs.inline(segments, cipher)) ?? blobs.stream(segments, cipher);
        const source = cipher ? undefined : clonable(segments);
        const stored = source && blobs.file(source);
        if (stored && cloning && (await clone(stored, target))) {
          await drain(content, signal); // the bytes are shared with the store's; reading them checks them
          await finish(await open(target, constants.O_RDWR | constants.O_NOFOLLOW), now, owner, durable);
        } else {
          if (stored) cloning = false;
          const file = await open(target, 'wx', 0o644);
          await fill(file, content, signal);
          await finish(file, now, owner, durable);
        }
      } finally {
        unpin();
      }
    }
    meter.add(info.size);
  });
  if (durable) for (const path of ['', ...plan.directories]) await syncPath(join(dir, path));
  return meter.result();
}

/** Lists what is under `from` and gives each object its place; refuses keys that cannot be files. */
async function planDownload(
  objects: ReturnType<typeof objectService>,
  principal: Principal,
  from: ObsPath,
  signal: AbortSignal | undefined,
): Promise<Plan> {
  if (from.key !== '' && !from.key.endsWith('/')) {
    const info = await objects.head(principal, from);
    if (info) {
      const name = basename(info.key);
      checkFilePath(info.key, name);
      return { files: [{ info, path: name }], directories: [] };
    }
  }
  const prefix = from.key === '' || from.key.endsWith('/') ? from.key : `${from.key}/`;
  const files: Planned[] = [];
  const filePaths = new Set<string>();
  const directories = new Set<string>();
  let found = false;
  for await (const info of objects.walk(principal, { bucket: from.bucket, key: prefix })) {
    signal?.throwIfAborted();
    found = true;
    const path = info.key.slice(prefix.length);
    if (path === '') continue; // the directory marker of the prefix itself
    const directory = path.endsWith('/');
    const bare = directory ? path.slice(0, -1) : path;
    checkFilePath(info.key, bare);
    const parents = bare.split('/');
    if (!directory) parents.pop();
    for (let depth = 1; depth <= parents.length; depth++) directories.add(parents.slice(0, depth).join('/'));
    if (directory) {
      if (info.size > 0) throw unfit(info.key, 'ends in "/" like a directory but has content');
      continue;
    }
    filePaths.add(bare);
    files.push({ info, path: bare });
  }
  if (!found) throw obsFailure('NoSuchKey', `There is no object at ${formatObsPath(from)}.`);
  for (const path of directories) {
    if (filePaths.has(path)) throw unfit(`${prefix}${path}`, 'is an object and at the same time a directory of others');
  }
  // Sorted by text, a parent comes before what lies in it.
  return { files, directories: [...directories].sort() };
}

/** Throws Failure InvalidKeyForFile when `path` would leave the directory or cannot be a file name. */
function checkFilePath(key: string, path: string): void {
  if (path.includes('\0')) throw unfit(key, 'holds a NUL character');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw unfit(key, `is longer than ${MAX_PATH_BYTES} bytes`);
  for (const name of path.split('/')) {
    if (name === '') throw unfit(key, 'holds an empty path segment ("//" or a leading "/")');
    if (name === '.' || name === '..') throw unfit(key, `holds the path segment "${name}"`);
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw unfit(key, `has a name longer than ${MAX_NAME_BYTES} bytes`);
  }
}

function unfit(key: string, why: string): Failure {
  return new Failure({
    code: 'InvalidKeyForFile',
    status: 400,
    message: `Object key ${JSON.stringify(key.slice(0, 300))} cannot become a file: it ${why}.`,
    solution: 'Rename or remove the object.',
    details: { key },
  });
}

async function makeDirectory(path: string, shown: string, owner: TransferOptions['owner']): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const there = await lstat(path);
    if (!there.isDirectory()) throw unfit(shown, 'is a directory, but a file or link of that name is in the way');
  }
  await own(path, owner);
}

/** Whether `target` is a finished copy: its time is set last, so size and time together prove it. */
async function isThere(target: string, info: ObjectInfo): Promise<boolean> {
  try {
    const there = await lstat(target);
    return there.isFile() && there.size === info.size && Math.round(there.mtimeMs) === info.lastModified;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** The blob that is the whole content, where it is one and has a file. */
function clonable(segments: readonly Segment[]): string | undefined {
  const [only] = segments;
  return only && segments.length === 1 && only[1] === 0 && only[2] > INLINE_BYTES ? only[0] : undefined;
}

/** Makes a file that shares its bytes with another; false where the file system cannot. */
async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (!['ENOTSUP', 'ENOSYS', 'EXDEV', 'EINVAL', 'ENOTTY'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    await rm(to, { force: true });
    return false;
  }
}

async function drain(content: Buffer | AsyncIterable<Buffer>, signal: AbortSignal | undefined): Promise<void> {
  if (Buffer.isBuffer(content)) return;
  for await (const _ of content) signal?.throwIfAborted();
}

async function fill(
  file: FileHandle,
  content: Buffer | AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for await (const chunk of Buffer.isBuffer(content) ? [content] : content) {
      signal?.throwIfAborted();
      await file.writeFile(chunk);
    }
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Mode, owner and, last, the time that marks the file as complete; then closes it. */
async function finish(
  file: FileHandle,
  info: ObjectInfo,
  owner: TransferOptions['owner'],
  durable: boolean,
): Promise<void> {
  try {
    await file.chmod(0o644);
    if (owner) await file.chown(owner.uid, owner.gid);
    if (durable) await file.sync();
    const time = info.lastModified / 1000;
    await file.utimes(time, time);
  } finally {
    await file.close();
  }
}

async function own(path: string, owner: TransferOptions['owner']): Promise<void> {
  if (!owner) return;
  const dir = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await dir.chown(owner.uid, owner.gid);
  } finally {
    await dir.close();
  }
}

async function syncPath(path: string): Promise<void> {
  const dir = await open(path, 'r');
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}
