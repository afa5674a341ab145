import { operation, type RequestParts, textAt } from '../../wire/operation.ts';
import { anyObject, oneOf, open, Type } from '../../wire/schema.ts';

const family = 'iam';
const links = Type.Optional(anyObject);
const keystone = { family, errors: 'keystone' } as const;
const extension = { family, errors: 'iam' } as const;
const authenticated = (reason: string) => ({ authenticated: reason });
const userBody = open({
  domain_id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String({ maxLength: 255 })),
  access_mode: Type.Optional(oneOf(['default', 'programmatic', 'console'])),
  /** The password must be changed at the first login. */
  pwd_status: Type.Optional(Type.Boolean()),
  email: Type.Optional(Type.String()),
  areacode: Type.Optional(Type.String()),
  phone: Type.Optional(Type.String()),
  xuser_type: Type.Optional(Type.String()),
  xuser_id: Type.Optional(Type.String()),
});
const newUserBody = open({ user: open({ ...userBody.properties, name: Type.String() }) });
/** Users may look at themselves. */
const unlessSelf = (action: string) => ({ action, own: (request: RequestParts) => request.params.user_id });
const oneUser = open({ user: anyObject });
const oneGroup = open({ group: anyObject });
/** Users manage their own keys. */
const unlessOwnKey = (action: string) => ({ action, own: 'target' }) as const;
const key = { kind: 'access-key', param: 'access_key' };
const oneKey = open({ credential: anyObject });

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
    password_expires_at: Type.Optional(Type.String()),
  }),
  status: 200,
  response: open({ users: Type.Array(anyObject), links }),
});
export const createUser = operation({
  ...keystone,
  id: 'KeystoneCreateUser',
  summary: 'Create an IAM user',
  method: 'POST',
  path: '/v3/users',
  action: 'iam:users:createUser',
  body: newUserBody,
  makes: { kind: 'user', id: 'user.id' },
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
  makes: { kind: 'user', id: 'user.id' },
  status: 201,
  response: oneUser,
});
export const showUser = operation({
  ...keystone,
  id: 'KeystoneShowUser',
  summary: 'Show an IAM user',
  method: 'GET',
  path: '/v3/users/{user_id}',
  action: unlessSelf('iam:users:getUser'),
  status: 200,
  response: oneUser,
});
export const showUserDetails = operation({
  ...extension,
  id: 'ShowUser',
  summary: 'Show an IAM user',
  method: 'GET',
  path: '/v3.0/OS-USER/users/{user_id}',
  action: unlessSelf('iam:users:getUser'),
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
export const updateUserDetails = operation({
  ...extension,
  id: 'UpdateUser',
  summary: 'Change an IAM user',
  method: 'PUT',
  path: '/v3.0/OS-USER/users/{user_id}',
  action: 'iam:users:updateUser',
  body: open({ user: userBody }),
  status: 200,
  response: oneUser,
});
export const listProjectsOfUser = operation({
  ...keystone,
  id: 'KeystoneListProjectsForUser',
  summary: 'List the projects a user reaches',
  method: 'GET',
  path: '/v3/users/{user_id}/projects',
  action: unlessSelf('iam:projects:listProjectsForUser'),
  status: 200,
  response: open({ projects: Type.Array(anyObject), links }),
});
export const updateUserInformation = operation({
  ...extension,
  id: 'UpdateUserInformation',
  summary: 'Change the own e-mail address and phone number',
  method: 'PUT',
  path: '/v3.0/OS-USER/users/{user_id}/info',
  action: { action: 'iam:users:updateUser', own: ({ params }) => params.user_id },
  body: open({ user: open({ email: Type.Optional(Type.String()), mobile: Type.Optional(Type.String()) }) }),
  status: 204,
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
  beforePasswordChange: true,
  body: open({ user: open({ password: Type.String(), original_password: Type.String() }) }),
  status: 204,
});
export const listGroupsOfUser = operation({
  ...keystone,
  id: 'KeystoneListGroupsForUser',
  summary: 'List the groups of a user',
  method: 'GET',
  path: '/v3/users/{user_id}/groups',
  action: unlessSelf('iam:groups:listGroupsForUser'),
  status: 200,
  response: open({ groups: Type.Array(anyObject), links }),
});
export const listGroups = operation({
  ...keystone,
  id: 'KeystoneListGroups',
  summary: 'List user groups',
  method: 'GET',
  path: '/v3/groups',
  action: 'iam:groups:listGroups',
  query: open({ name: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()) }),
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
  body: open({
    group: open({
      name: Type.String(),
      description: Type.Optional(Type.String({ maxLength: 255 })),
      domain_id: Type.Optional(Type.String()),
    }),
  }),
  makes: { kind: 'group', id: 'group.id' },
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
export const updateGroup = operation({
  ...keystone,
  id: 'KeystoneUpdateGroup',
  summary: 'Change a user group',
  method: 'PATCH',
  path: '/v3/groups/{group_id}',
  action: 'iam:groups:updateGroup',
  body: open({
    group: open({
      name: Type.Optional(Type.String()),
      description: Type.Optional(Type.String({ maxLength: 255 })),
      domain_id: Type.Optional(Type.String()),
    }),
  }),
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
export const checkUserInGroup = operation({
  ...keystone,
  id: 'KeystoneCheckUserInGroup',
  summary: 'Check that a user is in a group',
  method: 'HEAD',
  path: '/v3/groups/{group_id}/users/{user_id}',
  action: 'iam:permissions:checkUserInGroup',
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
export const createKey = operation({
  ...extension,
  id: 'CreatePermanentAccessKey',
  summary: 'Create a permanent access key; its secret is shown this once',
  method: 'POST',
  path: '/v3.0/OS-CREDENTIAL/credentials',
  action: {
    action: 'iam:credentials:createCredential',
    // Whoever names nobody is told so by the schema, and gets no further by it.
    own: request => textAt(request.body, 'credential', 'user_id') ?? '',
  },
  body: open({
    credential: open({ user_id: Type.String(), description: Type.Optional(Type.String({ maxLength: 255 })) }),
  }),
  makes: { kind: 'access-key', id: 'credential.access' },
  status: 201,
  response: oneKey,
});
export const listKeys = operation({
  ...extension,
  id: 'ListPermanentAccessKeys',
  summary: 'List permanent access keys',
  method: 'GET',
  path: '/v3.0/OS-CREDENTIAL/credentials',
  action: { action: 'iam:credentials:listCredentials', own: request => request.query.user_id as string | undefined },
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
  action: unlessOwnKey('iam:credentials:getCredential'),
  target: key,
  status: 200,
  response: oneKey,
});
export const updateKey = operation({
  ...extension,
  id: 'UpdatePermanentAccessKey',
  summary: 'Change a permanent access key',
  method: 'PUT',
  path: '/v3.0/OS-CREDENTIAL/credentials/{access_key}',
  action: unlessOwnKey('iam:credentials:updateCredential'),
  target: key,
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
  action: unlessOwnKey('iam:credentials:deleteCredential'),
  target: key,
  status: 204,
});
