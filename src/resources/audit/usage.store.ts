import { sql } from 'kysely';
import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import type { Use } from './usage.ts';

export const usageMigrations = [
  sqlMigration('0017-audit-within-bounds-usage', [
    `CREATE TABLE action_usage (
      account_id TEXT NOT NULL, subject_id TEXT NOT NULL, subject_kind TEXT NOT NULL, on_behalf_id TEXT NOT NULL,
      action TEXT NOT NULL, resource TEXT NOT NULL, pool_type TEXT NOT NULL, enterprise_project_id TEXT NOT NULL,
      day INTEGER NOT NULL, count INTEGER NOT NULL, last_used INTEGER NOT NULL,
      PRIMARY KEY (account_id, subject_id, on_behalf_id, action, resource, pool_type, enterprise_project_id, day)
    ) WITHOUT ROWID`,
    'CREATE INDEX action_usage_day ON action_usage (day)',
    'CREATE INDEX action_usage_age ON action_usage (account_id, last_used)',
  ]),
];

interface Tables {
  action_usage: {
    account_id: string;
    subject_id: string;
    subject_kind: string;
    on_behalf_id: string;
    action: string;
    resource: string;
    pool_type: string;
    enterprise_project_id: string;
    /** Days since the epoch. */
    day: number;
    count: number;
    last_used: number;
  };
}

const KEY = [
  'account_id',
  'subject_id',
  'on_behalf_id',
  'action',
  'resource',
  'pool_type',
  'enterprise_project_id',
  'day',
] as const;

/** A use with how often and when last. */
export interface CountedUse extends Use {
  count: number;
  lastUsed: number;
}

/** Queries of what was used. */
export function usageStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    /** Adds counts to those of a day, in one transaction. */
    add: (uses: readonly CountedUse[], day: number) =>
      db.transaction().execute(async rows => {
        for (const use of uses) {
          await rows
            .insertInto('action_usage')
            .values({
              account_id: use.accountId,
              subject_id: use.subjectId,
              subject_kind: use.subjectKind,
              on_behalf_id: use.onBehalfId,
              action: use.action,
              resource: use.resource,
              pool_type: use.poolType,
              enterprise_project_id: use.enterpriseProjectId,
              day,
              count: use.count,
              last_used: use.lastUsed,
            })
            .onConflict(conflict =>
              conflict.columns(KEY).doUpdateSet({
                count: sql`action_usage.count + excluded.count`,
                last_used: sql`max(action_usage.last_used, excluded.last_used)`,
              }),
            )
            .execute();
        }
      }),

    /** What a subject used from a day on, summed up over days and over those it worked for. */
    async of(accountId: string, subjectId: string, sinceDay: number): Promise<CountedUse[]> {
      const rows = await db
        .selectFrom('action_usage')
        .select(eb => [
          'subject_kind',
          'action',
          'resource',
          'pool_type',
          'enterprise_project_id',
          eb.fn.sum<number>('count').as('count'),
          eb.fn.max('last_used').as('last_used'),
        ])
        .where('account_id', '=', accountId)
        .where('subject_id', '=', subjectId)
        .where('day', '>=', sinceDay)
        .groupBy(['action', 'resource', 'pool_type', 'enterprise_project_id'])
        .orderBy('action')
        .orderBy('resource')
        .execute();
      return rows.map(row => ({
        accountId,
        subjectId,
        subjectKind: row.subject_kind,
        onBehalfId: '',
        action: row.action,
        resource: row.resource,
        poolType: row.pool_type,
        enterpriseProjectId: row.enterprise_project_id,
        count: row.count,
        lastUsed: row.last_used,
      }));
    },

    /** Removes at most `limit` rows of days before `day`. Returns how many. */
    async removeBefore(day: number, limit: number): Promise<number> {
      const { numAffectedRows } =
        await sql`DELETE FROM action_usage WHERE (${sql.join(KEY.map(name => sql.ref(name)))}) IN
        (SELECT ${sql.join(KEY.map(name => sql.ref(name)))} FROM action_usage WHERE day < ${day} LIMIT ${limit})`.execute(
          db,
        );
      return Number(numAffectedRows ?? 0);
    },

    /** Removes at most `limit` rows of an account that has more than `most`, those first that were not used for longest. Returns how many. */
    async removeOver(most: number, limit: number): Promise<number> {
      const over = await db
        .selectFrom('action_usage')
        .select(eb => ['account_id', eb.fn.countAll<number>().as('count')])
        .groupBy('account_id')
        .having(eb => eb.fn.countAll<number>(), '>', most)
        .executeTakeFirst();
      if (!over) return 0;
      const { numAffectedRows } =
        await sql`DELETE FROM action_usage WHERE (${sql.join(KEY.map(name => sql.ref(name)))}) IN
        (SELECT ${sql.join(KEY.map(name => sql.ref(name)))} FROM action_usage WHERE account_id = ${over.account_id}
          ORDER BY last_used LIMIT ${Math.min(limit, over.count - most)})`.execute(db);
      return Number(numAffectedRows ?? 0);
    },
  };
}

export type UsageStore = ReturnType<typeof usageStore>;
