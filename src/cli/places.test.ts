import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createMachine, type Machine } from './machine.fixture.ts';

let machine: Machine;
const atelier: Machine['atelier'] = (...given) => machine.atelier(...given);
const done: Machine['done'] = (...given) => machine.done(...given);
const json: Machine['json'] = (...given) => machine.json(...given);
const as = (profile: string, words: string) => atelier(['--profile', profile, ...words.split(' ')]);

before(async () => {
  machine = await createMachine();
});
after(() => machine?.remove());

const PASSWORD = 'Chosen-by-ann-1';

test('a teacher lets a student into one room; what is granted in an enterprise project counts there alone', async () => {
  await done('enterprise-project create teaching --type poc');
  await done('iam group create students');
  const secret = await atelier(['--profile', 'root', 'iam', 'user', 'create', 'ann', '--group', 'students']);
  assert.equal(secret.code, 0, secret.err);
  assert.doesNotMatch(secret.out, /^password/m);
  const [, password] = /^password +(\S+) {2}\(told this once/m.exec(secret.err) ?? [];
  assert.ok(password);
  const given = ['iam', 'user', 'password', 'ann', '--keep-password', '--password-stdin'];
  const set = await atelier(['--profile', 'root', ...given], {}, `${PASSWORD}\n`);
  assert.equal(set.code, 0, set.err);
  await machine.login('ann', PASSWORD);

  const grant = 'iam grant add --group students --enterprise-project teaching --policy';
  await done(grant, 'ModelArts CommonOperations');
  assert.match(await done('iam grant list'), /group students +ModelArts CommonOperations +enterprise project teaching/);
  await done('workspace create vision-lab --auth internal --enterprise-project teaching');
  assert.equal((await json('workspace list --enterprise-project teaching')).length, 1);

  const shut = await as('ann', 'workspace show vision-lab');
  assert.equal(shut.code, 1);
  const ask = 'iam explain --user ann --action modelarts:trainJob:create';
  assert.match(await done(ask), /^verdict +deny/);
  assert.match(
    await done(`${ask} --enterprise-project teaching`),
    /^verdict +allow\npolicy +ModelArts CommonOperations/,
  );

  assert.match(await done('workspace grant vision-lab --user ann'), /ann +IAM/);
  const { id } = await json('workspace show vision-lab');
  assert.match((await as('ann', `workspace auth ${id} modelarts:trainJob:create`)).out, /trainJob:create +allow/);
  await done('workspace grant vision-lab --user acme');
  await done('workspace revoke vision-lab --user ann');
  const { grants } = await json('workspace show vision-lab');
  assert.deepEqual(
    grants.map((row: { user_name: string }) => row.user_name),
    ['acme'],
  );
  assert.equal((await as('ann', `workspace show ${id}`)).code, 1);

  await done('workspace set-quota vision-lab exemlProject.gpu_duration=600');
  assert.match(await done('workspace quotas vision-lab'), /exemlProject\.gpu_duration .*600 +60000 +minutes/);
  await done('workspace set-quota vision-lab exemlProject.gpu_duration=none');
  assert.match(await done('workspace quotas vision-lab'), /exemlProject\.gpu_duration .*no limit/);
  await done('workspace update vision-lab --auth private');
  assert.match(await done('workspace list'), /vision-lab +PRIVATE +acme +teaching +NORMAL/);
  const bound = await atelier(['--profile', 'root', 'enterprise-project', 'delete', 'teaching', '--yes']);
  assert.equal(bound.code, 1);
  assert.match(await done('enterprise-project workspaces teaching'), /vision-lab/);
  await done('enterprise-project disable teaching');
  assert.match(await done('enterprise-project list'), /teaching +false +poc/);
});

test('whoever may do nothing looks at itself, manages its own keys, and changes its password', async () => {
  await done('iam user create ben --description lonely');
  const given = ['iam', 'user', 'password', 'ben', '--keep-password'];
  assert.equal((await atelier(['--profile', 'root', ...given], { ATELIER_PASSWORD: PASSWORD })).code, 0);
  await machine.login('ben', PASSWORD);
  assert.equal((await as('ben', 'iam user list')).code, 1);
  assert.match((await as('ben', 'iam user show ben')).out, /description +lonely/);
  assert.match((await as('ben', 'iam token show')).out, /^user +ben\n/);
  const key = await as('ben', 'iam key create --description own');
  assert.match(key.out, /^access +\w+$/m);
  assert.doesNotMatch(key.out, /secret/);
  const [, access] = /^access +(\w+)$/m.exec(key.out) ?? [];
  const [, secret] = /^secret +(\S+)/m.exec(key.err) ?? [];
  const login = ['login', '--api', machine.world.api, '--access-key', access!, '--name', 'by-key'];
  const entered = await atelier(login, { ATELIER_SECRET_KEY: secret! });
  assert.equal(entered.code, 0, entered.err);
  assert.match((await as('by-key', 'iam key list')).out, new RegExp(`${access} +active`));
  assert.equal((await as('by-key', `iam key delete ${access} --yes`)).code, 0);

  const change = ['--profile', 'ben', 'iam', 'user', 'password'];
  const changed = await atelier(change, { ATELIER_PASSWORD: PASSWORD, ATELIER_NEW_PASSWORD: 'Chosen-by-ben-2' });
  assert.equal(changed.code, 0, changed.err);
  assert.match((await as('ben', 'iam token show')).err, /atelier login/);
  await machine.login('ben', 'Chosen-by-ben-2');
});

test('the parts that projects, groups and policies are changed by', async () => {
  await done('iam group create temporary ann');
  await done('iam group update temporary --name lasting --description kept');
  assert.match(await done('iam group list'), /lasting +kept/);
  assert.match(await done('iam user groups ann'), /lasting/);
  await done('iam group remove lasting ann');
  assert.equal((await json('iam group members lasting')).length, 0);

  const statement = (action: string) => ({ Version: '1.1', Statement: [{ Effect: 'Allow', Action: [action] }] });
  machine.write('one.json', statement('obs:bucket:ListBucket'));
  machine.write('two.json', statement('modelarts:trainJob:lisst'));
  assert.equal((await json('iam policy create buckets one.json')).type, 'AX');
  const slip = await atelier(['--profile', 'root', 'iam', 'policy', 'update', 'buckets', 'two.json', '--name', 'jobs']);
  assert.match(slip.err, /two\.json: warning at \$\.Statement\[0\]\.Action\[0\].*modelarts:trainJob:list/);
  assert.match(await done('iam policy show jobs'), /trainJob:lisst/);
  machine.write('bad.json', '{"Version": "1.1", "Statement": []}');
  const bad = await atelier(['--profile', 'root', 'iam', 'policy', 'create', 'bad', 'bad.json']);
  assert.match(bad.err, /bad\.json, \$\.Statement: the list is empty[\s\S]*iam policy lint bad\.json/);

  await done('iam project create local-1_lab');
  await done('iam grant add --group lasting --policy jobs --project local-1_lab');
  assert.match(await done('iam grant list --policy jobs'), /group lasting +jobs +project local-1_lab/);
  await done('iam grant remove --group lasting --policy jobs --project local-1_lab');
  assert.equal((await json('iam grant list --group lasting')).length, 0);
  const direct = await atelier(['--profile', 'root', 'iam', 'grant', 'add', '--user', 'ann', '--policy', 'jobs']);
  assert.match(direct.err, /enterprise projects alone[\s\S]*group/);
  await done('iam project suspend local-1_lab');
  assert.match(await done('iam project list'), /local-1_lab +false/);
  assert.match(await done('iam quota'), /user +\d+ +1000/);
  assert.equal((await as('root', 'iam user update ann --disable')).code, 0);
  assert.equal((await as('ann', 'iam token show')).code, 1);
});

test('any operation is called by its name, which tells what it lacks', async () => {
  assert.match(await done('api --list keystonelistusers'), /KeystoneListUsers +GET +\/v3\/users +iam:users:listUsers/);
  const shown = await done('api ShowUser --describe');
  assert.equal(JSON.parse(shown).path, '/v3.0/OS-USER/users/{user_id}');
  const lacking = await atelier(['--profile', 'root', 'api', 'ShowUser']);
  assert.match(lacking.err, /needs user_id[\s\S]*--param user_id=/);
  const odd = await atelier(['--profile', 'root', 'api', 'ListPools', '--param', 'pool=x']);
  assert.match(odd.err, /ListPools has no parameter pool/);
  assert.match(await done('api ShowDomainQuota --query type=user'), /"quota": 1000/);
  const body = await atelier(['--profile', 'root', 'api', 'CreateGroup'], {});
  assert.match(body.err, /no operation CreateGroup/);
  const group = JSON.stringify({ group: { name: 'by-api' } });
  const made = await atelier(['--profile', 'root', 'api', 'KeystoneCreateGroup', '--body', '-'], {}, group);
  assert.equal(JSON.parse(made.out).group.name, 'by-api');
});
