import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWorld, type World } from '../world.ts';
import { createTeam, jobBody, type Member, type Team, uploadCode } from './team.ts';

/** 1.2.3 of the document, and grants by enterprise project (1.1). */

const TRAIN = ['modelarts:trainJob:*', 'modelarts:aiAlgorithm:*', 'modelarts:workspace:*', 'obs:*:*'];

const submit = (member: Member, team: Team, name: string, workspace?: string) =>
  member.call('POST', `${team.v2}/training-jobs`, jobBody(name, 'space-data', workspace ? { workspace } : {}));
const search = async (member: Member, team: Team, workspace?: string) =>
  member.call('POST', `${team.v2}/training-job-searches`, workspace ? { workspace_id: workspace } : {});

describe('the teacher gives each student a workspace of its own', () => {
  let world: World;
  let team: Team;
  let students: Member[];
  let spaces: string[];
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    await uploadCode(world, team, 'space-data');
    students = [await team.member('student-1'), await team.member('student-2')];
    const policy = await team.policy('students', { Version: '1.1', Statement: [{ Effect: 'Allow', Action: TRAIN }] });
    await team.grant(await team.group('class', students), [policy]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    spaces = [];
    for (const { id, name } of students) {
      spaces.push(await team.workspace(`space-of-${name}`, { auth_type: 'INTERNAL', grants: [{ user_id: id }] }));
    }
  });
  after(() => world?.remove());

  it('each works in its own and in no other; the teacher, as the account, sees all', async () => {
    const [first, second] = students as [Member, Member];
    const [space] = spaces as [string];
    const made = await submit(first, team, 'exercise', space);
    assert.equal(made.status, 201, made.text);
    const id = made.body.metadata.id;
    const job = `${team.v2}/training-jobs/${id}`;
    assert.equal((await first.call('GET', job)).status, 200);
    for (const refused of [
      await submit(second, team, 'intruder', space),
      await second.call('GET', job),
      await second.call('DELETE', job),
      await second.call('GET', `${job}/tasks/worker-0/logs/preview`),
      await second.call('POST', `${job}/actions`, { action_type: 'terminate' }),
      await search(second, team, space),
    ]) {
      assert.equal(refused.status, 400, refused.text);
      assert.equal(refused.body.error_code, 'ModelArts.2838');
    }
    assert.equal((await search(first, team, space)).body.total, 1);
    assert.equal((await search(first, team)).body.total, 0, 'the default workspace holds nothing');
    assert.equal((await team.root.call('GET', job)).status, 200);
    assert.equal((await search(team.root, team, space)).body.total, 1);
    assert.equal(
      (await submit(second, team, 'exercise')).status,
      201,
      'the default workspace is open, and names are per workspace',
    );
  });

  it('the list shows all workspaces, or with filter_accessible those one may enter', async () => {
    const names = async (member: Member, query = '') =>
      (await member.call('GET', `${team.v1}/workspaces${query}`)).body.workspaces
        .map((each: { name: string }) => each.name)
        .sort();
    const all = ['default', 'space-of-student-1', 'space-of-student-2'];
    assert.deepEqual(await names(students[1]!), all);
    assert.deepEqual(await names(students[1]!, '?filter_accessible=true'), ['default', 'space-of-student-2']);
    assert.deepEqual(await names(team.root, '?filter_accessible=true'), all);
  });

  it('who may enter is not who may: both permissions are needed', async () => {
    const guest = await team.member('guest');
    const space = await team.workspace('space-of-guest', { auth_type: 'INTERNAL', grants: [{ user_name: 'guest' }] });
    const refused = await submit(guest, team, 'no-grant', space);
    assert.equal(refused.status, 403);
    assert.match(refused.text, /modelarts:trainJob:create .*no policy grants it/);
  });

  it('a workspace is deleted with what is in it, by those who may delete that', async () => {
    const [first] = students as [Member];
    const [space] = spaces as [string];
    const refused = await first.call('DELETE', `${team.v1}/workspaces/${space}`);
    assert.equal(refused.status, 400, refused.text);
    assert.equal(refused.body.error_code, 'ModelArts.4551');
    assert.equal((await search(first, team, space)).body.total, 1);
  });
});

