import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWorld, type World } from '../world.ts';
import { createTeam, documentPolicy, jobBody, type Member, switchRole, type Team, uploadCode } from './team.ts';
import { makePool, modelBody, notebookBody, poolBody, publish, serviceBody, uploadThings } from './things.ts';

/** Chapter 1 of the document, each scenario as its steps are written; by the API alone. */

const ONE = 'modelarts.vm.cpu.1u';

function assertDenied(
  answer: { status: number; text: string; body: { error_code: string } },
  action: string,
  by?: string,
) {
  assert.equal(answer.status, 403, answer.text);
  assert.equal(answer.body.error_code, 'ModelArts.0112');
  assert.match(answer.text, new RegExp(`${action} .*${by === undefined ? 'no policy grants it' : by}`));
}

/** Starts a notebook instance and waits until it is usable; resolves with its path. */
async function notebookOf(world: World, team: Team, member: Member, name: string, more: object = {}): Promise<string> {
  const made = await member.call('POST', `${team.v1}/notebooks`, notebookBody(name, more));
  assert.equal(made.status, 200, made.text);
  const path = `${team.v1}/notebooks/${made.body.id}`;
  await reached(world, member, path, 'RUNNING');
  return path;
}

/** Waits until a notebook instance or service is in a state. */
async function reached(world: World, member: Member, path: string, status: string): Promise<void> {
  await world.until(async () => (await member.call('GET', path)).body.status === status);
}

/** Submits a job and waits until it runs; resolves with its path. */
async function jobOf(world: World, team: Team, member: Member, body: object): Promise<string> {
  const made = await member.call('POST', `${team.v2}/training-jobs`, body);
  assert.equal(made.status, 201, made.text);
  const path = `${team.v2}/training-jobs/${made.body.metadata.id}`;
  await world.until(async () => (await member.call('GET', path)).body.status.phase === 'Running');
  return path;
}

