import { Failure } from '../../kernel/failure.ts';
import { type StoredAt, splitObsPath } from '../../wire/obs-resource.ts';

export { asDirectory } from '../../wire/obs-resource.ts';
export type StoragePath = StoredAt;

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
  const { bucket, key } = splitObsPath(text);
  if (!BUCKET.test(bucket)) throw bad('it must begin with the name of a bucket');
  const steps = key.replace(/\/$/, '').split('/');
  if (key !== '' && steps.some(step => step === '' || step === '.' || step === '..')) {
    throw bad('empty steps, "." and ".." are not allowed');
  }
  return { bucket, key };
}

/** `obs://bucket/key`. */
export function storageUrl(path: StoragePath): string {
  return `obs://${path.bucket}/${path.key}`;
}

/** Name of the last step: `demo-code` of `obs://b/x/demo-code/`; the bucket's name for a whole bucket. */
export function lastStep(path: StoragePath): string {
  return path.key.replace(/\/$/, '').split('/').at(-1) || path.bucket;
}
