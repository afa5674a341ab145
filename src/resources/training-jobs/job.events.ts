import { sql } from 'kysely';
import { type Database, tables } from '../../store-kit/index.ts';
import type { JobEvent } from './job.model.ts';
import type { TrainingTables } from './job.schema.ts';

export interface EventQuery {
  offset: number;
  limit: number;
  order: 'asc' | 'desc';
  from?: number | undefined;
  to?: number | undefined;
  level?: string | undefined;
  source?: string | undefined;
  pattern?: string | undefined;
}

/** Text for a LIKE pattern whose wildcards mean themselves. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, found => `\\${found}`);
}

/** Queries on the events of jobs. */
export function eventStore(database: Database) {
  const db = tables<TrainingTables>(database);
  return {
    /** Adds an event; one with a `mark` that the job already has is left out, so that a repeated step is told once. */
    event: (jobId: string, event: JobEvent, mark?: string) => addEvent(db, jobId, event, mark),

    async events(jobId: string, query: EventQuery): Promise<{ total: number; events: JobEvent[] }> {
      let matching = db.selectFrom('training_job_events').where('job_id', '=', jobId);
      if (query.from !== undefined) matching = matching.where('time', '>=', query.from);
      if (query.to !== undefined) matching = matching.where('time', '<=', query.to);
      if (query.level) matching = matching.where('level', '=', query.level);
      if (query.source) matching = matching.where('source', '=', query.source);
      if (query.pattern) {
        const pattern = `%${escapeLike(query.pattern)}%`;
        matching = matching.where(sql<boolean>`message LIKE ${pattern} ESCAPE '\\'`);
      }
      const { n } = await matching.select(eb => eb.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
      const rows = await matching
        .select(['time', 'level', 'source', 'message'])
        .orderBy('time', query.order)
        .orderBy('id', query.order)
        .offset(query.offset)
        .limit(query.limit)
        .execute();
      return { total: Number(n), events: rows as JobEvent[] };
    },
  };
}

/** Queries on the measured use of tasks. */
export function metricStore(database: Database) {
  const db = tables<TrainingTables>(database);
  return {
    /** Adds one sample of a task to the average of its minute. `minute`: since the epoch; use in per cent of the flavor's. */
    async sample(jobId: string, task: number, minute: number, cpu: number, memory: number): Promise<void> {
      await sql`
        INSERT INTO training_task_metrics (job_id, task, minute, cpu_sum, memory_sum, samples)
        VALUES (${jobId}, ${task}, ${minute}, ${cpu}, ${memory}, 1)
        ON CONFLICT (job_id, task, minute) DO UPDATE SET cpu_sum = cpu_sum + excluded.cpu_sum,
          memory_sum = memory_sum + excluded.memory_sum, samples = samples + 1`.execute(db);
    },

    async metrics(jobId: string, task: number): Promise<{ minute: number; cpu: number; memory: number }[]> {
      const rows = await db
        .selectFrom('training_task_metrics')
        .selectAll()
        .where('job_id', '=', jobId)
        .where('task', '=', task)
        .orderBy('minute')
        .execute();
      return rows.map(row => ({
        minute: row.minute,
        cpu: row.cpu_sum / row.samples,
        memory: row.memory_sum / row.samples,
      }));
    },
  };
}

/** As `event` of the store, for what goes into a transaction with it. */
export async function addEvent(
  db: ReturnType<typeof tables<TrainingTables>>,
  jobId: string,
  event: JobEvent,
  mark?: string,
): Promise<void> {
  await sql`
    INSERT INTO training_job_events (job_id, time, level, source, mark, message)
    SELECT id, ${event.time}, ${event.level}, ${event.source}, ${mark ?? null}, ${event.message}
    FROM training_jobs WHERE id = ${jobId}
    ON CONFLICT DO NOTHING`.execute(db);
}
