import { Failure } from '../../kernel/failure.ts';
import {
  asDirectory,
  type Channel,
  checkNaming,
  type JobConfig,
  type StoragePath,
  storagePath,
  storageUrl,
} from '../algorithms/index.ts';
import type { JobBody } from './job.api.ts';
import { annotationError } from './job.fault.ts';
import type { JobOutput } from './job.model.ts';
import { checkVolumes } from './job.volumes.ts';

type AlgorithmPart = NonNullable<JobBody['algorithm']>;
type SpecPart = NonNullable<JobBody['spec']>;

const ENVIRONMENT_KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LARGEST_AUTO_STOP_HOURS = 8760;

function refuse(code: string, message: string, solution?: string, status = 400): Failure {
  return new Failure({ code: `ModelArts.${code}`, status, message, ...(solution ? { solution } : {}) });
}

/**
 * Checks of a job's request that need nothing but the request (behaviour/training.md 2).
 * Throws Failure with the documented code, naming field and limit.
 */
export function checkRequest(body: JobBody): void {
  checkNaming(body.metadata);
  const kind = body.kind || 'job';
  if (kind !== 'job') {
    throw refuse(
      '2788',
      `InvalidParam: parameter [kind] is "${kind.slice(0, 50)}"; this installation runs jobs of kind job only.`,
    );
  }
  const annotations = annotationError(body.metadata.annotations ?? {});
  if (annotations) throw refuse('2788', `InvalidParam: ${annotations}.`);
  const algorithm = body.algorithm ?? {};
  if (algorithm.subscription_id || algorithm.item_version_id) {
    throw refuse(
      '2755',
      'AiAlgorithmNotFound: this installation has no gallery, so there are no subscribed algorithms.',
      'Create the algorithm with POST /v2/{project_id}/algorithms and give its id.',
    );
  }
  checkForms(algorithm);
  checkEnvironments(algorithm.environments ?? {});
  checkLocalCodeDir(algorithm.local_code_dir || undefined);
  checkWorkingDir(algorithm.working_dir || undefined);
  if (algorithm.policies?.auto_search) {
    throw refuse('2788', 'InvalidParam: parameter [algorithm.policies.auto_search] is not supported here yet.');
  }
  checkSpec(body.spec ?? {});
}

function checkForms(algorithm: AlgorithmPart): void {
  if (algorithm.id) {
    const extra = (['code_dir', 'boot_file', 'command'] as const).filter(field => algorithm[field]);
    if (extra.length > 0) {
      throw refuse(
        '2788',
        `InvalidParam: algorithm.id is given together with ${extra.join(', ')}; a job has exactly one of these forms.`,
        'Leave out algorithm.id, or the members that define the code anew.',
      );
    }
    return;
  }
  if (!algorithm.command && !algorithm.boot_file && !algorithm.code_dir && !algorithm.engine) {
    throw refuse(
      '2788',
      'InvalidParam: parameter [algorithm] must hold one of: id; code_dir, boot_file and engine; command and engine.image_url.',
    );
  }
}

function checkEnvironments(environments: Record<string, string>): void {
  const entries = Object.entries(environments);
  if (entries.length > 100) {
    throw refuse(
      '2788',
      `InvalidParam: parameter [environments] has ${entries.length} entries; at most 100 are allowed.`,
    );
  }
  for (const [key, value] of entries) {
    const at = `environments.${key.slice(0, 64)}`;
    if (key.length > 8192 || !ENVIRONMENT_KEY.test(key)) {
      throw refuse(
        '2788',
        `InvalidParam: the key [${at}] must have letters, digits and underscores, not begin with a digit, and have at most 8192 characters.`,
      );
    }
    if (value.length > 4096 || value.includes('\0')) {
      throw refuse('2788', `InvalidParam: parameter [${at}] must have at most 4096 characters and no NUL.`);
    }
  }
}

function cleanAbsolute(path: string): boolean {
  if (!/^\/[\w./+@=-]*$/.test(path) || path.length > 255) return false;
  return path
    .replace(/\/$/, '')
    .split('/')
    .slice(1)
    .every(step => step !== '' && step !== '.' && step !== '..');
}

function checkLocalCodeDir(dir: string | undefined): void {
  if (!dir) return;
  const bare = dir.replace(/\/$/, '');
  const reserved = /^\/home\/ma-user(\/modelarts[^/]*(\/.*)?|\/infer(\/.*)?)?$/;
  if (cleanAbsolute(dir) && /^\/home\/./.test(bare) && !reserved.test(bare)) return;
  throw refuse(
    '2857',
    `InvalidLocalCodeDir: parameter [local_code_dir] is "${dir.slice(0, 100)}"; it must be a directory under /home, but not /home/ma-user itself, /home/ma-user/modelarts* or /home/ma-user/infer.`,
    'For example /home/ma-user/code.',
  );
}

function checkWorkingDir(dir: string | undefined): void {
  if (!dir || cleanAbsolute(dir)) return;
  throw refuse(
    '2859',
    `InvalidWorkingDir: parameter [working_dir] is "${dir.slice(0, 100)}"; it must be an absolute path of the container without "..", at most 255 characters.`,
  );
}

