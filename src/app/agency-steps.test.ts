import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createTeam, jobBody, type Member, type Team } from '../../test/scenarios/team.ts';
import { modelBody, uploadThings } from '../../test/scenarios/things.ts';
import { type Answer, createWorld, type World } from '../../test/world.ts';

const BUCKET = 'steps';

/** What the agency may not do fails at the step that needs it, naming action and agency, and nowhere earlier. */
describe('an agency with too few permissions', () => {
  let world: World;
  let team: Team;
  let serial = 0;

  before(async () => {
    world = await createWorld({
      work: true,
      trainingSettings: { uploadPeriodMs: 60_000 },
      program: ({ mounts }) => {
        const outputs = mounts.find(({ target }) => target === '/home/ma-user/modelarts');
        if (outputs) writeFileSync(join(outputs.source, 'outputs/train_url_0/model.bin'), 'weights');
        return { runMs: 1 };
      },
    });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
  });
  after(() => world?.remove());

  /** A user who may do everything, for whom the platform acts by an agency that is denied one thing. */
  async function member(action: string, path: string): Promise<{ member: Member; agency: string; agencyId: string }> {
    const name = `user-${++serial}`;
    const all = { Effect: 'Allow', Action: ['modelarts:*:*', 'obs:*:*'] };
    const resource = action.startsWith('obs:bucket') ? `obs:*:*:bucket:${BUCKET}` : `obs:*:*:object:${BUCKET}/${path}`;
    const denial = { Effect: 'Deny', Action: [action], Resource: [resource] };
    const made = await team.member(name);
    await team.grant(await team.group(name, [made]), [
      await team.policy(`all-${serial}`, { Version: '1.1', Statement: [all] }),
    ]);
    const agency = `agency-${serial}`;
    const less = await team.policy(`less-${serial}`, { Version: '1.1', Statement: [all, denial] });
    const agencyId = await team.agency(agency, [less]);
    await team.authorize(made, agency);
    return { member: made, agency, agencyId };
  }

  const job = (): { algorithm: object; spec: object } => {
    const body = jobBody(`job-${++serial}`, BUCKET) as { algorithm: object; spec: object };
    const inputs = [{ name: 'data_url', remote: { obs: { obs_url: `/${BUCKET}/data/` } } }];
    const log_export_path = { obs_url: `/${BUCKET}/logs/` };
    return { ...body, algorithm: { ...body.algorithm, inputs }, spec: { ...body.spec, log_export_path } };
  };

  async function ended(by: Member): Promise<{ id: string; body: Answer['body']; events: string }> {
    const made = await by.call('POST', `${team.v2}/training-jobs`, job());
    assert.equal(made.status, 201, made.text);
    const { id } = made.body.metadata;
    const path = `${team.v2}/training-jobs/${id}`;
    let shown = made;
    await world.until(async () => {
      shown = await by.call('GET', path);
      return ['Completed', 'Failed'].includes(shown.body.status.phase);
    });
    const { body } = await by.call('GET', `${path}/events?limit=100`);
    return { id, body: shown.body, events: body.events.map((each: { message: string }) => each.message).join('\n') };
  }
  const started = (id: string) => world.engine.calls.some(call => call.startsWith('start ') && call.includes(id));
  const named = (agency: string, action: string, path: string) =>
    new RegExp(`agency ${agency} is not allowed ${action} on obs://${BUCKET}/${path}`);

  for (const [what, action, path] of [
    ['the code', 'obs:object:GetObject', 'code/'],
    ['an input', 'obs:object:GetObject', 'data/'],
    ['what is below a directory', 'obs:bucket:ListBucket', ''],
  ] as const) {
    it(`may not read ${what}: the job fails before its program starts`, async () => {
      const { member: user, agency } = await member(action, `${path}*`);
      const { id, body, events } = await ended(user);
      assert.equal(body.status.phase, 'Failed');
      assert.match(body.status.message, named(agency, action, path));
      assert.match(events, named(agency, action, path));
      assert.ok(!started(id));
    });
  }

  it('may not write the output: the program runs, then the job fails', async () => {
    const { member: user, agency } = await member('obs:object:PutObject', '*-of-*');
    const { id, body, events } = await ended(user);
    assert.ok(started(id));
    assert.equal(body.status.phase, 'Failed');
    const refusal = named(agency, 'obs:object:PutObject', 'out-of-job-\\d+/model.bin');
    assert.match(body.status.message, refusal);
    assert.match(events, refusal);
  });

  it('may not export the logs: the job is completed all the same, and an event says so', async () => {
    const { member: user, agency } = await member('obs:object:PutObject', 'logs/*');
    const { body, events } = await ended(user);
    assert.equal(body.status.phase, 'Completed', body.status.message);
    assert.match(events, named(agency, 'obs:object:PutObject', 'logs/modelarts-job-'));
  });

  it('may not read the model package: the import fails, not the request', async () => {
    for (const [action, path] of [
      ['obs:object:GetObject', 'package/'],
      ['obs:bucket:ListBucket', ''],
    ] as const) {
      const { member: user, agency } = await member(action, `${path}*`);
      const made = await user.call('POST', `${team.v1}/models`, modelBody(`model-${serial}`, BUCKET));
      assert.equal(made.status, 200, made.text);
      const one = `${team.v1}/models/${made.body.model_id}`;
      await world.until(async () => (await user.call('GET', one)).body.model_status === 'failed');
      assert.match((await user.call('GET', one)).body.error_msg, named(agency, action, path));
      assert.match((await user.call('GET', `${one}/events`)).text, named(agency, action, path));
    }
  });

  it('is deleted while a job waits: the job fails when it is its turn, naming the agency', async () => {
    const { member: user, agency, agencyId } = await member('obs:object:DeleteObject', 'x');
    const held = await world.families.admission.used();
    assert.equal(held.vcpus, 0, 'the machine is free');
    await world.families.admission.submit({
      id: 'blocker',
      kind: 'training-job',
      name: 'blocker',
      accountId: team.tenant.accountId,
      projectId: team.tenant.projectId,
      vcpus: 4,
      memoryBytes: 1,
      gpus: 0,
    });
    const made = await user.call('POST', `${team.v2}/training-jobs`, job());
    assert.equal(made.status, 201, made.text);
    const path = `${team.v2}/training-jobs/${made.body.metadata.id}`;
    await world.until(async () => (await user.call('GET', path)).body.status.secondary_phase === 'Queuing');
    assert.equal((await team.root.call('DELETE', `/v3.0/OS-AGENCY/agencies/${agencyId}`)).status, 204);
    await world.families.admission.release('blocker');
    await world.until(async () => (await user.call('GET', path)).body.status.phase === 'Failed');
    assert.match((await user.call('GET', path)).body.status.message, new RegExp(`agency ${agency} cannot be used`));
  });
});
