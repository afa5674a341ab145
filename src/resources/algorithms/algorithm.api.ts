import { operation, textAt, workspaceOfQuery } from '../../wire/operation.ts';
import { anyObject, nullable, open, queryInteger, type Static, Type } from '../../wire/schema.ts';

const text = Type.Optional(nullable(Type.String()));

const parameterSchema = open({
  name: Type.String(),
  value: text,
  description: text,
  i18n_description: Type.Optional(Type.Unknown()),
  constraint: Type.Optional(
    nullable(
      open({
        type: text,
        editable: Type.Optional(Type.Boolean()),
        required: Type.Optional(Type.Boolean()),
        sensitive: Type.Optional(Type.Boolean()),
        valid_type: text,
        valid_range: Type.Optional(nullable(Type.Array(Type.String()))),
      }),
    ),
  ),
});

const engineSchema = open({ engine_id: text, engine_name: text, engine_version: text, image_url: text });

const channel = open({
  name: Type.String(),
  description: text,
  access_method: text,
  prefetch_to_local: Type.Optional(nullable(Type.Boolean())),
  remote_constraints: Type.Optional(nullable(Type.Array(anyObject))),
});

const algorithmBody = open({
  metadata: open({ name: Type.String(), description: text, workspace_id: text }),
  job_config: Type.Optional(
    nullable(
      open({
        code_dir: text,
        boot_file: text,
        command: text,
        engine: Type.Optional(nullable(engineSchema)),
        parameters: Type.Optional(nullable(Type.Array(parameterSchema, { maxItems: 200 }))),
        parameters_customization: Type.Optional(nullable(Type.Boolean())),
        inputs: Type.Optional(nullable(Type.Array(channel, { maxItems: 100 }))),
        outputs: Type.Optional(nullable(Type.Array(channel, { maxItems: 100 }))),
      }),
    ),
  ),
  resource_requirements: Type.Optional(
    nullable(
      Type.Array(
        open({
          key: Type.String(),
          value: Type.Optional(Type.Array(Type.String())),
          values: Type.Optional(Type.Array(Type.String())),
          operator: text,
        }),
        { maxItems: 50 },
      ),
    ),
  ),
  advanced_config: Type.Optional(nullable(anyObject)),
});

export type AlgorithmBody = Static<typeof algorithmBody>;

const codeTree = Type.Cyclic(
  { Node: Type.Object({ name: Type.String(), children: Type.Array(Type.Ref('Node')) }) },
  'Node',
);

const algorithmResponse = open({
  metadata: open({
    id: Type.String(),
    name: Type.String(),
    description: Type.String(),
    workspace_id: Type.String(),
    user_name: Type.String(),
    domain_id: Type.String(),
    source: Type.String(),
    api_version: Type.String(),
    is_valid: Type.Boolean(),
    state: Type.String(),
    size: Type.Integer(),
    create_time: Type.Integer(),
    update_time: Type.Integer(),
  }),
  job_config: open({ code_tree: Type.Optional(codeTree) }),
  resource_requirements: Type.Array(anyObject),
  advanced_config: anyObject,
});

const invalid = { code: 'ModelArts.2788', status: 400 };
const algorithms = {
  family: 'algorithms',
  errors: 'modelarts',
  /** Algorithms are part of training and refuse as it does (behaviour/permissions.md 9). */
  workspaceErrors: {
    missing: { code: 'ModelArts.2891', status: 400 },
    denied: { code: 'ModelArts.2838', status: 400 },
  },
} as const;
const oneAlgorithm = { ...algorithms, target: { kind: 'algorithm', param: 'algorithm_id' } } as const;

export const createAlgorithm = operation({
  ...algorithms,
  id: 'CreateAlgorithm',
  summary: 'Create an algorithm',
  method: 'POST',
  path: '/v2/{project_id}/algorithms',
  action: 'modelarts:aiAlgorithm:create',
  workspace: ({ body }) => textAt(body, 'metadata', 'workspace_id'),
  body: algorithmBody,
  makes: { kind: 'algorithm', id: 'metadata.id' },
  status: 201,
  response: algorithmResponse,
  invalid,
});

export const listAlgorithms = operation({
  ...algorithms,
  id: 'ListAlgorithms',
  summary: 'List algorithms',
  method: 'GET',
  path: '/v2/{project_id}/algorithms',
  // Older documents guard the list with `get`, newer ones with `list` (behaviour/permissions.md 6).
  action: { action: 'modelarts:aiAlgorithm:list', or: 'modelarts:aiAlgorithm:get' },
  workspace: workspaceOfQuery,
  query: open({
    offset: queryInteger(0, 1_000_000, 0),
    limit: queryInteger(1, 50, 50),
    sort_by: Type.Optional(Type.Enum(['create_time', 'update_time', 'name'])),
    order: Type.Optional(Type.Enum(['asc', 'desc'])),
    group_by: Type.Optional(Type.String()),
    searches: Type.Optional(Type.String()),
    workspace_id: Type.Optional(Type.String()),
  }),
  status: 200,
  response: open({
    total: Type.Integer(),
    count: Type.Integer(),
    limit: Type.Integer(),
    offset: Type.Integer(),
    sort_by: Type.String(),
    order: Type.String(),
    group_by: Type.String(),
    items: Type.Array(algorithmResponse),
  }),
  invalid: { code: 'ModelArts.2764', status: 400 },
});

export const showAlgorithm = operation({
  ...oneAlgorithm,
  id: 'ShowAlgorithmByUuid',
  summary: 'Show an algorithm',
  method: 'GET',
  path: '/v2/{project_id}/algorithms/{algorithm_id}',
  action: 'modelarts:aiAlgorithm:get',
  status: 200,
  response: algorithmResponse,
});

export const changeAlgorithm = operation({
  ...oneAlgorithm,
  id: 'ChangeAlgorithm',
  summary: 'Replace an algorithm',
  method: 'PUT',
  path: '/v2/{project_id}/algorithms/{algorithm_id}',
  action: 'modelarts:aiAlgorithm:update',
  body: algorithmBody,
  status: 201,
  response: algorithmResponse,
  invalid,
});

export const deleteAlgorithm = operation({
  ...oneAlgorithm,
  id: 'DeleteAlgorithm',
  summary: 'Delete an algorithm',
  method: 'DELETE',
  path: '/v2/{project_id}/algorithms/{algorithm_id}',
  action: 'modelarts:aiAlgorithm:delete',
  status: 202,
  response: Type.Null(),
});

export const algorithmOperations = [createAlgorithm, listAlgorithms, showAlgorithm, changeAlgorithm, deleteAlgorithm];
