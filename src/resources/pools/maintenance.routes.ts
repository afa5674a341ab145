import { type Route, route } from '../../http/index.ts';
import { badRequest } from '../../kernel/object-list.ts';
import * as api from './maintenance.api.ts';
import type { NodeService } from './node.service.ts';
import type { PoolService } from './pool.service.ts';
import type { poolTags } from './pool.tags.ts';
import type { Maintenance, Pool } from './pool.ts';
import type { RecordService } from './record.service.ts';

export interface MaintenanceDeps {
  pools: Pick<PoolService, 'list' | 'show'>;
  nodes: NodeService;
  tags: ReturnType<typeof poolTags>;
  records: RecordService;
}

/** The handlers of work on nodes, and of their tags. */
export function maintenanceRoutes({ pools, nodes, tags, records }: MaintenanceDeps): Route[] {
  async function changed(
    pool: Pool,
    body: { action: unknown; tags: { key: string; value?: string | undefined }[] },
    node: string,
  ) {
    if (body.action === 'delete') await tags.remove(pool, body.tags, node);
    else await tags.add(pool, body.tags, node, body.action === 'reset');
    return tags.of(pool, node);
  }

  return [
    route(api.batchResetPoolNodes, async ({ projectId, params, body }) => {
      if (body.nodeConfig && Object.keys(body.nodeConfig).length > 0) {
        throw badRequest(
          '[nodeConfig] must be left out: nodes have the operating system and the engine of the machine.',
        );
      }
      const most = body.rollingConfig?.maxUnavailable ?? body.nodeNames.length;
      if (new Set(body.nodeNames).size > most) {
        throw badRequest(
          `[rollingConfig.maxUnavailable] is ${most}, and ${new Set(body.nodeNames).size} nodes would be reset together.`,
          'Name at most so many at a time: a reset begins at once.',
        );
      }
      const [first] = await nodes.setCordon(projectId, params.pool_name, body.nodeNames, 'rebooting', 'node_redeploy');
      return { job_id: first!.event ?? '' };
    }),
    route(api.batchResizePoolNodes, async ({ principal, projectId, params, body }) => {
      await pools.show(projectId, params.pool_name);
      const { source, target } = body;
      if (source.nodePool || target.nodePool) throw badRequest('[nodePool] must be left out: there are no node pools.');
      if (!target.flavor) throw badRequest('[target.flavor] must name the flavor that the nodes shall have.');
      const chosen = body.nodes.flatMap(each => each.deleteNodeNames ?? []);
      if (chosen.length === 0) throw badRequest('[nodes[].deleteNodeNames] must name the nodes to be replaced.');
      await nodes.resize(principal, projectId, params.pool_name, chosen, { from: source.flavor, to: target.flavor });
      return {};
    }),
    route(api.listScheduledEvents, async ({ projectId, workspaceId, query }) => {
      const { offset = 0, limit = 100, state, type } = query;
      const from = timeOf('publishStartTime', query.publishStartTime) ?? 0;
      const until = timeOf('publishEndTime', query.publishEndTime) ?? Number.MAX_SAFE_INTEGER;
      const found = (await records.maintenance(projectId, workspaceId)).filter(
        event =>
          (!state?.length || state.includes(event.state)) &&
          (!type?.length || type.includes(event.type)) &&
          (!query.id || event.id === query.id) &&
          (!query.nodeName || event.node === query.nodeName) &&
          (!query.poolName || event.pool_id === query.poolName) &&
          event.started_at >= from &&
          event.started_at <= until,
      );
      return { events: found.slice(offset, offset + limit).map(eventView), count: found.length };
    }),
    route(api.acceptScheduledEvent, async ({ projectId, params }) => {
      const event = await records.maintenanceOf(projectId, params.event_id);
      if (!event) {
        throw badRequest(
          `There is no scheduled event ${params.event_id.slice(0, 64)}.`,
          'GET /v1/{project_id}/scheduled-events lists them.',
        );
      }
      throw badRequest(
        `The event ${event.id} is ${event.state}: it began when it was asked for, and waits for nobody.`,
        'End it with POST …/nodes/batch-return.',
      );
    }),
    route(api.showNodeTags, async ({ projectId, params }) => ({
      tags: await tags.of(await nodes.poolOf(projectId, params.node_name), params.node_name),
    })),
    route(api.updateNodeTags, async ({ projectId, params, body }) => {
      const node = params.node_name;
      const pool = await nodes.poolOf(projectId, node);
      return { tags: await changed(pool, body, node) };
    }),
    route(api.listNodeTags, async ({ projectId, workspaceId, query }) => {
      const { limit = 200, offset = 0 } = query;
      const there = await pools.list(projectId, workspaceId);
      const all = await tags.all(query.pool ? there.filter(pool => pool.id === query.pool) : there, true);
      return { tags: all.slice(offset, offset + limit) };
    }),
    route(api.updatePoolTags, async ({ projectId, params, body }) => ({
      tags: await changed(await pools.show(projectId, params.pool_name), body, ''),
    })),
    route(api.listPoolPlugins, async ({ projectId, params }) => {
      await nodes.list(projectId, params.pool_name);
      return { apiVersion: 'v2', kind: 'PluginList', items: [] };
    }),
    route(api.listPluginTemplates, async () => ({ apiVersion: 'v2', kind: 'PluginTemplateList', items: [] })),
    route(api.listVirtualResourceFlavors, async () => ({
      apiVersion: 'v1',
      kind: 'VirtualResourceFlavorList',
      metadata: {},
      items: [],
    })),
  ];
}

function timeOf(name: string, text: string | undefined): number | undefined {
  if (!text) return undefined;
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(time)) throw badRequest(`[${name}] "${text.slice(0, 40)}" is no time; write 2026-01-31T08:00:00Z.`);
  return time;
}

function eventView(event: Maintenance) {
  const time = (at: number) => new Date(at).toISOString();
  return {
    id: event.id,
    catalog: 'software',
    type: event.type,
    description: event.description,
    state: event.state,
    instanceType: 'standard',
    instanceId: event.node,
    nodeName: event.node,
    poolName: event.pool_id,
    poolDisplayName: event.pool_name,
    publishTime: time(event.started_at),
    startTime: time(event.started_at),
    ...(event.finished_at === null ? {} : { finishTime: time(event.finished_at) }),
    redeployType: [],
  };
}
