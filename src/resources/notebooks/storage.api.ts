import { type DeclaredRow, declaredOperations } from '../../wire/declared.ts';

const storage = '/v1/{project_id}/notebooks/{instance_id}/storage';
const ofNotebook = { target: { kind: 'notebook', param: 'instance_id' } };

/** Storage mounted into running notebook instances (reference modelarts.json; actions: behaviour/permissions.md 6). */
const rows: readonly DeclaredRow[] = [
  ['ListDynamicStorages', 'GET', storage, 'modelarts:notebook:listMountedStorages', 'List mounted storage', ofNotebook],
  ['AttachDynamicStorage', 'POST', storage, 'modelarts:notebook:mountStorage', 'Mount storage', ofNotebook],
  [
    'ShowDynamicStorage',
    'GET',
    `${storage}/{storage_id}`,
    'modelarts:notebook:getMountedStorage',
    'Show mounted storage',
    ofNotebook,
  ],
  [
    'DetachDynamicStorage',
    'DELETE',
    `${storage}/{storage_id}`,
    'modelarts:notebook:umountStorage',
    'Unmount storage',
    ofNotebook,
  ],
];

export const storageOperations = declaredOperations('notebooks', rows);
