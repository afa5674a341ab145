import { MAX_ACTION } from './action.ts';
import type { CompiledPolicies } from './compile.ts';
import { type Context, contextValues } from './context.ts';
import { type DecideOptions, decide, type PolicyRequest } from './decide.ts';
import type { Condition } from './operators.ts';
import { targetOf } from './resource.ts';
import type { CompiledStatement } from './statement.ts';
import type { Verdict } from './verdict.ts';

/** An Allow for the action that did not apply, and why. */
export interface NearMiss {
  policy: string;
  statement: number;
  /** The condition that did not hold; absent when the resource did not fit. */
  condition?: Condition;
}

/** A verdict with its reasons. */
export interface Explanation {
  verdict: Verdict;
  /** For people. */
  text: string;
  /** Allows that would have applied but for their resource or a condition; empty unless nothing matched. */
  nearMisses: NearMiss[];
}

/** So many near misses are told in words; a user may have thousands. */
const NAMED = 5;

function valuesText(values: readonly unknown[]): string {
  return values.map(value => JSON.stringify(value)).join(', ');
}

function conditionText(condition: Condition, context: Context): string {
  const found = contextValues(context, condition.key, condition.key.toLowerCase());
  const request = found.length === 0 ? 'the request does not carry it' : `the request has ${valuesText(found)}`;
  return `${condition.operator} ${condition.key} [${valuesText(condition.values)}]; ${request}`;
}

function place(found: { policy: string; statement: number }): string {
  return `policy ${JSON.stringify(found.policy)}, Statement[${found.statement}]`;
}

function nearMiss(statement: CompiledStatement, request: PolicyRequest, policies: CompiledPolicies): NearMiss {
  const context = request.context ?? {};
  const found = { policy: statement.policy, statement: statement.index };
  const action = policies.candidates(request.action)?.action;
  if (action && !statement.coversResource(targetOf(request.resource, action), context)) return found;
  const condition = statement.source.conditions[statement.failingCondition(context)];
  return condition ? { ...found, condition } : found;
}

function missText(miss: NearMiss, request: PolicyRequest): string {
  const why = miss.condition
    ? `its condition does not hold: ${conditionText(miss.condition, request.context ?? {})}`
    : `its Resource does not cover ${request.resource ?? 'all resources of the type'}`;
  return `${place(miss)} allows the action, but ${why}.`;
}

/**
 * Decides a request and says why: which policy, statement and condition, or which grant is missing and what came
 * close to it.
 */
export function explain(policies: CompiledPolicies, request: PolicyRequest, options: DecideOptions = {}): Explanation {
  const verdict = decide(policies, request, options);
  const what = request.resource === undefined ? request.action : `${request.action} on ${request.resource}`;
  const { matched } = verdict;
  if (matched) {
    const context = request.context ?? {};
    const held = matched.conditions.map(condition => conditionText(condition, context));
    const because = held.length === 0 ? '' : ` Its conditions hold: ${held.join('. ')}.`;
    const word = verdict.verdict === 'deny' ? 'denied' : 'allowed';
    const remedy = verdict.verdict === 'deny' ? ' A Deny outweighs every Allow.' : '';
    return { verdict, text: `${what} is ${word} by ${place(matched)}.${because}${remedy}`, nearMisses: [] };
  }
  const candidates = policies.candidates(request.action);
  if (!candidates) {
    const text = `${JSON.stringify(request.action.slice(0, MAX_ACTION))} is not an action; actions have the form service:resourceType:action.`;
    return { verdict, text, nearMisses: [] };
  }
  if (verdict.verdict === 'allow') {
    const text = `${what} is allowed because no policy speaks of it and the account is in loose authorization mode.`;
    return { verdict, text, nearMisses: [] };
  }
  const nearMisses = candidates.allows.all.map(statement => nearMiss(statement, request, policies));
  const lacking = `${what} is denied because no policy grants it. Missing: an Allow for ${request.action}.`;
  const named = nearMisses.slice(0, NAMED).map(miss => missText(miss, request));
  const more = nearMisses.length - named.length;
  if (more > 0)
    named.push(`${more} more allow the action, but for another Resource or under conditions that do not hold.`);
  return { verdict, text: [lacking, ...named].join(' '), nearMisses };
}
