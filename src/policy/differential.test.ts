import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compilePolicies } from './compile.ts';
import { decide } from './decide.ts';
import { naiveDecide, type RawPolicy, type RawRequest } from './naive.fixture.ts';
import { operatorNames } from './operators.ts';
import { parsePolicy } from './policy.ts';

/*
 * The engine against the naive evaluator, on generated policies and requests. A failure prints the seed and the
 * smallest policies and request that show it; ATELIER_SEED=… repeats a run.
 */
const seed = Number(process.env.ATELIER_SEED ?? Date.now() % 2 ** 31);

// Small alphabets: policies and requests must meet often, or nothing is compared.
const variable = (key: string) => `\${${key}}`;
const from = <T>(...values: T[]) => fc.constantFrom(...values);
const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 3) => fc.array(arbitrary, { minLength: 1, maxLength });
const lone = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof(arbitrary, some(arbitrary));

const service = from('obs', 'iam', 'smn');
const type = from('Bucket', 'bucket', 'object', 'obj');
const name = from('get', 'Get', 'getAcl', 'list', 'delete');
const action = fc.tuple(service, type, name).map(parts => parts.join(':'));
const segment = (plain: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 3, arbitrary: plain },
    { weight: 2, arbitrary: from('*') },
    from('*t', 'g*', '*e*', 'o*b*', '*a*c*l'),
  );
const actionPattern = fc.oneof(
  from('*:*:*', 'obs:*:*'),
  fc.tuple(fc.oneof(service, from('*', 'o*', '*m*')), segment(type), segment(name)).map(parts => parts.join(':')),
);

const word = from('ann', 'Ann', 'bob', 'a', '', '*', 'an?', 'ann-ops', 'x.y', '$', '${', 'a:b');
const wordPattern = from(
  'ann',
  'ANN',
  'a*',
  '*n*',
  '?nn',
  'an?',
  '*-ops',
  variable('g:UserName'),
  `${variable('G:username')}-ops`,
  variable('*'),
  'x.y',
  '*',
  variable('x:tags'),
);
const number = from('1', '2', '2.0', '-1', '1e1', '10');
const date = from('2026-01-01', '2026-01-01T00:00:00Z', '2026-01-01T08:00:00+08:00', '2025-06-30T23:59:59.5Z');
const network = from('10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '2001:db8::/32', '::1', '192.168.1.128/25');
const bool = from('true', 'false', 'True');

function policyValues(base: string): fc.Arbitrary<string> {
  if (base.startsWith('String')) return wordPattern;
  if (base.startsWith('Number')) return number;
  if (base.startsWith('Date')) return date;
  return base.includes('Ip') ? network : base === 'Null' ? from('true', 'false') : bool;
}

const KEYS = ['g:UserName', 'x:tags', 'x:number', 'x:date', 'x:address', 'x:bool'];
/** Mostly the key that carries values of the operator's kind. */
function keyFor(base: string): fc.Arbitrary<string> {
  const kind = ['Number', 'Date', 'Ip', 'Bool'].findIndex(part => base.includes(part));
  const own = kind < 0 ? from('g:UserName', 'g:username', 'x:tags') : from(KEYS[kind + 2] ?? '');
  return fc.oneof({ weight: 9, arbitrary: own }, { weight: 1, arbitrary: from(...KEYS) });
}

const condition = fc
  .tuple(from(...operatorNames), from('', '', 'ForAnyValue:', 'ForAllValues:'), from('', '', 'IfExists'))
  .chain(([base, qualifier, suffix]) =>
    fc
      .tuple(keyFor(base), lone(policyValues(base)))
      .map(([key, values]) => [`${base === 'Null' ? '' : qualifier}${base}${suffix}`, { [key]: values }] as const),
  );

const path = from('*', 'b/a', 'b/*', `b/${variable('g:UserName')}/*`, '*a', 'b:*');
const resourcePattern = fc.oneof(
  from('*', '/iam/agencies/1', '/iam/*'),
  fc
    .tuple(from('obs', '*', 'iam', 'o*'), from('*', 'r1'), from('*', 'acc'), segment(type), path)
    .map(parts => parts.join(':')),
);

const statement = fc.record(
  {
    Effect: from('Allow', 'Deny', 'allow', 'deny', 'Allow'),
    Action: lone(actionPattern),
    Resource: lone(resourcePattern),
    Condition: fc.array(condition, { minLength: 1, maxLength: 2 }).map(list => Object.fromEntries(list)),
  },
  { requiredKeys: ['Effect', 'Action'] },
);
const policySet: fc.Arbitrary<RawPolicy[]> = fc.array(
  some(statement, 4).map(list => ({ Version: '1.1' as const, Statement: list })),
  { maxLength: 3 },
);

const address = from('10.1.2.3', '192.168.1.200', '::ffff:10.9.9.9', '2001:db8::5', '::1', 'no address');
const anyValue = fc.oneof(word, number, date, address, bool);
const several = (value: fc.Arbitrary<string | number | boolean>) => {
  const mixed = fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: anyValue });
  return fc.oneof({ weight: 2, arbitrary: mixed }, { weight: 1, arbitrary: fc.array(mixed, { maxLength: 3 }) });
};
const context = fc.record(
  {
    'g:UserName': several(word),
    'G:USERNAME': several(word),
    'x:tags': several(word),
    'x:number': several(fc.oneof(number, from(1, 2, 10, -0.5))),
    'x:date': several(fc.oneof(date, from(Date.UTC(2026), Date.UTC(2025)))),
    'x:address': several(address),
    'x:bool': several(fc.oneof(bool, fc.boolean())),
  },
  { requiredKeys: [] },
);

