import { type Database, tables } from '../../store-kit/index.ts';
import type { AgencyRow, IamStore, Tables, UserRow } from './iam.schema.ts';
import type { Account, Agency, LoginFailures, Project, SubjectKind, User } from './identity.ts';

type UserPatch = Partial<Pick<User, 'name' | 'description' | 'enabled' | 'passwordHash'>>;

/** Queries of the identity tables. */
export function iamStore(database: Database): IamStore {
  return {
    ...queries(database),
    transaction: work => database.transaction().execute(trx => work(queries(trx))),
  };
}

function accountOf(row: Tables['accounts']): Account {
  return { id: row.id, name: row.name, enabled: row.enabled === 1 };
}

function projectOf(row: Tables['projects']): Project {
  return { id: row.id, accountId: row.account_id, name: row.name };
}

function userOf(row: UserRow): User {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    isRoot: row.is_root === 1,
    enabled: row.enabled === 1,
    description: row.description,
    passwordHash: row.password_hash,
    generation: row.generation,
    createdAt: row.created_at,
  };
}

function userRow(user: User): UserRow {
  return {
    id: user.id,
    account_id: user.accountId,
    name: user.name,
    is_root: user.isRoot ? 1 : 0,
    enabled: user.enabled ? 1 : 0,
    description: user.description,
    password_hash: user.passwordHash,
    generation: user.generation,
    created_at: user.createdAt,
  };
}

function agencyOf(row: AgencyRow): Agency {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    description: row.description,
    trust: row.trust,
    generation: row.generation,
    createdAt: row.created_at,
  };
}

function agencyRow(agency: Agency): AgencyRow {
  return {
    id: agency.id,
    account_id: agency.accountId,
    name: agency.name,
    description: agency.description,
    trust: agency.trust,
    generation: agency.generation,
    created_at: agency.createdAt,
  };
}
