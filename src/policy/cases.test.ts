import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type ActionTable, actionsOf } from './action-table.ts';
import { compilePolicies } from './compile.ts';
import { decide } from './decide.ts';
import { explain } from './explain.ts';
import { operatorNames } from './operators.ts';
import { parsePolicy } from './policy.ts';
import { commonUserPolicies, findSystemPolicy, systemPolicies } from './system-policies.ts';

interface Case {
  name: string;
  policies: string[];
  mode?: 'strict' | 'loose';
  action: string;
  resource?: string;
  context?: Record<string, unknown>;
  verdict: 'allow' | 'deny';
  /** `policy/statement` that must be named. */
  by?: string;
  /** Text the explanation must contain. */
  explains?: string;
}

/** One line of a table of conditions: whether `if` holds for the context `request`. */
interface ConditionCase {
  if: Record<string, Record<string, unknown>>;
  request: Record<string, unknown>;
  holds: boolean;
}

/** What system-defined policies, or the preset Common User, together allow; actions by service and resource type. */
interface FunctionCase {
  function: string;
  granted: string[];
  actions: ActionTable;
}

interface Suite {
  about: string;
  system?: Record<string, { allows: ActionTable; refuses: ActionTable }>;
  functions?: FunctionCase[];
  conditions?: ConditionCase[];
  policies?: Record<string, unknown>;
  cases?: Case[];
}

const folder = join(import.meta.dirname, 'cases');

const suites = readdirSync(folder)
  .sort()
  .map(file => ({ file, suite: parse(readFileSync(join(folder, file), 'utf8')) as Suite }));

/** The actions of the table that the system-defined policies allow. */
function allowedOf(names: readonly string[], actions: readonly string[]): string[] {
  const all = names.flatMap(name => (name === 'Common User' ? commonUserPolicies : [name]));
  const compiled = compilePolicies(
    all.map(name => {
      const found = findSystemPolicy(name);
      assert.ok(found, `there is no system-defined policy ${name}`);
      return { name, policy: parsePolicy(found.document, { kind: 'system' }).policy };
    }),
  );
  return actions.filter(action => decide(compiled, { action }).verdict === 'allow');
}

for (const { file, suite } of suites) {
  describe(`${file}: ${suite.about}`, () => {
    for (const [name, { allows, refuses }] of Object.entries(suite.system ?? {})) {
      it(name, () => {
        assert.deepEqual(allowedOf([name], actionsOf(allows)), actionsOf(allows));
        assert.deepEqual(allowedOf([name], actionsOf(refuses)), []);
      });
    }
    for (const { function: what, granted, actions } of suite.functions ?? []) {
      it(what, () => assert.deepEqual(allowedOf(granted, actionsOf(actions)), actionsOf(actions)));
    }
    for (const { if: condition, request, holds } of suite.conditions ?? []) {
      it(`${JSON.stringify(condition)} ${holds ? 'holds' : 'does not hold'} for ${JSON.stringify(request)}`, () => {
        const statement = { Effect: 'Allow', Action: 's:t:a', Condition: condition };
        const { policy } = parsePolicy(JSON.stringify({ Version: '1.1', Statement: [statement] }));
        const compiled = compilePolicies([{ name: 'p', policy }]);
        const { verdict, text } = explain(compiled, { action: 's:t:a', context: request });
        assert.equal(verdict.verdict, holds ? 'allow' : 'deny', text);
      });
    }
    for (const one of suite.cases ?? []) {
      it(one.name, () => {
        const named = one.policies.map(name => {
          const document = suite.policies?.[name];
          assert.ok(document, `the file defines no policy ${name}`);
          return { name, policy: parsePolicy(JSON.stringify(document)).policy };
        });
        const request = { action: one.action, resource: one.resource, context: one.context };
        const options = { whenNoMatch: one.mode === 'loose' ? 'allow' : 'deny' } as const;
        const { verdict, text } = explain(compilePolicies(named), request, options);
        assert.equal(verdict.verdict, one.verdict, text);
        if (one.by) assert.equal(`${verdict.matched?.policy}/${verdict.matched?.statement}`, one.by);
        if (one.explains) assert.ok(text.includes(one.explains), text);
      });
    }
  });
}

it('the tables of conditions show every operator both holding and not', () => {
  const rows = suites.flatMap(({ suite }) => suite.conditions ?? []);
  for (const name of operatorNames) {
    for (const wanted of [true, false]) {
      const shown = rows.some(row => row.holds === wanted && Object.keys(row.if).includes(name));
      assert.ok(shown, `${name} ${wanted ? 'holding' : 'not holding'}`);
    }
  }
});

it('the table of system-defined policies has every one', () => {
  const shown = suites.flatMap(({ suite }) => Object.keys(suite.system ?? {}));
  assert.deepEqual(shown.sort(), systemPolicies.map(each => each.displayName).sort());
});
