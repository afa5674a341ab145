/** The documented states (behaviour/notebooks.md 1). */
export type Status =
  | 'INIT'
  | 'CREATING'
  | 'STARTING'
  | 'RUNNING'
  | 'STOPPING'
  | 'STOPPED'
  | 'SNAPSHOTTING'
  | 'DELETING'
  | 'DELETED'
  | 'CREATE_FAILED'
  | 'START_FAILED'
  | 'DELETE_FAILED'
  | 'ERROR'
  | 'FROZEN';

/** What its users want. */
export type Desired = 'run' | 'stop' | 'delete';

/** What went wrong at last: it could not be made, could not be started, ended by itself, could not be deleted. */
export type Fault = 'create' | 'start' | 'error' | 'delete';

/**
 * How far an instance has come, on disk. Each step is repeatable; the next one is saved only when it is done.
 * created → stored → queued → creating → launching → running → cleanup → stopped, and from there to created again.
 */
export type Step = 'created' | 'stored' | 'queued' | 'creating' | 'launching' | 'running' | 'cleanup' | 'stopped';

/** What the engine said of its container. */
export type ContainerView = 'absent' | 'created' | 'running' | 'exited';

/** What a pass does next. */
export type Action =
  | 'store'
  | 'submit'
  | 'await-admission'
  | 'create'
  | 'start'
  | 'await-ready'
  | 'supervise'
  | 'lose'
  | 'stop'
  | 'release'
  | 'cleanup'
  | 'erase'
  | 'nothing';

export interface Progress {
  step: Step;
  desired: Desired;
  fault: Fault | null;
  /** It has been usable before. */
  ran: boolean;
  /** What it is being saved as, if it is. */
  snapshot: string | null;
}

/** Steps at which the container's state decides what to do. */
export function needsContainer(step: Step): boolean {
  return step === 'launching' || step === 'running';
}

/**
 * The one next action. Pure: what is wanted, how far it is, what was observed. A container that was started and is gone is not
 * made again behind the user's back: what ran in it is lost, and the instance says so.
 */
export function plan(notebook: Progress, container: ContainerView, admitted: boolean): Action {
  const { step, desired } = notebook;
  if (step === 'cleanup') return 'cleanup';
  if (step === 'stopped') return desired === 'delete' ? 'erase' : 'nothing';
  if (desired !== 'run') return needsContainer(step) && container === 'running' ? 'stop' : 'release';
  switch (step) {
    case 'created':
      return 'store';
    case 'stored':
      return 'submit';
    case 'queued':
      return admitted ? 'create' : 'await-admission';
    case 'creating':
      return 'create';
    case 'launching':
      if (container === 'created') return 'start';
      return container === 'running' ? 'await-ready' : 'lose';
    case 'running':
      return container === 'running' ? 'supervise' : 'lose';
  }
}

const FAULT_STATUS: Record<Fault, Status> = {
  create: 'CREATE_FAILED',
  start: 'START_FAILED',
  error: 'ERROR',
  delete: 'DELETE_FAILED',
};

/** The state on the wire, a projection of the progress. */
export function statusOf({ step, desired, fault, ran, snapshot }: Progress): Status {
  if (desired === 'delete') return fault === 'delete' ? 'DELETE_FAILED' : 'DELETING';
  // What a failed run still holds is given back behind the scenes; it can be started again at once.
  if (fault && (step === 'cleanup' || step === 'stopped') && desired === 'stop') return FAULT_STATUS[fault];
  if (step === 'stopped') return 'STOPPED';
  if (desired === 'stop') return 'STOPPING';
  if (step === 'running') return snapshot === null ? 'RUNNING' : 'SNAPSHOTTING';
  if (ran) return 'STARTING';
  return step === 'created' ? 'INIT' : 'CREATING';
}

const STARTABLE: readonly Status[] = ['STOPPED', 'CREATE_FAILED', 'START_FAILED', 'ERROR'];

/** Whether it can be started: it is stopped, whatever the reason. */
export function canStart(status: Status): boolean {
  return STARTABLE.includes(status);
}

/** Whether it can be asked to stop. One that waits in the queue can, since deleting it would cost its files. */
export function canStop(status: Status): boolean {
  return ['RUNNING', 'INIT', 'CREATING', 'STARTING'].includes(status);
}

/** Whether it can be deleted: any but one that is being saved. */
export function canDelete(status: Status): boolean {
  return status !== 'SNAPSHOTTING';
}

export type ProgressStatus = 'WAITING' | 'PROCESSING' | 'FAILED' | 'COMPLETED';

const STEPS = [
  'Preparing storage',
  'Allocating compute resources',
  'Configuring the network',
  'Initializing the instance',
] as const;

/** Which of the four documented parts a step belongs to, from 0; 4 when all are done. */
const PART: Record<Step, number> = {
  created: 0,
  stored: 1,
  queued: 1,
  creating: 2,
  launching: 3,
  running: 4,
  cleanup: 4,
  stopped: 4,
};

/**
 * `action_progress`: storage, compute, network, initialise (behaviour/notebooks.md 1). `failedAt`: the step at which the last run failed;
 * `waiting`: why the present part does not go on.
 */
export function progressOf(
  notebook: Pick<Progress, 'step' | 'fault'>,
  failedAt: Step | null,
  waiting?: string,
): { step: number; status: ProgressStatus; step_description: string }[] {
  const failed = notebook.fault !== null && notebook.fault !== 'delete' && failedAt !== null;
  const at = failed ? PART[failedAt] : PART[notebook.step];
  return STEPS.map((description, index) => ({
    step: index + 1,
    status: index < at ? 'COMPLETED' : index > at ? 'WAITING' : failed ? 'FAILED' : 'PROCESSING',
    step_description: index === at && !failed && waiting ? `${description}: ${waiting}` : description,
  }));
}

/** When an instance stops by itself. */
export interface StopRule {
  /** So long after its start, or so long after anybody last worked in it. */
  type: 'timing' | 'idle';
  /** Milliseconds. */
  duration: number;
  /** Start of the present or last run, from which `timing` counts. */
  createdAt: number;
  updatedAt: number;
}

/** When the rule ends the instance, in milliseconds since the epoch. `activeAt`: when somebody last worked in it. */
export function stopsAt(rule: StopRule, activeAt: number): number {
  return (rule.type === 'timing' ? rule.createdAt : Math.max(activeAt, rule.createdAt)) + rule.duration;
}

/** Milliseconds before its end that an instance warns: five minutes, of short times a tenth. */
export function warningBefore(rule: StopRule): number {
  return Math.min(5 * 60_000, rule.duration / 10);
}
