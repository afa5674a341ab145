import { operation } from '../../wire/operation.ts';
import { anyObject, nullable, open, Type } from '../../wire/schema.ts';

const family = 'iam';
const links = Type.Optional(anyObject);
const keystone = { family, errors: 'keystone' } as const;
const extension = { family, errors: 'iam' } as const;
const page = {
  page: Type.Optional(Type.Integer({ minimum: 1 })),
  per_page: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
};
const policyBody = open({
  role: open({
    display_name: Type.String({ minLength: 1, maxLength: 128 }),
    type: Type.Union([Type.Literal('AX'), Type.Literal('XA')]),
    description: Type.Optional(Type.String()),
    policy: anyObject,
  }),
});
const oneRole = open({ role: anyObject });
const oneAgency = open({ agency: anyObject });

export const listRoles = operation({
  ...keystone,
  id: 'KeystoneListPermissions',
  summary: 'List policies and roles',
  method: 'GET',
  path: '/v3/roles',
  action: 'iam:roles:listRoles',
  query: open({
    name: Type.Optional(Type.String()),
    display_name: Type.Optional(Type.String()),
    catalog: Type.Optional(Type.String()),
    domain_id: Type.Optional(Type.String()),
    permission_type: Type.Optional(Type.String()),
    type: Type.Optional(Type.String()),
    ...page,
  }),
  status: 200,
  response: open({ roles: Type.Array(anyObject), links, total_number: Type.Integer() }),
});
export const showRole = operation({
  ...keystone,
  id: 'KeystoneShowPermission',
  summary: 'Show a policy or role',
  method: 'GET',
  path: '/v3/roles/{role_id}',
  action: 'iam:roles:getRole',
  status: 200,
  response: open({ role: anyObject }),
});
export const listCustomPolicies = operation({
  ...extension,
  id: 'ListCustomPolicies',
  summary: 'List custom policies',
  method: 'GET',
  path: '/v3.0/OS-ROLE/roles',
  action: 'iam:roles:listRoles',
  query: open({ ...page }),
  status: 200,
  response: open({ roles: Type.Array(anyObject), links, total_number: Type.Integer() }),
});
export const createCustomPolicy = operation({
  ...extension,
  id: 'CreateCustomPolicy',
  membersOnce: true,
  summary: 'Create a custom policy',
  method: 'POST',
  path: '/v3.0/OS-ROLE/roles',
  action: 'iam:roles:createRole',
  body: policyBody,
  makes: { kind: 'role', id: 'role.id' },
  status: 201,
  response: oneRole,
});
export const showCustomPolicy = operation({
  ...extension,
  id: 'ShowCustomPolicy',
  summary: 'Show a custom policy',
  method: 'GET',
  path: '/v3.0/OS-ROLE/roles/{role_id}',
  action: 'iam:roles:getRole',
  status: 200,
  response: oneRole,
});
export const updateCustomPolicy = operation({
  ...extension,
  id: 'UpdateCustomPolicy',
  membersOnce: true,
  summary: 'Change a custom policy',
  method: 'PATCH',
  path: '/v3.0/OS-ROLE/roles/{role_id}',
  action: 'iam:roles:updateRole',
  body: policyBody,
  status: 200,
  response: oneRole,
});
export const deleteCustomPolicy = operation({
  ...extension,
  id: 'DeleteCustomPolicy',
  summary: 'Delete a custom policy',
  method: 'DELETE',
  path: '/v3.0/OS-ROLE/roles/{role_id}',
  action: 'iam:roles:deleteRole',
  status: 200,
});
export const listAgencies = operation({
  ...extension,
  id: 'ListAgencies',
  summary: 'List agencies',
  method: 'GET',
  path: '/v3.0/OS-AGENCY/agencies',
  action: 'iam:agencies:listAgencies',
  query: open({
    domain_id: Type.Optional(Type.String()),
    name: Type.Optional(Type.String()),
    trust_domain_id: Type.Optional(Type.String()),
    ...page,
  }),
  status: 200,
  response: open({ agencies: Type.Array(anyObject) }),
});
export const createAgency = operation({
  ...extension,
  id: 'CreateAgency',
  summary: 'Create an agency',
  method: 'POST',
  path: '/v3.0/OS-AGENCY/agencies',
  action: 'iam:agencies:createAgency',
  body: open({
    agency: open({
      name: Type.String(),
      domain_id: Type.Optional(Type.String()),
      trust_domain_id: Type.Optional(Type.String()),
      trust_domain_name: Type.Optional(Type.String()),
      description: Type.Optional(Type.String({ maxLength: 255 })),
      duration: Type.Optional(nullable(Type.Union([Type.String(), Type.Integer()]))),
    }),
  }),
  makes: { kind: 'agency', id: 'agency.id' },
  status: 201,
  response: oneAgency,
});
export const showAgency = operation({
  ...extension,
  id: 'ShowAgency',
  summary: 'Show an agency',
  method: 'GET',
  path: '/v3.0/OS-AGENCY/agencies/{agency_id}',
  action: 'iam:agencies:getAgency',
  status: 200,
  response: oneAgency,
});
export const updateAgency = operation({
  ...extension,
  id: 'UpdateAgency',
  summary: 'Change an agency',
  method: 'PUT',
  path: '/v3.0/OS-AGENCY/agencies/{agency_id}',
  action: 'iam:agencies:updateAgency',
  body: open({
    agency: open({
      trust_domain_id: Type.Optional(Type.String()),
      trust_domain_name: Type.Optional(Type.String()),
      description: Type.Optional(Type.String({ maxLength: 255 })),
      duration: Type.Optional(nullable(Type.Union([Type.String(), Type.Integer()]))),
    }),
  }),
  status: 200,
  response: oneAgency,
});
export const deleteAgency = operation({
  ...extension,
  id: 'DeleteAgency',
  summary: 'Delete an agency',
  method: 'DELETE',
  path: '/v3.0/OS-AGENCY/agencies/{agency_id}',
  action: 'iam:agencies:deleteAgency',
  status: 204,
});
