import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { causeOf, explainExit, observe } from './instance.ts';
import { type PlanInput, plan } from './plan.ts';
import { type EntryConfig, type Instance, type Revision, type Service, shapeOf } from './service.ts';

const NOW = 1_000_000_000;

function entry(change: Partial<EntryConfig> = {}): EntryConfig {
  return {
    modelId: 'm1',
    modelName: 'mnist',
    modelVersion: '0.0.1',
    weight: 100,
    specification: 'cpu',
    instanceCount: 2,
    envs: {},
    deployTimeoutSeconds: 180,
    ...change,
  };
}

function instance(of: EntryConfig, change: Partial<Instance> = {}): Instance {
  return {
    id: `i${Math.random()}`,
    serviceId: 's',
    shape: shapeOf(of),
    modelId: of.modelId,
    modelName: of.modelName,
    modelVersion: of.modelVersion,
    specification: of.specification,
    envs: of.envs,
    deployTimeoutSeconds: 180,
    graceSeconds: 45,
    phase: 'ready',
    attempt: 1,
    everReady: true,
    crashes: 0,
    nextStartAt: 0,
    probeFailures: 0,
    note: '',
    createdAt: 0,
    ...change,
  };
}

function input(service: Partial<Service>, change: Partial<PlanInput> = {}): PlanInput {
  return {
    service: {
      status: 'running',
      desired: 'running',
      target: 1,
      active: 1,
      rollingBack: false,
      deploySince: NOW,
      progress: 0,
      ...service,
    } as Service,
    target: revision(1, entry()),
    instances: [],
    now: NOW,
    fitsBoth: true,
    ...change,
  };
}

function revision(number: number, ...entries: EntryConfig[]): Revision {
  return { number, entries, result: 'RUNNING', createdAt: 0 };
}

const starting = { phase: 'starting', everReady: false } as const;

describe('plan of a service', () => {
  it('creates what is missing and removes what is too much, the worst first', () => {
    const few = plan(input({ active: undefined, status: 'deploying' }));
    assert.equal(few.create.length, 2);
    const three = [instance(entry()), instance(entry(), { probeFailures: 5 }), instance(entry())];
    const many = plan(input({}, { active: revision(1, entry()), instances: three }));
    assert.deepEqual(many.leave, [three[1]!.id]);
    assert.equal(many.status, 'running');
  });

  it('serves with a part of the instances when the time is over', () => {
    const instances = [instance(entry()), instance(entry(), { ...starting, note: 'slow' })];
    const first = plan(input({ active: undefined, status: 'deploying' }, { instances, now: NOW + 181_000 }));
    assert.equal(first.activate, 1);
    const then = plan(input({ status: 'deploying' }, { instances, now: NOW + 181_000 }));
    assert.equal(then.status, 'concerning');
    assert.match(then.errorMessage!, /1 of 2.*slow/);
  });

  it('does not give up a first deployment while one instance still may start', () => {
    const instances = [
      instance(entry(), { ...starting, crashes: 3, note: 'dead' }),
      instance(entry(), { ...starting }),
    ];
    assert.equal(plan(input({ active: undefined, status: 'deploying' }, { instances })).status, 'deploying');
    const all = instances.map(each => ({ ...each, crashes: 3, note: 'dead' }));
    const lost = plan(input({ active: undefined, status: 'deploying' }, { instances: all }));
    assert.equal(lost.status, 'failed');
    assert.equal(lost.leave.length, 2);
    assert.match(lost.errorMessage!, /dead/);
  });

  it('keeps the old until the new are ready, then lets the old go', () => {
    const [before, after] = [entry(), entry({ envs: { V: '2' } })];
    const old = [instance(before), instance(before)];
    const update = { target: 2, active: 1, status: 'deploying' } as const;
    const revisions = { target: revision(2, after), active: revision(1, before) };
    const begin = plan(input(update, { ...revisions, instances: old }));
    assert.equal(begin.create.length, 2);
    assert.deepEqual(begin.leave, []);
    const fresh = [instance(after), instance(after)];
    const turn = plan(input(update, { ...revisions, instances: [...old, ...fresh] }));
    assert.equal(turn.activate, 2);
    assert.deepEqual(turn.leave, []);
    const end = plan(
      input(
        { ...update, active: 2 },
        { target: revisions.target, active: revisions.target, instances: [...old, ...fresh] },
      ),
    );
    assert.deepEqual(new Set(end.leave), new Set(old.map(each => each.id)));
    assert.equal(end.status, 'running');
  });

  it('clears the room first when old and new do not fit side by side', () => {
    const [before, after] = [entry(), entry({ envs: { V: '2' } })];
    const old = [instance(before), instance(before)];
    const update = { target: 2, active: 1, status: 'deploying' } as const;
    const both = { target: revision(2, after), active: revision(1, before), fitsBoth: false };
    const clear = plan(input(update, { ...both, instances: old }));
    assert.equal(clear.leave.length, 2);
    assert.equal(clear.create.length, 0);
    assert.equal(plan(input(update, { ...both, instances: [] })).create.length, 2);
  });

  it('rolls back, and fails when even that does not work', () => {
    const [before, after] = [entry({ instanceCount: 1 }), entry({ envs: { V: '2' }, instanceCount: 1 })];
    const instances = [instance(before), instance(after, { ...starting, crashes: 3, note: 'import error' })];
    const update = { target: 2, active: 1, status: 'deploying' } as const;
    const back = plan(input(update, { target: revision(2, after), active: revision(1, before), instances }));
    assert.equal(back.rollbackTo, 1);
    assert.match(back.events[0]!.info, /import error/);
    const rolling = { rollingBack: true, status: 'deploying' } as const;
    const fine = plan(input(rolling, { target: revision(1, before), active: revision(1, before), instances }));
    assert.equal(fine.rolledBack, true);
    assert.equal(fine.status, 'running');
    const dead = [instance(before, { phase: 'starting', crashes: 3, note: 'gone' })];
    const worse = plan(input(rolling, { target: revision(1, before), active: revision(1, before), instances: dead }));
    assert.equal(worse.status, 'failed');
    assert.match(worse.errorMessage!, /rollback.*gone/);
  });
});

