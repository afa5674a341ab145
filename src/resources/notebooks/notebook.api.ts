import { operation, textAt, workspaceOfQuery } from '../../wire/operation.ts';
import { poolType } from '../../wire/pool-type.ts';
import { anyObject, nullable, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

/** Of every operation on notebook instances. What does not fit a schema has the wrong type: 6332 (behaviour/errors.md). */
const base = {
  family: 'notebooks',
  errors: 'modelarts',
  status: 200,
  invalid: { code: 'ModelArts.6332', status: 400 },
} as const;
const PATH = '/v1/{project_id}/notebooks';
const one = { ...base, target: { kind: 'notebook', param: 'id' } } as const;

const text = Type.Optional(nullable(Type.String()));
const number = Type.Optional(nullable(Type.Number()));
const integer = Type.Optional(Type.Integer());
const member = Type.Optional(Type.Unknown());
/** Reference modelarts.json, VolumeMountRequest. */
const volumeRequest = open({
  category: text,
  ownership: text,
  capacity: number,
  uri: text,
  id: text,
  mount_path: text,
  read_only: Type.Optional(nullable(Type.Boolean())),
});

const hook = Type.Optional(nullable(open({ type: text, script: text })));
const hooks = Type.Optional(
  nullable(open({ container_hooks: Type.Optional(nullable(open({ pre_start: hook, post_start: hook }))) })),
);
const endpoints = Type.Optional(
  nullable(
    Type.Array(
      open({
        service: text,
        key_pair_names: Type.Optional(nullable(Type.Array(Type.String(), { maxItems: 100 }))),
        allowed_access_ips: Type.Optional(nullable(Type.Array(Type.String(), { maxItems: 100 }))),
      }),
      { maxItems: 100 },
    ),
  ),
);
const notebook = open({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  status: Type.String(),
  feature: Type.String(),
  flavor: Type.String(),
  workspace_id: Type.String(),
  fail_reason: Type.Optional(Type.String()),
  url: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
  action_progress: Type.Array(open({ step: Type.Integer(), status: Type.String(), step_description: Type.String() })),
  endpoints: Type.Array(anyObject),
  image: anyObject,
  lease: anyObject,
  volume: anyObject,
  user: anyObject,
});
const page = {
  current: Type.Integer(),
  pages: Type.Integer(),
  size: Type.Integer(),
  total: Type.Integer(),
};
const notebookPage = open({ ...page, data: Type.Array(notebook) });
const flavor = open({ id: Type.String(), name: Type.String(), vcpus: Type.Number(), memory: Type.Integer() });
const flavorPage = open({ ...page, data: Type.Array(flavor), flavors: Type.Array(flavor) });
const lease = open({
  create_at: Type.Integer(),
  duration: Type.Integer(),
  enable: Type.Boolean(),
  type: Type.String(),
  update_at: Type.Integer(),
});

const search = open({
  feature: text,
  flavor: text,
  id: text,
  image_id: text,
  limit: queryInteger(1, 1000, 10),
  name: text,
  offset: queryInteger(0, 1_000_000_000, 0),
  owner: text,
  pool_id: text,
  sort_dir: text,
  sort_key: text,
  status: text,
  workspaceId: text,
  workspace_id: text,
});

export const listNotebooks = operation({
  ...base,
  id: 'ListNotebooks',
  summary: 'List the notebook instances of the caller',
  method: 'GET',
  path: PATH,
  action: 'modelarts:notebook:list',
  workspace: workspaceOfQuery,
  query: search,
  response: notebookPage,
});

export const listAllNotebooks = operation({
  ...base,
  id: 'ListAllNotebooks',
  summary: 'List the notebook instances of all users',
  method: 'GET',
  path: `${PATH}/all`,
  action: 'modelarts:notebook:listAllNotebooks',
  workspace: workspaceOfQuery,
  query: search,
  response: notebookPage,
});

export const createNotebook = operation({
  ...base,
  id: 'CreateNotebook',
  summary: 'Create a notebook instance',
  method: 'POST',
  path: PATH,
  action: 'modelarts:notebook:create',
  workspace: ({ body }) => textAt(body, 'workspace_id'),
  conditions: ({ body }) => poolType(textAt(body, 'pool_id')),
  makes: { kind: 'notebook', id: 'id' },
  body: open({
    name: text,
    description: text,
    feature: text,
    flavor: text,
    image_id: text,
    pool_id: text,
    workspace_id: text,
    volume: Type.Optional(nullable(volumeRequest)),
    endpoints,
    lease: Type.Optional(nullable(open({ type: text, duration: number }))),
    duration: number,
    hooks,
    custom_spec: member,
    data_volumes: Type.Optional(nullable(Type.Array(volumeRequest, { maxItems: 100 }))),
    user_vpc: member,
  }),
  response: notebook,
});

export const showNotebook = operation({
  ...one,
  id: 'ShowNotebook',
  summary: 'Show a notebook instance',
  method: 'GET',
  path: `${PATH}/{id}`,
  action: 'modelarts:notebook:get',
  response: notebook,
});

export const updateNotebook = operation({
  ...one,
  id: 'UpdateNotebook',
  summary: 'Change a notebook instance',
  method: 'PUT',
  path: `${PATH}/{id}`,
  action: 'modelarts:notebook:update',
  body: open({
    name: text,
    description: text,
    flavor: text,
    image_id: text,
    /** Another dedicated pool; of this platform alone. */
    pool_id: text,
    endpoints,
    hooks,
    storage_new_size: number,
    custom_spec: member,
    data_volumes: Type.Optional(nullable(Type.Array(volumeRequest, { maxItems: 100 }))),
  }),
  response: notebook,
});

export const deleteNotebook = operation({
  ...one,
  id: 'DeleteNotebook',
  summary: 'Delete a notebook instance with its storage',
  method: 'DELETE',
  path: `${PATH}/{id}`,
  action: 'modelarts:notebook:delete',
  response: notebook,
});

export const startNotebook = operation({
  ...one,
  id: 'StartNotebook',
  summary: 'Start a notebook instance',
  method: 'POST',
  path: `${PATH}/{id}/start`,
  action: 'modelarts:notebook:start',
  query: open({ duration: integer, type: text }),
  response: notebook,
});

export const stopNotebook = operation({
  ...one,
  id: 'StopNotebook',
  summary: 'Stop a notebook instance; its storage stays',
  method: 'POST',
  path: `${PATH}/{id}/stop`,
  action: 'modelarts:notebook:stop',
  response: notebook,
});

export const showLease = operation({
  ...one,
  id: 'ShowLease',
  summary: 'Show when a notebook instance stops by itself',
  method: 'GET',
  path: `${PATH}/{id}/lease`,
  action: 'modelarts:notebook:get',
  response: lease,
});

export const renewLease = operation({
  ...one,
  id: 'RenewLease',
  summary: 'Change when a notebook instance stops by itself',
  method: 'PATCH',
  path: `${PATH}/{id}/lease`,
  action: 'modelarts:notebook:updateStopPolicy',
  query: open({ duration: integer }),
  body: open({ duration: number, type: text }),
  bodyOptional: true,
  response: lease,
});

const flavorQuery = {
  category: text,
  limit: queryInteger(1, 1000, 100),
  offset: queryInteger(0, 1_000_000_000, 0),
  type: text,
  sort_dir: text,
  sort_key: text,
};

export const listNotebookFlavors = operation({
  ...base,
  id: 'ListFlavors',
  summary: 'List the sizes that notebook instances can have',
  method: 'GET',
  path: `${PATH}/flavors`,
  action: 'modelarts:notebook:list',
  query: open(flavorQuery),
  response: flavorPage,
});

export const showSwitchableFlavors = operation({
  ...one,
  id: 'ShowSwitchableFlavors',
  summary: 'List the sizes that a notebook instance can be given',
  method: 'GET',
  path: `${PATH}/{id}/flavors`,
  action: 'modelarts:notebook:get',
  query: open(flavorQuery),
  response: flavorPage,
});

const tag = open({ key: Type.String(), value: text });
const tags = open({ tags: Type.Array(tag, { maxItems: 100 }) });
const tagged = { ...base, target: { kind: 'notebook', param: 'resource_id' } } as const;

export const showNotebookTags = operation({
  ...base,
  id: 'ShowNotebookTags',
  summary: 'List the tags of all notebook instances of a workspace',
  method: 'GET',
  path: `${PATH}/tags`,
  action: 'modelarts:tag:list',
  workspace: workspaceOfQuery,
  query: open({ workspace_id: text, workspaceId: text }),
  response: open({ tags: Type.Array(open({ key: Type.String(), values: Type.Array(Type.String()) })) }),
});

export const createNotebookTags = operation({
  ...tagged,
  id: 'CreateNotebookTags',
  summary: 'Add tags to a notebook instance',
  method: 'POST',
  path: `${PATH}/{resource_id}/tags/create`,
  action: 'modelarts:notebook:update',
  body: tags,
  status: 204,
});

export const deleteNotebookTags = operation({
  ...tagged,
  id: 'DeleteNotebookTags',
  summary: 'Remove tags from a notebook instance',
  method: 'DELETE',
  path: `${PATH}/{resource_id}/tags/delete`,
  action: 'modelarts:notebook:update',
  body: tags,
  status: 204,
});

export const listNotebookEvents = operation({
  ...one,
  id: 'ListNotebookEvents',
  summary: 'List what happened to a notebook instance',
  method: 'GET',
  path: `${PATH}/{id}/events`,
  action: 'modelarts:notebook:get',
  query: open({
    offset: queryInteger(0, 1_000_000_000, 0),
    limit: queryInteger(1, 1000, 50),
    order: Type.Optional(oneOf(['asc', 'desc'])),
  }),
  response: open({
    total: Type.Integer(),
    events: Type.Array(open({ time: Type.String(), level: Type.String(), message: Type.String() })),
  }),
});

export const showNotebookLog = operation({
  ...one,
  id: 'ShowNotebookLog',
  summary: 'Show the last output of a notebook instance',
  method: 'GET',
  path: `${PATH}/{id}/logs`,
  action: 'modelarts:notebook:get',
  query: open({ lines: queryInteger(1, 5000, 200) }),
  response: open({ content: Type.String() }),
});
