import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { homePaths } from '../../src/app/home.ts';
import { isFinal } from '../../src/client/platform.ts';
import { accountNetworkName } from '../../src/kernel/names.ts';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { withDriver } from './containers.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, submitScript } from './jobs.ts';
import { makePool } from './pools.ts';

/** Pools and admission while the whole server is killed at random moments under clients that go on asking. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const KILLS = 7;
const VCPUS = 6;
let at: Installation;
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

before(async () => {
  at = await createInstallation({ ATELIER_VCPUS: String(VCPUS), ATELIER_MEMORY_GIB: '12' });
  await presetImageReady(at);
  await authorize(at);
});
after(() => at?.remove());

async function ask(method: string, path: string, body?: object): Promise<Json> {
  const answer = await at.session.request(method, path.replace('{p}', at.profile.projectId), { body });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'));
}

it('what was acknowledged is there, nothing is admitted beyond what there is, and nothing is left over', async () => {
  const pool = await makePool(at, { name: 'crash-pool', count: 2, cidr: '192.168.237.0/24' });
  const nodesWanted = new Set([2]);
  const jobs: string[] = [];
  const notebooks: string[] = [];
  const deleted = new Set<string>();
  let going = true;
  let unsure = 0;
  /** Asks again and again until the kills are over; what is not answered may have happened or not. */
  async function client(step: (round: number) => Promise<void>) {
    for (let round = 0; going; round++) {
      await step(round).catch(() => {
        unsure++;
      });
      await sleep(200 + Math.random() * 500);
    }
  }
  const submit = async (round: number) => {
    const job = await submitScript(at, {
      name: `crash-${Date.now()}-${round}`,
      bucket: 'crash-pools',
      script: 'import time; time.sleep(1.5)',
      spec: { resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 1, ...(round % 2 ? { pool_id: pool } : {}) } },
    });
    jobs.push(job.metadata.id);
  };
  const clients = [
    client(submit),
    client(async () => {
      const id = jobs[Math.floor(Math.random() * jobs.length)];
      if (!id || deleted.has(id)) return;
      // From here on it may be gone, answered or not.
      deleted.add(id);
      await ask('DELETE', `/v2/{p}/training-jobs/${id}`);
    }),
    client(async round => {
      if (round % 4 > 0 || notebooks.length > 2) return;
      const made = await ask('POST', '/v1/{p}/notebooks', {
        name: `crash-${round}`,
        image_id: NOTEBOOK_IMAGE_ID,
        flavor: 'modelarts.vm.cpu.1u',
        volume: { category: 'EVS' },
      });
      notebooks.push(made.id);
    }),
    client(async () => {
      const count = 1 + Math.floor(Math.random() * 3);
      // From here on it may be so many, answered or not.
      nodesWanted.add(count);
      await ask('PATCH', `/v2/{p}/pools/${pool}`, { spec: { resources: [{ flavor: 'modelarts.vm.cpu.1u', count }] } });
      nodesWanted.clear();
      nodesWanted.add(count);
    }),
  ];

  /** The containers of both kinds, by the engine's word. */
  const containers = () =>
    withDriver(at, async (driver, id) => {
      const kinds = ['training-job', 'notebook'].map(kind => ({ 'atelier.installation': id, 'atelier.kind': kind }));
      const found = await Promise.all(kinds.map(labels => driver.list(labels)));
      return found.flat();
    });

  /** What runs is never more than there is, by the engine's word as by the platform's. */
  async function check() {
    const [found, metrics, admitted] = await Promise.all([
      containers(),
      ask('GET', '/v2/{p}/metrics/runtime/pools'),
      ask('GET', `/v2/{p}/pools/${pool}/workloads?status=Running`),
    ]);
    const names = found.filter(({ state }) => state === 'running').map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.length <= VCPUS, `${names.length} containers of one vCPU each on ${VCPUS}`);
    for (const { table } of metrics.items) {
      const [used, there] = [table.allocated, table.capacity].map(each => Number.parseInt(each.value.cpu, 10));
      assert.ok(used! <= there!, `${used} of ${there} are allocated`);
    }
    const ids = (admitted.items as Json[]).map(each => each.uid);
    assert.equal(new Set(ids).size, ids.length, 'nothing is admitted twice');
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const made = jobs.length;
    await sleep(300 + Math.random() * 1_500);
    // At least one is acknowledged between two kills, also where all is slow.
    for (const end = Date.now() + 60_000; jobs.length === made && Date.now() < end; ) await sleep(20);
    await at.kill();
    await at.start();
    await check();
  }
  going = false;
  await Promise.all(clients);
  await check();
  assert.ok(jobs.length >= KILLS, `only ${jobs.length} jobs were made`);

  const there = new Set(
    ((await ask('POST', '/v2/{p}/training-job-searches', { limit: 50 })).items as Json[]).map(each => each.metadata.id),
  );
  for (const id of jobs.filter(each => !deleted.has(each)).slice(-20)) {
    assert.ok(there.has(id) || (await at.client.job(id)).metadata.id === id, `job ${id} was acknowledged`);
  }
  for (const id of notebooks) assert.equal((await ask('GET', `/v1/{p}/notebooks/${id}`)).id, id);
  const [{ count }] = (await ask('GET', `/v2/{p}/pools/${pool}`)).spec.resources;
  assert.ok(nodesWanted.has(count), `the pool shall have ${count} nodes, asked for were ${[...nodesWanted]}`);

  // All ends, and nothing is left over.
  for (const { id } of (await ask('GET', '/v1/{p}/notebooks?limit=50')).data)
    await ask('DELETE', `/v1/{p}/notebooks/${id}`);
  for (const id of jobs.filter(each => !deleted.has(each))) {
    await at.client.until(
      () => at.client.job(id),
      job => isFinal(job.status.phase),
      120_000,
      `job ${id}`,
    );
  }
  await ask('DELETE', `/v2/{p}/pools/${pool}`);
  await at.client.until(
    async () => (await ask('GET', '/v2/{p}/pools')).items.length as number,
    left => left === 0,
    60_000,
    'deleting the pool',
  );
  await at.client.until(
    async () => (await containers()).length,
    left => left === 0,
    60_000,
    'removing the containers',
  );
  await at.client.until(
    async () => (await ask('GET', '/v1/{p}/notebooks?limit=50')).data.length as number,
    left => left === 0,
    60_000,
    'deleting the notebooks',
  );

  // Nor a network but that of the account, nor storage, mounted or not.
  for (const { metadata } of (await ask('GET', '/v1/{p}/networks')).items as Json[])
    await ask('DELETE', `/v1/{p}/networks/${metadata.name}`);
  const networks = () => withDriver(at, (driver, id) => driver.listNetworks({ 'atelier.installation': id }));
  const account = accountNetworkName(await withDriver(at, async (_, id) => id), at.accountId);
  await at.client.until(networks, left => left.every(name => name === account), 60_000, 'removing the networks');
  const paths = homePaths(at.home);
  const inUse = () =>
    [
      ...readFileSync('/proc/self/mountinfo', 'utf8').split('\n'),
      ...execFileSync('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'], { encoding: 'utf8' }).split('\n'),
    ].filter(line => line.includes(at.home));
  const left = () => [...readdirSync(paths.notebooks), ...inUse()];
  for (const end = Date.now() + 60_000; left().length > 0 && Date.now() < end; ) await sleep(200);
  assert.deepEqual(left(), []);
  console.log(
    `${jobs.length} jobs, ${notebooks.length} notebooks, ${unsure} calls refused or without an answer, ${KILLS} kills`,
  );
});
