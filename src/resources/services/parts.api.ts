import { anyObject, open, Type } from '../../wire/schema.ts';

const text = Type.Optional(Type.String());
const numeric = Type.Optional(Type.Union([Type.Number(), Type.String()]));

/** `schedule[]`: when a service stops by itself. */
export const schedule = Type.Optional(Type.Array(anyObject));

/** One member of `config[]`. */
export const entry = open({
  model_id: Type.String(),
  weight: numeric,
  specification: text,
  instance_count: numeric,
  envs: Type.Optional(anyObject),
  deploy_timeout_in_seconds: numeric,
  pool_name: text,
  cluster_id: text,
  custom_spec: Type.Optional(anyObject),
  additional_properties: Type.Optional(anyObject),
});

/** A service as the list shows it. */
export const listItem = open({
  service_id: Type.String(),
  service_name: Type.String(),
  description: Type.String(),
  infer_type: Type.String(),
  status: Type.String(),
  progress: Type.Integer(),
  owner: Type.String(),
  tenant: Type.String(),
  project: Type.String(),
  workspace_id: Type.String(),
  publish_at: Type.Integer(),
  transition_at: Type.Integer(),
  operation_time: Type.Integer(),
  start_time: Type.Optional(Type.Integer()),
  due_time: Type.Optional(Type.Integer()),
  invocation_times: Type.Integer(),
  failed_times: Type.Integer(),
  schedule: Type.Array(anyObject),
  additional_properties: anyObject,
  is_shared: Type.Boolean(),
  shared_count: Type.Integer(),
  is_free: Type.Boolean(),
});
