import { join } from 'node:path';
import type { JobSpec } from './job.model.ts';
import { logFileName } from './job.ts';

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

/** Where things lie on the host. Only what ends in a name below `work` is ever writable by the job. */
export function hostPaths(dir: string, jobId: string) {
  const root = join(dir, jobId);
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
    input: (name: string, index: number) => join(modelarts, 'inputs', `${name}_${index}`),
    output: (name: string, index: number) => join(modelarts, 'outputs', `${name}_${index}`),
    platform: join(root, 'platform'),
    launch: join(root, 'launch'),
    uploadState: (index: number) => join(root, `uploaded-${index}.json`),
    logs: join(root, 'log'),
    log: join(root, 'log', logFileName(jobId)),
  };
}

export type HostPaths = ReturnType<typeof hostPaths>;
