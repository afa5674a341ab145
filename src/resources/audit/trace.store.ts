import type { Generated } from 'kysely';
import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import { type Rating, type Share, shareOf, type Trace } from './trace.ts';

export const traceMigrations = [
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
  sqlMigration('0017-audit-within-bounds', [
    'ALTER TABLE audit_records ADD COLUMN account_name TEXT',
    'ALTER TABLE audit_records ADD COLUMN data INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE audit_records ADD COLUMN refused INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE audit_records ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0',
    `ALTER TABLE audit_records ADD COLUMN service TEXT NOT NULL DEFAULT ''`,
    'ALTER TABLE audit_records ADD COLUMN resource_type TEXT',
    'ALTER TABLE audit_records ADD COLUMN resource_id TEXT',
    `UPDATE audit_records SET
      account_id = coalesce(account_id, ''),
      verdict = coalesce(verdict, 'none'),
      refused = status BETWEEN 400 AND 499,
      read_only = method IN ('GET', 'HEAD'),
      service = CASE
        WHEN instr(action, ':') THEN substr(action, 1, instr(action, ':') - 1)
        WHEN path LIKE '/v3%' THEN 'iam' ELSE 'modelarts' END,
      resource_type = substr(target, 1, instr(target, '/') - 1),
      resource_id = substr(target, instr(target, '/') + 1)`,
    `UPDATE audit_records SET data = 1 WHERE service = 'obs' AND resource_type = 'object'`,
    'DROP INDEX audit_records_account',
    'DROP INDEX audit_records_user',
    'DROP INDEX audit_records_time',
    'ALTER TABLE audit_records DROP COLUMN target',
    'CREATE INDEX audit_records_listed ON audit_records (account_id, time)',
    'CREATE INDEX audit_records_kept ON audit_records (account_id, refused, time)',
    'DROP TABLE action_uses',
  ]),
  sqlMigration('0031-audit-owners', ['ALTER TABLE audit_records ADD COLUMN owner_id TEXT']),
];

interface Tables {
  audit_records: {
    rowid: Generated<number>;
    id: string;
    time: number;
    account_id: string;
    account_name: string | null;
    data: number;
    refused: number;
    read_only: number;
    request_id: string;
    service: string;
    operation: string;
    method: string;
    path: string;
    status: number;
    error_code: string | null;
    principal_id: string | null;
    principal_name: string | null;
    principal_kind: string | null;
    credential: string | null;
    for_user_id: string | null;
    for_user_name: string | null;
    for_account_id: string | null;
    for_account_name: string | null;
    action: string | null;
    verdict: string;
    resource_type: string | null;
    resource_id: string | null;
    owner_id: string | null;
    workspace_id: string | null;
    project_id: string | null;
    source_address: string;
    duration_ms: number;
  };
}

type Row = Omit<Tables['audit_records'], 'rowid'>;

/** A place in the order of the trail, which is by time and then by the order of writing. */
export interface Position {
  time: number;
  seq: number;
}

/** Which part of the trail is looked at: one account's, from a time on and before another. */
export interface Stretch {
  accountId: string;
  from?: number | undefined;
  before?: number | undefined;
  /** Only what is older than this record. */
  olderThan?: Position | undefined;
}

/** What records must have; absent members mean anything. */
export interface TraceFilter {
  /** About objects of the object storage, or about all else. */
  data?: boolean | undefined;
  /** Name of who did it, or of whom it was done for. */
  user?: string | undefined;
  service?: string | undefined;
  operation?: string | undefined;
  action?: string | undefined;
  resourceType?: string | undefined;
  resourceId?: string | undefined;
  ownerId?: string | undefined;
  rating?: Rating | undefined;
  verdict?: string | undefined;
  requestId?: string | undefined;
  sourceAddress?: string | undefined;
}

/** Records that are thrown away together when there are too many. */
export interface Group {
  accountId: string;
  share: Share;
}

/** By the number that a row says it with, in `refused`. */
const SHARES: readonly Share[] = ['done', 'refused', 'strangers'];

