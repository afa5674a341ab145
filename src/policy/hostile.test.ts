import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies, decide, explain, lintPolicy, type PolicyError, parsePolicy } from './index.ts';

/** What grows faster than its input takes minutes on these; what does not, milliseconds, on a machine with other work too. */
const LONG_MS = 15_000;

const variable = (key: string) => `\${${key}}`;
const document = (statement: string) => `{"Version":"1.1","Statement":[${statement}]}`;
const statement = (rest: string) => document(`{"Effect":"Allow","Action":"obs:bucket:ListBucket"${rest}}`);
const condition = (json: string) => statement(`,"Condition":${json}`);

/** Policies as hostile or careless hands write them: the text, the path of the refusal, and what it says. */
const refusals: [name: string, text: string, path: string, problem: RegExp][] = [
  ['a number', '1', '$', /it is 1/],
  ['null', 'null', '$', /it is null/],
  ['an open string', '{"Version', '$', /is not valid JSON/],
  ['an open list', '{"Version":"1.1","Statement":[', '$.Statement[0]', /the end of the text/],
  ['a comment', '{"Version":"1.1" /* ours */}', '$', /at character 17/],
  ['single quotes', "{'Version':'1.1'}", '$', /at character 1/],
  ['NaN', '{"Version":NaN}', '$.Version', /NaN/],
  ['a byte order mark', '\ufeff{}', '$', /at character 0/],
  ['a lone escape', '{"Version":"\\x"}', '$.Version', /./],
  ['duplicate Version', '{"Version":"1.1","Version":"1.1","Statement":[]}', '$.Version', /twice/],
  ['duplicate Statement', '{"Version":"1.1","Statement":[],"Statement":[]}', '$.Statement', /twice/],
  [
    'the same member in an escape',
    document('{"Effect":"Deny","Eff\\u0065ct":"Allow"}'),
    '$.Statement[0].Effect',
    /twice/,
  ],
  ['duplicate operator', condition('{"Bool":{"x:a":true},"Bool":{}}'), '$.Statement[0].Condition.Bool', /twice/],
  ['duplicate key', condition('{"Bool":{"x:a":true,"x:a":false}}'), '$.Statement[0].Condition.Bool["x:a"]', /twice/],
  ['__proto__ as element', '{"Version":"1.1","__proto__":{},"Statement":[]}', '$.__proto__', /no such element/],
  ['__proto__ given twice', '{"__proto__":1,"__proto__":2}', '$.__proto__', /twice/],
  ['constructor as element', statement(',"constructor":1'), '$.Statement[0].constructor', /no such element/],
  [
    '__proto__ as operator',
    condition('{"__proto__":{"x:a":"b"}}'),
    '$.Statement[0].Condition.__proto__',
    /no operator/,
  ],
  ['toString as operator', condition('{"toString":{"x:a":"b"}}'), '$.Statement[0].Condition.toString', /no operator/],
  [
    '__proto__ as key',
    condition('{"StringEquals":{"__proto__":"b"}}'),
    '$.Statement[0].Condition.StringEquals.__proto__',
    /not a condition key/,
  ],
  ['Effect true', document('{"Effect":true,"Action":"a:b:c"}'), '$.Statement[0].Effect', /it is true/],
  ['no Effect', document('{"Action":"a:b:c"}'), '$.Statement[0].Effect', /missing/],
  ['no Action', document('{"Effect":"Allow"}'), '$.Statement[0].Action', /missing/],
  ['Action null', document('{"Effect":"Allow","Action":null}'), '$.Statement[0].Action', /null/],
  ['Action an object', document('{"Effect":"Allow","Action":{"0":"a:b:c"}}'), '$.Statement[0].Action', /object/],
  ['a number as action', document('{"Effect":"Allow","Action":["a:b:c",1]}'), '$.Statement[0].Action[1]', /it is 1/],
  ['a list in a list', document('{"Effect":"Allow","Action":[["a:b:c"]]}'), '$.Statement[0].Action[0]', /a list/],
  [
    'a blank at the end',
    document('{"Effect":"Allow","Action":"a:b:c "}'),
    '$.Statement[0].Action[0]',
    /other characters/,
  ],
  ['a statement that is text', document('"Allow"'), '$.Statement[0]', /"Allow"/],
  ['a statement in no list', '{"Version":"1.1","Statement":{"Effect":"Allow"}}', '$.Statement', /object/],
  ['Resource null', statement(',"Resource":null'), '$.Statement[0].Resource', /null/],
  ['an empty resource', statement(',"Resource":[""]'), '$.Statement[0].Resource[0]', /""/],
  ['Condition a list', condition('[]'), '$.Statement[0].Condition', /list/],
  ['Condition text', condition('"x"'), '$.Statement[0].Condition', /"x"/],
  ['an operator without keys', condition('{"Bool":{}}'), '$.Statement[0].Condition.Bool', /no condition key/],
  ['an operator with a list', condition('{"Bool":[]}'), '$.Statement[0].Condition.Bool', /list/],
  [
    'an unknown qualifier',
    condition('{"ForSomeValues:Bool":{}}'),
    '$.Statement[0].Condition["ForSomeValues:Bool"]',
    /no operator/,
  ],
  [
    'a qualifier on Null',
    condition('{"ForAnyValue:Null":{}}'),
    '$.Statement[0].Condition["ForAnyValue:Null"]',
    /no operator/,
  ],
  [
    'an operator in lower case',
    condition('{"stringequals":{"x:a":"b"}}'),
    '$.Statement[0].Condition.stringequals',
    /nearest is StringEquals/,
  ],
  ['null as value', condition('{"Bool":{"x:a":[true,null]}}'), '$.Statement[0].Condition.Bool["x:a"][1]', /null/],
  ['yes for true', condition('{"Bool":{"x:a":"yes"}}'), '$.Statement[0].Condition.Bool["x:a"]', /"yes" is not/],
  [
    'a huge number',
    condition('{"NumberEquals":{"x:a":1e999}}'),
    '$.Statement[0].Condition.NumberEquals["x:a"]',
    /not a number/,
  ],
  [
    'hexadecimal',
    condition('{"NumberEquals":{"x:a":"0x10"}}'),
    '$.Statement[0].Condition.NumberEquals["x:a"]',
    /not a number/,
  ],
  [
    'octets with zeros',
    condition('{"IpAddress":{"x:a":"010.0.0.1"}}'),
    '$.Statement[0].Condition.IpAddress["x:a"]',
    /CIDR/,
  ],
  [
    'an empty variable',
    condition(`{"StringEquals":{"x:a":"${variable('')}"}}`),
    '$.Statement[0].Condition.StringEquals["x:a"]',
    /not a policy variable/,
  ],
  ['a document nested deep in text', '{"Version":'.repeat(100_000), '$', /characters/],
  [
    'a condition nested deep',
    condition('{"a":'.repeat(20)),
    `$.Statement[0].Condition${'.a'.repeat(13)}`,
    /deeper than 16/,
  ],
  ['one character too many', `{"Version":"1.1"}${' '.repeat(6128)}`, '$', /6145 characters/],
  [
    'nine statements',
    document(new Array(9).fill('{"Effect":"Allow","Action":"a:b:c"}').join()),
    '$.Statement',
    /9 statements/,
  ],
];

