import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../kernel/failure.ts';
import { type Env, readSettings } from './env.ts';

test('without any variable the platform is reachable from this machine only, at the documented ports', () => {
  const settings = readSettings({});
  assert.equal(settings.host, '127.0.0.1');
  assert.deepEqual(settings.ports, { api: 7080, obs: 7081, registry: 7082, inference: 7083, notebooks: 7084 });
  assert.deepEqual(settings.notebookPorts, { first: 7200, last: 7299 });
  assert.equal(settings.region, 'local-1');
  assert.equal(settings.account, 'atelier');
  assert.equal(settings.engine, undefined);
  assert.equal(settings.vcpus, undefined);
});

test('a variable set to nothing is a variable that is not set', () => {
  const names = [
    'HOME',
    'CONTAINERS',
    'HOST',
    'PORT',
    'REGION',
    'OBS_DOMAIN',
    'ACCOUNT',
    'LOG',
    'ENGINE',
    'VCPUS',
    'MEMORY_GIB',
  ];
  const empty = Object.fromEntries([...names.map(name => [`ATELIER_${name}`, '']), ['XDG_DATA_HOME', '']]) as Env;
  assert.deepEqual(readSettings(empty), readSettings({}));
});

test('variables change what they name', () => {
  const settings = readSettings({
    ATELIER_HOME: 'relative/home',
    ATELIER_PORT: '9000',
    ATELIER_HOST: '0.0.0.0',
    ATELIER_REGION: 'eu-de',
    ATELIER_ENGINE: 'unix:///var/run/docker.sock',
    ATELIER_VCPUS: '3',
    ATELIER_MEMORY_GIB: '12',
  });
  assert.equal(settings.home, `${process.cwd()}/relative/home`);
  assert.deepEqual(settings.ports, { api: 9000, obs: 9001, registry: 9002, inference: 9003, notebooks: 9004 });
  assert.equal(settings.host, '0.0.0.0');
  assert.equal(settings.region, 'eu-de');
  assert.equal(settings.engine, 'unix:///var/run/docker.sock');
  assert.equal(settings.vcpus, 3);
  assert.equal(settings.memoryGiB, 12);
});

test('who may make pools of how much: the first account all, unless others are named', () => {
  const GIB = 1024 ** 3;
  assert.deepEqual(readSettings({ ATELIER_ACCOUNT: 'acme' }).pools, {
    accounts: { acme: {} },
    public: { vcpus: 0, memoryBytes: 0, gpus: 0 },
  });
  const named = readSettings({
    ATELIER_POOL_SHARES: 'acme, physics:4/16,*:2/4/1/50',
    ATELIER_PUBLIC_SHARE: '1/2',
  }).pools;
  assert.deepEqual(named, {
    accounts: {
      acme: {},
      physics: { vcpus: 4, memoryBytes: 16 * GIB, gpus: 0 },
      '*': { vcpus: 2, memoryBytes: 4 * GIB, gpus: 1, diskBytes: 50 * GIB },
    },
    public: { vcpus: 1, memoryBytes: 2 * GIB, gpus: 0 },
  });
});

test('shared directories: the first account has what no other is named for', () => {
  const { sharedDirectories } = readSettings({
    ATELIER_ACCOUNT: 'acme',
    ATELIER_SHARED_DIRS: 'team=/srv/team, data=/srv/data/@acme+physics:ro,all=/srv/all@*',
  });
  assert.deepEqual(sharedDirectories, [
    { name: 'team', path: '/srv/team', accounts: ['acme'], readOnly: false },
    { name: 'data', path: '/srv/data', accounts: ['acme', 'physics'], readOnly: true },
    { name: 'all', path: '/srv/all', accounts: ['*'], readOnly: false },
  ]);
});

for (const [name, value] of [
  ['ATELIER_SHARED_DIRS', 'team'],
  ['ATELIER_SHARED_DIRS', 'team=srv'],
  ['ATELIER_SHARED_DIRS', 'team=/'],
  ['ATELIER_SHARED_DIRS', 'team=/srv/../etc/x'],
  ['ATELIER_SHARED_DIRS', 'team=/var/lib/atelier'],
  ['ATELIER_SHARED_DIRS', 'team=/srv/a b'],
  ['ATELIER_SHARED_DIRS', 'team=/srv/a,team=/srv/b'],
  ['ATELIER_SHARED_DIRS', 'team=/srv/a@'],
  ['ATELIER_SHARED_DIRS', 'team=/srv/a@*+'],
  ['ATELIER_LAYER_GIB', '0'],
  ['ATELIER_POOL_SHARES', 'acme:4'],
  ['ATELIER_POOL_SHARES', 'acme,acme:1/1'],
  ['ATELIER_POOL_SHARES', ','],
  ['ATELIER_PUBLIC_SHARE', 'all'],
  ['ATELIER_PORT', '65533'],
  ['ATELIER_PORT', '0'],
  ['ATELIER_PORT', '70.5'],
  ['ATELIER_PORT', '0x50'],
  ['ATELIER_PORT', 'http'],
  ['ATELIER_VCPUS', '-1'],
  ['ATELIER_VCPUS', '2.5'],
  ['ATELIER_MEMORY_GIB', '8GiB'],
  ['ATELIER_DISK_GIB', '0'],
  ['ATELIER_HOST', '127.0.0.1:80'],
  ['ATELIER_HOST', 'http://x'],
  ['ATELIER_HOST', '::1'],
  ['ATELIER_REGION', 'Local 1'],
  ['ATELIER_REGION', '../x'],
  ['ATELIER_OBS_DOMAIN', '.obs'],
  ['ATELIER_OBS_RESTORE_SECONDS', '-1'],
  ['ATELIER_OBS_LIFECYCLE_SECONDS', '0'],
  ['ATELIER_ACCOUNT', '1st'],
  ['ATELIER_LOG', 'verbose'],
  ['ATELIER_JUPYTERLAB', 'yes'],
  ['ATELIER_ENGINE', 'docker'],
] as const) {
  test(`${name}=${value} is refused, naming the variable, its value and what is allowed`, () => {
    assert.throws(
      () => readSettings({ [name]: value }),
      (error: unknown) =>
        error instanceof Failure &&
        error.message.includes(name) &&
        error.message.includes(`"${value}"`) &&
        /must be \w+/.test(error.message) &&
        !error.message.includes('^'),
    );
  });
}
