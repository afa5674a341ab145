import { sqlMigration } from '../../store-kit/index.ts';

export const objectsMigrations = [
  sqlMigration('0002-objects', [
    `CREATE TABLE obs_buckets (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      account_id TEXT NOT NULL,
      account_name TEXT NOT NULL,
      location TEXT NOT NULL,
      storage_class TEXT NOT NULL,
      created_at INTEGER NOT NULL
    )`,
    'CREATE INDEX obs_buckets_account ON obs_buckets (account_id, name)',
    `CREATE TABLE obs_objects (
      bucket_id INTEGER NOT NULL REFERENCES obs_buckets (id),
      key TEXT NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      last_modified INTEGER NOT NULL,
      storage_class TEXT NOT NULL,
      upload_id TEXT,
      attributes TEXT NOT NULL,
      segments TEXT NOT NULL,
      PRIMARY KEY (bucket_id, key)
    )`,
    `CREATE TABLE obs_blobs (
      id TEXT PRIMARY KEY,
      size INTEGER NOT NULL,
      refs INTEGER NOT NULL,
      dead_at INTEGER,
      checks BLOB NOT NULL,
      content BLOB
    )`,
    'CREATE INDEX obs_blobs_dead ON obs_blobs (dead_at) WHERE dead_at IS NOT NULL',
    `CREATE TABLE obs_uploads (
      id TEXT PRIMARY KEY,
      bucket_id INTEGER NOT NULL REFERENCES obs_buckets (id),
      key TEXT NOT NULL,
      initiator_id TEXT NOT NULL,
      initiator_name TEXT NOT NULL,
      initiated_at INTEGER NOT NULL,
      attributes TEXT NOT NULL
    )`,
    'CREATE INDEX obs_uploads_key ON obs_uploads (bucket_id, key, id)',
    `CREATE TABLE obs_parts (
      upload_id TEXT NOT NULL REFERENCES obs_uploads (id),
      number INTEGER NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      last_modified INTEGER NOT NULL,
      checksum TEXT NOT NULL,
      segments TEXT NOT NULL,
      PRIMARY KEY (upload_id, number)
    )`,
  ]),
  sqlMigration('0018-objects-versions', [
    `ALTER TABLE obs_buckets ADD COLUMN kind TEXT NOT NULL DEFAULT 'OBJECT'`,
    'ALTER TABLE obs_buckets ADD COLUMN versioning TEXT',
    `CREATE TABLE obs_bucket_settings (
      bucket_id INTEGER NOT NULL REFERENCES obs_buckets (id) ON DELETE CASCADE,
      name TEXT NOT NULL,
      document TEXT NOT NULL,
      PRIMARY KEY (bucket_id, name)
    )`,
    'ALTER TABLE obs_objects ADD COLUMN version_id TEXT',
    'ALTER TABLE obs_objects ADD COLUMN seq INTEGER NOT NULL DEFAULT 0',
    // Versions that are not the current object, and all delete markers. So listings of objects stay as they are.
    `CREATE TABLE obs_versions (
      bucket_id INTEGER NOT NULL REFERENCES obs_buckets (id),
      key TEXT NOT NULL,
      seq INTEGER NOT NULL,
      version_id TEXT,
      delete_marker INTEGER NOT NULL,
      size INTEGER NOT NULL,
      etag TEXT NOT NULL,
      last_modified INTEGER NOT NULL,
      storage_class TEXT NOT NULL,
      upload_id TEXT,
      attributes TEXT NOT NULL,
      segments TEXT NOT NULL
    )`,
    'CREATE UNIQUE INDEX obs_versions_order ON obs_versions (bucket_id, key, seq DESC)',
  ]),
];
