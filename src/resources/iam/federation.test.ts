import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { exportJWK, exportSPKI, generateKeyPair, generateSecret, importJWK } from 'jose';
import { type Clock, manualClock } from '../../kernel/clock.ts';
import { type Authorizations, authorizationsMigrations, createAuthorizations } from '../authorizations/index.ts';
import { CLIENT, connect, enter, ISSUER, issuer, RULES } from './federation.fixture.ts';
import { GlobalCredentials, officialClient } from './official-client.fixture.ts';
import { type Answer, iamWorld, REGION } from './world.fixture.ts';

const PROVIDER = '/v3/OS-FEDERATION/identity_providers/corp';
const CONFIG = '/v3.0/OS-FEDERATION/identity-providers/corp/openid-connect-config';
const MAPPING = '/v3/OS-FEDERATION/mappings/corp-rules';

/** A provider `corp` of the first account, and groups `ann-group` with ModelArts' rights and `bob-group` with none. */
/** The default workspace of a project. */
const inDefault = (projectId: string) => [
  { projectId, workspace: { id: '0', enterpriseProjectId: '0', admits: () => ({ allowed: true, reason: '' }) } },
];

async function setUp(t: TestContext, clock?: Clock) {
  let authorizations: Authorizations | undefined;
  const world = await iamWorld(t, {
    ...(clock ? { clock } : {}),
    more: authorizationsMigrations,
    routes: deps => {
      authorizations = createAuthorizations(deps);
      return authorizations.routes;
    },
  });
  const idp = await issuer();
  const token = await world.login();
  const ann = await world.user('ann', ['ModelArts CommonOperations']);
  const bob = await world.user('bob');
  await connect(world, token, idp.jwks);
  const things = `/v2/${world.root.projectId}/things`;

  /** A login for the region's project. */
  const scoped = (idToken: string, scope: object = { project: { name: REGION } }, id = 'corp') =>
    world.send('POST', '/v3.0/OS-AUTH/id-token/tokens', {
      headers: { 'X-Idp-Id': id },
      body: { auth: { id_token: { id: idToken }, scope } },
    });
  const tokenOf = (answer: Answer): string => {
    assert.equal(answer.status, 201, answer.text);
    return answer.headers.get('x-subject-token')!;
  };
  const claims = { sub: 's-1', name: 'Zoe', groups: ['ann-group'] };
  return {
    world,
    idp,
    token,
    ann,
    bob,
    scoped,
    tokenOf,
    claims,
    authorizations: authorizations!,
    admin: (method: string, path: string, body?: unknown, by = token) =>
      world.send(method, path, { token: by, ...(body === undefined ? {} : { body }) }),
    look: (by: string) => world.send('GET', things, { token: by }),
    /** A token for the region's project. */
    zoe: async (more: object = {}) => tokenOf(await scoped(await idp.idToken({ ...claims, ...more }))),
  };
}

test('a login gives the rights of exactly the mapped groups', async t => {
  const { world, idp, ann, zoe, look, scoped, tokenOf, claims } = await setUp(t);
  const entered = await scoped(await idp.idToken({ ...claims, groups: ['ann-group', 'no-such-group'] }));
  const seen = entered.body.token;
  assert.deepEqual(seen.methods, ['mapped']);
  assert.equal(seen.user.name, 'Zoe');
  assert.match(seen.user.id, /^[0-9a-f]{32}$/);
  assert.equal(seen.user.domain.id, world.root.accountId);
  assert.equal(seen.project.id, world.root.projectId);
  assert.deepEqual(seen.user['OS-FEDERATION'], {
    identity_provider: { id: 'corp' },
    protocol: { id: 'oidc' },
    groups: [{ id: ann.groupId, name: 'ann-group' }],
  });
  const allowed = await look(tokenOf(entered));
  assert.equal(allowed.status, 200, allowed.text);
  assert.equal(allowed.body.who.kind, 'federated');
  assert.equal(
    (await world.iam.callers(inDefault(world.root.projectId))).filter(caller => caller.id === seen.user.id).length,
    1,
  );

  // The same person, with other groups this time: there is one user, and what it may do changes for all its tokens.
  const other = await zoe({ groups: ['bob-group'] });
  assert.equal((await look(other)).status, 403);
  assert.equal((await look(tokenOf(entered))).status, 403);
  assert.equal(
    (await world.iam.callers(inDefault(world.root.projectId))).filter(caller => caller.id === seen.user.id).length,
    0,
  );
  const nothing = await zoe({ groups: undefined });
  assert.equal((await look(nothing)).status, 403);
  // The name of an IAM user's group does not make one that user.
  assert.notEqual((await look(await zoe({ name: 'ann' }))).body.who.id, ann.id);
});

