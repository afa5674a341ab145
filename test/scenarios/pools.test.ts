import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Answer, createWorld, type World } from '../world.ts';
import { createTeam, jobBody, type Team } from './team.ts';
import {
  makePool,
  modelBody,
  networkBody,
  notebookBody,
  poolBody,
  publish,
  serviceBody,
  uploadThings,
} from './things.ts';

/** What happens between pools and what runs in them, when something is lacking or taken away. */

const GIB = 1024 ** 3;
const ONE = 'modelarts.vm.cpu.1u';
const TWO = 'modelarts.vm.cpu.2u';

interface Item {
  uid: string;
  name: string;
  jobName: string;
  type: string;
  status: string;
  pendingPosition: number;
  nodes: { name: string }[];
}

describe('a dedicated pool and what runs in it', () => {
  let world: World;
  let team: Team;
  let pool: string;
  let network: string;
  const ids = { job: '', notebook: '', service: '' };

  before(async () => {
    world = await createWorld({ work: true, capacity: { vcpus: 8, memoryBytes: 32 * GIB, gpus: 0 } });
    team = await createTeam(world);
    await uploadThings(world, team, 'lab-data');
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    ({ id: pool, network } = await makePool(world, team, team.root, 'lab-pool', { flavor: TWO, count: 2 }));
  });
  after(() => world?.remove());

  const call = (method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Answer> =>
    team.root.call(method, path, body, headers ? { headers } : undefined);
  const show = async (kind: keyof typeof ids, id = ids[kind]) => {
    const paths = { job: `${team.v2}/training-jobs`, notebook: `${team.v1}/notebooks`, service: `${team.v1}/services` };
    return (await call('GET', `${paths[kind]}/${id}`)).body;
  };
  const phase = (id: string, wanted: string) =>
    world.until(async () => (await show('job', id)).status.phase === wanted);
  const notebookIs = (wanted: string) => world.until(async () => (await show('notebook')).status === wanted);
  const workloads = async (query = ''): Promise<Item[]> =>
    (await call('GET', `${team.v2}/pools/${pool}/workloads${query}`)).body.items;
  const containers = () => [...world.engine.containers.values()].filter(each => each.state === 'running');

  async function submit(name: string, flavor: string, tasks = 1): Promise<string> {
    const body = jobBody(name, 'lab-data') as { spec: { resource: object } };
    body.spec.resource = { flavor_id: flavor, node_count: tasks, pool_id: pool };
    const answer = await call('POST', `${team.v2}/training-jobs`, body);
    assert.equal(answer.status, 201, answer.text);
    return answer.body.metadata.id;
  }

  function refused(answer: Answer, status: number, code: string, message: RegExp): void {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error_code, `ModelArts.${code}`, answer.text);
    assert.match(answer.body.error_msg, message);
  }

  it('refuses what it could never run, each family in its own code', async () => {
    const body = jobBody('too-large', 'lab-data') as { spec: { resource: object } };
    body.spec.resource = { flavor_id: ONE, node_count: 5, pool_id: pool };
    refused(await call('POST', `${team.v2}/training-jobs`, body), 400, '2763', /5/);
    const large = notebookBody('too-large', { flavor: 'modelarts.vm.cpu.4u', pool_id: pool });
    refused(await call('POST', `${team.v1}/notebooks`, large), 400, '6360', /lab-pool.*4 vCPUs/);
    const nowhere = notebookBody('nowhere', { pool_id: 'none' });
    refused(await call('POST', `${team.v1}/notebooks`, nowhere), 400, '6336', /"none"/);
  });

  it('refuses sizes that are not there, each family in its own code', async () => {
    const none = 'modelarts.vm.cpu.3u';
    for (const pool_id of [undefined, pool]) {
      const body = jobBody('no-size', 'lab-data') as { spec: { resource: object } };
      body.spec.resource = { flavor_id: none, node_count: 1, ...(pool_id ? { pool_id } : {}) };
      refused(await call('POST', `${team.v2}/training-jobs`, body), 400, '2781', /3u/);
      const notebook = notebookBody('no-size', { flavor: none, ...(pool_id ? { pool_id } : {}) });
      refused(await call('POST', `${team.v1}/notebooks`, notebook), 400, '6323', /3u/);
    }
    const model = await publish(world, team, team.root, modelBody('sized', 'lab-data'));
    const service = serviceBody('no-size', model);
    service.config[0]!.specification = none;
    refused(await call('POST', `${team.v1}/services`, service), 400, '3976', /3u/);
    const more = poolBody('no-size', network, { flavor: none, count: 1 });
    refused(await call('POST', `${team.v2}/pools`, more), 404, '50005101', /3u/);
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    const scaled = { spec: { resources: [{ flavor: none, count: 2 }] } };
    refused(await call('PATCH', `${team.v2}/pools/${pool}`, scaled, merge), 404, '50005101', /3u/);
    const [node] = (await call('GET', `${team.v2}/pools/${pool}/nodes`)).body.items;
    const resize = {
      nodes: [{ deleteNodeNames: [node.metadata.name] }],
      source: { flavor: TWO },
      target: { flavor: none },
    };
    refused(await call('POST', `${team.v2}/pools/${pool}/nodes/batch-resize`, resize), 404, '50005101', /3u/);
    assert.equal((await call('GET', `${team.v2}/pools/${pool}`)).body.spec.resources[0].count, 2);
  });

  it('never gives away more than the machine has, and keeps a network that is in use', async () => {
    const net = (await call('POST', `${team.v1}/networks`, networkBody('net-more', '192.168.21.0/24'))).body.metadata
      .name;
    const more = poolBody('more-pool', net, { flavor: ONE, count: 5 });
    refused(await call('POST', `${team.v2}/pools`, more), 400, '50004000', /5 vCPUs of 4 vCPUs/);
    const answer = await call('DELETE', `${team.v1}/networks/${network}`);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.body.error_msg, /used by the pool lab-pool/);
  });

  it('tells a job that waits where it stands, what is lacking and the largest free block, wherever it is seen', async () => {
    ids.job = await submit('spread', ONE, 2);
    await phase(ids.job, 'Running');
    const waiting = await submit('waits', TWO);
    const behind = await submit('behind', TWO);
    const reason =
      /Head of the queue, waiting for 2 vCPUs on one node: largest free block 1 .* 2 free in all; held by spread/;
    await world.until(async () => (await show('job', behind)).status.queue?.position === 1);
    const shown = (await show('job', waiting)).status;
    assert.deepEqual([shown.phase, shown.queue.position, shown.queue.reason_code], ['Pending', 0, 'Fragmented']);
    assert.match(shown.queue.reason, reason);
    const second = (await show('job', behind)).status.queue;
    assert.deepEqual([second.position, second.reason_code], [1, 'BehindOthers']);
    assert.match(second.reason, /1 workload ahead in the queue; the first, waits, /);
    const listed = (await call('POST', `${team.v2}/training-job-searches`, {})).body.items.find(
      (job: { metadata: { id: string } }) => job.metadata.id === waiting,
    );
    assert.deepEqual([listed.status.queue.position, listed.status.queue.reason_code], [0, 'Fragmented']);
    assert.match(listed.status.queue.reason, reason);
    await world.until(async () => {
      const { events } = (await call('GET', `${team.v2}/training-jobs/${waiting}/events`)).body;
      return events.some((event: { message: string }) => reason.test(event.message));
    });
    const queued = (await workloads('?status=Queue')).sort((a, b) => a.pendingPosition - b.pendingPosition);
    assert.deepEqual(
      queued.map(({ jobName, pendingPosition }) => [jobName, pendingPosition]),
      [
        ['waits', 0],
        ['behind', 1],
      ],
    );
    for (const id of [waiting, behind]) await call('DELETE', `${team.v2}/training-jobs/${id}`);
  });

  it('runs jobs, notebooks and services beside each other, and does not shrink below them', async () => {
    const made = await call('POST', `${team.v1}/notebooks`, notebookBody('desk', { pool_id: pool }));
    assert.equal(made.status, 200, made.text);
    ids.notebook = made.body.id;
    const model = await publish(world, team, team.root, modelBody('m', 'lab-data'));
    const service = { ...serviceBody('answers', model), pool_name: pool };
    const deployed = await call('POST', `${team.v1}/services`, service);
    assert.equal(deployed.status, 200, deployed.text);
    ids.service = deployed.body.service_id;
    await notebookIs('RUNNING');
    await world.until(async () => (await show('service')).status === 'running');
    assert.equal((await show('job')).status.phase, 'Running');
    assert.deepEqual((await workloads('?status=Running')).map(({ type }) => type).sort(), [
      'infer',
      'notebook',
      'train',
    ]);
    const networks = new Set(containers().map(each => each.spec.network));
    assert.equal(networks.size, 1, [...networks].join());
    assert.match([...networks][0]!, /-net-/);

    const full = await submit('full', ONE);
    await world.until(async () => (await show('job', full)).status.queue !== undefined);
    const { queue } = (await show('job', full)).status;
    assert.match(queue.reason_code, /^Insufficient/);
    assert.match(queue.reason, /1 vCPUs \(0 free\); held by .*desk/);
    await call('DELETE', `${team.v2}/training-jobs/${full}`);
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    const smaller = { spec: { resources: [{ flavor: TWO, count: 1 }] } };
    refused(await call('PATCH', `${team.v2}/pools/${pool}`, smaller, merge), 400, '50004000', /these run there/);
    assert.equal(containers().length, 4);
  });

  it('a drained node sends its job back to the queue and stops its notebook, and both say why', async () => {
    const desk = (await workloads('?status=Running')).find(({ type }) => type === 'notebook')!;
    const node = desk.nodes[0]!.name;
    const batch = (what: string) => call('POST', `${team.v2}/pools/${pool}/nodes/batch-${what}`, { nodeNames: [node] });
    await batch('drain');
    await notebookIs('STOPPED');
    const why = new RegExp(`The node ${node} of the pool lab-pool is drained. The instance is stopped; its files`);
    assert.match((await show('notebook')).fail_reason, why);
    const events = (await call('GET', `${team.v1}/notebooks/${ids.notebook}/events`)).body;
    assert.match(JSON.stringify(events), why);
    await world.until(async () => (await show('job')).status.queue !== undefined);
    const { running_records, queue } = (await show('job')).status;
    assert.match(running_records[0].end_reason, new RegExp(`The node ${node} .* is drained`));
    // The other node could hold both tasks, were it not for the service.
    assert.match(queue.reason, new RegExp(`not available: ${node} takes no tasks: .*drained.*; held by answers`));
    await world.until(async () => (await show('service')).status === 'running');
    await batch('return');
    await phase(ids.job, 'Running');
    assert.equal((await call('POST', `${team.v1}/notebooks/${ids.notebook}/start`)).status, 200);
    await notebookIs('RUNNING');
    assert.equal((await show('notebook')).fail_reason, undefined);
  });

  it('a deleted pool ends its job, notebook and service for good, with the reason; files stay and can move', async () => {
    const waiting = await submit('waits-too', TWO);
    await world.until(async () => (await show('job', waiting)).status.queue?.position === 0);
    assert.equal((await call('DELETE', `${team.v2}/pools/${pool}`)).status, 200);
    await world.until(async () => (await call('GET', `${team.v2}/pools/${pool}`)).status === 404);
    for (const id of [ids.job, waiting]) {
      await phase(id, 'Terminated');
      assert.match((await show('job', id)).status.message, /The pool lab-pool is deleted/);
    }
    const notebook = await show('notebook');
    assert.equal(notebook.status, 'STOPPED');
    assert.match(notebook.fail_reason, /The pool lab-pool is deleted. The instance is stopped; its files .* stay/);
    await world.until(async () => (await show('service')).status === 'stopped');
    const { events } = (await call('GET', `${team.v1}/services/${ids.service}/events`)).body;
    assert.match(JSON.stringify(events), /The pool lab-pool is deleted. The service is stopped/);
    assert.equal(containers().length, 0);
    assert.equal((await call('DELETE', `${team.v1}/networks/${network}`)).status, 200);

    const path = `${team.v1}/notebooks/${ids.notebook}`;
    refused(await call('POST', `${path}/start`), 400, '6336', /There is no pool "lab-pool/);
    refused(await call('PUT', path, { pool_id: '' }), 400, '6336', /another dedicated pool alone/);
    const next = await makePool(world, team, team.root, 'next-pool', { flavor: TWO, count: 1 }, '192.168.22.0/24');
    const moved = await call('PUT', path, { pool_id: next.id });
    assert.equal(moved.status, 200, moved.text);
    assert.deepEqual(moved.body.pool, { id: next.id, name: 'next-pool' });
    assert.equal((await call('POST', `${path}/start`)).status, 200);
    await notebookIs('RUNNING');
    const loose = await call('POST', `${team.v1}/notebooks`, notebookBody('loose'));
    const into = { pool_id: next.id };
    await call('POST', `${team.v1}/notebooks/${loose.body.id}/stop`);
    await world.until(async () => (await show('notebook', loose.body.id)).status === 'STOPPED');
    refused(await call('PUT', `${team.v1}/notebooks/${loose.body.id}`, into), 400, '6336', /stays there/);
  });
});
