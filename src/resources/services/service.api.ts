import { ACT_BY_AGENCY } from '../../wire/needs.ts';
import {
  LONGEST_LIST,
  listAt,
  operation,
  type Reference,
  type RequestParts,
  textAt,
  valueAt,
  workspaceOfQuery,
} from '../../wire/operation.ts';
import { poolType } from '../../wire/pool-type.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';
import { metricOperations } from './metric.api.ts';
import { entry, listItem, schedule } from './parts.api.ts';

/** Wire states, with those of batch services (reference api 2.1). */
const STATUSES = [
  'running',
  'deploying',
  'concerning',
  'failed',
  'stopped',
  'finished',
  'stopping',
  'deleting',
  'pending',
  'waiting',
] as const;

const SERVICES = '/v1/{project_id}/services';
const SERVICE = `${SERVICES}/{service_id}` as const;
const text = Type.Optional(Type.String());
const number = Type.Optional(Type.Number());

const services = { family: 'services', errors: 'modelarts' } as const;
const target = { kind: 'service', param: 'service_id' } as const;

/** The models that a configuration deploys. */
function modelsOf(body: unknown): Reference[] {
  const ids = new Set(listAt(body, 'config').map(member => textAt(member, 'model_id')));
  const missing = { code: 'ModelArts.3507', status: 404 };
  return [...ids].flatMap(id =>
    id ? [{ kind: 'model', id, action: 'modelarts:model:get', why: 'to deploy it', missing }] : [],
  );
}

/**
 * The pool that a configuration runs in: what one of its members names, else what the service names. It is the public one as soon as one
 * member runs there.
 */
function poolOf(body: unknown): Record<string, unknown> {
  const named = (value: unknown) => [textAt(value, 'pool_name'), textAt(value, 'cluster_id')];
  const members = listAt(body, 'config');
  const types = (members.length > 0 ? members : [{}]).map(member => poolType(...named(member), ...named(body)));
  return types.find(type => type['modelarts:poolType'] === 'public') ?? types[0]!;
}

const updateBody = open({
  description: text,
  status: text,
  config: Type.Optional(Type.Array(entry, { maxItems: LONGEST_LIST })),
  schedule,
  load_balancer_policy: text,
  additional_properties: Type.Optional(anyObject),
  priority: Type.Optional(Type.Integer()),
});

/** Starting and stopping is another permission than changing (reference api: modelarts:service:action). */
const updateAction = {
  actions: ['modelarts:service:update', 'modelarts:service:action'],
  choose: ({ body }: RequestParts) =>
    body !== null && typeof body === 'object' && (body as { status?: unknown }).status !== undefined
      ? 'modelarts:service:action'
      : 'modelarts:service:update',
};

/** Changing and starting both lead to a deployment; where `status` is given the rest of the body counts for nothing. */
const updating = {
  action: updateAction,
  target,
  conditions: ({ body }: RequestParts) =>
    valueAt(body, 'status') === undefined && valueAt(body, 'config') !== undefined
      ? poolOf({ config: valueAt(body, 'config') })
      : {},
  needs: ({ body }: RequestParts) => (valueAt(body, 'status') === 'stopped' ? [] : [ACT_BY_AGENCY]),
  refers: ({ body }: RequestParts) => (valueAt(body, 'status') === undefined ? modelsOf(body) : []),
};

const create = operation({
  ...services,
  id: 'CreateService',
  summary: 'Deploys models as a real-time service; the deployment goes on in the background',
  method: 'POST',
  path: SERVICES,
  action: 'modelarts:service:create',
  workspace: ({ body }) => textAt(body, 'workspace_id'),
  conditions: ({ body }) => poolOf(body),
  needs: () => [ACT_BY_AGENCY],
  refers: ({ body }) => modelsOf(body),
  body: open({
    service_name: Type.String(),
    infer_type: oneOf(['real-time', 'batch', 'edge']),
    config: Type.Array(entry, { maxItems: LONGEST_LIST }),
    description: text,
    workspace_id: text,
    schedule,
    pool_name: text,
    cluster_id: text,
    vpc_id: text,
    subnet_network_id: text,
    security_group_id: text,
    load_balancer_policy: text,
    priority: Type.Optional(Type.Integer()),
    additional_properties: Type.Optional(anyObject),
  }),
  makes: { kind: 'service', id: 'service_id' },
  status: 200,
  response: open({ service_id: Type.String(), resource_ids: Type.Array(Type.String()) }),
});