function checkSpec(spec: SpecPart): void {
  checkVolumes(spec.volumes ?? []);
  const stop = spec.auto_stop;
  if (stop) {
    if (stop.time_unit !== 'HOURS') {
      throw refuse(
        '2788',
        `InvalidParam: parameter [spec.auto_stop.time_unit] is "${String(stop.time_unit).slice(0, 50)}"; only HOURS is allowed.`,
      );
    }
    const hours = stop.duration;
    if (hours === undefined || !Number.isInteger(hours) || hours < 1 || hours > LARGEST_AUTO_STOP_HOURS) {
      throw refuse(
        '2788',
        `InvalidParam: parameter [spec.auto_stop.duration] is ${String(hours)}; it must be a whole number from 1 to ${LARGEST_AUTO_STOP_HOURS}.`,
      );
    }
  }
  checkPolicy(spec);
}

/** Priority and preemption count in dedicated pools alone (behaviour/training.md 2); in the public pool they have no effect. */
function checkPolicy(spec: SpecPart): void {
  checkPriority(spec.schedule_policy?.priority);
  const preemptible = spec.schedule_policy?.preemptible;
  if (preemptible !== undefined && preemptible !== null && typeof preemptible !== 'boolean') {
    throw refuse('2788', 'InvalidParam: parameter [spec.schedule_policy.preemptible] must be true or false.');
  }
  if (spec.resource?.main_container_customized_flavor && !spec.resource.pool_id?.trim()) {
    throw refuse(
      '2788',
      'InvalidParam: parameter [spec.resource.main_container_customized_flavor] is for dedicated pools alone.',
      'Give a flavor_id, or name a pool with [spec.resource.pool_id].',
    );
  }
}

/** The priority that is asked for, 1 where none is. Throws Failure 2788. */
export function checkPriority(priority: unknown): 1 | 2 | 3 {
  if (priority === undefined || priority === null) return 1;
  if (priority === 1 || priority === 2 || priority === 3) return priority;
  throw refuse('2788', 'InvalidParam: parameter [spec.schedule_policy.priority] must be 1, 2 or 3.');
}

/** The part of a request that says how the job runs, in the algorithm's terms. */
export function configOf(algorithm: AlgorithmPart): JobConfig {
  return {
    code_dir: algorithm.code_dir ?? undefined,
    boot_file: algorithm.boot_file ?? undefined,
    command: algorithm.command ?? undefined,
    engine: algorithm.engine as JobConfig['engine'],
    parameters: (algorithm.parameters ?? undefined) as JobConfig['parameters'],
    inputs: (algorithm.inputs ?? undefined) as Channel[] | undefined,
    outputs: (algorithm.outputs ?? undefined) as Channel[] | undefined,
  };
}

/**
 * Throws Failure 2753 when the job's channels are not those its algorithm declares. An algorithm that declares none leaves
 * the job free.
 */
export function matchChannels(declared: JobConfig, given: JobConfig): void {
  for (const side of ['inputs', 'outputs'] as const) {
    const wanted = (declared[side] ?? []).map(channel => channel.name);
    if (wanted.length === 0) continue;
    const present = (given[side] ?? []).map(channel => channel.name);
    const missing = wanted.filter(name => !present.includes(name));
    const unknown = present.filter(name => !wanted.includes(name));
    if (missing.length === 0 && unknown.length === 0) continue;
    const parts = [
      ...(missing.length > 0 ? [`${missing.join(', ')} of the algorithm have no path`] : []),
      ...(unknown.length > 0 ? [`${unknown.join(', ')} are not declared by the algorithm`] : []),
    ];
    throw refuse('2753', `InputsOutputsMessageError: [algorithm.${side}]: ${parts.join('; ')}.`);
  }
}

/** The path of an input or output. Throws Failure 2753, 2783 or 2791. */
export function channelPath(
  side: 'inputs' | 'outputs',
  index: number,
  channel: NonNullable<AlgorithmPart['inputs']>[number],
): { url: string; path: StoragePath } {
  const at = `algorithm.${side}[${index}].remote`;
  if (channel.remote?.dataset) {
    throw refuse(
      '2783',
      `DatasetNotFound: [${at}.dataset]: this installation has no datasets.`,
      'Give the data by remote.obs.obs_url.',
    );
  }
  const url = channel.remote?.obs?.obs_url;
  if (!url) {
    throw refuse('2753', `InputsOutputsMessageError: ${channel.name} has no path: [${at}.obs.obs_url] is required.`);
  }
  return { url, path: storagePath(url, `${at}.obs.obs_url`) };
}

/** Throws Failure 2753 when two outputs of a job go to one place. */
export function checkOutputs(outputs: readonly JobOutput[]): void {
  for (const [index, output] of outputs.entries()) {
    for (const other of outputs.slice(0, index)) {
      if (other.to.bucket !== output.to.bucket) continue;
      if (other.to.key === output.to.key) {
        throw refuse(
          '2753',
          `InputsOutputsMessageError: the outputs ${other.name} and ${output.name} have the same path ${storageUrl(output.to)}.`,
        );
      }
    }
  }
}

/** The directory to which logs are to be exported, if any. Throws Failure 2791. */
export function logExportOf(spec: SpecPart): StoragePath | undefined {
  const url = spec.log_export_path?.obs_url;
  return url ? asDirectory(storagePath(url, 'spec.log_export_path.obs_url')) : undefined;
}
