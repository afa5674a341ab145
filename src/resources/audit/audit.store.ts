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
  sqlMigration('0015-audit-verdicts', [
    'ALTER TABLE audit_records ADD COLUMN credential TEXT',
    'ALTER TABLE audit_records ADD COLUMN action TEXT',
    'ALTER TABLE audit_records ADD COLUMN verdict TEXT',
    'ALTER TABLE audit_records ADD COLUMN target TEXT',
    'ALTER TABLE audit_records ADD COLUMN workspace_id TEXT',
    'ALTER TABLE audit_records ADD COLUMN for_user_id TEXT',
    'ALTER TABLE audit_records ADD COLUMN for_user_name TEXT',
    'ALTER TABLE audit_records ADD COLUMN for_account_id TEXT',
    'ALTER TABLE audit_records ADD COLUMN for_account_name TEXT',
    'CREATE INDEX audit_records_user ON audit_records (account_id, principal_name, time)',
    'CREATE INDEX audit_records_time ON audit_records (time)',
    `CREATE TABLE action_uses (
      account_id TEXT NOT NULL, subject_id TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL,
      conditions TEXT NOT NULL, day INTEGER NOT NULL, uses INTEGER NOT NULL, last_used INTEGER NOT NULL,
      PRIMARY KEY (account_id, subject_id, action, resource, conditions, day))`,
    'CREATE INDEX action_uses_day ON action_uses (day)',
  ]),
];

export interface AuditRow {
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
  credential: string | null;
  action: string | null;
  verdict: string | null;
  target: string | null;
  workspace_id: string | null;
  for_user_id: string | null;
  for_user_name: string | null;
  for_account_id: string | null;
  for_account_name: string | null;
}

export interface UseRow {
  account_id: string;
  /** Id of the user or agency whose permissions were used. */
  subject_id: string;
  action: string;
  /** As in a policy's Resource; empty for all of the type. */
  resource: string;
  /** JSON of the condition keys that the request gave a value. */
  conditions: string;
  /** Days since the epoch. */
  day: number;
  uses: number;
  last_used: number;
}

/** What is looked for; a member that is absent narrows nothing. */
export interface AuditQuery {
  accountId: string;
  limit: number;
  from?: number | undefined;
  to?: number | undefined;
  /** The place after which to go on, newest first. */
  after?: { time: number; id: string } | undefined;
  id?: string | undefined;
  operation?: string | undefined;
  /** Name of the caller, or of the user behind it. */
  user?: string | undefined;
  service?: string | undefined;
  targetKind?: string | undefined;
  targetId?: string | undefined;
  rating?: 'normal' | 'warning' | 'incident' | undefined;
  action?: string | undefined;
  verdict?: string | undefined;
}

interface Tables {
  audit_records: AuditRow;
  action_uses: UseRow;
}

type AuditQueries = ReturnType<typeof queries>;

export interface AuditStore extends AuditQueries {
  /** Runs `work` in one transaction, so that many rows cost one wait for the disk. */
  transaction<T>(work: (rows: AuditQueries) => Promise<T>): Promise<T>;
}

/** Queries of the audit trail and of what permissions were used. */
export function auditStore(database: Database): AuditStore {
  return {
    ...queries(database),
    transaction: work => database.transaction().execute(trx => work(queries(trx))),
  };
}

function queries(database: Database) {
  const db = tables<Tables>(database);
  return {
    insert: async (rows: readonly AuditRow[]): Promise<void> => {
      if (rows.length > 0)
        await db
          .insertInto('audit_records')
          .values([...rows])
          .execute();
    },

    search(query: AuditQuery): Promise<AuditRow[]> {
      let found = db.selectFrom('audit_records').selectAll().where('account_id', '=', query.accountId);
      if (query.from !== undefined) found = found.where('time', '>=', query.from);
      if (query.to !== undefined) found = found.where('time', '<=', query.to);
      if (query.id !== undefined) found = found.where('id', '=', query.id);
      if (query.operation !== undefined) found = found.where('operation', '=', query.operation);
      if (query.action !== undefined) found = found.where('action', '=', query.action);
      if (query.verdict !== undefined) found = found.where('verdict', '=', query.verdict);
      if (query.service !== undefined) found = found.where('action', 'like', `${escapeLike(query.service)}:%`);
      if (query.targetKind !== undefined) found = found.where('target', 'like', `${escapeLike(query.targetKind)}/%`);
      if (query.targetId !== undefined) found = found.where('target', 'like', `%/${escapeLike(query.targetId)}`);
      if (query.rating === 'normal') found = found.where('status', '<', 400);
      if (query.rating === 'warning') found = found.where('status', '>=', 400).where('status', '<', 500);
      if (query.rating === 'incident') found = found.where('status', '>=', 500);
      const { user, after } = query;
      if (user !== undefined) {
        found = found.where(eb => eb.or([eb('principal_name', '=', user), eb('for_user_name', '=', user)]));
      }
      if (after !== undefined) {
        found = found.where(eb =>
          eb.or([eb('time', '<', after.time), eb.and([eb('time', '=', after.time), eb('id', '<', after.id)])]),
        );
      }
      return found.orderBy('time', 'desc').orderBy('id', 'desc').limit(query.limit).execute();
    },

    /** Removes at most `limit` records that are older; resolves with how many went. */
    async purge(before: number, limit: number): Promise<number> {
      const old = db.selectFrom('audit_records').select('id').where('time', '<', before).limit(limit);
      const result = await db.deleteFrom('audit_records').where('id', 'in', old).executeTakeFirst();
      return Number(result.numDeletedRows);
    },

    async addUses(rows: readonly UseRow[]): Promise<void> {
      for (const row of rows) {
        await db
          .insertInto('action_uses')
          .values(row)
          .onConflict(conflict =>
            conflict
              .columns(['account_id', 'subject_id', 'action', 'resource', 'conditions', 'day'])
              .doUpdateSet(eb => ({ uses: eb('action_uses.uses', '+', row.uses), last_used: row.last_used })),
          )
          .execute();
      }
    },

    uses: (accountId: string, subjectId: string, sinceDay: number): Promise<UseRow[]> =>
      db
        .selectFrom('action_uses')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('subject_id', '=', subjectId)
        .where('day', '>=', sinceDay)
        .execute(),

    purgeUses: (beforeDay: number) => db.deleteFrom('action_uses').where('day', '<', beforeDay).execute(),
  };
}

/** SQLite's LIKE has no escape unless one is named; what is looked for are ids and names, in which its wildcards are no letters. */
function escapeLike(text: string): string {
  return text.replaceAll(/[%_]/g, '');
}
