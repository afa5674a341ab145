import type { CompiledPolicies } from './compile.ts';
import type { Context } from './context.ts';
import { targetOf } from './resource.ts';
import type { Verdict } from './verdict.ts';

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

const LOOSE: Verdict = Object.freeze({ verdict: 'allow', reason: 'no-match' });
const NO_CONTEXT: Context = Object.freeze({});

/**
 * Decides a request (behaviour/permissions.md 3, steps 3 to 5): any matching Deny denies, else any matching Allow
 * allows, else the mode decides. A text that is not an action is denied in either mode. Never throws.
 */
export function decide(policies: CompiledPolicies, request: PolicyRequest, options: DecideOptions = {}): Verdict {
  const { action, resource } = request;
  const candidates = policies.candidates(action);
  if (candidates) {
    const context = request.context ?? NO_CONTEXT;
    const anyResource = resource === undefined || !candidates.namesResources;
    const target = anyResource ? candidates.everything : targetOf(resource, candidates.action);
    const deciding = candidates.denies.first(target, context) ?? candidates.allows.first(target, context);
    if (deciding) return deciding.verdict;
    if (options.whenNoMatch === 'allow') return LOOSE;
  }
  return {
    verdict: 'deny',
    reason: 'no-match',
    missing: resource === undefined ? { action } : { action, resource },
  };
}
