import { sql } from 'kysely';
import { type Database, tables } from '../../store-kit/index.ts';
import { columns, instanceOf, revisionOf, revisionRow, serviceOf, serviceRow } from './service.rows.ts';
import type { ServiceTables } from './service.schema.ts';
import type {
  EventFilter,
  Instance,
  Revision,
  RevisionResult,
  Service,
  ServiceEvent,
  ServiceFilter,
} from './service.ts';

/** What a pass may change of a service; everything else belongs to the user's calls. */
export type PassPatch = Partial<
  Pick<
    Service,
    'status' | 'progress' | 'errorMessage' | 'target' | 'active' | 'rollingBack' | 'deploySince' | 'startTime'
  >
>;

export type CallPatch = Partial<Omit<Service, 'id' | 'accountId' | 'projectId' | 'generation'>>;

/** Queries on services, their revisions, instances and events. */
export function serviceStore(database: Database) {
  const db = tables<ServiceTables>(database);

  return {
    /** `admit` is told, within the transaction, how many services are in the workspace, and throws where it takes no more. */
    async insert(
      service: Service,
      revision: Revision,
      event: ServiceEvent,
      admit: (used: number, transaction: Database) => Promise<void>,
    ): Promise<void> {
      await db.transaction().execute(async trx => {
        await admit(await countIn(trx, service.projectId, service.workspaceId), trx);
        await trx
          .insertInto('services')
          .values({ ...serviceRow(service), next_at: service.publishAt, lease_owner: null, lease_until: null })
          .execute();
        await trx.insertInto('service_revisions').values(revisionRow(service.id, revision)).execute();
        await trx
          .insertInto('service_events')
          .values({ service_id: service.id, ...event })
          .execute();
      });
    },

    async find(projectId: string, id: string): Promise<Service | undefined> {
      const row = await db
        .selectFrom('services')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('id', '=', id)
        .executeTakeFirst();
      return row && serviceOf(row);
    },

    async load(id: string): Promise<Service | undefined> {
      const row = await db.selectFrom('services').selectAll().where('id', '=', id).executeTakeFirst();
      return row && serviceOf(row);
    },

    async nameTaken(projectId: string, workspaceId: string, name: string): Promise<boolean> {
      const row = await db
        .selectFrom('services')
        .select('id')
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .where('name', '=', name)
        .where('desired', '<>', 'deleted')
        .executeTakeFirst();
      return row !== undefined;
    },

    async countOwned(projectId: string, ownerId: string): Promise<number> {
      const row = await db
        .selectFrom('services')
        .select(eb => eb.fn.countAll<number>().as('n'))
        .where('project_id', '=', projectId)
        .where('owner_id', '=', ownerId)
        .where('desired', '<>', 'deleted')
        .executeTakeFirst();
      return Number(row?.n ?? 0);
    },

    /** All of a workspace, also those being deleted. */
    async allIn(projectId: string, workspaceId: string): Promise<Service[]> {
      const rows = await db
        .selectFrom('services')
        .selectAll()
        .where('project_id', '=', projectId)
        .where('workspace_id', '=', workspaceId)
        .execute();
      return rows.map(serviceOf);
    },

    countIn: (projectId: string, workspaceId: string) => countIn(db, projectId, workspaceId),

    async list(filter: ServiceFilter): Promise<{ total: number; items: Service[] }> {
      let query = db
        .selectFrom('services')
        .where('project_id', '=', filter.projectId)
        .where('workspace_id', '=', filter.workspaceId);
      if (filter.id !== undefined) query = query.where('id', '=', filter.id);
      if (filter.name !== undefined) {
        const pattern = `%${filter.name.replace(/[\\%_]/g, '\\$&')}%`;
        query = query.where(sql<boolean>`name LIKE ${pattern} ESCAPE '\\'`);
      }
      if (filter.status !== undefined) query = query.where('status', '=', filter.status);
      if (filter.modelId !== undefined) query = query.where('id', 'in', await usingModel(filter.modelId));
      if (filter.poolId !== undefined) {
        const inPool = sql<boolean>`EXISTS (SELECT 1 FROM service_revisions r, json_each(r.entries) e
          WHERE r.service_id = services.id AND r.number = services.target
            AND json_extract(e.value, '$.poolId') = ${filter.poolId})`;
        query = query.where(inPool);
      }
      const column = ({ publish_at: 'publish_at', service_name: 'name', transition_at: 'transition_at' } as const)[
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
      return { total: Number(total?.n ?? 0), items: rows.map(serviceOf) };
    },

    /** Services whose target or active revision uses a model. */
    async usersOf(modelId: string): Promise<{ name: string; workspaceId: string }[]> {
      const ids = await usingModel(modelId);
      if (ids.length === 0) return [];
      return db
        .selectFrom('services')
        .select(['name', 'workspace_id as workspaceId'])
        .where('id', 'in', ids)
        .where('desired', '<>', 'deleted')
        .orderBy('name')
        .execute();
    },

    /** Saves a user's change; false when the service changed since it was read. `revision`: a new configuration with it. */
    async change(service: Service, patch: CallPatch, events: readonly ServiceEvent[], revision?: Revision) {
      return db.transaction().execute(async trx => {
        const done = await trx
          .updateTable('services')
          .set({ ...columns(patch), generation: service.generation + 1 })
          .where('id', '=', service.id)
          .where('generation', '=', service.generation)
          .executeTakeFirst();
        if (done.numUpdatedRows === 0n) return false;
        if (revision) await trx.insertInto('service_revisions').values(revisionRow(service.id, revision)).execute();
        for (const event of events) {
          await trx
            .insertInto('service_events')
            .values({ service_id: service.id, ...event })
            .execute();
        }
        return true;
      });
    },

    /** Saves what a pass found out about the service, unless the user changed it meanwhile (then false, nothing saved). */
    async saveStep(
      service: Service,
      step: {
        patch: PassPatch;
        finish?: readonly { revision: number; result: RevisionResult }[];
        put?: readonly Instance[];
        events?: readonly ServiceEvent[];
        now: number;
      },
    ): Promise<boolean> {
      return db.transaction().execute(async trx => {
        const moved = step.patch.status !== undefined && step.patch.status !== service.status;
        const done = await trx
          .updateTable('services')
          .set({
            ...columns(step.patch),
            ...(moved ? { transition_at: step.now } : {}),
            generation: service.generation,
          })
          .where('id', '=', service.id)
          .where('generation', '=', service.generation)
          .executeTakeFirst();
        if (done.numUpdatedRows === 0n) return false;
        for (const { revision, result } of step.finish ?? []) {
          await trx
            .updateTable('service_revisions')
            .set({ result })
            .where('service_id', '=', service.id)
            .where('number', '=', revision)
            .where('result', '=', 'RUNNING')
            .execute();
        }
        await putInstances(trx, step.put ?? []);
        for (const event of step.events ?? []) {
          await trx
            .insertInto('service_events')
            .values({ service_id: service.id, ...event })
            .execute();
        }
        return true;
      });
    },

    /** Saves instances and events together. */
    async saveInstances(serviceId: string, instances: readonly Instance[], events: readonly ServiceEvent[]) {
      if (instances.length === 0 && events.length === 0) return;
      await db.transaction().execute(async trx => {
        await putInstances(trx, instances);
        for (const event of events) {
          await trx
            .insertInto('service_events')
            .values({ service_id: serviceId, ...event })
            .execute();
        }
      });
    },

    async removeInstance(id: string): Promise<void> {
      await db.deleteFrom('service_instances').where('id', '=', id).execute();
    },

    async remove(id: string): Promise<void> {
      await db.deleteFrom('services').where('id', '=', id).execute();
    },

    async revisions(serviceId: string): Promise<Revision[]> {
      const rows = await db
        .selectFrom('service_revisions')
        .selectAll()
        .where('service_id', '=', serviceId)
        .orderBy('number')
        .execute();
      return rows.map(revisionOf);
    },

    async instances(serviceId: string): Promise<Instance[]> {
      const rows = await db
        .selectFrom('service_instances')
        .selectAll()
        .where('service_id', '=', serviceId)
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map(instanceOf);
    },

    async instance(id: string): Promise<Instance | undefined> {
      const row = await db.selectFrom('service_instances').selectAll().where('id', '=', id).executeTakeFirst();
      return row && instanceOf(row);
    },

    async allInstances(): Promise<Instance[]> {
      return (await db.selectFrom('service_instances').selectAll().execute()).map(instanceOf);
    },

    /** Everything the gateway's routes are made of. */
    async served(): Promise<{ services: Service[]; revisions: Map<string, Revision>; instances: Instance[] }> {
      const services = (await db.selectFrom('services').selectAll().where('desired', '<>', 'deleted').execute()).map(
        serviceOf,
      );
      const rows = await db
        .selectFrom('service_revisions')
        .innerJoin('services', 'services.id', 'service_revisions.service_id')
        .selectAll('service_revisions')
        .whereRef('service_revisions.number', '=', 'services.active')
        .execute();
      const revisions = new Map(rows.map(row => [row.service_id, revisionOf(row)]));
      return { services, revisions, instances: await this.allInstances() };
    },

    async addEvents(serviceIds: readonly string[], event: ServiceEvent): Promise<void> {
      if (serviceIds.length === 0) return;
      await db
        .insertInto('service_events')
        .values(serviceIds.map(service_id => ({ service_id, ...event })))
        .execute();
    },

    async events(serviceId: string, filter: EventFilter): Promise<{ total: number; items: ServiceEvent[] }> {
      let query = db.selectFrom('service_events').where('service_id', '=', serviceId);
      if (filter.type !== undefined) query = query.where('type', '=', filter.type);
      if (filter.from !== undefined) query = query.where('time', '>=', filter.from);
      if (filter.to !== undefined) query = query.where('time', '<=', filter.to);
      if (filter.info !== undefined) {
        query = query.where(sql<boolean>`info LIKE ${`%${filter.info.replace(/[\\%_]/g, '\\$&')}%`} ESCAPE '\\'`);
      }
      const total = await query.select(eb => eb.fn.countAll<number>().as('n')).executeTakeFirst();
      const rows = await query
        .select(['time', 'type', 'info'])
        .orderBy('time', filter.order)
        .orderBy('sequence', filter.order)
        .limit(filter.limit)
        .offset(filter.offset)
        .execute();
      return { total: Number(total?.n ?? 0), items: rows as ServiceEvent[] };
    },

    async pruneEvents(before: number): Promise<void> {
      await db.deleteFrom('service_events').where('time', '<', before).execute();
    },
  };

  async function usingModel(modelId: string): Promise<string[]> {
    const rows = await db
      .selectFrom('service_revisions')
      .innerJoin('services', 'services.id', 'service_revisions.service_id')
      .select('services.id as id')
      .where(eb =>
        eb.or([
          eb('service_revisions.number', '=', eb.ref('services.target')),
          eb('service_revisions.number', '=', eb.ref('services.active')),
        ]),
      )
      .where(
        sql<boolean>`EXISTS (SELECT 1 FROM json_each(service_revisions.entries) WHERE json_extract(value, '$.modelId') = ${modelId})`,
      )
      .execute();
    return [...new Set(rows.map(row => row.id))];
  }
}

async function countIn(
  db: ReturnType<typeof tables<ServiceTables>>,
  projectId: string,
  workspaceId: string,
): Promise<number> {
  const { n } = await db
    .selectFrom('services')
    .select(eb => eb.fn.countAll<number>().as('n'))
    .where('project_id', '=', projectId)
    .where('workspace_id', '=', workspaceId)
    .where('desired', '<>', 'deleted')
    .executeTakeFirstOrThrow();
  return Number(n);
}

export type ServiceStore = ReturnType<typeof serviceStore>;

async function putInstances(db: ReturnType<typeof tables<ServiceTables>>, instances: readonly Instance[]) {
  for (const instance of instances) {
    const { id, serviceId, shape, phase, createdAt, ...rest } = instance;
    const row = { id, service_id: serviceId, shape, phase, data: JSON.stringify(rest), created_at: createdAt };
    await db
      .insertInto('service_instances')
      .values(row)
      .onConflict(conflict => conflict.column('id').doUpdateSet({ phase: row.phase, data: row.data }))
      .execute();
  }
}
