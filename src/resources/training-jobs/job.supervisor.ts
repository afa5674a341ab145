import { open } from 'node:fs/promises';
import { errorText } from '../../kernel/failure.ts';
import { accountNetworkName } from '../../kernel/names.ts';
import { every, pause } from '../../loop/every.ts';
import type { Next } from '../../loop/reconciler.ts';
import { EngineUnavailable, type NetworkSpec, type Observation, type Stats } from '../../runtime/driver.ts';
import { type AgencyCredential, writeCredentials, writeReady } from '../workload-access/index.ts';
import { explainExit } from './job.exit.ts';
import { JobLog } from './job.log-file.ts';
import type { Pass } from './job.pass.ts';
import { uploadOutput } from './job.staging.ts';
import { canTerminate, TASK } from './job.ts';

const FLUSH_MS = 100;
const DRAIN_MS = 3_000;
const TAIL_BYTES = 16 * 1024;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** The network of the job's account. */
export function jobNetwork(pass: Pass): NetworkSpec {
  return {
    name: accountNetworkName(pass.deps.installation, pass.job.accountId),
    labels: { 'atelier.installation': pass.deps.installation, 'atelier.kind': 'account-network' },
    internal: true,
  };
}

/**
 * Opens the platform to the job's network and tells the waiting launcher where it is and with which credentials. Safe to
 * repeat: a container that already went on keeps what it read.
 */
export async function openPlatform(pass: Pass, address: string | undefined): Promise<AgencyCredential> {
  const { deps, host, job } = pass;
  const network = await deps.driver.ensureNetwork(jobNetwork(pass));
  const { api, obs } = await deps.platform.ensureReachable(network.gateway);
  const credential = await pass.sessions.of(job);
  await writeCredentials(host.platform, credential);
  await writeReady(host.platform, { api, obs, region: deps.region, credential }, { MA_CURRENT_IP: address ?? '' });
  return credential;
}

/**
 * Watches a running container until it ends or the pass is cut short: collects its log, samples its use, uploads its outputs,
 * renews its credentials, stops it when its time is over.
 */
export async function supervise(pass: Pass, observed: Observation): Promise<Next | undefined> {
  const { deps, settings, container } = pass;
  let credential = '';
  try {
    credential = (await openPlatform(pass, observed.address)).access;
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    await warn(pass, `The job's credentials could not be renewed: ${errorText(error)}`);
  }
  const ending = new AbortController();
  const signal = AbortSignal.any([pass.signal, ending.signal]);
  const log = await JobLog.open(pass.host.log, settings.logCapBytes);
  let timeOver = false;
  const collecting = collect(pass, log, signal);
  const background = [
    collecting,
    every(FLUSH_MS, signal, () => log.flush()),
    every(settings.sampleMs, signal, () => sample(pass)),
    every(settings.uploadPeriodMs, signal, () => uploadAll(pass, signal)),
    every(Math.min((settings.credentialSeconds * 1000) / 8, MINUTE_MS), signal, async () => {
      credential = await renew(pass, credential);
    }),
    every(settings.pollMs, signal, async () => {
      if (!(await stopWhenDue(pass))) return;
      timeOver = true;
      ending.abort();
    }),
  ];
  const failed = new Promise<never>((_, reject) => {
    for (const task of background) task.catch(reject);
  });
  try {
    await Promise.race([deps.driver.wait(container, signal), failed]);
    await Promise.race([collecting, pause(DRAIN_MS, signal)]);
  } catch (error) {
    if (!timeOver) throw error;
  } finally {
    ending.abort();
    await Promise.allSettled(background);
    await log.close();
  }
  return undefined;
}

async function collect(pass: Pass, log: JobLog, signal: AbortSignal): Promise<void> {
  if (log.capped) return;
  log.rewind();
  try {
    const since = log.since;
    const lines = pass.deps.driver.logs(pass.container, { follow: true, signal, ...(since ? { since } : {}) });
    for await (const line of lines) {
      if (signal.aborted || !log.output(line)) return;
      if (log.wantsFlush) await log.flush();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function sample(pass: Pass): Promise<void> {
  let stats: Stats | undefined;
  try {
    stats = await pass.deps.driver.stats(pass.container);
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    // It may have ended between two looks; what follows is for whoever waits for its end.
    pass.deps.log.debug({ err: error, job: pass.job.id }, 'no sample');
  }
  if (!stats || stats.cpus < 0) return;
  const { flavor } = pass.job.spec;
  const minute = Math.floor(pass.deps.clock.now() / MINUTE_MS);
  await pass.store.sample(
    pass.job.id,
    minute,
    (stats.cpus / flavor.vcpus) * 100,
    (stats.memoryBytes / flavor.memoryBytes) * 100,
  );
}

/** The upload on the way; a refusal is told, and decides only when it comes again at the end. */
async function uploadAll(pass: Pass, signal: AbortSignal): Promise<void> {
  try {
    const credential = await pass.sessions.of(pass.job);
    for (const [index, output] of pass.job.spec.outputs.entries()) {
      await uploadOutput(output, index, pass.host, pass.deps.objects, credential, signal);
    }
  } catch (error) {
    if (signal.aborted) return;
    await warn(pass, `${errorText(error)} It is tried again.`);
  }
}

async function renew(pass: Pass, held: string): Promise<string> {
  try {
    const credential = await pass.sessions.of(pass.job);
    if (credential.access !== held) await writeCredentials(pass.host.platform, credential);
    return credential.access;
  } catch (error) {
    await warn(pass, `The job's credentials could not be renewed: ${errorText(error)}`);
    return held;
  }
}

async function warn(pass: Pass, text: string): Promise<void> {
  await pass.tell('Warning', 'Task', `[${TASK}] ${text}`, `warning ${text}`);
}

/** Asks the job to stop when its auto_stop time is over. */
async function stopWhenDue(pass: Pass): Promise<boolean> {
  const { job, deps, store } = pass;
  const hours = job.spec.autoStopHours;
  if (!hours || job.startedAt === null || deps.clock.now() < job.startedAt + hours * HOUR_MS) return false;
  const reason = `The job was stopped automatically after ${hours} h (auto_stop).`;
  await store.desire(job.id, 'terminate', canTerminate, reason, deps.clock.now());
  await pass.tell('Warning', 'Job', reason, 'auto-stop');
  return true;
}

/**
 * Takes what the engine still holds of an ended container's output, and words its end.
 * Returns the exit in plain language.
 */
export async function collectRest(pass: Pass, observed: Observation): Promise<string> {
  const { job, deps, settings } = pass;
  const log = await JobLog.open(pass.host.log, settings.logCapBytes);
  try {
    if (!log.capped) {
      log.rewind();
      const since = log.since;
      for await (const line of deps.driver.logs(pass.container, { follow: false, ...(since ? { since } : {}) })) {
        if (!log.output(line)) break;
        if (log.wantsFlush) await log.flush();
      }
    }
    await log.flush();
    const message = explainExit({
      exitCode: observed.exitCode ?? -1,
      oomKilled: observed.oomKilled ?? false,
      memoryBytes: job.spec.flavor.memoryBytes,
      flavorName: job.spec.flavor.id,
      tail: await tailOf(pass.host.log),
    });
    log.platform(`[${TASK}] Training finished. Exit code ${observed.exitCode ?? -1}.`, 'finished');
    return observed.error ? `${message} The engine says: ${observed.error}` : message;
  } finally {
    await log.close();
  }
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}
