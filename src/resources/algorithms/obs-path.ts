import { Failure } from '../../kernel/failure.ts';

/** A place in the object storage. `key` never begins with a slash. */
export interface StoragePath {
  bucket: string;
  key: string;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Reads a path as users write it: `obs://bucket/key`, `/bucket/key` or `bucket/key`.
 * Throws Failure (`ModelArts.2791` unless told otherwise) naming the field and the rule (behaviour/training.md 13).
 */
export function storagePath(text: string, field: string, code = 'ModelArts.2791'): StoragePath {
  const bad = (rule: string): Failure =>
    new Failure({
      code,
      status: 400,
      message: `InvalidObsPath: parameter [${field}] is "${text.slice(0, 200)}"; ${rule}.`,
      solution: 'Write it as obs://bucket/folder/ or /bucket/folder/.',
    });
  if (text.length > 1087) throw bad('a path has at most 1087 characters');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  if (/[\u0000-\u001f\u007f\\]/.test(text)) throw bad('control characters and backslashes are not allowed');
  const bare = text.startsWith('obs://') ? text.slice(6) : text.replace(/^\//, '');
  const slash = bare.indexOf('/');
  const bucket = slash < 0 ? bare : bare.slice(0, slash);
  const key = slash < 0 ? '' : bare.slice(slash + 1);
  if (!BUCKET.test(bucket)) throw bad('it must begin with the name of a bucket');
  const steps = key.replace(/\/$/, '').split('/');
  if (key !== '' && steps.some(step => step === '' || step === '.' || step === '..')) {
    throw bad('empty steps, "." and ".." are not allowed');
  }
  return { bucket, key };
}

/** The same place as a directory: its key ends in a slash unless it is the whole bucket. */
export function asDirectory(path: StoragePath): StoragePath {
  return path.key === '' || path.key.endsWith('/') ? path : { bucket: path.bucket, key: `${path.key}/` };
}

/** `obs://bucket/key`. */
export function storageUrl(path: StoragePath): string {
  return `obs://${path.bucket}/${path.key}`;
}

/** Name of the last step: `demo-code` of `obs://b/x/demo-code/`; the bucket's name for a whole bucket. */
export function lastStep(path: StoragePath): string {
  return path.key.replace(/\/$/, '').split('/').at(-1) || path.bucket;
}
