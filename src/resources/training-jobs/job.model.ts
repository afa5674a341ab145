import type { BootForm, Parameter, StoragePath } from '../algorithms/index.ts';
import type { Flavor } from '../flavors/index.ts';
import type { Desired, Phase, Result, SecondaryPhase, Step } from './job.ts';

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
  autoStopHours?: number | undefined;
  logExport?: StoragePath | undefined;
  annotations: Record<string, string>;
  /** Members that are kept and shown as they came. */
  echo: { schedule_policy?: unknown; notification?: unknown; policies?: unknown; summary?: unknown };
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
  step: Step;
  desired: Desired;
  phase: Phase;
  secondaryPhase: SecondaryPhase;
  result: Result | null;
  /** Why the job was asked to stop, when not by a user. */
  stopReason: string | null;
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
