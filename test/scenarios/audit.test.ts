import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { ObsClient } from '../../src/client/obs.ts';
import { Session } from '../../src/client/session.ts';
import { createWorld, PASSWORD, REGION, type World } from '../world.ts';
import { createTeam, jobBody, type Member, switchRole, type Team, uploadCode } from './team.ts';

interface Trace {
  trace_id: string;
  trace_name: string;
  code: string;
  trace_rating: string;
  source_ip: string;
  request_id: string;
  time: number;
  action: string;
  verdict: string;
  resource_type: string;
  resource_id: string;
  credential: string;
  user: { id: string; name: string; type: string; assumed_by?: { user: { name: string; domain: { name: string } } } };
}

describe('the audit trail', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    await uploadCode(world, team, 'audited');
    ann = await team.member('ann');
    await team.grant(await team.group('staff', [ann]), ['ModelArts CommonOperations', 'OBS Administrator']);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
  });
  after(() => world?.remove());

  async function traces(query: string): Promise<Trace[]> {
    const answer = await team.root.call('GET', `/v3/${team.tenant.projectId}/traces?${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body.traces;
  }

  it('a change tells who, what, on what, from where, with which result', async () => {
    const before = Date.now();
    const made = await ann.call('POST', `${team.v2}/training-jobs`, jobBody('told', 'audited'));
    assert.equal(made.status, 201, made.text);
    const id = made.body.metadata.id;
    assert.equal((await ann.call('DELETE', `${team.v2}/training-jobs/${id}`)).status, 202);
    const [removal, creation] = (await traces('user=ann&limit=2')) as [Trace, Trace];
    assert.equal(creation.trace_name, 'CreateTrainingJob');
    assert.equal(creation.action, 'modelarts:trainJob:create');
    assert.equal(creation.verdict, 'allow');
    assert.equal(creation.code, '201');
    assert.equal(creation.source_ip, '127.0.0.1');
    assert.equal(creation.request_id, made.headers.get('x-request-id'));
    assert.ok(creation.time >= before && creation.time <= Date.now());
    assert.deepEqual([creation.user.id, creation.user.name, creation.user.type], [ann.id, 'ann', 'User']);
    assert.equal(creation.credential, 'token');
    assert.deepEqual([removal.resource_type, removal.resource_id], ['training-job', id]);
  });

  it('refusals are told, also of what only looks; what was let look is not', async () => {
    assert.equal((await ann.call('GET', '/v3/users')).status, 403);
    assert.equal((await ann.call('POST', `${team.v2}/pools`, {})).status, 403);
    assert.equal((await ann.call('GET', `${team.v2}/algorithms`)).status, 200);
    const refused = await traces('user=ann&verdict=deny');
    assert.deepEqual(
      refused.map(trace => [trace.trace_name, trace.action, trace.code, trace.trace_rating]),
      [
        ['CreatePool', 'modelarts:pool:create', '403', 'warning'],
        ['KeystoneListUsers', 'iam:users:listUsers', '403', 'warning'],
      ],
    );
    assert.deepEqual(await traces('trace_name=ListAlgorithms'), []);
  });

  it('a role that was switched tells the real user and its account; an agency session the user it works for', async () => {
    const beta = await createTeam(world, await world.tenant('beta'));
    const bea = await beta.member('bea');
    await beta.grant(await beta.group('switchers', [bea]), ['Agent Operator']);
    const lent = { name: 'for-beta', domain_id: team.tenant.accountId, trust_domain_name: 'beta' };
    const { agency } = (await team.root.call('POST', '/v3.0/OS-AGENCY/agencies', { agency: lent })).body;
    await team.grantAgency(agency.id, ['ModelArts FullAccess']);
    const token = (await switchRole(world, bea, 'for-beta', team.tenant)).headers.get('x-subject-token')!;
    await world.send('POST', `${team.v2}/algorithms`, { token, body: {} });
    const [trace] = (await traces('user=bea')) as [Trace];
    assert.equal(trace.user.name, 'for-beta');
    assert.equal(trace.user.type, 'AssumedAgency');
    assert.deepEqual(trace.user.assumed_by?.user.domain.name, 'beta');
    // The account of the user sees nothing of what happens in the other one.
    const others = await beta.root.call('GET', `/v3/${beta.tenant.projectId}/traces?trace_name=CreateAlgorithm`);
    assert.deepEqual(others.body.traces, []);
    const foreign = await beta.root.call('GET', `/v3/${team.tenant.projectId}/traces`);
    assert.equal(foreign.status, 403);
  });

  it('buckets made and removed, and objects refused, are told as well', async () => {
    const { credential } = (
      await ann.call('POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: ann.id } })
    ).body;
    const profile = {
      endpoints: { api: world.api, obs: world.obs, inference: '' },
      region: REGION,
      projectId: team.tenant.projectId,
      key: { access: credential.access, secret: credential.secret },
    };
    const obs = new ObsClient(profile);
    await obs.createBucket('of-ann');
    await obs.put({ bucket: 'of-ann', key: 'x.txt' }, Buffer.from('x'));
    const stranger = await team.member('stranger');
    const key = (
      await stranger.call('POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: stranger.id } })
    ).body.credential;
    const denied = new ObsClient({ ...profile, key: { access: key.access, secret: key.secret } });
    await assert.rejects(denied.put({ bucket: 'of-ann', key: 'y.txt' }, Buffer.from('y')), /not allowed|AccessDenied/i);
    const made = await traces('user=ann&resource_type=bucket');
    assert.deepEqual(
      made.map(trace => [trace.trace_name, trace.resource_id, trace.code]),
      [['createBucket', 'of-ann', '200']],
    );
    const [refused] = (await traces('user=stranger&verdict=deny')) as [Trace];
    assert.equal(refused.action, 'obs:object:PutObject');
    assert.equal(refused.resource_id, 'of-ann/y.txt');
    assert.equal(refused.credential, 'access-key');
  });

  it('pages by its marker without loss or repetition, while more is written', async () => {
    const all = new Set<string>();
    let marker: string | null = '';
    for (let pages = 0; marker !== null; pages++) {
      const query = `limit=3${marker ? `&next=${marker}` : ''}`;
      const { body } = await team.root.call('GET', `/v3/${team.tenant.projectId}/traces?${query}`);
      for (const trace of body.traces as Trace[]) {
        assert.ok(!all.has(trace.trace_id), 'a trace is told once');
        all.add(trace.trace_id);
      }
      marker = body.meta_data.marker;
      await team.root.call('POST', '/v3/groups', { group: { name: `more-${pages}` } });
      assert.ok(pages < 200);
    }
    assert.ok(all.size > 15);
    const bad = await team.root.call('GET', `/v3/${team.tenant.projectId}/traces?next=nonsense`);
    assert.equal(bad.status, 400);
    assert.match(bad.text, /\[next\]/);
  });

  it('keeps nothing secret', async () => {
    const login = await world.send('POST', '/v3/auth/tokens?secret=in-query', {
      body: {
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'ann', password: 'Wrong-password-9', domain: { name: team.tenant.account } } },
          },
        },
      },
    });
    assert.equal(login.status, 401);
    const { credential } = (
      await team.root.call('POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: team.root.id } })
    ).body;
    await team.root.call('DELETE', `/v3.0/OS-CREDENTIAL/credentials/${credential.access}`);
    await traces('limit=1');
    const { rows } = await sql<Record<string, unknown>>`SELECT * FROM audit_records`.execute(world.db);
    const text = JSON.stringify(rows);
    assert.match(text, /KeystoneCreateToken/);
    for (const secret of [PASSWORD, 'Wrong-password-9', ann.token, credential.secret, credential.access, 'in-query']) {
      assert.ok(!text.includes(secret), `${secret.slice(0, 12)}… is in no record`);
    }
  });
});

describe('a policy out of what was used', () => {
  let world: World;
  let team: Team;
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    await uploadCode(world, team, 'learned');
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
  });
  after(() => world?.remove());

  /** A day's work: what the first did with broad rights, the second does with what was suggested. */
  async function work(member: Member, name: string): Promise<number[]> {
    const answers = [
      await member.call('POST', `${team.v2}/training-jobs`, jobBody(name, 'learned')),
      await member.call('POST', `${team.v2}/training-job-searches`, {}),
      await member.call('GET', `${team.v2}/algorithms`),
      await member.call('GET', '/v3/users'),
    ];
    return answers.map(answer => answer.status);
  }

  it('lets another do the same, and nothing else', async () => {
    const ann = await team.member('ann');
    await team.grant(await team.group('broad', [ann]), ['Tenant Administrator', 'Security Administrator']);
    assert.deepEqual(await work(ann, 'of-ann'), [201, 200, 200, 200]);

    const answer = await team.root.call('GET', `/v3.0/OS-ROLE/suggestions?user_id=${ann.id}&days=1`);
    assert.equal(answer.status, 200, answer.text);
    assert.doesNotMatch(JSON.stringify(answer.body.policies), /"[^"]*:\*:\*"(?!.*Resource)|"\*:\*:\*"/);
    const bob = await team.member('bob');
    assert.deepEqual(await work(bob, 'of-bob'), [403, 403, 403, 403]);
    const group = await team.group('narrow', [bob]);
    for (const [index, policy] of answer.body.policies.entries()) {
      await team.grant(group, [await team.policy(`suggested-${index}`, policy)]);
    }
    assert.deepEqual(await work(bob, 'of-bob'), [201, 200, 200, 200]);
    for (const [method, path] of [
      ['DELETE', `${team.v2}/training-jobs/none`],
      ['POST', `${team.v2}/algorithms`],
      ['GET', `${team.v1}/services`],
      ['POST', '/v3/users'],
    ] as const) {
      assert.equal((await bob.call(method, path, method === 'POST' ? {} : undefined)).status, 403, `${method} ${path}`);
    }
    const key = (await bob.call('POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: bob.id } })).body
      .credential;
    const obs = new ObsClient({
      ...new Session({ endpoints: { api: world.api, obs: world.obs, inference: '' }, region: REGION, projectId: '' })
        .profile,
      key: { access: key.access, secret: key.secret },
    });
    await assert.rejects(obs.createBucket('of-bob'), /not allowed|AccessDenied/i);
  });

  it('says whom it needs', async () => {
    for (const [query, status] of [
      ['', 400],
      ['user_id=none', 404],
      ['user_id=a&agency_id=b', 400],
      ['user_id=none&days=0', 400],
    ] as const) {
      assert.equal((await team.root.call('GET', `/v3.0/OS-ROLE/suggestions?${query}`)).status, status, query);
    }
  });
});
