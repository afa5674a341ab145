import { type Route, route } from '../../http/index.ts';
import { modelApis } from './model.api.ts';
import type { ModelService } from './model.service.ts';
import type { ModelFilter } from './model.ts';
import { engineRuntimes, modelDetail, modelEvent, modelListItem } from './model.view.ts';

/** The handlers of the models' API. */
export function modelRoutes(models: ModelService): Route[] {
  return [
    route(modelApis.create, async call => ({
      model_id: await models.create(call.principal, call.projectId, call.workspaceId, call.body),
    })),
    route(modelApis.list, async ({ projectId, workspaceId, query }) => {
      const limit = query.limit ?? 1000;
      const page = await models.list({
        projectId,
        name: query.model_name || undefined,
        exactMatch: query.exact_match,
        version: query.model_version || undefined,
        status: query.model_status as string | undefined,
        description: query.description || undefined,
        workspaceId,
        type: query.model_type || undefined,
        notType: query.not_model_type || undefined,
        sortBy: (query.sort_by as ModelFilter['sortBy'] | undefined) ?? 'create_at',
        order: (query.order as ModelFilter['order'] | undefined) ?? 'desc',
        offset: (query.offset ?? 0) * limit,
        limit,
      });
      return { models: page.items.map(modelListItem), total_count: page.total, count: page.items.length };
    }),
    route(modelApis.runtimes, async ({ query }) => {
      const lines = engineRuntimes(models.engines());
      const limit = numberOr(query.limit, 1000);
      const start = numberOr(query.offset, 0) * limit;
      const shown = lines.slice(start, start + limit);
      return { count: shown.length, total_count: lines.length, engine_runtimes: shown };
    }),
    route(modelApis.show, async ({ projectId, params }) => modelDetail(await models.show(projectId, params.model_id))),
    route(modelApis.remove, async ({ projectId, params, query }) => {
      const result = await models.remove(projectId, params.model_id, query.cascade ?? false);
      return {
        delete_success_list: result.deleted,
        delete_failed_list: result.failed.map(item => ({
          model_id: item.id,
          error_code: item.code,
          error_msg: item.message,
        })),
      };
    }),
    route(modelApis.events, async ({ projectId, params }) => {
      const { model, events } = await models.events(projectId, params.model_id);
      return {
        model_id: model.id,
        model_name: model.name,
        total_count: events.length,
        count: events.length,
        events: events.map(modelEvent),
      };
    }),
  ];
}

function numberOr(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value >= 0 ? value : fallback;
}
