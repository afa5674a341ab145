import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainExit } from './job.exit.ts';
import { type Ending, judge, type TaskEnd } from './job.fault.ts';
import {
  type Action,
  type ContainerView,
  type Desired,
  type Halt,
  phaseOf,
  plan,
  type Result,
  type Step,
} from './job.ts';

describe('the plan of a training job', () => {
  const cases: [string, Step, Desired, ContainerView['state'], boolean, Action][] = [
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
    ['one that is gone is not made again', 'launching', 'run', 'absent', true, 'collect-exit'],
    ['a made container of a stopped job is not started', 'launching', 'terminate', 'created', true, 'conclude'],
    ['a running job is watched', 'running', 'run', 'running', true, 'supervise'],
    ['a running job is stopped', 'running', 'terminate', 'running', true, 'stop'],
    ['a deleted running job is stopped too', 'running', 'delete', 'running', true, 'stop'],
    ['an exit is collected', 'running', 'run', 'exited', true, 'collect-exit'],
    ['an exit is collected although a stop came', 'running', 'terminate', 'exited', true, 'collect-exit'],
    ['a vanished container is lost', 'running', 'run', 'absent', true, 'collect-exit'],
    ['a vanished container of a stopped job is what was wanted', 'running', 'terminate', 'absent', true, 'conclude'],
    ['outputs are uploaded', 'uploading', 'run', 'absent', true, 'upload'],
    ['outputs of a stopped job are uploaded', 'uploading', 'terminate', 'absent', true, 'upload'],
    ['outputs of a deleted job are not', 'uploading', 'delete', 'absent', true, 'conclude'],
    ['an ended job is cleaned up', 'cleanup', 'delete', 'absent', true, 'cleanup'],
    ['a clean job rests', 'done', 'run', 'absent', false, 'nothing'],
    ['a clean deleted job is erased', 'done', 'delete', 'absent', false, 'erase'],
  ];
  for (const [name, step, desired, container, admitted, action] of cases) {
    const view: ContainerView = { state: container, ...(container === 'exited' ? { exitCode: 1 } : {}) };
    it(name, () => assert.equal(plan({ step, desired, result: null }, [view], { admitted }), action));
  }

  const [made, runs, well, badly, gone]: ContainerView[] = [
    { state: 'created' },
    { state: 'running' },
    { state: 'exited', exitCode: 0 },
    { state: 'exited', exitCode: 1 },
    { state: 'absent' },
  ];
  const fault: Halt = { kind: 'fault', at: 1, task: 1 };
  const several: [string, Step, Desired, (ContainerView | undefined)[], Halt | null, boolean, Action][] = [
    ['tasks that are made are started before any begins', 'launching', 'run', [runs, made], null, false, 'start'],
    ['all that run are adopted together', 'launching', 'run', [runs, runs], null, false, 'adopt'],
    [
      'one that ended well meanwhile does not hold up the others',
      'launching',
      'run',
      [well, runs],
      null,
      false,
      'adopt',
    ],
    ['one that is gone before the start ends the others', 'launching', 'run', [runs, gone], null, false, 'halt'],
    ['a task that ends well lets the others go on', 'running', 'run', [well, runs], null, false, 'supervise'],
    ['a task that fails ends the others', 'running', 'run', [runs, badly], null, false, 'halt'],
    ['a task that is lost ends the others', 'running', 'run', [runs, gone], null, false, 'halt'],
    ['what is to end is stopped', 'running', 'run', [runs, badly], fault, false, 'stop'],
    ['when all have ended their ends are collected', 'running', 'run', [badly, badly], fault, false, 'collect-exit'],
    ['also when all ended well', 'running', 'run', [well, well], null, false, 'collect-exit'],
    ['a job that must make way is halted', 'running', 'run', [runs, runs], null, true, 'halt'],
    ['also before its programs began', 'launching', 'run', [made, made], null, true, 'halt'],
    ['what was never started needs no stop', 'launching', 'run', [made, made], fault, false, 'collect-exit'],
    ['a job that must make way while it is staged runs again later', 'staging', 'run', [], null, true, 'reissue'],
    ['a stop wins over a restart', 'reissuing', 'terminate', [], null, false, 'conclude'],
    ['a restart is carried out', 'reissuing', 'run', [], null, false, 'reissue'],
  ];
  for (const [name, step, desired, tasks, halt, preempted, action] of several) {
    const views = tasks.flatMap(task => task ?? []);
    it(name, () =>
      assert.equal(plan({ step, desired, result: null, halt }, views, { admitted: true, preempted }), action),
    );
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
  const end: TaskEnd = { exitCode: 0, message: 'm', lost: false, unfit: false, exitedAt: 10 };
  const off = { most: 0, unconditional: false, hang: false };
  const on = { ...off, most: 2 };
  const ending: Ending = { tasks: [end], halt: null, desired: 'run', stopReason: null, policy: off, retries: 0 };
  const failed = { ...end, exitCode: 1 };
  const lost = { ...end, exitCode: null, lost: true };
  const result = (change: Partial<Ending>) => {
    const verdict = judge({ ...ending, ...change });
    return verdict.kind === 'end' ? verdict.result : `again: ${verdict.reason}`;
  };

  it('is Completed for exit code 0 with its outputs uploaded', () => assert.equal(result({}), 'Completed'));
  it('is Failed when the outputs are lost', () =>
    assert.deepEqual(judge({ ...ending, uploadError: 'no permission' }), {
      kind: 'end',
      result: 'Failed',
      message: 'The program ended well, but its outputs could not be uploaded: no permission',
    }));
  it('is Failed for another exit code', () => assert.equal(result({ tasks: [failed] }), 'Failed'));
  it('is Terminated when it was stopped, whatever the code', () =>
    assert.equal(result({ desired: 'terminate' }), 'Terminated'));
  it('is Completed only when all tasks are', () => assert.equal(result({ tasks: [end, failed] }), 'Failed'));
  it('is Abnormal when a container is gone', () => assert.equal(result({ tasks: [end, lost] }), 'Abnormal'));
  it('names the task that failed first, not those that were stopped for it', () => {
    const stopped = { ...end, exitCode: 143, message: 'stopped', exitedAt: 20 };
    const first = { ...failed, message: 'raised', exitedAt: 15 };
    const verdict = judge({ ...ending, tasks: [stopped, first] });
    assert.ok(verdict.kind === 'end' && verdict.message === 'worker-1: raised' && verdict.task === 1);
  });

  const retries: [string, Partial<Ending>, string][] = [
    ['a lost container is restarted', { tasks: [lost], policy: on }, 'again: its container is gone'],
    ['as often as is allowed', { tasks: [lost], policy: on, retries: 2 }, 'Abnormal'],
    ['not without being asked to', { tasks: [lost] }, 'Abnormal'],
    ['a failed pre-check is', { tasks: [{ ...failed, unfit: true }], policy: on }, 'again: its pre-check failed'],
    ['a failing program is not', { tasks: [failed], policy: on }, 'Failed'],
    ['unless unconditionally', { tasks: [failed], policy: { ...on, unconditional: true } }, 'again: exit with 1'],
    [
      'a hanging job is',
      { tasks: [{ ...end, exitCode: 143 }], halt: { kind: 'hang', at: 1 }, policy: { ...on, hang: true } },
      'again: the job hangs',
    ],
    [
      'one that made way waits again, though it may not be restarted',
      { tasks: [{ ...end, exitCode: 143 }], halt: { kind: 'preempted', at: 5, by: 'x' } },
      'again: preempted by x',
    ],
    [
      'one that was done before it had to make way is done',
      { tasks: [{ ...end, exitedAt: 4 }], halt: { kind: 'preempted', at: 5 } },
      'Completed',
    ],
    ['lost outputs are not made worse', { tasks: [lost], policy: on, uploadError: 'no' }, 'Abnormal'],
    ['a stop wins', { tasks: [lost], policy: on, desired: 'terminate' }, 'Terminated'],
  ];
  for (const [name, change, expected] of retries) it(name, () => assert.equal(result(change), expected));
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
