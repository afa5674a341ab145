import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainExit } from './job.exit.ts';
import { type Action, type ContainerView, type Desired, judge, phaseOf, plan, type Result, type Step } from './job.ts';

describe('the plan of a training job', () => {
  const cases: [string, Step, Desired, ContainerView, boolean, Action][] = [
    ['a new job goes to the queue', 'created', 'run', 'absent', false, 'submit'],
    ['a new job stopped at once never queues', 'created', 'terminate', 'absent', false, 'conclude'],
    ['a queued job waits', 'queued', 'run', 'absent', false, 'await-admission'],
    ['an admitted job is staged', 'queued', 'run', 'absent', true, 'stage'],
    ['a queued job can be stopped', 'queued', 'terminate', 'absent', false, 'conclude'],
    ['staging goes on after a crash', 'staging', 'run', 'absent', true, 'stage'],
    ['staging can be stopped', 'staging', 'delete', 'absent', true, 'conclude'],
    ['a staged job gets its container', 'creating', 'run', 'absent', true, 'create'],
    ['a made container is started', 'launching', 'run', 'created', true, 'start'],
    ['a container that started unnoticed is adopted', 'launching', 'run', 'running', true, 'adopt'],
    ['one that even ended unnoticed is not started again', 'launching', 'run', 'exited', true, 'collect-exit'],
    ['one that is gone is not made again', 'launching', 'run', 'absent', true, 'lose'],
    ['a made container of a stopped job is not started', 'launching', 'terminate', 'created', true, 'conclude'],
    ['a running job is watched', 'running', 'run', 'running', true, 'supervise'],
    ['a running job is stopped', 'running', 'terminate', 'running', true, 'stop'],
    ['a deleted running job is stopped too', 'running', 'delete', 'running', true, 'stop'],
    ['an exit is collected', 'running', 'run', 'exited', true, 'collect-exit'],
    ['an exit is collected although a stop came', 'running', 'terminate', 'exited', true, 'collect-exit'],
    ['a vanished container is lost', 'running', 'run', 'absent', true, 'lose'],
    ['a vanished container of a stopped job is what was wanted', 'running', 'terminate', 'absent', true, 'conclude'],
    ['outputs are uploaded', 'uploading', 'run', 'absent', true, 'upload'],
    ['outputs of a stopped job are uploaded', 'uploading', 'terminate', 'absent', true, 'upload'],
    ['outputs of a deleted job are not', 'uploading', 'delete', 'absent', true, 'conclude'],
    ['an ended job is cleaned up', 'cleanup', 'delete', 'absent', true, 'cleanup'],
    ['a clean job rests', 'done', 'run', 'absent', false, 'nothing'],
    ['a clean deleted job is erased', 'done', 'delete', 'absent', false, 'erase'],
  ];
  for (const [name, step, desired, container, admitted, action] of cases) {
    it(name, () => assert.equal(plan({ step, desired, result: null }, container, admitted), action));
  }
});

describe('the phase of a training job', () => {
  const cases: [Step, Desired, Result | null, string, string][] = [
    ['created', 'run', null, 'Creating', 'Creating'],
    ['queued', 'run', null, 'Pending', 'Queuing'],
    ['staging', 'run', null, 'Pending', 'Creating'],
    ['running', 'run', null, 'Running', 'Running'],
    ['uploading', 'run', null, 'Running', 'Running'],
    ['running', 'terminate', null, 'Terminating', 'Terminating'],
    ['cleanup', 'run', 'Completed', 'Completed', 'Completed'],
    ['done', 'delete', 'Failed', 'Failed', 'Failed'],
    ['done', 'run', 'Abnormal', 'Abnormal', 'Lost'],
  ];
  for (const [step, desired, result, phase, secondary] of cases) {
    it(`${step}, ${desired}, ${result} is ${phase}`, () =>
      assert.deepEqual(phaseOf({ step, desired, result }), { phase, secondary }));
  }
});

describe('the verdict', () => {
  const ending = { exitCode: 0, exitMessage: 'm', desired: 'run' as const, stopReason: null };
  it('is Completed for exit code 0 with its outputs uploaded', () => assert.equal(judge(ending).result, 'Completed'));
  it('is Failed when the outputs are lost', () =>
    assert.deepEqual(judge({ ...ending, uploadError: 'no permission' }), {
      result: 'Failed',
      message: 'The program ended well, but its outputs could not be uploaded: no permission',
    }));
  it('is Failed for another exit code', () => assert.equal(judge({ ...ending, exitCode: 1 }).result, 'Failed'));
  it('is Terminated when it was stopped, whatever the code', () =>
    assert.equal(judge({ ...ending, exitCode: 0, desired: 'terminate' }).result, 'Terminated'));
});

describe('exit codes in plain language', () => {
  const exit = { oomKilled: false, memoryBytes: 2 * 1024 ** 3, flavorName: 'f', tail: '' };
  const cases: [number, Partial<typeof exit>, RegExp][] = [
    [1, {}, /raised an error/],
    [127, {}, /command not found/],
    [137, { oomKilled: true }, /out of memory.*2 GiB.*flavor with more memory/i],
    [1, { oomKilled: true }, /Exit code 1: out of memory/],
    [137, {}, /killed from outside.*no lack of memory/],
    [139, {}, /SIGSEGV.*conflicting package versions/],
    [143, {}, /SIGTERM/],
    [247, {}, /want of memory/],
    [131, {}, /signal 3/],
    [2, { tail: 'error: unrecognized arguments: --data_url=/x' }, /parse_known_args/],
    [1, { tail: "FileNotFoundError: [Errno 2] No such file or directory: 'obs://b/x'" }, /local directories/],
    [1, { tail: "ModuleNotFoundError: No module named 'foo'" }, /pip-requirements/],
    [
      1,
      { tail: '[ModelArts Service Log]pip-requirements.txt could not be installed (pip' },
      /the log names the package/,
    ],
  ];
  for (const [exitCode, more, expected] of cases) {
    it(`${exitCode} ${JSON.stringify(more)}`, () =>
      assert.match(explainExit({ ...exit, ...more, exitCode }), expected));
  }
});