const request: fc.Arbitrary<RawRequest> = fc.record(
  {
    action,
    resource: fc.oneof(
      from('/iam/agencies/1', '/iam/x', 'obs:r1:acc', '*'),
      fc
        .tuple(service, from('r1', '*', ''), from('acc', '*'), type, from('b/a', 'b/ann/x', 'b/*/x', 'b:x', '*', 'a'))
        .map(parts => parts.join(':')),
    ),
    context,
  },
  { requiredKeys: ['action', 'context'] },
);

/*
 * Many statements that look alike: of one action, with the same few condition keys, values and buckets, so that each is
 * told from the next only by what the index of candidates files it under.
 */
const alikeValue = from(
  ...['ann', 'bob', 'eve', 'Ann', '1', 'true', '', 'b1'],
  ...[variable('g:UserName'), variable('x:tags'), variable('*'), `${variable('g:UserName')}-ops`],
);
const alikeCondition = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: from('StringEquals') },
      from('StringEqualsIfExists', 'ForAnyValue:StringEquals', 'ForAllValues:StringEquals'),
      from('ForAnyValue:StringEqualsIfExists', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringLike', 'Null'),
    ),
    from('g:UserName', 'g:UserName', 'g:username', 'x:tags', 'X:tags'),
    lone(alikeValue),
  )
  .map(([operator, key, values]) => [operator, { [key]: operator === 'Null' ? 'false' : values }] as const);
const alikeResource = fc
  .tuple(
    from('b1', 'b2', 'b3', 'b*', '*', variable('g:UserName'), variable('*')),
    from('', '/*', '/*', '/a', '*', ':x'),
  )
  .map(([bucket, rest]) => `obs:*:*:object:${bucket}${rest}`);
const alikeStatement = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: from('Allow') }, from('Deny')),
    from('obs:object:get', 'obs:object:get', 'obs:object:*', 'obs:Object:GET'),
    fc.option(lone(alikeResource), { nil: undefined }),
    fc.array(alikeCondition, { minLength: 1, maxLength: 2 }),
  )
  .map(([Effect, Action, Resource, conditions]) => ({
    Effect,
    Action,
    ...(Resource && { Resource }),
    Condition: Object.fromEntries(conditions),
  }));
const alikeSet: fc.Arbitrary<RawPolicy[]> = fc.array(
  fc.array(alikeStatement, { minLength: 4, maxLength: 8 }).map(list => ({ Version: '1.1' as const, Statement: list })),
  { minLength: 2, maxLength: 5 },
);
const alikeName = fc.oneof(from<string | number | boolean>('ann', 'bob', 'Ann', 'zoe', '*', 'ann-ops', 1, true));
const alikeValues = fc.oneof(alikeName, fc.array(alikeName, { maxLength: 3 }));
const alikeRequest: fc.Arbitrary<RawRequest> = fc.record(
  {
    action: from('obs:object:get', 'obs:object:Get', 'obs:object:put'),
    resource: fc
      .tuple(from('b1', 'b2', 'b3', 'b9', 'ann', '*', ''), from('', '/', '/a', '/ann/x', ':x'))
      .map(([bucket, rest]) => `obs:r1:acc:object:${bucket}${rest}`),
    context: fc.record(
      {
        'g:UserName': alikeValues,
        'g:username': alikeValues,
        'G:USERNAME': alikeValues,
        'x:tags': alikeValues,
        'X:TAGS': alikeValues,
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['action', 'context'] },
);

/** Decides each request of each set twice over, and returns how often each reason was given. */
function compare(
  sets: fc.Arbitrary<RawPolicy[]>,
  requests: fc.Arbitrary<RawRequest>,
  size: { pairs: number; perSet: number },
): Record<string, number> {
  const { pairs, perSet } = size;
  const seen: Record<string, number> = { 'explicit-deny': 0, allow: 0, 'no-match': 0 };
  const property = fc.property(
    sets,
    fc.array(requests, { minLength: perSet, maxLength: perSet }),
    (policies, requested) => {
      const compiled = compilePolicies(
        policies.map((document, i) => ({ name: String(i), policy: parsePolicy(document, { kind: 'system' }).policy })),
      );
      for (const one of requested) {
        const { reason, matched } = decide(compiled, one);
        const naive = naiveDecide(policies, one);
        const by = matched && `${matched.policy}/${matched.statement}`;
        if (reason !== naive.reason || by !== naive.by) assert.deepEqual({ reason, by }, naive, JSON.stringify(one));
        seen[reason] = (seen[reason] ?? 0) + 1;
      }
    },
  );
  fc.assert(property, { seed, numRuns: Math.ceil(pairs / perSet) });
  return seen;
}

describe(`the engine agrees with the naive evaluator (seed ${seed})`, () => {
  const kinds = [
    { name: 'of all kinds', sets: policySet, requests: request, size: { pairs: 67_200, perSet: 16 } },
    { name: 'that look alike', sets: alikeSet, requests: alikeRequest, size: { pairs: 33_600, perSet: 56 } },
  ];
  for (const { name, sets, requests, size } of kinds) {
    it(`on ${size.pairs} requests to policies ${name}`, () => {
      const seen = compare(sets, requests, size);
      console.log(`seed ${seed}, policies ${name}:`, JSON.stringify(seen));
      // A generator that never makes a Deny match, say, would compare nothing.
      for (const [reason, times] of Object.entries(seen)) assert.ok(times > size.pairs / 100, reason);
    });
  }
});
