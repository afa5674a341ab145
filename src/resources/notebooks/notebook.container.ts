import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerSpec } from '../../runtime/driver.ts';
import { CREDENTIALS_FILE, ownedDirectory, PLATFORM_DIR, WORKLOAD_OWNER } from '../workload-access/index.ts';
import type { ContainerPart } from './container-part.ts';
import { LAUNCHER_SCRIPT, launchArguments } from './notebook.launcher.ts';
import { type Notebook, servesWeb } from './notebook.model.ts';
import { HOME, hostPaths, LAUNCH_DIR, WEB_PORT } from './notebook.paths.ts';
import type { NotebookSettings } from './notebook.ports.ts';

/** Name of an instance's container: the same at every run, so that it is found again and never made twice. */
export function containerName(installation: string, id: string): string {
  return `atelier-${installation}-notebook-${id}`;
}

/** Labels by which all containers of this installation's instances are found. */
export function notebookLabels(installation: string, id?: string): Record<string, string> {
  return {
    'atelier.installation': installation,
    'atelier.kind': 'notebook',
    ...(id ? { 'atelier.id': id } : {}),
  };
}

/** The id under which the queue knows an instance. */
export function workloadId(id: string): string {
  return `notebook/${id}`;
}

/** Writes what the container starts by. Repeatable. */
export async function prepareLaunch(notebook: Notebook, dir: string, parts: readonly ContainerPart[]): Promise<void> {
  const host = hostPaths(dir, notebook.id);
  await mkdir(host.root, { recursive: true, mode: 0o700 });
  // What an earlier run was told must not be taken for the word on this one.
  await rm(host.platform, { recursive: true, force: true });
  await rm(host.launch, { recursive: true, force: true });
  await ownedDirectory(host.platform, 0o700);
  await mkdir(host.launch, { recursive: true });
  await writeFile(join(host.launch, 'launch.sh'), LAUNCHER_SCRIPT, { mode: 0o755 });
  const { preStart, postStart } = notebook.spec.hooks;
  for (const [name, hook] of [['pre_start', preStart] as const, ['post_start', postStart] as const]) {
    if (hook?.type === 'COMMAND') await writeFile(join(host.launch, `${name}.hook`), hook.script, { mode: 0o755 });
  }
  for (const part of parts) {
    await part.prepare?.(notebook, host);
    const script = part.startScript?.(notebook);
    if (script) await writeFile(join(host.launch, `${part.name}.part.sh`), script, { mode: 0o755 });
  }
}

/** The container of an instance. Everything in it follows from the instance, so making it again makes the same. */
export function notebookContainer(
  notebook: Notebook,
  at: { dir: string; work: string; network: string; installation: string; parts: readonly ContainerPart[] },
  settings: NotebookSettings,
): ContainerSpec {
  const { flavor } = notebook.spec;
  const host = hostPaths(at.dir, notebook.id);
  return {
    name: containerName(at.installation, notebook.id),
    labels: { ...notebookLabels(at.installation, notebook.id), 'atelier.run': String(notebook.run) },
    image: notebook.spec.image.ref,
    entrypoint: ['/bin/sh', `${LAUNCH_DIR}/launch.sh`],
    command: launchArguments(notebook.spec.hooks),
    env: {
      HOME,
      USER: 'ma-user',
      SHELL: '/bin/bash',
      LANG: 'C.UTF-8',
      MA_HOME: HOME,
      MA_CREDENTIALS_FILE: CREDENTIALS_FILE,
      MA_PROJECT_ID: notebook.projectId,
      MA_NOTEBOOK_ID: notebook.id,
      // In memory: what lies there opens the web IDE and its kernels, and must not get into an image that is saved.
      JUPYTER_RUNTIME_DIR: '/dev/shm/jupyter',
      S3_VERIFY_SSL: '0',
      S3_USE_HTTPS: '0',
      PIP_BREAK_SYSTEM_PACKAGES: '1',
      OMP_NUM_THREADS: String(Math.max(Math.floor(flavor.vcpus), 1)),
      ...(servesWeb(notebook.spec.image) ? {} : { MA_WITHOUT_WEB: '1' }),
      ...(settings.jupyterLab ? {} : { MA_CLASSIC_NOTEBOOK: '1' }),
      ...Object.assign({}, ...at.parts.map(part => part.environment?.(notebook) ?? {})),
    },
    user: `${WORKLOAD_OWNER.uid}:${WORKLOAD_OWNER.gid}`,
    workingDir: HOME,
    hostname: `notebook-${notebook.id.slice(0, 8)}`,
    mounts: [
      { source: at.work, target: `${HOME}/work`, readOnly: notebook.spec.volume.shared?.readOnly ?? false },
      { source: host.platform, target: PLATFORM_DIR, readOnly: true },
      { source: host.launch, target: LAUNCH_DIR, readOnly: true },
      ...at.parts.flatMap(part => part.mounts?.(notebook, host) ?? []),
    ],
    network: at.network,
    ports: [WEB_PORT, ...at.parts.flatMap(part => part.ports?.(notebook) ?? [])],
    limits: {
      cpus: flavor.vcpus,
      memoryBytes: flavor.memoryBytes,
      pids: settings.pids,
      shmBytes: Math.floor(flavor.memoryBytes / 2),
      layerBytes: settings.layerBytes,
      ...(flavor.gpus > 0 ? { gpus: flavor.gpus } : {}),
    },
    stopGraceSeconds: settings.graceSeconds,
    logBytes: settings.logBytes,
  };
}