test('an unscoped token makes scoped tokens and temporary keys, which end with it', async t => {
  const clock = manualClock(Date.now());
  const { world, idp, claims, look, admin, token } = await setUp(t, clock);
  const entered = await enter(world, await idp.idToken(claims, { at: clock.now() }));
  assert.equal(entered.status, 201, entered.text);
  assert.equal(entered.body.token.project, undefined);
  const unscoped = entered.headers.get('x-subject-token')!;
  const projects = await world.send('GET', '/v3/auth/projects', { token: unscoped });
  assert.equal(projects.body.projects[0].id, world.root.projectId);

  clock.advance(3_600_000);
  const exchanged = await world.send('POST', '/v3/auth/tokens', {
    body: {
      auth: { identity: { methods: ['token'], token: { id: unscoped } }, scope: { project: { name: REGION } } },
    },
  });
  assert.equal(exchanged.status, 201, exchanged.text);
  assert.equal(exchanged.body.token.user['OS-FEDERATION'].identity_provider.id, 'corp');
  assert.equal(exchanged.body.token.expires_at, entered.body.token.expires_at);
  const scoped = exchanged.headers.get('x-subject-token')!;
  assert.equal((await look(scoped)).status, 200);

  const key = await world.send('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
    token: scoped,
    body: { auth: { identity: { methods: ['token'], token: { id: scoped, duration_seconds: 900 } } } },
  });
  assert.equal(key.status, 201, key.text);
  const resolved = await world.iam.resolveAccessKey(key.body.credential.access);
  assert.equal(resolved?.principal.kind, 'federated');
  assert.equal(
    (await world.iam.authorizer.decide(resolved!.principal, { action: 'modelarts:trainJob:list' })).allowed,
    true,
  );
  await admin('PATCH', PROVIDER, { identity_provider: { enabled: false } }, token);
  assert.equal(await world.iam.resolveAccessKey(key.body.credential.access), undefined);
});

test('an ID token that is not what the provider says is refused with its own message', async t => {
  const { world, idp, claims, scoped } = await setUp(t);
  const stranger = await generateKeyPair('RS256');
  const ps = await importJWK({ ...idp.privateJwk, alg: 'PS256' }, 'PS256');
  const publicKey = (await importJWK(idp.jwk, 'RS256', { extractable: true })) as Parameters<typeof exportSPKI>[0];
  const asSecret = new TextEncoder().encode(await exportSPKI(publicKey));
  const good = await idp.idToken(claims);
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const cases: [string, RegExp][] = [
    [await idp.idToken(claims, { key: stranger.privateKey }), /wrong signature/],
    [
      `${header}.${encoded({ sub: 's-2', iss: ISSUER, aud: CLIENT, iat: now, exp: now + 60 })}.${signature}`,
      /wrong signature/,
    ],
    [await idp.idToken({ ...claims, iss: `${ISSUER}/` }), /another issuer/],
    [await idp.idToken({ ...claims, aud: 'other' }), /another audience/],
    [await idp.idToken({ ...claims, aud: [CLIENT, 'other'], azp: 'other' }), /another client/],
    [await idp.idToken({ ...claims, exp: now - 61 }), /has expired/],
    [await idp.idToken({ ...claims, exp: undefined }), /no valid exp/],
    [await idp.idToken({ ...claims, nbf: now + 120 }), /not valid yet/],
    [await idp.idToken({ ...claims, sub: undefined }), /no valid sub/],
    [await idp.idToken({ ...claims, sub: 7 }), /no sub|no valid sub/],
    [`${none}.${payload}.`, /not signed by one of/],
    [await idp.idToken(claims, { algorithm: 'HS256', key: asSecret }), /not signed by one of/],
    [await idp.idToken(claims, { algorithm: 'PS256', key: ps }), /signing_key does not have/],
    ['not-a-token', /no signed JWT/],
    [await idp.idToken({ ...claims, padding: 'x'.repeat(16 * 1024) }), /larger than 16384 bytes/],
    [await idp.idToken({ sub: 's-1' }), /No rule of the mapping corp-rules fits/],
    [await idp.idToken({ ...claims, name: 'a\u0000b' }), /control characters/],
  ];
  for (const [idToken, message] of cases) {
    const answer = await scoped(idToken);
    assert.equal(answer.status, 401, `${message}: ${answer.text}`);
    assert.match(answer.text, message);
    assert.ok(!answer.text.includes('s-1') && !answer.text.includes('Zoe'));
    assert.equal(answer.headers.get('x-subject-token'), null);
  }
  // A minute's difference between clocks is none.
  assert.equal((await scoped(await idp.idToken({ ...claims, exp: now - 30 }))).status, 201);
  assert.ok(!world.logged().includes(payload));
});