/** Queries of the audit trail. */
export function traceStore(database: Database) {
  const db = tables<Tables>(database);

  const stretch = ({ accountId, from, before, olderThan }: Stretch) =>
    db
      .selectFrom('audit_records')
      .where('account_id', '=', accountId)
      .$if(from !== undefined, query => query.where('time', '>=', from!))
      .$if(before !== undefined, query => query.where('time', '<', before!))
      .$if(olderThan !== undefined, query =>
        query
          .where('time', '<=', olderThan!.time)
          .where(eb => eb(eb.refTuple('time', 'rowid'), '<', eb.tuple(olderThan!.time, olderThan!.seq))),
      )
      .orderBy('time', 'desc')
      .orderBy('rowid', 'desc');

  const ofGroup = ({ accountId, share }: Group, limit: number, before?: number) =>
    db
      .selectFrom('audit_records')
      .select('rowid')
      .where('account_id', '=', accountId)
      .where('refused', '=', SHARES.indexOf(share))
      .$if(before !== undefined, query => query.where('time', '<', before!))
      .orderBy('time')
      .orderBy('rowid')
      .limit(limit);

  return {
    /** Writes records together; resolved means on disk. */
    async insert(traces: readonly Trace[]): Promise<void> {
      if (traces.length === 1) {
        await db.insertInto('audit_records').values(rowOf(traces[0]!)).execute();
        return;
      }
      await db.transaction().execute(async rows => {
        for (const trace of traces) await rows.insertInto('audit_records').values(rowOf(trace)).execute();
      });
    },

    async find(accountId: string, id: string): Promise<(Trace & { seq: number }) | undefined> {
      const row = await db
        .selectFrom('audit_records')
        .selectAll()
        .select('rowid as seq')
        .where('id', '=', id)
        .where('account_id', '=', accountId)
        .executeTakeFirst();
      return row && { ...traceFrom(row), seq: row.seq };
    },

    /** Looks at no more than `scan` records, newest first; the first `limit` of them that fit. */
    async search(
      part: Stretch,
      filter: TraceFilter,
      scan: number,
      limit: number,
    ): Promise<(Trace & { seq: number })[]> {
      const { user, rating, data } = filter;
      const equal = {
        service: filter.service,
        operation: filter.operation,
        action: filter.action,
        resource_type: filter.resourceType,
        resource_id: filter.resourceId,
        owner_id: filter.ownerId,
        verdict: filter.verdict,
        request_id: filter.requestId,
        source_address: filter.sourceAddress,
      };
      let query = db
        .selectFrom(stretch(part).selectAll().select('rowid as seq').limit(scan).as('scanned'))
        .selectAll()
        .orderBy('time', 'desc')
        .orderBy('seq', 'desc')
        .limit(limit);
      for (const [column, value] of Object.entries(equal) as [keyof typeof equal, string | undefined][]) {
        if (value !== undefined) query = query.where(column, '=', value);
      }
      if (data !== undefined) query = query.where('data', '=', data ? 1 : 0);
      if (user !== undefined) {
        query = query.where(eb => eb.or([eb('principal_name', '=', user), eb('for_user_name', '=', user)]));
      }
      if (rating === 'normal') query = query.where('status', '<', 400);
      if (rating === 'warning') query = query.where('status', '>=', 400).where('status', '<', 500);
      if (rating === 'incident') query = query.where('status', '>=', 500);
      return (await query.execute()).map(row => ({ ...traceFrom(row), seq: row.seq }));
    },

    /** The last of the next `scan` records; undefined when there are fewer. */
    end: (part: Stretch, scan: number): Promise<Position | undefined> =>
      stretch(part)
        .select(['time', 'rowid as seq'])
        .offset(scan - 1)
        .limit(1)
        .executeTakeFirst(),

    async counts(): Promise<(Group & { count: number })[]> {
      const rows = await db
        .selectFrom('audit_records')
        .select(eb => ['account_id', 'refused', eb.fn.countAll<number>().as('count')])
        .groupBy(['account_id', 'refused'])
        .execute();
      return rows.map(row => ({ accountId: row.account_id, share: SHARES[row.refused]!, count: row.count }));
    },

    /** Removes at most `limit` records of a group, oldest first, only those before a time if one is given. Returns how many. */
    async removeOldest(group: Group, limit: number, before?: number): Promise<number> {
      const removed = await db
        .deleteFrom('audit_records')
        .where('rowid', 'in', ofGroup(group, limit, before))
        .executeTakeFirst();
      return Number(removed.numDeletedRows);
    },
  };
}

export type TraceStore = ReturnType<typeof traceStore>;

function rowOf(trace: Trace): Row {
  return {
    id: trace.id,
    time: trace.time,
    account_id: trace.accountId,
    account_name: trace.accountName,
    data: trace.data ? 1 : 0,
    refused: SHARES.indexOf(shareOf(trace)),
    read_only: trace.readOnly ? 1 : 0,
    request_id: trace.requestId,
    service: trace.service,
    operation: trace.operation,
    method: trace.method,
    path: trace.path,
    status: trace.status,
    error_code: trace.errorCode,
    principal_id: trace.principalId,
    principal_name: trace.principalName,
    principal_kind: trace.principalKind,
    credential: trace.credential,
    for_user_id: trace.forUserId,
    for_user_name: trace.forUserName,
    for_account_id: trace.forAccountId,
    for_account_name: trace.forAccountName,
    action: trace.action,
    verdict: trace.verdict,
    resource_type: trace.resourceType,
    resource_id: trace.resourceId,
    owner_id: trace.ownerId,
    workspace_id: trace.workspaceId,
    project_id: trace.projectId,
    source_address: trace.sourceAddress,
    duration_ms: trace.durationMs,
  };
}

function traceFrom(row: Row): Trace {
  return {
    id: row.id,
    time: row.time,
    accountId: row.account_id,
    accountName: row.account_name,
    data: row.data === 1,
    refused: row.refused > 0,
    readOnly: row.read_only === 1,
    requestId: row.request_id,
    service: row.service,
    operation: row.operation,
    method: row.method,
    path: row.path,
    status: row.status,
    errorCode: row.error_code,
    principalId: row.principal_id,
    principalName: row.principal_name,
    principalKind: row.principal_kind,
    credential: row.credential,
    forUserId: row.for_user_id,
    forUserName: row.for_user_name,
    forAccountId: row.for_account_id,
    forAccountName: row.for_account_name,
    action: row.action,
    verdict: row.verdict,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    ownerId: row.owner_id,
    workspaceId: row.workspace_id,
    projectId: row.project_id,
    sourceAddress: row.source_address,
    durationMs: row.duration_ms,
  };
}
