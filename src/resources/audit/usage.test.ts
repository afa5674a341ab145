import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { AccessRequest } from '../../policy/index.ts';
import { migrate, openSqlite } from '../../store-kit/index.ts';
import { recordingAuthorizer, usageRecorder } from './usage.recorder.ts';
import { type CountedUse, usageMigrations, usageStore } from './usage.store.ts';
import { generalResource, useOf } from './usage.ts';

const DAY_MS = 86_400_000;
const ann: Principal = {
  kind: 'user',
  id: 'ann',
  name: 'ann',
  accountId: 'acme',
  accountName: 'acme',
  credential: 'token',
};

async function rig(t: { after(end: () => unknown): void }) {
  const db = openSqlite(':memory:');
  await migrate(db, usageMigrations, 0);
  t.after(() => db.destroy());
  const clock = manualClock();
  const store = usageStore(db);
  let dropped = 0;
  const recorder = usageRecorder({
    store,
    clock,
    log: silentLog(),
    dropped: count => {
      dropped += count;
    },
  });
  const today = () => Math.floor(clock.now() / DAY_MS);
  return { store, clock, recorder, today, dropped: () => dropped };
}

test('a resource counts as what a policy would name: a bucket, all objects of a bucket', () => {
  const general = (resource: string, action = 'obs:object:GetObject') => generalResource(action, resource);
  assert.equal(general('obs:*:*:object:data/a/b.txt'), 'obs:*:*:object:data/*');
  assert.equal(general('obs:*:*:object:data/'), 'obs:*:*:object:data/*');
  assert.equal(general('obs:*:*:bucket:data', 'obs:bucket:HeadBucket'), 'obs:*:*:bucket:data');
  assert.equal(general('obs:*:*:bucket:*', 'obs:bucket:ListAllMyBuckets'), 'obs:*:*:bucket:*');
  assert.equal(general('/iam/agencies/0123', 'iam:agencies:assume'), '/iam/agencies/0123');
});

test('a text that would be a wildcard in a policy never gets into one', () => {
  for (const name of ['*', 'da*', '$' + '{g:UserName}', 'A', 'a', `${'x'.repeat(64)}`, 'data:x', '']) {
    assert.equal(generalResource('obs:object:GetObject', `obs:*:*:object:${name}/key`), undefined, name);
    assert.equal(generalResource('obs:bucket:HeadBucket', `obs:*:*:bucket:${name}`), undefined, name);
  }
  assert.equal(generalResource('iam:agencies:assume', '/iam/agencies/*'), undefined);
  const pool = useOf(ann, { action: 'modelarts:trainJob:create', context: { 'modelarts:poolType': 'a*"' } });
  assert.equal(pool?.poolType, '');
});

test('only what was allowed counts, and not what was merely asked', async t => {
  const { recorder, store, today } = await rig(t);
  const authorizer = recordingAuthorizer(
    { decide: async (_, { action }) => ({ allowed: action !== 'x:y:no', reason: '' }) },
    recorder,
  );
  const decide = (request: AccessRequest) => authorizer.decide(ann, request);
  assert.equal((await decide({ action: 'x:y:no' })).allowed, false);
  assert.equal((await decide({ action: 'x:y:yes' })).allowed, true);
  assert.equal((await decide({ action: 'x:y:asked', probe: true })).allowed, true);
  await recorder.flush();
  assert.deepEqual(
    (await store.of('acme', 'ann', today())).map(use => use.action),
    ['x:y:yes'],
  );
});

