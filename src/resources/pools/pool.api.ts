import { type DeclaredRow, declaredOperations, workspaceOfQuery } from '../../wire/declared.ts';
import { textAt } from '../../wire/operation.ts';

const pools = '/v2/{project_id}/pools';
const pool = `${pools}/{pool_name}`;
const inQuery = { workspace: workspaceOfQuery };

/** Dedicated resource pools (reference modelarts.json; actions: behaviour/permissions.md 6). */
const rows: readonly DeclaredRow[] = [
  ['ListPools', 'GET', pools, 'modelarts:pool:list', 'List dedicated resource pools', inQuery],
  [
    'CreatePool',
    'POST',
    pools,
    'modelarts:pool:create',
    'Create a dedicated resource pool',
    { workspace: ({ body }) => textAt(body, 'metadata', 'labels', 'os.modelarts/workspace.id') },
  ],
  ['ShowPool', 'GET', pool, 'modelarts:pool:get', 'Show a dedicated resource pool'],
  ['PatchPool', 'PATCH', pool, 'modelarts:pool:update', 'Change or scale a dedicated resource pool'],
  ['DeletePool', 'DELETE', pool, 'modelarts:pool:delete', 'Delete a dedicated resource pool'],
  ['ShowPoolMonitor', 'GET', `${pool}/monitor`, 'modelarts:pool:get', 'Show how a pool is used'],
  ['ListPoolNodes', 'GET', `${pool}/nodes`, 'modelarts:pool:get', 'List the nodes of a pool'],
  ['BatchDeletePoolNodes', 'POST', `${pool}/nodes/batch-delete`, 'modelarts:pool:update', 'Take nodes from a pool'],
  ['ListWorkloads', 'GET', `${pool}/workloads`, 'modelarts:pool:get', 'List what runs in a pool'],
  ['ShowPoolStatistics', 'GET', '/v2/{project_id}/statistics/pools', 'modelarts:pool:list', 'Count pools', inQuery],
];

export const poolsOperations = declaredOperations('pools', rows);
