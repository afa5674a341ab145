import type { WorkloadStatus } from '../../admission/index.ts';
import type { Flavor } from '../flavors/index.ts';
import type { Job, JobEvent } from './job.model.ts';
import { containerPaths } from './job.paths.ts';
import type { Engine } from './job.ports.ts';
import { durationOf, isTerminal, TASK } from './job.ts';

const GIB = 1024 ** 3;

/** A flavor as the training API shows it. */
export function flavorView(flavor: Flavor) {
  return {
    flavor_id: flavor.id,
    flavor_name: flavor.name,
    max_num: flavor.maxNodes,
    ...flavorDetail(flavor),
    attributes: {},
  };
}

function flavorDetail(flavor: Flavor) {
  return {
    flavor_type: flavor.type,
    billing: { code: flavor.id, unit_num: 1 },
    flavor_info: {
      max_num: flavor.maxNodes,
      cpu: { arch: process.arch === 'arm64' ? 'arm64' : 'x86', core_num: flavor.vcpus },
      ...(flavor.gpus > 0 ? { gpu: { unit_num: flavor.gpus, product_name: 'GPU', memory: '' } } : {}),
      memory: { size: Math.round(flavor.memoryBytes / GIB), unit: 'GB' },
      disk: { size: flavor.diskGiB, unit: 'GB' },
    },
  };
}

/** A preset engine as the training API shows it; `contains` tells what its image really holds. */
export function engineView(engine: Engine) {
  return {
    engine_id: engine.engineId,
    engine_name: engine.engineName,
    engine_version: engine.engineVersion,
    v1_compatible: false,
    run_user: '1000',
    tags: [],
    image_info: { cpu_image_url: engine.imageRef, gpu_image_url: '', image_version: engine.engineVersion },
    ...(engine.contains === undefined ? {} : { contains: engine.contains }),
  };
}

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
    endpoints: {},
  };
}

function statusView(job: Job, now: number, queue?: WorkloadStatus) {
  const seconds = (ms: number) => Math.floor(ms / 1000);
  const message = job.message ?? (queue?.state === 'queued' ? queue.reason : undefined);
  return {
    phase: job.phase,
    secondary_phase: job.secondaryPhase,
    duration: durationOf(job, now),
    start_time: job.startedAt ?? 0,
    tasks: [TASK],
    node_count_metrics:
      job.startedAt === null ? [] : [[job.startedAt, 1], ...(job.exitedAt === null ? [] : [[job.exitedAt, 0]])],
    task_statuses:
      job.exitCode !== null || isTerminal(job.phase)
        ? [
            {
              task: TASK,
              ...(job.exitCode === null ? {} : { exit_code: job.exitCode }),
              message: job.exitMessage ?? job.message ?? '',
            },
          ]
        : [],
    running_records:
      job.startedAt === null
        ? []
        : [
            {
              start_at: seconds(job.startedAt),
              ...(job.exitedAt === null ? {} : { end_at: seconds(job.exitedAt) }),
              start_type: 'init_or_rescheduled',
              ...(job.exitCode === null ? {} : { end_reason: `exit with ${job.exitCode}`, end_related_task: TASK }),
            },
          ],
    ...(message ? { message } : {}),
    ...(queue?.state === 'queued'
      ? {
          queue: {
            position: queue.position,
            reason_code: queue.reasonCode,
            reason: queue.reason,
            submitted_at: queue.submittedAt,
          },
        }
      : {}),
  };
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
      node_count: 1,
      flavor_detail: flavorDetail(spec.flavor),
    },
    ...(spec.logExport ? { log_export_path: { obs_url: `obs://${spec.logExport.bucket}/${spec.logExport.key}` } } : {}),
    ...(spec.autoStopHours ? { auto_stop: { time_unit: 'HOURS', duration: spec.autoStopHours } } : {}),
    ...(spec.echo.schedule_policy ? { schedule_policy: spec.echo.schedule_policy } : {}),
    ...(spec.echo.notification ? { notification: spec.echo.notification } : {}),
  };
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

/** The stages a job went through (scheduling, preparing, running, end), in one record: a job is placed once here. */
export function stagesView(job: Job) {
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
  return {
    total_count: 1,
    running_records: [
      {
        record_order: 1,
        stages: stages.map((stage, index) => ({
          job_id: job.id,
          name: stage.name,
          en_message: stage.en,
          zh_message: stage.zh,
          start_time: time(stage.from),
          end_time: time(stage.to),
          stage_order: index + 1,
          sub_stages: [],
        })),
      },
    ],
  };
}
