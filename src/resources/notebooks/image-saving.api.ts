import { operation } from '../../wire/operation.ts';
import { nullable, open, Type } from '../../wire/schema.ts';

const text = Type.Optional(nullable(Type.String()));

/** Saving a notebook instance as an image (reference modelarts.json). */
export const createImage = operation({
  id: 'CreateImage',
  family: 'notebooks',
  summary: 'Save a notebook instance as an image',
  method: 'POST',
  path: '/v1/{project_id}/notebooks/{id}/create-image',
  action: 'modelarts:image:create',
  target: { kind: 'notebook', param: 'id' },
  body: open({
    name: Type.String(),
    namespace: Type.String(),
    tag: text,
    description: text,
    workspace_id: text,
  }),
  status: 200,
  response: open({ id: Type.String(), status: Type.String() }),
  errors: 'modelarts',
  invalid: { code: 'ModelArts.6332', status: 400 },
});
