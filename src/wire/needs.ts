import { asDirectory, obsResource, type StoredAt, splitObsPath } from './obs-resource.ts';
import type { Need } from './operation.ts';

/** Whatever goes on in the background is done by the agency that was bound to the caller (docs/decisions/0010). */
export const ACT_BY_AGENCY: Need = {
  action: 'iam:tokens:assume',
  why: 'to let the platform act by the agency of the caller',
  implied: true,
};

/** To do `action` to what lies at a path of a request. Nothing where that names no bucket, which is refused for itself. */
export function obsNeed(action: string, path: StoredAt | undefined, why: string): Need[] {
  return path?.bucket ? [{ action, resource: obsResource(action, path), why }] : [];
}

/** The directory that a text of a request names. */
export function directoryAt(text: string | undefined): StoredAt | undefined {
  return text === undefined ? undefined : asDirectory(splitObsPath(text));
}
