import type { Flavor } from '../flavors/index.ts';
import type { SharedPlace } from '../shared-directories/index.ts';
import type { Progress, Status, Step, StopRule } from './notebook.ts';

/** An image as instances use it. */
export interface NotebookImage {
  id: string;
  /** What the engine knows it by. */
  ref: string;
  /** The image on the wire, as it was when it was chosen. */
  shown: Record<string, unknown>;
}

/** A way in, as users asked for it. */
export interface Endpoint {
  service: 'NOTEBOOK' | 'SSH';
  keyPairs: string[];
  /** Addresses that may use it; empty: all. */
  allowedIps: string[];
}

/** A script that runs inside before or after the web IDE starts. */
export interface Hook {
  /** `COMMAND`: the text itself; `SCRIPT`: an absolute path of the container. */
  type: 'COMMAND' | 'SCRIPT';
  script: string;
}

/** A shared directory in an instance besides its own storage. */
export interface DataVolume {
  /** Of the directory below /data. */
  name: string;
  place: SharedPlace;
}

/** Whether an image has a web IDE; one may be for SSH alone. */
export function servesWeb({ shown }: NotebookImage): boolean {
  const services = shown.dev_services;
  return !Array.isArray(services) || services.includes('NOTEBOOK');
}

export interface NotebookSpec {
  image: NotebookImage;
  flavor: Flavor;
  /** The dedicated pool it runs in. */
  pool: { id: string; name: string } | null;
  /** `shared`: a shared directory stands in for a volume of its own. */
  volume: { category: 'EVS' | 'EFS'; shared?: SharedPlace };
  dataVolumes?: DataVolume[];
  endpoints: Endpoint[];
  hooks: { preStart: Hook | null; postStart: Hook | null };
}

/** A notebook instance. */
export interface Notebook extends Progress {
  id: string;
  projectId: string;
  accountId: string;
  accountName: string;
  workspaceId: string;
  name: string;
  description: string;
  feature: 'DEFAULT' | 'NOTEBOOK';
  userId: string;
  userName: string;
  agency: string;
  /** Who started the present run. */
  startedBy: { id: string; name: string };
  spec: NotebookSpec;
  status: Status;
  failReason: string | null;
  failedAt: Step | null;
  /** Opens the web IDE; a new one for each run. */
  token: string;
  /** Counts the runs. */
  run: number;
  /** Size of the volume as it shall be, in bytes, and as it was last made. */
  volumeBytes: number;
  volumeMadeBytes: number;
  stopRule: StopRule;
  tags: { key: string; value: string }[];
  createdAt: number;
  updatedAt: number;
  /** When it last became usable. */
  startedAt: number | null;
  /** When somebody last worked in it. */
  activeAt: number;
}

export interface NotebookEvent {
  /** Milliseconds since the epoch. */
  time: number;
  level: 'Info' | 'Warning' | 'Error';
  message: string;
}
