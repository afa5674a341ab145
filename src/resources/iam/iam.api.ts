import { type Operation, operation } from '../../wire/operation.ts';
import { anyObject, open, Type } from '../../wire/schema.ts';

const family = 'iam';
const links = Type.Optional(anyObject);
const named = open({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });

/** The grant of a policy to a subject at a path; GET lists, PUT grants, HEAD checks, DELETE revokes. */
function grantOperations<const P extends string>(input: {
  name: string;
  listPath: string;
  path: P;
  subject: 'group' | 'agency';
  errors: 'keystone' | 'iam';
}) {
  const what = `${input.name} of a ${input.subject}`;
  const base = { family, errors: input.errors } as const;
  return {
    list: operation({
      ...base,
      id: `List${input.name}`,
      summary: `List ${what}`,
      method: 'GET',
      path: input.listPath,
      action: 'iam:permissions:listRolesForGroup',
      status: 200,
      response: open({ roles: Type.Array(anyObject), links }),
    }),
    grant: operation({
      ...base,
      id: `Grant${input.name}`,
      summary: `Grant ${what}`,
      method: 'PUT',
      path: input.path,
      action: `iam:permissions:grantRoleTo${input.subject === 'group' ? 'Group' : 'Agency'}`,
      status: 204,
    }),
    check: operation({
      ...base,
      id: `Check${input.name}`,
      summary: `Check ${what}`,
      method: 'HEAD',
      path: input.path,
      action: 'iam:permissions:checkRoleForGroup',
      status: 204,
    }),
    revoke: operation({
      ...base,
      id: `Revoke${input.name}`,
      summary: `Revoke ${what}`,
      method: 'DELETE',
      path: input.path,
      action: `iam:permissions:revokeRoleFrom${input.subject === 'group' ? 'Group' : 'Agency'}`,
      status: 204,
    }),
  };
}

export const domainGrantsOfAgency = grantOperations({
  name: 'DomainPermissionForAgency',
  listPath: '/v3.0/OS-AGENCY/domains/{domain_id}/agencies/{agency_id}/roles',
  path: '/v3.0/OS-AGENCY/domains/{domain_id}/agencies/{agency_id}/roles/{role_id}',
  subject: 'agency',
  errors: 'iam',
});
export const projectGrantsOfAgency = grantOperations({
  name: 'ProjectPermissionForAgency',
  listPath: '/v3.0/OS-AGENCY/projects/{project}/agencies/{agency_id}/roles',
  path: '/v3.0/OS-AGENCY/projects/{project}/agencies/{agency_id}/roles/{role_id}',
  subject: 'agency',
  errors: 'iam',
});
export const allGrantsOfAgency = grantOperations({
  name: 'AllProjectsPermissionForAgency',
  listPath: '/v3.0/OS-INHERIT/domains/{domain_id}/agencies/{agency_id}/roles/inherited_to_projects',
  path: '/v3.0/OS-INHERIT/domains/{domain_id}/agencies/{agency_id}/roles/{role_id}/inherited_to_projects',
  subject: 'agency',
  errors: 'iam',
});
export const domainGrantsOfGroup = grantOperations({
  name: 'DomainPermissionForGroup',
  listPath: '/v3/domains/{domain_id}/groups/{group_id}/roles',
  path: '/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}',
  subject: 'group',
  errors: 'keystone',
});
export const projectGrantsOfGroup = grantOperations({
  name: 'ProjectPermissionForGroup',
  listPath: '/v3/projects/{project}/groups/{group_id}/roles',
  path: '/v3/projects/{project}/groups/{group_id}/roles/{role_id}',
  subject: 'group',
  errors: 'keystone',
});
export const allGrantsOfGroup = grantOperations({
  name: 'AllProjectsPermissionForGroup',
  listPath: '/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects',
  path: '/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects',
  subject: 'group',
  errors: 'keystone',
});

const keystone = { family, errors: 'keystone' } as const;
const extension = { family, errors: 'iam' } as const;

