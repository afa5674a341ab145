import { isFailure } from '../../kernel/failure.ts';
import type { Next } from '../../loop/reconciler.ts';
import type { Observation } from '../../runtime/driver.ts';
import { jobContainer } from './job.container.ts';
import { finish } from './job.ending.ts';
import { JobLog } from './job.log-file.ts';
import type { Pass } from './job.pass.ts';
import { containerPaths } from './job.paths.ts';
import { workloadId } from './job.service.ts';
import { makeDirectories, removeWork, StepFailed, stage } from './job.staging.ts';
import { collectRest, jobNetwork, openPlatform, supervise } from './job.supervisor.ts';
import { discard } from './job.sweep.ts';
import { type Action, TASK } from './job.ts';

/** Takes one step. Returns when to look again, or nothing to go on at once. `observed`: where the step needed it. */
export type Act = (pass: Pass, observed: Observation | undefined) => Promise<Next | undefined>;

const DELETE_GRACE_SECONDS = 5;

async function submit(pass: Pass): Promise<void> {
  const { job, deps } = pass;
  const { vcpus, memoryBytes, gpus } = job.spec.flavor;
  await deps.admission.submit({
    id: workloadId(job.id),
    kind: 'training-job',
    name: job.name,
    accountId: job.accountId,
    projectId: job.projectId,
    vcpus,
    memoryBytes,
    gpus,
  });
}

/** Brings code and data; the first time it only notes that the job has its resources. */
async function bring(pass: Pass): Promise<void> {
  const { job, host, deps, signal } = pass;
  if (job.step === 'queued') {
    await pass.tell('Info', 'Job', 'Resources are allocated to the training job.', 'admitted');
    await pass.advance({ step: 'staging', admittedAt: deps.clock.now() });
    return;
  }
  await makeDirectories(job, host);
  const credential = await pass.sessions.of(job).catch(error => {
    if (!isFailure(error) || error.status >= 500) throw error;
    throw new StepFailed(`The agency ${job.agency} cannot be used: ${error.message}`, error);
  });
  const log = await JobLog.open(host.log, pass.settings.logCapBytes);
  try {
    await stage(job, host, deps.objects, credential, signal, {
      async began(what, mark) {
        log.platform(`[${TASK}] ${what}`, `${mark} begins`);
        await log.flush();
        await pass.tell('Info', 'Task', `[${TASK}] ${what}`, `${mark} begins`);
      },
      async ended(what, mark, seconds, files, bytes) {
        const text = `[${TASK}] [Duration: ${seconds.toFixed(1)}s] ${what} (${files} files, ${bytes} bytes).`;
        log.platform(text, `${mark} done`);
        await pass.tell('Info', 'Task', text, `${mark} done`);
      },
    });
    for (const [name, from, to] of pathMap(pass)) log.platform(`[${TASK}] ${name}: ${from} is at ${to}`, `at ${to}`);
  } finally {
    await log.close();
  }
  await pass.advance({ step: 'creating', stagedAt: deps.clock.now() });
}

/** What lies where in the container, for the beginning of the log: the commonest mistake is to open obs:// paths as files. */
function pathMap(pass: Pass): [name: string, from: string, to: string][] {
  const { spec } = pass.job;
  const paths = containerPaths(spec);
  return [
    ...(spec.code ? [['code', spec.code.url, paths.code] as [string, string, string]] : []),
    ...spec.inputs.map((input, index): [string, string, string] => [
      `input ${input.name}`,
      input.url,
      paths.inputs[index]!,
    ]),
    ...spec.outputs.map((output, index): [string, string, string] => [
      `output ${output.name}`,
      output.url,
      paths.outputs[index]!,
    ]),
  ];
}

