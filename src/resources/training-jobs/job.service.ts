import { Failure } from '../../kernel/failure.ts';
import { uuid } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { EngineUnavailable } from '../../runtime/driver.ts';
import {
  asDenied,
  asDirectory,
  type BootForm,
  checkConfig,
  checkDescription,
  inspectBootFile,
  inspectCode,
  type JobConfig,
  lastStep,
  mergeParameters,
  requireBucket,
  requireEngine,
  type StoragePath,
  storageUrl,
  withoutNulls,
} from '../algorithms/index.ts';
import type { Flavor } from '../flavors/index.ts';
import type { JobBody } from './job.api.ts';
import type { Job, JobEvent, JobInput, JobOutput, JobSpec } from './job.model.ts';
import type { TrainingDeps, TrainingSettings } from './job.ports.ts';
import { channelPath, checkOutputs, checkRequest, configOf, logExportOf, matchChannels } from './job.request.ts';
import { type JobSearch, searchJobs } from './job.search.ts';
import type { EventQuery, JobStore } from './job.store.ts';
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

const IMAGE_REF = /^[A-Za-z0-9][\w./:@-]{0,511}$/;

function refuse(code: string, message: string, solution?: string, status = 400): Failure {
  return new Failure({ code: `ModelArts.${code}`, status, message, ...(solution ? { solution } : {}) });
}

