import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { entry, World } from './services.test-world.ts';

describe('bad input to services', () => {
  let world: World;
  beforeEach(async () => {
    world = await new World().start();
  });
  afterEach(() => world.end());

  it('gets the documented code and leaves nothing behind', async () => {
    world.models.set('importing', { ...world.model('m1'), id: 'importing', status: 'publishing' });
    world.models.set('broken', { ...world.model('m1'), id: 'broken', status: 'failed' });
    const cases: [Record<string, unknown>, number, string, RegExp][] = [
      [{ service_name: 'a b' }, 400, 'ModelArts.0104', /service_name/],
      [{ service_name: 'x'.repeat(65) }, 400, 'ModelArts.0104', /64/],
      [{ service_name: 5 }, 400, 'ModelArts.0104', /service_name/],
      [{ description: "it's" }, 400, 'ModelArts.0104', /description/],
      [{ infer_type: 'batch' }, 400, 'ModelArts.3589', /infer_type/],
      [{ infer_type: 'magic' }, 400, 'ModelArts.0104', /infer_type/],
      [{ config: [] }, 400, 'ModelArts.0104', /config/],
      [{ config: undefined }, 400, 'ModelArts.0104', /config/],
      [{ config: [entry({ weight: 99 })] }, 400, 'ModelArts.0104', /weight.*100.*99/],
      [{ config: [entry({ weight: 60 }), entry({ model_id: 'm2', weight: '60' })] }, 400, 'ModelArts.0104', /120/],
      [{ config: [entry({ weight: 50.5 })] }, 400, 'ModelArts.0104', /weight/],
      [{ config: [entry({ weight: 50 }), entry({ weight: 50 })] }, 400, 'ModelArts.3516', /twice/],
      [{ config: [entry({ instance_count: 0 })] }, 400, 'ModelArts.0104', /instance_count.*1 to 128/],
      [{ config: [entry({ instance_count: 129 })] }, 400, 'ModelArts.0104', /128/],
      [{ config: [entry({ instance_count: 100 })] }, 400, 'ModelArts.3976', /instance_count/],
      [{ config: [entry({ specification: 'nope' })] }, 400, 'ModelArts.3976', /nope.*modelarts\.vm\.cpu\.1u/],
      [{ config: [entry({ specification: 'modelarts.vm.cpu.32u' })] }, 400, 'ModelArts.3976', /resources/],
      [{ config: [entry({ specification: 'custom' })] }, 400, 'ModelArts.0104', /dedicated/],
      [{ config: [entry({ model_id: 'none' })] }, 404, 'ModelArts.3507', /none/],
      [{ config: [entry({ model_id: 'importing' })] }, 400, 'ModelArts.3515', /published/],
      [{ config: [entry({ model_id: 'broken' })] }, 400, 'ModelArts.3515', /failed/],
      [{ config: [entry({ deploy_timeout_in_seconds: 60 })] }, 400, 'ModelArts.0104', /180 to 7200/],
      [{ config: [entry({ envs: { '1A': 'x' } })] }, 400, 'ModelArts.0104', /envs/],
      [{ config: [entry({ envs: { A: {} } })] }, 400, 'ModelArts.0104', /envs\.A/],
      [{ pool_name: 'pool-x' }, 400, 'ModelArts.3547', /pool-x/],
      [{ schedule: [{ type: 'stop', time_unit: 'HOURS', duration: 0 }] }, 400, 'ModelArts.3562', /duration/],
      [{ load_balancer_policy: 'RANDOM' }, 400, 'ModelArts.0104', /load_balancer_policy/],
    ];
    for (const [extra, status, code, text] of cases) {
      const answer = await world.create(extra);
      const shown = JSON.stringify([extra, answer.body]);
      assert.equal(answer.status, status, shown);
      assert.equal(answer.body.error_code, code, shown);
      assert.match(answer.body.error_msg, text, shown);
    }
    world.agency = false;
    assert.equal((await world.create()).body.error_code, 'ModelArts.2785');
    assert.equal((await world.call('GET', '')).body.total_count, 0);
  });

  it('keeps names unique, limits the number and pages the list', async () => {
    world.healthy = false;
    for (let index = 0; index < 20; index++) {
      assert.equal((await world.create({ service_name: `s${String(index).padStart(2, '0')}` })).status, 200);
    }
    const twice = await world.create({ service_name: 's00' });
    assert.equal(twice.status, 409);
    assert.equal(twice.body.error_code, 'ModelArts.3503');
    assert.equal((await world.create({ service_name: 'more' })).body.error_code, 'ModelArts.3520');
    const page = await world.call('GET', '?limit=5&offset=1&sort_by=service_name&order=asc');
    assert.equal(page.body.total_count, 20);
    assert.deepEqual(
      page.body.services.map(service => service.service_name),
      ['s05', 's06', 's07', 's08', 's09'],
    );
    assert.equal((await world.call('GET', '?service_name=s1')).body.total_count, 10);
    assert.equal((await world.call('GET', '?model_id=m1&limit=1')).body.total_count, 20);
    assert.equal((await world.call('GET', '?model_id=m2')).body.total_count, 0);
    assert.equal((await world.call('GET', '?infer_type=batch')).body.total_count, 0);
    const ids = page.body.services.map(service => service.service_id);
    assert.equal((await world.call('DELETE', `/${ids[0]},unknown`)).status, 404);
    assert.equal((await world.call('GET', `/${ids[0]}`)).body.status === 'deleting', false);
    assert.equal((await world.call('DELETE', `/${ids.join(',')}`)).status, 200);
    await world.until(async () => (await world.call('GET', '')).body.total_count === 15);
  });

  it('asks another permission for starting and stopping than for changing', async () => {
    const id = await world.deploy();
    world.allowed = action => action !== 'modelarts:service:action';
    assert.equal((await world.call('PUT', `/${id}`, { status: 'stopped' })).body.error_code, 'ModelArts.0112');
    assert.equal((await world.call('PUT', `/${id}`, { description: 'new' })).status, 200);
    assert.equal((await world.call('GET', `/${id}`)).body.description, 'new');
    world.allowed = action => action !== 'modelarts:service:update';
    assert.equal((await world.call('PATCH', `/${id}`, { description: 'x' })).status, 403);
    assert.equal((await world.call('PUT', `/${id}`, { status: 'stopped', config: 'x' })).status, 400);
    assert.equal((await world.call('PUT', `/${id}`, { status: 'paused' })).body.error_code, 'ModelArts.0104');
  });

  it('lists the flavors that fit', async () => {
    const { body } = await world.call('GET', '/specifications?infer_type=real-time');
    assert.deepEqual(
      body.specifications.map(each => each.specification),
      ['modelarts.vm.cpu.1u', 'modelarts.vm.cpu.2u', 'modelarts.vm.cpu.4u'],
    );
  });
});
