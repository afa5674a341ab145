import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { attachTerminal } from '../../src/client/terminal.ts';
import { documentPolicy, jobBody, type Member } from '../scenarios/team.ts';
import { makePool, notebookBody, poolBody, publish, serviceBody } from '../scenarios/things.ts';
import type { Answer } from '../world.ts';
import { containersOf } from './containers.ts';
import { putEcho } from './echo.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { kernelOf } from './jupyter.ts';
import { type TeamOfInstallation, teamOf } from './team.ts';

/** Sections 1.3.2 to 1.3.5 of the document, step by step with its own policies, in real pools, notebooks, jobs and services. */

const ONE = 'modelarts.vm.cpu.1u';
const BUCKET = 'chapter-one';
/** Ends by itself, leaving a file; with `sleep` among its code it stays. */
const TRAIN = `
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument('--train_url')
where, _ = parser.parse_known_args()
while os.path.exists(os.path.join(os.path.dirname(__file__), 'sleep')): time.sleep(1)
with open(os.path.join(where.train_url, 'result.txt'), 'w') as file: file.write('trained')
`;
const allow = (...actions: string[]) => ({ Version: '1.1', Statement: [{ Effect: 'Allow', Action: actions }] });

describe('chapter 1, with real containers', () => {
  let at: Installation;
  let team: TeamOfInstallation;
  let admin: Member;
  let developer: Member;
  let pool: string;
  const policies: Record<string, string> = {};

  before(async () => {
    at = await createInstallation({ ATELIER_VCPUS: '8' });
    await presetImageReady(at);
    team = await teamOf(at);
    await at.obs.createBucket(BUCKET);
    await at.obs.put({ bucket: BUCKET, key: 'code/train.py' }, Buffer.from(TRAIN));
  });
  after(() => at?.remove());

  const jobs = () => `${team.v2}/training-jobs`;
  const notebooks = () => `${team.v1}/notebooks`;
  const made = (answer: Answer) => {
    assert.ok(answer.status < 300, answer.text);
    return answer.body;
  };
  function denied(answer: Answer, action: string, by: string): void {
    assert.deepEqual([answer.status, answer.body.error_code], [403, 'ModelArts.0112'], answer.text);
    assert.match(answer.text, new RegExp(`${action} .*${by}`));
  }
  async function notebookOf(member: Member, name: string, more: object = {}): Promise<string> {
    const path = `${notebooks()}/${made(await member.call('POST', notebooks(), notebookBody(name, more))).id}`;
    await team.reached(path, body => body.status === 'RUNNING');
    return path;
  }
  /** Trains to the end; the result is in OBS. */
  async function trained(member: Member, name: string, inPool?: string): Promise<void> {
    const body = jobBody(name, BUCKET, inPool === undefined ? {} : { pool: inPool });
    const { id } = made(await member.call('POST', jobs(), body)).metadata;
    const { status } = await team.reached(`${jobs()}/${id}`, job => /Completed|Failed|Abn/.test(job.status.phase));
    assert.equal(status.phase, 'Completed', JSON.stringify(status));
    assert.equal((await at.obs.head({ bucket: BUCKET, key: `out-of-${name}/result.txt` }))?.size, 'trained'.length);
  }

  it('1.3.2 administrators have pools and all notebooks; developers work, without managing either', async () => {
    [admin, developer] = [await team.member('the-admin'), await team.member('the-developer')];
    for (const name of ['Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation', 'DenyPublicPool']) {
      policies[name] = await team.policy(name, documentPolicy(name));
    }
    const [first, second, third] = Object.values(policies) as [string, string, string, string];
    await team.grant(await team.group('ModelArts_admin_group', [admin]), [first, second]);
    await team.grant(await team.group('user_group', [developer]), [first, second, third]);
    await team.authorize(admin, made(await team.root.call('POST', `${team.v2}/agency`, {})).agency_name);
    await team.agency('ma_agency_develop_user', ['OBS Administrator']);
    await team.authorize(developer, 'ma_agency_develop_user');

    const { id, network } = await makePool(team.world, team, admin, 'team-pool', { flavor: ONE, count: 3 });
    pool = id;
    const another = poolBody('other-pool', network, { flavor: ONE, count: 1 });
    denied(await developer.call('POST', `${team.v2}/pools`, another), 'modelarts:pool:create', 'Policy3_DenyOperation');

    const own = await notebookOf(developer, 'of-developer');
    const kernel = await kernelOf((await developer.call('GET', own)).body);
    // What the developer's agency holds is enough for the data, as the document says.
    await kernel.run(`import moxing as mox; mox.file.write("obs://${BUCKET}/note.txt", "from the developer")`);
    assert.equal(await kernel.run(`print(mox.file.read("obs://${BUCKET}/note.txt"))`), 'from the developer\n');
    kernel.close();
    const all = await developer.call('GET', `${notebooks()}/all`);
    denied(all, 'modelarts:notebook:listAllNotebooks', 'Policy3_DenyOperation');
    const seen = made(await admin.call('GET', `${notebooks()}/all`)).data;
    assert.deepEqual(
      seen.map(({ name }: { name: string }) => name),
      ['of-developer'],
    );
    await trained(developer, 'of-developer');
    // Full control: the administrator ends what is another's.
    made(await admin.call('POST', `${own}/stop`));
    await team.reached(own, body => body.status === 'STOPPED');
    assert.deepEqual(await containersOf(at, 'notebook'), []);
    made(await admin.call('DELETE', own));
  });

  it("1.3.3 who may list all sees another's instance, and starts it with a key pair of one's own", async () => {
    const viewer = await team.member('viewer');
    const group = await team.group('viewers', [viewer]);
    denied(
      await viewer.call('GET', `${notebooks()}/all`),
      'modelarts:notebook:listAllNotebooks',
      'no policy grants it',
    );
    await team.grant(group, [
      await team.policy('Viewing all notebook instances', allow('modelarts:notebook:listAllNotebooks')),
      await team.policy('Viewing all users of the current IAM project', allow('iam:users:listUsers')),
    ]);
    const keys = `/v3/${team.tenant.projectId}/keypairs`;
    const keyPair = (member: Member, name: string) =>
      member.call('POST', keys, { keypair: { name, algorithm: 'ed25519' } }).then(made);
    const withKey = (name: string) => ({ endpoints: [{ service: 'SSH', key_pair_names: [name] }] });
    await keyPair(developer, 'KeyPair-developer');
    const path = await notebookOf(developer, 'shared', withKey('KeyPair-developer'));
    assert.equal(made(await viewer.call('GET', `${notebooks()}/all`)).data[0].user.name, 'the-developer');
    assert.ok(made(await viewer.call('GET', '/v3/users')).users.length >= 3);
    made(await developer.call('POST', `${path}/stop`));
    await team.reached(path, body => body.status === 'STOPPED');

    await team.grant(group, [
      await team.policy('Starting the instances of others', allow('modelarts:notebook:*', 'ecs:serverKeypairs:*')),
    ]);
    const refused = await viewer.call('POST', `${path}/start`);
    assert.deepEqual([refused.status, refused.body.error_code], [400, 'ModelArts.6789'], refused.text);
    await keyPair(viewer, 'KeyPair-viewer');
    made(await viewer.call('PUT', path, withKey('KeyPair-viewer')));
    made(await viewer.call('POST', `${path}/start`));
    const running = await team.reached(path, body => body.status === 'RUNNING');
    assert.match(running.endpoints[0].uri, /^ssh:\/\/ma-user@127\.0\.0\.1:\d+$/);
    made(await developer.call('DELETE', path));
  });

  it('1.3.4 Cloud Shell logs in to a running container of a dedicated pool, with the permission for it', async () => {
    const user = await team.member('shell-user');
    const group = await team.group('shell-users', [user]);
    const training = allow('modelarts:trainJob:create', 'modelarts:trainJob:get', 'modelarts:workspace:get');
    await team.grant(group, [await team.policy('Training', training), 'OBS Administrator']);
    await team.authorize(user, 'ma_agency_develop_user');
    await at.obs.put({ bucket: BUCKET, key: 'code/sleep' }, Buffer.alloc(0));
    const started = async (name: string, more: { pool?: string }) => {
      const { id } = made(await user.call('POST', jobs(), jobBody(name, BUCKET, more))).metadata;
      await team.reached(`${jobs()}/${id}`, job => job.status.phase === 'Running');
      return `${jobs()}/${id}`;
    };
    const [path, inPublic] = [await started('shell', { pool }), await started('public', {})];
    await at.obs.remove({ bucket: BUCKET, key: 'code/sleep' }, false);
    const shell = (at: string) => user.call('POST', `${at}/tasks/worker-0/shells`, { columns: 100, rows: 30 });
    denied(await shell(path), 'modelarts:trainJob:exec', 'no policy grants it');
    await team.grant(group, [
      await team.policy(
        'Using Cloud Shell to log in to a running training container',
        allow('modelarts:trainJob:exec'),
      ),
    ]);
    const address = made(await shell(path)).path;
    const [input, output] = [new PassThrough(), new PassThrough()];
    let shown = '';
    output.on('data', data => {
      shown += data;
    });
    const end = attachTerminal(new URL(address, at.profile.endpoints.api.replace('http', 'ws')).href, {
      input,
      output,
    });
    input.write('id -un; ls /home/ma-user/modelarts/user-job-dir/code; exit 5\n');
    assert.equal((await end).exitCode, 5);
    assert.match(shown, /ma-user\r\n.*train\.py/s);
    const outside = await shell(inPublic);
    assert.deepEqual([outside.status, outside.body.error_code], [400, 'ModelArts.2788'], outside.text);
    for (const job of [path, inPublic]) {
      made(await team.root.call('POST', `${job}/actions`, { action_type: 'terminate' }));
      await team.reached(job, body => body.status.phase === 'Terminated');
    }
  });

  it('1.3.5 who may not use the public pool works in the dedicated one, with job, notebook and service', async () => {
    const user = await team.member('pool-user');
    const group = await team.group('pool-users', [user]);
    await team.grant(group, ['Tenant Administrator', policies.DenyPublicPool!]);
    // Step 4: the agency is bound by it too, lest the user come in by its token.
    const agency = await team.agency('ma_agency_pool_user', ['OBS Administrator', policies.DenyPublicPool!]);
    assert.match(agency, /^[0-9a-f]{32}$/);
    await team.authorize(user, 'ma_agency_pool_user');
    const model = await publish(team.world, team, user, await putEcho(at, BUCKET));
    const service = serviceBody('echo', model);
    const attempts: [string, string, object][] = [
      ['trainJob', jobs(), jobBody('in-public', BUCKET)],
      ['notebook', notebooks(), notebookBody('in-public')],
      ['service', `${team.v1}/services`, service],
    ];
    for (const [kind, path, body] of attempts) {
      denied(await user.call('POST', path, body), `modelarts:${kind}:create`, 'DenyPublicPool');
    }
    // What tells a form that only a dedicated pool can be selected.
    const ask = (poolType: string) =>
      attempts.map(([kind]) => ({
        action_id: `${kind}-${poolType}`,
        action: `modelarts:${kind}:create`,
        service_attributes: { 'modelarts:poolType': poolType },
      }));
    const { results } = made(
      await user.call('POST', `${team.v1}/workspaces/0/auth`, { requests: [...ask('public'), ...ask('dedicated')] }),
    );
    assert.deepEqual(
      results.map((each: { verdict: string }) => each.verdict),
      ['deny', 'deny', 'deny', 'allow', 'allow', 'allow'],
    );

    const [own, deployed] = await Promise.all([
      notebookOf(user, 'in-pool', { pool_id: pool }),
      user.call('POST', `${team.v1}/services`, { ...service, pool_name: pool }).then(made),
      trained(user, 'in-pool', pool),
    ]);
    const kernel = await kernelOf((await user.call('GET', own)).body);
    assert.equal(await kernel.run('print(6 * 7)'), '42\n');
    kernel.close();
    const path = `${team.v1}/services/${deployed.service_id}`;
    const { access_address } = await team.reached(path, body => body.status === 'running');
    const answer = await fetch(access_address, {
      method: 'POST',
      headers: { 'x-auth-token': user.token, 'content-type': 'application/json' },
      body: JSON.stringify({ said: 'hello' }),
    });
    assert.deepEqual([answer.status, await answer.json()], [200, [{ said: 'hello' }]]);
    const { items } = made(await user.call('GET', `${team.v2}/pools/${pool}/workloads?status=Running`));
    assert.deepEqual(items.map((each: { type: string }) => each.type).sort(), ['infer', 'notebook']);

    // The administrator ends it all with the pool.
    made(await admin.call('DELETE', `${team.v2}/pools/${pool}`));
    await team.world.until(async () => (await admin.call('GET', `${team.v2}/pools/${pool}`)).status === 404);
    assert.deepEqual([...(await containersOf(at, 'notebook')), ...(await containersOf(at, 'service-instance'))], []);
  });
});
