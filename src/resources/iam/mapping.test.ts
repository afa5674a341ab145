import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../kernel/failure.ts';
import { applyMapping, compilePattern, parseRules } from './mapping.ts';

const mapped = (rules: unknown, claims: Record<string, unknown>) => applyMapping(parseRules(rules), claims);

/** A rule that gives everybody its name, with further entries. */
const rule = (remote: object[] = [], local: object[] = []) => ({
  remote: [{ type: 'sub' }, ...remote],
  local: [{ user: { name: '{0}' } }, ...local],
});

test('placeholders number the entries of remote, and a list makes several groups', () => {
  const rules = [
    {
      remote: [{ type: 'email' }, { type: 'groups' }, { type: 'dept' }],
      local: [
        { user: { name: '{2}/{0}' } },
        { groups: '{1}' },
        { group: { name: 'dept-{2}' } },
        { group: { name: 'all' } },
      ],
    },
  ];
  const claims = { email: 'ann@x', groups: ['a', 'b', 'a'], dept: 7 };
  assert.deepEqual(mapped(rules, claims), { name: '7/ann@x', groups: ['a', 'b', 'dept-7', 'all'] });
  assert.deepEqual(mapped(rules, { ...claims, groups: 'one' })?.groups, ['one', 'dept-7', 'all']);
});

test('a value that looks like a placeholder is not filled in again', () => {
  const rules = [{ remote: [{ type: 'sub' }, { type: 'secret' }], local: [{ user: { name: '{0}' } }] }];
  assert.equal(mapped(rules, { sub: '{1}', secret: 'x' })?.name, '{1}');
});

test('conditions: what is missing, empty, too long or of another kind fits nothing', () => {
  const staff = [rule([{ type: 'role', any_one_of: ['dev', 'ops'] }], [{ group: { name: 'staff' } }])];
  assert.deepEqual(mapped(staff, { sub: 'u', role: ['guest', 'ops'] }), { name: 'u', groups: ['staff'] });
  assert.equal(mapped(staff, { sub: 'u', role: 'developer' }), undefined);
  const notGuests = [rule([{ type: 'role', not_any_of: ['guest'] }])];
  assert.equal(mapped(notGuests, { sub: 'u', role: 'dev' })?.name, 'u');
  assert.equal(mapped(notGuests, { sub: 'u', role: ['dev', 'guest'] }), undefined);
  for (const role of [undefined, '', [], null, {}, 'x'.repeat(1025)]) {
    assert.equal(mapped(notGuests, { sub: 'u', role }), undefined, JSON.stringify(role));
  }
});

test('all rules that fit give groups, the first of them the name', () => {
  const rules = [
    rule([{ type: 'absent' }], [{ group: { name: 'never' } }]),
    { remote: [{ type: 'sub' }], local: [{ group: { name: 'one' } }] },
    rule([], [{ group: { name: 'two' } }]),
    { remote: [{ type: 'sub' }], local: [{ user: { name: 'late' } }, { group: { name: 'three' } }] },
  ];
  assert.deepEqual(mapped(rules, { sub: 'u' }), { name: 'u', groups: ['one', 'two', 'three'] });
  assert.equal(mapped([rules[1]], { sub: 'u' }), undefined);
});

test('dots lead into nested claims, but a claim of the whole name comes first; nothing inherited is a claim', () => {
  const rules = (type: string) => [rule([{ type }], [{ groups: '{1}' }])];
  assert.deepEqual(mapped(rules('realm.roles'), { sub: 'u', realm: { roles: ['a'] } })?.groups, ['a']);
  assert.deepEqual(mapped(rules('https://x.test/g'), { sub: 'u', 'https://x.test/g': ['b'] })?.groups, ['b']);
  assert.equal(mapped(rules('constructor.name'), { sub: 'u' }), undefined);
  assert.equal(mapped(rules('realm.length'), { sub: 'u', realm: ['x'] }), undefined);
});

test('patterns: found anywhere unless anchored, and in linear time', () => {
  const cases: [string, string, boolean][] = [
    ['^.*@x\\.test$', 'ann@x.test', true],
    ['^.*@x\\.test$', 'ann@x.test.evil', false],
    ['^.*@x\\.test$', 'ann@xatest', false],
    ['x.test', 'evil-x.test.example', true],
    ['^team-[a-c0-9]+$', 'team-b7', true],
    ['^team-[a-c0-9]+$', 'team-', false],
    ['^team-[^x]?$', 'team-', true],
    ['^team-[^x]?$', 'team-x', false],
    ['^\\d\\w*$', '7ab', true],
    ['^\\d\\w*$', 'a7', false],
    ['^$', '', true],
    ['^$', 'a', false],
    ['^\\$\\*$', '$*', true],
    ['ab*c?$', 'xxabbb', true],
    ['^é.$', 'é😀', true],
  ];
  for (const [pattern, text, matches] of cases) {
    assert.equal(compilePattern(pattern)(text), matches, `${pattern} on ${text}`);
  }
  const started = process.cpuUsage().user;
  assert.equal(compilePattern(`^${'a*'.repeat(100)}b$`)('a'.repeat(1000)), false);
  assert.ok(process.cpuUsage().user - started < 2_000_000, 'an ordinary expression would take for ever');
  const rules = [rule([{ type: 'mail', any_one_of: ['^.*@x\\.test$'], regex: true }])];
  assert.equal(mapped(rules, { sub: 'u', mail: 'a@x.test' })?.name, 'u');
  assert.equal(mapped(rules, { sub: 'u', mail: 'a@y.test' }), undefined);
});

test('rules that are none are refused with the place', () => {
  const cases: [unknown, RegExp][] = [
    [{}, /\[mapping\.rules\] should be a list/],
    [[], /\[mapping\.rules\] should be a list/],
    [Array(65).fill(rule()), /1 to 64 entries/],
    [[{ local: [{ user: { name: 'x' } }] }], /rules\[0\]\.remote\] should be a list/],
    [[rule(), rule([], [{}])], /rules\[1\]\.local\[1\]\] should have user, group or groups/],
    [[rule([], [{ group: { name: '{1}' } }])], /rules\[0\]\.local\[1\]\.group\.name\] names \{1\}, but remote has 1/],
    [[rule([{ type: 7 }])], /rules\[0\]\.remote\[1\]\.type\] should be a text/],
    [[rule([{ type: 'a', any_one_of: ['x'], not_any_of: ['y'] }])], /not both/],
    [[rule([{ type: 'a', any_one_off: ['x'] }])], /knows no any_one_off/],
    [[rule([{ type: 'a', any_one_of: [] }])], /any_one_of\] should be a list/],
    [[rule([{ type: 'a', any_one_of: ['x', '(a|b)'], regex: true }])], /any_one_of\[1\]\] should be a pattern/],
    [[rule([{ type: 'a', any_one_of: ['a{3}'], regex: true }])], /should be a pattern/],
    [[rule([{ type: 'a', any_one_of: ['[z-a]'], regex: true }])], /should be a pattern/],
    [[rule([{ type: 'a', any_one_of: ['\\bx'], regex: true }])], /should be a pattern/],
    [[rule([{ type: 'a', any_one_of: ['x'.repeat(257)], regex: true }])], /at most 256 characters/],
    [[rule([{ type: 'a', any_one_of: Array(40).fill('x'.repeat(1000)) }])], /at most 32768 bytes/],
  ];
  for (const [rules, message] of cases) {
    assert.throws(
      () => parseRules(rules),
      error => isFailure(error, 'IAM.0011') && message.test(error.message),
      String(message),
    );
  }
});
