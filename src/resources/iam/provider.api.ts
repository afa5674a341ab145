import { operation } from '../../wire/operation.ts';
import { anyObject, oneOf, open, Type } from '../../wire/schema.ts';

const keystone = { family: 'iam', errors: 'keystone' } as const;
const extension = { family: 'iam', errors: 'iam' } as const;
const base = '/v3/OS-FEDERATION';
const providerPath = `${base}/identity_providers/{idp_id}` as const;
const protocolPath = `${providerPath}/protocols/{protocol_id}` as const;
const mappingPath = `${base}/mappings/{mapping_id}` as const;
const configPath = '/v3.0/OS-FEDERATION/identity-providers/{idp_id}/openid-connect-config';
const links = Type.Optional(anyObject);
const named = open({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });

const oneProvider = open({ identity_provider: anyObject });
const description = Type.Optional(Type.String({ maxLength: 255 }));
const enabled = Type.Optional(Type.Boolean());

export const listProviders = operation({
  ...keystone,
  id: 'KeystoneListIdentityProviders',
  summary: 'List identity providers',
  method: 'GET',
  path: `${base}/identity_providers`,
  action: 'iam:identityProviders:listIdentityProviders',
  status: 200,
  response: open({ identity_providers: Type.Array(anyObject), links }),
});
export const showProvider = operation({
  ...keystone,
  id: 'KeystoneShowIdentityProvider',
  summary: 'Show an identity provider',
  method: 'GET',
  path: providerPath,
  action: 'iam:identityProviders:getIdentityProvider',
  status: 200,
  response: oneProvider,
});
export const createProvider = operation({
  ...keystone,
  id: 'KeystoneCreateIdentityProvider',
  summary: 'Create an identity provider',
  method: 'PUT',
  path: providerPath,
  action: 'iam:identityProviders:createIdentityProvider',
  body: open({
    identity_provider: open({ description, enabled, sso_type: Type.Optional(Type.String()) }),
  }),
  status: 201,
  response: oneProvider,
});
export const updateProvider = operation({
  ...keystone,
  id: 'KeystoneUpdateIdentityProvider',
  summary: 'Change an identity provider',
  method: 'PATCH',
  path: providerPath,
  action: 'iam:identityProviders:updateIdentityProvider',
  body: open({ identity_provider: open({ description, enabled }) }),
  status: 200,
  response: oneProvider,
});
export const deleteProvider = operation({
  ...keystone,
  id: 'KeystoneDeleteIdentityProvider',
  summary: 'Delete an identity provider with its users',
  method: 'DELETE',
  path: providerPath,
  action: 'iam:identityProviders:deleteIdentityProvider',
  status: 204,
});

const oneProtocol = open({ protocol: anyObject });
const protocolBody = open({ protocol: open({ mapping_id: Type.String() }) });

export const listProtocols = operation({
  ...keystone,
  id: 'KeystoneListProtocols',
  summary: 'List the protocols of an identity provider',
  method: 'GET',
  path: `${providerPath}/protocols`,
  action: 'iam:identityProviders:listProtocols',
  status: 200,
  response: open({ protocols: Type.Array(anyObject), links }),
});
export const showProtocol = operation({
  ...keystone,
  id: 'KeystoneShowProtocol',
  summary: 'Show a protocol of an identity provider',
  method: 'GET',
  path: protocolPath,
  action: 'iam:identityProviders:getProtocol',
  status: 200,
  response: oneProtocol,
});
export const createProtocol = operation({
  ...keystone,
  id: 'KeystoneCreateProtocol',
  summary: 'Give an identity provider a protocol (oidc) and its mapping',
  method: 'PUT',
  path: protocolPath,
  action: 'iam:identityProviders:createProtocol',
  body: protocolBody,
  status: 201,
  response: oneProtocol,
});
export const updateProtocol = operation({
  ...keystone,
  id: 'KeystoneUpdateProtocol',
  summary: 'Give the protocol of an identity provider another mapping',
  method: 'PATCH',
  path: protocolPath,
  action: 'iam:identityProviders:updateProtocol',
  body: protocolBody,
  status: 200,
  response: oneProtocol,
});
export const deleteProtocol = operation({
  ...keystone,
  id: 'KeystoneDeleteProtocol',
  summary: 'Delete the protocol of an identity provider',
  method: 'DELETE',
  path: protocolPath,
  action: 'iam:identityProviders:deleteProtocol',
  status: 204,
});

