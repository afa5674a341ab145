export type { AccessRequest, Authorizer, Decision } from './authorizer.ts';
export { catalogueActions } from './catalogue.ts';
export { type CompiledPolicies, compilePolicies, type NamedPolicy } from './compile.ts';
export { conditionKeys } from './condition-keys.ts';
export type { Context, ContextValue } from './context.ts';
export { type DecideOptions, decide, type PolicyRequest } from './decide.ts';
export { type Explanation, explain, type NearMiss } from './explain.ts';
export { type KnownActions, knownActions } from './known-actions.ts';
export { lintPolicy, type PolicyLint } from './lint.ts';
export { type Condition, operatorNames } from './operators.ts';
export {
  customPolicyLimits,
  type ParseOptions,
  type Policy,
  type PolicyLimits,
  type PolicyWarning,
  parsePolicy,
  type Statement,
} from './policy.ts';
export { PolicyError } from './policy-error.ts';
export {
  commonUserPolicies,
  findSystemPolicy,
  type SystemPolicy,
  systemPolicies,
  systemPolicyId,
} from './system-policies.ts';
export type { Match, Verdict } from './verdict.ts';
