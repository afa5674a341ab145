import type { Admission } from '../../admission/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Flavor } from '../flavors/index.ts';
import type { Image, SaveRequest } from '../images/index.ts';
import type { KeyPairs } from '../key-pairs/index.ts';
import type { ObjectService } from '../objects/index.ts';
import type { PoolsPort } from '../pools/index.ts';
import type { SharedDirectories } from '../shared-directories/index.ts';
import type { AgencyIam } from '../workload-access/index.ts';
import type { Admit } from '../workspaces/index.ts';
import type { ContainerPart } from './container-part.ts';
import type { Notebook, NotebookImage } from './notebook.model.ts';
import type { SshProbe } from './ssh.probe.ts';
import type { Mounter } from './storage.mounter.ts';
import type { Volumes } from './volumes.ts';

/** Ports of this machine by which instances are reached, by SSH or by browsers. */
export interface NotebookPorts {
  /** Address that listens. */
  host: string;
  /** Ports that instances are given, each its own. */
  first: number;
  last: number;
}

/** What notebook instances ask of the parts around them. */
export interface NotebooksDeps {
  db: Database;
  clock: Clock;
  log: Log;
  iam: AgencyIam;
  authorizations: { agencyFor(principal: Principal, projectId: string): Promise<string> };
  /** No quotas when absent. */
  workspaces?: { admit: Admit };
  images: {
    /** The image of that id that instances of the project and workspace may run; undefined when there is none. */
    forNotebook(
      principal: Principal,
      scope: { projectId: string; workspaceId: string },
      id: string,
    ): Promise<NotebookImage | undefined>;
    /** Takes in the saving of an instance as an image, which is done in the background. Throws Failure. */
    save(principal: Principal, request: SaveRequest): Promise<Image>;
  };
  /** There are no dedicated pools when absent. */
  pools?: PoolsPort;
  /** Key pairs by which SSH lets people in, and the ports for it; without, every way in over SSH is refused (6789). */
  ssh?: NotebookPorts & { publicKeys: KeyPairs['publicKeys'] };
  /** What other parts of the platform put into the container of an instance. */
  parts?: readonly ContainerPart[];
  admission: Pick<
    Admission,
    'submit' | 'release' | 'status' | 'list' | 'onAdmitted' | 'onPreempted' | 'onLost' | 'fits'
  >;
  flavors: { list(): readonly Flavor[]; find(id: string): Flavor | undefined };
  driver: RuntimeDriver;
  volumes: Volumes;
  shared: SharedDirectories;
  objects: Pick<ObjectService, 'bucket' | 'list'>;
  /** Mounts directories of the object store; rclone when absent. */
  mounter?: Mounter;
  /** Opens the platform to the containers of a network, whose gateway address this is. */
  platform: { ensureReachable(gateway: string): Promise<{ api: string; obs: string }> };
  /** Why an image of the platform's own is not there yet, if it is being prepared. */
  preparing?(ref: string): string | undefined;
  /** Whether the web IDE of an instance answers, and what it is doing; by HTTP when absent. */
  probe?: Probe;
  /** Whether the SSH server of an instance answers; by its greeting when absent. */
  probeSsh?: SshProbe;
  /** Region shown to S3 clients inside. */
  region: string;
  /** Addresses of the proxy, such as `http://127.0.0.1:7084` or `https://*.notebooks.example.com`, and of the object store for this machine; read when they are needed. */
  endpoints: { notebooks: string; obs: string };
  /**
   * Ports that web IDEs are given, each its own, so that each has an origin of its own; without, all share the origin of `endpoints.notebooks`,
   * unless that has a star.
   */
  webPorts?: NotebookPorts;
  /** Host names besides that of the address by which browsers may come, such as `localhost`. */
  hosts?: readonly string[];
  /** Whether they may come by any IP address. */
  anyAddress?: boolean;
  /** From which the secrets between proxy, browser and web IDE follow. */
  key: Buffer;
  /** Directory of this family's files. */
  dir: string;
  /** Short id of this installation, part of every container's name. */
  installation: string;
  settings?: Partial<NotebookSettings> | undefined;
}

/** What the web IDE says of itself. */
export interface Activity {
  /** When somebody last worked in it, in milliseconds since the epoch; 0 when never. */
  activeAt: number;
  /** A kernel computes. */
  busy: boolean;
}

/** Asks the web IDE at an address; undefined when it does not answer. */
export type Probe = (
  notebook: Pick<Notebook, 'id'>,
  at: { host: string; port: number },
  secret: string,
  signal: AbortSignal,
) => Promise<Activity | undefined>;

export interface NotebookSettings {
  /** Instances an account may have. */
  quota: number;
  /** Bounds of the time after which an instance stops, in milliseconds. */
  shortestRunMs: number;
  longestRunMs: number;
  defaultRunMs: number;
  /** Milliseconds between looks at a running instance. */
  pollMs: number;
  /** Milliseconds between looks at its memory, and at its disk. */
  memoryMs: number;
  diskMs: number;
  /** Milliseconds between questions to the web IDE. */
  probeMs: number;
  /** Milliseconds between looks of a queued instance, beside the hint it gets on admission. */
  queueCheckMs: number;
  /** Longest that the web IDE may take to come up, hooks included. */
  readyMs: number;
  /** Seconds between SIGTERM and SIGKILL. */
  graceSeconds: number;
  /** Life of the temporary credentials given to an instance; they are renewed at half of it. */
  credentialSeconds: number;
  /** What an instance may write outside of its storage, in bytes; gone when it stops. */
  layerBytes: number;
  /** Processes and threads of an instance. */
  pids: number;
  /** How long the end of a mount waits for what was written to reach the object store; half a minute when absent. */
  flushMs?: number;
  /** Whether JupyterLab is the web IDE of images that hold it. */
  jupyterLab: boolean;
  /** Bytes of output kept. */
  logBytes: number;
}
