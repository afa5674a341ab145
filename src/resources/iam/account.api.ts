import { operation } from '../../wire/operation.ts';
import { anyObject, oneOf, open, Type } from '../../wire/schema.ts';

const family = 'iam';
const keystone = { family, errors: 'keystone' } as const;
const operator = { operator: 'accounts belong to the installation, not to one of them' };
const oneDomain = open({ domain: anyObject });

/** Accounts are Keystone's domains; on the cloud they come by signing up, here by whoever runs the installation. */
export const createDomain = operation({
  ...keystone,
  id: 'CreateDomain',
  summary: 'Create an account; the credentials of its root user are shown this once',
  method: 'POST',
  path: '/v3/domains',
  action: operator,
  body: open({ domain: open({ name: Type.String(), description: Type.Optional(Type.String({ maxLength: 255 })) }) }),
  makes: { kind: 'domain', id: 'domain.id' },
  status: 201,
  response: oneDomain,
});
export const listDomains = operation({
  ...keystone,
  id: 'ListDomains',
  summary: 'List the accounts of the installation',
  method: 'GET',
  path: '/v3/domains',
  action: operator,
  query: open({ name: Type.Optional(Type.String()), enabled: Type.Optional(Type.Boolean()) }),
  status: 200,
  response: open({ domains: Type.Array(anyObject) }),
});
export const showDomain = operation({
  ...keystone,
  id: 'ShowDomain',
  summary: 'Show an account',
  method: 'GET',
  path: '/v3/domains/{domain_id}',
  action: operator,
  status: 200,
  response: oneDomain,
});
export const updateDomain = operation({
  ...keystone,
  id: 'UpdateDomain',
  summary: 'Describe, disable or enable an account',
  method: 'PATCH',
  path: '/v3/domains/{domain_id}',
  action: operator,
  body: open({
    domain: open({
      name: Type.Optional(Type.String()),
      enabled: Type.Optional(Type.Boolean()),
      description: Type.Optional(Type.String({ maxLength: 255 })),
    }),
  }),
  status: 200,
  response: oneDomain,
});
export const resetDomainRoot = operation({
  ...keystone,
  id: 'ResetDomainRootCredentials',
  summary: 'Give the root user of an account a new password and key, in place of all it had',
  method: 'POST',
  path: '/v3/domains/{domain_id}/root-credentials',
  action: operator,
  status: 201,
  response: oneDomain,
});

const mode = oneOf(['strict', 'loose']);
const modeAnswer = open({ domain_id: Type.String(), mode: Type.String() });

export const showAuthMode = operation({
  family,
  errors: 'modelarts',
  id: 'ShowAuthmodeDetail',
  summary: 'Show whether ModelArts is used in strict or loose authorization mode',
  method: 'GET',
  path: '/v1/auth-mode',
  action: { authenticated: 'it tells everybody of the account by which rule the own permissions are judged' },
  status: 200,
  response: modeAnswer,
});
export const updateAuthMode = operation({
  family,
  errors: 'modelarts',
  id: 'UpdateAuthMode',
  summary: 'Switch the account between strict and loose authorization mode',
  method: 'PUT',
  path: '/v1/auth-mode',
  action: 'modelarts:authorization:update',
  // In loose mode everybody may do whatever ModelArts has, so this takes what binding an agency takes.
  needs: () => [{ action: 'iam:permissions:grantRoleToAgency', why: 'to administer authorization for the account' }],
  body: open({ mode }),
  status: 200,
  response: modeAnswer,
});
