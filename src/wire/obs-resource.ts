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

/**
 * The directory that a location names: `https://bucket.host/dir`, `https://host/bucket/dir`, `obs://bucket/dir` or `/bucket/dir`; its key
 * is empty or ends in a slash. A text where it names none, saying why.
 */
export function directoryOfLocation(location: string): StoredAt | string {
  const text = location.trim();
  let place: StoredAt;
  const url = /^https?:\/\/([^/?#]+)(\/[^?#]*)?(\?.*)?(#.*)?$/i.exec(text);
  if (url) {
    const host = url[1]!.replace(/:\d+$/, '');
    const encoded = (url[2] ?? '/').replace(/^\/+/, '');
    let path: string;
    try {
      path = decodeURIComponent(encoded);
    } catch {
      return 'its percent-encoding is broken';
    }
    const byPath = /^(\d+\.){3}\d+$/.test(host) || !host.includes('.');
    place = byPath ? splitObsPath(`/${path}`) : { bucket: host.slice(0, host.indexOf('.')), key: path };
  } else {
    place = splitObsPath(`/${text.replace(/^obs:\/\//i, '').replace(/^\/+/, '')}`);
  }
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(place.bucket)) return 'it names no bucket';
  const steps = place.key.split('/').filter(step => step !== '');
  if (steps.some(step => step === '.' || step === '..')) return 'it contains . or ..';
  return { bucket: place.bucket, key: steps.map(step => `${step}/`).join('') };
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
