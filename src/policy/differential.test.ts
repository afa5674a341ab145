import assert from 'node:assert/strict';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { it } from 'node:test';
import fc from 'fast-check';
import { compilePolicies } from './compile.ts';
import { decide } from './decide.ts';
import { operatorNames } from './operators.ts';
import { parsePolicy } from './policy.ts';

/*
 * A second evaluator for the differential test: slow, obvious, and sharing no code with the real one. It works on the
 * JSON documents as they are written.
 */

interface RawStatement {
  Effect: string;
  Action: string | string[];
  Resource?: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}
interface RawPolicy {
  Version: '1.1';
  Statement: RawStatement[];
}
interface RawRequest {
  action: string;
  resource?: string;
  context: Record<string, string | number | boolean | (string | number | boolean)[]>;
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);
const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** A pattern as a regular expression; `variables` fills in `${…}`, and null means that one is missing. */
function regex(pattern: string, wild: string, request: RawRequest | null, flags = ''): RegExp | null {
  let source = '';
  for (const piece of pattern.split(/(\$\{[^}]*\}|[*?])/)) {
    if (piece.startsWith('${')) {
      const name = piece.slice(2, -1);
      if (['*', '?', '$'].includes(name)) source += quote(name);
      else {
        const values = lookup(name, request);
        if (values.length !== 1) return null;
        source += quote(String(values[0]));
      }
    } else if (piece === '*' && wild.includes('*')) source += '[\\s\\S]*';
    else if (piece === '?' && wild.includes('?')) source += '[\\s\\S]';
    else source += quote(piece);
  }
  return new RegExp(`^${source}$`, flags);
}

function lookup(name: string, request: RawRequest | null): (string | number | boolean)[] {
  const entries = Object.entries(request?.context ?? {});
  const found =
    entries.find(([key]) => key === name) ?? entries.find(([key]) => key.toLowerCase() === name.toLowerCase());
  return found ? list(found[1]) : [];
}

function actionFits(pattern: string, action: string): boolean {
  const wanted = pattern.split(':');
  const given = action.split(':');
  return wanted.every((segment, i) => regex(segment, '*', null, i === 0 ? '' : 'i')?.test(given[i] ?? ''));
}

function resourceFits(pattern: string, request: RawRequest): boolean {
  if (pattern === '*') return true;
  const [service, type] = request.action.split(':');
  const resource = request.resource ?? `${service}:*:*:${type}:*`;
  if (pattern.startsWith('/')) return regex(pattern, '*', request)?.test(resource) ?? false;
  const cut = (text: string) =>
    /^((?:\$\{.*?\}|[^:])*):((?:\$\{.*?\}|[^:])*):((?:\$\{.*?\}|[^:])*):((?:\$\{.*?\}|[^:])*):([\s\S]*)$/.exec(text);
  const wanted = cut(pattern)?.slice(1);
  const given = /^([^:]*):([^:]*):([^:]*):([^:]*):([\s\S]*)$/.exec(resource)?.slice(1);
  if (!wanted || !given) return false;
  return wanted.every((segment, i) => regex(segment, '*', request, i === 3 ? 'i' : '')?.test(given[i] ?? '') ?? false);
}

function time(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
}
const num = (value: unknown) => (typeof value === 'boolean' || value === '' ? Number.NaN : Number(value));

function inNetwork(value: string, network: string): boolean {
  const plain = value.replace(/^::ffff:/, '');
  const [base = '', bits] = network.split('/');
  const kind = isIPv4(base) ? 'ipv4' : 'ipv6';
  if (kind === 'ipv4' ? !isIPv4(plain) : !isIPv6(plain)) return false;
  const block = new BlockList();
  block.addSubnet(base, bits === undefined ? (kind === 'ipv4' ? 32 : 128) : Number(bits), kind);
  return block.check(plain, kind);
}

