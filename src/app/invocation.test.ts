import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTeam, jobBody, type Member, switchRole, type Team } from '../../test/scenarios/team.ts';
import { modelBody, publish, serviceBody, uploadThings } from '../../test/scenarios/things.ts';
import { type Answer, createWorld, type World } from '../../test/world.ts';
import { signRequest } from '../client/signature.ts';

const BUCKET = 'invocation';

/** Who may invoke services in which workspace: as the gateway is told, and as it is answered about single calls. */
describe('invoking services in workspaces', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  let bob: Member;
  let closed: string;
  let bound: string;
  let enterpriseProject: string;
  /** Services by their workspace. */
  const services: Record<string, string> = {};

  before(async () => {
    world = await createWorld({ work: true });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    [ann, bob] = [await team.member('ann'), await team.member('bob')];
    await team.grant(await team.group('users', [ann, bob]), [await policy('users', allow)]);
    enterpriseProject = await team.enterpriseProject('bound');
    closed = await team.workspaceOf('closed', [ann]);
    bound = await team.workspace('bound', { enterprise_project_id: enterpriseProject });
    const model = await publish(world, team, team.root, modelBody('everybodys', BUCKET));
    for (const workspace of ['0', closed, bound]) {
      const made = await team.root.call('POST', `${team.v1}/services`, serviceBody('digits', model, workspace));
      services[workspace] = made.body.service_id;
    }
  });
  after(() => world?.remove());

  const allow = { Effect: 'Allow', Action: ['modelarts:service:get'] };
  const policy = (name: string, ...Statement: object[]) => team.policy(name, { Version: '1.1', Statement });

  /** Where a user may invoke services, as the gateway was told last. */
  const reach = ({ id }: { id: string }) =>
    world.gateway.routes.callers
      .filter(caller => caller.id === id)
      .map(caller => caller.workspaceId)
      .sort();
  const reaches = (member: { id: string }, ...expected: string[]) =>
    world.until(() => JSON.stringify(reach(member)) === JSON.stringify(expected.sort()));

  /** What the server answers to the gateway's question about a call of the service in a workspace. */
  async function ask(workspace: string, headers: (path: string) => Record<string, string>): Promise<Answer> {
    const path = `/v1/infers/${services[workspace]}`;
    const question = { method: 'POST', path, query: '', service_id: services[workspace], bodySha256: EMPTY };
    return world.send('POST', '/internal/infer-auth', {
      headers: { 'x-atelier-key': world.gatewayKey },
      body: { ...question, headers: headers(path) },
    });
  }
  const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

  it('the gateway knows for each workspace whom its entry, and the policies that count there, let in', async () => {
    await reaches({ id: team.root.id }, '0', closed, bound);
    await reaches(ann, '0', closed, bound);
    await reaches(bob, '0', bound);
    for (const [workspace, id] of Object.entries(services)) {
      assert.equal(world.gateway.routes.services.find(service => service.id === id)?.workspaceId, workspace);
    }
  });

  const admit = ({ id }: Member) =>
    team.root.call('PUT', `${team.v1}/workspaces/${closed}`, { grants: [{ user_id: id }] });

  it('letting somebody in, or putting somebody out, reaches the gateway', async () => {
    await admit(bob);
    await reaches(bob, '0', closed, bound);
    await reaches(ann, '0', bound);
    await admit(ann);
    await reaches(ann, '0', closed, bound);
  });

  it('what is granted for an enterprise project counts in its workspaces alone', async () => {
    const eve = await team.member('eve');
    const group = await team.group('bound', [eve]);
    await team.grant(group, [await policy('bound', allow)], { enterpriseProject });
    await reaches(eve, bound);
  });

  it('a condition on the user counts for that user alone', async () => {
    const condition = { StringEquals: { 'g:UserName': ['mallory'] } };
    const [mallory, oscar] = [await team.member('mallory'), await team.member('oscar')];
    const denial = { Effect: 'Deny', Action: ['modelarts:service:get'], Condition: condition };
    await team.grant(await team.group('named', [mallory, oscar]), [await policy('named', allow, denial)]);
    await reaches(oscar, '0', bound);
    assert.deepEqual(reach(mallory), []);
  });

  it('of two users in no group the one with a grant of its own may', async () => {
    const [without, holder] = [await team.member('without'), await team.member('holder')];
    const role = await policy('own', allow);
    const project = `/v3.0/OS-PERMISSION/enterprise-projects/${enterpriseProject}`;
    const granted = await team.root.call('PUT', `${project}/users/${holder.id}/roles/${role}`);
    assert.ok(granted.status < 300, granted.text);
    await reaches(holder, bound);
    assert.deepEqual(reach(without), []);
  });

  it('a signed call is answered by the same rules', async () => {
    const key = async ({ id }: Member) => {
      const made = await team.root.call('POST', '/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: id } });
      return made.body.credential as { access: string; secret: string };
    };
    const signed = async (member: Member, workspace: string) => {
      const { access, secret } = await key(member);
      return ask(workspace, path =>
        signRequest(
          { access, secret },
          { method: 'POST', url: new URL(`http://gateway${path}`), headers: {}, body: Buffer.alloc(0) },
          new Date(),
        ),
      );
    };
    const allowed = await signed(ann, closed);
    assert.deepEqual([allowed.status, allowed.body.sub], [200, ann.id], allowed.text);
    assert.equal((await signed(bob, bound)).status, 200);
    const refused = await signed(bob, closed);
    assert.deepEqual([refused.status, refused.body.error_code], [401, 'ModelArts.4203']);
    assert.match(
      refused.body.error_msg,
      /bob may not invoke services of this workspace\. .*its grants do not name the caller/,
    );
  });

  it('a role that was switched invokes as its agency may, in what admits it, until its user may not switch', async () => {
    const beta = await createTeam(world, await world.tenant('beta'));
    const bea = await beta.member('bea');
    await beta.grant(await beta.group('switchers', [bea]), ['Agent Operator']);
    const agency = { name: 'for-beta', domain_id: team.tenant.accountId, trust_domain_name: 'beta' };
    const { id } = (await team.root.call('POST', '/v3.0/OS-AGENCY/agencies', { agency })).body.agency;
    const token = (await switchRole(world, bea, 'for-beta', team.tenant)).headers.get('x-subject-token')!;
    const invoke = (workspace: string) => ask(workspace, () => ({ 'x-auth-token': token }));
    assert.equal((await invoke('0')).status, 401);
    await team.grantAgency(id, [await policy('lent', allow)]);
    assert.equal((await invoke('0')).status, 200);
    assert.equal((await ask('0', () => ({ authorization: `Bearer ${token}` }))).status, 200);
    assert.equal((await invoke(closed)).status, 401);
    assert.deepEqual(reach({ id }), [], 'the map of callers is of users');
    await beta.root.call('PATCH', `/v3/users/${bea.id}`, { user: { enabled: false } });
    assert.equal((await invoke('0')).status, 401);
  });
});

