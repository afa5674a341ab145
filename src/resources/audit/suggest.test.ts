import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicies, customPolicyLimits, decide, parsePolicy } from '../../policy/index.ts';
import { type SuggestOptions, suggestPolicies, type Used } from './suggest.ts';

const ACTIONS = [
  'modelarts:trainJob:create',
  'modelarts:trainJob:list',
  'modelarts:notebook:create',
  'modelarts:service:action',
  'iam:users:listUsers',
  'iam:agencies:assume',
  'obs:bucket:ListBucket',
  'obs:bucket:HeadBucket',
  'obs:object:GetObject',
  'obs:object:PutObject',
];
const POOLS = ['public', 'dedicated', undefined];

const bucket = fc.constantFrom('data', 'data-2', 'models', 'x'.repeat(63));
const use: fc.Arbitrary<Used> = fc
  .record({ action: fc.constantFrom(...ACTIONS), name: bucket, pool: fc.constantFrom(...POOLS) })
  .map(({ action, name, pool }) => {
    if (action.startsWith('obs:bucket:')) return { action, resource: `obs:*:*:bucket:${name}` };
    if (action.startsWith('obs:object:')) return { action, resource: `obs:*:*:object:${name}/*` };
    if (action === 'iam:agencies:assume') return { action, resource: `/iam/agencies/${name}` };
    return { action, ...(pool && action.startsWith('modelarts:') ? { poolType: pool } : {}) };
  });

/** One request of those that a use stands for. */
function requestOf({ action, resource, poolType }: Used) {
  return {
    action,
    ...(resource === undefined ? {} : { resource: resource.replace(/\/\*$/, '/some/key') }),
    context: poolType === undefined ? {} : { 'modelarts:poolType': poolType },
  };
}

function decider(uses: readonly Used[], options?: SuggestOptions) {
  const policies = suggestPolicies(uses, options).map((policy, at) => ({
    name: `suggested ${at}`,
    policy: parsePolicy(JSON.stringify(policy), options?.limits ? { limits: options.limits } : {}).policy,
  }));
  const compiled = compilePolicies(policies);
  return (asked: Used) => decide(compiled, requestOf(asked)).verdict;
}

const keyOf = ({ action, resource = '' }: Used) => `${action} ${resource}`;

test('what was used is allowed, and nothing else is', () => {
  fc.assert(
    fc.property(fc.array(use, { maxLength: 40 }), fc.array(use, { maxLength: 40 }), (uses, others) => {
      const verdict = decider(uses);
      const known = new Set(uses.map(keyOf));
      for (const each of uses) assert.equal(verdict(each), 'allow', JSON.stringify(each));
      for (const each of others) {
        if (!known.has(keyOf(each))) assert.equal(verdict(each), 'deny', JSON.stringify(each));
      }
    }),
  );
});

test('with conditions, an action is narrowed to the kinds of pools it was used with, where every use named one', () => {
  fc.assert(
    fc.property(fc.array(use, { minLength: 1, maxLength: 40 }), uses => {
      const verdict = decider(uses, { withConditions: true });
      for (const each of uses) {
        assert.equal(verdict(each), 'allow', JSON.stringify(each));
        const pools = new Set(uses.filter(other => keyOf(other) === keyOf(each)).map(other => other.poolType));
        if (pools.has(undefined)) continue;
        for (const pool of ['public', 'dedicated']) {
          const wanted = pools.has(pool) ? 'allow' : 'deny';
          assert.equal(verdict({ ...each, poolType: pool }), wanted, JSON.stringify(each));
        }
        assert.equal(verdict({ action: each.action }), 'deny', 'the kind of pool must be told');
      }
    }),
  );
});

test('each policy keeps to the limits of custom policies, however many were used', () => {
  const uses = Array.from({ length: 300 }, (_, i) => ({
    action: `obs:object:Action${i % 7}`,
    resource: `obs:*:*:object:${`bucket-${i}`.padEnd(63, 'x')}/*`,
  }));
  const many = [
    ...uses,
    ...Array.from({ length: 400 }, (_, i) => ({ action: `modelarts:someResourceType${i}:create` })),
  ];
  const policies = suggestPolicies(many);
  for (const policy of policies) {
    assert.ok(JSON.stringify(policy).length <= customPolicyLimits.characters);
    assert.ok(policy.Statement.length <= customPolicyLimits.statements);
  }
  const verdict = decider(many);
  for (const each of many) assert.equal(verdict(each), 'allow', JSON.stringify(each));
  assert.equal(verdict({ action: 'obs:object:Action1', resource: uses[0]!.resource }), 'deny');
  fc.assert(
    fc.property(fc.array(use, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (some, statements) => {
      const limits = { characters: 300, statements };
      const verdictOf = decider(some, { limits });
      for (const each of some) assert.equal(verdictOf(each), 'allow', JSON.stringify(each));
      for (const policy of suggestPolicies(some, { limits })) assert.ok(policy.Statement.length <= statements);
    }),
  );
});

test('what people read: actions sorted, resources with the same actions together, global services apart', () => {
  const get = (name: string) => ({ action: 'obs:object:GetObject', resource: `obs:*:*:object:${name}/*` });
  const uses = [
    { action: 'modelarts:trainJob:list' },
    { action: 'modelarts:trainJob:create', poolType: 'public' },
    { action: 'modelarts:trainJob:create', poolType: 'public' },
    get('b'),
    get('a'),
    { action: 'iam:agencies:assume', resource: '/iam/agencies/f' },
  ];
  const global = {
    Version: '1.1',
    Statement: [
      { Effect: 'Allow', Action: ['iam:agencies:assume'], Resource: { uri: ['/iam/agencies/f'] } },
      { Effect: 'Allow', Action: ['obs:object:GetObject'], Resource: ['obs:*:*:object:a/*', 'obs:*:*:object:b/*'] },
    ],
  };
  const both = { Effect: 'Allow', Action: ['modelarts:trainJob:create', 'modelarts:trainJob:list'] };
  assert.deepEqual(suggestPolicies(uses), [global, { Version: '1.1', Statement: [both] }]);
  assert.deepEqual(suggestPolicies(uses, { withConditions: true })[1]!.Statement, [
    {
      Effect: 'Allow',
      Action: ['modelarts:trainJob:create'],
      Condition: { StringEquals: { 'modelarts:poolType': ['public'] } },
    },
    { Effect: 'Allow', Action: ['modelarts:trainJob:list'] },
  ]);
  assert.deepEqual(suggestPolicies([]), []);
});
