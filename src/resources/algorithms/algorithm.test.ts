import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWorld, ENGINE_ID, type Json, type World } from '../training-jobs/test-world.ts';

describe('algorithms', () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.close());

  const body = (name: string, config: Json = {}): Json => ({
    metadata: { name, description: 'd' },
    job_config: {
      code_dir: '/bucket/code/',
      boot_file: '/bucket/code/train.py',
      engine: { engine_id: ENGINE_ID },
      ...config,
    },
    resource_requirements: [{ key: 'flavor_type', values: ['CPU'], operator: 'in' }],
  });

  it('are made, shown, changed, listed and deleted', async () => {
    const made = await world.call('POST', '/algorithms', body('first'));
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const { id } = made.body.metadata;
    assert.equal(made.body.metadata.size, 13);
    assert.deepEqual(made.body.job_config.code_tree, {
      name: 'code',
      children: [
        { name: 'lib', children: [{ name: 'util.py', children: [] }] },
        { name: 'train.py', children: [] },
      ],
    });
    assert.deepEqual(made.body.resource_requirements, [{ key: 'flavor_type', value: ['CPU'], operator: 'in' }]);
    assert.deepEqual((await world.call('GET', `/algorithms/${id}`)).body, made.body);

    await world.call('POST', '/algorithms', body('second_1'));
    const found = await world.call('GET', '/algorithms?searches=name:cond_&limit=1&sort_by=create_time&order=asc');
    assert.deepEqual([found.body.total, found.body.items[0].metadata.name], [1, 'second_1']);

    const changed = await world.call('PUT', `/algorithms/${id}`, body('renamed'));
    assert.deepEqual([changed.status, changed.body.metadata.name], [201, 'renamed']);
    assert.equal(changed.body.metadata.create_time, made.body.metadata.create_time);
    const clash = await world.call('PUT', `/algorithms/${id}`, body('second_1'));
    assert.equal(clash.body.error_code, 'ModelArts.2821');

    const removed = await world.call('DELETE', `/algorithms/${id}`);
    assert.deepEqual([removed.status, removed.body], [202, null]);
    const gone = await world.call('GET', `/algorithms/${id}`);
    assert.deepEqual([gone.status, gone.body.error_code], [400, 'ModelArts.2755']);
    assert.equal((await world.call('DELETE', `/algorithms/${id}`)).body.error_code, 'ModelArts.2755');
  });

  const refusals: [string, Json, string][] = [
    ['a taken name', body('taken'), '2821'],
    ['a bad name', body('a/b'), '2788'],
    ['an unknown engine', body('x', { engine: { engine_id: 'nope' } }), '2780'],
    ['a missing directory', body('x', { code_dir: '/bucket/none/' }), '2757'],
    ['a missing boot file', body('x', { boot_file: '/bucket/code/none.py' }), '2758'],
    ['a boot file outside', body('x', { boot_file: '/bucket/data/a.txt' }), '2792'],
    ['a command without image', body('x', { boot_file: '', command: 'true', engine: {} }), '2806'],
    ['a repeated input', body('x', { inputs: [{ name: 'a' }, { name: 'a' }] }), '2753'],
    ['a repeated parameter', body('x', { parameters: [{ name: 'a' }, { name: 'a' }] }), '2767'],
  ];
  for (const [name, request, code] of refusals) {
    it(`refuse ${name}: ${code}`, async () => {
      if (code === '2821') await world.call('POST', '/algorithms', request);
      const answer = await world.call('POST', '/algorithms', request);
      assert.equal(answer.status, 400);
      assert.equal(answer.body.error_code, `ModelArts.${code}`);
    });
  }

  it('refuse a search of another form', async () => {
    assert.equal((await world.call('GET', '/algorithms?searches=foo')).body.error_code, 'ModelArts.2764');
    assert.equal((await world.call('GET', '/algorithms?limit=51')).body.error_code, 'ModelArts.2764');
  });
});
