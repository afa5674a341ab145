import type { Next } from '../../loop/reconciler.ts';
import { leaving } from './job.fault.ts';
import { nodesOf } from './job.model.ts';
import type { Pass } from './job.pass.ts';
import { workloadId } from './job.service.ts';
import { removeWork } from './job.staging.ts';
import { SHARED_HOLDER } from './job.volumes.ts';

const HOUR_MS = 3_600_000;

/** Brings the job to the queue, or says again what the queue knows; as many tasks as nodes, all or none. */
async function submit(pass: Pass): Promise<void> {
  const { job, deps } = pass;
  const { flavor, pool, autoStopHours, preemptible } = job.spec;
  await deps.admission.submit({
    id: workloadId(job.id),
    kind: 'training-job',
    name: job.name,
    accountId: job.accountId,
    projectId: job.projectId,
    workspaceId: job.workspaceId,
    userId: job.userId,
    vcpus: flavor.vcpus,
    memoryBytes: flavor.memoryBytes,
    gpus: flavor.gpus,
    tasks: nodesOf(job.spec),
    priority: job.priority,
    preemptible: pool !== undefined && preemptible === true,
    reissued: job.reissued,
    ...(pool ? { pool: pool.id } : {}),
    ...(job.avoid.length > 0 ? { avoidNodes: job.avoid } : {}),
    ...(autoStopHours ? { endsWithinMs: autoStopHours * HOUR_MS } : {}),
  });
}

/** The first step: from then on the job waits. */
export async function queueUp(pass: Pass): Promise<undefined> {
  await submit(pass);
  await pass.advance({ step: 'queued', queuedAt: pass.deps.clock.now(), queuedPriority: pass.job.priority });
}

/** Looks after a job that waits: its reason is told, a change of its priority carried out, and a re-issued one does not wait for ever. */
export async function awaitAdmission(pass: Pass): Promise<Next | undefined> {
  const { job, deps, settings } = pass;
  const now = deps.clock.now();
  const waited = now - (job.queuedAt ?? now);
  if (job.reissued && waited > settings.reissueWaitMs) {
    const minutes = Math.round(settings.reissueWaitMs / 60_000);
    await pass.conclude('Failed', `The restarted job found no resources within ${minutes} min.`);
    return undefined;
  }
  const status = await deps.admission.status(workloadId(job.id));
  if (status?.state === 'admitted') return undefined;
  const nowhere = job.avoid.length > 0 && waited > settings.avoidMs;
  if (!status || job.queuedPriority !== job.priority || nowhere) {
    // The queue is told anew: its word for a workload is final, so the old one is taken back first.
    await deps.admission.release(workloadId(job.id));
    if (nowhere) {
      const text = `No other node came free; ${job.avoid.join(', ')} may be used again.`;
      await pass.tell('Warning', 'Job', text, 'avoided no more');
      await pass.advance({ step: 'queued', avoid: [] });
      return undefined;
    }
    await submit(pass);
    await pass.advance({ step: 'queued', queuedPriority: job.priority });
    return undefined;
  }
  const text = `Training job is queuing and awaiting resource allocation. ${status.reason}`;
  await pass.tell('Info', 'Job', text, text);
  return { afterMs: settings.queueCheckMs };
}

/** Clears what an attempt leaves behind, and brings the job to the queue once more. */
export async function reissue(pass: Pass): Promise<undefined> {
  const { job, deps } = pass;
  if (job.step !== 'reissuing') {
    const reason = leaving(job.halt ?? (await deps.admission.status(workloadId(job.id)))?.preempted ?? {});
    const text = `JobPreempted: training job gives up its place and waits in the queue again: ${reason}.`;
    await pass.tell('Warning', 'Job', text, 'again');
    const now = deps.clock.now();
    const record = { admittedAt: job.admittedAt, startAt: now, endAt: now, reason };
    await pass.advance({
      step: 'reissuing',
      records: [...job.records, { ...record, recover: 'job_reschedule' }],
      reissued: false,
    });
    return;
  }
  for (const task of pass.tasks) {
    await deps.driver.remove(task.container);
    await removeWork(task.host, job.spec.outputs.length);
  }
  await deps.shared.release(SHARED_HOLDER + job.id);
  await deps.admission.release(workloadId(job.id));
  await pass.advance({
    step: 'queued',
    queuedAt: deps.clock.now(),
    queuedPriority: null,
    admittedAt: null,
    stagedAt: null,
    startedAt: null,
    exitedAt: null,
    exitCode: null,
    exitMessage: null,
    halt: null,
    tasks: [],
  });
}
