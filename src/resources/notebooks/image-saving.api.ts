import { declaredOperations } from '../../wire/declared.ts';

/** Saving a notebook instance as an image (reference modelarts.json). */
export const imageSavingOperations = declaredOperations('notebooks', [
  [
    'CreateImage',
    'POST',
    '/v1/{project_id}/notebooks/{id}/create-image',
    'modelarts:image:create',
    'Save a notebook instance as an image',
    { target: { kind: 'notebook', param: 'id' } },
  ],
]);