/** Whether one request value fits one policy value. Null: the policy value cannot be filled in. */
function fits(base: string, value: string | number | boolean, wanted: string, request: RawRequest): boolean | null {
  const word = base.replace('Not', '');
  if (word.startsWith('String')) {
    if (word === 'StringLike' || word === 'StringMatch')
      return regex(wanted, '*?', request)?.test(String(value)) ?? null;
    const exact = regex(wanted, '', request, word === 'StringEqualsIgnoreCase' ? 'i' : '');
    if (!exact) return null;
    if (word === 'StringStartWith') return new RegExp(exact.source.slice(0, -1)).test(String(value));
    if (word === 'StringEndWith') return new RegExp(exact.source.slice(1)).test(String(value));
    return exact.test(String(value));
  }
  if (word === 'Bool') return String(value).toLowerCase() === wanted.toLowerCase();
  if (word === 'IpAddress') return inNetwork(String(value), wanted);
  const read = word.startsWith('Date') ? time : num;
  const [left, right] = [read(value), read(wanted)];
  if (word.endsWith('LessThan')) return left < right;
  if (word.endsWith('LessThanEquals')) return left <= right;
  if (word.endsWith('GreaterThan')) return left > right;
  if (word.endsWith('GreaterThanEquals')) return left >= right;
  return left === right;
}

function conditionHolds(operator: string, key: string, wanted: string[], request: RawRequest): boolean {
  const qualifier = /^(ForAnyValue|ForAllValues):/.exec(operator)?.[1];
  const bare = operator.replace(/^.*:/, '');
  const base = bare.replace(/IfExists$/, '');
  const ifExists = bare !== base;
  const values = lookup(key, request);
  if (values.length === 0) {
    if (ifExists) return true;
    return base === 'Null' ? wanted.includes('true') : qualifier === 'ForAllValues';
  }
  if (base === 'Null') return wanted.includes('false');
  const negated = base.includes('Not');
  const one = (value: string | number | boolean) => {
    const results = wanted.map(each => fits(base, value, each, request));
    return negated ? results.every(result => result === false) : results.includes(true);
  };
  if (qualifier === 'ForAnyValue') return values.some(one);
  if (qualifier === 'ForAllValues' || negated) return values.every(one);
  return values.some(one);
}

function applies(statement: RawStatement, request: RawRequest): boolean {
  if (!list(statement.Action).some(pattern => actionFits(pattern, request.action))) return false;
  if (statement.Resource && !list(statement.Resource).some(pattern => resourceFits(pattern, request))) return false;
  return Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => conditionHolds(operator, key, list(wanted).map(String), request)),
  );
}

/** The reason of the verdict, and `policy/statement` of the first statement that gives it. */
function naiveDecide(policies: RawPolicy[], request: RawRequest): { reason: string; by?: string } {
  for (const effect of ['deny', 'allow']) {
    for (const [p, policy] of policies.entries()) {
      for (const [s, statement] of policy.Statement.entries()) {
        if (statement.Effect.toLowerCase() !== effect || !applies(statement, request)) continue;
        return { reason: effect === 'deny' ? 'explicit-deny' : 'allow', by: `${p}/${s}` };
      }
    }
  }
  return { reason: 'no-match' };
}

const PAIRS = 120_000;
const REQUESTS_PER_SET = 12;
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

it(`agrees with the naive evaluator on ${PAIRS} generated pairs (seed ${seed})`, () => {
  const seen: Record<string, number> = {};
  const property = fc.property(
    policySet,
    fc.array(request, { minLength: REQUESTS_PER_SET, maxLength: REQUESTS_PER_SET }),
    (policies, requests) => {
      const compiled = compilePolicies(
        policies.map((document, i) => ({ name: String(i), policy: parsePolicy(document, { kind: 'system' }).policy })),
      );
      for (const one of requests) {
        const { reason, matched } = decide(compiled, one);
        const by = matched && `${matched.policy}/${matched.statement}`;
        assert.deepEqual({ reason, ...(by ? { by } : {}) }, naiveDecide(policies, one), JSON.stringify(one));
        seen[reason] = (seen[reason] ?? 0) + 1;
      }
    },
  );
  fc.assert(property, { seed, numRuns: PAIRS / REQUESTS_PER_SET });
  // A generator that never makes a Deny match would compare nothing.
  for (const reason of ['explicit-deny', 'allow', 'no-match'])
    assert.ok((seen[reason] ?? 0) > PAIRS / 100, JSON.stringify(seen));
  console.log(`seed ${seed}`, seen);
});