test('uses are told apart by all that a policy can tell, added up over days, and by nobody else’s', async t => {
  const { recorder, store, clock, today } = await rig(t);
  const first = today();
  const get = (key: string) => ({ action: 'obs:object:GetObject', resource: `obs:*:*:object:${key}` });
  const job = { action: 'modelarts:trainJob:create' };
  const agency: Principal = { ...ann, kind: 'agency', id: 'ag', onBehalfOf: { id: 'ann', name: 'ann' } };
  for (let i = 0; i < 3; i++) recorder.used(ann, get(`data/${i}`));
  recorder.used(ann, get('other/1'));
  recorder.used(ann, job);
  recorder.used(ann, { ...job, context: { 'modelarts:poolType': 'public' } });
  recorder.used(ann, { ...job, enterpriseProjectId: 'ep' });
  recorder.used({ ...ann, id: 'bob' }, job);
  recorder.used({ ...ann, accountId: 'rival' }, job);
  recorder.used(agency, get('data/1'));
  recorder.used({ ...agency, onBehalfOf: { id: 'bob', name: 'bob' } }, get('data/2'));
  await recorder.flush();
  clock.advance(DAY_MS);
  recorder.used(ann, get('data/9'));
  await recorder.flush();
  const told = (uses: CountedUse[]) =>
    uses.map(use => `${use.action} ${use.resource} ${use.poolType} ${use.enterpriseProjectId} ${use.count}`);
  assert.deepEqual(told(await store.of('acme', 'ann', first)), [
    'modelarts:trainJob:create   0 1',
    'modelarts:trainJob:create   ep 1',
    'modelarts:trainJob:create  public 0 1',
    'obs:object:GetObject obs:*:*:object:data/*  0 4',
    'obs:object:GetObject obs:*:*:object:other/*  0 1',
  ]);
  assert.deepEqual(told(await store.of('acme', 'ann', today())), ['obs:object:GetObject obs:*:*:object:data/*  0 1']);
  assert.equal((await store.of('acme', 'ann', today()))[0]!.lastUsed, clock.now());
  assert.deepEqual(told(await store.of('acme', 'ag', first)), ['obs:object:GetObject obs:*:*:object:data/*  0 2']);
  assert.equal((await store.of('rival', 'ann', first)).length, 1);
});

test('memory and table are bounded, and what is lost is counted', async t => {
  const { recorder, store, today, clock, dropped } = await rig(t);
  for (let i = 0; i < 10_050; i++) recorder.used(ann, { action: `x:y:a${i}` });
  assert.equal(dropped(), 50);
  recorder.used(ann, { action: 'x:y:a1' });
  assert.equal(dropped(), 50, 'what is known goes on being counted');
  await recorder.flush();
  assert.equal((await store.of('acme', 'ann', today())).length, 10_000);
  clock.advance(1000);
  recorder.used(ann, { action: 'x:y:a7' });
  await recorder.flush();
  while ((await store.removeOver(100, 500)) > 0);
  const left = await store.of('acme', 'ann', today());
  assert.equal(left.length, 100);
  assert.ok(
    left.some(use => use.action === 'x:y:a7' && use.count === 2),
    'what was used last stays',
  );
  assert.equal(await store.removeBefore(today(), 500), 0);
  assert.equal(await store.removeBefore(today() + 1, 60), 60);
  assert.equal(await store.removeBefore(today() + 1, 60), 40);
});

test('many who do little fill the memory no more than few who do much', async t => {
  const { recorder, dropped, store, today } = await rig(t);
  for (let i = 0; i < 60_000; i++) recorder.used({ ...ann, id: `u${i}` }, { action: 'x:y:z', resource: 'a b' });
  assert.equal(dropped(), 0, 'what cannot be in a policy is not missed');
  recorder.used({ ...ann, id: 'late' }, { action: 'x:y:z' });
  assert.equal(dropped(), 1);
  await recorder.flush();
  recorder.used({ ...ann, id: 'late' }, { action: 'x:y:z' });
  await recorder.flush();
  assert.equal((await store.of('acme', 'late', today())).length, 1);
});

test('a database that does not take the counts costs the counts and nothing else', async () => {
  let dropped = 0;
  const recorder = usageRecorder({
    store: { add: () => Promise.reject(new Error('disk full')) },
    clock: manualClock(),
    log: silentLog(),
    dropped: count => {
      dropped += count;
    },
  });
  recorder.used(ann, { action: 'x:y:z' });
  recorder.used(ann, { action: 'x:y:z' });
  await recorder.flush();
  assert.equal(dropped, 2);
});
