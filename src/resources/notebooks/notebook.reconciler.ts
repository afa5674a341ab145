import { isFailure } from '../../kernel/failure.ts';
import { byStep } from '../../loop/by-step.ts';
import type { Next, PassContext } from '../../loop/reconciler.ts';
import { EngineRefused, EngineUnavailable } from '../../runtime/driver.ts';
import { ACTS, faultOf } from './notebook.actions.ts';
import { workloadId } from './notebook.container.ts';
import { type Pass, type PassParts, passOf } from './notebook.pass.ts';
import { type Action, needsContainer, plan } from './notebook.ts';

const ENGINE_RETRY_MS = 1_000;

/** Actions whose definite failure ends the run; all others are repeated until they succeed. */
const DECISIVE: readonly Action[] = ['store', 'create', 'start', 'await-ready'];

/** The pass over one instance: observe, plan, take the step, save; again until there is something to wait for. */
export function notebookPass(parts: PassParts): (id: string, context: PassContext) => Promise<Next> {
  const { deps, store } = parts;
  /** Instances whose engine did not answer when last asked, so that it is told once. */
  const unknown = new Set<string>();

  async function waitForEngine(id: string): Promise<Next> {
    if (!unknown.has(id)) {
      unknown.add(id);
      await store.event(id, {
        time: deps.clock.now(),
        level: 'Warning',
        message:
          'The container engine does not answer, so the state of the instance is not known until it does. What runs in it is not affected.',
      });
    }
    return { afterMs: ENGINE_RETRY_MS };
  }

  async function step(pass: Pass): Promise<Next | undefined> {
    const { notebook } = pass;
    const observed = needsContainer(notebook.step) ? await deps.driver.inspect(pass.container) : undefined;
    if (observed && unknown.delete(notebook.id)) await pass.tell('Info', 'The container engine answers again.');
    const queue = notebook.step === 'queued' ? await deps.admission.status(workloadId(notebook.id)) : undefined;
    const action = plan(notebook, observed?.state ?? 'absent', queue?.state === 'admitted');
    try {
      return await ACTS[action](pass, observed);
    } catch (error) {
      const reason = definiteReason(error);
      if (reason === undefined || pass.signal.aborted || !DECISIVE.includes(action)) throw error;
      await pass.fail(faultOf(pass), reason);
      return undefined;
    }
  }

  return byStep(
    id => store.find(id),
    (notebook, context) =>
      step(passOf(parts, notebook, context)).catch(error => {
        if (error instanceof EngineUnavailable && !context.signal.aborted) return waitForEngine(notebook.id);
        throw error;
      }),
  );
}

/** The text of an error that no repetition will mend, or undefined. */
function definiteReason(error: unknown): string | undefined {
  if (error instanceof EngineRefused) return error.message;
  return isFailure(error) && error.status < 500 ? error.message : undefined;
}
