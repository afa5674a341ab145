import { Moved } from '../../loop/by-step.ts';
import type { PassContext } from '../../loop/reconciler.ts';
import type { AgencySessions } from '../workload-access/index.ts';
import type { ActivityLog } from './activity.ts';
import { containerName } from './notebook.container.ts';
import type { Notebook, NotebookEvent } from './notebook.model.ts';
import { hostPaths, type NotebookPaths } from './notebook.paths.ts';
import type { NotebookSettings, NotebooksDeps, Probe } from './notebook.ports.ts';
import type { NotebookPatch, NotebookStore } from './notebook.store.ts';
import type { Fault } from './notebook.ts';
import type { SshProbe } from './ssh.probe.ts';
import type { WebSecrets } from './web/web-secrets.ts';

/** What all passes share. */
export interface PassParts {
  deps: NotebooksDeps;
  settings: NotebookSettings;
  store: NotebookStore;
  sessions: AgencySessions;
  secrets: WebSecrets;
  activity: ActivityLog;
  probe: Probe;
  probeSsh: SshProbe;
}

/** One instance as a step of a pass sees it, with what the step may do. */
export interface Pass extends PassParts {
  notebook: Notebook;
  host: NotebookPaths;
  signal: AbortSignal;
  /** Name of its container. */
  container: string;
  /** Adds an event; one with a mark only once per run. */
  tell(level: NotebookEvent['level'], message: string, mark?: string): Promise<void>;
  /** Moves the instance on from the step at which it was read. Throws Moved when it is no longer there. */
  advance(patch: NotebookPatch): Promise<void>;
  /** Ends the run as a failure; what it holds is released by the next step. */
  fail(fault: Fault, reason: string): Promise<void>;
}

/** An instance, as read just now, with what one step needs. */
export function passOf(parts: PassParts, notebook: Notebook, context: PassContext): Pass {
  const { deps, store } = parts;
  const pass: Pass = {
    ...parts,
    notebook,
    host: hostPaths(deps.dir, notebook.id),
    signal: context.signal,
    container: containerName(deps.installation, notebook.id),
    tell: (level, message, mark) =>
      store.event(
        notebook.id,
        { time: deps.clock.now(), level, message },
        mark === undefined ? undefined : `${notebook.run} ${mark}`,
      ),
    async advance(patch) {
      if (!(await store.advance(notebook.id, notebook.step, notebook.run, patch))) throw new Moved();
    },
    async fail(fault, reason) {
      await pass.tell('Error', reason, 'failed');
      await pass.advance({ step: 'cleanup', failure: { fault, reason } });
    },
  };
  return pass;
}