describe('hostile or careless policies are refused where they are wrong', () => {
  for (const [name, text, path, problem] of refusals) {
    it(name, () => {
      const { error, policy, warnings } = lintPolicy(text);
      assert.equal(error?.path, path, error?.problem);
      assert.match(error?.problem ?? '', problem);
      assert.ok(error?.allowed);
      assert.deepEqual([policy, warnings], [undefined, []]);
    });
  }

  it('nesting without end, given as a value, is refused and does not exhaust the stack', () => {
    let value: unknown = 'a';
    for (let i = 0; i < 100_000; i++) value = [value];
    assert.throws(
      () => parsePolicy({ Version: '1.1', Statement: value }),
      (error: PolicyError) => error.name === 'PolicyError' && /deeper than 16/.test(error.problem),
    );
  });
});

describe('at the limits', () => {
  it('eight statements and 6144 characters are accepted', () => {
    const statements = new Array(8).fill('{"Effect":"Allow","Action":"a:b:c"}').join();
    const text = document(statements);
    assert.equal(lintPolicy(text.padEnd(6144)).policy?.statements.length, 8);
  });
  it('a system policy with very many actions and values is read and decided quickly', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `v${i}`);
    const large = {
      Version: '1.1',
      Statement: [
        {
          Effect: 'Allow',
          Action: many.map(value => `x:${value}:get`),
          Condition: { StringEquals: { 'x:k': many }, StringNotLike: { 'x:k': many.map(value => `${value}*b`) } },
        },
      ],
    };
    const started = performance.now();
    const { policy } = parsePolicy(large, { kind: 'system' });
    const compiled = compilePolicies([{ name: 'p', policy }]);
    assert.equal(decide(compiled, { action: 'x:v19999:get', context: { 'x:k': 'v7' } }).verdict, 'allow');
    assert.ok(performance.now() - started < LONG_MS);
  });
});

