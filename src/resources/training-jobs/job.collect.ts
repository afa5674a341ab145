import { open } from 'node:fs/promises';
import type { Observation } from '../../runtime/driver.ts';
import { explainExit } from './job.exit.ts';
import { CHECK_COMPLAINT, CHECK_EXIT_CODE, culprit, leaving, type TaskEnd } from './job.fault.ts';
import { JobLog } from './job.log-file.ts';
import type { JobTask } from './job.model.ts';
import type { Pass, TaskPlace } from './job.pass.ts';
import { taskName } from './job.ts';

const TAIL_BYTES = 16 * 1024;

const LOST =
  'The container of the job is gone although nobody stopped the job: it was removed from outside, or the machine was restarted.';
const ADVICE = 'A job is not started twice by itself unless fault-tolerance/job-retry-num says so; create it anew.';

/** A task as its end is judged. */
export function endOf(task: JobTask | undefined): TaskEnd {
  return {
    exitCode: task?.exitCode ?? null,
    message: task?.exitMessage ?? '',
    lost: task?.lost ?? false,
    unfit: task?.unfit ?? false,
    exitedAt: task?.exitedAt ?? null,
  };
}

/**
 * Takes the end of one task: what the engine still holds of its output, its exit code and the cause in plain words. A task that is noted
 * already stays as it is.
 */
export async function collectTask(pass: Pass, task: TaskPlace, observed: Observation): Promise<JobTask> {
  const known = pass.job.tasks[task.index] ?? {};
  if ((known.exitCode !== undefined && known.exitCode !== null) || known.lost) return known;
  const now = pass.deps.clock.now();
  if (observed.state !== 'exited') {
    // One that never ran, as the others were ended before it could, is not lost.
    if (observed.state === 'created') return { ...known, exitedAt: now, exitMessage: 'It was never started.' };
    await pass.note(task, LOST, 'lost');
    return { ...known, lost: true, exitedAt: now, exitMessage: `${LOST} ${ADVICE}` };
  }
  const exitCode = observed.exitCode ?? -1;
  const { message, unfit } = await collectRest(pass, task, observed);
  await pass.tellTask(task, 'Info', `Training finished. Exit code ${exitCode}.`, 'finished');
  return {
    ...known,
    startedAt: known.startedAt ?? observed.startedAt ?? now,
    exitedAt: observed.finishedAt ?? now,
    exitCode,
    exitMessage: stoppedFor(pass, task, exitCode) ?? message,
    ...(unfit ? { unfit } : {}),
  };
}

/** Why a task that did not fail itself was ended, or undefined. */
function stoppedFor(pass: Pass, task: TaskPlace, exitCode: number): string | undefined {
  const { halt } = pass.job;
  if (!halt || exitCode === 0 || halt.task === task.index) return undefined;
  if (halt.kind === 'preempted')
    return `Exit code ${exitCode}: stopped, as the job gave up its place (${leaving(halt)}).`;
  if (halt.kind === 'hang') return `Exit code ${exitCode}: stopped, as the job seemed to hang.`;
  return halt.task === undefined ? undefined : `Exit code ${exitCode}: stopped, as ${taskName(halt.task)} failed.`;
}

async function collectRest(
  pass: Pass,
  task: TaskPlace,
  observed: Observation,
): Promise<{ message: string; unfit: boolean }> {
  const { job, deps, settings } = pass;
  const exitCode = observed.exitCode ?? -1;
  const log = await JobLog.open(task.host.log, settings.logCapBytes);
  try {
    if (!log.capped) {
      log.rewind();
      const since = log.since;
      for await (const line of deps.driver.logs(task.container, { follow: false, ...(since ? { since } : {}) })) {
        if (!log.output(line)) break;
        if (log.wantsFlush) await log.flush();
      }
    }
    await log.flush();
    const tail = await tailOf(task.host.log);
    const unfit = exitCode === CHECK_EXIT_CODE && tail.includes(CHECK_COMPLAINT);
    const message = unfit
      ? `The environment is not fit for the job: ${/Pre-check failed: *([^\n]*)/.exec(tail)?.[1] ?? 'see its log.'}`
      : explainExit({
          exitCode,
          oomKilled: observed.oomKilled ?? false,
          memoryBytes: job.spec.flavor.memoryBytes,
          flavorName: job.spec.flavor.id || job.spec.flavor.name,
          tail,
        });
    log.platform(`[${task.name}] Training finished. Exit code ${exitCode}.`, pass.mark('finished'));
    return { message: observed.error ? `${message} The engine says: ${observed.error}` : message, unfit };
  } finally {
    await log.close();
  }
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

/** The task that a job's end is told of: the one that failed, else the first. */
export function tellingTask(pass: Pass, tasks: readonly JobTask[]): JobTask | undefined {
  return tasks[culprit(tasks.map(endOf), pass.job.halt) ?? 0];
}
