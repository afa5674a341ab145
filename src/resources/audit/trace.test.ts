import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { Registry } from 'prom-client';
import type { AuditRecord } from '../../http/index.ts';
import { manualClock } from '../../kernel/clock.ts';
import { createLog, silentLog } from '../../kernel/log.ts';
import { type Database, migrate, openSqlite } from '../../store-kit/index.ts';
import { auditMigrations, createAudit } from './index.ts';
import { traceKeeper } from './trace.keeper.ts';
import { type TraceQuery, traceSearch } from './trace.search.ts';
import { traceMigrations, traceStore } from './trace.store.ts';
import { traceOf } from './trace.ts';
import { traceWriter } from './trace.writer.ts';
import { usageStore } from './usage.store.ts';

const DAY_MS = 86_400_000;
const call: AuditRecord = {
  requestId: 'r1',
  service: 'iam',
  operation: 'CreateThing',
  method: 'POST',
  path: '/v3/things',
  readOnly: false,
  status: 201,
  accountId: 'acme',
  principalId: 'u1',
  principalName: 'ann',
  verdict: 'allow',
  action: 'iam:things:create',
  sourceAddress: '10.0.0.1',
  durationMs: 3,
};
const refused: AuditRecord = { ...call, status: 403, verdict: 'deny' };

async function database(t: TestContext, file = ':memory:'): Promise<Database> {
  const db = openSqlite(file);
  await migrate(db, auditMigrations, 0);
  t.after(() => db.destroy());
  return db;
}

async function rig(t: TestContext, retention = { days: 30, records: 100_000 }) {
  const db = await database(t);
  const clock = manualClock();
  const store = traceStore(db);
  let dropped = 0;
  const batches: number[] = [];
  const watched = {
    ...store,
    insert: async (traces: Parameters<typeof store.insert>[0]) => {
      batches.push(traces.length);
      await store.insert(traces);
    },
  };
  const common = { clock, log: silentLog() };
  const keeper = traceKeeper({ ...common, traces: store, usage: usageStore(db), retention });
  const writer = traceWriter({
    ...common,
    store: watched,
    written: keeper.written,
    dropped: count => {
      dropped += count;
    },
  });
  const search = traceSearch({ store, clock, flush: writer.flush });
  const count = async () => (await store.counts()).reduce((sum, group) => sum + group.count, 0);
  t.after(() => writer.stop());
  return { db, clock, store, keeper, writer, search, batches, count, dropped: () => dropped };
}

const all: TraceQuery = { limit: 200, from: 0 };

test('a change is answered when its record is on disk; those that come at once share a transaction', async t => {
  const { writer, count, batches } = await rig(t);
  await writer.audit(call);
  assert.equal(await count(), 1);
  await Promise.all(Array.from({ length: 50 }, () => writer.audit(call)));
  assert.equal(await count(), 51);
  assert.ok(batches.length <= 4, `${batches.length} transactions`);
});

test('a change whose record could not be written says so', async () => {
  const writer = traceWriter({
    store: { insert: () => Promise.reject(new Error('disk full')) },
    clock: manualClock(),
    log: silentLog(),
    written: () => {},
    dropped: () => {},
  });
  await assert.rejects(writer.audit(call), /disk full/);
});

test('a flood of refusals is written together; what is too much goes, oldest first, and is counted', async t => {
  const { writer, batches, dropped, search, count } = await rig(t);
  for (let i = 0; i < 6000; i++) await writer.audit({ ...refused, requestId: `r${i}` });
  assert.deepEqual(batches, [], 'nothing was written yet');
  assert.equal(dropped(), 1000);
  await writer.flush();
  assert.equal(await count(), 5000);
  assert.equal(batches.length, 25);
  assert.equal((await search('acme', { ...all, requestId: 'r999' })).traces.length, 0);
  assert.equal((await search('acme', { ...all, requestId: 'r1000' })).traces.length, 1);
  await writer.audit(refused);
  await writer.audit(call);
  assert.equal(await count(), 5002, 'a change takes waiting refusals along');
});

test('refusals that the disk does not take are counted and told', async () => {
  let told = '';
  let dropped = 0;
  const writer = traceWriter({
    store: { insert: () => Promise.reject(new Error('disk full')) },
    clock: manualClock(),
    log: createLog('info', {
      write: line => {
        told += line;
      },
    }),
    written: () => {},
    dropped: count => {
      dropped += count;
    },
  });
  await writer.audit(refused);
  await writer.audit(refused);
  await writer.stop();
  assert.equal(dropped, 2);
  assert.match(told, /disk full/);
});

