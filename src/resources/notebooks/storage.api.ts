import { operation } from '../../wire/operation.ts';
import { nullable, open, queryInteger, Type } from '../../wire/schema.ts';

const text = Type.Optional(nullable(Type.String()));
const base = {
  family: 'notebooks',
  errors: 'modelarts',
  status: 200,
  invalid: { code: 'ModelArts.6332', status: 400 },
  target: { kind: 'notebook', param: 'instance_id' },
} as const;
const PATH = '/v1/{project_id}/notebooks/{instance_id}/storage';
const storage = open({
  id: Type.String(),
  category: Type.String(),
  mount_path: Type.String(),
  mount_type: Type.String(),
  uri: Type.String(),
  status: Type.String(),
  failure_reason: Type.Optional(Type.String()),
});

/** Storage mounted into running notebook instances (reference modelarts.json; actions: behaviour/permissions.md 6). */
export const listDynamicStorages = operation({
  ...base,
  id: 'ListDynamicStorages',
  summary: 'List mounted storage',
  method: 'GET',
  path: PATH,
  action: 'modelarts:notebook:listMountedStorages',
  query: open({ limit: queryInteger(1, 1000, 100), offset: queryInteger(0, 1_000_000_000, 0) }),
  response: open({
    current: Type.Integer(),
    data: Type.Array(storage),
    pages: Type.Integer(),
    size: Type.Integer(),
    total: Type.Integer(),
  }),
});

export const attachDynamicStorage = operation({
  ...base,
  id: 'AttachDynamicStorage',
  summary: 'Mount storage',
  method: 'POST',
  path: PATH,
  action: 'modelarts:notebook:mountStorage',
  body: open({ category: text, mount_path: text, uri: text }),
  response: storage,
});

export const showDynamicStorage = operation({
  ...base,
  id: 'ShowDynamicStorage',
  summary: 'Show mounted storage',
  method: 'GET',
  path: `${PATH}/{storage_id}`,
  action: 'modelarts:notebook:getMountedStorage',
  response: storage,
});

export const detachDynamicStorage = operation({
  ...base,
  id: 'DetachDynamicStorage',
  summary: 'Unmount storage',
  method: 'DELETE',
  path: `${PATH}/{storage_id}`,
  action: 'modelarts:notebook:umountStorage',
  response: storage,
});
