import { type DeclaredRow, declaredOperations, workspaceOfQuery } from '../../wire/declared.ts';
import { textAt } from '../../wire/operation.ts';

const networks = '/v1/{project_id}/networks';
const network = `${networks}/{network_name}`;

/** Networks of dedicated resource pools (reference modelarts.json). */
const rows: readonly DeclaredRow[] = [
  ['ListNetworks', 'GET', networks, 'modelarts:network:list', 'List networks', { workspace: workspaceOfQuery }],
  [
    'CreateNetwork',
    'POST',
    networks,
    'modelarts:network:create',
    'Create a network',
    { workspace: ({ body }) => textAt(body, 'metadata', 'labels', 'os.modelarts/workspace.id') },
  ],
  ['ShowNetwork', 'GET', network, 'modelarts:network:get', 'Show a network'],
  ['PatchNetwork', 'PATCH', network, 'modelarts:network:update', 'Change a network'],
  ['DeleteNetwork', 'DELETE', network, 'modelarts:network:delete', 'Delete a network'],
];

export const networksOperations = declaredOperations('networks', rows);
