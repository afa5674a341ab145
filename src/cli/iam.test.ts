import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { documentPolicy } from '../../test/scenarios/team.ts';
import { createWorld, OPERATOR_KEY, REGION, type World } from '../../test/world.ts';
import type { Profile } from '../client/session.ts';

let world: World;
let dir: string;

before(async () => {
  world = await createWorld();
  dir = mkdtempSync(join(tmpdir(), 'atelier-iam-cli-'));
  const { root } = world;
  const profile: Profile = {
    endpoints: { api: world.api, obs: world.obs, inference: world.api },
    region: REGION,
    projectId: root.projectId,
    account: root.account,
    user: root.account,
    password: root.password,
  };
  mkdirSync(join(dir, 'config/atelier'), { recursive: true });
  writeFileSync(
    join(dir, 'config/atelier/profiles.json'),
    JSON.stringify({ current: 'root', profiles: { root: profile } }),
  );
  for (const name of ['Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation', 'DenyPublicPool']) {
    writeFileSync(join(dir, `${name}.json`), JSON.stringify(documentPolicy(name)));
  }
});
after(async () => {
  await world?.remove();
  rmSync(dir, { recursive: true, force: true });
});

interface Run {
  code: number;
  out: string;
  err: string;
}

/** `atelier` with these words, as somebody at a machine without an installation. */
function atelier(words: string[], env: Record<string, string> = {}, input = ''): Promise<Run> {
  const main = new URL('./main.ts', import.meta.url).pathname;
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, ...words],
      { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, XDG_CONFIG_HOME: join(dir, 'config'), ...env } },
      (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
    );
    child.stdin?.end(input);
  });
}

/** The same, which must succeed; what it printed. */
async function done(words: string, ...more: string[]): Promise<string> {
  const { code, out, err } = await atelier(['--profile', 'root', ...words.split(' '), ...more]);
  assert.equal(code, 0, `${words}: ${out}${err}`);
  return out;
}

async function json(words: string, ...more: string[]) {
  return JSON.parse(await done(`--output json ${words}`, ...more));
}

const api = { ATELIER_LOG: 'info' };

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
    world.api,
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
  assert.equal((await atelier(['--profile', 'dev', 'iam', 'user', 'list'])).code, 0);
  const tried = await done('iam audit --user the-developer --denied');
  assert.match(tried, /the-developer +CreatePool +deny +403/);
});

test('lint tells what is wrong where without a platform, and what is probably a mistake', async () => {
  const offline = { XDG_CONFIG_HOME: join(dir, 'nowhere') };
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
  const without = await atelier(['account', 'list'], {
    ATELIER_HOME: join(dir, 'no-home'),
    XDG_CONFIG_HOME: join(dir, 'config'),
  });
  assert.equal(without.code, 1);
  const operator = { ATELIER_OPERATOR_KEY: OPERATOR_KEY };
  const made = await atelier(['--output', 'json', 'account', 'create', 'beta'], operator);
  assert.equal(made.code, 0, made.err);
  const beta = JSON.parse(made.out);
  assert.match((await atelier(['account', 'list'], operator)).out, /acme[\s\S]*beta/);

  await done('iam agency create for-beta --trust beta --duration ONEDAY --policy', 'ModelArts CommonOperations');
  const login = ['login', '--api', world.api, '--account', 'beta', '--region', REGION, '--name', 'beta'];
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
  const seen = await atelier(['--profile', 'in-acme', 'api', 'ListAlgorithms'], api);
  assert.equal(seen.code, 0, seen.err);
  assert.equal((await atelier(['--profile', 'in-acme', 'iam', 'user', 'list'])).code, 1);

  assert.equal((await atelier(['account', 'disable', 'beta'], operator)).code, 0);
  assert.equal((await atelier(['--profile', 'in-acme', 'api', 'ListAlgorithms'], api)).code, 1);
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
  writeFileSync(
    join(dir, 'narrow.json'),
    '{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["modelarts:trainJob:list"]}]}',
  );
  const key = await json('iam temporary-key --duration 900 --policy narrow.json');
  assert.ok(key.securitytoken);
  assert.match(await done('iam mode'), /strict/);
  assert.match(await done('iam mode loose'), /loose/);
  await done('iam mode strict');
  const made = await json('iam key create --user acme --description laptop').catch(error => error as Error);
  // The root user of the world has one key already; the second is its last.
  assert.ok(made instanceof Error ? false : made.secret.length === 40);
  assert.match(await done('iam key list --user acme'), /laptop/);
  await done(`iam key disable ${made.access}`);
  assert.match(await done('iam key list --user acme'), /inactive/);
  await done(`iam key delete ${made.access} --yes`);
  await done(`iam project create ${REGION}_research`);
  assert.match(await done('iam project list'), /local-1_research/);
});
