import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { compilePolicies } from './compile.ts';
import { explain } from './explain.ts';
import { parsePolicy } from './policy.ts';

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

const folder = join(import.meta.dirname, 'cases');

for (const file of readdirSync(folder).sort()) {
  const suite = parse(readFileSync(join(folder, file), 'utf8')) as {
    about: string;
    policies: Record<string, unknown>;
    cases: Case[];
  };
  describe(`${file}: ${suite.about}`, () => {
    for (const one of suite.cases) {
      it(one.name, () => {
        const named = one.policies.map(name => {
          assert.ok(suite.policies[name], `the file defines no policy ${name}`);
          return { name, policy: parsePolicy(JSON.stringify(suite.policies[name])).policy };
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
