import { isFinal, type TrainingJob } from '../../src/client/platform.ts';
import type { Installation } from './installation.ts';

export const ENGINE = 'pytorch_1.13.1-cpu-py_3.11-debian_12-x86_64';
export const SEED_ENGINE = 'pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64';

/** Authorizes the platform for everybody with a new agency, as the document's preparations do. */
export async function authorize(installation: Installation): Promise<string> {
  const agency = await installation.client.createAgency('test');
  await installation.client.authorizeAll(agency);
  return agency;
}

export interface ScriptJob {
  name: string;
  /** Python source of the boot file. */
  script: string;
  bucket: string;
  flavor?: string;
  inputs?: { name: string; url: string }[];
  outputs?: { name: string; url: string; prefetch_to_local?: boolean }[];
  parameters?: Record<string, string>;
  environments?: Record<string, string>;
  files?: Record<string, string>;
  spec?: Record<string, unknown>;
  nodes?: number;
  annotations?: Record<string, string>;
}

/** Uploads a script and creates a job that runs it. */
export async function submitScript(installation: Installation, job: ScriptJob): Promise<TrainingJob> {
  const { obs, client } = installation;
  if (!(await obs.bucketExists(job.bucket))) await obs.createBucket(job.bucket);
  const code = `code-${job.name}/`;
  await obs.put({ bucket: job.bucket, key: `${code}main.py` }, Buffer.from(job.script));
  for (const [name, content] of Object.entries(job.files ?? {})) {
    await obs.put({ bucket: job.bucket, key: code + name }, Buffer.from(content));
  }
  const channel = ({ url, ...item }: { name: string; url: string }) => ({
    ...item,
    remote: { obs: { obs_url: url } },
  });
  return client.createJob({
    kind: 'job',
    metadata: { name: job.name, ...(job.annotations ? { annotations: job.annotations } : {}) },
    algorithm: {
      code_dir: `/${job.bucket}/${code}`,
      boot_file: `/${job.bucket}/${code}main.py`,
      engine: { engine_id: ENGINE },
      parameters: Object.entries(job.parameters ?? {}).map(([name, value]) => ({ name, value })),
      environments: job.environments ?? {},
      inputs: (job.inputs ?? []).map(channel),
      outputs: (job.outputs ?? []).map(channel),
    },
    spec: {
      resource: { flavor_id: job.flavor ?? 'modelarts.vm.cpu.1u', node_count: job.nodes ?? 1 },
      ...(job.spec ?? {}),
    },
  });
}

/** Waits for the end of a job. */
export function ended(installation: Installation, id: string, timeoutMs = 180_000): Promise<TrainingJob> {
  return installation.client.until(
    () => installation.client.job(id),
    job => isFinal(job.status.phase),
    timeoutMs,
    `Job ${id}`,
  );
}

/** Waits until a job is in one of these phases. */
export function inPhase(
  installation: Installation,
  id: string,
  phases: readonly string[],
  timeoutMs = 180_000,
): Promise<TrainingJob> {
  return installation.client.until(
    () => installation.client.job(id),
    job => phases.includes(job.status.phase),
    timeoutMs,
    `Phase ${phases.join(' or ')} of job ${id}`,
  );
}

/** The whole log of a job's task, the first one when none is named. */
export async function logOf(installation: Installation, id: string, task = 'worker-0'): Promise<string> {
  let text = '';
  let offset = 0;
  for (;;) {
    const part = await installation.client.logFrom(id, task, offset);
    text += part.content;
    if (part.next_offset === offset) return text;
    offset = part.next_offset;
  }
}

/** The plain-language cause that a job reports. */
export function causeOf(job: TrainingJob): string {
  return job.status.task_statuses?.map(task => task.message ?? '').join(' ') || (job.status.message ?? '');
}
