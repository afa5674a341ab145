import { operation, type RequestParts, textAt } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

/** Account-level, as on the real service: no project in the path (reference api/eps.json). */
const base = { family: 'enterprise-projects', errors: 'eps' } as const;
const PATH = '/v1.0/enterprise-projects';
/** Operations on one: what is granted for it counts. */
const one = {
  ...base,
  enterpriseProject: ({ params }: RequestParts) => params.enterprise_project_id,
} as const;

const detail = open({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  status: Type.Integer(),
  created_at: Type.String(),
  updated_at: Type.String(),
  type: Type.String(),
  delete_flag: Type.Boolean(),
});
const answer = open({ enterprise_project: detail });
const fields = open({
  name: Type.String(),
  description: Type.Optional(Type.String()),
  type: Type.Optional(oneOf(['prod', 'poc'])),
});

export const listEnterpriseProjects = operation({
  ...base,
  id: 'ListEnterpriseProject',
  summary: 'List enterprise projects',
  method: 'GET',
  path: PATH,
  action: 'eps:enterpriseProjects:list',
  query: open({
    id: Type.Optional(Type.String()),
    name: Type.Optional(Type.String()),
    status: queryInteger(1, 2),
    type: Type.Optional(oneOf(['prod', 'poc'])),
    sort_key: Type.Optional(oneOf(['created_at', 'updated_at'])),
    sort_dir: Type.Optional(oneOf(['asc', 'desc'])),
    limit: queryInteger(1, 1000, 1000),
    offset: queryInteger(0, 1_000_000_000, 0),
  }),
  status: 200,
  response: open({ enterprise_projects: Type.Array(detail), total_count: Type.Integer() }),
});

export const createEnterpriseProject = operation({
  ...base,
  id: 'CreateEnterpriseProject',
  summary: 'Create an enterprise project',
  method: 'POST',
  path: PATH,
  action: 'eps:enterpriseProjects:create',
  body: fields,
  status: 201,
  response: answer,
});

export const showEnterpriseProjectQuota = operation({
  ...base,
  id: 'ShowEnterpriseProjectQuota',
  summary: 'How many enterprise projects there may be and are',
  method: 'GET',
  path: `${PATH}/quotas`,
  action: 'eps:enterpriseProjects:list',
  status: 200,
  response: open({ quotas: open({ resources: Type.Array(anyObject) }) }),
});

export const listProviders = operation({
  ...base,
  id: 'ListProviders',
  summary: 'List what can be bound to enterprise projects',
  method: 'GET',
  path: `${PATH}/providers`,
  action: 'eps:enterpriseProjects:list',
  query: open({
    locale: Type.Optional(oneOf(['zh-cn', 'en-us'])),
    provider: Type.Optional(Type.String()),
    limit: queryInteger(1, 200, 200),
    offset: queryInteger(0, 1_000_000_000, 0),
  }),
  status: 200,
  response: open({ providers: Type.Array(anyObject), total_count: Type.Integer() }),
});

export const showEpConfigs = operation({
  ...base,
  id: 'ShowEpConfigs',
  summary: 'What this installation supports of enterprise projects',
  method: 'GET',
  path: '/v1/enterprise-projects/configs',
  action: 'eps:enterpriseProjects:list',
  status: 200,
  response: open({ support_item: open({ delete_ep_support: Type.String() }) }),
});

export const showEnterpriseProject = operation({
  ...one,
  id: 'ShowEnterpriseProject',
  summary: 'Show an enterprise project',
  method: 'GET',
  path: `${PATH}/{enterprise_project_id}`,
  action: 'eps:enterpriseProjects:get',
  status: 200,
  response: answer,
});

export const updateEnterpriseProject = operation({
  ...one,
  id: 'UpdateEnterpriseProject',
  summary: 'Change an enterprise project',
  method: 'PUT',
  path: `${PATH}/{enterprise_project_id}`,
  action: 'eps:enterpriseProjects:update',
  body: fields,
  status: 200,
  response: answer,
});

/** The SDK's EnableEnterpriseProject and DisableEnterpriseProject, which share an address. */
export const switchEnterpriseProject = operation({
  ...one,
  id: 'SwitchEnterpriseProject',
  summary: 'Enable or disable an enterprise project',
  method: 'POST',
  path: `${PATH}/{enterprise_project_id}/action`,
  action: {
    actions: ['eps:enterpriseProjects:enable', 'eps:enterpriseProjects:disable'],
    choose: ({ body }) => `eps:enterpriseProjects:${textAt(body, 'action') === 'enable' ? 'enable' : 'disable'}`,
  },
  body: open({ action: oneOf(['enable', 'disable']) }),
  status: 204,
});

export const deleteEnterpriseProject = operation({
  ...one,
  id: 'DeleteEnterpriseProject',
  summary: 'Delete an enterprise project that nothing is bound to',
  method: 'DELETE',
  path: `${PATH}/{enterprise_project_id}`,
  action: 'eps:enterpriseProjects:delete',
  status: 204,
});

export const showResourcesOfEnterpriseProject = operation({
  ...one,
  id: 'ShowResourceBindEnterpriseProject',
  summary: 'List the workspaces bound to an enterprise project',
  method: 'POST',
  path: `${PATH}/{enterprise_project_id}/resources/filter`,
  action: 'eps:enterpriseProjects:get',
  readOnly: true,
  body: open({
    projects: Type.Optional(Type.Array(Type.String(), { maxItems: 1000 })),
    resource_types: Type.Array(Type.String(), { maxItems: 1000 }),
    matches: Type.Optional(
      Type.Array(open({ key: oneOf(['resource_name', 'resource_id']), value: Type.String() }), { maxItems: 10 }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    offset: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
  status: 200,
  response: open({ resources: Type.Array(anyObject), errors: Type.Array(anyObject), total_count: Type.Integer() }),
});

export const migrateResource = operation({
  ...one,
  id: 'MigrateResource',
  summary: 'Refused: the enterprise project of a workspace is set when it is created',
  method: 'POST',
  path: `${PATH}/{enterprise_project_id}/resources-migrate`,
  action: 'eps:enterpriseProjects:update',
  body: open({ resource_id: Type.String(), resource_type: Type.String() }),
  status: 204,
});

export const enterpriseProjectsOperations = [
  listEnterpriseProjects,
  createEnterpriseProject,
  showEnterpriseProjectQuota,
  listProviders,
  showEpConfigs,
  showEnterpriseProject,
  updateEnterpriseProject,
  switchEnterpriseProject,
  deleteEnterpriseProject,
  showResourcesOfEnterpriseProject,
  migrateResource,
];
