import { isFailure } from '../../kernel/failure.ts';
import type { Next } from '../../loop/reconciler.ts';
import type { Observation } from '../../runtime/driver.ts';
import { type AgencyCredential, attachScratch } from '../workload-access/index.ts';
import { collectTask, tellingTask } from './job.collect.ts';
import { jobContainer } from './job.container.ts';
import { finish } from './job.ending.ts';
import { JobLog } from './job.log-file.ts';
import type { JobTask } from './job.model.ts';
import { noteBase } from './job.outputs.ts';
import type { Pass, TaskPlace } from './job.pass.ts';
import { containerPaths } from './job.paths.ts';
import { jobNetwork, openPlatform } from './job.platform.ts';
import { awaitAdmission, queueUp, reissue } from './job.queueing.ts';
import { workloadId } from './job.service.ts';
import { makeDirectories, removeWork, StepFailed, stage } from './job.staging.ts';
import { supervise } from './job.supervisor.ts';
import { discard } from './job.sweep.ts';
import type { Action, Halt } from './job.ts';
import { attachVolumes, SHARED_HOLDER } from './job.volumes.ts';

/** Takes one step. Returns when to look again, or nothing to go on at once. `observed`: every task's container, where the step needs them. */
export type Act = (pass: Pass, observed: readonly Observation[]) => Promise<Next | undefined>;

const DELETE_GRACE_SECONDS = 5;
const GIB = 1024 ** 3;

