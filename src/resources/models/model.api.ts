import { ACT_BY_AGENCY, obsNeed } from '../../wire/needs.ts';
import { directoryOfLocation } from '../../wire/obs-resource.ts';
import { type Need, operation, textAt, workspaceOfQuery } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const MODELS = '/v1/{project_id}/models';
const invalid = { code: 'ModelArts.3037', status: 400 };
const text = Type.Optional(Type.String());
const models = { family: 'models', errors: 'modelarts' } as const;
const target = { kind: 'model', param: 'model_id' } as const;

/** Importing reads a package for the caller, so the caller must be allowed to read it too. */
function packageNeeds(body: unknown): Need[] {
  const place = directoryOfLocation(textAt(body, 'source_location') ?? '');
  if (typeof place === 'string') return [];
  const why = 'to read the model package of [source_location]';
  return ['obs:bucket:ListBucket', 'obs:object:GetObject'].flatMap(action => obsNeed(action, place, why));
}

const dependency = open({
  installer: text,
  packages: Type.Optional(Type.Array(open({ package_name: text, package_version: text, restraint: text }))),
});

const modelApi = open({
  url: text,
  method: text,
  protocol: text,
  input_params: Type.Optional(Type.Unknown()),
  output_params: Type.Optional(Type.Unknown()),
});

const inferParam = open({
  url: Type.String(),
  method: Type.String(),
  protocol: Type.String(),
  param_name: Type.String(),
  param_type: text,
  param_desc: text,
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
});

const guideDoc = open({ doc_name: text, doc_url: text });

const specification = open({ min_cpu: text, min_gpu: text, min_memory: text });

const listItem = open({
  model_id: Type.String(),
  model_name: Type.String(),
  model_version: Type.String(),
  model_type: Type.String(),
  model_status: Type.String(),
  description: Type.String(),
  owner: Type.String(),
  project: Type.String(),
  tenant: Type.String(),
  workspace_id: Type.String(),
  model_source: Type.String(),
  source_type: Type.String(),
  source_copy: Type.String(),
  install_type: Type.Array(Type.String()),
  model_size: Type.Integer(),
  create_at: Type.Integer(),
  market_flag: Type.Boolean(),
  tunable: Type.Boolean(),
  publishable_flag: Type.Boolean(),
  specification: Type.Optional(specification),
});

const create = operation({
  ...models,
  id: 'CreateModel',
  summary: 'Creates a model from a training job or from a directory of OBS; the import goes on in the background',
  method: 'POST',
  path: MODELS,
  action: 'modelarts:model:create',
  workspace: ({ body }) => textAt(body, 'workspace_id'),
  needs: ({ body }) => [ACT_BY_AGENCY, ...packageNeeds(body)],
  refers: ({ body }) => {
    const id = textAt(body, 'source_job_id');
    const missing = { code: 'ModelArts.2775', status: 400 };
    const why = 'to take what it made';
    return id ? [{ kind: 'training-job', id, action: 'modelarts:trainJob:get', why, missing }] : [];
  },
  body: open({
    model_name: Type.String(),
    model_version: Type.String(),
    model_type: text,
    source_location: text,
    source_job_id: text,
    source_job_version: text,
    source_copy: Type.Optional(Type.Union([oneOf(['true', 'false']), Type.Boolean()])),
    source_type: text,
    runtime: text,
    execution_code: text,
    initial_config: text,
    model_algorithm: text,
    model_metrics: text,
    description: text,
    model_docs: Type.Optional(Type.Array(guideDoc, { maxItems: 3 })),
    install_type: Type.Optional(Type.Array(oneOf(['real-time', 'realtime', 'batch', 'edge']))),
    workspace_id: text,
    apis: Type.Optional(Type.Array(modelApi)),
    input_params: Type.Optional(Type.Array(inferParam)),
    output_params: Type.Optional(Type.Array(inferParam)),
    dependencies: Type.Optional(Type.Array(dependency)),
    template: Type.Optional(anyObject),
  }),
  makes: { kind: 'model', id: 'model_id' },
  status: 200,
  response: open({ model_id: Type.String() }),
  invalid,
});

