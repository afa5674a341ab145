import { type Database, LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration, tables } from '../../store-kit/index.ts';
import type { Storage, StorageStatus } from './storage.ts';

/** Table driven by the reconciler. */
export const STORAGE_TABLE = 'notebook_storage';

export const storageMigrations = [
  sqlMigration('0026-notebook-storage', [
    `CREATE TABLE notebook_storage (
      id TEXT PRIMARY KEY,
      notebook_id TEXT NOT NULL REFERENCES notebooks (id) ON DELETE CASCADE,
      run INTEGER NOT NULL,
      name TEXT NOT NULL,
      bucket TEXT NOT NULL,
      prefix TEXT NOT NULL,
      status TEXT NOT NULL,
      reason TEXT,
      discard INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      ${LEASE_COLUMNS_SQL}
    )`,
    'CREATE INDEX notebook_storage_notebook ON notebook_storage (notebook_id, created_at)',
    'CREATE INDEX notebook_storage_due ON notebook_storage (next_at) WHERE next_at IS NOT NULL',
    `CREATE UNIQUE INDEX notebook_storage_name ON notebook_storage (notebook_id, name)
      WHERE status NOT IN ('UNMOUNTED', 'MOUNT_FAILED')`,
  ]),
];

interface Row extends LeaseColumns {
  id: string;
  notebook_id: string;
  run: number;
  name: string;
  bucket: string;
  prefix: string;
  status: StorageStatus;
  reason: string | null;
  discard: number;
  created_at: number;
  updated_at: number;
}

interface Tables {
  notebook_storage: Row;
  notebooks: { id: string; run: number; status: string };
}

/** States in which a mount takes its place below /data. */
const HELD: readonly StorageStatus[] = ['MOUNTING', 'MOUNTED', 'UNMOUNTING', 'UNMOUNT_FAILED'];

export type StorageStore = ReturnType<typeof storageStore>;

/** Mounts of instances, on disk. */
export function storageStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    async find(id: string): Promise<Storage | undefined> {
      const row = await db.selectFrom('notebook_storage').selectAll().where('id', '=', id).executeTakeFirst();
      return row && read(row);
    },

    /** Those of an instance that are there or failed, oldest first. */
    async list(notebookId: string): Promise<Storage[]> {
      const rows = await db
        .selectFrom('notebook_storage')
        .selectAll()
        .where('notebook_id', '=', notebookId)
        .where('status', '<>', 'UNMOUNTED')
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map(read);
    },

    /**
     * Takes a mount in, in place of what failed or is over at its directory. `most`: how many an instance has at a time. The instance must
     * be RUNNING, in the run of the mount.
     */
    async insert(storage: Storage, most: number): Promise<'inserted' | 'taken' | 'full' | 'not-running'> {
      return database.transaction().execute(async trx => {
        const inside = tables<Tables>(trx);
        const { id, notebookId, run, name, bucket, prefix, status, reason, createdAt } = storage;
        const notebook = await inside
          .selectFrom('notebooks')
          .select(['run', 'status'])
          .where('id', '=', notebookId)
          .executeTakeFirst();
        if (notebook?.status !== 'RUNNING' || notebook.run !== run) return 'not-running';
        const held = await inside
          .selectFrom('notebook_storage')
          .select('name')
          .where('notebook_id', '=', notebookId)
          .where('status', 'in', HELD)
          .execute();
        if (held.some(row => row.name === name)) return 'taken';
        if (held.length >= most) return 'full';
        await inside
          .deleteFrom('notebook_storage')
          .where('notebook_id', '=', notebookId)
          .where('name', '=', name)
          .execute();
        await inside
          .insertInto('notebook_storage')
          .values({
            id,
            notebook_id: notebookId,
            run,
            name,
            bucket,
            prefix,
            status,
            reason,
            discard: 0,
            created_at: createdAt,
            updated_at: createdAt,
            next_at: createdAt,
            lease_owner: null,
            lease_until: null,
          })
          .execute();
        return 'inserted';
      });
    },

    /** Moves a mount on from one of these states; false when it is in another. */
    async move(
      id: string,
      from: readonly StorageStatus[],
      to: { status: StorageStatus; reason?: string; discard?: boolean },
      now: number,
    ): Promise<boolean> {
      const result = await db
        .updateTable('notebook_storage')
        .set({
          status: to.status,
          reason: to.reason ?? null,
          ...(to.discard === undefined ? {} : { discard: to.discard ? 1 : 0 }),
          updated_at: now,
        })
        .where('id', '=', id)
        .where('status', 'in', from)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    /** All mounts of an instance are over, with its run. */
    async end(notebookId: string, now: number): Promise<void> {
      await db
        .updateTable('notebook_storage')
        .set({ status: 'UNMOUNTED', updated_at: now })
        .where('notebook_id', '=', notebookId)
        .where('status', '<>', 'UNMOUNTED')
        .execute();
    },

    /** Forgets the mounts of earlier runs. */
    async forget(notebookId: string): Promise<void> {
      await db.deleteFrom('notebook_storage').where('notebook_id', '=', notebookId).execute();
    },
  };
}

function read(row: Row): Storage {
  const { id, run, name, bucket, prefix, status, reason } = row;
  return {
    id,
    notebookId: row.notebook_id,
    run,
    name,
    bucket,
    prefix,
    status,
    reason,
    discard: row.discard === 1,
    createdAt: row.created_at,
  };
}