/** Brings code and data to every node; the first time it only notes that the job has its resources. */
async function bring(pass: Pass): Promise<void> {
  const { job, deps } = pass;
  if (job.step === 'queued') {
    const nodes = (await deps.admission.status(workloadId(job.id)))?.nodes ?? [];
    await pass.tell('Info', 'Job', 'Resources are allocated to the training job.', 'admitted');
    await pass.advance({
      step: 'staging',
      admittedAt: deps.clock.now(),
      tasks: pass.tasks.map(({ index }): JobTask => (nodes[index] ? { node: nodes[index] } : {})),
    });
    return;
  }
  const credential = await pass.sessions.of(job).catch(error => {
    if (!isFailure(error) || error.status >= 500) throw error;
    throw new StepFailed(`The agency ${job.agency} cannot be used: ${error.message}`, error);
  });
  // Every node has a copy of its own, as programs write where their inputs lie.
  const outcomes = await Promise.allSettled(pass.tasks.map(task => bringTo(pass, task, credential)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  await pass.advance({ step: 'creating', stagedAt: deps.clock.now() });
}

async function bringTo(pass: Pass, task: TaskPlace, credential: AgencyCredential): Promise<void> {
  const { job, deps, signal } = pass;
  const { host, name } = task;
  await makeDirectories(job, host);
  const log = await JobLog.open(host.log, pass.settings.logCapBytes);
  try {
    await stage(job, host, deps.objects, credential, signal, {
      async began(what, mark) {
        log.platform(`[${name}] ${what}`, pass.mark(`${mark} begins`));
        await log.flush();
        await pass.tellTask(task, 'Info', what, `${mark} begins`);
      },
      async ended(what, mark, seconds, files, bytes) {
        const text = `[Duration: ${seconds.toFixed(1)}s] ${what} (${files} files, ${bytes} bytes).`;
        log.platform(`[${name}] ${text}`, pass.mark(`${mark} done`));
        await pass.tellTask(task, 'Info', text, `${mark} done`);
      },
    });
    for (const [what, from, to] of pathMap(pass)) {
      log.platform(`[${name}] ${what}: ${from} is at ${to}`, pass.mark(`at ${to}`));
    }
  } finally {
    await log.close();
  }
  for (const [channel, output] of job.spec.outputs.entries()) await noteBase(host, output, channel);
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

/** Asks the running containers to end; the wait is cut short with the pass, and taken up again by the next. */
async function stop(pass: Pass, observed: readonly Observation[]): Promise<undefined> {
  const { job, deps, settings, signal } = pass;
  const wanted = settings.terminateGraceSeconds;
  const grace = job.desired === 'delete' ? Math.min(wanted, DELETE_GRACE_SECONDS) : wanted;
  const running = pass.tasks.filter(task => observed[task.index]?.state === 'running');
  for (const task of running) {
    const text = `The program is asked to end; after ${grace} s it is killed.`;
    await pass.tellTask(task, 'Info', text, 'stopping');
  }
  const stopping = Promise.all(running.map(task => deps.driver.stop(task.container, grace)));
  await Promise.race([stopping, aborted(signal)]);
  stopping.catch(error => deps.log.warn({ err: error, job: job.id }, 'stop of a job ended late'));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Notes why all tasks are to end, before any is stopped: what ended by itself is then told from what was stopped. */
async function halt(pass: Pass, observed: readonly Observation[]): Promise<undefined> {
  const { job, deps } = pass;
  const at = deps.clock.now();
  const preempted = (await deps.admission.status(workloadId(job.id)))?.preempted;
  const failed = observed
    .map((one, index) => ({ index, one }))
    .filter(({ one }) => one.state === 'absent' || (one.state === 'exited' && one.exitCode !== 0))
    .sort((left, right) => (left.one.finishedAt ?? 0) - (right.one.finishedAt ?? 0))[0];
  let why: Halt;
  if (failed) {
    why = { kind: 'fault', at, task: failed.index };
    const task = pass.tasks[failed.index]!;
    await pass.tellTask(task, 'Error', 'It failed, so the other tasks of the job are stopped.', 'halt');
  } else {
    why = { kind: 'preempted', at, by: preempted?.by };
    await pass.tell('Warning', 'Job', `The training job makes way for ${preempted?.by ?? 'another'}.`, 'halt');
  }
  await pass.advance({ step: job.step, halt: why });
}

/** Notes the tasks that have ended, if they are not noted yet. Returns all tasks. */
async function noteEnds(pass: Pass, observed: readonly Observation[]): Promise<JobTask[]> {
  const tasks: JobTask[] = [];
  for (const task of pass.tasks) {
    const one = observed[task.index]!;
    tasks.push(one.state === 'running' ? (pass.job.tasks[task.index] ?? {}) : await collectTask(pass, task, one));
  }
  return tasks;
}

/** What each planned action does. */
export const ACTS: Record<Action, Act> = {
  submit: queueUp,
  'await-admission': awaitAdmission,
  reissue,
  stop,
  halt,

  async stage(pass) {
    await bring(pass);
    return undefined;
  },

  async create(pass) {
    const { job, deps } = pass;
    const network = await jobNetwork(pass);
    await deps.driver.ensureImage(job.spec.image);
    await deps.driver.ensureNetwork(network);
    const volumes = await attachVolumes(job, deps.shared);
    const place = { installation: deps.installation, network: network.name, volumes };
    for (const task of pass.tasks) {
      await deps.driver.create(jobContainer(job, task.index, task.host, place, pass.settings));
    }
    await pass.advance({ step: 'launching' });
    return undefined;
  },

  async start(pass, observed) {
    // After a reboot a container may still be there while nothing is mounted any more.
    await attachVolumes(pass.job, pass.deps.shared);
    for (const task of pass.tasks) {
      if (observed[task.index]?.state !== 'created') continue;
      await attachScratch(task.host.cache, pass.job.spec.flavor.diskGiB * GIB);
      await pass.deps.driver.start(task.container);
    }
    return undefined;
  },

  async adopt(pass, observed) {
    const now = pass.deps.clock.now();
    for (const task of pass.tasks) await pass.note(task, 'training started.', 'started');
    const addresses = observed.map(one => one.address);
    await openPlatform(pass, addresses);
    for (const task of pass.tasks) await pass.tellTask(task, 'Info', 'training started.', 'started');
    await pass.advance({
      step: 'running',
      startedAt: observed[0]?.startedAt ?? now,
      tasks: pass.tasks.map(({ index }) => ({
        ...pass.job.tasks[index],
        startedAt: observed[index]?.startedAt ?? now,
        ...(addresses[index] ? { ip: addresses[index] } : {}),
      })),
    });
    return undefined;
  },

  async supervise(pass, observed) {
    const tasks = await noteEnds(pass, observed);
    if (tasks.some((task, index) => task !== (pass.job.tasks[index] ?? task))) {
      await pass.advance({ step: 'running', tasks });
      return undefined;
    }
    return supervise(pass, observed);
  },

  async 'collect-exit'(pass, observed) {
    const now = pass.deps.clock.now();
    const tasks = await noteEnds(pass, observed);
    const telling = tellingTask(pass, tasks);
    const started = tasks.flatMap(task => task.startedAt ?? []);
    await pass.advance({
      step: 'uploading',
      tasks,
      exitCode: telling?.exitCode ?? null,
      exitMessage: telling?.exitMessage ?? null,
      exitedAt: Math.max(...tasks.map(task => task.exitedAt ?? now)),
      ...(pass.job.startedAt === null && started.length > 0 ? { startedAt: Math.min(...started) } : {}),
    });
    return undefined;
  },

  async upload(pass) {
    await finish(pass);
    return undefined;
  },

  async conclude(pass) {
    const message = pass.job.stopReason ?? 'The job was stopped by a user.';
    for (const task of pass.tasks) await pass.note(task, message, 'stopped');
    await pass.conclude('Terminated', message);
    return undefined;
  },

  async cleanup(pass) {
    const { job, deps } = pass;
    for (const task of pass.tasks) {
      // Before it was staged a job has no container, and needs no engine to be cleaned up.
      if (job.stagedAt !== null) await deps.driver.remove(task.container);
      await removeWork(task.host, job.spec.outputs.length);
    }
    await deps.shared.release(SHARED_HOLDER + job.id);
    await deps.admission.release(workloadId(job.id));
    pass.sessions.forget(job.id);
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
