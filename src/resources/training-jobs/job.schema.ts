import { LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration } from '../../store-kit/index.ts';

/** Table driven by the reconciler. */
export const JOB_TABLE = 'training_jobs';

export const trainingMigrations = [
  sqlMigration('0004-training', [
    `CREATE TABLE training_jobs (
      id TEXT PRIMARY KEY,
      project_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT NOT NULL,
      kind TEXT NOT NULL,
      user_id TEXT NOT NULL,
      user_name TEXT NOT NULL,
      algorithm_name TEXT NOT NULL,
      agency TEXT NOT NULL,
      phase TEXT NOT NULL,
      secondary_phase TEXT NOT NULL,
      step TEXT NOT NULL,
      desired TEXT NOT NULL,
      result TEXT,
      stop_reason TEXT,
      exit_code INTEGER,
      created_at INTEGER NOT NULL,
      queued_at INTEGER,
      admitted_at INTEGER,
      staged_at INTEGER,
      started_at INTEGER,
      exited_at INTEGER,
      ended_at INTEGER,
      ${LEASE_COLUMNS_SQL},
      exit_message TEXT,
      message TEXT,
      spec TEXT NOT NULL
    )`,
    'CREATE UNIQUE INDEX training_jobs_name ON training_jobs (project_id, workspace_id, name)',
    // Both hold every column that a search may name, so that a filtered count over 100,000 jobs never reads the rows.
    `CREATE INDEX training_jobs_search ON training_jobs
      (project_id, created_at, id, name, phase, kind, user_id, user_name, algorithm_name, workspace_id)`,
    `CREATE INDEX training_jobs_search_name ON training_jobs
      (project_id, name, id, created_at, phase, kind, user_id, user_name, algorithm_name, workspace_id)`,
    'CREATE INDEX training_jobs_project ON training_jobs (project_id)',
    'CREATE INDEX training_jobs_account ON training_jobs (account_id)',
    'CREATE INDEX training_jobs_due ON training_jobs (next_at) WHERE next_at IS NOT NULL',
    // Exists while a job may write there: the index is what keeps two jobs apart.
    `CREATE TABLE training_job_outputs (
      bucket TEXT NOT NULL,
      prefix TEXT NOT NULL,
      job_id TEXT NOT NULL REFERENCES training_jobs (id) ON DELETE CASCADE,
      PRIMARY KEY (bucket, prefix)
    )`,
    'CREATE INDEX training_job_outputs_job ON training_job_outputs (job_id)',
    `CREATE TABLE training_job_events (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      job_id TEXT NOT NULL REFERENCES training_jobs (id) ON DELETE CASCADE,
      time INTEGER NOT NULL,
      level TEXT NOT NULL,
      source TEXT NOT NULL,
      mark TEXT,
      message TEXT NOT NULL
    )`,
    'CREATE INDEX training_job_events_job ON training_job_events (job_id, time)',
    'CREATE UNIQUE INDEX training_job_events_mark ON training_job_events (job_id, mark) WHERE mark IS NOT NULL',
    `CREATE TABLE training_job_metrics (
      job_id TEXT NOT NULL REFERENCES training_jobs (id) ON DELETE CASCADE,
      minute INTEGER NOT NULL,
      cpu_sum REAL NOT NULL,
      memory_sum REAL NOT NULL,
      samples INTEGER NOT NULL,
      PRIMARY KEY (job_id, minute)
    ) WITHOUT ROWID`,
  ]),
  // Several tasks and attempts, priorities; what a job of before is follows from the defaults.
  sqlMigration('0022-training', [
    'ALTER TABLE training_jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE training_jobs ADD COLUMN queued_priority INTEGER',
    'ALTER TABLE training_jobs ADD COLUMN halt TEXT',
    "ALTER TABLE training_jobs ADD COLUMN tasks TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE training_jobs ADD COLUMN records TEXT NOT NULL DEFAULT '[]'",
    'ALTER TABLE training_jobs ADD COLUMN retries INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE training_jobs ADD COLUMN reissued INTEGER NOT NULL DEFAULT 0',
    "ALTER TABLE training_jobs ADD COLUMN avoid TEXT NOT NULL DEFAULT '[]'",
    'UPDATE training_jobs SET queued_priority = 1',
    `CREATE TABLE training_task_metrics (
      job_id TEXT NOT NULL REFERENCES training_jobs (id) ON DELETE CASCADE,
      task INTEGER NOT NULL,
      minute INTEGER NOT NULL,
      cpu_sum REAL NOT NULL,
      memory_sum REAL NOT NULL,
      samples INTEGER NOT NULL,
      PRIMARY KEY (job_id, task, minute)
    ) WITHOUT ROWID`,
    `INSERT INTO training_task_metrics (job_id, task, minute, cpu_sum, memory_sum, samples)
      SELECT job_id, 0, minute, cpu_sum, memory_sum, samples FROM training_job_metrics`,
    'DROP TABLE training_job_metrics',
    `UPDATE training_jobs SET tasks = json_array(json_object(
        'startedAt', started_at, 'exitedAt', exited_at, 'exitCode', exit_code, 'exitMessage', exit_message))
      WHERE exit_code IS NOT NULL`,
  ]),
];

export interface JobRow extends LeaseColumns {
  id: string;
  project_id: string;
  account_id: string;
  workspace_id: string;
  name: string;
  description: string;
  kind: string;
  user_id: string;
  user_name: string;
  algorithm_name: string;
  agency: string;
  phase: string;
  secondary_phase: string;
  step: string;
  desired: string;
  result: string | null;
  stop_reason: string | null;
  exit_code: number | null;
  created_at: number;
  queued_at: number | null;
  admitted_at: number | null;
  staged_at: number | null;
  started_at: number | null;
  exited_at: number | null;
  ended_at: number | null;
  exit_message: string | null;
  message: string | null;
  spec: string;
  priority: number;
  queued_priority: number | null;
  halt: string | null;
  tasks: string;
  records: string;
  retries: number;
  reissued: number;
  avoid: string;
}

export interface TrainingTables {
  training_jobs: JobRow;
  training_job_outputs: { bucket: string; prefix: string; job_id: string };
  training_job_events: {
    id: number;
    job_id: string;
    time: number;
    level: string;
    source: string;
    mark: string | null;
    message: string;
  };
  training_task_metrics: {
    job_id: string;
    task: number;
    minute: number;
    cpu_sum: number;
    memory_sum: number;
    samples: number;
  };
}
