import { type AuditNote, Reply, type Route, route } from '../../http/index.ts';
import type { AccountService } from './account.service.ts';
import { invalid, missing } from './iam.failures.ts';
import type { IamSessions } from './iam.sessions.ts';
import type { IamViews } from './iam.view.ts';
import * as api from './provider.api.ts';
import { PROTOCOL, type ProviderService } from './provider.service.ts';
import type { Mapping, OidcConfig, Provider } from './provider.ts';
import { type Scope, scopeProject } from './token.scope.ts';

export interface ProviderRouteDeps {
  providers: ProviderService;
  accounts: AccountService;
  sessions: IamSessions;
  views: IamViews;
}

/** The one way of single sign-on there is: every person is a user of its own, without an IAM user behind it. */
const SSO_TYPE = 'virtual_user_sso';

/** Identity providers, mappings, and logins by ID tokens. */
export function providerRoutes({ providers, accounts, sessions, views }: ProviderRouteDeps): Route[] {
  const link = (path: string) => views.links(`/v3/OS-FEDERATION/${path}`);

  const providerView = (provider: Provider) => ({
    id: provider.id,
    description: provider.description,
    enabled: provider.enabled,
    sso_type: SSO_TYPE,
    remote_ids: [],
    links: {
      self: link(`identity_providers/${provider.id}`).self,
      protocols: link(`identity_providers/${provider.id}/protocols`).self,
    },
  });
  const protocolView = (providerId: string, mappingId: string) => ({
    id: PROTOCOL,
    mapping_id: mappingId,
    links: {
      identity_provider: link(`identity_providers/${providerId}`).self,
      self: link(`identity_providers/${providerId}/protocols/${PROTOCOL}`).self,
    },
  });
  const mappingView = ({ id, rules }: Mapping) => ({ id, rules, links: { self: link(`mappings/${id}`).self } });

  async function login(input: {
    providerId: string;
    idToken: string;
    address: string;
    scope?: Scope | undefined;
    note: (note: AuditNote) => void;
  }) {
    const { user, principal } = await providers.login(input.providerId, input.idToken, input.address);
    input.note({ who: { ...principal, credential: 'id-token' } });
    const project = await scopeProject(accounts, principal, input.scope);
    const { token, claims } = await sessions.issueToken(principal, project?.id, { generation: user.generation });
    const federation = await providers.federation(principal);
    const body = views.token({ claims, methods: ['mapped'], principal, project, catalog: true, federation });
    return new Reply(body, { headers: { 'X-Subject-Token': token } });
  }

  return [
    route(api.listProviders, async ({ principal }) => ({
      identity_providers: (await providers.providers(principal.accountId)).map(providerView),
      links: link('identity_providers'),
    })),
    route(api.showProvider, async ({ principal, params }) => ({
      identity_provider: providerView(await providers.provider(principal.accountId, params.idp_id)),
    })),
    route(api.createProvider, async ({ principal, params, body }) => {
      const { sso_type, enabled, description } = body.identity_provider;
      if (sso_type !== undefined && sso_type !== SSO_TYPE) {
        throw invalid(`Field [identity_provider.sso_type] should be ${SSO_TYPE}: no other is supported.`);
      }
      const made = await providers.createProvider(principal.accountId, params.idp_id, { enabled, description });
      return { identity_provider: providerView(made) };
    }),
    route(api.updateProvider, async ({ principal, params, body }) => {
      const { enabled, description } = body.identity_provider;
      const updated = await providers.updateProvider(principal.accountId, params.idp_id, { enabled, description });
      return { identity_provider: providerView(updated) };
    }),
    route(api.deleteProvider, async ({ principal, params }) => {
      await providers.deleteProvider(principal.accountId, params.idp_id);
      return new Reply(undefined);
    }),

    route(api.listProtocols, async ({ principal, params }) => ({
      protocols: (await providers.protocols(principal.accountId, params.idp_id)).map(({ mappingId }) =>
        protocolView(params.idp_id, mappingId),
      ),
      links: link(`identity_providers/${params.idp_id}/protocols`),
    })),
    route(api.showProtocol, async ({ principal, params }) => {
      const { id, mappingId } = await providers.protocol(principal.accountId, params.idp_id, params.protocol_id);
      return { protocol: protocolView(id, mappingId) };
    }),
    ...([api.createProtocol, api.updateProtocol] as const).map(operation =>
      route(operation, async ({ principal, params, body }) => {
        const { mapping_id } = body.protocol;
        const isNew = operation === api.createProtocol;
        await providers.setProtocol(principal.accountId, params.idp_id, params.protocol_id, mapping_id, isNew);
        return { protocol: protocolView(params.idp_id, mapping_id) };
      }),
    ),
    route(api.deleteProtocol, async ({ principal, params }) => {
      await providers.deleteProtocol(principal.accountId, params.idp_id, params.protocol_id);
      return new Reply(undefined);
    }),

    route(api.listMappings, async ({ principal }) => ({
      mappings: (await providers.mappings(principal.accountId)).map(mappingView),
      links: link('mappings'),
    })),
    route(api.showMapping, async ({ principal, params }) => ({
      mapping: mappingView(await providers.mapping(principal.accountId, params.mapping_id)),
    })),
    route(api.createMapping, async ({ principal, params, body }) => ({
      mapping: mappingView(await providers.createMapping(principal.accountId, params.mapping_id, body.mapping.rules)),
    })),
    route(api.updateMapping, async ({ principal, params, body }) => ({
      mapping: mappingView(await providers.updateMapping(principal.accountId, params.mapping_id, body.mapping.rules)),
    })),
    route(api.deleteMapping, async ({ principal, params }) => {
      await providers.deleteMapping(principal.accountId, params.mapping_id);
      return new Reply(undefined);
    }),

    route(api.createOidcConfig, async ({ principal, params, body }) => {
      const config = configOf(body.openid_connect_config) as OidcConfig;
      return { openid_connect_config: { ...(await providers.createOidc(principal.accountId, params.idp_id, config)) } };
    }),
    route(api.showOidcConfig, async ({ principal, params }) => ({
      openid_connect_config: { ...(await providers.oidc(principal.accountId, params.idp_id)) },
    })),
    route(api.updateOidcConfig, async ({ principal, params, body }) => {
      const patch = configOf(body.openid_connect_config);
      return { openid_connect_config: { ...(await providers.updateOidc(principal.accountId, params.idp_id, patch)) } };
    }),

    route(api.createUnscopedToken, async call => {
      const { idp_id, protocol_id } = call.params;
      const idToken = /^Bearer +(\S+)$/i.exec(header(call.headers.authorization) ?? '')?.[1];
      if (!idToken) throw invalid('The header Authorization must carry the ID token: Bearer, a blank, and the token.');
      if (protocol_id !== PROTOCOL) throw missing('protocol', protocol_id);
      return login({ providerId: idp_id, idToken, address: call.remoteAddress, note: call.note });
    }),
    route(api.createTokenWithIdToken, async call => {
      const providerId = header(call.headers['x-idp-id']);
      if (!providerId) throw invalid('The header X-Idp-Id must name the identity provider.');
      const { id_token, scope } = call.body.auth;
      return login({ providerId, idToken: id_token.id, address: call.remoteAddress, scope, note: call.note });
    }),
  ];
}

/** The members of a config that are kept; others that were sent are not. */
function configOf(sent: Readonly<Record<string, unknown>>): Partial<OidcConfig> {
  const kept = [
    'access_mode',
    'idp_url',
    'client_id',
    'signing_key',
    'authorization_endpoint',
    'scope',
    'response_type',
    'response_mode',
  ] as const;
  return Object.fromEntries(kept.filter(name => sent[name] !== undefined).map(name => [name, sent[name]]));
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
