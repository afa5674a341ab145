import { Failure } from '../../kernel/failure.ts';
/** The documented states (behaviour/training.md 4). */
export type Phase =
  | 'Creating'
  | 'Pending'
  | 'Running'
  | 'Completed'
  | 'Failed'
  | 'Terminating'
  | 'Terminated'
  | 'Abnormal';

export type SecondaryPhase =
  | 'Creating'
  | 'Queuing'
  | 'Running'
  | 'Completed'
  | 'Failed'
  | 'Terminating'
  | 'Terminated'
  | 'Lost';

/** How a job can end. */
export type Result = 'Completed' | 'Failed' | 'Terminated' | 'Abnormal';

/** What its owner wants. */
export type Desired = 'run' | 'terminate' | 'delete';

/**
 * How far a job has come, on disk. Each step is repeatable; the next one is saved only when it is done.
 * created → queued → staging → creating → launching → running → uploading → cleanup → done
 */
export type Step =
  | 'created'
  | 'queued'
  | 'staging'
  | 'creating'
  | 'launching'
  | 'running'
  | 'uploading'
  | 'cleanup'
  | 'done';

/** What the engine said of the job's container. */
export type ContainerView = 'absent' | 'created' | 'running' | 'exited';

/** What a pass does next. */
export type Action =
  | 'submit'
  | 'await-admission'
  | 'stage'
  | 'create'
  | 'start'
  | 'adopt'
  | 'supervise'
  | 'stop'
  | 'collect-exit'
  | 'lose'
  | 'upload'
  | 'conclude'
  | 'cleanup'
  | 'erase'
  | 'nothing';

export interface Progress {
  step: Step;
  desired: Desired;
  result: Result | null;
}

/** Steps at which the container's state decides what to do. */
export function needsContainer(step: Step): boolean {
  return step === 'launching' || step === 'running';
}

/**
 * The one next action. Pure: what is wanted, how far it is, what was observed.
 * A container that was started and is gone is never started again: it is lost.
 */
export function plan(job: Progress, container: ContainerView, admitted: boolean): Action {
  const stopping = job.desired !== 'run';
  switch (job.step) {
    case 'created':
      return stopping ? 'conclude' : 'submit';
    case 'queued':
      if (stopping) return 'conclude';
      return admitted ? 'stage' : 'await-admission';
    case 'staging':
      return stopping ? 'conclude' : 'stage';
    case 'creating':
      return stopping ? 'conclude' : 'create';
    case 'launching':
      if (container === 'exited') return 'collect-exit';
      if (container === 'running') return stopping ? 'stop' : 'adopt';
      if (stopping) return 'conclude';
      return container === 'created' ? 'start' : 'lose';
    case 'running':
      if (container === 'exited') return 'collect-exit';
      if (container === 'running') return stopping ? 'stop' : 'supervise';
      return stopping ? 'conclude' : 'lose';
    case 'uploading':
      return job.desired === 'delete' ? 'conclude' : 'upload';
    case 'cleanup':
      return 'cleanup';
    case 'done':
      return job.desired === 'delete' ? 'erase' : 'nothing';
  }
}

/** The state on the wire, a projection of the progress. */
export function phaseOf(job: Progress): { phase: Phase; secondary: SecondaryPhase } {
  if (job.result) return { phase: job.result, secondary: job.result === 'Abnormal' ? 'Lost' : job.result };
  if (job.desired !== 'run') return { phase: 'Terminating', secondary: 'Terminating' };
  switch (job.step) {
    case 'created':
      return { phase: 'Creating', secondary: 'Creating' };
    case 'queued':
      return { phase: 'Pending', secondary: 'Queuing' };
    case 'staging':
    case 'creating':
    case 'launching':
      return { phase: 'Pending', secondary: 'Creating' };
    default:
      return { phase: 'Running', secondary: 'Running' };
  }
}

const TERMINABLE: readonly Phase[] = ['Creating', 'Pending', 'Running'];

/** Whether a job in this phase can be asked to stop (behaviour/training.md 3). */
export function canTerminate(phase: Phase): boolean {
  return TERMINABLE.includes(phase);
}

/** Whether a job of this phase has come to its end. */
export function isTerminal(phase: Phase): boolean {
  return phase === 'Completed' || phase === 'Failed' || phase === 'Terminated' || phase === 'Abnormal';
}

/** The one task of a single-node job. */
export const TASK = 'worker-0';

/** Throws Failure 2788 when a job has no such task. */
export function requireTask(task: string): void {
  if (task === TASK) return;
  throw new Failure({
    code: 'ModelArts.2788',
    status: 400,
    message: `InvalidParam: parameter [task_id] is "${task.slice(0, 64)}"; the job's only task is ${TASK}.`,
  });
}

/** The name of a task's log file (behaviour/training.md 7). */
export function logFileName(jobId: string): string {
  return `modelarts-job-${jobId}-${TASK}.log`;
}

/** Milliseconds the job has run, or ran; 0 before it started. */
export function durationOf(job: { startedAt: number | null; exitedAt: number | null }, now: number): number {
  if (job.startedAt === null) return 0;
  return Math.max((job.exitedAt ?? now) - job.startedAt, 0);
}

export interface Ending {
  exitCode: number | null;
  /** Plain words for the exit; see job.exit.ts. */
  exitMessage: string;
  desired: Desired;
  stopReason: string | null;
  /** Why the outputs could not be uploaded, if so. */
  uploadError?: string | undefined;
}

/** How a job whose program ended is to be judged. */
export function judge(ending: Ending): { result: Result; message: string } {
  if (ending.desired !== 'run') {
    const message = ending.stopReason ?? 'The job was stopped by a user.';
    return {
      result: 'Terminated',
      message: ending.uploadError ? `${message} Its outputs were not uploaded: ${ending.uploadError}` : message,
    };
  }
  if (ending.exitCode !== 0) {
    const suffix = ending.uploadError ? ` Its outputs were not uploaded either: ${ending.uploadError}` : '';
    return { result: 'Failed', message: `${ending.exitMessage}${suffix}` };
  }
  if (ending.uploadError) {
    return {
      result: 'Failed',
      message: `The program ended well, but its outputs could not be uploaded: ${ending.uploadError}`,
    };
  }
  return { result: 'Completed', message: ending.exitMessage };
}
