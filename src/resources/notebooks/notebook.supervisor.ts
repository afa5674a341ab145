import { errorText } from '../../kernel/failure.ts';
import { accountNetworkName } from '../../kernel/names.ts';
import { every } from '../../loop/every.ts';
import type { Next } from '../../loop/reconciler.ts';
import { EngineRefused, EngineUnavailable, type Observation } from '../../runtime/driver.ts';
import { writeCredentials, writeOwned, writeReady } from '../workload-access/index.ts';
import { layerWatch, storageWatch } from './notebook.disk.ts';
import { webConfigs } from './notebook.launcher.ts';
import { servesWeb } from './notebook.model.ts';
import type { Pass } from './notebook.pass.ts';
import { WEB_PORT } from './notebook.paths.ts';
import { stopsAt, warningBefore } from './notebook.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const GIB = 1024 ** 3;

/** Makes sure of the network of the instance's pool, or of its account, and returns its name. */
export async function notebookNetwork({ deps, notebook }: Pass): Promise<string> {
  if (notebook.spec.pool) {
    const network = await deps.pools?.networkOf(notebook.spec.pool.id);
    if (!network) throw new EngineRefused('the network', `the pool ${notebook.spec.pool.name} does not exist any more`);
    return network;
  }
  const name = accountNetworkName(deps.installation, notebook.accountId);
  const labels = { 'atelier.installation': deps.installation, 'atelier.kind': 'account-network' };
  await deps.driver.ensureNetwork({ name, labels, internal: true });
  return name;
}

/**
 * Opens the platform to the instance's network and tells the waiting launcher where it is and with which credentials. Safe to
 * repeat: a container that already went on keeps what it read. Returns the access key in use.
 */
export async function openPlatform(pass: Pass, address: string | undefined): Promise<string> {
  const { deps, host, notebook } = pass;
  const name = await notebookNetwork(pass);
  const network = await deps.driver.ensureNetwork({ name, labels: {}, internal: true });
  const { api, obs } = await deps.platform.ensureReachable(network.gateway);
  const credential = await pass.sessions.of(notebook);
  await writeCredentials(host.platform, credential);
  for (const [name, text] of Object.entries(webConfigs(notebook.id, pass.secrets.jupyter(notebook)))) {
    await writeOwned(host.platform, name, text);
  }
  const at = { api, obs, region: deps.region, credential };
  await writeReady(host.platform, at, { MA_CURRENT_IP: address ?? '' });
  return credential.access;
}

/**
 * Watches a running instance until its container ends or the pass is cut short: renews its credentials, lets its storage grow, tells
 * of want of memory and disk, and stops it when its time is over.
 */
export async function supervise(pass: Pass, observed: Observation): Promise<Next | undefined> {
  const { deps, settings, container, notebook } = pass;
  let access = '';
  try {
    access = await openPlatform(pass, observed.address);
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    await pass.tell(
      'Warning',
      `The credentials of the instance could not be renewed: ${errorText(error)}`,
      errorText(error),
    );
  }
  await growStorage(pass);
  const ending = new AbortController();
  const signal = AbortSignal.any([pass.signal, ending.signal]);
  const storage = storageWatch(pass);
  const layer = layerWatch(pass);
  let activeAt = notebook.activeAt;
  const background = [
    every(Math.min((settings.credentialSeconds * 1000) / 8, MINUTE_MS), signal, async () => {
      access = await renew(pass, access);
    }),
    every(settings.memoryMs, signal, () => watchMemory(pass)),
    every(settings.diskMs, signal, storage),
    every(settings.diskMs, signal, async () => {
      if (await layer()) ending.abort();
    }),
    every(settings.probeMs, signal, async () => {
      const at = servesWeb(notebook.spec.image) ? observed.endpoints[WEB_PORT] : undefined;
      const found = at && (await pass.probe(notebook, at, pass.secrets.jupyter(notebook), signal));
      const now = deps.clock.now();
      const latest = Math.max(found?.busy ? now : (found?.activeAt ?? 0), pass.activity.last(notebook.id));
      if (latest <= activeAt) return;
      activeAt = latest;
      await pass.store.setActive(notebook.id, latest);
    }),
    every(settings.pollMs, signal, async () => {
      if (await stopWhenDue(pass, Math.max(activeAt, pass.activity.last(notebook.id)))) ending.abort();
    }),
  ];
  const failed = new Promise<never>((_, reject) => {
    for (const task of background) task.catch(reject);
  });
  try {
    await Promise.race([deps.driver.wait(container, signal), failed]);
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  } finally {
    ending.abort();
    await Promise.allSettled(background);
  }
  return undefined;
}

async function growStorage(pass: Pass): Promise<void> {
  const { notebook, deps, store } = pass;
  if (notebook.volumeMadeBytes >= notebook.volumeBytes) return;
  await deps.volumes.grow(notebook.id, notebook.volumeBytes);
  await store.setVolumeMade(notebook.id, notebook.volumeBytes);
  await pass.tell('Info', `Storage has grown to ${notebook.volumeBytes / GIB} GB.`, `grown ${notebook.volumeBytes}`);
}

async function renew(pass: Pass, held: string): Promise<string> {
  try {
    const credential = await pass.sessions.of(pass.notebook);
    if (credential.access !== held) await writeCredentials(pass.host.platform, credential);
    return credential.access;
  } catch (error) {
    const text = `The credentials of the instance could not be renewed: ${errorText(error)}`;
    await pass.tell('Warning', text, text);
    return held;
  }
}

/** Tells of each process that the kernel killed for want of memory; the instance stays up. */
async function watchMemory(pass: Pass): Promise<void> {
  const { deps, notebook } = pass;
  let kills: number | undefined;
  try {
    kills = (await deps.driver.stats(pass.container))?.oomKills;
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    // It may have ended between two looks; what follows is for whoever waits for its end.
    deps.log.debug({ err: error, notebook: notebook.id }, 'no sample of a notebook');
  }
  if (!kills) return;
  const limit = `${Math.round((notebook.spec.flavor.memoryBytes / GIB) * 10) / 10} GiB`;
  const text = `A process was killed: out of memory (limit ${limit}). The instance stays up; a kernel that was killed starts anew, without its variables. Use less memory, or stop the instance and choose a larger flavor.`;
  await pass.tell('Warning', text, `out of memory ${kills}`);
}

/** Warns before the end, and asks the instance to stop when it has come. */
async function stopWhenDue(pass: Pass, activeAt: number): Promise<boolean> {
  const { notebook, deps, store } = pass;
  const { stopRule: rule } = notebook;
  const now = deps.clock.now();
  const end = stopsAt(rule, activeAt);
  const idle = rule.type === 'idle' ? ', as nobody works in it' : '';
  if (now >= end - warningBefore(rule)) {
    await pass.tell(
      'Warning',
      `The instance stops by itself at ${new Date(end).toISOString()}${idle}. Renew it to go on; files under /home/ma-user/work stay.`,
      `warned ${end}`,
    );
  }
  if (now < end || notebook.snapshot !== null) return false;
  const outcome = await store.desire(notebook.id, 'stop', status => status === 'RUNNING', now);
  if (!outcome?.changed) return false;
  const hours = Math.round((rule.duration / HOUR_MS) * 100) / 100;
  const why = rule.type === 'idle' ? `nobody worked in it for ${hours} h` : `its ${hours} h are over`;
  await pass.tell('Info', `The instance is stopped automatically: ${why}.`, 'stopped by itself');
  return true;
}
