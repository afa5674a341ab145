import { type Database, tables } from '../../store-kit/index.ts';
import type { FederatedUserRow, ProviderRow, Tables } from './iam.schema.ts';
import type { MappingRule } from './mapping.ts';
import type { FederatedUser, Mapping, OidcConfig, Provider } from './provider.ts';

function queries(database: Database) {
  const db = tables<Tables>(database);
  const users = () =>
    db
      .selectFrom('federated_users')
      .innerJoin('identity_providers', 'identity_providers.id', 'federated_users.provider_id')
      .selectAll('federated_users')
      .select('identity_providers.enabled');

  async function usersOf(rows: readonly (FederatedUserRow & { enabled: number })[]): Promise<FederatedUser[]> {
    const named = rows.map(row => JSON.parse(row.groups) as string[]);
    const ids = [...new Set(named.flat())];
    const found =
      ids.length === 0 ? [] : await db.selectFrom('user_groups').selectAll().where('id', 'in', ids).execute();
    const accounts = new Map(found.map(group => [group.id, group.account_id]));
    return rows.map((row, at) => ({
      id: row.id,
      accountId: row.account_id,
      providerId: row.provider_id,
      name: row.name,
      enabled: row.enabled === 1,
      groups: named[at]!.filter(id => accounts.get(id) === row.account_id),
      generation: row.generation,
      lastLoginAt: row.last_login_at,
    }));
  }

  return {
    insertProvider: (provider: Provider) =>
      db
        .insertInto('identity_providers')
        .values({
          id: provider.id,
          account_id: provider.accountId,
          enabled: provider.enabled ? 1 : 0,
          description: provider.description,
          mapping_id: provider.mappingId,
          oidc_config: provider.oidc && JSON.stringify(provider.oidc),
          created_at: provider.createdAt,
        })
        .execute(),
    provider: async (id: string): Promise<Provider | undefined> => {
      const row = await db.selectFrom('identity_providers').selectAll().where('id', '=', id).executeTakeFirst();
      return row && providerOf(row);
    },
    providers: async (accountId: string): Promise<Provider[]> =>
      (
        await db
          .selectFrom('identity_providers')
          .selectAll()
          .where('account_id', '=', accountId)
          .orderBy('id')
          .execute()
      ).map(providerOf),
    /** Changes the members given and no others. */
    updateProvider: (id: string, patch: Partial<Pick<Provider, 'enabled' | 'description' | 'mappingId' | 'oidc'>>) =>
      db
        .updateTable('identity_providers')
        .set({
          ...(patch.enabled === undefined ? {} : { enabled: patch.enabled ? 1 : 0 }),
          ...(patch.description === undefined ? {} : { description: patch.description }),
          ...(patch.mappingId === undefined ? {} : { mapping_id: patch.mappingId }),
          ...(patch.oidc === undefined ? {} : { oidc_config: patch.oidc && JSON.stringify(patch.oidc) }),
        })
        .where('id', '=', id)
        .execute(),
    /** Its users go with it. */
    deleteProvider: (id: string) => db.deleteFrom('identity_providers').where('id', '=', id).execute(),
    /** Ends every credential of the provider's users. */
    revokeUsersOf: (providerIds: readonly string[]) =>
      db
        .updateTable('federated_users')
        .set(eb => ({ generation: eb('generation', '+', 1) }))
        .where('provider_id', 'in', providerIds)
        .execute(),

    mapping: async (accountId: string, id: string): Promise<Mapping | undefined> => {
      const row = await db
        .selectFrom('identity_mappings')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('id', '=', id)
        .executeTakeFirst();
      return row && mappingOf(row);
    },
    mappings: async (accountId: string): Promise<Mapping[]> =>
      (
        await db.selectFrom('identity_mappings').selectAll().where('account_id', '=', accountId).orderBy('id').execute()
      ).map(mappingOf),
    /** Makes a mapping, or gives it other rules. */
    setMapping: (mapping: Mapping) => {
      const rules = JSON.stringify(mapping.rules);
      return db
        .insertInto('identity_mappings')
        .values({ account_id: mapping.accountId, id: mapping.id, rules })
        .onConflict(conflict => conflict.columns(['account_id', 'id']).doUpdateSet({ rules }))
        .execute();
    },
    deleteMapping: (accountId: string, id: string) =>
      db.deleteFrom('identity_mappings').where('account_id', '=', accountId).where('id', '=', id).execute(),

    groupIds: async (accountId: string, names: readonly string[]): Promise<string[]> =>
      names.length === 0
        ? []
        : (
            await db
              .selectFrom('user_groups')
              .select('id')
              .where('account_id', '=', accountId)
              .where('name', 'in', names)
              .orderBy('id')
              .execute()
          ).map(row => row.id),
    insertFederatedUser: (row: FederatedUserRow) => db.insertInto('federated_users').values(row).execute(),
    noteFederatedLogin: (id: string, login: { name: string; groups: readonly string[]; at: number }) =>
      db
        .updateTable('federated_users')
        .set({ name: login.name, groups: JSON.stringify(login.groups), last_login_at: login.at })
        .where('id', '=', id)
        .execute(),
    federatedUser: async (id: string): Promise<FederatedUser | undefined> =>
      (await usersOf(await users().where('federated_users.id', '=', id).execute()))[0],
    federatedUserOf: async (providerId: string, subject: string): Promise<FederatedUser | undefined> =>
      (
        await usersOf(
          await users()
            .where('federated_users.provider_id', '=', providerId)
            .where('federated_users.subject', '=', subject)
            .execute(),
        )
      )[0],
    federatedUsersNamed: async (accountId: string, name: string): Promise<FederatedUser[]> =>
      usersOf(
        await users()
          .where('federated_users.account_id', '=', accountId)
          .where('federated_users.name', '=', name)
          .execute(),
      ),
    /** Whoever logged in since then, by a provider that is enabled. */
    federatedUsersSince: async (time: number): Promise<FederatedUser[]> =>
      (await usersOf(await users().where('federated_users.last_login_at', '>', time).execute())).filter(
        user => user.enabled,
      ),
  };
}

type ProviderRows = ReturnType<typeof queries>;

export interface ProviderStore extends ProviderRows {
  /** Runs `work` inside one transaction. */
  transaction<T>(work: (rows: ProviderRows) => Promise<T>): Promise<T>;
}

/** Queries of identity providers, mappings and federated users. */
export function providerStore(database: Database): ProviderStore {
  return {
    ...queries(database),
    transaction: work => database.transaction().execute(trx => work(queries(trx))),
  };
}

function providerOf(row: ProviderRow): Provider {
  return {
    id: row.id,
    accountId: row.account_id,
    enabled: row.enabled === 1,
    description: row.description,
    mappingId: row.mapping_id,
    oidc: row.oidc_config === null ? null : (JSON.parse(row.oidc_config) as OidcConfig),
    createdAt: row.created_at,
  };
}

function mappingOf(row: Tables['identity_mappings']): Mapping {
  return { accountId: row.account_id, id: row.id, rules: JSON.parse(row.rules) as MappingRule[] };
}
