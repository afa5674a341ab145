import { operation, textAt, workspaceOfQuery } from '../../wire/operation.ts';
import { nullable, open, queryInteger, type Static, Type } from '../../wire/schema.ts';

export const SERVICE_TYPES = ['COMMON', 'INFERENCE', 'TRAIN', 'DEV', 'UNKNOWN'] as const;
export const DEV_SERVICES = ['NOTEBOOK', 'SSH'] as const;
export const CATEGORIES = ['CPU', 'GPU', 'ASCEND'] as const;
export const ARCHITECTURES = ['X86_64', 'AARCH64'] as const;
export const VISIBILITIES = ['PRIVATE', 'PUBLIC'] as const;

/** Id of the preset image of notebook instances, the same on every installation. */
export const NOTEBOOK_IMAGE_ID = '7b6a1c52-0f3e-4d0c-9a55-1f0c4c7e2a01';

const text = Type.Optional(nullable(Type.String()));
const IMAGES = '/v1/{project_id}/images';

/** Images (reference modelarts.json and behaviour/notebooks.md 3; actions: behaviour/permissions.md 6). */
const images = {
  family: 'images',
  errors: 'modelarts',
  invalid: { code: 'ModelArts.6332', status: 400 },
} as const;
const oneImage = { ...images, target: { kind: 'image', param: 'id' } } as const;

export const imageAnswer = open({
  id: Type.String(),
  name: Type.String(),
  namespace: Type.String(),
  tag: Type.String(),
  swr_path: Type.String(),
  description: Type.String(),
  arch: Type.String(),
  origin: Type.String(),
  type: Type.String(),
  resource_categories: Type.Array(Type.String()),
  dev_services: Type.Array(Type.String()),
  service_type: Type.String(),
  visibility: Type.String(),
  status: Type.String(),
  status_message: Type.String(),
  size: Type.Integer(),
  workspace_id: Type.String(),
  create_at: Type.Integer(),
  update_at: Type.Integer(),
});

const envelope = {
  current: Type.Integer(),
  pages: Type.Integer(),
  size: Type.Integer(),
  total: Type.Integer(),
};
const sorting = {
  limit: queryInteger(1, 500, 200),
  offset: queryInteger(0, 1_000_000_000, 0),
  sort_key: Type.Optional(Type.String()),
  sort_dir: Type.Optional(Type.Enum(['ASC', 'DESC', 'asc', 'desc'])),
};
const filters = {
  name: Type.Optional(Type.String()),
  name_fuzzy_match: Type.Optional(Type.Boolean()),
  namespace: Type.Optional(Type.String()),
  type: Type.Optional(Type.Enum(['BUILD_IN', 'DEDICATED'])),
  workspace_id: Type.Optional(Type.String()),
};

const registration = open({
  swr_path: Type.String({ minLength: 1, maxLength: 700 }),
  arch: Type.Optional(nullable(Type.Enum([...ARCHITECTURES]))),
  description: Type.Optional(nullable(Type.String({ maxLength: 512 }))),
  origin: Type.Optional(nullable(Type.Enum(['CUSTOMIZE', 'IMAGE_SAVE']))),
  resource_category: Type.Optional(nullable(Type.Array(Type.Enum([...CATEGORIES]), { maxItems: 3 }))),
  service_type: Type.Optional(nullable(Type.Enum([...SERVICE_TYPES]))),
  services: Type.Optional(nullable(Type.Array(Type.Enum([...DEV_SERVICES]), { maxItems: 2 }))),
  visibility: Type.Optional(nullable(Type.Enum([...VISIBILITIES]))),
  workspace_id: text,
});
export type ImageRegistration = Static<typeof registration>;

const imageTag = open({ key: Type.String({ minLength: 1, maxLength: 36 }), value: Type.String({ maxLength: 43 }) });

