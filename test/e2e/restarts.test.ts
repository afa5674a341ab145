import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '../../src/app/env.ts';
import { homePaths } from '../../src/app/home.ts';
import type { TrainingJob } from '../../src/client/platform.ts';
import { attachTerminal } from '../../src/client/terminal.ts';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { closeAllMounts, detachAll } from '../../src/resources/notebooks/index.ts';
import { createTrainingJobShell } from '../../src/resources/training-jobs/shell.api.ts';
import { detachScratch } from '../../src/resources/workload-access/index.ts';
import { containersOf, runInside, withDriver } from './containers.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, causeOf, ended, inPhase, logOf, submitScript } from './jobs.ts';
import { type Kernel, kernelOf } from './jupyter.ts';
import { makePool } from './pools.ts';

/** A notebook, a job and a Cloud Shell in a dedicated pool while the engine, the server, the containers or all of the machine end. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const UP_MS = 300_000;
const LIMIT = { timeout: 360_000 };
const BUCKET = 'restart-tests';

let at: Installation;
let base: string;
let pool: string;
let notebook: string;
before(async () => {
  at = await createInstallation();
  base = `/v1/${at.profile.projectId}/notebooks`;
  await presetImageReady(at);
  await authorize(at);
  pool = await makePool(at, { name: 'restart-pool', count: 3, cidr: '192.168.238.0/24' });
  const made = await api('POST', '', {
    name: 'through',
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    pool_id: pool,
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
  });
  notebook = made.id;
});
after(() => at?.remove());

async function api(method: string, path: string, body?: object): Promise<Json> {
  const answer = await at.session.request(method, base + path, { body });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'));
}
const shown = (): Promise<Json> => api('GET', `/${notebook}`);
const reached = (status: string): Promise<Json> =>
  at.client.until(shown, now => now.status === status, UP_MS, `state ${status} of the notebook`);
const told = (pattern: RegExp): Promise<Json> =>
  at.client.until(
    async () => (await api('GET', `/${notebook}/events`)).events as Json[],
    events => events.some(event => pattern.test(event.message)),
    60_000,
    `an event ${pattern}`,
  );

/** A job in the pool that counts, once every quarter of a second, to `to`. */
async function count(name: string, to: number, more: Record<string, string> = {}): Promise<string> {
  const job = await submitScript(at, {
    name,
    bucket: BUCKET,
    script: `import time\nfor i in range(${to}):\n  print("tick", i, flush=True)\n  time.sleep(0.25)\n`,
    annotations: more,
    spec: { resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 1, pool_id: pool } },
  });
  await inPhase(at, job.metadata.id, ['Running']);
  return job.metadata.id;
}
async function ticks(job: string): Promise<number[]> {
  return [...(await logOf(at, job)).matchAll(/^tick (\d+)$/gm)].map(match => Number(match[1]));
}

async function shell(job: string) {
  const { path } = await at.session.call(createTrainingJobShell, {
    params: { training_job_id: job, task_id: 'worker-0' },
    body: { columns: 100, rows: 30 },
  });
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 100, rows: 30 });
  let text = '';
  output.on('data', data => {
    text += data;
  });
  const end = attachTerminal(new URL(path, at.profile.endpoints.api.replace('http', 'ws')).href, { input, output });
  const says = async (pattern: RegExp) => {
    for (const until = Date.now() + 60_000; Date.now() < until && !pattern.test(text); ) await sleep(50);
    assert.match(text, pattern);
  };
  await says(/\$ $/);
  return { input, says, end };
}

/** SIGKILL for the service of the engine; its containers know nothing of it. */
function killEngine(): void {
  const socket = `unix://${homePaths(at.home).engine}/`;
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    let command = '';
    try {
      command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      continue; // it ended meanwhile
    }
    if (command.includes('\0service\0') && command.includes(socket)) process.kill(Number(pid), 'SIGKILL');
  }
}
/** Takes every container of the installation away, as somebody with access to the engine could. */
function removeContainers(): Promise<void> {
  return withDriver(at, async (driver, id) => {
    for (const { name } of await driver.list({ 'atelier.installation': id })) await driver.remove(name);
  });
}
/** What the machine forgets when it is started anew: processes and mounts. */
async function reboot(): Promise<void> {
  await at.kill();
  await removeContainers();
  killEngine();
  const paths = homePaths(readSettings(at.env).home);
  await closeAllMounts(paths.notebooks);
  await detachAll(paths.notebooks);
  await detachScratch(paths.jobs);
  await detachScratch(paths.notebooks);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`${at.home}/`));
  await at.start();
}
const running = async () =>
  (await Promise.all(['notebook', 'training-job'].map(kind => containersOf(at, kind)))).flat();
const keep = (kernel: Kernel, name: string) => kernel.run(`open("${name}", "w").write("${name} is kept")`);
async function kept(kernel: Kernel, ...names: string[]): Promise<void> {
  for (const name of names) assert.equal(await kernel.run(`print(open("${name}").read())`), `${name} is kept\n`);
}

