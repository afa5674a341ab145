import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  compilePolicies,
  conditionKeys,
  decide,
  knownActions,
  lintPolicy,
  operatorNames,
  type PolicyError,
  parsePolicy,
} from './index.ts';

const variable = (key: string) => `\${${key}}`;

function document(statement: Record<string, unknown>): Record<string, unknown> {
  return { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['obs:bucket:ListBucket'], ...statement }] };
}

/** Asserts that the document is refused at `path`, with texts that speak of `problem` and `allowed`. */
function refused(json: unknown, path: string, problem: RegExp, allowed: RegExp = /./): void {
  assert.throws(
    () => parsePolicy(json),
    (error: PolicyError) => {
      assert.equal(error.name, 'PolicyError', error.stack);
      assert.equal(error.path, path);
      assert.match(error.problem, problem);
      assert.match(error.allowed, allowed);
      assert.equal(error.status, 400);
      assert.ok(error.message.includes(path));
      return true;
    },
  );
}

describe('a policy that cannot be accepted is refused with its place, the problem and what is allowed', () => {
  const at = '$.Statement[0]';
  const cases: [string, unknown, string, RegExp, RegExp?][] = [
    ['text that is no JSON', '{"Version": "1.1",}', '$', /"}" at character 18/, /member name/],
    ['text after the end', '{} {}', '$', /at character 3/, /nothing after/],
    ['a control character in a string', '{"Version": "1\n1"}', '$.Version', /control character/i],
    ['an empty text', '', '$', /the end of the text/],
    [
      'a member given twice',
      '{"Version":"1.1","Statement":[{"Effect":"Allow","Effect":"Deny","Action":"obs:*:*"}]}',
      `${at}.Effect`,
      /twice/,
    ],
    ['text nested too deep', `${'['.repeat(50)}${']'.repeat(50)}`, `$${'[0]'.repeat(16)}`, /deeper than 16/],
    ['a role', { ...document({}), Version: '1.0' }, '$.Version', /roles.*ModelArts does not support/, /"1\.1"/],
    ['an unknown version', { ...document({}), Version: '5.0' }, '$.Version', /"5\.0"/, /"1\.1"/],
    ['a number as version', { ...document({}), Version: 1.1 }, '$.Version', /1\.1/, /"1\.1"/],
    ['no statement', { Version: '1.1', Statement: [] }, '$.Statement', /empty/, /at least one/],
    ['a list as document', [], '$', /list/, /object/],
    [
      'a misspelt element',
      document({ Conditions: {} }),
      `${at}.Conditions`,
      /did you mean Condition\?/,
      /Effect, Action/,
    ],
    ['an element of identity policies', document({ NotAction: 'a:b:c' }), `${at}.NotAction`, /no such element/],
    ['an unknown effect', document({ Effect: 'Permit' }), `${at}.Effect`, /Permit/, /"Allow" or "Deny"/],
    ['no action', document({ Action: [] }), `${at}.Action`, /empty/],
    ['two segments', document({ Action: ['obs:*'] }), `${at}.Action[0]`, /2 segments/, /service:resourceType:action/],
    ['a trailing colon', document({ Action: 'ces:metricData:list:' }), `${at}.Action[0]`, /4 segments/],
    ['an upper-case service', document({ Action: ['OBS:bucket:ListBucket'] }), `${at}.Action[0]`, /lower case: "OBS"/],
    ['text from a PDF', document({ Action: ['obs:object>GetObject'] }), `${at}.Action[0]`, /PDF.*":"/],
    ['look-alike letters', document({ Action: ['obs:buсket:list'] }), `${at}.Action[0]`, /other characters/],
    [
      'a ModelArts path',
      document({ Action: 'modelarts:notebook:*', Resource: ['modelarts:*:*:notebook:1234'] }),
      `${at}.Resource[0]`,
      /single resources/,
      /leave Resource out/,
    ],
    ['a resource of three parts', document({ Resource: 'obs:*:bucket' }), `${at}.Resource[0]`, /not a resource/, /uri/],
    ['an open variable', document({ Resource: 'obs:*:*:object:${g:User' }), `${at}.Resource[0]`, /no "}"/],
    [
      'an unknown operator',
      document({ Condition: { StringEqual: { 'g:UserName': 'a' } } }),
      `${at}.Condition.StringEqual`,
      /nearest is StringEquals/,
      /IfExists/,
    ],
    [
      'a key without service',
      document({ Condition: { Bool: { MFA: true } } }),
      `${at}.Condition.Bool.MFA`,
      /condition key/,
    ],
    ['no value', document({ Condition: { Bool: { 'g:A': [] } } }), `${at}.Condition.Bool["g:A"]`, /empty/],
    [
      'an object as value',
      document({ Condition: { Bool: { 'g:A': [{}] } } }),
      `${at}.Condition.Bool["g:A"][0]`,
      /object/,
    ],
    [
      'a day that does not exist',
      document({ Condition: { DateLessThan: { 'g:CurrentTime': '2026-02-30' } } }),
      `${at}.Condition.DateLessThan["g:CurrentTime"]`,
      /"2026-02-30" is not a date/,
    ],
    [
      'a time without zone',
      document({ Condition: { DateLessThan: { 'g:CurrentTime': '2026-02-03T10:00:00' } } }),
      `${at}.Condition.DateLessThan["g:CurrentTime"]`,
      /zone/,
    ],
    [
      'a block too wide',
      document({ Condition: { IpAddress: { 'g:SourceIp': '10.0.0.0/33' } } }),
      `${at}.Condition.IpAddress["g:SourceIp"]`,
      /CIDR/,
    ],
    [
      'a variable in a number',
      document({ Condition: { NumberEquals: { 'x:n': variable('g:UserName') } } }),
      `${at}.Condition.NumberEquals["x:n"]`,
      /variables work with String operators/,
    ],
    [
      'too many statements',
      { Version: '1.1', Statement: new Array(9).fill({}) },
      '$.Statement',
      /9 statements/,
      /at most 8/,
    ],
    [
      'too long a document',
      document({ Action: new Array(400).fill('obs:bucket:ListBucket') }),
      '$',
      /characters/,
      /6144/,
    ],
    ['too long a text', ' '.repeat(6145), '$', /6145 characters/, /6144/],
  ];
  for (const [name, json, path, problem, allowed] of cases) it(name, () => refused(json, path, problem, allowed));
});