test('pages follow one another whatever is written meanwhile: each record once, newest first', async t => {
  const { writer, search, clock } = await rig(t);
  const wanted: string[] = [];
  for (let i = 0; i < 45; i++) {
    await writer.audit({ ...(i % 3 ? call : refused), requestId: `old${i}` });
    wanted.unshift(`old${i}`);
    if (i % 2) clock.advance(1);
  }
  const seen: string[] = [];
  let marker: string | undefined;
  do {
    const page = await search('acme', { ...all, limit: 7, next: marker });
    seen.push(...page.traces.map(trace => trace.requestId));
    marker = page.marker;
    for (let i = 0; i < 5; i++) await writer.audit({ ...(i % 2 ? call : refused), requestId: 'new' });
    await writer.audit({ ...call, accountId: 'rival', requestId: 'foreign' });
  } while (marker);
  assert.deepEqual(seen.toSorted(), wanted.toSorted());
  assert.ok(!seen.includes('new') && !seen.includes('foreign'));
  const times = (await search('acme', all)).traces.map(trace => trace.time);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => b - a),
  );
});

test('a search looks further than one slice of the table, and ends', async t => {
  const { writer, search, store, clock } = await rig(t);
  await writer.audit({ ...call, requestId: 'needle' });
  clock.advance(1);
  for (let i = 0; i < 25; i++) {
    await store.insert(Array.from({ length: 200 }, (_, j) => traceOf(call, `${i}-${j}`, clock.now())));
  }
  const found = await search('acme', { ...all, requestId: 'needle' });
  assert.equal(found.traces.length, 1);
  assert.equal(found.marker, undefined);
  assert.equal((await search('acme', { ...all, requestId: 'missing' })).traces.length, 0);
  const whole = await search('acme', { ...all, limit: 200 });
  assert.equal(whole.traces.length, 200);
  assert.equal(whole.marker, whole.traces.at(-1)!.id);
});

test('every filter finds what it names', async t => {
  const { writer, search } = await rig(t);
  const kinds: [Partial<TraceQuery>, Partial<AuditRecord>][] = [
    [{ user: 'bob' }, { principalName: 'bob' }],
    [{ user: 'carol' }, { principalKind: 'agency', onBehalfOf: { id: 'c', name: 'carol' } }],
    [{ service: 'modelarts' }, { service: 'modelarts' }],
    [{ operation: 'DeleteThing' }, { operation: 'DeleteThing' }],
    [{ action: 'iam:things:delete' }, { action: 'iam:things:delete' }],
    [{ resourceType: 'thing' }, { target: 'thing/t1' }],
    [{ resourceId: 'a/b' }, { target: 'widget/a/b' }],
    [{ ownerId: 'o1' }, { ownerId: 'o1' }],
    [{ rating: 'warning' }, { status: 404 }],
    [{ rating: 'incident' }, { status: 502 }],
    [{ verdict: 'deny' }, { status: 403, verdict: 'deny' }],
    [{ requestId: 'r2' }, { requestId: 'r2' }],
    [{ data: true }, { service: 'obs', target: 'object/b/k' }],
    [{ sourceAddress: '10.9.9.9' }, { sourceAddress: '10.9.9.9' }],
  ];
  for (const [, members] of kinds) await writer.audit({ ...call, ...members } as AuditRecord);
  for (const [filter, members] of kinds) {
    const { traces } = await search('acme', { ...all, ...filter });
    const expected = kinds.filter(([, other]) => JSON.stringify(other) === JSON.stringify(members)).length;
    const fitting = filter.rating === 'warning' ? 2 : expected;
    assert.equal(traces.length, fitting, JSON.stringify(filter));
  }
});

test('a span has its beginning and not its end, and the last hour is what nobody bounds', async t => {
  const { writer, search, clock } = await rig(t);
  const start = clock.now();
  for (const requestId of ['a', 'b', 'c']) {
    await writer.audit({ ...call, requestId });
    clock.advance(1000);
  }
  const ids = async (query: Partial<TraceQuery>) =>
    (await search('acme', { limit: 10, ...query })).traces.map(trace => trace.requestId).join('');
  assert.equal(await ids({}), 'cba');
  assert.equal(await ids({ from: start, to: start + 2000 }), 'ba');
  assert.equal(await ids({ from: start + 1 }), 'cb');
  clock.advance(3_600_000 - 1999);
  assert.equal(await ids({}), 'c');
  assert.equal(await ids({ to: start + 2000 }), 'ba');
  await assert.rejects(ids({ from: 5, to: 5 }), { code: 'cts.0005', status: 400 });
  await assert.rejects(ids({ next: 'x' }), { code: 'cts.0005', status: 400 });
});