it(
  'the engine dies: what runs in the notebook and the job goes on, a Cloud Shell ends with a reason',
  LIMIT,
  async () => {
    const { token } = await reached('RUNNING');
    const kernel = await kernelOf(await shown());
    await keep(kernel, 'one.txt');
    await kernel.run('x = 41');
    const job = await count('one', 160);
    const first = await shell(job);
    const before = await running();

    killEngine();
    // The kernel is reached without the engine.
    assert.equal(await kernel.run('print(x + 1)'), '42\n');
    const { reason, exitCode } = await first.end;
    assert.equal(exitCode, undefined, 'it did not end by itself');
    assert.match(reason, /engine|connection/i);
    await at.client.until(running, now => now.length === before.length, 60_000, 'the engine');
    assert.deepEqual(await running(), before, 'nothing was started anew');
    assert.equal((await shown()).status, 'RUNNING');
    assert.equal((await shown()).token, token);
    kernel.close();
    const again = await shell(job);
    // The image of jobs has no pgrep. There are this shell and its part that looks.
    const all = 'for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <$f; echo; done 2>/dev/null';
    again.input.write(`while sleep 1; do ${all} | grep -c "^bash -i" | sed "s/^/shells: /"; done\n`);
    await again.says(/shells: 2\r/);
    again.input.write('\x03');
    again.input.write('exit\n');
    await again.end;

    // The server dies with it.
    killEngine();
    await at.kill();
    await at.start();
    await at.client.until(running, now => now.length === before.length, 60_000, 'the engine');
    assert.deepEqual(await running(), before);
    const now = await reached('RUNNING');
    assert.equal(now.token, token);
    const fresh = await kernelOf(now);
    await kept(fresh, 'one.txt');
    fresh.close();
    const done = await ended(at, job);
    assert.equal(done.status.phase, 'Completed', causeOf(done));
    assert.deepEqual(await ticks(job), [...Array(160).keys()], 'its log is whole');
  },
);

it(
  'all containers are taken away: everything ends with a reason, and the files of the notebook are there',
  LIMIT,
  async () => {
    const kernel = await kernelOf(await reached('RUNNING'));
    await keep(kernel, 'two.txt');
    kernel.close();
    const job = await count('two', 2400);
    const again = await count('two-again', 20, { 'fault-tolerance/job-retry-num': '1' });
    const open = await shell(job);

    await removeContainers();
    const lost = await ended(at, job);
    assert.equal(lost.status.phase, 'Abnormal');
    assert.match(causeOf(lost), /container/i);
    assert.notEqual((await open.end).exitCode, 0);
    const failed = await reached('ERROR');
    assert.match(failed.fail_reason, /container is gone: it was removed from outside/);
    await told(/container is gone/);
    const done: TrainingJob & Json = await ended(at, again);
    assert.equal(done.status.phase, 'Completed', causeOf(done));
    assert.match(JSON.stringify(done), /job_reschedule/, 'it was restarted, as its owner wants');
    assert.deepEqual(await running(), []);

    await api('POST', `/${notebook}/start`);
    const up = await kernelOf(await reached('RUNNING'));
    await kept(up, 'two.txt');
    up.close();
  },
);

it('the machine is started anew: the same, and nothing starts behind the users’ backs', LIMIT, async () => {
  const kernel = await kernelOf(await reached('RUNNING'));
  await keep(kernel, 'three.txt');
  kernel.close();
  const job = await count('three', 2400);
  const waits = await submitScript(at, {
    name: 'waits',
    bucket: BUCKET,
    script: 'print("its turn")',
    spec: { resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 2, pool_id: pool } },
  });
  await inPhase(at, waits.metadata.id, ['Pending']);

  await reboot();
  const failed = await reached('ERROR');
  assert.match(failed.fail_reason, /container is gone/);
  assert.equal((await ended(at, job)).status.phase, 'Abnormal');
  const done = await ended(at, waits.metadata.id);
  assert.equal(done.status.phase, 'Completed', causeOf(done));
  const { status } = JSON.parse(
    (await at.session.request('GET', `/v2/${at.profile.projectId}/pools/${pool}`)).body.toString(),
  );
  assert.equal(status.phase, 'Running');

  await api('POST', `/${notebook}/start`);
  const up = await reached('RUNNING');
  const fresh = await kernelOf(up);
  await kept(fresh, 'three.txt');
  const size = 'import os; s = os.statvfs("/home/ma-user/work"); print(round(s.f_blocks * s.f_frsize / 2**30))';
  assert.equal(await fresh.run(size), '5\n', 'its storage has its size again');
  fresh.close();
  const [container] = await containersOf(at, 'notebook');
  const { output } = await runInside(at, container!.name, 'cat /home/ma-user/work/three.txt');
  assert.equal(output, 'three.txt is kept');
});
