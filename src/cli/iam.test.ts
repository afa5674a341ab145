import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { documentPolicy } from '../../test/scenarios/team.ts';
import { OPERATOR_KEY, REGION } from '../../test/world.ts';
import { createMachine, type Machine } from './machine.fixture.ts';

let machine: Machine;
const atelier: Machine['atelier'] = (...given) => machine.atelier(...given);
const done: Machine['done'] = (...given) => machine.done(...given);
const json: Machine['json'] = (...given) => machine.json(...given);

before(async () => {
  machine = await createMachine();
  for (const name of ['Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation', 'DenyPublicPool']) {
    machine.write(`${name}.json`, documentPolicy(name));
  }
});
after(() => machine?.remove());

test('1.3.2 by the command line alone: administrators may have a pool, developers are refused it', async () => {
  for (const policy of ['Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation']) {
    await done(`iam policy create ${policy} ${policy}.json`);
  }
  await done('iam group create ModelArts_admin_group');
  await done('iam group create user_group');
  const made = await json('iam user create the-developer --group user_group');
  assert.equal(made.must_change_password, true);
  assert.ok(made.password.length >= 16);
  await done('iam grant add --group ModelArts_admin_group --policy Policy1_IAM_OBS Policy2_AllowOperation');
  await done('iam grant add --group user_group --policy Policy1_IAM_OBS Policy2_AllowOperation Policy3_DenyOperation');
  await done('iam authorization add --user the-developer --new-agency develop_user --policy', 'OBS Administrator');
  assert.match(await done('iam authorization list'), /the-developer .*iam .*ma_agency_develop_user/);
  assert.match(await done('iam authorization permissions --user the-developer'), /OBS Administrator/);
  const grants = await json('iam grant list --group user_group');
  assert.deepEqual(grants.map((row: { policy: string; scope: string }) => [row.policy, row.scope]).sort(), [
    ['Policy1_IAM_OBS', 'all resources'],
    ['Policy2_AllowOperation', 'all resources'],
    ['Policy3_DenyOperation', 'all resources'],
  ]);

  // "Change the password as prompted upon the first login."
  const login = [
    'login',
    '--api',
    machine.world.api,
    '--account',
    'acme',
    '--user',
    'the-developer',
    '--region',
    REGION,
    '--name',
    'dev',
  ];
  const unprompted = await atelier(login, { ATELIER_PASSWORD: made.password });
  assert.equal(unprompted.code, 1);
  assert.match(unprompted.err, /must be changed/);
  const prompted = await atelier(login, { ATELIER_PASSWORD: made.password, ATELIER_NEW_PASSWORD: 'Developer-1-chose' });
  assert.equal(prompted.code, 0, prompted.err);

  const refused = await atelier(['--profile', 'dev', 'api', 'CreatePool', '--body', '{}']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /modelarts:pool:create is denied by policy "Policy3_DenyOperation", Statement\[0\]/);
  assert.match(refused.err, /→ .*atelier iam explain --action modelarts:pool:create\n$/);
  const asked = ['iam', 'explain', '--action', 'modelarts:pool:create'];
  assert.match((await atelier(['--profile', 'dev', ...asked])).out, /^verdict +deny\npolicy +Policy3_DenyOperation/);
  const ofOther = await done('iam explain --user the-developer --action modelarts:trainJob:create --pool-type public');
  assert.match(ofOther, /^verdict +allow\npolicy +Policy2_AllowOperation, Statement\[0\]/);
  const shut = await atelier(['--profile', 'dev', ...asked, '--user', 'acme']);
  assert.match(shut.err, /iam:permissions:explain/);
  assert.equal((await atelier(['--profile', 'dev', 'iam', 'user', 'list'])).code, 0);
  const tried = await done('iam audit --user the-developer --denied');
  assert.match(tried, /the-developer +CreatePool +deny +403/);
});

test('lint tells what is wrong where without a platform, and what is probably a mistake', async () => {
  const offline = { XDG_CONFIG_HOME: join(machine.dir, 'nowhere') };
  const good = await atelier(['iam', 'policy', 'lint', 'Policy1_IAM_OBS.json', 'DenyPublicPool.json'], offline);
  assert.deepEqual([good.code, good.out], [0, 'Policy1_IAM_OBS.json: good\nDenyPublicPool.json: good\n']);
  const bad = await atelier(
    ['iam', 'policy', 'lint', '-'],
    offline,
    '{"Version":"1.1","Statement":[{"Effect":"Maybe","Action":["a:b:c"]}]}',
  );
  assert.equal(bad.code, 1);
  assert.match(bad.out, /error at \$\.Statement\[0\]\.Effect.*Allowed: "Allow" or "Deny"/);
  const slip = await atelier(
    ['iam', 'policy', 'lint', '-'],
    offline,
    '{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["modelarts:trainJob:creat"]}]}',
  );
  assert.equal(slip.code, 0);
  assert.match(slip.out, /warning at .*the nearest is modelarts:trainJob:create/);
});

