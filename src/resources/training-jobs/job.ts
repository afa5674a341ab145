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
 * created → queued → staging → creating → launching → running → uploading → cleanup → done; a job that is to run once more goes
 * from uploading over reissuing back to queued.
 */
export type Step =
  | 'created'
  | 'queued'
  | 'staging'
  | 'creating'
  | 'launching'
  | 'running'
  | 'uploading'
  | 'reissuing'
  | 'cleanup'
  | 'done';

/** What the engine said of one task's container. */
export interface ContainerView {
  state: 'absent' | 'created' | 'running' | 'exited';
  exitCode?: number | undefined;
}

/** Why the tasks of a job that nobody stopped are to end: one of them failed, the job hangs, or it must make way. */
export interface Halt {
  kind: 'fault' | 'hang' | 'preempted';
  /** Milliseconds since the epoch. */
  at: number;
  /** Index of the task that failed first. */
  task?: number | undefined;
  /** Name of what it makes way for. */
  by?: string | undefined;
  /** Why it must leave its place, where it does not make way for another. */
  why?: string | undefined;
}

/** What a pass does next. */
export type Action =
  | 'submit'
  | 'await-admission'
  | 'stage'
  | 'create'
  | 'start'
  | 'adopt'
  | 'supervise'
  | 'halt'
  | 'stop'
  | 'collect-exit'
  | 'upload'
  | 'reissue'
  | 'conclude'
  | 'cleanup'
  | 'erase'
  | 'nothing';

export interface Progress {
  step: Step;
  desired: Desired;
  result: Result | null;
  halt?: Halt | null;
}

/** What the queue says of a job. */
export interface QueueView {
  admitted: boolean;
  /** It shall make way. */
  preempted?: boolean;
}

/** Steps at which the containers' states decide what to do. */
export function needsContainers(step: Step): boolean {
  return step === 'launching' || step === 'running';
}

/** Steps at which the queue's word decides what to do. */
export function needsQueue(step: Step): boolean {
  return step === 'queued' || step === 'staging' || step === 'creating' || needsContainers(step);
}

/** A task that cannot go on: it ended badly, or its container is gone. */
function failed(view: ContainerView): boolean {
  return view.state === 'absent' || (view.state === 'exited' && view.exitCode !== 0);
}

/**
 * The one next action. Pure: what is wanted, how far it is, what was observed of every task.
 * All tasks start together, and one that fails ends the others. A container that was started and is gone is never started again.
 */
export function plan(job: Progress, tasks: readonly ContainerView[], queue: QueueView): Action {
  const stopping = job.desired !== 'run';
  switch (job.step) {
    case 'created':
      return stopping ? 'conclude' : 'submit';
    case 'queued':
      if (stopping) return 'conclude';
      return queue.admitted ? 'stage' : 'await-admission';
    case 'staging':
    case 'creating':
      if (stopping) return 'conclude';
      if (queue.preempted || job.halt) return 'reissue';
      return job.step === 'staging' ? 'stage' : 'create';
    case 'launching':
    case 'running':
      return planTasks(job, tasks, queue);
    case 'uploading':
      return job.desired === 'delete' ? 'conclude' : 'upload';
    case 'reissuing':
      return stopping ? 'conclude' : 'reissue';
    case 'cleanup':
      return 'cleanup';
    case 'done':
      return job.desired === 'delete' ? 'erase' : 'nothing';
  }
}

function planTasks(job: Progress, tasks: readonly ContainerView[], queue: QueueView): Action {
  const any = (state: ContainerView['state']) => tasks.some(task => task.state === state);
  const ending = job.desired !== 'run' || Boolean(job.halt);
  if (ending && any('running')) return 'stop';
  if (ending && job.desired !== 'run' && !any('exited')) return 'conclude';
  if (ending || !(any('running') || any('created'))) return 'collect-exit';
  if (queue.preempted || tasks.some(failed)) return 'halt';
  if (job.step === 'running') return 'supervise';
  return any('created') ? 'start' : 'adopt';
}

/** The state on the wire, a projection of the progress. */
export function phaseOf(job: Progress): { phase: Phase; secondary: SecondaryPhase } {
  if (job.result) return { phase: job.result, secondary: job.result === 'Abnormal' ? 'Lost' : job.result };
  if (job.desired !== 'run') return { phase: 'Terminating', secondary: 'Terminating' };
  switch (job.step) {
    case 'created':
      return { phase: 'Creating', secondary: 'Creating' };
    case 'queued':
    case 'reissuing':
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

/** The name of a job's task: worker-0 to worker-(n-1), one for each node. */
export function taskName(index: number): string {
  return `worker-${index}`;
}

/** The names of all tasks of a job with that many nodes. */
export function taskNames(nodes: number): string[] {
  return Array.from({ length: nodes }, (_, index) => taskName(index));
}

/** The index of a task. Throws Failure 2788 when a job of that many nodes has no such task. */
export function taskIndex(task: string, nodes: number): number {
  const index = taskNames(nodes).indexOf(task);
  if (index >= 0) return index;
  const known = nodes === 1 ? "the job's only task is worker-0" : `the tasks are worker-0 to worker-${nodes - 1}`;
  throw new Failure({
    code: 'ModelArts.2788',
    status: 400,
    message: `InvalidParam: parameter [task_id] is "${task.slice(0, 64)}"; ${known}.`,
  });
}

/** The name of a task's log file (behaviour/training.md 7). */
export function logFileName(jobId: string, index: number): string {
  return `modelarts-job-${jobId}-${taskName(index)}.log`;
}

/** Milliseconds the job has run, or ran, in all its attempts; 0 before it started. */
export function durationOf(
  job: { startedAt: number | null; exitedAt: number | null; records: readonly { startAt: number; endAt: number }[] },
  now: number,
): number {
  const before = job.records.reduce((sum, record) => sum + Math.max(record.endAt - record.startAt, 0), 0);
  return before + (job.startedAt === null ? 0 : Math.max((job.exitedAt ?? now) - job.startedAt, 0));
}
