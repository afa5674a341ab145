import { obsXml } from './obs.ts';
import { textAt, within } from './xml.ts';

export interface Bucket {
  name: string;
  /** ISO time. */
  created: string;
  location: string;
  kind: 'OBJECT' | 'POSIX';
}

export const STORAGE_CLASSES = ['STANDARD', 'WARM', 'COLD'] as const;

/** The buckets of the session's account, by name. */
export async function bucketsOf(signal: AbortSignal): Promise<Bucket[]> {
  const tree = await obsXml('GET', {}, { signal });
  return within(within(tree, 'Buckets')[0]!, 'Bucket').map(each => ({
    name: textAt(each, 'Name'),
    created: textAt(each, 'CreationDate'),
    location: textAt(each, 'Location'),
    kind: textAt(each, 'BucketType') === 'POSIX' ? 'POSIX' : 'OBJECT',
  }));
}
