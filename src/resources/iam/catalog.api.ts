import { operation } from '../../wire/operation.ts';
import { anyObject, oneOf, open, Type } from '../../wire/schema.ts';

const keystone = { family: 'iam', errors: 'keystone' } as const;
const extension = { family: 'iam', errors: 'iam' } as const;
const links = Type.Optional(anyObject);
const told = { authenticated: 'it tells what this installation is made of, and nothing of any tenant' };

/** What services and regions there are, and how much of everything an account may have. */
export const showVersion = operation({
  ...keystone,
  id: 'KeystoneShowVersion',
  summary: 'Show the version of the identity API',
  method: 'GET',
  path: '/v3',
  action: { public: 'clients look for the version before they have a credential; it names nothing else' },
  status: 200,
  response: open({ version: anyObject }),
});
export const showRegion = operation({
  ...keystone,
  id: 'KeystoneShowRegion',
  summary: 'Show a region',
  method: 'GET',
  path: '/v3/regions/{region_id}',
  action: told,
  status: 200,
  response: open({ region: anyObject }),
});
export const listServices = operation({
  ...keystone,
  id: 'KeystoneListServices',
  summary: 'List services',
  method: 'GET',
  path: '/v3/services',
  action: told,
  query: open({ type: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ services: Type.Array(anyObject), links }),
});
export const showService = operation({
  ...keystone,
  id: 'KeystoneShowService',
  summary: 'Show a service',
  method: 'GET',
  path: '/v3/services/{iam_service_id}',
  action: told,
  status: 200,
  response: open({ service: anyObject }),
});
export const listEndpoints = operation({
  ...keystone,
  id: 'KeystoneListEndpoints',
  summary: 'List the addresses of services',
  method: 'GET',
  path: '/v3/endpoints',
  action: told,
  query: open({
    interface: Type.Optional(oneOf(['public', 'internal', 'admin'])),
    service_id: Type.Optional(Type.String()),
  }),
  status: 200,
  response: open({ endpoints: Type.Array(anyObject), links }),
});
export const showEndpoint = operation({
  ...keystone,
  id: 'KeystoneShowEndpoint',
  summary: 'Show an address of a service',
  method: 'GET',
  path: '/v3/endpoints/{endpoint_id}',
  action: told,
  status: 200,
  response: open({ endpoint: anyObject }),
});
export const showDomainQuota = operation({
  ...extension,
  id: 'ShowDomainQuota',
  summary: 'Show how many users, groups, policies and agencies the account has and may have',
  method: 'GET',
  path: '/v3.0/OS-QUOTA/domains/{domain_id}',
  action: 'iam:quotas:listQuotas',
  query: open({ type: Type.Optional(Type.String()) }),
  status: 200,
  response: open({ quotas: anyObject }),
});
export const showProjectQuota = operation({
  ...extension,
  id: 'ShowProjectQuota',
  summary: 'Show how many projects the account has and may have',
  method: 'GET',
  path: '/v3.0/OS-QUOTA/projects/{project}',
  action: 'iam:quotas:listQuotasForProject',
  status: 200,
  response: open({ quotas: anyObject }),
});
export const updateProject = operation({
  ...keystone,
  id: 'KeystoneUpdateProject',
  summary: 'Change a project',
  method: 'PATCH',
  path: '/v3/projects/{project}',
  action: 'iam:projects:updateProject',
  body: open({
    project: open({ name: Type.Optional(Type.String()), description: Type.Optional(Type.String({ maxLength: 255 })) }),
  }),
  status: 200,
  response: open({ project: anyObject }),
});
export const showProjectStatus = operation({
  ...extension,
  id: 'ShowProjectDetailsAndStatus',
  summary: 'Show a project and its status',
  method: 'GET',
  path: '/v3-ext/projects/{project}',
  action: { authenticated: 'it shows a project of the caller’s account, as the list of projects does' },
  status: 200,
  response: open({ project: anyObject }),
});
export const updateProjectStatus = operation({
  ...extension,
  id: 'UpdateProjectStatus',
  summary: 'Suspend or resume a project',
  method: 'PUT',
  path: '/v3-ext/projects/{project}',
  action: 'iam:projects:updateProjectStatus',
  body: open({ project: open({ status: oneOf(['normal', 'suspended']) }) }),
  status: 204,
});
