import type { Admission } from '../../admission/index.ts';
import type { Terminals } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Algorithms, CodeLimits, EngineCatalog } from '../algorithms/index.ts';
import type { Flavor } from '../flavors/index.ts';
import type { ObjectService } from '../objects/index.ts';
import type { PoolsPort } from '../pools/index.ts';
import type { SharedDirectories } from '../shared-directories/index.ts';
import type { AgencyIam } from '../workload-access/index.ts';
import type { Admit } from '../workspaces/index.ts';

/** One preset engine of the catalog. */
export interface Engine {
  engineId: string;
  engineName: string;
  engineVersion: string;
  imageRef: string;
  /** What the image really holds: package to version. */
  contains?: unknown;
}

/** What training asks of the parts around it. */
export interface TrainingDeps {
  db: Database;
  clock: Clock;
  log: Log;
  objects: Pick<ObjectService, 'bucket' | 'head' | 'list' | 'walk' | 'download' | 'upload' | 'put'>;
  iam: AgencyIam;
  authorizations: { agencyFor(principal: Principal, projectId: string): Promise<string> };
  algorithms: Pick<Algorithms, 'get'>;
  /** No quotas when absent. */
  workspaces?: { admit: Admit };
  images: EngineCatalog & {
    engines(): readonly Engine[];
    /** The engine's reference of an image that the caller names and may use, or undefined. Throws EngineUnavailable. */
    reference(principal: Principal, projectId: string, text: string): Promise<string | undefined>;
  };
  admission: Pick<
    Admission,
    'submit' | 'release' | 'status' | 'list' | 'onAdmitted' | 'onPreempted' | 'onLost' | 'fits'
  >;
  /** The dedicated pools; none when absent. */
  pools?: PoolsPort | undefined;
  flavors: { list(): readonly Flavor[]; find(id: string): Flavor | undefined };
  driver: RuntimeDriver;
  shared: SharedDirectories;
  /** Opens the platform to the containers of a network, whose gateway address this is. */
  platform: { ensureReachable(gateway: string): Promise<{ api: string; obs: string }> };
  /** Region shown to S3 clients inside the jobs. */
  region: string;
  /** Offers terminals in running tasks; none are to be had when absent. */
  terminals?: Pick<Terminals, 'offer'>;
  /** Public addresses, for links to logs. */
  endpoints: { api: string };
  /** Directory of this family's files. */
  dir: string;
  /** Short id of this installation, part of every container's name. */
  installation: string;
  /** Key of the signatures in log links; random when absent, so that links end with the process. */
  linkKey?: Buffer | undefined;
  settings?: Partial<TrainingSettings> | undefined;
}

export interface TrainingSettings {
  /** Bytes of log kept per task. */
  logCapBytes: number;
  /** Days a log is kept after its job ended. */
  logRetentionDays: number;
  /** Milliseconds between uploads of the outputs while a job runs. */
  uploadPeriodMs: number;
  /** Seconds between SIGTERM and SIGKILL. */
  terminateGraceSeconds: number;
  /** Life of the temporary credentials given to a job; they are renewed at half of it. */
  credentialSeconds: number;
  /** Milliseconds between looks at a running job. */
  pollMs: number;
  /** Milliseconds between samples of its use. */
  sampleMs: number;
  /** Milliseconds between looks of a queued job, beside the hint it gets on admission. */
  queueCheckMs: number;
  /** Milliseconds without output, change of outputs or use of the processor after which a job is said to hang. */
  hangMs: number;
  /** Milliseconds that a re-issued job waits before it gives up, and after which it takes a node that it avoided. */
  reissueWaitMs: number;
  avoidMs: number;
  /** Jobs an account may have. */
  jobQuota: number;
  /** What a task may write to its own file system, outside of its directories, in bytes. */
  layerBytes: number;
  /** Processes and threads of a job. */
  pids: number;
  codeLimits: CodeLimits;
  /** Package mirror that jobs can reach; without it only wheels in the code directory can be installed. */
  pip?: { url: string; host: string } | undefined;
}
