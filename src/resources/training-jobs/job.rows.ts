import type { LeaseColumns } from '../../store-kit/index.ts';
import type { Job, JobSpec, JobTask, RunRecord } from './job.model.ts';
import type { JobRow } from './job.schema.ts';
import type { Desired, Halt, Phase, Result, SecondaryPhase, Step } from './job.ts';

/** What a step may write along with itself. */
export interface JobPatch {
  step: Step;
  result?: Result;
  exitCode?: number | null;
  exitMessage?: string | null;
  message?: string;
  queuedAt?: number;
  queuedPriority?: number | null;
  admittedAt?: number | null;
  stagedAt?: number | null;
  startedAt?: number | null;
  exitedAt?: number | null;
  endedAt?: number;
  halt?: Halt | null;
  tasks?: JobTask[];
  records?: RunRecord[];
  retries?: number;
  reissued?: boolean;
  avoid?: string[];
}

/** The columns that a patch changes. */
export function patchColumns(patch: JobPatch): Partial<JobRow> {
  const given = <K extends keyof JobRow>(column: K, value: JobRow[K] | undefined): Partial<JobRow> =>
    value === undefined ? {} : ({ [column]: value } as Partial<JobRow>);
  const json = (value: unknown) => (value === undefined ? undefined : JSON.stringify(value));
  return {
    step: patch.step,
    ...given('exit_code', patch.exitCode),
    ...given('exit_message', patch.exitMessage),
    ...given('message', patch.message),
    ...given('queued_at', patch.queuedAt),
    ...given('queued_priority', patch.queuedPriority),
    ...given('admitted_at', patch.admittedAt),
    ...given('staged_at', patch.stagedAt),
    ...given('started_at', patch.startedAt),
    ...given('exited_at', patch.exitedAt),
    ...given('ended_at', patch.endedAt),
    ...given('halt', patch.halt === null ? null : json(patch.halt)),
    ...given('tasks', json(patch.tasks)),
    ...given('records', json(patch.records)),
    ...given('retries', patch.retries),
    ...given('reissued', patch.reissued === undefined ? undefined : Number(patch.reissued)),
    ...given('avoid', json(patch.avoid)),
  };
}

function priorityOf(value: number): Job['priority'] {
  return value === 3 ? 3 : value === 2 ? 2 : 1;
}

/** A row as the domain knows it. */
export function fromRow(row: JobRow): Job {
  return {
    id: row.id,
    projectId: row.project_id,
    accountId: row.account_id,
    workspaceId: row.workspace_id,
    name: row.name,
    description: row.description,
    kind: row.kind,
    userId: row.user_id,
    userName: row.user_name,
    agency: row.agency,
    spec: JSON.parse(row.spec) as JobSpec,
    step: row.step as Step,
    desired: row.desired as Desired,
    phase: row.phase as Phase,
    secondaryPhase: row.secondary_phase as SecondaryPhase,
    result: row.result as Result | null,
    priority: priorityOf(row.priority),
    queuedPriority: row.queued_priority,
    stopReason: row.stop_reason,
    halt: row.halt === null ? null : (JSON.parse(row.halt) as Halt),
    tasks: JSON.parse(row.tasks) as JobTask[],
    records: JSON.parse(row.records) as RunRecord[],
    retries: row.retries,
    reissued: row.reissued === 1,
    avoid: JSON.parse(row.avoid) as string[],
    exitCode: row.exit_code,
    exitMessage: row.exit_message,
    message: row.message,
    createdAt: row.created_at,
    queuedAt: row.queued_at,
    admittedAt: row.admitted_at,
    stagedAt: row.staged_at,
    startedAt: row.started_at,
    exitedAt: row.exited_at,
    endedAt: row.ended_at,
  };
}

/** A new job as a row. */
export function toRow(job: Job): Omit<JobRow, keyof LeaseColumns> {
  return {
    id: job.id,
    project_id: job.projectId,
    account_id: job.accountId,
    workspace_id: job.workspaceId,
    name: job.name,
    description: job.description,
    kind: job.kind,
    user_id: job.userId,
    user_name: job.userName,
    algorithm_name: job.spec.algorithm?.name ?? '',
    agency: job.agency,
    phase: job.phase,
    secondary_phase: job.secondaryPhase,
    step: job.step,
    desired: job.desired,
    result: job.result,
    stop_reason: job.stopReason,
    exit_code: job.exitCode,
    created_at: job.createdAt,
    queued_at: job.queuedAt,
    admitted_at: job.admittedAt,
    staged_at: job.stagedAt,
    started_at: job.startedAt,
    exited_at: job.exitedAt,
    ended_at: job.endedAt,
    exit_message: job.exitMessage,
    message: job.message,
    spec: JSON.stringify(job.spec),
    priority: job.priority,
    queued_priority: job.queuedPriority,
    halt: null,
    tasks: JSON.stringify(job.tasks),
    records: JSON.stringify(job.records),
    retries: job.retries,
    reissued: 0,
    avoid: JSON.stringify(job.avoid),
  };
}
