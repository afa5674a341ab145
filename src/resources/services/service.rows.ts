import type { InstanceRow, RevisionRow, ServiceRow } from './service.schema.ts';
import type { Instance, Revision, RevisionResult, Service, ServiceStatus } from './service.ts';

/** The instance of a row. */
export function instanceOf(row: InstanceRow): Instance {
  return {
    ...JSON.parse(row.data),
    id: row.id,
    serviceId: row.service_id,
    shape: row.shape,
    phase: row.phase as Instance['phase'],
    createdAt: row.created_at,
  };
}

/** The row of a revision. */
export function revisionRow(serviceId: string, revision: Revision) {
  return {
    service_id: serviceId,
    number: revision.number,
    entries: JSON.stringify(revision.entries),
    result: revision.result,
    created_at: revision.createdAt,
  };
}

/** The revision of a row. */
export function revisionOf(row: Omit<RevisionRow, 'service_id'>): Revision {
  return {
    number: row.number,
    entries: JSON.parse(row.entries),
    result: row.result as RevisionResult,
    createdAt: row.created_at,
  };
}

/** Columns of a service that are not its lease's. */
export type Columns = Omit<ServiceRow, 'next_at' | 'lease_owner' | 'lease_until'>;

/** The row of a service, without its lease. */
export function serviceRow(service: Service): Columns {
  return { ...(columns(service) as Columns), generation: service.generation };
}

/** The columns of those members that `patch` has; a member that is present and undefined becomes NULL. */
export function columns(patch: Partial<Service>): Partial<Columns> {
  const row: Record<string, unknown> = {};
  const names: Partial<Record<keyof Service, keyof Columns>> = {
    id: 'id',
    accountId: 'account_id',
    projectId: 'project_id',
    workspaceId: 'workspace_id',
    name: 'name',
    description: 'description',
    ownerId: 'owner_id',
    ownerName: 'owner_name',
    status: 'status',
    desired: 'desired',
    target: 'target',
    active: 'active',
    deploySince: 'deploy_since',
    progress: 'progress',
    errorMessage: 'error_message',
    publishAt: 'publish_at',
    startTime: 'start_time',
    transitionAt: 'transition_at',
    updatedAt: 'updated_at',
    operationAt: 'operation_at',
    dueAt: 'due_at',
    loadBalancerPolicy: 'load_balancer_policy',
  };
  for (const [member, column] of Object.entries(names)) {
    if (member in patch) row[column] = patch[member as keyof Service] ?? null;
  }
  if ('rollingBack' in patch) row.rolling_back = patch.rollingBack ? 1 : 0;
  if ('schedule' in patch) row.schedule = JSON.stringify(patch.schedule);
  if ('additionalProperties' in patch) row.additional_properties = JSON.stringify(patch.additionalProperties);
  return row as Partial<Columns>;
}

/** The service of a row. */
export function serviceOf(row: ServiceRow): Service {
  return {
    id: row.id,
    accountId: row.account_id,
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    name: row.name,
    description: row.description,
    ownerId: row.owner_id,
    ownerName: row.owner_name,
    status: row.status as ServiceStatus,
    desired: row.desired as Service['desired'],
    generation: row.generation,
    target: row.target,
    active: row.active ?? undefined,
    rollingBack: row.rolling_back === 1,
    deploySince: row.deploy_since,
    progress: row.progress,
    errorMessage: row.error_message ?? undefined,
    publishAt: row.publish_at,
    startTime: row.start_time ?? undefined,
    transitionAt: row.transition_at,
    updatedAt: row.updated_at,
    operationAt: row.operation_at,
    dueAt: row.due_at ?? undefined,
    schedule: JSON.parse(row.schedule),
    loadBalancerPolicy: (row.load_balancer_policy ?? undefined) as Service['loadBalancerPolicy'],
    additionalProperties: JSON.parse(row.additional_properties),
  };
}
