import { operation, type RequestParts, textAt } from '../../wire/operation.ts';
import { oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const base = { family: 'workspaces', errors: 'modelarts' } as const;
const PATH = '/v1/{project_id}/workspaces';
/** Operations on one workspace happen in it: grants by its enterprise project count, and the caller must be let in. */
const one = { ...base, target: { kind: 'workspace', param: 'workspace_id' } } as const;
const text = Type.Optional(Type.String());

const grant = open({ user_id: text, user_name: text, user_type: text });
const grants = Type.Array(grant, { maxItems: 1000 });
const properties = {
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  owner: Type.String(),
  create_time: Type.Integer(),
  update_time: Type.Integer(),
  auth_type: Type.String(),
  enterprise_project_id: Type.String(),
  enterprise_project_name: Type.String(),
  status: Type.String(),
  status_info: Type.String(),
};
const detail = open({ ...properties, grants });

/** Whoever grants somebody entry looks users up (behaviour/permissions.md 6, last table). */
function needsUsers({ body }: RequestParts) {
  const given = (body as { grants?: unknown } | undefined | null)?.grants;
  if (!Array.isArray(given) || given.length === 0) return [];
  return [{ action: 'iam:users:listUsers', why: 'to name users in grants' }];
}

export const listWorkspaces = operation({
  ...base,
  id: 'ListWorkspaces',
  summary: 'List workspaces',
  method: 'GET',
  path: PATH,
  action: 'modelarts:workspace:list',
  enterpriseProject: ({ query }) => textAt(query, 'enterprise_project_id'),
  query: open({
    enterprise_project_id: text,
    name: text,
    filter_accessible: Type.Optional(Type.Boolean()),
    sort_by: Type.Optional(oneOf(['name', 'update_time', 'status'])),
    order: Type.Optional(oneOf(['asc', 'desc'])),
    limit: queryInteger(1, 1000, 1000),
    offset: queryInteger(0, 1_000_000_000, 0),
  }),
  status: 200,
  response: open({ total_count: Type.Integer(), count: Type.Integer(), workspaces: Type.Array(open(properties)) }),
});

export const createWorkspace = operation({
  ...base,
  id: 'CreateWorkspace',
  summary: 'Create a workspace',
  method: 'POST',
  path: PATH,
  action: 'modelarts:workspace:create',
  enterpriseProject: ({ body }) => textAt(body, 'enterprise_project_id'),
  needs: needsUsers,
  body: open({
    name: Type.String(),
    description: text,
    auth_type: text,
    enterprise_project_id: text,
    grants: Type.Optional(grants),
  }),
  status: 200,
  response: detail,
});

export const showWorkspace = operation({
  ...one,
  id: 'ShowWorkspaceInfo',
  summary: 'Show a workspace with its grants',
  method: 'GET',
  path: `${PATH}/{workspace_id}`,
  action: 'modelarts:workspace:get',
  status: 200,
  response: detail,
});

export const updateWorkspace = operation({
  ...one,
  id: 'UpdateWorkspace',
  summary: 'Change a workspace',
  method: 'PUT',
  path: `${PATH}/{workspace_id}`,
  action: 'modelarts:workspace:update',
  needs: needsUsers,
  body: open({
    name: text,
    description: text,
    auth_type: text,
    enterprise_project_id: text,
    grants: Type.Optional(grants),
  }),
  status: 200,
  response: open({ workspace_id: Type.String() }),
});

export const deleteWorkspace = operation({
  ...one,
  id: 'DeleteWorkspace',
  summary: 'Delete a workspace with everything in it',
  method: 'DELETE',
  path: `${PATH}/{workspace_id}`,
  action: 'modelarts:workspace:delete',
  status: 200,
  response: open({ workspace_id: Type.String() }),
});

const quota = {
  resource: Type.String(),
  name_en: Type.String(),
  name_cn: Type.String(),
  quota: Type.Number(),
  min_quota: Type.Integer(),
  max_quota: Type.Integer(),
  unit_en: Type.String(),
  unit_cn: Type.String(),
  update_time: Type.Integer(),
};

export const listWorkspaceQuotas = operation({
  ...one,
  id: 'ListWorkspaceQuotas',
  summary: 'Show the quotas of a workspace and what is used of them',
  method: 'GET',
  path: `${PATH}/{workspace_id}/quotas`,
  action: 'modelarts:workspace:getQuotas',
  status: 200,
  response: open({
    quotas: Type.Array(open({ ...quota, used_quota: Type.Union([Type.Number(), Type.Null()]) })),
  }),
});

export const updateWorkspaceQuotas = operation({
  ...one,
  id: 'UpdateWorkspaceQuotas',
  summary: 'Set quotas of a workspace',
  method: 'PUT',
  path: `${PATH}/{workspace_id}/quotas`,
  action: 'modelarts:workspace:updateQuotas',
  body: open({
    quotas: Type.Array(open({ resource: Type.String(), quota: Type.Integer() }), { minItems: 1, maxItems: 100 }),
  }),
  status: 200,
  response: open({ quotas: Type.Array(open(quota)) }),
});

const scalar = Type.Union([Type.String({ maxLength: 1024 }), Type.Boolean(), Type.Number()]);

export const validateAuthorization = operation({
  ...base,
  id: 'ValidateAuthorization',
  summary: 'Ask what the caller may do in a workspace, and why',
  method: 'POST',
  path: `${PATH}/{workspace_id}/auth`,
  action: { authenticated: 'It tells callers about themselves alone: what they would learn by trying.' },
  readOnly: true,
  body: open({
    requests: Type.Array(
      open({
        action_id: Type.String({ maxLength: 256 }),
        action: Type.String({ maxLength: 256 }),
        resource: Type.Optional(Type.String({ maxLength: 1024 })),
        service_attributes: Type.Optional(
          Type.Record(Type.String({ maxLength: 128 }), Type.Union([scalar, Type.Array(scalar, { maxItems: 100 })]), {
            maxProperties: 100,
          }),
        ),
      }),
      { minItems: 1, maxItems: 100 },
    ),
  }),
  status: 200,
  response: open({
    results: Type.Array(
      open({
        action_id: Type.String(),
        action: Type.String(),
        resource: Type.Optional(Type.String()),
        verdict: oneOf(['allow', 'deny']),
        cause: Type.Array(
          open({
            policy_name: Type.String(),
            /** Index of the deciding statement within that policy, from 0; a member that the cloud does not have. */
            statement: Type.Optional(Type.Integer()),
            condition: Type.Array(
              open({ key: Type.String(), operator: Type.String(), value: Type.Array(Type.String()) }),
            ),
            reason: Type.String(),
          }),
        ),
      }),
    ),
  }),
});

export const workspacesOperations = [
  listWorkspaces,
  createWorkspace,
  showWorkspace,
  updateWorkspace,
  deleteWorkspace,
  listWorkspaceQuotas,
  updateWorkspaceQuotas,
  validateAuthorization,
];
