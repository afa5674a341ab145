import { ACT_BY_AGENCY, directoryAt, obsNeed } from '../../wire/needs.ts';
import { asDirectory, splitObsPath } from '../../wire/obs-resource.ts';
import { listAt, type Need, operation, textAt, valueAt } from '../../wire/operation.ts';
import { poolType } from '../../wire/pool-type.ts';
import { anyObject, nullable, open, queryInteger, type Static, Type } from '../../wire/schema.ts';
import { oneJob, training } from './common.api.ts';

const text = Type.Optional(nullable(Type.String()));
const flag = Type.Optional(nullable(Type.Boolean()));
const object = Type.Optional(nullable(anyObject));
const amount = Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 100_000 })));

// As in algorithms; an API's declaration stands alone, so that clients can load it without the server.
const parameterSchema = open({
  name: Type.String(),
  value: text,
  description: text,
  i18n_description: Type.Optional(Type.Unknown()),
  constraint: Type.Optional(
    nullable(
      open({
        type: text,
        editable: flag,
        required: flag,
        sensitive: flag,
        valid_type: text,
        valid_range: Type.Optional(nullable(Type.Array(Type.String()))),
      }),
    ),
  ),
});
const engineSchema = open({ engine_id: text, engine_name: text, engine_version: text, image_url: text });

const obs = Type.Optional(nullable(open({ obs_url: Type.Optional(Type.String()) })));
const channel = {
  name: Type.String(),
  description: text,
  local_dir: text,
  access_method: text,
  remote: Type.Optional(nullable(open({ obs, dataset: object }))),
};

const jobBody = open({
  kind: text,
  metadata: open({
    name: Type.String(),
    description: text,
    workspace_id: text,
    annotations: Type.Optional(nullable(Type.Record(Type.String(), Type.String()))),
  }),
  algorithm: Type.Optional(
    nullable(
      open({
        id: text,
        name: text,
        subscription_id: text,
        item_version_id: text,
        code_dir: text,
        boot_file: text,
        command: text,
        engine: Type.Optional(nullable(engineSchema)),
        parameters: Type.Optional(nullable(Type.Array(parameterSchema, { maxItems: 200 }))),
        inputs: Type.Optional(nullable(Type.Array(open(channel), { maxItems: 100 }))),
        outputs: Type.Optional(nullable(Type.Array(open({ ...channel, prefetch_to_local: flag }), { maxItems: 100 }))),
        environments: Type.Optional(nullable(Type.Record(Type.String(), Type.String()))),
        local_code_dir: text,
        working_dir: text,
        policies: object,
        summary: object,
      }),
    ),
  ),
  spec: Type.Optional(
    nullable(
      open({
        resource: Type.Optional(
          nullable(
            open({
              flavor_id: text,
              pool_id: text,
              node_count: Type.Optional(nullable(Type.Integer())),
              main_container_customized_flavor: Type.Optional(
                nullable(open({ cpu_core_num: amount, mem_size: amount, accelerator_num: amount })),
              ),
            }),
          ),
        ),
        volumes: Type.Optional(
          nullable(
            Type.Array(
              open({
                nfs: Type.Optional(
                  nullable(
                    open({
                      nfs_server_path: text,
                      local_path: text,
                      read_only: Type.Optional(nullable(Type.Boolean())),
                    }),
                  ),
                ),
                pfs: object,
                obs: object,
              }),
              { maxItems: 100 },
            ),
          ),
        ),
        log_export_path: Type.Optional(nullable(open({ obs_url: text, host_path: text }))),
        auto_stop: Type.Optional(nullable(open({ time_unit: text, duration: Type.Optional(Type.Number()) }))),
        schedule_policy: object,
        notification: object,
      }),
    ),
  ),
  endpoints: object,
});

export type JobBody = Static<typeof jobBody>;

/**
 * What a job does by the agency its owner must be allowed too, as far as the request tells (docs/decisions/0010). Directories stand for
 * what is below them.
 */
