import { operation } from '../../wire/operation.ts';
import { anyObject, open, Type } from '../../wire/schema.ts';

const extension = { family: 'iam', errors: 'iam' } as const;
const base = '/v3.0/OS-PERMISSION';
const project = `${base}/enterprise-projects/{enterprise_project_id}`;
const roles = open({ roles: Type.Array(anyObject) });

/** Grants in enterprise projects (reference iam.json, OS-PERMISSION). */
export const listGroupsOfProject = operation({
  ...extension,
  id: 'ListGroupsForEnterpriseProject',
  summary: 'List the groups that hold permissions in an enterprise project',
  method: 'GET',
  path: `${project}/groups`,
  action: 'iam:permissions:listGroupsOnEnterpriseProject',
  status: 200,
  response: open({ groups: Type.Array(anyObject) }),
});
export const listUsersOfProject = operation({
  ...extension,
  id: 'ListUsersForEnterpriseProject',
  summary: 'List the users that hold permissions of their own in an enterprise project',
  method: 'GET',
  path: `${project}/users`,
  action: 'iam:permissions:listUsersForEnterpriseProject',
  status: 200,
  response: open({ users: Type.Array(anyObject) }),
});
export const listGroupRoles = operation({
  ...extension,
  id: 'ListRolesForGroupOnEnterpriseProject',
  summary: 'List permissions of a group in an enterprise project',
  method: 'GET',
  path: `${project}/groups/{group_id}/roles`,
  action: 'iam:permissions:listRolesForGroupOnEnterpriseProject',
  status: 200,
  response: roles,
});
export const grantGroupRole = operation({
  ...extension,
  id: 'AssociateRoleToGroupOnEnterpriseProject',
  summary: 'Grant permissions to a group in an enterprise project',
  method: 'PUT',
  path: `${project}/groups/{group_id}/roles/{role_id}`,
  action: 'iam:permissions:grantRoleToGroupOnEnterpriseProject',
  status: 204,
});
export const revokeGroupRole = operation({
  ...extension,
  id: 'RevokeRoleFromGroupOnEnterpriseProject',
  summary: 'Revoke permissions of a group in an enterprise project',
  method: 'DELETE',
  path: `${project}/groups/{group_id}/roles/{role_id}`,
  action: 'iam:permissions:revokeRoleFromGroupOnEnterpriseProject',
  status: 204,
});
export const listUserRoles = operation({
  ...extension,
  id: 'ListRolesForUserOnEnterpriseProject',
  summary: 'List permissions of a user in an enterprise project',
  method: 'GET',
  path: `${project}/users/{user_id}/roles`,
  action: 'iam:permissions:listRolesForUserOnEnterpriseProject',
  status: 200,
  response: roles,
});
export const grantUserRole = operation({
  ...extension,
  id: 'AssociateRoleToUserOnEnterpriseProject',
  summary: 'Grant permissions to a user in an enterprise project',
  method: 'PUT',
  path: `${project}/users/{user_id}/roles/{role_id}`,
  action: 'iam:permissions:grantRoleToUserOnEnterpriseProject',
  status: 204,
});
export const revokeUserRole = operation({
  ...extension,
  id: 'RevokeRoleFromUserOnEnterpriseProject',
  summary: 'Revoke permissions of a user in an enterprise project',
  method: 'DELETE',
  path: `${project}/users/{user_id}/roles/{role_id}`,
  action: 'iam:permissions:revokeRoleFromUserOnEnterpriseProject',
  status: 204,
});
export const listProjectsOfGroup = operation({
  ...extension,
  id: 'ListEnterpriseProjectsForGroup',
  summary: 'List the enterprise projects in which a group holds permissions',
  method: 'GET',
  path: `${base}/groups/{group_id}/enterprise-projects`,
  action: 'iam:permissions:listEnterpriseProjectsForGroup',
  status: 200,
  response: anyObject,
});
export const listProjectsOfUser = operation({
  ...extension,
  id: 'ListEnterpriseProjectsForUser',
  summary: 'List the enterprise projects in which a user holds permissions of its own',
  method: 'GET',
  path: `${base}/users/{user_id}/enterprise-projects`,
  action: { action: 'iam:permissions:listEnterpriseProjectsForUser', own: ({ params }) => params.user_id },
  status: 200,
  response: anyObject,
});

const assignments = open({
  role_assignments: Type.Array(
    open({ agency_id: Type.String(), enterprise_project_id: Type.String(), role_id: Type.String() }),
    { minItems: 1, maxItems: 50 },
  ),
});
const agencyPath = `${base}/subjects/agency/scopes/enterprise-project/role-assignments`;

export const grantAgencyRoles = operation({
  ...extension,
  id: 'AssociateRoleToAgencyOnEnterpriseProject',
  summary: 'Grant permissions to agencies in enterprise projects',
  method: 'PUT',
  path: agencyPath,
  action: 'iam:permissions:grantRoleToAgencyOnEnterpriseProject',
  body: assignments,
  status: 204,
});
export const revokeAgencyRoles = operation({
  ...extension,
  id: 'RevokeRoleFromAgencyOnEnterpriseProject',
  summary: 'Revoke permissions of agencies in enterprise projects',
  method: 'DELETE',
  path: agencyPath,
  action: 'iam:permissions:revokeRoleFromAgencyOnEnterpriseProject',
  body: assignments,
  status: 204,
});
export const listAssignments = operation({
  ...extension,
  id: 'ShowDomainRoleAssignments',
  summary: 'List who holds which permissions where',
  method: 'GET',
  path: `${base}/role-assignments`,
  action: 'iam:permissions:listRoleAssignments',
  query: open({
    domain_id: Type.Optional(Type.String()),
    role_id: Type.Optional(Type.String()),
    subject: Type.Optional(Type.String()),
    'subject.user_id': Type.Optional(Type.String()),
    'subject.group_id': Type.Optional(Type.String()),
    'subject.agency_id': Type.Optional(Type.String()),
    scope: Type.Optional(Type.String()),
    'scope.project_id': Type.Optional(Type.String()),
    'scope.domain_id': Type.Optional(Type.String()),
    'scope.enterprise_projects_id': Type.Optional(Type.String()),
    is_inherited: Type.Optional(Type.Boolean()),
    include_group: Type.Optional(Type.Boolean({ default: true })),
    page: Type.Optional(Type.Integer({ minimum: 1 })),
    per_page: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
  }),
  status: 200,
  response: open({ total_num: Type.Integer(), role_assignments: Type.Array(anyObject) }),
});
