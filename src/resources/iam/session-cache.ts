import type { Soon } from '../../kernel/soon.ts';

const LIMIT = 10_000;

/**
 * Remembers what was looked up until `clear()`. What was read before a `clear()` and arrives after it is used once and not kept, so
 * that nothing outdated stays. Nothing is kept of lookups that find nothing or fail.
 */
export function sessionCache<T>() {
  const kept = new Map<string, T>();
  let age = 0;
  return {
    get(key: string, find: () => Promise<T | undefined>): Soon<T | undefined> {
      const known = kept.get(key);
      if (known !== undefined) return known;
      const started = age;
      return find().then(found => {
        if (found !== undefined && started === age) {
          if (kept.size >= LIMIT) kept.clear();
          kept.set(key, found);
        }
        return found;
      });
    },
    clear(): void {
      age++;
      kept.clear();
    },
  };
}