describe('workspaces as they really are', () => {
  let world: World;
  let team: Team;
  before(async () => {
    world = await createWorld({ work: true });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
  });
  after(() => world?.remove());

  it('who is granted a workspace may invoke what is served there, until the grant is taken back', async () => {
    const ann = await team.member('ann');
    const allow = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['modelarts:service:get'] }] };
    await team.grant(await team.group('users', [ann]), [await team.policy('users', allow)]);
    const space = { name: 'space', auth_type: 'INTERNAL', grants: [{ user_id: ann.id }] };
    const { id } = (await team.root.call('POST', `${team.v1}/workspaces`, space)).body;
    const model = await publish(world, team, team.root, modelBody('m', BUCKET, id));
    assert.equal((await team.root.call('POST', `${team.v1}/services`, serviceBody('s', model, id))).status, 200);
    const may = () => world.gateway.routes.callers.some(each => each.id === ann.id && each.workspaceId === id);
    await world.until(may);
    const change = (body: object) => team.root.call('PUT', `${team.v1}/workspaces/${id}`, body);
    assert.equal((await change({ grants: [] })).status, 200);
    await world.until(() => !may());
    await change({ auth_type: 'PUBLIC' });
    await world.until(may);
  });

  it('a workspace takes as many as its quota says, and goes with all it holds', async () => {
    const { id } = (await team.root.call('POST', `${team.v1}/workspaces`, { name: 'small' })).body;
    const path = `${team.v1}/workspaces/${id}`;
    const set = await team.root.call('PUT', `${path}/quotas`, { quotas: [{ resource: 'trainJob.count', quota: 1 }] });
    assert.equal(set.status, 200, set.text);
    const submit = (name: string) =>
      team.root.call('POST', `${team.v2}/training-jobs`, jobBody(name, BUCKET, { workspace: id }));
    const answers = await Promise.all(['one', 'two', 'three'].map(submit));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 400, 400]);
    const refused = answers.find(({ status }) => status === 400)!;
    assert.equal(refused.body.error_code, 'ModelArts.7006', refused.text);
    const job = answers.find(({ status }) => status === 201)!.body.metadata.id;
    await world.until(
      async () => (await team.root.call('GET', `${team.v2}/training-jobs/${job}`)).body.status.phase === 'Running',
    );
    assert.equal((await team.root.call('DELETE', path)).status, 200);
    await world.until(async () => (await team.root.call('GET', path)).status === 400);
    assert.equal((await team.root.call('GET', `${team.v2}/training-jobs/${job}`)).body.error_code, 'ModelArts.2775');
  });
});
