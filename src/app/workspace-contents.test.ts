import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTeam, jobBody, type Team } from '../../test/scenarios/team.ts';
import { algorithmBody, modelBody, publish, serviceBody, uploadThings } from '../../test/scenarios/things.ts';
import { createWorld, type World } from '../../test/world.ts';

const BUCKET = 'contents';

describe('what workspaces hold', () => {
  let world: World;
  let team: Team;
  let modelId = '';
  let full: string;
  let other: string;
  let emptied: string;

  before(async () => {
    world = await createWorld({
      work: true,
      program: ({ env }) => (env.MA_JOB_DIR && env.ENDS ? { runMs: 1 } : undefined),
    });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    [full, other, emptied] = [
      await team.workspace('full'),
      await team.workspace('other'),
      await team.workspace('emptied'),
    ];
    modelId = await publish(world, team, team.root, modelBody('everybodys', BUCKET));
  });
  after(() => world?.remove());

  const families: [string, string, () => string, (name: string, workspace: string) => object][] = [
    [
      'training-job',
      'trainJob.count',
      () => `${team.v2}/training-jobs`,
      (name, workspace) => jobBody(name, BUCKET, { workspace }),
    ],
    ['algorithm', 'algorithm.count', () => `${team.v2}/algorithms`, (name, ws) => algorithmBody(name, BUCKET, ws)],
    ['model', 'model.count', () => `${team.v1}/models`, (name, ws) => modelBody(name, BUCKET, ws)],
    ['service', 'service.count', () => `${team.v1}/services`, (name, ws) => serviceBody(name, modelId, ws)],
  ];
  const contentsOf = (kind: string) => world.families.contents.find(each => each.kind === kind)!;

  for (const [kind, resource, path, body] of families) {
    it(`never more of kind ${kind} than the quota of the workspace, however many are made at once`, async () => {
      const quotas = [{ resource, quota: 3 }];
      assert.equal((await team.root.call('PUT', `${team.v1}/workspaces/${full}/quotas`, { quotas })).status, 200);
      const { projectId } = team.tenant;
      const contents = contentsOf(kind);
      assert.equal(contents.quota?.resource, resource);
      const make = (name: string, workspace: string) => team.root.call('POST', path(), body(name, workspace));
      const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => make(`at-once-${index}`, full)));
      const refused = answers.filter(answer => answer.status >= 300);
      assert.equal(refused.length, 5);
      for (const { body: told } of refused) assert.equal(told.error_code, 'ModelArts.7006');
      assert.equal(await contents.count(projectId, full), 3);
      assert.ok((await make('elsewhere', other)).status < 300, 'another workspace has places of its own');
      assert.equal(await contents.count(projectId, other), 1);

      const [first] = answers.filter(answer => answer.status < 300);
      const id = first!.body.metadata?.id ?? first!.body.model_id ?? first!.body.service_id;
      await team.root.call('DELETE', `${path()}/${id}`);
      await world.until(async () => (await contents.count(projectId, full)) === 2);
      assert.ok((await make('again', full)).status < 300);
    });
  }

  it('a training job that has ended takes no place', async () => {
    const { projectId } = team.tenant;
    const { count } = contentsOf('training-job');
    const before = await count(projectId, '0');
    const body = jobBody('short', BUCKET) as { algorithm: object };
    const ending = { ...body, algorithm: { ...body.algorithm, environments: { ENDS: '1' } } };
    // Services and jobs above hold the machine; they give it back.
    for (const workspace of [full, other]) {
      for (const kind of ['training-job', 'service']) await contentsOf(kind).clear(projectId, workspace);
    }
    const { id } = (await team.root.call('POST', `${team.v2}/training-jobs`, ending)).body.metadata;
    assert.equal(await count(projectId, '0'), before + 1);
    const job = () => team.root.call('GET', `${team.v2}/training-jobs/${id}`);
    await world.until(async () => (await job()).body.status.phase === 'Completed');
    assert.equal(await count(projectId, '0'), before);
    assert.equal((await job()).status, 200, 'it is still there');
  });

  it('a workspace is emptied: running jobs and services end first, a used model goes after its service', async () => {
    const { projectId } = team.tenant;
    const make = async (path: string, body: object) => {
      const answer = await team.root.call('POST', path, body);
      assert.ok(answer.status < 300, answer.text);
      return answer.body;
    };
    const used = await publish(world, team, team.root, modelBody('used', BUCKET, emptied));
    const things = {
      'training-job': `${team.v2}/training-jobs/${(await make(`${team.v2}/training-jobs`, jobBody('runs', BUCKET, { workspace: emptied }))).metadata.id}`,
      algorithm: `${team.v2}/algorithms/${(await make(`${team.v2}/algorithms`, algorithmBody('a', BUCKET, emptied))).metadata.id}`,
      model: `${team.v1}/models/${used}`,
      service: `${team.v1}/services/${(await make(`${team.v1}/services`, serviceBody('serves', used, emptied))).service_id}`,
    };
    const kept = `${team.v2}/algorithms/${(await make(`${team.v2}/algorithms`, algorithmBody('kept', BUCKET))).metadata.id}`;
    const get = (path: string) => team.root.call('GET', path);
    await world.until(async () => (await get(things['training-job'])).body.status.phase === 'Running');
    await world.until(async () => (await get(things.service)).body.status === 'running');
    const container = (path: string) =>
      [...world.engine.containers.keys()].some(name => name.includes(path.split('/').at(-1)!));
    assert.ok(container(things['training-job']));

    assert.equal(await contentsOf('model').clear(projectId, emptied), 1, 'a service uses it');
    assert.equal((await get(things.model)).status, 200);
    for (const { kind, deleteAction } of world.families.contents) {
      assert.match(deleteAction, /^modelarts:\w+:delete$/);
      if (kind === 'model') continue;
      await world.until(async () => (await contentsOf(kind).clear(projectId, emptied)) === 0);
    }
    await world.until(async () => (await contentsOf('model').clear(projectId, emptied)) === 0);
    for (const path of Object.values(things)) assert.ok((await get(path)).status >= 400, path);
    assert.ok(!container(things['training-job']));
    assert.equal((await get(kept)).status, 200, 'another workspace keeps what it has');
    assert.equal((await get(`${team.v1}/models/${modelId}`)).status, 200);
  });
});
