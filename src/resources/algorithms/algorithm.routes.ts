import { type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import { changeAlgorithm, createAlgorithm, deleteAlgorithm, listAlgorithms, showAlgorithm } from './algorithm.api.ts';
import type { Algorithms } from './algorithm.service.ts';
import { algorithmView } from './algorithm.view.ts';

/** Handlers of the algorithm operations. */
export function algorithmRoutes(algorithms: Algorithms): Route[] {
  return [
    route(createAlgorithm, async call =>
      algorithmView(await algorithms.create(call.principal, call.projectId, call.workspaceId, call.body)),
    ),
    route(listAlgorithms, async call => {
      const { query } = call;
      const sortBy = query.sort_by ?? 'create_time';
      const order = query.order ?? 'desc';
      const { total, items } = await algorithms.list(call.projectId, {
        offset: query.offset ?? 0,
        limit: query.limit ?? 50,
        sortBy,
        order,
        nameLike: nameSearch(query.searches),
        workspaceId: call.workspaceId,
      });
      return {
        total,
        count: items.length,
        limit: query.limit ?? 50,
        offset: query.offset ?? 0,
        sort_by: sortBy,
        order,
        group_by: query.group_by ?? '',
        items: items.map(algorithmView),
      };
    }),
    route(showAlgorithm, async call => algorithmView(await algorithms.get(call.projectId, call.params.algorithm_id))),
    route(changeAlgorithm, async call =>
      algorithmView(await algorithms.change(call.principal, call.projectId, call.params.algorithm_id, call.body)),
    ),
    route(deleteAlgorithm, async call => {
      await algorithms.remove(call.projectId, call.params.algorithm_id);
      return null;
    }),
  ];
}

/** `searches=name:foo` filters by a part of the name. */
function nameSearch(searches: string | undefined): string | undefined {
  if (!searches) return undefined;
  const match = /^name:(.*)$/s.exec(searches);
  if (match) return match[1] || undefined;
  throw new Failure({
    code: 'ModelArts.2764',
    status: 400,
    message: `QueryParamsError: parameter [searches] is "${searches.slice(0, 100)}"; it must have the form name:text.`,
  });
}