export const createToken = operation({
  ...keystone,
  id: 'KeystoneCreateToken',
  summary: 'Obtain a token with a password, another token, or an agency',
  method: 'POST',
  path: '/v3/auth/tokens',
  action: { public: 'it is how a caller proves who it is; the handler verifies password, token or agency' },
  query: open({ nocatalog: Type.Optional(Type.String()) }),
  body: open({
    auth: open({
      identity: open({
        methods: Type.Array(Type.String(), { minItems: 1 }),
        password: Type.Optional(
          open({
            user: open({
              id: Type.Optional(Type.String()),
              name: Type.Optional(Type.String()),
              password: Type.String(),
              domain: Type.Optional(named),
            }),
          }),
        ),
        token: Type.Optional(
          open({ id: Type.Optional(Type.String()), duration_seconds: Type.Optional(Type.Integer()) }),
        ),
        assume_role: Type.Optional(
          open({
            agency_name: Type.String(),
            domain_id: Type.Optional(Type.String()),
            domain_name: Type.Optional(Type.String()),
          }),
        ),
      }),
      scope: Type.Optional(open({ project: Type.Optional(named), domain: Type.Optional(named) })),
    }),
  }),
  status: 201,
  response: open({ token: anyObject }),
});

const authenticated = (reason: string) => ({ authenticated: reason });
const own = authenticated('it shows what the caller itself can reach');

export const validateToken = operation({
  ...keystone,
  id: 'KeystoneValidateToken',
  summary: 'Show a token',
  method: 'GET',
  path: '/v3/auth/tokens',
  action: authenticated('the token that is shown must be given, and be of the same account'),
  status: 200,
  response: open({ token: anyObject }),
});
export const listAuthProjects = operation({
  ...keystone,
  id: 'KeystoneListAuthProjects',
  summary: 'List the projects the caller reaches',
  method: 'GET',
  path: '/v3/auth/projects',
  action: own,
  status: 200,
  response: open({ projects: Type.Array(anyObject), links }),
});
export const listAuthDomains = operation({
  ...keystone,
  id: 'KeystoneListAuthDomains',
  summary: 'List the accounts the caller reaches',
  method: 'GET',
  path: '/v3/auth/domains',
  action: own,
  status: 200,
  response: open({ domains: Type.Array(anyObject), links }),
});
export const showCatalog = operation({
  ...keystone,
  id: 'KeystoneShowCatalog',
  summary: 'List services and their addresses',
  method: 'GET',
  path: '/v3/auth/catalog',
  action: own,
  status: 200,
  response: open({ catalog: Type.Array(anyObject), links }),
});
export const listProjects = operation({
  ...keystone,
  id: 'KeystoneListProjects',
  summary: 'List the projects of the account',
  method: 'GET',
  path: '/v3/projects',
  action: own,
  query: open({ name: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ projects: Type.Array(anyObject), links }),
});
export const listRegions = operation({
  ...keystone,
  id: 'KeystoneListRegions',
  summary: 'List regions',
  method: 'GET',
  path: '/v3/regions',
  action: own,
  status: 200,
  response: open({ regions: Type.Array(anyObject), links }),
});

export const listUsers = operation({
  ...keystone,
  id: 'KeystoneListUsers',
  summary: 'List IAM users',
  method: 'GET',
  path: '/v3/users',
  action: 'iam:users:listUsers',
  query: open({
    name: Type.Optional(Type.String()),
    enabled: Type.Optional(Type.Boolean()),
    domain_id: Type.Optional(Type.String()),
  }),
  status: 200,
  response: open({ users: Type.Array(anyObject), links }),
});
const userBody = open({
  name: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String({ maxLength: 255 })),
});
const newUserBody = open({ user: open({ ...userBody.properties, name: Type.String() }) });
const oneUser = open({ user: anyObject });
export const createUser = operation({
  ...keystone,
  id: 'KeystoneCreateUser',
  summary: 'Create an IAM user',
  method: 'POST',
  path: '/v3/users',
  action: 'iam:users:createUser',
  body: newUserBody,
  status: 201,
  response: oneUser,
});
export const createUserByAdmin = operation({
  ...extension,
  id: 'CreateUser',
  summary: 'Create an IAM user',
  method: 'POST',
  path: '/v3.0/OS-USER/users',
  action: 'iam:users:createUser',
  body: newUserBody,
  status: 201,
  response: oneUser,
});
export const showUser = operation({
  ...keystone,
  id: 'KeystoneShowUser',
  summary: 'Show an IAM user',
  method: 'GET',
  path: '/v3/users/{user_id}',
  action: 'iam:users:getUser',
  status: 200,
  response: oneUser,
});
export const showUserDetails = operation({
  ...extension,
  id: 'ShowUser',
  summary: 'Show an IAM user',
  method: 'GET',
  path: '/v3.0/OS-USER/users/{user_id}',
  action: 'iam:users:getUser',
  status: 200,
  response: oneUser,
});
export const updateUser = operation({
  ...keystone,
  id: 'KeystoneUpdateUserByAdmin',
  summary: 'Change an IAM user',
  method: 'PATCH',
  path: '/v3/users/{user_id}',
  action: 'iam:users:updateUser',
  body: open({ user: userBody }),
  status: 200,
  response: oneUser,
});
export const deleteUser = operation({
  ...keystone,
  id: 'KeystoneDeleteUser',
  summary: 'Delete an IAM user',
  method: 'DELETE',
  path: '/v3/users/{user_id}',
  action: 'iam:users:deleteUser',
  status: 204,
});
export const changePassword = operation({
  ...keystone,
  id: 'KeystoneUpdateUserPassword',
  summary: 'Change the own password',
  method: 'POST',
  path: '/v3/users/{user_id}/password',
  action: authenticated('only the user itself may, and must know the old password'),
  body: open({ user: open({ password: Type.String(), original_password: Type.String() }) }),
  status: 204,
});
export const listGroupsOfUser = operation({
  ...keystone,
  id: 'KeystoneListGroupsForUser',
  summary: 'List the groups of a user',
  method: 'GET',
  path: '/v3/users/{user_id}/groups',
  action: 'iam:groups:listGroupsForUser',
  status: 200,
  response: open({ groups: Type.Array(anyObject), links }),
});

