import { afterPrefix } from './object.ts';

/** What a listing asks for. `marker`: keys after it; `from`: keys at or after it. */
export interface ListQuery {
  prefix?: string;
  marker?: string;
  delimiter?: string;
  maxKeys?: number;
}

/** One page. `nextMarker` is the last key or common prefix given, present when there is more. */
export interface ListPage<T> {
  items: T[];
  prefixes: string[];
  truncated: boolean;
  nextMarker?: string;
}

/** Rows in key order within bounds; `from` is inclusive unless `exclusive`. */
export type KeyRange = { from: string; exclusive: boolean; before: string | undefined; limit: number };

/** What a listing is made of. Answers that are there at once come without a promise: a page may ask a thousand times. */
export interface KeySource<T> {
  rows(range: KeyRange): T[] | Promise<T[]>;
  /** The first key at or after `from` and before `before`. */
  next(from: string, before: string | undefined): string | undefined | Promise<string | undefined>;
}

export const MAX_LIST_KEYS = 1000;
const FIRST_LOOK = 16;

/**
 * One page of a listing. Each common prefix is jumped over with one query, so that the cost depends on what the page
 * shows and not on what the bucket holds.
 */
export async function listPage<T extends { key: string }>(
  query: ListQuery,
  source: KeySource<T>,
): Promise<ListPage<T>> {
  const { prefix = '', marker = '', delimiter = '' } = query;
  const maxKeys = Math.min(query.maxKeys ?? MAX_LIST_KEYS, MAX_LIST_KEYS);
  const page: ListPage<T> = { items: [], prefixes: [], truncated: false };
  if (maxKeys <= 0) return page;
  const before = prefix === '' ? undefined : afterPrefix(prefix);
  let from = prefix;
  let exclusive = false;
  if (Buffer.compare(Buffer.from(marker), Buffer.from(prefix)) >= 0 && marker !== '') {
    from = marker;
    exclusive = true;
    // A marker inside a common prefix, such as the NextMarker of the page before, has that whole prefix behind it.
    const group = marker.startsWith(prefix) ? commonPrefix(marker, prefix, delimiter) : undefined;
    if (group !== undefined && group === marker) {
      const next = afterPrefix(group);
      if (next === undefined) return page;
      from = next;
      exclusive = false;
    }
  }
  let last = '';
  let look = delimiter === '' ? maxKeys + 1 : FIRST_LOOK;
  let jumping = false;
  for (;;) {
    if (jumping) {
      const found = source.next(from, before);
      const key = found instanceof Promise ? await found : found;
      if (key === undefined) return page;
      const group = commonPrefix(key, prefix, delimiter);
      const full = page.items.length + page.prefixes.length >= maxKeys;
      if (group !== undefined && !full) {
        page.prefixes.push(group);
        last = group;
        const next = afterPrefix(group);
        if (next === undefined) return page;
        from = next;
        continue;
      }
      from = key;
      jumping = false;
      look = full ? 1 : FIRST_LOOK;
    }
    const found = source.rows({ from, exclusive, before, limit: look });
    const rows = Array.isArray(found) ? found : await found;
    const items = page.items.length;
    let jump: string | undefined;
    for (const row of rows) {
      if (jump !== undefined && row.key.startsWith(jump)) continue;
      jump = undefined;
      if (page.items.length + page.prefixes.length >= maxKeys) {
        page.truncated = true;
        page.nextMarker = last;
        return page;
      }
      const group = commonPrefix(row.key, prefix, delimiter);
      if (group === undefined) {
        page.items.push(row);
        last = row.key;
      } else {
        page.prefixes.push(group);
        jump = group;
        last = group;
      }
    }
    if (rows.length < look) return page;
    const onlyPrefix = page.items.length === items;
    if (jump === undefined) {
      from = rows.at(-1)!.key;
      exclusive = true;
      look = Math.min(look * 4, maxKeys + 1);
    } else {
      const next = afterPrefix(jump);
      if (next === undefined) return page;
      from = next;
      exclusive = false;
      jumping = onlyPrefix; // one prefix is likely followed by another
      look = FIRST_LOOK;
    }
  }
}

/** What a key shares with its neighbours up to the first delimiter after `prefix`; undefined where it has none there. */
export function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}
