import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { isFailure } from '../kernel/failure.ts';
import { silentLog } from '../kernel/log.ts';
import { migrate, openSqlite } from '../store-kit/index.ts';
import { admissionMigrations, createAdmission } from './index.ts';
import { GIB, job, node, START, world } from './test-world.ts';

const refusal = (text: RegExp, ids?: string[]) => (error: unknown) => {
  assert.ok(isFailure(error, 'ModelArts.50004000'));
  assert.match(error.message, text);
  if (ids) assert.deepEqual(error.details?.workloads, ids);
  return true;
};

describe('pools share the machine', () => {
  it('a new node takes its share at once, and is available when the public pool has left room', async () => {
    const { admission } = await world();
    await admission.submit(job('big', 0, { pool: 'public', vcpus: 28 }));
    const pool = await admission.setPool('pool', [node('node-1')]);
    assert.deepEqual(
      pool.nodes.map(each => each.available),
      [false],
    );
    const public1 = (await admission.pools()).find(each => each.id === 'public')!;
    assert.equal(public1.nodes[0]!.capacity.vcpus, 24);
    assert.equal(
      (await admission.submit(job('late', 0, { pool: 'public' }))).state,
      'queued',
      'nothing new starts there',
    );
    const waits = await admission.submit(job('in', 1));
    assert.match(`${waits.reasonCode} ${waits.reason}`, /NodesUnavailable.*node-1 waits for its share/);
    await admission.release('big');
    assert.equal((await admission.status('in'))!.state, 'admitted');
    assert.equal((await admission.status('late'))!.state, 'admitted');
    assert.equal((await admission.pools()).find(each => each.id === 'pool')!.nodes[0]!.available, true);
  });

  it('where a node is closed, waiting is put down to that, and to who holds the others', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    await admission.submit(job('holds', 8));
    const holder = (await admission.status('holds'))!.nodes![0]!;
    const closed = holder === 'node-1' ? 'node-2' : 'node-1';
    await admission.setPool('pool', [node(holder), node(closed, 8, false)]);
    const drained = await admission.submit(job('drained', 8, { memoryBytes: 16 * GIB }));
    assert.equal(drained.reasonCode, 'NodesUnavailable', drained.reason);
    assert.match(drained.reason!, new RegExp(`not available: ${closed} takes no tasks.*; held by holds`));
    await admission.release('drained');
    // What would not start there either waits for what is lacking, and is told of the node all the same.
    const both = await admission.submit(job('both', 8, { tasks: 2 }));
    assert.equal(both.reasonCode, 'NodesUnavailable', both.reason);
    await admission.release('both');
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    await admission.submit(job('other', 8));
    await admission.setPool('pool', [node(holder), node(closed, 8, false)]);
    const waits = await admission.submit(job('waits', 8));
    assert.equal(waits.reasonCode, 'InsufficientGpu', waits.reason);
    assert.match(waits.reason!, new RegExp(`held by holds; ${closed} takes no tasks`));
  });

  it('gives the share back when nodes go, and is idempotent', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    assert.equal((await admission.submit(job('all', 0, { pool: 'public', vcpus: 24 }))).state, 'queued');
    await admission.setPool('pool', [node('node-1')]);
    assert.equal((await admission.status('all'))!.state, 'admitted');
    await admission.removePool('pool');
    await admission.removePool('pool');
    assert.deepEqual(
      (await admission.pools()).map(each => [each.id, each.nodes[0]!.capacity.vcpus]),
      [['public', 32]],
    );
  });

  it('refuses more nodes than machine, and to take nodes from under workloads', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    const five = Array.from({ length: 3 }, (_, at) => node(`n-${at}`));
    await assert.rejects(
      admission.setPool('other', five),
      refusal(/need 24 vCPUs.*has 32 vCPUs.*other pools hold 16 vCPUs/),
    );
    await admission.submit(job('runs', 4));
    await assert.rejects(admission.setPool('pool', [node('node-2')]), refusal(/node-1 still runs runs/, ['runs']));
    await assert.rejects(admission.setPool('pool', [node('node-1', 2), node('node-2')]), refusal(/node-1/, ['runs']));
    await assert.rejects(admission.removePool('pool'), refusal(/pool still runs runs/, ['runs']));
    await assert.rejects(admission.setPool('public', []), refusal(/public pool/));
    await admission.setPool('pool', [node('node-1', 4), node('node-2')]);
    assert.equal((await admission.status('runs'))!.state, 'admitted');
  });

  it('a node taken away by force is told, and what ran there counts until it is released', async () => {
    const { admission } = await world();
    const lost: string[] = [];
    admission.onLost('training-job', (id, where) => lost.push(`${id} ${where}`));
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    await admission.submit(job('runs', 8, { vcpus: 8 }));
    await admission.submit(job('all', 0, { pool: 'public', vcpus: 24 }));
    await admission.setPool('pool', [node('node-2')], { force: true });
    assert.deepEqual(lost, ['runs node-1']);
    assert.deepEqual((await admission.status('runs'))!.lost, { node: 'node-1' });
    assert.equal((await admission.status('all'))!.state, 'queued', 'the task may still run');
    await admission.release('runs');
    assert.equal((await admission.status('all'))!.state, 'admitted');
  });

  it('a node shrunk by force loses the youngest alone', async () => {
    const { admission } = await world();
    const lost: string[] = [];
    admission.onLost('training-job', id => lost.push(id));
    await admission.setPool('pool', [node('node-1')]);
    for (const id of ['old', 'young']) await admission.submit(job(id, 4));
    await admission.setPool('pool', [node('node-1', 4)], { force: true });
    assert.deepEqual(lost, ['young']);
  });

  it('a pool that is not there makes wait, and starts what waits when it is made', async () => {
    const { admission } = await world();
    assert.equal((await admission.submit(job('early', 1))).reasonCode, 'PoolMissing');
    assert.equal(admission.fits({ vcpus: 1, memoryBytes: 0, gpus: 0 }, { pool: 'pool' }).ok, false);
    await admission.setPool('pool', [node('node-1')]);
    assert.equal((await admission.status('early'))!.state, 'admitted');
    assert.deepEqual(admission.fits({ vcpus: 8, memoryBytes: 0, gpus: 0 }, { pool: 'pool' }), { ok: true });
    assert.match(
      (admission.fits({ vcpus: 8, memoryBytes: 0, gpus: 0 }, { pool: 'pool', tasks: 2 }) as { reason: string }).reason,
      /pool has 8 vCPUs.* in all, 16 vCPUs/,
    );
  });
});

