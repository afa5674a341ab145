import type { IncomingHttpHeaders } from 'node:http';
import type { StorageClass } from '../object.ts';

/** The two ways of speaking: `x-obs-*` and `x-amz-*`. A request's signature decides which one it and its answer use. */
export interface Dialect {
  name: 'obs' | 'aws';
  /** `x-obs-` or `x-amz-`. */
  prefix: string;
  namespace: string;
  /** Query parameter of a temporary credential's token. */
  tokenParameter: string;
}

export const OBS: Dialect = {
  name: 'obs',
  prefix: 'x-obs-',
  namespace: 'http://obs.myhwclouds.com/doc/2015-06-30/',
  tokenParameter: 'x-obs-security-token',
};

export const AWS: Dialect = {
  name: 'aws',
  prefix: 'x-amz-',
  namespace: 'http://s3.amazonaws.com/doc/2006-03-01/',
  tokenParameter: 'x-amz-security-token',
};

const AWS_CLASSES: Record<StorageClass, string> = { STANDARD: 'STANDARD', WARM: 'STANDARD_IA', COLD: 'GLACIER' };

/** The storage class in the words of a dialect. */
export function storageClassName(dialect: Dialect, storageClass: StorageClass): string {
  return dialect.name === 'aws' ? AWS_CLASSES[storageClass] : storageClass;
}

/** Reads a storage class in the words of either dialect; undefined when it is none. */
export function parseStorageClass(text: string): StorageClass | undefined {
  if (text === 'STANDARD' || text === 'STANDARD_IA' || text === 'WARM' || text === 'COLD' || text === 'GLACIER') {
    return text === 'STANDARD_IA' ? 'WARM' : text === 'GLACIER' ? 'COLD' : text;
  }
  return undefined;
}

const headerNames: Record<Dialect['name'], Map<string, string>> = { obs: new Map(), aws: new Map() };

/** `x-obs-<name>`: made once of each of the few, as it is looked up many times a request. */
function headerName(dialect: Dialect, name: string): string {
  const names = headerNames[dialect.name];
  let whole = names.get(name);
  if (whole === undefined) {
    whole = dialect.prefix + name;
    names.set(name, whole);
  }
  return whole;
}

/** The value of the dialect's header `x-obs-<name>` / `x-amz-<name>`. */
export function dialectHeader(headers: IncomingHttpHeaders, dialect: Dialect, name: string): string | undefined {
  const value = headers[headerName(dialect, name)];
  return Array.isArray(value) ? value.join(',') : value;
}

/** Guesses the dialect of a request that carries no signature. */
export function guessDialect(headers: IncomingHttpHeaders): Dialect {
  return Object.keys(headers).some(name => name.startsWith('x-amz-') || name.startsWith('amz-sdk-')) ? AWS : OBS;
}
