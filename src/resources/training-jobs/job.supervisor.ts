import { errorText } from '../../kernel/failure.ts';
import { every, pause } from '../../loop/every.ts';
import type { Next } from '../../loop/reconciler.ts';
import { EngineUnavailable, type Observation, type Stats } from '../../runtime/driver.ts';
import { writeCredentials } from '../workload-access/index.ts';
import { retryPolicy } from './job.fault.ts';
import { HangWatch } from './job.hang.ts';
import { JobLog } from './job.log-file.ts';
import { uploadOutput } from './job.outputs.ts';
import type { Pass, TaskPlace } from './job.pass.ts';
import { openPlatform } from './job.platform.ts';
import { workloadId } from './job.service.ts';
import { canTerminate, durationOf } from './job.ts';

const FLUSH_MS = 100;
const DRAIN_MS = 3_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * Watches the running containers until one of them ends or the pass is cut short: collects their logs, samples their use, uploads their
 * outputs, renews their credentials, stops the job when its time is over, when it hangs or when it must make way.
 */
export async function supervise(pass: Pass, observed: readonly Observation[]): Promise<Next | undefined> {
  const { deps, settings } = pass;
  let credential = '';
  try {
    const addresses = observed.map((one, index) => one.address ?? pass.job.tasks[index]?.ip);
    credential = (await openPlatform(pass, addresses)).access;
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    await warn(pass, `The platform cannot be opened to the job: ${errorText(error)}`);
  }
  const ending = new AbortController();
  const signal = AbortSignal.any([pass.signal, ending.signal]);
  const watch = new HangWatch(settings.hangMs, deps.clock.now());
  const running = pass.tasks.filter(task => observed[task.index]?.state === 'running');
  const logs: JobLog[] = [];
  for (const task of running) logs.push(await JobLog.open(task.host.log, settings.logCapBytes));
  /** Something was decided that the next pass carries out. */
  let decided = false;
  const decide = () => {
    decided = true;
    ending.abort();
  };
  const collecting = running.map((task, index) => collect(pass, task, logs[index]!, watch, signal));
  const background = [
    ...collecting,
    every(FLUSH_MS, signal, async () => {
      for (const log of logs) await log.flush();
    }),
    every(settings.sampleMs, signal, async () => {
      for (const task of running) await sample(pass, task, watch);
    }),
    every(settings.uploadPeriodMs, signal, () => uploadAll(pass, watch, signal)),
    every(Math.min((settings.credentialSeconds * 1000) / 8, MINUTE_MS), signal, async () => {
      credential = await renew(pass, credential);
    }),
    every(settings.pollMs, signal, async () => {
      if ((await stopWhenDue(pass)) || (await stopWhenHanging(pass, watch))) decide();
    }),
    every(settings.queueCheckMs, signal, async () => {
      if ((await deps.admission.status(workloadId(pass.job.id)))?.preempted) decide();
    }),
  ];
  const failed = new Promise<never>((_, reject) => {
    for (const task of background) task.catch(reject);
  });
  const ends = running.map(async (task, index) => {
    await deps.driver.wait(task.container, signal);
    await Promise.race([collecting[index], pause(DRAIN_MS, signal)]);
  });
  try {
    await Promise.race([...ends, failed]);
  } catch (error) {
    if (!decided) throw error;
  } finally {
    ending.abort();
    await Promise.allSettled([...background, ...ends]);
    for (const log of logs) await log.close();
  }
  return undefined;
}

async function collect(pass: Pass, task: TaskPlace, log: JobLog, watch: HangWatch, signal: AbortSignal): Promise<void> {
  const { clock, driver } = pass.deps;
  if (log.capped) return;
  log.rewind();
  try {
    const since = log.since;
    const lines = driver.logs(task.container, { follow: true, signal, ...(since ? { since } : {}) });
    for await (const line of lines) {
      if (signal.aborted) return;
      watch.alive(clock.now());
      if (!log.output(line)) return;
      if (log.wantsFlush) await log.flush();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function sample(pass: Pass, task: TaskPlace, watch: HangWatch): Promise<void> {
  let stats: Stats | undefined;
  try {
    stats = await pass.deps.driver.stats(task.container);
  } catch (error) {
    if (error instanceof EngineUnavailable) throw error;
    // It may have ended between two looks; what follows is for whoever waits for its end.
    pass.deps.log.debug({ err: error, job: pass.job.id }, 'no sample');
  }
  if (!stats || stats.cpus < 0) return;
  const { flavor } = pass.job.spec;
  const now = pass.deps.clock.now();
  watch.used(stats.cpus / flavor.vcpus, now);
  await pass.store.sample(
    pass.job.id,
    task.index,
    Math.floor(now / MINUTE_MS),
    (stats.cpus / flavor.vcpus) * 100,
    (stats.memoryBytes / flavor.memoryBytes) * 100,
  );
}

/** The upload on the way; a refusal is told, and decides only when it comes again at the end. */
async function uploadAll(pass: Pass, watch: HangWatch, signal: AbortSignal): Promise<void> {
  try {
    const credential = await pass.sessions.of(pass.job);
    for (const task of pass.tasks) {
      for (const [channel, output] of pass.job.spec.outputs.entries()) {
        const { files } = await uploadOutput(output, channel, task.host, pass.deps.objects, credential, signal);
        if (files > 0) watch.alive(pass.deps.clock.now());
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    await warn(pass, `${errorText(error)} It is tried again.`);
  }
}

async function renew(pass: Pass, held: string): Promise<string> {
  try {
    const credential = await pass.sessions.of(pass.job);
    if (credential.access !== held) {
      for (const task of pass.tasks) await writeCredentials(task.host.platform, credential);
    }
    return credential.access;
  } catch (error) {
    await warn(pass, `The job's credentials could not be renewed: ${errorText(error)}`);
    return held;
  }
}

async function warn(pass: Pass, text: string): Promise<void> {
  await pass.tellTask(pass.tasks[0]!, 'Warning', text, `warning ${text}`);
}

/** Asks the job to stop when its auto_stop time is over. */
async function stopWhenDue(pass: Pass): Promise<boolean> {
  const { job, deps, store } = pass;
  const hours = job.spec.autoStopHours;
  if (!hours || durationOf(job, deps.clock.now()) < hours * HOUR_MS) return false;
  const reason = `The job was stopped automatically after ${hours} h (auto_stop).`;
  await store.desire(job.id, 'terminate', canTerminate, reason, deps.clock.now());
  await pass.tell('Warning', 'Job', reason, 'auto-stop');
  return true;
}

/** Tells of a job that seems to hang, and has it restarted where its owner wants that. */
async function stopWhenHanging(pass: Pass, watch: HangWatch): Promise<boolean> {
  const now = pass.deps.clock.now();
  if (!watch.hangs(now)) return false;
  const minutes = Math.max(Math.round(pass.settings.hangMs / MINUTE_MS), 1);
  await pass.tell(
    'Warning',
    'Job',
    `JobHanged: the training job may be suspended: for ${minutes} min it printed nothing, changed no output and used no processor.`,
    `hangs ${now}`,
  );
  const policy = retryPolicy(pass.job.spec.annotations);
  if (!policy.hang || pass.job.retries >= policy.most) return false;
  await pass.advance({ step: 'running', halt: { kind: 'hang', at: now } });
  return true;
}
