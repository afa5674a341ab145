import assert from 'node:assert/strict';
import { test } from 'node:test';
import { iamWorld, PASSWORD, passwordLogin } from './world.fixture.ts';

test('many logins at once with the right password all succeed', async t => {
  const { login } = await iamWorld(t);
  const tokens = await Promise.all(Array.from({ length: 12 }, () => login()));
  assert.equal(new Set(tokens).size, 12);
});

test('of many wrong passwords at once five are looked at; then even the right one is not', async t => {
  const { send } = await iamWorld(t);
  const attempt = (password: string) =>
    send('POST', '/v3/auth/tokens', { body: passwordLogin({ user: 'acme', account: 'acme', password }) });
  const answers = await Promise.all([...Array.from({ length: 20 }, () => attempt('Wrong-Horse-7')), attempt(PASSWORD)]);
  assert.ok(answers.every(answer => answer.status === 401));
  const locked = answers.filter(answer => answer.body.error.message.includes('locked'));
  assert.equal(answers.length - locked.length, 5);
});

test('a refused login takes as long for a name that does not exist', async t => {
  const { send } = await iamWorld(t);
  const took = async (user: string) => {
    const started = performance.now();
    await send('POST', '/v3/auth/tokens', {
      body: passwordLogin({ user, account: 'acme', password: 'Wrong-Horse-7' }),
    });
    return performance.now() - started;
  };
  await took('warm-up');
  const known: number[] = [];
  const unknown: number[] = [];
  for (let i = 0; i < 4; i++) {
    known.push(await took('acme'));
    unknown.push(await took('nobody'));
  }
  const least = (times: number[]) => Math.min(...times);
  assert.ok(
    least(unknown) > least(known) / 2,
    `${least(unknown)} ms for an unknown name, ${least(known)} ms for a known`,
  );
});
