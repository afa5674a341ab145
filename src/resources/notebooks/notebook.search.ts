import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { refuse } from './notebook.request.ts';
import type { NotebookSearch } from './notebook.store.ts';

/** What a list can be narrowed to and sorted by, as it came. */
export interface RawSearch {
  feature?: string | null;
  flavor?: string | null;
  id?: string | null;
  image_id?: string | null;
  limit?: number;
  name?: string | null;
  offset?: number;
  owner?: string | null;
  pool_id?: string | null;
  sort_dir?: string | null;
  sort_key?: string | null;
  status?: string | null;
}

const SORTABLE: Record<string, NotebookSearch['sort']> = {
  create_at: 'created_at',
  create_time: 'created_at',
  update_at: 'updated_at',
  update_time: 'updated_at',
  name: 'name',
  status: 'status',
};

/**
 * The search that a list asks for. `all`: of all users, as far as the caller was let in; otherwise of the caller alone, whom only the
 * account itself can name another than. Throws Failure 6303 for a key that nothing is sorted by.
 */
export function searchOf(
  principal: Principal,
  place: { projectId: string; workspaceId: string },
  query: RawSearch,
  all: boolean,
): NotebookSearch {
  const self = ownerOf(principal).id;
  const owner = query.owner || undefined;
  if (!all && owner !== undefined && owner !== self && principal.kind !== 'root') {
    throw refuse(
      '0112',
      'Parameter [owner]: only the account may list the instances of another user this way.',
      'GET /v1/{project_id}/notebooks/all lists those of all users to whoever may (modelarts:notebook:listAllNotebooks).',
      403,
    );
  }
  const sort = SORTABLE[query.sort_key || 'create_at'];
  if (!sort) {
    throw refuse(
      '6303',
      `Parameter [sort_key] is "${String(query.sort_key).slice(0, 50)}"; allowed: ${Object.keys(SORTABLE).join(', ')}.`,
    );
  }
  const direction = (query.sort_dir || 'DESC').toUpperCase();
  if (direction !== 'ASC' && direction !== 'DESC') {
    throw refuse('6336', 'Parameter [sort_dir] should be ASC or DESC.');
  }
  return {
    ...place,
    userId: owner ?? (all ? undefined : self),
    name: query.name ?? undefined,
    id: query.id ?? undefined,
    feature: query.feature ?? undefined,
    status: query.status ?? undefined,
    poolId: query.pool_id ?? undefined,
    flavor: query.flavor ?? undefined,
    imageId: query.image_id ?? undefined,
    sort,
    order: direction === 'ASC' ? 'asc' : 'desc',
    offset: query.offset ?? 0,
    limit: query.limit ?? 10,
  };
}