const list = operation({
  ...services,
  id: 'ListServices',
  summary: 'Lists services; offset is a page index',
  method: 'GET',
  path: SERVICES,
  action: 'modelarts:service:list',
  workspace: workspaceOfQuery,
  query: open({
    service_id: text,
    service_name: text,
    model_id: text,
    cluster_id: text,
    workspace_id: text,
    infer_type: Type.Optional(oneOf(['real-time', 'batch', 'edge'])),
    status: Type.Optional(oneOf(STATUSES)),
    offset: queryInteger(0, 1_000_000, 0),
    limit: queryInteger(1, 1000, 1000),
    sort_by: Type.Optional(oneOf(['publish_at', 'service_name', 'transition_at'])),
    order: Type.Optional(oneOf(['asc', 'desc'])),
    tags: text,
  }),
  status: 200,
  response: open({ services: Type.Array(listItem), total_count: Type.Integer(), count: Type.Integer() }),
});

const show = operation({
  ...services,
  id: 'ShowService',
  summary: 'Shows a service with its models, instances and address',
  method: 'GET',
  path: SERVICE,
  action: 'modelarts:service:get',
  target,
  status: 200,
  response: Type.Intersect([
    listItem,
    open({
      config: Type.Array(
        open({
          model_id: Type.String(),
          model_name: Type.String(),
          model_version: Type.String(),
          weight: Type.Integer(),
          specification: Type.String(),
          instance_count: Type.Integer(),
          envs: anyObject,
          status: Type.String(),
          deploy_timeout_in_seconds: Type.Integer(),
          instances: Type.Array(open({ id: Type.String(), status: Type.String(), restarts: Type.Integer() })),
        }),
      ),
      error_msg: text,
      access_address: text,
      update_time: Type.Integer(),
      load_balancer_policy: text,
    }),
  ]),
});

const update = operation({
  ...services,
  id: 'UpdateService',
  summary: 'Starts or stops a service (status), or changes its description and configuration',
  method: 'PUT',
  path: SERVICE,
  ...updating,
  body: updateBody,
  status: 200,
  response: open({}),
});

const patch = operation({
  ...services,
  id: 'PatchServiceV2',
  summary: 'The same as UpdateService, with an answer of its own',
  method: 'PATCH',
  path: SERVICE,
  ...updating,
  body: updateBody,
  status: 200,
  response: open({ resource_ids: Type.String(), update_time: Type.String() }),
});

const remove = operation({
  ...services,
  id: 'DeleteService',
  summary: 'Deletes the services of a comma-separated list of ids',
  method: 'DELETE',
  path: SERVICE,
  action: 'modelarts:service:delete',
  target: { ...target, list: true },
  status: 200,
  response: open({}),
});

const specifications = operation({
  ...services,
  id: 'ShowServiceSpecifications',
  summary: 'Lists the flavors that services can use here',
  method: 'GET',
  path: `${SERVICES}/specifications`,
  action: 'modelarts:service:list',
  query: open({
    is_personal_cluster: Type.Optional(Type.Boolean()),
    infer_type: Type.Optional(oneOf(['real-time', 'batch'])),
    limit: text,
    offset: text,
  }),
  status: 200,
  response: open({
    total_count: Type.Integer(),
    count: Type.Integer(),
    specifications: Type.Array(
      open({
        specification: Type.String(),
        category: Type.String(),
        cpu_info: open({ arch: Type.String(), cpu: Type.Number() }),
        memory_info: open({ unit: Type.String(), memory: Type.Integer() }),
        is_open: Type.Boolean(),
        is_free: Type.Boolean(),
        over_quota: Type.Boolean(),
        spec_status: Type.String(),
        display_en: Type.String(),
      }),
    ),
  }),
});

