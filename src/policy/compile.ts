import { type ParsedAction, parseAction } from './action.ts';
import { Candidates } from './candidates.ts';
import type { Policy, Statement } from './policy.ts';
import { type Target, targetOf } from './resource.ts';
import { type CompiledStatement, compileStatement } from './statement.ts';

/** A policy with the name by which people know it. */
export interface NamedPolicy {
  name: string;
  id?: string;
  policy: Policy;
}

/** The statements that can bear on one action. */
export interface ActionCandidates {
  readonly action: ParsedAction;
  /** What a request without a resource is about. */
  readonly everything: Target;
  /** True when any of the statements asks for certain resources. */
  readonly namesResources: boolean;
  readonly denies: Candidates;
  readonly allows: Candidates;
}

/** Policies ready to decide with; immutable but for the memory of actions already seen. */
export interface CompiledPolicies {
  readonly statements: readonly CompiledStatement[];
  /** Statements for an action; undefined when the text is not an action. */
  candidates(action: string): ActionCandidates | undefined;
}

// Callers of the dry-run evaluator name any action they like, so the memory must not grow without end. An action costs
// one for each statement that covers it, and ACTION: 2,000 actions fit, or 181 that a thousand statements cover.
const MEMORY = 200_000;
const ACTION = 100;

/** Statements after an unconditional one are never reached. */
function reachable(statements: readonly CompiledStatement[]): readonly CompiledStatement[] {
  const last = statements.findIndex(statement => statement.everywhere && statement.source.conditions.length === 0);
  return last < 0 ? statements : statements.slice(0, last + 1);
}

function candidatesFor(action: ParsedAction, covering: readonly CompiledStatement[]): ActionCandidates {
  const of = (effect: Statement['effect']) =>
    new Candidates(reachable(covering.filter(statement => statement.source.effect === effect)));
  return {
    action,
    everything: targetOf(undefined, action),
    namesResources: covering.some(statement => !statement.everywhere),
    denies: of('Deny'),
    allows: of('Allow'),
  };
}

/** Compiles policies once, to decide many requests; the order of policies decides only which one is named. */
export function compilePolicies(policies: readonly NamedPolicy[]): CompiledPolicies {
  const statements = policies
    .flatMap(named => named.policy.statements.map((source, index) => ({ named, source, index })))
    .map(({ named, source, index }, order) => compileStatement(named, source, index, order));
  const memory = new Map<string, ActionCandidates>();
  let remembered = 0;
  return {
    statements,
    candidates(text) {
      const known = memory.get(text);
      if (known) return known;
      const action = parseAction(text);
      if (!action) return undefined;
      const covering = statements.filter(statement => statement.coversAction(action));
      const cost = covering.length + ACTION;
      if (remembered + cost > MEMORY) {
        memory.clear();
        remembered = 0;
      }
      remembered += cost;
      const candidates = candidatesFor(action, covering);
      memory.set(text, candidates);
      return candidates;
    },
  };
}