test('what a login lacks is said', async t => {
  const { world, idp, claims, scoped } = await setUp(t);
  const good = await idp.idToken(claims);
  const auth = `${PROVIDER}/protocols`;
  const bearer = { Authorization: `Bearer ${good}` };
  const cases: [Answer, number, RegExp][] = [
    [await world.send('POST', `${auth}/oidc/auth`), 400, /Authorization must carry/],
    [await world.send('POST', `${auth}/oidc/auth`, { headers: { Authorization: 'Basic eDp5' } }), 400, /must carry/],
    [await world.send('POST', `${auth}/saml/auth`, { headers: bearer }), 404, /protocol: saml/],
    [await scoped(good, {}, ''), 400, /X-Idp-Id/],
    [await scoped(good, {}, 'none'), 401, /does not exist/],
    [await scoped(good, { project: { name: 'elsewhere' } }), 401, /reaches no project elsewhere/],
    [await scoped(good, { domain: { name: 'rival' } }), 401, /reaches no account rival/],
  ];
  for (const [answer, status, message] of cases) {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, message);
  }
  for (let count = 0; count < 70; count++) await scoped('x');
  assert.equal((await scoped('x')).status, 429);
});

test('whatever a login went by ends its credentials when it changes', async t => {
  const { idp, zoe, look, admin, claims, scoped, world } = await setUp(t);
  const spare = await issuer();
  const changes: [string, string, object, string, object][] = [
    // what changes, and how it is put back
    [PROVIDER, 'PATCH', { identity_provider: { enabled: false } }, 'PATCH', { identity_provider: { enabled: true } }],
    [MAPPING, 'PATCH', { mapping: { rules: [RULES[1]] } }, 'PATCH', { mapping: { rules: RULES } }],
    [
      CONFIG,
      'PUT',
      { openid_connect_config: { signing_key: spare.jwks } },
      'PUT',
      { openid_connect_config: { signing_key: idp.jwks } },
    ],
  ];
  for (const [path, method, change, back, former] of changes) {
    const token = await zoe();
    assert.equal((await look(token)).status, 200);
    assert.equal((await admin(method, path, change)).status, 200);
    assert.equal((await look(token)).status, 401, path);
    assert.equal((await scoped(await idp.idToken(claims))).status, 401, path);
    assert.equal((await admin(back, path, former)).status, 200);
    assert.equal((await look(token)).status, 401, 'what was revoked does not come back');
  }
  const kept = await zoe();
  assert.equal((await admin('PATCH', PROVIDER, { identity_provider: { description: 'words' } })).status, 200);
  const same: [string, object][] = [
    [PROVIDER, { identity_provider: {} }],
    [PROVIDER, { identity_provider: { enabled: true } }],
    [`${PROVIDER}/protocols/oidc`, { protocol: { mapping_id: 'corp-rules' } }],
  ];
  for (const [path, body] of same) assert.equal((await admin('PATCH', path, body)).status, 200, path);
  await admin('PUT', '/v3/OS-FEDERATION/mappings/spare', { mapping: { rules: RULES } });
  assert.equal((await admin('PATCH', '/v3/OS-FEDERATION/mappings/spare', { mapping: { rules: RULES } })).status, 200);
  assert.equal((await look(kept)).status, 200);

  assert.equal((await admin('DELETE', `${PROVIDER}/protocols/oidc`)).status, 204);
  assert.equal((await look(kept)).status, 401);
  await admin('PUT', `${PROVIDER}/protocols/oidc`, { protocol: { mapping_id: 'corp-rules' } });
  const last = await zoe();
  const { id } = (await look(last)).body.who;
  assert.equal((await admin('DELETE', PROVIDER)).status, 204);
  assert.equal((await look(last)).status, 401);
  assert.equal(await world.iam.federatedUser(id), undefined);
  assert.equal(
    (await world.iam.callers(inDefault(world.root.projectId))).some(caller => caller.id === id),
    false,
  );
});