const monitor = operation({
  ...services,
  id: 'ShowServiceMonitorInfo',
  summary: 'Shows calls and the use of CPU and memory per model',
  method: 'GET',
  path: `${SERVICE}/monitor`,
  action: 'modelarts:service:getMonitor',
  target,
  query: open({ node_id: text }),
  status: 200,
  response: open({
    service_id: Type.String(),
    service_name: Type.String(),
    monitors: Type.Array(
      open({
        model_id: Type.String(),
        model_name: Type.String(),
        model_version: Type.String(),
        invocation_times: Type.Integer(),
        failed_times: Type.Integer(),
        cpu_core_usage: Type.Number(),
        cpu_core_total: Type.Number(),
        cpu_memory_usage: Type.Integer(),
        cpu_memory_total: Type.Integer(),
        model_running_instance_count: Type.Integer(),
        model_instance_count: Type.Integer(),
      }),
    ),
    service_running_instance_count: Type.Integer(),
    service_instance_count: Type.Integer(),
    req_count_per_min: Type.Integer(),
  }),
});

const updateLogs = operation({
  ...services,
  id: 'ShowServiceUpdateLogs',
  summary: 'Shows the history of configurations',
  method: 'GET',
  path: `${SERVICE}/logs`,
  action: 'modelarts:service:getLogs',
  target,
  query: open({ update_time: number }),
  status: 200,
  response: open({
    service_id: Type.String(),
    service_name: Type.String(),
    logs: Type.Array(
      open({
        update_time: Type.Integer(),
        result: oneOf(['SUCCESS', 'FAIL', 'RUNNING']),
        config: Type.Array(anyObject),
      }),
    ),
  }),
});

const events = operation({
  ...services,
  id: 'ShowServiceEvents',
  summary: 'Lists the events of a service',
  method: 'GET',
  path: `${SERVICE}/events`,
  action: 'modelarts:service:getEvents',
  target,
  query: open({
    event_type: Type.Optional(oneOf(['normal', 'abnormal'])),
    event_info: text,
    start_time: number,
    end_time: number,
    offset: queryInteger(0, 1_000_000, 0),
    limit: queryInteger(1, 1000, 1000),
    sort_by: Type.Optional(oneOf(['occur_time'])),
    order: Type.Optional(oneOf(['asc', 'desc'])),
  }),
  status: 200,
  response: open({
    service_id: Type.String(),
    service_name: Type.String(),
    total_count: Type.Integer(),
    count: Type.Integer(),
    events: Type.Array(
      open({ event_type: oneOf(['normal', 'abnormal']), event_info: Type.String(), occur_time: Type.Integer() }),
    ),
  }),
});

const runtimeLogs = operation({
  ...services,
  id: 'ShowServiceRuntimeLogs',
  summary: 'Shows what the containers of a service wrote, instance by instance (an extension of ours)',
  method: 'GET',
  path: `${SERVICE}/runtime-logs`,
  action: 'modelarts:service:getLogs',
  target,
  query: open({
    model_id: text,
    instance_id: text,
    tail_lines: queryInteger(1, 10_000, 1000),
    /** Only lines after this time; digits, nanoseconds since the epoch, as `time` of a line gives it. */
    since: Type.Optional(Type.String({ pattern: '^\\d{1,20}$' })),
  }),
  status: 200,
  response: open({
    service_id: Type.String(),
    service_name: Type.String(),
    instances: Type.Array(
      open({
        instance_id: Type.String(),
        model_id: Type.String(),
        model_name: Type.String(),
        model_version: Type.String(),
        status: Type.String(),
        lines: Type.Array(open({ time: Type.String(), stream: oneOf(['stdout', 'stderr']), text: Type.String() })),
      }),
    ),
  }),
});

const endpoints = operation({
  ...services,
  id: 'ListPredictEndpoints',
  summary: 'Lists the addresses of the instances, for calls from inside the network',
  method: 'GET',
  path: `${SERVICE}/predict/endpoints`,
  action: 'modelarts:service:get',
  target,
  query: open({ type: Type.Optional(oneOf(['host_endpoints'])) }),
  status: 200,
  response: open({
    endpoints: Type.Array(
      open({
        type: Type.String(),
        deploy_infos: Type.Array(
          open({
            model_id: Type.String(),
            version: Type.String(),
            weight: Type.Integer(),
            endpoints: Type.Array(open({ schema: Type.String(), ip: Type.String(), port: Type.Integer() })),
          }),
        ),
      }),
    ),
  }),
});

export const serviceApis = {
  create,
  list,
  show,
  update,
  patch,
  remove,
  specifications,
  monitor,
  updateLogs,
  events,
  runtimeLogs,
  endpoints,
};

/** All operations of the family. */
export const servicesOperations = [...Object.values(serviceApis), ...metricOperations];