const deletion = {
  query: open({ force: Type.Optional(Type.Boolean()) }),
  // The documents put it in the query, the official client in the body (reference api/README 2.3).
  body: open({ is_force: Type.Optional(nullable(Type.Boolean())) }),
  bodyOptional: true,
  status: 200,
} as const;

export const listImage = operation({
  ...images,
  id: 'ListImage',
  summary: 'List images',
  method: 'GET',
  path: IMAGES,
  action: 'modelarts:image:list',
  workspace: workspaceOfQuery,
  query: open({
    ...filters,
    ...sorting,
    service_type: Type.Optional(Type.Enum([...SERVICE_TYPES])),
    show_name: Type.Optional(Type.String()),
    show_tag: Type.Optional(Type.String()),
  }),
  status: 200,
  response: open({ ...envelope, data: Type.Array(imageAnswer) }),
});

export const registerImage = operation({
  ...images,
  id: 'RegisterImage',
  summary: 'Register an image',
  method: 'POST',
  path: IMAGES,
  action: 'modelarts:image:register',
  workspace: ({ body }) => textAt(body, 'workspace_id'),
  body: registration,
  makes: { kind: 'image', id: 'id' },
  status: 200,
  response: imageAnswer,
});

export const listImageGroup = operation({
  ...images,
  id: 'ListImageGroup',
  summary: 'List images by name',
  method: 'GET',
  path: `${IMAGES}/group`,
  action: 'modelarts:image:listGroup',
  workspace: workspaceOfQuery,
  query: open({ ...filters, limit: sorting.limit, offset: sorting.offset }),
  status: 200,
  response: open({
    ...envelope,
    is_swr_enterprise: Type.Boolean(),
    data: Type.Array(
      open({
        id: Type.String(),
        name: Type.String(),
        namespace: Type.String(),
        version_count: Type.Integer(),
        read_me: Type.String(),
        tags: Type.Array(imageTag),
      }),
    ),
  }),
});

export const deleteImageGroup = operation({
  ...images,
  ...deletion,
  id: 'DeleteImageGroup',
  summary: 'Delete all images of a name',
  method: 'DELETE',
  path: `${IMAGES}/group/{id}`,
  action: 'modelarts:image:delete',
  target: { kind: 'image-group', param: 'id' },
  response: open({}),
});

/** No document names the actions of this and of `sync`: they are for those who register images. */
export const updateImageGroup = operation({
  ...images,
  id: 'UpdateImageGroup',
  summary: 'Describe the images of a name',
  method: 'PUT',
  path: `${IMAGES}/group/{id}`,
  action: 'modelarts:image:register',
  target: { kind: 'image-group', param: 'id' },
  body: open({
    read_me: Type.Optional(nullable(Type.String({ maxLength: 32_768 }))),
    tags: Type.Optional(nullable(Type.Array(imageTag, { maxItems: 20 }))),
  }),
  status: 200,
  response: open({}),
});

export const syncImage = operation({
  ...images,
  id: 'SyncImage',
  summary: 'Look again at the content of an image',
  method: 'POST',
  path: `${IMAGES}/{image_id}/sync`,
  action: 'modelarts:image:register',
  target: { kind: 'image', param: 'image_id' },
  status: 200,
  response: imageAnswer,
});

export const showImage = operation({
  ...oneImage,
  id: 'ShowImage',
  summary: 'Show an image',
  method: 'GET',
  path: `${IMAGES}/{id}`,
  action: 'modelarts:image:get',
  status: 200,
  response: imageAnswer,
});

export const deleteImage = operation({
  ...oneImage,
  ...deletion,
  id: 'DeleteImage',
  summary: 'Delete an image',
  method: 'DELETE',
  path: `${IMAGES}/{id}`,
  action: 'modelarts:image:delete',
  response: imageAnswer,
});

export const imagesOperations = [
  listImage,
  registerImage,
  listImageGroup,
  updateImageGroup,
  deleteImageGroup,
  showImage,
  syncImage,
  deleteImage,
];
