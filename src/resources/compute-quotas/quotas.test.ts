import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWorld, OPERATOR_KEY, type World } from '../../../test/world.ts';

const FLAVOR = 'modelarts.vm.cpu.1u';

/** What the limits of account, workspace and user do to jobs that ask for one vCPU each. */
describe('compute quotas', () => {
  let world: World;
  let token: string;
  let v1: string;
  let v2: string;
  let number = 0;
  before(async () => {
    world = await createWorld({ work: true, capacity: { vcpus: 8, memoryBytes: 32 * 1024 ** 3, gpus: 0 } });
    world.engine.addImage('registry.example/any:1');
    token = await world.login(world.root);
    v1 = `/v1/${world.root.projectId}`;
    v2 = `/v2/${world.root.projectId}`;
    const agency = (await send('POST', `${v2}/agency`, {})).body.agency_name;
    await send('POST', `${v2}/authorizations`, { user_id: 'all', type: 'agency', content: agency });
    await send('PUT', `${v1}/compute-quotas`, { user_id: world.root.userId });
  });
  after(() => world.remove());

  const send = (method: string, path: string, body?: unknown) => world.send(method, path, { token, body });
  const operator = (method: string, body?: unknown) =>
    world.send(method, `/v3/domains/${world.root.accountId}/compute-quota`, {
      body,
      headers: { 'x-operator-key': OPERATOR_KEY },
    });

  async function submit(workspace = '0'): Promise<string> {
    const { status, text, body } = await send('POST', `${v2}/training-jobs`, {
      kind: 'job',
      metadata: { name: `job-${++number}`, workspace_id: workspace },
      algorithm: { command: 'sleep 1000', engine: { image_url: 'registry.example/any:1' } },
      spec: { resource: { flavor_id: FLAVOR, node_count: 1 } },
    });
    assert.equal(status, 201, text);
    return body.metadata.id;
  }
  const show = async (id: string) => (await send('GET', `${v2}/training-jobs/${id}`)).body.status;
  const stop = (id: string) => send('POST', `${v2}/training-jobs/${id}/actions`, { action_type: 'terminate' });
  const admitted = (id: string) => world.until(async () => (await show(id)).queue === undefined);

  it('a job over the quota waits, is told of which level, and starts when there is room', async () => {
    const set = await send('PUT', `${v1}/compute-quotas`, { user_id: world.root.userId, workloads: 1 });
    assert.deepEqual(set.body.limits, { vcpus: null, memory_gib: null, gpus: null, workloads: 1 });
    const first = await submit();
    await admitted(first);
    const second = await submit();
    await world.until(async () => (await show(second)).queue?.reason_code === 'QuotaExceeded');
    assert.match((await show(second)).queue.reason, /quota of the user is 1 workloads at a time, 1 run/);
    const { used } = (await send('GET', `${v1}/compute-quotas?user_id=${world.root.userId}`)).body;
    assert.deepEqual(used, { vcpus: 1, memory_gib: 2, gpus: 0, workloads: 1 });
    await stop(first);
    await admitted(second);
    await stop(second);
    await send('PUT', `${v1}/compute-quotas`, { user_id: world.root.userId });
  });

  it('the operator limits the account, a workspace is limited by its account; lifting lets go on', async () => {
    assert.equal((await operator('PUT', { vcpus: 1 })).status, 200);
    const first = await submit();
    await admitted(first);
    const second = await submit();
    await world.until(async () => (await show(second)).queue?.reason_code === 'QuotaExceeded');
    assert.match((await show(second)).queue.reason, /quota of the account is 1 vCPUs/);
    assert.equal((await operator('PUT', {})).body.limits.vcpus, null);
    await admitted(second);

    const room = (await send('POST', `${v1}/workspaces`, { name: 'narrow' })).body.id;
    await send('PUT', `${v1}/compute-quotas`, { workspace_id: room, memory_gib: 1 });
    const third = await submit(room);
    await world.until(async () => (await show(third)).queue?.reason_code === 'QuotaExceeded');
    assert.match((await show(third)).queue.reason, /quota of the workspace is 1 GiB of memory/);
    // The workspace's own quotas are the same limits under other names.
    const quotas = `${v1}/workspaces/${room}/quotas`;
    const of = async (resource: string) =>
      (await send('GET', quotas)).body.quotas.find((each: { resource: string }) => each.resource === resource);
    assert.deepEqual([(await of('compute.memory')).quota, (await of('compute.memory')).used_quota], [1, 0]);
    const put = (resource: string, quota: number) => send('PUT', quotas, { quotas: [{ resource, quota }] });
    assert.equal((await put('compute.memory', -1)).status, 200);
    await admitted(third);
    assert.equal((await put('compute.vcpus', 1)).body.quotas[0].quota, 1);
    assert.equal((await of('compute.vcpus')).used_quota, 1);
    assert.ok((await of('compute.vcpus')).update_time > 0);
    const fourth = await submit(room);
    await world.until(async () => (await show(fourth)).queue?.reason_code === 'QuotaExceeded');
    assert.match((await show(fourth)).queue.reason, /quota of the workspace is 1 vCPUs, 1 in use/);
    const shown = (await send('GET', `${v1}/compute-quotas?workspace_id=${room}`)).body;
    assert.deepEqual(shown.limits, { vcpus: 1, memory_gib: null, gpus: null, workloads: null });
    for (const id of [first, second, third, fourth]) await stop(id);
    // A workspace that is gone leaves no limit behind.
    await send('DELETE', `${v1}/workspaces/${room}`);
    await world.until(async () => (await send('GET', quotas)).status === 400);
    const scope = { accountId: world.root.accountId, workspace: { projectId: world.root.projectId, id: room } };
    assert.deepEqual((await world.families.admission.quota(scope)).limits, {});
  });

  it('what makes no sense is refused by name', async () => {
    const cases: [body: unknown, message: RegExp][] = [
      [{ vcpus: 1 }, /\[workspace_id\] or \[user_id\] is required/],
      [{ user_id: 'somebody', vcpus: 1 }, /\[user_id\]: the account has no user somebody/],
      [{ user_id: world.root.userId, vcpus: -1 }, /vcpus/],
      [{ user_id: world.root.userId, workloads: 1.5 }, /workloads/],
    ];
    for (const [body, message] of cases) {
      const answer = await send('PUT', `${v1}/compute-quotas`, body);
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.text, message);
    }
    const other = await world.tenant('others');
    const theirs = await send('PUT', `${v1}/compute-quotas`, { user_id: other.userId, vcpus: 1 });
    assert.match(theirs.text, /has no user/);
    const own = await world.send('PUT', `/v3/domains/${world.root.accountId}/compute-quota`, {
      token,
      body: { vcpus: 9 },
    });
    assert.equal(own.status, 403);
    const nobody = await world.send('GET', '/v3/domains/0123/compute-quota', {
      headers: { 'x-operator-key': OPERATOR_KEY },
    });
    assert.equal(nobody.status, 404);
  });
});
