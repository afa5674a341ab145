import { type Need, operation } from '../../wire/operation.ts';
import { oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const base = { family: 'authorizations', errors: 'modelarts' } as const;

/** Whoever may give agencies permissions can give the platform's agency any; binding one takes no less (behaviour/permissions.md 7). */
const BIND: Need = {
  action: 'iam:permissions:grantRoleToAgency',
  why: 'to decide by which agency the platform acts for whom',
  code: 'ModelArts.0108',
};
const needs = () => [BIND];

export const createAgency = operation({
  ...base,
  id: 'CreateModelArtsAgency',
  summary: 'Create an agency for ModelArts with the permissions of a common user',
  method: 'POST',
  path: '/v2/{project_id}/agency',
  action: 'modelarts:authorization:create',
  needs,
  body: open({ agency_name_suffix: Type.Optional(Type.String()) }),
  bodyOptional: true,
  status: 200,
  response: open({ agency_name: Type.String() }),
});

export const createAuthorization = operation({
  ...base,
  id: 'CreateAuthorization',
  summary: 'Let the platform act for a user, or for all, through an agency',
  method: 'POST',
  path: '/v2/{project_id}/authorizations',
  action: 'modelarts:authorization:create',
  needs,
  body: open({
    user_id: Type.Optional(Type.String()),
    user_name: Type.Optional(Type.String()),
    user_type: Type.Optional(oneOf(['iam', 'federate', 'federation-group', 'grant', 'all-users'])),
    type: Type.Optional(oneOf(['agency', 'credential'])),
    content: Type.String(),
    secret_key: Type.Optional(Type.String()),
  }),
  status: 200,
  response: open({ result: Type.Boolean() }),
});

export const listAuthorizations = operation({
  ...base,
  id: 'ListAuthorizations',
  summary: 'List authorizations',
  method: 'GET',
  path: '/v2/{project_id}/authorizations',
  action: 'modelarts:authorization:list',
  query: open({
    sort_by: Type.Optional(oneOf(['user_name', 'create_time'])),
    order: Type.Optional(oneOf(['asc', 'desc'])),
    limit: queryInteger(1, 1000, 1000),
    offset: queryInteger(0, 1_000_000_000, 0),
  }),
  status: 200,
  response: open({
    total_count: Type.Integer(),
    auth: Type.Array(
      open({
        user_id: Type.String(),
        user_name: Type.String(),
        user_type: Type.String(),
        type: Type.String(),
        content: Type.String(),
        create_time: Type.Integer(),
      }),
    ),
  }),
});

export const deleteAuthorization = operation({
  ...base,
  id: 'DeleteAuthorizations',
  summary: 'Delete the authorization of a user, or of all',
  method: 'DELETE',
  path: '/v2/{project_id}/authorizations',
  action: 'modelarts:authorization:delete',
  needs,
  query: open({ user_id: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ result: Type.Boolean(), success_message: Type.Optional(Type.String()) }),
});

export const authorizationsOperations = [createAgency, createAuthorization, listAuthorizations, deleteAuthorization];
