import type { TerminalProgram } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import { PLATFORM_DIR, WORKLOAD_OWNER } from '../workload-access/index.ts';
import { containerName } from './job.container.ts';
import { type Job, nodesOf } from './job.model.ts';
import { HOME, JOB_DIR } from './job.paths.ts';
import { taskIndex } from './job.ts';

export type ShellService = ReturnType<typeof shellService>;

/**
 * Cloud Shell: terminals in the containers of running jobs of dedicated pools (behaviour/training.md 12). `read` finds a job or throws.
 */
export function shellService(deps: {
  driver: Pick<RuntimeDriver, 'exec' | 'inspect'>;
  installation: string;
  read(projectId: string, jobId: string): Promise<Job>;
}) {
  function refuse(message: string, solution: string): Failure {
    return new Failure({ code: 'ModelArts.2788', status: 400, message, solution });
  }

  return {
    /** Checks that a terminal can be had now; `start` opens it. Throws Failure when the job does not run, or not in a dedicated pool. */
    async open(projectId: string, jobId: string, task: string): Promise<{ start(): Promise<TerminalProgram> }> {
      const job = await deps.read(projectId, jobId);
      const index = taskIndex(task, nodesOf(job.spec));
      if (!job.spec.pool) {
        throw refuse(
          'Cloud Shell opens in jobs of a dedicated resource pool alone; this job is in the public pool.',
          'Submit the job with spec.resource.pool_id.',
        );
      }
      const name = containerName(deps.installation, job.id, index);
      const check = async () => {
        if (job.phase !== 'Running' || (await deps.driver.inspect(name)).state !== 'running') {
          throw refuse(`${task} of job ${job.id} does not run; it is ${job.phase}.`, 'Wait until the job is Running.');
        }
      };
      await check();
      return {
        async start() {
          await check();
          return deps.driver.exec(name, {
            command: ['/bin/sh', '-c', SHELL],
            env: { TERM: 'xterm-256color', LANG: 'C.UTF-8', HOME, SHELL: '/bin/sh' },
            user: `${WORKLOAD_OWNER.uid}:${WORKLOAD_OWNER.gid}`,
            workingDir: '/',
            tty: true,
          });
        },
      };
    },
  };
}

/** What the platform told the job's own program is told to the terminal too; bash where the image has it. */
const SHELL = `[ -r ${PLATFORM_DIR}/ready.env ] && . ${PLATFORM_DIR}/ready.env
cd ${JOB_DIR} 2>/dev/null || cd /
command -v bash >/dev/null && exec bash -i
exec sh -i`;
