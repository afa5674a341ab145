import { type Route, route } from '../../http/index.ts';
import { badRequest, labelSelector, pageOf } from '../../kernel/object-list.ts';
import { CIDR_RANGES, NETWORK_QUOTA } from '../networks/index.ts';
import * as api from './catalog.api.ts';
import type { PoolFlavor } from './node.making.ts';
import { type PoolAdmission, shortage } from './pool.admission.ts';
import type { PoolService } from './pool.service.ts';
import type { poolTags } from './pool.tags.ts';
import { JOB_TYPES, MOST_FLAVORS, POOL_QUOTA } from './pool.ts';
import { eventView, orderDetail, orderView, rootVolume } from './pool.view.ts';
import type { RecordService } from './record.service.ts';

export interface CatalogDeps {
  service: PoolService;
  records: RecordService;
  tags: ReturnType<typeof poolTags>;
  admission: PoolAdmission;
  flavors: { list(): PoolFlavor[] };
  /** Bytes of disk that a node of a flavor has where nothing else is asked for. */
  usualDisk(flavor: PoolFlavor): number;
  networks: { count(projectId: string): Promise<number> };
}

/** The handlers of what is about pools without being one: sizes, limits, events, orders, tags. */
export function catalogRoutes(deps: CatalogDeps): Route[] {
  const { service, records, tags } = deps;

  return [
    route(api.listResourceFlavors, async ({ query }) => {
      const selected = labelSelector(query.labelSelector);
      const used = await records.given();
      const { capacity } = deps.admission;
      const free = {
        vcpus: capacity.vcpus - used.vcpus,
        memoryBytes: capacity.memoryBytes - used.memoryBytes,
        gpus: capacity.gpus - used.gpus,
      };
      const all = deps.flavors
        .list()
        .map(flavor => ({ name: flavor.id, labels: { 'os.modelarts/scope': JOB_TYPES.join('-') }, flavor }))
        .filter(({ labels }) => selected(labels));
      const { items, metadata } = pageOf(all, query);
      return {
        apiVersion: 'v1',
        kind: 'ResourceFlavorList',
        metadata,
        items: items.map(({ name, labels, flavor }) => ({
          apiVersion: 'v1',
          kind: 'ResourceFlavor',
          metadata: { name, labels },
          spec: {
            type: 'Dedicate',
            cpuArch: process.arch === 'arm64' ? 'arm64' : 'x86',
            cpu: String(flavor.vcpus),
            memory: `${flavor.memoryBytes / 1024 ** 3}Gi`,
            rootVolume: rootVolume(deps.usualDisk(flavor)),
            ...(flavor.gpus > 0 ? { gpu: { type: 'GPU', size: String(flavor.gpus) } } : {}),
            billingModes: [0],
            jobFlavors: [],
          },
          status: { phase: { local: shortage(flavor, free) === undefined ? 'normal' : 'soldout' } },
        })),
      };
    }),
    route(api.showOsConfig, async () => ({
      networkCidrs: CIDR_RANGES,
      networkQuota: NETWORK_QUOTA,
      poolQuota: POOL_QUOTA,
      poolHighAvailable: false,
      pooHighAvailable: false,
      maxPoolFlavors: MOST_FLAVORS,
      networkSubnetTypes: [],
      nodeOSVersionSupport: [],
      volumeTypes: [],
      poolScopePlugins: JOB_TYPES.map(scope => ({ scope, plugins: [], supportRetry: true })),
    })),
    route(api.showOsQuota, async ({ projectId }) => ({
      quotas: {
        resources: [
          { type: 'pool', quota: POOL_QUOTA, used: await service.count(projectId) },
          { type: 'network', quota: NETWORK_QUOTA, used: await deps.networks.count(projectId) },
        ],
      },
    })),
    route(api.listEvents, async ({ principal, projectId, query }) => {
      const { since = 0, until = Number.MAX_SAFE_INTEGER, type, limit = 500 } = query;
      const found = (await records.events(principal, projectId, query.name))
        .filter(event => event.time >= since && event.time <= until && (type === undefined || event.type === type))
        .map((event, at) => ({ event, sequence: event.sequence ?? at }));
      if (query.ascend) found.reverse();
      const token = query.continue || query.offset || '';
      const start = token === '' ? 0 : found.findIndex(({ sequence }) => String(sequence) === token) + 1;
      if (token !== '' && start === 0) throw badRequest('[continue] is no token of this list; start again without it.');
      const items = found.slice(start, start + limit);
      const remaining = found.length - start - items.length;
      return {
        apiVersion: 'v1',
        kind: 'EventList',
        metadata: remaining > 0 ? { continue: String(items.at(-1)!.sequence), remainingItemCount: remaining } : {},
        items: items.map(({ event }) => eventView(event)),
        total: found.length,
      };
    }),
    route(api.listOrders, async ({ projectId, workspaceId, query }) => {
      const { since = 0, until = Number.MAX_SAFE_INTEGER, phase, involvedName, limit = 100, offset = 0 } = query;
      const found = (await records.orders(projectId)).filter(
        order =>
          order.workspace_id === workspaceId &&
          order.created_at >= since &&
          order.created_at <= until &&
          (phase === undefined || order.phase === phase) &&
          (involvedName === undefined || order.pool_id === involvedName),
      );
      return { count: found.length, items: found.slice(offset, offset + limit).map(orderView) };
    }),
    route(api.showOrder, async ({ projectId, params }) => {
      const name = params.order_name;
      const order = (await records.orders(projectId)).find(each => each.name === name);
      if (!order)
        throw badRequest(`There is no order ${name.slice(0, 64)}.`, 'GET /v1/{project_id}/orders lists them.');
      return { count: 1, items: [orderDetail(order)] };
    }),
    route(api.listPoolTags, async ({ projectId, workspaceId, query }) => {
      const { limit = 200, offset = 0 } = query;
      const all = await tags.all(await service.list(projectId, workspaceId));
      return { tags: all.slice(offset, offset + limit) };
    }),
    route(api.showPoolTags, async ({ projectId, params }) => ({
      tags: await tags.of(await service.show(projectId, params.pool_name)),
    })),
    route(api.batchCreatePoolTags, async ({ projectId, params, body }) => {
      await tags.add(await service.show(projectId, params.pool_name), body.tags);
      return undefined;
    }),
    route(api.batchDeletePoolTags, async ({ projectId, params, body }) => {
      await tags.remove(await service.show(projectId, params.pool_name), body.tags);
      return undefined;
    }),
  ];
}