test('a group that is deleted gives nothing any more, to tokens that are there already', async t => {
  const { zoe, look, admin, ann } = await setUp(t);
  const token = await zoe();
  assert.equal((await admin('DELETE', `/v3/groups/${ann.groupId}`)).status, 204);
  const refused = await look(token);
  assert.equal(refused.status, 403, refused.text);
});

test('who has not logged in for a day is no caller of services', async t => {
  const clock = manualClock(Date.now());
  const { world, idp, scoped, claims } = await setUp(t, clock);
  const enterNow = async () => (await scoped(await idp.idToken(claims, { at: clock.now() }))).body.token.user.id;
  const id = await enterNow();
  const isCaller = async () =>
    (await world.iam.callers(inDefault(world.root.projectId))).some(caller => caller.id === id);
  assert.equal(await isCaller(), true);
  clock.advance(24 * 3_600_000);
  assert.equal(await isCaller(), false);
  let told = 0;
  world.iam.onCallersChanged(() => told++);
  assert.equal(await enterNow(), id);
  assert.equal(told, 1);
  assert.equal(await isCaller(), true);
});

test('another account sees and changes nothing of it, and cannot take its id', async t => {
  const { world, admin, idp } = await setUp(t);
  await world.account('rival');
  const rival = await world.login({ user: 'rival', account: 'rival' });
  const protocol = { protocol: { mapping_id: 'corp-rules' } };
  const config = { access_mode: 'program', idp_url: ISSUER, client_id: CLIENT, signing_key: idp.jwks };
  const calls: [string, string, object?][] = [
    ['GET', PROVIDER],
    ['PATCH', PROVIDER, { identity_provider: { enabled: false } }],
    ['DELETE', PROVIDER],
    ['GET', `${PROVIDER}/protocols`],
    ['GET', `${PROVIDER}/protocols/oidc`],
    ['PUT', `${PROVIDER}/protocols/oidc`, protocol],
    ['PATCH', `${PROVIDER}/protocols/oidc`, protocol],
    ['DELETE', `${PROVIDER}/protocols/oidc`],
    ['GET', MAPPING],
    ['PATCH', MAPPING, { mapping: { rules: RULES } }],
    ['DELETE', MAPPING],
    ['GET', CONFIG],
    ['POST', CONFIG, { openid_connect_config: config }],
    ['PUT', CONFIG, { openid_connect_config: config }],
  ];
  for (const [method, path, body] of calls) {
    const answer = await admin(method, path, body, rival);
    assert.equal(answer.status, 404, `${method} ${path}: ${answer.text}`);
  }
  const taken = await admin('PUT', PROVIDER, { identity_provider: {} }, rival);
  assert.equal(taken.status, 409, taken.text);
  assert.deepEqual(
    (await admin('GET', '/v3/OS-FEDERATION/identity_providers', undefined, rival)).body.identity_providers,
    [],
  );
  assert.deepEqual((await admin('GET', '/v3/OS-FEDERATION/mappings', undefined, rival)).body.mappings, []);
  assert.equal((await admin('GET', PROVIDER)).body.identity_provider.enabled, true);

  // A group of the same name in another account is not reached by the mapping.
  const twin = await admin('PUT', '/v3/OS-FEDERATION/mappings/corp-rules', { mapping: { rules: RULES } }, rival);
  assert.equal(twin.status, 201, twin.text);
  await connectRival();
  const entered = await enter(world, await idp.idToken({ sub: 's-1', name: 'Zoe', groups: ['ann-group'] }), 'other');
  assert.deepEqual(entered.body.token.user['OS-FEDERATION'].groups, []);
  assert.equal(entered.body.token.user.domain.name, 'rival');

  async function connectRival(): Promise<void> {
    await connect(world, rival, idp.jwks, 'other');
  }
});

