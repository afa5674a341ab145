import type { Audit } from '../../http/audit.ts';
import { uuid } from '../../kernel/ids.ts';
import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';

export const auditMigrations = [
  sqlMigration('0008-audit', [
    `CREATE TABLE audit_records (
      id TEXT PRIMARY KEY,
      time INTEGER NOT NULL,
      request_id TEXT NOT NULL,
      operation TEXT NOT NULL,
      method TEXT NOT NULL,
      path TEXT NOT NULL,
      status INTEGER NOT NULL,
      error_code TEXT,
      principal_id TEXT,
      principal_name TEXT,
      principal_kind TEXT,
      account_id TEXT,
      project_id TEXT,
      source_address TEXT NOT NULL,
      duration_ms INTEGER NOT NULL
    )`,
    'CREATE INDEX audit_records_account ON audit_records (account_id, time)',
  ]),
];

interface Tables {
  audit_records: {
    id: string;
    time: number;
    request_id: string;
    operation: string;
    method: string;
    path: string;
    status: number;
    error_code: string | null;
    principal_id: string | null;
    principal_name: string | null;
    principal_kind: string | null;
    account_id: string | null;
    project_id: string | null;
    source_address: string;
    duration_ms: number;
  };
}

/** The audit trail in the database: who changed what, when, from where, with which result. */
export function createAudit(database: Database): Audit {
  const db = tables<Tables>(database);
  return async record => {
    await db
      .insertInto('audit_records')
      .values({
        id: uuid(),
        time: record.time,
        request_id: record.requestId,
        operation: record.operation,
        method: record.method,
        path: record.path,
        status: record.status,
        error_code: record.errorCode ?? null,
        principal_id: record.principalId ?? null,
        principal_name: record.principalName ?? null,
        principal_kind: record.principalKind ?? null,
        account_id: record.accountId ?? null,
        project_id: record.projectId ?? null,
        source_address: record.sourceAddress,
        duration_ms: record.durationMs,
      })
      .execute();
  };
}