const names = (answer: { body: { data: { name: string }[] } }) => answer.body.data.map(({ name }) => name);

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
    world = await createWorld({ work: true });
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

  it('the administrator creates a pool, which runs; the developer is refused, by the policy and its statement', async () => {
    const { id, network } = await makePool(world, team, admin, 'team-pool', { flavor: ONE, count: 1 });
    const another = poolBody('other-pool', network, { flavor: ONE, count: 1 });
    assertDenied(
      await developer.call('POST', `${team.v2}/pools`, another),
      'modelarts:pool:create',
      'Policy3_DenyOperation',
    );
    const path = `${team.v2}/pools/${id}`;
    const merge = { headers: { 'Content-Type': 'application/merge-patch+json' } };
    const change = { metadata: { annotations: { 'os.modelarts/description': 'of the team' } } };
    assertDenied(await developer.call('PATCH', path, change, merge), 'modelarts:pool:update', 'Policy3_DenyOperation');
    assertDenied(await developer.call('DELETE', path), 'modelarts:pool:delete', 'Policy3_DenyOperation');
    assert.equal((await admin.call('PATCH', path, change, merge)).status, 200);
    const seen = (await developer.call('GET', `${team.v2}/pools`)).body.items;
    assert.deepEqual(
      seen.map((each: { metadata: { name: string } }) => each.metadata.name),
      [id],
    );
    assert.equal((await admin.call('DELETE', path)).status, 200);
    await world.until(async () => (await admin.call('GET', path)).status === 404);
  });

  it('the developer works with notebooks of its own, and does not see those of others', async () => {
    const own = await notebookOf(world, team, developer, 'of-developer');
    const others = await notebookOf(world, team, admin, 'of-admin');
    const { url, token } = (await developer.call('GET', own)).body;
    assert.ok(url.endsWith('/lab') && token.length > 0);
    assert.deepEqual(names(await developer.call('GET', `${team.v1}/notebooks`)), ['of-developer']);
    const all = await developer.call('GET', `${team.v1}/notebooks/all`);
    assertDenied(all, 'modelarts:notebook:listAllNotebooks', 'Policy3_DenyOperation');
    assert.deepEqual(names(await admin.call('GET', `${team.v1}/notebooks/all`)).sort(), ['of-admin', 'of-developer']);
    assert.equal((await developer.call('POST', `${own}/stop`)).status, 200);
    await reached(world, developer, own, 'STOPPED');
    for (const path of [own, others]) assert.equal((await admin.call('DELETE', path)).status, 200);
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

const allow = (...actions: string[]) => ({ Version: '1.1', Statement: [{ Effect: 'Allow', Action: actions }] });

describe('1.3.3 viewing the notebook instances of all users', () => {
  const SSH_PORT = 42_350;
  let world: World;
  let team: Team;
  let owner: Member;
  let viewer: Member;
  let group: string;
  let path: string;
  const withKey = (name: string) => ({ endpoints: [{ service: 'SSH', key_pair_names: [name] }] });

  before(async () => {
    world = await createWorld({ work: true, ssh: { host: '127.0.0.1', first: SSH_PORT, last: SSH_PORT + 1 } });
    team = await createTeam(world);
    [owner, viewer] = [await team.member('owner'), await team.member('viewer')];
    await team.grant(await team.group('owners', [owner]), ['Tenant Administrator']);
    group = await team.group('viewers', [viewer]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    const key = { keypair: { name: 'KeyPair-owner', algorithm: 'ed25519' } };
    assert.equal((await owner.call('POST', `/v3/${team.tenant.projectId}/keypairs`, key)).status, 200);
    path = await notebookOf(world, team, owner, 'of-owner', withKey('KeyPair-owner'));
  });
  after(() => world?.remove());

  it('listAllNotebooks and listUsers let a user view all instances, and nothing more', async () => {
    assertDenied(await viewer.call('GET', `${team.v1}/notebooks/all`), 'modelarts:notebook:listAllNotebooks');
    await team.grant(group, [
      await team.policy('Viewing all notebook instances', allow('modelarts:notebook:listAllNotebooks')),
      await team.policy('Viewing all users of the current IAM project', allow('iam:users:listUsers')),
    ]);
    const all = await viewer.call('GET', `${team.v1}/notebooks/all`);
    assert.deepEqual(names(all), ['of-owner']);
    assert.equal(all.body.data[0].user.name, 'owner');
    assert.equal(all.body.data[0].token, undefined, 'seeing it is not opening it');
    assert.equal((await viewer.call('GET', '/v3/users')).status, 200);
    assertDenied(await viewer.call('POST', `${team.v1}/notebooks`, notebookBody('x')), 'modelarts:notebook:create');
    assertDenied(await viewer.call('POST', `${path}/start`), 'modelarts:notebook:start');
  });

  it("starting another's instance needs a key pair of one's own in place of the owner's", async () => {
    assert.equal((await owner.call('POST', `${path}/stop`)).status, 200);
    await reached(world, owner, path, 'STOPPED');
    const more = allow('modelarts:notebook:*', 'ecs:serverKeypairs:*');
    await team.grant(group, [await team.policy('Starting the instances of others', more)]);
    const refused = await viewer.call('POST', `${path}/start`);
    assert.deepEqual([refused.status, refused.body.error_code], [400, 'ModelArts.6789'], refused.text);
    assert.match(refused.text, /KeyPair-owner/);
    assert.equal((await owner.call('GET', path)).body.status, 'STOPPED');
    const key = { keypair: { name: 'KeyPair-viewer', algorithm: 'ed25519' } };
    assert.equal((await viewer.call('POST', `/v3/${team.tenant.projectId}/keypairs`, key)).status, 200);
    assert.equal((await viewer.call('PUT', path, withKey('KeyPair-viewer'))).status, 200);
    assert.equal((await viewer.call('POST', `${path}/start`)).status, 200);
    await reached(world, viewer, path, 'RUNNING');
    const shown = (await viewer.call('GET', path)).body;
    assert.equal(shown.user.name, 'owner');
    assert.match(shown.endpoints[0].uri, /^ssh:\/\/ma-user@127\.0\.0\.1:/);
    // Whoever reads the trail sees that it was another's.
    const told = await team.root.call(
      'GET',
      `/v3/${team.tenant.projectId}/traces?trace_name=StartNotebook&resource_owner_id=${owner.id}&limit=1`,
    );
    const [trace] = told.body.traces;
    assert.deepEqual([trace.user.name, trace.resource_owner_id], ['viewer', owner.id], told.text);
  });
});

describe('1.3.4 logging in to a training container using Cloud Shell', () => {
  let world: World;
  let team: Team;
  let user: Member;
  let group: string;
  let policy: string;
  let path: string;
  let pool: string;

  before(async () => {
    world = await createWorld({ work: true, terminals: { checkMs: 500 } });
    team = await createTeam(world);
    await uploadCode(world, team, 'shell-data');
    user = await team.member('shell');
    group = await team.group('shells', [user]);
    const everythingElse = allow('modelarts:trainJob:create', 'modelarts:trainJob:get', 'modelarts:workspace:get');
    await team.grant(group, [await team.policy('Training', everythingElse), 'OBS Administrator']);
    policy = await team.policy(
      'Using Cloud Shell to log in to a running training container',
      allow('modelarts:trainJob:exec'),
    );
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    ({ id: pool } = await makePool(world, team, team.root, 'shell-pool', { flavor: ONE, count: 2 }));
    path = await jobOf(world, team, team.root, jobBody('j', 'shell-data', { pool }));
  });
  after(() => world?.remove());

  const ask = (at = path) => user.call('POST', `${at}/tasks/worker-0/shells`, { columns: 100, rows: 30 });

  /** Opens a terminal as a browser does. */
  async function open(at = path) {
    const offered = await ask(at);
    assert.equal(offered.status, 201, offered.text);
    const socket = new WebSocket(`${world.api.replace('http', 'ws')}${offered.body.path}`);
    socket.binaryType = 'arraybuffer';
    const told: { type: string; code?: number; reason?: string }[] = [];
    let shown = '';
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') told.push(JSON.parse(data));
      else shown += Buffer.from(data as ArrayBuffer).toString();
    });
    const closed = new Promise<number>(resolve => socket.addEventListener('close', ({ code }) => resolve(code)));
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    return {
      socket,
      told,
      closed,
      async echoes(text: string) {
        shown = '';
        socket.send(Buffer.from(text));
        await world.until(() => shown === text);
      },
    };
  }

  async function traced(name: string): Promise<{ user: { name: string }; code: string; verdict: string }[]> {
    const query = `trace_name=${name}&limit=50`;
    const answer = await team.root.call('GET', `/v3/${team.tenant.projectId}/traces?${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body.traces.filter((trace: { trace_name: string }) => trace.trace_name === name);
  }

  it('needs modelarts:trainJob:exec, which the evaluator knows too', async () => {
    const requests = [{ action_id: '1', action: 'modelarts:trainJob:exec' }];
    const verdict = async () =>
      (await user.call('POST', `${team.v1}/workspaces/0/auth`, { requests })).body.results[0].verdict;
    assertDenied(await ask(), 'modelarts:trainJob:exec');
    assert.equal(await verdict(), 'deny');
    await team.grant(group, [policy]);
    assert.equal(await verdict(), 'allow');
  });

  it('opens a terminal in the running container, and the trail tells of its beginning and its end', async () => {
    const { socket, echoes, closed } = await open();
    await echoes('nvidia-smi ü\r');
    socket.send(JSON.stringify({ type: 'resize', columns: 120, rows: 40 }));
    await echoes('still here');
    socket.close();
    await closed;
    await world.until(async () => (await traced('CloseTrainingJobShell')).length === 1);
    const [refused, opened] = (await traced('CreateTrainingJobShell')).reverse();
    assert.deepEqual([refused!.code, refused!.user.name], ['403', 'shell']);
    assert.deepEqual([opened!.code, opened!.user.name], ['201', 'shell']);
    assert.equal((await traced('CloseTrainingJobShell'))[0]!.user.name, 'shell');
  });

  it('not in a job of the public pool, and not by the address of another terminal', async () => {
    const inPublic = await jobOf(world, team, team.root, jobBody('public', 'shell-data'));
    const answer = await ask(inPublic);
    assert.deepEqual([answer.status, answer.body.error_code], [400, 'ModelArts.2788'], answer.text);
    assert.match(answer.text, /dedicated resource pool alone; this job is in the public pool/);
    const offered = await ask();
    const address = `${world.api.replace('http', 'ws')}${offered.body.path}`;
    const outcome = (url: string) =>
      new Promise(resolve => {
        const socket = new WebSocket(url);
        socket.addEventListener('open', () => {
          socket.close();
          resolve('open');
        });
        socket.addEventListener('error', () => resolve('refused'));
      });
    assert.equal(await outcome(address), 'open');
    assert.equal(await outcome(address), 'refused');
  });

  it('ends when the permission is taken away', async () => {
    const { echoes, closed, told } = await open();
    await echoes('x');
    const domain = `/v3/OS-INHERIT/domains/${team.tenant.accountId}`;
    const grant = `${domain}/groups/${group}/roles/${policy}/inherited_to_projects`;
    assert.equal((await team.root.call('DELETE', grant)).status, 204);
    assert.equal(await closed, 4001);
    assert.equal(told.at(-1)?.type, 'end');
    assert.match(told.at(-1)?.reason ?? '', /modelarts:trainJob:exec/);
    assertDenied(await ask(), 'modelarts:trainJob:exec');
    await team.grant(group, [policy]);
  });

  it('ends with its job, and none is to be had afterwards', async () => {
    const other = await jobOf(world, team, team.root, jobBody('ends', 'shell-data', { pool }));
    const { echoes, closed, told } = await open(other);
    await echoes('x');
    const stop = { action_type: 'terminate' };
    assert.equal((await team.root.call('POST', `${other}/actions`, stop)).status, 202);
    assert.equal(await closed, 1000);
    assert.deepEqual(told[0], { type: 'exit', code: 137 });
    await world.until(async () => (await team.root.call('GET', other)).body.status.phase === 'Terminated');
    const late = await ask(other);
    assert.equal(late.status, 400, late.text);
    assert.match(late.text, /does not run; it is Terminat/);
  });
});

describe('1.3.5 nobody uses the public resource pool', () => {
  let world: World;
  let team: Team;
  let user: Member;
  let pool: string;
  let model: string;
  before(async () => {
    world = await createWorld({ work: true });
    team = await createTeam(world);
    await uploadThings(world, team, 'pool-data');
    user = await team.member('pool-user');
    const group = await team.group('pool-users', [user]);
    const denial = await team.policy('DenyPublicPool', documentPolicy('DenyPublicPool'));
    await team.grant(group, ['Tenant Administrator', denial]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    ({ id: pool } = await makePool(world, team, team.root, 'user-pool', { flavor: ONE, count: 3 }));
    model = await publish(world, team, user, modelBody('m', 'pool-data'));
  });
  after(() => world?.remove());

  it('job, notebook and service are refused in the public pool, and run in the dedicated one', async () => {
    const service = serviceBody('s', model);
    const attempts: [string, string, object][] = [
      ['trainJob', `${team.v2}/training-jobs`, jobBody('j', 'pool-data')],
      ['notebook', `${team.v1}/notebooks`, notebookBody('n')],
      ['service', `${team.v1}/services`, service],
    ];
    for (const [type, path, inPublic] of attempts) {
      assertDenied(await user.call('POST', path, inPublic), `modelarts:${type}:create`, 'DenyPublicPool');
    }
    await jobOf(world, team, user, jobBody('j', 'pool-data', { pool }));
    const notebook = await notebookOf(world, team, user, 'n', { pool_id: pool });
    const deployed = await user.call('POST', `${team.v1}/services`, { ...service, pool_name: pool });
    assert.equal(deployed.status, 200, deployed.text);
    await reached(world, user, `${team.v1}/services/${deployed.body.service_id}`, 'running');
    const running = (await user.call('GET', `${team.v2}/pools/${pool}/workloads?status=Running`)).body.items;
    assert.deepEqual(running.map((each: { type: string }) => each.type).sort(), ['infer', 'notebook', 'train']);
    // Nor by a change afterwards.
    assert.equal((await user.call('POST', `${notebook}/stop`)).status, 200);
    await reached(world, user, notebook, 'STOPPED');
    assert.equal((await user.call('PUT', notebook, { pool_id: '' })).body.error_code, 'ModelArts.6336');
    const { id: second } = await makePool(
      world,
      team,
      team.root,
      'second-pool',
      { flavor: ONE, count: 1 },
      '192.168.21.0/24',
    );
    const [entry] = service.config;
    const later = await publish(world, team, user, { ...modelBody('m', 'pool-data'), model_version: '0.0.2' });
    const both = [
      { ...entry, pool_name: pool, weight: 50 },
      { ...entry, pool_name: second, weight: 50, model_id: later },
    ];
    const served = await user.call('POST', `${team.v1}/services`, { ...service, service_name: 'both', config: both });
    assert.equal(served.status, 200, served.text);
    const at = `${team.v1}/services/${served.body.service_id}`;
    await reached(world, user, at, 'running');
    const out = await user.call('PUT', at, { config: service.config });
    assert.deepEqual([out.status, out.body.error_code], [400, 'ModelArts.0104'], out.text);
    assert.match(out.text, /pool_name\] is required/);
  });

  it('whatever is not the name of a pool is the public pool', async () => {
    for (const pool_id of ['', '  ', null, 7, {}, ['pool-1']]) {
      const body = structuredClone(jobBody('hostile', 'pool-data')) as { spec: { resource: object } };
      body.spec.resource = { ...body.spec.resource, pool_id };
      const answer = await user.call('POST', `${team.v2}/training-jobs`, body);
      assert.ok(answer.status === 403 || answer.status === 400, answer.text);
      assert.doesNotMatch(answer.text, /PoolNotFound/);
      const notebook = await user.call('POST', `${team.v1}/notebooks`, notebookBody('hostile', { pool_id }));
      assert.ok(notebook.status === 403 || notebook.status === 400, notebook.text);
      const service = { ...serviceBody('hostile', model), pool_name: pool_id };
      const deployed = await user.call('POST', `${team.v1}/services`, service);
      assert.ok(deployed.status === 403 || deployed.status === 400, deployed.text);
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
