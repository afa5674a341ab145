import { accountNetworkName } from '../../kernel/names.ts';
import type { ContainerSpec, Mount } from '../../runtime/driver.ts';
import { CREDENTIALS_FILE, PLATFORM_DIR, WORKLOAD_OWNER } from '../workload-access/index.ts';
import { LAUNCHER, launchArguments } from './job.launcher.ts';
import type { Job } from './job.model.ts';
import { containerPaths, HOME, type HostPaths, JOB_DIR, LAUNCH_DIR, LOG_DIR, MOUNT } from './job.paths.ts';
import type { TrainingSettings } from './job.ports.ts';
import { TASK } from './job.ts';

/** Name of a job's container: the same at every attempt, so that it is found again and never made twice. */
export function containerName(installation: string, jobId: string): string {
  return `atelier-${installation}-training-job-${jobId}`;
}

/** Labels by which all containers of this installation's jobs are found. */
export function jobLabels(installation: string, jobId?: string): Record<string, string> {
  return {
    'atelier.installation': installation,
    'atelier.kind': 'training-job',
    ...(jobId ? { 'atelier.id': jobId } : {}),
  };
}

/** The variables of behaviour/training.md 5 that do not depend on where the platform is reached. */
function jobEnvironment(job: Job, settings: Pick<TrainingSettings, 'pip'>): Record<string, string> {
  const { spec } = job;
  const paths = containerPaths(spec);
  const virtualJob = `ma-job-${job.id}`;
  const byEnv = (list: readonly { name: string; accessMethod: string }[], dirs: string[]) =>
    Object.fromEntries(
      list.flatMap((channel, index) => (channel.accessMethod === 'env' ? [[channel.name, dirs[index]!]] : [])),
    );
  return {
    HOME,
    MA_HOME: HOME,
    MA_JOB_DIR: JOB_DIR,
    MA_MOUNT_PATH: MOUNT,
    MA_LOG_DIR: LOG_DIR,
    MA_SCRIPT_INTERPRETER: 'python',
    WORKSPACE: paths.code,
    MA_NUM_HOSTS: '1',
    MA_NUM_GPUS: String(spec.flavor.gpus),
    MA_TASK_NAME: 'worker',
    VC_TASK_INDEX: '0',
    VC_WORKER_NUM: '1',
    VC_WORKER_HOSTS: `${virtualJob}-worker-0.${virtualJob}`,
    MA_CURRENT_INSTANCE_NAME: `modelarts-job-${job.id}-${TASK}`,
    MA_VJ_NAME: virtualJob,
    MA_DETECT_TRAIN_INJECT_CODE: '0',
    MA_CREDENTIALS_FILE: CREDENTIALS_FILE,
    MA_PROJECT_ID: job.projectId,
    S3_VERIFY_SSL: '0',
    S3_USE_HTTPS: '0',
    PYTHONUNBUFFERED: '1',
    PIP_BREAK_SYSTEM_PACKAGES: '1',
    OMP_NUM_THREADS: String(Math.max(Math.floor(spec.flavor.vcpus), 1)),
    ...(settings.pip ? { MA_PIP_URL: settings.pip.url, MA_PIP_HOST: settings.pip.host } : {}),
    ...byEnv(spec.inputs, paths.inputs),
    ...byEnv(spec.outputs, paths.outputs),
    ...spec.environments,
  };
}

/** The container of a job. Everything in it follows from the job, so making it again makes the same. */
export function jobContainer(
  job: Job,
  host: HostPaths,
  installation: string,
  settings: TrainingSettings,
): ContainerSpec {
  const { spec } = job;
  const paths = containerPaths(spec);
  const virtualJob = `ma-job-${job.id}`;
  const mounts: Mount[] = [
    { source: host.modelarts, target: MOUNT, readOnly: false },
    { source: host.cache, target: '/cache', readOnly: false },
    { source: host.platform, target: PLATFORM_DIR, readOnly: true },
    { source: host.launch, target: LAUNCH_DIR, readOnly: true },
    ...(spec.localCodeDir ? [{ source: host.localCode, target: spec.localCodeDir, readOnly: false }] : []),
  ];
  return {
    name: containerName(installation, job.id),
    labels: jobLabels(installation, job.id),
    image: spec.image,
    entrypoint: ['/bin/sh', LAUNCHER],
    command: launchArguments(spec, paths),
    env: jobEnvironment(job, settings),
    user: `${WORKLOAD_OWNER.uid}:${WORKLOAD_OWNER.gid}`,
    workingDir: '/',
    hostname: `modelarts-job-${job.id}-${TASK}`,
    mounts,
    network: accountNetworkName(installation, job.accountId),
    // The rendezvous name that distributed launch scripts build must resolve on a single node as well.
    hosts: { [`${virtualJob}-worker-0.${virtualJob}`]: '127.0.0.1' },
    ports: [],
    limits: {
      cpus: spec.flavor.vcpus,
      memoryBytes: spec.flavor.memoryBytes,
      pids: settings.pids,
      shmBytes: Math.floor(spec.flavor.memoryBytes / 2),
      ...(spec.flavor.gpus > 0 ? { gpus: spec.flavor.gpus } : {}),
    },
    stopGraceSeconds: settings.terminateGraceSeconds,
    // The engine keeps more than is collected, so that nothing below the cap is lost when the collector lags or is down.
    logBytes: settings.logCapBytes * 2 + 16 * 1024 * 1024,
  };
}
