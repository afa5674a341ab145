import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWorld, type World } from '../world.ts';
import { createTeam, documentPolicy, jobBody, type Member, switchRole, type Team, uploadCode } from './team.ts';

/** Chapter 1 of the document, each scenario as its steps are written; by the API alone. */

const pool = (name: string) => ({
  apiVersion: 'v2',
  kind: 'Pool',
  metadata: { labels: { 'os.modelarts/name': name } },
  spec: { type: 'Dedicate', scope: ['Train'], resources: [] },
});

function assertDenied(
  answer: { status: number; text: string; body: { error_code: string } },
  action: string,
  by?: string,
) {
  assert.equal(answer.status, 403, answer.text);
  assert.equal(answer.body.error_code, 'ModelArts.0112');
  assert.match(answer.text, new RegExp(`${action} .*${by === undefined ? 'no policy grants it' : by}`));
}

/** What is allowed may still fail for another reason: there are no pools and notebooks in this version. */
function assertNotDenied(answer: { status: number; text: string }) {
  assert.ok(answer.status !== 401 && answer.status !== 403, `${answer.status} ${answer.text}`);
}

describe('1.3.1 an individual user', () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world?.remove());

  it('works as root once an agency for all users is added, and is told so before', async () => {
    const team = await createTeam(world);
    await uploadCode(world, team, 'individual');
    const before = await team.root.call('POST', `${team.v2}/training-jobs`, jobBody('job', 'individual'));
    assert.equal(before.status, 403);
    assert.equal(before.body.error_code, 'ModelArts.2785');
    assert.match(before.text, /no agency is bound.*Global Configuration/);
    const made = await team.root.call('POST', `${team.v2}/agency`, {});
    assert.equal(made.body.agency_name, 'modelarts_agency');
    await team.authorize('all', made.body.agency_name);
    const job = await team.root.call('POST', `${team.v2}/training-jobs`, jobBody('job', 'individual'));
    assert.equal(job.status, 201, job.text);
    // "All users" covers those created later.
    const late = await team.member('late');
    const group = await team.group('individuals', [late]);
    await team.grant(group, ['Tenant Administrator']);
    assert.equal((await late.call('POST', `${team.v2}/training-jobs`, jobBody('of-late', 'individual'))).status, 201);
  });

  it('lists the permissions of the common user, as the document shows them', async () => {
    const team = await createTeam(world);
    const { agencies } = (
      await team.root.call('GET', `/v3.0/OS-AGENCY/agencies?domain_id=${team.tenant.accountId}&name=modelarts_agency`)
    ).body;
    const domain = `/v3.0/OS-INHERIT/domains/${team.tenant.accountId}/agencies/${agencies[0].id}`;
    const { roles } = (await team.root.call('GET', `${domain}/roles/inherited_to_projects`)).body;
    const names = roles.map((role: { display_name: string }) => role.display_name);
    for (const name of [
      'DLI FullAccess',
      'VPC Administrator',
      'EPS FullAccess',
      'CTS Administrator',
      'ModelArts CommonOperations',
      'SFS ReadOnlyAccess',
      'OBS Administrator',
      'DWS Administrator',
      'LTS FullAccess',
      'CES ReadOnlyAccess',
    ]) {
      assert.ok(names.includes(name), `${name} in ${names.join(', ')}`);
    }
    assert.equal(names.length, 12);
  });

  it('only a tenant administrator adds authorizations', async () => {
    const team = await createTeam(world);
    const user = await team.member('ordinary');
    await team.grant(await team.group('ordinaries', [user]), ['ModelArts FullAccess']);
    const body = { user_id: 'all', type: 'agency', content: 'modelarts_agency' };
    assert.equal((await user.call('POST', `${team.v2}/authorizations`, body)).status, 403);
    assert.equal((await user.call('DELETE', `${team.v2}/authorizations?user_id=all`)).status, 403);
    assert.equal((await user.call('GET', `${team.v2}/authorizations`)).body.total_count, 1);
  });
});

