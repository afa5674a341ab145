import { join } from 'node:path';
import type { JobSpec } from './job.model.ts';
import { logFileName, taskName } from './job.ts';

export const HOME = '/home/ma-user';
export const MOUNT = `${HOME}/modelarts`;
export const JOB_DIR = `${MOUNT}/user-job-dir`;
export const LOG_DIR = `${MOUNT}/log`;
export const LAUNCH_DIR = '/run/modelarts/launch';

/** Where things lie inside the container (behaviour/training.md 5). */
export function containerPaths(spec: Pick<JobSpec, 'code' | 'localCodeDir' | 'inputs' | 'outputs'>) {
  return {
    code: spec.localCodeDir ?? (spec.code ? `${JOB_DIR}/${spec.code.name}` : JOB_DIR),
    inputs: spec.inputs.map((input, index) => `${MOUNT}/inputs/${input.name}_${index}`),
    outputs: spec.outputs.map((output, index) => `${MOUNT}/outputs/${output.name}_${index}`),
  };
}

/**
 * Where things of one task lie on the host: the first in the job's directory itself, each other in one of its own below it. Only what
 * ends in a name below `work` is ever writable by the job.
 */
export function hostPaths(dir: string, jobId: string, index = 0) {
  const job = join(dir, jobId);
  const root = index === 0 ? job : join(job, taskName(index));
  const work = join(root, 'work');
  const modelarts = join(work, 'modelarts');
  return {
    root,
    work,
    modelarts,
    jobDir: join(modelarts, 'user-job-dir'),
    programLogs: join(modelarts, 'log'),
    cache: join(work, 'cache'),
    localCode: join(work, 'local-code'),
    code: (spec: Pick<JobSpec, 'code' | 'localCodeDir'>) =>
      spec.localCodeDir ? join(work, 'local-code') : join(modelarts, 'user-job-dir', spec.code?.name ?? ''),
    input: (name: string, channel: number) => join(modelarts, 'inputs', `${name}_${channel}`),
    output: (name: string, channel: number) => join(modelarts, 'outputs', `${name}_${channel}`),
    platform: join(root, 'platform'),
    launch: join(root, 'launch'),
    uploadState: (channel: number) => join(root, `uploaded-${channel}.json`),
    /** What lay in an output before the program began. */
    outputBase: (channel: number) => join(root, `base-${channel}.json`),
    logs: join(job, 'log'),
    log: join(job, 'log', logFileName(jobId, index)),
  };
}

export type HostPaths = ReturnType<typeof hostPaths>;
