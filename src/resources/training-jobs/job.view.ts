import type { WorkloadStatus } from '../../admission/index.ts';
import { flavorDetail } from './catalog.view.ts';
import { endOf } from './job.collect.ts';
import { culprit } from './job.fault.ts';
import { type Job, type JobEvent, nodesOf } from './job.model.ts';
import { containerPaths } from './job.paths.ts';
import { durationOf, isTerminal, taskName, taskNames } from './job.ts';
import { volumesView } from './job.volumes.ts';

/** A job as the API shows it (behaviour/training.md 2, 4). Times are milliseconds, those of running_records seconds. */
export function jobView(job: Job, now: number, queue?: WorkloadStatus) {
  return {
    kind: job.kind,
    metadata: {
      id: job.id,
      name: job.name,
      description: job.description,
      workspace_id: job.workspaceId,
      ai_project: 'default-ai-project',
      create_time: job.createdAt,
      user_name: job.userName,
      annotations: job.spec.annotations,
    },
    status: statusView(job, now, queue),
    algorithm: algorithmPart(job),
    spec: specPart(job),
    // A job opens no door of its own; what was asked for is shown, with no address.
    endpoints: job.spec.echo.ssh ? { ssh: { ...job.spec.echo.ssh, task_urls: [] } } : {},
  };
}

function statusView(job: Job, now: number, queue?: WorkloadStatus) {
  const nodes = nodesOf(job.spec);
  const message = job.message ?? (queue?.state === 'queued' ? queue.reason : undefined);
  return {
    phase: job.phase,
    secondary_phase: job.secondaryPhase,
    duration: durationOf(job, now),
    start_time: job.records[0]?.startAt ?? job.startedAt ?? 0,
    tasks: taskNames(nodes),
    node_count_metrics: [
      ...job.records.flatMap(record => [
        [record.startAt, nodes],
        [record.endAt, 0],
      ]),
      ...(job.startedAt === null ? [] : [[job.startedAt, nodes]]),
      ...(job.startedAt === null || job.exitedAt === null ? [] : [[job.exitedAt, 0]]),
    ],
    task_statuses: taskStatuses(job),
    running_records: runningRecords(job),
    ...(message ? { message } : {}),
    ...(queue?.state === 'queued'
      ? {
          queue: {
            position: queue.position,
            reason_code: queue.reasonCode,
            reason: queue.reason,
            submitted_at: queue.submittedAt,
            ...(queue.estimatedStart === undefined ? {} : { estimated_start: queue.estimatedStart }),
          },
        }
      : {}),
  };
}

/** The tasks that have ended; all of them once the job has. */
function taskStatuses(job: Job) {
  return taskNames(nodesOf(job.spec)).flatMap((task, index) => {
    const state = job.tasks[index];
    const exitCode = state?.exitCode ?? null;
    if (exitCode === null && !state?.lost && !isTerminal(job.phase)) return [];
    const message = state?.exitMessage ?? job.message ?? '';
    return [{ task, ...(exitCode === null ? {} : { exit_code: exitCode }), message }];
  });
}

/** Every attempt, with how it ended (behaviour/training.md 4); in seconds. */
function runningRecords(job: Job) {
  const seconds = (ms: number) => Math.floor(ms / 1000);
  const earlier = job.records.map(record => ({
    start_at: seconds(record.startAt),
    end_at: seconds(record.endAt),
    start_type: 'init_or_rescheduled',
    end_reason: record.reason,
    ...(record.task ? { end_related_task: record.task } : {}),
    end_recover: record.recover,
  }));
  if (job.startedAt === null) return earlier;
  const related = Math.max(culprit(job.tasks.map(endOf), job.halt) ?? 0, 0);
  return [
    ...earlier,
    {
      start_at: seconds(job.startedAt),
      ...(job.exitedAt === null ? {} : { end_at: seconds(job.exitedAt) }),
      start_type: 'init_or_rescheduled',
      ...(job.exitCode === null
        ? {}
        : { end_reason: `exit with ${job.exitCode}`, end_related_task: taskName(related) }),
    },
  ];
}

/** The tasks of a job that has started, as the API lists them. */
export function tasksView(job: Job) {
  if (job.startedAt === null) return [];
  return taskNames(nodesOf(job.spec)).map((task, index) => {
    const state = job.tasks[index];
    return {
      task,
      ip: state?.ip ?? '',
      host_ip: '127.0.0.1',
      schedule_count: job.records.length + 1,
      ...(state?.node ? { node: state.node } : {}),
    };
  });
}

