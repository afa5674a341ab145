import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTeam, documentPolicy, jobBody, type Member, switchRole, type Team } from '../../test/scenarios/team.ts';
import { algorithmBody, modelBody, publish, serviceBody, uploadThings } from '../../test/scenarios/things.ts';
import { type Answer, createWorld, type World } from '../../test/world.ts';
import { signRequest } from '../client/signature.ts';

const BUCKET = 'sessions';

/** Sessions of agencies that make things: code in a job by the platform's agency, and people of another account by one lent to them. */
describe('what sessions of agencies make', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  let everything: string;

  before(async () => {
    world = await createWorld({ work: true });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
    ann = await team.member('ann');
    const Statement = [{ Effect: 'Allow', Action: ['modelarts:*:*', 'obs:*:*'] }];
    everything = await team.policy('everything', { Version: '1.1', Statement });
    await team.grant(await team.group('users', [ann]), [everything]);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
  });
  after(() => world?.remove());

  /** Calls the API as code in a job does, by the credentials that lie in its container, which are those of its agency. */
  async function fromInside(jobId: string, method: string, path: string, body?: object): Promise<Answer> {
    const { items } = (await team.root.call('POST', `${team.v2}/training-job-searches`, byId(jobId))).body;
    const owner = await ownerOf(jobId);
    assert.equal(items[0].metadata.user_name, owner.name);
    const key = await world.families.iam.assumeAgency({
      accountId: team.tenant.accountId,
      agencyName: 'modelarts_agency',
      projectId: team.tenant.projectId,
      durationSeconds: 900,
      onBehalfOf: owner,
    });
    const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
    const signed = signRequest(key, { method, url: new URL(world.api + path), headers: {}, body: bytes }, new Date());
    return world.send(method, path, { body, headers: signed });
  }
  const byId = (id: string) => ({ filters: [{ key: 'id', operator: 'in', value: [id] }] });

  /** Whose a job is, by what the search finds of which user. */
  async function ownerOf(jobId: string): Promise<{ id: string; name: string }> {
    const agencies = (await team.root.call('GET', `/v3.0/OS-AGENCY/agencies?domain_id=${team.tenant.accountId}`)).body
      .agencies as { id: string; name: string }[];
    for (const candidate of [ann, team.root, ...agencies]) {
      const filters = [
        { key: 'id', operator: 'in', value: [jobId] },
        { key: 'user_id', operator: 'in', value: [candidate.id] },
      ];
      const { count } = (await team.root.call('POST', `${team.v2}/training-job-searches`, { filters })).body;
      if (count === 1) return { id: candidate.id, name: candidate.name };
    }
    throw new Error('it is of nobody in this account');
  }

  it('what code in a job makes belongs to the user whose job it is, and works by the same agency', async () => {
    const parent = (await ann.call('POST', `${team.v2}/training-jobs`, jobBody('parent', BUCKET))).body.metadata.id;
    const job = await fromInside(parent, 'POST', `${team.v2}/training-jobs`, jobBody('child', BUCKET));
    assert.equal(job.status, 201, job.text);
    assert.equal(job.body.metadata.user_name, 'ann');
    assert.deepEqual(await ownerOf(job.body.metadata.id), { id: ann.id, name: 'ann' });
    const model = await fromInside(parent, 'POST', `${team.v1}/models`, modelBody('child', BUCKET));
    assert.equal(model.status, 200, model.text);
    assert.equal((await ann.call('GET', `${team.v1}/models/${model.body.model_id}`)).body.owner, ann.id);
    // It never decides by which agency things run.
    const bind = { user_id: 'all', type: 'agency', content: 'modelarts_agency' };
    assert.equal((await fromInside(parent, 'POST', `${team.v2}/authorizations`, bind)).status, 403);
  });

  it('what its user is denied, code in the job is denied', async () => {
    const parent = (await ann.call('POST', `${team.v2}/training-jobs`, jobBody('before', BUCKET))).body.metadata.id;
    const denial = await team.policy('DenyPublicPool', documentPolicy('DenyPublicPool'));
    const group = await team.group('kept', [ann]);
    await team.grant(group, [denial]);
    const refused = await fromInside(parent, 'POST', `${team.v2}/training-jobs`, jobBody('after', BUCKET));
    assert.equal(refused.status, 403, refused.text);
    assert.match(refused.text, /modelarts:trainJob:create.*DenyPublicPool.*works for ann/);
    const service = await fromInside(parent, 'POST', `${team.v1}/services`, serviceBody('after', 'x'));
    assert.match(service.text, /modelarts:service:create.*DenyPublicPool.*works for ann/);
    await team.root.call('DELETE', `/v3/groups/${group}/users/${ann.id}`);
  });

  it('what somebody of another account makes by a lent agency belongs to that agency, not to the stranger', async () => {
    const beta = await createTeam(world, await world.tenant('beta'));
    const bea = await beta.member('bea');
    await beta.grant(await beta.group('switchers', [bea]), ['Agent Operator']);
    const lent = (
      await team.root.call('POST', '/v3.0/OS-AGENCY/agencies', {
        agency: { name: 'for-beta', domain_id: team.tenant.accountId, trust_domain_name: 'beta', duration: 'FOREVER' },
      })
    ).body.agency.id;
    await team.grantAgency(lent, [everything]);
    const switched = await switchRole(world, bea, 'for-beta', team.tenant);
    assert.equal(switched.status, 201, switched.text);
    const token = switched.headers.get('x-subject-token')!;
    const as = async (method: string, path: string, body?: object) => world.send(method, path, { token, body });

    const job = await as('POST', `${team.v2}/training-jobs`, jobBody('lent', BUCKET));
    assert.equal(job.status, 201, job.text);
    assert.equal(job.body.metadata.user_name, 'for-beta');
    assert.deepEqual(await ownerOf(job.body.metadata.id), { id: lent, name: 'for-beta' });
    const algorithm = await as('POST', `${team.v2}/algorithms`, algorithmBody('lent', BUCKET));
    assert.equal(algorithm.body.metadata.user_name, 'for-beta', algorithm.text);
    const model = await publish(world, team, { ...team.root, token, call: as }, modelBody('lent', BUCKET));
    assert.equal((await as('GET', `${team.v1}/models/${model}`)).body.owner, lent);
    const service = await as('POST', `${team.v1}/services`, serviceBody('lent', model));
    assert.equal(service.status, 200, service.text);
    assert.equal((await as('GET', `${team.v1}/services/${service.body.service_id}`)).body.owner, lent);

    // Ending it is told as the agency's doing, and what the agency is denied its jobs are denied.
    const denial = await team.policy('DenyForLent', documentPolicy('DenyPublicPool'));
    await team.grantAgency(lent, [denial]);
    const refused = await fromInside(job.body.metadata.id, 'POST', `${team.v2}/training-jobs`, jobBody('x', BUCKET));
    assert.equal(refused.status, 403, refused.text);
    assert.match(refused.text, /DenyForLent.*works for for-beta/);
    const id = job.body.metadata.id;
    await as('POST', `${team.v2}/training-jobs/${id}/actions`, { action_type: 'terminate' });
    const events = await as('GET', `${team.v2}/training-jobs/${id}/events`);
    assert.match(events.text, /terminated by for-beta/);
    assert.doesNotMatch(events.text, /bea\b/);
  });
});
