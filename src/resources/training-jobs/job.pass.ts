import { Moved } from '../../loop/by-step.ts';
import type { PassContext } from '../../loop/reconciler.ts';
import type { AgencySessions } from '../workload-access/index.ts';
import { containerName } from './job.container.ts';
import { JobLog } from './job.log-file.ts';
import { type Job, type JobEvent, nodesOf } from './job.model.ts';
import { type HostPaths, hostPaths } from './job.paths.ts';
import type { TrainingDeps, TrainingSettings } from './job.ports.ts';
import type { JobPatch } from './job.rows.ts';
import type { JobStore } from './job.store.ts';
import { type Result, taskNames } from './job.ts';

/** What all passes share. */
export interface PassParts {
  deps: TrainingDeps;
  settings: TrainingSettings;
  store: JobStore;
  sessions: AgencySessions;
}

/** One task of the job as a step of a pass sees it. */
export interface TaskPlace {
  index: number;
  /** worker-0, worker-1 … */
  name: string;
  host: HostPaths;
  /** Name of its container. */
  container: string;
}

/** One job as a step of a pass sees it, with what the step may do. */
export interface Pass extends PassParts {
  job: Job;
  /** All its tasks, in order. */
  tasks: readonly TaskPlace[];
  signal: AbortSignal;
  /** Adds an event; one with a mark only once in an attempt. */
  tell(level: JobEvent['level'], source: JobEvent['source'], message: string, mark?: string): Promise<void>;
  /** The same, of one task. */
  tellTask(task: TaskPlace, level: JobEvent['level'], message: string, mark?: string): Promise<void>;
  /** Adds a line of the platform to a task's log; one with a mark only once in an attempt. */
  note(task: TaskPlace, text: string, mark?: string): Promise<void>;
  /** A mark of this attempt, for a log that is open. */
  mark(text: string): string;
  /** Moves the job on from the step at which it was read. Throws Moved when it is no longer there. */
  advance(patch: JobPatch): Promise<void>;
  /** Gives the job its end; what it holds is released by the next step. */
  conclude(result: Result, message: string): Promise<void>;
}

const ENDINGS: Record<Result, { level: JobEvent['level']; text: string }> = {
  Completed: { level: 'Info', text: 'Training job completed.' },
  Failed: { level: 'Error', text: 'Training job failed.' },
  Terminated: { level: 'Warning', text: 'Training job terminated.' },
  Abnormal: { level: 'Error', text: 'Training job is abnormal.' },
};

/** A job, as read just now, with what one step needs. */
export function passOf(parts: PassParts, job: Job, context: PassContext): Pass {
  const { deps, settings, store } = parts;
  const attempt = job.records.length;
  const marked = (mark: string) => (attempt === 0 ? mark : `${attempt}: ${mark}`);
  const tasks = taskNames(nodesOf(job.spec)).map((name, index) => ({
    index,
    name,
    host: hostPaths(deps.dir, job.id, index),
    container: containerName(deps.installation, job.id, index),
  }));
  const pass: Pass = {
    ...parts,
    job,
    tasks,
    signal: context.signal,
    mark: marked,
    tell: (level, source, message, mark) =>
      store.event(job.id, { time: deps.clock.now(), level, source, message }, mark && marked(mark)),
    tellTask: (task, level, message, mark) =>
      pass.tell(level, 'Task', `[${task.name}] ${message}`, mark && (task.index === 0 ? mark : `${task.name} ${mark}`)),
    async note(task, text, mark) {
      const log = await JobLog.open(task.host.log, settings.logCapBytes);
      log.platform(`[${task.name}] ${text}`, mark && marked(mark));
      await log.close();
    },
    async advance(patch) {
      if (!(await store.advance(job.id, job.step, patch))) throw new Moved();
    },
    async conclude(result, message) {
      const { level, text } = ENDINGS[result];
      await pass.tell(level, 'Job', `${text} ${message}`, 'ended');
      await pass.advance({ step: 'cleanup', result, message, endedAt: deps.clock.now() });
    },
  };
  return pass;
}
