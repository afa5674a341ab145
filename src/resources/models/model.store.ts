import { sql } from 'kysely';
import { type Database, LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration, tables } from '../../store-kit/index.ts';
import {
  type Model,
  type ModelEvent,
  type ModelFilter,
  type ModelPage,
  type ModelStatus,
  versionRank,
} from './model.ts';

export const modelsMigrations = [
  sqlMigration('0005-models', [
    `CREATE TABLE models (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL,
      project_id TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      name TEXT NOT NULL,
      version TEXT NOT NULL,
      version_rank INTEGER NOT NULL,
      type TEXT NOT NULL,
      status TEXT NOT NULL,
      description TEXT NOT NULL,
      owner_id TEXT NOT NULL,
      owner_name TEXT NOT NULL,
      agency_name TEXT NOT NULL,
      source_job_id TEXT,
      source_job_version TEXT,
      sources TEXT NOT NULL,
      source_location TEXT NOT NULL,
      source_copy TEXT NOT NULL,
      runtime TEXT,
      engine_id TEXT,
      algorithm TEXT,
      initial_config TEXT,
      execution_code TEXT,
      config TEXT,
      apis TEXT NOT NULL,
      dependencies TEXT NOT NULL,
      health TEXT,
      metrics TEXT,
      docs TEXT NOT NULL,
      install_type TEXT NOT NULL,
      size INTEGER NOT NULL,
      error_message TEXT,
      attempts INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      deleting INTEGER NOT NULL,
      ${LEASE_COLUMNS_SQL}
    )`,
    'CREATE UNIQUE INDEX models_name ON models (project_id, name, version) WHERE deleting = 0',
    'CREATE INDEX models_list ON models (project_id, created_at)',
    'CREATE INDEX models_due ON models (next_at)',
    `CREATE TABLE model_events (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
      time INTEGER NOT NULL,
      type TEXT NOT NULL,
      info TEXT NOT NULL
    )`,
    'CREATE INDEX model_events_model ON model_events (model_id, sequence)',
  ]),
  // Each workspace has names of its own.
  sqlMigration('0016-model-names', [
    'DROP INDEX models_name',
    'CREATE UNIQUE INDEX models_name ON models (project_id, workspace_id, name, version) WHERE deleting = 0',
  ]),
];

interface ModelRow extends LeaseColumns {
  id: string;
  account_id: string;
  project_id: string;
  workspace_id: string;
  name: string;
  version: string;
  version_rank: number;
  type: string;
  status: string;
  description: string;
  owner_id: string;
  owner_name: string;
  agency_name: string;
  source_job_id: string | null;
  source_job_version: string | null;
  sources: string;
  source_location: string;
  source_copy: string;
  runtime: string | null;
  engine_id: string | null;
  algorithm: string | null;
  initial_config: string | null;
  execution_code: string | null;
  config: string | null;
  apis: string;
  dependencies: string;
  health: string | null;
  metrics: string | null;
  docs: string;
  install_type: string;
  size: number;
  error_message: string | null;
  attempts: number;
  created_at: number;
  updated_at: number;
  deleting: number;
}

interface Tables {
  models: ModelRow;
  model_events: { sequence?: number; model_id: string; time: number; type: string; info: string };
}

/** What an import found out; saved when it ends. */
export type ImportResult = Pick<
  Model,
  | 'type'
  | 'runtime'
  | 'engineId'
  | 'algorithm'
  | 'config'
  | 'apis'
  | 'dependencies'
  | 'health'
  | 'size'
  | 'sourceLocation'
>;

