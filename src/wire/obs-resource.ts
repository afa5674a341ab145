/** A place in the object storage. `key` never begins with a slash. */
export interface StoredAt {
  bucket: string;
  key: string;
}

/** Splits a path as users write it: `obs://bucket/key`, `/bucket/key` or `bucket/key`. What it names is not checked. */
export function splitObsPath(text: string): StoredAt {
  const bare = text.startsWith('obs://') ? text.slice(6) : text.replace(/^\//, '');
  const slash = bare.indexOf('/');
  return slash < 0 ? { bucket: bare, key: '' } : { bucket: bare.slice(0, slash), key: bare.slice(slash + 1) };
}

/** The same place as a directory: its key ends in a slash unless it is the whole bucket. */
export function asDirectory<P extends StoredAt>(path: P): P {
  return path.key === '' || path.key.endsWith('/') ? path : { ...path, key: `${path.key}/` };
}

/** What an action of the object storage is about, as policies name it. An empty bucket stands for all of them. */
export function obsResource(action: string, path: StoredAt): string {
  return action.startsWith('obs:object:')
    ? `obs:*:*:object:${path.bucket}/${path.key}`
    : `obs:*:*:bucket:${path.bucket || '*'}`;
}