describe('production and debugging are kept apart', () => {
  let world: World;
  let team: Team;
  let operations: Member;
  let developer: Member;
  let production: string;
  let debugging: string;
  let forProduction: string;
  let forDebugging: string;
  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    await uploadCode(world, team, 'space-data');
    [operations, developer] = [await team.member('operations'), await team.member('developer')];
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    [forProduction, forDebugging] = [
      await team.enterpriseProject('production'),
      await team.enterpriseProject('debugging'),
    ];
    production = await team.workspace('production', { auth_type: 'PUBLIC', enterprise_project_id: forProduction });
    debugging = await team.workspace('debugging', { auth_type: 'PUBLIC', enterprise_project_id: forDebugging });
    const policy = await team.policy('training', { Version: '1.1', Statement: [{ Effect: 'Allow', Action: TRAIN }] });
    const data = await team.policy('data', { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['obs:*:*'] }] });
    const groups = [await team.group('operations', [operations]), await team.group('developers', [developer])] as const;
    await team.grant(groups[0], [policy, 'EPS FullAccess'], { enterpriseProject: forProduction });
    await team.grant(groups[1], [policy], { enterpriseProject: forDebugging });
    for (const group of groups) await team.grant(group, [data]);
  });
  after(() => world?.remove());

  it('what is granted for an enterprise project counts in its workspaces alone', async () => {
    assert.equal((await submit(operations, team, 'release', production)).status, 201);
    assert.equal((await submit(developer, team, 'experiment', debugging)).status, 201);
    for (const [member, workspace] of [
      [operations, debugging],
      [developer, production],
      [developer, undefined],
    ] as const) {
      const refused = await submit(member, team, 'elsewhere', workspace);
      assert.equal(refused.status, 403, refused.text);
      assert.equal(refused.body.error_code, 'ModelArts.0112');
    }
    const job = (await search(operations, team, production)).body.items[0].metadata.id;
    assert.equal((await operations.call('GET', `${team.v2}/training-jobs/${job}`)).status, 200);
    assert.equal((await developer.call('GET', `${team.v2}/training-jobs/${job}`)).status, 403);
  });

  it('and in what is bound to it or narrowed to it: workspaces made and listed, the enterprise project itself', async () => {
    const create = (name: string, enterprise_project_id?: string) =>
      operations.call('POST', `${team.v1}/workspaces`, {
        name,
        ...(enterprise_project_id === undefined ? {} : { enterprise_project_id }),
      });
    const made = await create('release-candidates', forProduction);
    assert.equal(made.status, 200, made.text);
    assert.equal(made.body.enterprise_project_id, forProduction);
    for (const elsewhere of [forDebugging, '0', undefined, '', 'f'.repeat(32)]) {
      const refused = await create('elsewhere', elsewhere);
      assert.equal(refused.status, 403, `${elsewhere}: ${refused.text}`);
      assert.match(refused.body.error_msg, /modelarts:workspace:create/);
    }
    const list = (narrowed: string) => operations.call('GET', `${team.v1}/workspaces${narrowed}`);
    const own = await list(`?enterprise_project_id=${forProduction}`);
    assert.equal(own.status, 200, own.text);
    assert.deepEqual(own.body.workspaces.map((each: { name: string }) => each.name).sort(), [
      'production',
      'release-candidates',
    ]);
    for (const narrowed of ['', `?enterprise_project_id=${forDebugging}`, '?enterprise_project_id=0']) {
      assert.equal((await list(narrowed)).status, 403, narrowed);
    }
    const shown = (id: string) => operations.call('GET', `/v1.0/enterprise-projects/${id}`);
    assert.equal((await shown(forProduction)).body.enterprise_project.name, 'production');
    const refused = await shown(forDebugging);
    assert.equal(refused.status, 403, refused.text);
    assert.equal(refused.body.error_code, 'EPS.0004');
  });
});
