import { operation, textAt, workspaceOfQuery } from '../../wire/operation.ts';
import { anyObject, nullable, oneOf, open, Type } from '../../wire/schema.ts';

const base = {
  family: 'pools',
  errors: 'modelarts',
  invalid: { code: 'ModelArts.50004000', status: 400 },
  status: 200,
} as const;
const PATH = '/v2/{project_id}/pools';
const one = { ...base, path: `${PATH}/{pool_name}`, target: { kind: 'pool', param: 'pool_name' } } as const;
const text = Type.Optional(Type.String({ maxLength: 1024 }));
const count = Type.Integer({ minimum: 0, maximum: 200 });

/** A pool as every answer shows it (reference modelarts.json, PoolModel). */
const pool = open({
  apiVersion: Type.String(),
  kind: Type.String(),
  metadata: open({ name: Type.String(), creationTimestamp: Type.String(), labels: anyObject, annotations: anyObject }),
  spec: open({ type: Type.String(), scope: Type.Array(Type.String()), resources: Type.Array(anyObject) }),
  status: open({ message: Type.Optional(Type.String()) }),
});
const list = { apiVersion: Type.String(), kind: Type.String() };
const resources = Type.Array(
  open({
    flavor: Type.String({ maxLength: 128 }),
    count,
    maxCount: Type.Optional(count),
    azs: Type.Optional(Type.Array(open({ az: Type.String(), count }), { maxItems: 10 })),
    rootVolume: Type.Optional(nullable(open({ volumeType: text, size: text }))),
  }),
  { maxItems: 100 },
);
const scope = Type.Array(Type.String(), { maxItems: 10 });

export const listPools = operation({
  ...base,
  id: 'ListPools',
  summary: 'List dedicated resource pools',
  method: 'GET',
  path: PATH,
  action: 'modelarts:pool:list',
  workspace: workspaceOfQuery,
  query: open({
    workspaceId: text,
    labelSelector: text,
    status: Type.Optional(oneOf(['created', 'failed', 'creating'])),
    parent: text,
  }),
  response: open({ ...list, items: Type.Array(pool) }),
});

export const createPool = operation({
  ...base,
  id: 'CreatePool',
  summary: 'Create a dedicated resource pool',
  method: 'POST',
  path: PATH,
  action: 'modelarts:pool:create',
  workspace: ({ body }) => textAt(body, 'metadata', 'labels', 'os.modelarts/workspace.id'),
  makes: { kind: 'pool', id: 'metadata.name' },
  body: open({
    apiVersion: Type.String(),
    kind: oneOf(['Pool']),
    metadata: open({
      labels: open({
        'os.modelarts/name': Type.String(),
        'os.modelarts/workspace.id': text,
        'os.modelarts/node.prefix': text,
      }),
      annotations: Type.Optional(anyObject),
    }),
    spec: open({
      type: oneOf(['Dedicate', 'Logical']),
      scope,
      resources,
      network: Type.Optional(open({ name: text })),
      parent: text,
      driver: Type.Optional(open({ gpuVersion: text, npuVersion: text, updateStrategy: text })),
    }),
  }),
  response: pool,
});

export const showPool = operation({
  ...one,
  id: 'ShowPool',
  summary: 'Show a dedicated resource pool',
  method: 'GET',
  action: 'modelarts:pool:get',
  response: pool,
});

export const patchPool = operation({
  ...one,
  id: 'PatchPool',
  summary: 'Change or scale a dedicated resource pool',
  method: 'PATCH',
  action: 'modelarts:pool:update',
  body: open({
    metadata: Type.Optional(
      open({ labels: Type.Optional(nullable(anyObject)), annotations: Type.Optional(nullable(anyObject)) }),
    ),
    spec: Type.Optional(
      open({
        scope: Type.Optional(nullable(scope)),
        resources: Type.Optional(nullable(resources)),
        driver: Type.Optional(nullable(anyObject)),
        type: Type.Optional(Type.Unknown()),
        network: Type.Optional(Type.Unknown()),
        parent: Type.Optional(Type.Unknown()),
        jobFlavors: Type.Optional(Type.Unknown()),
      }),
    ),
  }),
  response: pool,
});

export const deletePool = operation({
  ...one,
  id: 'DeletePool',
  summary: 'Delete a dedicated resource pool with what runs there',
  method: 'DELETE',
  action: 'modelarts:pool:delete',
  response: pool,
});

export const retryPoolScope = operation({
  ...one,
  path: `${PATH}/{pool_name}/retry-scope`,
  id: 'RetryPoolScope',
  summary: 'Try again to enable a job type of a pool',
  method: 'POST',
  action: 'modelarts:pool:update',
  body: open({ scope: Type.String({ maxLength: 64 }) }),
  response: anyObject,
});

export const showPoolMonitor = operation({
  ...one,
  path: `${PATH}/{pool_name}/monitor`,
  id: 'ShowPoolMonitor',
  summary: 'Show how a pool is used',
  method: 'GET',
  action: 'modelarts:pool:get',
  query: open({ time_range: text, statistics: text, period: text }),
  response: open({ metrics: Type.Array(anyObject) }),
});

export const listWorkloads = operation({
  ...one,
  path: `${PATH}/{pool_name}/workloads`,
  id: 'ListWorkloads',
  summary: 'List what runs in a pool, and what waits for it',
  method: 'GET',
  action: 'modelarts:pool:get',
  query: open({
    type: Type.Optional(Type.Array(oneOf(['train', 'infer', 'notebook']), { maxItems: 3 })),
    status: text,
    sort: text,
    ascend: Type.Optional(Type.Boolean()),
    offset: text,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    hostip: Type.Optional(Type.Array(Type.String(), { maxItems: 100 })),
  }),
  response: open({ ...list, items: Type.Array(anyObject), total: Type.Integer() }),
});

export const showWorkloadStatistics = operation({
  ...one,
  path: '/v2/{project_id}/statistics/pools/{pool_name}/workloads',
  id: 'ShowWorkloadStatistics',
  summary: 'Count what is in a pool',
  method: 'GET',
  action: 'modelarts:pool:get',
  response: open({ statistics: anyObject }),
});

export const showPoolStatistics = operation({
  ...base,
  id: 'ShowPoolStatistics',
  summary: 'Count pools',
  method: 'GET',
  path: '/v2/{project_id}/statistics/pools',
  action: 'modelarts:pool:list',
  workspace: workspaceOfQuery,
  query: open({ workspaceId: text }),
  response: open({ statistics: anyObject, operationTime: Type.String() }),
});

export const showPoolRuntimeMetrics = operation({
  ...base,
  id: 'ShowPoolRuntimeMetrics',
  summary: 'Show what of each pool is allocated',
  method: 'GET',
  path: '/v2/{project_id}/metrics/runtime/pools',
  action: 'modelarts:pool:list',
  workspace: workspaceOfQuery,
  query: open({ workspaceId: text }),
  response: open({ ...list, items: Type.Array(anyObject) }),
});

export const createOrderId = operation({
  ...one,
  path: `${PATH}/{pool_name}/orderid`,
  id: 'CreateOrderId',
  summary: 'Tell the newest change record of a pool',
  method: 'POST',
  action: 'modelarts:pool:update',
  body: anyObject,
  bodyOptional: true,
  response: open({ id: Type.String() }),
});

export const poolApis = [
  listPools,
  createPool,
  showPool,
  patchPool,
  deletePool,
  retryPoolScope,
  showPoolMonitor,
  listWorkloads,
  showWorkloadStatistics,
  showPoolStatistics,
  showPoolRuntimeMetrics,
  createOrderId,
];
