import { type Route, route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { badRequest, labelSelector, pageOf } from '../../kernel/object-list.ts';
import * as nodes from './node.api.ts';
import type { NodeService } from './node.service.ts';
import { type AnnouncedPool, type Demand, NOTHING, type PoolAdmission, sum } from './pool.admission.ts';
import * as api from './pool.api.ts';
import type { DiskShares } from './pool.disk.ts';
import type { poolMonitor } from './pool.monitor.ts';
import type { PoolService } from './pool.service.ts';
import { type Node, type Pool, poolMissing } from './pool.ts';
import { nodeView, poolLabels, poolView, quantities, type WorkloadItem, workloadView } from './pool.view.ts';

export interface PoolRouteDeps {
  service: PoolService;
  nodes: NodeService;
  monitor: ReturnType<typeof poolMonitor>;
  admission: PoolAdmission;
  clock: Clock;
  /** Address at which the host is found on the pool's network; empty when it cannot be told. */
  address(pool: Pool): Promise<string>;
  /** Who has how much of the disk. */
  stored(): Promise<DiskShares>;
  newestOrder(projectId: string, poolId: string): Promise<string | undefined>;
}

const STATUSES = [
  'Queue',
  'Pending',
  'Abnormal',
  'Terminating',
  'Creating',
  'Running',
  'Completed',
  'Terminated',
  'Failed',
];
const SORT_KEYS: Record<string, keyof WorkloadItem> = {
  create_time: 'createTime',
  createTime: 'createTime',
  priority: 'priority',
  jobName: 'jobName',
  status: 'status',
  runningDuration: 'runningDuration',
  pendingDuration: 'pendingDuration',
};

/** The handlers of pools and their nodes. */
export function poolRoutes(deps: PoolRouteDeps): Route[] {
  const { service, admission } = deps;

  async function shown(pool: Pool) {
    const { nodes: all } = await deps.nodes.list(pool.projectId, pool.id).catch(() => ({ nodes: [] as Node[] }));
    const kinds = new Set((await admission.workloads(pool.id)).map(each => each.kind));
    const { pools } = await deps.stored();
    return poolView(pool, pool.type === 'Logical' ? [] : all, kinds, pools.get(pool.parent || pool.id));
  }

  const stateOf = async (poolId: string): Promise<AnnouncedPool | undefined> =>
    (await admission.pools()).find(each => each.id === poolId);

  async function views(pool: Pool, all: readonly Node[]) {
    const told = await stateOf(pool.id);
    const address = await deps.address(pool);
    return all.map(node =>
      nodeView(
        pool,
        node,
        told?.nodes.find(each => each.name === node.name),
        address,
      ),
    );
  }

  async function workloadsOf(projectId: string, poolId: string): Promise<WorkloadItem[]> {
    const pool = await service.show(projectId, poolId);
    const address = await deps.address(pool);
    return (await admission.workloads(pool.id)).map(each => workloadView(each, address, deps.clock.now()));
  }

  return [
    route(api.listPools, async ({ projectId, workspaceId, query }) => {
      const selected = labelSelector(query.labelSelector);
      const ofStatus: Record<string, readonly string[]> = {
        created: ['Running', 'Abnormal', 'Deleting'],
        creating: ['Creating'],
        failed: [],
      };
      const phases = query.status === undefined ? undefined : ofStatus[String(query.status)];
      const found = (await service.list(projectId, workspaceId)).filter(
        pool =>
          selected(poolLabels(pool)) &&
          (query.parent === undefined || pool.parent === query.parent) &&
          (phases === undefined || phases.includes(pool.phase)),
      );
      return { apiVersion: 'v2', kind: 'PoolList', items: await Promise.all(found.map(shown)) };
    }),
    route(api.createPool, async call => {
      const pool = await service.create(call.principal, call.projectId, call.workspaceId, call.body);
      const view = await shown(pool);
      // The service answers before there is a phase (behaviour/resources.md 2).
      const { phase, ...status } = view.status;
      return { ...view, status };
    }),
    route(api.showPool, async ({ projectId, params }) => shown(await service.show(projectId, params.pool_name))),
    route(api.patchPool, async ({ principal, projectId, params, body }) =>
      shown(await service.patch(principal, projectId, params.pool_name, body)),
    ),
    route(api.deletePool, async ({ projectId, params }) => shown(await service.remove(projectId, params.pool_name))),
    route(api.retryPoolScope, async ({ projectId, params, body }) => {
      const pool = await service.show(projectId, params.pool_name);
      const known = pool.scope.some(type => type === body.scope);
      throw badRequest(
        known
          ? `[scope] ${body.scope} of the pool ${pool.name} has not failed; there is nothing to try again.`
          : `[scope] "${body.scope}" is not a job type of the pool ${pool.name}; it has ${pool.scope.join(', ')}.`,
      );
    }),
    route(api.showPoolMonitor, async ({ projectId, params, query }) => ({
      metrics: await deps.monitor.show(await service.show(projectId, params.pool_name), query),
    })),
    route(api.listWorkloads, async ({ projectId, params, query }) => {
      const { type, status, sort = 'create_time', ascend = false, limit = 500 } = query;
      const statuses = status?.split(',').map(each => each.trim());
      const unknown = statuses?.find(each => !STATUSES.includes(each));
      if (unknown !== undefined)
        throw badRequest(`[status] "${unknown.slice(0, 40)}" must be of ${STATUSES.join(', ')}.`);
      const key = SORT_KEYS[sort];
      if (!key) throw badRequest(`[sort] "${sort.slice(0, 40)}" must be of ${Object.keys(SORT_KEYS).join(', ')}.`);
      const offset = Number(query.offset || 0);
      if (!Number.isInteger(offset) || offset < 0) throw badRequest('[offset] must be a whole number from 0.');
      const found = (await workloadsOf(projectId, params.pool_name)).filter(
        each =>
          (!type?.length || type.includes(each.type)) &&
          (!statuses || statuses.includes(each.status)) &&
          (!query.hostip?.length || query.hostip.includes(each.hostIps)),
      );
      const sign = ascend ? 1 : -1;
      found.sort((a, b) => sign * (a[key]! < b[key]! ? -1 : a[key]! > b[key]! ? 1 : 0));
      return {
        apiVersion: 'v2',
        kind: 'WorkloadList',
        items: found.slice(offset, offset + limit),
        total: found.length,
      };
    }),
    route(api.showWorkloadStatistics, async ({ projectId, params }) => {
      const all = await workloadsOf(projectId, params.pool_name);
      const items = (['train', 'infer', 'notebook'] as const).map(type => {
        const mine = all.filter(each => each.type === type);
        const counts = STATUSES.map(status => [status, mine.filter(each => each.status === status).length] as const);
        return { type, total: mine.length, status: Object.fromEntries(counts) };
      });
      return { statistics: { total: all.length, items } };
    }),
    route(api.showPoolStatistics, async ({ projectId, workspaceId }) => {
      const pools = await service.list(projectId, workspaceId);
      const creating = pools.filter(pool => pool.phase === 'Creating').length;
      const status = { creating, created: pools.length - creating, failed: 0, pending: 0 };
      return { statistics: { status }, operationTime: new Date(deps.clock.now()).toISOString() };
    }),
    route(api.showPoolRuntimeMetrics, async ({ projectId, workspaceId }) => {
      const states = new Map((await admission.pools()).map(state => [state.id, state]));
      const timestamp = new Date(deps.clock.now()).toISOString();
      const table = (value: Demand) => ({ value: quantities(value), timestamp, window: '1m' });
      const items = (await service.list(projectId, workspaceId)).map(pool => {
        const state = states.get(pool.id);
        const capacity = pool.parent ? (state?.max ?? NOTHING) : sum((state?.nodes ?? []).map(node => node.capacity));
        return {
          metadata: { name: pool.id, labels: poolLabels(pool) },
          table: {
            allocated: table(state?.used ?? NOTHING),
            capacity: { ...table(capacity), maxValue: quantities(capacity) },
          },
        };
      });
      return { apiVersion: 'v1', kind: 'ResourceMetricsList', items };
    }),
    route(api.createOrderId, async ({ projectId, params }) => {
      await service.show(projectId, params.pool_name);
      const id = await deps.newestOrder(projectId, params.pool_name);
      if (id === undefined) throw poolMissing(params.pool_name);
      return { id };
    }),

    route(nodes.listPoolNodes, async ({ projectId, params, query }) => {
      const { pool, nodes: all } = await deps.nodes.list(projectId, params.pool_name);
      const page = pageOf(
        all.map(node => ({ name: node.name, labels: {}, node })),
        query,
      );
      return {
        apiVersion: 'v2',
        kind: 'NodeList',
        metadata: page.metadata,
        items: await views(
          pool,
          page.items.map(({ node }) => node),
        ),
      };
    }),
    route(nodes.showPoolNode, async ({ projectId, params }) => {
      const { pool, node } = await deps.nodes.show(projectId, params.pool_name, params.node_name);
      return (await views(pool, [node]))[0]!;
    }),
    route(nodes.batchDeletePoolNodes, async ({ projectId, params, body }) => {
      await deps.nodes.remove(projectId, params.pool_name, body.deleteNodeNames);
      return {};
    }),
    route(nodes.batchLockPoolNodes, async ({ projectId, params, body }) => ({
      nodes: await deps.nodes.setLocked(projectId, params.pool_name, body.nodeNames, true),
    })),
    route(nodes.batchUnlockPoolNodes, async ({ projectId, params, body }) => ({
      nodes: await deps.nodes.setLocked(projectId, params.pool_name, body.nodeNames, false),
    })),
    route(nodes.batchUpdatePoolNodes, async ({ projectId, params, body }) => {
      const spare = body.action === 'openHaRedundant' || body.action === 'true';
      const done = await deps.nodes.setRedundant(projectId, params.pool_name, body.nodeNames, spare);
      return { successNodeNames: done.map(({ name }) => name), failNodeNames: [] };
    }),
    route(nodes.batchRebootPoolNodes, async ({ projectId, params, body }) => {
      const done = await deps.nodes.setCordon(projectId, params.pool_name, body.nodeNames, 'rebooting');
      return { nodeNames: done.map(({ name }) => name) };
    }),
    route(nodes.batchDrainPoolNodes, async ({ projectId, params, body }) => ({
      nodes: await deps.nodes.setCordon(projectId, params.pool_name, body.nodeNames, 'draining'),
    })),
    route(nodes.batchIsolatePoolNodes, async ({ projectId, params, body }) => ({
      nodes: await deps.nodes.setCordon(projectId, params.pool_name, body.nodeNames, 'isolated'),
    })),
    route(nodes.batchReturnPoolNodes, async ({ projectId, params, body }) => ({
      nodes: await deps.nodes.setCordon(projectId, params.pool_name, body.nodeNames, ''),
    })),
  ];
}
