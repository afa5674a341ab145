import { sqlMigration } from '../../store-kit/index.ts';

/** SQL of the account that a row belongs to, where neither a column nor a key says it; `row`: NEW or OLD of a trigger. */
export const accountsOfIam: Readonly<Record<string, (row: string) => string>> = {
  accounts: row => `${row}.id`,
  // The subject may be of three tables.
  grants: row =>
    `coalesce(${['user_groups', 'agencies', 'users']
      .map(table => `(SELECT account_id FROM main.${table} WHERE id = ${row}.subject_id)`)
      .join(', ')})`,
};

/** The schema of the family. */
export const iamMigrations = [
  sqlMigration('0001-iam', [
    'CREATE TABLE accounts (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL)',
    `CREATE TABLE projects (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL,
      UNIQUE (account_id, name))`,
    `CREATE TABLE users (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, is_root INTEGER NOT NULL,
      enabled INTEGER NOT NULL, description TEXT NOT NULL, password_hash TEXT, generation INTEGER NOT NULL,
      created_at INTEGER NOT NULL, UNIQUE (account_id, name))`,
    `CREATE TABLE login_failures (
      name_hash TEXT PRIMARY KEY, count INTEGER NOT NULL, since INTEGER NOT NULL, locked_until INTEGER)`,
    `CREATE TABLE user_groups (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, description TEXT NOT NULL,
      created_at INTEGER NOT NULL, UNIQUE (account_id, name))`,
    `CREATE TABLE group_members (
      group_id TEXT NOT NULL REFERENCES user_groups(id) ON DELETE CASCADE,
      user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, PRIMARY KEY (group_id, user_id))`,
    'CREATE INDEX group_members_user ON group_members (user_id)',
    `CREATE TABLE custom_policies (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, display_name TEXT NOT NULL,
      description TEXT NOT NULL, type TEXT NOT NULL, document TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
      UNIQUE (account_id, display_name))`,
    `CREATE TABLE grants (
      subject_kind TEXT NOT NULL, subject_id TEXT NOT NULL, policy_id TEXT NOT NULL, scope TEXT NOT NULL,
      PRIMARY KEY (subject_kind, subject_id, policy_id, scope))`,
    `CREATE TABLE access_keys (
      access TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, secret_sealed TEXT NOT NULL,
      status TEXT NOT NULL, description TEXT NOT NULL, created_at INTEGER NOT NULL)`,
    'CREATE INDEX access_keys_user ON access_keys (user_id)',
    `CREATE TABLE agencies (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), name TEXT NOT NULL, description TEXT NOT NULL,
      trust TEXT NOT NULL, generation INTEGER NOT NULL, created_at INTEGER NOT NULL, UNIQUE (account_id, name))`,
    `CREATE TABLE temporary_keys (
      access TEXT PRIMARY KEY, secret_sealed TEXT NOT NULL, token_sealed TEXT NOT NULL, claims TEXT NOT NULL,
      expires_at INTEGER NOT NULL)`,
    'CREATE INDEX temporary_keys_expiry ON temporary_keys (expires_at)',
  ]),
  sqlMigration('0009-iam-auth-mode', [`ALTER TABLE accounts ADD COLUMN auth_mode TEXT NOT NULL DEFAULT 'strict'`]),
  sqlMigration('0010-iam-lifecycle', [
    `ALTER TABLE accounts ADD COLUMN description TEXT NOT NULL DEFAULT ''`,
    'ALTER TABLE accounts ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0',
    `ALTER TABLE projects ADD COLUMN description TEXT NOT NULL DEFAULT ''`,
    `ALTER TABLE projects ADD COLUMN status TEXT NOT NULL DEFAULT 'normal'`,
    `ALTER TABLE users ADD COLUMN access_mode TEXT NOT NULL DEFAULT 'default'`,
    'ALTER TABLE users ADD COLUMN must_change_password INTEGER NOT NULL DEFAULT 0',
    `ALTER TABLE users ADD COLUMN contact TEXT NOT NULL DEFAULT '{}'`,
    `ALTER TABLE users ADD COLUMN former_passwords TEXT NOT NULL DEFAULT '[]'`,
    'ALTER TABLE users ADD COLUMN password_changed_at INTEGER',
    'ALTER TABLE users ADD COLUMN last_login_at INTEGER',
    `ALTER TABLE agencies ADD COLUMN duration TEXT NOT NULL DEFAULT 'FOREVER'`,
    'ALTER TABLE agencies ADD COLUMN expires_at INTEGER',
  ]),
  sqlMigration('0011-iam-grant-times', ['ALTER TABLE grants ADD COLUMN granted_at INTEGER NOT NULL DEFAULT 0']),
  sqlMigration('0012-iam-federation', [
    `CREATE TABLE identity_providers (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id), enabled INTEGER NOT NULL, description TEXT NOT NULL,
      mapping_id TEXT, oidc_config TEXT, created_at INTEGER NOT NULL)`,
    'CREATE INDEX identity_providers_account ON identity_providers (account_id)',
    `CREATE TABLE identity_mappings (
      account_id TEXT NOT NULL REFERENCES accounts(id), id TEXT NOT NULL, rules TEXT NOT NULL, PRIMARY KEY (account_id, id))`,
    `CREATE TABLE federated_users (
      id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts(id),
      provider_id TEXT NOT NULL REFERENCES identity_providers(id) ON DELETE CASCADE, subject TEXT NOT NULL, name TEXT NOT NULL,
      groups TEXT NOT NULL, generation INTEGER NOT NULL, created_at INTEGER NOT NULL, last_login_at INTEGER NOT NULL,
      UNIQUE (provider_id, subject))`,
    'CREATE INDEX federated_users_name ON federated_users (account_id, name)',
    'CREATE INDEX federated_users_login ON federated_users (last_login_at)',
  ]),
];

