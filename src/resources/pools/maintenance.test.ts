import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GIB, ONE, poolWorld, TWO } from './pools.test-world.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;

describe('work on the nodes of a pool', () => {
  let w: Awaited<ReturnType<typeof poolWorld>>;
  let id: string;
  let names: string[];
  before(async () => {
    w = await poolWorld({ capacity: { vcpus: 6, memoryBytes: 12 * GIB, gpus: 0 } });
    ({ id } = await w.running('upkeep', [{ flavor: ONE, count: 2 }]));
    names = (await w.nodes(id)).map((node: Json) => node.metadata.name);
    w.world.families.pools.setOccupants([
      {
        kind: 'training-job',
        vacate: async ids => {
          for (const each of ids) await w.world.families.admission.release(each);
        },
      },
    ]);
  });
  after(() => w.world.remove());
  const batch = (what: string, body: object) => w.call('POST', `${w.v2}/pools/${id}/nodes/${what}`, body);
  const events = async (query = '') => (await w.call('GET', `${w.v1}/scheduled-events${query}`)).body;

  it('a reset empties a node and is told as an event until it is done', async () => {
    const { nodes } = await w.work(id);
    const at = nodes![0]!;
    const tooMany = await batch('batch-reset', {
      nodeNames: names,
      rollingConfig: { strategy: 'parallel', maxUnavailable: 1 },
    });
    assert.match(tooMany.text, /maxUnavailable\] is 1, and 2 nodes/);
    const other = await batch('batch-reset', { nodeNames: [at], nodeConfig: { os: 'EulerOS' } });
    assert.match(other.text, /nodeConfig/);
    const begun = await batch('batch-reset', {
      nodeNames: [at],
      rollingConfig: { strategy: 'serial', maxUnavailable: 1 },
    });
    assert.equal(begun.status, 200, begun.text);
    await w.world.until(async () => (await events()).events[0]?.state === 'completed');
    const [event] = (await events('?type=node_redeploy&state=completed')).events;
    assert.deepEqual(
      [event.id, event.nodeName, event.poolName, event.type],
      [begun.body.job_id, at, id, 'node_redeploy'],
    );
    assert.ok(event.finishTime >= event.startTime);
    assert.deepEqual(await w.world.families.admission.workloads(id), []);
  });

  it('isolating and draining are events until the node is given back; there is nothing to accept', async () => {
    const [one] = names as [string];
    await batch('batch-isolate', { nodeNames: [one] });
    const [now] = (await events('?state=executing')).events;
    assert.deepEqual([now.nodeName, now.type], [one, 'node_maintenance']);
    const accepted = await w.call('POST', `${w.v1}/scheduled-events/${now.id}/accept`, {});
    assert.match(accepted.text, /50004000.*is executing/);
    await batch('batch-drain', { nodeNames: [one] });
    assert.equal((await events('?state=canceled')).count, 1);
    await batch('batch-return', { nodeNames: [one] });
    assert.equal((await events('?state=executing')).count, 0);
    const unknown = await w.call('POST', `${w.v1}/scheduled-events/none/accept`, {});
    assert.match(unknown.text, /no scheduled event none/);
  });

  it('a resize puts nodes of another flavor in the place of idle ones', async () => {
    const [one, two] = names as [string, string];
    const resize = (nodes: string[], to = TWO, from = ONE) =>
      batch('batch-resize', { nodes: [{ deleteNodeNames: nodes }], source: { flavor: from }, target: { flavor: to } });
    await w.work(id, 1, { id: 'busy' });
    const at = (await w.world.families.admission.status('busy'))!.nodes![0]!;
    const idle = at === one ? two : one;
    assert.match((await resize([at])).text, /busy|These run on the nodes/);
    assert.match((await resize([idle], 'none')).text, /50005101/);
    assert.match((await resize([idle], TWO, TWO)).text, /source.flavor\] is/);
    assert.match((await resize([idle], 'modelarts.vm.cpu.8u')).text, /8 vCPUs/);
    const done = await resize([idle]);
    assert.equal(done.status, 200, done.text);
    await w.world.until(async () => (await w.nodes(id)).length === 2);
    const flavors = (await w.show(id)).spec.resources.map((each: Json) => [each.flavor, each.count]);
    assert.deepEqual(flavors.sort(), [
      [ONE, 1],
      [TWO, 1],
    ]);
    await w.world.until(async () => (await w.nodes(id)).every((node: Json) => node.status.phase === 'Available'));
    assert.equal((await w.world.families.admission.status('busy'))!.state, 'admitted');
  });

  it('nodes have tags of their own', async () => {
    const name = (await w.nodes(id))[0].metadata.name;
    const path = `${w.v1}/nodes/${name}/tags`;
    const change = (action: string, tags: object[]) => w.call('POST', path, { action, tags });
    await change('create', [
      { key: 'rack', value: 'a' },
      { key: 'row', value: '1' },
    ]);
    const pairs = async () => (await w.call('GET', path)).body.tags.map((tag: Json) => `${tag.key}=${tag.value}`);
    assert.deepEqual(await pairs(), ['rack=a', 'row=1']);
    await change('delete', [{ key: 'rack' }]);
    assert.deepEqual(await pairs(), ['row=1']);
    await change('reset', [{ key: 'rack', value: 'b' }]);
    assert.deepEqual(await pairs(), ['rack=b']);
    assert.equal((await change('create', [{ key: 'CCE-x', value: '' }])).status, 400);
    const all = (await w.call('GET', `${w.v1}/nodes/tags?pool=${id}`)).body.tags;
    assert.deepEqual(all, [{ key: 'rack', values: ['b'] }]);
    // They are not the pool's.
    assert.deepEqual((await w.call('GET', `${w.v1}/pools/${id}/tags`)).body.tags, []);
    assert.deepEqual((await w.call('GET', `${w.v1}/pools/tags`)).body.tags, []);
    assert.equal((await w.call('GET', `${w.v1}/nodes/none/tags`)).status, 404);
    await w.as(await w.world.tenant('rival-nodes'));
    assert.notEqual((await w.call('GET', path)).status, 200);
    await w.as(w.world.root);
  });

  it('what makes no sense on one machine is refused with the reason', async () => {
    const refused = await w.call('POST', `${w.v2}/pools/${id}/nodepools`, {});
    assert.deepEqual([refused.status, refused.body.error_code], [400, 'ModelArts.50004000'], refused.text);
    assert.match(refused.text, /no node pools/);
    assert.match((await batch('batch-migrate', {})).text, /not moved/);
    assert.equal((await w.call('GET', `${w.v2}/pools/${id}/plugins/volcano`)).status, 404);
    assert.deepEqual((await w.call('GET', `${w.v2}/pools/${id}/plugins`)).body.items, []);
    assert.match(
      (await w.call('POST', `/v3/${w.world.root.projectId}/keypairs/private-key/export`, {})).text,
      /not kept/,
    );
  });
});
