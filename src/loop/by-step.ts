import type { Next, PassContext } from './reconciler.ts';

/** Somebody else moved the thing meanwhile: it is looked at again. */
export class Moved extends Error {}

/**
 * A pass that goes on by steps, each on what is on disk then: read the thing, take a step, again until there is something to wait for.
 * `step` returns when to look again, or nothing to go on at once; it throws Moved when what it was given is no longer so.
 */
export function byStep<T>(
  find: (id: string) => Promise<T | undefined>,
  step: (thing: T, context: PassContext) => Promise<Next | undefined>,
): (id: string, context: PassContext) => Promise<Next> {
  return async (id, context) => {
    try {
      for (;;) {
        const thing = await find(id);
        if (!thing) return 'settled';
        const next = await step(thing, context);
        if (next) return next;
        if (context.signal.aborted) return { afterMs: 0 };
      }
    } catch (error) {
      if (error instanceof Moved || context.signal.aborted) return { afterMs: 0 };
      throw error;
    }
  };
}