function algorithmPart(job: Job) {
  const { spec } = job;
  const paths = containerPaths(spec);
  return {
    ...(spec.algorithm ?? {}),
    code_dir: spec.code?.url ?? '',
    boot_file: spec.bootFile?.url ?? '',
    command: spec.command ?? '',
    parameters: spec.parameters,
    inputs: spec.inputs.map((input, index) => ({
      name: input.name,
      description: input.description,
      local_dir: paths.inputs[index]!,
      access_method: input.accessMethod,
      remote: { obs: { obs_url: input.url } },
    })),
    outputs: spec.outputs.map((output, index) => ({
      name: output.name,
      description: output.description,
      local_dir: paths.outputs[index]!,
      access_method: output.accessMethod,
      prefetch_to_local: output.prefetch,
      remote: { obs: { obs_url: output.url } },
      mode: 'upload_periodically',
      period: '30s',
    })),
    engine: {
      ...(spec.engine
        ? {
            engine_id: spec.engine.engineId,
            engine_name: spec.engine.engineName,
            engine_version: spec.engine.engineVersion,
          }
        : {}),
      ...(spec.imageUrl ? { image_url: spec.imageUrl } : {}),
    },
    environments: spec.environments,
    ...(spec.localCodeDir ? { local_code_dir: spec.localCodeDir } : {}),
    ...(spec.workingDir ? { working_dir: spec.workingDir } : {}),
    ...(spec.echo.summary ? { summary: spec.echo.summary } : {}),
    policies: { auto_search: null },
  };
}

function specPart(job: Job) {
  const { spec } = job;
  return {
    resource: {
      policy: 'regular',
      flavor_id: spec.flavor.id,
      flavor_name: spec.flavor.name,
      node_count: nodesOf(spec),
      ...(spec.pool ? { pool_id: spec.pool.id } : {}),
      flavor_detail: flavorDetail(spec.flavor),
    },
    ...(spec.volumes ? { volumes: volumesView(spec.volumes) } : {}),
    ...(spec.logExport ? { log_export_path: { obs_url: `obs://${spec.logExport.bucket}/${spec.logExport.key}` } } : {}),
    ...(spec.autoStopHours ? { auto_stop: { time_unit: 'HOURS', duration: spec.autoStopHours } } : {}),
    ...policyPart(job),
    ...(spec.echo.notification ? { notification: spec.echo.notification } : {}),
  };
}

function policyPart({ spec, priority }: Job) {
  const given = spec.echo.schedule_policy;
  if (!given && priority === 1) return {};
  return { schedule_policy: { ...given, ...(spec.pool ? { priority } : {}) } };
}

/** An event as the API shows it. */
export function eventView(event: JobEvent) {
  return { message: event.message, level: event.level, time: new Date(event.time).toISOString(), source: event.source };
}

/** Longest series shown: three days of minutes, as the console does. */
const SHOWN_MINUTES = 3 * 24 * 60;

/** The series of a task's use, one value per minute since its start; -1 where there is no sample. */
export function metricsView(samples: readonly { minute: number; cpu: number; memory: number }[]) {
  const last = samples.at(-1)!.minute;
  const first = Math.max(samples[0]!.minute, last - SHOWN_MINUTES + 1);
  const byMinute = new Map(samples.map(sample => [sample.minute, sample]));
  const minutes = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const round = (value: number | undefined) => (value === undefined ? -1 : Math.round(value * 100) / 100);
  const series = (pick: (sample: { cpu: number; memory: number }) => number) =>
    minutes.map(minute => {
      const sample = byMinute.get(minute);
      return round(sample && pick(sample));
    });
  const absent = minutes.map(() => -1);
  return {
    metrics: [
      { metric: 'cpuUsage', value: series(sample => sample.cpu) },
      { metric: 'memUsage', value: series(sample => sample.memory) },
      ...['gpuUtil', 'gpuMemUsage', 'npuUtil', 'npuMemUsage'].map(metric => ({ metric, value: absent })),
    ],
  };
}

/** The stages a job went through (scheduling, preparing, running, end): one record for each attempt. */
export function stagesView(job: Job) {
  const before = job.records.at(-1)?.endAt;
  const attempts = [
    ...job.records.map((record, index) =>
      stagesOf(job.id, {
        createdAt: job.records[index - 1]?.endAt ?? job.createdAt,
        admittedAt: record.admittedAt,
        startedAt: record.startAt,
        exitedAt: record.endAt,
        endedAt: record.endAt,
        message: record.reason,
      }),
    ),
    stagesOf(job.id, before === undefined ? job : { ...job, createdAt: before }),
  ];
  return {
    total_count: attempts.length,
    running_records: attempts.map((stages, index) => ({ record_order: index + 1, stages })),
  };
}

type Times = Pick<Job, 'createdAt' | 'admittedAt' | 'startedAt' | 'exitedAt' | 'endedAt' | 'message'>;

function stagesOf(id: string, job: Times) {
  const time = (ms: number | null) => (ms === null ? '' : new Date(ms).toISOString());
  const stages = [
    {
      name: 'scheduling',
      en: 'Waiting for resources',
      zh: '等待资源',
      from: job.createdAt,
      to: job.admittedAt ?? job.endedAt,
    },
    {
      name: 'preparing',
      en: 'Preparing code and data',
      zh: '准备代码和数据',
      from: job.admittedAt,
      to: job.startedAt ?? job.endedAt,
    },
    { name: 'running', en: 'Running', zh: '运行中', from: job.startedAt, to: job.exitedAt ?? job.endedAt },
    { name: 'end', en: job.message ?? 'Ended', zh: '结束', from: job.endedAt, to: job.endedAt },
  ].filter(stage => stage.from !== null);
  return stages.map((stage, index) => ({
    job_id: id,
    name: stage.name,
    en_message: stage.en,
    zh_message: stage.zh,
    start_time: time(stage.from),
    end_time: time(stage.to),
    stage_order: index + 1,
    sub_stages: [],
  }));
}
