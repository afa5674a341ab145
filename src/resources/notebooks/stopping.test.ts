import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type World } from '../../../test/world.ts';
import { NOTEBOOK_IMAGE_ID } from '../images/image.api.ts';

/** How instances end by themselves, and what becomes of them when their containers are gone. By a clock that the test sets. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const HOUR = 3_600_000;
const MINUTE = 60_000;
/** What the clock is ahead of the real one: loops and leases need one that goes. */
let ahead = 0;
/** What the web IDE says of its kernels. */
let jupyter = { activeAt: 0, busy: false };
let probes = 0;
let world: World;
let token: string;
let base: string;

before(async () => {
  world = await createWorld({
    work: true,
    clock: { now: () => Date.now() + ahead },
    notebooks: {
      probe: async () => {
        probes++;
        return jupyter;
      },
      settings: { pollMs: 20, probeMs: 20, flushMs: 300 },
    },
  });
  base = `/v1/${world.root.projectId}/notebooks`;
  token = await world.login(world.root);
  const bound = await world.send('POST', `/v2/${world.root.projectId}/agency`, { token, body: {} });
  await world.send('POST', `/v2/${world.root.projectId}/authorizations`, {
    token,
    body: { user_id: 'all', type: 'agency', content: bound.body.agency_name },
  });
});
after(() => world?.remove());

async function ask(method: string, path: string, body?: object): Promise<Json> {
  return (await world.send(method, base + path, { token, ...(body ? { body } : {}) })).body;
}
async function reached(id: string, status: string): Promise<Json> {
  let shown: Json;
  await world.until(async () => {
    shown = await ask('GET', `/${id}`);
    return shown.status === status;
  });
  return shown;
}
async function running(name: string, lease: object): Promise<Json> {
  const { id } = await ask('POST', '', {
    name,
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    lease,
  });
  return reached(id, 'RUNNING');
}
const texts = async (id: string): Promise<string[]> =>
  (await ask('GET', `/${id}/events`)).events.map((event: Json) => event.message);
const told = (id: string, pattern: RegExp) =>
  world.until(async () => (await texts(id)).some(text => pattern.test(text)));
/** Time enough for several looks at an instance. */
async function looks(): Promise<void> {
  const enough = probes + 3;
  await world.until(() => probes >= enough);
  await new Promise(resolve => setTimeout(resolve, 300));
}
/** Moves the clock on; tokens end with the hours. */
async function later(ms: number): Promise<void> {
  ahead += ms;
  token = await world.login(world.root);
}
async function gone(id: string): Promise<void> {
  await ask('DELETE', `/${id}`);
  await world.until(async () => (await ask('GET', `/${id}`)).error_code === 'ModelArts.6309');
}

test('a lease ends the instance after a warning, and a renewal puts the end off', async () => {
  const { id } = await running('leased', { type: 'timing', duration: HOUR });
  await later(HOUR - 6 * MINUTE);
  await looks();
  assert.ok(!(await texts(id)).some(text => /stops by itself/.test(text)), 'no warning before its time');
  await later(2 * MINUTE);
  await told(id, /^The instance stops by itself at .*Renew it/);
  assert.equal((await ask('GET', `/${id}`)).status, 'RUNNING');
  await ask('PATCH', `/${id}/lease?duration=${2 * HOUR}`);
  await later(30 * MINUTE);
  await looks();
  assert.equal((await ask('GET', `/${id}`)).status, 'RUNNING', 'the renewed lease holds');
  await later(HOUR);
  await reached(id, 'STOPPED');
  await told(id, /stopped automatically: its 2 h are over/);
  assert.equal((await texts(id)).filter(text => /stops by itself/.test(text)).length, 2, 'each end is warned of once');
  await gone(id);
});

test('an idle instance ends; whoever works in it, or computes in it, keeps it', async () => {
  jupyter = { activeAt: 0, busy: false };
  const { id } = await running('idle', { type: 'idle', duration: HOUR });
  // A kernel that computes, though nobody is there.
  jupyter = { activeAt: 0, busy: true };
  await later(50 * MINUTE);
  await looks();
  jupyter = { activeAt: Date.now() + ahead, busy: false };
  await looks();
  await later(50 * MINUTE);
  await looks();
  assert.equal((await ask('GET', `/${id}`)).status, 'RUNNING', 'an hour and more after its start');
  // Somebody used a kernel or a terminal, as Jupyter tells.
  jupyter = { activeAt: Date.now() + ahead, busy: false };
  await looks();
  await later(56 * MINUTE);
  await told(id, /stops by itself at .*, as nobody works in it/);
  assert.equal((await ask('GET', `/${id}`)).status, 'RUNNING');
  await later(5 * MINUTE);
  await reached(id, 'STOPPED');
  await told(id, /stopped automatically: nobody worked in it for 1 h/);
  await gone(id);
});

test('where all containers are gone, as after a reboot, each instance says so, and starts again with its files', async () => {
  const made = [await running('one', { type: 'timing', duration: HOUR })];
  made.push(await running('two', { type: 'timing', duration: HOUR }));
  await world.families.notebooks.reconciler.stop();
  for (const name of [...world.engine.containers.keys()]) world.engine.drop(name);
  await world.families.notebooks.reconciler.start();
  for (const { id } of made) {
    const shown = await reached(id, 'ERROR');
    assert.match(shown.fail_reason, /container is gone/);
    assert.equal(shown.token, undefined);
    // What it held is given back, and it is there to be started.
    await ask('POST', `/${id}/start`);
    await reached(id, 'RUNNING');
  }
  assert.equal((await world.families.admission.list('notebook')).length, 2);
  for (const { id } of made) await gone(id);
  assert.deepEqual(await world.families.admission.list('notebook'), []);
});
