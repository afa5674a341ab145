import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { createWorld, type Json, PROJECT, type World } from './test-world.ts';

const JOBS = 100_000;

describe('searching among 100,000 training jobs', () => {
  let world: World;
  before(async () => {
    world = await createWorld({ program: () => ({ runMs: 10 }) });
    const id = await world.submit(world.job('seed'));
    await world.until(id, 'Completed');
    await world.eventually(
      async () => (await world.db.selectFrom('training_jobs').select('step').executeTakeFirst())?.step === 'done',
      'done',
    );
    const row = await world.db.selectFrom('training_jobs').selectAll().executeTakeFirstOrThrow();
    const fields = Object.keys(row).filter(
      name => !['id', 'name', 'phase', 'created_at', 'algorithm_name'].includes(name),
    );
    const columns = sql.join(fields.map(name => sql.ref(name)));
    await sql`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${JOBS - 1})
      INSERT INTO training_jobs (id, name, phase, created_at, algorithm_name, ${columns})
      SELECT 'id-' || i, 'job-' || i, CASE i % 4 WHEN 0 THEN 'Failed' ELSE 'Completed' END, 1000000 + i,
        'algorithm-' || (i % 7), ${columns}
      FROM n, training_jobs WHERE training_jobs.id = ${id}`.execute(world.db);
  });
  after(() => world.close());

  const search = async (body: Json) => (await world.call('POST', '/training-job-searches', body)).body;

  it('pages by page index, newest first', async () => {
    const first = await search({ limit: 10, offset: 1, sort_by: 'create_time', order: 'asc' });
    assert.equal(first.total, JOBS);
    assert.equal(first.count, JOBS);
    assert.deepEqual(
      first.items.map((item: Json) => item.metadata.name),
      Array.from({ length: 10 }, (_, index) => `job-${index + 11}`),
    );
  });

  it('filters by each key and operator, and treats an empty text as no filter', async () => {
    const filters = (...list: Json[]) => search({ limit: 1, filters: list });
    assert.equal((await filters({ key: 'name', operator: 'like', value: ['job-9999'] })).count, 11);
    assert.equal((await filters({ key: 'name', operator: 'like', value: ['%'] })).count, 0);
    assert.equal((await filters({ key: 'phase', operator: 'in', value: ['Failed'] })).count, 24_999);
    assert.equal((await filters({ key: 'phase', operator: 'not', value: ['Failed'] })).count, JOBS - 24_999);
    assert.equal((await filters({ key: 'create_time', operator: 'between', value: ['1000001', '1000010'] })).count, 10);
    assert.equal((await filters({ key: 'name', operator: 'like', value: [''] })).count, JOBS);
    assert.equal(
      (
        await filters(
          { key: 'algorithm_name', operator: 'in', value: ['algorithm-3'] },
          { key: 'phase', operator: 'in', value: ['Failed'] },
        )
      ).count,
      3571,
    );
  });

  it('refuses what it does not know', async () => {
    const code = async (body: Json) => (await search(body)).error_code;
    assert.equal(await code({ filters: [{ key: 'colour', operator: 'in', value: ['x'] }] }), 'ModelArts.2789');
    assert.equal(await code({ filters: [{ key: 'name', operator: 'is', value: ['x'] }] }), 'ModelArts.2808');
    assert.equal(
      await code({ filters: [{ key: 'create_time', operator: 'between', value: ['x', 'y'] }] }),
      'ModelArts.2809',
    );
    assert.equal(await code({ sort_by: 'colour' }), 'ModelArts.2790');
    assert.equal(await code({ limit: 51 }), 'ModelArts.2788');
  });

  it('sees nothing of other projects', async () => {
    const other = (await fetch(world.address().replace(PROJECT, 'another'), { method: 'POST', body: '{}' })).json();
    assert.equal(((await other) as Json).total, 0);
  });
});