describe('looking at an instance', () => {
  it('takes a missing container of a ready instance as its end, one of a starting instance as not made yet', () => {
    const ready = observe(instance(entry()), { state: 'absent' }, NOW);
    assert.equal(ready.instance.phase, 'starting');
    assert.equal(ready.instance.attempt, 2);
    const fresh = instance(entry(), { ...starting });
    assert.equal(observe(fresh, { state: 'absent' }, NOW).instance, fresh);
  });

  it('does not count the end of an earlier attempt', () => {
    const again = instance(entry(), { phase: 'starting', attempt: 2 });
    assert.equal(observe(again, { state: 'exited', attempt: 1, exitCode: 1 }, NOW).instance, again);
  });

  it('restarts an instance that hangs for a minute', () => {
    let current = instance(entry(), { readyAt: 0, host: '10.0.0.1', port: 8080 });
    const events: string[] = [];
    for (let probes = 0; probes < 12; probes++) {
      const seen = observe(
        current,
        { state: 'running', attempt: 1, healthy: false, endpoint: { host: 'h', port: 1 } },
        NOW,
      );
      current = seen.instance;
      events.push(...seen.events.map(event => event.info));
      assert.equal(seen.restart, probes === 11);
    }
    assert.equal(current.phase, 'starting');
    assert.equal(events.length, 2);
  });

  it('names the cause of an end', () => {
    assert.match(explainExit({ state: 'exited', exitCode: 137, oomKilled: true, memoryBytes: 2 * 1024 ** 3 }), /2 GiB/);
    assert.match(explainExit({ state: 'exited', exitCode: 143 }), /signal 15/);
    const killed = observe(
      instance(entry()),
      { state: 'exited', attempt: 1, exitCode: 137, lastLines: ['all fine'] },
      NOW,
    );
    assert.doesNotMatch(killed.instance.note, /all fine/);
    assert.equal(
      causeOf(['Traceback', 'x.y.CustomError: deep', 'at the end some other line']),
      'x.y.CustomError: deep',
    );
    assert.equal(
      causeOf(['ValueError: x', '[ModelArts Service Log] model service failed to start: no model file.']),
      'no model file.',
    );
    assert.equal(causeOf([]), undefined);
  });
});