export interface UserRow {
  id: string;
  account_id: string;
  name: string;
  is_root: number;
  enabled: number;
  description: string;
  password_hash: string | null;
  generation: number;
  created_at: number;
  access_mode: string;
  must_change_password: number;
  /** JSON: email, areacode, phone, xuser_type, xuser_id. */
  contact: string;
  /** JSON: hashes of the passwords before this one, newest first. */
  former_passwords: string;
  password_changed_at: number | null;
  last_login_at: number | null;
}

export interface GroupRow {
  id: string;
  account_id: string;
  name: string;
  description: string;
  created_at: number;
}

export interface PolicyRow {
  id: string;
  account_id: string;
  name: string;
  display_name: string;
  description: string;
  type: string;
  document: string;
  created_at: number;
  updated_at: number;
}

export interface AccessKeyRow {
  access: string;
  user_id: string;
  secret_sealed: string;
  status: string;
  description: string;
  created_at: number;
}

export interface TemporaryKeyRow {
  access: string;
  secret_sealed: string;
  token_sealed: string;
  claims: string;
  expires_at: number;
}

export interface AgencyRow {
  id: string;
  account_id: string;
  name: string;
  description: string;
  trust: string;
  generation: number;
  created_at: number;
  duration: string;
  expires_at: number | null;
}

export interface GrantRow {
  subject_kind: string;
  subject_id: string;
  policy_id: string;
  scope: string;
  /** Milliseconds since the epoch; 0 for grants of older versions. */
  granted_at: number;
}

export interface ProviderRow {
  /** Unique on the whole installation: a login names no account. */
  id: string;
  account_id: string;
  enabled: number;
  description: string;
  /** Mapping of the protocol `oidc`; null while the provider has no protocol. */
  mapping_id: string | null;
  /** JSON: OidcConfig; null while there is none. */
  oidc_config: string | null;
  created_at: number;
}

export interface FederatedUserRow {
  id: string;
  account_id: string;
  provider_id: string;
  /** `sub` of the ID token. */
  subject: string;
  name: string;
  /** JSON: ids of the groups of the last login. */
  groups: string;
  generation: number;
  created_at: number;
  last_login_at: number;
}

export interface Tables {
  accounts: { id: string; name: string; enabled: number; auth_mode: string; description: string; created_at: number };
  projects: { id: string; account_id: string; name: string; description: string; status: string };
  users: UserRow;
  login_failures: { name_hash: string; count: number; since: number; locked_until: number | null };
  user_groups: GroupRow;
  group_members: { group_id: string; user_id: string };
  custom_policies: PolicyRow;
  grants: GrantRow;
  access_keys: AccessKeyRow;
  agencies: AgencyRow;
  temporary_keys: TemporaryKeyRow;
  identity_providers: ProviderRow;
  identity_mappings: { account_id: string; id: string; rules: string };
  federated_users: FederatedUserRow;
}
