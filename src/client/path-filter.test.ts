import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globMatcher, pathFilter } from './path-filter.ts';

for (const [glob, matches, misses] of [
  ['*.tmp', ['a.tmp', 'x/y/a.tmp'], ['a.tmp/b', 'atmp']],
  ['logs/', ['logs/a', 'x/logs/y/z'], ['logs', 'mylogs/a']],
  ['a/**/b.txt', ['a/b.txt', 'a/x/y/b.txt'], ['x/a/b.txt', 'a/xb.txt']],
  ['/top', ['top'], ['x/top']],
  ['a/*', ['a/b'], ['a/b/c']],
  ['file?.[ch]', ['file1.c', 'file2.h'], ['file/.c', 'file1.x']],
  ['[!a]x', ['bx'], ['ax', '/x']],
  ['a+(b)', ['a+(b)'], ['aab']],
] as const) {
  test(`${glob} matches ${matches.join(', ')} and not ${misses.join(', ')}`, () => {
    for (const path of matches) assert.ok(globMatcher(glob)(path), path);
    for (const path of misses) assert.ok(!globMatcher(glob)(path), path);
  });
}

test('the last rule that matches decides, and a first include leaves out the rest', () => {
  const only = pathFilter([{ include: true, glob: '*.py' }]);
  assert.deepEqual(['a.py', 'b.c'].map(only), [true, false]);
  const but = pathFilter([
    { include: false, glob: '*' },
    { include: true, glob: '*.py' },
    { include: false, glob: 'test/' },
  ]);
  assert.deepEqual(['a.py', 'b.c', 'test/a.py'].map(but), [true, false, false]);
});