describe('hostile requests and patterns', () => {
  const compile = (text: string) => compilePolicies([{ name: 'p', policy: parsePolicy(text).policy }]);
  const quick = (decideAll: () => void) => {
    const started = performance.now();
    decideAll();
    assert.ok(performance.now() - started < LONG_MS, `${performance.now() - started} ms`);
  };

  it('patterns full of wildcards are decided at once', () => {
    const stars = `${'*a'.repeat(100)}b`;
    const like = compile(condition(`{"StringLike":{"x:v":"${'*a'.repeat(1000)}b"}}`));
    quick(() => {
      const context = { 'x:v': 'a'.repeat(10_000) };
      assert.equal(decide(like, { action: 'obs:bucket:ListBucket', context }).verdict, 'deny');
    });
    const action = compile(document(`{"Effect":"Allow","Action":"x:t:${stars}"}`));
    quick(() => assert.equal(decide(action, { action: `x:t:${'a'.repeat(250)}` }).verdict, 'deny'));
    const resource = compile(statement(`,"Resource":"obs:*:*:bucket:${stars}"`));
    quick(() => {
      const request = { action: 'obs:bucket:ListBucket', resource: `obs:r:a:bucket:${'a'.repeat(100_000)}` };
      assert.equal(decide(resource, request).verdict, 'deny');
    });
  });
  it('any text as action, resource or context gives a verdict', () => {
    const compiled = compile(statement(',"Resource":"obs:*:*:bucket:b"'));
    const actions = ['', ':', '*:*:*', 'obs:bucket:*', 'a:b:c:d', '__proto__', 'obs:bucket:List\u0000Bucket'];
    for (const action of [...actions, `obs:bucket:${'a'.repeat(1_000_000)}`]) {
      assert.equal(decide(compiled, { action, resource: 'x' }, { whenNoMatch: 'allow' }).verdict, 'deny', action);
      assert.ok(explain(compiled, { action, resource: 'x' }).text.length < 1000);
    }
    for (const resource of ['', '*', ':::::', 'obs:*:*:bucket:*', variable('g:UserName')]) {
      const request = { action: 'obs:bucket:ListBucket', resource, context: { __proto__: null, x: {} } };
      assert.equal(decide(compiled, request).verdict, 'deny', resource);
    }
  });
  it('names of the prototype are condition keys like others, and not carried by an empty context', () => {
    const compiled = compile(condition('{"Null":{"x:constructor":"false"}}'));
    const asks = (context: Record<string, unknown>) =>
      decide(compiled, { action: 'obs:bucket:ListBucket', context }).verdict;
    assert.equal(asks({}), 'deny');
    assert.equal(asks({ 'x:constructor': 'a' }), 'allow');
    const inherited = compile(condition('{"StringEquals":{"x:k":"a"}}'));
    const context = Object.create({ 'x:k': 'a' });
    assert.equal(decide(inherited, { action: 'obs:bucket:ListBucket', context }).verdict, 'deny');
  });
  it('a user with a thousand near misses gets a short answer', () => {
    const policies = Array.from({ length: 125 }, (_, p) => ({
      name: `p${p}`,
      policy: parsePolicy(
        document(
          Array.from(
            { length: 8 },
            (_, i) => `{"Effect":"Allow","Action":"x:t:a","Condition":{"StringEquals":{"x:k":"${p}-${i}"}}}`,
          ).join(),
        ),
      ).policy,
    }));
    const { text, nearMisses } = explain(compilePolicies(policies), { action: 'x:t:a' });
    assert.equal(nearMisses.length, 1000);
    assert.ok(text.length < 2000, text);
    assert.match(text, /995 more allow the action/);
  });
  it('actions that nobody has heard of do not fill the memory', () => {
    const compiled = compile(document('{"Effect":"Allow","Action":"*:*:*"}'));
    const first = compiled.candidates('x:t:a0');
    assert.equal(compiled.candidates('x:t:a0'), first);
    for (let i = 1; i < 2500; i++) decide(compiled, { action: `x:t:a${i}` });
    assert.notEqual(compiled.candidates('x:t:a0'), first);
    assert.equal(decide(compiled, { action: 'x:t:a1' }).verdict, 'allow');
  });
});
