import { type Database, LEASE_COLUMNS_SQL, type LeaseColumns, sqlMigration, tables } from '../../store-kit/index.ts';
import type { GroupNotes, Image, ImageStatus, ImageTag } from './image.ts';

export const imagesMigrations = [
  sqlMigration('0024-images', [
    `CREATE TABLE images (
      id TEXT PRIMARY KEY,
      project_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      owner_id TEXT NOT NULL,
      owner_name TEXT NOT NULL,
      name TEXT NOT NULL,
      namespace TEXT NOT NULL,
      tag TEXT NOT NULL,
      swr_path TEXT NOT NULL,
      description TEXT NOT NULL,
      arch TEXT NOT NULL,
      origin TEXT NOT NULL,
      resource_categories TEXT NOT NULL,
      dev_services TEXT NOT NULL,
      service_type TEXT NOT NULL,
      visibility TEXT NOT NULL,
      status TEXT NOT NULL,
      status_message TEXT NOT NULL,
      size INTEGER NOT NULL,
      source_instance TEXT,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      ${LEASE_COLUMNS_SQL}
    )`,
    'CREATE UNIQUE INDEX images_path ON images (account_id, project_id, swr_path)',
    'CREATE INDEX images_workspace ON images (project_id, workspace_id)',
    'CREATE INDEX images_due ON images (next_at)',
    'CREATE INDEX images_source ON images (source_instance)',
  ]),
  sqlMigration('0028-image-groups', [
    `CREATE TABLE image_groups (
      id TEXT PRIMARY KEY,
      project_id TEXT NOT NULL,
      workspace_id TEXT NOT NULL,
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      read_me TEXT NOT NULL,
      tags TEXT NOT NULL
    )`,
    'CREATE INDEX image_groups_workspace ON image_groups (project_id, workspace_id)',
  ]),
];

interface Row extends LeaseColumns {
  id: string;
  project_id: string;
  account_id: string;
  workspace_id: string;
  owner_id: string;
  owner_name: string;
  name: string;
  namespace: string;
  tag: string;
  swr_path: string;
  description: string;
  arch: string;
  origin: string;
  resource_categories: string;
  dev_services: string;
  service_type: string;
  visibility: string;
  status: ImageStatus;
  status_message: string;
  size: number;
  source_instance: string | null;
  created_at: number;
  updated_at: number;
}

interface Tables {
  images: Row;
  image_groups: {
    id: string;
    project_id: string;
    workspace_id: string;
    namespace: string;
    name: string;
    read_me: string;
    tags: string;
  };
}

/** Told how many are in the workspace, within the transaction that adds one; throws where it takes no more. */
export type AdmitOne = (used: number, transaction: Database) => Promise<void>;

