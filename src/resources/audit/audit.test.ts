import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { sql } from 'kysely';
import { createTeam, type Member, switchRole, type Team } from '../../../test/scenarios/team.ts';
import { createWorld, OPERATOR_KEY, PASSWORD, type Tenant, type World } from '../../../test/world.ts';
import { signRequest } from '../../client/signature.ts';
import { type Key, s3Client } from '../objects/clients.fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: traces of all shapes
type Json = any;

let world: World;
let team: Team;
let ann: Member;
let helpers: string;
let rival: Tenant;
let rivals: Team;
let eve: Member;

before(async () => {
  world = await createWorld();
  team = await createTeam(world);
  ann = await team.member('ann');
  await team.group('staff', [ann]);
  rival = await world.tenant('rival');
  rivals = await createTeam(world, rival);
  eve = await rivals.member('eve');
  await rivals.grant(await rivals.group('operators', [eve]), ['Agent Operator']);
  const made = await team.root.call('POST', '/v3.0/OS-AGENCY/agencies', {
    agency: { name: 'helpers', domain_id: world.root.accountId, trust_domain_name: 'rival', duration: 'FOREVER' },
  });
  assert.equal(made.status, 201, made.text);
  helpers = made.body.agency.id;
  await team.grantAgency(helpers, ['Security Administrator']);
});
after(() => world?.remove());

async function traces(query: string, by: { team?: Team; operator?: boolean } = {}): Promise<Json[]> {
  const { root, tenant } = by.team ?? team;
  const answer = by.operator
    ? await world.send('GET', `/v3/operator/traces?limit=200&${query}`, { headers: { 'X-Operator-Key': OPERATOR_KEY } })
    : await root.call('GET', `/v3/${tenant.projectId}/traces?limit=200&${query}`);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.meta_data.count, answer.body.traces.length);
  return answer.body.traces;
}

/** The one record of a request. */
async function traceOf(requestId: string, by: Parameters<typeof traces>[1] = {}, more = ''): Promise<Json> {
  const found = await traces(`request_id=${requestId}${more}`, by);
  assert.equal(found.length, 1, `${found.length} records of ${requestId}`);
  return found[0];
}

const idOf = (answer: { headers: Headers }) => answer.headers.get('x-request-id')!;

const s3 = (key: Key): S3Client => s3Client(world.obs, key);

