import type { PassContext } from '../../loop/reconciler.ts';
import type { AgencySessions } from '../workload-access/index.ts';
import { containerName } from './job.container.ts';
import { JobLog } from './job.log-file.ts';
import type { Job, JobEvent } from './job.model.ts';
import { type HostPaths, hostPaths } from './job.paths.ts';
import type { TrainingDeps, TrainingSettings } from './job.ports.ts';
import type { JobPatch, JobStore } from './job.store.ts';
import type { Result } from './job.ts';

/** What all passes share. */
export interface PassParts {
  deps: TrainingDeps;
  settings: TrainingSettings;
  store: JobStore;
  sessions: AgencySessions;
}

/** One job as a step of a pass sees it, with what the step may do. */
export interface Pass extends PassParts {
  job: Job;
  host: HostPaths;
  signal: AbortSignal;
  /** Name of its container. */
  container: string;
  /** Adds an event; one with a mark only once per job. */
  tell(level: JobEvent['level'], source: JobEvent['source'], message: string, mark?: string): Promise<void>;
  /** Adds a line of the platform to the job's log; one with a mark only once. */
  note(text: string, mark?: string): Promise<void>;
  /** Moves the job on from the step at which it was read. Throws Moved when it is no longer there. */
  advance(patch: JobPatch): Promise<void>;
  /** Gives the job its end; what it holds is released by the next step. */
  conclude(result: Result, message: string): Promise<void>;
}

/** Somebody else moved the job meanwhile: look again. */
export class Moved extends Error {}

const ENDINGS: Record<Result, { level: JobEvent['level']; text: string }> = {
  Completed: { level: 'Info', text: 'Training job completed.' },
  Failed: { level: 'Error', text: 'Training job failed.' },
  Terminated: { level: 'Warning', text: 'Training job terminated.' },
  Abnormal: { level: 'Error', text: 'Training job is abnormal.' },
};

/** A job, as read just now, with what one step needs. */
export function passOf(parts: PassParts, job: Job, context: PassContext): Pass {
  const { deps, settings, store } = parts;
  const host = hostPaths(deps.dir, job.id);
  const pass: Pass = {
    ...parts,
    job,
    host,
    signal: context.signal,
    container: containerName(deps.installation, job.id),
    tell: (level, source, message, mark) =>
      store.event(job.id, { time: deps.clock.now(), level, source, message }, mark),
    async note(text, mark) {
      const log = await JobLog.open(host.log, settings.logCapBytes);
      log.platform(text, mark);
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