/** Queries on images. Rows of status DELETED are on their way out and are seen by the reconciler alone. */
export function imageStore(database: Database) {
  const db = tables<Tables>(database);
  const alive = (within: ReturnType<typeof tables<Tables>> = db) =>
    within.selectFrom('images').where('status', '!=', 'DELETED');

  async function count(projectId: string, workspaceId: string, within?: Database): Promise<number> {
    const { n } = await alive(within && tables<Tables>(within))
      .select(eb => eb.fn.countAll<number>().as('n'))
      .where('project_id', '=', projectId)
      .where('workspace_id', '=', workspaceId)
      .executeTakeFirstOrThrow();
    return Number(n);
  }

  return {
    /** Adds it, due at `nextAt`. False when the project has one of the same reference, or is about to lose it. */
    async add(image: Image, nextAt: number | null, admit?: AdmitOne): Promise<boolean> {
      return database.transaction().execute(async trx => {
        const inside = tables<Tables>(trx);
        const other = await inside
          .selectFrom('images')
          .select('id')
          .where('account_id', '=', image.accountId)
          .where('project_id', '=', image.projectId)
          .where('swr_path', '=', image.swrPath)
          .executeTakeFirst();
        if (other) return false;
        await admit?.(await count(image.projectId, image.workspaceId, trx), trx);
        await inside.insertInto('images').values(toRow(image, nextAt)).execute();
        return true;
      });
    },
    async find(projectId: string, id: string): Promise<Image | undefined> {
      const row = await alive().selectAll().where('project_id', '=', projectId).where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    /** By id alone, also one that is being deleted: for the reconciler. */
    async load(id: string): Promise<Image | undefined> {
      const row = await db.selectFrom('images').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    async list(projectId: string, workspaceId: string): Promise<Image[]> {
      const rows = await alive()
        .selectAll()
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .execute();
      return rows.map(fromRow);
    },
    async listAll(projectId: string): Promise<Image[]> {
      return (await alive().selectAll().where('project_id', '=', projectId).execute()).map(fromRow);
    },
    /** Those of a project, whatever the workspace, that are known by a reference or by `namespace/name:tag`. */
    async named(projectId: string, ref: string): Promise<Image[]> {
      const rows = await alive()
        .selectAll()
        .where('project_id', '=', projectId)
        .where(eb =>
          eb.or([
            eb('swr_path', '=', ref),
            eb(eb.fn<string>('printf', [eb.val('%s/%s:%s'), 'namespace', 'name', 'tag']), '=', ref),
          ]),
        )
        .execute();
      return rows.map(fromRow);
    },
    /** All of an account that are known by a reference. */
    async ofAccount(accountId: string, ref: string): Promise<Image[]> {
      const rows = await alive().selectAll().where('account_id', '=', accountId).where('swr_path', '=', ref).execute();
      return rows.map(fromRow);
    },
    /** The one that is being saved of an instance, or undefined. */
    async saving(instanceId: string): Promise<Image | undefined> {
      const row = await alive()
        .selectAll()
        .where('source_instance', '=', instanceId)
        .where('status', 'in', ['INIT', 'CREATING'])
        .executeTakeFirst();
      return row && fromRow(row);
    },
    /** Notes how far it is; does nothing to one that was deleted meanwhile. */
    async advance(
      id: string,
      change: { status: ImageStatus; statusMessage?: string; size?: number; now: number },
    ): Promise<void> {
      await db
        .updateTable('images')
        .set({
          status: change.status,
          status_message: change.statusMessage ?? '',
          updated_at: change.now,
          ...(change.size === undefined ? {} : { size: change.size }),
        })
        .where('id', '=', id)
        .where('status', '!=', 'DELETED')
        .execute();
    },
    /** Has the reconciler fetch it anew. */
    async fetchAgain(id: string, statusMessage: string, now: number): Promise<void> {
      await db
        .updateTable('images')
        .set({ status: 'CREATING', status_message: statusMessage, updated_at: now, next_at: now })
        .where('id', '=', id)
        .where('status', '!=', 'DELETED')
        .execute();
    },
    /** Removes it, and what was said of its name where it was the last of it. */
    async remove(id: string): Promise<void> {
      await database.transaction().execute(async trx => {
        const inside = tables<Tables>(trx);
        await inside.deleteFrom('images').where('id', '=', id).execute();
        await inside
          .deleteFrom('image_groups')
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom('images')
                  .select('images.id')
                  .whereRef('images.project_id', '=', 'image_groups.project_id')
                  .whereRef('images.workspace_id', '=', 'image_groups.workspace_id')
                  .whereRef('images.namespace', '=', 'image_groups.namespace')
                  .whereRef('images.name', '=', 'image_groups.name'),
              ),
            ),
          )
          .execute();
      });
    },
    /** Notes what is said of all images of a name; what is undefined stays as it is. `of`: one of them. */
    async describeGroup(
      id: string,
      of: Pick<Image, 'projectId' | 'workspaceId' | 'namespace' | 'name'>,
      change: { readMe?: string | undefined; tags?: ImageTag[] | undefined },
    ): Promise<void> {
      const columns = {
        ...(change.readMe === undefined ? {} : { read_me: change.readMe }),
        ...(change.tags === undefined ? {} : { tags: JSON.stringify(change.tags) }),
      };
      await db
        .insertInto('image_groups')
        .values({
          id,
          project_id: of.projectId,
          workspace_id: of.workspaceId,
          namespace: of.namespace,
          name: of.name,
          read_me: '',
          tags: '[]',
          ...columns,
        })
        .onConflict(conflict =>
          Object.keys(columns).length === 0
            ? conflict.column('id').doNothing()
            : conflict.column('id').doUpdateSet(columns),
        )
        .execute();
    },
    /** What is said of the names of a workspace's images, by the ids of the groups. */
    async groups(projectId: string, workspaceId: string): Promise<Map<string, GroupNotes>> {
      const rows = await db
        .selectFrom('image_groups')
        .select(['id', 'read_me', 'tags'])
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .execute();
      return new Map(rows.map(row => [row.id, { readMe: row.read_me, tags: JSON.parse(row.tags) as ImageTag[] }]));
    },
    /** Whether any project of any account registered the reference, besides `id`. */
    async isShared(ref: string, id: string): Promise<boolean> {
      const row = await db
        .selectFrom('images')
        .select('id')
        .where('swr_path', '=', ref)
        .where('id', '!=', id)
        .executeTakeFirst();
      return row !== undefined;
    },
    async markDeleted(id: string, now: number): Promise<void> {
      await db
        .updateTable('images')
        .set({ status: 'DELETED', updated_at: now, next_at: now })
        .where('id', '=', id)
        .execute();
    },
    count,
  };
}

function fromRow(row: Row): Image {
  return {
    id: row.id,
    projectId: row.project_id,
    accountId: row.account_id,
    workspaceId: row.workspace_id,
    owner: { id: row.owner_id, name: row.owner_name },
    name: row.name,
    namespace: row.namespace,
    tag: row.tag,
    swrPath: row.swr_path,
    description: row.description,
    arch: row.arch as Image['arch'],
    origin: row.origin as Image['origin'],
    type: 'DEDICATED',
    resourceCategories: JSON.parse(row.resource_categories),
    devServices: JSON.parse(row.dev_services),
    serviceType: row.service_type as Image['serviceType'],
    visibility: row.visibility as Image['visibility'],
    status: row.status,
    statusMessage: row.status_message,
    size: row.size,
    ...(row.source_instance ? { source: { instanceId: row.source_instance } } : {}),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toRow(image: Image, nextAt: number | null): Row {
  return {
    id: image.id,
    project_id: image.projectId,
    account_id: image.accountId,
    workspace_id: image.workspaceId,
    owner_id: image.owner.id,
    owner_name: image.owner.name,
    name: image.name,
    namespace: image.namespace,
    tag: image.tag,
    swr_path: image.swrPath,
    description: image.description,
    arch: image.arch,
    origin: image.origin,
    resource_categories: JSON.stringify(image.resourceCategories),
    dev_services: JSON.stringify(image.devServices),
    service_type: image.serviceType,
    visibility: image.visibility,
    status: image.status,
    status_message: image.statusMessage,
    size: image.size,
    source_instance: image.source?.instanceId ?? null,
    created_at: image.createdAt,
    updated_at: image.updatedAt,
    next_at: nextAt,
    lease_owner: null,
    lease_until: null,
  };
}
