import { sql } from 'kysely';
import { type Database, tables } from './sqlite.ts';

/**
 * Columns of a table of living things, driven by a reconciler. `next_at`: when to look at it next (ms), null when nothing is to
 * be done. A pass holds the lease; it saves only while it still does.
 *
 * While a lease is held untouched, `next_at` equals `lease_until`: nobody asked for another look, and the row is due again
 * when its holder dies. Any other value was written during the pass and is a hint, whatever the clock said when it was written.
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
  /** Identity of the claim; a new one for each, so that an old pass cannot renew or release a later one's lease. */
  owner: string;
  now: number;
  leaseMs: number;
}

/** Claims up to `limit` rows of `table` that are due, and returns their ids. */
export async function claimDue(db: Database, table: string, lease: Lease, limit: number): Promise<string[]> {
  const until = lease.now + lease.leaseMs;
  const result = await sql<{ id: string }>`
    UPDATE ${sql.table(table)} SET lease_owner = ${lease.owner}, lease_until = ${until}, next_at = ${until}
    WHERE id IN (
      SELECT id FROM ${sql.table(table)}
      WHERE next_at IS NOT NULL AND next_at <= ${lease.now} AND (lease_until IS NULL OR lease_until < ${lease.now})
      ORDER BY next_at LIMIT ${limit}
    ) RETURNING id`.execute(db);
  return result.rows.map(row => row.id);
}

/** Prolongs the lease; false when it was lost. */
export async function renewLease(db: Database, table: string, id: string, lease: Lease): Promise<boolean> {
  const until = lease.now + lease.leaseMs;
  const result = await sql`
    UPDATE ${sql.table(table)} SET lease_until = ${until},
      next_at = CASE WHEN next_at = lease_until THEN ${until} ELSE next_at END
    WHERE id = ${id} AND lease_owner = ${lease.owner}`.execute(db);
  return (result.numAffectedRows ?? 0n) > 0n;
}

/**
 * Gives the lease back and says when to look again: `null` = settled. A hint that arrived during the pass is kept unless the
 * pass wants an even earlier look. Does nothing when the lease was lost.
 */
export async function releaseLease(
  db: Database,
  table: string,
  id: string,
  owner: string,
  nextAt: number | null,
): Promise<void> {
  await sql`
    UPDATE ${sql.table(table)} SET lease_owner = NULL, lease_until = NULL,
      next_at = CASE WHEN next_at IS NULL OR next_at = lease_until THEN ${nextAt}
                     ELSE min(next_at, coalesce(${nextAt}, next_at)) END
    WHERE id = ${id} AND lease_owner = ${owner}`.execute(db);
}

/** Asks for a look at `id` now; a row that waits for its turn keeps its place. */
export async function pokeRow(db: Database, table: string, id: string, now: number): Promise<void> {
  await sql`
    UPDATE ${sql.table(table)} SET next_at = CASE
      WHEN lease_owner IS NULL THEN min(coalesce(next_at, ${now}), ${now})
      WHEN lease_until = ${now} THEN ${now - 1}
      ELSE ${now} END
    WHERE id = ${id}`.execute(db);
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

/**
 * Frees the leases of processes that are gone and makes their rows due; right at start. `keep`: prefix of the owners that
 * live in this process.
 */
export async function freeLeases(db: Database, table: string, keep?: string): Promise<void> {
  await sql`
    UPDATE ${sql.table(table)} SET lease_owner = NULL, lease_until = NULL, next_at = 0
    WHERE lease_owner IS NOT NULL AND (${keep ?? null} IS NULL OR substr(lease_owner, 1, ${keep?.length ?? 0}) <> ${keep ?? null})
  `.execute(db);
}