test('the record of another account is no marker, and is not found by its id', async t => {
  const { writer, search } = await rig(t);
  await writer.audit({ ...call, accountId: 'rival' });
  const [theirs] = (await search('rival', all)).traces;
  assert.equal((await search('acme', { ...all, id: theirs!.id })).traces.length, 0);
  await assert.rejects(search('acme', { ...all, next: theirs!.id }), { code: 'cts.0005' });
  assert.equal((await search('rival', { ...all, id: theirs!.id })).traces.length, 1);
});

test('what is older than the retention goes, and nothing else', async t => {
  const { writer, keeper, search, clock } = await rig(t, { days: 2, records: 100_000 });
  for (let i = 0; i < 1200; i++) await writer.audit({ ...refused, requestId: 'old' });
  await writer.audit({ ...call, requestId: 'old' });
  await writer.flush();
  clock.advance(DAY_MS);
  await writer.audit({ ...call, requestId: 'young' });
  clock.advance(DAY_MS + 1);
  await keeper.sweep();
  assert.deepEqual(
    (await search('acme', all)).traces.map(trace => trace.requestId),
    ['young'],
  );
});

test('an account keeps so many, oldest first; a flood of refusals pushes out no change and nobody else’s records', async t => {
  const { writer, keeper, store } = await rig(t, { days: 30, records: 1000 });
  for (let i = 0; i < 20; i++) await writer.audit({ ...call, requestId: `change${i}` });
  await writer.audit({ ...refused, accountId: 'rival' });
  for (let i = 0; i < 4500; i++) await writer.audit({ ...refused, requestId: `r${i}` });
  await writer.flush();
  await keeper.stop(); // it has begun by itself
  const begun = (await store.counts()).find(group => group.share === 'refused' && group.accountId === 'acme')!.count;
  assert.ok(begun < 4500, 'a flood is noticed at once');
  const fresh = traceKeeper({
    traces: store,
    usage: usageStore(await database(t)),
    clock: manualClock(),
    log: silentLog(),
    retention: { days: 30, records: 1000 },
  });
  await fresh.sweep();
  assert.deepEqual(
    (await store.counts()).map(group => [group.accountId, group.share, group.count]),
    [
      ['acme', 'done', 20],
      ['acme', 'refused', 1000],
      ['rival', 'refused', 1],
    ],
  );
  const search = traceSearch({ store, clock: manualClock(), flush: writer.flush });
  const last = await search('acme', { ...all, verdict: 'deny' });
  assert.equal(last.traces[0]!.requestId, 'r4499');
});

test('strangers push out no refusal of the account’s own, neither while they wait nor on disk', async t => {
  const { writer, keeper, store, search, dropped } = await rig(t, { days: 30, records: 1000 });
  await writer.audit({ ...refused, requestId: 'own' });
  const unsigned: AuditRecord = { ...refused, service: 'obs', principalKind: 'anonymous' };
  const badLogin: AuditRecord = { ...call, status: 401, verdict: 'none', principalKind: 'user' };
  for (let i = 0; i < 5500; i++) await writer.audit(i % 2 ? unsigned : badLogin);
  assert.equal(dropped(), 500);
  await writer.flush();
  await keeper.sweep();
  await keeper.sweep(); // the first may have begun before the last of them were written
  assert.deepEqual(
    (await store.counts()).map(group => [group.accountId, group.share, group.count]),
    [
      ['acme', 'refused', 1],
      ['acme', 'strangers', 1000],
    ],
  );
  assert.equal((await search('acme', { ...all, requestId: 'own' })).traces.length, 1);
  assert.equal((await search('acme', { ...all, user: 'ann' })).traces.length, 200, 'theirs are found as well');
});