/** Queries on models and their events. Rows being deleted are invisible except to `forImport`. */
export function modelStore(database: Database) {
  const db = tables<Tables>(database);

  const live = (projectId: string) =>
    db.selectFrom('models').selectAll().where('project_id', '=', projectId).where('deleting', '=', 0);
  const inWorkspace = (projectId: string, workspaceId: string) =>
    db.selectFrom('models').where('project_id', '=', projectId).where('workspace_id', '=', workspaceId);

  return {
    /** `admit` is told, within the transaction, how many models are in the workspace, and throws where it takes no more. */
    async insert(
      model: Model,
      event: ModelEvent,
      admit: (used: number, transaction: Database) => Promise<void>,
    ): Promise<void> {
      await db.transaction().execute(async trx => {
        await admit(await countLive(trx, model.projectId, model.workspaceId), trx);
        await trx
          .insertInto('models')
          .values({ ...rowOf(model), next_at: model.createdAt, lease_owner: null, lease_until: null })
          .execute();
        await trx
          .insertInto('model_events')
          .values({ model_id: model.id, ...event })
          .execute();
      });
    },

    async find(projectId: string, id: string): Promise<Model | undefined> {
      const row = await live(projectId).where('id', '=', id).executeTakeFirst();
      return row && modelOf(row);
    },

    async named(projectId: string, workspaceId: string, name: string, version?: string): Promise<Model[]> {
      let query = live(projectId).where('workspace_id', '=', workspaceId).where('name', '=', name);
      if (version !== undefined) query = query.where('version', '=', version);
      return (await query.orderBy('version_rank').execute()).map(modelOf);
    },

    async list(filter: ModelFilter): Promise<ModelPage> {
      let query = db
        .selectFrom('models')
        .where('project_id', '=', filter.projectId)
        .where('workspace_id', '=', filter.workspaceId)
        .where('deleting', '=', 0);
      if (filter.name !== undefined) {
        query = query.where(sql<boolean>`name LIKE ${like(filter.name, filter.exactMatch ?? false)} ESCAPE '\\'`);
      }
      if (filter.description !== undefined) {
        query = query.where(sql<boolean>`description LIKE ${like(filter.description, true)} ESCAPE '\\'`);
      }
      if (filter.version !== undefined) query = query.where('version', '=', filter.version);
      if (filter.status !== undefined) query = query.where('status', '=', filter.status);
      if (filter.type !== undefined) query = query.where('type', '=', filter.type);
      if (filter.notType !== undefined) query = query.where('type', '!=', filter.notType);
      const column = ({ create_at: 'created_at', model_version: 'version_rank', model_size: 'size' } as const)[
        filter.sortBy
      ];
      const total = await query.select(eb => eb.fn.countAll<number>().as('n')).executeTakeFirst();
      const rows = await query
        .selectAll()
        .orderBy(column, filter.order)
        .orderBy('id')
        .limit(filter.limit)
        .offset(filter.offset)
        .execute();
      return { total: Number(total?.n ?? 0), items: rows.map(modelOf) };
    },

    async liveIn(projectId: string, workspaceId: string): Promise<string[]> {
      const rows = await inWorkspace(projectId, workspaceId).select('id').where('deleting', '=', 0).execute();
      return rows.map(row => row.id);
    },

    count: (projectId: string, workspaceId: string) => countLive(db, projectId, workspaceId),

    /** Those too that are being deleted. */
    async countRows(projectId: string, workspaceId: string): Promise<number> {
      const counted = inWorkspace(projectId, workspaceId).select(eb => eb.fn.countAll<number>().as('n'));
      return Number((await counted.executeTakeFirstOrThrow()).n);
    },

    /** Marks models as being deleted and makes them due; the reconciler removes their files and then the rows. */
    async markDeleting(ids: readonly string[], now: number): Promise<void> {
      if (ids.length === 0) return;
      await db.updateTable('models').set({ deleting: 1, next_at: now }).where('id', 'in', ids).execute();
    },

    async forImport(id: string): Promise<Model | undefined> {
      const row = await db.selectFrom('models').selectAll().where('id', '=', id).executeTakeFirst();
      return row && modelOf(row);
    },

    async countAttempt(id: string): Promise<void> {
      await db
        .updateTable('models')
        .set(eb => ({ attempts: eb('attempts', '+', 1) }))
        .where('id', '=', id)
        .execute();
    },

    /** Ends an import that still runs; false when the model was deleted meanwhile. */
    async finish(
      id: string,
      status: ModelStatus,
      now: number,
      result: ImportResult | undefined,
      errorMessage: string | undefined,
    ): Promise<boolean> {
      const done = await db
        .updateTable('models')
        .set({
          status,
          updated_at: now,
          error_message: errorMessage ?? null,
          ...(result
            ? {
                type: result.type,
                runtime: result.runtime ?? null,
                engine_id: result.engineId ?? null,
                algorithm: result.algorithm ?? null,
                config: result.config ? JSON.stringify(result.config) : null,
                apis: JSON.stringify(result.apis),
                dependencies: JSON.stringify(result.dependencies),
                health: result.health ? JSON.stringify(result.health) : null,
                size: result.size,
                source_location: result.sourceLocation,
              }
            : {}),
        })
        .where('id', '=', id)
        .where('deleting', '=', 0)
        .where('status', '=', 'publishing')
        .executeTakeFirst();
      return done.numUpdatedRows > 0n;
    },

    async remove(id: string): Promise<void> {
      await db.deleteFrom('models').where('id', '=', id).execute();
    },

    async ids(): Promise<string[]> {
      return (await db.selectFrom('models').select('id').execute()).map(row => row.id);
    },

    async addEvent(modelId: string, event: ModelEvent): Promise<void> {
      await db
        .insertInto('model_events')
        .values({ model_id: modelId, ...event })
        .execute();
    },

    async events(modelId: string): Promise<ModelEvent[]> {
      const rows = await db
        .selectFrom('model_events')
        .select(['time', 'type', 'info'])
        .where('model_id', '=', modelId)
        .orderBy('sequence')
        .execute();
      return rows as ModelEvent[];
    },
  };
}

