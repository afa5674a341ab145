import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import { Failure } from '../../kernel/failure.ts';
import { type Database, tables } from '../../store-kit/index.ts';
import { escapeLike } from './job.events.ts';
import type { TrainingTables } from './job.schema.ts';

interface Filter {
  key: string;
  operator: string;
  value: readonly (string | number)[];
}

export interface JobSearch {
  /** Index of the page, from 0 (api/README 2.2). */
  page: number;
  limit: number;
  sortBy: string;
  order: 'asc' | 'desc';
  workspaceId: string;
  filters: readonly Filter[];
}

const TEXT_COLUMNS = {
  name: 'name',
  phase: 'phase',
  algorithm_name: 'algorithm_name',
  kind: 'kind',
  user_id: 'user_id',
  user_name: 'user_name',
  id: 'id',
} as const;
const KEYS = [...Object.keys(TEXT_COLUMNS), 'create_time', 'runtime_type'];
const OPERATORS = ['between', 'like', 'in', 'not'];
const SORTABLE = { create_time: 'created_at', name: 'name' } as const;

type Build = (eb: ExpressionBuilder<TrainingTables, 'training_jobs'>) => Expression<SqlBool>;

function refuse(code: string, message: string): Failure {
  return new Failure({ code: `ModelArts.${code}`, status: 400, message });
}

/**
 * The ids of one page of a workspace's jobs, with the number of all and of those that match.
 * Throws Failure 2789 (key), 2790 (sorting), 2808 (operator), 2809 (value).
 */
export async function searchJobs(
  database: Database,
  projectId: string,
  search: JobSearch,
): Promise<{ total: number; count: number; ids: string[] }> {
  const column = SORTABLE[search.sortBy as keyof typeof SORTABLE];
  if (!column) {
    throw refuse(
      '2790',
      `UnsupportedSortBy: parameter [sort_by] is "${search.sortBy.slice(0, 50)}"; allowed: ${Object.keys(SORTABLE).join(', ')}.`,
    );
  }
  const conditions = search.filters.flatMap(filter => condition(filter) ?? []);
  const db = tables<TrainingTables>(database);
  const mine = db
    .selectFrom('training_jobs')
    .where('project_id', '=', projectId)
    .where('workspace_id', '=', search.workspaceId);
  const matching = conditions.length === 0 ? mine : mine.where(eb => eb.and(conditions.map(build => build(eb))));
  // One scan tells both numbers.
  const numbers = await mine
    .select(eb => [
      eb.fn.countAll<number>().as('total'),
      ...(conditions.length === 0
        ? []
        : [sql<number>`count(CASE WHEN ${eb.and(conditions.map(build => build(eb)))} THEN 1 END)`.as('count')]),
    ])
    .executeTakeFirstOrThrow();
  const total = Number(numbers.total);
  const rows = await matching
    .select('id')
    .orderBy(column, search.order)
    .orderBy('id', search.order)
    .offset(search.page * search.limit)
    .limit(search.limit)
    .execute();
  return {
    total,
    count: numbers.count === undefined ? total : Number(numbers.count),
    ids: rows.map(row => row.id),
  };
}

/** One filter as a condition, or nothing when it filters nothing (an empty text means no filter). */
function condition(filter: Filter): Build | undefined {
  const { key, operator } = filter;
  if (!KEYS.includes(key)) {
    throw refuse('2789', `UnsupportedFilterBy: filter key "${key.slice(0, 50)}" is not one of ${KEYS.join(', ')}.`);
  }
  if (!OPERATORS.includes(operator)) {
    throw refuse(
      '2808',
      `Filter operator "${operator.slice(0, 50)}" of key ${key} is not one of ${OPERATORS.join(', ')}.`,
    );
  }
  const values = filter.value.map(String).filter(value => value !== '');
  if (values.length === 0) return undefined;
  if (key === 'create_time' || operator === 'between') return timeRange(key, operator, values);
  if (key === 'runtime_type') return undefined;
  const column = TEXT_COLUMNS[key as keyof typeof TEXT_COLUMNS];
  if (operator === 'like') {
    return eb =>
      eb.or(values.map(value => sql<SqlBool>`${sql.ref(column)} LIKE ${`%${escapeLike(value)}%`} ESCAPE '\\'`));
  }
  return operator === 'in' ? eb => eb(column, 'in', values) : eb => eb(column, 'not in', values);
}

function timeRange(key: string, operator: string, values: readonly string[]): Build {
  if (key !== 'create_time' || operator !== 'between') {
    throw refuse('2808', `Filter operator ${operator} does not go with key ${key}: between is for create_time alone.`);
  }
  const [from, to] = values.map(Number);
  if (values.length !== 2 || !Number.isFinite(from) || !Number.isFinite(to) || from! > to!) {
    throw refuse('2809', 'Filter create_time needs two values, start and end, in milliseconds since the epoch.');
  }
  return eb => eb.between('created_at', from!, to!);
}
