import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errorText, isFailure } from '../../kernel/failure.ts';
import { storageUrl } from '../algorithms/index.ts';
import type { AgencyCredential } from '../workload-access/index.ts';
import { endOf } from './job.collect.ts';
import { judge, retryPolicy, type Verdict } from './job.fault.ts';
import { JobLog } from './job.log-file.ts';
import { settleOutput, uploadOutput } from './job.outputs.ts';
import type { Pass, TaskPlace } from './job.pass.ts';
import { repeated, StepFailed } from './job.staging.ts';
import { logFileName, taskName } from './job.ts';

type Again = Extract<Verdict, { kind: 'again' }>;

/** What the programs' end is followed by: the last upload, the verdict, and then the end of the logs or another attempt. */
export async function finish(pass: Pass): Promise<void> {
  const { job } = pass;
  let credential: AgencyCredential | undefined;
  let uploadError: string | undefined;
  try {
    credential = await pass.sessions.of(job);
    await uploadOutputs(pass, credential);
  } catch (error) {
    if (pass.signal.aborted) throw error;
    if (!(error instanceof StepFailed) && !(isFailure(error) && error.status < 500)) throw error;
    uploadError = error.message;
    await pass.tellTask(pass.tasks[0]!, 'Error', uploadError, 'upload failed');
  }
  const verdict = judge({
    tasks: pass.tasks.map(({ index }) => endOf(job.tasks[index])),
    halt: job.halt,
    desired: job.desired,
    stopReason: job.stopReason,
    policy: retryPolicy(job.spec.annotations),
    retries: job.retries,
    uploadError,
  });
  if (verdict.kind === 'again') {
    await again(pass, verdict);
    return;
  }
  for (const task of pass.tasks) await endLog(pass, task, verdict.message, uploadError);
  if (credential) for (const task of pass.tasks) await exportLog(pass, task, credential);
  await pass.conclude(verdict.result, verdict.message);
}

/** Notes the attempt that ended; what it held is released by the next step. */
async function again(pass: Pass, verdict: Again): Promise<void> {
  const { job, deps } = pass;
  const task = verdict.task === undefined ? undefined : taskName(verdict.task);
  const where = task ? ` of ${task}` : '';
  const text = verdict.retry
    ? `JobRestarted: training job is restarted (${job.retries + 1} of ${retryPolicy(job.spec.annotations).most} times): ${verdict.reason}${where}.`
    : `JobPreempted: training job gives up its place and waits in the queue again: ${verdict.reason}.`;
  for (const place of pass.tasks) await pass.note(place, text, 'again');
  await pass.tell('Warning', 'Job', text, 'again');
  const node = verdict.task === undefined ? undefined : job.tasks[verdict.task]?.node;
  const now = deps.clock.now();
  await pass.advance({
    step: 'reissuing',
    records: [
      ...job.records,
      {
        admittedAt: job.admittedAt,
        startAt: job.startedAt ?? now,
        endAt: job.exitedAt ?? now,
        reason: verdict.reason,
        ...(task ? { task } : {}),
        recover: verdict.recover,
      },
    ],
    retries: job.retries + (verdict.retry ? 1 : 0),
    reissued: verdict.retry,
    avoid: verdict.avoid && node && job.spec.pool ? [...new Set([...job.avoid, node])] : job.avoid,
  });
}

async function endLog(pass: Pass, task: TaskPlace, message: string, uploadError: string | undefined): Promise<void> {
  const end = endOf(pass.job.tasks[task.index]);
  const exitCode = end.exitCode ?? -1;
  const log = await JobLog.open(task.host.log, pass.settings.logCapBytes);
  try {
    if (uploadError) log.platform(`[${task.name}] ${uploadError}`, pass.mark('upload failed'));
    if (message) log.platform(`[${task.name}] ${message}`, pass.mark('verdict'));
    log.platform(`[${task.name}] exit with ${exitCode}`, pass.mark('exit'));
    // Spelled as users look for it (behaviour/training.md 7).
    log.platform(`Training end with return code: ${exitCode}`, pass.mark('end'), '[Modelarts Service Log]');
  } finally {
    await log.close();
  }
}

async function uploadOutputs(pass: Pass, credential: AgencyCredential): Promise<void> {
  const { job, deps, signal } = pass;
  for (const [channel, output] of job.spec.outputs.entries()) {
    for (const task of pass.tasks) {
      const begins = `Training output(parameter name: ${output.name}) Uploading.`;
      await pass.tellTask(task, 'Info', begins, `up ${channel}`);
      const start = performance.now();
      const report = await uploadOutput(output, channel, task.host, deps.objects, credential, signal);
      const seconds = ((performance.now() - start) / 1000).toFixed(3);
      const done = `[${task.name}][time used: ${seconds}s] Upload ${output.name} to ${output.url} finished.`;
      await pass.tell('Info', 'Task', done, `${task.name} uploaded ${channel}`);
      await pass.note(task, `[time used: ${seconds}s] Upload ${output.name} finished.`, `uploaded ${channel}`);
      for (const { path, reason } of report.skipped.slice(0, 20)) {
        const skipped = `${path} of output ${output.name} was not uploaded: ${reason}`;
        await pass.tellTask(task, 'Warning', skipped, skipped);
        await pass.note(task, skipped, skipped);
      }
    }
    if (pass.tasks.length === 1) continue;
    const shared = await settleOutput(pass, output, channel, credential);
    if (shared.length === 0) continue;
    const names = shared.slice(0, 5).join(', ') + (shared.length > 5 ? ', …' : '');
    const text = `${shared.length} files of output ${output.name} were written by several nodes; the first node's was kept: ${names}`;
    await pass.tell('Info', 'Job', text, `shared ${channel}`);
  }
}

/** Copies a task's log to where the user wants it. It failing is told, but does not change how the job ended. */
async function exportLog(pass: Pass, task: TaskPlace, credential: AgencyCredential): Promise<void> {
  const to = pass.job.spec.logExport;
  if (!to) return;
  const path = { bucket: to.bucket, key: `${to.key}${logFileName(pass.job.id, task.index)}` };
  try {
    const { size } = await stat(task.host.log);
    await repeated(pass.signal, () =>
      pass.deps.objects.put(credential.principal, path, createReadStream(task.host.log), {
        contentType: 'text/plain; charset=utf-8',
        size,
      }),
    );
    await pass.tell('Info', 'Job', `The log was exported to ${storageUrl(path)}.`, `log exported ${task.index}`);
  } catch (error) {
    if (pass.signal.aborted) throw error;
    await pass.tell('Warning', 'Job', `The log could not be exported to ${storageUrl(path)}: ${errorText(error)}`);
  }
}
