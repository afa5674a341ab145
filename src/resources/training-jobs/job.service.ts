import { Failure } from '../../kernel/failure.ts';
import { uuid } from '../../kernel/ids.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { checkConfig, checkDescription, requireBucket, storageUrl, withoutNulls } from '../algorithms/index.ts';
import type { JobBody } from './job.api.ts';
import type { EventQuery } from './job.events.ts';
import type { Job, JobEvent } from './job.model.ts';
import type { TrainingDeps, TrainingSettings } from './job.ports.ts';
import { checkPriority, checkRequest, logExportOf } from './job.request.ts';
import { jobResolver } from './job.resolver.ts';
import { type JobSearch, searchJobs } from './job.search.ts';
import type { JobStore } from './job.store.ts';
import { canTerminate, isTerminal } from './job.ts';

export interface JobServiceDeps {
  deps: TrainingDeps;
  settings: TrainingSettings;
  store: JobStore;
  /** Removes a deleted job's files. */
  discard(id: string): Promise<void>;
  /** Tells the loop that a job wants to be looked at; `interrupt` cuts short what it is doing. */
  wake(id: string, options?: { interrupt?: boolean }): Promise<void>;
}

export type JobService = ReturnType<typeof jobService>;

function refuse(code: string, message: string, solution?: string, status = 400): Failure {
  return new Failure({ code: `ModelArts.${code}`, status, message, ...(solution ? { solution } : {}) });
}

import { resolveVolumes } from './job.volumes.ts';

