import type { Principal } from '../kernel/principal.ts';
import type { Soon } from '../kernel/soon.ts';
import type { Condition } from './operators.ts';

/** What someone wants to do. `context` holds condition keys such as `modelarts:poolType` or `g:SourceIp`. */
export interface AccessRequest {
  /** `service:resourceType:action`, e.g. `modelarts:trainJob:create`. */
  action: string;
  /** `service:region:account:type:path`; absent when the action names no single resource. */
  resource?: string;
  context?: Record<string, unknown>;
  /** Enterprise project of the workspace it happens in; the default one, `0`, when absent. */
  enterpriseProjectId?: string;
  /** The answer need not be yes for the caller to go on: what is allowed here does not count as used. */
  probe?: boolean;
}

/** The answer, with the statement that gave it when one did. */
export interface Decision {
  allowed: boolean;
  /** For people: which policy and statement decided, or which grant is missing. */
  reason: string;
  /**
   * Of a refusal that no grant outside of IAM, such as a bucket's policy, overrules: a statement denies it, or it is beyond what the
   * credential was narrowed to.
   */
  final?: boolean;
  /** Name of the deciding policy. */
  policy?: string;
  /** Index of the deciding statement within that policy, from 0. */
  statement?: number;
  /** The conditions of the deciding statement, all of which held. */
  conditions?: readonly Pick<Condition, 'key' | 'operator' | 'values'>[];
}

/** Answers whether a principal may do something. What services and the HTTP layer depend on. */
export interface Authorizer {
  /** Decides one request; never throws for a refusal. Order of checks: behaviour/permissions.md 3. */
  decide(principal: Principal, request: AccessRequest): Soon<Decision>;
}
