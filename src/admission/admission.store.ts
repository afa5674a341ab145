import { type Database, sqlMigration, tables } from '../store-kit/index.ts';

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
];

export interface WorkloadRow {
  id: string;
  kind: string;
  name: string;
  account_id: string;
  project_id: string;
  vcpus: number;
  memory_bytes: number;
  gpus: number;
  sequence: number;
  submitted_at: number;
  admitted_at: number | null;
  position: number;
  reason_code: string;
  reason: string;
}

interface Tables {
  workloads: WorkloadRow;
}

/** Queries on the queue; give it a transaction to change several rows at once. */
export function admissionStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    find: (id: string) => db.selectFrom('workloads').selectAll().where('id', '=', id).executeTakeFirst(),
    admitted: () => db.selectFrom('workloads').selectAll().where('admitted_at', 'is not', null).execute(),
    queued: () => db.selectFrom('workloads').selectAll().where('admitted_at', 'is', null).orderBy('sequence').execute(),
    async insert(row: Omit<WorkloadRow, 'sequence'>): Promise<void> {
      const last = await db
        .selectFrom('workloads')
        .select(eb => eb.fn.max('sequence').as('last'))
        .executeTakeFirst();
      await db
        .insertInto('workloads')
        .values({ ...row, sequence: Number(last?.last ?? 0) + 1 })
        .execute();
    },
    update: (id: string, patch: Partial<WorkloadRow>) =>
      db.updateTable('workloads').set(patch).where('id', '=', id).execute(),
    remove: async (id: string): Promise<boolean> =>
      (await db.deleteFrom('workloads').where('id', '=', id).executeTakeFirst()).numDeletedRows > 0n,
  };
}
