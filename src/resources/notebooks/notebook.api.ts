import { type DeclaredRow, declaredOperations, workspaceOfQuery } from '../../wire/declared.ts';
import { textAt } from '../../wire/operation.ts';
import { poolType } from '../../wire/pool-type.ts';

const notebooks = '/v1/{project_id}/notebooks';
const notebook = `${notebooks}/{id}`;
const storage = `${notebooks}/{instance_id}/storage`;
const inQuery = { workspace: workspaceOfQuery };

/** Notebook instances (reference modelarts.json; actions: behaviour/permissions.md 6). */
const rows: readonly DeclaredRow[] = [
  ['ListNotebooks', 'GET', notebooks, 'modelarts:notebook:list', 'List the notebook instances of the caller', inQuery],
  [
    'ListAllNotebooks',
    'GET',
    `${notebooks}/all`,
    'modelarts:notebook:listAllNotebooks',
    'List the notebook instances of all users',
    inQuery,
  ],
  [
    'CreateNotebook',
    'POST',
    notebooks,
    'modelarts:notebook:create',
    'Create a notebook instance',
    {
      workspace: ({ body }) => textAt(body, 'workspace_id'),
      conditions: ({ body }) => poolType(textAt(body, 'pool_id')),
    },
  ],
  ['ShowNotebook', 'GET', notebook, 'modelarts:notebook:get', 'Show a notebook instance'],
  ['UpdateNotebook', 'PUT', notebook, 'modelarts:notebook:update', 'Change a notebook instance'],
  ['DeleteNotebook', 'DELETE', notebook, 'modelarts:notebook:delete', 'Delete a notebook instance'],
  ['StartNotebook', 'POST', `${notebook}/start`, 'modelarts:notebook:start', 'Start a notebook instance'],
  ['StopNotebook', 'POST', `${notebook}/stop`, 'modelarts:notebook:stop', 'Stop a notebook instance'],
  ['RenewLease', 'PATCH', `${notebook}/lease`, 'modelarts:notebook:updateStopPolicy', 'Prolong a notebook instance'],
  ['ShowLease', 'GET', `${notebook}/lease`, 'modelarts:notebook:get', 'Show until when a notebook instance runs'],
  ['CreateImage', 'POST', `${notebook}/create-image`, 'modelarts:image:create', 'Save a notebook instance as an image'],
  ['ListDynamicStorages', 'GET', storage, 'modelarts:notebook:listMountedStorages', 'List mounted storage'],
  ['AttachDynamicStorage', 'POST', storage, 'modelarts:notebook:mountStorage', 'Mount storage'],
  [
    'ShowDynamicStorage',
    'GET',
    `${storage}/{storage_id}`,
    'modelarts:notebook:getMountedStorage',
    'Show mounted storage',
  ],
  ['DetachDynamicStorage', 'DELETE', `${storage}/{storage_id}`, 'modelarts:notebook:umountStorage', 'Unmount storage'],
];

export const notebooksOperations = declaredOperations('notebooks', rows);
