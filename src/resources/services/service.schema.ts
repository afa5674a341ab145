import { LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration } from '../../store-kit/index.ts';

export const servicesMigrations = [
  sqlMigration('0006-services', [
    `CREATE TABLE services (
      id TEXT PRIMARY KEY,
      account_id TEXT NOT NULL,
      project_id TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      name TEXT NOT NULL,
      description TEXT NOT NULL,
      owner_id TEXT NOT NULL,
      owner_name TEXT NOT NULL,
      status TEXT NOT NULL,
      desired TEXT NOT NULL,
      generation INTEGER NOT NULL,
      target INTEGER NOT NULL,
      active INTEGER,
      rolling_back INTEGER NOT NULL,
      deploy_since INTEGER NOT NULL,
      progress INTEGER NOT NULL,
      error_message TEXT,
      publish_at INTEGER NOT NULL,
      start_time INTEGER,
      transition_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      operation_at INTEGER NOT NULL,
      due_at INTEGER,
      schedule TEXT NOT NULL,
      load_balancer_policy TEXT,
      additional_properties TEXT NOT NULL,
      ${LEASE_COLUMNS_SQL}
    )`,
    `CREATE UNIQUE INDEX services_name ON services (project_id, name) WHERE desired <> 'deleted'`,
    'CREATE INDEX services_list ON services (project_id, publish_at)',
    'CREATE INDEX services_due ON services (next_at)',
    `CREATE TABLE service_revisions (
      service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
      number INTEGER NOT NULL,
      entries TEXT NOT NULL,
      result TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (service_id, number)
    )`,
    `CREATE TABLE service_instances (
      id TEXT PRIMARY KEY,
      service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
      shape TEXT NOT NULL,
      phase TEXT NOT NULL,
      data TEXT NOT NULL,
      created_at INTEGER NOT NULL
    )`,
    'CREATE INDEX service_instances_service ON service_instances (service_id)',
    `CREATE TABLE service_events (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
      service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
      time INTEGER NOT NULL,
      type TEXT NOT NULL,
      info TEXT NOT NULL
    )`,
    'CREATE INDEX service_events_service ON service_events (service_id, time)',
    `CREATE TABLE service_counters (
      service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
      entry_id TEXT NOT NULL,
      calls INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      seen_calls INTEGER NOT NULL,
      seen_failed INTEGER NOT NULL,
      PRIMARY KEY (service_id, entry_id)
    )`,
  ]),
  // Each workspace has names of its own.
  sqlMigration('0016-service-names', [
    'DROP INDEX services_name',
    `CREATE UNIQUE INDEX services_name ON services (project_id, workspace_id, name) WHERE desired <> 'deleted'`,
  ]),
  sqlMigration('0066-service-samples', [
    `CREATE TABLE service_samples (
      service_id TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
      entry_id TEXT NOT NULL,
      minute INTEGER NOT NULL,
      calls INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      latency TEXT NOT NULL,
      cpu REAL,
      memory REAL,
      PRIMARY KEY (service_id, minute, entry_id)
    ) WITHOUT ROWID`,
    'CREATE INDEX service_samples_minute ON service_samples (minute)',
    `ALTER TABLE service_counters ADD COLUMN seen_latency TEXT NOT NULL DEFAULT '{}'`,
  ]),
];

export interface ServiceRow extends LeaseColumns {
  id: string;
  account_id: string;
  project_id: string;
  workspace_id: string;
  name: string;
  description: string;
  owner_id: string;
  owner_name: string;
  status: string;
  desired: string;
  generation: number;
  target: number;
  active: number | null;
  rolling_back: number;
  deploy_since: number;
  progress: number;
  error_message: string | null;
  publish_at: number;
  start_time: number | null;
  transition_at: number;
  updated_at: number;
  operation_at: number;
  due_at: number | null;
  schedule: string;
  load_balancer_policy: string | null;
  additional_properties: string;
}

export interface RevisionRow {
  service_id: string;
  number: number;
  entries: string;
  result: string;
  created_at: number;
}

export interface InstanceRow {
  id: string;
  service_id: string;
  shape: string;
  phase: string;
  /** The rest of the instance as JSON. */
  data: string;
  created_at: number;
}

export interface CounterRow {
  service_id: string;
  entry_id: string;
  calls: number;
  failed: number;
  seen_calls: number;
  seen_failed: number;
  /** A histogram as JSON. */
  seen_latency: string;
}

export interface SampleRow {
  service_id: string;
  entry_id: string;
  /** Minutes since the epoch. */
  minute: number;
  calls: number;
  failed: number;
  /** A histogram as JSON. */
  latency: string;
  /** Per cent of what the instances may take. */
  cpu: number | null;
  memory: number | null;
}

export interface ServiceTables {
  services: ServiceRow;
  service_revisions: RevisionRow;
  service_instances: InstanceRow;
  service_events: { sequence?: number; service_id: string; time: number; type: string; info: string };
  service_counters: CounterRow;
  service_samples: SampleRow;
}
