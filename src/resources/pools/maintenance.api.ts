import { operation, workspaceOfQuery } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const base = {
  family: 'pools',
  errors: 'modelarts',
  invalid: { code: 'ModelArts.50004000', status: 400 },
  status: 200,
} as const;
const ofPool = { ...base, target: { kind: 'pool', param: 'pool_name' } } as const;
const ofNode = { ...base, target: { kind: 'pool-node', param: 'node_name' } } as const;
const POOL = '/v2/{project_id}/pools/{pool_name}';
const text = Type.Optional(Type.String({ maxLength: 1024 }));
const name = Type.String({ maxLength: 128 });
const names = Type.Array(name, { minItems: 1, maxItems: 200 });
const list = { apiVersion: Type.String(), kind: Type.String(), items: Type.Array(anyObject) };
const tags = Type.Array(open({ key: Type.String(), value: Type.Optional(Type.String()) }), { maxItems: 20 });

const EVENT_STATES = ['inquiring', 'scheduled', 'executing', 'completed', 'failed', 'canceled'] as const;

/** What is done to nodes (reference modelarts.json): all of it begins at once. */
export const batchResetPoolNodes = operation({
  ...ofPool,
  id: 'BatchResetPoolNodes',
  summary: 'Empty nodes of what runs there, and begin with them anew',
  method: 'POST',
  path: `${POOL}/nodes/batch-reset`,
  action: 'modelarts:pool:update',
  body: open({
    nodeNames: names,
    rollingConfig: Type.Optional(
      open({ strategy: text, maxUnavailable: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) }),
    ),
    nodeConfig: Type.Optional(anyObject),
  }),
  response: open({ job_id: Type.String() }),
});

const size = open({ nodePool: text, flavor: Type.Optional(name), creatingStep: Type.Optional(anyObject) });

export const batchResizePoolNodes = operation({
  ...ofPool,
  id: 'BatchResizePoolNodes',
  summary: 'Put nodes of another flavor in the place of idle ones',
  method: 'POST',
  path: `${POOL}/nodes/batch-resize`,
  action: 'modelarts:pool:update',
  body: open({
    nodes: Type.Array(open({ batchUID: text, deleteNodeNames: Type.Optional(names) }), { minItems: 1, maxItems: 200 }),
    source: size,
    target: size,
  }),
  response: anyObject,
});

export const listScheduledEvents = operation({
  ...base,
  id: 'ListScheduledEvents',
  summary: 'List what was and is done to nodes of pools',
  method: 'GET',
  path: '/v1/{project_id}/scheduled-events',
  action: 'modelarts:pool:list',
  workspace: workspaceOfQuery,
  query: open({
    workspaceId: text,
    state: Type.Optional(Type.Array(oneOf(EVENT_STATES), { maxItems: 6 })),
    type: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 10 })),
    id: text,
    nodeName: text,
    poolName: text,
    publishStartTime: text,
    publishEndTime: text,
    offset: queryInteger(0, 1_000_000, 0),
    limit: queryInteger(1, 500, 100),
  }),
  response: open({ events: Type.Array(anyObject), count: Type.Integer() }),
});

export const acceptScheduledEvent = operation({
  ...base,
  id: 'AcceptScheduledEvent',
  summary: 'Agree to planned work on a node',
  method: 'POST',
  path: '/v1/{project_id}/scheduled-events/{event_id}/accept',
  action: 'modelarts:pool:update',
  target: { kind: 'pool-event', param: 'event_id' },
  body: open({ notBefore: text, redeployConfig: Type.Optional(anyObject) }),
  bodyOptional: true,
  response: anyObject,
});

export const showNodeTags = operation({
  ...ofNode,
  id: 'ShowNodeTags',
  summary: 'Show the tags of a node',
  method: 'GET',
  path: '/v1/{project_id}/nodes/{node_name}/tags',
  action: 'modelarts:tag:list',
  response: open({ tags: Type.Array(anyObject) }),
});

export const updateNodeTags = operation({
  ...ofNode,
  id: 'UpdateNodeTags',
  summary: 'Give a node tags, take some, or set all anew',
  method: 'POST',
  path: '/v1/{project_id}/nodes/{node_name}/tags',
  action: 'modelarts:pool:update',
  body: open({ action: oneOf(['create', 'delete', 'reset']), tags }),
  response: open({ tags: Type.Array(anyObject) }),
});

export const listNodeTags = operation({
  ...base,
  id: 'ListNodeTags',
  summary: 'List the tags of all nodes',
  method: 'GET',
  path: '/v1/{project_id}/nodes/tags',
  action: 'modelarts:tag:list',
  workspace: workspaceOfQuery,
  query: open({
    workspaceId: text,
    pool: text,
    limit: queryInteger(1, 200, 200),
    offset: queryInteger(0, 1_000_000, 0),
  }),
  response: open({ tags: Type.Array(anyObject) }),
});

export const updatePoolTags = operation({
  ...ofPool,
  id: 'UpdatePoolTags',
  summary: 'Give a pool tags, take some, or set all anew',
  method: 'POST',
  path: '/v1/{project_id}/pools/{pool_name}/tags',
  action: 'modelarts:pool:update',
  body: open({ action: oneOf(['create', 'delete', 'reset']), tags }),
  response: open({ tags: Type.Array(anyObject) }),
});

/** There are none, which clients that ask can cope with. */
export const listPoolPlugins = operation({
  ...ofPool,
  id: 'ListPoolPlugins',
  summary: 'List the plug-ins of a pool: there are none',
  method: 'GET',
  path: `${POOL}/plugins`,
  action: 'modelarts:pool:get',
  response: open(list),
});

export const listPluginTemplates = operation({
  ...base,
  id: 'ListPluginTemplates',
  summary: 'List plug-ins for pools: there are none',
  method: 'GET',
  path: '/v2/{project_id}/plugintemplates',
  action: 'modelarts:pool:list',
  query: open({ templateName: text, poolName: text }),
  response: open(list),
});

export const listVirtualResourceFlavors = operation({
  ...base,
  id: 'ListVirtualResourceFlavors',
  summary: 'List parts of accelerators: they are given whole',
  method: 'GET',
  path: '/v1/{project_id}/virtualresourceflavors',
  action: 'modelarts:pool:list',
  query: open({ labelSelector: text, continue: text, limit: queryInteger(1, 500) }),
  response: open({ ...list, metadata: anyObject }),
});

export const maintenanceApis = [
  batchResetPoolNodes,
  batchResizePoolNodes,
  listScheduledEvents,
  acceptScheduledEvent,
  showNodeTags,
  updateNodeTags,
  listNodeTags,
  updatePoolTags,
  listPoolPlugins,
  listPluginTemplates,
  listVirtualResourceFlavors,
];