/** Asks the container to end; the wait is cut short with the pass, and taken up again by the next. */
async function stop(pass: Pass): Promise<Next | undefined> {
  const { job, deps, settings, signal } = pass;
  const wanted = settings.terminateGraceSeconds;
  const grace = job.desired === 'delete' ? Math.min(wanted, DELETE_GRACE_SECONDS) : wanted;
  await pass.tell('Info', 'Task', `[${TASK}] The program is asked to end; after ${grace} s it is killed.`, 'stopping');
  const stopping = deps.driver.stop(pass.container, grace);
  await Promise.race([stopping, aborted(signal)]);
  stopping.catch(error => deps.log.warn({ err: error, job: job.id }, 'stop of a job ended late'));
  return undefined;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What each planned action does. */
export const ACTS: Record<Action, Act> = {
  async submit(pass) {
    await submit(pass);
    await pass.advance({ step: 'queued', queuedAt: pass.deps.clock.now() });
    return undefined;
  },

  async 'await-admission'(pass) {
    const status = await pass.deps.admission.status(workloadId(pass.job.id));
    if (status?.state === 'admitted') return undefined;
    if (status) {
      const text = `Training job is queuing and awaiting resource allocation. ${status.reason}`;
      await pass.tell('Info', 'Job', text, text);
    } else {
      await submit(pass);
    }
    return { afterMs: pass.settings.queueCheckMs };
  },

  async stage(pass) {
    await bring(pass);
    return undefined;
  },

  async create(pass) {
    const { job, deps } = pass;
    const spec = jobContainer(job, pass.host, deps.installation, pass.settings);
    await deps.driver.ensureImage(spec.image);
    await deps.driver.ensureNetwork(jobNetwork(pass));
    await deps.driver.create(spec);
    await pass.advance({ step: 'launching' });
    return undefined;
  },

  async start(pass) {
    await pass.deps.driver.start(pass.container);
    return undefined;
  },

  async adopt(pass, observed) {
    await pass.note(`[${TASK}] training started.`, 'started');
    await openPlatform(pass, observed!.address);
    await pass.tell('Info', 'Task', `[${TASK}] training started.`, 'started');
    await pass.advance({ step: 'running', startedAt: observed!.startedAt ?? pass.deps.clock.now() });
    return undefined;
  },

  supervise: (pass, observed) => supervise(pass, observed!),
  stop,

  async 'collect-exit'(pass, observed) {
    const { exitCode = -1, startedAt, finishedAt } = observed!;
    const now = pass.deps.clock.now();
    const exitMessage = await collectRest(pass, observed!);
    await pass.tell('Info', 'Task', `[${TASK}] Training finished. Exit code ${exitCode}.`, 'finished');
    await pass.advance({
      step: 'uploading',
      exitCode,
      exitMessage,
      exitedAt: finishedAt ?? now,
      ...(pass.job.startedAt === null ? { startedAt: startedAt ?? now } : {}),
    });
    return undefined;
  },

  async lose(pass) {
    const message =
      'The container of the job is gone although nobody stopped the job: it was removed from outside, or the machine was restarted. A job is never started twice by itself; create it anew.';
    await pass.note(`[${TASK}] ${message}`, 'lost');
    await pass.conclude('Abnormal', message);
    return undefined;
  },

  async upload(pass) {
    await finish(pass);
    return undefined;
  },

  async conclude(pass) {
    const message = pass.job.stopReason ?? 'The job was stopped by a user.';
    await pass.note(`[${TASK}] ${message}`, 'stopped');
    await pass.conclude('Terminated', message);
    return undefined;
  },

  async cleanup(pass) {
    const { job, deps } = pass;
    // Before it was staged a job has no container, and needs no engine to be cleaned up.
    if (job.stagedAt !== null) await deps.driver.remove(pass.container);
    await deps.admission.release(workloadId(job.id));
    pass.sessions.forget(job.id);
    await removeWork(pass.host);
    await pass.advance({ step: 'done' });
    return undefined;
  },

  async erase(pass) {
    await pass.store.erase(pass.job.id);
    await discard(pass.deps.dir, pass.job.id);
    return 'settled';
  },

  async nothing() {
    return 'settled';
  },
};