const oneMapping = open({ mapping: anyObject });
const mappingBody = open({ mapping: open({ rules: Type.Array(anyObject) }) });

export const listMappings = operation({
  ...keystone,
  id: 'KeystoneListMappings',
  summary: 'List mappings',
  method: 'GET',
  path: `${base}/mappings`,
  action: 'iam:identityProviders:listMappings',
  status: 200,
  response: open({ mappings: Type.Array(anyObject), links }),
});
export const showMapping = operation({
  ...keystone,
  id: 'KeystoneShowMapping',
  summary: 'Show a mapping',
  method: 'GET',
  path: mappingPath,
  action: 'iam:identityProviders:getMapping',
  status: 200,
  response: oneMapping,
});
export const createMapping = operation({
  ...keystone,
  id: 'KeystoneCreateMapping',
  summary: 'Create a mapping of claims to users and groups',
  method: 'PUT',
  path: mappingPath,
  action: 'iam:identityProviders:createMapping',
  body: mappingBody,
  status: 201,
  response: oneMapping,
});
export const updateMapping = operation({
  ...keystone,
  id: 'KeystoneUpdateMapping',
  summary: 'Give a mapping other rules',
  method: 'PATCH',
  path: mappingPath,
  action: 'iam:identityProviders:updateMapping',
  body: mappingBody,
  status: 200,
  response: oneMapping,
});
export const deleteMapping = operation({
  ...keystone,
  id: 'KeystoneDeleteMapping',
  summary: 'Delete a mapping',
  method: 'DELETE',
  path: mappingPath,
  action: 'iam:identityProviders:deleteMapping',
  status: 204,
});

const accessMode = oneOf(['program', 'program_console']);
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const browser = {
  authorization_endpoint: Type.Optional(text(255)),
  scope: Type.Optional(text(255)),
  response_type: Type.Optional(oneOf(['id_token'])),
  response_mode: Type.Optional(oneOf(['fragment', 'form_post'])),
};
const oneConfig = open({ openid_connect_config: anyObject });

export const createOidcConfig = operation({
  ...extension,
  id: 'CreateOpenIdConnectConfig',
  summary: 'Say how the ID tokens of an identity provider are verified',
  method: 'POST',
  path: configPath,
  action: 'iam:identityProviders:createOpenIDConnectConfig',
  body: open({
    openid_connect_config: open({
      access_mode: accessMode,
      idp_url: text(255),
      client_id: text(255),
      signing_key: Type.String(),
      ...browser,
    }),
  }),
  status: 201,
  response: oneConfig,
});
export const showOidcConfig = operation({
  ...extension,
  id: 'ShowOpenIdConnectConfig',
  summary: 'Show how the ID tokens of an identity provider are verified',
  method: 'GET',
  path: configPath,
  action: 'iam:identityProviders:getOpenIDConnectConfig',
  status: 200,
  response: oneConfig,
});
export const updateOidcConfig = operation({
  ...extension,
  id: 'UpdateOpenIdConnectConfig',
  summary: 'Change how the ID tokens of an identity provider are verified',
  method: 'PUT',
  path: configPath,
  action: 'iam:identityProviders:updateOpenIDConnectConfig',
  body: open({
    openid_connect_config: open({
      access_mode: Type.Optional(accessMode),
      idp_url: Type.Optional(text(255)),
      client_id: Type.Optional(text(255)),
      signing_key: Type.Optional(Type.String()),
      ...browser,
    }),
  }),
  status: 200,
  response: oneConfig,
});

const byIdToken = { public: 'it is how a federated user proves who it is; the handler verifies the ID token' };

export const createUnscopedToken = operation({
  ...keystone,
  id: 'CreateUnscopedTokenWithIdToken',
  summary: 'Obtain an unscoped token with an ID token (header Authorization: Bearer)',
  method: 'POST',
  path: `${protocolPath}/auth`,
  action: byIdToken,
  status: 201,
  response: open({ token: anyObject }),
});
export const createTokenWithIdToken = operation({
  ...extension,
  id: 'CreateTokenWithIdToken',
  summary: 'Obtain a token with an ID token (header X-Idp-Id names the identity provider)',
  method: 'POST',
  path: '/v3.0/OS-AUTH/id-token/tokens',
  action: byIdToken,
  body: open({
    auth: open({
      id_token: open({ id: Type.String() }),
      scope: Type.Optional(open({ project: Type.Optional(named), domain: Type.Optional(named) })),
    }),
  }),
  status: 201,
  response: open({ token: anyObject }),
});
