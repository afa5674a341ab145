import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { attemptLimit } from './attempt-limit.ts';
import { iamStore } from './iam.store.ts';
import { loginService } from './login.service.ts';
import { hashPassword, passwordMatches } from './secrets.ts';
import { iamWorld, OPERATOR_KEY, PASSWORD, passwordLogin } from './world.fixture.ts';

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

/** A login service on a real store that notes which hash each password was compared with. */
async function countedLogins(t: TestContext, clock = manualClock(Date.UTC(2030, 0, 1))) {
  const world = await iamWorld(t, { clock });
  const compared: (string | null)[] = [];
  const logins = loginService({
    store: iamStore(world.db),
    clock,
    matches: async (password, hash) => {
      compared.push(hash);
      return passwordMatches(password, hash);
    },
  });
  return { world, clock, logins, compared };
}

test('every login compares one password with one hash, whether there is such a user or not', async t => {
  const { world, logins, compared } = await countedLogins(t);
  const admin = await world.login();
  const { id } = await world.user('off');
  await world.send('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { enabled: false } } });
  const keyOnly = await world.send('POST', '/v3.0/OS-USER/users', {
    token: admin,
    body: { user: { name: 'robot', access_mode: 'programmatic' } },
  });
  await world.account('closed');
  const operator = { 'X-Operator-Key': OPERATOR_KEY };
  const { domains } = (await world.send('GET', '/v3/domains?name=closed', { headers: operator })).body;
  const body = { domain: { enabled: false } };
  await world.send('PATCH', `/v3/domains/${domains[0].id}`, { headers: operator, body });
  const who = [
    { userName: 'acme', accountName: 'acme' },
    { userName: 'nobody', accountName: 'acme' },
    { userName: 'acme', accountName: 'nowhere' },
    { userName: 'off', accountName: 'acme' },
    { userName: 'robot', accountName: 'acme' },
    { userName: 'closed', accountName: 'closed' },
    { userId: world.root.userId },
    { userId: keyOnly.body.user.id },
    { userId: 'f'.repeat(32) },
    {},
  ];
  for (const login of who) {
    compared.length = 0;
    await assert.rejects(logins.login({ ...login, password: 'Wrong-Horse-7', address: '198.51.100.1' }), {
      code: 'IAM.0001',
      status: 401,
      message: 'The username or password is wrong.',
    });
    assert.equal(compared.length, 1, JSON.stringify(login));
  }
});

test('comparing with no hash takes as long as with one', async () => {
  const hash = await hashPassword(PASSWORD);
  const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
  for (let i = 0; i < 9; i++) {
    for (const [what, stored] of [
      ['known', hash],
      ['unknown', null],
    ] as const) {
      const started = process.cpuUsage();
      assert.equal(await passwordMatches('Wrong-Horse-7', stored), false);
      const { user, system } = process.cpuUsage(started);
      times[what].push(user + system);
    }
  }
  const least = (all: number[]) => Math.min(...all);
  const ratio = least(times.unknown) / least(times.known);
  assert.ok(ratio > 0.7 && ratio < 1.4, `${ratio}`);
});

test('an address from which many logins failed must wait, for whatever name; others need not', async t => {
  const { world, clock, logins } = await countedLogins(t);
  const attempt = (address: string, userName: string, password = 'Wrong-Horse-7') =>
    logins.login({ userName, accountName: 'acme', password, address });
  // People behind one address who know their passwords do not use it up.
  for (let i = 0; i < 70; i++) await attempt('198.51.100.9', 'acme', PASSWORD);
  for (let i = 0; i < 60; i++) await assert.rejects(attempt('198.51.100.9', `user-${i}`), { code: 'IAM.0001' });
  await assert.rejects(attempt('198.51.100.9', 'acme', PASSWORD), { code: 'APIGW.0308', status: 429 });
  await assert.rejects(attempt('::ffff:198.51.100.9', 'acme', PASSWORD), { status: 429 });
  await attempt('198.51.100.10', 'acme', PASSWORD);
  clock.advance(2_000);
  await attempt('198.51.100.9', 'acme', PASSWORD);
  await assert.rejects(attempt('198.51.100.9', 'somebody'), { code: 'IAM.0001' });
  await assert.rejects(attempt('198.51.100.9', 'somebody'), { status: 429 });
  assert.ok(world.url);
});

test('what is remembered of addresses is bounded, and a network of IPv6 is one', () => {
  const clock = manualClock(0);
  const limit = attemptLimit(() => clock.now());
  for (let i = 0; i < 60; i++) limit.take(`2001:db8:0:1::${i.toString(16)}`);
  assert.throws(() => limit.take('2001:db8::1:0:0:0:99'), { status: 429 });
  limit.take('2001:db8:0:2::1');
  for (let i = 0; i < 30_000; i++) limit.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assert.ok(limit.size() <= 10_000);
});

test('over the API a flood of wrong passwords is told to wait', async t => {
  const { send } = await iamWorld(t);
  const attempt = (user: string) =>
    send('POST', '/v3/auth/tokens', { body: passwordLogin({ user, account: 'acme', password: 'Wrong-Horse-7' }) });
  const answers = await Promise.all(Array.from({ length: 66 }, (_, i) => attempt(`user-${i}`)));
  const refused = answers.filter(answer => answer.status === 429);
  assert.ok(refused.length >= 5, `${refused.length}`);
  assert.equal(refused[0]!.body.error_code, 'APIGW.0308');
});
