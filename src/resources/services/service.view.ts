import type { Flavor } from './service.service.ts';
import { shownSize } from './service.size.ts';
import { type EntryConfig, type Instance, isHealthy, type Revision, type Service, shapeOf } from './service.ts';

export interface Calls {
  calls: number;
  failed: number;
}

/** A service as the list shows it. */
export function serviceListItem(service: Service, calls: Calls) {
  return {
    service_id: service.id,
    service_name: service.name,
    description: service.description,
    infer_type: 'real-time',
    status: service.status,
    progress: service.progress,
    owner: service.ownerId,
    tenant: service.accountId,
    project: service.projectId,
    workspace_id: service.workspaceId,
    publish_at: service.publishAt,
    transition_at: service.transitionAt,
    operation_time: service.operationAt,
    ...(service.startTime === undefined ? {} : { start_time: service.startTime }),
    ...(service.dueAt === undefined ? {} : { due_time: service.dueAt }),
    invocation_times: calls.calls,
    failed_times: calls.failed,
    schedule: service.schedule as unknown as Record<string, unknown>[],
    additional_properties: service.additionalProperties,
    is_shared: false,
    shared_count: 0,
    is_free: false,
  };
}

/** A service in full. `base`: the gateway's URL, whose path under it is the service's address. */
export function serviceDetail(input: {
  service: Service;
  revision: Revision;
  instances: readonly Instance[];
  calls: Calls;
  base: string;
}) {
  const { service, revision, instances, calls } = input;
  return {
    ...serviceListItem(service, calls),
    config: revision.entries.map(entry => entryDetail(service, entry, instances)),
    ...(service.errorMessage && service.status !== 'running' ? { error_msg: service.errorMessage } : {}),
    ...(service.active !== undefined && service.desired === 'running'
      ? { access_address: `${input.base}/v1/infers/${service.id}` }
      : {}),
    update_time: service.updatedAt,
    ...(service.loadBalancerPolicy ? { load_balancer_policy: service.loadBalancerPolicy } : {}),
  };
}

function entryDetail(service: Service, entry: EntryConfig, instances: readonly Instance[]) {
  const mine = instances.filter(instance => instance.shape === shapeOf(entry) && instance.phase !== 'leaving');
  const healthy = mine.filter(isHealthy).length;
  return {
    ...entryConfig(entry),
    source_type: '',
    status: healthy >= entry.instanceCount ? 'ready' : healthy > 0 ? 'concerning' : entryStatus(service),
    scaling: false,
    support_debug: false,
    running_instance_count: healthy,
    instances: mine.map(instance => ({
      id: instance.id,
      status: isHealthy(instance) ? 'ready' : instance.phase === 'ready' ? 'unhealthy' : instance.phase,
      restarts: instance.attempt - 1,
      ...(instance.note ? { reason: instance.note } : {}),
    })),
  };
}

function entryStatus(service: Service): string {
  return service.status === 'stopped' || service.status === 'failed' ? service.status : 'notReady';
}

/** An entry of a configuration, as details and update history show it. */
export function entryConfig(entry: EntryConfig) {
  return {
    model_id: entry.modelId,
    model_name: entry.modelName,
    model_version: entry.modelVersion,
    weight: entry.weight,
    ...shownSize(entry.specification),
    ...(entry.poolId ? { pool_name: entry.poolId, cluster_id: entry.poolId } : {}),
    instance_count: entry.instanceCount,
    envs: entry.envs as Record<string, unknown>,
    deploy_timeout_in_seconds: entry.deployTimeoutSeconds,
    additional_properties: entry.additionalProperties ?? {},
  };
}

/** A flavor as services name it. */
export function specification(flavor: Flavor) {
  return {
    specification: flavor.id,
    category: flavor.type,
    billing_spec: flavor.id,
    cpu_info: { arch: 'x86', cpu: flavor.vcpus },
    memory_info: { unit: 'MB', memory: Math.round(flavor.memoryBytes / 1024 ** 2) },
    ...(flavor.gpus > 0 ? { gpu_info: { gpu: flavor.gpus, unit: 'MB' } } : {}),
    is_open: true,
    is_free: false,
    over_quota: false,
    spec_status: 'normal',
    source_type: '',
    extend_params: 1,
    display_en: flavor.name,
    display_cn: flavor.name,
  };
}

/** The instances' addresses, for calls that do not pass the gateway. */
export function endpointsView(revision: Revision, instances: readonly Instance[]) {
  return {
    endpoints: [
      {
        type: 'host_endpoints',
        deploy_infos: revision.entries.map(entry => ({
          model_id: entry.modelId,
          version: entry.modelVersion,
          weight: entry.weight,
          endpoints: instances
            .filter(instance => instance.shape === shapeOf(entry) && isHealthy(instance) && instance.host !== undefined)
            .map(instance => ({ schema: 'http', ip: instance.host!, port: instance.port! })),
        })),
      },
    ],
  };
}
