import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import {
  BasicCredentials,
  GlobalCredentials,
  type OfficialClient,
  officialClient,
  Region,
} from './official-client.fixture.ts';
import { refused, rootKey, sdk, setUp } from './sdk.fixture.ts';
import { iamWorld, PASSWORD, REGION } from './world.fixture.ts';

test('permanent keys: two per user, shown once, off when inactive', async t => {
  const { world, admin } = await setUp(t);
  const { id } = await world.user('ann', ['ModelArts FullAccess']);
  const create = (client: OfficialClient, userId = id) =>
    client.createPermanentAccessKey({ body: { credential: { user_id: userId, description: 'laptop' } } });
  const { credential } = await create(admin);
  assert.match(credential.access, /^[A-Z0-9]{20}$/);
  assert.equal(credential.secret.length, 40);
  assert.equal(credential.status, 'active');
  const ann = sdk(world, credential);
  assert.equal((await ann.keystoneListAuthDomains({})).domains[0].id, world.root.accountId);

  await create(ann);
  await refused(create(ann), 403, /limit of 2/);
  const { credentials } = await ann.listPermanentAccessKeys({});
  assert.equal(credentials.length, 2);
  assert.equal(credentials[0].secret, undefined);
  assert.equal((await ann.showPermanentAccessKey({ accessKey: credential.access })).credential.secret, undefined);

  // Keys of others, and those of the owner of the account, are out of reach.
  await refused(create(ann, world.root.userId), 403, /iam:credentials:createCredential/);
  await refused(ann.listPermanentAccessKeys({ userId: world.root.userId }), 403, /./);
  await refused(ann.deletePermanentAccessKey({ accessKey: world.root.accessKey }), 403, /./);

  await admin.updatePermanentAccessKey({
    accessKey: credential.access,
    body: { credential: { status: 'inactive' } },
  });
  await refused(ann.keystoneListAuthDomains({}), 401, /access key/);
  await admin.updatePermanentAccessKey({ accessKey: credential.access, body: { credential: { status: 'active' } } });
  await ann.keystoneListAuthDomains({});
  await admin.keystoneUpdateUserByAdmin({ userId: id, body: { user: { enabled: false } } });
  await refused(ann.keystoneListAuthDomains({}), 401, /access key/);
  assert.equal(await world.iam.resolveAccessKey(credential.access), undefined);
  await refused(sdk(world, { ...rootKey(world.root), secret: 'wrong' }).keystoneListUsers({}), 401, /aksk/);
});

test('the client finds project and account by itself when the credentials lack them', async t => {
  const world = await iamWorld(t);
  const region = new Region(REGION, world.url);
  const basic = new BasicCredentials().withAk(world.root.accessKey).withSk(world.root.secretKey);
  (basic as OfficialClient).withIamEndpoint(world.url);
  const client = officialClient(basic, { region });
  assert.equal((await client.keystoneListUsers({})).users[0].name, 'acme');
  const global = new GlobalCredentials().withAk(world.root.accessKey).withSk(world.root.secretKey);
  (global as OfficialClient).withIamEndpoint(world.url);
  const other = officialClient(global, { region });
  assert.equal((await other.keystoneListUsers({})).users[0].name, 'acme');
});

test('a temporary key made from a token does not outlive it', async t => {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const world = await iamWorld(t, { clock });
  const token = await world.login();
  clock.advance(23.5 * 3600_000);
  const make = (id?: string) =>
    world.send('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
      token,
      body: { auth: { identity: { methods: ['token'], token: { ...(id ? { id } : {}), duration_seconds: 7200 } } } },
    });
  for (const answer of [await make(), await make(token)]) {
    assert.equal(answer.status, 201);
    assert.equal(Date.parse(answer.body.credential.expires_at), Date.UTC(2030, 0, 2));
    assert.ok(await world.iam.resolveAccessKey(answer.body.credential.access));
  }
});

test('no secret is readable in the database or the log', async t => {
  const { world, admin } = await setUp(t);
  const { id } = await world.user('ann');
  const { credential } = await admin.createPermanentAccessKey({ body: { credential: { user_id: id } } });
  const token = await world.login({ user: 'ann' });
  await world.login({ user: 'ann', password: 'Wrong-Horse-7' }).catch(() => {});
  const temporary = (
    await admin.createTemporaryAccessKeyByToken({ body: { auth: { identity: { methods: ['token'] } } } })
  ).credential;
  const secrets = [
    PASSWORD,
    'Wrong-Horse-7',
    world.root.secretKey,
    credential.secret,
    temporary.secret,
    temporary.securitytoken,
    token,
  ];
  const files = ['test.db', 'test.db-wal'].map(name => readFileSync(join(world.dir, name), 'latin1')).join('');
  assert.ok(files.includes(credential.access), 'the database was read');
  for (const secret of secrets) {
    assert.ok(!files.includes(secret), 'secret in the database');
    assert.ok(!world.logged().includes(secret), 'secret in the log');
  }
});