describe('sub-pools', () => {
  const limits = { vcpus: 8, memoryBytes: 128 * GIB, gpus: 8 };

  it('stay within their limit, and hold nobody else back', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    await admission.setPool('child', [], { parent: 'pool', max: limits });
    await admission.submit(job('one', 6, { pool: 'child' }));
    const two = await admission.submit(job('two', 6, { pool: 'child' }));
    assert.match(`${two.reasonCode} ${two.reason}`, /PoolShareExceeded The sub-pool child may have .*8 accel/);
    assert.equal((await admission.submit(job('small', 1, { pool: 'child' }))).state, 'queued', 'its own order holds');
    assert.equal((await admission.submit(job('parents', 8))).state, 'admitted');
    await admission.release('one');
    assert.equal((await admission.status('two'))!.state, 'admitted');
    assert.equal((await admission.used('child')).gpus, 7);
    assert.equal((await admission.used('pool')).gpus, 15);
    await assert.rejects(admission.removePool('pool'), refusal(/has sub-pools/));
  });

  it('find what is guaranteed to them', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    await admission.setPool('child', [], { parent: 'pool', guaranteed: { vcpus: 1, memoryBytes: GIB, gpus: 4 } });
    for (const id of ['a', 'b', 'c']) await admission.submit(job(id, 4));
    const fourth = await admission.submit(job('d', 4));
    assert.match(`${fourth.reasonCode} ${fourth.reason}`, /PoolShareExceeded .*guaranteed to its sub-pools/);
    assert.equal((await admission.submit(job('own', 4, { pool: 'child' }))).state, 'admitted');
    await assert.rejects(
      admission.setPool('greedy', [], { parent: 'pool', guaranteed: { vcpus: 0, memoryBytes: 0, gpus: 13 } }),
      refusal(/guaranteed .*17 accelerators/),
    );
  });
});

