import { customPolicyLimits, type PolicyLimits } from '../../policy/index.ts';

/** One thing that was done: an action, and what it was done to and in which kind of pool where that was said. */
export interface Used {
  action: string;
  /** As a policy names it. */
  resource?: string;
  poolType?: string;
}

export interface SuggestedStatement {
  Effect: 'Allow';
  Action: string[];
  Resource?: string[] | { uri: string[] };
  Condition?: { StringEquals: { 'modelarts:poolType': string[] } };
}

export interface SuggestedPolicy {
  Version: '1.1';
  Statement: SuggestedStatement[];
}

export interface SuggestOptions {
  /** Narrows an action to the kinds of pools it was used with, where every use named one. */
  withConditions?: boolean;
  limits?: PolicyLimits;
}

/** Services whose policies are granted for the whole account; those of a region have policies of their own (permissions.md 4). */
const GLOBAL = new Set(['iam', 'obs', 'eps', 'bss', 'tms']);

/** Actions that are allowed on the same resources under the same condition. */
interface Rule {
  actions: string[];
  /** None means all. */
  resources: string[];
  /** None means any. */
  poolTypes: string[];
}

/**
 * The least policies that allow all that was used: every action by its full name, on the very resources, and nothing merged that would
 * allow more. As few as the limits of custom policies allow; none for no use.
 */
export function suggestPolicies(uses: readonly Used[], options: SuggestOptions = {}): SuggestedPolicy[] {
  const limits = options.limits ?? customPolicyLimits;
  const byService = group(uses, use => use.action.slice(0, use.action.indexOf(':')));
  const [global, regional]: [SuggestedStatement[], SuggestedStatement[]] = [[], []];
  for (const [service, ofService] of [...byService].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const statements = GLOBAL.has(service) ? global : regional;
    for (const rule of rulesOf(ofService, options.withConditions === true)) {
      statements.push(...fitting(rule, limits.characters));
    }
  }
  return [global, regional].flatMap(statements => packed(statements, limits));
}

function rulesOf(uses: readonly Used[], withConditions: boolean): Rule[] {
  // What was used without naming a resource needs all of them, which covers those that were named.
  const anywhere = new Set(uses.filter(use => use.resource === undefined).map(use => use.action));
  const needed = uses.map(use => (anywhere.has(use.action) ? { ...use, resource: '' } : use));
  const rules = new Map<string, Rule>();
  for (const [, same] of group(needed, ({ action, resource }) => JSON.stringify([action, resource]))) {
    const { action, resource = '' } = same[0]!;
    const pools = same.map(use => use.poolType);
    const named = pools.filter(pool => pool !== undefined);
    const poolTypes = withConditions && named.length === pools.length ? [...new Set(named)].sort() : [];
    const kind = JSON.stringify([resource, poolTypes]);
    const rule = rules.get(kind) ?? { actions: [], resources: resource === '' ? [] : [resource], poolTypes };
    rule.actions.push(action);
    rules.set(kind, rule);
  }
  for (const rule of rules.values()) rule.actions.sort();
  // Resources with exactly the same actions share a statement; URIs are written in another form.
  const shared = group([...rules.values()], ({ actions, resources, poolTypes }) =>
    JSON.stringify([actions, resources.length > 0, resources[0]?.startsWith('/'), poolTypes]),
  );
  return [...shared.values()]
    .map(same => ({ ...same[0]!, resources: same.flatMap(rule => rule.resources).sort() }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** The statement of a rule, or several where one would not fit into a policy. */
function fitting(rule: Rule, characters: number): SuggestedStatement[] {
  const statement = statementOf(rule);
  const { actions, resources } = rule;
  if (sizeOf([statement]) <= characters || (actions.length === 1 && resources.length <= 1)) return [statement];
  return (
    actions.length > 1
      ? halves(actions).map(half => ({ ...rule, actions: half }))
      : halves(resources).map(half => ({ ...rule, resources: half }))
  ).flatMap(half => fitting(half, characters));
}

function statementOf({ actions, resources, poolTypes }: Rule): SuggestedStatement {
  const uri = resources[0]?.startsWith('/');
  return {
    Effect: 'Allow',
    Action: actions,
    ...(resources.length > 0 ? { Resource: uri ? { uri: resources } : resources } : {}),
    ...(poolTypes.length === 0 ? {} : { Condition: { StringEquals: { 'modelarts:poolType': poolTypes } } }),
  };
}

/** Statements in as few policies as they fit into, each into the first that has room. */
function packed(statements: readonly SuggestedStatement[], limits: PolicyLimits): SuggestedPolicy[] {
  const policies: SuggestedStatement[][] = [];
  for (const statement of statements) {
    const room = policies.find(
      policy => policy.length < limits.statements && sizeOf([...policy, statement]) <= limits.characters,
    );
    if (room) room.push(statement);
    else policies.push([statement]);
  }
  return policies.map(Statement => ({ Version: '1.1', Statement }));
}

function sizeOf(Statement: readonly SuggestedStatement[]): number {
  return JSON.stringify({ Version: '1.1', Statement }).length;
}

function halves<T>(list: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)];
}

function group<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    const found = groups.get(key);
    if (found) found.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
