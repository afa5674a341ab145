import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { attemptLimit } from './attempt-limit.ts';
import { duplicate, invalid, missing, overLimit } from './iam.failures.ts';
import type { IamStore } from './iam.store.ts';
import type { Federation } from './iam.view.ts';
import { checkSigningKey, verifyIdToken } from './id-token.ts';
import { applyMapping, parseRules } from './mapping.ts';
import type { ProviderStore } from './provider.store.ts';
import type { BrowserProvider, FederatedUser, Mapping, OidcConfig, Provider } from './provider.ts';

/** The one protocol that providers can have here. */
export const PROTOCOL = 'oidc';

/** How long the tokens of a login live at most; whoever logged in before has none any more. */
export const LOGIN_MS = 24 * 3_600_000;

const PROVIDERS = 10;
const MAPPINGS = 10;
const ID = /^[\w-]{1,64}$/;
const NAME = /^[^\p{Cc}]{1,128}$/u;

export interface ProviderInput {
  enabled?: boolean | undefined;
  description?: string | undefined;
}

/**
 * Use cases of identity providers, their mappings, and logins by ID tokens. What a login went by counts as long as its credentials: when
 * the provider, its protocol, keys or mapping change, those are revoked. `changed` is told of everything that alters who may do what.
 */
export function providerService(deps: {
  store: ProviderStore;
  identities: Pick<IamStore, 'account' | 'groups'>;
  clock: Clock;
  changed: () => void;
}) {
  const { store, clock, changed } = deps;
  const limit = attemptLimit(() => clock.now());

  /** The provider of that id in the account; those of others do not exist for it. */
  async function provider(accountId: string, id: string, rows: Pick<ProviderStore, 'provider'> = store) {
    const found = await rows.provider(id);
    if (found?.accountId !== accountId) throw missing('identity provider', id);
    return found;
  }

  async function mapping(accountId: string, id: string, rows: Pick<ProviderStore, 'mapping'> = store) {
    const found = await rows.mapping(accountId, id);
    if (!found) throw missing('mapping', id);
    return found;
  }

  /** Changes a provider, and revokes what its users came in by unless nothing but words change. */
  async function change(
    accountId: string,
    id: string,
    patch: (
      provider: Provider,
      rows: Pick<ProviderStore, 'mapping'>,
    ) => Promise<Parameters<ProviderStore['updateProvider']>[1]>,
  ): Promise<Provider> {
    const updated = await store.transaction(async rows => {
      const before = await provider(accountId, id, rows);
      const set = await patch(before, rows);
      if (Object.keys(set).length > 0) await rows.updateProvider(id, set);
      if (set.enabled !== undefined || set.mappingId !== undefined || set.oidc !== undefined) {
        await rows.revokeUsersOf([id]);
      }
      return { ...before, ...set };
    });
    changed();
    return updated;
  }

  function withProtocol(found: Provider, protocol: string): Provider & { mappingId: string } {
    if (protocol !== PROTOCOL || found.mappingId === null) throw missing('protocol', protocol);
    return { ...found, mappingId: found.mappingId };
  }

  function oidcOf(found: Provider): OidcConfig {
    if (!found.oidc) throw missing('openid-connect-config of identity provider', found.id);
    return found.oidc;
  }

  /** All that a login by a provider goes by. Throws Failure 401 when it is not there. */
  async function basis(id: string, rows: Pick<ProviderStore, 'provider' | 'mapping'>) {
    const found = ID.test(id) ? await rows.provider(id) : undefined;
    const mapped = found?.mappingId ? await rows.mapping(found.accountId, found.mappingId) : undefined;
    if (!found?.enabled || !found.oidc || !mapped) {
      throw refused(
        'The identity provider does not exist, is disabled, or is not set up yet.',
        'An administrator of the account gives it a protocol with a mapping, and an openid-connect-config.',
      );
    }
    return { provider: found, oidc: found.oidc, mapping: mapped };
  }

  async function admit(providerId: string, idToken: string): Promise<{ user: FederatedUser; principal: Principal }> {
    const by = await basis(providerId, store);
    const account = await deps.identities.account(by.provider.accountId);
    if (!account?.enabled) throw refused('The account of the identity provider is disabled.');
    const { idp_url: issuer, client_id: audience, signing_key: signingKey } = by.oidc;
    const claims = await verifyIdToken(idToken, { issuer, audience, signingKey }, clock.now());
    const mapped = applyMapping(by.mapping.rules, claims);
    if (!mapped) {
      throw refused(
        `No rule of the mapping ${by.mapping.id} fits the claims of the ID token, or none that does gives a user name.`,
        'An administrator of the account adds a rule: PATCH /v3/OS-FEDERATION/mappings/{id}.',
      );
    }
    if (!NAME.test(mapped.name)) {
      throw refused('The user name that the mapping gives should have 1 to 128 characters, and no control characters.');
    }
    const { user, alters } = await store.transaction(async rows => {
      // The token was verified meanwhile: it must not get in by what does not hold any more.
      if (JSON.stringify(await basis(providerId, rows)) !== JSON.stringify(by)) {
        throw refused('The identity provider was changed during the login.', 'Log in again.');
      }
      const now = clock.now();
      const groups = await rows.groupIds(account.id, mapped.groups);
      const before = await rows.federatedUserOf(providerId, claims.sub);
      if (before) await rows.noteFederatedLogin(before.id, { name: mapped.name, groups, at: now });
      else {
        await rows.insertFederatedUser({
          id: hexId(),
          account_id: account.id,
          provider_id: providerId,
          subject: claims.sub,
          name: mapped.name,
          groups: JSON.stringify(groups),
          generation: 1,
          created_at: now,
          last_login_at: now,
        });
      }
      const after = (await rows.federatedUserOf(providerId, claims.sub))!;
      const same =
        before?.name === after.name &&
        before.groups.join() === after.groups.join() &&
        before.lastLoginAt > now - LOGIN_MS;
      return { user: after, alters: !same };
    });
    if (alters) changed();
    const principal: Principal = {
      kind: 'federated',
      id: user.id,
      name: user.name,
      accountId: account.id,
      accountName: account.name,
      credential: 'token',
      groups: user.groups,
    };
    return { user, principal };
  }

  return {
    provider,
    providers: store.providers,

    /** Throws Failure 409 when the id is taken, by whatever account. */
    async createProvider(accountId: string, id: string, input: ProviderInput): Promise<Provider> {
      checkId('idp_id', id);
      const made: Provider = {
        id,
        accountId,
        enabled: input.enabled ?? true,
        description: input.description ?? '',
        mappingId: null,
        oidc: null,
        createdAt: clock.now(),
      };
      await store.transaction(async rows => {
        if (await rows.provider(id)) throw duplicate('identity provider', id);
        if ((await rows.providers(accountId)).length >= PROVIDERS) {
          throw overLimit('identity providers', PROVIDERS, 'Delete one that is not used.');
        }
        await rows.insertProvider(made);
      });
      return made;
    },

    /** Disabling ends the credentials of its users at once. */
    updateProvider: (accountId: string, id: string, input: ProviderInput) =>
      change(accountId, id, async ({ enabled }) => ({
        ...(input.description === undefined ? {} : { description: input.description }),
        ...(input.enabled === undefined || input.enabled === enabled ? {} : { enabled: input.enabled }),
      })),

    /** Its users, with their credentials, go with it. */
    async deleteProvider(accountId: string, id: string): Promise<void> {
      await provider(accountId, id);
      await store.deleteProvider(id);
      changed();
    },

    async protocols(accountId: string, id: string): Promise<{ mappingId: string }[]> {
      const { mappingId } = await provider(accountId, id);
      return mappingId === null ? [] : [{ mappingId }];
    },

    protocol: async (accountId: string, id: string, protocol: string) =>
      withProtocol(await provider(accountId, id), protocol),

    /** `isNew`: there must be none, otherwise there must be one. */
    setProtocol: (accountId: string, id: string, protocol: string, mappingId: string, isNew: boolean) =>
      change(accountId, id, async (found, rows) => {
        if (protocol !== PROTOCOL) {
          throw invalid(`Field [protocol_id] should be ${PROTOCOL}: SAML and other protocols are not supported.`);
        }
        if (isNew && found.mappingId !== null) throw duplicate('protocol', protocol);
        if (!isNew) withProtocol(found, protocol);
        await mapping(accountId, mappingId, rows);
        return found.mappingId === mappingId ? {} : { mappingId };
      }),

    async deleteProtocol(accountId: string, id: string, protocol: string): Promise<void> {
      await change(accountId, id, async found => {
        withProtocol(found, protocol);
        return { mappingId: null };
      });
    },

    mapping,
    mappings: store.mappings,

    async createMapping(accountId: string, id: string, rules: unknown): Promise<Mapping> {
      checkId('mapping_id', id);
      const made: Mapping = { accountId, id, rules: parseRules(rules) };
      await store.transaction(async rows => {
        if (await rows.mapping(accountId, id)) throw duplicate('mapping', id);
        if ((await rows.mappings(accountId)).length >= MAPPINGS) {
          throw overLimit('mappings', MAPPINGS, 'Delete one that is not used.');
        }
        await rows.setMapping(made);
      });
      return made;
    },

    /** Whoever came in by the former rules must log in again. */
    async updateMapping(accountId: string, id: string, rules: unknown): Promise<Mapping> {
      const updated: Mapping = { accountId, id, rules: parseRules(rules) };
      await store.transaction(async rows => {
        await mapping(accountId, id, rows);
        await rows.setMapping(updated);
        const users = (await rows.providers(accountId)).filter(item => item.mappingId === id);
        await rows.revokeUsersOf(users.map(item => item.id));
      });
      changed();
      return updated;
    },

    /** Throws Failure 409 while a protocol goes by it. */
    deleteMapping: (accountId: string, id: string) =>
      store.transaction(async rows => {
        await mapping(accountId, id, rows);
        const user = (await rows.providers(accountId)).find(item => item.mappingId === id);
        if (user) {
          throw new Failure({
            code: 'IAM.0009',
            status: 409,
            message: `The mapping ${id} is used by the identity provider ${user.id}.`,
            solution: 'Give its protocol another mapping, or delete the protocol.',
          });
        }
        await rows.deleteMapping(accountId, id);
      }),

    oidc: async (accountId: string, id: string) => oidcOf(await provider(accountId, id)),

    /** Throws Failure 400 naming the field that is not valid, 409 when there is one. */
    async createOidc(accountId: string, id: string, config: OidcConfig): Promise<OidcConfig> {
      await checkOidc(config);
      const { oidc } = await change(accountId, id, async found => {
        if (found.oidc) throw duplicate('openid-connect-config of identity provider', id);
        return { oidc: config };
      });
      return oidc!;
    },

    /** Changes the members given. Whoever came in by the former ones must log in again. */
    async updateOidc(accountId: string, id: string, patch: Partial<OidcConfig>): Promise<OidcConfig> {
      await checkOidc({ ...oidcOf(await provider(accountId, id)), ...patch });
      const { oidc } = await change(accountId, id, async found => ({ oidc: { ...oidcOf(found), ...patch } }));
      return oidc!;
    },

    /** How browsers sign in by a provider; undefined where they do not, or it cannot be used. */
    async browserProvider(id: string): Promise<BrowserProvider | undefined> {
      const found = ID.test(id) ? await store.provider(id) : undefined;
      return found && browserProviderOf(found);
    },

    /** The providers of an account by which browsers sign in. */
    signInProviders: async (accountId: string): Promise<Provider[]> =>
      (await store.providers(accountId)).filter(each => browserProviderOf(each) !== undefined),

    /** Logs somebody in by an ID token. Throws Failure 401 that says why not; 429 after too many from one address. */
    async login(
      providerId: string,
      idToken: string,
      address: string,
    ): Promise<{ user: FederatedUser; principal: Principal }> {
      limit.take(address);
      const admitted = await admit(providerId, idToken);
      limit.giveBack(address);
      return admitted;
    },

    federatedUser: store.federatedUser,

    /** By what a principal came in, if it is a federated user. */
    async federation(principal: Principal): Promise<Federation | undefined> {
      const user = principal.kind === 'federated' ? await store.federatedUser(principal.id) : undefined;
      if (!user) return undefined;
      const groups = await deps.identities.groups(user.accountId);
      return {
        providerId: user.providerId,
        protocol: PROTOCOL,
        groups: groups.filter(group => user.groups.includes(group.id)),
      };
    },

    /** Throws Failure 400 when several are named so. */
    async federatedUserByName(accountId: string, name: string): Promise<FederatedUser | undefined> {
      const [found, another] = await store.federatedUsersNamed(accountId, name);
      if (another) throw invalid(`Several federated users are named ${name.slice(0, 64)}: name one by its id.`);
      return found;
    },
  };
}

