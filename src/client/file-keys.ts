import { constants } from 'node:fs';
import { access, lstat, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { PARTIAL } from './obs-download.ts';

/** Something that is left out, and why. */
export interface Skipped {
  path: string;
  reason: string;
}

/** A file below a directory; `path` is relative and has slashes. */
export interface LocalFile {
  path: string;
  size: number;
  mtimeMs: number;
}

const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4095;

/**
 * Why a key (without the prefix that is copied) cannot be a file below the target directory; undefined when it can.
 * Whoever may write to the bucket chooses keys: none of them may lead elsewhere or steer a terminal.
 */
export function unfitForFile(path: string): string | undefined {
  if (path === '') return 'its name is empty';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a name
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return 'it holds control characters';
  if (sep === '\\' && /[\\:]/.test(path)) return 'it holds a backslash or a colon';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `it is longer than ${MAX_PATH_BYTES} bytes`;
  if (path.startsWith('/')) return 'it is an absolute path';
  if (path.endsWith('/')) return 'it ends in "/" like a directory but has content';
  for (const name of path.split('/')) {
    if (name === '') return 'it holds an empty name ("//")';
    if (name === '.' || name === '..') return `it holds the name "${name}"`;
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `it has a name longer than ${MAX_NAME_BYTES} bytes`;
  }
  if (path.endsWith(PARTIAL)) return `files that end in ${PARTIAL} are unfinished downloads`;
  return undefined;
}

/** Those of the paths that are a directory of others: an object store has both, a disk does not. */
export function directoriesAmong(paths: Iterable<string>): Set<string> {
  const all = new Set(paths);
  const found = new Set<string>();
  for (const path of all) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      if (all.has(path.slice(0, at))) found.add(path.slice(0, at));
    }
  }
  return found;
}

export const ALSO_A_DIRECTORY = 'it is also a folder of others';

/**
 * Regular files below a directory, in no order. Links to files inside count as those files; all other links, and what is
 * no file, are skipped.
 */
export async function localFiles(dir: string, skipped: Skipped[]): Promise<LocalFile[]> {
  const root = await realpath(dir);
  const files: LocalFile[] = [];
  const look = async (below: string): Promise<void> => {
    const entries = await readdir(join(root, below), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES' || below === '') throw error;
      skipped.push({ path: below, reason: 'you may not read it' });
      return [];
    });
    for (const entry of entries) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await look(path);
      else if (entry.name.endsWith(PARTIAL)) skipped.push({ path, reason: 'it is an unfinished download' });
      else await add(path, entry);
    }
  };
  const add = async (path: string, entry: { isFile(): boolean; isSymbolicLink(): boolean }): Promise<void> => {
    const full = join(root, path);
    let reason = entry.isFile() || entry.isSymbolicLink() ? undefined : 'it is neither a file nor a directory';
    if (entry.isSymbolicLink()) {
      const real = await realpath(full).catch(() => undefined);
      if (real === undefined) reason = 'it is a link to nothing';
      else if (!isBelow(root, real)) reason = 'it is a link that leaves the directory';
    }
    const info = reason === undefined ? await stat(full).catch(() => undefined) : undefined;
    if (info?.isDirectory()) reason = 'it is a link to a directory';
    else if (info && !info.isFile()) reason = 'it is neither a file nor a directory';
    else if (info && !(await isReadable(full))) reason = 'you may not read it';
    if (reason !== undefined) skipped.push({ path, reason });
    else if (info) files.push({ path, size: info.size, mtimeMs: info.mtimeMs });
  };
  await look('');
  return files;
}

function isBelow(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Makes the directories that `path` needs below `root`. Returns why the file cannot be there: something that is no
 * directory, such as a link, is in the way, or a directory has its name.
 */
export async function makeRoom(root: string, path: string): Promise<string | undefined> {
  const names = path.split('/');
  let at = root;
  for (const name of names.slice(0, -1)) {
    at = join(at, name);
    await mkdir(at).catch(error => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    if (!(await lstat(at)).isDirectory()) return `${at} is in the way: it is no directory`;
  }
  const there = await lstat(join(root, path)).catch(() => undefined);
  return there?.isDirectory() ? 'a directory of that name is there' : undefined;
}
