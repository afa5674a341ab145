import type { LeaseColumns } from '../../store-kit/index.ts';
import type { Notebook, NotebookSpec } from './notebook.model.ts';
import type { NotebookRow } from './notebook.schema.ts';
import type { Desired, Fault, Status, Step, StopRule } from './notebook.ts';

/** The columns of an instance. */
export function toRow(notebook: Notebook): Omit<NotebookRow, keyof LeaseColumns> {
  return {
    id: notebook.id,
    project_id: notebook.projectId,
    account_id: notebook.accountId,
    account_name: notebook.accountName,
    workspace_id: notebook.workspaceId,
    name: notebook.name,
    description: notebook.description,
    feature: notebook.feature,
    user_id: notebook.userId,
    user_name: notebook.userName,
    agency: notebook.agency,
    started_by_id: notebook.startedBy.id,
    started_by_name: notebook.startedBy.name,
    ...specColumns(notebook.spec),
    step: notebook.step,
    desired: notebook.desired,
    fault: notebook.fault,
    ran: Number(notebook.ran),
    snapshot: notebook.snapshot,
    status: notebook.status,
    fail_reason: notebook.failReason,
    failed_at: notebook.failedAt,
    token: notebook.token,
    run: notebook.run,
    volume_bytes: notebook.volumeBytes,
    volume_made_bytes: notebook.volumeMadeBytes,
    ...ruleColumns(notebook.stopRule),
    tags: JSON.stringify(notebook.tags),
    created_at: notebook.createdAt,
    updated_at: notebook.updatedAt,
    started_at: notebook.startedAt,
    active_at: notebook.activeAt,
  };
}

/** What is searched by stands in columns of its own. */
export function specColumns(spec: NotebookSpec) {
  return {
    flavor_id: spec.flavor.id,
    image_id: spec.image.id,
    pool_id: spec.pool?.id ?? '',
    spec: JSON.stringify(spec),
  };
}

export function ruleColumns(rule: StopRule) {
  return {
    stop_type: rule.type,
    stop_duration: rule.duration,
    stop_created_at: rule.createdAt,
    stop_updated_at: rule.updatedAt,
  };
}

export function fromRow(row: NotebookRow): Notebook {
  return {
    id: row.id,
    projectId: row.project_id,
    accountId: row.account_id,
    accountName: row.account_name,
    workspaceId: row.workspace_id,
    name: row.name,
    description: row.description,
    feature: row.feature as Notebook['feature'],
    userId: row.user_id,
    userName: row.user_name,
    agency: row.agency,
    startedBy: { id: row.started_by_id, name: row.started_by_name },
    spec: JSON.parse(row.spec) as NotebookSpec,
    step: row.step as Step,
    desired: row.desired as Desired,
    fault: row.fault as Fault | null,
    ran: row.ran !== 0,
    snapshot: row.snapshot,
    status: row.status as Status,
    failReason: row.fail_reason,
    failedAt: row.failed_at as Step | null,
    token: row.token,
    run: row.run,
    volumeBytes: row.volume_bytes,
    volumeMadeBytes: row.volume_made_bytes,
    stopRule: {
      type: row.stop_type as StopRule['type'],
      duration: row.stop_duration,
      createdAt: row.stop_created_at,
      updatedAt: row.stop_updated_at,
    },
    tags: JSON.parse(row.tags) as Notebook['tags'],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startedAt: row.started_at,
    activeAt: row.active_at,
  };
}
