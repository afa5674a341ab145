import { sql } from 'kysely';
import type { Paged } from '../../kernel/page.ts';
import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';
import type { Algorithm } from './algorithm.ts';

export const algorithmMigrations = [
  sqlMigration('0004-algorithms', [
    `CREATE TABLE algorithms (
      id TEXT PRIMARY KEY,
      project_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT NOT NULL,
      user_name TEXT NOT NULL,
      config TEXT NOT NULL,
      resource_requirements TEXT NOT NULL,
      advanced_config TEXT NOT NULL,
      size INTEGER NOT NULL,
      code_tree TEXT,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    )`,
    'CREATE UNIQUE INDEX algorithms_name ON algorithms (project_id, workspace_id, name)',
    'CREATE INDEX algorithms_created ON algorithms (project_id, created_at, id)',
  ]),
];

interface Row {
  id: string;
  project_id: string;
  account_id: string;
  workspace_id: string;
  name: string;
  description: string;
  user_name: string;
  config: string;
  resource_requirements: string;
  advanced_config: string;
  size: number;
  code_tree: string | null;
  created_at: number;
  updated_at: number;
}

/** Told how many are in the workspace, within the transaction that adds one; throws where it takes no more. */
export type AdmitOne = (used: number, transaction: Database) => Promise<void>;

export interface AlgorithmQuery {
  offset: number;
  limit: number;
  sortBy: 'create_time' | 'update_time' | 'name';
  order: 'asc' | 'desc';
  nameLike?: string | undefined;
  workspaceId: string;
}

const SORT = { create_time: 'created_at', update_time: 'updated_at', name: 'name' } as const;

/** Queries on algorithms; every one is bound to a project. */
export function algorithmStore(database: Database) {
  const db = tables<{ algorithms: Row }>(database);
  return {
    async find(projectId: string, id: string): Promise<Algorithm | undefined> {
      const row = await db
        .selectFrom('algorithms')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('id', '=', id)
        .executeTakeFirst();
      return row && fromRow(row);
    },
    async findByName(projectId: string, workspaceId: string, name: string): Promise<{ id: string } | undefined> {
      return db
        .selectFrom('algorithms')
        .select('id')
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .where('name', '=', name)
        .executeTakeFirst();
    },
    /** Inserts, or replaces the row of the same id. False when another algorithm has the name. `admit`: of one that is new. */
    async save(algorithm: Algorithm, admit?: AdmitOne): Promise<boolean> {
      const row = toRow(algorithm);
      const { id, created_at: _, ...changes } = row;
      return database.transaction().execute(async trx => {
        const inside = tables<{ algorithms: Row }>(trx);
        const other = await inside
          .selectFrom('algorithms')
          .select('id')
          .where('project_id', '=', row.project_id)
          .where('workspace_id', '=', row.workspace_id)
          .where('name', '=', row.name)
          .where('id', '!=', id)
          .executeTakeFirst();
        if (other) return false;
        await admit?.(await countIn(inside, row.project_id, row.workspace_id), trx);
        await inside
          .insertInto('algorithms')
          .values(row)
          .onConflict(conflict => conflict.column('id').doUpdateSet(changes))
          .execute();
        return true;
      });
    },
    async remove(projectId: string, id: string): Promise<boolean> {
      const result = await db
        .deleteFrom('algorithms')
        .where('project_id', '=', projectId)
        .where('id', '=', id)
        .executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
    async removeAll(projectId: string, workspaceId: string): Promise<void> {
      await db
        .deleteFrom('algorithms')
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .execute();
    },
    count: (projectId: string, workspaceId: string) => countIn(db, projectId, workspaceId),
    async list(projectId: string, query: AlgorithmQuery): Promise<Paged<Algorithm>> {
      let matching = db
        .selectFrom('algorithms')
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', query.workspaceId);
      if (query.nameLike) {
        const pattern = `%${query.nameLike.replace(/[\\%_]/g, found => `\\${found}`)}%`;
        matching = matching.where(sql<boolean>`name LIKE ${pattern} ESCAPE '\\'`);
      }
      const total = await matching.select(eb => eb.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
      const rows = await matching
        .selectAll()
        .orderBy(SORT[query.sortBy], query.order)
        .orderBy('id', query.order)
        .offset(query.offset)
        .limit(query.limit)
        .execute();
      return { total: Number(total.n), items: rows.map(fromRow) };
    },
  };
}

async function countIn(
  db: ReturnType<typeof tables<{ algorithms: Row }>>,
  projectId: string,
  workspaceId: string,
): Promise<number> {
  const { n } = await db
    .selectFrom('algorithms')
    .select(eb => eb.fn.countAll<number>().as('n'))
    .where('project_id', '=', projectId)
    .where('workspace_id', '=', workspaceId)
    .executeTakeFirstOrThrow();
  return Number(n);
}

function fromRow(row: Row): Algorithm {
  return {
    id: row.id,
    projectId: row.project_id,
    accountId: row.account_id,
    workspaceId: row.workspace_id,
    name: row.name,
    description: row.description,
    userName: row.user_name,
    config: JSON.parse(row.config),
    resourceRequirements: JSON.parse(row.resource_requirements),
    advancedConfig: JSON.parse(row.advanced_config),
    size: row.size,
    codeTree: row.code_tree === null ? undefined : JSON.parse(row.code_tree),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toRow(algorithm: Algorithm): Row {
  return {
    id: algorithm.id,
    project_id: algorithm.projectId,
    account_id: algorithm.accountId,
    workspace_id: algorithm.workspaceId,
    name: algorithm.name,
    description: algorithm.description,
    user_name: algorithm.userName,
    config: JSON.stringify(algorithm.config),
    resource_requirements: JSON.stringify(algorithm.resourceRequirements),
    advanced_config: JSON.stringify(algorithm.advancedConfig),
    size: algorithm.size,
    code_tree: algorithm.codeTree ? JSON.stringify(algorithm.codeTree) : null,
    created_at: algorithm.createdAt,
    updated_at: algorithm.updatedAt,
  };
}
