import { type Image, wrong } from './image.ts';

export interface ImageQuery {
  name?: string | undefined;
  /** True when absent: a part of the name is enough. */
  fuzzy?: boolean | undefined;
  namespace?: string | undefined;
  type?: 'BUILD_IN' | 'DEDICATED' | undefined;
  serviceType?: string | undefined;
  workspaceId: string;
  sortKey?: string | undefined;
  ascending: boolean;
}

const SORT: Record<string, (image: Image) => string | number> = {
  create_at: image => image.createdAt,
  update_at: image => image.updatedAt,
  name: image => image.name,
  namespace: image => image.namespace,
  tag: image => image.tag,
  size: image => image.size,
  status: image => image.status,
};

/** Those of `all` that a query is about, in its order. Throws Failure 6303 for a sort key that there is not. */
export function searched(all: readonly Image[], query: ImageQuery): Image[] {
  const sort = SORT[query.sortKey || 'create_at'];
  if (!sort) {
    throw wrong('sort_key', `must be one of ${Object.keys(SORT).join(', ')}.`, 'ModelArts.6303');
  }
  const wanted = query.name?.toLowerCase();
  const matching = all.filter(
    each =>
      (!wanted || (query.fuzzy === false ? each.name === query.name : each.name.toLowerCase().includes(wanted))) &&
      (!query.namespace || each.namespace === query.namespace) &&
      (!query.serviceType || each.serviceType === query.serviceType),
  );
  const direction = query.ascending ? 1 : -1;
  return matching.sort((a, b) => {
    const [left, right] = [sort(a), sort(b)];
    if (left === right) return a.id < b.id ? -direction : direction;
    return left < right ? -direction : direction;
  });
}