const list = operation({
  ...models,
  id: 'ListModels',
  summary: 'Lists models; offset is a page index',
  method: 'GET',
  path: MODELS,
  action: 'modelarts:model:list',
  workspace: workspaceOfQuery,
  query: open({
    model_name: text,
    exact_match: Type.Optional(Type.Boolean()),
    model_version: text,
    model_status: Type.Optional(oneOf(['publishing', 'published', 'failed', 'building', 'building_failed'])),
    description: text,
    offset: queryInteger(0, 1_000_000, 0),
    limit: queryInteger(1, 1000, 1000),
    sort_by: Type.Optional(oneOf(['create_at', 'model_version', 'model_size'])),
    order: Type.Optional(oneOf(['asc', 'desc'])),
    workspace_id: text,
    model_type: text,
    not_model_type: text,
  }),
  status: 200,
  response: open({ models: Type.Array(listItem), total_count: Type.Integer(), count: Type.Integer() }),
  invalid,
});

const runtimes = operation({
  ...models,
  id: 'ShowModelEngineAndRuntime',
  summary: 'Lists the AI engines and runtimes that models can use',
  method: 'GET',
  path: `${MODELS}/ai-engine-runtimes`,
  action: 'modelarts:model:list',
  query: open({ limit: text, offset: text }),
  status: 200,
  response: open({
    count: Type.Integer(),
    total_count: Type.Integer(),
    engine_runtimes: Type.Array(
      open({
        ai_engine: Type.String(),
        runtimes: Type.Array(Type.String()),
        request_mode: Type.Array(Type.String()),
        accelerators: Type.Array(open({ type: Type.String(), name: text })),
        arch: Type.Array(Type.String()),
        status_list: Type.Array(Type.String()),
        image_source: Type.Array(Type.String()),
      }),
    ),
  }),
  invalid,
});

const show = operation({
  ...models,
  id: 'ShowModel',
  summary: 'Shows a model; apis, config and model_metrics are JSON texts',
  method: 'GET',
  path: `${MODELS}/{model_id}`,
  action: 'modelarts:model:get',
  target,
  status: 200,
  response: Type.Intersect([
    listItem,
    open({
      source_location: text,
      source_job_id: text,
      source_job_version: text,
      model_algorithm: text,
      runtime: text,
      execution_code: text,
      apis: text,
      config: text,
      model_metrics: text,
      schema_doc: text,
      image_address: text,
      cmd: text,
      model_docs: Type.Optional(Type.Array(guideDoc)),
      input_params: Type.Optional(Type.Array(open({}))),
      output_params: Type.Optional(Type.Array(open({}))),
      dependencies: Type.Optional(Type.Array(dependency)),
      health: Type.Optional(anyObject),
      model_labels: Type.Optional(Type.Array(Type.String())),
      labels_map: Type.Optional(anyObject),
      error_msg: text,
    }),
  ]),
});

const remove = operation({
  ...models,
  id: 'DeleteModel',
  summary: 'Deletes a model, or with cascade all versions of its name; several ids may be given, separated by commas',
  method: 'DELETE',
  path: `${MODELS}/{model_id}`,
  action: 'modelarts:model:delete',
  target: { ...target, list: true },
  query: open({ cascade: Type.Optional(Type.Boolean()) }),
  status: 200,
  response: open({
    delete_success_list: Type.Array(Type.String()),
    delete_failed_list: Type.Array(
      open({ model_id: Type.String(), error_code: Type.String(), error_msg: Type.String() }),
    ),
  }),
  invalid,
});

const events = operation({
  ...models,
  id: 'ListModelEvents',
  summary: 'Lists the events of a model, oldest first',
  method: 'GET',
  path: `${MODELS}/{model_id}/events`,
  action: 'modelarts:model:get',
  target,
  status: 200,
  response: open({
    model_id: Type.String(),
    model_name: Type.String(),
    total_count: Type.Integer(),
    count: Type.Integer(),
    events: Type.Array(
      open({ occur_time: Type.Integer(), event_type: oneOf(['normal', 'abnormal']), event_info: Type.String() }),
    ),
  }),
});

export const modelApis = { create, list, runtimes, show, remove, events };

/** All operations of the family. */
export const modelsOperations = [create, list, runtimes, show, remove, events];
