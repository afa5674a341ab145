import { isFailure } from '../../kernel/failure.ts';
import { byStep } from '../../loop/by-step.ts';
import type { Next, PassContext } from '../../loop/reconciler.ts';
import { EngineRefused, EngineUnavailable } from '../../runtime/driver.ts';
import { ACTS } from './job.actions.ts';
import { type Pass, type PassParts, passOf } from './job.pass.ts';
import { workloadId } from './job.service.ts';
import { StepFailed } from './job.staging.ts';
import { type Action, needsContainers, needsQueue, plan, taskName } from './job.ts';

const ENGINE_RETRY_MS = 1_000;

/** Actions whose definite failure ends the job; all others are repeated until they succeed. */
const DECISIVE: readonly Action[] = ['stage', 'create', 'start', 'adopt'];

/** The pass over one training job: observe, plan, take the step, save; again until there is something to wait for. */
export function jobPass(parts: PassParts): (id: string, context: PassContext) => Promise<Next> {
  const { deps, store } = parts;
  /** Jobs whose engine did not answer when last asked, so that it is told once. */
  const unknown = new Set<string>();

  async function waitForEngine(id: string): Promise<Next> {
    if (!unknown.has(id)) {
      unknown.add(id);
      await store.event(id, {
        time: deps.clock.now(),
        level: 'Warning',
        source: 'Task',
        message: `[${taskName(0)}] The container engine does not answer, so the state of the job is not known until it does. A running program is not affected.`,
      });
    }
    return { afterMs: ENGINE_RETRY_MS };
  }

  async function step(pass: Pass): Promise<Next | undefined> {
    const { job } = pass;
    const observed = needsContainers(job.step)
      ? await Promise.all(pass.tasks.map(task => deps.driver.inspect(task.container)))
      : [];
    if (observed.length > 0 && unknown.delete(job.id)) {
      await pass.tellTask(pass.tasks[0]!, 'Info', 'The container engine answers again.');
    }
    const queue = needsQueue(job.step) ? await deps.admission.status(workloadId(job.id)) : undefined;
    const view = { admitted: queue?.state === 'admitted', preempted: queue?.preempted !== undefined };
    const action = plan(job, observed, view);
    try {
      return await ACTS[action](pass, observed);
    } catch (error) {
      const reason = definiteReason(error);
      if (reason === undefined || pass.signal.aborted || !DECISIVE.includes(action)) throw error;
      await pass.tellTask(pass.tasks[0]!, 'Error', reason, 'failed');
      await pass.note(pass.tasks[0]!, reason, 'failed');
      await pass.conclude('Failed', reason);
      return undefined;
    }
  }

  return byStep(
    id => store.find(id),
    (job, context) =>
      step(passOf(parts, job, context)).catch(error => {
        if (error instanceof EngineUnavailable && !context.signal.aborted) return waitForEngine(job.id);
        throw error;
      }),
  );
}

/** The text of an error that no repetition will mend, or undefined. */
function definiteReason(error: unknown): string | undefined {
  if (error instanceof StepFailed || error instanceof EngineRefused) return error.message;
  return isFailure(error) && error.status < 500 ? error.message : undefined;
}
