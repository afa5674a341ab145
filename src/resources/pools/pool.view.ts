import { NAME_LABEL, WORKSPACE_LABEL } from '../networks/index.ts';
import type { AnnouncedPool, Demand, Workload, WorkloadKind } from './pool.admission.ts';
import type { DiskShares } from './pool.disk.ts';
import type { Order, PoolEvent } from './pool.store.ts';
import { KIND_OF, type Node, type NodePhase, type Pool } from './pool.ts';

/** The one place where a machine of its own has its nodes. */
const AZ = 'local';
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Labels of a pool, by which lists are narrowed too. */
export function poolLabels(pool: Pool): Record<string, string> {
  return {
    [NAME_LABEL]: pool.name,
    [WORKSPACE_LABEL]: pool.workspaceId,
    'os.modelarts/node.prefix': pool.nodePrefix,
    'os.modelarts/resource.id': pool.id,
    'os.modelarts/tenant.domain.id': pool.accountId,
    'os.modelarts/tenant.project.id': pool.projectId,
  };
}

/** A disk as answers show it; the type is the only one there is. */
export function rootVolume(bytes: number): { volumeType: string; size: string } {
  return { volumeType: 'SSD', size: String(Math.floor(bytes / GIB)) };
}

/**
 * A pool as answers show it (reference modelarts.json, PoolModel). `kinds`: of the workloads that are in it. `disk`: what it and its
 * sub-pools have together; told as `status.storage`, in bytes as quantities.
 */
export function poolView(
  pool: Pool,
  nodes: readonly Node[],
  kinds: ReadonlySet<WorkloadKind>,
  disk: DiskShares['pools'] extends ReadonlyMap<string, infer Each> ? Each | undefined : never,
) {
  const group = (phase: NodePhase) =>
    [...new Set(nodes.map(node => node.flavor))].flatMap(flavor => {
      const count = nodes.filter(node => node.flavor === flavor && node.phase === phase).length;
      return count === 0 ? [] : [{ flavor, count, maxCount: count, azs: [{ az: AZ, count }] }];
    });
  const resources = pool.resources.map(({ flavor, count, maxCount }) => ({
    flavor,
    count,
    maxCount,
    ...withDisk(nodes.findLast(node => node.flavor === flavor)),
    ...(pool.type === 'Dedicate' ? { azs: [{ az: AZ, count }] } : {}),
  }));
  return {
    apiVersion: 'v2',
    kind: 'Pool',
    metadata: {
      name: pool.id,
      creationTimestamp: new Date(pool.createdAt).toISOString(),
      ...(pool.desired === 'deleted' ? { deletionTimestamp: new Date().toISOString() } : {}),
      labels: poolLabels(pool),
      annotations: pool.annotations,
    },
    spec: {
      type: pool.type,
      scope: pool.scope,
      resources,
      network: { name: pool.networkId },
      ...(pool.parent ? { parent: pool.parent } : {}),
    },
    status: {
      phase: pool.phase,
      ...(pool.message ? { message: pool.message } : {}),
      resources: {
        creating: group('Creating'),
        available: pool.type === 'Logical' ? resources : group('Available'),
        abnormal: group('Abnormal'),
        deleting: group('Deleting'),
      },
      scope: (Object.keys(KIND_OF) as (keyof typeof KIND_OF)[]).flatMap(scopeType => {
        const wanted = pool.scope.includes(scopeType);
        if (!wanted && !kinds.has(KIND_OF[scopeType])) return [];
        const state = !wanted ? 'Disabling' : pool.phase === 'Creating' ? 'Enabling' : 'Enabled';
        return [{ scopeType, state }];
      }),
      ...(pool.parent ? { parent: pool.parent, root: pool.parent } : {}),
      ...(disk && Number.isFinite(disk.bytes)
        ? {
            storage: {
              capacity: `${Math.floor(disk.bytes / GIB)}Gi`,
              available: `${Math.max(Math.floor((disk.bytes - disk.stored) / GIB), 0)}Gi`,
            },
          }
        : {}),
    },
  };
}

const withDisk = (node: Node | undefined) => (node ? { rootVolume: rootVolume(node.diskBytes) } : {});

