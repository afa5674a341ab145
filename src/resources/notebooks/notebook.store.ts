import { sql } from 'kysely';
import { type Database, tables } from '../../store-kit/index.ts';
import type { Notebook, NotebookEvent, NotebookSpec } from './notebook.model.ts';
import { fromRow, ruleColumns, specColumns, toRow } from './notebook.rows.ts';
import type { NotebookRow, NotebookTables } from './notebook.schema.ts';
import { type Desired, type Fault, type Status, type Step, type StopRule, statusOf } from './notebook.ts';

/** What a step may write along with itself. */
export interface NotebookPatch {
  step: Step;
  ran?: true;
  startedAt?: number;
  activeAt?: number;
  stopRule?: StopRule;
  volumeMadeBytes?: number;
  /** The run failed: what is wrong, for people. */
  failure?: { fault: Fault; reason: string };
}

export interface NotebookSearch {
  projectId: string;
  workspaceId: string;
  /** Only those of this user. */
  userId?: string | undefined;
  /** Part of the name. */
  name?: string | undefined;
  id?: string | undefined;
  feature?: string | undefined;
  status?: string | undefined;
  poolId?: string | undefined;
  flavor?: string | undefined;
  imageId?: string | undefined;
  sort: 'created_at' | 'updated_at' | 'name' | 'status';
  order: 'asc' | 'desc';
  offset: number;
  limit: number;
}

/** A run as it is asked for. */
export interface NewRun {
  token: string;
  by: { id: string; name: string };
  stopRule: StopRule;
}

/**
 * Queries on notebook instances. Those that a caller's request leads to take the project and never look beyond it. `changed` is told
 * which instance has another state now.
 */
