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
  // What buckets hold, kept by triggers so that it is true whoever writes. REPLACE fires the one of DELETE: recursive_triggers is on.
  sqlMigration('0019-objects-usage', [
    `CREATE TABLE obs_usage (
      bucket_id INTEGER PRIMARY KEY REFERENCES obs_buckets (id) ON DELETE CASCADE,
      size INTEGER NOT NULL DEFAULT 0,
      objects INTEGER NOT NULL DEFAULT 0,
      part_size INTEGER NOT NULL DEFAULT 0,
      quota INTEGER NOT NULL DEFAULT 0
    )`,
    'CREATE INDEX obs_usage_limited ON obs_usage (bucket_id) WHERE quota > 0',
    `INSERT INTO obs_usage (bucket_id, size, objects, part_size)
      SELECT id,
        (SELECT coalesce(sum(size), 0) FROM obs_objects WHERE bucket_id = id)
          + (SELECT coalesce(sum(size), 0) FROM obs_versions WHERE bucket_id = id),
        (SELECT count(*) FROM obs_objects WHERE bucket_id = id)
          + (SELECT count(*) FROM obs_versions WHERE bucket_id = id AND delete_marker = 0),
        (SELECT coalesce(sum(part.size), 0) FROM obs_parts part
          JOIN obs_uploads upload ON upload.id = part.upload_id WHERE upload.bucket_id = obs_buckets.id)
      FROM obs_buckets`,
    `CREATE TRIGGER obs_usage_bucket AFTER INSERT ON obs_buckets BEGIN
      INSERT INTO obs_usage (bucket_id) VALUES (NEW.id);
    END`,
    `CREATE TRIGGER obs_usage_objects_insert AFTER INSERT ON obs_objects BEGIN
      UPDATE obs_usage SET size = size + NEW.size, objects = objects + 1 WHERE bucket_id = NEW.bucket_id;
    END`,
    `CREATE TRIGGER obs_usage_objects_delete AFTER DELETE ON obs_objects BEGIN
      UPDATE obs_usage SET size = size - OLD.size, objects = objects - 1 WHERE bucket_id = OLD.bucket_id;
    END`,
    `CREATE TRIGGER obs_usage_objects_update AFTER UPDATE OF size ON obs_objects BEGIN
      UPDATE obs_usage SET size = size + NEW.size - OLD.size WHERE bucket_id = NEW.bucket_id;
    END`,
    `CREATE TRIGGER obs_usage_versions_insert AFTER INSERT ON obs_versions BEGIN
      UPDATE obs_usage SET size = size + NEW.size, objects = objects + (NEW.delete_marker = 0) WHERE bucket_id = NEW.bucket_id;
    END`,
    `CREATE TRIGGER obs_usage_versions_delete AFTER DELETE ON obs_versions BEGIN
      UPDATE obs_usage SET size = size - OLD.size, objects = objects - (OLD.delete_marker = 0) WHERE bucket_id = OLD.bucket_id;
    END`,
    `CREATE TRIGGER obs_usage_versions_update AFTER UPDATE OF size ON obs_versions BEGIN
      UPDATE obs_usage SET size = size + NEW.size - OLD.size WHERE bucket_id = NEW.bucket_id;
    END`,
    `CREATE TRIGGER obs_usage_parts_insert AFTER INSERT ON obs_parts BEGIN
      UPDATE obs_usage SET part_size = part_size + NEW.size
        WHERE bucket_id = (SELECT bucket_id FROM obs_uploads WHERE id = NEW.upload_id);
    END`,
    `CREATE TRIGGER obs_usage_parts_delete AFTER DELETE ON obs_parts BEGIN
      UPDATE obs_usage SET part_size = part_size - OLD.size
        WHERE bucket_id = (SELECT bucket_id FROM obs_uploads WHERE id = OLD.upload_id);
    END`,
    // Objects that say when they expire: few, so the index is small.
    `CREATE INDEX obs_objects_expiring ON obs_objects (json_extract(attributes, '$.expiresAt'))
      WHERE json_extract(attributes, '$.expiresAt') IS NOT NULL`,
  ]),
];
