import { nearest } from './nearest.ts';

/** The condition keys of IAM and ModelArts (behaviour/permissions.md 2). `…/` is followed by the key of a tag. */
export const conditionKeys: readonly string[] = [
  'g:CurrentTime',
  'g:DomainName',
  'g:EnterpriseProjectId',
  'g:MFAPresent',
  'g:ProjectName',
  'g:ResourceTag/',
  'g:SourceIp',
  'g:UserId',
  'g:UserName',
  'modelarts:poolType',
];

const known = conditionKeys.map(key => key.toLowerCase());

/**
 * What to say about a condition key of IAM or ModelArts that no request carries, as a condition on it silently never
 * (or always) holds; undefined for known keys and for those of other services.
 */
export function keyWarning(key: string): string | undefined {
  const lower = key.toLowerCase();
  if (!/^(?:g|modelarts):/.test(lower)) return undefined;
  if (known.some(each => (each.endsWith('/') ? lower.startsWith(each) : lower === each))) return undefined;
  const close = nearest(key, conditionKeys);
  return `no request carries the condition key ${key}${close === undefined ? '' : `; the nearest is ${close}`}`;
}
