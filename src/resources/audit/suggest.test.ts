import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicies, decide, parsePolicy } from '../../policy/index.ts';
import { suggestPolicies, type Use } from './suggest.ts';

const actions = [
  'modelarts:trainJob:create',
  'modelarts:notebook:create',
  'iam:users:listUsers',
  'obs:object:GetObject',
  'obs:object:PutObject',
];
const use: fc.Arbitrary<Use> = fc
  .record({
    action: fc.constantFrom(...actions),
    bucket: fc.integer({ min: 0, max: 400 }),
    pool: fc.constantFrom('public', 'dedicated', undefined),
  })
  .map(({ action, bucket, pool }) => ({
    action,
    ...(action.startsWith('obs:') ? { resource: `obs:*:*:object:a-bucket-with-a-rather-long-name-${bucket}/*` } : {}),
    conditions: (pool !== undefined && action.startsWith('modelarts:') ? { 'modelarts:poolType': pool } : {}) as Record<
      string,
      string
    >,
  }));

function allowed(policies: ReturnType<typeof suggestPolicies>, one: Use): boolean {
  const compiled = compilePolicies(
    policies.map((policy, i) => ({ name: `p${i}`, policy: parsePolicy(JSON.stringify(policy)).policy })),
  );
  const request = {
    action: one.action,
    context: one.conditions,
    ...(one.resource ? { resource: one.resource.replace(/\*$/, 'some/key') } : {}),
  };
  return decide(compiled, request).verdict === 'allow';
}

test('whatever was used is allowed, by policies that IAM accepts; what was not used is not', () => {
  fc.assert(
    fc.property(fc.array(use, { minLength: 1, maxLength: 300 }), uses => {
      const policies = suggestPolicies(uses);
      const compiled = policies.map(policy => parsePolicy(JSON.stringify(policy)));
      assert.equal(compiled.length, policies.length);
      for (const one of uses.slice(0, 20)) assert.ok(allowed(policies, one), JSON.stringify(one));
      for (const action of actions) {
        if (uses.some(one => one.action === action)) continue;
        const resource = action.startsWith('obs:') ? 'obs:*:*:object:a-bucket-with-a-rather-long-name-1/*' : undefined;
        assert.ok(!allowed(policies, { action, conditions: {}, ...(resource ? { resource } : {}) }), action);
      }
      const used = new Set(uses.map(one => one.resource));
      const other = { action: 'obs:object:GetObject', resource: 'obs:*:*:object:another-bucket/*', conditions: {} };
      assert.ok(!used.has(other.resource) && !allowed(policies, other));
    }),
    { numRuns: 60 },
  );
});

test('a condition stands only where every use had a value', () => {
  const of = (pools: (string | undefined)[]) =>
    suggestPolicies(
      pools.map(pool => ({
        action: 'modelarts:trainJob:create',
        conditions: (pool ? { 'modelarts:poolType': pool } : {}) as Record<string, string>,
      })),
    )[0]!.Statement[0]!.Condition;
  assert.deepEqual(of(['public', 'public']), { StringEquals: { 'modelarts:poolType': ['public'] } });
  assert.deepEqual(of(['public', 'dedicated']), { StringEquals: { 'modelarts:poolType': ['dedicated', 'public'] } });
  assert.equal(of(['public', undefined]), undefined);
});

test('nothing used, nothing suggested', () => assert.deepEqual(suggestPolicies([]), []));
