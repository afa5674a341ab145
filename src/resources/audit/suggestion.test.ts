import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createTeam, jobBody, type Member, switchRole, type Team, uploadCode } from '../../../test/scenarios/team.ts';
import { createWorld, type World } from '../../../test/world.ts';
import { s3Client } from '../objects/clients.fixture.ts';

describe('the least policy, from what was done', () => {
  let world: World;
  let team: Team;
  let ann: Member;
  let bob: Member;
  let jobId: string;
  const clients: S3Client[] = [];

  before(async () => {
    world = await createWorld();
    team = await createTeam(world);
    await uploadCode(world, team, 'code-bucket');
    await uploadCode(world, team, 'other-bucket');
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    const helpers = {
      name: 'helpers',
      domain_id: team.tenant.accountId,
      trust_domain_name: 'acme',
      duration: 'FOREVER',
    };
    await team.root.call('POST', '/v3.0/OS-AGENCY/agencies', { agency: helpers });
    [ann, bob] = [await team.member('ann'), await team.member('bob')];
    const everything = { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['*:*:*'] }] };
    await team.grant(await team.group('mighty', [ann]), [await team.policy('everything', everything)]);
  });
  after(async () => {
    for (const client of clients) client.destroy();
    await world?.remove();
  });

  async function s3(member: Member): Promise<S3Client> {
    const { body } = await member.call('POST', '/v3.0/OS-CREDENTIAL/credentials', {
      credential: { user_id: member.id },
    });
    const client = s3Client(world.obs, body.credential);
    clients.push(client);
    return client;
  }

  /** What both do; each resolves with a status. */
  function work(member: Member, obs: S3Client): Record<string, () => Promise<number>> {
    const call = async (method: string, path: string, body?: object) => (await member.call(method, path, body)).status;
    // biome-ignore lint/suspicious/noExplicitAny: commands of all shapes
    const send = async (command: any) => (await obs.send(command)).$metadata.httpStatusCode!;
    return {
      submit: async () => {
        const answer = await member.call(
          'POST',
          `${team.v2}/training-jobs`,
          jobBody(`job-of-${member.name}`, 'code-bucket'),
        );
        if (answer.status === 201) jobId = answer.body.metadata.id;
        return answer.status;
      },
      look: () => call('GET', `${team.v2}/training-jobs/${jobId}`),
      search: () => call('POST', `${team.v2}/training-job-searches`, {}),
      users: () => call('GET', '/v3/users'),
      buckets: () => send(new ListBucketsCommand({})),
      make: () => send(new CreateBucketCommand({ Bucket: `made-by-${member.name}` })),
      write: () => send(new PutObjectCommand({ Bucket: 'code-bucket', Key: `notes/${member.name}`, Body: 'x' })),
      read: () => send(new GetObjectCommand({ Bucket: 'code-bucket', Key: 'code/train.py' })),
      switch: async () => (await switchRole(world, member, 'helpers', world.root)).status,
    };
  }

  const suggestion = async (query: string, member = team.root) =>
    member.call('GET', `/v3.0/OS-ROLE/suggestions?${query}`);

  it('lets somebody else do the same and nothing besides', async () => {
    for (const [what, doIt] of Object.entries(work(ann, await s3(ann)))) {
      assert.ok((await doIt()) < 300, `ann: ${what}`);
    }
    const { status, body, text } = await suggestion(`user_id=${ann.id}&days=1`);
    assert.equal(status, 200, text);
    const ids: string[] = [];
    for (const policy of body.policies) ids.push(await team.policy(`least-${ids.length}`, policy));
    const obs = await s3(bob);
    const denied = (promise: Promise<unknown>) => assert.rejects(promise, { name: 'AccessDenied' });
    await denied(obs.send(new ListBucketsCommand({})));
    await team.grant(await team.group('least', [bob]), ids);
    for (const [what, doIt] of Object.entries(work(bob, obs))) {
      assert.ok((await doIt()) < 300, `bob: ${what}`);
    }
    for (const [method, path] of [
      ['DELETE', `${team.v2}/training-jobs/${jobId}`],
      ['GET', `${team.v1}/models`],
      ['GET', '/v3/groups'],
      ['DELETE', `/v3/users/${ann.id}`],
      ['GET', `/v3/${team.tenant.projectId}/traces`],
      ['GET', `/v3.0/OS-ROLE/suggestions?user_id=${ann.id}`],
    ] as const) {
      assert.equal((await bob.call(method, path)).status, 403, `${method} ${path}`);
    }
    await denied(obs.send(new GetObjectCommand({ Bucket: 'other-bucket', Key: 'code/train.py' })));
    await denied(obs.send(new DeleteObjectCommand({ Bucket: 'code-bucket', Key: 'code/train.py' })));
    const used = body.used.map((use: { action: string; resource?: string }) => `${use.action} ${use.resource}`);
    for (const use of [
      'obs:object:GetObject obs:*:*:object:code-bucket/*',
      'obs:bucket:CreateBucket obs:*:*:bucket:*',
    ]) {
      assert.ok(used.includes(use), `${use} of ${used}`);
    }
    assert.ok(!used.some((use: string) => /iam:tokens:assume|credentials:createCredential/.test(use)), `${used}`);
  });

  it('root’s habits are counted too, agencies have their own, and who did nothing gets nothing', async () => {
    const root = (await suggestion(`user_id=${team.root.id}`)).body;
    assert.ok(root.used.some((use: { action: string }) => use.action === 'iam:users:createUser'));
    const login = await switchRole(world, ann, 'helpers', world.root);
    const agencies = (await team.root.call('GET', '/v3.0/OS-AGENCY/agencies')).body.agencies;
    const { id } = agencies.find((each: { name: string }) => each.name === 'helpers');
    await team.grantAgency(id, ['IAM ReadOnlyAccess']);
    const token = login.headers.get('x-subject-token')!;
    assert.equal((await world.send('GET', '/v3/users', { token })).status, 200);
    const agency = (await suggestion(`agency_id=${id}`)).body;
    assert.deepEqual(agency.policies, [
      { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['iam:users:listUsers'] }] },
    ]);
    const idle = await team.member('idle');
    assert.deepEqual((await suggestion(`user_id=${idle.id}`)).body.policies, []);
  });

  it('is about users and agencies of the account alone', async () => {
    const rivals = await createTeam(world, await world.tenant('rival'));
    for (const query of [`user_id=${ann.id}`, 'user_id=nobody', 'agency_id=nobody']) {
      const answer = await suggestion(query, rivals.root);
      assert.equal(`${answer.status} ${answer.body.error_code}`, '404 IAM.0004', query);
    }
    for (const query of ['', 'user_id=a&agency_id=b', `user_id=${ann.id}&days=0`]) {
      const answer = await suggestion(query);
      assert.equal(`${answer.status} ${answer.body.error_code}`, '400 IAM.0011', query);
    }
    const refused = await suggestion(`user_id=${bob.id}`, bob);
    assert.match(refused.body.error_msg, /iam:roles:suggestPolicy/);
  });
});
