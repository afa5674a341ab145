import type { Readable } from 'node:stream';

/**
 * The runtime port: what the platform asks of whatever runs containers. A driver holds no product knowledge; a workload is
 * found again by its name and labels after any process died. Every driver passes `conformance.ts`.
 *
 * Rules for all operations: idempotent where a retry can happen (create, start, stop, remove, ensureNetwork); an engine that
 * cannot be reached throws `EngineUnavailable`, which callers read as *unknown*, never as *absent*.
 */
export interface RuntimeDriver {
  readonly name: string;
  readonly abilities: Abilities;

  /** Asks the engine who it is. Throws EngineUnavailable when it does not answer. */
  ping(): Promise<EngineInfo>;

  /** True when the image is present locally. */
  hasImage(ref: string): Promise<boolean>;
  /** Details of a local image, or undefined. */
  inspectImage(ref: string): Promise<ImageInfo | undefined>;
  /** Makes sure the image is present, pulling it where a registry is configured. Throws Failure with the engine's own reason. */
  ensureImage(ref: string, onProgress?: (line: string) => void): Promise<void>;
  /** Builds `dockerfile` (relative to `contextDir`) as `ref`. Resolves when the image is there; throws with the last output. */
  buildImage(options: BuildOptions): Promise<void>;
  /** Imports a root file system (tar file on this machine) as `ref`. */
  importImage(options: { tarFile: string; ref: string; changes?: string[] }): Promise<void>;
  removeImage(ref: string): Promise<void>;

  /** Makes sure a network exists. Throws EngineRefused where its subnet is taken, or where it is there with another one. */
  ensureNetwork(spec: NetworkSpec): Promise<NetworkInfo>;
  removeNetwork(name: string): Promise<void>;
  /** The subnets that a new network must not overlap, such as `10.0.0.0/24`: the machine's routes, and the engine's networks. */
  usedSubnets(): Promise<string[]>;

  /** Creates the container, not started. Same name and labels: returns the one that exists. */
  create(spec: ContainerSpec): Promise<void>;
  start(name: string): Promise<void>;
  /** What is known of it now. `absent` only when the engine answered that there is none. */
  inspect(name: string): Promise<Observation>;
  /** All containers carrying every one of `labels`. */
  list(labels: Record<string, string>): Promise<Observation[]>;
  /** SIGTERM, then SIGKILL after `graceSeconds`. Resolves when it has ended; harmless when it already has or is absent. */
  stop(name: string, graceSeconds: number): Promise<void>;
  kill(name: string, signal?: string): Promise<void>;
  /** Removes it, running or not; harmless when absent. */
  remove(name: string): Promise<void>;
  /** Resolves with the final observation when the container has exited (or is absent). */
  wait(name: string, signal?: AbortSignal): Promise<Observation>;

  /**
   * The output, stdout and stderr in the order the engine kept them, one chunk per line or part of a line.
   * `since` (nanoseconds since the epoch, as a string of digits): only later lines. `follow`: until the container ends or `signal` aborts.
   */
  logs(name: string, options: LogOptions): AsyncIterable<LogLine>;
  /** One sample of use, or undefined when it does not run. */
  stats(name: string): Promise<Stats | undefined>;
  /** How full its layer is; undefined when there is no such container, or `layerBytes` was not said of it. */
  layerUse(name: string): Promise<LayerUse | undefined>;
  exec(name: string, options: ExecOptions): Promise<ExecSession>;
  /**
   * Saves the container's file system as an image. Mounts are left out, and nothing that the container was started with goes in:
   * command and user are those of its own image, and variables and labels that its image does not set are empty.
   */
  commit(name: string, ref: string): Promise<void>;
}

export interface Abilities {
  /** Accelerators the engine can hand to a container. */
  gpus: number;
  commit: boolean;
  exec: boolean;
  build: boolean;
}

export interface EngineInfo {
  engine: 'podman' | 'docker' | 'fake' | 'kubernetes';
  version: string;
  cpus: number;
  memoryBytes: number;
}

export interface ImageInfo {
  id: string;
  /** All references it is known by on this machine: `registry/path:tag`. */
  names: string[];
  sizeBytes: number;
  user: string;
  labels: Record<string, string>;
  createdAt: number;
  command: string[];
}

export interface BuildOptions {
  contextDir: string;
  dockerfile: string;
  ref: string;
  buildArgs?: Record<string, string>;
  labels?: Record<string, string>;
  /** Nothing but the image is left of the build, such as earlier stages; where the driver can see to that. */
  nothingKept?: boolean;
  onProgress?: (line: string) => void;
}

