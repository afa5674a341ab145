import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { attachTerminal } from '../../src/client/terminal.ts';
import { createTrainingJobShell } from '../../src/resources/training-jobs/shell.api.ts';
import { programRuns } from './containers.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, ended, inPhase, submitScript } from './jobs.ts';
import { makePool } from './pools.ts';

describe('Cloud Shell, with real containers', () => {
  let at: Installation;
  let job: string;

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    await authorize(at);
    const pool = await makePool(at, { name: 'shell-pool' });
    const submitted = await submitScript(at, {
      name: 'long',
      bucket: 'shell-bucket',
      script: 'import time\ntime.sleep(600)\n',
      spec: { resource: { pool_id: pool, node_count: 1 } },
    });
    job = submitted.metadata.id;
    await inPhase(at, job, ['Running']);
  });
  after(() => at?.remove());

  async function open(size = { columns: 100, rows: 30 }) {
    const { path } = await at.session.call(createTrainingJobShell, {
      params: { training_job_id: job, task_id: 'worker-0' },
      body: size,
    });
    const input = new PassThrough();
    const output = Object.assign(new PassThrough(), size);
    let shown = '';
    output.on('data', data => {
      shown += data;
    });
    const url = new URL(path, at.profile.endpoints.api.replace('http', 'ws'));
    const end = attachTerminal(url.href, { input, output });
    const until = async (pattern: RegExp) => {
      for (const end = Date.now() + 60_000; !pattern.test(shown) && Date.now() < end; ) await sleep(50);
      assert.match(shown, pattern);
    };
    return { input, output, until, end, shown: () => shown };
  }

  it('is a terminal of the job’s own user, in its code directory, with its credentials and the size asked for', async () => {
    const shell = await open();
    await shell.until(/\$ $/);
    shell.input.write(
      'until stty size | grep -q "^30 100$"; do sleep 0.1; done; id -un; stty size; echo code: $(ls /home/ma-user/modelarts/user-job-dir); echo key: $(printenv AWS_ACCESS_KEY_ID | wc -c)\n',
    );
    await shell.until(/^ma-user\r\n30 100\r\ncode: code-long\r\nkey: [1-9]\d*\r$/m);
    shell.output.columns = 120;
    shell.output.emit('resize');
    shell.input.write('until stty size | grep -q "^30 120$"; do sleep 0.1; done; stty size\n');
    await shell.until(/^30 120\r$/m);
    shell.input.write('grep -c . /proc/self/status; grep CapEff /proc/self/status\n');
    await shell.until(/CapEff:\s+0{16}/);
    shell.input.write('exit 7\n');
    assert.deepEqual(await shell.end, { exitCode: 7, reason: 'The program ended with exit code 7.' });
  });

  it('serves several at once; Ctrl-C goes to the program; nothing is left behind when a client goes', async () => {
    const [first, second] = await Promise.all([open(), open()]);
    await Promise.all([first.until(/\$ $/), second.until(/\$ $/)]);
    // Like no other process of this machine.
    const seconds = String(2_000_000 + Math.floor(Math.random() * 1_000_000));
    first.input.write('sleep 1000\n');
    second.input.write(`sleep ${seconds} & nohup sleep ${seconds}0 >/dev/null 2>&1 & echo started\n`);
    await second.until(/^started\r$/m);
    const left = (wanted: boolean) =>
      at.client.until(
        async () => programRuns('sleep', seconds),
        runs => runs === wanted,
        60_000,
        `sleep ${seconds} ${wanted ? 'runs' : 'has ended'}`,
      );
    await left(true);
    first.input.write('\x03');
    first.input.write('echo interrupted: $?\n');
    await first.until(/interrupted: 130/);
    second.input.end(); // the end of what is typed ends a shell
    await second.end;
    await left(false);
    assert.ok(programRuns('sleep', `${seconds}0`), 'what was started with nohup goes on');
    first.input.write('exit\n');
    await first.end;
  });

  it('works from the command line', async () => {
    const { code, stdout } = await at.cli(['train', 'shell', job], { input: 'echo sum: $((40 + 2))\nexit 3\n' });
    assert.match(stdout, /sum: 42/);
    assert.equal(code, 3);
  });

  it('is on record, opened and closed', async () => {
    const { stdout } = await at.cli(['--output', 'json', 'iam', 'audit', '--limit', '200']);
    assert.match(stdout, /CreateTrainingJobShell/);
    assert.match(stdout, /CloseTrainingJobShell/);
  });

  it('is refused to jobs of the public pool and to those that do not run', async () => {
    const other = await submitScript(at, {
      name: 'public',
      bucket: 'shell-bucket',
      script: 'import time\ntime.sleep(60)\n',
    });
    await inPhase(at, other.metadata.id, ['Running']);
    const refused = await at.cli(['train', 'shell', other.metadata.id]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /dedicated resource pool alone/);
    await at.client.terminateJob(other.metadata.id);
  });

  it('ends with the job', async () => {
    const shell = await open();
    await shell.until(/\$ $/);
    await at.client.terminateJob(job);
    await ended(at, job);
    const { exitCode } = await shell.end;
    assert.notEqual(exitCode, 0);
    const late = await at.cli(['train', 'shell', job]);
    assert.match(late.stderr, /does not run; it is Terminated/);
  });
});
