import { randomBytes } from 'node:crypto';
import type { AnyOperation, Locators, Route } from '../../http/index.ts';
import { Reconciler } from '../../loop/reconciler.ts';
import { DEFAULT_CODE_LIMITS } from '../algorithms/index.ts';
import { AgencySessions } from '../workload-access/index.ts';
import type { WorkspaceContents } from '../workspaces/index.ts';
import * as catalogOperations from './catalog.api.ts';
import * as jobOperations from './job.api.ts';
import { jobContents } from './job.contents.ts';
import type { TrainingDeps, TrainingSettings } from './job.ports.ts';
import { jobPass } from './job.reconciler.ts';
import { jobRoutes } from './job.routes.ts';
import { JOB_TABLE } from './job.schema.ts';
import { jobService, workloadId } from './job.service.ts';
import { jobStore } from './job.store.ts';
import { discard, sweep } from './job.sweep.ts';
import { canTerminate } from './job.ts';
import * as logOperations from './log.api.ts';
import { logRoutes } from './log.routes.ts';
import { logService } from './log.service.ts';
import * as shellOperations from './shell.api.ts';
import { shellRoutes } from './shell.routes.ts';
import { shellService } from './shell.service.ts';

export type { TrainingDeps, TrainingSettings } from './job.ports.ts';
export { trainingMigrations } from './job.schema.ts';

/** Every operation of training jobs. */
export const trainingOperations: AnyOperation[] = [
  ...Object.values(jobOperations),
  ...Object.values(catalogOperations),
  ...Object.values(logOperations),
  ...Object.values(shellOperations),
];

const DEFAULTS: TrainingSettings = {
  logCapBytes: 200 * 1024 * 1024,
  logRetentionDays: 30,
  uploadPeriodMs: 30_000,
  terminateGraceSeconds: 30,
  credentialSeconds: 24 * 3600,
  pollMs: 1_000,
  sampleMs: 5_000,
  queueCheckMs: 5_000,
  hangMs: 30 * 60_000,
  reissueWaitMs: 30 * 60_000,
  avoidMs: 5 * 60_000,
  jobQuota: 10_000,
  layerBytes: 10 * 1024 ** 3,
  pids: 4096,
  codeLimits: DEFAULT_CODE_LIMITS,
};

const SWEEP_MS = 6 * 3_600_000;
/** Passes at once: a running job is one pass for as long as it runs; admission bounds how many there are. */
const CONCURRENCY = 1_000;

/** What a training job hands on to models. */
interface TrainingOutput {
  /** The job's phase. */
  status: string;
  outputs: { name: string; obsUrl: string }[];
  engine: { engineId: string; engineName: string; engineVersion: string } | undefined;
}

export interface Training {
  routes: Route[];
  locators: Locators;
  contents: WorkspaceContents;
  reconciler: Reconciler;
  /** Leaves pools that are taken away, or nodes of them. */
  occupant: {
    kind: 'training-job';
    /** Ends these workloads: for good where their pool is deleted; else they wait in the queue again. Repeatable. */
    vacate(ids: readonly string[], why: { poolId: string; deleted: boolean; text: string }): Promise<void>;
  };
  /** Cleans up after a predecessor that died, then drives the jobs. */
  start(): Promise<void>;
  /** Lets go of the jobs, which run on. */
  stop(): Promise<void>;
  /** What the job made, or undefined when the project has no such job. */
  output(projectId: string, jobId: string): Promise<TrainingOutput | undefined>;
}

/** The job that a workload of the queue stands for. */
function jobOf(workload: string): string {
  return workload.slice(workloadId('').length);
}

/** The family of training jobs. */
export function createTraining(deps: TrainingDeps): Training {
  const settings: TrainingSettings = { ...DEFAULTS, ...deps.settings };
  const store = jobStore(deps.db);
  const sessions = new AgencySessions(deps.iam, deps.clock, settings.credentialSeconds);
  const parts = { deps, settings, store, sessions };
  const reconciler = new Reconciler(deps, {
    name: 'training-jobs',
    table: JOB_TABLE,
    concurrency: CONCURRENCY,
    pass: jobPass(parts),
  });
  const jobs = jobService({
    deps,
    settings,
    store,
    discard: id => discard(deps.dir, id),
    wake: (id, options) => reconciler.poke(id, options),
  });
  const logs = logService({
    clock: deps.clock,
    dir: deps.dir,
    linkKey: deps.linkKey ?? randomBytes(32),
    settings,
    read: jobs.get,
  });
  const shells = shellService({ driver: deps.driver, installation: deps.installation, read: jobs.get });
  deps.admission.onAdmitted('training-job', workload => {
    const id = jobOf(workload);
    reconciler.poke(id).catch(error => deps.log.error({ err: error, id }, 'admitted job could not be woken'));
  });
  let timer: NodeJS.Timeout | undefined;
  const occupant: Training['occupant'] = {
    kind: 'training-job',
    async vacate(ids, { deleted, text }) {
      for (const id of ids.map(jobOf)) {
        const at = deps.clock.now();
        const changed = deleted
          ? (await store.desire(id, 'terminate', canTerminate, text, at))?.accepted
          : await store.displace(id, { kind: 'preempted', at, why: text });
        if (changed) await reconciler.poke(id, { interrupt: true });
      }
    },
  };
  deps.admission.onPreempted('training-job', workload => {
    const id = jobOf(workload);
    reconciler
      .poke(id, { interrupt: true })
      .catch(error => deps.log.error({ err: error, id }, 'preempted job could not be woken'));
  });
  deps.admission.onLost('training-job', (workload, node) => {
    occupant
      .vacate([workload], { poolId: '', deleted: false, text: `Its node ${node} was taken away.` })
      .catch(error => deps.log.error({ err: error, workload }, 'job could not make way'));
  });

  return {
    occupant,
    routes: [
      ...jobRoutes(jobs, deps.clock),
      ...logRoutes(logs, deps.endpoints.api),
      ...(deps.terminals ? shellRoutes(shells, deps.terminals) : []),
    ],
    contents: jobContents(store, jobs),
    locators: {
      async 'training-job'(id, { projectId }) {
        const job = await store.findInProject(projectId, id);
        return job && { workspaceId: job.workspaceId, ownerId: job.userId };
      },
    },
    reconciler,
    async start() {
      await reconciler.start();
      const run = () => {
        sweep(parts).catch(error => deps.log.error({ err: error }, 'sweep of training jobs failed'));
      };
      run();
      timer = setInterval(run, SWEEP_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      await reconciler.stop();
    },
    async output(projectId, jobId) {
      const job = await store.findInProject(projectId, jobId);
      return (
        job && {
          status: job.phase,
          outputs: job.spec.outputs.map(output => ({
            name: output.name,
            obsUrl: `obs://${output.to.bucket}/${output.to.key}`,
          })),
          engine: job.spec.engine,
        }
      );
    },
  };
}