/** Use cases of training jobs (behaviour/training.md 2, 3). */
export function jobService({ deps, settings, store, discard, wake }: JobServiceDeps) {
  const { objects, clock } = deps;

  async function get(projectId: string, id: string): Promise<Job> {
    const job = await store.findInProject(projectId, id);
    if (job) return job;
    throw refuse(
      '2775',
      `TrainingJobNotFound: there is no training job ${id.slice(0, 64)} in this project.`,
      'POST /v2/{project_id}/training-job-searches lists the jobs.',
    );
  }

  /** The configuration a job runs with: its own, or its algorithm's with the job's values. */
  async function resolveConfig(
    projectId: string,
    algorithm: NonNullable<JobBody['algorithm']>,
  ): Promise<{ config: JobConfig; declared: JobConfig; origin?: { id: string; name: string } }> {
    const given = configOf(algorithm);
    if (!algorithm.id) {
      mergeParameters(given.parameters ?? [], undefined, true);
      return { config: given, declared: given };
    }
    const origin = await deps.algorithms.get(projectId, algorithm.id);
    const declared = origin.config;
    matchChannels(declared, given);
    return {
      config: {
        ...declared,
        inputs: given.inputs,
        outputs: given.outputs,
        parameters: mergeParameters(
          declared.parameters ?? [],
          given.parameters,
          declared.parameters_customization ?? false,
        ),
      },
      declared,
      origin: { id: origin.id, name: origin.name },
    };
  }

  async function resolveImage(
    form: BootForm,
    config: JobConfig,
  ): Promise<Pick<JobSpec, 'image' | 'engine' | 'imageUrl'>> {
    const imageUrl = config.engine?.image_url || undefined;
    const entry = form === 'preset' ? requireEngine(deps.images, config) : undefined;
    const engine = entry && {
      engineId: entry.engineId,
      engineName: entry.engineName,
      engineVersion: entry.engineVersion,
    };
    if (!imageUrl) return { image: entry!.imageRef, engine };
    if (!IMAGE_REF.test(imageUrl)) {
      throw refuse(
        '2810',
        `SWRQueryImageInfoError: parameter [engine.image_url] is "${imageUrl.slice(0, 200)}", which is no image reference.`,
        'Write it as name:tag or registry/organization/name:tag.',
      );
    }
    try {
      if (await deps.driver.hasImage(imageUrl)) return { image: imageUrl, imageUrl, engine };
    } catch (error) {
      // Unknown is not absent: the job then finds out when it starts.
      if (error instanceof EngineUnavailable) return { image: imageUrl, imageUrl, engine };
      throw error;
    }
    throw refuse(
      '2810',
      `SWRQueryImageInfoError: the image ${imageUrl} of parameter [engine.image_url] is not present on this machine.`,
      'Build or load it with the container engine of this installation first.',
    );
  }

  function resolveFlavor(spec: NonNullable<JobBody['spec']>): Flavor {
    const id = spec.resource?.flavor_id;
    const known = deps.flavors
      .list()
      .map(flavor => flavor.id)
      .join(', ');
    if (!id)
      throw refuse(
        '2781',
        'FlavorNotFound: parameter [spec.resource.flavor_id] is required.',
        `Flavors here: ${known}.`,
      );
    const flavor = deps.flavors.find(id);
    if (!flavor)
      throw refuse('2781', `FlavorNotFound: there is no flavor ${id.slice(0, 100)}.`, `Flavors here: ${known}.`);
    const fit = deps.admission.fits(flavor);
    if (!fit.ok) {
      throw refuse(
        '2763',
        `DoNotHaveFlavor: the flavor ${flavor.id} can never run here. ${fit.reason}`,
        `Flavors here: ${known}.`,
      );
    }
    const nodes = spec.resource?.node_count ?? 1;
    if (nodes < 1 || nodes > flavor.maxNodes) {
      throw refuse(
        '2793',
        `FlavorOutOfRange: parameter [spec.resource.node_count] is ${nodes}; the flavor ${flavor.id} allows 1 to ${flavor.maxNodes}.`,
      );
    }
    return flavor;
  }

  /** The place of an input: one object, or everything below a prefix that holds at least one. */
  async function resolveInput(principal: Principal, field: string, path: StoragePath): Promise<StoragePath> {
    await requireBucket(objects, principal, path.bucket, field);
    try {
      if (path.key !== '' && !path.key.endsWith('/') && (await objects.head(principal, path))) return path;
      const directory = asDirectory(path);
      const { objects: some } = await objects.list(principal, directory.bucket, { prefix: directory.key, maxKeys: 1 });
      if (some.length > 0) return directory;
    } catch (error) {
      throw asDenied(error, field);
    }
    throw refuse(
      '2836',
      `PathNotFound: the path ${storageUrl(path)} of parameter [${field}] holds no object.`,
      'Upload the data first, or correct the path.',
      404,
    );
  }

  /** Places of inputs and outputs; how they reach the program is the algorithm's word where the job says nothing. */
  async function resolveChannels(
    principal: Principal,
    algorithm: NonNullable<JobBody['algorithm']>,
    declared: JobConfig,
  ): Promise<{ inputs: JobInput[]; outputs: JobOutput[] }> {
    const inputs: JobInput[] = [];
    const outputs: JobOutput[] = [];
    const own = (side: 'inputs' | 'outputs', name: string) => declared[side]?.find(channel => channel.name === name);
    const access = (side: 'inputs' | 'outputs', name: string, given: string | null | undefined) =>
      (given ?? own(side, name)?.access_method) === 'env' ? 'env' : 'parameter';
    for (const [index, channel] of (algorithm.outputs ?? []).entries()) {
      const { url, path } = channelPath('outputs', index, channel);
      outputs.push({
        name: channel.name,
        description: channel.description ?? '',
        accessMethod: access('outputs', channel.name, channel.access_method),
        url,
        to: asDirectory(path),
        prefetch: channel.prefetch_to_local ?? own('outputs', channel.name)?.prefetch_to_local ?? false,
      });
    }
    checkOutputs(outputs);
    for (const [index, channel] of (algorithm.inputs ?? []).entries()) {
      const { url, path } = channelPath('inputs', index, channel);
      inputs.push({
        name: channel.name,
        description: channel.description ?? '',
        accessMethod: access('inputs', channel.name, channel.access_method),
        url,
        from: await resolveInput(principal, `algorithm.inputs[${index}].remote.obs.obs_url`, path),
      });
    }
    for (const [index, output] of outputs.entries()) {
      await requireBucket(objects, principal, output.to.bucket, `algorithm.outputs[${index}].remote.obs.obs_url`);
    }
    return { inputs, outputs };
  }

  async function resolveCode(
    principal: Principal,
    config: JobConfig,
    form: BootForm,
  ): Promise<Pick<JobSpec, 'code' | 'bootFile'>> {
    if (!config.code_dir) return {};
    try {
      const { path } = await inspectCode(objects, principal, config.code_dir, settings.codeLimits);
      const code = { url: config.code_dir, from: path, name: lastStep(path) };
      if (form !== 'preset') return { code };
      const relative = await inspectBootFile(objects, principal, config.boot_file!, path);
      return { code, bootFile: { url: config.boot_file!, relative } };
    } catch (error) {
      throw asDenied(error, 'code_dir');
    }
  }

  async function create(principal: Principal, projectId: string, raw: JobBody): Promise<Job> {
    const body = withoutNulls(raw) as JobBody;
    checkRequest(body);
    const algorithm = body.algorithm ?? {};
    const spec = body.spec ?? {};
    const { config, declared, origin } = await resolveConfig(projectId, algorithm);
    const form = checkConfig(config);
    const flavor = resolveFlavor(spec);
    const image = await resolveImage(form, config);
    const logExport = logExportOf(spec);
    const agency = await deps.authorizations.agencyFor(principal, projectId);
    const { code, bootFile } = await resolveCode(principal, config, form);
    const { inputs, outputs } = await resolveChannels(principal, algorithm, declared);
    if (logExport) {
      await requireBucket(objects, principal, logExport.bucket, 'spec.log_export_path.obs_url', {
        code: 'ModelArts.2820',
        status: 400,
      });
    }
    const now = clock.now();
    const user = principal.onBehalfOf ?? { id: principal.id, name: principal.name };
    const job: Job = {
      id: uuid(),
      projectId,
      accountId: principal.accountId,
      workspaceId: body.metadata.workspace_id || '0',
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
        flavor,
        autoStopHours: spec.auto_stop?.duration,
        logExport,
        annotations: body.metadata.annotations ?? {},
        echo: {
          schedule_policy: spec.schedule_policy ?? undefined,
          notification: spec.notification ?? undefined,
          summary: algorithm.summary ?? undefined,
        },
      },
      step: 'created',
      desired: 'run',
      phase: 'Creating',
      secondaryPhase: 'Creating',
      result: null,
      stopReason: null,
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
    await insert(job);
    await wake(job.id);
    return job;
  }

  async function insert(job: Job): Promise<void> {
    const outcome = await store.insert(
      job,
      { time: job.createdAt, level: 'Info', source: 'Job', message: 'Training job created.' },
      settings.jobQuota,
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
          `InvalidObsPath: the output path ${storageUrl({ bucket: outcome.bucket, key: outcome.prefix })} is used by the training job ${outcome.jobName} (${outcome.jobId}), which has not ended.`,
          'Choose another output path, or wait for that job to end.',
        );
    }
  }

  return {
    create,
    get,

    /** The queue's word on a job that waits, if it does. */
    queueOf: (job: Job) => (job.phase === 'Pending' ? deps.admission.status(workloadId(job.id)) : undefined),

    async search(projectId: string, search: JobSearch): Promise<{ total: number; count: number; jobs: Job[] }> {
      const { total, count, ids } = await searchJobs(deps.db, projectId, search);
      return { total, count, jobs: await store.findMany(ids) };
    },

    async describe(projectId: string, id: string, description: string): Promise<void> {
      checkDescription(description, 'description');
      if (!(await store.describe(projectId, id, description))) await get(projectId, id);
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

    metrics: (id: string) => store.metrics(id),
    used: (accountId: string) => store.countOfAccount(accountId),
    engines: () => deps.images.engines(),
    flavors: () => deps.flavors.list(),
    quota: settings.jobQuota,
  };
}

/** The id under which the queue knows a job. */
export function workloadId(jobId: string): string {
  return `training-job/${jobId}`;
}

function event(time: number, level: JobEvent['level'], message: string): JobEvent {
  return { time, level, source: 'Job', message };
}
