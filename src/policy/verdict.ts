import type { Condition } from './operators.ts';
import type { Statement } from './policy.ts';

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

/** The answer that a statement gives whenever it decides. */
export function verdictOf(
  policy: { name: string; id?: string | undefined },
  source: Statement,
  statement: number,
): Verdict {
  const { name, id } = policy;
  const matched = { policy: name, ...(id === undefined ? {} : { policyId: id }), statement };
  const denied = source.effect === 'Deny';
  return Object.freeze({
    verdict: denied ? 'deny' : 'allow',
    reason: denied ? 'explicit-deny' : 'allow',
    matched: Object.freeze({ ...matched, conditions: source.conditions }),
  });
}