/** Use cases of training jobs (behaviour/training.md 2, 3). */
export function jobService({ deps, settings, store, discard, wake }: JobServiceDeps) {
  const { objects, clock } = deps;
  const resolve = jobResolver(deps, settings);

  async function get(projectId: string, id: string): Promise<Job> {
    const job = await store.findInProject(projectId, id);
    if (job) return job;
    throw refuse(
      '2775',
      `TrainingJobNotFound: there is no training job ${id.slice(0, 64)} in this project.`,
      'POST /v2/{project_id}/training-job-searches lists the jobs.',
    );
  }

  /** Checks everything that can be checked of a request before the job is there, and makes the job of it. */
  async function draft(principal: Principal, projectId: string, workspaceId: string, raw: JobBody): Promise<Job> {
    const body = withoutNulls(raw) as JobBody;
    checkRequest(body);
    const algorithm = body.algorithm ?? {};
    const spec = body.spec ?? {};
    const { config, declared, origin } = await resolve.config(projectId, algorithm);
    const form = checkConfig(config);
    const scope = { accountId: principal.accountId, projectId, workspaceId };
    const placement = await resolve.place(scope, spec.resource ?? {});
    const image = await resolve.image(principal, projectId, form, config);
    const logExport = logExportOf(spec);
    const agency = await deps.authorizations.agencyFor(principal, projectId);
    const { code, bootFile } = await resolve.code(principal, config, form, origin !== undefined);
    const { inputs, outputs } = await resolve.channels(principal, algorithm, declared);
    const volumes = await resolveVolumes(deps.shared, principal.accountName, spec.volumes ?? []);
    if (logExport) {
      await requireBucket(objects, principal, logExport.bucket, 'spec.log_export_path.obs_url', {
        code: 'ModelArts.2820',
        status: 400,
      });
    }
    const now = clock.now();
    const user = ownerOf(principal);
    const job: Job = {
      id: uuid(),
      projectId,
      accountId: principal.accountId,
      workspaceId,
      name: body.metadata.name,
      description: body.metadata.description ?? '',
      kind: 'job',
      userId: user.id,
      userName: user.name,
      agency,
      spec: {
        form,
        ...image,
        algorithm: origin,
        code,
        bootFile,
        command: form === 'command' ? config.command?.trim() : undefined,
        parameters: (config.parameters ?? []).filter(parameter => parameter.value !== undefined),
        inputs,
        outputs,
        environments: algorithm.environments ?? {},
        localCodeDir: algorithm.local_code_dir?.replace(/\/$/, '') || undefined,
        workingDir: algorithm.working_dir || undefined,
        ...placement,
        preemptible: spec.schedule_policy?.preemptible === true || undefined,
        autoStopHours: spec.auto_stop?.duration,
        ...(volumes.length > 0 ? { volumes } : {}),
        logExport,
        annotations: body.metadata.annotations ?? {},
        echo: {
          schedule_policy: spec.schedule_policy ?? undefined,
          ssh: sshOf(body.endpoints),
          notification: spec.notification ?? undefined,
          summary: algorithm.summary ?? undefined,
        },
      },
      step: 'created',
      desired: 'run',
      phase: 'Creating',
      secondaryPhase: 'Creating',
      result: null,
      priority: checkPriority(spec.schedule_policy?.priority),
      queuedPriority: null,
      stopReason: null,
      halt: null,
      tasks: [],
      records: [],
      retries: 0,
      reissued: false,
      avoid: [],
      exitCode: null,
      exitMessage: null,
      message: null,
      createdAt: now,
      queuedAt: null,
      admittedAt: null,
      stagedAt: null,
      startedAt: null,
      exitedAt: null,
      endedAt: null,
    };
    return job;
  }

  async function create(principal: Principal, projectId: string, workspaceId: string, raw: JobBody): Promise<Job> {
    const job = await draft(principal, projectId, workspaceId, raw);
    await insert(job);
    await wake(job.id);
    return job;
  }

  async function insert(job: Job): Promise<void> {
    const outcome = await store.insert(
      job,
      { time: job.createdAt, level: 'Info', source: 'Job', message: 'Training job created.' },
      settings.jobQuota,
      async (used, trx) => deps.workspaces?.admit(job.projectId, job.workspaceId, JOB_QUOTA, used, trx),
    );
    switch (outcome.kind) {
      case 'inserted':
        return;
      case 'quota':
        throw refuse(
          '2815',
          `ExceedQuotaLimit: the account has ${outcome.used} training jobs; the quota is ${settings.jobQuota}.`,
          'Delete jobs that are no longer needed.',
        );
      case 'duplicate':
        throw refuse(
          '2751',
          `DuplicateTrainingJobName: a training job named ${job.name} exists already.`,
          'Choose another name or delete that job.',
        );
      case 'output-in-use':
        throw refuse(
          '2791',
          `InvalidObsPath: the output path ${storageUrl({ bucket: outcome.bucket, key: outcome.prefix })} is used by ${outcome.job ? `the training job ${outcome.job.name} (${outcome.job.id})` : 'a training job of another workspace'}, which has not ended.`,
          'Choose another output path, or wait for that job to end.',
        );
    }
  }

  return {
    draft,
    create,
    get,

    /** The queue's word on a job that waits, if it does. */
    queueOf: (job: Job) => (job.step === 'queued' ? deps.admission.status(workloadId(job.id)) : undefined),

    async search(projectId: string, search: JobSearch): Promise<{ total: number; count: number; jobs: Job[] }> {
      const { total, count, ids } = await searchJobs(deps.db, projectId, search);
      return { total, count, jobs: await store.findMany(ids) };
    },

    async describe(projectId: string, id: string, description: string): Promise<void> {
      checkDescription(description, 'description');
      if (!(await store.describe(projectId, id, description))) await get(projectId, id);
    },

    /** Changes the priority of a job that waits in a dedicated pool. Throws Failure 2788, or 2796 (409) when it waits no longer. */
    async prioritize(projectId: string, id: string, wanted: unknown): Promise<void> {
      const priority = checkPriority(wanted);
      const job = await get(projectId, id);
      if (!job.spec.pool) {
        throw refuse(
          '2788',
          'InvalidParam: parameter [spec.schedule_policy.priority] is for jobs in dedicated pools alone.',
        );
      }
      if (!(await store.prioritize(id, priority, clock.now()))) {
        const message = `NotAllowedToChangePriority: the job is ${job.phase}; only one that waits in the queue can be given another priority.`;
        throw refuse('2796', message, undefined, 409);
      }
      await store.event(id, event(clock.now(), 'Info', `The priority of the training job is now ${priority}.`));
      await wake(id);
    },

    /** Asks a job to stop. Throws Failure 2796 (409) unless it is Creating, Pending or Running. */
    async terminate(projectId: string, id: string, by: string): Promise<Job> {
      await get(projectId, id);
      const outcome = await store.desire(id, 'terminate', canTerminate, `Terminated by ${by}.`, clock.now());
      if (outcome && !outcome.accepted) {
        throw refuse(
          '2796',
          `NotAllowedToTerminate: the job is ${outcome.phase}; only a job that is Creating, Pending or Running can be terminated.`,
          undefined,
          409,
        );
      }
      await store.event(id, event(clock.now(), 'Info', `Training job is being terminated by ${by}.`), 'terminating');
      await wake(id, { interrupt: true });
      return get(projectId, id);
    },

    /** Deletes a job; one that has not ended is stopped first, without uploading its outputs once more. */
    async remove(projectId: string, id: string, by: string): Promise<void> {
      const job = await get(projectId, id);
      await store.desire(id, 'delete', () => true, `Deleted by ${by}.`, clock.now());
      if (job.step === 'done') {
        await store.erase(id);
        await discard(id);
        return;
      }
      await wake(id, { interrupt: !isTerminal(job.phase) });
    },

    async events(projectId: string, id: string, query: EventQuery): Promise<{ total: number; events: JobEvent[] }> {
      await get(projectId, id);
      if ((query.from === undefined) !== (query.to === undefined)) {
        throw refuse('2764', 'QueryParamsError: give both start_time and end_time, or neither.');
      }
      return store.events(id, query);
    },

    metrics: (id: string, task: number) => store.metrics(id, task),
    used: (accountId: string) => store.countOfAccount(accountId),
    engines: () => deps.images.engines(),
    flavors: () => deps.flavors.list(),
    quota: settings.jobQuota,
  };
}

/** What a request asks of access by SSH, if anything. */
function sshOf(endpoints: JobBody['endpoints']): object | undefined {
  const ssh = endpoints && 'ssh' in endpoints ? endpoints.ssh : undefined;
  return typeof ssh === 'object' && ssh !== null ? ssh : undefined;
}

/** What workspaces count of training jobs. */
export const JOB_QUOTA = 'trainJob.count';

/** The id under which the queue knows a job. */
export function workloadId(jobId: string): string {
  return `training-job/${jobId}`;
}

function event(time: number, level: JobEvent['level'], message: string): JobEvent {
  return { time, level, source: 'Job', message };
}
