import { Reply, type Route, route } from '../../http/index.ts';
import type { CallCounter } from './calls.ts';
import type { InstanceLogs } from './instance-logs.ts';
import { serviceApis } from './service.api.ts';
import type { ServiceUseCases } from './service.service.ts';
import {
  type EntryConfig,
  type EventFilter,
  type Instance,
  isHealthy,
  type Service,
  type ServiceFilter,
  shapeOf,
} from './service.ts';
import {
  type Calls,
  endpointsView,
  entryConfig,
  serviceDetail,
  serviceListItem,
  specification,
} from './service.view.ts';
import { type UsageDeps, usageOf } from './usage.ts';

export interface ServiceRouteDeps extends UsageDeps {
  services: ServiceUseCases;
  calls: CallCounter;
  logs: InstanceLogs;
  /** URL of the inference gateway without a path. */
  inferenceUrl(): string;
}

const NO_CALLS: Calls = { calls: 0, failed: 0 };
const MIB = 1024 ** 2;

/** The handlers of the services' API. */
export function serviceRoutes(deps: ServiceRouteDeps): Route[] {
  const { services, calls, logs } = deps;

  async function withRevision(projectId: string, id: string) {
    const service = await services.show(projectId, id);
    const revisions = await services.revisions(id);
    const shown = service.status === 'deploying' ? service.target : (service.active ?? service.target);
    return {
      service,
      revisions,
      revision: revisions.find(revision => revision.number === shown)!,
      instances: await services.instances(id),
    };
  }

  async function usage(entry: EntryConfig, instances: readonly Instance[], entryCalls: Calls) {
    const { running, cpus, vcpus, memoryBytes, memoryTotal, gpus } = await usageOf(deps, entry, instances);
    return {
      model_id: entry.modelId,
      model_name: entry.modelName,
      model_version: entry.modelVersion,
      invocation_times: entryCalls.calls,
      failed_times: entryCalls.failed,
      cpu_core_usage: round(cpus),
      cpu_core_total: vcpus,
      cpu_memory_usage: Math.round(memoryBytes / MIB),
      cpu_memory_total: Math.round(memoryTotal / MIB),
      gpu_usage: 0,
      gpu_total: gpus,
      model_running_instance_count: running,
      model_instance_count: entry.instanceCount,
    };
  }

  return [
    route(serviceApis.create, async call => ({
      service_id: await services.create(call.principal, call.projectId, call.workspaceId, call.body),
      resource_ids: [],
    })),
    route(serviceApis.list, async ({ projectId, workspaceId, query }) => {
      const limit = query.limit ?? 1000;
      const other = query.infer_type !== undefined && query.infer_type !== 'real-time';
      if (other || query.tags) return { services: [], total_count: 0, count: 0 };
      const page = await services.list({
        projectId,
        id: query.service_id || undefined,
        name: query.service_name || undefined,
        modelId: query.model_id || undefined,
        workspaceId,
        status: query.status as string | undefined,
        sortBy: (query.sort_by as ServiceFilter['sortBy'] | undefined) ?? 'publish_at',
        order: (query.order as ServiceFilter['order'] | undefined) ?? 'desc',
        offset: (query.offset ?? 0) * limit,
        limit,
        poolId: query.cluster_id || undefined,
      });
      const totals = await calls.totals();
      return {
        services: page.items.map(service => serviceListItem(service, totals.get(service.id) ?? NO_CALLS)),
        total_count: page.total,
        count: page.items.length,
      };
    }),
    route(serviceApis.specifications, async ({ query }) => {
      const all = services.specifications().map(specification);
      const limit = count(query.limit, 1000);
      const start = count(query.offset, 0) * limit;
      const shown = all.slice(start, start + limit);
      return { specifications: shown, total_count: all.length, count: shown.length };
    }),
    route(serviceApis.show, async ({ projectId, params }) => {
      const found = await withRevision(projectId, params.service_id);
      const totals = await calls.totals();
      return serviceDetail({
        ...found,
        calls: totals.get(found.service.id) ?? NO_CALLS,
        base: deps.inferenceUrl(),
      });
    }),
    route(serviceApis.update, async ({ projectId, params, body }) => {
      await services.update(projectId, params.service_id, body);
      return {};
    }),
    route(serviceApis.patch, async ({ projectId, params, body }) => {
      await services.update(projectId, params.service_id, body);
      const service = await services.show(projectId, params.service_id);
      return { resource_ids: '', update_time: String(service.operationAt) };
    }),
    route(serviceApis.remove, async ({ principal, projectId, params }) => {
      await services.remove(principal, projectId, params.service_id);
      return new Reply({});
    }),
    route(serviceApis.monitor, async ({ projectId, params }) => {
      const { service, revision, instances } = await withRevision(projectId, params.service_id);
      const perEntry = await calls.ofService(service.id);
      const monitors = await Promise.all(
        revision.entries.map(entry => usage(entry, instances, perEntry.get(entry.modelId) ?? NO_CALLS)),
      );
      return {
        service_id: service.id,
        service_name: service.name,
        monitors,
        service_running_instance_count: monitors.reduce((sum, each) => sum + each.model_running_instance_count, 0),
        service_instance_count: monitors.reduce((sum, each) => sum + each.model_instance_count, 0),
        req_count_per_min: calls.perMinute(service.id),
      };
    }),
    route(serviceApis.updateLogs, async ({ projectId, params, query }) => {
      const { service, revisions } = await withRevision(projectId, params.service_id);
      const shown = revisions
        .filter(revision => query.update_time === undefined || revision.createdAt === query.update_time)
        .reverse();
      return {
        service_id: service.id,
        service_name: service.name,
        logs: shown.map(revision => ({
          update_time: revision.createdAt,
          result: revision.result,
          config: revision.entries.map(entryConfig),
        })),
      };
    }),
    route(serviceApis.events, async ({ projectId, params, query }) => {
      const service = await services.show(projectId, params.service_id);
      const limit = query.limit ?? 1000;
      const filter: EventFilter = {
        type: query.event_type as string | undefined,
        info: query.event_info || undefined,
        from: query.start_time,
        to: query.end_time,
        order: (query.order as EventFilter['order'] | undefined) ?? 'desc',
        offset: (query.offset ?? 0) * limit,
        limit,
      };
      const page = await services.events(service.id, filter);
      return {
        service_id: service.id,
        service_name: service.name,
        total_count: page.total,
        count: page.items.length,
        events: page.items.map(event => ({
          event_type: event.type,
          event_info: event.info,
          occur_time: event.time,
        })),
      };
    }),
    route(serviceApis.runtimeLogs, async ({ projectId, params, query }) => {
      const found = await withRevision(projectId, params.service_id);
      return runtimeLogs(
        found.service,
        found.revisions.flatMap(revision => revision.entries),
        found.instances,
        query,
      );
    }),
    route(serviceApis.endpoints, async ({ projectId, params }) => {
      const { revision, instances } = await withRevision(projectId, params.service_id);
      return endpointsView(revision, instances);
    }),
  ];

  async function runtimeLogs(
    service: Service,
    entries: readonly EntryConfig[],
    instances: readonly Instance[],
    query: { model_id?: string; instance_id?: string; tail_lines?: number; since?: string },
  ) {
    const kept = await logs.instances(service.id);
    const ids = [...new Set([...instances.map(instance => instance.id), ...kept])];
    const shown = [];
    for (const id of ids) {
      const instance = instances.find(each => each.id === id);
      const entry = instance ?? entries.find(each => shapeOf(each).startsWith(id.split('-')[0]!));
      if (query.instance_id && query.instance_id !== id) continue;
      if (query.model_id && entry?.modelId !== query.model_id) continue;
      shown.push({
        instance_id: id,
        model_id: entry?.modelId ?? '',
        model_name: entry?.modelName ?? '',
        model_version: entry?.modelVersion ?? '',
        status: instance ? (isHealthy(instance) ? 'ready' : instance.phase) : 'removed',
        lines: await logs.tail(service.id, id, query.tail_lines ?? 1000, query.since),
      });
    }
    return { service_id: service.id, service_name: service.name, instances: shown };
  }
}

function count(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value >= 0 ? value : fallback;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