test('accounts are the operator’s; a role is switched into another account', async () => {
  const without = await atelier(['account', 'list'], { ATELIER_HOME: join(machine.dir, 'no-home') });
  assert.equal(without.code, 1);
  assert.match(without.err, /whoever runs the installation[\s\S]*ATELIER_OPERATOR_KEY/);
  const operator = { ATELIER_OPERATOR_KEY: OPERATOR_KEY };
  const made = await atelier(['--output', 'json', 'account', 'create', 'beta'], operator);
  assert.equal(made.code, 0, made.err);
  const beta = JSON.parse(made.out);
  assert.match((await atelier(['account', 'list'], operator)).out, /acme[\s\S]*beta/);

  await done('iam agency create for-beta --trust beta --duration ONEDAY --policy', 'ModelArts CommonOperations');
  const login = ['login', '--api', machine.world.api, '--account', 'beta', '--region', REGION, '--name', 'beta'];
  assert.equal((await atelier(login, { ATELIER_PASSWORD: beta.root_password })).code, 0);
  const switched = await atelier([
    '--profile',
    'beta',
    'iam',
    'switch-role',
    'for-beta',
    '--account',
    'acme',
    '--name',
    'in-acme',
  ]);
  assert.equal(switched.code, 0, switched.err);
  assert.match((await atelier(['profile'])).out, /in-acme +\* .*acme\/for-beta \(agency; beta\)/);
  const seen = await atelier(['api', 'ListAlgorithms']);
  assert.equal(seen.code, 0, seen.err);
  assert.equal((await atelier(['--profile', 'in-acme', 'iam', 'user', 'list'])).code, 1);

  assert.equal((await atelier(['account', 'disable', 'beta'], operator)).code, 0);
  assert.equal((await atelier(['--profile', 'in-acme', 'api', 'ListAlgorithms'])).code, 1);
});

test('the key of the data directory goes to the platform of this machine alone', async t => {
  const seen: string[] = [];
  const elsewhere = createServer((request, response) => {
    seen.push(JSON.stringify(request.headers));
    response.end('{}');
  });
  await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve));
  t.after(() => elsewhere.close());
  const api = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  const config = join(machine.dir, 'config2/atelier');
  const home = join(machine.dir, 'home/secrets');
  for (const dir of [config, home]) mkdirSync(dir, { recursive: true });
  writeFileSync(join(home, 'operator.key'), OPERATOR_KEY);
  const endpoints = { api: machine.world.api, obs: machine.world.obs, inference: machine.world.api };
  writeFileSync(join(machine.dir, 'home/server.json'), JSON.stringify({ pid: 1, endpoints }));
  const there = { endpoints: { ...endpoints, api }, region: REGION, projectId: 'p', token: 't' };
  writeFileSync(join(config, 'profiles.json'), JSON.stringify({ current: 'there', profiles: { there } }));
  const env = { ATELIER_HOME: join(machine.dir, 'home'), XDG_CONFIG_HOME: join(machine.dir, 'config2') };
  assert.match((await atelier(['account', 'list'], env)).out, /acme/);
  const sent = await atelier(['--profile', 'there', 'account', 'list'], env);
  assert.equal(sent.code, 1);
  assert.match(sent.err, /is not sent to the platform of profile "there"/);
  assert.match((await atelier(['api', 'ListDomains'], env)).out, /"acme"/);
  assert.deepEqual(seen, []);
});

test('what cannot be undone wants --yes where nobody can be asked; names that are not there get the nearest', async () => {
  await done('iam group create doomed');
  const unasked = await atelier(['--profile', 'root', 'iam', 'group', 'delete', 'doomed']);
  assert.equal(unasked.code, 1);
  assert.match(unasked.err, /cannot be undone[\s\S]*--yes/);
  await done('iam group delete doomed --yes');
  const missing = await atelier(['--profile', 'root', 'iam', 'group', 'members', 'admin']);
  assert.match(missing.err, /There is no group "admin"[\s\S]*ModelArts_admin_group/);
});

test('a temporary key narrowed by a policy, the mode, keys and projects', async () => {
  const Statement = [{ Effect: 'Allow', Action: ['modelarts:trainJob:list'] }];
  machine.write('narrow.json', { Version: '1.1', Statement });
  const key = await json('iam temporary-key --duration 900 --policy narrow.json');
  assert.ok(key.securitytoken);
  assert.match(await done('iam mode'), /strict/);
  assert.match(await done('iam mode loose'), /loose/);
  await done('iam mode strict');
  const made = await json('iam key create --description laptop');
  assert.equal(made.secret.length, 40);
  assert.match(await done('iam key list --user acme'), /laptop/);
  await done(`iam key disable ${made.access}`);
  assert.match(await done('iam key list --user acme'), /inactive/);
  await done(`iam key delete ${made.access} --yes`);
  await done(`iam project create ${REGION}_research`);
  assert.match(await done('iam project list'), /local-1_research/);
});
