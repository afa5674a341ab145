import { type Database, sqlMigration, tables } from '../store-kit/index.ts';
import { type Entry, entryOf } from './entry.ts';
import type { QuotaLimits, WorkloadKind } from './types.ts';

/** SQL of the account that a row of a quota belongs to; `row`: NEW or OLD of a trigger. See `scopeKey`. */
export const accountsOfAdmission: Readonly<Record<string, (row: string) => string>> = {
  workload_quotas: row => `json_extract(${row}.scope, '$[0]')`,
};

export const admissionMigrations = [
  sqlMigration('0007-admission', [
    `CREATE TABLE workloads (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      account_id TEXT NOT NULL,
      project_id TEXT NOT NULL,
      vcpus REAL NOT NULL,
      memory_bytes INTEGER NOT NULL,
      gpus REAL NOT NULL,
      sequence INTEGER NOT NULL,
      submitted_at INTEGER NOT NULL,
      admitted_at INTEGER,
      position INTEGER NOT NULL,
      reason_code TEXT NOT NULL,
      reason TEXT NOT NULL
    )`,
    'CREATE INDEX workloads_queue ON workloads (admitted_at, sequence)',
  ]),
  // Memory is made from the rows at start, so no query needs an index; positions and reasons are found when somebody asks.
  sqlMigration('0020-admission', [
    'DROP INDEX workloads_queue',
    ...['position', 'reason_code', 'reason'].map(column => `ALTER TABLE workloads DROP COLUMN ${column}`),
    ...[
      'workspace_id TEXT',
      'user_id TEXT',
      'pool TEXT',
      'tasks INTEGER NOT NULL DEFAULT 1',
      'priority INTEGER NOT NULL DEFAULT 1',
      'preemptible INTEGER NOT NULL DEFAULT 0',
      'reissued INTEGER NOT NULL DEFAULT 0',
      'ends_within_ms INTEGER',
      'avoid_nodes TEXT',
      'nodes TEXT',
      'preempted_by TEXT',
    ].map(column => `ALTER TABLE workloads ADD COLUMN ${column}`),
    `UPDATE workloads SET nodes = '["public"]' WHERE admitted_at IS NOT NULL`,
    `CREATE TABLE workload_quotas (
      scope TEXT PRIMARY KEY,
      vcpus REAL,
      memory_bytes INTEGER,
      gpus REAL,
      workloads INTEGER
    )`,
  ]),
];

interface WorkloadRow {
  id: string;
  kind: string;
  name: string;
  account_id: string;
  project_id: string;
  workspace_id: string | null;
  user_id: string | null;
  pool: string | null;
  vcpus: number;
  memory_bytes: number;
  gpus: number;
  tasks: number;
  priority: number;
  preemptible: number;
  reissued: number;
  ends_within_ms: number | null;
  avoid_nodes: string | null;
  sequence: number;
  submitted_at: number;
  admitted_at: number | null;
  nodes: string | null;
  preempted_by: string | null;
}

interface Tables {
  workloads: WorkloadRow;
  workload_quotas: {
    scope: string;
    vcpus: number | null;
    memory_bytes: number | null;
    gpus: number | null;
    workloads: number | null;
  };
}

/** Queries on workloads and quotas; give it a transaction to change several rows at once. */
export function admissionStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    /** Every workload, the first come first. */
    async entries(): Promise<Entry[]> {
      return (await db.selectFrom('workloads').selectAll().orderBy('sequence').execute()).map(entryOfRow);
    },
    insert: (entry: Entry) => db.insertInto('workloads').values(rowOf(entry)).execute(),
    place: (entry: Entry) => db.updateTable('workloads').set(placeOf(entry)).where('id', '=', entry.id).execute(),
    remove: (id: string) => db.deleteFrom('workloads').where('id', '=', id).execute(),

    async quotas(): Promise<Map<string, QuotaLimits>> {
      const rows = await db.selectFrom('workload_quotas').selectAll().execute();
      return new Map(rows.map(row => [row.scope, limitsOf(row)]));
    },
    setQuota: (scope: string, limits: QuotaLimits) => {
      const columns = {
        vcpus: limits.vcpus ?? null,
        memory_bytes: limits.memoryBytes ?? null,
        gpus: limits.gpus ?? null,
        workloads: limits.workloads ?? null,
      };
      return db
        .insertInto('workload_quotas')
        .values({ scope, ...columns })
        .onConflict(conflict => conflict.column('scope').doUpdateSet(columns))
        .execute();
    },
    removeQuota: (scope: string) => db.deleteFrom('workload_quotas').where('scope', '=', scope).execute(),
  };
}

function placeOf(entry: Entry) {
  return {
    admitted_at: entry.admittedAt ?? null,
    nodes: entry.nodes === undefined ? null : JSON.stringify(entry.nodes),
    preempted_by: entry.preemptedBy ?? null,
  };
}

function rowOf(entry: Entry): WorkloadRow {
  const { request } = entry;
  return {
    id: entry.id,
    kind: request.kind,
    name: request.name,
    account_id: request.accountId,
    project_id: request.projectId,
    workspace_id: request.workspaceId ?? null,
    user_id: request.userId ?? null,
    pool: request.pool ?? null,
    vcpus: request.vcpus,
    memory_bytes: request.memoryBytes,
    gpus: request.gpus,
    tasks: entry.tasks,
    priority: request.priority ?? 1,
    preemptible: request.preemptible ? 1 : 0,
    reissued: request.reissued ? 1 : 0,
    ends_within_ms: request.endsWithinMs ?? null,
    avoid_nodes: request.avoidNodes === undefined ? null : JSON.stringify(request.avoidNodes),
    sequence: entry.sequence,
    submitted_at: entry.submittedAt,
    ...placeOf(entry),
  };
}

function entryOfRow(row: WorkloadRow): Entry {
  return entryOf(
    {
      id: row.id,
      kind: row.kind as WorkloadKind,
      name: row.name,
      accountId: row.account_id,
      projectId: row.project_id,
      ...(row.workspace_id === null ? {} : { workspaceId: row.workspace_id }),
      ...(row.user_id === null ? {} : { userId: row.user_id }),
      ...(row.pool === null ? {} : { pool: row.pool }),
      vcpus: row.vcpus,
      memoryBytes: row.memory_bytes,
      gpus: row.gpus,
      tasks: row.tasks,
      priority: row.priority === 3 ? 3 : row.priority === 2 ? 2 : 1,
      preemptible: row.preemptible !== 0,
      reissued: row.reissued !== 0,
      ...(row.ends_within_ms === null ? {} : { endsWithinMs: row.ends_within_ms }),
      ...(row.avoid_nodes === null ? {} : { avoidNodes: JSON.parse(row.avoid_nodes) as string[] }),
    },
    {
      sequence: row.sequence,
      submittedAt: row.submitted_at,
      admittedAt: row.admitted_at ?? undefined,
      nodes: row.nodes === null ? undefined : (JSON.parse(row.nodes) as string[]),
      preemptedBy: row.preempted_by ?? undefined,
    },
  );
}

function limitsOf(row: Tables['workload_quotas']): QuotaLimits {
  return {
    ...(row.vcpus === null ? {} : { vcpus: row.vcpus }),
    ...(row.memory_bytes === null ? {} : { memoryBytes: row.memory_bytes }),
    ...(row.gpus === null ? {} : { gpus: row.gpus }),
    ...(row.workloads === null ? {} : { workloads: row.workloads }),
  };
}
