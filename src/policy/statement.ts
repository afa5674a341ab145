import { compileAction, type ParsedAction } from './action.ts';
import type { Context } from './context.ts';
import { compileCondition } from './operators.ts';
import type { Statement } from './policy.ts';
import { compileResource, type Target } from './resource.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** A statement ready to decide with. */
export interface CompiledStatement {
  /** Name of the policy it comes from. */
  readonly policy: string;
  /** Its index in that policy, from 0. */
  readonly index: number;
  /** Its place among all statements of all policies. */
  readonly order: number;
  readonly source: Statement;
  /** What it answers when it decides. */
  readonly verdict: Verdict;
  /** True when its Resource, or the lack of one, covers every resource. */
  readonly everywhere: boolean;
  coversAction(action: ParsedAction): boolean;
  coversResource(target: Target, context: Context): boolean;
  /** Index of the first condition that does not hold, -1 when all hold. */
  failingCondition(context: Context): number;
  /** Whether its resources cover the target and all its conditions hold. */
  applies(target: Target, context: Context): boolean;
}

/** Compiles the statement at `index` of a policy, which is the one at `order` of all. */
export function compileStatement(
  policy: { name: string; id?: string },
  source: Statement,
  index: number,
  order: number,
): CompiledStatement {
  const actions = source.actions.map(compileAction);
  const resources = (source.resources ?? []).map(compileResource);
  const everywhere = source.resources === undefined || source.resources.includes('*');
  const conditions = source.conditions.map(compileCondition);
  const coversResource = (target: Target, context: Context) =>
    everywhere || resources.some(fits => fits(target, context));
  const failingCondition = (context: Context) => conditions.findIndex(holds => !holds(context));
  return {
    policy: policy.name,
    index,
    order,
    source,
    verdict: verdictOf(policy, source, index),
    everywhere,
    coversAction: action => actions.some(fits => fits(action)),
    coversResource,
    failingCondition,
    applies: (target, context) => coversResource(target, context) && conditions.every(holds => holds(context)),
  };
}
