import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTeam, jobBody, type Member, type Team } from '../../test/scenarios/team.ts';
import { algorithmBody, modelBody, publish, serviceBody, uploadThings } from '../../test/scenarios/things.ts';
import { type Answer, createWorld, type World } from '../../test/world.ts';

const BUCKET = 'things';

/** Jobs, algorithms, models and services in workspaces: two users, each with one of their own beside the default one. */
describe('things in workspaces', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  let bob: Member;
  let ownSpace: string;
  let otherSpace: string;

  before(async () => {
    world = await createWorld({ work: true });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
    [ann, bob] = [await team.member('ann'), await team.member('bob')];
    const everything = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['modelarts:*:*', 'obs:*:*'] }] };
    await team.grant(await team.group('users', [ann, bob]), [await team.policy('everything', everything)]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    [ownSpace, otherSpace] = [await team.workspaceOf('mine', [ann]), await team.workspaceOf('theirs', [bob])];
  });
  after(() => world?.remove());

  const job = (name: string, workspace?: string) => jobBody(name, BUCKET, workspace ? { workspace } : {});
  const algorithm = (name: string, workspace?: string) => algorithmBody(name, BUCKET, workspace);
  const model = (name: string, workspace?: string) => modelBody(name, BUCKET, workspace);
  const service = serviceBody;

  /** Each family by its paths: how one is made, told apart and listed. */
  const families = {
    job: {
      path: () => `${team.v2}/training-jobs`,
      body: job,
      id: (body: Answer['body']) => body.metadata.id,
      list: (member: Member, workspace?: string) =>
        member
          .call('POST', `${team.v2}/training-job-searches`, workspace ? { workspace_id: workspace } : {})
          .then(answer => ({ answer, ids: answer.body.items?.map((each: Answer['body']) => each.metadata.id) })),
      denied: [400, 'ModelArts.2838'],
      missing: [400, 'ModelArts.2891'],
    },
    algorithm: {
      path: () => `${team.v2}/algorithms`,
      body: algorithm,
      id: (body: Answer['body']) => body.metadata.id,
      list: (member: Member, workspace?: string) =>
        member
          .call('GET', `${team.v2}/algorithms${workspace ? `?workspace_id=${workspace}` : ''}`)
          .then(answer => ({ answer, ids: answer.body.items?.map((each: Answer['body']) => each.metadata.id) })),
      denied: [400, 'ModelArts.2838'],
      missing: [400, 'ModelArts.2891'],
    },
    model: {
      path: () => `${team.v1}/models`,
      body: model,
      id: (body: Answer['body']) => body.model_id,
      list: (member: Member, workspace?: string) =>
        member
          .call('GET', `${team.v1}/models${workspace ? `?workspace_id=${workspace}` : ''}`)
          .then(answer => ({ answer, ids: answer.body.models?.map((each: Answer['body']) => each.model_id) })),
      denied: [403, 'ModelArts.0112'],
      missing: [400, 'ModelArts.7005'],
    },
    service: {
      path: () => `${team.v1}/services`,
      body: (name: string, workspace?: string) => service(name, publicModel, workspace),
      id: (body: Answer['body']) => body.service_id,
      list: (member: Member, workspace?: string) =>
        member
          .call('GET', `${team.v1}/services${workspace ? `?workspace_id=${workspace}` : ''}`)
          .then(answer => ({ answer, ids: answer.body.services?.map((each: Answer['body']) => each.service_id) })),
      denied: [403, 'ModelArts.0112'],
      missing: [400, 'ModelArts.7005'],
    },
  } as const;
  let publicModel = '';

  async function made(member: Member, path: string, body: object): Promise<Answer['body']> {
    const answer = await member.call('POST', path, body);
    assert.ok(answer.status < 300, answer.text);
    return answer.body;
  }
  const published = (member: Member, name: string, workspace?: string) =>
    publish(world, team, member, model(name, workspace));
  function assertRefused(answer: Answer, [status, code]: readonly [number, string]): void {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error_code, code, answer.text);
  }

  before(async () => {
    publicModel = await published(team.root, 'public-model');
  });

  for (const [kind, family] of Object.entries(families)) {
    it(`a ${kind} lies in the workspace it was made in: others neither see, list, change nor delete it`, async () => {
      const path = family.path();
      const id = family.id(await made(ann, path, family.body(`${kind}-mine`, ownSpace)));
      const one = `${path}/${id}`;
      assert.equal((await ann.call('GET', one)).status, 200);
      assert.equal((await team.root.call('GET', one)).status, 200);
      assertRefused(await bob.call('GET', one), family.denied);
      assertRefused(
        await bob.call('PUT', one, { description: 'theirs' }),
        kind === 'model' ? [404, 'APIGW.0101'] : family.denied,
      );
      assertRefused(await bob.call('DELETE', one), family.denied);
      assertRefused(await bob.call('POST', path, family.body(`${kind}-intruder`, ownSpace)), family.denied);
      assertRefused((await family.list(bob, ownSpace)).answer, family.denied);
      assert.deepEqual((await family.list(ann, ownSpace)).ids, [id]);
      assert.ok(!(await family.list(ann)).ids.includes(id), 'a list without a workspace is of the default one');
      assert.equal((await ann.call('GET', one)).status, 200, 'still there');
    });

    it(`names of ${kind}s are unique in each workspace`, async () => {
      const path = family.path();
      await made(ann, path, family.body(`${kind}-same`, ownSpace));
      await made(bob, path, family.body(`${kind}-same`, otherSpace));
      const twice = await ann.call('POST', path, family.body(`${kind}-same`, ownSpace));
      assert.ok(twice.status === 400 || twice.status === 409, twice.text);
    });

    it(`a workspace that is not there is refused for a ${kind}; what names none is in the default one`, async () => {
      const path = family.path();
      assertRefused(await ann.call('POST', path, family.body(`${kind}-nowhere`, 'nowhere')), family.missing);
      assertRefused((await family.list(ann, 'nowhere')).answer, family.missing);
      const id = family.id(await made(ann, path, family.body(`${kind}-default`)));
      assert.ok((await family.list(bob)).ids.includes(id));
      assert.equal((await bob.call('GET', `${path}/${id}`)).status, 200);
    });
  }

  it('whatever is no workspace is the default one, and never a way into another', async () => {
    for (const workspace_id of [7, {}, ['0'], [ownSpace], true]) {
      const answer = await bob.call('POST', `${team.v1}/models`, { ...model('hostile'), workspace_id });
      assert.equal(answer.status, 400, answer.text);
    }
    const twice = await bob.call('GET', `${team.v1}/models?workspace_id=0&workspace_id=${ownSpace}`);
    assert.equal(twice.status, 400, twice.text);
    const empty = await bob.call('GET', `${team.v1}/models?workspace_id=`);
    assert.equal(empty.status, 200, empty.text);
    assert.ok(empty.body.models.every((each: { workspace_id: string }) => each.workspace_id === '0'));
  });

  it('a comma-separated list is refused when one of it lies in a closed workspace, wherever it stands', async () => {
    const mine = (await made(ann, `${team.v1}/models`, model('listed', ownSpace))).model_id;
    const theirs = (await made(bob, `${team.v1}/models`, model('listed', otherSpace))).model_id;
    for (const list of [`${theirs},${mine}`, `${mine},${theirs}`, ` ${theirs} ,, ${mine}`]) {
      assertRefused(await bob.call('DELETE', `${team.v1}/models/${encodeURIComponent(list)}`), [403, 'ModelArts.0112']);
    }
    const running = (await made(ann, `${team.v1}/services`, service('listed', publicModel, ownSpace))).service_id;
    const other = (await made(bob, `${team.v1}/services`, service('listed', publicModel, otherSpace))).service_id;
    assertRefused(await bob.call('DELETE', `${team.v1}/services/${other},${running}`), [403, 'ModelArts.0112']);
    assert.notEqual((await ann.call('GET', `${team.v1}/services/${running}`)).body.status, 'deleting');
    assert.equal((await bob.call('DELETE', `${team.v1}/services/${other}`)).status, 200);
    // All versions of a name are those of its workspace.
    const cascade = await bob.call('DELETE', `${team.v1}/models/${theirs}?cascade=true`);
    assert.deepEqual(cascade.body.delete_success_list, [theirs]);
    assert.equal((await ann.call('GET', `${team.v1}/models/${mine}`)).status, 200);
  });

  it('an output path that a job of a closed workspace uses is refused without telling of that job', async () => {
    const output = { name: 'train_url', remote: { obs: { obs_url: `/${BUCKET}/shared/` } } };
    const to = (name: string, workspace: string) => {
      const body = job(name, workspace) as { algorithm: object };
      return { ...body, algorithm: { ...body.algorithm, outputs: [output] } };
    };
    const jobs = `${team.v2}/training-jobs`;
    await made(ann, jobs, to('secret-job', ownSpace));
    const refused = await bob.call('POST', jobs, to('other-job', otherSpace));
    assertRefused(refused, [400, 'ModelArts.2791']);
    assert.doesNotMatch(refused.text, /secret-job/);
    assert.match((await ann.call('POST', jobs, to('third-job', ownSpace))).text, /secret-job/);
  });

  it('what is made may build on its own workspace and on the default one, not on another', async () => {
    const mine = await published(ann, 'closed', ownSpace);
    const inDefault = (await made(ann, `${team.v2}/algorithms`, algorithm('building'))).metadata.id;
    const inMine = (await made(ann, `${team.v2}/algorithms`, algorithm('building', ownSpace))).metadata.id;
    const run = (id: string, name: string, workspace: string) => ({
      ...job(name, workspace),
      algorithm: { id },
    });
    const jobs = `${team.v2}/training-jobs`;
    assert.equal((await ann.call('POST', jobs, run(inMine, 'of-mine', ownSpace))).status, 201);
    assert.equal((await bob.call('POST', jobs, run(inDefault, 'of-default', otherSpace))).status, 201);
    assertRefused(await bob.call('POST', jobs, run(inMine, 'of-other', otherSpace)), [400, 'ModelArts.2755']);
    // Not even by one who may enter both.
    assertRefused(await team.root.call('POST', jobs, run(inMine, 'of-other', otherSpace)), [400, 'ModelArts.2755']);
    assertRefused(await ann.call('POST', jobs, run(inMine, 'of-other', '0')), [400, 'ModelArts.2755']);

    const services = `${team.v1}/services`;
    assertRefused(await bob.call('POST', services, service('build', mine, otherSpace)), [404, 'ModelArts.3507']);
    assertRefused(await bob.call('POST', services, service('build', mine)), [404, 'ModelArts.3507']);
    const id = (await made(bob, services, service('build', publicModel, otherSpace))).service_id;
    const { config } = service('build', mine);
    assertRefused(await bob.call('PUT', `${services}/${id}`, { config }), [404, 'ModelArts.3507']);

    const source = (await made(ann, jobs, job('source', ownSpace))).metadata.id;
    const from = { model_name: 'made', model_version: '0.0.1', source_job_id: source, workspace_id: otherSpace };
    const refused = await bob.call('POST', `${team.v1}/models`, from);
    assertRefused(refused, [400, 'ModelArts.2775']);
    const unknown = await bob.call('POST', `${team.v1}/models`, { ...from, source_job_id: 'c'.repeat(36) });
    assert.equal(
      unknown.body.error_msg.replace('c'.repeat(36), source),
      refused.body.error_msg,
      'a thing out of reach and none at all look alike',
    );
  });

  it('to build on something takes the permission to look at it, where it lies', async () => {
    const eve = await team.member('eve');
    const only = (...Action: string[]) => ({ Version: '1.1', Statement: [{ Effect: 'Allow', Action }] });
    const makes = await team.policy('makes', only('modelarts:service:create', 'modelarts:trainJob:create', 'obs:*:*'));
    const looks = await team.policy('looks', only('modelarts:model:get'));
    const group = await team.group('eves', [eve]);
    await team.grant(group, [makes]);
    const body = service('of-eve', publicModel);
    const refused = await eve.call('POST', `${team.v1}/services`, body);
    assertRefused(refused, [403, 'ModelArts.0112']);
    assert.match(refused.body.error_msg, new RegExp(`modelarts:model:get .*model ${publicModel}.* to deploy it`));
    await team.grant(group, [looks]);
    assert.equal((await eve.call('POST', `${team.v1}/services`, body)).status, 200);
  });

  it('one of `previewLog` and `get` lets read a log, and a denial of either forbids it', async () => {
    const id = (await made(ann, `${team.v2}/training-jobs`, job('logged'))).metadata.id;
    const path = `${team.v2}/training-jobs/${id}/tasks/worker-0/logs/preview`;
    const statement = (Effect: string, action: string) => ({ Effect, Action: [`modelarts:trainJob:${action}`] });
    const cases: [string, object[], boolean][] = [
      ['older', [statement('Allow', 'previewLog')], true],
      ['newer', [statement('Allow', 'get')], true],
      ['neither', [statement('Allow', 'list')], false],
      ['hidden', [statement('Allow', 'get'), statement('Deny', 'previewLog')], false],
      ['closed', [statement('Allow', 'previewLog'), statement('Deny', 'get')], false],
    ];
    for (const [name, Statement, allowed] of cases) {
      const member = await team.member(name);
      await team.grant(await team.group(name, [member]), [await team.policy(name, { Version: '1.1', Statement })]);
      const answer = await member.call('GET', path);
      assert.equal(answer.status < 300, allowed, `${name}: ${answer.text}`);
      if (!allowed) assert.match(answer.body.error_msg, /modelarts:trainJob:previewLog/);
    }
  });
});