const oneGroup = open({ group: anyObject });
export const listGroups = operation({
  ...keystone,
  id: 'KeystoneListGroups',
  summary: 'List user groups',
  method: 'GET',
  path: '/v3/groups',
  action: 'iam:groups:listGroups',
  query: open({ name: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ groups: Type.Array(anyObject), links }),
});
export const createGroup = operation({
  ...keystone,
  id: 'KeystoneCreateGroup',
  summary: 'Create a user group',
  method: 'POST',
  path: '/v3/groups',
  action: 'iam:groups:createGroup',
  body: open({ group: open({ name: Type.String(), description: Type.Optional(Type.String()) }) }),
  status: 201,
  response: oneGroup,
});
export const showGroup = operation({
  ...keystone,
  id: 'KeystoneShowGroup',
  summary: 'Show a user group',
  method: 'GET',
  path: '/v3/groups/{group_id}',
  action: 'iam:groups:getGroup',
  status: 200,
  response: oneGroup,
});
export const deleteGroup = operation({
  ...keystone,
  id: 'KeystoneDeleteGroup',
  summary: 'Delete a user group',
  method: 'DELETE',
  path: '/v3/groups/{group_id}',
  action: 'iam:groups:deleteGroup',
  status: 204,
});
export const listUsersOfGroup = operation({
  ...keystone,
  id: 'KeystoneListUsersForGroupByAdmin',
  summary: 'List the users of a group',
  method: 'GET',
  path: '/v3/groups/{group_id}/users',
  action: 'iam:users:listUsersForGroup',
  status: 200,
  response: open({ users: Type.Array(anyObject), links }),
});
export const addUserToGroup = operation({
  ...keystone,
  id: 'KeystoneAddUserToGroup',
  summary: 'Add a user to a group',
  method: 'PUT',
  path: '/v3/groups/{group_id}/users/{user_id}',
  action: 'iam:permissions:addUserToGroup',
  status: 204,
});
export const removeUserFromGroup = operation({
  ...keystone,
  id: 'KeystoneRemoveUserFromGroup',
  summary: 'Remove a user from a group',
  method: 'DELETE',
  path: '/v3/groups/{group_id}/users/{user_id}',
  action: 'iam:permissions:removeUserFromGroup',
  status: 204,
});

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
const policyBody = open({
  role: open({
    display_name: Type.String(),
    type: Type.String(),
    description: Type.Optional(Type.String()),
    policy: anyObject,
  }),
});
const oneRole = open({ role: anyObject });
export const listCustomPolicies = operation({
  ...extension,
  id: 'ListCustomPolicies',
  summary: 'List custom policies',
  method: 'GET',
  path: '/v3.0/OS-ROLE/roles',
  action: 'iam:roles:listRoles',
  status: 200,
  response: open({ roles: Type.Array(anyObject), links, total_number: Type.Integer() }),
});
export const createCustomPolicy = operation({
  ...extension,
  id: 'CreateCustomPolicy',
  summary: 'Create a custom policy',
  method: 'POST',
  path: '/v3.0/OS-ROLE/roles',
  action: 'iam:roles:createRole',
  body: policyBody,
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

const ownKeys = authenticated(
  'users manage their own keys; those of others need iam:credentials actions, which the handler asks for',
);
const oneKey = open({ credential: anyObject });
export const createKey = operation({
  ...extension,
  id: 'CreatePermanentAccessKey',
  summary: 'Create a permanent access key; its secret is shown this once',
  method: 'POST',
  path: '/v3.0/OS-CREDENTIAL/credentials',
  action: ownKeys,
  body: open({
    credential: open({ user_id: Type.String(), description: Type.Optional(Type.String({ maxLength: 255 })) }),
  }),
  status: 201,
  response: oneKey,
});
export const listKeys = operation({
  ...extension,
  id: 'ListPermanentAccessKeys',
  summary: 'List permanent access keys',
  method: 'GET',
  path: '/v3.0/OS-CREDENTIAL/credentials',
  action: ownKeys,
  query: open({ user_id: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ credentials: Type.Array(anyObject) }),
});
export const showKey = operation({
  ...extension,
  id: 'ShowPermanentAccessKey',
  summary: 'Show a permanent access key',
  method: 'GET',
  path: '/v3.0/OS-CREDENTIAL/credentials/{access_key}',
  action: ownKeys,
  status: 200,
  response: oneKey,
});
export const updateKey = operation({
  ...extension,
  id: 'UpdatePermanentAccessKey',
  summary: 'Change a permanent access key',
  method: 'PUT',
  path: '/v3.0/OS-CREDENTIAL/credentials/{access_key}',
  action: ownKeys,
  body: open({
    credential: open({
      status: Type.Optional(Type.Union([Type.Literal('active'), Type.Literal('inactive')])),
      description: Type.Optional(Type.String({ maxLength: 255 })),
    }),
  }),
  status: 200,
  response: oneKey,
});
export const deleteKey = operation({
  ...extension,
  id: 'DeletePermanentAccessKey',
  summary: 'Delete a permanent access key',
  method: 'DELETE',
  path: '/v3.0/OS-CREDENTIAL/credentials/{access_key}',
  action: ownKeys,
  status: 204,
});
export const createTemporaryKey = operation({
  ...extension,
  id: 'CreateTemporaryAccessKey',
  summary: 'Obtain a temporary access key with a token or an agency',
  method: 'POST',
  path: '/v3.0/OS-CREDENTIAL/securitytokens',
  action: authenticated('it carries no more rights than the caller, or than an agency that trusts its account'),
  body: open({
    auth: open({
      identity: open({
        methods: Type.Array(Type.String(), { minItems: 1 }),
        token: Type.Optional(
          open({
            id: Type.Optional(Type.String()),
            duration_seconds: Type.Optional(Type.Integer({ minimum: 900, maximum: 86_400 })),
          }),
        ),
        assume_role: Type.Optional(
          open({
            agency_name: Type.String(),
            domain_id: Type.Optional(Type.String()),
            domain_name: Type.Optional(Type.String()),
            duration_seconds: Type.Optional(Type.Integer({ minimum: 900, maximum: 86_400 })),
          }),
        ),
      }),
    }),
  }),
  status: 201,
  response: oneKey,
});

const oneAgency = open({ agency: anyObject });
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
    }),
  }),
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

const grantSets = [
  domainGrantsOfAgency,
  projectGrantsOfAgency,
  allGrantsOfAgency,
  domainGrantsOfGroup,
  projectGrantsOfGroup,
  allGrantsOfGroup,
];

export const iamOperations: readonly Operation[] = [
  createToken,
  validateToken,
  listAuthProjects,
  listAuthDomains,
  showCatalog,
  listProjects,
  listRegions,
  listUsers,
  createUser,
  createUserByAdmin,
  showUser,
  showUserDetails,
  updateUser,
  deleteUser,
  changePassword,
  listGroupsOfUser,
  listGroups,
  createGroup,
  showGroup,
  deleteGroup,
  listUsersOfGroup,
  addUserToGroup,
  removeUserFromGroup,
  listRoles,
  showRole,
  listCustomPolicies,
  createCustomPolicy,
  showCustomPolicy,
  updateCustomPolicy,
  deleteCustomPolicy,
  createKey,
  listKeys,
  showKey,
  updateKey,
  deleteKey,
  createTemporaryKey,
  listAgencies,
  createAgency,
  showAgency,
  updateAgency,
  deleteAgency,
  ...grantSets.flatMap(set => [set.list, set.grant, set.check, set.revoke]),
] as unknown as readonly Operation[];
