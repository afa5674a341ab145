import { Failure, isFailure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { asDirectory, type StoragePath, storagePath, storageUrl } from './obs-path.ts';

/** What this family asks of the object storage; the caller's own permissions decide. */
export interface CodeStorage {
  bucket(principal: Principal, name: string): Promise<unknown>;
  head(principal: Principal, path: StoragePath): Promise<{ size: number } | undefined>;
  walk(principal: Principal, path: StoragePath): AsyncIterable<{ key: string; size: number }>;
}

/** Limits of a code directory (behaviour/training.md 5). */
export interface CodeLimits {
  bytes: number;
  /** Files and folders together. */
  entries: number;
  depth: number;
}

export const DEFAULT_CODE_LIMITS: CodeLimits = { bytes: 5 * 1024 ** 3, entries: 1000, depth: 32 };

export interface CodeTreeNode {
  name: string;
  children: CodeTreeNode[];
}

export interface CodeDirectory {
  path: StoragePath;
  /** Bytes of all files. */
  size: number;
  files: number;
  tree: CodeTreeNode;
}

/**
 * Looks through a code directory with the permissions of `principal`.
 * Throws Failure 2802 (not a directory), 2757 (missing or empty), 2759 (too many entries), 2760 (too deep), 2761 (too large),
 * each with the number found and the limit.
 */
export async function inspectCode(
  storage: CodeStorage,
  principal: Principal,
  codeDir: string,
  limits: CodeLimits = DEFAULT_CODE_LIMITS,
): Promise<CodeDirectory> {
  const path = asDirectory(storagePath(codeDir, 'code_dir', 'ModelArts.2802'));
  const url = storageUrl(path);
  await requireBucket(storage, principal, path.bucket, 'code_dir', { code: 'ModelArts.2757', status: 400 });
  const root: CodeTreeNode = { name: path.key.replace(/\/$/, '').split('/').at(-1) || path.bucket, children: [] };
  const folders = new Map<string, CodeTreeNode>([['', root]]);
  let size = 0;
  let files = 0;
  let entries = 0;

  const folder = (steps: string[]): CodeTreeNode => {
    const key = steps.join('/');
    const known = folders.get(key);
    if (known) return known;
    if (steps.length > limits.depth) {
      throw new Failure({
        code: 'ModelArts.2760',
        status: 400,
        message: `CodeFolderTooDeep: the code directory ${url} is nested deeper than ${limits.depth} folders (at ${key.slice(0, 200)}).`,
        solution: 'Flatten the directory or choose a folder further down as code_dir.',
      });
    }
    const node = { name: steps.at(-1)!, children: [] };
    folder(steps.slice(0, -1)).children.push(node);
    folders.set(key, node);
    entries += 1;
    return node;
  };

  for await (const object of storage.walk(principal, path)) {
    const relative = object.key.slice(path.key.length);
    if (relative === '') continue;
    const steps = relative.replace(/\/$/, '').split('/');
    if (relative.endsWith('/')) {
      folder(steps);
    } else {
      folder(steps.slice(0, -1)).children.push({ name: steps.at(-1)!, children: [] });
      files += 1;
      entries += 1;
      size += object.size;
    }
    if (entries > limits.entries) {
      throw new Failure({
        code: 'ModelArts.2759',
        status: 400,
        message: `TooManyCodeFiles: the code directory ${url} holds more than ${limits.entries} files and folders.`,
        solution: 'Keep data out of the code directory: give it as an input.',
      });
    }
    if (size > limits.bytes) {
      throw new Failure({
        code: 'ModelArts.2761',
        status: 400,
        message: `CodeFilesSizeToolarge: the code directory ${url} holds more than ${limits.bytes} bytes.`,
        solution: 'Keep data and weights out of the code directory: give them as inputs.',
      });
    }
  }
  if (files === 0) {
    const single = path.key !== '' && (await storage.head(principal, { ...path, key: path.key.replace(/\/$/, '') }));
    throw new Failure({
      code: single ? 'ModelArts.2802' : 'ModelArts.2757',
      status: 400,
      message: single
        ? `InvalidCodeDir: the code directory ${url} is a file; code_dir must name the folder around it.`
        : `CodeDirError: the code directory ${url} does not exist or holds no file.`,
      solution: 'Upload the code first, then name the folder that holds the boot file.',
    });
  }
  return { path, size, files, tree: root };
}

/**
 * The boot file's path relative to its code directory.
 * Throws Failure 2792 when it lies outside, 2758 when it does not exist.
 */
export async function inspectBootFile(
  storage: CodeStorage,
  principal: Principal,
  bootFile: string,
  code: StoragePath,
): Promise<string> {
  const path = storagePath(bootFile, 'boot_file', 'ModelArts.2758');
  if (path.bucket !== code.bucket || !path.key.startsWith(code.key) || path.key.length === code.key.length) {
    throw new Failure({
      code: 'ModelArts.2792',
      status: 400,
      message: `BootFileNotBelongToPackage: the boot file ${storageUrl(path)} does not lie in the code directory ${storageUrl(code)}.`,
      solution: 'Choose a boot file inside the code directory, or a code directory above it.',
    });
  }
  if (path.key.endsWith('/') || !(await storage.head(principal, path))) {
    throw new Failure({
      code: 'ModelArts.2758',
      status: 400,
      message: `BootFileDirError: the boot file ${storageUrl(path)} does not exist.`,
      solution: 'Upload it, or correct boot_file.',
    });
  }
  return path.key.slice(code.key.length);
}

/** Throws Failure (2836, 404 unless told otherwise) when the bucket does not exist, 0108 when the caller may not see it. */
export async function requireBucket<Bucket>(
  storage: { bucket(principal: Principal, name: string): Promise<Bucket> },
  principal: Principal,
  bucket: string,
  field: string,
  missing: { code: string; status: number } = { code: 'ModelArts.2836', status: 404 },
): Promise<Bucket> {
  try {
    return await storage.bucket(principal, bucket);
  } catch (error) {
    if (isFailure(error, 'NoSuchBucket')) {
      throw new Failure({
        ...missing,
        message: `PathNotFound: the bucket ${bucket} of parameter [${field}] does not exist.`,
        solution: 'Create the bucket or correct the path.',
      });
    }
    throw asDenied(error, field);
  }
}

/** The storage's refusal in this API's terms; other errors stay what they are. */
export function asDenied(error: unknown, field: string): unknown {
  if (!isFailure(error, 'AccessDenied')) return error;
  return new Failure({
    code: 'ModelArts.0108',
    status: 403,
    message: `Parameter [${field}]: ${error.message}`,
    solution: 'Ask an administrator for the missing permission on that path.',
  });
}
