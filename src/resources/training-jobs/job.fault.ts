import type { Desired, Halt, Result } from './job.ts';
import { taskName } from './job.ts';

/** The launcher's exit code when the environment is not fit for the job; see job.launcher.ts. */
export const CHECK_EXIT_CODE = 203;
/** What the launcher writes then, to tell it from a program that ends with that code. */
export const CHECK_COMPLAINT = 'Pre-check failed:';

/** How often and when a job runs again by itself (behaviour/training.md 10). */
export interface RetryPolicy {
  /** 0: never. */
  most: number;
  /** Also when the program itself failed. */
  unconditional: boolean;
  /** Also when it hangs. */
  hang: boolean;
}

const RETRY_NUM = 'fault-tolerance/job-retry-num';
const UNCONDITIONAL = 'fault-tolerance/job-unconditional-retry';
const HANG = 'fault-tolerance/hang-retry';
const MOST_RETRIES = 3;

/** The retry policy that a job's annotations ask for. */
export function retryPolicy(annotations: Record<string, string>): RetryPolicy {
  return {
    most: Number(annotations[RETRY_NUM] ?? 0),
    unconditional: annotations[UNCONDITIONAL] === 'true',
    hang: annotations[HANG] === 'true',
  };
}

/** What is wrong with these annotations, naming key and allowed values, or undefined. */
export function annotationError(annotations: Record<string, string>): string | undefined {
  const most = annotations[RETRY_NUM];
  if (most !== undefined && !/^[0-3]$/.test(most)) {
    return `parameter [metadata.annotations.${RETRY_NUM}] is "${most.slice(0, 20)}"; it must be a whole number from 0 to ${MOST_RETRIES}, as a string`;
  }
  for (const key of [UNCONDITIONAL, HANG]) {
    const value = annotations[key];
    if (value !== undefined && value !== 'true' && value !== 'false') {
      return `parameter [metadata.annotations.${key}] is "${value.slice(0, 20)}"; it must be "true" or "false"`;
    }
  }
  return undefined;
}

/** How one task ended, as far as it is known. */
export interface TaskEnd {
  exitCode: number | null;
  /** Plain words for the exit; see job.exit.ts. */
  message: string;
  /** Its container is gone, or never ran. */
  lost: boolean;
  /** It found the environment unfit before the program began. */
  unfit: boolean;
  exitedAt: number | null;
}

export interface Ending {
  tasks: readonly TaskEnd[];
  halt: Halt | null;
  desired: Desired;
  stopReason: string | null;
  policy: RetryPolicy;
  /** Retries so far. */
  retries: number;
  /** Why the outputs could not be uploaded, if so. */
  uploadError?: string | undefined;
}

/** Fields of `running_records` (behaviour/training.md 4). */
export type Recovery = 'job_reschedule' | 'job_reschedule_with_taint';

export type Verdict =
  | { kind: 'end'; result: Result; message: string; task?: number | undefined }
  | {
      kind: 'again';
      reason: string;
      recover: Recovery;
      /** Counts as one of the retries; making way for another does not. */
      retry: boolean;
      task?: number | undefined;
      /** The node of `task` is not to be used again. */
      avoid: boolean;
    };

/** The task whose end decided: the one noted when the others were stopped, else the first that failed. */
export function culprit(tasks: readonly TaskEnd[], halt: Halt | null): number | undefined {
  if (halt?.kind === 'fault' && halt.task !== undefined) return halt.task;
  const lost = tasks.findIndex(task => task.lost);
  if (lost >= 0) return lost;
  const failed = tasks
    .map((task, index) => ({ index, code: task.exitCode, at: task.exitedAt ?? 0 }))
    .filter(({ code }) => code !== 0)
    .sort((left, right) => left.at - right.at || left.index - right.index);
  return failed[0]?.index;
}

/** Whether all tasks had done their work before they were asked to make way. */
function hadFinished(ending: Ending): boolean {
  const at = ending.halt?.at ?? 0;
  return ending.tasks.every(task => task.exitCode === 0 && task.exitedAt !== null && task.exitedAt <= at);
}

/** How a job whose tasks have all ended is to be judged: at its end, or once more from the queue. */
export function judge(ending: Ending): Verdict {
  const { tasks, halt, desired, uploadError } = ending;
  if (desired !== 'run') {
    const message = ending.stopReason ?? 'The job was stopped by a user.';
    const text = uploadError ? `${message} Its outputs were not uploaded: ${uploadError}` : message;
    return { kind: 'end', result: 'Terminated', message: text };
  }
  const again = uploadError ? undefined : once(ending);
  if (again) return again;
  const index = culprit(tasks, halt);
  const suffix = uploadError ? ` Its outputs were not uploaded either: ${uploadError}` : '';
  if (index !== undefined) {
    const task = tasks[index]!;
    const where = tasks.length > 1 ? `${taskName(index)}: ` : '';
    return {
      kind: 'end',
      result: task.lost ? 'Abnormal' : 'Failed',
      message: `${where}${task.message}${retriesUsed(ending)}${suffix}`,
      task: index,
    };
  }
  if (uploadError) {
    const message = `The program ended well, but its outputs could not be uploaded: ${uploadError}`;
    return { kind: 'end', result: 'Failed', message };
  }
  return { kind: 'end', result: 'Completed', message: tasks[0]?.message ?? '' };
}

function retriesUsed({ policy, retries }: Ending): string {
  return policy.most > 0 && retries >= policy.most ? ` It was restarted ${retries} times, as often as it may be.` : '';
}

/** Why a job gives up its place. */
export function leaving(halt: Pick<Halt, 'by' | 'why'>): string {
  return halt.why ?? `preempted by ${halt.by ?? 'a job of higher priority'}`;
}

function once(ending: Ending): Extract<Verdict, { kind: 'again' }> | undefined {
  const { tasks, halt, policy } = ending;
  if (halt?.kind === 'preempted') {
    if (hadFinished(ending)) return undefined;
    return { kind: 'again', reason: leaving(halt), recover: 'job_reschedule', retry: false, avoid: false };
  }
  if (ending.retries >= policy.most) return undefined;
  if (halt?.kind === 'hang') {
    return { kind: 'again', reason: 'the job hangs', recover: 'job_reschedule', retry: true, avoid: false };
  }
  const index = culprit(tasks, halt);
  const task = index === undefined ? undefined : tasks[index];
  if (!task) return undefined;
  if (task.lost || task.unfit) {
    const reason = task.lost ? 'its container is gone' : 'its pre-check failed';
    return { kind: 'again', reason, recover: 'job_reschedule_with_taint', retry: true, task: index, avoid: true };
  }
  if (!policy.unconditional) return undefined;
  const reason = `exit with ${task.exitCode}`;
  return { kind: 'again', reason, recover: 'job_reschedule', retry: true, task: index, avoid: false };
}