export interface NetworkSpec {
  name: string;
  labels: Record<string, string>;
  /** No route to the outside world; the host's gateway address stays reachable. */
  internal: boolean;
  /** IPv4 addresses, such as `192.168.128.0/17`; chosen by the driver when absent. */
  subnet?: string;
  /**
   * TCP ports of the gateway's address that containers may reach, besides name resolution; nothing else of the host, where the driver can
   * see to that. When absent: as it was last said of the network, else the driver's own choice.
   */
  hostPorts?: readonly number[];
}

export interface NetworkInfo {
  name: string;
  /** The host's address on this network, where containers reach the platform. May exist only while a container runs on it. */
  gateway: string;
  subnet: string;
}

export interface Mount {
  /** Directory or file of the host. */
  source: string;
  target: string;
  readOnly: boolean;
  /** `rslave`: what the host mounts below the source later appears inside. The source must be a shared mount point of the host. */
  propagation?: 'rslave';
}

export interface ContainerSpec {
  name: string;
  labels: Record<string, string>;
  image: string;
  /** Replaces the image's entrypoint when given. */
  entrypoint?: string[];
  command?: string[];
  env: Record<string, string>;
  /** `uid:gid`. */
  user: string;
  workingDir?: string;
  hostname?: string;
  mounts: Mount[];
  /** Writable memory file systems: target to bytes. */
  tmpfs?: Record<string, number>;
  /** Name of a network made by ensureNetwork, or `none`. */
  network: string;
  /** Further names by which peers on the network find it. */
  networkAliases?: string[];
  /** Extra lines of /etc/hosts: name to address. */
  hosts?: Record<string, string>;
  /** TCP ports that the host must be able to reach; see Observation.endpoints. */
  ports: number[];
  limits: Limits;
  /** Seconds between SIGTERM and SIGKILL when the engine itself stops it. */
  stopGraceSeconds: number;
  /** Bytes of output the engine keeps before it drops the oldest. */
  logBytes: number;
}

export interface Limits {
  cpus: number;
  memoryBytes: number;
  /** Processes and threads. */
  pids: number;
  shmBytes: number;
  gpus?: number;
  /**
   * What it may write to its own file system, outside of its mounts. Where the driver cannot hold it to that, `layerUse` tells how much it
   * has written.
   */
  layerBytes?: number;
}

/** What a container has written to its own file system. */
export interface LayerUse {
  bytes: number;
  limitBytes: number;
  /** Writing more fails; otherwise nothing stops it. */
  enforced: boolean;
}

export type ContainerState = 'absent' | 'created' | 'running' | 'exited';

export interface Observation {
  name: string;
  state: ContainerState;
  labels: Record<string, string>;
  /** Milliseconds since the epoch. */
  startedAt?: number;
  finishedAt?: number;
  /** 0 to 255; 128 + n when a signal n ended it. */
  exitCode?: number;
  /** The kernel killed a process of it for want of memory. Kept after exit. */
  oomKilled?: boolean;
  /** The engine's own words when it could not run it. */
  error?: string;
  /** Where the host reaches each port of the specification. */
  endpoints: Record<number, { host: string; port: number }>;
  /** Address on its network. */
  address?: string;
}

export interface LogOptions {
  since?: string;
  follow: boolean;
  signal?: AbortSignal;
}

export interface LogLine {
  /** Nanoseconds since the epoch, as digits. */
  time: string;
  stream: 'stdout' | 'stderr';
  /** Text without the line feed; bytes that are not UTF-8 are replaced. */
  text: string;
  /** False when the line goes on in the next chunk. */
  complete: boolean;
}

export interface Stats {
  /** Cores in use since the last sample of this container (1.5 = one and a half), -1 when there is no earlier sample. */
  cpus: number;
  memoryBytes: number;
  pids: number;
  /** Processes that the kernel killed for want of memory since it started; absent where that cannot be told. */
  oomKills?: number;
}

export interface ExecOptions {
  command: string[];
  env?: Record<string, string>;
  user?: string;
  workingDir?: string;
  tty?: boolean;
}

export interface ExecSession {
  stdin: NodeJS.WritableStream;
  /** With a terminal everything arrives on stdout. */
  stdout: Readable;
  stderr: Readable;
  resize(columns: number, rows: number): Promise<void>;
  /** Exit code. */
  done: Promise<number>;
  close(): void;
}

/** The engine did not answer: nothing is known. */
export class EngineUnavailable extends Error {
  constructor(engine: string, cause: unknown) {
    super(`The container engine ${engine} does not answer.`, { cause });
    this.name = 'EngineUnavailable';
  }
}

/** The engine refused, for a reason that a retry will not mend. */
export class EngineRefused extends Error {
  constructor(operation: string, reason: string, cause?: unknown) {
    super(`The container engine refused ${operation}: ${reason}`, { cause });
    this.name = 'EngineRefused';
  }
}