function jobNeeds(body: unknown): Need[] {
  const code = directoryAt(textAt(body, 'algorithm', 'code_dir'));
  const channel = (member: unknown) => {
    const url = textAt(member, 'remote', 'obs', 'obs_url');
    return { name: textAt(member, 'name')?.slice(0, 64), path: url === undefined ? undefined : splitObsPath(url) };
  };
  const inputs = listAt(body, 'algorithm', 'inputs').map(channel);
  const outputs = listAt(body, 'algorithm', 'outputs').map(channel);
  const logs = directoryAt(textAt(body, 'spec', 'log_export_path', 'obs_url'));
  return [
    ACT_BY_AGENCY,
    ...obsNeed('obs:object:GetObject', code, 'to read the code of [code_dir]'),
    ...inputs.flatMap(({ name, path }) => obsNeed('obs:object:GetObject', path, `to read the input ${name}`)),
    ...outputs.flatMap(({ name, path }) =>
      obsNeed('obs:object:PutObject', path && asDirectory(path), `to write the output ${name}`),
    ),
    ...obsNeed('obs:object:PutObject', logs, 'to export the logs to [log_export_path]'),
    ...priorityNeeds(body),
  ];
}

function priorityNeeds(body: unknown): Need[] {
  const highest = valueAt(body, 'spec', 'schedule_policy', 'priority') === 3;
  return highest ? [{ action: 'modelarts:trainJob:setHighPriority', why: 'to choose priority 3' }] : [];
}

const jobResponse = open({
  kind: Type.String(),
  metadata: open({
    id: Type.String(),
    name: Type.String(),
    description: Type.String(),
    workspace_id: Type.String(),
    create_time: Type.Integer(),
    user_name: Type.String(),
    annotations: Type.Record(Type.String(), Type.String()),
  }),
  status: open({
    phase: Type.String(),
    secondary_phase: Type.String(),
    duration: Type.Integer(),
    start_time: Type.Integer(),
    tasks: Type.Array(Type.String()),
    node_count_metrics: Type.Array(Type.Array(Type.Integer())),
    task_statuses: Type.Array(
      open({ task: Type.String(), exit_code: Type.Optional(Type.Integer()), message: Type.String() }),
    ),
    running_records: Type.Array(open({ start_at: Type.Integer(), start_type: Type.String() })),
    message: Type.Optional(Type.String()),
    queue: Type.Optional(
      open({
        position: Type.Integer(),
        reason_code: Type.String(),
        reason: Type.String(),
        submitted_at: Type.Integer(),
        estimated_start: Type.Optional(Type.Integer()),
      }),
    ),
  }),
  algorithm: anyObject,
  spec: anyObject,
  endpoints: anyObject,
});

const invalid = { code: 'ModelArts.2788', status: 400 };
const invalidQuery = { code: 'ModelArts.2764', status: 400 };
const jobPath = '/v2/{project_id}/training-jobs/{training_job_id}';

export const createTrainingJob = operation({
  ...training,
  id: 'CreateTrainingJob',
  summary: 'Create a training job',
  method: 'POST',
  path: '/v2/{project_id}/training-jobs',
  action: 'modelarts:trainJob:create',
  workspace: ({ body }) => textAt(body, 'metadata', 'workspace_id'),
  conditions: ({ body }) => poolType(textAt(body, 'spec', 'resource', 'pool_id')),
  needs: ({ body }) => jobNeeds(body),
  refers: ({ body }) => {
    const id = textAt(body, 'algorithm', 'id');
    const missing = { code: 'ModelArts.2755', status: 400 };
    return id ? [{ kind: 'algorithm', id, action: 'modelarts:aiAlgorithm:get', why: 'to run it', missing }] : [];
  },
  body: jobBody,
  makes: { kind: 'training-job', id: 'metadata.id' },
  status: 201,
  response: jobResponse,
  invalid,
});

/** An operation of this platform's own: what creating would refuse is told before anything is created. */
export const checkTrainingJob = operation({
  ...createTrainingJob,
  id: 'CheckTrainingJob',
  summary: 'Check the request for a training job: code, boot file, inputs, outputs, flavor, permissions',
  path: '/v2/{project_id}/training-job-checks',
  makes: undefined,
  readOnly: true,
  status: 200,
  response: open({ ready: Type.Boolean() }),
});

export const listTrainingJobs = operation({
  ...training,
  id: 'ListTrainingJobs',
  summary: 'Search training jobs; offset is the index of the page',
  method: 'POST',
  path: '/v2/{project_id}/training-job-searches',
  action: 'modelarts:trainJob:list',
  workspace: ({ body }) => textAt(body, 'workspace_id'),
  body: open({
    offset: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: 10_000_000 }))),
    limit: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 50 }))),
    sort_by: text,
    order: Type.Optional(nullable(Type.Enum(['asc', 'desc']))),
    group_by: text,
    workspace_id: text,
    filters: Type.Optional(
      nullable(
        Type.Array(
          open({
            key: Type.String(),
            operator: Type.String(),
            value: Type.Array(Type.Union([Type.String(), Type.Number()]), { maxItems: 100 }),
          }),
          { maxItems: 20 },
        ),
      ),
    ),
  }),
  bodyOptional: true,
  status: 200,
  response: open({
    total: Type.Integer(),
    count: Type.Integer(),
    limit: Type.Integer(),
    offset: Type.Integer(),
    sort_by: Type.String(),
    order: Type.String(),
    group_by: Type.String(),
    workspace_id: Type.String(),
    ai_project: Type.String(),
    items: Type.Array(jobResponse),
  }),
  invalid,
});

