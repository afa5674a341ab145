import { compileAction, type ParsedAction, parseAction } from './action.ts';
import type { Context } from './context.ts';
import { compileCondition } from './operators.ts';
import type { Policy, Statement } from './policy.ts';
import { compileResource, type ResourceTest, type Target, targetOf } from './resource.ts';

/** A policy with the name by which people know it. */
export interface NamedPolicy {
  name: string;
  id?: string;
  policy: Policy;
}

/** A statement ready to decide with. */
export interface CompiledStatement {
  /** Name of the policy it comes from. */
  readonly policy: string;
  readonly policyId?: string;
  /** Its index in that policy, from 0. */
  readonly index: number;
  readonly source: Statement;
  /** True when neither resource nor condition restrict it. */
  readonly unconditional: boolean;
  coversAction(action: ParsedAction): boolean;
  coversResource(target: Target, context: Context): boolean;
  /** Index of the first condition that does not hold, -1 when all hold. */
  failingCondition(context: Context): number;
}

/** The statements that can bear on one action, in the order of their policies. */
export interface Candidates {
  readonly action: ParsedAction;
  /** What a request without a resource is about. */
  readonly everything: Target;
  readonly denies: readonly CompiledStatement[];
  readonly allows: readonly CompiledStatement[];
}

/** Policies ready to decide with; immutable but for the memory of actions already seen. */
export interface CompiledPolicies {
  readonly statements: readonly CompiledStatement[];
  /** Statements for an action; undefined when the text is not an action. */
  candidates(action: string): Candidates | undefined;
}

// The dry-run evaluator lets callers name any action, so the memory must not grow without end.
const MEMORY = 2048;

function compileStatement(named: NamedPolicy, source: Statement, index: number): CompiledStatement {
  const actions = source.actions.map(compileAction);
  const resources: ResourceTest[] = (source.resources ?? []).map(compileResource);
  const everywhere = source.resources === undefined || source.resources.includes('*');
  const conditions = source.conditions.map(compileCondition);
  return {
    policy: named.name,
    ...(named.id === undefined ? {} : { policyId: named.id }),
    index,
    source,
    unconditional: everywhere && conditions.length === 0,
    coversAction: action => actions.some(fits => fits(action)),
    coversResource: (target, context) => everywhere || resources.some(fits => fits(target, context)),
    failingCondition: context => conditions.findIndex(holds => !holds(context)),
  };
}

/** Statements after an unconditional one are never reached. */
function reachable(statements: readonly CompiledStatement[]): readonly CompiledStatement[] {
  const last = statements.findIndex(statement => statement.unconditional);
  return last < 0 ? statements : statements.slice(0, last + 1);
}

/** Compiles policies once, to decide many requests; the order of policies decides only which one is named. */
export function compilePolicies(policies: readonly NamedPolicy[]): CompiledPolicies {
  const statements = policies.flatMap(named =>
    named.policy.statements.map((statement, index) => compileStatement(named, statement, index)),
  );
  const memory = new Map<string, Candidates>();
  return {
    statements,
    candidates(text) {
      const known = memory.get(text);
      if (known) return known;
      const action = parseAction(text);
      if (!action) return undefined;
      const covering = statements.filter(statement => statement.coversAction(action));
      const candidates: Candidates = {
        action,
        everything: targetOf(undefined, action),
        denies: reachable(covering.filter(statement => statement.source.effect === 'Deny')),
        allows: reachable(covering.filter(statement => statement.source.effect === 'Allow')),
      };
      if (memory.size >= MEMORY) memory.clear();
      memory.set(text, candidates);
      return candidates;
    },
  };
}
