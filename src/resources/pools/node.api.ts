import { operation } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const base = {
  family: 'pools',
  errors: 'modelarts',
  invalid: { code: 'ModelArts.50004000', status: 400 },
  target: { kind: 'pool', param: 'pool_name' },
  status: 200,
} as const;
const PATH = '/v2/{project_id}/pools/{pool_name}/nodes';
const node = open({
  apiVersion: Type.String(),
  kind: Type.String(),
  metadata: anyObject,
  spec: anyObject,
  status: anyObject,
});
const names = Type.Array(Type.String({ maxLength: 128 }), { minItems: 1, maxItems: 200 });
const results = open({ nodes: Type.Array(open({ name: Type.String(), status: Type.String() })) });

export const listPoolNodes = operation({
  ...base,
  id: 'ListPoolNodes',
  summary: 'List the nodes of a pool',
  method: 'GET',
  path: PATH,
  action: 'modelarts:pool:get',
  query: open({ continue: Type.Optional(Type.String({ maxLength: 1024 })), limit: queryInteger(1, 500) }),
  response: open({ apiVersion: Type.String(), kind: Type.String(), metadata: anyObject, items: Type.Array(node) }),
});

export const showPoolNode = operation({
  ...base,
  id: 'ShowPoolNode',
  summary: 'Show a node of a pool',
  method: 'GET',
  path: `${PATH}/{node_name}`,
  action: 'modelarts:pool:get',
  response: node,
});

export const batchDeletePoolNodes = operation({
  ...base,
  id: 'BatchDeletePoolNodes',
  summary: 'Take nodes from a pool',
  method: 'POST',
  path: `${PATH}/batch-delete`,
  action: 'modelarts:pool:update',
  body: open({ deleteNodeNames: names }),
  response: anyObject,
});

const locking = { ...base, method: 'POST', action: 'modelarts:pool:update' } as const;
const lockBody = open({ nodeNames: names, actions: Type.Array(oneOf(['delete']), { minItems: 1, maxItems: 1 }) });

export const batchLockPoolNodes = operation({
  ...locking,
  id: 'BatchLockPoolNodes',
  summary: 'Protect nodes from being deleted',
  path: `${PATH}/batch-lock`,
  body: lockBody,
  response: results,
});

export const batchUnlockPoolNodes = operation({
  ...locking,
  id: 'BatchUnlockPoolNodes',
  summary: 'Let nodes be deleted again',
  path: `${PATH}/batch-unlock`,
  body: lockBody,
  response: results,
});

export const batchUpdatePoolNodes = operation({
  ...locking,
  id: 'BatchUpdatePoolNodes',
  summary: 'Keep nodes as spare ones, or use them again',
  path: `${PATH}/batch-update`,
  body: open({ nodeNames: names, action: oneOf(['openHaRedundant', 'closeHaRedundant', 'true', 'false']) }),
  response: open({ successNodeNames: Type.Array(Type.String()), failNodeNames: Type.Array(Type.String()) }),
});

export const batchRebootPoolNodes = operation({
  ...locking,
  id: 'BatchRebootPoolNodes',
  summary: 'Empty nodes of what runs there, then use them again',
  path: `${PATH}/batch-reboot`,
  body: open({ nodeNames: names }),
  response: open({ nodeNames: Type.Array(Type.String()) }),
});

export const batchDrainPoolNodes = operation({
  ...locking,
  id: 'BatchDrainPoolNodes',
  summary: 'Empty nodes of what runs there, and place nothing there',
  path: `${PATH}/batch-drain`,
  body: open({ nodeNames: names }),
  response: results,
});

export const batchIsolatePoolNodes = operation({
  ...locking,
  id: 'BatchIsolatePoolNodes',
  summary: 'Place nothing more on nodes; what runs there runs on',
  path: `${PATH}/batch-isolate`,
  body: open({ nodeNames: names }),
  response: results,
});

export const batchReturnPoolNodes = operation({
  ...locking,
  id: 'BatchReturnPoolNodes',
  summary: 'Use nodes again that were isolated or drained',
  path: `${PATH}/batch-return`,
  body: open({ nodeNames: names }),
  response: results,
});

export const nodeApis = [
  listPoolNodes,
  showPoolNode,
  batchDeletePoolNodes,
  batchLockPoolNodes,
  batchUnlockPoolNodes,
  batchUpdatePoolNodes,
  batchRebootPoolNodes,
  batchDrainPoolNodes,
  batchIsolatePoolNodes,
  batchReturnPoolNodes,
];