export function notebookStore(database: Database, changed: (id: string) => void = () => {}) {
  const db = tables<NotebookTables>(database);
  const inside = (trx: Database) => tables<NotebookTables>(trx);

  /** Changes a row as it is found, with the status that follows. `change` returns nothing to leave it. */
  async function change(
    id: string,
    decide: (
      found: Notebook,
      transaction: Database,
    ) => Partial<NotebookRow> | undefined | Promise<Partial<NotebookRow> | undefined>,
  ): Promise<{ before: Status; changed: boolean } | undefined> {
    const outcome = await database.transaction().execute(async raw => {
      const trx = inside(raw);
      const row = await trx.selectFrom('notebooks').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) return undefined;
      const before = row.status as Status;
      const patch = await decide(fromRow(row), raw);
      if (!patch) return { before, changed: false };
      await trx
        .updateTable('notebooks')
        .set({ ...patch, status: statusOf(fromRow({ ...row, ...patch })) })
        .where('id', '=', id)
        .execute();
      return { before, changed: true };
    });
    if (outcome?.changed) changed(id);
    return outcome;
  }

  return {
    /**
     * Adds an instance with its first event. `admit` is told, within the transaction, how many instances account and workspace
     * have, and whether its user has one of the kind of which there is one each; it throws where no more is taken.
     */
    async insert(
      notebook: Notebook,
      event: NotebookEvent,
      admit: (used: { account: number; workspace: number; ofFeature: number }, transaction: Database) => Promise<void>,
    ): Promise<void> {
      await database.transaction().execute(async raw => {
        const trx = inside(raw);
        const count = trx.selectFrom('notebooks').select(eb => eb.fn.countAll<number>().as('n'));
        const account = await count.where('account_id', '=', notebook.accountId).executeTakeFirstOrThrow();
        const workspace = await count
          .where('project_id', '=', notebook.projectId)
          .where('workspace_id', '=', notebook.workspaceId)
          .executeTakeFirstOrThrow();
        const ofFeature = await count
          .where('project_id', '=', notebook.projectId)
          .where('user_id', '=', notebook.userId)
          .where('feature', '=', notebook.feature)
          .executeTakeFirstOrThrow();
        const used = { account: Number(account.n), workspace: Number(workspace.n), ofFeature: Number(ofFeature.n) };
        await admit(used, raw);
        await trx
          .insertInto('notebooks')
          .values({ ...toRow(notebook), next_at: notebook.createdAt, lease_owner: null, lease_until: null })
          .execute();
        await addEvent(trx, notebook.id, event);
      });
    },

    /** The instance, looked up by the platform itself. */
    async find(id: string): Promise<Notebook | undefined> {
      const row = await db.selectFrom('notebooks').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },

    async findInProject(projectId: string, id: string): Promise<Notebook | undefined> {
      const row = await db
        .selectFrom('notebooks')
        .selectAll()
        .where('id', '=', id)
        .where('project_id', '=', projectId)
        .executeTakeFirst();
      return row && fromRow(row);
    },

    async search(search: NotebookSearch): Promise<{ total: number; notebooks: Notebook[] }> {
      let matching = db
        .selectFrom('notebooks')
        .where('project_id', '=', search.projectId)
        .where('workspace_id', '=', search.workspaceId);
      const equal = {
        user_id: search.userId,
        id: search.id,
        feature: search.feature,
        status: search.status,
        pool_id: search.poolId,
        flavor_id: search.flavor,
        image_id: search.imageId,
      } as const;
      for (const [column, value] of Object.entries(equal)) {
        if (value) matching = matching.where(column as keyof typeof equal, '=', value);
      }
      if (search.name) {
        const pattern = `%${search.name.replace(/[\\%_]/g, found => `\\${found}`)}%`;
        matching = matching.where(sql<boolean>`name LIKE ${pattern} ESCAPE '\\'`);
      }
      const { n } = await matching.select(eb => eb.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
      const rows = await matching
        .selectAll()
        .orderBy(search.sort, search.order)
        .orderBy('id', search.order)
        .offset(search.offset)
        .limit(search.limit)
        .execute();
      return { total: Number(n), notebooks: rows.map(fromRow) };
    },

    /**
     * Moves an instance on from the step it was seen at. False when it was no longer there: then somebody else has moved it and
     * the pass must look again. A failure leaves it wanted stopped, unless it is wanted deleted.
     */
    async advance(id: string, from: Step, run: number, patch: NotebookPatch): Promise<boolean> {
      const outcome = await change(id, found => {
        if (found.step !== from || found.run !== run) return undefined;
        return {
          step: patch.step,
          ...(patch.ran ? { ran: 1 } : {}),
          ...(patch.startedAt === undefined ? {} : { started_at: patch.startedAt }),
          ...(patch.activeAt === undefined ? {} : { active_at: patch.activeAt }),
          ...(patch.volumeMadeBytes === undefined ? {} : { volume_made_bytes: patch.volumeMadeBytes }),
          ...(patch.stopRule ? ruleColumns(patch.stopRule) : {}),
          ...(patch.step === 'cleanup' ? { snapshot: null } : {}),
          ...(patch.failure
            ? {
                fault: patch.failure.fault,
                fail_reason: patch.failure.reason,
                failed_at: from,
                desired: found.desired === 'delete' ? 'delete' : 'stop',
              }
            : {}),
        };
      });
      return outcome?.changed ?? false;
    },

    /** What a run left has been cleaned up: on to the end, or to the next run where one was asked for meanwhile. */
    async cleaned(id: string, run: number): Promise<boolean> {
      const outcome = await change(id, found =>
        found.step === 'cleanup' && found.run === run
          ? found.desired === 'run'
            ? { step: 'created', run: found.run + 1 }
            : { step: 'stopped' }
          : undefined,
      );
      return outcome?.changed ?? false;
    },

    /** Records the wish to stop or delete; only when `when` accepts the status found. A wish to delete is never weakened. */
    desire: (id: string, desired: Exclude<Desired, 'run'>, when: (status: Status) => boolean, now: number) =>
      change(id, found =>
        when(found.status)
          ? {
              desired: found.desired === 'delete' ? 'delete' : desired,
              ...(desired === 'delete' && found.fault === 'delete' ? { fault: null } : {}),
              ...(desired === 'stop' ? { fault: null, fail_reason: null, failed_at: null } : {}),
              updated_at: now,
              next_at: now,
            }
          : undefined,
      ),

    /** Has an instance that is wanted to run stop, with the reason; only when `when` accepts the status found. */
    displace: (id: string, reason: string, when: (status: Status) => boolean, now: number) =>
      change(id, found =>
        found.desired === 'run' && when(found.status)
          ? { desired: 'stop', fault: null, failed_at: null, fail_reason: reason, updated_at: now, next_at: now }
          : undefined,
      ),

    /** Begins another run; only when `when` accepts the status found. What the last run left is cleaned up first. */
    restart: (id: string, run: NewRun, when: (status: Status) => boolean, now: number) =>
      change(id, found =>
        when(found.status)
          ? {
              desired: 'run',
              ...(found.step === 'stopped' ? { step: 'created', run: found.run + 1 } : {}),
              fault: null,
              fail_reason: null,
              failed_at: null,
              token: run.token,
              started_by_id: run.by.id,
              started_by_name: run.by.name,
              ...ruleColumns(run.stopRule),
              active_at: now,
              updated_at: now,
              next_at: now,
            }
          : undefined,
      ),

    /** The deletion failed, for a reason that will be tried again. */
    deletionFailed: (id: string, reason: string) =>
      change(id, found => (found.desired === 'delete' ? { fault: 'delete', fail_reason: reason } : undefined)),

    /** Changes what users may change. `when`: as in `desire`; `admit` throws, within the transaction, where there is no room for it. */
    update: (
      id: string,
      patch: { name?: string; description?: string; spec?: NotebookSpec; volumeBytes?: number },
      when: (found: Notebook) => boolean,
      now: number,
      admit: (found: Notebook, transaction: Database) => Promise<void>,
    ) =>
      change(id, async (found, transaction) => {
        if (!when(found)) return undefined;
        await admit(found, transaction);
        return {
          ...(patch.name === undefined ? {} : { name: patch.name }),
          ...(patch.description === undefined ? {} : { description: patch.description }),
          ...(patch.spec ? specColumns(patch.spec) : {}),
          ...(patch.volumeBytes === undefined ? {} : { volume_bytes: patch.volumeBytes }),
          updated_at: now,
          next_at: now,
        };
      }),

    /** Changes when it stops by itself; only while it runs. */
    setStopRule: (id: string, rule: StopRule) =>
      change(id, found =>
        found.status === 'RUNNING'
          ? { ...ruleColumns(rule), updated_at: rule.updatedAt, next_at: rule.updatedAt }
          : undefined,
      ),

    /** Marks it as being saved under a name, or as no longer so. */
    setSnapshot: (id: string, snapshot: string | null, when: (status: Status) => boolean) =>
      change(id, found => (when(found.status) ? { snapshot } : undefined)),

    /** Makes its tags from the present ones. */
    setTags: (id: string, make: (present: Notebook['tags']) => Notebook['tags']) =>
      change(id, ({ tags }) => ({ tags: JSON.stringify(make(tags)) })),

    async setVolumeMade(id: string, bytes: number): Promise<void> {
      await db.updateTable('notebooks').set({ volume_made_bytes: bytes }).where('id', '=', id).execute();
    },

    async setActive(id: string, at: number): Promise<void> {
      await db
        .updateTable('notebooks')
        .set({ active_at: at })
        .where('id', '=', id)
        .where('active_at', '<', at)
        .execute();
    },

    /** Removes an instance that has come to its end, with everything that hangs on it. */
    async erase(id: string): Promise<void> {
      await db
        .deleteFrom('notebooks')
        .where('id', '=', id)
        .where('step', '=', 'stopped')
        .where('desired', '=', 'delete')
        .execute();
    },

    /** The instances of a project that run an image. */
    async withImage(projectId: string, imageId: string): Promise<{ name: string }[]> {
      return db
        .selectFrom('notebooks')
        .select('name')
        .where('project_id', '=', projectId)
        .where('image_id', '=', imageId)
        .where('desired', '!=', 'delete')
        .execute();
    },
    async inWorkspace(projectId: string, workspaceId: string): Promise<Notebook[]> {
      const rows = await db
        .selectFrom('notebooks')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .execute();
      return rows.map(fromRow);
    },

    async count(projectId: string, workspaceId: string): Promise<number> {
      const { n } = await db
        .selectFrom('notebooks')
        .select(eb => eb.fn.countAll<number>().as('n'))
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .executeTakeFirstOrThrow();
      return Number(n);
    },

    /** How far all instances are, by id. */
    async steps(): Promise<Map<string, Step>> {
      const rows = await db.selectFrom('notebooks').select(['id', 'step']).execute();
      return new Map(rows.map(row => [row.id, row.step as Step]));
    },

    /** Sizes of all volumes as they shall be, in bytes, by id. */
    async volumes(): Promise<Map<string, number>> {
      const rows = await db.selectFrom('notebooks').select(['id', 'volume_bytes']).execute();
      return new Map(rows.map(row => [row.id, row.volume_bytes]));
    },

    /** Bytes of storage in each pool, by its id; in the public one by ''. */
    async stored(within: Database): Promise<Map<string, number>> {
      const rows = await inside(within)
        .selectFrom('notebooks')
        .select(['pool_id', eb => eb.fn.sum<number>('volume_bytes').as('bytes')])
        .groupBy('pool_id')
        .execute();
      return new Map(rows.map(row => [row.pool_id, Number(row.bytes)]));
    },

    /** Adds an event; one with a `mark` that the instance already has is left out, so that a repeated step is told once. */
    event: (id: string, event: NotebookEvent, mark?: string) => addEvent(db, id, event, mark),

    async events(
      id: string,
      query: { offset: number; limit: number; order: 'asc' | 'desc' },
    ): Promise<{ total: number; events: NotebookEvent[] }> {
      const matching = db.selectFrom('notebook_events').where('notebook_id', '=', id);
      const { n } = await matching.select(eb => eb.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
      const rows = await matching
        .select(['time', 'level', 'message'])
        .orderBy('time', query.order)
        .orderBy('id', query.order)
        .offset(query.offset)
        .limit(query.limit)
        .execute();
      return { total: Number(n), events: rows as NotebookEvent[] };
    },
  };
}

export type NotebookStore = ReturnType<typeof notebookStore>;

async function addEvent(
  db: ReturnType<typeof tables<NotebookTables>>,
  id: string,
  event: NotebookEvent,
  mark?: string,
): Promise<void> {
  await sql`
    INSERT INTO notebook_events (notebook_id, time, level, mark, message)
    SELECT id, ${event.time}, ${event.level}, ${mark ?? null}, ${event.message} FROM notebooks WHERE id = ${id}
    ON CONFLICT DO NOTHING`.execute(db);
}
