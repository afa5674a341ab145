import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkName, nameKey } from './names.ts';
import { iamWorld } from './world.fixture.ts';

const GOOD = [
  ...[
    'ann',
    'Ann-Lee_2.x',
    'a b',
    'josé',
    'Łukasz',
    'Đặng',
    '张伟',
    '李 明-2',
    '山田タロー',
    '佐々木',
    'ユーザー',
    '김철수',
  ],
  ...['Иван', 'Юлия 2', 'Γιώργος', 'ㄅㄆ', 'zhang张', 'x'.repeat(64)],
];
const BAD: [string, RegExp][] = [
  ['', /1 to 64/],
  ['x'.repeat(65), /1 to 64/],
  [' ann', /ends/],
  ['ann ', /ends/],
  ['an\nn', /letters/],
  ['an\u0000n', /letters/],
  ['an\u200bn', /letters/],
  ['an\u202en', /letters/],
  ['an\u00adn', /letters/],
  ['a\u0301\u0301nn', /letters/],
  ['ann\ufe0f', /letters/],
  ['ann🙂', /letters/],
  ['<b>', /letters/],
  ['a/b', /letters/],
  ['ann\ud800', /letters/],
  ['\uff41nn', /plain letters: "ann"/],
  ['ﬁona', /plain letters: "fiona"/],
  ['٣', /letters/],
  ['а\u200b', /letters/],
  ['аnn', /Latin and Cyrillic|Cyrillic and Latin/],
  ['аnn张', /mix letters/],
  ['αnn', /mix letters/],
  ['асе', /look like Latin/],
  ['ΑΒΕ', /look like Latin/],
  ['ɑnn', /cannot have/],
  ['Ꭺnn', /cannot have/],
];

test('names are of letters that people can tell apart', () => {
  for (const name of GOOD) assert.doesNotThrow(() => checkName(name, 'user'), name);
  for (const [name, why] of BAD) {
    assert.throws(() => checkName(name, 'user'), { code: 'IAM.0011', status: 400, message: why }, JSON.stringify(name));
  }
});

test('names that look the same have the same key', () => {
  for (const [one, other] of [
    ['ann', 'ANN'],
    ['bill', 'bi1l'],
    ['bob', 'b0b'],
    ['Ian', 'lan'],
    ['工人', 'エ人'],
  ]) {
    assert.equal(nameKey(one!), nameKey(other!), `${one} ${other}`);
  }
  for (const [one, other] of [
    ['ann', 'anne'],
    ['user-2', 'user-3'],
    ['jose', 'josé'],
  ]) {
    assert.notEqual(nameKey(one!), nameKey(other!));
  }
});

test('two users of an account cannot look the same, and those of two accounts can', async t => {
  const { send, login, account } = await iamWorld(t);
  await account('rival');
  const [token, rival] = [await login(), await login({ user: 'rival', account: 'rival' })];
  const create = (name: string, by = token) => send('POST', '/v3/users', { token: by, body: { user: { name } } });
  assert.equal((await create('billy')).status, 201);
  for (const name of ['Billy', 'bi11y', 'BiIIy']) {
    const answer = await create(name);
    assert.equal(answer.status, 409, name);
    assert.match(answer.body.error.message, /looks like that of the user billy/);
  }
  assert.equal((await create('Acme')).status, 409);
  const other = await create('wu');
  const path = `/v3/users/${other.body.user.id}`;
  assert.equal((await send('PATCH', path, { token, body: { user: { name: 'BILLY' } } })).status, 409);
  assert.equal((await send('PATCH', path, { token, body: { user: { name: 'WU' } } })).status, 200);
  assert.equal((await create('Billy', rival)).status, 201);
  assert.equal((await create('王芳')).body.user.name, '王芳');
  assert.equal((await send('GET', `/v3/users?name=${encodeURIComponent('王芳')}`, { token })).body.users.length, 1);
});