describe('1.3.2 administrators and developers', () => {
  let world: World;
  let team: Team;
  let admin: Member;
  let developer: Member;
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    await uploadCode(world, team, 'team-data');
    [admin, developer] = [await team.member('the-admin'), await team.member('the-developer')];
    const ids: Record<string, string> = {};
    for (const name of ['Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation']) {
      ids[name] = await team.policy(name, documentPolicy(name));
    }
    const admins = await team.group('ModelArts_admin_group', [admin]);
    await team.grant(admins, [ids.Policy1_IAM_OBS!, ids.Policy2_AllowOperation!]);
    const developers = await team.group('user_group', [developer]);
    await team.grant(developers, Object.values(ids));
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize(admin, agency_name);
    await team.agency('ma_agency_develop_user', ['OBS Administrator']);
    await team.authorize(developer, 'ma_agency_develop_user');
  });
  after(() => world?.remove());

  it('the administrator may create a pool; the developer is refused, by the policy and its statement', async () => {
    assertNotDenied(await admin.call('POST', `${team.v2}/pools`, pool('p1')));
    assertDenied(
      await developer.call('POST', `${team.v2}/pools`, pool('p1')),
      'modelarts:pool:create',
      'Policy3_DenyOperation',
    );
    for (const method of ['PATCH', 'DELETE']) {
      assertDenied(
        await developer.call(method, `${team.v2}/pools/p1`, {}),
        'modelarts:pool:\\w+',
        'Policy3_DenyOperation',
      );
      assertNotDenied(await admin.call(method, `${team.v2}/pools/p1`, {}));
    }
    assertNotDenied(await developer.call('GET', `${team.v2}/pools`));
  });

  it('the developer works with notebooks of its own, and does not see those of others', async () => {
    assertNotDenied(await developer.call('POST', `${team.v1}/notebooks`, { name: 'nb' }));
    assertNotDenied(await developer.call('GET', `${team.v1}/notebooks`));
    const all = await developer.call('GET', `${team.v1}/notebooks/all`);
    assertDenied(all, 'modelarts:notebook:listAllNotebooks', 'Policy3_DenyOperation');
    assertNotDenied(await admin.call('GET', `${team.v1}/notebooks/all`));
  });

  it('both train: the policies as pasted are enough, and each works by the agency that was bound to it', async () => {
    for (const member of [admin, developer]) {
      const job = await member.call('POST', `${team.v2}/training-jobs`, jobBody(`job-of-${member.name}`, 'team-data'));
      assert.equal(job.status, 201, job.text);
    }
    const { auth } = (await admin.call('GET', `${team.v2}/authorizations?sort_by=user_name`)).body;
    assert.deepEqual(
      auth.map((entry: { user_name: string; content: string }) => [entry.user_name, entry.content]),
      [
        ['the-admin', 'modelarts_agency'],
        ['the-developer', 'ma_agency_develop_user'],
      ],
    );
  });

  it('neither manages IAM', async () => {
    for (const member of [admin, developer]) {
      assert.equal((await member.call('GET', '/v3/users')).status, 200);
      assert.equal(
        (await member.call('POST', '/v3/users', { user: { name: 'x', password: 'Xx-123456' } })).status,
        403,
      );
      assert.equal((await member.call('POST', `${team.v2}/agency`, {})).status, 403);
    }
  });
});

describe('1.3.3 and 1.3.4 single permissions', () => {
  let world: World;
  let team: Team;
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
  });
  after(() => world?.remove());

  it('listAllNotebooks and listUsers let a user view all notebook instances, and nothing more', async () => {
    const viewer = await team.member('viewer');
    const group = await team.group('viewers', [viewer]);
    const rule = (action: string) => ({ Version: '1.1', Statement: [{ Effect: 'Allow', Action: [action] }] });
    assertDenied(await viewer.call('GET', `${team.v1}/notebooks/all`), 'modelarts:notebook:listAllNotebooks');
    await team.grant(group, [
      await team.policy('Viewing all notebook instances', rule('modelarts:notebook:listAllNotebooks')),
      await team.policy('Viewing all users of the current IAM project', rule('iam:users:listUsers')),
    ]);
    assertNotDenied(await viewer.call('GET', `${team.v1}/notebooks/all`));
    assert.equal((await viewer.call('GET', '/v3/users')).status, 200);
    assertDenied(await viewer.call('POST', `${team.v1}/notebooks`, {}), 'modelarts:notebook:create');
  });

  it('trainJob:exec is what Cloud Shell needs; the evaluator tells who has it', async () => {
    const shell = await team.member('shell');
    await team.grant(await team.group('shells', [shell]), [
      await team.policy('Using Cloud Shell to log in to a running training container', {
        Version: '1.1',
        Statement: [{ Effect: 'Allow', Action: ['modelarts:trainJob:exec', 'modelarts:workspace:get'] }],
      }),
    ]);
    const other = await team.member('no-shell');
    const [yes, no] = [
      await evaluate(shell, 'modelarts:trainJob:exec'),
      await evaluate(other, 'modelarts:trainJob:exec'),
    ];
    assert.equal(yes.verdict, 'allow');
    assert.match(yes.cause[0].policy_name, /Cloud Shell/);
    assert.equal(no.verdict, 'deny');
  });

  async function evaluate(member: Member, action: string) {
    const requests = [{ action_id: '1', action }];
    const answer = await member.call('POST', `${team.v1}/workspaces/0/auth`, { requests });
    assert.equal(answer.status, 200, answer.text);
    return answer.body.results[0];
  }
});