async function countLive(
  db: ReturnType<typeof tables<Tables>>,
  projectId: string,
  workspaceId: string,
): Promise<number> {
  const { n } = await db
    .selectFrom('models')
    .select(eb => eb.fn.countAll<number>().as('n'))
    .where('project_id', '=', projectId)
    .where('workspace_id', '=', workspaceId)
    .where('deleting', '=', 0)
    .executeTakeFirstOrThrow();
  return Number(n);
}

export type ModelStore = ReturnType<typeof modelStore>;

function like(text: string, escapeUnderscore: boolean): string {
  const escaped = text.replace(escapeUnderscore ? /[\\%_]/g : /[\\%]/g, '\\$&');
  return `%${escaped}%`;
}

function rowOf(model: Model): Omit<ModelRow, keyof LeaseColumns> {
  return {
    id: model.id,
    account_id: model.accountId,
    project_id: model.projectId,
    workspace_id: model.workspaceId,
    name: model.name,
    version: model.version,
    version_rank: versionRank(model.version),
    type: model.type,
    status: model.status,
    description: model.description,
    owner_id: model.ownerId,
    owner_name: model.ownerName,
    agency_name: model.agencyName,
    source_job_id: model.sourceJobId ?? null,
    source_job_version: model.sourceJobVersion ?? null,
    sources: JSON.stringify(model.sources),
    source_location: model.sourceLocation,
    source_copy: model.sourceCopy,
    runtime: model.runtime ?? null,
    engine_id: model.engineId ?? null,
    algorithm: model.algorithm ?? null,
    initial_config: model.initialConfig ?? null,
    execution_code: model.executionCode ?? null,
    config: model.config ? JSON.stringify(model.config) : null,
    apis: JSON.stringify(model.apis),
    dependencies: JSON.stringify(model.dependencies),
    health: model.health ? JSON.stringify(model.health) : null,
    metrics: model.metrics ?? null,
    docs: JSON.stringify(model.docs),
    install_type: JSON.stringify(model.installType),
    size: model.size,
    error_message: model.errorMessage ?? null,
    attempts: model.attempts,
    created_at: model.createdAt,
    updated_at: model.updatedAt,
    deleting: model.deleting ? 1 : 0,
  };
}

function modelOf(row: ModelRow): Model {
  return {
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    name: row.name,
    version: row.version,
    type: row.type,
    status: row.status as ModelStatus,
    description: row.description,
    ownerId: row.owner_id,
    ownerName: row.owner_name,
    agencyName: row.agency_name,
    sourceJobId: row.source_job_id ?? undefined,
    sourceJobVersion: row.source_job_version ?? undefined,
    sources: JSON.parse(row.sources),
    sourceLocation: row.source_location,
    sourceCopy: row.source_copy,
    runtime: row.runtime ?? undefined,
    engineId: row.engine_id ?? undefined,
    algorithm: row.algorithm ?? undefined,
    initialConfig: row.initial_config ?? undefined,
    executionCode: row.execution_code ?? undefined,
    config: row.config ? JSON.parse(row.config) : undefined,
    apis: JSON.parse(row.apis),
    dependencies: JSON.parse(row.dependencies),
    health: row.health ? JSON.parse(row.health) : undefined,
    metrics: row.metrics ?? undefined,
    docs: JSON.parse(row.docs),
    installType: JSON.parse(row.install_type),
    size: row.size,
    errorMessage: row.error_message ?? undefined,
    attempts: row.attempts,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deleting: row.deleting === 1,
  };
}
