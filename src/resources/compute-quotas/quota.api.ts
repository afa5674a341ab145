import { operation, textAt } from '../../wire/operation.ts';
import { nullable, open, Type } from '../../wire/schema.ts';

const limit = Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 1_000_000 })));
const count = Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: 1_000_000 })));
/** What may run at the same time; what is absent or null is not limited. */
const limits = { vcpus: limit, memory_gib: limit, gpus: limit, workloads: count };
const answer = open({
  account_id: Type.String(),
  /** Absent where all workspaces are meant. */
  workspace_id: Type.Optional(Type.String()),
  /** Absent where all users are meant. */
  user_id: Type.Optional(Type.String()),
  limits: open(limits),
  used: open({ vcpus: Type.Number(), memory_gib: Type.Number(), gpus: Type.Number(), workloads: Type.Integer() }),
});

const account = {
  family: 'compute-quotas',
  errors: 'keystone',
  path: '/v3/domains/{domain_id}/compute-quota',
  action: { operator: 'how much of the machine an account gets is for whoever runs the installation to say' },
  status: 200,
  response: answer,
} as const;

export const showAccountComputeQuota = operation({
  ...account,
  id: 'ShowAccountComputeQuota',
  summary: 'Show what an account may run at the same time, and runs',
  method: 'GET',
});

export const setAccountComputeQuota = operation({
  ...account,
  id: 'SetAccountComputeQuota',
  summary: 'Limit what an account may run at the same time',
  method: 'PUT',
  body: open(limits),
});

const within = {
  family: 'compute-quotas',
  errors: 'modelarts',
  invalid: { code: 'ModelArts.7005', status: 400 },
  path: '/v1/{project_id}/compute-quotas',
  status: 200,
  response: answer,
} as const;
const scope = { workspace_id: Type.Optional(Type.String()), user_id: Type.Optional(Type.String()) };

export const showComputeQuota = operation({
  ...within,
  id: 'ShowComputeQuota',
  summary: 'Show what the account, a workspace or a user may run at the same time, and runs',
  method: 'GET',
  action: 'modelarts:workspace:getQuotas',
  workspace: ({ query }) => textAt(query, 'workspace_id'),
  query: open(scope),
});

export const setComputeQuota = operation({
  ...within,
  id: 'SetComputeQuota',
  summary: 'Limit what a workspace or a user may run at the same time',
  method: 'PUT',
  action: 'modelarts:workspace:updateQuotas',
  workspace: ({ body }) => textAt(body, 'workspace_id'),
  body: open({ ...scope, ...limits }),
});
