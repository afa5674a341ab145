import { operation, workspaceOfQuery } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const base = {
  family: 'pools',
  errors: 'modelarts',
  invalid: { code: 'ModelArts.50004000', status: 400 },
  status: 200,
} as const;
const text = Type.Optional(Type.String({ maxLength: 1024 }));
const list = { apiVersion: Type.String(), kind: Type.String(), metadata: anyObject, items: Type.Array(anyObject) };
const tag = open({ key: Type.String(), value: Type.Optional(Type.String()) });
const tags = Type.Array(tag, { maxItems: 20 });
const ofPool = { ...base, target: { kind: 'pool', param: 'pool_name' } } as const;
const TAGS = '/v1/{project_id}/pools/{pool_name}/tags';

export const listResourceFlavors = operation({
  ...base,
  id: 'ListResourceFlavors',
  summary: 'List the sizes that nodes of pools may have',
  method: 'GET',
  path: '/v1/{project_id}/resourceflavors',
  action: { or: 'modelarts:pool:list', action: 'modelarts:pool:get' },
  query: open({ labelSelector: text, continue: text, limit: queryInteger(1, 500) }),
  response: open(list),
});

export const showOsConfig = operation({
  ...base,
  id: 'ShowOsConfig',
  summary: 'Show what pools and networks of this installation may be like',
  method: 'GET',
  path: '/v1/{project_id}/os-user-config',
  action: 'modelarts:pool:list',
  response: anyObject,
});

export const showOsQuota = operation({
  ...base,
  id: 'ShowOsQuota',
  summary: 'Show how many pools and networks there are, and may be',
  method: 'GET',
  path: '/v1/{project_id}/quotas',
  action: 'modelarts:pool:list',
  response: open({ quotas: open({ resources: Type.Array(anyObject) }) }),
});

export const listEvents = operation({
  ...base,
  id: 'ListEvents',
  summary: 'List what happened to a pool',
  method: 'GET',
  path: '/v1/{project_id}/events',
  action: 'modelarts:pool:get',
  query: open({
    resource: oneOf(['pools']),
    name: Type.String({ maxLength: 128 }),
    limit: queryInteger(1, 500, 500),
    continue: text,
    offset: text,
    type: Type.Optional(oneOf(['Normal', 'Warning'])),
    since: queryInteger(0, Number.MAX_SAFE_INTEGER),
    until: queryInteger(0, Number.MAX_SAFE_INTEGER),
    ascend: Type.Optional(Type.Boolean()),
  }),
  response: open({ ...list, total: Type.Integer() }),
});

export const listOrders = operation({
  ...base,
  id: 'ListOrders',
  summary: 'List the changes of pools that were asked for',
  method: 'GET',
  path: '/v1/{project_id}/orders',
  action: 'modelarts:pool:list',
  workspace: workspaceOfQuery,
  query: open({
    workspaceId: text,
    involvedName: text,
    limit: queryInteger(1, 500, 100),
    offset: queryInteger(0, 500, 0),
    since: queryInteger(0, Number.MAX_SAFE_INTEGER),
    until: queryInteger(0, Number.MAX_SAFE_INTEGER),
    phase: Type.Optional(oneOf(['pending', 'running', 'successed', 'failed'])),
    resource: Type.Optional(oneOf(['pools'])),
  }),
  response: open({ count: Type.Integer(), items: Type.Array(anyObject) }),
});

export const showOrder = operation({
  ...base,
  id: 'ShowOrder',
  summary: 'Show a change of a pool that was asked for',
  method: 'GET',
  path: '/v1/{project_id}/orders/{order_name}',
  action: 'modelarts:pool:get',
  target: { kind: 'pool-order', param: 'order_name' },
  response: open({ count: Type.Integer(), items: Type.Array(anyObject) }),
});

export const listPoolTags = operation({
  ...base,
  id: 'ListPoolTags',
  summary: 'List the tags of all pools',
  method: 'GET',
  path: '/v1/{project_id}/pools/tags',
  action: 'modelarts:tag:list',
  workspace: workspaceOfQuery,
  query: open({ workspaceId: text, limit: queryInteger(1, 200, 200), offset: queryInteger(0, 1_000_000, 0) }),
  response: open({ tags: Type.Array(anyObject) }),
});

export const showPoolTags = operation({
  ...ofPool,
  id: 'ShowPoolTags',
  summary: 'Show the tags of a pool',
  method: 'GET',
  path: TAGS,
  action: 'modelarts:tag:list',
  response: open({ tags: Type.Array(anyObject) }),
});

export const batchCreatePoolTags = operation({
  ...ofPool,
  id: 'BatchCreatePoolTags',
  summary: 'Give a pool tags',
  method: 'POST',
  path: `${TAGS}/create`,
  action: 'modelarts:pool:update',
  status: 204,
  body: open({ tags }),
});

export const batchDeletePoolTags = operation({
  ...ofPool,
  id: 'BatchDeletePoolTags',
  summary: 'Take tags from a pool',
  method: 'DELETE',
  path: `${TAGS}/delete`,
  action: 'modelarts:pool:update',
  status: 204,
  body: open({ tags }),
});

export const catalogApis = [
  listResourceFlavors,
  showOsConfig,
  showOsQuota,
  listEvents,
  listOrders,
  showOrder,
  listPoolTags,
  showPoolTags,
  batchCreatePoolTags,
  batchDeletePoolTags,
];
