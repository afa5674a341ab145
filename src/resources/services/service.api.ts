import { operation, type RequestParts } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';
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

const updateBody = open({
  description: text,
  status: text,
  config: Type.Optional(Type.Array(entry)),
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

const create = operation({
  id: 'CreateService',
  family: 'services',
  summary: 'Deploys models as a real-time service; the deployment goes on in the background',
  method: 'POST',
  path: SERVICES,
  action: 'modelarts:service:create',
  body: open({
    service_name: Type.String(),
    infer_type: oneOf(['real-time', 'batch', 'edge']),
    config: Type.Array(entry),
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
  errors: 'modelarts',
});

const list = operation({
  id: 'ListServices',
  family: 'services',
  summary: 'Lists services; offset is a page index',
  method: 'GET',
  path: SERVICES,
  action: 'modelarts:service:list',
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
  errors: 'modelarts',
});

const show = operation({
  id: 'ShowService',
  family: 'services',
  summary: 'Shows a service with its models, instances and address',
  method: 'GET',
  path: SERVICE,
  action: 'modelarts:service:get',
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
  errors: 'modelarts',
});

const update = operation({
  id: 'UpdateService',
  family: 'services',
  summary: 'Starts or stops a service (status), or changes its description and configuration',
  method: 'PUT',
  path: SERVICE,
  action: updateAction,
  body: updateBody,
  status: 200,
  response: open({}),
  errors: 'modelarts',
});

const patch = operation({
  id: 'PatchServiceV2',
  family: 'services',
  summary: 'The same as UpdateService, with an answer of its own',
  method: 'PATCH',
  path: SERVICE,
  action: updateAction,
  body: updateBody,
  status: 200,
  response: open({ resource_ids: Type.String(), update_time: Type.String() }),
  errors: 'modelarts',
});

const remove = operation({
  id: 'DeleteService',
  family: 'services',
  summary: 'Deletes the services of a comma-separated list of ids',
  method: 'DELETE',
  path: SERVICE,
  action: 'modelarts:service:delete',
  status: 200,
  response: open({}),
  errors: 'modelarts',
});

const specifications = operation({
  id: 'ShowServiceSpecifications',
  family: 'services',
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
  errors: 'modelarts',
});

const monitor = operation({
  id: 'ShowServiceMonitorInfo',
  family: 'services',
  summary: 'Shows calls and the use of CPU and memory per model',
  method: 'GET',
  path: `${SERVICE}/monitor`,
  action: 'modelarts:service:getMonitor',
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
  errors: 'modelarts',
});

const updateLogs = operation({
  id: 'ShowServiceUpdateLogs',
  family: 'services',
  summary: 'Shows the history of configurations',
  method: 'GET',
  path: `${SERVICE}/logs`,
  action: 'modelarts:service:getLogs',
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
  errors: 'modelarts',
});

const events = operation({
  id: 'ShowServiceEvents',
  family: 'services',
  summary: 'Lists the events of a service',
  method: 'GET',
  path: `${SERVICE}/events`,
  action: 'modelarts:service:getEvents',
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
  errors: 'modelarts',
});

const runtimeLogs = operation({
  id: 'ShowServiceRuntimeLogs',
  family: 'services',
  summary: 'Shows what the containers of a service wrote, instance by instance (an extension of ours)',
  method: 'GET',
  path: `${SERVICE}/runtime-logs`,
  action: 'modelarts:service:getLogs',
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
  errors: 'modelarts',
});

const endpoints = operation({
  id: 'ListPredictEndpoints',
  family: 'services',
  summary: 'Lists the addresses of the instances, for calls from inside the network',
  method: 'GET',
  path: `${SERVICE}/predict/endpoints`,
  action: 'modelarts:service:get',
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
  errors: 'modelarts',
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
export const servicesOperations = Object.values(serviceApis);