export const showTrainingJob = operation({
  ...oneJob,
  id: 'ShowTrainingJobDetails',
  summary: 'Show a training job',
  method: 'GET',
  path: jobPath,
  action: 'modelarts:trainJob:get',
  status: 200,
  response: jobResponse,
});

export const changeTrainingJob = operation({
  ...oneJob,
  id: 'ChangeTrainingJobDescription',
  summary: 'Change the description of a training job, or the priority of one that waits',
  method: 'PUT',
  path: jobPath,
  action: 'modelarts:trainJob:update',
  needs: ({ body }) => priorityNeeds(body),
  body: open({
    description: text,
    spec: Type.Optional(
      nullable(
        open({
          schedule_policy: Type.Optional(nullable(open({ priority: Type.Optional(nullable(Type.Integer())) }))),
        }),
      ),
    ),
  }),
  status: 200,
  response: Type.Null(),
  invalid,
});

export const deleteTrainingJob = operation({
  ...oneJob,
  id: 'DeleteTrainingJob',
  summary: 'Delete a training job; an active one is stopped first',
  method: 'DELETE',
  path: jobPath,
  action: 'modelarts:trainJob:delete',
  status: 202,
  response: Type.String(),
});

export const stopTrainingJob = operation({
  ...oneJob,
  id: 'StopTrainingJob',
  summary: 'Terminate a training job',
  method: 'POST',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/actions',
  action: 'modelarts:trainJob:update',
  body: open({ action_type: Type.String() }),
  status: 202,
  response: jobResponse,
  invalid,
});

export const listTrainingJobTasks = operation({
  ...oneJob,
  id: 'ListTrainingJobTasks',
  summary: 'List the tasks of a training job',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/tasks',
  action: 'modelarts:trainJob:get',
  query: open({ schedule_count: queryInteger(0, 1000) }),
  status: 200,
  response: Type.Array(
    open({ task: Type.String(), ip: Type.String(), host_ip: Type.String(), schedule_count: Type.Integer() }),
  ),
  invalid: invalidQuery,
});

export const listTrainingJobStages = operation({
  ...oneJob,
  id: 'ListTrainingJobStages',
  summary: 'List the stages a training job went through',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/stages',
  action: 'modelarts:trainJob:get',
  status: 200,
  response: open({ total_count: Type.Integer(), running_records: Type.Array(anyObject) }),
});

export const listTrainingJobEvents = operation({
  ...oneJob,
  id: 'ListTrainingJobEvents',
  summary: 'List the events of a training job',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/events',
  action: 'modelarts:trainJob:get',
  query: open({
    offset: queryInteger(0, 1_000_000, 0),
    limit: queryInteger(1, 100, 50),
    order: Type.Optional(Type.Enum(['asc', 'desc'])),
    start_time: queryInteger(0, Number.MAX_SAFE_INTEGER),
    end_time: queryInteger(0, Number.MAX_SAFE_INTEGER),
    level: Type.Optional(Type.Enum(['Info', 'Error', 'Warning'])),
    pattern: Type.Optional(Type.String({ maxLength: 256 })),
    source: Type.Optional(Type.Enum(['K8S', 'Job', 'Task'])),
  }),
  status: 200,
  response: open({
    total: Type.Integer(),
    limit: Type.Integer(),
    offset: Type.Integer(),
    order: Type.String(),
    events: Type.Array(
      open({ message: Type.String(), level: Type.String(), time: Type.String(), source: Type.String() }),
    ),
  }),
  invalid: invalidQuery,
});

export const showTrainingJobMetrics = operation({
  ...oneJob,
  id: 'ShowTrainingJobMetrics',
  summary: 'Show the use of resources of a task, one averaged sample per minute',
  method: 'GET',
  path: '/v2/{project_id}/training-jobs/{training_job_id}/metrics/{task_id}',
  action: 'modelarts:trainJob:get',
  status: 200,
  response: open({ metrics: Type.Array(open({ metric: Type.String(), value: Type.Array(Type.Number()) })) }),
});