/** A node as answers show it. `told`: what admission says of it. */
export function nodeView(pool: Pool, node: Node, told: AnnouncedPool['nodes'][number] | undefined, address: string) {
  const left = told
    ? {
        vcpus: node.vcpus - told.used.vcpus,
        memoryBytes: node.memoryBytes - told.used.memoryBytes,
        gpus: node.gpus - told.used.gpus,
      }
    : node;
  const since = new Date(node.createdAt).toISOString();
  const taint = (key: string, effect: string) => ({ key, value: 'true', effect, timeAdded: since });
  return {
    apiVersion: 'v2',
    kind: 'Node',
    metadata: {
      name: node.name,
      creationTimestamp: since,
      labels: {
        'os.modelarts.node/cluster': pool.id,
        'os.modelarts/tenant.domain.id': pool.accountId,
        'os.modelarts/tenant.project.id': pool.projectId,
        'os.modelarts/resource.id': node.name,
        ...(node.redundant ? { 'os.modelarts.node/ha.redundant.enabled': 'true' } : {}),
      },
      annotations: node.locked ? { 'os.modelarts.node/locked.actions': 'delete' } : {},
    },
    spec: { flavor: node.flavor, rootVolume: rootVolume(node.diskBytes) },
    status: {
      phase: node.phase,
      ...(node.message ? { message: node.message } : {}),
      az: AZ,
      privateIp: address,
      resources: quantities(node),
      availableResources:
        node.phase === 'Available' ? quantities(left) : quantities({ vcpus: 0, memoryBytes: 0, gpus: 0 }),
      taints: [
        ...(node.cordon === 'isolated' ? [taint('node.atelier/isolated', 'NoSchedule')] : []),
        ...(node.cordon === 'draining' ? [taint('node.atelier/draining', 'NoExecute')] : []),
        ...(node.cordon === 'rebooting' ? [taint('node.atelier/rebooting', 'NoExecute')] : []),
        ...(node.redundant ? [taint('os.modelarts.node/ha.redundant', 'NoSchedule')] : []),
      ],
      workloads: told?.workloads ?? [],
    },
  };
}

/** Quantities as Kubernetes writes them. */
export function quantities({ vcpus, memoryBytes, gpus }: Demand): Record<string, string> {
  return {
    cpu: `${Math.round(vcpus * 1000)}m`,
    memory: `${Math.round(memoryBytes / MIB)}Mi`,
    ...(gpus > 0 ? { 'nvidia.com/gpu': String(gpus) } : {}),
  };
}

const TYPE_OF: Record<WorkloadKind, 'train' | 'infer' | 'notebook'> = {
  'training-job': 'train',
  'service-instance': 'infer',
  notebook: 'notebook',
};

export type WorkloadItem = ReturnType<typeof workloadView>;

/** What is in a pool, as answers show it (behaviour/resources.md 5). Durations in seconds, times in milliseconds. */
export function workloadView(workload: Workload, address: string, now: number) {
  const type = TYPE_OF[workload.kind];
  const { demand, tasks, admittedAt, submittedAt } = workload;
  const human = {
    cpu: `${round(demand.vcpus * tasks)} Cores`,
    memory: `${round((demand.memoryBytes * tasks) / GIB)} GiB`,
    ...(demand.gpus > 0 ? { 'nvidia.com/gpu': String(demand.gpus * tasks) } : {}),
  };
  const runs = workload.state === 'admitted' && admittedAt !== undefined;
  return {
    apiVersion: 'v2',
    kind: 'Workload',
    type,
    namespace: workload.pool,
    name: type === 'train' ? `modelarts-job-${workload.id}` : workload.id,
    jobName: workload.name,
    uid: workload.id,
    jobUUID: workload.id,
    status: runs ? 'Running' : 'Queue',
    resourceRequirement: human,
    priority: String(workload.priority),
    runningDuration: runs ? Math.max(Math.round((now - admittedAt) / 1000), 0) : 0,
    pendingDuration: Math.max(Math.round(((admittedAt ?? now) - submittedAt) / 1000), 0),
    pendingPosition: runs ? -1 : workload.position,
    ...(runs ? {} : { message: workload.reason }),
    createTime: submittedAt,
    hostIps: runs ? address : '',
    nodes: (workload.nodes ?? []).map(name => ({ name, hostIp: address, resourceRequirement: quantities(demand) })),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function eventView(event: PoolEvent) {
  const time = new Date(event.time).toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Event',
    type: event.type,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    reason: event.reason,
    message: event.message,
  };
}

export function orderView(order: Order) {
  const time = (at: number | null) => (at === null ? '' : new Date(at).toISOString());
  return {
    orderName: order.name,
    orderId: order.name,
    resourceName: order.pool_id,
    resourceDisplayName: order.pool_name,
    workspaceId: order.workspace_id,
    operation: order.operation,
    phase: order.phase,
    initCount: order.init_count,
    specCount: order.spec_count,
    resultCount: order.result_count,
    failReason: order.reason,
    creationTimestamp: time(order.created_at),
    beginTimestamp: time(order.created_at),
    endTimestamp: time(order.ended_at),
  };
}

/** One order in the SDK's words (reference modelarts.json, OrderDetailItem). */
export function orderDetail(order: Order) {
  const node = order.spec_count >= order.init_count ? 'createNode' : 'deleteNode';
  return {
    ...orderView(order),
    action: { apply: 'createPool', delete: 'deletePool', modify: node }[order.operation],
    status: { running: 'processing', successed: 'succeed', failed: 'failed' }[order.phase],
    updateTimestamp: new Date(order.ended_at ?? order.created_at).toISOString(),
    message: order.reason,
  };
}
