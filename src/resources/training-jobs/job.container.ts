import type { ContainerSpec, Mount } from '../../runtime/driver.ts';
import { CREDENTIALS_FILE, PLATFORM_DIR, WORKLOAD_OWNER } from '../workload-access/index.ts';
import { retryPolicy } from './job.fault.ts';
import { LAUNCHER, launchArguments } from './job.launcher.ts';
import { type Job, nodesOf } from './job.model.ts';
import { containerPaths, HOME, type HostPaths, JOB_DIR, LAUNCH_DIR, LOG_DIR, MOUNT } from './job.paths.ts';
import type { TrainingSettings } from './job.ports.ts';
import { taskName, taskNames } from './job.ts';

/**
 * Name of the container of a job's task, so that it is found again and never made twice. The first task has the job's name alone, as
 * jobs had that ran before there were several.
 */
export function containerName(installation: string, jobId: string, index = 0): string {
  return `atelier-${installation}-training-job-${jobId}${index === 0 ? '' : `-${taskName(index)}`}`;
}

/** Labels by which all containers of this installation's jobs are found. */
export function jobLabels(installation: string, jobId?: string): Record<string, string> {
  return {
    'atelier.installation': installation,
    'atelier.kind': 'training-job',
    ...(jobId ? { 'atelier.id': jobId } : {}),
  };
}

/** The name by which the tasks of a job find each other, and the domain of their names. */
function virtualJob(jobId: string): string {
  return `ma-job-${jobId}`;
}

/** The names of a job's tasks on its network, in the order of the tasks (behaviour/training.md 5). */
export function workerHosts(jobId: string, nodes: number): string[] {
  const name = virtualJob(jobId);
  return taskNames(nodes).map(task => `${name}-${task}.${name}`);
}

/** The variables of behaviour/training.md 5 that do not depend on where the platform is reached. */
function jobEnvironment(job: Job, index: number, settings: Pick<TrainingSettings, 'pip'>): Record<string, string> {
  const { spec } = job;
  const paths = containerPaths(spec);
  const nodes = nodesOf(spec);
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
    MA_NUM_HOSTS: String(nodes),
    MA_NUM_GPUS: String(spec.flavor.gpus),
    MA_TASK_NAME: 'worker',
    VC_TASK_INDEX: String(index),
    VC_WORKER_NUM: String(nodes),
    VC_WORKER_HOSTS: workerHosts(job.id, nodes).join(','),
    MA_CURRENT_INSTANCE_NAME: `modelarts-job-${job.id}-${taskName(index)}`,
    MA_VJ_NAME: virtualJob(job.id),
    MA_DETECT_TRAIN_INJECT_CODE: retryPolicy(spec.annotations).most > 0 ? '1' : '0',
    MA_CREDENTIALS_FILE: CREDENTIALS_FILE,
    MA_PROJECT_ID: job.projectId,
    S3_VERIFY_SSL: '0',
    S3_USE_HTTPS: '0',
    PYTHONUNBUFFERED: '1',
    PIP_BREAK_SYSTEM_PACKAGES: '1',
    OMP_NUM_THREADS: String(Math.max(Math.floor(spec.flavor.vcpus), 1)),
    // Without it a library may choose the loopback interface, where no other node is.
    ...(nodes > 1 ? { NCCL_SOCKET_IFNAME: 'eth0', GLOO_SOCKET_IFNAME: 'eth0' } : {}),
    ...(settings.pip ? { MA_PIP_URL: settings.pip.url, MA_PIP_HOST: settings.pip.host } : {}),
    ...byEnv(spec.inputs, paths.inputs),
    ...byEnv(spec.outputs, paths.outputs),
    ...spec.environments,
  };
}

/** The container of a job's task on `network`. Everything in it follows from the job, so making it again makes the same. */
export function jobContainer(
  job: Job,
  index: number,
  host: HostPaths,
  place: { installation: string; network: string; volumes: readonly Mount[] },
  settings: TrainingSettings,
): ContainerSpec {
  const { spec } = job;
  const paths = containerPaths(spec);
  const nodes = nodesOf(spec);
  const ownName = workerHosts(job.id, nodes)[index]!;
  const mounts: Mount[] = [
    { source: host.modelarts, target: MOUNT, readOnly: false },
    { source: host.cache, target: '/cache', readOnly: false },
    { source: host.platform, target: PLATFORM_DIR, readOnly: true },
    { source: host.launch, target: LAUNCH_DIR, readOnly: true },
    ...place.volumes,
    ...(spec.localCodeDir ? [{ source: host.localCode, target: spec.localCodeDir, readOnly: false }] : []),
  ];
  return {
    name: containerName(place.installation, job.id, index),
    labels: { ...jobLabels(place.installation, job.id), 'atelier.task': taskName(index) },
    image: spec.image,
    entrypoint: ['/bin/sh', LAUNCHER],
    command: launchArguments(spec, paths, { index, hosts: workerHosts(job.id, nodes) }),
    env: jobEnvironment(job, index, settings),
    user: `${WORKLOAD_OWNER.uid}:${WORKLOAD_OWNER.gid}`,
    workingDir: '/',
    hostname: `modelarts-job-${job.id}-${taskName(index)}`,
    mounts,
    network: place.network,
    // The rendezvous name that distributed launch scripts build must resolve on a single node as well.
    ...(nodes === 1 ? { hosts: { [ownName]: '127.0.0.1' } } : { networkAliases: [ownName, ownName.split('.')[0]!] }),
    ports: [],
    limits: {
      cpus: spec.flavor.vcpus,
      memoryBytes: spec.flavor.memoryBytes,
      pids: settings.pids,
      shmBytes: Math.floor(spec.flavor.memoryBytes / 2),
      layerBytes: settings.layerBytes,
      ...(spec.flavor.gpus > 0 ? { gpus: spec.flavor.gpus } : {}),
    },
    stopGraceSeconds: settings.terminateGraceSeconds,
    // The engine keeps more than is collected, so that nothing below the cap is lost when the collector lags or is down.
    logBytes: settings.logCapBytes * 2 + 16 * 1024 * 1024,
  };
}