describe('warnings', () => {
  const known = knownActions(['modelarts:notebook:create', 'modelarts:trainJob:create', 'obs:bucket:ListBucket']);
  const warn = (action: string) => parsePolicy(document({ Action: action }), { knownActions: known }).warnings;

  it('an unknown action names the nearest known one', () => {
    const [warning] = warn('modelarts:notbook:create');
    assert.equal(warning?.path, '$.Statement[0].Action[0]');
    assert.match(warning?.message ?? '', /nearest is modelarts:notebook:create/);
  });
  it('an unknown service names the nearest known one', () => {
    assert.match(warn('modelart:notebook:create')[0]?.message ?? '', /no service modelart .*nearest is modelarts/);
  });
  it('known actions in other case, and wildcards that fit some, do not warn', () => {
    for (const action of ['modelarts:trainjob:Create', 'modelarts:*:*', '*:bucket:*', '*:*:*']) {
      assert.deepEqual(warn(action), [], action);
    }
  });
  it('a condition key or a variable of IAM that no request carries names the nearest', () => {
    const { warnings } = parsePolicy(
      document({
        Resource: [`obs:*:*:object:b/${variable('g:UserNam')}`],
        Condition: { StringEquals: { 'g:UserNme': 'ann', 'g:ResourceTag/team': 'a', 'x:any': 'b', 'G:username': 'c' } },
      }),
    );
    assert.deepEqual(
      warnings.map(each => each.path),
      ['$.Statement[0].Resource[0]', '$.Statement[0].Condition.StringEquals["g:UserNme"]'],
    );
    assert.match(warnings[1]?.message ?? '', /nearest is g:UserName/);
  });
  it('there are never more than twenty', () => {
    const actions = Array.from({ length: 200 }, (_, i) => `x:t:a${i}`);
    assert.equal(parsePolicy(document({ Action: actions }), { knownActions: known }).warnings.length, 20);
  });
  it('a resource of a service that no action names warns', () => {
    const { warnings } = parsePolicy(document({ Action: 'smn:topic:list', Resource: ['obs:*:*:bucket:*'] }));
    assert.match(warnings[0]?.message ?? '', /never applies/);
  });
  it('ForAllValues, which holds without the key, warns', () => {
    const { warnings } = parsePolicy(document({ Condition: { 'ForAllValues:StringEquals': { 'x:tags': 'a' } } }));
    assert.match(warnings[0]?.message ?? '', /lacks the key/);
  });
});

describe('the guide', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/guide/policies.md'), 'utf8');
  const examples = [...guide.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '');

  it('shows policies that are valid and give no warning', () => {
    assert.ok(examples.length >= 6);
    for (const text of examples) {
      const { error, warnings } = lintPolicy(text);
      assert.deepEqual([error, warnings], [undefined, []], text);
    }
  });
  it('names every operator and condition key', () => {
    for (const name of operatorNames) assert.ok(guide.includes(`\`${name}\``), name);
    for (const key of conditionKeys) assert.ok(guide.includes(`\`${key}`), key);
  });
});

const seeds = process.env.ATELIER_SEED_CASES ?? join(import.meta.dirname, '../../../shared/seed-cases');
const policies = join(seeds, 'policies');

describe('the policies of the document, as they are', { skip: !existsSync(policies) }, () => {
  const load = (...names: string[]) =>
    compilePolicies(
      names.map(name => ({ name, policy: parsePolicy(readFileSync(join(policies, `${name}.json`), 'utf8')).policy })),
    );

  it('all of them are accepted without a warning', () => {
    for (const file of readdirSync(policies)) {
      assert.deepEqual(parsePolicy(readFileSync(join(policies, file), 'utf8')).warnings, [], file);
    }
  });
  it('the administrator gets a pool, the developer does not', () => {
    const request = { action: 'modelarts:pool:create' };
    assert.equal(decide(load('Policy1_IAM_OBS', 'Policy2_AllowOperation'), request).verdict, 'allow');
    const developer = load('Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation');
    const refusal = decide(developer, request);
    assert.deepEqual([refusal.reason, refusal.matched?.policy], ['explicit-deny', 'Policy3_DenyOperation']);
    assert.equal(decide(developer, { action: 'modelarts:notebook:create' }).verdict, 'allow');
    assert.equal(decide(developer, { action: 'modelarts:notebook:listAllNotebooks' }).verdict, 'deny');
  });
  it('the public pool is closed for jobs, notebooks and services', () => {
    const compiled = load('Policy2_AllowOperation', 'DenyPublicPool');
    for (const type of ['trainJob', 'notebook', 'service']) {
      const request = (pool: string) => ({
        action: `modelarts:${type}:create`,
        context: { 'modelarts:poolType': pool },
      });
      assert.equal(decide(compiled, request('public')).verdict, 'deny', type);
      assert.equal(decide(compiled, request('dedicated')).verdict, 'allow', type);
    }
  });
});