describe('quotas', () => {
  it('say which level and limit, hold nobody back, and let go when there is room', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1'), node('node-2')]);
    await admission.setQuota({ accountId: 'a', userId: 'u' }, () => ({ gpus: 4 }));
    await admission.submit(job('one', 3, { userId: 'u' }));
    const two = await admission.submit(job('two', 3, { userId: 'u' }));
    assert.match(
      `${two.reasonCode} ${two.position} ${two.reason}`,
      /QuotaExceeded -1 The quota of the user is 4 accelerators, 3 in use, 3 wanted/,
    );
    assert.equal((await admission.submit(job('other', 8))).state, 'admitted');
    assert.equal((await admission.submit(job('small', 1, { userId: 'u' }))).state, 'admitted');
    await admission.release('one');
    assert.equal((await admission.status('two'))!.state, 'admitted');
    const three = await admission.submit(job('three', 1, { userId: 'u' }));
    assert.equal(three.reasonCode, 'QuotaExceeded');
    await admission.setQuota({ accountId: 'a', userId: 'u' }, () => ({}));
    assert.equal((await admission.status('three'))!.state, 'admitted');
  });

  it('form a tree: account, workspace, user', async () => {
    const { admission } = await world();
    const workspace = { projectId: 'p', id: 'w' };
    await admission.setQuota({ accountId: 'a' }, () => ({ workloads: 3 }));
    await admission.setQuota({ accountId: 'a', workspace }, () => ({ vcpus: 2 }));
    const here = { pool: 'public', workspaceId: 'w' };
    assert.equal((await admission.submit(job('1', 0, here))).state, 'admitted');
    assert.equal((await admission.submit(job('2', 0, here))).state, 'admitted');
    assert.match((await admission.submit(job('3', 0, here))).reason, /quota of the workspace is 2 vCPUs/);
    assert.equal((await admission.submit(job('4', 0, { pool: 'public' }))).state, 'admitted');
    assert.match(
      (await admission.submit(job('5', 0, { pool: 'public' }))).reason,
      /quota of the account is 3 workloads at a time, 3 run/,
    );
    assert.equal((await admission.submit(job('6', 0, { pool: 'public', accountId: 'b' }))).state, 'admitted');
    await admission.release('1');
    assert.equal((await admission.status('3'))!.state, 'admitted', 'the first come of the two');
    assert.equal((await admission.status('5'))!.state, 'queued');
    assert.deepEqual((await admission.quota({ accountId: 'a' })).used, {
      vcpus: 3,
      memoryBytes: 3 * GIB,
      gpus: 0,
      workloads: 3,
    });
  });

  it('who left the queue leaves its room to the next', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1')]);
    await admission.setQuota({ accountId: 'a' }, () => ({ gpus: 8 }));
    await admission.submit(job('runs', 8));
    for (const id of ['next', 'after']) await admission.submit(job(id, 8));
    await admission.release('next');
    await admission.release('runs');
    assert.equal((await admission.status('after'))!.state, 'admitted');
  });
});

