import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Failure } from '../kernel/failure.ts';
import {
  type HomePaths,
  homePaths,
  loadInstallationId,
  loadSecrets,
  lockHome,
  prepareHome,
  readCredentials,
  writeDurably,
} from './home.ts';

function home(t: TestContext): HomePaths {
  const root = mkdtempSync(join(tmpdir(), 'atelier-home-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const paths = homePaths(join(root, 'home'));
  prepareHome(paths);
  return paths;
}

/** Another process that runs `body` with the home module as `home` and the paths as `paths`. */
function other(t: TestContext, paths: HomePaths, body: string): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const program = `
    const home = await import(${JSON.stringify(new URL('./home.ts', import.meta.url).href)});
    const paths = home.homePaths(${JSON.stringify(paths.root)});
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child as ChildProcess & { stdout: NodeJS.ReadableStream };
}

const code = (expected: string) => (error: unknown) => error instanceof Failure && error.code === expected;
const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);

test('nobody but the owner lists the home or reads what is in it, also when it was open before', t => {
  const paths = home(t);
  for (const dir of [paths.secrets, paths.objects, paths.jobs, paths.logs]) assert.equal(mode(dir), '700');
  // Containers of other users traverse it to their own mounts.
  assert.equal(mode(paths.root), '711');
  chmodSync(paths.root, 0o755);
  prepareHome(paths);
  assert.equal(mode(paths.root), '711');
  loadSecrets(paths);
  for (const name of readdirSync(paths.secrets)) assert.equal(mode(join(paths.secrets, name)), '600');
  const lock = lockHome(paths);
  loadInstallationId(paths);
  for (const file of [paths.lock, paths.installation]) assert.equal(mode(file), '600');
  lock.release();
});

test('a home that cannot be used is refused with the variable to change', t => {
  const paths = home(t);
  const file = join(paths.root, 'file');
  writeFileSync(file, '');
  assert.throws(
    () => prepareHome(homePaths(join(file, 'home'))),
    error =>
      error instanceof Failure && /ATELIER_HOME/.test(error.message) && /ATELIER_HOME/.test(error.solution ?? ''),
  );
});

test('a second server on one home is refused while the first runs; kill -9 of the first frees it', async t => {
  const paths = home(t);
  lockHome(paths).release(); // not the first start
  const first = other(t, paths, `home.lockHome(paths); process.stdout.write('held'); setInterval(() => {}, 1000);`);
  await once(first.stdout, 'data');
  assert.throws(() => lockHome(paths), code('Atelier.AlreadyRunning'));
  assert.throws(() => lockHome(paths), code('Atelier.AlreadyRunning'));
  first.kill('SIGKILL');
  await once(first, 'exit');
  lockHome(paths).release();
});

test('a child that outlives the server does not hold its lock', async t => {
  const paths = home(t);
  const server = other(
    t,
    paths,
    `home.lockHome(paths);
    const { spawn } = await import('node:child_process');
    const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    process.stdout.write(String(child.pid)); setInterval(() => {}, 1000);`,
  );
  const [pid] = (await once(server.stdout, 'data')) as [Buffer];
  t.after(() => process.kill(Number(pid), 'SIGKILL'));
  server.kill('SIGKILL');
  await once(server, 'exit');
  lockHome(paths).release();
});

test('of many servers that start at once exactly one gets the home', async t => {
  const paths = home(t);
  const body = `
    try { home.lockHome(paths); process.stdout.write('held\\n'); setInterval(() => {}, 1000); }
    catch (error) { process.stdout.write(error.code + '\\n'); }`;
  const answers = await Promise.all(
    Array.from({ length: 4 }, async () => String(await once(other(t, paths, body).stdout, 'data')).trim()),
  );
  assert.deepEqual(answers.sort(), [
    'Atelier.AlreadyRunning',
    'Atelier.AlreadyRunning',
    'Atelier.AlreadyRunning',
    'held',
  ]);
});

test('a lock that is released can be taken again, and a damaged one is not called a running server', t => {
  const paths = home(t);
  lockHome(paths).release();
  lockHome(paths).release();
  writeFileSync(paths.lock, 'this is no database, but long enough to look like one'.repeat(20));
  assert.throws(() => lockHome(paths), code('Atelier.HomeUnusable'));
});

test('a file is old or new, never half, though its writer is killed at any moment', async t => {
  const paths = home(t);
  const file = join(paths.root, 'document');
  const writer = other(
    t,
    paths,
    `for (let i = 0; ; i++) { home.writeDurably(paths.root + '/document', String(i % 10).repeat(300_000)); process.stdout.write('.'); }`,
  );
  await once(writer.stdout, 'data');
  const whole = () => {
    const text = readFileSync(file, 'utf8');
    assert.equal(text.length, 300_000);
    assert.equal(text, text[0]!.repeat(300_000));
  };
  for (let i = 0; i < 200; i++) whole();
  writer.kill('SIGKILL');
  await once(writer, 'exit');
  whole();
  assert.equal(mode(file), '600');
});

test('a write that fails keeps the old file and leaves no rubbish', t => {
  const paths = home(t);
  const target = join(paths.root, 'directory');
  prepareHome(homePaths(target));
  assert.throws(() => writeDurably(target, 'x'));
  assert.equal(statSync(target).isDirectory(), true);
  assert.deepEqual(
    readdirSync(paths.root).filter(name => name.includes('tmp')),
    [],
  );
});

test('secrets and the installation id are made once, differ between installations, and damage is told', t => {
  const paths = home(t);
  const secrets = loadSecrets(paths);
  const id = loadInstallationId(paths);
  assert.deepEqual(loadSecrets(paths), secrets);
  assert.equal(loadInstallationId(paths), id);
  assert.match(id, /^[0-9a-f]{8}$/);
  assert.equal(secrets.dataKey.length, 32);
  assert.ok(secrets.tokenKey.length >= 32);
  const another = home(t);
  assert.notDeepEqual(loadSecrets(another).dataKey, secrets.dataKey);
  assert.notEqual(loadInstallationId(another), id);
  writeFileSync(join(paths.secrets, 'data.key'), '');
  assert.throws(() => loadSecrets(paths), code('Atelier.SecretUnreadable'));
});

test('credentials that were never written are absent', t => {
  const paths = home(t);
  assert.equal(existsSync(paths.credentials), false);
  assert.equal(readCredentials(paths.credentials), undefined);
});
