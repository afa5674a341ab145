import { type Database, tables } from '../../store-kit/index.ts';
import { addEvent, eventStore, metricStore } from './job.events.ts';
import type { Job, JobEvent } from './job.model.ts';
import { fromRow, type JobPatch, patchColumns, toRow } from './job.rows.ts';
import type { TrainingTables } from './job.schema.ts';
import { type Desired, type Halt, type Phase, phaseOf, type Result, type Step } from './job.ts';

export type InsertOutcome =
  | { kind: 'inserted' }
  | { kind: 'quota'; used: number }
  | { kind: 'duplicate' }
  /** `job` is absent when it lies in another workspace, where whoever asks may not look. */
  | { kind: 'output-in-use'; job: { id: string; name: string } | undefined; bucket: string; prefix: string };

/** Queries on training jobs. Those that a caller's request leads to take the project and never look beyond it. */
export function jobStore(database: Database) {
  const db = tables<TrainingTables>(database);
  const inside = (trx: Database) => tables<TrainingTables>(trx);

  return {
    /**
     * Adds a job with its output claims and first event, all or nothing. `admit` is told, within the transaction, how many jobs of the
     * workspace have not ended, and throws where it takes no more.
     */
    async insert(
      job: Job,
      event: JobEvent,
      quota: number,
      admit: (used: number, transaction: Database) => Promise<void>,
    ): Promise<InsertOutcome> {
      return database.transaction().execute(async raw => {
        const trx = inside(raw);
        const { used } = await trx
          .selectFrom('training_jobs')
          .select(eb => eb.fn.countAll<number>().as('used'))
          .where('account_id', '=', job.accountId)
          .executeTakeFirstOrThrow();
        if (Number(used) >= quota) return { kind: 'quota', used: Number(used) };
        const twin = await trx
          .selectFrom('training_jobs')
          .select('id')
          .where('project_id', '=', job.projectId)
          .where('workspace_id', '=', job.workspaceId)
          .where('name', '=', job.name)
          .executeTakeFirst();
        if (twin) return { kind: 'duplicate' };
        for (const { to } of job.spec.outputs) {
          const holder = await trx
            .selectFrom('training_job_outputs')
            .innerJoin('training_jobs', 'training_jobs.id', 'training_job_outputs.job_id')
            .select(['training_jobs.id', 'training_jobs.name', 'project_id', 'workspace_id'])
            .where('bucket', '=', to.bucket)
            .where('prefix', '=', to.key)
            .executeTakeFirst();
          if (holder) {
            return {
              kind: 'output-in-use',
              job: holder.project_id === job.projectId && holder.workspace_id === job.workspaceId ? holder : undefined,
              bucket: to.bucket,
              prefix: to.key,
            };
          }
        }
        await admit(await countActive(trx, job.projectId, job.workspaceId), raw);
        await trx
          .insertInto('training_jobs')
          .values({ ...toRow(job), next_at: job.createdAt, lease_owner: null, lease_until: null })
          .execute();
        for (const { to } of job.spec.outputs) {
          await trx
            .insertInto('training_job_outputs')
            .values({ bucket: to.bucket, prefix: to.key, job_id: job.id })
            .execute();
        }
        await addEvent(trx, job.id, event, 'created');
        return { kind: 'inserted' };
      });
    },

    /** The job, looked up by the platform itself. */
    async find(id: string): Promise<Job | undefined> {
      const row = await db.selectFrom('training_jobs').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },

    async findInProject(projectId: string, id: string): Promise<Job | undefined> {
      const row = await db
        .selectFrom('training_jobs')
        .selectAll()
        .where('id', '=', id)
        .where('project_id', '=', projectId)
        .executeTakeFirst();
      return row && fromRow(row);
    },

    async findMany(ids: readonly string[]): Promise<Job[]> {
      if (ids.length === 0) return [];
      const rows = await db.selectFrom('training_jobs').selectAll().where('id', 'in', ids).execute();
      const byId = new Map(rows.map(row => [row.id, fromRow(row)]));
      return ids.flatMap(id => byId.get(id) ?? []);
    },

    /** How far the jobs with these ids are; ids without a job are left out. */
    async steps(ids: readonly string[]): Promise<Map<string, { step: Step; endedAt: number | null }>> {
      const found = new Map<string, { step: Step; endedAt: number | null }>();
      for (let from = 0; from < ids.length; from += 500) {
        const rows = await db
          .selectFrom('training_jobs')
          .select(['id', 'step', 'ended_at'])
          .where('id', 'in', ids.slice(from, from + 500))
          .execute();
        for (const row of rows) found.set(row.id, { step: row.step as Step, endedAt: row.ended_at });
      }
      return found;
    },

    /**
     * Moves a job on from the step it was seen at, with the phase that follows. False when it was no longer there: then
     * somebody else has moved it and the pass must look again. The end of a job gives its output paths free.
     */
    async advance(id: string, from: Step, patch: JobPatch): Promise<boolean> {
      return database.transaction().execute(async raw => {
        const trx = inside(raw);
        const row = await trx
          .selectFrom('training_jobs')
          .select(['step', 'desired', 'result'])
          .where('id', '=', id)
          .executeTakeFirst();
        if (!row || row.step !== from) return false;
        const result = patch.result ?? (row.result as Result | null);
        const { phase, secondary } = phaseOf({ step: patch.step, desired: row.desired as Desired, result });
        await trx
          .updateTable('training_jobs')
          .set({ ...patchColumns(patch), result, phase, secondary_phase: secondary })
          .where('id', '=', id)
          .execute();
        if (result) await trx.deleteFrom('training_job_outputs').where('job_id', '=', id).execute();
        return true;
      });
    },

    /**
     * Records the wish to stop or to delete. Returns the phase it found; the wish is recorded only when `when` accepts it.
     * A wish to delete is never weakened to one to stop.
     */
    async desire(
      id: string,
      desired: 'terminate' | 'delete',
      when: (phase: Phase) => boolean,
      stopReason: string | null,
      now: number,
    ): Promise<{ phase: Phase; accepted: boolean } | undefined> {
      return database.transaction().execute(async raw => {
        const trx = inside(raw);
        const row = await trx
          .selectFrom('training_jobs')
          .select(['phase', 'step', 'desired', 'result', 'stop_reason'])
          .where('id', '=', id)
          .executeTakeFirst();
        if (!row) return undefined;
        const before = row.phase as Phase;
        if (!when(before)) return { phase: before, accepted: false };
        const wanted: Desired = row.desired === 'delete' ? 'delete' : desired;
        const next = phaseOf({ step: row.step as Step, desired: wanted, result: row.result as Result | null });
        await trx
          .updateTable('training_jobs')
          .set({
            desired: wanted,
            phase: next.phase,
            secondary_phase: next.secondary,
            stop_reason: row.stop_reason ?? stopReason,
            next_at: now,
          })
          .where('id', '=', id)
          .execute();
        return { phase: before, accepted: true };
      });
    },

    /** Has a job that holds a place give it up and wait again. False when it holds none, or is at its end. */
    async displace(id: string, halt: Halt): Promise<boolean> {
      const result = await db
        .updateTable('training_jobs')
        .set({ halt: JSON.stringify(halt), next_at: halt.at })
        .where('id', '=', id)
        .where('step', 'in', ['staging', 'creating', 'launching', 'running'])
        .where('desired', '=', 'run')
        .where('halt', 'is', null)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    /** Changes the priority of a job that waits. False when it waits no longer. */
    async prioritize(id: string, priority: number, now: number): Promise<boolean> {
      const result = await db
        .updateTable('training_jobs')
        .set({ priority, next_at: now })
        .where('id', '=', id)
        .where('step', 'in', ['created', 'queued'])
        .where('desired', '=', 'run')
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    async describe(projectId: string, id: string, description: string): Promise<boolean> {
      const result = await db
        .updateTable('training_jobs')
        .set({ description })
        .where('project_id', '=', projectId)
        .where('id', '=', id)
        .executeTakeFirst();
      return result.numUpdatedRows > 0n;
    },

    /** Removes a job that has come to its end, with everything that hangs on it. */
    async erase(id: string): Promise<void> {
      await db.deleteFrom('training_jobs').where('id', '=', id).where('step', '=', 'done').execute();
    },

    async inWorkspace(projectId: string, workspaceId: string): Promise<{ id: string; desired: Desired }[]> {
      const rows = await db
        .selectFrom('training_jobs')
        .select(['id', 'desired'])
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .execute();
      return rows.map(row => ({ id: row.id, desired: row.desired as Desired }));
    },

    /** Jobs of a workspace that have not ended. */
    countActive: (projectId: string, workspaceId: string) => countActive(db, projectId, workspaceId),

    async countOfAccount(accountId: string): Promise<number> {
      const { used } = await db
        .selectFrom('training_jobs')
        .select(eb => eb.fn.countAll<number>().as('used'))
        .where('account_id', '=', accountId)
        .executeTakeFirstOrThrow();
      return Number(used);
    },

    ...eventStore(database),
    ...metricStore(database),
  };
}

export type JobStore = ReturnType<typeof jobStore>;

async function countActive(
  db: ReturnType<typeof tables<TrainingTables>>,
  projectId: string,
  workspaceId: string,
): Promise<number> {
  const { n } = await db
    .selectFrom('training_jobs')
    .select(eb => eb.fn.countAll<number>().as('n'))
    .where('project_id', '=', projectId)
    .where('workspace_id', '=', workspaceId)
    .where('result', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(n);
}
