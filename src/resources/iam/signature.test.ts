import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { BasicCredentials, GlobalCredentials, officialClient, Region, recorder } from './official-client.fixture.ts';
import { parseAuthorization, type SignedRequest, verifySignature } from './signature.ts';

const ACCESS = 'QTWAOYTTINDUT2QVKYUC';
const SECRET = 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc';

const global = () => new GlobalCredentials().withAk(ACCESS).withSk(SECRET).withDomainId('d1');

function verdict(request: SignedRequest, now = Date.now(), secret = SECRET): string {
  const authorization = parseAuthorization(request.headers.authorization!);
  assert.ok(authorization, request.headers.authorization);
  assert.equal(authorization.access, ACCESS);
  return verifySignature(request, authorization, secret, now);
}

test('what the official client signs is accepted, whatever path, query and body hold', async t => {
  const { url, last } = await recorder(t);
  const sdk = officialClient(global(), { endpoint: url });
  const calls: [string, () => Promise<unknown>][] = [
    ['plain', () => sdk.keystoneListUsers({})],
    ['query', () => sdk.keystoneListUsers({ name: "!'()* é+&=~%/?", enabled: true, domainId: 'x' })],
    ['empty value', () => sdk.keystoneListUsers({ name: '' })],
    ['blank in path', () => sdk.keystoneShowUser({ userId: 'a b' })],
    ['braces in path', () => sdk.keystoneShowUser({ userId: '{user_id}' })],
    ['letters beyond ASCII in path', () => sdk.keystoneShowUser({ userId: 'ü' })],
    ['both in path', () => sdk.keystoneShowUser({ userId: 'é b' })],
    ['body', () => sdk.keystoneCreateUser({ body: { user: { name: 'ü', password: 'x' } } })],
    ['no body', () => sdk.keystoneDeleteUser({ userId: 'x' })],
    ['put', () => sdk.associateAgencyWithDomainPermission({ domainId: 'd1', agencyId: 'a', roleId: 'r' })],
    ['head', () => sdk.checkDomainPermissionForAgency({ domainId: 'd1', agencyId: 'a', roleId: 'r' })],
  ];
  for (const [what, call] of calls) {
    await call();
    assert.equal(verdict(last()), 'good', `${what}: ${last().path}?${last().query}`);
  }
  const basic = new BasicCredentials().withAk(ACCESS).withSk(SECRET).withProjectId('p1').withSecurityToken('t');
  await officialClient(basic, { endpoint: url }).keystoneListUsers({});
  assert.equal(verdict(last()), 'good');
  assert.match(last().headers.authorization!, /x-project-id;x-sdk-date;x-security-token/);
});

test('the derived algorithm V11-HMAC-SHA256 is accepted', async t => {
  const { url, last } = await recorder(t);
  const derived = new BasicCredentials()
    .withAk(ACCESS)
    .withSk(SECRET)
    .withProjectId('p1')
    .withDerivedPredicate(() => true);
  await officialClient(derived, { region: new Region('local-1', url) }).keystoneListUsers({ name: 'ann' });
  assert.match(last().headers.authorization!, /^V11-HMAC-SHA256 Credential=/);
  assert.equal(verdict(last()), 'good');
  assert.equal(verdict(last(), Date.now(), `${SECRET}x`), 'bad');
  assert.equal(verdict({ ...last(), query: 'name=bob' }), 'bad');
});

test('anything changed on the way is noticed', async t => {
  const { url, last } = await recorder(t);
  await officialClient(global(), { endpoint: url }).keystoneCreateUser({ body: { user: { name: 'ann' } } });
  const request = last();
  assert.equal(verdict(request), 'good');
  const changes: Partial<SignedRequest>[] = [
    { method: 'PUT' },
    { path: '/v3/user' },
    { path: '/v3/users/../users' },
    { query: 'a=b' },
    { bodySha256: createHash('sha256').update('{}').digest('hex') },
    { headers: { ...request.headers, host: 'elsewhere' } },
    { headers: { ...request.headers, 'x-domain-id': 'd2' } },
    { headers: { ...request.headers, 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' } },
  ];
  for (const change of changes) assert.equal(verdict({ ...request, ...change }), 'bad', JSON.stringify(change));
  assert.equal(verdict(request, Date.now(), SECRET.toLowerCase()), 'bad');
});

test('the clock may differ by 15 minutes and no more', async t => {
  const { url, last } = await recorder(t);
  await officialClient(global(), { endpoint: url }).keystoneListUsers({});
  const minute = 60_000;
  assert.equal(verdict(last(), Date.now() + 14 * minute), 'good');
  assert.equal(verdict(last(), Date.now() - 14 * minute), 'good');
  assert.equal(verdict(last(), Date.now() + 16 * minute), 'skewed');
  assert.equal(verdict(last(), Date.now() - 16 * minute), 'skewed');
  for (const date of ['', 'yesterday', '20260230T', '2026-01-01T00:00:00Z']) {
    assert.equal(verdict({ ...last(), headers: { ...last().headers, 'x-sdk-date': date } }), 'undated');
  }
});

test('a body that was not hashed must be declared', () => {
  const request: SignedRequest = {
    method: 'POST',
    path: '/v1/infers/x',
    query: '',
    headers: { host: 'h', 'x-sdk-date': '20260101T000000Z' },
  };
  const authorization = parseAuthorization('SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature=00')!;
  const now = Date.UTC(2026, 0, 1);
  assert.equal(verifySignature(request, authorization, SECRET, now), 'unhashed');
  // A declared hash says nothing when there is none to compare it with.
  const declared = { ...request, headers: { ...request.headers, 'x-sdk-content-sha256': 'ab'.repeat(32) } };
  assert.equal(verifySignature(declared, authorization, SECRET, now), 'unhashed');
  const unsigned = { ...request, headers: { ...request.headers, 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' } };
  assert.equal(verifySignature(unsigned, authorization, SECRET, now), 'bad');
});

test('Authorization headers of other forms are not taken for ours', () => {
  assert.equal(
    parseAuthorization('SDK-HMAC-SHA256 Credential=A, SignedHeaders=host;x-sdk-date, Signature=0a')?.access,
    'A',
  );
  for (const header of [
    '',
    'Basic YTpi',
    'SDK-HMAC-SHA256',
    'SDK-HMAC-SHA256 Access=, SignedHeaders=, Signature=',
    'SDK-HMAC-SHA256 Access=A, Signature=00',
    'AWS4-HMAC-SHA256 Credential=A/b/c, SignedHeaders=host, Signature=00',
  ]) {
    assert.equal(parseAuthorization(header), undefined, header);
  }
});