describe('1.3.5 nobody uses the public resource pool', () => {
  let world: World;
  let team: Team;
  let user: Member;
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    await uploadCode(world, team, 'pool-data');
    user = await team.member('pool-user');
    const group = await team.group('pool-users', [user]);
    const denial = await team.policy('DenyPublicPool', documentPolicy('DenyPublicPool'));
    await team.grant(group, ['Tenant Administrator', denial]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
  });
  after(() => world?.remove());

  it('job, notebook and service are refused in the public pool, and not in a dedicated one', async () => {
    const service = { service_name: 's', infer_type: 'real-time', config: [] };
    const attempts: [string, string, object, object][] = [
      [
        'trainJob',
        `${team.v2}/training-jobs`,
        jobBody('j', 'pool-data'),
        jobBody('j', 'pool-data', { pool: 'pool-1' }),
      ],
      ['notebook', `${team.v1}/notebooks`, { name: 'n' }, { name: 'n', pool_id: 'pool-1' }],
      ['service', `${team.v1}/services`, service, { ...service, cluster_id: 'pool-1' }],
    ];
    for (const [type, path, inPublic, inDedicated] of attempts) {
      assertDenied(await user.call('POST', path, inPublic), `modelarts:${type}:create`, 'DenyPublicPool');
      assertNotDenied(await user.call('POST', path, inDedicated));
    }
  });

  it('whatever is not the name of a pool is the public pool', async () => {
    for (const pool_id of ['', '  ', null, 7, {}, ['pool-1']]) {
      const body = structuredClone(jobBody('hostile', 'pool-data')) as { spec: { resource: object } };
      body.spec.resource = { ...body.spec.resource, pool_id };
      const answer = await user.call('POST', `${team.v2}/training-jobs`, body);
      assert.ok(answer.status === 403 || answer.status === 400, answer.text);
      assert.doesNotMatch(answer.text, /PoolNotFound/);
    }
  });
});

describe('account B works in account A by switching its role', () => {
  let world: World;
  let team: Team;
  let other: Team;
  let member: Member;
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    other = await createTeam(world, await world.tenant('beta'));
    const made = await team.root.call('POST', '/v3.0/OS-AGENCY/agencies', {
      agency: { name: 'for-beta', domain_id: team.tenant.accountId, trust_domain_name: 'beta', duration: 'ONEDAY' },
    });
    await team.grantAgency(made.body.agency.id, [
      await team.policy('training only', {
        Version: '1.1',
        Statement: [{ Effect: 'Allow', Action: ['modelarts:trainJob:*'] }],
      }),
    ]);
    member = await other.member('bea');
  });
  after(() => world?.remove());

  it('a user of B may once B lets it, has what the agency has, and loses it when B disables the user', async () => {
    assert.equal((await switchRole(world, member, 'for-beta', team.tenant)).status, 403);
    await other.grant(await other.group('switchers', [member]), ['Agent Operator']);
    const answer = await switchRole(world, member, 'for-beta', team.tenant);
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.body.token.assumed_by.user.name, 'bea');
    const token = answer.headers.get('x-subject-token')!;
    const search = { token, body: {} };
    assert.equal((await world.send('POST', `${team.v2}/training-job-searches`, search)).status, 200);
    assertDenied(await world.send('GET', `${team.v1}/services`, { token }), 'modelarts:service:list');
    assert.equal((await world.send('POST', `${other.v2}/training-job-searches`, search)).status, 404);
    assert.equal((await world.send('GET', '/v3/users', { token })).status, 403);
    await other.root.call('PATCH', `/v3/users/${member.id}`, { user: { enabled: false } });
    assert.equal((await world.send('POST', `${team.v2}/training-job-searches`, search)).status, 401);
  });

  it('nobody else may use the agency, and who may not learns nothing of it', async () => {
    const third = await createTeam(world, await world.tenant('gamma'));
    const outsider = await third.member('gus');
    await third.grant(await third.group('switchers', [outsider]), ['Agent Operator']);
    const refused = await switchRole(world, outsider, 'for-beta', team.tenant);
    const unknown = await switchRole(world, outsider, 'no-such', team.tenant);
    assert.equal(refused.status, unknown.status);
    assert.equal(refused.body.error_code, unknown.body.error_code);
  });
});
