import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { migrate, openSqlite } from '../store-kit/index.ts';
import { admissionMigrations, createAdmission, type WorkloadRequest } from './index.ts';

const GIB = 1024 ** 3;
const capacity = { vcpus: 4, memoryBytes: 8 * GIB, gpus: 0 };

async function fresh() {
  const db = openSqlite(':memory:');
  await migrate(db, admissionMigrations, 0);
  return { db, admission: createAdmission({ db, clock: systemClock, log: silentLog(), capacity }) };
}

function job(id: string, vcpus: number, memoryGiB = 1): WorkloadRequest {
  return {
    id,
    kind: 'training-job',
    name: id,
    accountId: 'a',
    projectId: 'p',
    vcpus,
    memoryBytes: memoryGiB * GIB,
    gpus: 0,
  };
}

describe('admission', () => {
  it('admits while there is room and says what the head waits for', async () => {
    const { admission } = await fresh();
    assert.equal((await admission.submit(job('one', 2))).state, 'admitted');
    assert.equal((await admission.submit(job('two', 2))).state, 'admitted');
    const third = await admission.submit(job('three', 1));
    assert.equal(third.state, 'queued');
    assert.equal(third.position, 0);
    assert.equal(third.reasonCode, 'InsufficientCpu');
    assert.match(third.reason, /1 vCPUs \(0 free\)/);
  });

  it('keeps the order: a small one does not pass a big one', async () => {
    const { admission } = await fresh();
    await admission.submit(job('running', 2));
    await admission.submit(job('big', 4));
    const small = await admission.submit(job('small', 1));
    assert.equal(small.state, 'queued');
    assert.equal(small.position, 1);
    assert.match(small.reason, /1 workload ahead.*big, waits for 4 vCPUs/);
  });

  it('admits the next ones when something is released, and tells the family', async () => {
    const { admission } = await fresh();
    const admitted: string[] = [];
    admission.onAdmitted('training-job', id => admitted.push(id));
    await admission.submit(job('running', 4));
    await admission.submit(job('next', 2));
    await admission.submit(job('after', 2));
    await admission.release('running');
    assert.deepEqual(admitted, ['running', 'next', 'after']);
    assert.deepEqual(await admission.used(), { vcpus: 4, memoryBytes: 2 * GIB, gpus: 0 });
  });

  it('is idempotent', async () => {
    const { admission } = await fresh();
    await admission.submit(job('one', 2));
    await admission.submit(job('one', 2));
    assert.equal((await admission.used()).vcpus, 2);
    await admission.release('one');
    await admission.release('one');
    assert.equal((await admission.used()).vcpus, 0);
  });

  it('never admits more than there is, whoever asks at once', async () => {
    const { admission } = await fresh();
    await Promise.all(Array.from({ length: 20 }, (_, index) => admission.submit(job(`job-${index}`, 1))));
    assert.equal((await admission.used()).vcpus, 4);
  });

  it('says what can never run here', async () => {
    const { admission } = await fresh();
    const verdict = admission.fits({ vcpus: 8, memoryBytes: GIB, gpus: 0 });
    assert.equal(verdict.ok, false);
    assert.match((verdict as { reason: string }).reason, /4 vCPUs, 8 GiB of memory in all, 8 vCPUs/);
  });
});