test('texts of callers are cut, break no line, hide nothing, and hold no token', () => {
  const token = `eyJhbGciOiJIUzI1NiJ9.${'e'.repeat(40)}.${'s'.repeat(40)}`;
  const trace = traceOf(
    {
      ...call,
      path: `/v3/users/${token}/x\r\nFAKE LINE`,
      target: `user/a\n\u202Egnp.exe\u0000\u2028`,
      principalName: `ann\u001b[31m${'n'.repeat(5000)}`,
      workspaceId: 'w'.repeat(5000),
      errorCode: 'a\u0085b',
    },
    'id',
    1,
  );
  const text = Object.values(trace).join('|');
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.doesNotMatch(text, /eyJ|s{40}/);
  assert.equal(trace.resourceId, 'a\u{FFFD}\u{FFFD}gnp.exe\u{FFFD}\u{FFFD}');
  assert.equal(trace.principalName!.length, 256);
  assert.equal(trace.workspaceId!.length, 256);
  assert.equal(traceOf({ ...call, path: '/x'.repeat(9000) }, 'id', 1).path.length, 1100);
  const key = traceOf({ ...call, path: '/c/ABCDEFGHIJKLMNOPQRS7', target: 'access-key/ABCDEFGHIJKLMNOPQRS7' }, 'id', 1);
  assert.deepEqual([key.path, key.resourceId], ['/c/ABCD…QRS7', 'ABCD…QRS7']);
});

test('records of versions before are found and aged like all others', async t => {
  const db = openSqlite(':memory:');
  t.after(() => db.destroy());
  const [first, second, ...later] = traceMigrations;
  const columns = sql.raw(
    'id, time, request_id, operation, method, path, status, account_id, source_address, duration_ms',
  );
  await migrate(db, [first!], 0);
  await sql`INSERT INTO audit_records (${columns}) VALUES
    ('1', 7, 'r', 'Old', 'POST', '/v3/users', 201, 'acme', '', 1),
    ('2', 7, 'r', 'Old', 'POST', '/v2/p/training-jobs', 401, NULL, '', 1)`.execute(db);
  await migrate(db, [first!, second!], 0);
  await sql`INSERT INTO audit_records (${columns}, action, verdict, target) VALUES
    ('3', 7, 'r', 'getObject', 'GET', '/b/k', 403, 'acme', '', 1, 'obs:object:GetObject', 'deny', 'object/b/k/l')`.execute(
    db,
  );
  await migrate(db, [first!, second!, ...later], 0);
  const store = traceStore(db);
  assert.deepEqual(
    (await store.counts()).map(group => [group.accountId, group.share, group.count]),
    [
      ['', 'refused', 1],
      ['acme', 'done', 1],
      ['acme', 'refused', 1],
    ],
  );
  assert.equal((await store.find('acme', '1'))!.service, 'iam');
  assert.equal((await store.find('', '2'))!.verdict, 'none');
  const refusal = (await store.find('acme', '3'))!;
  assert.deepEqual(
    [refusal.service, refusal.resourceType, refusal.resourceId, refusal.data, refusal.readOnly],
    ['obs', 'object', 'b/k/l', true, true],
  );
});

test('what was dropped shows in the metrics', async t => {
  const metrics = new Registry();
  const audit = createAudit({ db: await database(t), clock: manualClock(), log: silentLog(), metrics });
  for (let i = 0; i < 5003; i++) await audit.audit(refused);
  assert.match(await metrics.metrics(), /atelier_audit_records_dropped_total 3\n/);
  assert.match(await metrics.metrics(), /atelier_action_usage_dropped_total 0\n/);
  await audit.stop();
});

test('kill -9 at any moment loses no record of an acknowledged change', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-audit-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'test.db');
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    const { openSqlite, migrate } = await import(${at('../../store-kit/index.ts')});
    const { auditMigrations, createAudit } = await import(${at('./index.ts')});
    const { systemClock } = await import(${at('../../kernel/clock.ts')});
    const { silentLog } = await import(${at('../../kernel/log.ts')});
    const { Registry } = await import('prom-client');
    const db = openSqlite(${JSON.stringify(file)});
    await migrate(db, auditMigrations, 1);
    const { audit } = createAudit({ db, clock: systemClock, log: silentLog(), metrics: new Registry() });
    const call = ${JSON.stringify(call)};
    for (let i = 0; ; i++) {
      await Promise.all([1, 2, 3].map(n => audit({ ...call, requestId: 'r' + i + '.' + n })));
      await audit({ ...call, status: 403 });
      process.stdout.write(i + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for await (const part of child.stdout) {
    output += part;
    if (output.split('\n').length > 40) child.kill('SIGKILL');
  }
  if (child.signalCode === null) await once(child, 'exit');
  const acknowledged = Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1));
  assert.ok(acknowledged > 10);
  const db = await database(t, file);
  const { rows } = await sql<{ request_id: string }>`SELECT request_id FROM audit_records WHERE refused = 0`.execute(
    db,
  );
  const kept = new Set(rows.map(row => row.request_id));
  for (let i = 0; i <= acknowledged; i++) {
    for (const n of [1, 2, 3]) assert.ok(kept.has(`r${i}.${n}`), `r${i}.${n} of ${acknowledged}`);
  }
});