async function keyOf(member: Member): Promise<{ access: string; secret: string }> {
  const answer = await member.call('POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: member.id } });
  assert.equal(answer.status, 201, answer.text);
  return answer.body.credential;
}

describe('what a record says', () => {
  it('an allowed change: who, what, on which thing, from where, with which result', async () => {
    const answer = await team.root.call('POST', '/v3/groups?secret=query', { group: { name: 'painters' } });
    const trace = await traceOf(idOf(answer));
    const { trace_id, time, record_time, duration_ms, ...rest } = trace;
    assert.match(trace_id, /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(time - Date.now()) < 60_000 && record_time === time && duration_ms >= 0);
    assert.deepEqual(rest, {
      trace_name: 'KeystoneCreateGroup',
      trace_rating: 'normal',
      trace_type: 'ApiCall',
      service_type: 'IAM',
      resource_type: 'group',
      resource_id: answer.body.group.id,
      source_ip: '127.0.0.1',
      user: {
        id: team.root.id,
        name: 'acme',
        user_name: 'acme',
        domain: { id: world.root.accountId, name: 'acme' },
        account_id: world.root.accountId,
        principal_id: team.root.id,
        principal_is_root_user: 'true',
        type: 'User',
      },
      credential: 'token',
      code: '201',
      api_version: 'v3',
      request_id: idOf(answer),
      operation_id: 'KeystoneCreateGroup',
      read_only: false,
      action: 'iam:groups:createGroup',
      verdict: 'allow',
      workspace_id: '0',
      method: 'POST',
      path: '/v3/groups',
    });
  });

  it('a refused look, and a refused change', async () => {
    const look = await traceOf(idOf(await ann.call('GET', `${team.v2}/training-jobs/x1`)));
    assert.equal(
      `${look.trace_name} ${look.verdict} ${look.code} ${look.message} ${look.read_only} ${look.trace_rating}`,
      'ShowTrainingJobDetails deny 403 ModelArts.0112 true warning',
    );
    assert.equal(`${look.user.name} ${look.service_type} ${look.action}`, 'ann ModelArts modelarts:trainJob:get');
    assert.equal(
      `${look.resource_type}/${look.resource_id} ${look.project_id}`,
      `training-job/x1 ${team.tenant.projectId}`,
    );
    const change = await traceOf(idOf(await ann.call('DELETE', `/v3/users/${team.root.id}`)));
    assert.equal(
      `${change.trace_name} ${change.verdict} ${change.code} ${change.read_only}`,
      'KeystoneDeleteUser deny 403 false',
    );
    assert.equal(`${change.resource_type}/${change.resource_id}`, `user/${team.root.id}`);
    const allowed = await team.root.call('GET', '/v3/users');
    assert.deepEqual(await traces(`request_id=${idOf(allowed)}`), [], 'looking is not recorded');
  });

  it('a project of somebody else, and an operation of the operator', async () => {
    const foreign = await eve.call('GET', `${team.v2}/training-jobs/x1`);
    const trace = await traceOf(idOf(foreign), { team: rivals });
    assert.equal(`${trace.user.name} ${trace.verdict} ${trace.message}`, 'eve deny ModelArts.2786');
    const operation = await traceOf(idOf(await ann.call('GET', '/v3/domains')));
    assert.equal(`${operation.trace_name} ${operation.verdict}`, 'ListDomains deny');
  });

  it('a role switched across accounts: as whom, on behalf of whom, seen by the account that owns the thing', async () => {
    const login = await switchRole(world, eve, 'helpers', world.root);
    assert.equal(login.status, 201, login.text);
    const entered = await traceOf(idOf(login), { team: rivals });
    assert.equal(`${entered.user.name} ${entered.resource_type}/${entered.resource_id}`, `eve agency/${helpers}`);
    const token = login.headers.get('x-subject-token')!;
    const made = await world.send('POST', '/v3/groups', { token, body: { group: { name: 'by-eve' } } });
    assert.equal(made.status, 201, made.text);
    const trace = await traceOf(idOf(made));
    assert.equal(`${trace.user.type} ${trace.user.name} ${trace.user.id}`, `AssumedAgency helpers ${helpers}`);
    assert.deepEqual(trace.user.domain, { id: world.root.accountId, name: 'acme' });
    const home = { id: rival.accountId, name: 'rival' };
    assert.deepEqual(trace.user.assumed_by, { user: { id: eve.id, name: 'eve', domain: home } });
    assert.equal(trace.resource_account_id, world.root.accountId);
    assert.equal((await traces('user=eve')).length, 1, 'found by the one behind it too');
    assert.deepEqual(await traces(`request_id=${idOf(made)}`, { team: rivals }), []);
  });

  it('the temporary key of an agency, and an access key', async () => {
    const body = {
      auth: { identity: { methods: ['assume_role'], assume_role: { agency_name: 'helpers', domain_name: 'acme' } } },
    };
    const issued = await eve.call('POST', '/v3.0/OS-CREDENTIAL/securitytokens', body);
    assert.equal(issued.status, 201, issued.text);
    const { access, secret, securitytoken } = issued.body.credential;
    const signed = async (key: Parameters<typeof signRequest>[0], path: string, content: object) => {
      const text = Buffer.from(JSON.stringify(content));
      const headers = { 'Content-Type': 'application/json' };
      const url = new URL(world.api + path);
      const all = signRequest(key, { method: 'POST', url, headers, body: text }, new Date());
      return fetch(url, { method: 'POST', headers: all, body: new Uint8Array(text) });
    };
    const byAgency = await signed({ access, secret, securityToken: securitytoken }, '/v3/groups', {
      group: { name: 'by-key-of-agency' },
    });
    assert.equal(byAgency.status, 201);
    const trace = await traceOf(idOf(byAgency));
    assert.equal(
      `${trace.credential} ${trace.user.name} ${trace.user.assumed_by.user.name}`,
      'temporary-key helpers eve',
    );
    const own = await signed({ access: world.root.accessKey, secret: world.root.secretKey }, '/v3/groups', {
      group: { name: 'by-key' },
    });
    assert.equal((await traceOf(idOf(own))).credential, 'access-key');
  });

  it('logins: those that went well, and failed ones by the account and user they were tried for', async () => {
    const attempt = (name: string, domain: string, password: string) =>
      world.send('POST', '/v3/auth/tokens', {
        body: {
          auth: {
            identity: { methods: ['password'], password: { user: { name, password, domain: { name: domain } } } },
          },
        },
      });
    const good = await traceOf(idOf(await attempt('ann', 'acme', PASSWORD)));
    assert.equal(`${good.user.name} ${good.credential} ${good.code}`, 'ann password 201');
    const wrong = await traceOf(idOf(await attempt('ann', 'acme', 'not-this-one')));
    assert.equal(`${wrong.user.name} ${wrong.code} ${wrong.message} ${wrong.source_ip}`, 'ann 401 IAM.0001 127.0.0.1');
    const unknown = await attempt('S3cret-in-the-name', 'acme', 'x');
    const nameless = await traceOf(idOf(unknown));
    assert.deepEqual(nameless.user, {
      domain: { id: world.root.accountId, name: 'acme' },
      account_id: world.root.accountId,
    });
    const nowhere = await attempt('ann', 'S3cret-in-the-account', 'x');
    assert.deepEqual(await traces(`request_id=${idOf(nowhere)}`), []);
    const account = await traceOf(idOf(nowhere), { operator: true });
    assert.equal(`${account.code} ${account.user}`, '401 undefined');
    assert.doesNotMatch(await everything(), /S3cret|not-this-one/);
  });
});

describe('object storage', () => {
  let client: S3Client;
  let keyOfAnn: { access: string; secret: string };
  before(async () => {
    client = s3({ access: world.root.accessKey, secret: world.root.secretKey });
    keyOfAnn = await keyOf(ann);
  });
  after(() => client.destroy());

  const recorded = async (query: string, of: Team = team) =>
    (await traces(`service_type=OBS&${query}`, { team: of })).map(
      trace =>
        `${trace.user?.name} ${trace.trace_name} ${trace.resource_type}:${trace.resource_name} ${trace.code} ${trace.verdict} ${trace.action}`,
    );

  it('changes of buckets are on record when they are answered; what is done with objects is not recorded', async () => {
    await client.send(new CreateBucketCommand({ Bucket: 'audited' }));
    await client.send(new PutObjectCommand({ Bucket: 'audited', Key: 'k', Body: 'x' }));
    await client.send(new GetObjectCommand({ Bucket: 'audited', Key: 'k' }));
    await assert.rejects(client.send(new DeleteBucketCommand({ Bucket: 'audited' })));
    await client.send(new CreateBucketCommand({ Bucket: 'audited-2' }));
    await client.send(new DeleteBucketCommand({ Bucket: 'audited-2' }));
    assert.deepEqual(await recorded('trace_type=system'), [
      'acme deleteBucket bucket:audited-2 204 allow obs:bucket:DeleteBucket',
      'acme createBucket bucket:audited-2 200 allow obs:bucket:CreateBucket',
      'acme deleteBucket bucket:audited 409 none obs:bucket:DeleteBucket',
      'acme createBucket bucket:audited 200 allow obs:bucket:CreateBucket',
    ]);
    assert.deepEqual(await recorded('trace_type=data'), []);
  });

  it('the answer of a change waits for its record', async () => {
    const raw = await sql<{ n: number }>`SELECT count(*) AS n FROM audit_records`.execute(world.db);
    await client.send(new CreateBucketCommand({ Bucket: 'audited-3' }));
    const now = await sql<{ n: number }>`SELECT count(*) AS n FROM audit_records`.execute(world.db);
    assert.equal(now.rows[0]!.n, raw.rows[0]!.n + 1);
  });

  it('what was refused is told by action and object, as data; also within a batch, and of other accounts', async () => {
    const of = s3(keyOfAnn);
    await assert.rejects(of.send(new GetObjectCommand({ Bucket: 'audited', Key: 'dir/k' })));
    const batch = await of.send(
      new DeleteObjectsCommand({ Bucket: 'audited', Delete: { Objects: [{ Key: 'one' }, { Key: 'two' }] } }),
    );
    assert.equal(batch.Errors?.length, 2);
    await assert.rejects(of.send(new CreateBucketCommand({ Bucket: 'by-ann' })));
    assert.deepEqual(await recorded('trace_type=data'), [
      'ann deleteObject object:audited/one 403 deny obs:object:DeleteObject',
      'ann getObject object:audited/dir/k 403 deny obs:object:GetObject',
    ]);
    assert.deepEqual(await recorded('user=ann&trace_type=system'), [
      'ann createBucket bucket:by-ann 403 deny obs:bucket:CreateBucket',
    ]);
    const foreign = s3({ access: rival.accessKey, secret: rival.secretKey });
    await assert.rejects(foreign.send(new GetObjectCommand({ Bucket: 'audited', Key: 'k' })));
    assert.equal((await recorded('trace_type=data', rivals)).length, 1);
    of.destroy();
    foreign.destroy();
  });

  it('a signature that is not good belongs to nobody', async () => {
    const forged = s3({ access: keyOfAnn.access, secret: 'no-such-secret' });
    await assert.rejects(forged.send(new GetObjectCommand({ Bucket: 'audited', Key: 'forged' })));
    forged.destroy();
    const [trace] = await traces('trace_type=data&service_type=OBS', { operator: true });
    assert.equal(
      `${trace.resource_id} ${trace.message} ${trace.user}`,
      'audited/forged SignatureDoesNotMatch undefined',
    );
  });
});

describe('searching', () => {
  it('an account sees its own records alone, whatever it asks for', async () => {
    const ours = new Set((await traces('')).map(trace => trace.trace_id));
    const theirs = await traces('', { team: rivals });
    assert.ok(ours.size > 5 && theirs.length > 1);
    for (const trace of theirs) {
      assert.ok(!ours.has(trace.trace_id));
      assert.equal(trace.user.account_id, rival.accountId);
    }
    const [one] = ours;
    assert.deepEqual(await traces(`trace_id=${one}`, { team: rivals }), []);
    assert.equal((await traces(`trace_id=${one}`)).length, 1);
    const foreign = await rivals.root.call('GET', `/v3/${world.root.projectId}/traces`);
    assert.equal(foreign.status, 403);
    const marker = await rivals.root.call('GET', `/v3/${rival.projectId}/traces?next=${one}`);
    assert.equal(`${marker.status} ${marker.body.error_code}`, '400 cts.0005');
  });

  it('needs cts:trace:list, and the operator’s calls need the operator', async () => {
    const path = `/v3/${team.tenant.projectId}/traces`;
    const refused = await ann.call('GET', path);
    assert.equal(`${refused.status} ${refused.body.error_code}`, '403 IAM.0003');
    assert.match(refused.body.error_msg, /cts:trace:list/);
    const policy = await team.policy('auditors', {
      Version: '1.1',
      Statement: [{ Effect: 'Allow', Action: ['cts:trace:list'] }],
    });
    const auditor = await team.member('auditor');
    await team.grant(await team.group('auditors', [auditor]), [policy]);
    assert.equal((await auditor.call('GET', path)).status, 200);
    assert.equal((await team.root.call('GET', '/v3/operator/traces')).status, 403);
    const headers = { 'X-Operator-Key': OPERATOR_KEY };
    const made = await world.send('POST', '/v3/domains', { headers, body: { domain: { name: 'third' } } });
    assert.equal(made.status, 201, made.text);
    const trace = await traceOf(idOf(made), { operator: true });
    assert.equal(`${trace.user.type} ${trace.trace_name} ${trace.resource_type}`, 'Operator CreateDomain domain');
    assert.deepEqual(await traces(`request_id=${idOf(made)}`), []);
  });

  it('goes from page to page as the official client does, by meta_data.marker', async () => {
    const whole = (await traces('trace_type=system')).map(trace => trace.trace_id);
    const seen: string[] = [];
    for (let next = ''; ; ) {
      const path = `/v3/${team.tenant.projectId}/traces?trace_type=system&limit=4${next && `&next=${next}`}`;
      const { body } = await team.root.call('GET', path);
      seen.push(...body.traces.map((trace: Json) => trace.trace_id));
      assert.ok(body.traces.length <= 4);
      if (body.meta_data.marker === null) break;
      next = body.meta_data.marker;
    }
    assert.deepEqual(seen, whole);
    assert.equal((await team.root.call('GET', `/v3/${team.tenant.projectId}/traces`)).body.traces.length, 10);
  });

  it('finds by the wire’s filters, and refuses those it cannot answer', async () => {
    const names = async (query: string) => [...new Set((await traces(query)).map(trace => trace.trace_name))];
    assert.deepEqual(await names('trace_name=KeystoneCreateGroup'), ['KeystoneCreateGroup']);
    assert.deepEqual(await names('trace_rating=warning&service_type=ModelArts'), ['ShowTrainingJobDetails']);
    assert.deepEqual(await names(`resource_type=user&resource_id=${team.root.id}`), ['KeystoneDeleteUser']);
    assert.deepEqual(await names('resource_name=audited-3'), ['createBucket']);
    assert.deepEqual(await names(`source_ip=10.0.0.1`), []);
    assert.deepEqual(await names(`from=${Date.now() + 60_000}`), []);
    assert.ok((await names(`from=1&to=${Date.now() + 60_000}`)).length > 3);
    for (const query of [
      'access_key_id=AK',
      'enterprise_project_id=0',
      'limit=201',
      'trace_rating=odd',
      'from=2&to=1',
    ]) {
      const answer = await team.root.call('GET', `/v3/${team.tenant.projectId}/traces?${query}`);
      assert.equal(`${answer.status} ${answer.body.error_code}`, '400 cts.0005', query);
    }
  });
});

/** All that the two tables hold, as one text. */
async function everything(): Promise<string> {
  await traces('');
  await team.root.call('GET', `/v3.0/OS-ROLE/suggestions?user_id=${team.root.id}`);
  const records = await sql`SELECT * FROM audit_records`.execute(world.db);
  const uses = await sql`SELECT * FROM action_usage`.execute(world.db);
  return JSON.stringify([...records.rows, ...uses.rows]);
}

describe('secrets', () => {
  it('no password, secret key, token, security token, signature or body gets into the tables', async () => {
    const secrets = new Map<string, string>();
    const user = await team.root.call('POST', '/v3/users', { user: { name: 'dora', password: 'Dora-Has-1-Secret' } });
    secrets.set('password', 'Dora-Has-1-Secret');
    const token = await world.login({ account: 'acme', name: 'dora', password: 'Dora-Has-1-Secret' });
    secrets.set('token', token).set('signature of a token', token.split('.')[2]!);
    await world.send('POST', `/v3/users/${user.body.user.id}/password`, {
      token,
      body: { user: { original_password: 'Dora-Has-1-Secret', password: 'Dora-Has-2-Secrets' } },
    });
    secrets.set('new password', 'Dora-Has-2-Secrets');
    const fresh = await world.login({ account: 'acme', name: 'dora', password: 'Dora-Has-2-Secrets' });
    const dora = { id: user.body.user.id, name: 'dora', token: fresh } as Member;
    dora.call = (method, path, body) => world.send(method, path, { token: fresh, body });
    const key = await keyOf(dora);
    secrets.set('secret key', key.secret).set('access key, whole', key.access);
    const temporary = await dora.call('POST', '/v3.0/OS-CREDENTIAL/securitytokens', {
      auth: { identity: { methods: ['token'] } },
    });
    const { secret, securitytoken } = temporary.body.credential;
    secrets.set('temporary secret', secret).set('security token', securitytoken);
    const client = s3({ access: temporary.body.credential.access, secret, securityToken: securitytoken });
    const link = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'audited', Key: 'k' }));
    assert.equal((await fetch(link)).status, 403);
    client.destroy();
    secrets.set('signature of a link', new URL(link).searchParams.get('X-Amz-Signature')!);
    // In places where they do not belong.
    await dora.call('DELETE', `/v3/users/${token}`);
    await dora.call('POST', `/v3/groups?token=${token}`, { group: { name: 'x', note: 'Body-Secret-9' } });
    secrets.set('body', 'Body-Secret-9');
    await world.send('DELETE', '/v3/users/x', {
      token: 'Nonsense-Token-9',
      headers: { 'X-Operator-Key': 'Key-Guess-9' },
    });
    secrets.set('bad token', 'Nonsense-Token-9').set('guess of the operator key', 'Key-Guess-9');
    secrets.set('operator key', OPERATOR_KEY).set('root', world.root.secretKey).set('root password', PASSWORD);
    const text = await everything();
    assert.match(text, /"dora"/);
    for (const [what, value] of secrets) assert.ok(!text.includes(value), `a ${what} is in the tables`);
  });
});
