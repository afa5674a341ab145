import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Failure } from '../kernel/failure.ts';
import { bytes, printError, printOne, printRows, seconds } from './output.ts';

/** What `work` writes to both streams. */
function captured(t: TestContext, work: () => void): { out: string; err: string } {
  const result = { out: '', err: '' };
  const out = t.mock.method(process.stdout, 'write', (text: string) => {
    result.out += text;
    return true;
  });
  const err = t.mock.method(process.stderr, 'write', (text: string) => {
    result.err += text;
    return true;
  });
  try {
    work();
  } finally {
    out.mock.restore();
    err.mock.restore();
  }
  return result;
}

const rows = [
  { id: 'a', name: 'first', more: { deep: true } },
  { id: 'b', name: undefined, more: null },
];
const columns = {
  Id: (row: (typeof rows)[number]) => row.id,
  Name: (row: (typeof rows)[number]) => row.name,
  More: (row: (typeof rows)[number]) => row.more,
};

test('rows are a table for people: headings, a line each, a dash for nothing, no colours', t => {
  const { out } = captured(t, () => printRows('table', rows, columns));
  const lines = out
    .trimEnd()
    .split('\n')
    .map(line => line.trim().split(/\s{2,}/));
  assert.deepEqual(lines, [
    ['Id', 'Name', 'More'],
    ['a', 'first', '{"deep":true}'],
    ['b', '-', '-'],
  ]);
  assert.equal(out.includes('\u001b'), false);
});

test('rows are JSON with all members for programs, also when there are none', t => {
  assert.deepEqual(JSON.parse(captured(t, () => printRows('json', rows, columns)).out)[0], rows[0]);
  assert.deepEqual(JSON.parse(captured(t, () => printRows('json', [], columns)).out), []);
  const empty = captured(t, () => printRows('table', [], columns));
  assert.equal(empty.out, '');
  assert.match(empty.err, /Nothing to show/);
});

test('one thing is its members line by line, or JSON', t => {
  const value = { id: 'x', long_name: 7, nothing: null };
  assert.equal(captured(t, () => printOne('table', value)).out, 'id         x\nlong_name  7\nnothing    -\n');
  assert.deepEqual(JSON.parse(captured(t, () => printOne('json', value)).out), value);
  assert.equal(captured(t, () => printOne('table', {})).out, '');
});

test('a table has at most 120 columns: the longest texts are cut, ids never', t => {
  const id = '0123456789abcdef0123456789abcdef';
  const wide = [
    { id, name: 'n'.repeat(128), text: 't'.repeat(255) },
    { id, name: 'short', text: 'x' },
  ];
  const show = { Id: (row: (typeof wide)[number]) => row.id, Name: row => row.name, Text: row => row.text } as Record<
    string,
    (row: (typeof wide)[number]) => string
  >;
  const lines = captured(t, () => printRows('table', wide, show))
    .out.trimEnd()
    .split('\n');
  assert.deepEqual(
    lines.filter(line => line.length > 120),
    [],
  );
  assert.match(lines[1]!, new RegExp(`${id} +n{20,}… +t{20,}…`));
  assert.match(lines[2]!, /short +x/);
  assert.equal(JSON.parse(captured(t, () => printRows('json', wide, show)).out)[0].text.length, 255);
});

test('what is told once goes to stderr for people, and into the JSON for programs', t => {
  const key = { access: 'AK', secret: 's3cret' };
  const told = captured(t, () => printOne('table', key, ['secret']));
  assert.equal(told.out, 'access  AK\n');
  assert.match(told.err, /^secret +s3cret .*once/);
  assert.deepEqual(JSON.parse(captured(t, () => printOne('json', key, ['secret'])).out), key);
});

test('a refusal by a policy says how to learn which', t => {
  const message = "Policy doesn't allow modelarts:pool:create to be performed. It is denied.";
  const { err } = captured(t, () => printError(new Failure({ code: 'ModelArts.0112', status: 403, message })));
  assert.match(err, /\n {2}→ .*atelier iam explain --action modelarts:pool:create\n$/);
});

test('names that others chose cannot steer the terminal or add lines', t => {
  const hostile = 'job\u001b[2J\u001b]0;owned\u0007\nSecond line\r\u009bgone';
  for (const work of [
    () => printOne('table', { name: hostile }),
    () => printRows('table', [{ name: hostile }], { Name: row => row.name }),
  ]) {
    const { out } = captured(t, work);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    assert.match(out, /job\\x1b\[2J.*Second line/);
  }
});

test('errors say what and what next on stderr; a bug says its text, without a stack', t => {
  const failure = new Failure({ code: 'ModelArts.2775', status: 404, message: 'No job x.', solution: 'List them.' });
  assert.deepEqual(
    captured(t, () => printError(failure)),
    {
      out: '',
      err: 'atelier: No job x. (ModelArts.2775)\n  → List them.\n',
    },
  );
  assert.equal(captured(t, () => printError(new Error('odd'))).err, 'atelier: odd\n');
  assert.equal(captured(t, () => printError('text')).err, 'atelier: text\n');
});

test('sizes and times are for people', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 1024 ** 2 - 1, 5 * 1024 ** 3].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '1.0 MiB',
    '5.0 GiB',
  ]);
  assert.deepEqual([0, 3.14, 59.96, 60, 119.7, 3599.6, 7384].map(seconds), [
    '0.0 s',
    '3.1 s',
    '1 min 0 s',
    '1 min 0 s',
    '2 min 0 s',
    '1 h 0 min',
    '2 h 3 min',
  ]);
});
