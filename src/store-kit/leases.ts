import { sql } from 'kysely';
import { type Database, tables } from './sqlite.ts';

/**
 * Columns of a table of living things, driven by a reconciler. `next_at`: when to look at it next (ms), null when nothing is to
 * be done. A pass holds the lease; it saves only while it still does.
 */
export interface LeaseColumns {
  next_at: number | null;
  lease_owner: string | null;
  lease_until: number | null;
}

/** SQL of the lease columns for a CREATE TABLE. */
export const LEASE_COLUMNS_SQL = 'next_at INTEGER, lease_owner TEXT, lease_until INTEGER';

interface Leased {
  [table: string]: LeaseColumns & { id: string };
}

export interface Lease {
  /** This process's identity. */
  owner: string;
  now: number;
  leaseMs: number;
}

/** Claims up to `limit` rows of `table` that are due, and returns their ids. */
export async function claimDue(db: Database, table: string, lease: Lease, limit: number): Promise<string[]> {
  const result = await sql<{ id: string }>`
    UPDATE ${sql.table(table)} SET lease_owner = ${lease.owner}, lease_until = ${lease.now + lease.leaseMs}
    WHERE id IN (
      SELECT id FROM ${sql.table(table)}
      WHERE next_at IS NOT NULL AND next_at <= ${lease.now} AND (lease_until IS NULL OR lease_until < ${lease.now})
      ORDER BY next_at LIMIT ${limit}
    ) RETURNING id`.execute(db);
  return result.rows.map(row => row.id);
}

/** Prolongs the lease; false when it was lost. */
export async function renewLease(db: Database, table: string, id: string, lease: Lease): Promise<boolean> {
  const result = await tables<Leased>(db)
    .updateTable(table)
    .set({ lease_until: lease.now + lease.leaseMs })
    .where('id', '=', id)
    .where('lease_owner', '=', lease.owner)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/**
 * Gives the lease back and says when to look again: `null` = settled. A hint that arrived during the pass (an earlier
 * `next_at`, newer than `claimedAt`) is kept.
 */
export async function releaseLease(
  db: Database,
  table: string,
  id: string,
  owner: string,
  nextAt: number | null,
  claimedAt: number,
): Promise<void> {
  await sql`
    UPDATE ${sql.table(table)} SET lease_owner = NULL, lease_until = NULL,
      next_at = CASE WHEN next_at >= ${claimedAt} THEN min(next_at, coalesce(${nextAt}, next_at)) ELSE ${nextAt} END
    WHERE id = ${id} AND lease_owner = ${owner}`.execute(db);
}

/** Asks for a look at `id` now. */
export async function pokeRow(db: Database, table: string, id: string, now: number): Promise<void> {
  await tables<Leased>(db).updateTable(table).set({ next_at: now }).where('id', '=', id).execute();
}

/** Earliest time at which any row of the table is due and free, or undefined. */
export async function nextDue(db: Database, table: string): Promise<number | undefined> {
  const row = await tables<Leased>(db)
    .selectFrom(table)
    .select(eb => eb.fn.min('next_at').as('at'))
    .where('next_at', 'is not', null)
    .where('lease_owner', 'is', null)
    .executeTakeFirst();
  return (row?.at as number | null | undefined) ?? undefined;
}

/** Frees all leases; right at start, when the one server that could hold them is gone. */
export async function freeLeases(db: Database, table: string): Promise<void> {
  await tables<Leased>(db).updateTable(table).set({ lease_owner: null, lease_until: null }).execute();
}
