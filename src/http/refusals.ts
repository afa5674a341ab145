import { Failure } from '../kernel/failure.ts';
import type { Refusal } from '../wire/refusal.ts';
import { type Route, route } from './api.ts';

/** Answers what is refused with the reason, to whoever might have used it. */
export function refusalRoutes(refusals: readonly Refusal[]): Route[] {
  return refusals.map(({ operation, code, status, message, solution }) =>
    route(operation, async () => {
      throw new Failure({ code, status, message, solution });
    }),
  );
}
