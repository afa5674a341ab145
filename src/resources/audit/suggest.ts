import { customPolicyLimits, parsePolicy } from '../../policy/index.ts';

/** One permission that was used. */
export interface Use {
  action: string;
  /** As in a policy's Resource; absent for all of the type. */
  resource?: string;
  /** Condition keys that the request gave a value. */
  conditions: Readonly<Record<string, string>>;
}

export interface SuggestedStatement {
  Effect: 'Allow';
  Action: string[];
  Resource?: string[];
  Condition?: { StringEquals: Record<string, string[]> };
}

export interface SuggestedPolicy {
  Version: '1.1';
  Statement: SuggestedStatement[];
}

/**
 * The least policies that allow what was used: every action by name, resources where they were single ones, and a condition where
 * every use of an action had a value of it. Several, where one would be larger than a custom policy may be.
 */
export function suggestPolicies(uses: readonly Use[]): SuggestedPolicy[] {
  return packed(statementsOf(uses));
}

function statementsOf(uses: readonly Use[]): SuggestedStatement[] {
  const byAction = new Map<
    string,
    { resources: Set<string> | 'all'; conditions: Map<string, Set<string>>; count: number }
  >();
  for (const use of uses) {
    const known = byAction.get(use.action) ?? { resources: new Set<string>(), conditions: new Map(), count: 0 };
    if (use.resource === undefined) known.resources = 'all';
    else if (known.resources !== 'all') known.resources.add(use.resource);
    known.count += 1;
    for (const [key, value] of Object.entries(use.conditions)) {
      known.conditions.set(key, (known.conditions.get(key) ?? new Set()).add(value));
    }
    byAction.set(use.action, known);
  }
  // Actions of one service with the same resources and conditions share a statement.
  const groups = new Map<string, SuggestedStatement>();
  for (const [action, { resources, conditions, count }] of [...byAction].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const resource = resources === 'all' ? undefined : [...resources].sort();
    // A key that some uses lacked cannot be asked for.
    const held = [...conditions].filter(
      ([key]) => uses.filter(use => use.action === action && key in use.conditions).length === count,
    );
    const condition = Object.fromEntries(held.map(([key, values]) => [key, [...values].sort()] as const).sort());
    const key = JSON.stringify([action.split(':')[0], resource ?? null, condition]);
    const statement = groups.get(key) ?? {
      Effect: 'Allow' as const,
      Action: [],
      ...(resource ? { Resource: resource } : {}),
      ...(held.length > 0 ? { Condition: { StringEquals: condition } } : {}),
    };
    statement.Action.push(action);
    groups.set(key, statement);
  }
  return [...groups.values()];
}

/** Fills policies one after the other; a statement that is too large for one by itself is cut in two. */
function packed(statements: readonly SuggestedStatement[]): SuggestedPolicy[] {
  const policies: SuggestedPolicy[] = [];
  const open = [...statements];
  while (open.length > 0) {
    const statement = open.shift()!;
    const last = policies.at(-1);
    const grown = last && { ...last, Statement: [...last.Statement, statement] };
    if (grown && fits(grown)) policies[policies.length - 1] = grown;
    else if (fits({ Version: '1.1', Statement: [statement] }))
      policies.push({ Version: '1.1', Statement: [statement] });
    else open.unshift(...halves(statement));
  }
  return policies;
}

function halves(statement: SuggestedStatement): SuggestedStatement[] {
  const { Resource: resources = [], Action: actions } = statement;
  const cut = <T>(list: T[]): [T[], T[]] => [list.slice(0, list.length >> 1), list.slice(list.length >> 1)];
  if (resources.length > 1) return cut(resources).map(Resource => ({ ...statement, Resource }));
  return cut(actions).map(Action => ({ ...statement, Action }));
}

function fits(policy: SuggestedPolicy): boolean {
  if (policy.Statement.length > customPolicyLimits.statements) return false;
  if (JSON.stringify(policy).length > customPolicyLimits.characters) return false;
  parsePolicy(policy);
  return true;
}