test('what cannot be configured is refused, naming the field', async t => {
  const { admin, idp } = await setUp(t);
  const secret = await exportJWK(await generateSecret('HS256', { extractable: true }));
  const short = await generateKeyPair('RS256', { extractable: true }).then(({ publicKey }) => exportJWK(publicKey));
  const jwks = (...keys: unknown[]) => ({ openid_connect_config: { signing_key: JSON.stringify({ keys }) } });
  const provider = '/v3/OS-FEDERATION/identity_providers';
  const calls: [string, string, object, number, RegExp][] = [
    ['PUT', `${provider}/a%20b`, { identity_provider: {} }, 400, /idp_id/],
    ['PUT', `${provider}/x`, { identity_provider: { sso_type: 'iam_user_sso' } }, 400, /sso_type.*virtual_user_sso/],
    ['PUT', PROVIDER, { identity_provider: {} }, 409, /corp already/],
    ['PUT', `${PROVIDER}/protocols/saml`, { protocol: { mapping_id: 'corp-rules' } }, 400, /oidc: SAML/],
    ['PATCH', `${PROVIDER}/protocols/oidc`, { protocol: { mapping_id: 'none' } }, 404, /mapping: none/],
    ['PUT', `${PROVIDER}/protocols/oidc`, { protocol: { mapping_id: 'corp-rules' } }, 409, /oidc already/],
    ['PATCH', MAPPING, { mapping: { rules: [{ local: [], remote: [] }] } }, 400, /rules\[0\]\.remote/],
    ['DELETE', MAPPING, {}, 409, /used by the identity provider corp/],
    ['PUT', CONFIG, { openid_connect_config: { signing_key: 'x' } }, 400, /JWKS as JSON/],
    ['PUT', CONFIG, jwks(), 400, /JWKS as JSON/],
    ['PUT', CONFIG, jwks(7), 400, /JWKS as JSON/],
    ['PUT', CONFIG, jwks(secret), 400, /private or symmetric key at keys\[0\]/],
    ['PUT', CONFIG, jwks(idp.jwk, idp.privateJwk), 400, /private or symmetric key at keys\[1\]/],
    ['PUT', CONFIG, jwks({ kty: 'OKP', crv: 'Ed25519', x: 'AA' }), 400, /neither RSA nor EC/],
    ['PUT', CONFIG, jwks({ ...short, n: short.n!.slice(0, 100) }), 400, /shorter than 2048/],
    ['PUT', CONFIG, jwks(idp.jwk, idp.jwk), 400, /another key's too/],
    ['PUT', CONFIG, { openid_connect_config: { idp_url: 'ftp://x' } }, 400, /idp_url/],
    ['PUT', CONFIG, { openid_connect_config: { access_mode: 'program_console' } }, 400, /authorization_endpoint/],
  ];
  for (const [method, path, body, status, message] of calls) {
    const answer = await admin(method, path, body);
    assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`);
    assert.match(answer.text, message);
  }
  for (let count = 1; count < 10; count++) {
    assert.equal((await admin('PUT', `${provider}/more-${count}`, { identity_provider: {} })).status, 201);
  }
  assert.match((await admin('PUT', `${provider}/more-10`, { identity_provider: {} })).text, /limit of 10/);
});

test('the platform acts for a federated user by its own entry, its name, its group, or everybody', async t => {
  const { world, admin, authorizations, zoe, look, ann } = await setUp(t);
  const v2 = `/v2/${world.root.projectId}`;
  for (const suffix of ['all', 'group', 'name', 'own'])
    await admin('POST', `${v2}/agency`, { agency_name_suffix: suffix });
  const bind = async (body: object) => {
    const answer = await admin('POST', `${v2}/authorizations`, body);
    assert.equal(answer.status, 200, answer.text);
  };
  await bind({ user_type: 'federate', user_name: 'Zoe', content: 'ma_agency_name' });
  const principal = (await look(await zoe())).body.who;
  const agency = () => authorizations.agencyFor(principal, world.root.projectId);
  assert.equal(await agency(), 'ma_agency_name');
  await bind({ user_type: 'federation-group', user_id: ann.groupId, content: 'ma_agency_group' });
  await bind({ user_id: 'all', content: 'ma_agency_all' });
  // Now that Zoe has been here, the name means this user.
  await bind({ user_type: 'federate', user_name: 'Zoe', content: 'ma_agency_own' });
  assert.equal(await agency(), 'ma_agency_own');
  const drop = (id: string) => admin('DELETE', `${v2}/authorizations?user_id=${encodeURIComponent(id)}`);
  assert.equal((await drop(principal.id)).status, 200);
  assert.equal(await agency(), 'ma_agency_name');
  assert.equal((await drop('federate:Zoe')).status, 200);
  assert.equal(await agency(), 'ma_agency_group');
  const elsewhere = (await look(await zoe({ groups: ['ann-group'], sub: 's-2', name: 'Yan' }))).body.who;
  assert.equal(await authorizations.agencyFor({ ...elsewhere, groups: [] }, world.root.projectId), 'ma_agency_all');

  // The agency stays within what the user it works for is denied.
  const deny = { Version: '1.1', Statement: [{ Effect: 'Deny', Action: ['modelarts:trainJob:create'] }] };
  const { body } = await admin('POST', '/v3.0/OS-ROLE/roles', {
    role: { display_name: 'no-jobs', type: 'AX', policy: deny },
  });
  const { principal: session } = await world.iam.assumeAgency({
    accountId: world.root.accountId,
    agencyName: 'ma_agency_all',
    projectId: world.root.projectId,
    durationSeconds: 900,
    onBehalfOf: { id: principal.id, name: principal.name },
  });
  const may = async () => (await world.iam.authorizer.decide(session, { action: 'modelarts:trainJob:create' })).allowed;
  const before = await may();
  const domain = `/v3/OS-INHERIT/domains/${world.root.accountId}`;
  await admin('PUT', `${domain}/groups/${ann.groupId}/roles/${body.role.id}/inherited_to_projects`);
  assert.equal(before, true);
  assert.equal(await may(), false);

  // Two people of one name: whoever is meant must be named by the id.
  await zoe({ sub: 's-3' });
  const doubt = await admin('POST', `${v2}/authorizations`, {
    user_type: 'federate',
    user_name: 'Zoe',
    content: 'ma_agency_own',
  });
  assert.equal(doubt.body.error_code, 'ModelArts.0422');
  assert.match(doubt.text, /Several federated users/);
});

test('the official client connects a provider and logs in', async t => {
  const world = await iamWorld(t);
  const idp = await issuer();
  const { root } = world;
  await world.user('ann', ['ModelArts CommonOperations']);
  const credentials = new GlobalCredentials()
    .withDomainId(root.accountId)
    .withAk(root.accessKey)
    .withSk(root.secretKey);
  const client = officialClient(credentials, { endpoint: world.url });
  const { identity_provider } = await client.keystoneCreateIdentityProvider({
    id: 'corp',
    body: { identity_provider: { description: 'people', enabled: true, sso_type: 'virtual_user_sso' } },
  });
  assert.equal(identity_provider.id, 'corp');
  await client.keystoneCreateMapping({ id: 'rules', body: { mapping: { rules: RULES } } });
  await client.keystoneCreateProtocol({
    idpId: 'corp',
    protocolId: 'oidc',
    body: { protocol: { mapping_id: 'rules' } },
  });
  const config = { access_mode: 'program', idp_url: ISSUER, client_id: CLIENT, signing_key: idp.jwks };
  await client.createOpenIdConnectConfig({ idpId: 'corp', body: { openid_connect_config: config } });
  assert.equal((await client.showOpenIdConnectConfig({ idpId: 'corp' })).openid_connect_config.idp_url, ISSUER);
  assert.equal((await client.keystoneListMappings({})).mappings[0].id, 'rules');
  assert.equal((await client.keystoneShowProtocol({ idpId: 'corp', protocolId: 'oidc' })).protocol.mapping_id, 'rules');

  const idToken = await idp.idToken({ sub: 's-1', name: 'Zoe', groups: ['ann-group'] });
  // It signs what it sends, so that the token can only go in the body, or in a header of its own.
  const entered = await client.createTokenWithIdToken({
    'X-Idp-Id': 'corp',
    body: { auth: { id_token: { id: idToken }, scope: { project: { name: REGION } } } },
  });
  assert.equal(entered.token.user.name, 'Zoe');
  assert.equal(entered.token.project.id, root.projectId);
  await client.keystoneDeleteIdentityProvider({ id: 'corp' });
  await client.keystoneDeleteMapping({ id: 'rules' });
  assert.deepEqual((await client.keystoneListIdentityProviders({})).identity_providers, []);
});
