import { refusal } from '../../wire/refusal.ts';

const common = { family: 'images', errors: 'modelarts' } as const;

/** Operations on images that this platform does not do (reference modelarts.json). */
export const refusedOfImages = [
  refusal(
    {
      ...common,
      id: 'UpdateImageGroup',
      method: 'PUT',
      path: '/v1/{project_id}/images/group/{id}',
      summary: 'describe and tag an image group',
      action: 'modelarts:image:register',
    },
    {
      code: 'ModelArts.6334',
      status: 400,
      message: 'Image groups have no text and no tags of their own: they are the images of one name and namespace.',
      solution: 'Describe each image when it is registered: POST /v1/{project_id}/images with description.',
    },
  ),
  refusal(
    {
      ...common,
      id: 'SyncImage',
      method: 'POST',
      path: '/v1/{project_id}/images/{id}/sync',
      summary: 'read an image again from its registry',
      action: 'modelarts:image:register',
      target: { kind: 'image', param: 'id' },
    },
    {
      code: 'ModelArts.6334',
      status: 400,
      message: 'A registered image stays what it was when it was registered, so that what ran once runs again.',
      solution: 'Delete it and register it anew, or register another tag.',
    },
  ),
];