export type ProviderService = ReturnType<typeof providerService>;

function browserProviderOf({ enabled, mappingId, oidc }: Provider): BrowserProvider | undefined {
  if (!enabled || mappingId === null || oidc?.access_mode !== 'program_console') return undefined;
  if (oidc.authorization_endpoint === undefined) return undefined;
  return {
    authorizationEndpoint: oidc.authorization_endpoint,
    clientId: oidc.client_id,
    scope: oidc.scope ?? 'openid',
  };
}

async function checkOidc(config: OidcConfig): Promise<void> {
  for (const field of ['idp_url', 'authorization_endpoint'] as const) {
    const url = config[field];
    if (url !== undefined && !(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) {
      throw invalid(`Field [openid_connect_config.${field}] should be an http or https URL.`);
    }
  }
  if (config.access_mode === 'program_console' && config.authorization_endpoint === undefined) {
    throw invalid('Field [openid_connect_config.authorization_endpoint] is required with access_mode program_console.');
  }
  await checkSigningKey(config.signing_key);
}

function checkId(field: string, id: string): void {
  if (!ID.test(id)) throw invalid(`Field [${field}] should have 1 to 64 letters, digits, - or _.`);
}

function refused(message: string, solution?: string): Failure {
  return new Failure({ code: 'IAM.0001', status: 401, message, ...(solution ? { solution } : {}) });
}
