import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from './failure.ts';
import { createLog, type Log } from './log.ts';

const SECRET = 'hunter2-Zx9';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLWh1bnRlcjI';

/** What `write` logs, line by line. */
function logged(write: (log: Log) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLog('debug', { write: line => void lines.push(line) }));
  return lines.map(line => JSON.parse(line) as Record<string, unknown>);
}

const calls: Record<string, (log: Log) => void> = {
  'a login': log => log.info({ user: 'ann', password: SECRET }, 'login'),
  'a request with its headers': log =>
    log.warn({ req: { headers: { authorization: `SDK-HMAC-SHA256 Signature=${SECRET}`, host: 'h' } } }, 'request'),
  'headers in any case': log =>
    log.info({
      headers: { 'X-Auth-Token': SECRET, 'x-Security-Token': SECRET, 'X-Subject-Token': SECRET, Cookie: SECRET },
    }),
  'OBS headers': log => log.info({ headers: { 'x-amz-security-token': SECRET, 'x-obs-security-token': SECRET } }),
  'a body of the login API': log =>
    log.debug({ body: { auth: { identity: { password: { user: { name: 'ann', password: SECRET } } } } } }),
  'a created access key': log => log.info({ credential: { access: 'AK', secret: SECRET, securitytoken: SECRET } }),
  'snake and camel case': log =>
    log.info({ key: { secret_key: SECRET, secretKey: SECRET, security_token: SECRET, secretAccessKey: SECRET } }),
  'a list of keys': log => log.info({ keys: [{ access: 'AK', secret: SECRET }] }),
  'a map': log => log.info({ headers: new Map([['authorization', SECRET]]) }),
  'secrets of the installation': log =>
    log.info({ secrets: { tokenKey: Buffer.from(SECRET), gatewayKey: SECRET }, raw: Buffer.from(SECRET) }),
  'the environment of a job': log =>
    log.info({
      env: {
        HUAWEICLOUD_SDK_AK: 'AK',
        MA_TOKEN: SECRET,
        HUAWEICLOUD_SDK_SK: SECRET,
        DB_PASSWORD: SECRET,
        'x-auth-token': SECRET,
      },
    }),
  'an error with the request on it': log =>
    log.error({ err: Object.assign(new Error('broke'), { config: { headers: { Authorization: SECRET } } }) }, 'failed'),
  'an error alone': log => log.error(Object.assign(new Error('broke'), { secret: SECRET })),
  'a failure with a cause': log =>
    log.error({
      err: new Failure({
        code: 'x',
        status: 500,
        message: 'm',
        cause: Object.assign(new Error('inner'), { options: { headers: { 'X-Auth-Token': SECRET } } }),
        details: { password: SECRET },
      }),
    }),
  'a child logger': log =>
    log
      .child({ token: SECRET })
      .child({ req: { headers: { authorization: SECRET } } })
      .info('hello'),
  'a signed address': log =>
    log.info(
      { url: `http://obs/b/k?AccessKeyId=AK&Expires=1&Signature=${SECRET}%3D&x-obs-security-token=${SECRET}` },
      `fetch http://obs/b/k?X-Amz-Security-Token=${SECRET}&X-Amz-Signature=${SECRET}`,
    ),
  'an authorization header in a text': log =>
    log.info(`got SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=${SECRET}`),
  'an address with a password': log => log.info({ registry: `https://user:${SECRET}@registry.example/v2/` }),
  'a token in a text or a message of an error': log => {
    log.info(`using ${JWT}`);
    log.error({ err: new Error(`token ${JWT} is expired`) });
  },
};

for (const [name, call] of Object.entries(calls)) {
  test(`no secret is logged: ${name}`, () => {
    const lines = logged(call);
    assert.ok(lines.length > 0);
    assert.doesNotMatch(JSON.stringify(lines), /hunter2|aHVudGVyM|c2lnbmF0dXJl|104,117,110/);
  });
}

test('what is no secret stays readable', () => {
  const [line] = logged(log =>
    log.error(
      {
        requestId: 'r1',
        user: 'ann',
        headers: { host: 'h', 'x-project-id': 'p' },
        secretName: 's',
        tokens: 3,
        at: new Date(0),
      },
      'refused %s',
      'ann',
    ),
  );
  assert.equal(line!.msg, 'refused ann');
  assert.equal(line!.requestId, 'r1');
  assert.deepEqual(line!.headers, { host: 'h', 'x-project-id': 'p' });
  assert.equal(line!.secretName, 's');
  assert.equal(line!.tokens, 3);
  assert.equal(line!.at, '1970-01-01T00:00:00.000Z');
  assert.match(String(line!.time), /^\d{4}-/);
});

test('errors are logged with type, text, stack and causes', () => {
  const [line] = logged(log =>
    log.error({
      err: new Failure({ code: 'ModelArts.0010', status: 500, message: 'outer', cause: new RangeError('inner') }),
    }),
  );
  const err = line!.err as Record<string, unknown> & { cause: Record<string, unknown> };
  assert.equal(err.type, 'Failure');
  assert.equal(err.code, 'ModelArts.0010');
  assert.match(String(err.stack), /log\.test\.ts/);
  assert.equal(err.cause.type, 'RangeError');
  assert.match(String(err.cause.stack), /inner/);
  const [alone] = logged(log => log.error(new Error('alone')));
  assert.equal(alone!.msg, 'alone');
});

test('things that refer to themselves or are deep do not break the log', () => {
  const loop: Record<string, unknown> = { name: 'loop' };
  loop.self = loop;
  const error: Error & { cause?: unknown } = new Error('circular');
  error.cause = error;
  assert.equal(logged(log => log.info({ loop, error, big: 1n, fn: () => 1, nothing: undefined }))[0]!.big, '1');
});

test('an object that holds itself is told once', () => {
  const error: Error & { error?: Error } = new Error('spawn failed');
  error.error = error;
  const [line] = logged(log => log.warn({ err: error }, 'told'));
  const { err } = line as { err: Record<string, unknown> };
  assert.equal(err.message, 'spawn failed');
  assert.equal(err.error, '[itself]');
});
