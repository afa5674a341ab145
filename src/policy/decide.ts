import type { Candidates, CompiledPolicies, CompiledStatement } from './compile.ts';
import type { Context } from './context.ts';
import type { Condition } from './operators.ts';
import { type Target, targetOf } from './resource.ts';

/** One request to decide. */
export interface PolicyRequest {
  /** `service:resourceType:action`. */
  action: string;
  /** `service:region:account:type:path`, or a URI such as `/iam/agencies/{id}`; absent for all of the type. */
  resource?: string;
  context?: Context;
}

export interface DecideOptions {
  /** `deny` is strict authorization mode (the default), `allow` loose mode (behaviour/permissions.md 3). */
  whenNoMatch?: 'deny' | 'allow';
}

/** The statement that decided. */
export interface Match {
  /** Name of the policy. */
  readonly policy: string;
  readonly policyId?: string;
  /** Index of the statement in the policy, from 0. */
  readonly statement: number;
  /** Its conditions, all of which held. */
  readonly conditions: readonly Condition[];
}

/** The answer to a request. */
export interface Verdict {
  readonly verdict: 'allow' | 'deny';
  readonly reason: 'explicit-deny' | 'allow' | 'no-match';
  /** Present unless nothing matched. */
  readonly matched?: Match;
  /** The grant that would be needed; present when nothing matched and the verdict is deny. */
  readonly missing?: { readonly action: string; readonly resource?: string };
}

const LOOSE: Verdict = Object.freeze({ verdict: 'allow', reason: 'no-match' });
const NO_CONTEXT: Context = Object.freeze({});

// Each statement always gives the same answer, so it is built once.
const answers = new WeakMap<CompiledStatement, Verdict>();

function answerOf(statement: CompiledStatement): Verdict {
  const known = answers.get(statement);
  if (known) return known;
  const { policy, policyId, index, source } = statement;
  const matched: Match = Object.freeze({
    policy,
    ...(policyId === undefined ? {} : { policyId }),
    statement: index,
    conditions: source.conditions,
  });
  const denied = source.effect === 'Deny';
  const answer: Verdict = Object.freeze({
    verdict: denied ? 'deny' : 'allow',
    reason: denied ? 'explicit-deny' : 'allow',
    matched,
  });
  answers.set(statement, answer);
  return answer;
}

function firstApplying(
  statements: readonly CompiledStatement[],
  candidates: Candidates,
  request: PolicyRequest,
): CompiledStatement | undefined {
  const context = request.context ?? NO_CONTEXT;
  let target: Target | undefined;
  for (const statement of statements) {
    if (statement.unconditional) return statement;
    target ??= request.resource === undefined ? candidates.everything : targetOf(request.resource, candidates.action);
    if (statement.coversResource(target, context) && statement.failingCondition(context) < 0) return statement;
  }
  return undefined;
}

/**
 * Decides a request (behaviour/permissions.md 3, steps 3 to 5): any matching Deny denies, else any matching Allow
 * allows, else the mode decides. A text that is not an action is denied in either mode. Never throws.
 */
export function decide(policies: CompiledPolicies, request: PolicyRequest, options: DecideOptions = {}): Verdict {
  const candidates = policies.candidates(request.action);
  if (candidates) {
    const denying = firstApplying(candidates.denies, candidates, request);
    if (denying) return answerOf(denying);
    const allowing = firstApplying(candidates.allows, candidates, request);
    if (allowing) return answerOf(allowing);
    if (options.whenNoMatch === 'allow') return LOOSE;
  }
  const { action, resource } = request;
  return {
    verdict: 'deny',
    reason: 'no-match',
    missing: resource === undefined ? { action } : { action, resource },
  };
}
