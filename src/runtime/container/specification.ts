import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { type ContainerSpec, EngineRefused } from '../driver.ts';

/** What the translation must know about the engine. */
export interface EngineTraits {
  engine: 'podman' | 'docker';
  /** True when ports are reached through 127.0.0.1 of the host rather than at the container's address. */
  publish: boolean;
  labelPrefix: string;
  nofile: number;
  nproc: number;
}

/** Name of the label in which the driver keeps the ports of the specification. */
export const portsLabel = (prefix: string) => `${prefix}.runtime.ports`;

/** Name of the label in which the driver keeps the limit of the container's layer, in bytes. */
export const layerLabel = (prefix: string) => `${prefix}.runtime.layer`;

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** Refuses names that could mean something else in a path of the API. */
export function checkName(name: string): void {
  if (!NAME.test(name)) throw new EngineRefused('the name', `"${name}" is not a valid container name`);
}

/**
 * The body of `POST /containers/create` for `spec`. A tenant's code runs in it, so: no capability, no way to gain one, bounded
 * processes, files, memory and shared memory, no swap, the engine's default seccomp profile and masked paths, never privileged.
 */
export function createBody(spec: ContainerSpec, traits: EngineTraits): Docker.ContainerCreateOptions {
  checkName(spec.name);
  const { limits } = spec;
  const body: Docker.ContainerCreateOptions & { HostConfig: Docker.HostConfig & { CgroupnsMode: string } } = {
    name: spec.name,
    Image: spec.image,
    User: spec.user,
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    Labels: {
      ...spec.labels,
      [portsLabel(traits.labelPrefix)]: spec.ports.join(','),
      ...(limits.layerBytes ? { [layerLabel(traits.labelPrefix)]: String(limits.layerBytes) } : {}),
    },
    StopTimeout: spec.stopGraceSeconds,
    HostConfig: {
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      PidsLimit: limits.pids,
      ShmSize: limits.shmBytes,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      CgroupnsMode: 'private',
      RestartPolicy: { Name: 'no' },
      // An init as process 1 hands signals on (a bare program as process 1 ignores SIGTERM) and reaps orphans.
      Init: true,
      NetworkMode: spec.network,
      LogConfig: {
        Type: traits.engine === 'podman' ? 'k8s-file' : 'json-file',
        Config: {
          'max-size': String(spec.logBytes),
          ...(traits.engine === 'docker' ? { 'max-file': '2' } : {}),
        } as Record<string, string>,
      },
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'nofile', Soft: traits.nofile, Hard: traits.nofile },
        { Name: 'nproc', Soft: traits.nproc, Hard: traits.nproc },
      ],
      Mounts: spec.mounts.map(mount => ({
        Type: 'bind' as const,
        Source: mountPath(mount.source),
        Target: mountPath(mount.target),
        ReadOnly: mount.readOnly,
        ...(mount.propagation ? { BindOptions: { Propagation: mount.propagation } } : {}),
      })),
      Tmpfs: Object.fromEntries(
        Object.entries(spec.tmpfs ?? {}).map(([target, bytes]) => [
          mountPath(target),
          `rw,nosuid,nodev,mode=1777,size=${bytes}`,
        ]),
      ),
      ExtraHosts: Object.entries(spec.hosts ?? {}).map(([host, address]) => `${host}:${address}`),
    },
  };
  if (spec.entrypoint !== undefined) body.Entrypoint = spec.entrypoint;
  if (spec.command !== undefined) body.Cmd = spec.command;
  if (spec.workingDir !== undefined) body.WorkingDir = spec.workingDir;
  if (spec.hostname !== undefined) body.Hostname = spec.hostname;
  if (spec.network !== 'none') {
    body.NetworkingConfig = { EndpointsConfig: { [spec.network]: { Aliases: spec.networkAliases ?? [] } } };
  }
  if (traits.publish && spec.network !== 'none') {
    body.ExposedPorts = Object.fromEntries(spec.ports.map(port => [`${port}/tcp`, {}]));
    body.HostConfig.PortBindings = Object.fromEntries(
      spec.ports.map(port => [`${port}/tcp`, [{ HostIp: '127.0.0.1', HostPort: '' }]]),
    );
  }
  if (limits.gpus) requestGpus(body, limits.gpus, traits.engine);
  return body;
}

function requestGpus(body: { HostConfig: Docker.HostConfig }, count: number, engine: EngineTraits['engine']): void {
  if (engine === 'docker') {
    body.HostConfig.DeviceRequests = [{ Driver: 'nvidia', Count: count, Capabilities: [['gpu']] }];
    return;
  }
  // Podman hands out accelerators by their names in the Container Device Interface.
  body.HostConfig.Devices = Array.from({ length: count }, (_, index) => ({
    PathOnHost: `nvidia.com/gpu=${index}`,
    PathInContainer: '',
    CgroupPermissions: '',
  }));
}

/** Podman turns a mount into a comma-separated option, so a comma in a path would add options of the writer's choice. */
function mountPath(path: string): string {
  if (!path.startsWith('/') || /[,\n\0]/.test(path) || path.split('/').includes('..')) {
    throw new EngineRefused('the mount', `"${path}" must be an absolute path without "..", commas or line feeds`);
  }
  return path;
}

/**
 * Limits on open files and processes that an engine without CAP_SYS_RESOURCE may hand on: its own hard limits. The count of
 * processes is per user id and shared by all containers, so it is as high as it can be; `PidsLimit` is what bounds a container.
 */
export function hostUlimits(limitsFile = '/proc/self/limits'): { nofile: number; nproc: number } {
  let text = '';
  try {
    text = readFileSync(limitsFile, 'utf8');
  } catch {
    // Not Linux: the engine runs elsewhere and its defaults hold.
  }
  const hard = (name: string, ceiling: number) => {
    const value = new RegExp(`^${name}\\s+\\S+\\s+(\\d+)`, 'm').exec(text)?.[1];
    return value === undefined ? ceiling : Math.min(Number(value), ceiling);
  };
  // Podman lowers its own limit on processes to 32,768.
  return { nofile: hard('Max open files', 20_000), nproc: hard('Max processes', 32_768) };
}