describe('what is on disk', () => {
  it('is all there is after a restart: places, queues, quotas, who makes way', async t => {
    const dir = mkdtempSync(join(tmpdir(), 'atelier-admission-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const { db, admission, again, clock } = await world(join(dir, 'a.db'));
    t.after(() => db.destroy());
    const pools = [node('node-1'), node('node-2')];
    await admission.setPool('pool', pools);
    await admission.setQuota({ accountId: 'b' }, () => ({ workloads: 0 }));
    await admission.submit(job('gang', 4, { tasks: 3, preemptible: true, endsWithinMs: 60_000 }));
    await admission.submit(job('high', 8, { priority: 3, tasks: 2, userId: 'u', workspaceId: 'w' }));
    await admission.submit(job('other', 1, { accountId: 'b' }));
    await admission.submit(job('avoids', 1, { avoidNodes: ['node-2'], reissued: true }));
    await admission.submit(job('open', 0, { pool: 'public' }));
    const before = await admission.workloads();
    const states = await admission.pools();

    const next = again();
    const preempted: string[] = [];
    const lost: string[] = [];
    next.onPreempted('training-job', (id, by) => preempted.push(`${id} ${by}`));
    next.onLost('training-job', id => lost.push(id));
    await next.setPool('pool', pools);
    await next.start();
    assert.deepEqual(await next.workloads(), before);
    assert.deepEqual(await next.pools(), states);
    assert.deepEqual(preempted, ['gang high']);
    assert.equal(lost.length, 0);
    clock.advance(31 * 60_000);
    await next.submit(job('again', 9, { pool: 'gone', reissued: true }));
    clock.advance(31 * 60_000);
    assert.equal((await next.status('again'))!.overdue, true);

    const after = again();
    after.onLost('training-job', (id, where) => lost.push(`${id} ${where}`));
    await after.setPool('pool', [node('node-2')]);
    await after.start();
    assert.deepEqual(lost, ['gang node-1']);
  });

  it('is there before anybody is told, and a failed write changes nothing', async t => {
    const dir = mkdtempSync(join(tmpdir(), 'atelier-admission-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const file = join(dir, 'a.db');
    const { db, admission } = await world(file);
    t.after(() => db.destroy());
    const other = openSqlite(file);
    t.after(() => other.destroy());
    const rows = async () => {
      const all = await sql<{
        id: string;
        nodes: string | null;
      }>`SELECT id, nodes FROM workloads ORDER BY sequence`.execute(other);
      return all.rows.map(row => `${row.id} ${row.nodes}`);
    };
    await admission.setPool('pool', [node('node-1')]);
    await admission.submit(job('one', 8));
    await admission.submit(job('two', 8));
    const told: Promise<string[]>[] = [];
    admission.onAdmitted('training-job', () => told.push(rows()));
    assert.deepEqual(await rows(), ['one ["node-1"]', 'two null']);

    await sql`CREATE TRIGGER fails BEFORE UPDATE ON workloads BEGIN SELECT raise(ABORT, 'disk'); END`.execute(other);
    await assert.rejects(admission.release('one'), /disk/);
    assert.equal((await admission.status('one'))!.state, 'admitted');
    assert.equal((await admission.status('two'))!.state, 'queued');
    assert.deepEqual(
      (await admission.pools()).map(pool => pool.nodes[0]!.workloads),
      [[], ['one']],
    );
    await sql`DROP TRIGGER fails`.execute(other);
    await admission.release('one');
    assert.deepEqual(await Promise.all(told), [['two ["node-1"]']]);
  });

  it('of an earlier version is taken over', async t => {
    const db = openSqlite(':memory:');
    t.after(() => db.destroy());
    await migrate(db, admissionMigrations.slice(0, 1), 0);
    await sql`INSERT INTO workloads VALUES ('old', 'training-job', 'old', 'a', 'p', 30, 1, 0, 1, 5, 6, 0, 'Admitted', ''),
      ('waits', 'training-job', 'waits', 'a', 'p', 4, 1, 0, 2, 5, NULL, 0, 'InsufficientCpu', '')`.execute(db);
    await migrate(db, admissionMigrations, 0);
    const admission = createAdmission({
      db,
      log: silentLog(),
      clock: { now: () => START },
      capacity: { vcpus: 32, memoryBytes: GIB, gpus: 0 },
    });
    assert.deepEqual((await admission.status('old'))!.nodes, ['public']);
    assert.equal((await admission.status('waits'))!.reasonCode, 'InsufficientCpu');
    await admission.release('old');
    assert.equal((await admission.status('waits'))!.state, 'admitted');
  });
});

describe('estimates', () => {
  it('are told where the ends of what is waited for are known', async () => {
    const { admission } = await world();
    await admission.setPool('pool', [node('node-1')]);
    await admission.submit(job('runs', 8, { endsWithinMs: 1_000 }));
    await admission.submit(job('next', 8, { endsWithinMs: 2_000 }));
    await admission.submit(job('after', 8));
    await admission.submit(job('last', 8));
    const views = await admission.workloads('pool');
    assert.deepEqual(
      views.map(view => [view.id, view.estimatedStart]),
      [
        ['runs', undefined],
        ['next', START + 1_000],
        ['after', START + 3_000],
        ['last', undefined],
      ],
    );
    assert.equal((await admission.status('after'))!.estimatedStart, START + 3_000);
  });
});
