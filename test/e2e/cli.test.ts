import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';

describe('the command line, as scripts and people use it', () => {
  let at: Installation;
  const dir = mkdtempSync(join(tmpdir(), 'atelier-cli-'));

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
  });
  after(async () => {
    await at?.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  const json = async <T>(args: string[]): Promise<T> => {
    const run = await at.cli(args);
    assert.equal(run.code, 0, run.stderr);
    return JSON.parse(run.stdout) as T;
  };

  it('status --json and the credentials file have what scripts rely on', async () => {
    const status = await json<Record<string, unknown>>(['status', '--json']);
    assert.equal(status.ready, true);
    assert.equal(status.pid, at.pid());
    assert.deepEqual(Object.keys(status.endpoints as object).sort(), [
      'api',
      'inference',
      'notebooks',
      'obs',
      'registry',
    ]);
    for (const key of ['region', 'account', 'accountId', 'projectId', 'credentialsFile']) {
      assert.equal(typeof status[key], 'string', key);
    }
    const file = status.credentialsFile as string;
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const credentials = JSON.parse(readFileSync(file, 'utf8'));
    assert.deepEqual(Object.keys(credentials).sort(), [
      'accessKey',
      'account',
      'accountId',
      'password',
      'projectId',
      'region',
      'secretKey',
      'user',
    ]);
  });

  it('up --detach is harmless when it runs; a second server is refused', async () => {
    const pid = at.pid();
    assert.equal((await at.cli(['up', '--detach'])).code, 0);
    assert.equal((await json<{ pid: number }>(['status', '--json'])).pid, pid);
    const second = await at.cli(['up']);
    assert.notEqual(second.code, 0);
    assert.match(second.stderr, /already runs/);
  });

  it('doctor finds nothing missing', async () => {
    const run = await at.cli(['doctor']);
    assert.equal(run.code, 0, run.stdout);
    assert.match(run.stdout, /podman/);
  });

  it('copies trees to OBS and back, unchanged', async () => {
    const source = join(dir, 'tree');
    mkdirSync(join(source, 'deep/er'), { recursive: true });
    writeFileSync(join(source, 'a.txt'), 'alpha');
    writeFileSync(join(source, 'deep/er/ü b.bin'), Buffer.alloc(20 * 1024 * 1024, 7));
    await json(['--output', 'json', 'obs', 'mb', 'obs://cli-tests']);
    await json(['--output', 'json', 'obs', 'cp', source, 'obs://cli-tests/tree/']);
    const listed = await json<{ key: string }[]>(['--output', 'json', 'obs', 'ls', '-r', 'obs://cli-tests']);
    assert.deepEqual(listed.map(entry => entry.key).sort(), ['tree/a.txt', 'tree/deep/er/ü b.bin']);
    await json(['--output', 'json', 'obs', 'cp', 'obs://cli-tests/tree/', join(dir, 'back')]);
    assert.equal(readFileSync(join(dir, 'back/a.txt'), 'utf8'), 'alpha');
    assert.ok(readFileSync(join(dir, 'back/deep/er/ü b.bin')).equals(readFileSync(join(source, 'deep/er/ü b.bin'))));
    await json(['--output', 'json', 'obs', 'rb', '--force', 'obs://cli-tests']);
  });

  it('says what is wrong and what to do, without a stack trace', async () => {
    for (const args of [
      ['train', 'show', 'nothing-like-it'],
      ['service', 'show', 'nothing-like-it'],
      ['obs', 'ls', 'obs://no-such-bucket-here'],
      ['obs', 'rm', 'not-a-url'],
    ]) {
      const run = await at.cli(args);
      assert.equal(run.code, 1, args.join(' '));
      assert.match(run.stderr, /^atelier: .+\(.+\)/);
      assert.doesNotMatch(run.stderr, /\n\s+at /);
    }
  });

  it('the demo runs, runs again from what is there, and cleans up', async () => {
    interface Demo {
      predictions: { expected: number; answer: { image: number }[]; correct: boolean }[];
      ids: Record<string, string>;
      steps: { step: string; seconds: number }[];
      seconds: number;
    }
    const first = await json<Demo>(['demo', '--json']);
    assert.equal(first.predictions.length, 10);
    for (const prediction of first.predictions) assert.deepEqual(prediction.answer, [{ image: prediction.expected }]);
    assert.ok(first.steps.length >= 7);
    const second = await json<Demo>(['demo', '--json']);
    assert.deepEqual(second.ids, first.ids);
    const log = await at.cli(['train', 'logs', first.ids.job!]);
    assert.match(log.stdout, /Accuracy/);
    const events = await at.cli(['service', 'events', first.ids.service!]);
    assert.equal(events.code, 0, events.stderr);
    const released = await json<Demo>(['demo', '--json', '--release']);
    assert.equal(released.predictions.length, 10);
    assert.equal((await at.client.services()).length, 0);
    assert.equal((await at.client.models()).length, 0);
    assert.equal((await at.client.jobs()).length, 0);
    assert.equal((await at.cli(['demo', '--clean'])).code, 0);
  });

  it('down stops it, status says so, up brings it back', async () => {
    assert.equal((await at.cli(['down'])).code, 0);
    const status = await at.cli(['status', '--json']);
    assert.equal(status.code, 3);
    assert.equal(JSON.parse(status.stdout).ready, false);
    const up = await at.cli(['up', '--detach']);
    assert.equal(up.code, 0, up.stderr);
    assert.equal((await json<{ ready: boolean }>(['status', '--json'])).ready, true);
    assert.equal((await at.cli(['down'])).code, 0);
  });

  it('every command explains itself', async () => {
    for (const command of [
      [],
      ['up'],
      ['down'],
      ['status'],
      ['doctor'],
      ['demo'],
      ['obs', 'cp'],
      ['train', 'submit'],
      ['predict'],
    ]) {
      const run = await at.cli([...command, '--help']);
      assert.equal(run.code, 0, command.join(' '));
      assert.match(run.stdout, /Usage:/);
    }
    const completion = await at.cli(['completion', 'bash']);
    assert.match(completion.stdout, /complete -F _atelier/);
  });
});
