import type { BootForm, Parameter, StoragePath } from '../algorithms/index.ts';
import type { Flavor } from '../flavors/index.ts';
import type { SharedPlace } from '../shared-directories/index.ts';
import type { Recovery } from './job.fault.ts';
import type { Desired, Halt, Phase, Result, SecondaryPhase, Step } from './job.ts';

export interface JobInput {
  name: string;
  description: string;
  accessMethod: 'parameter' | 'env';
  /** As the user wrote it. */
  url: string;
  from: StoragePath;
}

export interface JobOutput {
  name: string;
  description: string;
  accessMethod: 'parameter' | 'env';
  url: string;
  to: StoragePath;
  prefetch: boolean;
}

/** A shared directory in the containers of a job. */
export interface JobVolume {
  place: SharedPlace;
  localPath: string;
}

/** How many nodes a job has. */
export function nodesOf(spec: Pick<JobSpec, 'nodeCount'>): number {
  return spec.nodeCount ?? 1;
}

/** Everything a job was asked to be, resolved at submission; never changed afterwards. */
export interface JobSpec {
  form: BootForm;
  image: string;
  engine?: { engineId: string; engineName: string; engineVersion: string } | undefined;
  /** engine.image_url as given. */
  imageUrl?: string | undefined;
  algorithm?: { id: string; name: string } | undefined;
  code?: { url: string; from: StoragePath; name: string } | undefined;
  /** As given, and relative to the code directory. */
  bootFile?: { url: string; relative: string } | undefined;
  command?: string | undefined;
  parameters: Parameter[];
  inputs: JobInput[];
  outputs: JobOutput[];
  environments: Record<string, string>;
  localCodeDir?: string | undefined;
  workingDir?: string | undefined;
  flavor: Flavor;
  /** Nodes, each with one task; one when absent. */
  nodeCount?: number | undefined;
  /** The dedicated pool it runs in; the public one when absent. */
  pool?: { id: string; name: string } | undefined;
  preemptible?: boolean | undefined;
  autoStopHours?: number | undefined;
  volumes?: JobVolume[] | undefined;
  logExport?: StoragePath | undefined;
  annotations: Record<string, string>;
  /** Members that are kept and shown as they came. */
  echo: {
    schedule_policy?: object | undefined;
    notification?: unknown;
    policies?: unknown;
    summary?: unknown;
    ssh?: object | undefined;
  };
}

/** One task of the attempt under way, or of the last one. */
export interface JobTask {
  /** Name of its node in the pool, where that is known. */
  node?: string | undefined;
  /** Its address on the job's network. */
  ip?: string | undefined;
  startedAt?: number | undefined;
  exitedAt?: number | undefined;
  exitCode?: number | undefined;
  exitMessage?: string | undefined;
  /** Its container is gone, or never ran. */
  lost?: boolean | undefined;
  /** Its pre-check failed. */
  unfit?: boolean | undefined;
}

/** An attempt that ended and was followed by another. Times in milliseconds. */
export interface RunRecord {
  admittedAt: number | null;
  startAt: number;
  endAt: number;
  reason: string;
  task?: string | undefined;
  recover: Recovery;
}

export interface Job {
  id: string;
  projectId: string;
  accountId: string;
  workspaceId: string;
  name: string;
  description: string;
  kind: string;
  userId: string;
  userName: string;
  agency: string;
  spec: JobSpec;
  /** 1 to 3; may change while it waits. */
  priority: 1 | 2 | 3;
  /** The priority with which the queue knows it. */
  queuedPriority: number | null;
  step: Step;
  desired: Desired;
  phase: Phase;
  secondaryPhase: SecondaryPhase;
  result: Result | null;
  /** Why the job was asked to stop, when not by a user. */
  stopReason: string | null;
  /** Why its tasks are to end although nobody stopped the job. */
  halt: Halt | null;
  /** As many as it has nodes, once it was admitted. */
  tasks: JobTask[];
  /** Earlier attempts, oldest first. */
  records: RunRecord[];
  /** How many of them count as retries. */
  retries: number;
  /** It goes to the front of the queue, as it was the victim of a fault. */
  reissued: boolean;
  /** Nodes on which it failed. */
  avoid: string[];
  exitCode: number | null;
  exitMessage: string | null;
  /** Why it ended as it did, for people. */
  message: string | null;
  createdAt: number;
  queuedAt: number | null;
  admittedAt: number | null;
  stagedAt: number | null;
  startedAt: number | null;
  exitedAt: number | null;
  endedAt: number | null;
}

export interface JobEvent {
  time: number;
  level: 'Info' | 'Warning' | 'Error';
  source: 'Job' | 'Task' | 'K8S';
  message: string;
}
