import { operation } from '../../wire/operation.ts';
import { anyObject, open, Type } from '../../wire/schema.ts';

const family = 'iam';
const links = Type.Optional(anyObject);
const named = open({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });
const keystone = { family, errors: 'keystone' } as const;
const extension = { family, errors: 'iam' } as const;
const authenticated = (reason: string) => ({ authenticated: reason });
const page = {
  page: Type.Optional(Type.Integer({ minimum: 1 })),
  per_page: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000 })),
};
const own = authenticated('it shows what the caller itself can reach');
const oneKey = open({ credential: anyObject });

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
export const validateToken = operation({
  ...keystone,
  id: 'KeystoneValidateToken',
  summary: 'Show a token',
  method: 'GET',
  path: '/v3/auth/tokens',
  query: open({ nocatalog: Type.Optional(Type.String()) }),
  action: authenticated('the token that is shown must be given, and be of the same account'),
  beforePasswordChange: true,
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
  query: open({
    name: Type.Optional(Type.String()),
    domain_id: Type.Optional(Type.String()),
    parent_id: Type.Optional(Type.String()),
    enabled: Type.Optional(Type.Boolean()),
    ...page,
  }),
  status: 200,
  response: open({ projects: Type.Array(anyObject), links }),
});
export const showProject = operation({
  ...keystone,
  id: 'KeystoneShowProject',
  summary: 'Show a project of the account',
  method: 'GET',
  path: '/v3/projects/{project}',
  action: own,
  status: 200,
  response: open({ project: anyObject }),
});
export const createProject = operation({
  ...keystone,
  id: 'KeystoneCreateProject',
  summary: 'Create a subproject of the region',
  method: 'POST',
  path: '/v3/projects',
  action: 'iam:projects:createProject',
  body: open({
    project: open({
      name: Type.String(),
      parent_id: Type.Optional(Type.String()),
      domain_id: Type.Optional(Type.String()),
      description: Type.Optional(Type.String({ maxLength: 255 })),
    }),
  }),
  makes: { kind: 'project', id: 'project.id' },
  status: 201,
  response: open({ project: anyObject }),
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
export const createTemporaryKey = operation({
  ...extension,
  id: 'CreateTemporaryAccessKey',
  summary: 'Obtain a temporary access key with a token or an agency',
  method: 'POST',
  path: '/v3.0/OS-CREDENTIAL/securitytokens',
  membersOnce: true,
  action: authenticated('it carries no more rights than the caller, or than an agency that trusts its account'),
  body: open({
    auth: open({
      identity: open({
        methods: Type.Array(Type.String(), { minItems: 1 }),
        policy: Type.Optional(Type.Unknown()),
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
  makes: { kind: 'access-key', id: 'credential.access' },
  status: 201,
  response: oneKey,
});
