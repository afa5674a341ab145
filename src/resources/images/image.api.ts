import { type DeclaredRow, declaredOperations, workspaceOfQuery } from '../../wire/declared.ts';
import { textAt } from '../../wire/operation.ts';

/** Id of the preset image of notebook instances, the same on every installation. */
export const NOTEBOOK_IMAGE_ID = '7b6a1c52-0f3e-4d0c-9a55-1f0c4c7e2a01';

const images = '/v1/{project_id}/images';
const inQuery = { workspace: workspaceOfQuery };

/** Registered images (reference modelarts.json; actions: behaviour/permissions.md 6). */
const rows: readonly DeclaredRow[] = [
  ['ListImage', 'GET', images, 'modelarts:image:list', 'List images', inQuery],
  [
    'RegisterImage',
    'POST',
    images,
    'modelarts:image:register',
    'Register an image',
    { workspace: ({ body }) => textAt(body, 'workspace_id') },
  ],
  ['ListImageGroup', 'GET', `${images}/group`, 'modelarts:image:listGroup', 'List images by name', inQuery],
  ['ShowImage', 'GET', `${images}/{id}`, 'modelarts:image:get', 'Show an image'],
  ['DeleteImage', 'DELETE', `${images}/{id}`, 'modelarts:image:delete', 'Delete an image'],
];

export const imagesOperations = declaredOperations('images', rows);
