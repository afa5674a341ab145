import { LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration } from '../../store-kit/index.ts';

/** Table driven by the reconciler. */
export const NOTEBOOK_TABLE = 'notebooks';

export const notebooksMigrations = [
  sqlMigration('0023-notebooks', [
    `CREATE TABLE notebooks (
      id TEXT PRIMARY KEY,
      project_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      account_name TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT NOT NULL,
      feature TEXT NOT NULL,
      user_id TEXT NOT NULL,
      user_name TEXT NOT NULL,
      agency TEXT NOT NULL,
      started_by_id TEXT NOT NULL,
      started_by_name TEXT NOT NULL,
      flavor_id TEXT NOT NULL,
      image_id TEXT NOT NULL,
      pool_id TEXT NOT NULL,
      step TEXT NOT NULL,
      desired TEXT NOT NULL,
      fault TEXT,
      ran INTEGER NOT NULL,
      snapshot TEXT,
      status TEXT NOT NULL,
      fail_reason TEXT,
      failed_at TEXT,
      token TEXT NOT NULL,
      run INTEGER NOT NULL,
      volume_bytes INTEGER NOT NULL,
      volume_made_bytes INTEGER NOT NULL,
      stop_type TEXT NOT NULL,
      stop_duration INTEGER NOT NULL,
      stop_created_at INTEGER NOT NULL,
      stop_updated_at INTEGER NOT NULL,
      tags TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      started_at INTEGER,
      active_at INTEGER NOT NULL,
      ${LEASE_COLUMNS_SQL},
      spec TEXT NOT NULL
    )`,
    'CREATE INDEX notebooks_project ON notebooks (project_id, workspace_id, created_at)',
    'CREATE INDEX notebooks_account ON notebooks (account_id)',
    'CREATE INDEX notebooks_due ON notebooks (next_at) WHERE next_at IS NOT NULL',
    `CREATE TABLE notebook_events (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      notebook_id TEXT NOT NULL REFERENCES notebooks (id) ON DELETE CASCADE,
      time INTEGER NOT NULL,
      level TEXT NOT NULL,
      mark TEXT,
      message TEXT NOT NULL
    )`,
    'CREATE INDEX notebook_events_notebook ON notebook_events (notebook_id, time)',
    'CREATE UNIQUE INDEX notebook_events_mark ON notebook_events (notebook_id, mark) WHERE mark IS NOT NULL',
  ]),
];

export interface NotebookRow extends LeaseColumns {
  id: string;
  project_id: string;
  account_id: string;
  account_name: string;
  workspace_id: string;
  name: string;
  description: string;
  feature: string;
  user_id: string;
  user_name: string;
  agency: string;
  started_by_id: string;
  started_by_name: string;
  flavor_id: string;
  image_id: string;
  pool_id: string;
  step: string;
  desired: string;
  fault: string | null;
  ran: number;
  snapshot: string | null;
  status: string;
  fail_reason: string | null;
  failed_at: string | null;
  token: string;
  run: number;
  volume_bytes: number;
  volume_made_bytes: number;
  stop_type: string;
  stop_duration: number;
  stop_created_at: number;
  stop_updated_at: number;
  tags: string;
  created_at: number;
  updated_at: number;
  started_at: number | null;
  active_at: number;
  spec: string;
}

export interface NotebookTables {
  notebooks: NotebookRow;
  notebook_events: {
    id: number;
    notebook_id: string;
    time: number;
    level: string;
    mark: string | null;
    message: string;
  };
}
