import { badRequest } from '../../kernel/object-list.ts';
import type { PoolStore } from './pool.store.ts';
import type { Pool } from './pool.ts';

const MOST_TAGS = 20;

interface Tag {
  key: string;
  value?: string | undefined;
}

/** Tags of pools and of their nodes (behaviour/resources.md 9). */
export function poolTags(store: PoolStore) {
  return {
    /** Of these pools, or of their nodes, together: each key with its values. */
    async all(pools: readonly Pool[], ofNodes = false) {
      const rows = (await store.tags(pools.map(pool => pool.id))).filter(row => (row.node !== '') === ofNodes);
      const keys = [...new Set(rows.map(row => row.key))].sort();
      return keys.map(key => ({
        key,
        values: [...new Set(rows.filter(row => row.key === key).map(row => row.value))].sort(),
      }));
    },
    /** Of a pool, or of one of its nodes. */
    async of(pool: Pool, node = '') {
      const rows = (await store.tags([pool.id])).filter(row => row.node === node);
      return rows.map(({ key, value }) => ({ key, value, values: [value] }));
    },
    /** `anew`: those that are there go. */
    async add(pool: Pool, tags: readonly Tag[], node = '', anew = false): Promise<void> {
      for (const tag of tags) check(tag);
      await store.transaction(async rows => {
        const present = (await rows.tags([pool.id])).filter(row => row.node === node);
        if (anew) for (const { key } of present) await rows.removeTag(pool.id, node, key);
        for (const { key, value = '' } of tags) await rows.putTag({ pool_id: pool.id, node, key, value });
        const count = (await rows.tags([pool.id])).filter(row => row.node === node).length;
        if (count > MOST_TAGS) {
          const what = node === '' ? 'pool' : 'node';
          throw badRequest(`[tags] a ${what} may have at most ${MOST_TAGS} tags; these would be ${count}.`);
        }
      });
    },
    async remove(pool: Pool, tags: readonly Tag[], node = ''): Promise<void> {
      await store.transaction(async rows => {
        for (const { key } of tags) await rows.removeTag(pool.id, node, key);
      });
    },
  };
}

function check({ key, value = '' }: Tag): void {
  if (!/^[\p{L}\p{N} _.:=+@-]{1,128}$/u.test(key) || key.trim() !== key) {
    throw badRequest(
      `[tags[].key] "${key.slice(0, 40)}" must have 1 to 128 letters, digits, blanks within and _ . : = + - @.`,
    );
  }
  if (/^(CCE-|__type_baremetal|_sys_)/.test(key))
    throw badRequest(`[tags[].key] "${key}" begins as the service's own do.`);
  if (!/^[\p{L}\p{N} _.:/=+@-]{0,255}$/u.test(value)) {
    throw badRequest(`[tags[].value] of "${key}" must have at most 255 letters, digits, blanks and _ . : / = + - @.`);
  }
}
