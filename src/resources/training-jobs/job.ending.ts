import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errorText, isFailure } from '../../kernel/failure.ts';
import { storageUrl } from '../algorithms/index.ts';
import type { AgencyCredential } from '../workload-access/index.ts';
import { JobLog } from './job.log-file.ts';
import type { Pass } from './job.pass.ts';
import { repeated, StepFailed, uploadOutput } from './job.staging.ts';
import { judge, logFileName, TASK } from './job.ts';

/** What a program's end is followed by: the last upload, the last lines of the log, its export, the verdict. */
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
    await pass.tell('Error', 'Task', `[${TASK}] ${uploadError}`, 'upload failed');
  }
  const exitCode = job.exitCode ?? -1;
  const { result, message } = judge({
    exitCode,
    exitMessage: job.exitMessage ?? '',
    desired: job.desired,
    stopReason: job.stopReason,
    uploadError,
  });
  const log = await JobLog.open(pass.host.log, pass.settings.logCapBytes);
  try {
    if (uploadError) log.platform(`[${TASK}] ${uploadError}`, 'upload failed');
    if (message) log.platform(`[${TASK}] ${message}`, 'verdict');
    log.platform(`[${TASK}] exit with ${exitCode}`, 'exit');
    // Spelled as users look for it (behaviour/training.md 7).
    log.platform(`Training end with return code: ${exitCode}`, 'end', '[Modelarts Service Log]');
  } finally {
    await log.close();
  }
  if (credential) await exportLog(pass, credential);
  await pass.conclude(result, message);
}

async function uploadOutputs(pass: Pass, credential: AgencyCredential): Promise<void> {
  const { job, deps, signal } = pass;
  for (const [index, output] of job.spec.outputs.entries()) {
    await pass.tell(
      'Info',
      'Task',
      `[${TASK}] Training output(parameter name: ${output.name}) Uploading.`,
      `up ${index}`,
    );
    const start = performance.now();
    const report = await uploadOutput(output, index, pass.host, deps.objects, credential, signal);
    const seconds = ((performance.now() - start) / 1000).toFixed(3);
    const text = `[${TASK}][time used: ${seconds}s] Upload ${output.name} to ${output.url} finished.`;
    await pass.tell('Info', 'Task', text, `uploaded ${index}`);
    await pass.note(text, `uploaded ${index}`);
    for (const { path, reason } of report.skipped.slice(0, 20)) {
      const skipped = `[${TASK}] ${path} of output ${output.name} was not uploaded: ${reason}`;
      await pass.tell('Warning', 'Task', skipped, skipped);
      await pass.note(skipped, skipped);
    }
  }
}

/** Copies the log to where the user wants it. It failing is told, but does not change how the job ended. */
async function exportLog(pass: Pass, credential: AgencyCredential): Promise<void> {
  const to = pass.job.spec.logExport;
  if (!to) return;
  const path = { bucket: to.bucket, key: `${to.key}${logFileName(pass.job.id)}` };
  try {
    const { size } = await stat(pass.host.log);
    await repeated(pass.signal, () =>
      pass.deps.objects.put(credential.principal, path, createReadStream(pass.host.log), {
        contentType: 'text/plain; charset=utf-8',
        size,
      }),
    );
    await pass.tell('Info', 'Job', `The log was exported to ${storageUrl(path)}.`, 'log exported');
  } catch (error) {
    if (pass.signal.aborted) throw error;
    await pass.tell('Warning', 'Job', `The log could not be exported to ${storageUrl(path)}: ${errorText(error)}`);
  }
}
