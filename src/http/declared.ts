import { Failure } from '../kernel/failure.ts';
import type { Operation } from '../wire/operation.ts';
import { type Route, route } from './api.ts';

/** Routes of operations whose doing is still to come: who may call them is decided as ever, then they say so. */
export function declaredRoutes(operations: readonly Operation[], what: string): Route[] {
  return operations.map(op =>
    route(op, async () => {
      throw new Failure({
        code: 'ModelArts.2858',
        status: 501,
        message: `UnsupportedOperation: this version has no ${what} yet, so ${op.id} does nothing.`,
        solution: 'The table "What is there and what is not" in the README tells what this version has.',
      });
    }),
  );
}
